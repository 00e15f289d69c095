"""History routes: start a backfill or a replay, and see and steer the runs that do them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query
from fastapi.responses import JSONResponse
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from wescope.engine.backfill_checks import refuses
from wescope.engine.history import RunReport
from wescope.engine.replay import ReplayChoice
from wescope.engine.results import Check
from wescope.web.answers import json_answer
from wescope.web.schemas import error_responses, json_response, schema_of
from wescope.web.services import WebServices
from wescope.web.sweep import sweep_routes

MAX_IDS = 1000
Name = Annotated[str, Field(min_length=3, max_length=255)]
RunId = Annotated[int, Path(ge=1, le=2**62)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class BackfillRequest(_Body):
    """The period to post, in days of the books' calendar: from the start date to today, unless something is said."""

    since: date | None = None
    until: date | None = None
    accept_warnings: Annotated[bool, Field(description="Begin although something is to be known first.")] = False


class ReplayRequest(_Body):
    """What to look at again: all that any of these names."""

    events: Annotated[list[Name], Field(max_length=MAX_IDS)] = []
    subjects: Annotated[list[Name], Field(max_length=MAX_IDS)] = []
    failed: bool = False
    since: Annotated[AwareDatetime | None, Field(description="All that was hinted at since.")] = None
    dry_run: Annotated[bool, Field(description="Only answer how many subjects these are.")] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BackfillAnswer:
    """The run, or null if it did not begin because of what the checks found."""

    run: RunReport | None
    checks: tuple[Check, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayAnswer:
    """How many subjects of each kind, and the run that looks at them; null if there is none."""

    subjects: Mapping[str, int]
    run: RunReport | None


def history_routes(services: WebServices) -> APIRouter:
    """`runs`, `backfill`, `replay` and `sweep` under the API's prefix."""
    router = APIRouter()
    _run_routes(router, services)
    _start_routes(router, services)
    router.include_router(sweep_routes(services))
    return router


def _run_routes(router: APIRouter, services: WebServices) -> None:
    errors = error_responses(403, 404, 422, 503)
    one = {200: json_response("The run.", schema_of(RunReport)), **errors}

    @router.get(
        "/runs",
        summary="Backfills, replays and other runs",
        responses={
            200: json_response("The newest first.", schema_of(tuple[RunReport, ...])),
            **error_responses(403, 422, 503),
        },
    )
    async def runs(limit: Annotated[int, Query(ge=1, le=500)] = 50) -> JSONResponse:
        """Each with its state, counts and posted documents; what is parked is told of single ones."""
        return json_answer(tuple(await services.history.runs(limit)))

    @router.get("/runs/{run_id}", summary="One run", responses=one)
    async def run(run_id: RunId) -> JSONResponse:
        """Where it stands, what it posted, and what is parked."""
        return json_answer(await services.history.run(run_id))

    @router.post("/runs/{run_id}/pause", summary="Pause a run", responses=one)
    async def pause(run_id: RunId) -> JSONResponse:
        """It stops after its current step; what it has queued is worked off."""
        return json_answer(await services.history.pause(run_id))

    @router.post("/runs/{run_id}/resume", summary="Resume a run", responses=one)
    async def resume(run_id: RunId) -> JSONResponse:
        """A worker takes it up from its checkpoint."""
        return json_answer(await services.history.resume(run_id))

    @router.post("/runs/{run_id}/cancel", summary="Cancel a run", responses=one)
    async def cancel(run_id: RunId) -> JSONResponse:
        """What it has queued is taken back; what is written stays."""
        return json_answer(await services.history.cancel(run_id))


def _start_routes(router: APIRouter, services: WebServices) -> None:
    errors = error_responses(403, 422, 502, 503)

    @router.post(
        "/backfill",
        summary="Post everything of a period that QBO does not have yet",
        responses={200: json_response("The run, or why there is none.", schema_of(BackfillAnswer)), **errors},
    )
    async def backfill(request: BackfillRequest) -> JSONResponse:
        """QBO is checked first. Errors stop it, and warnings unless they are accepted. A worker does the work."""
        history = services.history
        since, until = history.period(request.since, request.until)
        checks = tuple(await history.examine(since, until))
        if refuses(checks) or (checks and not request.accept_warnings):
            return json_answer(BackfillAnswer(run=None, checks=checks))
        started = await history.start_backfill(since, until)
        return json_answer(BackfillAnswer(run=await history.run(started.id), checks=checks))

    @router.post(
        "/replay",
        summary="Look at known objects again",
        responses={200: json_response("How many, and the run.", schema_of(ReplayAnswer)), **errors},
    )
    async def replay(request: ReplayRequest) -> JSONResponse:
        """With `dry_run` they are only counted. A worker does the work."""
        history = services.history
        choice = ReplayChoice(
            events=tuple(request.events),
            subjects=tuple(request.subjects),
            failed=request.failed,
            since=_moment(request.since),
        )
        plan = await history.plan_replay(choice)
        if request.dry_run or not plan.count:
            return json_answer(ReplayAnswer(subjects=plan.subjects, run=None))
        started = await history.start_replay(plan)
        return json_answer(ReplayAnswer(subjects=plan.subjects, run=await history.run(started.id)))


def _moment(value: AwareDatetime | None) -> datetime | None:
    return value
