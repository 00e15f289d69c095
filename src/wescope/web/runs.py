"""Run routes: pages of runs and of what one has created, steering, a look before an undo, dry runs of backfills."""

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict

from wescope.books.documents import Entity
from wescope.engine.backfill_plan import Forecast
from wescope.engine.history import RunReport
from wescope.engine.run_book import DocumentFilter, RunDocuments, RunsPage
from wescope.engine.undo_look import UndoLook
from wescope.links.run_pages import RunEntry
from wescope.links.runs import RunKind, RunState
from wescope.links.store import LinkState
from wescope.web.access.guard import Asking
from wescope.web.answers import json_answer
from wescope.web.parameters import LARGEST, Day, Key
from wescope.web.schemas import error_responses, json_response
from wescope.web.services import WebServices

RunId = Annotated[int, Path(ge=1, le=LARGEST, examples=[12])]
Kind = Annotated[RunKind | None, Query(description="Only of this kind.")]
State = Annotated[RunState | None, Query(description="Only in this state.")]
After = Annotated[int | None, Query(ge=1, le=LARGEST, description="`next` of the page before.")]
OfEntity = Annotated[Entity | None, Query(description="Only of this entity of QBO.")]
InState = Annotated[LinkState | None, Query(description="Only those of which this has become.")]
AfterKey = Annotated[Key | None, Query(description="`next` of the page before.")]
Limit = Annotated[int, Query(ge=1, le=200, description="How many at most.")]


class ForecastRequest(BaseModel):
    """The period of the backfill, in days of the books' calendar: from the start date to today, if not said."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"since": "2026-11-01", "until": "2026-11-15"}]}
    )

    since: Day | None = None
    until: Day | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastAnswer:
    """What a dry run of a backfill has come to; null while it goes on, and if it was canceled."""

    forecast: Forecast | None


def run_routes(services: WebServices) -> APIRouter:
    """`runs` under the API's prefix, and `backfill/forecast`."""
    router = APIRouter()
    _page_routes(router, services)
    _steer_routes(router, services)
    _undo_route(router, services)
    _forecast_routes(router, services)
    return router


def _page_routes(router: APIRouter, services: WebServices) -> None:
    errors = error_responses(403, 422, 503)

    @router.get(
        "/runs",
        operation_id="list_runs",
        summary="Backfills, replays and other runs",
        responses={200: json_response("The newest first.", tuple[RunReport, ...]), **errors},
    )
    async def runs(limit: Annotated[int, Query(ge=1, le=500, description="How many at most.")] = 50) -> JSONResponse:
        """Each with its state, counts and posted documents; what is parked is told of single ones."""
        return json_answer((await services.runs.page(limit=limit)).items)

    @router.get(
        "/runs/page",
        operation_id="list_runs_by_page",
        summary="Runs of a kind and state, page by page",
        responses={200: json_response("The newest first.", RunsPage), **errors},
    )
    async def page(kind: Kind = None, state: State = None, after: After = None, limit: Limit = 25) -> JSONResponse:
        """Each with its state, counts and posted documents; what is parked is told of single ones."""
        return json_answer(await services.runs.page(kind=kind, state=state, after=after, limit=limit))

    @router.get("/runs/{run_id}", operation_id="get_run", summary="One run", responses=_one())
    async def run(run_id: RunId) -> JSONResponse:
        """Where it stands, what it posted, and what is parked."""
        return json_answer(await services.runs.run(run_id))

    @router.get(
        "/runs/{run_id}/documents",
        operation_id="list_run_documents",
        summary="What a run has created",
        responses={200: json_response("By their keys.", RunDocuments), **error_responses(403, 404, 422, 503)},
    )
    async def documents(
        run_id: RunId, entity: OfEntity = None, state: InState = None, after: AfterKey = None, limit: Limit = 50
    ) -> JSONResponse:
        """Each with what has become of it since."""
        chosen = DocumentFilter(entity=entity, state=state, after=after, limit=limit)
        return json_answer(await services.runs.documents(run_id, chosen))

    @router.get(
        "/runs/{run_id}/audit",
        operation_id="list_run_entries",
        summary="Who had what done with a run",
        responses={
            200: json_response("The newest first.", tuple[RunEntry, ...]),
            **error_responses(403, 404, 422, 503),
        },
    )
    async def entries(run_id: RunId) -> JSONResponse:
        """Who started, paused, resumed, canceled and undid it; what the schedule did is not told."""
        return json_answer(tuple(await services.runs.entries(run_id)))


def _steer_routes(router: APIRouter, services: WebServices) -> None:
    steered = _one() | error_responses(409)

    @router.post("/runs/{run_id}/pause", operation_id="pause_run", summary="Pause a run", responses=steered)
    async def pause(run_id: RunId, actor: Asking) -> JSONResponse:
        """It stops after its current step; what it has queued is worked off."""
        return json_answer(await services.history.pause(run_id, actor=actor.name))

    @router.post("/runs/{run_id}/resume", operation_id="resume_run", summary="Resume a run", responses=steered)
    async def resume(run_id: RunId, actor: Asking) -> JSONResponse:
        """A worker takes it up from its checkpoint."""
        return json_answer(await services.history.resume(run_id, actor=actor.name))

    @router.post("/runs/{run_id}/cancel", operation_id="cancel_run", summary="Cancel a run", responses=steered)
    async def cancel(run_id: RunId, actor: Asking) -> JSONResponse:
        """What it has queued is taken back; what is written stays."""
        return json_answer(await services.history.cancel(run_id, actor=actor.name))


def _undo_route(router: APIRouter, services: WebServices) -> None:
    @router.post(
        "/runs/{run_id}/undo/look",
        operation_id="explain_undo",
        summary="What undoing a run comes to, of its first documents",
        responses={200: json_response("Sums, and a plan.", UndoLook), **error_responses(403, 404, 422, 502, 503)},
    )
    async def look(run_id: RunId) -> JSONResponse:
        """Nothing is written. QBO is asked about 200 documents; `/undo` with `dry_run` asks about all."""
        return json_answer(await services.runs.look_at_undo(run_id))


def _forecast_routes(router: APIRouter, services: WebServices) -> None:
    @router.post(
        "/backfill/forecast",
        operation_id="start_forecast",
        summary="Have the dry run of a backfill made",
        responses={200: json_response("The run.", RunReport), **error_responses(403, 409, 422, 503)},
    )
    async def start(request: ForecastRequest, actor: Asking) -> JSONResponse:
        """A worker reads and plans everything of the period, and writes nothing; `/runs/{run_id}/forecast` has it."""
        since, until = services.history.period(request.since, request.until)
        started = await services.runs.start_forecast(since, until, actor=actor.name)
        return json_answer(await services.runs.run(started.id))

    @router.get(
        "/runs/{run_id}/forecast",
        operation_id="get_forecast",
        summary="What the dry run of a backfill has come to",
        responses={
            200: json_response("The forecast, if it is made.", ForecastAnswer),
            **error_responses(403, 404, 422, 503),
        },
    )
    async def forecast(run_id: RunId) -> JSONResponse:
        """What would be posted and parked, by month and entity."""
        return json_answer(ForecastAnswer(forecast=await services.runs.forecast(run_id)))


def _one() -> dict[int | str, dict[str, Any]]:
    return {200: json_response("The run.", RunReport), **error_responses(403, 404, 422, 503)}
