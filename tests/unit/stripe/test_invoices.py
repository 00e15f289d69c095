from datetime import UTC, datetime
from typing import Any

import pytest

from tests.unit.stripe.payloads import CREATED, charge, customer, invoice, line, paid_invoice
from wescope.books.values import Allocation, Customer, InvoiceStatus, PaymentSource
from wescope.errors import ObjectUnreadable
from wescope.stripe.parsing import parse_customer, parse_invoice

CREATED_AT = datetime.fromtimestamp(CREATED, UTC)


def test_an_open_invoice() -> None:
    parsed = parse_invoice(invoice())
    assert (parsed.id, parsed.status, parsed.number, parsed.total) == ("in_1", InvoiceStatus.OPEN, "A-1", 1000)
    assert parsed.created == parsed.effective_at == parsed.finalized_at == CREATED_AT
    assert parsed.created.tzinfo is UTC
    assert [line.id for line in parsed.lines] == ["il_1"]
    assert parsed.payments == ()


def test_more_lines_than_the_payload_holds() -> None:
    parsed = parse_invoice(invoice(), lines=[line(id="il_1"), line(id="il_2")])
    assert [line.id for line in parsed.lines] == ["il_1", "il_2"]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"customer": "cus_1"}, Customer(id="cus_1", name="Ada", email="ada@example.com")),
        ({"customer": customer()}, Customer(id="cus_1", name="Ada Lovelace", email="ada@example.org")),
        (
            {"customer": {"id": "cus_1", "object": "customer", "deleted": True}},
            Customer(id="cus_1", name="Ada", email="ada@example.com", deleted=True),
        ),
        ({"customer": None}, Customer(id="", name=None, email=None)),
    ],
)
def test_customer_by_id_expanded_deleted_or_absent(fields: dict[str, Any], expected: Customer) -> None:
    assert parse_invoice(invoice(**fields)).customer == expected


def test_customer_at_hand() -> None:
    assert parse_invoice(invoice(), customer=customer()).customer == parse_customer(customer())


def test_before_2019() -> None:
    payload = paid_invoice(date=CREATED, finalized_at=CREATED, paid=True)
    for name in ("created", "status", "status_transitions", "effective_at"):
        del payload[name]
    parsed = parse_invoice(payload)
    assert (parsed.status, parsed.created, parsed.finalized_at) == (InvoiceStatus.PAID, CREATED_AT, CREATED_AT)
    forgiven = {name: value for name, value in payload.items() if name != "paid"} | {"forgiven": True}
    assert parse_invoice(forgiven).status is InvoiceStatus.UNCOLLECTIBLE


def test_a_charge_named_by_an_old_payload_is_a_payment() -> None:
    (payment,) = parse_invoice(paid_invoice(charge="ch_1")).payments
    assert (payment.source, payment.source_id, payment.charge) == (PaymentSource.CHARGE, "ch_1", None)
    assert payment.allocations == (Allocation(invoice="in_1", amount=1000),)
    (payment,) = parse_invoice(paid_invoice(charge=charge())).payments
    assert payment.charge is not None
    assert payment.charge.balance_transaction is not None


def test_an_old_payload_paid_out_of_band() -> None:
    (payment,) = parse_invoice(paid_invoice(charge=None, paid_out_of_band=True)).payments
    assert (payment.source, payment.source_id) == (PaymentSource.OUT_OF_BAND, "in_1")
    assert payment.paid_at == datetime.fromtimestamp(CREATED + 60, UTC)


def test_an_old_charge_that_paid_nothing_is_no_payment() -> None:
    assert parse_invoice(invoice(charge="ch_1")).payments == ()


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"status": "late"}, "status"),
        ({"status": None}, "status"),
        ({"total": None}, "total"),
        ({"currency": "USD"}, "currency"),
        ({"customer": 7}, "customer"),
        ({"lines": None}, "lines.data"),
        ({"status_transitions": {"finalized_at": "soon"}}, "status_transitions.finalized_at"),
    ],
)
def test_what_cannot_be_read_is_named(fields: dict[str, Any], field: str) -> None:
    with pytest.raises(ObjectUnreadable) as raised:
        parse_invoice(invoice(**fields))
    assert raised.value.detail == field
    assert raised.value.details == {"object_id": "in_1"}


def test_a_payload_without_id() -> None:
    with pytest.raises(ObjectUnreadable, match=" id "):
        parse_invoice(invoice(id=None))
