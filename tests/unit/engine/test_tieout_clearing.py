"""What Stripe holds gross, by day: numbers by hand, books in Los Angeles, November 2026."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from tests.unit.books.builders import POLICY, a_balance_transaction
from wescope.books.policy import Policy
from wescope.books.values import BalanceRow, BalanceTransaction, Payout, PayoutStatus
from wescope.engine.tieout_clearing import arrived, stripe_clearing
from wescope.engine.tieout_stripe import StripeSide
from wescope.links.payouts import DepositDay


def at(day: int, month: int = 11) -> datetime:
    return datetime(2026, month, day, 20, tzinfo=UTC)


def transaction(name: str, amount: int, fee: int, day: datetime, category: str = "charge") -> BalanceTransaction:
    return a_balance_transaction(
        amount, id=name, fee=fee, net=amount - fee, created=day, type=category, reporting_category=category
    )


def row(name: str, amount: int, fee: int, day: datetime, category: str = "charge", **changes: Any) -> BalanceRow:
    made = BalanceRow(transaction=transaction(name, amount, fee, day, category), source="ch_1", charge="ch_1")
    return replace(made, **changes)


def payout(amount: int, *rows: BalanceRow, arrival: int = 20, **changes: Any) -> Payout:
    made = Payout(
        id="po_1",
        amount=amount,
        currency="usd",
        status=PayoutStatus.PAID,
        created=at(arrival - 2),
        arrival_date=date(2026, 11, arrival),
        automatic=True,
        method="standard",
        reconciled=True,
        balance_transaction=transaction("txn_po", -amount, 0, at(arrival - 2), "payout"),
        rows=rows,
    )
    return replace(made, **changes)


def held(
    side: StripeSide, *as_of: int, policy: Policy = POLICY, deposited: dict[str, DepositDay] | None = None
) -> list[int]:
    days = [date(2026, 11, day) for day in as_of]
    return [stripe_clearing(side, policy, day, deposited).total["usd"] for day in days]


def side(payouts: Iterable[Payout], *more: BalanceRow) -> StripeSide:
    """All rows of the payouts, their own, and more."""
    paid_out = list(payouts)
    own = [one.balance_transaction for one in paid_out]
    rows = [one for each in paid_out for one in each.rows]
    rows += [BalanceRow(transaction=one, source="po_1", source_kind="payout") for one in own if one]
    return StripeSide(rows=[*rows, *more], payouts=paid_out)


CHARGE = row("txn_1", 10_000, 379, at(16))


def test_gross_is_held_until_the_payout_arrives() -> None:
    found = side([payout(9_621, CHARGE)], row("txn_2", 2_000, 88, at(21)))
    assert held(found, 15, 16, 19, 20, 21) == [0, 10_000, 10_000, 0, 2_000]


def test_a_fee_by_itself_never_passes_through() -> None:
    found = side([payout(9_121, CHARGE, row("txn_2", -500, 0, at(17), "fee", source=None, charge=None))])
    assert held(found, 17, 20) == [10_000, 0]


def test_money_that_is_held_back_stays() -> None:
    """5.00 are reserved out of the first payout and released into the second."""
    hold = row("txn_2", -500, 0, at(17), "reserve_hold", source=None, charge=None)
    release = row("txn_3", 500, 0, at(21), "reserve_release", source=None, charge=None)
    first = payout(9_121, CHARGE, hold)
    second = replace(payout(500, release, arrival=23), id="po_2")
    assert held(side([first, second]), 17, 20, 21, 23) == [10_000, 500, 500, 0]


def test_what_the_policy_books_elsewhere_leaves() -> None:
    hold = row("txn_2", -500, 0, at(17), "reserve_hold", source=None, charge=None)
    policy = replace(POLICY, categories={"reserve_hold": "Reserves"})
    assert held(side([payout(9_121, CHARGE, hold)]), 17, 20, policy=policy) == [9_500, 0]


def test_a_negative_payout_brings_money_in() -> None:
    refund = row("txn_2", -3_000, 0, at(17), "refund", source="re_1")
    assert held(side([payout(-3_000, refund)]), 17, 19, 20) == [-3_000, -3_000, 0]


@pytest.mark.parametrize(("month", "expected"), [(11, [0, 0]), (12, [3_000, 3_000])])
def test_a_refund_that_failed_in_its_month_is_without_a_trace(month: int, expected: list[int]) -> None:
    refund = row("txn_2", -3_000, 0, at(17), "refund", source="re_1")
    back = row("txn_3", 3_000, 0, at(25, month), "refund_failure", source="re_1")
    found = StripeSide(rows=[refund, back])
    assert [-one for one in held(found, 17, 24)] == expected


def test_the_rest_that_was_not_captured_counts_with_its_charge() -> None:
    rest = row("txn_2", -4_000, 0, at(18), "partial_capture_reversal", source="re_1")
    assert held(StripeSide(rows=[CHARGE, rest]), 15, 16, 18) == [0, 6_000, 6_000]


def test_a_payout_that_came_back_after_it_was_paid() -> None:
    """It returns on the day of its failure, and leaves again inside the next payout."""
    failure = transaction("txn_9", 9_621, 0, at(22), "payout_failure")
    failure = replace(failure, reporting_category="payout_reversal")
    back = BalanceRow(transaction=failure, source="po_1", source_kind="payout")
    failed = payout(9_621, CHARGE, status=PayoutStatus.FAILED, failure_balance_transaction=failure)
    again = replace(payout(9_621, back, arrival=25), id="po_2")
    found = side([failed, again])
    assert held(found, 20, 21, 22, 24, 25) == [0, 0, 9_621, 9_621, 0]
    assert [arrived(found, POLICY, date(2026, 11, day))["usd"] for day in (19, 20, 22, 25)] == [0, 9_621, 0, 9_621]


def test_a_payout_that_failed_before_it_was_paid_books_its_fees_only() -> None:
    failure = replace(transaction("txn_9", 9_621, 0, at(19), "payout_failure"), reporting_category="payout_reversal")
    back = BalanceRow(transaction=failure, source="po_1", source_kind="payout")
    failed = payout(9_621, CHARGE, status=PayoutStatus.FAILED, failure_balance_transaction=failure)
    again = replace(payout(9_621, back, arrival=25), id="po_2")
    found = side([failed, again])
    assert held(found, 18, 19, 24, 25) == [10_000, 9_621, 9_621, 0]
    assert arrived(found, POLICY, date(2026, 11, 24))["usd"] == 0


def test_an_instant_payout_takes_its_own_fee_along() -> None:
    instant = payout(9_000, automatic=False, method="instant", rows=())
    own = transaction("txn_po", -9_000, 90, at(18), "payout")
    found = StripeSide(rows=[CHARGE], payouts=[replace(instant, balance_transaction=own)])
    assert held(found, 19, 20) == [10_000, 910]


def test_with_manual_payouts_it_is_stripes_own_balance() -> None:
    """Fees leave on the day of their row: 100.00 - 3.79, then 5.00 of product fees, then 90.00 paid out with 0.90."""
    own = transaction("txn_po", -9_000, 90, at(18), "payout")
    manual = payout(9_000, automatic=False, rows=(), fees_by_day=True, balance_transaction=own)
    product = row("txn_2", -500, 0, at(17), "fee", source=None, charge=None)
    found = replace(side([manual], CHARGE, product), fees_by_day=True)
    assert held(found, 16, 17, 18, 20) == [9_621, 9_121, 9_031, 31]


def test_with_manual_payouts_fees_leave_by_day_before_there_is_any_payout() -> None:
    assert held(StripeSide(rows=[CHARGE], fees_by_day=True), 16) == [9_621]


def test_an_instant_payout_is_net_in_the_automatic_one_that_contains_it() -> None:
    """Its fee of 0.90 left with its own deposit: 100.00 in, 90.90 out, and the rest with the next payout."""
    own = transaction("txn_po", -9_000, 90, at(17), "payout")
    instant = payout(9_000, automatic=False, rows=(), balance_transaction=own, arrival_date=date(2026, 11, 17))
    next_one = payout(531, CHARGE, BalanceRow(transaction=own, source="po_1", source_kind="payout"))
    found = StripeSide(rows=[CHARGE], payouts=[instant, replace(next_one, id="po_2")])
    assert held(found, 16, 17, 20) == [10_000, 910, 0]


def test_somebody_elses_deposit_takes_the_net_on_its_own_day() -> None:
    deposited = {"po_1": DepositDay(day=date(2026, 11, 23), is_foreign=True)}
    assert held(side([payout(9_621, CHARGE)]), 19, 20, 22, 23, deposited=deposited) == [10_000, 9_621, 9_621, 0]


def test_our_deposit_on_another_day_takes_all_of_it() -> None:
    deposited = {"po_1": DepositDay(day=date(2026, 11, 23), is_foreign=False)}
    assert held(side([payout(9_621, CHARGE)]), 20, 22, 23, deposited=deposited) == [10_000, 10_000, 0]


def test_money_from_before_the_start_date_is_the_opening_balance() -> None:
    policy = replace(POLICY, start_date=date(2026, 11, 18))
    found = side([payout(9_621, CHARGE)], row("txn_2", 2_000, 88, at(19)))
    held_on = stripe_clearing(found, policy, date(2026, 11, 19))
    assert (held_on.total["usd"], held_on.opening["usd"]) == (12_000, 10_000)
    assert stripe_clearing(found, policy, date(2026, 11, 20)).total["usd"] == 2_000


def test_topups_come_from_the_bank() -> None:
    topup = row("txn_2", 7_000, 0, at(17), "topup", source="tu_1", charge=None)
    found = side([payout(9_621, CHARGE)], topup)
    assert arrived(found, POLICY, date(2026, 11, 20))["usd"] == 2_621
    assert held(found, 17, 20) == [17_000, 7_000]


def test_currencies_are_apart() -> None:
    euro = replace(CHARGE, transaction=replace(CHARGE.transaction, id="txn_2", currency="eur"))
    found = stripe_clearing(StripeSide(rows=[CHARGE, euro]), POLICY, date(2026, 11, 20))
    assert found.total == {"usd": 10_000, "eur": 10_000}
