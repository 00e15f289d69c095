"""Runs: each is worked on by one executor at a time, is checkpointed, and can be paused, resumed and canceled.

Whoever executes a run holds a lock over all processes and is named in the run's row; whatever it stores is stored only
while both are so. When it dies, any worker takes the run up from its checkpoint.
"""

import asyncio
import contextlib
import os
import socket
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from wescope.books.parking import Owner
from wescope.engine.acting import acting
from wescope.engine.lanes import in_lane
from wescope.engine.locks import ClusterLocks, Lease
from wescope.errors import DatabaseUnavailable, LocksLost, Retry, WescopeError
from wescope.links.audit import AuditEntry, record_audit
from wescope.links.database import transaction
from wescope.links.runs import (
    Queued,
    Run,
    RunKind,
    RunRequest,
    RunState,
    abandoned_runs,
    ask_run,
    beat,
    claim_run,
    end_run,
    find_run,
    list_runs,
    newest_unfinished,
    queued_of,
    release_run,
    resume_run,
    save_run,
    start_run,
    withdraw,
)
from wescope.links.subjects import BACKLOG
from wescope.observe.logs import bound

_log = structlog.get_logger(__name__)

BEAT_EVERY_S = 2.0
SILENT_S = 12.0
"""An executor that gave no sign for so long is dead, or paused: then its lock was taken from it, too."""

_LOOK_EVERY_S = 1.0
_CLAIM_S = 0.5
_STALLED_S = 60.0
"""When nothing can be done for so long, whoever waits for the rest waits in vain: it is tried again by itself."""

_POLL_S = 0.25


class RunNotFound(WescopeError):
    """There is no run with this id."""

    code = "run_not_found"
    owner = Owner.OPERATOR
    retry = Retry.NEVER
    remedy = "`wescope runs` and the page Runs list them."


class RunIsOver(WescopeError):
    """The run is over: it can be neither paused nor resumed nor canceled."""

    code = "run_is_over"
    owner = Owner.OPERATOR
    retry = Retry.NEVER
    remedy = "Start a new one; what is done already costs it next to nothing."


class RunUnfinished(WescopeError):
    """Another run of this kind is not finished."""

    code = "run_unfinished"
    owner = Owner.OPERATOR
    retry = Retry.WHEN_MENDED
    remedy = "Go on with it (--resume, `wescope runs resume ID`), or end it (`wescope runs cancel ID`); or on its page."


class Stopped(Exception):
    """The run is to be left: it was asked to pause or to end."""

    def __init__(self, request: RunRequest) -> None:
        super().__init__(request.value)
        self.request = request


@dataclass(slots=True)
class Execution:
    """One executor's hold on a run. What it stores may go into the transaction of what it did."""

    run: Run
    node: str
    engine: AsyncEngine
    lease: Lease
    counts: dict[str, int]
    checkpoint: dict[str, Any]
    asked: str | None = None
    lost: bool = False

    async def proceed(self) -> None:
        """Ask whether to go on; called before each step.

        Raises:
            Stopped: somebody wants the run paused or ended.
            LocksLost: another executor has taken over.
        """
        if self.lost:
            raise LocksLost("Another process works on this run.", run=self.run.id)
        if self.asked is not None:
            raise Stopped(RunRequest(self.asked))
        await self.lease.check()

    async def save(self, connection: AsyncConnection) -> None:
        """Store checkpoint and counts on the given transaction, which must be given up if this raises.

        Raises:
            LocksLost: another executor has taken over.
        """
        saved = await save_run(connection, self.run.id, self.node, checkpoint=self.checkpoint, counts=self.counts)
        if not saved:
            raise LocksLost("Another process works on this run.", run=self.run.id)

    async def queued(self) -> Queued:
        """What of the run's subjects is not worked off."""
        async with transaction(self.engine) as connection:
            return await queued_of(connection, self.run.id)

    async def room(self, most: int) -> None:
        """Wait until fewer than `most` subjects of the run wait.

        Raises:
            Stopped: somebody wants the run paused or ended.
            LocksLost: another executor has taken over.
        """
        while (await self.queued()).left >= most:
            await self.proceed()
            await asyncio.sleep(_POLL_S)

    async def drain(self) -> int:
        """Wait until all subjects of the run are worked off. Returns how many are left that only time can help.

        Raises:
            Stopped: somebody wants the run paused or ended.
            LocksLost: another executor has taken over.
        """
        while True:
            await self.proceed()
            queued = await self.queued()
            if not queued.left or (not queued.ready and queued.next_at is not None and _is_far(queued)):
                return queued.left
            await asyncio.sleep(_POLL_S)


