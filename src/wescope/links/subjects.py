"""Hints and the one row per subject that coalesces them (facts/engine.md, "The coalescing that works").

A hint makes its subject dirty. The row says whether a job for it is waiting; if none is, one is deferred in the same
transaction. A run remembers how dirty the subject was when it began, and cleans no more than that.

A subject's lane is that of the job that waits for it: "live" or "backlog". What is live stays so until it is done.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from wescope.books.subjects import Subject, SubjectKind
from wescope.links.schema import hints, subjects
from wescope.observe.trace_context import current_traceparent

LIVE, BACKLOG = "live", "backlog"


class Defer(Protocol):
    """Puts a job for a subject into the queue on the given transaction."""

    async def __call__(self, connection: AsyncConnection, subject: Subject, lock: str, *, lane: str) -> None:
        """Jobs with the same `lock` run one after another; those of the live lane go first."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Hint:
    """Look at this Stripe object again: which, why, and the event that says so, if there is one."""

    subject: Subject
    source: str
    customer_id: str | None = None
    event_id: str | None = None
    event_type: str | None = None
    event_created_at: datetime | None = None
    lane: str = LIVE
    run_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """What a run found when it began: up to which hint it works, for which customer, in which lane, and when it was.

    `run_id` is of the backfill, replay or other run (table `runs`) that asked for it, if one did; `dirty_since` is when
    the oldest hint came that it works on; `webhook_at` is when the first webhook was received since then, if one was.
    """

    dirty: int
    clean: int
    failures: int
    customer_id: str | None
    lane: str
    at: datetime
    run_id: int | None = None
    webhook_at: datetime | None = None
    dirty_since: datetime | None = None

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
        run_id=hint.run_id,
        event_created_at=hint.event_created_at,
        traceparent=current_traceparent(),
    )
    stored = await connection.execute(
        statement.on_conflict_do_nothing(
            index_elements=[hints.c.event_id], index_where=hints.c.event_id.is_not(None)
        ).returning(hints.c.id)
    )
    if stored.one_or_none() is None:
        return False
    await _make_dirty(connection, hint.subject, hint.customer_id, defer, lane=hint.lane, run_id=hint.run_id)
    return True


async def _make_dirty(
    connection: AsyncConnection,
    subject: Subject,
    customer_id: str | None,
    defer: Defer,
    *,
    lane: str,
    run_id: int | None = None,
) -> None:
    new = insert(subjects).values(kind=subject.kind.value, id=subject.id, customer_id=customer_id)
    await connection.execute(new.on_conflict_do_nothing())
    row = (
        await connection.execute(
            sa.select(
                subjects.c.queued,
                subjects.c.customer_id,
                subjects.c.lane,
                subjects.c.run_id,
                (subjects.c.dirty > subjects.c.clean).label("waits"),
            )
            .where(_is(subject))
            .with_for_update()
        )
    ).one()
    known_customer = row.customer_id or customer_id
    lane = LIVE if row.waits and row.lane == LIVE else lane
    await connection.execute(
        sa.update(subjects)
        .where(_is(subject))
        .values(
            dirty=sa.func.greatest(subjects.c.dirty, subjects.c.clean) + 1,
            dirty_since=sa.case((subjects.c.dirty > subjects.c.clean, subjects.c.dirty_since), else_=sa.func.now()),
            customer_id=known_customer,
            queued=True,
            retry_at=None,
            lane=lane,
            # What a run waits for stays its own, whoever else asks for it meanwhile.
            run_id=run_id if run_id is not None or not row.waits else row.run_id,
        )
    )
    if not row.queued or lane != row.lane:
        # A job that waits in the backlog is overtaken by a live one; it then finds nothing to do.
        await defer(connection, subject, known_customer or subject.id, lane=lane)


async def lock_rows(connection: AsyncConnection, all_subjects: Iterable[Subject]) -> None:
    """Hold the rows of these subjects until the transaction ends, taken in one order for everybody."""
    pairs = [(subject.kind.value, subject.id) for subject in set(all_subjects)]
    # The order of `record_all`, which is that of the characters' codes.
    order = (subjects.c.kind.collate("C"), subjects.c.id.collate("C"))
    known = sa.tuple_(subjects.c.kind, subjects.c.id).in_(pairs)
    await connection.execute(sa.select(subjects.c.id).where(known).order_by(*order).with_for_update())


