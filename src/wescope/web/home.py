"""Routes of home: the overview, kept tie-outs, the start of a new one, and the audit log."""

from typing import Annotated

from fastapi import APIRouter, Path, Query
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, StringConstraints

from wescope.engine.audit_log import AuditPage
from wescope.engine.overview import Overview
from wescope.engine.tieout_kept import KeptOpenedRow, TieOutPage, TieOutRun
from wescope.links.audit import AuditFilter
from wescope.web.access.guard import Asking
from wescope.web.answers import json_answer
from wescope.web.parameters import Day, Key
from wescope.web.schemas import error_responses, json_response
from wescope.web.services import WebServices

Word = Annotated[str, StringConstraints(pattern=r"^[a-z_]{1,40}$")]
Cursor = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,18}$")]
Name = Annotated[str, StringConstraints(pattern=r"^[!-~]{1,400}$")]
KeptAsOf = Annotated[
    Day | None,
    Query(
        description="A day in the books' calendar; the latest that was compared if left out.", examples=["2026-10-31"]
    ),
]
RowKind = Annotated[
    Word | None, Query(description="All rows of this kind (`receivable`, `clearing`, ...), a page at a time.")
]
After = Annotated[Cursor | None, Query(description="`next` of the page before.")]
KeptRowId = Annotated[Key, Path(description="The `id` of a row.", examples=["clearing:usd"])]


class CompareRequest(BaseModel):
    """As of which day to compare; today, in the books' calendar, if left out."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"as_of": "2026-10-31"}]})

    as_of: Day | None = None


def home_api_routes(services: WebServices) -> APIRouter:
    """`overview`, kept tie-outs and `audit` under the API's prefix."""
    router = APIRouter()
    _overview_route(router, services)
    _tieout_routes(router, services)
    _compare_route(router, services)
    _audit_route(router, services)
    return router


def _overview_route(router: APIRouter, services: WebServices) -> None:
    @router.get(
        "/overview",
        operation_id="get_overview",
        tags=["state"],
        summary="All that the console's home says",
        responses={200: json_response("The overview.", Overview), **error_responses(403, 503)},
    )
    async def overview() -> JSONResponse:
        """Status, the latest tie-out by parts, what is parked by code, limits in use, and the last thirty days."""
        return json_answer(await services.overview.overview())


def _tieout_routes(router: APIRouter, services: WebServices) -> None:
    @router.get(
        "/tieout/kept",
        operation_id="get_kept_tieout",
        tags=["state"],
        summary="The last tie-out that was kept",
        responses={200: json_response("The tie-out.", TieOutPage), **error_responses(403, 422, 503)},
    )
    async def kept(as_of: KeptAsOf = None, kind: RowKind = None, after: After = None) -> JSONResponse:
        """Nothing is compared anew: Stripe and QBO are not asked."""
        return json_answer(await services.tieout_desk.page(as_of, kind, after))

    @router.get(
        "/tieout/kept/rows/{row_id:path}",
        operation_id="get_kept_tieout_row",
        tags=["state"],
        summary="One row of a kept tie-out, and the documents by which it differs",
        responses={200: json_response("The row.", KeptOpenedRow), **error_responses(403, 404, 422, 503)},
    )
    async def row(row_id: KeptRowId, as_of: KeptAsOf = None) -> JSONResponse:
        """Documents that agree are not kept: `GET /api/v1/tieout/rows/{row_id}` compares, and lists all."""
        return json_answer(await services.tieout_desk.row(row_id, as_of))


def _compare_route(router: APIRouter, services: WebServices) -> None:
    @router.post(
        "/tieout/runs",
        operation_id="start_tieout",
        tags=["work"],
        summary="Have a worker compare Stripe and QBO",
        responses={200: json_response("The run that does it.", TieOutRun), **error_responses(403, 409, 422, 503)},
    )
    async def compare(request: CompareRequest, actor: Asking) -> JSONResponse:
        """`GET /api/v1/tieout/kept` has its result when it is done."""
        return json_answer(await services.tieout_desk.compare(request.as_of, actor=actor.name))


def _audit_route(router: APIRouter, services: WebServices) -> None:
    @router.get(
        "/audit",
        operation_id="list_audit",
        tags=["state"],
        summary="Who had what done",
        responses={200: json_response("A page of it.", AuditPage), **error_responses(403, 422, 503)},
    )
    async def audit(
        action: Annotated[Word | None, Query(description="Only this action (`repair`, `ignore`, ...).")] = None,
        actor: Annotated[Name | None, Query(description="Only this actor (`cli`, `local`, ...).")] = None,
        target: Annotated[Name | None, Query(description="Only this document, subject, QBO object or run.")] = None,
        after: After = None,
    ) -> JSONResponse:
        """The newest first; ids, codes and reasons of operators only."""
        chosen = AuditFilter(action=action, actor=actor, target=target)
        return json_answer(await services.audit_log.page(chosen, after))