def _is_far(queued: Queued) -> bool:
    return queued.next_at is not None and (queued.next_at - datetime.now(UTC)).total_seconds() > _STALLED_S


def target_of(run_id: int) -> str:
    """How the audit log names a run."""
    return f"run/{run_id}"


def _entries(action: str, run: Run, actor: str | None = None) -> tuple[AuditEntry, ...]:
    """What somebody did to a run; without its options, which may be long, and which the run keeps.

    None for the mirror's own runs: the mirror has the audit log, too, and would never be up to date.
    """
    if run.kind == RunKind.EXPORT.value:
        return ()
    who = actor or acting()
    return (AuditEntry(action=action, actor=who, target=target_of(run.id), details={"kind": run.kind}, run_id=run.id),)


Executor = Callable[[Execution], Awaitable[Mapping[str, Any]]]
"""Does the work of a run from its checkpoint on; returns the run's result."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunDesk:
    """Starts, executes and steers runs. `executors` does those of each kind."""

    engine: AsyncEngine
    locks: ClusterLocks
    executors: Mapping[RunKind, Executor] = field(default_factory=dict)

    # --- for people -------------------------------------------------------------------------------------------------

    async def start(
        self, kind: RunKind, options: Mapping[str, Any], *, alone: bool = True, actor: str | None = None
    ) -> Run:
        """A new run, which any worker takes up. `alone`: not while another one of its kind is unfinished.

        `actor`: who wants it, for the audit log; null: for whom this task is done (`acting`).

        Raises:
            RunUnfinished: there is such a one.
            DatabaseUnavailable: nothing was stored.
        """
        async with self.locks.hold(f"start:{kind.value}"), transaction(self.engine) as connection:
            before = await newest_unfinished(connection, kind) if alone else None
            if before is not None:
                raise RunUnfinished(run=before.id, state=before.state)
            run = await start_run(connection, kind, options)
            await record_audit(connection, _entries("start", run, actor))
            return run

    async def find(self, run_id: int) -> Run:
        """A run as it is now.

        Raises:
            RunNotFound: there is none.
        """
        async with transaction(self.engine) as connection:
            found = await find_run(connection, run_id)
        if found is None:
            raise RunNotFound(run=run_id)
        return found

    async def newest(self, *, kind: RunKind | None = None, limit: int = 50) -> tuple[Run, ...]:
        """The newest runs, the newest first."""
        async with transaction(self.engine) as connection:
            return await list_runs(connection, kind=kind, limit=limit)

    async def unfinished(self, kind: RunKind) -> Run | None:
        """The newest run of a kind that is not over."""
        async with transaction(self.engine) as connection:
            return await newest_unfinished(connection, kind)

    async def pause(self, run_id: int, *, actor: str | None = None) -> Run:
        """Have a run stop after its current step; what it has queued is worked off.

        Raises:
            RunNotFound: there is none.
            RunIsOver: it is over.
        """
        return await self._ask(run_id, RunRequest.PAUSE, actor)

    async def cancel(self, run_id: int, *, actor: str | None = None) -> Run:
        """End a run after its current step; what it has queued is taken back, what is written stays.

        Raises:
            RunNotFound: there is none.
            RunIsOver: it is over.
        """
        return await self._ask(run_id, RunRequest.CANCEL, actor)

    async def _ask(self, run_id: int, request: RunRequest, actor: str | None) -> Run:
        await self.find(run_id)
        async with transaction(self.engine) as connection:
            asked = await ask_run(connection, run_id, request, silent_s=SILENT_S)
            if asked is None:
                raise RunIsOver(run=run_id)
            await record_audit(connection, _entries(request.value, asked, actor))
        return asked

    async def resume(self, run_id: int, *, actor: str | None = None) -> Run:
        """Let a run go on that was paused, failed, or was left; any worker takes it up. `actor` as for `start`.

        Raises:
            RunNotFound: there is none.
            RunIsOver: it is over.
        """
        await self.find(run_id)
        async with transaction(self.engine) as connection:
            resumed = await resume_run(connection, run_id)
            if resumed is None:
                raise RunIsOver(run=run_id)
            await record_audit(connection, _entries("resume", resumed, actor))
        return resumed

    # --- for workers ------------------------------------------------------------------------------------------------

    async def watch(self) -> None:
        """Execute every run that nobody works on, for ever, until it is canceled."""
        at_work: dict[int, asyncio.Task[None]] = {}
        try:
            while True:
                for run_id in [one for one, task in at_work.items() if task.done()]:
                    del at_work[run_id]
                for run_id in await self._abandoned():
                    if run_id not in at_work:
                        at_work[run_id] = asyncio.create_task(self.execute(run_id))
                await asyncio.sleep(_LOOK_EVERY_S)
        finally:
            for task in at_work.values():
                task.cancel()
            await asyncio.gather(*at_work.values(), return_exceptions=True)

    async def _abandoned(self) -> Sequence[int]:
        try:
            async with transaction(self.engine) as connection:
                return await abandoned_runs(connection, [kind.value for kind in self.executors], silent_s=SILENT_S)
        except DatabaseUnavailable as error:
            _log.warning("chore failed", operation="runs", code=error.code)
            return ()

    async def execute(self, run_id: int) -> None:
        """Work on a run until it ends, is paused, or cannot go on now; nothing if somebody else does."""
        with bound(run_id=run_id):
            try:
                async with self._claimed(run_id) as execution:
                    if execution is not None:
                        await self._execute(execution)
            except (LocksLost, DatabaseUnavailable) as error:
                _log.info("run left", code=error.code)

    @contextlib.asynccontextmanager
    async def _claimed(self, run_id: int) -> AsyncIterator[Execution | None]:
        node = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
        async with self.locks.hold(f"run:{run_id}", timeout_s=_CLAIM_S) as lease:
            async with transaction(self.engine) as connection:
                run = await claim_run(connection, run_id, node)
            if run is None:
                yield None
                return
            execution = Execution(
                run=run,
                node=node,
                engine=self.engine,
                lease=lease,
                counts=dict(run.counts),
                checkpoint=dict(run.checkpoint),
                asked=run.request,
            )
            beating = asyncio.create_task(self._beat(execution))
            try:
                yield execution
            finally:
                beating.cancel()
                await asyncio.gather(beating, return_exceptions=True)

    async def _beat(self, execution: Execution) -> None:
        while True:
            await asyncio.sleep(BEAT_EVERY_S / 4)
            try:
                async with transaction(self.engine) as connection:
                    held, execution.asked = await beat(connection, execution.run.id, execution.node)
            except DatabaseUnavailable:
                continue
            execution.lost = not held

    async def _execute(self, execution: Execution) -> None:
        run = execution.run
        _log.info("run taken up", operation=run.kind)
        try:
            with in_lane(BACKLOG):
                result = await self.executors[RunKind(run.kind)](execution)
        except Stopped as stopped:
            await self._stop(execution, stopped.request)
        except (LocksLost, DatabaseUnavailable):
            raise
        except asyncio.CancelledError:
            await asyncio.shield(self._release(execution))
            raise
        except WescopeError as error:
            if error.retry in {Retry.NOW, Retry.LATER}:
                # Its heartbeat ends, so that it is taken up again after a while, here or elsewhere.
                _log.warning("run waits", code=error.code)
                return
            await self._end(execution, RunState.FAILED, {"code": error.code, "remedy": error.remedy})
        except Exception:  # noqa: BLE001 - whatever it is, the run must not be taken up again and again
            _log.exception("run failed", code="internal")
            await self._end(execution, RunState.FAILED, {"code": "internal"})
        else:
            await self._end(execution, RunState.DONE, result)

    async def _stop(self, execution: Execution, request: RunRequest) -> None:
        if request is RunRequest.PAUSE:
            await self._end(execution, RunState.PAUSED, {})
            return
        async with transaction(self.engine) as connection:
            await withdraw(connection, execution.run.id)
        await self._end(execution, RunState.CANCELED, {})

    async def _release(self, execution: Execution) -> None:
        with contextlib.suppress(DatabaseUnavailable):
            async with transaction(self.engine) as connection:
                await release_run(connection, execution.run.id, execution.node)

    async def _end(self, execution: Execution, state: RunState, result: Mapping[str, Any]) -> None:
        async with transaction(self.engine) as connection:
            await end_run(connection, execution.run.id, execution.node, state, result)
        _log.info("run ended", operation=execution.run.kind, state=state.value)
