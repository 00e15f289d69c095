"""Runs: backfills, replays and others as rows that one executor at a time works on, with checkpoint and counts.

An executor is known by its token in `node` and shows that it lives by `heartbeat_at`. Everything that it stores is
stored only while the row still names it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from wescope.books.parking import ParkCode
from wescope.links.schema import hints, links, parked, runs, subjects


class RunKind(StrEnum):
    """What a run does."""

    BACKFILL = "backfill"
    REPLAY = "replay"
    SWEEP = "sweep"
    VERIFY = "verify"
    REPAIR = "repair"
    UNDO = "undo"
    TIEOUT = "tieout"
    EXPORT = "export"
    BULK = "bulk"
    """Something that is done to many parked items, one after another."""
    FORECAST = "forecast"
    """The dry run of a backfill: it plans everything, and writes nothing."""


class RunState(StrEnum):
    """Where a run stands."""

    RUNNING = "running"
    """It is being worked on, or a worker will take it up."""
    PAUSED = "paused"
    DONE = "done"
    CANCELED = "canceled"
    FAILED = "failed"


class RunRequest(StrEnum):
    """What somebody wants of a run; its executor sees it at the next step."""

    PAUSE = "pause"
    CANCEL = "cancel"


_A_MOMENT = timedelta(seconds=5)

UNFINISHED = (RunState.RUNNING, RunState.PAUSED, RunState.FAILED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One row. `options` and `checkpoint` belong to the kind; `counts` are numbers by name."""

    id: int
    kind: str
    state: str
    options: Mapping[str, Any] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    checkpoint: Mapping[str, Any] = field(default_factory=dict)
    result: Mapping[str, Any] = field(default_factory=dict)
    request: str | None = None
    node: str | None = None
    heartbeat_at: datetime | None = None
    started_at: datetime
    finished_at: datetime | None = None

    @property
    def unfinished(self) -> bool:
        """Whether it can be gone on with."""
        return self.state in UNFINISHED


@dataclass(frozen=True, slots=True, kw_only=True)
class Queued:
    """What of a run's subjects is not worked off: all, those that can be now, and when the first other one can.

    `code` is why most of those fail that were tried in vain, `failed` how many these are.
    """

    left: int
    ready: int
    next_at: datetime | None
    code: str | None = None
    failed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Parking:
    """What is parked of what a run had looked at, by code and currency, in minor units."""

    code: str
    currency: str
    count: int
    amount: int


_MANY = sa.cast(["rows", "page"], ARRAY(sa.Text))
"""Where a tie-out keeps its rows, which only their export and its own page read."""

_ITEMS = sa.literal("items", sa.Text)
"""Where a bulk action keeps what was planned, which `wescope.links.parked_page` alone reads."""

_LONG = {
    "result": runs.c.result.op("-", return_type=JSONB)(_MANY).label("result"),
    "options": runs.c.options.op("-", return_type=JSONB)(_ITEMS).label("options"),
}
RUN_COLUMNS = [_LONG.get(name, runs.c[name]) for name in Run.__dataclass_fields__]
"""What is read of a run."""


def run_of(row: sa.Row[Any]) -> Run:
    """A row of `RUN_COLUMNS` as a run."""
    return Run(**row._mapping)  # noqa: SLF001 - the documented way to a row's mapping


async def start_run(connection: AsyncConnection, kind: RunKind, options: Mapping[str, Any]) -> Run:
    """A new run that waits for an executor."""
    new = sa.insert(runs).values(kind=kind.value, state=RunState.RUNNING.value, options=dict(options))
    return run_of((await connection.execute(new.returning(*RUN_COLUMNS))).one())


async def find_run(connection: AsyncConnection, run_id: int) -> Run | None:
    """The run with this id."""
    row = (await connection.execute(sa.select(*RUN_COLUMNS).where(runs.c.id == run_id))).one_or_none()
    return run_of(row) if row else None


async def list_runs(connection: AsyncConnection, *, kind: RunKind | None = None, limit: int = 50) -> tuple[Run, ...]:
    """The newest runs, the newest first."""
    query = sa.select(*RUN_COLUMNS).order_by(runs.c.id.desc()).limit(limit)
    query = query if kind is None else query.where(runs.c.kind == kind.value)
    return tuple(map(run_of, await connection.execute(query)))


async def newest_of(connection: AsyncConnection, kind: RunKind) -> Run | None:
    """The run of a kind that began last."""
    query = sa.select(*RUN_COLUMNS).where(runs.c.kind == kind.value).order_by(runs.c.started_at.desc()).limit(1)
    row = (await connection.execute(query)).one_or_none()
    return run_of(row) if row else None


