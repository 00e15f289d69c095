"""Answers to credits, receipts, journal entries and deposits are compared as invoices are."""

import json
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from tests.unit.qbo.papers import (
    APPLICATION,
    CREDIT_MEMO,
    DEPOSIT,
    JOURNAL_ENTRY,
    PAYMENT_REVERSAL,
    REFUND_RECEIPT,
    SALES_RECEIPT,
)
from tests.unit.qbo.test_payloads import INVOICE, PAYMENT
from tests.unit.qbo.test_payloads_of_papers import PAPERS
from wescope.books.documents import Document, Entity, Settled
from wescope.qbo import wire
from wescope.qbo.payloads import to_payload
from wescope.qbo.records import TAKEN_BACK_BY
from wescope.qbo.verify import differences, edits, is_void, leftovers

ALL = [CREDIT_MEMO, SALES_RECEIPT, REFUND_RECEIPT, JOURNAL_ENTRY, PAYMENT_REVERSAL, DEPOSIT, APPLICATION]


def answered(document: Document, **more: Any) -> dict[str, Any]:
    payload = json.loads(wire.dumps(to_payload(document, PAPERS)), parse_float=Decimal)
    total = 0 if document.entity is Entity.JOURNAL_ENTRY else wire.amount(document.amount, document.currency)
    added = {"UnappliedAmt": 0} if document.entity is Entity.PAYMENT else {}
    return {**payload, "Id": "7", "SyncToken": "0", "TotalAmt": total, **added, **more}


@pytest.mark.parametrize("document", ALL)
def test_what_was_meant_is_right_and_neither_void_nor_edited(document: Document) -> None:
    record = answered(document)
    assert differences(document, to_payload(document, PAPERS), record) == ()
    assert not is_void(record)
    assert edits(document, record, amount=document.amount, txn_date=document.dates.txn) == ()


def changed(document: Document, index: int, detail: str, **fields: Any) -> dict[str, Any]:
    lines = answered(document)["Line"]
    lines[index] = {**lines[index], detail: {**lines[index][detail], **fields}}
    return {"Line": lines}


@pytest.mark.parametrize(
    ("document", "change", "expected"),
    [
        (CREDIT_MEMO, {"TotalAmt": 11}, ("TotalAmt:10.00/11",)),
        (CREDIT_MEMO, {"DocNumber": "9"}, ("DocNumber",)),
        (SALES_RECEIPT, {"DepositToAccountRef": {"value": "4"}}, ("DepositToAccountRef:91/4",)),
        (SALES_RECEIPT, {"PaymentRefNum": "4"}, ("PaymentRefNum",)),
        (SALES_RECEIPT, {"CustomerRef": {"value": "4"}}, ("CustomerRef:None/4",)),
        (
            JOURNAL_ENTRY,
            changed(JOURNAL_ENTRY, 0, "JournalEntryLineDetail", AccountRef={"value": "9"}),
            ("Line1.AccountRef:61/9",),
        ),
        (
            PAYMENT_REVERSAL,
            changed(PAYMENT_REVERSAL, 0, "JournalEntryLineDetail", Entity=None),
            ("Line1.Entity:58/None",),
        ),
        (JOURNAL_ENTRY, {"Line": answered(JOURNAL_ENTRY)["Line"][::-1]}, ()),
        (DEPOSIT, {"Line": answered(DEPOSIT)["Line"][::-1]}, ()),
        (DEPOSIT, {"Line": answered(DEPOSIT)["Line"][:2], "TotalAmt": 30}, ("TotalAmt:28.50/30", "Line:3/2")),
        (
            APPLICATION,
            {"Line": answered(APPLICATION)["Line"][:1], "UnappliedAmt": -10},
            ("LinkedTxn.CreditMemo.140:10.00/0", "UnappliedAmt:0.00/-10"),
        ),
    ],
)
def test_what_differs_is_named(document: Document, change: dict[str, Any], expected: tuple[str, ...]) -> None:
    found = differences(document, to_payload(document, PAPERS), {**answered(document), **change})
    assert found == expected


def test_a_journal_entry_that_somebody_edited_is_noticed_although_its_total_is_zero() -> None:
    record = answered(JOURNAL_ENTRY, TxnDate="2026-03-22")
    record["Line"][0]["Amount"] = Decimal(13)
    assert edits(JOURNAL_ENTRY, record, amount=1500, txn_date=date(2026, 3, 21)) == ("TotalAmt", "TxnDate")


EUR_PAYMENT = replace(
    PAYMENT,
    currency="eur",
    amount=3000,
    exchange_rate=Decimal("1.0867"),
    settled=Settled(amount=3260, currency="usd"),
)
EUR = replace(PAPERS, multicurrency=True, exchange_rate=Decimal("1.0867"))


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, ()),
        ({"ExchangeRate": Decimal("1.08670001")}, ()),
        ({"ExchangeRate": 1}, ("ExchangeRate:1.0867/1",)),
        ({"ExchangeRate": None}, ("ExchangeRate:1.0867/None",)),
        ({"HomeTotalAmt": Decimal("32.60")}, ()),
        ({"HomeTotalAmt": Decimal("32.61")}, ("HomeTotalAmt:32.60/32.61",)),
    ],
)
def test_rate_and_home_total_are_compared(change: dict[str, Any], expected: tuple[str, ...]) -> None:
    payload = to_payload(EUR_PAYMENT, EUR)
    record = {**payload, "UnappliedAmt": 0, **change}
    assert differences(EUR_PAYMENT, payload, record) == expected


def test_a_payment_shows_no_home_total_but_its_rate_must_give_it() -> None:
    document = replace(EUR_PAYMENT, settled=Settled(amount=3261, currency="usd"))
    payload = to_payload(document, EUR)
    assert differences(document, payload, {**payload, "UnappliedAmt": 0}) == ("HomeTotalAmt:32.61/32.60",)


def test_what_was_applied_without_being_asked_is_named() -> None:
    assert leftovers(INVOICE, {"TotalAmt": 30, "Balance": 30}) == ()
    assert leftovers(INVOICE, {"TotalAmt": 30, "Balance": 12}) == ("Balance:30.00/12",)
    assert leftovers(CREDIT_MEMO, {"Balance": 0}) == ("Balance:10.00/0",)
    assert leftovers(PAYMENT, {"Balance": 0}) == ()


def test_every_transaction_can_be_taken_back() -> None:
    assert set(TAKEN_BACK_BY) == set(Entity) - {Entity.CUSTOMER}
    assert {entity for entity, way in TAKEN_BACK_BY.items() if way == "void"} == {
        Entity.INVOICE,
        Entity.PAYMENT,
        Entity.SALES_RECEIPT,
    }
