"""A write whose answer was lost is found by its marker, whatever the search that leads to it."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest

from tests.unit.qbo.doubles import Rig, found, rig
from tests.unit.qbo.papers import APPLICATION, CREDIT_MEMO, DEPOSIT, JOURNAL_ENTRY, REFUND_RECEIPT, SALES_RECEIPT
from tests.unit.qbo.test_payloads import CUSTOMER, INVOICE, PAYMENT, REFERENCES
from wescope.books.documents import Document
from wescope.qbo.lookup import Found, find

OURS = {"PrivateNote": "x\nwescope:in_1:invoice"}
SINCE = datetime(2026, 3, 15, 20, 0, tzinfo=UTC)


def statements(made: Rig) -> list[str]:
    conditions = [request.content.decode().partition(" WHERE ")[2] for request in made.server.requests]
    return [condition.partition(" ORDERBY ")[0] for condition in conditions]


async def test_an_invoice_is_found_by_its_number_and_newest_of_several() -> None:
    made = rig(found("Invoice", {"Id": "9", **OURS}, {"Id": "8"}, {"Id": "10", **OURS}))
    assert await find(made.client, INVOICE, REFERENCES) == Found(record={"Id": "10", **OURS}, others=("9",))
    assert statements(made) == ["DocNumber = 'ACME-0001'"]


async def test_somebody_elses_record_is_not_ours() -> None:
    strangers: list[dict[str, Any]] = [{"Id": "8"}, {"Id": "9", "PrivateNote": "wescope:in_12:invoice"}]
    made = rig(found("Invoice", *strangers), found("Invoice", *strangers))
    assert await find(made.client, INVOICE, REFERENCES) is None


async def test_without_numbers_an_invoice_is_found_by_customer_and_date() -> None:
    made = rig(found("Invoice", {"Id": "9", **OURS}))
    assert await find(made.client, INVOICE, replace(REFERENCES, custom_txn_numbers=False)) is not None
    assert statements(made) == ["CustomerRef = '58' AND TxnDate >= '2026-03-14' AND TxnDate <= '2026-03-16'"]


async def test_a_payment_is_looked_for_in_ever_wider_searches() -> None:
    nothing: list[httpx2.Response] = [found("Payment") for _ in range(3)]
    made = rig(*nothing)
    assert await find(made.client, PAYMENT, REFERENCES, since=SINCE) is None
    assert statements(made) == [
        "PaymentRefNum = '9'",
        "CustomerRef = '58' AND TxnDate >= '2026-03-19' AND TxnDate <= '2026-03-21'",
        "MetaData.CreateTime >= '2026-03-15T19:45:00+00:00'",
    ]


async def test_a_customer_is_looked_for_under_all_its_names_also_inactive() -> None:
    ours = {"Id": "58", "Notes": "wescope:cus_4:customer:usd", "Active": False}
    made = rig(found("Customer", {"Id": "57"}, ours))
    assert await find(made.client, CUSTOMER, REFERENCES) == Found(record=ours)
    names = "'Acme', 'Acme (deleted)', 'Acme (cus_4)', 'Acme (cus_4) (deleted)'"
    assert statements(made) == [f"DisplayName IN ({names}) AND Active IN (true, false)"]


@pytest.mark.parametrize(
    ("document", "conditions"),
    [
        (
            CREDIT_MEMO,
            [
                "DocNumber = 'ACME-0001-CN-01'",
                "CustomerRef = '58' AND TxnDate >= '2026-03-20' AND TxnDate <= '2026-03-22'",
            ],
        ),
        (SALES_RECEIPT, ["DocNumber = 'ch-5'", "TxnDate >= '2026-03-20' AND TxnDate <= '2026-03-22'"]),
        (
            REFUND_RECEIPT,
            ["DocNumber = 're-1'", "CustomerRef = '58' AND TxnDate >= '2026-03-20' AND TxnDate <= '2026-03-22'"],
        ),
        (JOURNAL_ENTRY, ["DocNumber = 'txn-7'", "TxnDate >= '2026-03-20' AND TxnDate <= '2026-03-22'"]),
        (DEPOSIT, ["TxnDate >= '2026-03-20' AND TxnDate <= '2026-03-22'"]),
        (
            APPLICATION,
            [
                "PaymentRefNum = 'cn-1'",
                "CustomerRef = '58' AND TxnDate >= '2026-03-20' AND TxnDate <= '2026-03-22'",
            ],
        ),
    ],
)
async def test_each_kind_is_looked_for_by_what_qbo_can_search(document: Document, conditions: list[str]) -> None:
    made = rig(*(found(document.entity.value) for _ in conditions))
    assert await find(made.client, document, REFERENCES) is None
    assert statements(made) == conditions
