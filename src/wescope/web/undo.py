"""Undo routes: what undoing a run would do, have it done, and what came of it."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Path
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from wescope.engine.history import RunReport
from wescope.engine.undo import UndoOutcome
from wescope.engine.undo_plan import UndoPlan
from wescope.web.access.guard import Asking
from wescope.web.answers import json_answer
from wescope.web.parameters import LARGEST, Flag, RowNumber
from wescope.web.schemas import error_responses, json_response
from wescope.web.services import WebServices


class UndoRequest(BaseModel):
    """Which run to undo."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"run_id": 12, "dry_run": True}]})

    run_id: RowNumber
    dry_run: Annotated[Flag, Field(description="Only answer what would be done.")] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoAnswer:
    """What is taken back and what stays, and the run that does it; null if there is none."""

    plan: UndoPlan
    run: RunReport | None


def undo_routes(services: WebServices) -> APIRouter:
    """`undo` under the API's prefix."""
    router = APIRouter()
    errors = error_responses(403, 404, 409, 422, 502, 503)

    @router.post(
        "/undo",
        operation_id="start_undo",
        summary="Take back what a run posted",
        responses={200: json_response("What is taken back, and the run.", UndoAnswer), **errors},
    )
    async def undo(request: UndoRequest, actor: Asking) -> JSONResponse:
        """Never what a person or a closed period owns. With `dry_run` it is only told. A worker does the work."""
        history = services.history
        plan = await history.plan_undo(request.run_id)
        if request.dry_run or not plan.count:
            return json_answer(UndoAnswer(plan=plan, run=None))
        started = await history.start_undo(request.run_id, actor=actor.name)
        return json_answer(UndoAnswer(plan=plan, run=await history.run(started.id)))

    @router.get(
        "/undo/{run_id}",
        operation_id="get_undo",
        summary="What an undo has come to",
        responses={200: json_response("What was taken back, and what stays.", UndoOutcome), **errors},
    )
    async def undone(run_id: Annotated[int, Path(ge=1, le=LARGEST, examples=[13])]) -> JSONResponse:
        """Of the run that undoes, as things stand now."""
        return json_answer(await services.history.undone(run_id))

    return router
