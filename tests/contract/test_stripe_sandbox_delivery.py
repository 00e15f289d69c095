"""The sandbox's webhooks are Stripe's: signed, repeated, out of order, retried until they succeed."""

import asyncio
import contextlib
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import httpx2
import pytest_asyncio
import stripe
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from wescope.sandbox.stripe import Knobs, Running, StripeSandbox
from wescope.sandbox.stripe.server import Server, listen

QUICK = Knobs(retry_hour_s=0.001, timeout_s=5.0, requests_per_second=0)


HOLD = 599


@dataclass
class Receiver:
    """An endpoint that answers what `answer` says for the number of times an event came."""

    url: str = ""
    answer: Callable[[str, int], int] = lambda _, __: 200
    bodies: list[dict[str, Any]] = field(default_factory=list)
    raw: list[tuple[str, str]] = field(default_factory=list)
    seen: Counter[str] = field(default_factory=Counter)
    held: asyncio.Event = field(default_factory=asyncio.Event)

    async def take(self, request: Request) -> Response:
        text = (await request.body()).decode()
        body = json.loads(text)
        self.raw.append((text, request.headers["stripe-signature"]))
        self.bodies.append(body)
        self.seen[body["id"]] += 1
        status = self.answer(body["id"], self.seen[body["id"]])
        if status == HOLD:
            await self.held.wait()
        return Response(status_code=status)


@pytest_asyncio.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    app = Starlette(routes=[Route("/hook", receiver.take, methods=["POST"])])
    server = Server(uvicorn.Config(app, log_config=None, lifespan="off"))
    listener = listen("127.0.0.1", 0)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    await server.listening(task)
    receiver.url = f"http://127.0.0.1:{listener.getsockname()[1]}/hook"
    yield receiver
    server.should_exit = True
    await task


@contextlib.asynccontextmanager
async def serving(**options: Any) -> AsyncIterator[tuple[Running, httpx2.AsyncClient]]:
    sandbox = StripeSandbox(as_of=date(2026, 11, 22), customers=6, months=1, **({"knobs": QUICK} | options))
    async with sandbox.serve() as running:
        headers = {"Authorization": f"Bearer {running.api_key}"}
        async with httpx2.AsyncClient(base_url=running.url, headers=headers, timeout=30) as client:
            yield running, client


async def deliver(client: httpx2.AsyncClient, **values: Any) -> dict[str, Any]:
    response = await client.post("/_sandbox/deliver", json=values)
    assert response.status_code == 200, response.text
    return dict(response.json())


async def test_each_event_comes_once_and_signed(receiver: Receiver) -> None:
    async with serving() as (running, client):
        counts = await deliver(client, url=receiver.url, concurrency=1)
        events = running.business.account.log.all()
        assert counts["succeeded"] == counts["events"] == counts["attempts"] == len(events)
        assert [one["id"] for one in receiver.bodies] == [
            one.event_id for one in sorted(events, key=lambda e: e.created)
        ]
        for text, signature in receiver.raw:
            assert stripe.WebhookSignature.verify_header(text, signature, running.webhook_secret, 300)
        assert all(one["pending_webhooks"] == 1 for one in receiver.bodies)
        assert (await deliver(client, url=receiver.url))["events"] == 0
        assert (await deliver(client, url=receiver.url, only_undelivered=False))["events"] == len(events)


async def test_an_end_point_that_is_followed_gets_what_happens_by_itself(receiver: Receiver) -> None:
    taken: set[str] = set()
    waited_for: dict[str, asyncio.Event] = {}

    def answer(event_id: str, times: int) -> int:
        if times == 1:
            return 500
        taken.add(event_id)
        if event_id in waited_for:
            waited_for[event_id].set()
        return 200

    receiver.answer = answer
    async with serving(knobs=Knobs(retry_hour_s=0.001, max_attempts=1)) as (running, _):
        log = running.business.account.log
        following = asyncio.create_task(running.deliverer.follow(receiver.url))
        async with asyncio.timeout(30):
            for name in ("Ada", "Grace"):
                running.business.customers.create(name=name, email=None, metadata=None, at=1_795_305_600)
                newest = log.all()[-1].event_id
                await waited_for.setdefault(newest, asyncio.Event()).wait()
        following.cancel()
        assert taken == {one.event_id for one in log.all()}


async def test_every_active_secret_signs(receiver: Receiver) -> None:
    async with serving() as (_, client):
        await deliver(client, url=receiver.url, secrets=["whsec_old", "whsec_new"], limit=1)
    text, signature = receiver.raw[0]
    assert signature.count("v1=") == 2
    for secret in ("whsec_old", "whsec_new"):
        assert stripe.WebhookSignature.verify_header(text, signature, secret, 300)


async def test_order_and_duplicates_are_as_asked(receiver: Receiver) -> None:
    async with serving() as (running, client):
        created = [one.event_id for one in sorted(running.business.account.log.all(), key=lambda e: e.created)]
        counts = await deliver(client, url=receiver.url, order="reversed", concurrency=1)
        assert list(receiver.seen) == created[::-1]
        assert counts["duplicates"] == 0
        receiver.bodies.clear()
        receiver.seen.clear()
        counts = await deliver(
            client, url=receiver.url, order="shuffled", duplicates=0.3, only_undelivered=False, concurrency=1
        )
        assert counts["duplicates"] > 0
        assert sum(receiver.seen.values()) == len(created) + counts["duplicates"]
        assert set(receiver.seen) == set(created)
        assert [one["id"] for one in receiver.bodies] != created


