"""Tie-out: what Stripe says is owed and held at the end of a day, against what QBO says.

Both sides are computed from the systems' own objects, not from the mapping or the links (these only tell which QBO
customer is which Stripe customer), so that a wrong posting cannot hide.
"""

from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from wescope.books.calendar import local_date
from wescope.books.policy import AccountRole, Policy
from wescope.books.values import Invoice, InvoiceStatus
from wescope.engine.results import ClearingRow, ParkedRow, ReceivableRow, TieOut
from wescope.errors import QboRefused
from wescope.qbo import wire
from wescope.qbo.client import QboClient
from wescope.qbo.company import Company
from wescope.qbo.records import Record, reference
from wescope.stripe.listing import BalanceRow, StripeListing
from wescope.stripe.parsing import PaymentPart

Receivable = Counter[tuple[str, str]]
"""Owed amounts in minor units by Stripe customer and currency; below zero is a credit."""

_ISSUED = frozenset({InvoiceStatus.OPEN, InvoiceStatus.PAID, InvoiceStatus.UNCOLLECTIBLE, InvoiceStatus.VOID})


@dataclass(frozen=True, slots=True, kw_only=True)
class StripeSide:
    """Stripe's objects that the tie-out is computed from."""

    invoices: Sequence[Invoice]
    parts: Sequence[PaymentPart]
    rows: Sequence[BalanceRow]


def stripe_receivable(side: StripeSide, policy: Policy, as_of: date) -> Receivable:
    """What customers owe at the end of `as_of` in the books' calendar.

    Totals of issued invoices, less money collected for them (whole charges, so that an overpayment is a credit),
    less what was paid outside of Stripe, by credit note before payment, or from the customer's balance.
    """
    owed: Receivable = Counter()
    issued = {invoice.id: invoice for invoice in side.invoices if _stands(invoice, policy, as_of)}
    for invoice in issued.values():
        owed[invoice.customer.id, invoice.currency] += invoice.total - _settled_without_money(invoice)
    charges = {row.payment_intent or row.source: row for row in side.rows if _is_charge(row)}
    by_source: dict[str, list[PaymentPart]] = {}
    for part in side.parts:
        if part.invoice in issued:
            by_source.setdefault(part.source_id, []).append(part)
    paid: Counter[str] = Counter()
    for source_id, parts in by_source.items():
        for part in parts:
            paid[part.invoice] += part.amount
        invoice, charge = issued[parts[0].invoice], charges.get(source_id)
        collected = charge.transaction.amount if charge else sum(part.amount for part in parts)
        moment = charge.transaction.created if charge else parts[0].paid_at
        if moment and local_date(moment, policy.timezone) <= as_of:
            owed[invoice.customer.id, invoice.currency] -= collected
    for invoice in issued.values():
        outside = invoice.amount_paid - paid[invoice.id]
        if outside > 0 and invoice.paid_at and local_date(invoice.paid_at, policy.timezone) <= as_of:
            owed[invoice.customer.id, invoice.currency] -= outside
    return owed


def _stands(invoice: Invoice, policy: Policy, as_of: date) -> bool:
    issued_at = invoice.effective_at or invoice.finalized_at
    if invoice.status not in _ISSUED or issued_at is None:
        return False
    day = local_date(issued_at, policy.timezone)
    if day > as_of or (policy.start_date and day < policy.start_date):
        return False
    if invoice.status is not InvoiceStatus.VOID or invoice.voided_at is None:
        return invoice.status is not InvoiceStatus.VOID
    voided = local_date(invoice.voided_at, policy.timezone)
    same_month = (voided.year, voided.month) == (day.year, day.month)
    return not same_month and voided > as_of


def _settled_without_money(invoice: Invoice) -> int:
    from_balance = 0 if invoice.ending_balance is None else invoice.ending_balance - invoice.starting_balance
    return invoice.pre_payment_credit_notes_amount + from_balance


def _is_charge(row: BalanceRow) -> bool:
    return row.transaction.reporting_category == "charge"


