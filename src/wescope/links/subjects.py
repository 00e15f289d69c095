"""Hints and the one row per subject that coalesces them (facts/engine.md, "The coalescing that works").

A hint makes its subject dirty. The row says whether a job for it is waiting; if none is, one is deferred in the same
transaction. A run remembers how dirty the subject was when it began, and cleans no more than that.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from wescope.books.subjects import Subject, SubjectKind
from wescope.links.schema import hints, subjects

Defer = Callable[[AsyncConnection, Subject, str], Awaitable[None]]
"""Puts a job for a subject into the queue on the given transaction; the string is the job's lock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hint:
    """Look at this Stripe object again: which, why, and the event that says so, if there is one."""

    subject: Subject
    source: str
    customer_id: str | None = None
    event_id: str | None = None
    event_type: str | None = None
    event_created_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """What a run found when it began: up to which hint it works, and for which customer."""

    dirty: int
    clean: int
    failures: int
    customer_id: str | None

    @property
    def has_work(self) -> bool:
        """Whether a hint came in since the subject was last clean."""
        return self.dirty > self.clean


def _is(subject: Subject) -> sa.ColumnElement[bool]:
    return sa.and_(subjects.c.kind == subject.kind.value, subjects.c.id == subject.id)


async def record(connection: AsyncConnection, hint: Hint, defer: Defer) -> bool:
    """Store a hint and see to it that a job for its subject waits. False: this event was stored before."""
    statement = insert(hints).values(
        event_id=hint.event_id,
        event_type=hint.event_type,
        kind=hint.subject.kind.value,
        subject_id=hint.subject.id,
        source=hint.source,
        event_created_at=hint.event_created_at,
    )
    stored = await connection.execute(
        statement.on_conflict_do_nothing(
            index_elements=[hints.c.event_id], index_where=hints.c.event_id.is_not(None)
        ).returning(hints.c.id)
    )
    if stored.one_or_none() is None:
        return False
    await _make_dirty(connection, hint.subject, hint.customer_id, defer)
    return True


async def _make_dirty(connection: AsyncConnection, subject: Subject, customer_id: str | None, defer: Defer) -> None:
    new = insert(subjects).values(kind=subject.kind.value, id=subject.id, customer_id=customer_id)
    await connection.execute(new.on_conflict_do_nothing())
    row = (
        await connection.execute(
            sa.select(subjects.c.queued, subjects.c.customer_id).where(_is(subject)).with_for_update()
        )
    ).one()
    known_customer = row.customer_id or customer_id
    await connection.execute(
        sa.update(subjects)
        .where(_is(subject))
        .values(
            dirty=sa.func.greatest(subjects.c.dirty, subjects.c.clean) + 1,
            dirty_since=sa.case((subjects.c.dirty > subjects.c.clean, subjects.c.dirty_since), else_=sa.func.now()),
            customer_id=known_customer,
            queued=True,
            retry_at=None,
        )
    )
    if not row.queued:
        await defer(connection, subject, known_customer or subject.id)


async def lock_rows(connection: AsyncConnection, all_subjects: Iterable[Subject]) -> None:
    """Hold the rows of these subjects until the transaction ends, taken in one order for everybody."""
    for subject in sorted(set(all_subjects)):
        await connection.execute(sa.select(subjects.c.id).where(_is(subject)).with_for_update())


async def begin(connection: AsyncConnection, subject: Subject) -> Begun | None:
    """Start a run. From here on a new hint defers a new job. Null: this subject was never hinted at."""
    result = await connection.execute(
        sa.update(subjects)
        .where(_is(subject))
        .values(queued=False, last_run_at=sa.func.now())
        .returning(subjects.c.dirty, subjects.c.clean, subjects.c.failures, subjects.c.customer_id)
    )
    row = result.one_or_none()
    return Begun(**row._mapping) if row else None  # noqa: SLF001 - the documented way to a row's mapping


async def learn_customer(connection: AsyncConnection, subject: Subject, customer_id: str) -> None:
    """Remember whose subject this is; hints without a customer (thin events) do not say."""
    await connection.execute(sa.update(subjects).where(_is(subject)).values(customer_id=customer_id))


