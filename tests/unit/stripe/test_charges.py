from decimal import Decimal
from typing import Any

import pytest

from tests.unit.stripe.payloads import balance_transaction, charge, invoice_payment
from wescope.books.values import ChargeStatus
from wescope.errors import ObjectUnreadable
from wescope.stripe.parsing import parse_balance_transaction, parse_charge, parse_payment_part


def test_a_charge_with_its_row() -> None:
    parsed = parse_charge(charge())
    assert (parsed.id, parsed.status, parsed.amount_captured) == ("ch_1", ChargeStatus.SUCCEEDED, 1000)
    assert parsed.balance_transaction == parse_balance_transaction(balance_transaction())


@pytest.mark.parametrize("row", [None, "txn_1"])
def test_a_charge_whose_row_is_not_at_hand(row: str | None) -> None:
    assert parse_charge(charge(balance_transaction=row)).balance_transaction is None


@pytest.mark.parametrize(("captured", "amount"), [(True, 1000), (False, 0)])
def test_before_there_was_an_amount_captured(captured: bool, amount: int) -> None:
    payload = charge(captured=captured)
    del payload["amount_captured"]
    assert parse_charge(payload).amount_captured == amount


def test_a_dispute_of_old_payloads() -> None:
    payload = charge(dispute="dp_1")
    del payload["disputed"]
    assert parse_charge(payload).disputed


@pytest.mark.parametrize("rate", ["1.0873", Decimal("1.0873"), 1.0873])
def test_exchange_rate_is_exact(rate: object) -> None:
    assert parse_balance_transaction(balance_transaction(exchange_rate=rate)).exchange_rate == Decimal("1.0873")


def test_an_old_row_without_category() -> None:
    payload = balance_transaction(type="payment", reporting_category=None)
    assert parse_balance_transaction(payload).reporting_category == "charge"
    with pytest.raises(ObjectUnreadable, match="reporting_category"):
        parse_balance_transaction(balance_transaction(type="adjustment", reporting_category=None))


def test_a_row_that_does_not_add_up() -> None:
    with pytest.raises(ObjectUnreadable, match=" net "):
        parse_balance_transaction(balance_transaction(net=940))


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"amount": "10.00"}, "amount"),
        ({"status": None}, "status"),
        ({"status": "maybe"}, "status"),
        ({"captured": None}, "captured"),
        ({"currency": None}, "currency"),
    ],
)
def test_what_cannot_be_read_of_a_charge_is_named(fields: dict[str, Any], field: str) -> None:
    with pytest.raises(ObjectUnreadable) as raised:
        parse_charge(charge(**fields))
    assert (raised.value.detail, raised.value.details) == (field, {"object_id": "ch_1"})


def test_an_invoice_payment() -> None:
    part = parse_payment_part(invoice_payment())
    assert (part.invoice, part.source, part.source_id, part.amount) == ("in_1", "payment_intent", "pi_1", 1000)
    open_part = parse_payment_part(
        invoice_payment(status="open", amount_paid=None, status_transitions={"paid_at": None, "canceled_at": None})
    )
    assert (open_part.amount, open_part.paid_at) == (0, None)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"status": "status"}, "status"),
        ({"payment": {"type": "barter"}}, "payment.type"),
        ({"payment": {"type": "payment_intent"}}, "payment.payment_intent"),
        ({"amount_paid": None}, "amount_paid"),
        ({"status_transitions": {}}, "status_transitions.paid_at"),
        ({"invoice": None}, "invoice"),
    ],
)
def test_what_cannot_be_read_of_an_invoice_payment_is_named(fields: dict[str, Any], field: str) -> None:
    with pytest.raises(ObjectUnreadable) as raised:
        parse_payment_part(invoice_payment(**fields))
    assert raised.value.detail == field
