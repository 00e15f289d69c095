"""What an undo does about each document, and how what hangs on one that stays is followed to the end."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from wescope.books.documents import Existence
from wescope.books.subjects import DocumentKey
from wescope.engine.plan import Action, adopted, plan_step
from wescope.engine.undo_plan import (
    GONE,
    RELEASE,
    REMEDIES,
    Judged,
    KeptReason,
    document_of,
    judge,
    plan_of,
    settle,
)
from wescope.links.store import Link, LinkState, Operation
from wescope.qbo.content import content_digest
from wescope.qbo.payloads import marker

DAY = date(2026, 10, 31)
KEY = DocumentKey("in_1:invoice")


def link(**changes: Any) -> Link:
    values: dict[str, Any] = {
        "realm_id": "9",
        "document_key": KEY,
        "entity": "Invoice",
        "state": LinkState.POSTED,
        "operation": Operation.CREATE,
        "qbo_id": "145",
        "sync_token": "0",
        "fingerprint": "f",
        "intent_fingerprint": "f",
        "request_id": "r",
        "generation": 1,
        "sends": 1,
        "variant": 0,
        "attempted_at": None,
        "lost_at": None,
        "subject": "invoice/in_1",
        "amount": 9_900,
        "currency": "usd",
        "txn_date": DAY,
    }
    return Link(**(values | changes))


def record(**changes: Any) -> dict[str, Any]:
    values: dict[str, Any] = {
        "Id": "145",
        "SyncToken": "0",
        "TotalAmt": 99,
        "TxnDate": DAY.isoformat(),
        "PrivateNote": marker(KEY),
        "Line": [{"Amount": 99, "Description": "a", "DetailType": "SalesItemLineDetail"}],
    }
    return values | changes


def test_what_is_as_it_was_posted_goes() -> None:
    found = judge(link(), record())
    assert (found.action, found.reason, found.name) == ("void", None, "Invoice/145")
    assert judge(link(entity="CreditMemo"), record()).action == "delete"


@pytest.mark.parametrize("changes", [{"TotalAmt": 98}, {"TxnDate": "2026-10-30"}, {"PrivateNote": ""}])
def test_what_somebody_has_edited_stays(changes: dict[str, Any]) -> None:
    found = judge(link(), record(**changes))
    assert found.reason is KeptReason.EDITED
    assert found.details["fields"]


def test_lines_of_the_same_total_are_an_edit_and_a_sync_token_is_none() -> None:
    known = link(content=content_digest("Invoice", record()))
    assert judge(known, record(SyncToken="3")).reason is None
    other = [{"Amount": 99, "Description": "b", "DetailType": "SalesItemLineDetail"}]
    assert judge(known, record(Line=other)).reason is KeptReason.EDITED


def test_a_payment_that_somebody_has_applied_to_something_else_stays() -> None:
    def lines(invoice: str) -> list[dict[str, Any]]:
        return [{"Amount": 99, "LinkedTxn": [{"TxnType": "Invoice", "TxnId": invoice}]}]

    known = link(entity="Payment", content=content_digest("Payment", record(Line=lines("1"))))
    assert judge(known, record(Line=lines("1"), SyncToken="1")).reason is None
    assert judge(known, record(Line=lines("2"), SyncToken="1")).reason is KeptReason.EDITED


def test_an_edit_that_was_accepted_stays() -> None:
    assert judge(link(), record(), accepted=True).reason is KeptReason.EDITED


@pytest.mark.parametrize(("until", "reason"), [(DAY, KeptReason.PERIOD_CLOSED), (date(2026, 10, 30), None)])
def test_closed_periods(until: date, reason: KeptReason | None) -> None:
    assert judge(link(), record(), closed_until=until).reason is reason


def test_what_somebody_else_made_is_let_go_and_what_is_gone_already_is_no_work() -> None:
    assert judge(link(fingerprint=adopted("Invoice", "f")), None).action == RELEASE
    assert judge(link(), None).action == GONE
    void = record(TotalAmt=0, Line=[], PrivateNote="Voided")
    assert judge(link(), void, closed_until=DAY).action == GONE


def test_open_writes_wait_but_for_the_undos_own() -> None:
    assert judge(link(state=LinkState.UNKNOWN), None).reason is KeptReason.UNSETTLED
    assert judge(link(recheck_at=datetime(2026, 11, 1, tzinfo=UTC)), record()).reason is KeptReason.UNSETTLED
    own = link(state=LinkState.UNKNOWN, operation=Operation.VOID)
    assert judge(own, record()).reason is None
    assert plan_step(document_of(own), own).action is Action.RESOLVE


def test_the_document_of_a_link_names_nothing_and_is_to_be_taken_back() -> None:
    found = document_of(link())
    assert found.existence is Existence.VOID
    assert found.references == ()
    assert plan_step(found, link()).action is Action.VOID
    assert plan_step(found, link()).fingerprint == plan_step(document_of(link()), None).fingerprint


def test_what_is_linked_to_a_document_hangs_on_it_but_not_what_it_was_made_from() -> None:
    linked = [{"TxnType": "Payment", "TxnId": "7"}, {"TxnType": "Estimate", "TxnId": "8"}]
    found = judge(link(), record(LinkedTxn=linked), dependents=("Deposit/9",))
    assert found.dependents == ("Deposit/9", "Payment/7")


def test_what_stays_holds_what_it_hangs_on() -> None:
    def one(entity: str, qbo_id: str, *dependents: str) -> Judged:
        key = DocumentKey(f"{entity}:{qbo_id}")
        return Judged(link=link(document_key=key, entity=entity, qbo_id=qbo_id), action="void", dependents=dependents)

    deposit = one("Deposit", "3").kept(KeptReason.EDITED)
    payment, invoice = one("Payment", "2", "Deposit/3"), one("Invoice", "1", "Payment/2")
    free, stranger = one("Invoice", "4", "Payment/5"), one("Invoice", "6", "Payment/77")
    found = {each.name: each for each in settle([invoice, payment, deposit, free, one("Payment", "5"), stranger])}
    assert found["Payment/2"].reason is found["Invoice/1"].reason is KeptReason.DEPENDED_ON
    assert found["Invoice/1"].details == {"by": "Payment/2"}
    assert found["Invoice/4"].reason is None
    assert found["Invoice/6"].details == {"by": "Payment/77"}


def test_the_sums_count_every_document_once() -> None:
    judged = [judge(link(), record()), judge(link(amount=100), record())]
    found = plan_of(7, judged, [], 3)
    assert [(row.action, row.month, row.count, row.amount) for row in found.rows] == [("void", "2026-10", 1, 9_900)]
    (kept,) = found.kept
    assert (kept.reason, kept.amount, kept.remedy) == ("edited", 100, REMEDIES[KeptReason.EDITED][1])
    assert (found.count, found.needs_somebody) == (1, True)


def test_every_reason_has_a_remedy() -> None:
    assert set(REMEDIES) == set(KeptReason)
