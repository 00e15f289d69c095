"""Month routes: what is open at a month's end, its comparison, its sign-off and the evidence for it."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Path, Query
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from wescope.books.month import PATTERN
from wescope.engine.history import RunReport
from wescope.engine.month_results import MonthList, MonthView, Signoff
from wescope.web.access.guard import Asking
from wescope.web.answers import json_answer
from wescope.web.schemas import Responses, error_responses, json_response
from wescope.web.services import WebServices

ZIP = "application/zip"
LONGEST_REASON = 500

MonthText = Annotated[str, Path(pattern=PATTERN, description="A month.", examples=["2026-10"])]
Before = Annotated[
    str | None, Query(pattern=PATTERN, description="Only months before this one: `next` of the page before.")
]
EVIDENCE: Responses = {
    200: {"description": "The archive.", "content": {ZIP: {"schema": {"type": "string", "format": "binary"}}}}
}
"""What OpenAPI says of an answer that is the evidence."""


class SignoffRequest(BaseModel):
    """Why a month may be signed off although it differs, or was written to since it was compared; else no reason."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"reason": "0.10 is of the bank's rounding, booked in December"}]},
    )

    reason: Annotated[str | None, Field(max_length=LONGEST_REASON)] = None


def month_routes(services: WebServices) -> APIRouter:
    """`months` under the API's prefix."""
    router = APIRouter()
    _reading_routes(router, services)
    _deciding_routes(router, services)
    return router


def _reading_routes(router: APIRouter, services: WebServices) -> None:
    @router.get(
        "/months",
        operation_id="list_months",
        summary="Months and how they stand",
        responses={200: json_response("The newest first.", MonthList), **error_responses(403, 422, 503)},
    )
    async def months(before: Before = None) -> JSONResponse:
        """From the present month back to the first document, twelve at a time."""
        return json_answer(await services.months.page(before))

    @router.get(
        "/months/{month}",
        operation_id="get_month",
        summary="One month at its end",
        responses={200: json_response("The month.", MonthView), **error_responses(403, 404, 422, 503)},
    )
    async def month(month: MonthText) -> JSONResponse:
        """Its comparison with Stripe, what is dated in it and open, who signed it off, and what changed since."""
        return json_answer(await services.months.view(month))

    @router.get(
        "/months/{month}/evidence",
        operation_id="export_month_evidence",
        summary="The evidence of a month",
        response_class=StreamingResponse,
        responses={**EVIDENCE, **error_responses(403, 404, 422, 503)},
    )
    async def evidence(month: MonthText) -> StreamingResponse:
        """Comparison, open items, payouts and documents as CSV in one archive, with their digests."""
        return await evidence_answer(services, month)


def _deciding_routes(router: APIRouter, services: WebServices) -> None:
    errors = error_responses(403, 404, 409, 422, 503)

    @router.post(
        "/months/{month}/comparison",
        operation_id="start_month_comparison",
        summary="Compare as of a month's last day",
        responses={200: json_response("The run that does it.", RunReport), **errors},
    )
    async def compare(month: MonthText, actor: Asking) -> JSONResponse:
        """A worker takes it up; `GET /months/{month}` tells how it goes. One that is under way is answered again."""
        run = await services.months.compare(month, actor=actor.name)
        return json_answer(await services.history.run(run.id))

    @router.post(
        "/months/{month}/signoff",
        operation_id="make_month_signoff",
        summary="Sign a month off",
        responses={200: json_response("The sign-off.", Signoff), **errors},
    )
    async def sign(month: MonthText, request: SignoffRequest, actor: Asking) -> JSONResponse:
        """Upon its newest comparison. It keeps what was open and the digest of the evidence."""
        return json_answer(await services.months.sign(month, request.reason, actor=actor.name))

    @router.post(
        "/months/{month}/signoff/withdraw",
        operation_id="revert_month_signoff",
        summary="Withdraw a month's sign-off",
        responses={200: json_response("The sign-off as it was.", Signoff), **errors},
    )
    async def withdraw(month: MonthText, actor: Asking) -> JSONResponse:
        """It remains in the month's history."""
        return json_answer(await services.months.withdraw(month, actor=actor.name))


async def evidence_answer(services: WebServices, month: str) -> StreamingResponse:
    """The evidence as a download; what is wrong before its first piece is an error."""
    pieces = services.months.evidence(month)
    first = await anext(pieces)
    return StreamingResponse(
        _all(first, pieces),
        media_type=ZIP,
        headers={
            "Cache-Control": "no-store",
            "Content-Disposition": f'attachment; filename="wescope-{month}.zip"',
            "X-Content-Type-Options": "nosniff",
        },
    )


async def _all(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for piece in rest:
        yield piece
