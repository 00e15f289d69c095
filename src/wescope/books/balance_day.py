"""Balance day: the fees of a day are a journal entry, where payouts are manual and name no rows.

So clearing equals Stripe's balance on every day (DESIGN.md section 3; facts/stripe.md 2.8).

No event names a day. Whatever has a row with a fee has the row's day looked at (`fee_days`); rows that no event tells
of (Stripe's own fees) are found by the next payout, which has all days looked at since the payout before it
(`days_until`). A day that was looked at after the row was there is not looked at again.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date, datetime, time, timedelta

from wescope.books.calendar import local_date
from wescope.books.documents import Desired, Existence, Follow, JournalLine, KeyDates, Skipped
from wescope.books.fees import FeePart, fee_of, fee_parts, fees_add_up
from wescope.books.journal import clearing_account, clearing_entry, is_before_start
from wescope.books.parking import ParkCode, Parked
from wescope.books.policy import Policy
from wescope.books.subjects import DocumentKey, Subject, SubjectKind, journal_entry_key
from wescope.books.values import (
    BalanceDay,
    BalanceRow,
    BalanceTransaction,
    Charge,
    CustomerBalance,
    Dispute,
    Invoice,
    Payout,
    Refund,
    StripeObject,
)

_SEEN_AFTER = timedelta(minutes=1)
"""A row is surely in Stripe's list that long after its moment, whatever the difference of both clocks."""


def day_name(currency: str, day: date) -> str:
    """How a day of the books' calendar is named: `usd.2026-11-20`."""
    return f"{currency}.{day.isoformat()}"


def fee_days(found: StripeObject, policy: Policy) -> tuple[Follow, ...]:
    """The days on which rows of an object brought fees, where fees are booked by day; none before the start date."""
    latest: dict[tuple[str, date], datetime] = {}
    for row in _rows_of(found):
        if fee_of(row):
            day = (row.currency, local_date(row.created, policy.timezone))
            latest[day] = max(row.created, latest.get(day, row.created))
    days = sorted((currency, day, at) for (currency, day), at in latest.items() if not is_before_start(day, policy))
    return tuple(_follow(currency, day, at) for currency, day, at in days)


def days_until(payout: Payout, since: datetime, policy: Policy) -> tuple[Follow, ...]:
    """Every day from a moment (the payout before, say) to the making of a payout, in the books' calendar.

    Args:
        payout: one of an account whose fees are booked by day.
        since: a moment before it; days before the start date are left out.
        policy: the company's choices; days are those of its time zone.
    """
    first, last = local_date(since, policy.timezone), local_date(payout.created, policy.timezone)
    if policy.start_date is not None:
        first = max(first, policy.start_date)
    follows = []
    for day in (first + timedelta(days=number) for number in range((last - first).days + 1)):
        over = datetime.combine(day + timedelta(days=1), time.min, policy.timezone)
        follows.append(_follow(payout.currency, day, min(over, payout.created)))
    return tuple(follows)


def _follow(currency: str, day: date, at: datetime) -> Follow:
    subject = Subject(kind=SubjectKind.BALANCE_DAY, id=day_name(currency, day))
    return Follow(subject=subject, since=at + _SEEN_AFTER)


def _rows_of(found: StripeObject) -> Iterable[BalanceTransaction]:
    """The rows that an object's reading carries."""
    match found:
        case Invoice(payments=payments):
            rows = [row for one in payments if one.charge for row in _own_rows(one.charge)]
        case Charge() | Refund() | Payout():
            rows = _own_rows(found)
        case Dispute(balance_transactions=moves):
            rows = list(moves)
        case BalanceRow(transaction=transaction):
            rows = [transaction]
        case CustomerBalance() | BalanceDay():
            rows = []
    return rows


def _own_rows(found: Charge | Refund | Payout) -> list[BalanceTransaction]:
    return [row for row in (found.balance_transaction, found.failure_balance_transaction) if row is not None]


def balance_day_books(day: BalanceDay, policy: Policy) -> Desired:
    """What the books should hold for the fees of one day of one currency.

    Args:
        day: all rows of that day of the books' calendar, in settlement currency.
        policy: the company's choices.

    Returns:
        A journal entry (`usd.2026-11-20:journal_entry`): fees by kind against clearing. Skipped if there are none or if
        the day is older than the books; parked if the parts of a fee do not add up to it.
    """
    name = day_name(day.currency, day.day)
    key = journal_entry_key(name)
    if is_before_start(day.day, policy):
        return Desired(skipped=(Skipped(key=key, reason="before_start_date"),))
    rows = tuple(row.transaction for row in day.rows)
    if stray := next((row for row in rows if row.currency != day.currency or not fees_add_up(row)), None):
        return Desired(parked=(_mismatch(key, day, stray),))
    parts = fee_parts(rows, policy)
    if not any(fee_of(row) for row in rows):
        return Desired(skipped=(Skipped(key=key, reason="no_fees"),))
    document = clearing_entry(
        key=key,
        number_of=name,
        currency=day.currency,
        lines=tuple(_lines(day, parts)),
        dates=KeyDates(txn=day.day),
        stripe_ids=(name,),
        note=f"Stripe fees of {day.day.isoformat()}",
        policy=policy,
    )
    # Fees that were given back on their own day leave nothing, and what was posted of them before is taken back.
    return Desired(documents=(document if parts else replace(document, existence=Existence.VOID),))


def _lines(day: BalanceDay, parts: tuple[FeePart, ...]) -> Iterator[JournalLine]:
    text = f"Stripe fees of {day.day.isoformat()}"
    for part in parts:
        yield JournalLine(account=part.account, amount=part.amount, description=f"{text}: {part.kind}")
    total = sum(part.amount for part in parts)
    yield JournalLine(account=clearing_account(day.currency), amount=-total, description=text)


def _mismatch(key: DocumentKey, day: BalanceDay, stray: BalanceTransaction) -> Parked:
    return Parked(
        key=key,
        code=ParkCode.FEES_MISMATCH,
        amount=abs(sum(fee_of(row.transaction) for row in day.rows)),
        currency=day.currency,
        details={"row": stray.id, "row_currency": stray.currency, "fee": stray.fee},
    )
