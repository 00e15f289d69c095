"""Routes of parked items a page at a time, of one with all about it, and of what is done to many at once."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Path, Query
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from wescope.books.parking import Owner, ParkCode
from wescope.engine.bulk import BulkAction, BulkChoice, BulkOutcome, BulkPlan
from wescope.engine.history import RunReport
from wescope.engine.parked_desk import ParkedDetail, ParkedPage, ParkedQuery
from wescope.web.access.guard import Asking
from wescope.web.answers import json_answer
from wescope.web.parameters import Amount, Flag, Key, Moment, WholeAgeSeconds
from wescope.web.parked_filters import BulkFilters, Cursor, ParkedFilters
from wescope.web.schemas import error_responses, json_response
from wescope.web.services import WebServices

DocumentKeyPath = Annotated[Key, Path(description="A document key.", examples=["in_1SGf1ULkdIwHu7ixbWq9Jd2M:invoice"])]
BulkRunId = Annotated[int, Path(ge=1, le=2**53 - 1, examples=[14])]
After = Annotated[Cursor | None, Query(description="`next` of the page before.")]


class BulkRequest(BaseModel):
    """What to do to which parked items.

    Without any condition it is all of them; what is ignored is chosen by `unignore` alone. `at` and `digest` of a plan
    make sure that exactly what it has shown is done.
    """

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"action": "retry", "codes": ["account_missing"], "dry_run": True}]},
    )

    action: BulkAction
    reason: Annotated[str, Field(max_length=200, description="Of `ignore`; kept and shown: no personal data.")] = ""
    codes: list[ParkCode] = []
    owners: list[Owner] = []
    currency: Annotated[str, StringConstraints(pattern=r"^[a-z]{3}$")] | None = None
    min_amount: Annotated[Amount | None, Field(description="In major units of each item's currency.")] = None
    older_than_s: WholeAgeSeconds | None = None
    contains: Annotated[str, StringConstraints(pattern=r"^[!-~]{1,100}$")] | None = None
    at: Annotated[Moment | None, Field(description="Of the plan.")] = None
    digest: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}$")] | None = None
    dry_run: Annotated[Flag, Field(description="Only answer what would be done.")] = False

    def query(self) -> ParkedQuery:
        """The items."""
        return ParkedQuery(
            codes=tuple(code.value for code in self.codes),
            owners=tuple(owner.value for owner in self.owners),
            currency=self.currency or "",
            min_amount=self.min_amount,
            older_than=None if self.older_than_s is None else timedelta(seconds=self.older_than_s),
            ignored=self.action is BulkAction.UNIGNORE,
            contains=self.contains or "",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkAnswer:
    """What is done, and the run that does it; null if it is only planned, or nothing is chosen."""

    plan: BulkPlan
    run: RunReport | None


def parked_page_routes(services: WebServices) -> APIRouter:
    """`parked/page`, `parked/items` and `parked/bulk` under the API's prefix."""
    router = APIRouter()
    _look_routes(router, services)
    _bulk_routes(router, services)
    return router


def _look_routes(router: APIRouter, services: WebServices) -> None:
    @router.get(
        "/parked/page",
        operation_id="get_parked_items",
        summary="Parked items a page at a time, with sums by code",
        responses={200: json_response("The oldest first.", ParkedPage), **error_responses(403, 422, 503)},
    )
    async def page(filters: Annotated[ParkedFilters, Query()]) -> JSONResponse:
        """`next` names the page that follows; `sums` are of all that the filter takes."""
        return json_answer(await services.parked_desk.page(filters.query(), after=filters.after))

    @router.get(
        "/parked/items/{key}",
        operation_id="get_parked_item",
        summary="One parked document with all that is known of it",
        responses={200: json_response("The document.", ParkedDetail), **error_responses(403, 404, 422, 503)},
    )
    async def item(key: DocumentKeyPath) -> JSONResponse:
        """Also of one that is parked no longer: then `item` is null."""
        return json_answer(await services.parked_desk.item(key))


def _bulk_routes(router: APIRouter, services: WebServices) -> None:
    @router.get(
        "/parked/bulk",
        operation_id="get_bulk_plan",
        summary="What would be done to many parked items",
        responses={200: json_response("The plan.", BulkPlan), **error_responses(403, 422, 503)},
    )
    async def plan(filters: Annotated[BulkFilters, Query()]) -> JSONResponse:
        """How many, how much by code and currency, and the first ones."""
        choice = BulkChoice(action=filters.action)
        return json_answer(await services.parked_desk.plan(choice, filters.query(filters.action)))

    @router.post(
        "/parked/bulk",
        operation_id="start_bulk",
        summary="Do something to many parked items",
        responses={
            200: json_response("What is done, and the run.", BulkAnswer),
            **error_responses(403, 409, 422, 503),
        },
    )
    async def start(request: BulkRequest, actor: Asking) -> JSONResponse:
        """With `dry_run` it is only planned. A worker does the work; `/runs/{run_id}` steers it."""
        desk, choice = services.parked_desk, BulkChoice(action=request.action, reason=request.reason)
        told = await desk.plan(choice, request.query(), at=_moment(request.at))
        if request.dry_run or not told.count:
            return json_answer(BulkAnswer(plan=told, run=None))
        digest = request.digest or told.digest
        run = await desk.start(choice, request.query(), at=told.at, digest=digest, actor=actor.name)
        return json_answer(BulkAnswer(plan=told, run=await services.history.run(run.id)))

    @router.get(
        "/parked/bulk/{run_id}",
        operation_id="get_bulk",
        summary="What a bulk action has come to",
        responses={200: json_response("How far it is.", BulkOutcome), **error_responses(403, 404, 422, 503)},
    )
    async def outcome(run_id: BulkRunId, after: After = None) -> JSONResponse:
        """What became of each item, a page at a time, in the order in which they are done."""
        return json_answer(await services.parked_desk.outcome(run_id, after=after))


def _moment(value: Moment | None) -> datetime | None:
    return value
