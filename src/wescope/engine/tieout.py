"""Tie-out: what Stripe says is owed and held at the end of a day, against what QBO says.

Both sides are computed from the systems' own objects, not from the mapping or the links (these only tell which QBO
customer is which Stripe customer, and on which day somebody else booked a payout), so that a wrong posting cannot hide.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from wescope.books.policy import Policy
from wescope.books.values import CustomerBalanceTransaction, Invoice, Payout
from wescope.engine.results import BankRow, ClearingRow, ParkedRow, ReceivableRow, TieOut
from wescope.engine.tieout_clearing import arrived, stripe_clearing
from wescope.engine.tieout_qbo import QboSide
from wescope.engine.tieout_stripe import StripeSide, stripe_receivable
from wescope.links.payouts import DepositDay
from wescope.stripe.listing import StripeListing

__all__ = ["Known", "QboSide", "StripeSide", "read_stripe", "tie_out"]

_READS_AT_ONCE = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What only we know.

    `customers` maps QBO's customer id to the Stripe customer and currency. `deposited` says when a payout's
    deposit stands in QBO where that is not its arrival date, `payouts` counts payouts by state.
    """

    customers: Mapping[str, tuple[str, str]]
    parked: Sequence[ParkedRow] = ()
    deposited: Mapping[str, DepositDay] = field(default_factory=dict)
    payouts: Mapping[str, int] = field(default_factory=dict)


async def read_stripe(listing: StripeListing) -> StripeSide:
    """All that Stripe has to say: its lists, the rows of each automatic payout, and the balances that ever moved.

    Raises:
        StripeError: Stripe cannot be read; a tie-out over a part would be none.
    """
    invoices = [invoice async for invoice in listing.invoices()]
    by_hand = await listing.has_manual_payouts()
    payouts = [replace(payout, fees_by_day=by_hand) async for payout in listing.payouts()]
    turn = asyncio.Semaphore(_READS_AT_ONCE)
    moved = await _with_balance(listing, invoices)
    balances = await asyncio.gather(*(_balance(listing, customer, turn) for customer in moved))
    return StripeSide(
        invoices=invoices,
        parts=[part async for part in listing.invoice_payments()],
        charges=[charge async for charge in listing.charges()],
        credit_notes=[note async for note in listing.credit_notes()],
        balances=dict(zip(moved, balances, strict=True)),
        rows=[row async for row in listing.balance_transactions()],
        payouts=await asyncio.gather(*(_with_rows(listing, payout, turn) for payout in payouts)),
        fees_by_day=by_hand,
    )


async def _with_balance(listing: StripeListing, invoices: Iterable[Invoice]) -> list[str]:
    """The customers whose balance is, or once was, not zero as far as lists tell."""
    found = {customer.id async for customer in listing.customers() if customer.balance}
    found |= {
        invoice.customer.id
        for invoice in invoices
        if invoice.customer.id and (invoice.starting_balance or invoice.ending_balance)
    }
    return sorted(found)


async def _balance(
    listing: StripeListing, customer: str, turn: asyncio.Semaphore
) -> tuple[CustomerBalanceTransaction, ...]:
    async with turn:
        return tuple([move async for move in listing.customer_balance(customer)])


async def _with_rows(listing: StripeListing, payout: Payout, turn: asyncio.Semaphore) -> Payout:
    if not payout.automatic:
        return payout
    async with turn:
        return replace(payout, rows=tuple([row async for row in listing.payout_rows(payout.id)]))


async def tie_out(
    stripe: StripeSide, qbo: QboSide, policy: Policy, known: Known, *, as_of: date, at: datetime
) -> TieOut:
    """Both sides next to each other at the end of `as_of` (books' calendar).

    Raises:
        QboError: QBO cannot be read.
        AccountMissing: the company has no clearing account.
    """
    held = stripe_clearing(stripe, policy, as_of, known.deposited)
    in_bank = arrived(stripe, policy, as_of)
    currencies = sorted({policy.home_currency, *held.total, *in_bank})
    clearing = await qbo.clearing(currencies, as_of)
    bank = await qbo.bank(currencies, as_of)
    return TieOut.of(
        as_of=as_of,
        at=at,
        receivable=_receivable(stripe_receivable(stripe, policy, as_of), await qbo.receivable(known.customers, as_of)),
        clearing=[
            ClearingRow(
                currency=currency,
                stripe=held.total[currency],
                qbo=clearing.get(currency, 0),
                difference=held.total[currency] - clearing.get(currency, 0),
                opening=held.opening[currency],
            )
            for currency in currencies
        ],
        bank=[
            BankRow(
                currency=currency,
                stripe=in_bank[currency],
                qbo=bank.get(currency, 0),
                difference=in_bank[currency] - bank.get(currency, 0),
            )
            for currency in currencies
        ],
        parked=known.parked,
        payouts=known.payouts,
    )


def _receivable(expected: Counter[tuple[str, str]], found: Counter[tuple[str, str]]) -> list[ReceivableRow]:
    keys = sorted(key for key in {*expected, *found} if expected[key] or found[key])
    return [
        ReceivableRow(
            customer_id=customer_id,
            currency=currency,
            stripe=expected[customer_id, currency],
            qbo=found[customer_id, currency],
            difference=expected[customer_id, currency] - found[customer_id, currency],
        )
        for customer_id, currency in keys
    ]
