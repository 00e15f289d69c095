"""Mirror: keeps the tables in a dataset of BigQuery equal to ours; what is there may be killed at any moment.

For each table, one after another: in one snapshot what has changed since the last one is read and loaded into a staging
table; one statement merges it; then the checkpoint says up to where. Whoever is killed between two of these steps has
promised nothing, and all of them come to the same when they are done again. Before a statement is sent its job's id is
stored: who takes the run up waits for what may still be running of it, and drops staging tables first, so that nobody
merges old rows after new ones. Memory holds one piece of rows.
"""

import contextlib
import uuid
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from wescope.engine.mirror_merge import Scope, merge_sql, state_sql
from wescope.engine.mirror_views import views
from wescope.engine.runs import Execution
from wescope.engine.warehouse import STAGING, Warehouse
from wescope.errors import WescopeError
from wescope.links.database import transaction
from wescope.links.mirror import Snapshot, changed_rows, count_rows, open_snapshot
from wescope.links.mirror_tables import TABLES, Change, MirrorTable
from wescope.links.reports import swap_checkpoint
from wescope.links.sweeps import read_checkpoint

_log = structlog.get_logger(__name__)

PIECE_BYTES = 8 * 1024 * 1024
"""How much is loaded by one job; so much is in memory."""

VIEWS = "bigquery:views"
"""Checkpoint: which views were made last, and where."""

OpenWarehouse = Callable[[], AbstractAsyncContextManager[Warehouse]]
Progress = Callable[[str, int, int], None]


def checkpoint_of(table: MirrorTable) -> str:
    """Under which name it is remembered up to where a table is mirrored."""
    return f"bigquery:{table.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Up to where a table is mirrored: all that older transactions than `since` have made, in this table of BigQuery.

    `rows` is how many there were; `columns` which were mirrored. With another database, dataset, table or
    column it begins anew.
    """

    dataset: str
    made_at: str
    columns: str
    database: str
    since: int
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TablePlan:
    """What an export would load of a table. `anew`: from the beginning, since nothing fits what was mirrored before."""

    table: str
    rows: int
    anew: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Task:
    """What is to be done for one table: which rows, and which of the others go."""

    table: MirrorTable
    snapshot: Snapshot
    since: int | None
    scope: Scope
    rows: int
    mark: Mark

    @property
    def is_idle(self) -> bool:
        """Whether nothing has changed."""
        return not self.rows and self.scope is not Scope.ALL


@dataclass(frozen=True, slots=True, kw_only=True)
class Mirror:
    """Plans and executes exports to BigQuery: of which tables, and with which views (their statements by name)."""

    engine: AsyncEngine
    open_warehouse: OpenWarehouse
    piece_bytes: int = PIECE_BYTES
    tables: Sequence[MirrorTable] = TABLES
    views: Callable[[str], Mapping[str, str]] = views

    async def plan(self, *, full: bool, progress: Progress | None = None) -> tuple[TablePlan, ...]:
        """What an export would load; nothing is written anywhere.

        Raises:
            WarehouseError: BigQuery cannot be read.
            ConfigurationError: no dataset is named.
        """
        plans = []
        async with self.open_warehouse() as warehouse:
            for index, table in enumerate(self.tables):
                if progress:
                    progress(f"looking at {table.name}", index, len(self.tables))
                made_at = await warehouse.made_at(table.name) or ""
                async with transaction(self.engine) as connection:
                    task = await _task(connection, table, warehouse.dataset, made_at, full=full)
                plans.append(TablePlan(table=table.name, rows=task.rows, anew=task.since is None))
        return tuple(plans)

    async def __call__(self, execution: Execution) -> Mapping[str, Any]:
        """Bring every table up to date that is not yet.

        Returns:
            How many rows were loaded and changed, by table.

        Raises:
            Stopped: somebody wants the run paused or ended.
            WarehouseError: BigQuery could not be brought up to date; what is done stays done.
        """
        try:
            async with self.open_warehouse() as warehouse:
                return await _Mirroring(self, execution, warehouse).all()
        except WescopeError as error:
            await self._tell(execution, error)
            raise

    async def _tell(self, execution: Execution, error: WescopeError) -> None:
        """Keep why it does not go on, for whoever looks at the run."""
        execution.checkpoint |= {"code": error.code, "fault": str(error), "remedy": error.remedy}
        with contextlib.suppress(WescopeError):
            async with transaction(self.engine) as connection:
                await execution.save(connection)


class _Mirroring:
    """One executor's work on an export."""

    def __init__(self, mirror: Mirror, execution: Execution, warehouse: Warehouse) -> None:
        self._mirror, self._execution, self._warehouse = mirror, execution, warehouse
        self._token = uuid.uuid4().hex

    async def all(self) -> Mapping[str, Any]:
        execution, warehouse = self._execution, self._warehouse
        for name in ("code", "fault", "remedy"):
            execution.checkpoint.pop(name, None)
        for job_id in execution.checkpoint.get("jobs", []):
            await warehouse.settle(job_id)
        await warehouse.clear_staging()
        await warehouse.ensure_state()
        done: dict[str, Any] = execution.checkpoint.setdefault("done", {})
        for table in self._mirror.tables:
            if table.name not in done:
                await self._one(table, done)
        await self._finish(done)
        return {"tables": {name: told["counts"] for name, told in done.items()}}

    async def _one(self, table: MirrorTable, done: dict[str, Any]) -> None:
        execution, engine = self._execution, self._mirror.engine
        await execution.proceed()
        made_at = await self._warehouse.ensure(table)
        staging = f"{STAGING}{table.name}_{self._token}"
        async with transaction(engine) as connection:
            full = bool(execution.run.options.get("full"))
            task = await _task(connection, table, self._warehouse.dataset, made_at, full=full)
            pieces = _Pieces(self._mirror.piece_bytes)
            if not task.is_idle:
                await self._warehouse.make_staging(table, staging)
                await self._stage(connection, task, pieces, staging)
        changed = 0 if task.is_idle else await self._merge(task, pieces, staging)
        done[table.name] = {
            "counts": {"loaded": pieces.rows, "changed": changed},
            "complete_until": task.snapshot.at.isoformat(),
        }
        execution.checkpoint.pop("jobs", None)
        counts = execution.counts
        counts |= {
            "steps": len(self._mirror.tables),
            "step": len(done),
            "listed": counts.get("listed", 0) + pieces.rows,
        }
        async with transaction(engine) as connection:
            await execution.save(connection)
            await swap_checkpoint(connection, checkpoint_of(table), asdict(task.mark))
        if not task.is_idle:
            await self._warehouse.drop(staging)

    async def _stage(self, connection: AsyncConnection, task: _Task, pieces: "_Pieces", staging: str) -> None:
        rows = changed_rows(connection, task.table, task.snapshot, since=task.since)
        async for number, lines in pieces.of(rows):
            await self._execution.proceed()
            await self._warehouse.load(task.table, staging, lines, f"{staging}_load_{number}")

    async def _merge(self, task: _Task, pieces: "_Pieces", staging: str) -> int:
        target = self._warehouse.name(task.table.name)
        sql = merge_sql(task.table, target, self._warehouse.name(staging), task.scope, between=pieces.between)
        return await self._run(task.table.name, sql, f"{staging}_merge")

    async def _run(self, about: str, sql: str, job_id: str) -> int:
        """Run a statement that whoever comes later knows of."""
        self._execution.checkpoint["jobs"] = [job_id]
        async with transaction(self._mirror.engine) as connection:
            await self._execution.save(connection)
        await self._execution.proceed()
        return await self._warehouse.run(about, sql, job_id)

    async def _finish(self, done: Mapping[str, Any]) -> None:
        """Views, if they are other ones than before; then say up to when all is complete."""
        warehouse, engine = self._warehouse, self._mirror.engine
        wanted = self._mirror.views(warehouse.dataset)
        made = {"dataset": warehouse.dataset, "views": list(wanted.values())}
        async with transaction(engine) as connection:
            before = await read_checkpoint(connection, VIEWS)
        if before != made or self._execution.run.options.get("full"):
            for name, sql in wanted.items():
                await self._run(name, sql, f"{STAGING}{self._token}_{name}")
            async with transaction(engine) as connection:
                await swap_checkpoint(connection, VIEWS, made)
        complete = {name: datetime.fromisoformat(told["complete_until"]) for name, told in done.items()}
        await self._run("mirror_state", state_sql(warehouse.dataset, complete), f"{STAGING}{self._token}_state")


