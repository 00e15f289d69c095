"""Hints and the one row per subject that coalesces them (facts/engine.md, "The coalescing that works").

A hint makes its subject dirty. The row says whether a job for it is waiting; if none is, one is deferred in the same
transaction. A run remembers how dirty the subject was when it began, and cleans no more than that.

A subject's lane is that of the job that waits for it: "live" or "backlog". What is live stays so until it is done.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from wescope.books.subjects import Subject, SubjectKind
from wescope.links.schema import hints, subjects
from wescope.observe.trace_context import current_traceparent

LIVE, BACKLOG = "live", "backlog"


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A job to be put into the queue: jobs with the same `lock` run one after another, those of the live lane first."""

    subject: Subject
    lock: str
    lane: str


class Defer(Protocol):
    """Puts jobs for subjects into the queue on the given transaction."""

    async def __call__(self, connection: AsyncConnection, jobs: Sequence[Waiting]) -> None:
        """In their order; there is at least one."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Hint:
    """Look at this Stripe object again: which, why, and the event that says so, if there is one.

    It belongs to the trace in which it is made.
    """

    subject: Subject
    source: str
    customer_id: str | None = None
    event_id: str | None = None
    event_type: str | None = None
    event_created_at: datetime | None = None
    lane: str = LIVE
    run_id: int | None = None
    traceparent: str | None = field(default_factory=current_traceparent)


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


# --- the statements of every run, put together once: that takes longer than the answer of PostgreSQL ------------------

_IS = sa.and_(subjects.c.kind == sa.bindparam("of_kind"), subjects.c.id == sa.bindparam("of_id"))


def _of(subject: Subject) -> dict[str, object]:
    return {"of_kind": subject.kind.value, "of_id": subject.id}


_HAS_WORK = subjects.c.dirty > subjects.c.clean
_WEBHOOK_AT = sa.select(sa.func.min(hints.c.received_at)).where(
    hints.c.kind == subjects.c.kind,
    hints.c.subject_id == subjects.c.id,
    hints.c.source == "webhook",
    hints.c.received_at >= subjects.c.dirty_since,
)
_BEGIN = (
    sa.update(subjects)
    .where(_IS)
    .values(queued=False, last_run_at=sa.case((_HAS_WORK, sa.func.now()), else_=subjects.c.last_run_at))
    .returning(
        subjects.c.dirty,
        subjects.c.clean,
        subjects.c.failures,
        subjects.c.customer_id,
        subjects.c.lane,
        sa.func.now().label("at"),
        subjects.c.run_id,
        _WEBHOOK_AT.correlate(subjects).scalar_subquery().label("webhook_at"),
        subjects.c.dirty_since,
    )
)

_AGAIN_AT = sa.cast(sa.bindparam("again_at"), sa.DateTime(timezone=True))
_UNLESS_QUEUED = sa.case((sa.not_(subjects.c.queued), _AGAIN_AT), else_=None)
_DIRTY_AGAIN = subjects.c.dirty > sa.bindparam("worked_on")
_FINISH = (
    sa.update(subjects)
    .where(_IS)
    .values(
        clean=sa.func.greatest(subjects.c.clean, sa.bindparam("worked_on")),
        # What came in meanwhile came after the beginning; what came before is worked off.
        dirty_since=sa.case(
            (_DIRTY_AGAIN, sa.func.greatest(subjects.c.dirty_since, sa.bindparam("began_at"))), else_=None
        ),
        # What is looked at again by itself is still the run's that asked for it: `undo` finds what it then creates.
        run_id=sa.case((sa.or_(_AGAIN_AT.is_not(None), _DIRTY_AGAIN), subjects.c.run_id), else_=None),
        retry_at=_UNLESS_QUEUED,
        failures=sa.bindparam("tries"),
        last_code=sa.bindparam("code"),
    )
)
_FAIL = (
    sa.update(subjects)
    .where(_IS)
    .values(retry_at=_UNLESS_QUEUED, failures=sa.bindparam("tries"), last_code=sa.bindparam("code"))
)

_RECORD = sa.text("SELECT stored, jobs FROM wescope_record_hints(CAST(:hints AS json))")
_MAKE_DIRTY = sa.text("SELECT kind, subject_id, customer_id, lane FROM wescope_make_dirty(CAST(:hints AS json))")


async def record_all(connection: AsyncConnection, all_hints: Sequence[Hint], defer: Defer) -> list[bool]:
    """Store several hints and see to it that a job for each subject waits; as many statements as for a single one.

    Events, and then subjects, are taken in one order by everybody, so that two transactions never wait for each other.

    Returns:
        For each hint, in the order in which they are given, whether it was stored: its event was not known before.
    """
    if not all_hints:
        return []
    row = (await connection.execute(_RECORD, {"hints": as_json(all_hints)})).one()
    if row.jobs:
        await defer(connection, [_waiting(**job) for job in row.jobs])
    return were_stored(all_hints, row.stored)


def as_json(all_hints: Sequence[Hint]) -> str:
    """Hints as the database's `wescope_record_hints` takes them."""
    return json.dumps(
        [
            {
                "event_id": one.event_id,
                "event_type": one.event_type,
                "kind": one.subject.kind.value,
                "subject_id": one.subject.id,
                "source": one.source,
                "customer_id": one.customer_id,
                "lane": one.lane,
                "run_id": one.run_id,
                "event_created_at": one.event_created_at and one.event_created_at.isoformat(),
                "traceparent": one.traceparent,
            }
            for one in all_hints
        ]
    )