async def newest_unfinished(connection: AsyncConnection, kind: RunKind) -> Run | None:
    """The newest run of a kind, if it is not over."""
    states = [state.value for state in UNFINISHED]
    query = sa.select(*RUN_COLUMNS).where(runs.c.kind == kind.value, runs.c.state.in_(states))
    row = (await connection.execute(query.order_by(runs.c.id.desc()).limit(1))).one_or_none()
    return run_of(row) if row else None


async def abandoned_runs(connection: AsyncConnection, kinds: Iterable[str], *, silent_s: float) -> tuple[int, ...]:
    """Ids of runs that should be worked on, and whose executor gave no sign for a while, or that never had one."""
    silent = sa.or_(runs.c.heartbeat_at.is_(None), runs.c.heartbeat_at < sa.func.now() - timedelta(seconds=silent_s))
    query = sa.select(runs.c.id).where(
        runs.c.state == RunState.RUNNING.value, runs.c.kind.in_(list(kinds)), runs.c.finished_at.is_(None), silent
    )
    return tuple((await connection.execute(query.order_by(runs.c.id))).scalars())


async def claim_run(connection: AsyncConnection, run_id: int, node: str) -> Run | None:
    """Make `node` the executor of a run; null if it need not be worked on (any more)."""
    claimed = (
        sa.update(runs)
        .where(runs.c.id == run_id, runs.c.state == RunState.RUNNING.value)
        .values(node=node, heartbeat_at=sa.func.now())
    )
    row = (await connection.execute(claimed.returning(*RUN_COLUMNS))).one_or_none()
    return run_of(row) if row else None


async def beat(connection: AsyncConnection, run_id: int, node: str) -> tuple[bool, str | None]:
    """Show that the executor lives. Returns whether the run still is its own, and what is asked of it."""
    alive = sa.update(runs).where(_held(run_id, node)).values(heartbeat_at=sa.func.now()).returning(runs.c.request)
    row = (await connection.execute(alive)).one_or_none()
    return (False, None) if row is None else (True, row.request)


async def save_run(
    connection: AsyncConnection,
    run_id: int,
    node: str,
    *,
    checkpoint: Mapping[str, Any],
    counts: Mapping[str, int],
) -> bool:
    """Store how far the executor has come. False: the run is somebody else's, and the transaction must not stand."""
    saved = sa.update(runs).where(_held(run_id, node))
    saved = saved.values(checkpoint=dict(checkpoint), counts=dict(counts), heartbeat_at=sa.func.now())
    return (await connection.execute(saved)).rowcount == 1


async def release_run(connection: AsyncConnection, run_id: int, node: str) -> None:
    """Let another executor take the run up at once."""
    await connection.execute(sa.update(runs).where(_held(run_id, node)).values(node=None, heartbeat_at=None))


async def end_run(
    connection: AsyncConnection, run_id: int, node: str, state: RunState, result: Mapping[str, Any]
) -> bool:
    """End a run, or pause it. False: it is somebody else's by now."""
    finished = None if state is RunState.PAUSED else sa.func.now()
    ended = sa.update(runs).where(_held(run_id, node))
    ended = ended.values(state=state.value, result=dict(result), finished_at=finished, request=None, node=None)
    return (await connection.execute(ended)).rowcount == 1


def _held(run_id: int, node: str) -> sa.ColumnElement[bool]:
    return sa.and_(runs.c.id == run_id, runs.c.node == node, runs.c.state == RunState.RUNNING.value)


async def ask_run(connection: AsyncConnection, run_id: int, request: RunRequest, *, silent_s: float) -> Run | None:
    """Ask a run to pause or to end; where no executor lives it is done at once. Null: it is over, or there is none."""
    row = (await connection.execute(sa.select(*RUN_COLUMNS).where(runs.c.id == run_id).with_for_update())).one_or_none()
    if row is None or not (run := run_of(row)).unfinished:
        return None
    living = sa.select(sa.func.now() - timedelta(seconds=silent_s) < sa.bindparam("beat", run.heartbeat_at))
    is_alive = run.state == RunState.RUNNING and run.node and run.heartbeat_at and await connection.scalar(living)
    values: dict[str, Any] = {"request": request.value}
    if not is_alive and request is RunRequest.PAUSE:
        values = {"state": RunState.PAUSED.value, "request": None, "node": None}
    elif not is_alive:
        values = {"state": RunState.CANCELED.value, "request": None, "node": None, "finished_at": sa.func.now()}
        await withdraw(connection, run_id)
    asked = sa.update(runs).where(runs.c.id == run_id).values(**values).returning(*RUN_COLUMNS)
    return run_of((await connection.execute(asked)).one())


