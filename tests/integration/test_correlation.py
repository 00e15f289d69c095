"""One webhook from the receiver to QBO's answer: every line and every span about it carries the ids that join them."""

import contextlib
import io
import json
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import Any

import httpx2
import pytest
import sqlalchemy as sa
import structlog

from tests.integration.conftest import OpenDesk
from tests.integration.desk import Desk, gather_all
from tests.unit.observe.tracing import Traced, trace_id_of
from wescope.books.subjects import Subject
from wescope.links.causes import Causes, causes_of
from wescope.links.database import transaction
from wescope.links.schema import hints
from wescope.links.subjects import begin, finish, wake_due
from wescope.observe.logs import configure_logs
from wescope.observe.trace_context import in_context, new_context
from wescope.sandbox.stripe.delivery import sign
from wescope.stripe.identity import identify
from wescope.web.app import create_app
from wescope.web.runtime_services import RuntimeServices

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
HEADERS = {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}
Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def lines() -> Iterator[Lines]:
    """What was logged so far, at debug level."""
    root, target = logging.getLogger(), io.StringIO()
    before = (root.handlers, root.level)
    configure_logs("debug", stream=target, human=False)
    yield lambda: [json.loads(line) for line in target.getvalue().splitlines()]
    root.handlers, root.level = before
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


@contextlib.asynccontextmanager
async def receiver(desk: Desk) -> AsyncIterator[httpx2.AsyncClient]:
    transport = httpx2.ASGITransport(app=create_app(RuntimeServices(desk.runtime)))
    async with httpx2.AsyncClient(transport=transport, base_url="http://receiver") as client:
        yield client


async def deliver(desk: Desk, *types: str, headers: Sequence[dict[str, str]] = (HEADERS,)) -> list[str]:
    """Deliver the newest event of each type, with a header for each; their ids."""
    log, sent = desk.shop.business.account.log, []
    async with receiver(desk) as client:
        for index, kind in enumerate(types):
            event = [one for one in log.all() if one.kind == kind][-1]
            body = json.dumps(log.snapshot_body(event, pending_webhooks=1) | {"created": int(time.time())})
            signature = sign(body, (desk.stripe.webhook_secret,), timestamp=int(time.time()))
            given = {**headers[index % len(headers)], "Stripe-Signature": signature}
            (await client.post("/webhooks/stripe", content=body, headers=given)).raise_for_status()
            sent.append(event.event_id)
    return sent


async def test_the_ids_lead_from_the_webhook_to_the_call(desk: Desk, lines: Lines) -> None:
    invoice = desk.shop.paid_invoice(desk.shop.customer())
    (event_id,) = await deliver(desk, "invoice.paid")
    await desk.work()
    await desk.runtime.attempts.flush()
    about = [line for line in lines() if line.get("trace_id") == TRACE]
    told = {line["message"] for line in about}
    assert {"webhook", "reconcile begins", "QBO call", "document applied", "reconciled"} <= told
    for line in about:
        assert (line["event_id"], line["subject"]) == (event_id, f"invoice/{invoice}"), line
    creates = [line for line in about if line["message"] == "QBO call" and line["operation"] == "create"]
    assert {line["document_key"].split(":")[1] for line in creates} >= {"invoice", "payment"}
    for line in creates:
        assert line["request_id"]
        assert line["intuit_tid"]
        assert (line["outcome"], line["severity"]) == ("ok", "INFO")
        assert line["milliseconds"] >= 0
    reads = [line for line in about if line["message"] == "QBO call" and line["operation"] == "query"]
    assert {line["severity"] for line in reads} == {"DEBUG"}
    assert any(line.get("document_key", "").endswith(":invoice") for line in reads), "a look-up is for its document"
    (end,) = [line for line in about if line["message"] == "reconciled"]
    assert (end["source"], end["count"], end["parked"]) == ("webhook", len(creates), 0)


async def test_calls_that_share_a_batch_are_told_apart(make_desk: OpenDesk, lines: Lines) -> None:
    async with make_desk() as desk:
        invoices = [desk.shop.paid_invoice(desk.shop.customer(f"Customer {index}")) for index in range(6)]
        await gather_all(desk, [desk.runtime], *invoices)
        calls = [line for line in lines() if line["message"] == "QBO call" and line.get("document_key")]
        assert any("batch_id" in line for line in calls)
        own = [line for line in calls if line["document_key"].startswith("in_")]
        assert len(own) >= len(invoices)
        for line in own:
            assert line["subject"] == f"invoice/{line['document_key'].split(':')[0]}", line


