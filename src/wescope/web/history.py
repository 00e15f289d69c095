"""History routes: start a backfill or a replay; `runs` has those of the runs that do them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from wescope.engine.backfill_checks import refuses
from wescope.engine.history import RunReport
from wescope.engine.replay import ReplayChoice
from wescope.engine.results import Check
from wescope.web.access.guard import Asking
from wescope.web.answers import json_answer
from wescope.web.parameters import Day, Flag, Moment, StripeId
from wescope.web.runs import run_routes
from wescope.web.schemas import error_responses, json_response
from wescope.web.services import WebServices
from wescope.web.sweep import sweep_routes

MAX_IDS = 1000


class BackfillRequest(BaseModel):
    """The period to post, in days of the books' calendar: from the start date to today, unless something is said."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"since": "2026-11-01", "until": "2026-11-15", "accept_warnings": True}]},
    )

    since: Day | None = None
    until: Day | None = None
    accept_warnings: Annotated[Flag, Field(description="Begin although something is to be known first.")] = False


class ReplayRequest(BaseModel):
    """What to look at again: all that any of these names."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"subjects": ["in_1SGf1ULkdIwHu7ixbWq9Jd2M"]}, {"failed": True, "dry_run": True}]
        },
    )

    events: Annotated[list[StripeId], Field(max_length=MAX_IDS)] = []
    subjects: Annotated[list[StripeId], Field(max_length=MAX_IDS)] = []
    failed: Flag = False
    since: Annotated[Moment | None, Field(description="All that was hinted at since.")] = None
    dry_run: Annotated[Flag, Field(description="Only answer how many subjects these are.")] = False


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
    router.include_router(run_routes(services))
    _start_routes(router, services)
    router.include_router(sweep_routes(services))
    return router


def _start_routes(router: APIRouter, services: WebServices) -> None:
    errors = error_responses(403, 422, 502, 503)

    @router.post(
        "/backfill",
        operation_id="start_backfill",
        summary="Post everything of a period that QBO does not have yet",
        responses={
            200: json_response("The run, or why there is none.", BackfillAnswer),
            **errors,
            **error_responses(409),
        },
    )
    async def backfill(request: BackfillRequest, actor: Asking) -> JSONResponse:
        """QBO is checked first. Errors stop it, and warnings unless they are accepted. A worker does the work."""
        history = services.history
        since, until = history.period(request.since, request.until)
        checks = tuple(await history.examine(since, until))
        if refuses(checks) or (checks and not request.accept_warnings):
            return json_answer(BackfillAnswer(run=None, checks=checks))
        started = await history.start_backfill(since, until, actor=actor.name)
        return json_answer(BackfillAnswer(run=await history.run(started.id), checks=checks))

    @router.post(
        "/replay",
        operation_id="start_replay",
        summary="Look at known objects again",
        responses={200: json_response("How many, and the run.", ReplayAnswer), **errors, **error_responses(404)},
    )
    async def replay(request: ReplayRequest, actor: Asking) -> JSONResponse:
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
        started = await history.start_replay(plan, actor=actor.name)
        return json_answer(ReplayAnswer(subjects=plan.subjects, run=await history.run(started.id)))


def _moment(value: Moment | None) -> datetime | None:
    return value