async def not_run_since(connection: AsyncConnection, moments: Mapping[Subject, datetime]) -> tuple[Subject, ...]:
    """Those of these subjects that were not run at or after their moment, in their order; unknown ones, too."""
    if not moments:
        return ()
    pairs = sa.tuple_(subjects.c.kind, subjects.c.id)
    query = sa.select(subjects.c.kind, subjects.c.id, subjects.c.last_run_at).where(
        pairs.in_([(subject.kind.value, subject.id) for subject in moments])
    )
    runs = {(row.kind, row.id): row.last_run_at for row in await connection.execute(query)}
    last = {subject: runs.get((subject.kind.value, subject.id)) for subject in moments}
    return tuple(subject for subject, since in sorted(moments.items()) if (at := last[subject]) is None or at < since)


async def finish(
    connection: AsyncConnection, subject: Subject, begun: Begun, *, replan_at: datetime | None, code: str | None
) -> None:
    """End a run that did its work. `replan_at` is when a parked subject is looked at again by itself.

    A hint that came in during the run keeps its own job, so the time to re-plan is set only if there is none.
    """
    await connection.execute(
        sa.update(subjects)
        .where(_is(subject))
        .values(
            clean=sa.func.greatest(subjects.c.clean, begun.dirty),
            dirty_since=sa.case((subjects.c.dirty > begun.dirty, subjects.c.dirty_since), else_=None),
            retry_at=_unless_queued(replan_at),
            failures=begun.failures + 1 if replan_at else 0,
            last_code=code,
        )
    )


async def fail(connection: AsyncConnection, subject: Subject, begun: Begun, *, retry_at: datetime, code: str) -> None:
    """End a run that could not do its work; the subject stays dirty and is taken up again at `retry_at`."""
    await connection.execute(
        sa.update(subjects)
        .where(_is(subject))
        .values(retry_at=_unless_queued(retry_at), failures=begun.failures + 1, last_code=code)
    )


def _unless_queued(moment: datetime | None) -> sa.ColumnElement[datetime | None]:
    return sa.case((sa.not_(subjects.c.queued), sa.cast(moment, sa.DateTime(timezone=True))), else_=None)


async def wake_due(connection: AsyncConnection, defer: Defer, *, limit: int = 200) -> int:
    """Queue the subjects whose time to try again has come. Returns how many."""
    due = (
        sa.select(subjects.c.kind, subjects.c.id, subjects.c.customer_id)
        .where(subjects.c.retry_at <= sa.func.now(), sa.not_(subjects.c.queued))
        .order_by(subjects.c.retry_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    rows = (await connection.execute(due)).all()
    for row in rows:
        subject = Subject(kind=SubjectKind(row.kind), id=row.id)
        await _make_dirty(connection, subject, row.customer_id, defer)
    return len(rows)


async def wake_orphans(connection: AsyncConnection, defer: Defer, *, older_than_s: int) -> int:
    """Queue again dirty subjects that say a job waits for them, though the queue has none. Returns how many.

    This cannot happen while everything runs as written; it heals a queue that was restored or emptied by hand.
    """
    jobs = sa.table("procrastinate_jobs", sa.column("status"), sa.column("args"))
    has_job = sa.exists().where(
        sa.cast(jobs.c.status, sa.Text).in_(["todo", "doing"]),
        jobs.c.args.op("->>")("subject_id") == subjects.c.id,
    )
    lost = (
        sa.select(subjects.c.kind, subjects.c.id, subjects.c.customer_id)
        .where(
            subjects.c.dirty > subjects.c.clean,
            subjects.c.retry_at.is_(None),
            subjects.c.dirty_since < sa.func.now() - sa.func.make_interval(0, 0, 0, 0, 0, 0, older_than_s),
            sa.not_(has_job),
        )
        .limit(200)
        .with_for_update(skip_locked=True)
    )
    rows = (await connection.execute(lost)).all()
    for row in rows:
        subject = Subject(kind=SubjectKind(row.kind), id=row.id)
        await connection.execute(sa.update(subjects).where(_is(subject)).values(queued=True))
        await defer(connection, subject, row.customer_id or row.id)
    return len(rows)


async def record_all(connection: AsyncConnection, all_hints: Sequence[Hint], defer: Defer) -> None:
    """Store several hints in one order for everybody, so that two transactions never wait for each other."""
    for hint in sorted(all_hints, key=lambda hint: (hint.subject, hint.event_id or "")):
        await record(connection, hint, defer)
