"""What Stripe holds: the gross balance that is not paid out yet, per settlement currency, as dated movements.

Fees are left out of the rows that carry them: they leave the clearing account with the payout, or by day where payouts
are manual (DESIGN.md section 3). Computed from Stripe's rows and payouts alone.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date

from wescope.books.calendar import local_date
from wescope.books.policy import PayoutMode, Policy
from wescope.books.reversal import is_taken_back
from wescope.books.values import BalanceRow, BalanceTransaction, Payout, PayoutStatus
from wescope.engine.tieout_stripe import StripeSide
from wescope.links.payouts import DepositDay

FEE_CATEGORIES = frozenset({"fee", "tax", "network_cost"})
"""Reporting categories of rows that are nothing but a fee: they never pass through clearing by themselves."""

_TOPUPS = frozenset({"topup", "topup_reversal"})

_HELD = frozenset(
    {
        "connect_reserved_funds",
        "payment_network_reserve_hold",
        "payment_network_reserve_release",
        "payout_minimum_balance_hold",
        "payout_minimum_balance_release",
        "reserve_hold",
        "reserve_release",
        "risk_reserved_funds",
    }
)
"""Reporting categories of money that Stripe keeps back: it is still ours, so it stays in clearing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """What comes into an account (or leaves it, below zero) on a day, in minor units of a settlement currency.

    `key` is the document that books it, as far as Stripe's objects tell, `stripe_id` the row, payout or source that
    moves it, `about` others that it is about.
    """

    currency: str
    amount: int
    day: date
    stripe_id: str
    key: str
    about: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What Stripe holds gross, by settlement currency; `opening` is what of it was there before the start date."""

    total: Counter[str]
    opening: Counter[str]


def stripe_clearing(
    side: StripeSide, policy: Policy, as_of: date, deposited: Mapping[str, DepositDay] | None = None
) -> Held:
    """The unpaid gross balance at the end of `as_of`.

    Money from before the start date is part of it: it stands in the clearing account's opening balance, and later
    payouts take it out.

    Args:
        side: Stripe's rows, and its payouts with their rows.
        policy: the company's choices; rows are dated in its time zone.
        as_of: a day of the books' calendar.
        deposited: by payout, the day of its deposit in QBO where that is not the arrival date. Somebody else's is net:
            the fees leave on the arrival date all the same.
    """
    total: Counter[str] = Counter()
    opening: Counter[str] = Counter()
    for moved in clearing_movements(side, policy, deposited or {}):
        if moved.day <= as_of:
            total[moved.currency] += moved.amount
        if policy.start_date and moved.day < policy.start_date:
            opening[moved.currency] += moved.amount
    return Held(total=total, opening=opening)


def stands(payout: Payout) -> bool:
    """Whether the money arrived at the bank: it is paid, or it failed (or was canceled) only afterwards.

    Stripe may show a payout as paid before its bank refuses it (facts/stripe.md 2.8).
    """
    if payout.status is PayoutStatus.PAID:
        return True
    failure = payout.failure_balance_transaction
    return failure is not None and failure.created.astimezone(UTC).date() >= payout.arrival_date


def arrived(side: StripeSide, policy: Policy, as_of: date) -> Counter[str]:
    """What moved between Stripe and the bank accounts by the end of `as_of`, since the start date, by currency.

    Payouts less those that came back, and less what the bank accounts topped up.
    """
    found: Counter[str] = Counter()
    for moved in bank_movements(side, policy):
        if moved.day <= as_of:
            found[moved.currency] += moved.amount
    return found


def bank_movements(side: StripeSide, policy: Policy) -> Iterator[Moved]:
    """What moved between Stripe and the bank accounts since the start date."""
    for moved in _at_the_bank(side, policy):
        if policy.start_date is None or moved.day >= policy.start_date:
            yield moved


def _at_the_bank(side: StripeSide, policy: Policy) -> Iterator[Moved]:
    for row in side.rows:
        transaction = row.transaction
        if transaction.reporting_category in _TOPUPS - set(policy.categories):
            yield Moved(
                currency=transaction.currency,
                amount=-transaction.amount,
                day=local_date(transaction.created, policy.timezone),
                stripe_id=row.source or transaction.id,
                key=f"{transaction.id}:journal_entry",
            )
    for payout in side.payouts:
        failure = payout.failure_balance_transaction
        if not stands(payout):
            continue
        paid = Moved(
            currency=payout.currency,
            amount=payout.amount,
            day=payout.arrival_date,
            stripe_id=payout.id,
            key=f"{payout.id}:deposit",
        )
        yield paid
        if failure:
            day = max(local_date(failure.created, policy.timezone), payout.arrival_date)
            yield replace(paid, amount=-payout.amount, day=day, key=f"{failure.id}:journal_entry")


def movements_of_payout(payout: Payout, policy: Policy) -> Iterator[Moved]:
    """What one payout takes out of clearing, and when; `payout` has its rows."""
    return _payout(payout, policy, None)


def through_clearing(transaction: BalanceTransaction, policy: Policy) -> int:
    """What a row moves by itself, on its own day, in minor units of its currency."""
    return _through_clearing(transaction, policy)


def fee_of(transaction: BalanceTransaction) -> int:
    """What Stripe kept with a row, or by it."""
    return _fee(transaction)


def clearing_movements(side: StripeSide, policy: Policy, deposited: Mapping[str, DepositDay]) -> Iterator[Moved]:
    """What came into clearing and left it, ever; see `stripe_clearing`."""
    days = _Days(side, policy)
    returned = {
        payout.failure_balance_transaction.id: payout for payout in side.payouts if payout.failure_balance_transaction
    }
    for row in side.rows:
        transaction = row.transaction
        payout = returned.get(transaction.id)
        amount = _through_clearing(transaction, policy) if payout is None or stands(payout) else 0
        if amount:
            day, key = days.of(row)
            source = row.source or transaction.id
            about = tuple(dict.fromkeys(one for one in (row.charge, row.payment_intent, transaction.id) if one))
            yield Moved(currency=transaction.currency, amount=amount, day=day, stripe_id=source, key=key, about=about)
        if side.fees_by_day and _fee(transaction):
            # Fees stay on the day of their own row, whatever becomes of its gross.
            day = local_date(transaction.created, policy.timezone)
            name = f"{transaction.currency}.{day.isoformat()}"
            key = f"{name}:journal_entry"
            yield Moved(
                currency=transaction.currency,
                amount=-_fee(transaction),
                day=day,
                stripe_id=transaction.id,
                key=key,
                about=(name,),
            )
    for payout in side.payouts:
        yield from _payout(payout, policy, deposited.get(payout.id))


class _Days:
    """On which day the gross of a row counts, and by which document.

    Its own, unless it undoes another row without a trace.
    """

    def __init__(self, side: StripeSide, policy: Policy) -> None:
        self._policy = policy
        self._pay_invoices = {part.source_id for part in side.parts}
        self._undone = {
            (row.transaction.reporting_category, row.charge if _is_of_charge(row) else row.source): self._own(row)
            for row in side.rows
            if row.transaction.reporting_category in {"charge", "refund"}
        }

    def _own(self, row: BalanceRow) -> date:
        return local_date(row.transaction.created, self._policy.timezone)

    def of(self, row: BalanceRow) -> tuple[date, str]:
        own, category = self._own(row), row.transaction.reporting_category
        source = row.source or row.transaction.id
        refund = f"{source}:refund_receipt"
        match category:
            case "charge":
                return own, self._of_charge(row)
            case "refund":
                return own, refund
            case "partial_capture_reversal":
                # The charge's document is of what was captured.
                return self._undone.get(("charge", row.charge), own), self._of_charge(row)
            case "charge_failure":
                before, document = self._undone.get(("charge", row.charge)), self._of_charge(row)
                reversal = f"{row.charge or source}:reversal"
            case "refund_failure":
                before, document, reversal = self._undone.get(("refund", row.source)), refund, f"{source}:reversal"
            case _:
                return own, f"{row.transaction.id}:journal_entry"
        return (before, document) if before and is_taken_back(before, own, self._policy) else (own, reversal)

    def _of_charge(self, row: BalanceRow) -> str:
        charge = row.charge or row.source or row.transaction.id
        return f"{charge}:{'payment' if {charge, row.payment_intent} & self._pay_invoices else 'sales_receipt'}"


def _is_of_charge(row: BalanceRow) -> bool:
    return row.transaction.reporting_category == "charge"


def _payout(payout: Payout, policy: Policy, deposit: DepositDay | None) -> Iterator[Moved]:
    key = f"{payout.id}:deposit"
    moved = Moved(currency=payout.currency, amount=0, day=payout.arrival_date, stripe_id=payout.id, key=key)
    if stands(payout):
        gross = _taken_out(payout)
        later = 0 if deposit is None else payout.amount if deposit.is_foreign else gross
        fees = replace(moved, key=f"{payout.id}:fees") if policy.payouts is PayoutMode.MATCH else moved
        if deposit is None and fees is not moved:
            later, deposit = payout.amount, DepositDay(day=payout.arrival_date, is_foreign=True)
        yield replace(fees, amount=later - gross)
        if deposit is not None:
            yield replace(moved, amount=-later, day=deposit.day)
        return
    failure = payout.failure_balance_transaction
    if failure is not None and not payout.fees_by_day:
        # It never was at the bank, but its rows are settled: their fees are booked, and the rest is held again.
        fees_kept = sum(_fee(row.transaction) for row in payout.rows if not _is_payout(row)) + _own_fee(payout)
        day = local_date(failure.created, policy.timezone)
        yield replace(moved, amount=-fees_kept, day=day, key=f"{payout.id}:fees")


def _taken_out(payout: Payout) -> int:
    """The gross amount that a payout takes out of the balance; only its net, if fees are taken out by day."""
    if payout.fees_by_day or not payout.automatic:
        return payout.amount + _own_fee(payout)
    # Another payout (an instant one) among the rows is net: its fee left clearing with its own deposit.
    return sum(row.transaction.net if _is_payout(row) else _gross(row.transaction) for row in payout.rows)


def _is_payout(row: BalanceRow) -> bool:
    return row.transaction.reporting_category == "payout"


def _own_fee(payout: Payout) -> int:
    """What Stripe kept for the payout itself (an instant one), unless it is booked by day."""
    own = payout.balance_transaction
    return own.fee if own and not payout.fees_by_day else 0


def _gross(transaction: BalanceTransaction) -> int:
    return 0 if transaction.reporting_category in FEE_CATEGORIES else transaction.amount


def _fee(transaction: BalanceTransaction) -> int:
    return transaction.fee - transaction.amount if transaction.reporting_category in FEE_CATEGORIES else transaction.fee


def _through_clearing(transaction: BalanceTransaction, policy: Policy) -> int:
    """What a row moves by itself, on its own day."""
    category = transaction.reporting_category
    if category == "payout" or (category in _HELD and category not in policy.categories):
        return 0
    return _gross(transaction)
