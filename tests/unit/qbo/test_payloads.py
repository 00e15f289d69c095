"""Documents become exactly these payloads."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from wescope.books.documents import (
    Application,
    CustomerBody,
    Document,
    Entity,
    InvoiceBody,
    KeyDates,
    PaymentBody,
    SalesLine,
)
from wescope.books.policy import AccountRole, ItemRole, RoleAccount
from wescope.books.subjects import customer_key, invoice_key, payment_key
from wescope.errors import AccountMissing, ItemMissing
from wescope.qbo import wire
from wescope.qbo.payloads import References, has_any_marker, has_marker, to_payload

CLEARING = RoleAccount(role=AccountRole.CLEARING, currency="usd")
CUSTOMER_KEY, INVOICE_KEY = customer_key("cus_4", "usd"), invoice_key("in_1")
DATES = KeyDates(txn=date(2026, 3, 15), due=date(2026, 4, 14))

CUSTOMER = Document(
    key=CUSTOMER_KEY,
    entity=Entity.CUSTOMER,
    currency="usd",
    amount=0,
    body=CustomerBody(display_names=("Acme", "Acme (cus_4)")),
    note="Stripe customer cus_4",
)
INVOICE = Document(
    key=INVOICE_KEY,
    entity=Entity.INVOICE,
    currency="usd",
    amount=3000,
    body=InvoiceBody(
        customer=CUSTOMER_KEY,
        lines=(
            SalesLine(item=ItemRole.SALES, amount=3510, description="3 Seats", service_date=date(2026, 3, 1)),
            SalesLine(item=ItemRole.DISCOUNT, amount=-510, description="Loyal"),
        ),
        doc_number="ACME-0001",
    ),
    dates=DATES,
    note="Stripe invoice in_1 ACME-0001",
)
PAYMENT = Document(
    key=payment_key("ch_9"),
    entity=Entity.PAYMENT,
    currency="usd",
    amount=3005,
    body=PaymentBody(
        customer=CUSTOMER_KEY,
        deposit_to=CLEARING,
        reference="9",
        applications=(Application(document=INVOICE_KEY, amount=3000),),
    ),
    dates=KeyDates(txn=date(2026, 3, 20)),
    note="Stripe charge ch_9",
)
REFERENCES = References(
    qbo_ids={CUSTOMER_KEY: "58", INVOICE_KEY: "130"},
    accounts={CLEARING: "91"},
    items={ItemRole.SALES: "11", ItemRole.DISCOUNT: "12"},
)


def test_a_customer_is_lean() -> None:
    assert to_payload(CUSTOMER, REFERENCES) == {
        "DisplayName": "Acme",
        "Notes": "Stripe customer cus_4\nwescope:cus_4:customer:usd",
    }


def test_a_customer_has_currency_email_and_chosen_name_when_told() -> None:
    document = replace(CUSTOMER, body=CustomerBody(display_names=("Acme", "B"), email="books@acme.example"))
    assert to_payload(document, replace(REFERENCES, multicurrency=True, display_name="B")) == {
        "DisplayName": "B",
        "Notes": "Stripe customer cus_4\nwescope:cus_4:customer:usd",
        "CurrencyRef": {"value": "USD"},
        "PrimaryEmailAddr": {"Address": "books@acme.example"},
    }


def test_an_invoice() -> None:
    assert to_payload(INVOICE, REFERENCES) == {
        "CustomerRef": {"value": "58"},
        "TxnDate": "2026-03-15",
        "DueDate": "2026-04-14",
        "DocNumber": "ACME-0001",
        "Line": [
            {
                "Amount": Decimal("35.10"),
                "Description": "3 Seats",
                "DetailType": "SalesItemLineDetail",
                "SalesItemLineDetail": {
                    "ItemRef": {"value": "11"},
                    "TaxCodeRef": {"value": "NON"},
                    "ServiceDate": "2026-03-01",
                },
            },
            {
                "Amount": Decimal("-5.10"),
                "Description": "Loyal",
                "DetailType": "SalesItemLineDetail",
                "SalesItemLineDetail": {"ItemRef": {"value": "12"}, "TaxCodeRef": {"value": "NON"}},
            },
        ],
        "PrivateNote": "Stripe invoice in_1 ACME-0001\nwescope:in_1:invoice",
        "AllowOnlineCreditCardPayment": False,
        "AllowOnlineACHPayment": False,
        "EmailStatus": "NotSet",
    }


def test_an_invoice_of_a_company_that_numbers_by_itself_and_has_currencies() -> None:
    payload = to_payload(INVOICE, replace(REFERENCES, custom_txn_numbers=False, multicurrency=True))
    assert "DocNumber" not in payload
    assert payload["CurrencyRef"] == {"value": "USD"}
    assert payload["ExchangeRate"] == 1


def test_a_payment() -> None:
    assert to_payload(PAYMENT, REFERENCES) == {
        "CustomerRef": {"value": "58"},
        "TotalAmt": Decimal("30.05"),
        "TxnDate": "2026-03-20",
        "DepositToAccountRef": {"value": "91"},
        "PaymentRefNum": "9",
        "PrivateNote": "Stripe charge ch_9\nwescope:ch_9:payment",
        "Line": [{"Amount": Decimal("30.00"), "LinkedTxn": [{"TxnId": "130", "TxnType": "Invoice"}]}],
    }


def test_an_unapplied_payment_has_no_lines() -> None:
    assert isinstance(PAYMENT.body, PaymentBody)
    document = replace(PAYMENT, body=replace(PAYMENT.body, applications=()))
    assert to_payload(document, REFERENCES)["Line"] == []


@pytest.mark.parametrize(
    ("currency", "amount", "written"),
    [
        ("usd", 3005, "30.05"),
        ("jpy", 3005, "3005"),
        ("kwd", 3010, "3.01"),
        ("kwd", 3000, "3.00"),
        ("kwd", 3005, "3.005"),
        ("isk", 3005, "30.05"),
    ],
)
def test_amounts_are_exact_in_every_currency(currency: str, amount: int, written: str) -> None:
    payload = to_payload(replace(PAYMENT, currency=currency, amount=amount), REFERENCES)
    assert f'"TotalAmt":{written},' in wire.dumps(payload)


def test_long_notes_are_cut_and_the_marker_is_kept() -> None:
    payload = to_payload(replace(INVOICE, note="x" * 5000), REFERENCES)
    assert len(payload["PrivateNote"]) == 4000
    assert has_marker(payload, INVOICE_KEY)
    assert len(to_payload(replace(CUSTOMER, note="y" * 5000), REFERENCES)["Notes"]) == 2000


def test_descriptions_are_cut_and_without_control_characters() -> None:
    assert isinstance(INVOICE.body, InvoiceBody)
    line = replace(INVOICE.body.lines[0], description="a\tb\x00c\r\n" + "é" * 5000)
    payload = to_payload(replace(INVOICE, body=replace(INVOICE.body, lines=(line,))), REFERENCES)
    description = payload["Line"][0]["Description"]
    assert description.startswith("a b c \né")
    assert len(description) == 4000


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({"PrivateNote": "wescope:in_1:invoice"}, True),
        ({"PrivateNote": "Voided - Stripe in_1\nwescope:in_1:invoice"}, True),
        ({"Notes": "x wescope:in_1:invoice"}, True),
        ({"PrivateNote": "wescope:in_12:invoice"}, False),
        ({"PrivateNote": "wescope:in_1:invoice2"}, False),
        ({"PrivateNote": "xwescope:in_1:invoice"}, False),
        ({"PrivateNote": None}, False),
        ({}, False),
    ],
)
def test_only_the_exact_marker_counts(record: dict[str, str], expected: bool) -> None:
    assert has_marker(record, INVOICE_KEY) is expected


@pytest.mark.parametrize(
    ("note", "expected"),
    [
        ("wescope:in_1:invoice", True),
        ("Voided - x\nwescope:in_9:payment", True),
        ("by wescope: none", False),
        ("", False),
    ],
)
def test_any_marker_says_that_a_record_is_ours(note: str, expected: bool) -> None:
    assert has_any_marker({"PrivateNote": note}) is expected


def test_unresolved_roles_are_named() -> None:
    with pytest.raises(AccountMissing, match="clearing"):
        to_payload(PAYMENT, replace(REFERENCES, accounts={}))
    with pytest.raises(ItemMissing, match="sales"):
        to_payload(INVOICE, replace(REFERENCES, items={}))
