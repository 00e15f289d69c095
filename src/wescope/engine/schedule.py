"""Schedules: runs that a worker begins by itself, once over all processes, and is not reminded of by a restart.

When each was last begun stands in `checkpoints` (`schedule:NAME`), by the database's clock. A worker that starts after
a downtime begins at once what has become due; on a new database it only notes the moment.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any, Protocol
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from wescope.config import PolicyFile
from wescope.engine import verify
from wescope.engine.locks import ClusterLocks
from wescope.engine.month_comparison import AS_OF
from wescope.engine.sweep import begin_watch
from wescope.engine.sweep_lists import Part
from wescope.errors import DatabaseUnavailable, LocksLost
from wescope.links.database import transaction
from wescope.links.reports import swap_checkpoint
from wescope.links.runs import Run, RunKind, RunState, newest_unfinished, resume_run, start_run
from wescope.links.sweeps import database_now, has_history, moment_of, read_checkpoint

_log = structlog.get_logger(__name__)

_HINTED_EVERY = timedelta(minutes=5)
"""QBO's webhooks tell of several changes of one record within minutes, our own among them."""

LOOK_EVERY_S = 30.0
_START_S = 1.0

Options = Callable[[AsyncConnection], Awaitable[Mapping[str, Any] | None]]
"""The options of a run that is about to begin; null if there is nothing to do for it now."""

Note = Callable[[AsyncConnection, datetime], Awaitable[None]]
"""Told the moment at which a new database's schedules begin."""


class When(Protocol):
    """When something is to be begun."""

    def is_due(self, last: datetime, now: datetime) -> bool:
        """Whether it is, after it was last begun then."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Every:
    """Again and again after so long."""

    interval: timedelta

    def is_due(self, last: datetime, now: datetime) -> bool:
        """Whether so long has passed."""
        return now - last >= self.interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Nightly:
    """Once a day at a time of the calendar of a time zone.

    A time that a change of the clocks leaves out is an hour later; one that comes twice is the first.
    """

    at: time
    timezone: ZoneInfo

    def is_due(self, last: datetime, now: datetime) -> bool:
        """Whether that time has come since."""
        today = now.astimezone(self.timezone).date()
        moments = [datetime.combine(day, self.at, self.timezone) for day in (today - timedelta(days=1), today)]
        return any(last < moment <= now for moment in moments) or last < moments[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheduled:
    """A run that is begun by itself. `covers`: other schedules that it does the work of, too."""

    name: str
    kind: RunKind
    when: When
    options: Options
    covers: tuple[str, ...] = ()
    note: Note | None = None

    @property
    def checkpoint(self) -> str:
        """Under which name it is remembered when it was last begun."""
        return _checkpoint(self.name)


def _may_resume(one: Scheduled, failed: Run) -> bool:
    """Whether a schedule lets a failed run go on: the frequent one any of its kind, a thorough one only its own.

    It would otherwise count as begun, though a less thorough run went on in its place.
    """
    return not one.covers or failed.options.get("scheduled") == one.name


def _is_aside(before: Run) -> bool:
    """Whether it is a comparison of a past day that failed: people start it again, and today's must not wait for it."""
    return before.state == RunState.FAILED and AS_OF in before.options


def _checkpoint(name: str) -> str:
    return f"schedule:{name}"


