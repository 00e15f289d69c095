"""POST /webhooks/stripe: 2xx only if nothing is to be sent again, and every refusal with its code."""

import asyncio
import io
import json
from collections.abc import AsyncIterator

import httpx2
import pytest
from opentelemetry import trace

from tests.unit.observe.tracing import Traced
from tests.unit.web.conftest import Connect
from tests.unit.web.fakes import FakeServices
from wescope.errors import (
    BodyInvalid,
    DatabaseUnavailable,
    SignatureInvalid,
    SignatureMissing,
    TimestampOutsideTolerance,
    WescopeError,
)
from wescope.web import webhooks
from wescope.web.services import Accepted, Outcome
from wescope.web.webhooks import MAX_BODY_BYTES

PATH = "/webhooks/stripe"


async def counted(client: httpx2.AsyncClient) -> str:
    return (await client.get("/metrics")).text


@pytest.mark.parametrize("outcome", list(Outcome))
async def test_every_outcome_is_200(client: httpx2.AsyncClient, services: FakeServices, outcome: Outcome) -> None:
    services.accepted = Accepted(event_id="evt_1", outcome=outcome, event_type="invoice.paid")
    answer = await client.post(PATH, content=b"{}", headers={"Stripe-Signature": "t=1,v1=x"})
    assert answer.status_code == 200
    assert answer.json() == {"outcome": outcome.value, "event_id": "evt_1"}
    assert f'wescope_webhooks_total{{outcome="{outcome}",type="invoice.paid"}} 1.0' in await counted(client)


async def test_the_raw_body_is_handed_on_untouched(client: httpx2.AsyncClient, services: FakeServices) -> None:
    body = b' {"id": "evt_1",\r\n "x": "\\u00e9"} '
    await client.post(PATH, content=body, headers={"Stripe-Signature": "t=1,v1=x"})
    assert services.asked == [(body, "t=1,v1=x")]


async def test_a_missing_signature_is_for_the_service_to_judge(
    client: httpx2.AsyncClient, services: FakeServices
) -> None:
    await client.post(PATH, content=b"{}")
    assert services.asked == [(b"{}", None)]


@pytest.mark.parametrize("error", [BodyInvalid(), SignatureMissing(), SignatureInvalid(), TimestampOutsideTolerance()])
async def test_a_refusal_is_400_with_its_code(
    client: httpx2.AsyncClient, services: FakeServices, error: WescopeError
) -> None:
    services.accepted = error
    answer = await client.post(PATH, content=b"{}")
    assert answer.status_code == 400
    assert answer.json() == {"error": {"code": error.code, "message": str(error), "remedy": error.remedy}}
    assert f'wescope_webhooks_total{{outcome="{error.code}",type="unknown"}} 1.0' in await counted(client)


@pytest.mark.parametrize(
    ("error", "code"),
    [(DatabaseUnavailable(), "database_unavailable"), (RuntimeError("jenny@example.com"), "internal_error")],
)
async def test_what_was_not_stored_is_503_so_that_stripe_sends_it_again(
    client: httpx2.AsyncClient, services: FakeServices, error: Exception, code: str
) -> None:
    services.accepted = error
    answer = await client.post(PATH, content=b"{}")
    assert answer.status_code == 503
    assert answer.json()["error"]["code"] == code
    assert "jenny" not in answer.text


async def test_storing_that_hangs_is_503(
    client: httpx2.AsyncClient, services: FakeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hang(_body: bytes, _signature: str | None) -> Accepted:
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr(webhooks, "ACCEPT_TIMEOUT_S", 0.01)
    monkeypatch.setattr(services, "accept", hang)
    assert (await client.post(PATH, content=b"{}")).status_code == 503


async def test_the_largest_body_passes(client: httpx2.AsyncClient, services: FakeServices) -> None:
    assert (await client.post(PATH, content=b"x" * MAX_BODY_BYTES)).status_code == 200


async def test_a_declared_body_over_the_limit_is_413_unread(client: httpx2.AsyncClient, services: FakeServices) -> None:
    answer = await client.post(PATH, content=b"x" * (MAX_BODY_BYTES + 1))
    assert answer.status_code == 413
    assert answer.json()["error"]["code"] == "body_too_large"
    assert answer.headers["connection"] == "close"
    assert not services.asked


@pytest.mark.parametrize("headers", [{}, {"Content-Length": "2"}, {"Content-Length": "-1"}, {"Content-Length": "x"}])
async def test_a_chunked_body_is_cut_off_whatever_its_headers_say(
    client: httpx2.AsyncClient, services: FakeServices, headers: dict[str, str]
) -> None:
    sent = 0

    async def chunks() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(1000):
            sent += 65536
            yield b"x" * 65536

    answer = await client.post(PATH, content=chunks(), headers=headers)
    assert answer.status_code == 413
    assert not services.asked
    assert sent <= MAX_BODY_BYTES + 2 * 65536


async def test_a_body_that_does_not_arrive_is_408(
    client: httpx2.AsyncClient, services: FakeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def stuck() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.Event().wait()

    monkeypatch.setattr(webhooks, "BODY_TIMEOUT_S", 0.01)
    answer = await client.post(PATH, content=stuck())
    assert (answer.status_code, answer.json()["error"]["code"]) == (408, "body_incomplete")
    assert not services.asked


async def test_stripe_may_call_from_anywhere(connect: Connect) -> None:
    answer = await connect("203.0.113.9", "sync.example.com").post(PATH, content=b"{}")
    assert answer.status_code == 200


async def test_only_post_is_answered(client: httpx2.AsyncClient) -> None:
    answer = await client.get(PATH)
    assert (answer.status_code, answer.json()["error"]["code"]) == (405, "method_not_allowed")


async def test_fastapi_tells_nobody_of_requests(
    services: FakeServices, monkeypatch: pytest.MonkeyPatch, connect: Connect
) -> None:
    """It would send exceptions' messages, which quote data, to a provider that something has set up."""
    with Traced() as traced:
        monkeypatch.setattr(trace, "get_tracer_provider", lambda: traced.provider)
        monkeypatch.setenv("FASTAPI_OTEL_AUTO_CONFIGURE", "true")
        services.accepted = ValueError("jenny.rosen@example.com")
        await connect().post(PATH, content=b"{}")
        assert [one.name for one in traced.all()] == ["receive webhook"]


async def test_the_callers_trace_is_continued(client: httpx2.AsyncClient, logs: io.StringIO) -> None:
    trace_id = "4bf92f3577b34da6a3ce929d0e0e4736"
    headers = {"traceparent": f"00-{trace_id}-00f067aa0ba902b7-00"}
    await client.post(PATH, content=b"x" * (MAX_BODY_BYTES + 1), headers=headers)
    (line,) = (json.loads(text) for text in logs.getvalue().splitlines())
    assert (line["message"], line["trace_id"]) == ("webhook refused", trace_id)
