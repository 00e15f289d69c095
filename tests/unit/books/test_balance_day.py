"""The fees of a day are a journal entry, where payouts are manual."""

from dataclasses import replace
from datetime import UTC, date

from tests.unit.books.builders import POLICY, a_payment, an_invoice, day, moment, parked, skipped
from tests.unit.books.money_builders import a_dispute, a_fee, a_payout, a_row, a_sale, a_transaction, entry, settled
from wescope.books.balance_day import days_until, fee_days
from wescope.books.desired import desired_books
from wescope.books.documents import Follow
from wescope.books.subjects import SubjectKind
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


# --- which days are looked at -----------------------------------------------------------------------------------------


def followed(follows: tuple[Follow, ...]) -> list[str]:
    assert {one.subject.kind for one in follows} <= {SubjectKind.BALANCE_DAY}
    return [f"{one.subject.id} {one.since:%d %H:%M}" for one in follows]


def test_a_charge_has_its_day_looked_at_unless_it_was_after_the_row() -> None:
    """The row is of 20 March 05:00 UTC: in Los Angeles that is the evening of the 19th."""
    row = a_transaction(3000, fee=117, created=moment("2026-03-20T05:00:00+00:00"))
    assert followed(fee_days(a_sale(balance_transaction=row), POLICY)) == ["usd.2026-03-19 20 05:01"]


def test_rows_of_one_day_are_one_day_and_rows_without_fee_none() -> None:
    early, late = moment("2026-03-20T15:00:00+00:00"), moment("2026-03-20T16:00:00+00:00")
    rows = (
        a_transaction(-3000, "dispute", fee=1500, created=early),
        a_transaction(3000, "dispute_reversal", fee=-1500, created=late),
        a_transaction(-100, "dispute", created=moment("2026-03-22T16:00:00+00:00")),
    )
    assert followed(fee_days(a_dispute(*rows), POLICY)) == ["usd.2026-03-20 20 16:01"]


def test_an_invoice_has_the_days_of_its_payments_looked_at() -> None:
    invoice = replace(an_invoice(), payments=(a_payment(),))
    (follow,) = fee_days(invoice, POLICY)
    assert follow.subject.id == "usd.2026-03-20"


def test_no_day_before_the_start_date_is_looked_at() -> None:
    policy = replace(POLICY, start_date=day("2026-03-21"))
    assert fee_days(a_row(3000, fee=117), policy) == ()


def test_a_payout_has_all_days_since_the_one_before_looked_at() -> None:
    """Made on 22 March, 19:00 in Los Angeles, where the clocks are seven hours behind UTC."""
    since = moment("2026-03-21T05:00:00+00:00")
    payout = a_payout(100, automatic=False, fees_by_day=True)
    expected = ["usd.2026-03-20 21 07:01", "usd.2026-03-21 22 07:01", "usd.2026-03-22 23 02:01"]
    found = tuple(replace(one, since=one.since.astimezone(UTC)) for one in days_until(payout, since, POLICY))
    assert followed(found) == expected
    later = replace(POLICY, start_date=day("2026-03-22"))
    assert [one.subject.id for one in days_until(payout, since, later)] == ["usd.2026-03-22"]
