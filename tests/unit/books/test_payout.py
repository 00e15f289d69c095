"""A payout is a deposit of exactly its amount, or nothing: gross by category, fees by kind, and what comes back."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.books.builders import POLICY, day, document, keys, parked, skipped
from tests.unit.books.money_builders import (
    a_fee,
    a_payout,
    a_returned_payout,
    a_row,
    account_name,
    deposit,
    entry,
    money,
    settled,
)
from wescope.books.categories import CATEGORIES
from wescope.books.desired import desired_books
from wescope.books.documents import DepositBody, Entity
from wescope.books.policy import PayoutMode
from wescope.books.values import BalanceRow, Payout, PayoutStatus

DEPOSIT = "po_1:deposit"
MATCH = replace(POLICY, payouts=PayoutMode.MATCH)
ROWS = (
    a_row(3000, fee=117),
    a_row(2000, fee=88, row_id="txn_2", source="ch_2"),
    a_row(-1000, "refund", row_id="txn_3", source="re_1"),
    a_row(-500, "dispute", fee=1500, fees=(a_fee(1500, dispute=True),), row_id="txn_4", source="dp_1"),
    a_row(-200, "fee", row_id="txn_5", source=None),
    a_row(-20, "tax", row_id="txn_6", source=None),
)
"""Gross 3500, fees 1925, net 1575."""


def by_hand(**changes: Any) -> Payout:
    """A manual payout: Stripe names no rows."""
    return a_payout(1575, **{"automatic": False, "reconciled": False, **changes})


def test_a_paid_payout_is_a_deposit_of_its_amount_on_the_arrival_date() -> None:
    desired = desired_books(a_payout(1575, *ROWS), POLICY)
    assert keys(desired) == [DEPOSIT]
    made = document(desired, DEPOSIT)
    assert (made.entity, made.amount, made.currency) == (Entity.DEPOSIT, 1575, "usd")
    assert deposit(made) == [
        ("clearing.usd", 5000),
        ("clearing.usd", -500),
        ("clearing.usd", -1000),
        ("fees.usd", -205),
        ("fees.usd", -1500),
        ("fees.usd", -200),
        ("fee_tax.usd", -20),
    ]
    assert account_name(money(made, DepositBody).bank) == "bank.usd"
    assert settled(made) == (-3500, "usd")
    assert made.stripe_ids == ("po_1", "txn_po")


def test_dates_are_unshifted_for_the_arrival_and_local_for_the_payout() -> None:
    dates = document(desired_books(a_payout(1575, *ROWS), POLICY), DEPOSIT).dates
    assert (dates.txn, dates.arrival) == (date(2026, 3, 24), date(2026, 3, 24))
    assert (dates.payout, dates.available) == (date(2026, 3, 22), date(2026, 3, 20))


def test_a_payout_below_zero_takes_from_the_bank() -> None:
    rows = (a_row(-3000, "refund", source="re_1"), a_row(1000, fee=59, row_id="txn_2"))
    (made,) = desired_books(a_payout(-2059, *rows), POLICY).documents
    assert (made.key, made.entity, made.amount) == (DEPOSIT, Entity.JOURNAL_ENTRY, 3059)
    assert entry(made) == [("bank.usd", -2059), ("clearing.usd", -1000), ("clearing.usd", 3000), ("fees.usd", 59)]
    assert settled(made) == (2000, "usd")


@pytest.mark.parametrize(
    ("payout", "code"),
    [
        (a_payout(1576, *ROWS), "payout_does_not_foot"),
        (a_payout(1575), "payout_does_not_foot"),
        (a_payout(1575, *ROWS, reconciled=False), "payout_not_reconciled"),
        (a_payout(2883, a_row(3000, fee=117, currency="eur")), "payout_does_not_foot"),
        (a_payout(2883, a_row(3000, fee=117, fees=(a_fee(116),))), "fees_mismatch"),
        (by_hand(balance_transaction=None), "balance_transaction_missing"),
    ],
)
def test_what_does_not_foot_writes_nothing(payout: Payout, code: str) -> None:
    desired = desired_books(payout, POLICY)
    assert parked(desired) == {DEPOSIT: (code, payout.amount)}
    assert desired.documents == ()


@pytest.mark.parametrize(
    ("payout", "reason"),
    [
        (a_payout(1575, *ROWS, status=PayoutStatus.PENDING), "payout_pending"),
        (a_payout(1575, *ROWS, status=PayoutStatus.IN_TRANSIT), "payout_in_transit"),
        (a_payout(1575, *ROWS, arrival_date=date(2026, 2, 28)), "before_start_date"),
        (a_payout(0), "moves_no_money"),
    ],
)
def test_what_has_not_arrived_in_these_books_is_skipped(payout: Payout, reason: str) -> None:
    assert skipped(desired_books(payout, replace(POLICY, start_date=day("2026-03-01")))) == {DEPOSIT: reason}


def test_a_payout_without_rows_takes_its_own_fee() -> None:
    instant = by_hand(method="instant", fee=16)
    assert deposit(document(desired_books(instant, POLICY), DEPOSIT)) == [("clearing.usd", 1591), ("fees.usd", -16)]
    plain = document(desired_books(by_hand(), POLICY), DEPOSIT)
    assert deposit(plain) == [("clearing.usd", 1575)]


def test_fees_by_day_are_not_booked_again() -> None:
    assert deposit(document(desired_books(by_hand(fee=16, fees_by_day=True), POLICY), DEPOSIT)) == [
        ("clearing.usd", 1575)
    ]
    automatic = document(desired_books(a_payout(1575, *ROWS, fees_by_day=True), POLICY), DEPOSIT)
    assert {name for name, _ in deposit(automatic)} == {"clearing.usd"}
    assert settled(automatic) == (-1575, "usd")


def test_a_payout_that_came_back_after_it_arrived_keeps_its_deposit() -> None:
    desired = desired_books(a_returned_payout("2026-03-26T05:00:00+00:00", 1575, *ROWS), POLICY)
    assert keys(desired) == [DEPOSIT, "txn_back:journal_entry"]
    back = document(desired, "txn_back:journal_entry")
    assert back.dates.txn == date(2026, 3, 25)
    assert entry(back) == [("clearing.usd", 1575), ("bank.usd", -1575)]
    assert settled(back) == (1575, "usd")


@pytest.mark.parametrize("status", [PayoutStatus.FAILED, PayoutStatus.CANCELED])
def test_a_payout_that_came_back_before_is_only_its_fees(status: PayoutStatus) -> None:
    desired = desired_books(a_returned_payout("2026-03-23T23:59:59+00:00", 1575, *ROWS, status=status), POLICY)
    assert keys(desired) == ["po_1:fees"]
    assert skipped(desired) == {DEPOSIT: f"payout_{status}"}
    fees = document(desired, "po_1:fees")
    assert fees.dates.txn == date(2026, 3, 23)
    assert entry(fees) == [
        ("fees.usd", 205),
        ("fees.usd", 1500),
        ("fees.usd", 200),
        ("fee_tax.usd", 20),
        ("clearing.usd", -1925),
    ]


def test_a_failed_payout_that_does_not_foot_writes_nothing() -> None:
    early = a_returned_payout("2026-03-23T20:00:00+00:00", 1575, *ROWS, reconciled=False)
    assert parked(desired_books(early, POLICY)) == {"po_1:fees": ("payout_not_reconciled", 1575)}
    unknown = a_payout(1575, *ROWS, status=PayoutStatus.FAILED)
    assert parked(desired_books(unknown, POLICY)) == {DEPOSIT: ("balance_transaction_missing", 1575)}


def test_an_early_failure_without_fees_leaves_no_trace() -> None:
    early = a_returned_payout("2026-03-23T20:00:00+00:00", 1000, a_row(1000))
    assert desired_books(early, POLICY).documents == ()
    by_day = a_returned_payout("2026-03-23T20:00:00+00:00", 1575, *ROWS, fees_by_day=True)
    assert desired_books(by_day, POLICY).documents == ()


def test_a_payout_of_the_old_books_that_came_back_in_these() -> None:
    policy = replace(POLICY, start_date=day("2026-03-25"))
    desired = desired_books(a_returned_payout("2026-03-26T20:00:00+00:00", 1575, *ROWS), policy)
    assert keys(desired) == ["txn_back:journal_entry"]
    assert skipped(desired) == {DEPOSIT: "before_start_date"}


def test_in_match_mode_only_the_fees_are_ours() -> None:
    desired = desired_books(a_payout(1575, *ROWS), MATCH)
    assert keys(desired) == ["po_1:fees"]
    assert skipped(desired) == {DEPOSIT: "made_by_bank_feed"}
    assert document(desired, "po_1:fees").dates.txn == date(2026, 3, 24)
    late = desired_books(a_returned_payout("2026-03-26T05:00:00+00:00", 1575, *ROWS), MATCH)
    assert keys(late) == ["po_1:fees"]


def test_a_foreign_payout_is_in_its_own_currency() -> None:
    row = a_row(3000, fee=117, currency="eur", fees=(a_fee(117, currency="eur"),))
    made = document(desired_books(a_payout(2883, row, currency="eur"), POLICY), DEPOSIT)
    assert (made.currency, made.exchange_rate) == ("eur", None)
    assert deposit(made) == [("clearing.eur", 3000), ("fees.eur", -117)]
    assert account_name(money(made, DepositBody).bank) == "bank.eur"


def test_the_fee_of_another_payout_is_not_booked_again() -> None:
    """An instant payout of 50.00 cost 0.50; the next automatic one has its row, net."""
    rows = (
        a_row(10_000, fee=320),
        a_row(-5_000, "payout", fee=50, row_id="txn_2", source="po_0", kind="payout"),
    )
    (made,) = desired_books(a_payout(4_630, *rows), POLICY).documents
    assert deposit(made) == [("clearing.usd", 10_000), ("clearing.usd", -5_050), ("fees.usd", -320)]
    assert settled(made) == (-4_950, "usd")


@st.composite
def any_rows(draw: st.DrawFn) -> tuple[BalanceRow, ...]:
    amounts = st.integers(min_value=-100_000, max_value=300_000)
    fees = st.integers(min_value=-2000, max_value=9000)
    made = draw(st.lists(st.tuples(amounts, st.sampled_from(sorted(CATEGORIES)), fees), min_size=1, max_size=8))
    return tuple(
        a_row(amount, category, fee=fee, row_id=f"txn_{index}") for index, (amount, category, fee) in enumerate(made)
    )


@given(any_rows(), st.booleans())
def test_lines_always_add_up_to_the_payout(rows: tuple[BalanceRow, ...], fees_by_day: bool) -> None:
    net = sum(row.transaction.net for row in rows)
    desired = desired_books(a_payout(net, *rows, fees_by_day=fees_by_day), POLICY)
    assert desired.parked == ()
    for made in desired.documents:
        if made.entity is Entity.DEPOSIT:
            assert sum(amount for _, amount in deposit(made)) == made.amount == net
        else:
            assert sum(amount for _, amount in entry(made)) == 0
            assert entry(made)[0] == ("bank.usd", net)
        fees = sum(row.transaction.fee for row in rows if row.transaction.reporting_category != "payout")
        pure = sum(
            row.transaction.amount
            for row in rows
            if row.transaction.reporting_category in {"fee", "tax", "network_cost"}
        )
        gross = net + fees - pure
        assert settled(made)[0] == (-net if fees_by_day else -gross)
