"""Webhooks: reads the raw body within its limits, and answers 2xx only after the hint is durable."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Receive, Scope, Send

from wescope.engine.qbo_webhooks import QboWebhookOutcome
from wescope.errors import BodyTooLarge, WebhookRejected, WescopeError
from wescope.observe.logs import get_logger
from wescope.observe.metrics import QBO_CHANGES, UNKNOWN, Metrics
from wescope.observe.trace_context import of_headers
from wescope.observe.traces import root
from wescope.qbo.webhook_schema import webhook_schema
from wescope.stripe.event_schema import event_schema
from wescope.web.answers import (
    BODY_INCOMPLETE,
    internal_error_answer,
    json_answer,
    plain_answer,
    wescope_error_answer,
)
from wescope.web.schemas import error_responses, json_response, signed_body
from wescope.web.services import Accepted, Outcome, WebServices

STRIPE_PATH = "/webhooks/stripe"
MAX_BODY_BYTES = 1024 * 1024
BODY_TIMEOUT_S = 10
ACCEPT_TIMEOUT_S = 15
"""Stripe gives up after about 20 s; a refusal before that is a retry that we know of. The service gives Intuit less."""

_LOG = get_logger(__name__)
_REFUSALS = error_responses(400, 408, 413, 503)


@dataclass(frozen=True, slots=True, kw_only=True)
class StripeWebhookAnswer:
    """What became of an event of Stripe's; it need not be sent again."""

    outcome: Outcome
    event_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class QboWebhookAnswer:
    """How many changes were stored, were known, and are of no interest; they need not be sent again."""

    stored: int
    duplicate: int
    ignored: int


_STRIPE_BODY = signed_body(
    event_schema(),
    title="A Stripe event",
    header="Stripe-Signature",
    told="`t=UNIX_SECONDS,v1=HEX`: HMAC-SHA256 of `UNIX_SECONDS.RAW_BODY` by the end point's signing secret.",
)
_QBO_BODY = signed_body(
    webhook_schema(),
    title="A webhook of QBO",
    header="intuit-signature",
    told="Base64 of HMAC-SHA256 of the raw body by the app's verifier token.",
)


def webhook_routes(services: WebServices, metrics: Metrics) -> APIRouter:
    """`POST /webhooks/stripe` and `POST /webhooks/qbo`."""
    router = APIRouter(tags=["webhooks"])

    @router.post(
        STRIPE_PATH,
        summary="Receive one Stripe event",
        operation_id="receive_stripe_webhook",
        responses={
            200: json_response("The event need not be sent again.", StripeWebhookAnswer),
            **_REFUSALS,
        },
        openapi_extra=_STRIPE_BODY,
    )
    async def receive_stripe(request: Request) -> JSONResponse:
        """Store the hint of a signed event; the header Stripe-Signature signs the raw body."""
        return await _receive_stripe(request, services, metrics)

    @router.post(
        "/webhooks/qbo",
        summary="Receive what was changed in QBO",
        operation_id="receive_qbo_webhook",
        responses={
            200: json_response("The events need not be sent again.", QboWebhookAnswer),
            **_REFUSALS,
        },
        openapi_extra=_QBO_BODY,
    )
    async def receive_qbo(request: Request) -> JSONResponse:
        """Store which objects were changed, in either of Intuit's shapes; intuit-signature signs the raw body."""
        signature = request.headers.get("intuit-signature")

        async def accept(body: bytes) -> JSONResponse:
            return _answer_qbo(metrics, await services.accept_qbo(body, signature))

        with root("receive webhook", parent=of_headers(request.headers), source="qbo"):
            return await _receive(request, accept, metrics, counted=QBO_CHANGES)

    return router


class StripeWebhooks:
    """Middleware that gives Stripe's webhooks to their handler at once; everything else goes its usual way.

    FastAPI's way to a handler costs more than to verify an event and to store it. Its route stays, as its description.
    """

    def __init__(self, app: ASGIApp, services: WebServices, metrics: Metrics) -> None:
        """Take what comes after it, and what the handler asks for."""
        self._app, self._services, self._metrics = app, services, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or scope["path"] != STRIPE_PATH or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        answer = await _receive_stripe(Request(scope, receive), self._services, self._metrics)
        await answer(scope, receive, send)


async def _receive_stripe(request: Request, services: WebServices, metrics: Metrics) -> JSONResponse:
    signature = request.headers.get("stripe-signature")

    async def accept(body: bytes) -> JSONResponse:
        return _answer(metrics, await services.accept(body, signature))

    with root("receive webhook", parent=of_headers(request.headers), source="stripe"):
        return await _receive(request, accept, metrics)


Accept = Callable[[bytes], Awaitable[JSONResponse]]
"""Verifies a body and stores its hint; the answer is good."""


async def _receive(request: Request, accept: Accept, metrics: Metrics, *, counted: str = UNKNOWN) -> JSONResponse:
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            body = await read_limited(request, MAX_BODY_BYTES)
    except (TimeoutError, ClientDisconnect):
        return _refuse(metrics, plain_answer(BODY_INCOMPLETE), outcome="body_incomplete", counted=counted)
    except BodyTooLarge as error:
        return _refuse(metrics, wescope_error_answer(error), outcome=error.code, counted=counted)
    try:
        async with asyncio.timeout(ACCEPT_TIMEOUT_S):
            return await accept(body)
    except WebhookRejected as error:
        return _refuse(metrics, wescope_error_answer(error), outcome=error.code, counted=counted)
    except WescopeError as error:
        return _refuse(metrics, wescope_error_answer(error, status=503), outcome=error.code, counted=counted)
    except Exception as error:  # noqa: BLE001 - whatever it is, the sender must keep the event and send it again
        return _refuse(metrics, internal_error_answer(error, status=503), outcome="internal_error", counted=counted)


async def read_limited(request: Request, limit_bytes: int) -> bytes:
    """The raw body, never holding more than `limit_bytes` and one chunk of the server, whatever its headers claim.

    Raises:
        BodyTooLarge: it is longer, or says that it is.
        ClientDisconnect: the sender left in the middle.
    """
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared[:20]) > limit_bytes:
        raise BodyTooLarge(f"It may have {limit_bytes} bytes.")
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit_bytes:
            raise BodyTooLarge(f"It may have {limit_bytes} bytes.")
        chunks.append(chunk)
    return b"".join(chunks)


def _answer(metrics: Metrics, accepted: Accepted) -> JSONResponse:
    metrics.webhook(event_type=accepted.event_type, outcome=accepted.outcome)
    return json_answer(StripeWebhookAnswer(outcome=accepted.outcome, event_id=accepted.event_id))


def _answer_qbo(metrics: Metrics, accepted: QboWebhookOutcome) -> JSONResponse:
    told = QboWebhookAnswer(stored=accepted.stored, duplicate=accepted.duplicates, ignored=accepted.ignored)
    for outcome, count in (("stored", told.stored), ("duplicate", told.duplicate), ("ignored", told.ignored)):
        if count:
            metrics.webhook(event_type=QBO_CHANGES, outcome=outcome)
    return json_answer(told)


def _refuse(metrics: Metrics, answer: JSONResponse, *, outcome: str, counted: str) -> JSONResponse:
    metrics.webhook(event_type=counted, outcome=outcome)
    _LOG.warning("webhook refused", code=outcome, http_status=answer.status_code)
    answer.headers["Connection"] = "close"  # the rest of a refused body is not read
    return answer
