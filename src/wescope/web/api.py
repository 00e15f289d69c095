"""The JSON API: the verbs of the command line under `/api/v1`."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from wescope.engine.results import PayoutDetail, PayoutResult, Status, SyncResult
from wescope.engine.tieout_results import OpenedRow, TieOut
from wescope.web.answers import json_answer
from wescope.web.drift import drift_routes
from wescope.web.history import history_routes
from wescope.web.local import only_local
from wescope.web.schemas import error_responses, json_response, schema_of
from wescope.web.services import WebServices
from wescope.web.support import support_routes
from wescope.web.undo import undo_routes

MAX_IDS = 100
StripeId = Annotated[str, Field(min_length=3, max_length=255)]


class SyncRequest(BaseModel):
    """Which Stripe objects to reconcile now."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"ids": ["in_1"], "dry_run": True}]})

    ids: Annotated[list[StripeId], Field(min_length=1, max_length=MAX_IDS)]
    dry_run: bool = False


def api_routes(services: WebServices) -> APIRouter:
    """`/api/v1/...`: status, payouts, tieout, sync, and those of `support`; for this machine only."""
    router = APIRouter(prefix="/api/v1", tags=["api"], dependencies=[Depends(only_local)])
    errors = error_responses(403, 422, 502, 503)

    @router.get(
        "/status",
        summary="What the service is doing",
        responses={200: json_response("The state now.", schema_of(Status)), **errors},
    )
    async def status() -> JSONResponse:
        """Backlog, ages, parked, posted, tokens, last tie-out."""
        return json_answer(await services.status())

    @router.get(
        "/payouts",
        summary="Payouts and their deposits",
        responses={200: json_response("All of them.", schema_of(tuple[PayoutResult, ...])), **errors},
    )
    async def payouts() -> JSONResponse:
        """Each with its state, its dates and the QBO deposits that are it."""
        return json_answer(tuple(await services.payouts()))

    @router.get(
        "/payouts/{payout_id}",
        summary="One payout, row by row",
        responses={200: json_response("The payout.", schema_of(PayoutDetail)), **errors, **error_responses(404)},
    )
    async def payout(payout_id: StripeId) -> JSONResponse:
        """Every row with its document, gross, fee and net."""
        return json_answer(await services.payout(payout_id))

    @router.get(
        "/tieout",
        summary="Compare Stripe and QBO",
        responses={200: json_response("The comparison.", schema_of(TieOut)), **errors},
    )
    async def tieout(
        as_of: Annotated[date | None, Query(description="A day in the books' calendar; today if left out.")] = None,
    ) -> JSONResponse:
        """Receivables, clearing, bank, revenue and fees by month, payouts; the difference must be 0.00."""
        return json_answer(await services.tieout(as_of))

    @router.get(
        "/tieout/rows/{row_id:path}",
        summary="One row of a tie-out, document by document",
        responses={200: json_response("The row.", schema_of(OpenedRow)), **errors, **error_responses(404)},
    )
    async def tieout_row(
        row_id: StripeId,
        as_of: Annotated[date | None, Query(description="A day in the books' calendar; today if left out.")] = None,
    ) -> JSONResponse:
        """Its lines add up to it on each side. A comparison that was made within ten minutes is used again."""
        (opened,) = await services.open_rows([row_id], as_of)
        return json_answer(opened)

    @router.post(
        "/sync",
        summary="Reconcile these Stripe objects now",
        responses={200: json_response("What was done.", schema_of(tuple[SyncResult, ...])), **errors},
    )
    async def sync(request: SyncRequest) -> JSONResponse:
        """With `dry_run` the plan is answered and nothing is written."""
        return json_answer(tuple(await services.sync(request.ids, dry_run=request.dry_run)))

    router.include_router(support_routes(services))
    router.include_router(drift_routes(services))
    router.include_router(history_routes(services))
    router.include_router(undo_routes(services))
    return router