async def _task(connection: AsyncConnection, table: MirrorTable, dataset: str, made_at: str, *, full: bool) -> _Task:
    """What is to be done for a table, as of now."""
    snapshot = await open_snapshot(connection)
    stored = await read_checkpoint(connection, checkpoint_of(table))
    mark = Mark(
        dataset=dataset,
        made_at=made_at,
        columns=" ".join(table.names),
        database=snapshot.database,
        since=snapshot.oldest,
        rows=await count_rows(connection, table, snapshot),
    )
    before = _fitting(stored, mark)
    since = None if full or before is None else before.since
    changed = mark.rows if since is None else await count_rows(connection, table, snapshot, since=since)
    scope = Scope.NONE
    if table.change is Change.WHOLE and before is not None and since is not None:
        # Nothing new and as many as before: then none has gone either.
        if changed or mark.rows != before.rows:
            since, scope, changed = None, Scope.ALL, mark.rows
    elif since is None and table.change is not Change.LOG:
        scope = Scope.ALL
    elif table.change is Change.PARTS:
        scope = Scope.PARENTS
    return _Task(table=table, snapshot=snapshot, since=since, scope=scope, rows=changed, mark=mark)


def _fitting(stored: Mapping[str, Any] | None, now: Mark) -> Mark | None:
    """What was remembered, if it is of the same table there and of the same database here."""
    if stored is None:
        return None
    before = Mark(**stored)
    same = all(getattr(before, name) == getattr(now, name) for name in ("dataset", "made_at", "columns", "database"))
    return before if same and before.since <= now.since else None


class _Pieces:
    """Rows as lines of JSON, in pieces; and the first and last moment that a log's rows have."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self.rows = 0
        self._first: datetime | None = None
        self._last: datetime | None = None

    @property
    def between(self) -> tuple[datetime, datetime] | None:
        """The span of the partition column, where it belongs to the key."""
        return None if self._first is None or self._last is None else (self._first, self._last)

    async def of(
        self, batches: AsyncIterator[Sequence[tuple[str, datetime | None]]]
    ) -> AsyncIterator[tuple[int, bytes]]:
        """Number and lines of each piece."""
        piece, number = bytearray(), 0
        async for batch in batches:
            for line, moment in batch:
                self._note(moment)
                piece += line.encode() + b"\n"
            if len(piece) >= self._most_bytes:
                yield number, bytes(piece)
                piece, number = bytearray(), number + 1
        if piece:
            yield number, bytes(piece)

    def _note(self, moment: datetime | None) -> None:
        self.rows += 1
        if moment is not None:
            self._first = moment if self._first is None else min(self._first, moment)
            self._last = moment if self._last is None else max(self._last, moment)
