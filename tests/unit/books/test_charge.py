"""A charge that pays no invoice is a sales receipt into clearing, reversed if it failed after it had succeeded."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from tests.unit.books.builders import POLICY, a_charge, day, document, keys, moment, parked, skipped
from tests.unit.books.money_builders import (
    a_failed_sale,
    a_sale,
    a_transaction,
    account_name,
    items,
    money,
    settled,
)
from wescope.books.desired import desired_books
from wescope.books.documents import Entity, Existence, ReceiptBody
from wescope.books.policy import ItemRule, Reversals
from wescope.books.values import ChargeStatus

RECEIPT = "ch_1:sales_receipt"


def test_a_sale_goes_gross_into_clearing_on_the_day_of_its_row() -> None:
    late = a_transaction(3000, fee=117, created=moment("2026-04-01T06:59:59+00:00"))
    desired = desired_books(a_sale(balance_transaction=late), POLICY)
    assert keys(desired) == ["cus_1:customer:usd", RECEIPT]
    receipt = document(desired, RECEIPT)
    body = money(receipt, ReceiptBody)
    assert (receipt.entity, receipt.amount, receipt.currency) == (Entity.SALES_RECEIPT, 3000, "usd")
    assert receipt.dates.txn == receipt.dates.payment_received == date(2026, 3, 31)
    assert receipt.exchange_rate is None
    assert settled(receipt) == (3000, "usd")
    assert (body.customer, account_name(body.account)) == ("cus_1:customer:usd", "clearing.usd")
    assert (body.doc_number, body.reference) == ("1", "1")
    assert items(receipt) == [("sales", 3000)]
    assert receipt.stripe_ids == ("ch_1", "pi_1", "txn_1")


def test_a_guest_has_no_customer() -> None:
    desired = desired_books(a_charge(), POLICY)
    assert keys(desired) == [RECEIPT]
    assert money(document(desired, RECEIPT), ReceiptBody).customer is None


def test_numbers_and_references_fit_in_21_characters() -> None:
    desired = desired_books(a_charge(id="ch_3OaBcDeFgHiJkLmNoPqRsTuV"), replace(POLICY, doc_number_prefix="S-"))
    (receipt,) = desired.documents
    body = money(receipt, ReceiptBody)
    assert len(body.doc_number) == 21
    assert body.reference == "BcDeFgHiJkLmNoPqRsTuV"


def test_an_item_rule_of_the_charges_metadata_names_item_and_class() -> None:
    rules = (
        ItemRule(product="prod_1", item="Never"),
        ItemRule(metadata={"shop": "east"}, item="Goods", class_name="East"),
    )
    desired = desired_books(a_sale(metadata={"shop": "east"}), replace(POLICY, item_rules=rules))
    (line,) = document(desired, RECEIPT).lines
    assert items(document(desired, RECEIPT)) == [("Goods", 3000)]
    assert line.class_name == "East"


def test_the_settled_amount_gives_the_rate() -> None:
    euros = a_transaction(3257, fee=117, exchange_rate=Decimal("1.0857"))
    receipt = document(desired_books(a_sale(currency="eur", balance_transaction=euros), POLICY), RECEIPT)
    assert (receipt.amount, receipt.currency, receipt.exchange_rate) == (3000, "eur", Decimal("1.0857"))
    assert settled(receipt) == (3257, "usd")


def test_two_foreign_currencies_are_parked() -> None:
    pounds = a_transaction(2500, currency="gbp", exchange_rate=Decimal("0.83"))
    desired = desired_books(a_sale(currency="eur", balance_transaction=pounds), POLICY)
    assert parked(desired) == {RECEIPT: ("two_foreign_currencies", 3000)}


@pytest.mark.parametrize(("booked", "exchange_rate"), [(10000, None), (6000, None)])
def test_a_partial_capture_is_a_sale_of_what_was_captured(booked: int, exchange_rate: Decimal | None) -> None:
    row = a_transaction(booked, exchange_rate=exchange_rate)
    receipt = document(desired_books(a_sale(10000, amount_captured=6000, balance_transaction=row), POLICY), RECEIPT)
    assert receipt.amount == 6000
    assert settled(receipt) == (6000, "usd")


def test_a_partial_capture_in_another_currency_settles_its_part_of_the_row() -> None:
    row = a_transaction(10857, exchange_rate=Decimal("1.0857"))
    charge = a_sale(10000, amount_captured=3333, currency="eur", balance_transaction=row)
    receipt = document(desired_books(charge, POLICY), RECEIPT)
    assert settled(receipt) == (3619, "usd")
    assert receipt.exchange_rate == Decimal("1.0857")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"status": ChargeStatus.FAILED}, "charge_failed"),
        ({"captured": False, "amount_captured": 0}, "charge_uncaptured"),
        ({"amount_captured": 0}, "charge_uncaptured"),
    ],
)
def test_a_charge_that_collected_nothing_is_skipped(changes: dict[str, Any], reason: str) -> None:
    desired = desired_books(a_charge(**changes), POLICY)
    assert skipped(desired) == {RECEIPT: reason}
    assert (desired.documents, desired.parked) == ((), ())


def test_a_charge_whose_money_is_not_there_yet_is_parked() -> None:
    pending = a_charge(status=ChargeStatus.PENDING, balance_transaction=None)
    assert parked(desired_books(pending, POLICY)) == {RECEIPT: ("charge_pending", 3000)}
    unbooked = a_charge(balance_transaction=None)
    assert parked(desired_books(unbooked, POLICY)) == {RECEIPT: ("balance_transaction_missing", 3000)}


def test_a_charge_before_the_books_is_skipped() -> None:
    policy = replace(POLICY, start_date=day("2026-03-21"))
    assert skipped(desired_books(a_charge(), policy)) == {RECEIPT: "before_start_date"}
    assert skipped(desired_books(a_charge(balance_transaction=None), policy)) == {RECEIPT: "before_start_date"}


def test_a_failure_in_the_month_of_the_sale_takes_it_back() -> None:
    desired = desired_books(a_failed_sale("2026-04-01T06:00:00+00:00", status=ChargeStatus.FAILED), POLICY)
    assert keys(desired) == [RECEIPT]
    receipt = document(desired, RECEIPT)
    assert receipt.existence is Existence.VOID
    assert [counter.key for counter in receipt.counters] == ["ch_1:reversal"]


def test_a_failure_in_a_later_month_is_a_refund_receipt_of_its_own_date() -> None:
    failed = a_failed_sale("2026-04-01T07:00:00+00:00", status=ChargeStatus.FAILED, captured=False, amount_captured=0)
    desired = desired_books(failed, POLICY)
    assert keys(desired) == ["cus_1:customer:usd", RECEIPT, "ch_1:reversal"]
    counter = document(desired, "ch_1:reversal")
    assert (counter.entity, counter.amount, counter.dates.txn) == (Entity.REFUND_RECEIPT, 3000, date(2026, 4, 1))
    assert items(counter) == [("sales", 3000)]
    assert settled(counter) == (-3000, "usd")
    assert document(desired, RECEIPT).existence is Existence.PRESENT


def test_a_failure_of_less_than_the_sale_is_never_a_void() -> None:
    row = a_transaction(-1000, "charge_failure", id="txn_9")
    desired = desired_books(a_failed_sale("2026-03-20T20:00:00+00:00", failure_balance_transaction=row), POLICY)
    assert document(desired, RECEIPT).existence is Existence.PRESENT
    assert items(document(desired, "ch_1:reversal")) == [("sales", 1000)]


def test_a_sale_before_the_books_that_failed_in_them_is_its_reversal_alone() -> None:
    policy = replace(POLICY, start_date=day("2026-03-21"), reversals=Reversals.VOID)
    desired = desired_books(a_failed_sale("2026-03-22T20:00:00+00:00"), policy)
    assert keys(desired) == ["cus_1:customer:usd", "ch_1:reversal"]
    assert skipped(desired) == {RECEIPT: "before_start_date"}
