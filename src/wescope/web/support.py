"""Support routes: the story of an id, parked items and what is decided about them, and exports."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Path, Query
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from wescope.books.parking import ParkCode
from wescope.engine.explanation import Explanation
from wescope.engine.export_sheets import SHEETS, What
from wescope.engine.parked_items import ParkedFilter
from wescope.engine.results import ParkedRow
from wescope.web.access.guard import Asking
from wescope.web.answers import json_answer
from wescope.web.parameters import AgeSeconds, Amount, Day, Flag, Key, WholeAgeSeconds
from wescope.web.schemas import error_responses, json_response
from wescope.web.services import WebServices

MAX_KEYS = 1000
Keys = Annotated[list[Key], Field(max_length=MAX_KEYS)]
_ROWS = tuple[ParkedRow, ...]


class RetryRequest(BaseModel):
    """Which parked items to look at again: these keys, or all that the conditions take (`all` without any)."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"codes": ["account_missing"], "older_than_s": 86_400, "dry_run": True}]},
    )

    keys: Keys = []
    codes: list[ParkCode] = []
    subjects: list[Key] = []
    older_than_s: WholeAgeSeconds | None = None
    min_amount: Annotated[Amount | None, Field(description="In major units of each item's currency.")] = None
    all: Flag = False
    dry_run: Annotated[Flag, Field(description="Only answer which items these are.")] = False

    def filter(self) -> ParkedFilter | None:
        """The items; null if nothing was chosen. What is ignored is taken only by its key."""
        conditions = (self.keys or None, self.codes or None, self.subjects or None, self.older_than_s, self.min_amount)
        if not self.all and all(condition is None for condition in conditions):
            return None
        return ParkedFilter(
            keys=tuple(self.keys),
            codes=tuple(self.codes),
            subjects=tuple(self.subjects),
            older_than=None if self.older_than_s is None else timedelta(seconds=self.older_than_s),
            min_amount=self.min_amount,
            ignored=None if self.keys else False,
        )


class IgnoreRequest(BaseModel):
    """Items to let be until their code or amount changes, and why."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"keys": ["in_1SGf1ULkdIwHu7ixbWq9Jd2M:invoice"], "reason": "test invoice, written off in Stripe"}
            ]
        },
    )

    keys: Annotated[list[Key], Field(min_length=1, max_length=MAX_KEYS)]
    reason: Annotated[str, Field(min_length=1, max_length=200, description="Kept and shown: no personal data.")]


class UnignoreRequest(BaseModel):
    """Items to count again."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"keys": ["in_1SGf1ULkdIwHu7ixbWq9Jd2M:invoice"]}]}
    )

    keys: Annotated[list[Key], Field(min_length=1, max_length=MAX_KEYS)]


def support_routes(services: WebServices) -> APIRouter:
    """`explain`, `parked` and `export` under the API's prefix."""
    router = APIRouter()
    _explain_route(router, services)
    _parked_route(router, services)
    _decision_routes(router, services)
    _export_route(router, services)
    return router


def _explain_route(router: APIRouter, services: WebServices) -> None:
    @router.get(
        "/explain/{identifier:path}",
        operation_id="explain_id",
        tags=["state"],
        summary="The whole story of an id",
        responses={
            200: json_response("The story.", Explanation),
            **error_responses(403, 404, 422, 503),
        },
    )
    async def explain(
        identifier: Annotated[
            str,
            Path(
                description="Stands in the path as it is, with its slash if it has one.",
                examples=["in_1SGf1ULkdIwHu7ixbWq9Jd2M", "Invoice/145"],
            ),
        ],
        *,
        plan: Annotated[bool, Query(description="Ask Stripe what would be done now.")] = True,
        elsewhere: Annotated[
            bool, Query(description="Look for what is stored nowhere here: an event at Stripe, a number in QBO.")
        ] = True,
    ) -> JSONResponse:
        """Any Stripe id, `Invoice/145`, `145`, a document number, a document key, a request id or an intuit_tid."""
        return json_answer(await services.support.explain(identifier, plan=plan, elsewhere=elsewhere))


