"""Credits, receipts, journal entries, deposits and payments of zero become exactly these payloads."""

from dataclasses import replace
from decimal import Decimal

import pytest

from tests.unit.qbo.papers import (
    APPLICATION,
    BANK,
    CREDIT_MEMO,
    DEPOSIT,
    DISPUTES,
    EQUITY,
    FEES,
    HOURS,
    JOURNAL_ENTRY,
    OPEN_INVOICE,
    PAYMENT_REVERSAL,
    RECEIVABLE,
    REFUND_RECEIPT,
    SALES_RECEIPT,
)
from tests.unit.qbo.test_payloads import CLEARING, PAYMENT, REFERENCES
from wescope.books.documents import Application, Document, Entity, PaymentBody, ReceiptBody
from wescope.errors import ClassMissing, ItemMissing
from wescope.qbo.payloads import to_payload

PAPERS = replace(
    REFERENCES,
    qbo_ids={**REFERENCES.qbo_ids, OPEN_INVOICE.key: "131", CREDIT_MEMO.key: "140", PAYMENT_REVERSAL.key: "150"},
    accounts={CLEARING: "91", BANK: "35", FEES: "60", DISPUTES: "61", EQUITY: "34", RECEIVABLE: "84"},
    items={**REFERENCES.items, HOURS: "2"},
    classes={"West": "500"},
)


def test_a_credit_memo() -> None:
    assert to_payload(CREDIT_MEMO, PAPERS) == {
        "DocNumber": "ACME-0001-CN-01",
        "CustomerRef": {"value": "58"},
        "Line": [
            {
                "Amount": Decimal("10.00"),
                "Description": "1 Seat given back",
                "DetailType": "SalesItemLineDetail",
                "SalesItemLineDetail": {"ItemRef": {"value": "11"}, "TaxCodeRef": {"value": "NON"}},
            }
        ],
        "TxnDate": "2026-03-21",
        "PrivateNote": "Stripe credit note cn_1\nwescope:cn_1:credit_memo",
    }


def test_a_guests_sales_receipt_of_a_named_item() -> None:
    assert to_payload(SALES_RECEIPT, PAPERS) == {
        "DocNumber": "ch-5",
        "DepositToAccountRef": {"value": "91"},
        "PaymentRefNum": "5",
        "Line": [
            {
                "Amount": Decimal("25.00"),
                "Description": "Setup",
                "DetailType": "SalesItemLineDetail",
                "SalesItemLineDetail": {
                    "ItemRef": {"value": "2"},
                    "TaxCodeRef": {"value": "NON"},
                    "ServiceDate": "2026-03-01",
                },
            }
        ],
        "TxnDate": "2026-03-21",
        "PrivateNote": "Stripe charge ch_5\nwescope:ch_5:sales_receipt",
    }


def test_a_refund_receipt_of_a_customer() -> None:
    payload = to_payload(REFUND_RECEIPT, PAPERS)
    assert payload["CustomerRef"] == {"value": "58"}
    assert payload["DepositToAccountRef"] == {"value": "91"}


def test_a_journal_entry() -> None:
    payload = to_payload(JOURNAL_ENTRY, replace(PAPERS, custom_txn_numbers=False))
    assert payload["DocNumber"] == "txn-7"
    details = [(line["Amount"], line["JournalEntryLineDetail"]) for line in payload["Line"]]
    assert details == [
        (Decimal("12.00"), {"PostingType": "Debit", "AccountRef": {"value": "61"}}),
        (Decimal("3.00"), {"PostingType": "Debit", "AccountRef": {"value": "34"}}),
        (Decimal("15.00"), {"PostingType": "Credit", "AccountRef": {"value": "91"}}),
    ]
    assert "TotalAmt" not in payload


def test_a_journal_entry_names_the_customer_of_a_receivable() -> None:
    detail = to_payload(PAYMENT_REVERSAL, PAPERS)["Line"][0]["JournalEntryLineDetail"]
    assert detail == {
        "PostingType": "Debit",
        "AccountRef": {"value": "84"},
        "Entity": {"Type": "Customer", "EntityRef": {"value": "58"}},
    }


def test_a_deposit_links_nothing() -> None:
    assert to_payload(DEPOSIT, PAPERS) == {
        "DepositToAccountRef": {"value": "35"},
        "Line": [
            {
                "Amount": amount,
                "Description": description,
                "DetailType": "DepositLineDetail",
                "DepositLineDetail": {"AccountRef": {"value": account}},
            }
            for amount, description, account in (
                (Decimal("40.00"), "charge", "91"),
                (Decimal("-10.00"), "refund", "91"),
                (Decimal("-1.50"), "Processing fees", "60"),
            )
        ],
        "TxnDate": "2026-03-21",
        "PrivateNote": "Stripe payout po_1\nwescope:po_1:deposit",
    }


def test_a_payment_of_zero_applies_credits_and_names_no_account() -> None:
    payload = to_payload(APPLICATION, PAPERS)
    assert (payload["TotalAmt"], "DepositToAccountRef" in payload) == (0, False)
    assert [(line["Amount"], line["LinkedTxn"][0]) for line in payload["Line"]] == [
        (Decimal("10.00"), {"TxnId": "131", "TxnType": "Invoice"}),
        (Decimal("10.00"), {"TxnId": "140", "TxnType": "CreditMemo"}),
    ]


def test_a_payment_can_settle_a_journal_entry() -> None:
    assert isinstance(PAYMENT.body, PaymentBody)
    applied = Application(document=PAYMENT_REVERSAL.key, amount=3000, entity=Entity.JOURNAL_ENTRY)
    document = replace(PAYMENT, body=replace(PAYMENT.body, applications=(applied,)))
    assert to_payload(document, PAPERS)["Line"][0]["LinkedTxn"] == [{"TxnId": "150", "TxnType": "JournalEntry"}]


@pytest.mark.parametrize("document", [CREDIT_MEMO, SALES_RECEIPT, REFUND_RECEIPT, JOURNAL_ENTRY, DEPOSIT, APPLICATION])
def test_with_currencies_on_currency_and_rate_are_always_sent(document: Document) -> None:
    payload = to_payload(document, replace(PAPERS, multicurrency=True, exchange_rate=Decimal("1.08")))
    assert (payload["CurrencyRef"], payload["ExchangeRate"]) == ({"value": "USD"}, Decimal("1.08"))


def test_classes_are_of_lines() -> None:
    assert isinstance(SALES_RECEIPT.body, ReceiptBody)
    line = replace(SALES_RECEIPT.body.lines[0], class_name="West")
    document = replace(SALES_RECEIPT, body=replace(SALES_RECEIPT.body, lines=(line,)))
    assert to_payload(document, PAPERS)["Line"][0]["SalesItemLineDetail"]["ClassRef"] == {"value": "500"}
    with pytest.raises(ClassMissing, match="West"):
        to_payload(document, replace(PAPERS, classes={}))
    with pytest.raises(ItemMissing, match="Hours"):
        to_payload(document, replace(PAPERS, items={}))
