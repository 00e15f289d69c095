"""Undo of a run: what it comes to, looked at in part before, and its start."""

from typing import Annotated, Literal

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, Response

from wescope.engine.undo_look import LOOKED_AT, UndoLook
from wescope.engine.undo_plan import REMEDIES, KeptReason
from wescope.links.runs import RunState
from wescope.web.access.guard import Asking
from wescope.web.console.faults import page_router
from wescope.web.console.rendering import Pages, see_other
from wescope.web.console.responses import form_responses, page_responses
from wescope.web.console.runs import RunId
from wescope.web.services import WebServices

Action = Annotated[Literal["preview", "start"], Form(description="Look at it, or begin it.")]


def undo_routes(services: WebServices, pages: Pages) -> APIRouter:
    """`GET /runs/{run_id}/undo`, and its form."""
    router = page_router()

    async def page(request: Request, run_id: int, look: UndoLook | None) -> HTMLResponse:
        report = await services.runs.run(run_id)
        return pages.answer(
            request,
            "run_undo.html",
            twin=f"/api/v1/runs/{run_id}",
            report=report,
            look=look,
            most=LOOKED_AT,
            reasons={reason.value: REMEDIES[reason][0] for reason in KeptReason},
            is_working=report.state == RunState.RUNNING,
            is_dry_run=await services.runs.writes_nothing(),
        )

    @router.get(
        "/runs/{run_id}/undo",
        summary="Undo of a run",
        operation_id="get_undo_page",
        responses=page_responses(404, 422, 503),
    )
    async def undo(request: Request, run_id: RunId) -> HTMLResponse:
        """For people: what the run has posted, and what is done about it. QBO is asked nothing."""
        return await page(request, run_id, None)

    @router.post(
        "/runs/{run_id}/undo",
        summary="Look at the undo of a run, or begin it",
        operation_id="post_undo",
        response_model=None,
        responses=form_responses(404, 409, 502, 503) | {200: page_responses()[200]},
    )
    async def form(request: Request, run_id: RunId, actor: Asking, action: Action) -> Response:
        """`preview` asks QBO about the first documents and writes nothing; `start` has a worker take all back."""
        if action == "preview":
            return await page(request, run_id, await services.runs.look_at_undo(run_id))
        started = await services.history.start_undo(run_id, actor=actor.name)
        return see_other(f"/runs/{started.id}")

    return router
