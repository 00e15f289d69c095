"""Webhooks: reads the raw body within its limits, and answers 2xx only after the hint is durable."""

import asyncio

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from starlette.requests import ClientDisconnect

from wescope.errors import BodyTooLarge, WebhookRejected, WescopeError
from wescope.observe.logs import get_logger
from wescope.observe.metrics import UNKNOWN, Metrics
from wescope.web.answers import error_answer, internal_error_answer, json_answer, wescope_error_answer
from wescope.web.schemas import WEBHOOK_BODY, error_responses, outcome_response
from wescope.web.services import Accepted, WebServices

MAX_BODY_BYTES = 1024 * 1024
BODY_TIMEOUT_S = 10
ACCEPT_TIMEOUT_S = 15
"""Stripe gives up after about 20 s; a refusal before that is a retry that we know of."""

_LOG = get_logger(__name__)


def webhook_routes(services: WebServices, metrics: Metrics) -> APIRouter:
    """`POST /webhooks/stripe`."""
    router = APIRouter(tags=["webhooks"])

    @router.post(
        "/webhooks/stripe",
        summary="Receive one Stripe event",
        responses={200: outcome_response(), **error_responses(400, 408, 413, 503)},
        openapi_extra=WEBHOOK_BODY,
    )
    async def receive_stripe(request: Request) -> JSONResponse:
        """Store the hint of a signed event; the header Stripe-Signature signs the raw body."""
        return await _receive(request, services, metrics)

    return router


async def _receive(request: Request, services: WebServices, metrics: Metrics) -> JSONResponse:
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            body = await read_limited(request, MAX_BODY_BYTES)
    except (TimeoutError, ClientDisconnect):
        return _refuse(metrics, _too_slow(), outcome="body_incomplete")
    except BodyTooLarge as error:
        return _refuse(metrics, wescope_error_answer(error), outcome=error.code)
    try:
        async with asyncio.timeout(ACCEPT_TIMEOUT_S):
            accepted = await services.accept(body, request.headers.get("stripe-signature"))
    except WebhookRejected as error:
        return _refuse(metrics, wescope_error_answer(error), outcome=error.code)
    except WescopeError as error:
        return _refuse(metrics, wescope_error_answer(error, status=503), outcome=error.code)
    except Exception as error:  # noqa: BLE001 - whatever it is, Stripe must keep the event and send it again
        return _refuse(metrics, internal_error_answer(error, status=503), outcome="internal_error")
    return _answer(metrics, accepted)


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


def _too_slow() -> JSONResponse:
    return error_answer(
        "body_incomplete",
        f"The body did not arrive within {BODY_TIMEOUT_S} s.",
        "Check the connection of who calls this address.",
        status=408,
    )


def _answer(metrics: Metrics, accepted: Accepted) -> JSONResponse:
    metrics.webhook(event_type=accepted.event_type, outcome=accepted.outcome)
    return json_answer({"outcome": accepted.outcome, "event_id": accepted.event_id})


def _refuse(metrics: Metrics, answer: JSONResponse, *, outcome: str) -> JSONResponse:
    metrics.webhook(event_type=UNKNOWN, outcome=outcome)
    _LOG.warning("webhook refused", code=outcome, http_status=answer.status_code)
    answer.headers["Connection"] = "close"  # the rest of a refused body is not read
    return answer
