"""Each row of a dispute is a journal entry between clearing and the disputes account; its fee is on the payout."""

from dataclasses import replace
from datetime import date

from tests.unit.books.builders import POLICY, day, document, keys, moment, skipped
from tests.unit.books.money_builders import a_dispute, a_transaction, entry, settled
from wescope.books.desired import desired_books
from wescope.books.documents import Entity

WITHDRAWN = a_transaction(-3000, "dispute", fee=1500, id="txn_5", created=moment("2026-03-21T06:59:00+00:00"))
REINSTATED = a_transaction(3000, "dispute_reversal", fee=-1500, id="txn_6", created=moment("2026-05-02T20:00:00+00:00"))


def test_a_withdrawal_is_gross_on_the_day_of_its_row() -> None:
    desired = desired_books(a_dispute(WITHDRAWN), POLICY)
    assert keys(desired) == ["txn_5:journal_entry"]
    made = document(desired, "txn_5:journal_entry")
    assert (made.entity, made.amount, made.dates.txn) == (Entity.JOURNAL_ENTRY, 3000, date(2026, 3, 20))
    assert entry(made) == [("clearing.usd", -3000), ("disputes.usd", 3000)]
    assert settled(made) == (-3000, "usd")
    assert made.stripe_ids == ("dp_1", "ch_1", "txn_5")


def test_a_reinstatement_is_an_entry_of_its_own() -> None:
    desired = desired_books(a_dispute(REINSTATED, WITHDRAWN), POLICY)
    assert keys(desired) == ["txn_5:journal_entry", "txn_6:journal_entry"]
    made = document(desired, "txn_6:journal_entry")
    assert made.dates.txn == date(2026, 5, 2)
    assert entry(made) == [("clearing.usd", 3000), ("disputes.usd", -3000)]


def test_an_inquiry_moves_no_money() -> None:
    assert skipped(desired_books(a_dispute(), POLICY)) == {"dp_1:dispute": "moves_no_money"}


def test_rows_before_the_books_and_rows_of_zero_are_skipped() -> None:
    policy = replace(POLICY, start_date=day("2026-04-01"))
    nothing = a_transaction(0, "dispute_reversal", id="txn_7", created=moment("2026-05-02T20:00:00+00:00"))
    desired = desired_books(a_dispute(WITHDRAWN, REINSTATED, nothing), policy)
    assert keys(desired) == ["txn_6:journal_entry"]
    assert skipped(desired) == {"txn_5:journal_entry": "before_start_date", "txn_7:journal_entry": "moves_no_money"}


def test_the_policy_may_name_an_account() -> None:
    policy = replace(POLICY, categories={"dispute": "Lost sales"})
    assert entry(desired_books(a_dispute(WITHDRAWN), policy).documents[0])[1] == ("Lost sales", 3000)


def test_a_row_that_stripe_calls_an_adjustment_is_still_the_disputes() -> None:
    row = replace(WITHDRAWN, reporting_category="other_adjustment")
    assert entry(desired_books(a_dispute(row), POLICY).documents[0])[1] == ("disputes.usd", 3000)
