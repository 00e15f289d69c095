"""History: what people ask about the past as a whole - backfills, replays, and the runs that do them."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from wescope.books.calendar import local_date
from wescope.books.parking import REASONS, Owner, ParkCode
from wescope.config import PolicyFile
from wescope.engine.backfill import Course, options_of
from wescope.engine.backfill_checks import BackfillChecks
from wescope.engine.backfill_plan import BackfillPlan, Forecast, Progress
from wescope.engine.opening import OpeningLine, opening_balance
from wescope.engine.replay import Replay, ReplayChoice, ReplayPlan
from wescope.engine.results import MONEY, Check
from wescope.engine.run_place import place_of
from wescope.engine.runs import RunDesk
from wescope.engine.sweep import Sweep, SweepChoice, SweepPlan
from wescope.engine.undo import Undo, UndoOutcome
from wescope.engine.undo_plan import UndoPlan
from wescope.errors import WrongUse
from wescope.links.database import transaction
from wescope.links.runs import Queued, Run, RunKind, RunState, parked_of, posted_of, queued_of
from wescope.stripe.listing import StripeListing

_POLL_S = 0.5
_PARKED_EVERY = 10
_FURTHEST = timedelta(days=366)

Work = Callable[[asyncio.Event], Awaitable[None]]
"""A worker, until the event is set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunParked:
    """What is parked of what a run had looked at, by code and currency."""

    code: str
    owner: str
    remedy: str
    count: int
    amount: int = field(metadata=MONEY)
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReport:
    """A run for people. `left` are subjects that are not worked off; `code` is why most of those that failed did.

    `failed` of those that are left were tried in vain. `place` says in words how far it has come, `result` what it has
    come to. `heartbeat_at` is when its worker was last alive; null if none has it. `rate` is documents a minute since
    it was taken up here, `seconds_left` an estimate; both are null if unknown.
    """

    run_id: int
    kind: str
    state: str
    request: str | None
    started_at: datetime
    finished_at: datetime | None
    options: Mapping[str, str]
    counts: Mapping[str, int]
    posted: Mapping[str, int]
    parked: tuple[RunParked, ...]
    left: int
    code: str | None = None
    remedy: str | None = None
    rate: int | None = None
    seconds_left: int | None = None
    failed: int = 0
    place: str | None = None
    result: Mapping[str, str] = field(default_factory=dict)
    heartbeat_at: datetime | None = None

    @property
    def documents(self) -> int:
        """How many documents it has posted."""
        return sum(self.posted.values())

    @property
    def is_over(self) -> bool:
        """True if nobody works on it any more."""
        return self.state != RunState.RUNNING

    @property
    def needs_somebody(self) -> bool:
        """True if it failed, left something to do or to undo, or something is parked that an operator owns."""
        if self.state in {RunState.FAILED, RunState.PAUSED} or (self.is_over and self.left):
            return True
        if self.counts.get("kept"):
            return True
        return any(one.owner == Owner.OPERATOR for one in self.parked)


