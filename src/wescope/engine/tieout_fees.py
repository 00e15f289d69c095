"""Tie-out fees: what Stripe kept by month and currency, and disputed amounts, from Stripe's rows and payouts alone.

Fees count in the month of the document that books them: the payout that pays their rows out, or the day of the row
where payouts are manual (docs/posting-rules.md). In settlement currency.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from wescope.books.calendar import local_date
from wescope.books.policy import PayoutMode, Policy
from wescope.books.values import BalanceRow, BalanceTransaction, Payout
from wescope.engine.tieout_clearing import FEE_CATEGORIES, stands
from wescope.engine.tieout_entries import Aliases, StripeEntry, aliased
from wescope.engine.tieout_results import Kind, month_row
from wescope.engine.tieout_stripe import StripeSide
from wescope.links.payouts import DepositDay

_TAX_TYPES = frozenset({"tax", "withheld_tax"})
_DISPUTES = frozenset({"dispute", "dispute_reversal"})


def fee_entries(
    side: StripeSide, policy: Policy, deposited: Mapping[str, DepositDay], aliases: Aliases
) -> Iterator[StripeEntry]:
    """What documents since the start date post to the accounts of fees and disputes, in minor units.

    Args:
        side: Stripe's rows, and its payouts with theirs.
        policy: the company's choices; days are those of its time zone.
        deposited: by payout, the day of its deposit in QBO where that is not the arrival date.
        aliases: kinds that are one row.
    """
    for entry in _all(side, policy, deposited, aliases):
        if policy.start_date is None or entry.day >= policy.start_date:
            yield entry


@dataclass(frozen=True, slots=True, kw_only=True)
class _Booked:
    """By which document something is booked, on which day; `about` is the object that the document is of."""

    day: date
    key: str
    about: str


def _all(
    side: StripeSide, policy: Policy, deposited: Mapping[str, DepositDay], aliases: Aliases
) -> Iterator[StripeEntry]:
    for row in side.rows:
        transaction, day = row.transaction, local_date(row.transaction.created, policy.timezone)
        if _is_dispute(row) and transaction.reporting_category not in policy.categories:
            booked = _Booked(day=day, key=f"{transaction.id}:journal_entry", about=row.source or transaction.id)
            yield _entry(Kind.DISPUTES, -transaction.amount, transaction, booked, aliases)
        if side.fees_by_day:
            name = f"{transaction.currency}.{day.isoformat()}"
            yield from _fees([transaction], _Booked(day=day, key=f"{name}:journal_entry", about=name), aliases)
    if side.fees_by_day:
        return
    for payout in side.payouts:
        if of_payout := _booked(payout, policy, deposited.get(payout.id)):
            yield from _fees(_kept_by(payout), of_payout, aliases)


def _booked(payout: Payout, policy: Policy, deposit: DepositDay | None) -> _Booked | None:
    """How a payout's fees are booked; null if they are not yet, or never."""
    failure = payout.failure_balance_transaction
    if stands(payout):
        foreign = policy.payouts is PayoutMode.MATCH or (deposit is not None and deposit.is_foreign)
        day = deposit.day if deposit and not deposit.is_foreign else payout.arrival_date
        return _Booked(day=day, key=f"{payout.id}:{'fees' if foreign else 'deposit'}", about=payout.id)
    if failure is None:
        return None
    return _Booked(day=local_date(failure.created, policy.timezone), key=f"{payout.id}:fees", about=payout.id)


def _kept_by(payout: Payout) -> Iterator[BalanceTransaction]:
    """The rows whose fees leave with a payout: its own, and what it pays out but for other payouts' rows."""
    for row in payout.rows:
        if row.transaction.reporting_category != "payout":
            yield row.transaction
    if payout.balance_transaction and payout.balance_transaction.fee:
        yield payout.balance_transaction


def _fees(rows: Iterable[BalanceTransaction], booked: _Booked, aliases: Aliases) -> Iterator[StripeEntry]:
    for row in rows:
        for kind, amount in _parts(row):
            if amount:
                yield _entry(kind, amount, row, booked, aliases)


def _parts(row: BalanceTransaction) -> Iterator[tuple[Kind, int]]:
    """What was kept of a row, and by it if it is a fee itself."""
    if row.reporting_category in FEE_CATEGORIES:
        yield (Kind.FEE_TAX if row.reporting_category == "tax" else Kind.FEES), -row.amount
    tax = sum(part.amount for part in row.fees if part.type in _TAX_TYPES)
    yield Kind.FEE_TAX, tax
    yield Kind.FEES, row.fee - tax


def _is_dispute(row: BalanceRow) -> bool:
    category = row.transaction.reporting_category
    return category in _DISPUTES or (row.source_kind == "dispute" and category not in FEE_CATEGORIES)


def _entry(kind: Kind, amount: int, row: BalanceTransaction, booked: _Booked, aliases: Aliases) -> StripeEntry:
    shown, amount = aliased(kind, amount, aliases)
    return StripeEntry(
        row=month_row(shown, booked.day, row.currency),
        currency=row.currency,
        day=booked.day,
        amount=amount,
        stripe_id=row.id,
        key=booked.key,
        about=(booked.about,),
    )
