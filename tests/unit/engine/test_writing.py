"""Request ids, back-off and parked items: the pure parts of writing."""

import re
from dataclasses import replace

import pytest

from tests.unit.engine.test_plan import CUSTOMER, INVOICE
from wescope.books.parking import REASONS, ParkCode
from wescope.engine.intents import display_name, lines_of, request_id, side_request_id, variants
from wescope.engine.parks import parked, refusal
from wescope.engine.plan import plan_step
from wescope.engine.reconcile import backoff_s
from wescope.errors import PeriodClosed, QboRefused
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
