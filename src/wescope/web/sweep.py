"""Sweep route: look for what webhooks have not told."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from wescope.engine.history import RunReport
from wescope.engine.sweep import SweepChoice, SweepPlan
from wescope.web.access.guard import Asking
from wescope.web.answers import json_answer
from wescope.web.parameters import Flag, Moment
from wescope.web.schemas import error_responses, json_response
from wescope.web.services import WebServices


class SweepRequest(BaseModel):
    """How far a sweep looks back, and whether it leaves out the lists of open objects."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"since": "2026-11-20T00:00:00Z"}]})

    since: Annotated[Moment | None, Field(description="Look back at least so far.")] = None
    events_only: Annotated[Flag, Field(description="Only Stripe's events, unless it may have forgotten some.")] = False
    dry_run: Annotated[Flag, Field(description="Only answer what would be looked at.")] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepAnswer:
    """What would be looked at (of a dry run only), or the run that looks at it."""

    plan: SweepPlan | None
    run: RunReport | None


def sweep_routes(services: WebServices) -> APIRouter:
    """`sweep` under the API's prefix."""
    router = APIRouter()

    @router.post(
        "/sweep",
        operation_id="start_sweep",
        summary="Look for what webhooks have not told",
        responses={
            200: json_response("The run, or what it would look at.", SweepAnswer),
            **error_responses(403, 409, 422, 502, 503),
        },
    )
    async def sweep(request: SweepRequest, actor: Asking) -> JSONResponse:
        """Events that were not delivered or came since the last sweep, and open objects. A worker does the work."""
        history = services.history
        choice = SweepChoice(since=request.since, events_only=request.events_only)
        if request.dry_run:
            return json_answer(SweepAnswer(plan=await history.plan_sweep(choice), run=None))
        started = await history.start_sweep(choice, actor=actor.name)
        return json_answer(SweepAnswer(plan=None, run=await history.run(started.id)))

    return router