async def test_spans_go_across_receiver_and_worker(desk: Desk) -> None:
    desk.shop.paid_invoice(desk.shop.customer())
    with Traced() as traced:
        await deliver(desk, "invoice.paid")
        await desk.work()
    spans = traced.finished()
    by_name = {one.name: one for one in spans}
    parts = {"receive webhook", "store hint", "reconcile", "read Stripe", "plan", "apply", "write document"}
    assert parts | {"qbo create"} <= by_name.keys()
    assert {trace_id_of(one) for one in spans} == {TRACE}
    receiving, job = by_name["receive webhook"], by_name["reconcile"]
    assert job.parent is not None
    assert by_name["store hint"].parent == receiving.context
    ids = {one.context.span_id: one.name for one in spans if one.context}
    assert ids[job.parent.span_id] == "store hint"
    create = by_name["qbo create"]
    assert create.parent is not None
    assert ids[create.parent.span_id] == "write document"
    assert (create.attributes or {})["intuit_tid"]
    assert "withheld" not in {value for one in spans for value in (one.attributes or {}).values()}


async def test_events_that_coalesce_continue_the_oldest_and_link_the_others(desk: Desk, lines: Lines) -> None:
    desk.shop.paid_invoice(desk.shop.customer())
    traces = ["1" * 32, "2" * 32, "3" * 32]
    headers = [{"traceparent": f"00-{one}-00f067aa0ba902b7-01"} for one in traces]
    with Traced() as traced:
        events = await deliver(desk, "invoice.finalized", "invoice.payment_succeeded", "invoice.paid", headers=headers)
        await desk.work()
    (job,) = [one for one in traced.finished() if one.name == "reconcile" and len(one.links) == 2]
    assert trace_id_of(job) == traces[0]
    assert [f"{link.context.trace_id:032x}" for link in job.links] == traces[1:]
    (end,) = [line for line in lines() if line["message"] == "reconciled" and line["event_id"] == events[-1]]
    assert end["event_ids"].split() == list(reversed(events))
    assert end["count"] > 0


async def _causes(desk: Desk, subject: Subject, *, failed: bool = False) -> tuple[Causes, Any]:
    async with transaction(desk.runtime.engine) as connection:
        begun = await begin(connection, subject)
        assert begun is not None
        return await causes_of(connection, subject, begun), begun


async def test_a_hint_during_a_run_is_the_cause_of_the_next_alone(desk: Desk) -> None:
    subject, contexts = identify("in_1"), [new_context(), new_context()]
    with in_context(contexts[0]):
        await desk.runtime.queue.hint([subject], source="first")
    causes, begun = await _causes(desk, subject)
    assert (causes.parent, causes.links, causes.source) == (contexts[0], (), "first")
    with in_context(contexts[1]):
        await desk.runtime.queue.hint([subject], source="second")
    async with transaction(desk.runtime.engine) as connection:
        await finish(connection, subject, begun, replan_at=None, code=None)
    causes, _ = await _causes(desk, subject)
    assert (causes.parent, causes.links, causes.source) == (contexts[1], (), "second")


async def test_who_is_looked_at_again_by_itself_begins_a_trace_that_is_linked_with_the_last(desk: Desk) -> None:
    subject, context = identify("in_1"), new_context()
    with in_context(context):
        await desk.runtime.queue.hint([subject], source="webhook")
    _, begun = await _causes(desk, subject)
    async with transaction(desk.runtime.engine) as connection:
        await finish(connection, subject, begun, replan_at=begun.at, code="waiting")
    async with transaction(desk.runtime.engine) as connection:
        assert await wake_due(connection, desk.runtime.queue.defer) == 1
    causes, _ = await _causes(desk, subject)
    assert (causes.parent, causes.links) == (None, (context,))


async def test_a_hint_of_older_code_has_no_trace_and_is_worked_on(desk: Desk, lines: Lines) -> None:
    invoice = desk.shop.invoice(desk.shop.customer())
    await desk.hint(invoice)
    async with transaction(desk.runtime.engine) as connection:
        assert (await connection.execute(sa.select(hints.c.traceparent))).scalars().all() == [None]
        await connection.execute(sa.update(hints).values(traceparent="nonsense"))
    await desk.work()
    (end,) = [line for line in lines() if line["message"] == "reconciled" and line["subject"] == f"invoice/{invoice}"]
    assert len(end["trace_id"]) == 32
    assert await desk.codes() == {}