async def resume_run(connection: AsyncConnection, run_id: int) -> Run | None:
    """Let a run that is paused, or that failed, go on. Null: it is over, or there is none."""
    states = [state.value for state in UNFINISHED]
    resumed = (
        sa.update(runs)
        .where(runs.c.id == run_id, runs.c.state.in_(states))
        .values(
            state=RunState.RUNNING.value,
            request=None,
            finished_at=None,
            node=sa.case((runs.c.state == RunState.RUNNING.value, runs.c.node)),
            heartbeat_at=sa.case((runs.c.state == RunState.RUNNING.value, runs.c.heartbeat_at)),
        )
    )
    row = (await connection.execute(resumed.returning(*RUN_COLUMNS))).one_or_none()
    return run_of(row) if row else None


async def withdraw(connection: AsyncConnection, run_id: int) -> int:
    """Take back what a run has queued and nobody else asked for. Returns how many subjects.

    What is being worked on meanwhile is worked off, and what it wrote stays. What an event of Stripe says that the run
    has found stays, too: should Stripe send that event again, it would be taken for one that was received.
    """
    others = sa.exists().where(
        hints.c.kind == subjects.c.kind,
        hints.c.subject_id == subjects.c.id,
        hints.c.received_at >= subjects.c.dirty_since,
        sa.or_(hints.c.run_id.is_distinct_from(run_id), hints.c.event_id.is_not(None)),
    )
    mine = (subjects.c.run_id == run_id, subjects.c.dirty > subjects.c.clean)
    untouched = sa.update(subjects).where(*mine, sa.not_(others), _unsettled_free())
    # A look that was begun may have been in vain: what was taken back counts as not looked at.
    cleaned = untouched.values(clean=subjects.c.dirty, dirty_since=None, retry_at=None, run_id=None, last_run_at=None)
    count = (await connection.execute(cleaned)).rowcount
    await connection.execute(sa.update(subjects).where(subjects.c.run_id == run_id).values(run_id=None))
    return count


def _unsettled_free() -> sa.ColumnElement[bool]:
    """No document of the subject is open: what was lost on its way must be found out about, whoever asked for it."""
    texts = subjects.c.kind + "/" + subjects.c.id
    return sa.not_(sa.exists().where(links.c.subject == texts, links.c.state.in_(["intended", "unknown"])))


async def queued_of(connection: AsyncConnection, run_id: int) -> Queued:
    """What of a run's subjects is not worked off, or is looked at again in a moment (see `wescope.links.waiting`)."""
    in_a_moment = subjects.c.retry_at < sa.func.now() + _A_MOMENT
    # `dirty_since` says the same once more: by its index few rows are read, however many the run has had.
    is_dirty = sa.and_(subjects.c.dirty > subjects.c.clean, subjects.c.dirty_since.is_not(None))
    mine = sa.and_(subjects.c.run_id == run_id, sa.or_(is_dirty, in_a_moment))
    query = sa.select(
        sa.func.count(),
        sa.func.count().filter(subjects.c.retry_at.is_(None)),
        sa.func.min(subjects.c.retry_at),
        sa.func.mode().within_group(subjects.c.last_code).filter(subjects.c.failures > 0),
        sa.func.count().filter(subjects.c.failures > 0),
    ).where(mine)
    left, ready, next_at, code, failed = (await connection.execute(query)).one()
    return Queued(left=left, ready=ready, next_at=next_at, code=code, failed=failed)


async def posted_of(connection: AsyncConnection, run_id: int) -> dict[str, int]:
    """The documents that a run has created and that stand in QBO: how many of each entity."""
    query = sa.select(links.c.entity, sa.func.count()).where(links.c.run_id == run_id, links.c.state == "posted")
    return {row[0]: row[1] for row in await connection.execute(query.group_by(links.c.entity).order_by(links.c.entity))}


