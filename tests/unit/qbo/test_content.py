"""The digest of a record: what others own or QBO computes does not change it, what we write does."""

from decimal import Decimal
from typing import Any

import pytest

from tests.unit.qbo.test_verify import CUSTOMER_RECORD, INVOICE_RECORD, PAYMENT_RECORD
from wescope.qbo.content import content_digest, same_content, same_lines

RECORDS = {"Invoice": INVOICE_RECORD, "Payment": PAYMENT_RECORD, "Customer": CUSTOMER_RECORD}


@pytest.mark.parametrize(
    ("entity", "change"),
    [
        ("Invoice", {"SyncToken": "5", "Balance": Decimal(0), "MetaData": {"LastUpdatedTime": "2026-11-22"}}),
        ("Invoice", {"LinkedTxn": [{"TxnId": "9", "TxnType": "Payment"}]}),
        ("Invoice", {"TotalAmt": Decimal("30.00"), "ExchangeRate": 1, "TxnTaxDetail": None}),
        ("Invoice", {"CustomerRef": {"value": "58", "name": "Renamed"}, "SalesTermRef": {"value": "3"}}),
        ("Payment", {"LinkedTxn": [{"TxnId": "12", "TxnType": "Deposit"}], "UnappliedAmt": Decimal(1)}),
        ("Customer", {"DisplayName": "Renamed", "Balance": 7, "Mobile": {"FreeFormNumber": "1"}}),
    ],
)
def test_what_is_not_ours_does_not_change_it(entity: str, change: dict[str, Any]) -> None:
    content = content_digest(entity, RECORDS[entity])
    assert same_content(entity, content, {**RECORDS[entity], **change})


@pytest.mark.parametrize(
    ("entity", "change", "lines"),
    [
        ("Invoice", {"TxnDate": "2026-03-16"}, True),
        ("Invoice", {"DueDate": "2026-03-16"}, True),
        ("Invoice", {"DocNumber": "1043"}, True),
        ("Invoice", {"PrivateNote": "other"}, True),
        ("Invoice", {"CustomerRef": {"value": "59"}}, True),
        ("Invoice", {"ExchangeRate": Decimal("1.1")}, True),
        ("Invoice", {"Line": INVOICE_RECORD["Line"][1:]}, False),
        ("Invoice", {"Line": [{**INVOICE_RECORD["Line"][0], "Description": "x"}, *INVOICE_RECORD["Line"][1:]]}, False),
        ("Invoice", {"TxnTaxDetail": {"TotalTax": Decimal("2.40")}}, False),
        ("Payment", {"Line": []}, False),
        ("Payment", {"PaymentRefNum": "check"}, True),
        ("Customer", {"Active": False}, True),
        ("Customer", {"Notes": ""}, True),
    ],
)
def test_what_is_ours_changes_it(entity: str, change: dict[str, Any], lines: bool) -> None:
    content, record = content_digest(entity, RECORDS[entity]), {**RECORDS[entity], **change}
    assert not same_content(entity, content, record)
    assert same_lines(entity, content, record) is lines


def test_the_order_of_lines_counts_where_people_read_them() -> None:
    turned = {**INVOICE_RECORD, "Line": INVOICE_RECORD["Line"][::-1]}
    assert not same_content("Invoice", content_digest("Invoice", INVOICE_RECORD), turned)
    paid = {**PAYMENT_RECORD, "Line": [*PAYMENT_RECORD["Line"], {"Amount": 1, "LinkedTxn": []}]}
    back = {**paid, "Line": paid["Line"][::-1]}
    assert same_content("Payment", content_digest("Payment", paid), back)


def test_no_text_can_be_read_from_it() -> None:
    content = content_digest("Invoice", {**INVOICE_RECORD, "PrivateNote": "secret"})
    assert len(content) == 49
    assert "secret" not in content
