"""The fees of a day are a journal entry, where payouts are manual."""

from dataclasses import replace
from datetime import date

from tests.unit.books.builders import POLICY, day, parked, skipped
from tests.unit.books.money_builders import a_fee, a_row, entry, settled
from wescope.books.desired import desired_books
from wescope.books.values import BalanceDay, BalanceRow

KEY = "usd.2026-03-20:journal_entry"


def a_day(*rows: BalanceRow) -> BalanceDay:
    return BalanceDay(day=date(2026, 3, 20), currency="usd", rows=rows)


def test_the_fees_of_a_day_leave_clearing() -> None:
    desired = desired_books(
        a_day(
            a_row(3000, fee=117),
            a_row(-1000, "refund"),
            a_row(1000, fee=70, fees=(a_fee(60), a_fee(10, "tax"))),
            a_row(-200, "fee"),
            a_row(-5000, "payout", fee=50),
        ),
        POLICY,
    )
    (made,) = desired.documents
    assert (made.key, made.amount, made.dates.txn) == (KEY, 437, date(2026, 3, 20))
    assert entry(made) == [
        ("fees.usd", 177),
        ("fees.usd", 200),
        ("fees.usd", 50),
        ("fee_tax.usd", 10),
        ("clearing.usd", -437),
    ]
    assert settled(made) == (-437, "usd")


def test_fees_given_back_come_into_clearing() -> None:
    (made,) = desired_books(a_day(a_row(3000, "dispute_reversal", fee=-1500)), POLICY).documents
    assert entry(made) == [("fees.usd", -1500), ("clearing.usd", 1500)]
    assert made.amount == 1500


def test_fees_that_cancel_out_within_a_day_are_still_shown_by_kind() -> None:
    rows = (a_row(3000, fee=117), a_row(0, fee=-117, fees=(a_fee(-117, dispute=True),)))
    (made,) = desired_books(a_day(*rows), POLICY).documents
    assert entry(made) == [("fees.usd", 117), ("fees.usd", -117)]


def test_a_day_without_fees_or_before_the_books_is_skipped() -> None:
    assert skipped(desired_books(a_day(a_row(100, "refund")), POLICY)) == {KEY: "no_fees"}
    policy = replace(POLICY, start_date=day("2026-03-21"))
    assert skipped(desired_books(a_day(a_row(100, fee=3)), policy)) == {KEY: "before_start_date"}


def test_a_fee_that_does_not_add_up_is_parked() -> None:
    desired = desired_books(a_day(a_row(3000, fee=117, fees=(a_fee(116),))), POLICY)
    assert parked(desired) == {KEY: ("fees_mismatch", 117)}