Told = Callable[[RunReport], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """The verbs `backfill`, `replay`, `sweep`, `undo` and `runs`. `work` is the worker of this process."""

    engine: AsyncEngine
    desk: RunDesk
    checks: BackfillChecks
    plan: BackfillPlan
    replays: Replay
    sweeps: Sweep
    undos: Undo
    listing: StripeListing
    policy_file: PolicyFile
    work: Work

    # --- backfill ---------------------------------------------------------------------------------------------------

    def period(self, since: date | None, until: date | None) -> tuple[date, date]:
        """The period that is meant: from the start date, to today, unless something else is said.

        Raises:
            WrongUse: no beginning is known, the period ends before it, or it is more than a year from being over.
        """
        policy = self.policy_file.policy
        first = since or policy.start_date
        if first is None:
            raise WrongUse("Say where to begin: --since, or start_date under [books] in wescope.toml.")
        today = local_date(datetime.now(UTC), policy.timezone)
        last = until or today
        if last > today + _FURTHEST:
            raise WrongUse("The period ends more than a year from now.")
        Course.of(first, last, policy)
        return first, last

    async def examine(self, since: date, until: date, *, others: bool = True) -> tuple[Check, ...]:
        """What is to be mended before a backfill (errors), and to be known (warnings)."""
        return await self.checks.all(since, until, others=others)

    async def forecast(self, since: date, until: date, progress: Progress | None = None) -> Forecast:
        """The dry run of a backfill; see `BackfillPlan.forecast`."""
        return await self.plan.forecast(since, until, progress)

    async def opening(self, since: date | None = None) -> tuple[OpeningLine, ...]:
        """What the clearing accounts must hold before the first day; see `opening_balance`.

        Raises:
            WrongUse: no first day is known.
        """
        start = self.policy_file.policy.start_date or since
        if start is None:
            raise WrongUse("Say where the books begin: start_date under [books] in wescope.toml, or --since.")
        return await opening_balance(self.listing, self.policy_file, start)

    async def start_backfill(self, since: date, until: date, *, actor: str | None = None) -> Run:
        """A new backfill, which any worker takes up.

        Raises:
            RunUnfinished: there is an unfinished one.
        """
        return await self.desk.start(RunKind.BACKFILL, options_of(since, until), actor=actor)

    async def resume_backfill(self) -> Run:
        """The newest unfinished backfill, going on.

        Raises:
            WrongUse: there is none.
        """
        return await self._resume(RunKind.BACKFILL)

    async def _resume(self, kind: RunKind) -> Run:
        found = await self.desk.unfinished(kind)
        if found is None:
            raise WrongUse(f"No {kind} is unfinished.")
        return await self.desk.resume(found.id)

    # --- replay -----------------------------------------------------------------------------------------------------

    async def plan_replay(self, choice: ReplayChoice) -> ReplayPlan:
        """What a replay would look at; see `Replay.plan`."""
        return await self.replays.plan(choice)

    async def start_replay(self, plan: ReplayPlan, *, actor: str | None = None) -> Run:
        """A new replay, which any worker takes up."""
        return await self.desk.start(RunKind.REPLAY, plan.options, alone=False, actor=actor)

    # --- sweep ------------------------------------------------------------------------------------------------------

    async def plan_sweep(self, choice: SweepChoice, progress: Progress | None = None) -> SweepPlan:
        """The dry run of a sweep; see `Sweep.plan`."""
        return await self.sweeps.plan(choice, progress)

    async def start_sweep(self, choice: SweepChoice, *, actor: str | None = None) -> Run:
        """A new sweep, which any worker takes up.

        Raises:
            RunUnfinished: there is an unfinished one.
        """
        return await self.desk.start(RunKind.SWEEP, choice.options, actor=actor)

    async def resume_sweep(self) -> Run:
        """The newest unfinished sweep, going on.

        Raises:
            WrongUse: there is none.
        """
        return await self._resume(RunKind.SWEEP)

    # --- undo -------------------------------------------------------------------------------------------------------

    async def plan_undo(self, run_id: int, progress: Progress | None = None) -> UndoPlan:
        """What undoing a run would do now; see `Undo.plan`."""
        return await self.undos.plan(run_id, progress)

    async def start_undo(self, run_id: int, *, actor: str) -> Run:
        """A new undo of a run, which any worker takes up; or the unfinished one of it, going on.

        Raises:
            WrongUse: the run cannot be undone.
            RunUnfinished: the undo of another run is unfinished.
        """
        options = await self.undos.options_of(run_id, actor=actor)
        before = await self.desk.unfinished(RunKind.UNDO)
        if before is not None and before.options.get("undone_run") == run_id:
            return await self.desk.resume(before.id, actor=actor)
        return await self.desk.start(RunKind.UNDO, options, actor=actor)

    async def undone(self, undo_id: int) -> UndoOutcome:
        """What an undo has come to; see `Undo.outcome`."""
        return await self.undos.outcome(undo_id)

    # --- runs -------------------------------------------------------------------------------------------------------

    async def runs(self, limit: int = 50) -> tuple[RunReport, ...]:
        """The newest runs, the newest first, without what is parked."""
        return tuple([await self._report(run, parked=()) for run in await self.desk.newest(limit=limit)])

    async def run(self, run_id: int) -> RunReport:
        """One run with everything.

        Raises:
            RunNotFound: there is none.
        """
        return await self._report(await self.desk.find(run_id))

    async def pause(self, run_id: int, *, actor: str | None = None) -> RunReport:
        """Have a run stop after its current step."""
        return await self._report(await self.desk.pause(run_id, actor=actor))

    async def resume(self, run_id: int, *, actor: str | None = None) -> RunReport:
        """Let a run go on."""
        return await self._report(await self.desk.resume(run_id, actor=actor))

    async def cancel(self, run_id: int, *, actor: str | None = None) -> RunReport:
        """End a run; what it has queued is taken back, what is written stays."""
        return await self._report(await self.desk.cancel(run_id, actor=actor))

    async def follow(self, run_id: int, told: Told) -> RunReport:
        """Wait until a run is over (or paused), with a worker in this process that takes it up unless another did.

        Args:
            run_id: of the run.
            told: called every half second with how far it is.
        """
        pace = Pace()
        async with self._working() as worker:
            parked: tuple[RunParked, ...] = ()
            for turn in itertools.count():
                if worker.done():
                    worker.result()
                run = await self.desk.find(run_id)
                parked = await self.parked(run_id) if turn % _PARKED_EVERY == 0 else parked
                report = pace.told(await self._report(run, parked=parked))
                told(report)
                if report.is_over:
                    break
                await asyncio.sleep(_POLL_S)
        return await self.run(run_id)

    @contextlib.asynccontextmanager
    async def _working(self) -> AsyncIterator[asyncio.Task[None]]:
        stop = asyncio.Event()
        worker = asyncio.ensure_future(self.work(stop))
        try:
            yield worker
        finally:
            stop.set()
            await asyncio.gather(worker, return_exceptions=True)

    async def parked(self, run_id: int) -> tuple[RunParked, ...]:
        """What is parked of what a run had looked at."""
        async with transaction(self.engine) as connection:
            found = await parked_of(connection, run_id)
        return tuple(
            RunParked(
                code=one.code,
                owner=REASONS[ParkCode(one.code)].owner.value,
                remedy=REASONS[ParkCode(one.code)].remedy,
                count=one.count,
                amount=one.amount,
                currency=one.currency,
            )
            for one in found
        )

    async def _report(self, run: Run, parked: Sequence[RunParked] | None = None) -> RunReport:
        async with transaction(self.engine) as connection:
            posted, queued = await posted_of(connection, run.id), await queued_of(connection, run.id)
        return self.report_of(run, posted, queued, parked if parked is not None else await self.parked(run.id))

    def report_of(self, run: Run, posted: Mapping[str, int], queued: Queued, parked: Sequence[RunParked]) -> RunReport:
        """A run for people, of what is known of it. Pure."""
        return RunReport(
            run_id=run.id,
            kind=run.kind,
            state=run.state,
            request=run.request,
            started_at=run.started_at,
            finished_at=run.finished_at,
            options={name: str(value) for name, value in run.options.items()},
            counts=run.counts,
            posted=posted,
            parked=tuple(parked),
            left=queued.left,
            code=_text(run.result, "code") or queued.code,
            remedy=_text(run.result, "remedy"),
            failed=queued.failed,
            place=place_of(run, self.policy_file.policy),
            result=_told(run.result),
            heartbeat_at=run.heartbeat_at if run.node else None,
        )


def _text(result: Mapping[str, Any], name: str) -> str | None:
    value = result.get(name)
    return value if isinstance(value, str) else None


_ELSEWHERE = frozenset({"code", "remedy", "posted", "parked", "left", "rows", "forecast"})
"""What of a result is told otherwise."""


def _told(result: Mapping[str, Any]) -> dict[str, str]:
    """A result as words: numbers and texts by name, those of a group by `group.name`."""
    told: dict[str, str] = {}
    for name, value in result.items():
        if name in _ELSEWHERE or value is None:
            continue
        if isinstance(value, Mapping):
            told |= {f"{name}.{inner}": str(one) for inner, one in value.items() if isinstance(one, str | int)}
        elif isinstance(value, str | int):
            told[name] = str(value)
    return told


class Pace:
    """How fast a run goes, from what it was told of it so far."""

    def __init__(self) -> None:
        """Nothing is known yet."""
        self._first: tuple[datetime, int, float] | None = None

    def told(self, report: RunReport) -> RunReport:
        """The report with its rate and the time that is left."""
        now, done = datetime.now(UTC), _share_done(report)
        if self._first is None:
            self._first = (now, report.documents, done)
            return report
        began, documents, share = self._first
        elapsed = now - began
        if elapsed < timedelta(seconds=5):
            return report
        rate = round((report.documents - documents) / elapsed.total_seconds() * 60)
        left = round(elapsed.total_seconds() * (1 - done) / (done - share)) if done > share else None
        values = {name: getattr(report, name) for name in RunReport.__dataclass_fields__}
        return RunReport(**{**values, "rate": rate, "seconds_left": left})


def _share_done(report: RunReport) -> float:
    """Which part of a run is done: the part that is listed, less what of it waits."""
    steps, step = report.counts.get("steps", 1), report.counts.get("step", 1)
    hinted = max(1, report.counts.get("hinted", 0))
    return step / max(1, steps) * (1 - min(1.0, report.left / hinted))
