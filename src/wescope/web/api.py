"""The JSON API: the verbs of the command line under `/api/v1`."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from wescope.engine.results import Status, SyncResult
from wescope.engine.tieout_results import OpenedRow, TieOut
from wescope.web.access.guard import authorize
from wescope.web.answers import json_answer
from wescope.web.drift import drift_routes
from wescope.web.drift_pages import drift_page_routes
from wescope.web.history import history_routes
from wescope.web.home import home_api_routes
from wescope.web.months import month_routes
from wescope.web.parameters import Day, Flag, Key, StripeId
from wescope.web.parked_pages import parked_page_routes
from wescope.web.payouts import payout_routes
from wescope.web.schemas import error_responses, json_response
from wescope.web.services import WebServices
from wescope.web.setting_up import setting_up_routes
from wescope.web.setup import setup_routes
from wescope.web.support import support_routes
from wescope.web.undo import undo_routes

MAX_IDS = 100
_ERRORS = error_responses(403, 422, 502, 503)
RowId = Annotated[
    Key,
    Path(
        description="The `id` of a row: `receivable:cus_...:usd`, `clearing:usd`, `revenue:2026-10:usd`, ...",
        examples=["clearing:usd"],
    ),
]
AsOf = Annotated[
    Day | None, Query(description="A day in the books' calendar; today if left out.", examples=["2026-10-31"])
]


class SyncRequest(BaseModel):
    """Which Stripe objects to reconcile now."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"ids": ["in_1SGf1ULkdIwHu7ixbWq9Jd2M"], "dry_run": True}]}
    )

    ids: Annotated[list[StripeId], Field(min_length=1, max_length=MAX_IDS)]
    dry_run: Flag = False


def api_routes(services: WebServices) -> APIRouter:
    """`/api/v1/...`: status, payouts, tieout, sync, and those of `support`; for whom the guard lets pass."""
    router = APIRouter(prefix="/api/v1", dependencies=[Depends(authorize)])
    _state_routes(router, services)
    router.include_router(payout_routes(services))
    _tieout_routes(router, services)
    router.include_router(home_api_routes(services))
    _sync_route(router, services)
    router.include_router(support_routes(services))
    router.include_router(parked_page_routes(services), tags=["parked"])
    router.include_router(drift_routes(services), tags=["drift"])
    router.include_router(drift_page_routes(services), tags=["drift"])
    router.include_router(history_routes(services), tags=["work"])
    router.include_router(undo_routes(services), tags=["work"])
    router.include_router(setup_routes(services), tags=["setup"])
    router.include_router(month_routes(services), tags=["close"])
    router.include_router(setting_up_routes(services), tags=["setup"])
    return router


def _state_routes(router: APIRouter, services: WebServices) -> None:
    @router.get(
        "/status",
        operation_id="get_status",
        tags=["state"],
        summary="What the service is doing",
        responses={200: json_response("The state now.", Status), **_ERRORS},
    )
    async def status() -> JSONResponse:
        """Backlog, ages, parked, posted, tokens, last tie-out."""
        return json_answer(await services.status())


def _tieout_routes(router: APIRouter, services: WebServices) -> None:
    @router.get(
        "/tieout",
        operation_id="get_tieout",
        tags=["state"],
        summary="Compare Stripe and QBO",
        responses={200: json_response("The comparison.", TieOut), **_ERRORS},
    )
    async def tieout(as_of: AsOf = None) -> JSONResponse:
        """Receivables, clearing, bank, revenue and fees by month, payouts; the difference must be 0.00."""
        return json_answer(await services.tieout(as_of))

    @router.get(
        "/tieout/rows/{row_id:path}",
        operation_id="get_tieout_row",
        tags=["state"],
        summary="One row of a tie-out, document by document",
        responses={200: json_response("The row.", OpenedRow), **_ERRORS, **error_responses(404)},
    )
    async def tieout_row(row_id: RowId, as_of: AsOf = None) -> JSONResponse:
        """Its lines add up to it on each side. A comparison that was made within ten minutes is used again."""
        (opened,) = await services.open_rows([row_id], as_of)
        return json_answer(opened)


def _sync_route(router: APIRouter, services: WebServices) -> None:
    @router.post(
        "/sync",
        operation_id="sync_objects",
        tags=["work"],
        summary="Reconcile these Stripe objects now",
        responses={200: json_response("What was done.", tuple[SyncResult, ...]), **_ERRORS, **error_responses(404)},
    )
    async def sync(request: SyncRequest) -> JSONResponse:
        """With `dry_run` the plan is answered and nothing is written."""
        return json_answer(tuple(await services.sync(request.ids, dry_run=request.dry_run)))
