"""Bulk actions on parked items: the plan of what a filter takes, the run that does it, and what came of each item."""

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, Response
from pydantic import StringConstraints

from wescope.engine.bulk import BulkAction, BulkChoice
from wescope.web.access.guard import Asking
from wescope.web.console.faults import page_router
from wescope.web.console.parked import Reason
from wescope.web.console.rendering import Pages, query_of, see_other
from wescope.web.console.responses import form_responses, page_responses
from wescope.web.parameters import Moment
from wescope.web.parked_filters import BulkFilters
from wescope.web.parked_pages import After, BulkRunId
from wescope.web.services import WebServices

Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}$"), Form(description="Of the plan.")]
PlannedAt = Annotated[Moment, Form(description="The moment of the plan.")]
VERBS = {
    BulkAction.RETRY: "Retry",
    BulkAction.IGNORE: "Ignore",
    BulkAction.UNIGNORE: "Count again",
}


def bulk_routes(services: WebServices, pages: Pages) -> APIRouter:
    """`/parked/bulk` with its plan, progress and outcome."""
    router = page_router()
    _plan_routes(router, services, pages)
    _run_routes(router, services, pages)
    return router


def _plan_routes(router: APIRouter, services: WebServices, pages: Pages) -> None:
    @router.get(
        "/parked/bulk",
        summary="What would be done to many parked items",
        operation_id="get_bulk_plan_page",
        responses=page_responses(422, 503),
    )
    async def plan(request: Request, filters: Annotated[BulkFilters, Query()]) -> HTMLResponse:
        """How many, how much, and the first ones; whoever starts it starts exactly this."""
        found = await services.parked_desk.plan(BulkChoice(action=filters.action), filters.query(filters.action))
        query = query_of(**{"action": filters.action.value, **filters.kept()})
        return pages.answer(
            request,
            "bulk_plan.html",
            twin=f"/api/v1/parked/bulk{query}",
            plan=found,
            action=filters.action,
            verb=VERBS[filters.action],
            query=query,
            back=f"/parked{query_of(**filters.filters())}",
            kept=filters.filters(),
        )

    @router.post(
        "/parked/bulk",
        summary="Do something to many parked items",
        operation_id="post_bulk",
        responses=form_responses(409, 503),
    )
    async def start(
        filters: Annotated[BulkFilters, Query()], actor: Asking, at: PlannedAt, digest: Digest, reason: Reason = ""
    ) -> Response:
        """A worker does the work; what was chosen must be what the plan has shown."""
        choice = BulkChoice(action=filters.action, reason=reason)
        query = filters.query(filters.action)
        run = await services.parked_desk.start(choice, query, at=at, digest=digest, actor=actor.name)
        return see_other(f"/parked/bulk/{run.id}")


def _run_routes(router: APIRouter, services: WebServices, pages: Pages) -> None:
    @router.get(
        "/parked/bulk/{run_id}",
        summary="What a bulk action has come to",
        operation_id="get_bulk_page",
        responses=page_responses(404, 422, 503),
    )
    async def outcome(request: Request, run_id: BulkRunId, after: After = None) -> HTMLResponse:
        """How far it is, and what became of each item."""
        found = await services.parked_desk.outcome(run_id, after=after)
        return pages.answer(
            request,
            "bulk.html",
            twin=f"/api/v1/parked/bulk/{run_id}{query_of(after=after)}",
            found=found,
            after=after,
            verb=VERBS[BulkAction(found.action)],
        )

    taken = form_responses(404, 409, 503)

    @router.post("/parked/bulk/{run_id}/pause", summary="Pause it", operation_id="post_bulk_pause", responses=taken)
    async def pause(run_id: BulkRunId) -> Response:
        """It stops after its current batch."""
        await services.history.pause(run_id)
        return see_other(f"/parked/bulk/{run_id}")

    @router.post(
        "/parked/bulk/{run_id}/resume", summary="Go on with it", operation_id="post_bulk_resume", responses=taken
    )
    async def resume(run_id: BulkRunId) -> Response:
        """A worker takes it up where it stopped."""
        await services.history.resume(run_id)
        return see_other(f"/parked/bulk/{run_id}")

    @router.post("/parked/bulk/{run_id}/cancel", summary="Cancel it", operation_id="post_bulk_cancel", responses=taken)
    async def cancel(run_id: BulkRunId) -> Response:
        """It ends after its current batch; looks that were asked for and not begun are taken back."""
        await services.history.cancel(run_id)
        return see_other(f"/parked/bulk/{run_id}")