async def parked_of(connection: AsyncConnection, run_id: int) -> tuple[Parking, ...]:
    """What is parked now of the subjects that a run had looked at; advice and ignored items are left out."""
    # By the parked item: few are parked, and a run may have looked at a million.
    looked_at = sa.exists().where(
        hints.c.kind == sa.func.split_part(parked.c.subject, "/", 1),
        hints.c.subject_id == sa.func.split_part(parked.c.subject, "/", 2),
        hints.c.run_id == run_id,
    )
    query = (
        sa.select(parked.c.code, parked.c.currency, sa.func.count(), sa.func.sum(parked.c.amount))
        .where(looked_at, sa.not_(parked.c.advisory), parked.c.ignored_at.is_(None))
        .group_by(parked.c.code, parked.c.currency)
        .order_by(parked.c.code, parked.c.currency)
    )
    rows = (await connection.execute(query)).all()
    return tuple(Parking(code=row[0], currency=row[1], count=row[2], amount=int(row[3])) for row in rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the tables say of a Stripe object that a list names.

    `hinted`: this run has asked for it already. `dirty`: a look at it is due anyway. `parked`: something of it is.
    `stands`: documents that stand for it are posted (or taken back), and none is otherwise. `looked_at` is when it was
    last looked at, or its documents last changed.
    """

    hinted: bool = False
    dirty: bool = False
    parked: bool = False
    stands: bool = False
    looked_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """An object to be told of: its subject, and the Stripe id by which documents name it."""

    kind: str
    subject_id: str
    stripe_id: str


async def known_of(
    connection: AsyncConnection, realm_id: str, run_id: int, asked: Sequence[Asked]
) -> dict[Asked, Known]:
    """What is known of objects, asked of the tables in four queries."""
    if not asked:
        return {}
    pairs = [(one.kind, one.subject_id) for one in asked]
    texts = [f"{kind}/{subject_id}" for kind, subject_id in pairs]
    stands = await _standing(connection, realm_id, [one.stripe_id for one in asked])
    seen = await _subjects(connection, pairs)
    hinted = {
        (row.kind, row.subject_id)
        for row in await connection.execute(
            sa.select(hints.c.kind, hints.c.subject_id).where(
                hints.c.run_id == run_id, sa.tuple_(hints.c.kind, hints.c.subject_id).in_(pairs)
            )
        )
    }
    waiting = sa.select(parked.c.subject).distinct()
    waiting = waiting.where(parked.c.subject.in_(texts), sa.not_(parked.c.advisory), parked.c.ignored_at.is_(None))
    told = set((await connection.execute(waiting)).scalars())
    found = {}
    for one in asked:
        pair = (one.kind, one.subject_id)
        dirty, last_run_at = seen.get(pair, (False, None))
        is_standing, changed_at = stands.get(one.stripe_id, (False, None))
        found[one] = Known(
            hinted=pair in hinted,
            dirty=dirty,
            parked=f"{one.kind}/{one.subject_id}" in told,
            stands=is_standing,
            looked_at=last_run_at or changed_at,
        )
    return found


async def _subjects(
    connection: AsyncConnection, pairs: Sequence[tuple[str, str]]
) -> dict[tuple[str, str], tuple[bool, datetime | None]]:
    query = sa.select(
        subjects.c.kind, subjects.c.id, (subjects.c.dirty > subjects.c.clean).label("dirty"), subjects.c.last_run_at
    ).where(sa.tuple_(subjects.c.kind, subjects.c.id).in_(pairs))
    return {(row.kind, row.id): (row.dirty, row.last_run_at) for row in await connection.execute(query)}


async def _standing(
    connection: AsyncConnection, realm_id: str, stripe_ids: Sequence[str]
) -> dict[str, tuple[bool, datetime]]:
    """Whether all documents that name these Stripe objects are settled, and when the last of them changed."""
    # What was undone is to be looked at: a backfill is one of the ways to have it written again.
    undone = sa.exists().where(parked.c.document_key == links.c.document_key, parked.c.code == ParkCode.UNDONE.value)
    named = sa.func.unnest(links.c.stripe_ids).table_valued("stripe_id").render_derived(name="named")
    query = (
        sa.select(
            named.c.stripe_id,
            sa.func.bool_and(sa.and_(links.c.state.in_(["posted", "voided"]), sa.not_(undone))).label("stands"),
            sa.func.max(links.c.updated_at).label("changed_at"),
        )
        .select_from(links.join(named, sa.true()))
        .where(
            links.c.realm_id == realm_id,
            links.c.stripe_ids.overlap(list(stripe_ids)),
            links.c.entity != "Customer",
            named.c.stripe_id.in_(list(stripe_ids)),
        )
        .group_by(named.c.stripe_id)
    )
    return {row.stripe_id: (row.stands, row.changed_at) for row in await connection.execute(query)}