def stripe_clearing(rows: Iterable[BalanceRow], policy: Policy, as_of: date) -> Counter[str]:
    """What Stripe's balance has moved gross by the end of `as_of`, by settlement currency.

    Fees are left out of the rows that carry them: they reach the books with the payout.
    """
    held: Counter[str] = Counter()
    for row in rows:
        day = local_date(row.transaction.created, policy.timezone)
        if day <= as_of and not (policy.start_date and day < policy.start_date):
            held[row.transaction.currency] += row.transaction.amount
    return held


class QboSide:
    """Reads QBO's side of a tie-out."""

    def __init__(self, client: QboClient, company: Company) -> None:
        """Take QBO and its reference data."""
        self._client = client
        self._company = company

    async def receivable(self, customers: Mapping[str, tuple[str, str]], as_of: date) -> Receivable:
        """A/R of the customers at the end of `as_of`, from the transactions that stand in their names.

        `customers` maps QBO's customer id to the Stripe customer and currency.
        """
        owed: Receivable = Counter()
        for entity, sign in (("Invoice", 1), ("Payment", -1), ("CreditMemo", -1)):
            async for record in self._until(entity, as_of):
                key = customers.get(reference(record, "CustomerRef") or "")
                if key:
                    owed[key] += sign * _minor(record, "TotalAmt", key[1])
        return owed

    async def _until(self, entity: str, as_of: date) -> AsyncIterator[Record]:
        for record in await self._client.query_all(entity, f"TxnDate <= '{as_of.isoformat()}'"):
            yield record

    async def clearing(self, currency: str, as_of: date, today: date) -> int:
        """The clearing account at the end of `as_of`: its balance today, less what was posted to it later."""
        account_id = await self._company.account(AccountRole.CLEARING)
        (account,) = await self._client.query_all("Account", f"Id = '{account_id}'")
        balance = _minor(account, "CurrentBalance", currency)
        if as_of >= today:
            return balance
        for record in await self._client.query_all("Payment", f"TxnDate > '{as_of.isoformat()}'"):
            if reference(record, "DepositToAccountRef") == account_id:
                balance -= _minor(record, "TotalAmt", currency)
        return balance


def _minor(record: Record, name: str, currency: str) -> int:
    found = wire.minor(record.get(name), currency)
    if found is None:
        raise QboRefused("An amount in QBO's answer cannot be read.", element=name)
    return found


async def read_stripe(listing: StripeListing) -> StripeSide:
    """All that Stripe has to say, in three lists.

    Raises:
        StripeError: Stripe cannot be read; a tie-out over a part would be none.
    """
    return StripeSide(
        invoices=[invoice async for invoice in listing.invoices()],
        parts=[part async for part in listing.paid_invoice_payments()],
        rows=[row async for row in listing.balance_transactions()],
    )


async def tie_out(
    stripe: StripeSide,
    qbo: QboSide,
    policy: Policy,
    customers: Mapping[str, tuple[str, str]],
    parked: Sequence[ParkedRow],
    *,
    as_of: date,
    at: datetime,
) -> TieOut:
    """Both sides next to each other at the end of `as_of` (books' calendar).

    Raises:
        QboError: QBO cannot be read.
    """
    expected = stripe_receivable(stripe, policy, as_of)
    found = await qbo.receivable(customers, as_of)
    keys = sorted(key for key in {*expected, *found} if expected[key] or found[key])
    held = stripe_clearing(stripe.rows, policy, as_of)
    currencies = sorted({policy.home_currency, *held})
    today = local_date(at, policy.timezone)
    clearing = {policy.home_currency: await qbo.clearing(policy.home_currency, as_of, today)}
    return TieOut.of(
        as_of=as_of,
        at=at,
        receivable=[
            ReceivableRow(
                customer_id=customer_id,
                currency=currency,
                stripe=expected[customer_id, currency],
                qbo=found[customer_id, currency],
                difference=expected[customer_id, currency] - found[customer_id, currency],
            )
            for customer_id, currency in keys
        ],
        clearing=[
            ClearingRow(
                currency=currency,
                stripe=held[currency],
                qbo=clearing.get(currency, 0),
                difference=held[currency] - clearing.get(currency, 0),
            )
            for currency in currencies
        ],
        parked=parked,
    )