async def begin(connection: AsyncConnection, subject: Subject) -> Begun | None:
    """Start a run. From here on a new hint defers a new job. Null: this subject was never hinted at.

    Only a run that has work reads the subject, and counts as a look at it.
    """
    has_work = subjects.c.dirty > subjects.c.clean
    webhook_at = sa.select(sa.func.min(hints.c.received_at)).where(
        hints.c.kind == subjects.c.kind,
        hints.c.subject_id == subjects.c.id,
        hints.c.source == "webhook",
        hints.c.received_at >= subjects.c.dirty_since,
    )
    result = await connection.execute(
        sa.update(subjects)
        .where(_is(subject))
        .values(queued=False, last_run_at=sa.case((has_work, sa.func.now()), else_=subjects.c.last_run_at))
        .returning(
            subjects.c.dirty,
            subjects.c.clean,
            subjects.c.failures,
            subjects.c.customer_id,
            subjects.c.lane,
            sa.func.now().label("at"),
            subjects.c.run_id,
            webhook_at.correlate(subjects).scalar_subquery().label("webhook_at"),
            subjects.c.dirty_since,
        )
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
            # What came in meanwhile came after the beginning; what came before is worked off.
            dirty_since=sa.case(
                (subjects.c.dirty > begun.dirty, sa.func.greatest(subjects.c.dirty_since, begun.at)), else_=None
            ),
            # What is looked at again by itself is still the run's that asked for it: `undo` finds what it then creates.
            run_id=subjects.c.run_id if replan_at else sa.case((subjects.c.dirty > begun.dirty, subjects.c.run_id)),
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


async def cover(connection: AsyncConnection, covered: Iterable[Subject], *, before: datetime) -> None:
    """Clean subjects that another one's run has read together with its own, unless they were hinted at since `before`.

    Their jobs then find nothing to do. A hint that is being stored meanwhile makes its subject dirty again.
    """
    pairs = [(subject.kind.value, subject.id) for subject in covered]
    if not pairs:
        return
    later = sa.exists().where(
        hints.c.kind == subjects.c.kind, hints.c.subject_id == subjects.c.id, hints.c.received_at >= before
    )
    known = sa.tuple_(subjects.c.kind, subjects.c.id).in_(pairs)
    await connection.execute(
        sa.update(subjects)
        .where(known, subjects.c.dirty > subjects.c.clean, sa.not_(later))
        .values(
            clean=subjects.c.dirty,
            dirty_since=None,
            retry_at=None,
            failures=0,
            last_code=None,
            run_id=None,
            last_run_at=sa.func.greatest(subjects.c.last_run_at, before),
        )
    )


def _unless_queued(moment: datetime | None) -> sa.ColumnElement[datetime | None]:
    return sa.case((sa.not_(subjects.c.queued), sa.cast(moment, sa.DateTime(timezone=True))), else_=None)


async def wake_due(connection: AsyncConnection, defer: Defer, *, limit: int = 200) -> int:
    """Queue the subjects whose time to try again has come. Returns how many."""
    due = (
        sa.select(subjects.c.kind, subjects.c.id, subjects.c.customer_id, subjects.c.lane, subjects.c.run_id)
        .where(subjects.c.retry_at <= sa.func.now(), sa.not_(subjects.c.queued))
        .order_by(subjects.c.retry_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    rows = (await connection.execute(due)).all()
    for row in rows:
        subject = Subject(kind=SubjectKind(row.kind), id=row.id)
        await _make_dirty(connection, subject, row.customer_id, defer, lane=row.lane, run_id=row.run_id)
    return len(rows)


async def wake_orphans(connection: AsyncConnection, defer: Defer, *, older_than_s: int) -> int:
    """Queue again dirty subjects that say a job waits for them, though the queue has none. Returns how many.

    This cannot happen while everything runs as written; it heals a queue that was restored or emptied by hand.
    """
    jobs = sa.table("procrastinate_jobs", sa.column("args"))
    waits = sa.and_(
        subjects.c.dirty > subjects.c.clean,
        subjects.c.retry_at.is_(None),
        subjects.c.dirty_since < sa.func.now() - sa.func.make_interval(0, 0, 0, 0, 0, 0, older_than_s),
    )
    with_job = sa.select(jobs.c.args.op("->>")("subject_id")).where(sa.text("status IN ('todo', 'doing')"))
    # One pass over both: asking the queue for each of a backlog's thousands of subjects would take minutes.
    without_job = sa.select(subjects.c.id).where(waits).except_(with_job).limit(200)
    lost = (
        sa.select(subjects.c.kind, subjects.c.id, subjects.c.customer_id, subjects.c.lane)
        .where(waits, subjects.c.id.in_(without_job))
        .with_for_update(skip_locked=True)
    )
    rows = (await connection.execute(lost)).all()
    for row in rows:
        subject = Subject(kind=SubjectKind(row.kind), id=row.id)
        await connection.execute(sa.update(subjects).where(_is(subject)).values(queued=True))
        await defer(connection, subject, row.customer_id or row.id, lane=row.lane)
    return len(rows)


async def record_all(connection: AsyncConnection, all_hints: Sequence[Hint], defer: Defer) -> None:
    """Store several hints in one order for everybody, so that two transactions never wait for each other."""
    for hint in sorted(all_hints, key=lambda hint: (hint.subject, hint.event_id or "")):
        await record(connection, hint, defer)
