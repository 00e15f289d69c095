"""Mirror desk: what people ask of the mirror in BigQuery - what would be loaded, load it, is it set up rightly."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from wescope.engine.doctor_checks import checked, failed
from wescope.engine.mirror import Mirror, Progress, TablePlan
from wescope.engine.results import Check, Severity
from wescope.engine.runs import RunDesk, RunUnfinished
from wescope.errors import WescopeError
from wescope.links.runs import Run, RunKind, RunState

_POLL_S = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class MirroredTable:
    """What an export has done for a table: rows loaded, and rows that changed there. `table` is its name."""

    table: str
    loaded: int
    changed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MirrorReport:
    """An export for people. `code`, `fault` and `remedy` say why it does not go on; null if it does."""

    run_id: int
    state: str
    started_at: datetime
    finished_at: datetime | None
    tables: tuple[MirroredTable, ...]
    tables_left: int
    rows: int
    code: str | None = None
    fault: str | None = None
    remedy: str | None = None

    @property
    def needs_somebody(self) -> bool:
        """True unless all is mirrored."""
        return self.state != RunState.DONE


Told = Callable[[MirrorReport], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class MirrorDesk:
    """The verb `export bigquery`."""

    mirror: Mirror
    runs: RunDesk

    async def plan(self, *, full: bool, progress: Progress | None = None) -> tuple[TablePlan, ...]:
        """What an export would load; see `Mirror.plan`."""
        return await self.mirror.plan(full=full, progress=progress)

    async def start(self, *, full: bool) -> Run:
        """A new export, or the unfinished one, going on; one from the beginning takes the place of any other.

        Raises:
            RunUnfinished: somebody has paused the unfinished one, or it still runs and another one is wanted.
        """
        before = await self.runs.unfinished(RunKind.EXPORT)
        if before is not None and (before.state == RunState.PAUSED or (full and _is_at_work(before))):
            raise RunUnfinished(run=before.id, state=before.state)
        if before is not None and full and not before.options.get("full"):
            await self.runs.cancel(before.id)
        elif before is not None:
            return await self.runs.resume(before.id)
        return await self.runs.start(RunKind.EXPORT, {"full": True} if full else {})

    async def follow(self, run_id: int, told: Told) -> MirrorReport:
        """Work on an export, or wait for who does, until it is over or cannot go on now.

        Args:
            run_id: of the run.
            told: called again and again with how far it is.
        """
        working = asyncio.create_task(self.runs.execute(run_id))
        try:
            while True:
                ended = working.done()
                run = await self.runs.find(run_id)
                report = _report(run, [table.name for table in self.mirror.tables])
                told(report)
                # Somebody else may be at it: then it goes on without us.
                if run.state != RunState.RUNNING or (ended and report.code is not None):
                    return report
                if ended and run.node is None:
                    working = asyncio.create_task(self.runs.execute(run_id))
                await (asyncio.sleep(_POLL_S) if working.done() else asyncio.wait([working], timeout=_POLL_S))
        finally:
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)

    async def examine(self) -> tuple[Check, ...]:
        """Whether the dataset can be reached and jobs may be begun; nothing is changed."""
        try:
            async with self.mirror.open_warehouse() as warehouse:
                await warehouse.check()
                return (checked("BigQuery", code="bigquery", seen=f"{warehouse.dataset} in {warehouse.location}"),)
        except WescopeError as error:
            return (failed("BigQuery", error, code="bigquery", severity=Severity.WARNING),)


def _is_at_work(run: Run) -> bool:
    return run.state == RunState.RUNNING and run.node is not None and not run.checkpoint.get("code")


def _report(run: Run, names: Sequence[str]) -> MirrorReport:
    done: Mapping[str, Mapping[str, Mapping[str, int]]] = run.checkpoint.get("done", {})
    tables = tuple(
        MirroredTable(table=name, loaded=done[name]["counts"]["loaded"], changed=done[name]["counts"]["changed"])
        for name in names
        if name in done
    )
    return MirrorReport(
        run_id=run.id,
        state=run.state,
        started_at=run.started_at,
        finished_at=run.finished_at,
        tables=tables,
        tables_left=len(names) - len(tables),
        rows=sum(one.loaded for one in tables),
        code=run.checkpoint.get("code") or run.result.get("code"),
        fault=run.checkpoint.get("fault"),
        remedy=run.checkpoint.get("remedy"),
    )