def schedules_of(policy_file: PolicyFile, *, mirrors: bool = False) -> tuple[Scheduled, ...]:
    """All schedules that the policy asks for, the most thorough first: when, and whether at all.

    Args:
        policy_file: the company's choices.
        mirrors: whether there is a mirror to be kept up to date.
    """
    chosen, timezone = policy_file.schedules, policy_file.policy.timezone
    if not chosen.enabled:
        return ()

    async def events(_: AsyncConnection) -> Mapping[str, Any]:
        return {"parts": Part.EVENTS.value, "scheduled": "sweep"}

    async def mirror(_: AsyncConnection) -> Mapping[str, Any]:
        return {"scheduled": "bigquery"}

    async def today(_: AsyncConnection) -> Mapping[str, Any]:
        return {"scheduled": "tieout"}

    async def everything(connection: AsyncConnection) -> Mapping[str, Any]:
        # Where nobody has ever said how far back the books go, nothing old is begun with unasked.
        is_bounded = policy_file.policy.start_date is not None or await has_history(connection)
        return {"parts": "all", "scheduled": "nightly", "known_only": not is_bounded}

    table = [
        Scheduled(
            name="nightly",
            kind=RunKind.SWEEP,
            when=Nightly(at=chosen.nightly_at, timezone=timezone),
            options=everything,
            covers=("sweep",),
        ),
        Scheduled(
            name="sweep",
            kind=RunKind.SWEEP,
            when=Every(interval=chosen.sweep_every),
            options=events,
            note=begin_watch,
        ),
    ]
    nightly = Nightly(at=chosen.verify_at, timezone=timezone)
    hinted = Every(interval=_HINTED_EVERY)
    table += [
        Scheduled(name="verify", kind=RunKind.VERIFY, when=nightly, options=verify.nightly),
        Scheduled(name="verify_hinted", kind=RunKind.VERIFY, when=hinted, options=verify.when_hinted),
    ]
    if chosen.tieout_at is not None:
        daily = Nightly(at=chosen.tieout_at, timezone=timezone)
        table.append(Scheduled(name="tieout", kind=RunKind.TIEOUT, when=daily, options=today))
    if mirrors:
        often = Every(interval=chosen.bigquery_every)
        table.append(Scheduled(name="bigquery", kind=RunKind.EXPORT, when=often, options=mirror))
    return tuple(table)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheduler:
    """Begins what is due."""

    engine: AsyncEngine
    locks: ClusterLocks
    table: Sequence[Scheduled]

    async def watch(self) -> None:
        """Begin what is due, for ever, until it is canceled."""
        while True:
            try:
                await self.tick()
            except (DatabaseUnavailable, LocksLost) as error:
                _log.warning("chore failed", operation="schedules", code=error.code)
            except Exception:  # noqa: BLE001 - the worker would look alive and never sweep again
                _log.exception("chore failed", operation="schedules", code="internal")
            await asyncio.sleep(LOOK_EVERY_S * random.uniform(0.8, 1.2))  # noqa: S311 - only spreads the load

    async def tick(self) -> tuple[Run, ...]:
        """Begin what is due now; of a kind of which a run is unfinished nothing is begun. Returns what was begun.

        Raises:
            DatabaseUnavailable: the database does not answer.
            LocksLost: another process is about to begin one; the next tick will see it.
        """
        begun = []
        for one in self.table:
            async with transaction(self.engine) as connection:
                is_due = await self._is_due(connection, one)
            if is_due:
                async with self.locks.hold(f"start:{one.kind.value}", timeout_s=_START_S):
                    run = await self._begin(one)
                begun += [run] if run else []
        return tuple(begun)

    async def _is_due(self, connection: AsyncConnection, one: Scheduled) -> bool:
        now = await database_now(connection)
        last = moment_of(await read_checkpoint(connection, one.checkpoint), "at")
        if last is None:
            await self._note(connection, one, now)
            return False
        return one.when.is_due(last, now)

    async def _note(self, connection: AsyncConnection, one: Scheduled, now: datetime) -> None:
        await swap_checkpoint(connection, one.checkpoint, {"at": now.isoformat()})
        if one.note is not None:
            await one.note(connection, now)

    async def _begin(self, one: Scheduled) -> Run | None:
        """Begin a run, or let one go on that failed; all under the lock of whoever begins one of its kind."""
        async with transaction(self.engine) as connection:
            if not await self._is_due(connection, one):
                return None  # another process was faster
            before = await newest_unfinished(connection, one.kind)
            if before is None or _is_aside(before):
                options = await one.options(connection)
                run = None if options is None else await start_run(connection, one.kind, options)
            elif before.state == RunState.FAILED and _may_resume(one, before):
                run = await resume_run(connection, before.id)
            else:
                return None  # it runs, somebody has paused it, or it is for another schedule to go on with it
            now = await database_now(connection)
            for name in (one.name, *one.covers):
                await swap_checkpoint(connection, _checkpoint(name), {"at": now.isoformat()})
        if run is not None:
            _log.info("run scheduled", run_id=run.id, operation=one.kind.value, schedule=one.name)
        return run
