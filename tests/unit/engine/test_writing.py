"""Request ids, back-off and parked items: the pure parts of writing."""

import re
from dataclasses import replace
from datetime import date

import pytest

from tests.unit.engine.test_plan import CUSTOMER, INVOICE
from wescope.books.parking import REASONS, ParkCode
from wescope.engine.closing import moved
from wescope.engine.intents import content_of, display_name, lines_of, request_id, side_request_id, variants
from wescope.engine.parks import missing, parked, refusal
from wescope.engine.plan import plan_step
from wescope.engine.reconcile import backoff_s
from wescope.errors import (
    AccountMissing,
    ClassMissing,
    ConfigurationError,
    ExchangeRateMissing,
    ItemMissing,
    PeriodClosed,
    QboRefused,
    TaxCodeMissing,
)
from wescope.links.store import Operation


def _id(realm: str = "1", note: str = "", operation: Operation = Operation.CREATE, generation: int = 0) -> str:
    step = plan_step(replace(INVOICE, note=note), None)
    return request_id(realm, step, operation, generation=generation, variant=0)


def test_a_request_id_is_stable_and_fits_a_batch() -> None:
    assert _id() == _id()
    assert re.fullmatch("ws[0-9a-f]{34}", _id())


def test_another_intent_has_another_request_id() -> None:
    ids = {_id(), _id(realm="2"), _id(note="x"), _id(operation=Operation.VOID), _id(generation=1)}
    assert len(ids) == 5


def test_a_document_on_another_day_is_another_request() -> None:
    step = plan_step(INVOICE, None)
    days = [date(2026, 12, 1), date(2026, 12, 2)]
    steps = [replace(step, document=moved(INVOICE, day), stated_date=INVOICE.dates.txn) for day in days]
    ids = {request_id("1", one, Operation.CREATE, generation=0, variant=0) for one in (step, *steps)}
    assert len(ids) == 3


def test_waits_double_and_end_and_are_spread() -> None:
    waits = [backoff_s(failures, first=1, last=300) for failures in range(60)]
    for failures, wait_s in enumerate(waits):
        meant = min(300, 2**failures)
        assert 0.8 * meant <= wait_s <= 1.2 * meant
    assert len({backoff_s(3, first=1, last=300) for _ in range(20)}) > 1


def test_a_parked_item_carries_amount_and_details() -> None:
    item = parked(INVOICE, ParkCode.WAITING, waiting_on="x")
    assert (item.key, item.amount, item.currency, item.details) == (INVOICE.key, 1_000, "usd", {"waiting_on": "x"})


def test_a_refusal_names_the_fault_and_closed_periods() -> None:
    item = refusal(INVOICE, ParkCode.REFUSED_BY_QBO, QboRefused(fault_code="2290", intuit_tid="t-1"))
    assert (item.code, item.details["fault_code"], item.details["intuit_tid"]) == (
        ParkCode.REFUSED_BY_QBO,
        "2290",
        "t-1",
    )
    assert refusal(INVOICE, ParkCode.REFUSED_BY_QBO, PeriodClosed(fault_code="6210")).code is ParkCode.PERIOD_CLOSED


@pytest.mark.parametrize("code", list(ParkCode))
def test_every_code_has_a_reason_an_owner_and_a_remedy(code: ParkCode) -> None:
    reason = REASONS[code]
    assert reason.text.endswith(".")
    assert reason.remedy
    assert reason.owner


def test_lines_are_sent_back_without_what_qbo_added() -> None:
    item = {"ItemRef": {"value": "1"}}
    record = {
        "Line": [
            {"Id": "1", "LineNum": 1, "Amount": 5, "DetailType": "SalesItemLineDetail", "SalesItemLineDetail": item},
            {"Amount": 5, "DetailType": "SubTotalLineDetail", "SubTotalLineDetail": {}},
        ]
    }
    assert lines_of(record) == [{"Amount": 5, "DetailType": "SalesItemLineDetail", "SalesItemLineDetail": item}]
    assert lines_of({}) == []


@pytest.mark.parametrize(
    "line",
    [
        {"Amount": 5, "DetailType": "JournalEntryLineDetail", "JournalEntryLineDetail": {"PostingType": "Debit"}},
        {"Amount": -5, "DetailType": "DepositLineDetail", "DepositLineDetail": {"AccountRef": {"value": "1"}}},
        {"Amount": 5, "LinkedTxn": [{"TxnId": "1", "TxnType": "CreditMemo"}]},
    ],
)
def test_lines_of_every_kind_are_sent_back(line: dict[str, object]) -> None:
    assert lines_of({"Line": [{"Id": "4", "LineEx": {"any": []}, **line}]}) == [line]


def test_what_a_record_had_is_sent_back_with_its_tax_and_rate() -> None:
    record = {"Id": "1", "ExchangeRate": 2, "TxnTaxDetail": {}, "Line": [], "TotalAmt": 5}
    payload = {"ExchangeRate": 1, "TxnTaxDetail": {"TotalTax": 1}, "Line": [1], "DocNumber": "A-1"}
    assert content_of(record, payload) == {"ExchangeRate": 2, "TxnTaxDetail": {"TotalTax": 0}, "Line": []}
    assert content_of(record, {"ExchangeRate": 1}) == {"ExchangeRate": 2}


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (AccountMissing(role="bank"), ParkCode.ACCOUNT_MISSING),
        (ItemMissing(role="sales"), ParkCode.ITEM_MISSING),
        (ClassMissing(configured="West"), ParkCode.CLASS_MISSING),
        (TaxCodeMissing(configured="TAX"), ParkCode.TAX_CODE_MISSING),
        (ExchangeRateMissing(currency="eur"), ParkCode.EXCHANGE_RATE_MISSING),
    ],
)
def test_what_the_company_lacks_is_parked_with_its_name(error: ConfigurationError, code: ParkCode) -> None:
    item = missing(INVOICE, error)
    assert item == parked(INVOICE, code, **dict(error.details))


def test_an_error_that_is_of_no_document_is_not_parked() -> None:
    assert missing(INVOICE, ConfigurationError("x")) is None


def test_a_customer_has_as_many_variants_as_names() -> None:
    assert (variants(CUSTOMER), variants(INVOICE)) == (2, 1)
    assert [display_name(CUSTOMER, number) for number in range(3)] == ["Ada", "Ada (cus_1)", "Ada (cus_1)"]
    assert display_name(INVOICE, 0) is None


def test_writes_beside_the_plan_have_request_ids_of_their_own() -> None:
    assert side_request_id("restore", "1", "2") == side_request_id("restore", "1", "2")
    assert re.fullmatch("wx[0-9a-f]{34}", side_request_id("restore", "1", "2"))
    assert (
        len({side_request_id("restore", "1"), side_request_id("duplicate", "1"), side_request_id("restore", "2")}) == 3
    )
