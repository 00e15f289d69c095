"""QBO's answer is compared with the intent: nothing that differs passes, nothing that QBO adds is held against it."""

import json
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from tests.unit.qbo.doubles import shared_data
from tests.unit.qbo.test_payloads import CUSTOMER, INVOICE, PAYMENT, REFERENCES
from wescope.books.documents import Existence
from wescope.qbo import wire
from wescope.qbo.payloads import to_payload
from wescope.qbo.verify import differences, edits, is_void


def answered(payload: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The payload as QBO answers it: with ids, names, totals and its own subtotal line."""
    record = {**json.loads(wire.dumps(payload), parse_float=Decimal), "Id": "7", "SyncToken": "0", "domain": "QBO"}
    record["CustomerRef"] = {"value": "58", "name": "Acme"}
    record["CurrencyRef"] = {"value": "USD", "name": "United States Dollar"}
    return {**record, **more}


INVOICE_PAYLOAD = to_payload(INVOICE, REFERENCES)
SUBTOTAL = {"Amount": Decimal("30.0"), "DetailType": "SubTotalLineDetail", "SubTotalLineDetail": {}}
INVOICE_RECORD = answered(
    INVOICE_PAYLOAD, TotalAmt=Decimal("30.0"), Balance=Decimal(30), TxnTaxDetail={"TotalTax": 0}, LinkedTxn=[]
)
INVOICE_RECORD["Line"] = [*INVOICE_RECORD["Line"], SUBTOTAL]
PAYMENT_PAYLOAD = to_payload(PAYMENT, REFERENCES)
PAYMENT_RECORD = answered(PAYMENT_PAYLOAD, UnappliedAmt=Decimal("0.05"), ProcessPayment=False)
CUSTOMER_PAYLOAD = to_payload(CUSTOMER, REFERENCES)
CUSTOMER_RECORD = answered(CUSTOMER_PAYLOAD, Active=True, Balance=0)


def test_what_qbo_adds_is_no_difference() -> None:
    assert differences(INVOICE, INVOICE_PAYLOAD, INVOICE_RECORD) == ()
    assert differences(PAYMENT, PAYMENT_PAYLOAD, PAYMENT_RECORD) == ()
    assert differences(CUSTOMER, CUSTOMER_PAYLOAD, CUSTOMER_RECORD) == ()


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"TotalAmt": Decimal("32.40")}, ("TotalAmt:30.00/32.40",)),
        ({"TotalAmt": Decimal("30.001")}, ("TotalAmt:30.00/30.001",)),
        ({"TotalAmt": None}, ("TotalAmt:30.00/None",)),
        ({"TxnTaxDetail": {"TotalTax": Decimal("2.40")}}, ("TotalTax:0/2.40",)),
        ({"CurrencyRef": {"value": "CAD"}}, ("CurrencyRef:USD/CAD",)),
        ({"CustomerRef": {"value": "59"}}, ("CustomerRef:58/59",)),
        ({"TxnDate": "2026-03-16"}, ("TxnDate",)),
        ({"DueDate": "2026-03-16"}, ("DueDate",)),
        ({"DocNumber": "1043"}, ("DocNumber",)),
        ({"PrivateNote": "other"}, ("marker",)),
        ({"Line": INVOICE_RECORD["Line"][1:]}, ("Line:2/1", "Line1.Amount:35.10/-5.10", "Line1.ItemRef:11/12")),
    ],
)
def test_an_invoice_that_differs_is_named(change: dict[str, Any], expected: tuple[str, ...]) -> None:
    assert differences(INVOICE, INVOICE_PAYLOAD, {**INVOICE_RECORD, **change}) == expected


LINE = PAYMENT_RECORD["Line"][0]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"Line": [], "UnappliedAmt": Decimal("30.05")}, ("LinkedTxn.Invoice.130:30.00/0", "UnappliedAmt:0.05/30.05")),
        ({"Line": [{**LINE, "LinkedTxn": []}]}, ("LinkedTxn.Invoice.130:30.00/0",)),
        ({"Line": [{**LINE, "Amount": Decimal(20)}]}, ("LinkedTxn.Invoice.130:30.00/20",)),
        (
            {"Line": [LINE, {"Amount": Decimal("0.05"), "LinkedTxn": [{"TxnId": "131", "TxnType": "Invoice"}]}]},
            ("LinkedTxn.Invoice.131:0/0.05",),
        ),
        ({"DepositToAccountRef": {"value": "4"}}, ("DepositToAccountRef:91/4",)),
        ({"PaymentRefNum": "8"}, ("PaymentRefNum",)),
        ({"TotalAmt": 30}, ("TotalAmt:30.05/30",)),
    ],
)
def test_a_payment_that_differs_is_named(change: dict[str, Any], expected: tuple[str, ...]) -> None:
    assert differences(PAYMENT, PAYMENT_PAYLOAD, {**PAYMENT_RECORD, **change}) == expected


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"DisplayName": "Acme (cus_4)"}, ()),
        ({"DisplayName": "Somebody"}, ("DisplayName",)),
        ({"Active": False}, ("Active",)),
        ({"CurrencyRef": {"value": "EUR"}}, ("CurrencyRef:USD/EUR",)),
        ({"Notes": ""}, ("marker",)),
    ],
)
def test_a_customer_that_differs_is_named(change: dict[str, Any], expected: tuple[str, ...]) -> None:
    assert differences(CUSTOMER, CUSTOMER_PAYLOAD, {**CUSTOMER_RECORD, **change}) == expected


def test_differences_hold_no_names() -> None:
    record = {**INVOICE_RECORD, "CustomerRef": {"value": "59", "name": "Jane Roe"}, "DocNumber": "Jane Roe"}
    assert "Jane" not in "".join(differences(INVOICE, INVOICE_PAYLOAD, record))


def test_a_void_document_is_right_when_all_amounts_are_zero() -> None:
    void = replace(PAYMENT, existence=Existence.VOID)
    sample = wire.loads((shared_data() / "qbo" / "samples" / "payment_void.json").read_text())
    assert differences(void, {}, sample["response"]["Payment"]) == ()
    assert differences(void, {}, PAYMENT_RECORD) == ("TotalAmt:0.00/30.05", "UnappliedAmt:0.00/0.05", "Line")


def test_a_recorded_void_invoice_is_void() -> None:
    recording = wire.loads((shared_data() / "qbo" / "recordings" / "void__invoice.json").read_text())
    before, after = (entry["body"]["Invoice"] for entry in recording)
    assert not is_void(before)
    assert is_void(after)


def test_a_zero_invoice_with_lines_is_not_void() -> None:
    lines = [{"Amount": Decimal(5)}, {"Amount": Decimal(-5)}]
    assert not is_void({"TotalAmt": 0, "Balance": 0, "Line": lines})
    assert not is_void({"DisplayName": "Acme"})


def test_edits_name_the_fields_that_somebody_changed() -> None:
    posted = date(2026, 3, 15)
    assert edits(INVOICE, INVOICE_RECORD, amount=3000, txn_date=posted) == ()
    edited = {**INVOICE_RECORD, "TotalAmt": Decimal(31), "TxnDate": "2026-03-16", "PrivateNote": ""}
    assert edits(INVOICE, edited, amount=3000, txn_date=posted) == ("TotalAmt", "TxnDate", "marker")
    assert edits(CUSTOMER, CUSTOMER_RECORD, amount=0, txn_date=None) == ()
