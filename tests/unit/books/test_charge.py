"""A charge that pays no invoice is parked with what it collected, or skipped because it collected nothing."""

from dataclasses import replace
from typing import Any

import pytest

from tests.unit.books.builders import POLICY, a_charge, day, parked, skipped
from wescope.books.desired import desired_books
from wescope.books.values import ChargeStatus


def test_a_charge_without_invoice_is_parked_with_what_was_captured() -> None:
    desired = desired_books(a_charge(3000, amount_captured=2500), POLICY)
    assert parked(desired) == {"ch_1:sales_receipt": ("charge_without_invoice", 2500)}
    assert desired.documents == ()
    assert desired.skipped == ()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"status": ChargeStatus.FAILED}, "charge_failed"),
        ({"status": ChargeStatus.FAILED, "failure_balance_transaction": "txn_2"}, "charge_failed"),
        ({"status": ChargeStatus.PENDING}, "charge_pending"),
        ({"captured": False, "amount_captured": 0}, "charge_uncaptured"),
    ],
)
def test_a_charge_that_collected_nothing_is_skipped(changes: dict[str, Any], reason: str) -> None:
    desired = desired_books(a_charge(**changes), POLICY)
    assert skipped(desired) == {"ch_1:sales_receipt": reason}
    assert desired.parked == ()


def test_a_charge_before_the_books_is_skipped() -> None:
    policy = replace(POLICY, start_date=day("2026-03-21"))
    assert skipped(desired_books(a_charge(), policy)) == {"ch_1:sales_receipt": "before_start_date"}
    assert skipped(desired_books(a_charge(balance_transaction=None), policy)) == {
        "ch_1:sales_receipt": "before_start_date"
    }