def were_stored(all_hints: Sequence[Hint], stored: Sequence[int] | None) -> list[bool]:
    """For each hint whether it was stored, from the places (of 1 and up) that `wescope_record_hints` tells."""
    places = set(stored or ())
    return [place in places for place in range(1, len(all_hints) + 1)]


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
    row = (await connection.execute(_BEGIN, _of(subject))).one_or_none()
    return Begun(**row._mapping) if row else None  # noqa: SLF001 - the documented way to a row's mapping


async def learn_customer(connection: AsyncConnection, subject: Subject, customer_id: str) -> None:
    """Remember whose subject this is; hints without a customer (thin events) do not say."""
    await connection.execute(sa.update(subjects).where(_IS), _of(subject) | {"customer_id": customer_id})


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
    values = {
        "worked_on": begun.dirty,
        "began_at": begun.at,
        "again_at": replan_at,
        "tries": begun.failures + 1 if replan_at else 0,
        "code": code,
    }
    await connection.execute(_FINISH, _of(subject) | values)


async def fail(connection: AsyncConnection, subject: Subject, begun: Begun, *, retry_at: datetime, code: str) -> None:
    """End a run that could not do its work; the subject stays dirty and is taken up again at `retry_at`."""
    values = {"again_at": retry_at, "tries": begun.failures + 1, "code": code}
    await connection.execute(_FAIL, _of(subject) | values)


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
    if not rows:
        return 0
    again = [
        Hint(
            subject=Subject(kind=SubjectKind(row.kind), id=row.id),
            source="due",
            customer_id=row.customer_id,
            lane=row.lane,
            run_id=row.run_id,
        )
        for row in rows
    ]
    found = await connection.execute(_MAKE_DIRTY, {"hints": as_json(again)})
    if jobs := [_waiting(**row._mapping) for row in found]:  # noqa: SLF001 - the documented way to a row's mapping
        await defer(connection, jobs)
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
    found = [_waiting(row.kind, row.id, row.customer_id, row.lane) for row in rows]
    for job in found:
        await connection.execute(sa.update(subjects).where(_IS).values(queued=True), _of(job.subject))
    if found:
        await defer(connection, found)
    return len(rows)


def _waiting(kind: str, subject_id: str, customer_id: str | None, lane: str) -> Waiting:
    return Waiting(subject=Subject(kind=SubjectKind(kind), id=subject_id), lock=customer_id or subject_id, lane=lane)
