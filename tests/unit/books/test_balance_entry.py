"""A row of Stripe's balance that nothing else covers is a journal entry against the account of its category."""

from dataclasses import replace
from datetime import date

import pytest

from tests.unit.books.builders import POLICY, day, keys, parked, skipped
from tests.unit.books.money_builders import a_row, entry, settled
from wescope.books.desired import desired_books

KEY = "txn_1:journal_entry"


def test_a_topup_comes_from_the_bank() -> None:
    desired = desired_books(a_row(50_000, "topup", source="tu_1"), POLICY)
    (made,) = desired.documents
    assert (made.key, made.amount, made.dates.txn) == (KEY, 50_000, date(2026, 3, 20))
    assert entry(made) == [("clearing.usd", 50_000), ("bank.usd", -50_000)]
    assert settled(made) == (50_000, "usd")
    assert made.stripe_ids == ("tu_1", "txn_1")
    assert entry(desired_books(a_row(-50_000, "topup_reversal"), POLICY).documents[0])[1] == ("bank.usd", 50_000)


@pytest.mark.parametrize("category", ["risk_reserved_funds", "payout_minimum_balance_hold", "reserve_release"])
def test_what_is_held_back_stays_in_clearing_unless_it_is_mapped(category: str) -> None:
    assert skipped(desired_books(a_row(-900, category), POLICY)) == {KEY: "stays_in_clearing"}
    (made,) = desired_books(a_row(-900, category), replace(POLICY, categories={category: "Reserves"})).documents
    assert entry(made) == [("clearing.usd", -900), ("Reserves", 900)]


@pytest.mark.parametrize("category", ["other_adjustment", "transfer", "something_new"])
def test_what_is_unmapped_goes_to_review_or_is_parked(category: str) -> None:
    row = a_row(-700, category, source=None)
    assert parked(desired_books(row, POLICY)) == {KEY: ("category_unmapped", 700)}
    reviewed = desired_books(row, replace(POLICY, review=True))
    assert entry(reviewed.documents[0]) == [("clearing.usd", -700), ("review.usd", 700)]
    assert [(item.key, item.code.value, item.amount) for item in reviewed.advisory] == [(KEY, "on_review_account", 700)]
    mapped = desired_books(row, replace(POLICY, review=True, categories={category: "Other income"}))
    assert entry(mapped.documents[0])[1] == ("Other income", 700)
    assert mapped.advisory == ()


@pytest.mark.parametrize(
    ("category", "reason"),
    [
        ("charge", "booked_as_charge"),
        ("refund_failure", "booked_as_refund_failure"),
        ("dispute", "booked_as_dispute"),
        ("payout_reversal", "booked_as_payout_return"),
        ("fee", "booked_as_fee"),
    ],
)
def test_rows_of_other_objects_are_skipped_under_a_key_of_their_own(category: str, reason: str) -> None:
    assert skipped(desired_books(a_row(100, category), POLICY)) == {"txn_1:row": reason}


def test_an_adjustment_of_a_dispute_is_the_disputes() -> None:
    row = a_row(-100, "other_adjustment", source="dp_1", kind="dispute")
    assert skipped(desired_books(row, POLICY)) == {"txn_1:row": "booked_as_dispute"}


def test_rows_before_the_books_and_rows_of_zero_are_skipped() -> None:
    policy = replace(POLICY, start_date=day("2026-03-21"))
    assert skipped(desired_books(a_row(100, "topup"), policy)) == {KEY: "before_start_date"}
    assert skipped(desired_books(a_row(0, "topup"), POLICY)) == {KEY: "moves_no_money"}


def test_a_foreign_row_stays_in_its_currency() -> None:
    (made,) = desired_books(a_row(100, "topup", currency="eur"), POLICY).documents
    assert (made.currency, made.exchange_rate) == ("eur", None)
    assert entry(made) == [("clearing.eur", 100), ("bank.eur", -100)]
    assert keys(desired_books(a_row(100, "topup", currency="eur"), POLICY)) == [KEY]