async def test_failures_are_retried_with_new_signatures_until_they_succeed(receiver: Receiver) -> None:
    receiver.answer = lambda _, times: 500 if times == 1 else 302 if times == 2 else 200
    async with serving() as (running, client):
        counts = await deliver(client, url=receiver.url)
        assert counts["statuses"] == {str(code): counts["events"] for code in (500, 302, 200)}
        assert counts["retries"] == 2 * counts["events"]
        assert set(receiver.seen.values()) == {3}
        progress = (await client.get("/_sandbox/deliveries")).json()
        assert progress["undelivered"] == 0
        assert {one["attempts"] for one in progress["deliveries"]} == {3}
        for text, signature in receiver.raw:
            assert stripe.WebhookSignature.verify_header(text, signature, running.webhook_secret, 300)


async def test_giving_up_leaves_the_event_pending(receiver: Receiver) -> None:
    receiver.answer = lambda event_id, _: 500 if event_id.endswith(tuple("abcdefghijklmnop")) else 200
    async with serving(knobs=Knobs(retry_hour_s=0.001, max_attempts=3)) as (_, client):
        counts = await deliver(client, url=receiver.url)
        assert 0 < counts["failed"] < counts["events"]
        listed = {
            outcome: (await client.get("/v1/events", params={"delivery_success": outcome, "limit": 100})).json()["data"]
            for outcome in ("true", "false")
        }
        assert {one["pending_webhooks"] for one in listed["true"]} == {0}
        assert {one["pending_webhooks"] for one in listed["false"]} == {1}
        assert all(receiver.seen[one["id"]] == 3 for one in listed["false"])
        receiver.answer = lambda _, __: 200
        assert (await deliver(client, url=receiver.url))["events"] == counts["failed"]


async def test_no_answer_is_a_failure_too() -> None:
    async with serving(knobs=Knobs(retry_hour_s=0.001, max_attempts=2)) as (_, client):
        counts = await deliver(client, url="http://127.0.0.1:1/hook", limit=3)
        assert (counts["failed"], counts["statuses"]) == (3, {"None": 6})


async def test_an_endpoint_that_is_too_slow_gets_it_again(receiver: Receiver) -> None:
    receiver.answer = lambda _, times: HOLD if times == 1 else 200
    async with serving(knobs=Knobs(retry_hour_s=0.001, timeout_s=0.1)) as (_, client):
        counts = await deliver(client, url=receiver.url, limit=4)
        assert counts["statuses"] == {"None": 4, "200": 4}
    receiver.held.set()


async def test_a_wrong_order_is_refused() -> None:
    async with serving() as (_, client):
        for values in ({"url": "http://x", "order": "random"}, {"url": "ftp"}, {"url": "http://x", "speed": 1}, {}):
            assert (await client.post("/_sandbox/deliver", json=values)).status_code == 400


async def test_thin_notifications_name_the_object(receiver: Receiver) -> None:
    async with serving() as (running, client):
        counts = await deliver(client, url=receiver.url, thin=0.5, concurrency=1)
        thin = [one for one in receiver.bodies if one["object"] == "v2.core.event"]
        assert 0 < counts["thin"] == len(thin) < counts["events"]
        assert (await deliver(client, url=receiver.url, thin=True, only_undelivered=False, limit=3))["thin"] == 3
        one = next(one for one in thin if one["type"].startswith("v1.invoice."))
        related = one["related_object"]
        assert related["type"] == "invoice"
        assert (await client.get(related["url"])).json()["id"] == related["id"]
        assert running.business.account.log.by_thin_id(one["id"])


async def test_old_versions_name_the_payment_on_the_invoice(receiver: Receiver) -> None:
    async with serving() as (running, client):
        await deliver(client, url=receiver.url, api_version="2020-08-27")
        bodies = {one["type"]: one for one in receiver.bodies}
        invoice = bodies["invoice.paid"]["data"]["object"]
        assert bodies["invoice.paid"]["api_version"] == "2020-08-27"
        store = running.business.account.store
        assert invoice["payment_intent"] == store.payments_of(invoice["id"])[0]["payment"]["payment_intent"]
        assert store.get("charge", invoice["charge"])
        assert invoice["paid"] is True
        assert not {"total_taxes", "parent", "amount_overpaid"} & invoice.keys()
        line = invoice["lines"]["data"][0]
        assert line["price"]["object"] == "price"
        assert {"proration", "tax_amounts", "type"} <= line.keys()
        assert not {"pricing", "taxes", "parent"} & line.keys()
        assert bodies["charge.succeeded"]["data"]["object"]["invoice"]
        taxed = await client.get("/v1/invoices", headers={"Stripe-Version": "2020-08-27"}, params={"limit": 100})
        assert all("payment_intent" in one for one in taxed.json()["data"])


async def test_what_was_delivered_is_remembered_over_a_restart(receiver: Receiver, tmp_path: Any) -> None:
    async with serving(state=tmp_path) as (_, client):
        await deliver(client, url=receiver.url, limit=5)
    async with serving(state=tmp_path) as (running, client):
        counts = await deliver(client, url=receiver.url)
        assert counts["events"] == len(running.business.account.log.all()) - 5
        assert set(receiver.seen.values()) == {1}


async def test_not_waiting_answers_at_once(receiver: Receiver) -> None:
    async with serving() as (running, client):
        counts = await deliver(client, url=receiver.url, wait=False)
        assert counts["finished"] is False
        await running.deliverer.idle()
        progress = (await client.get("/_sandbox/deliveries")).json()
        assert [one["finished"] for one in progress["runs"]] == [True]
        assert receiver.bodies
