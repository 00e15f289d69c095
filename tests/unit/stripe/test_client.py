from collections.abc import AsyncIterator, Callable
from decimal import Decimal

import httpx
import pytest
import stripe

from wescope.errors import ObjectNotFound, StripeError, StripeRefused, StripeUnavailable
from wescope.stripe import limits
from wescope.stripe.client import StripeApi, translated

Handler = Callable[[httpx.Request], httpx.Response]


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "FIRST_PAUSE_S", 0.001)
    monkeypatch.setattr(limits, "LONGEST_PAUSE_S", 0.001)


@pytest.fixture
async def api() -> AsyncIterator[StripeApi]:
    async with StripeApi(api_key="rk_test_secret", base_url="https://stripe.example/", requests_per_second=1000) as one:
        yield one


async def answer(api: StripeApi, handler: Handler) -> None:
    """Let `handler` answer instead of the network."""
    await api._http._client_async.aclose()
    api._http._client_async = httpx.AsyncClient(transport=httpx.MockTransport(handler))


async def test_a_request_as_stripe_wants_it(api: StripeApi) -> None:
    requests: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return httpx.Response(200, json={"object": "list"})

    await answer(api, handler)
    await api.get(
        "/v1/invoice_payments", payment={"type": "payment_intent"}, expand=["data.invoice"], created={"lte": 7}
    )
    (request,) = requests
    assert request.headers["stripe-version"] == "2026-10-28.endive"
    assert request.headers["authorization"] == "Bearer rk_test_secret"
    assert request.url.host == "stripe.example"
    assert dict(request.url.params) == {
        "payment[type]": "payment_intent",
        "expand[0]": "data.invoice",
        "created[lte]": "7",
    }
    assert request.extensions["timeout"] == {"connect": 5.0, "read": 30.0, "write": 30.0, "pool": 30.0}


async def test_numbers_are_exact(api: StripeApi) -> None:
    await answer(api, lambda _: httpx.Response(200, content=b'{"exchange_rate": 1.10000000000000000001}'))
    assert (await api.get("/v1/x"))["exchange_rate"] == Decimal("1.10000000000000000001")


async def test_pages_follow_the_last_id(api: StripeApi) -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        after = request.url.params.get("starting_after")
        assert request.url.params["limit"] == "100"
        rows = [{"id": "a"}, {"id": "b"}] if after is None else [{"id": "c"}]
        return httpx.Response(200, json={"data": rows, "has_more": after is None})

    await answer(api, handler)
    assert [row["id"] async for row in api.pages("/v1/invoices")] == ["a", "b", "c"]


async def test_an_empty_page_ends_a_list(api: StripeApi) -> None:
    await answer(api, lambda _: httpx.Response(200, json={"data": [], "has_more": True}))
    assert [row async for row in api.pages("/v1/invoices")] == []


@pytest.mark.parametrize("content", [b"<html>", b"[]", b"\xff"])
async def test_an_answer_that_is_no_object(api: StripeApi, content: bytes) -> None:
    await answer(api, lambda _: httpx.Response(200, content=content, headers={"request-id": "req_1"}))
    with pytest.raises(StripeUnavailable):
        await api.get("/v1/x")


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (400, "parameter_invalid", StripeError),
        (400, "resource_missing", ObjectNotFound),
        (401, None, StripeRefused),
        (402, None, StripeUnavailable),
        (403, None, StripeRefused),
        (404, "resource_missing", ObjectNotFound),
        (429, None, StripeUnavailable),
    ],
)
async def test_errors_keep_ids_and_nothing_of_the_text(
    api: StripeApi, status: int, code: str | None, expected: type[StripeError]
) -> None:
    error = {"code": code, "message": "No such customer: ada@example.com", "type": "invalid_request_error"}
    response = httpx.Response(status, json={"error": error}, headers={"request-id": "req_1"})
    await answer(api, lambda _: response)
    with pytest.raises(StripeError) as raised:
        await api.get("/v1/x")
    assert raised.type is expected
    details = {"path": "/v1/x", "request_id": "req_1", "status": status}
    assert raised.value.details == details | ({"stripe_code": code} if code else {})
    assert "ada" not in str(raised.value)
    assert raised.value.__suppress_context__


async def test_a_missing_permission_is_named(api: StripeApi) -> None:
    message = "The key 'rk_test_***' needs it. Having the 'rak_invoice_read' permission would allow this request."
    await answer(api, lambda _: httpx.Response(403, json={"error": {"message": message}}))
    with pytest.raises(StripeRefused) as raised:
        await api.get("/v1/x")
    assert raised.value.detail == "rak_invoice_read"


def test_a_code_that_is_no_code_is_left_out() -> None:
    error = stripe.APIError("x", code="ada@example.com")
    assert translated(error, "/v1/x").details == {"path": "/v1/x", "request_id": ""}


@pytest.mark.parametrize("reason", ["endpoint-rate", "global-rate", ""])
async def test_too_many_requests_are_waited_out_and_counted(api: StripeApi, reason: str) -> None:
    answers = [httpx.Response(429, json={}, headers={"Stripe-Rate-Limited-Reason": reason}) for _ in range(3)]
    answers.append(httpx.Response(200, json={"id": "in_1"}))
    await answer(api, lambda _: answers.pop(0))
    assert await api.get("/v1/invoices/in_1") == {"id": "in_1"}
    assert api.times_limited == {"/v1/invoices/:id": 3}


async def test_too_many_requests_for_ever_end_a_request(api: StripeApi) -> None:
    await answer(api, lambda _: httpx.Response(429, json={"error": {"code": "rate_limit"}}))
    with pytest.raises(StripeUnavailable):
        await api.get("/v1/invoices")
    assert api.times_limited == {"/v1/invoices": limits.PAUSES}


async def test_a_locked_object_stops_nothing(api: StripeApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stripe.HTTPClient, "INITIAL_DELAY", 0.001)
    monkeypatch.setattr(stripe.HTTPClient, "MAX_DELAY", 0.001)
    answers = [httpx.Response(429, json={}, headers={"Stripe-Should-Retry": "true"}), httpx.Response(200, json={})]
    await answer(api, lambda _: answers.pop(0))
    assert await api.get("/v1/invoices/in_1") == {}
    assert api.times_limited == {}