def _parked_route(router: APIRouter, services: WebServices) -> None:
    @router.get(
        "/parked",
        operation_id="list_parked",
        tags=["parked"],
        summary="Documents that must not be posted now",
        responses={200: json_response("All of them.", _ROWS), **error_responses(403, 422, 503)},
    )
    async def parked(
        *,
        code: Annotated[list[ParkCode] | None, Query(description="Only these codes.")] = None,
        subject: Annotated[list[str] | None, Query(description="Only these, as `invoice/in_1` or `in_1`.")] = None,
        older_than_s: Annotated[AgeSeconds | None, Query(description="Parked for at least so many seconds.")] = None,
        min_amount: Annotated[Amount | None, Query(description="In major units of each currency.")] = None,
        ignored: Annotated[bool | None, Query(description="Only ignored items, or only others.")] = None,
    ) -> JSONResponse:
        """Each with its code, reason, owner, amount, age and remedy; ignored ones with why."""
        chosen = ParkedFilter(
            codes=tuple(code or ()),
            subjects=tuple(subject or ()),
            older_than=None if older_than_s is None else timedelta(seconds=older_than_s),
            min_amount=min_amount,
            ignored=ignored,
        )
        return json_answer(tuple(await services.support.parked(chosen)))


def _decision_routes(router: APIRouter, services: WebServices) -> None:
    errors = error_responses(403, 404, 422, 503)

    @router.post(
        "/parked/retry",
        operation_id="retry_parked",
        tags=["parked"],
        summary="Look at parked items again",
        responses={200: json_response("The items that are, or would be, looked at.", _ROWS), **errors},
    )
    async def retry(request: RetryRequest, actor: Asking) -> JSONResponse:
        """They are queued; `GET /parked` shows what is left of them. Without any condition nothing is chosen."""
        chosen = request.filter()
        rows = tuple(await services.support.parked(chosen)) if chosen else ()
        if not request.dry_run:
            await services.support.hint(rows, actor=actor.name)
        return json_answer(rows)

    @router.post(
        "/parked/ignore",
        operation_id="ignore_parked",
        tags=["parked"],
        summary="Let parked items be, with a reason",
        responses={200: json_response("The items.", _ROWS), **errors},
    )
    async def ignore(request: IgnoreRequest, actor: Asking) -> JSONResponse:
        """They are not counted any more, until their code or amount changes."""
        return json_answer(tuple(await services.support.ignore(request.keys, request.reason, actor=actor.name)))

    @router.post(
        "/parked/unignore",
        operation_id="unignore_parked",
        tags=["parked"],
        summary="Count parked items again",
        responses={200: json_response("The items.", _ROWS), **errors},
    )
    async def unignore(request: UnignoreRequest, actor: Asking) -> JSONResponse:
        """They need somebody again."""
        return json_answer(tuple(await services.support.unignore(request.keys, actor=actor.name)))


def _export_route(router: APIRouter, services: WebServices) -> None:
    told = "; ".join(f"`{what}`: {sheet.meaning}" for what, sheet in SHEETS.items())

    @router.get(
        "/export/{what}.csv",
        operation_id="export_table",
        tags=["export"],
        summary="The tables as CSV",
        response_class=StreamingResponse,
        responses={
            200: {"description": told, "content": {"text/csv": {"schema": {"type": "string"}}}},
            **error_responses(403, 422, 503),
        },
    )
    async def export(
        what: What,
        since: Annotated[
            Day | None, Query(description="Leave out what is older: a day in the books' calendar.")
        ] = None,
    ) -> StreamingResponse:
        """Amounts are decimals of the currency in the row; docs/export.md explains the columns."""
        pieces = services.support.export(what, since)
        header, first = await anext(pieces), await anext(pieces, "")  # before anything is answered: it may still fail
        return StreamingResponse(
            _all(header + first, pieces),
            media_type="text/csv; charset=utf-8",
            headers={
                "Cache-Control": "no-store",
                "Content-Disposition": f'attachment; filename="wescope-{what}.csv"',
                "X-Content-Type-Options": "nosniff",
            },
        )


async def _all(first: str, rest: AsyncIterator[str]) -> AsyncIterator[str]:
    yield first
    async for piece in rest:
        yield piece
