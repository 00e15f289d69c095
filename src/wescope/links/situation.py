"""What the tables say of the system at one moment, for alerts and metrics: counts, ages and amounts, in few queries."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from wescope.books.parking import ParkCode
from wescope.links.schema import attempts, drift, hints, runs, subjects
from wescope.links.tallies import read_tallies

_ALIVE_FOR = timedelta(seconds=12)
_MINUTE = timedelta(minutes=1)
WATCHED_KINDS = ("sweep", "verify")
"""Runs that begin by themselves, so that nobody would see that they fail."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """Work that waits: how many subjects by lane, and since when the oldest does; moments are the database's.

    `failing` are those among them whose last run failed, by its code: how many, and since when the oldest waits.
    """

    by_lane: Mapping[str, int] = field(default_factory=dict)
    oldest_at: datetime | None = None
    failing: Mapping[str, tuple[int, datetime]] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """Subjects that wait."""
        return sum(self.by_lane.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class ParkedSum:
    """What is parked for one reason in one currency and is not ignored; `amount` (minor units) is not posted."""

    code: str
    currency: str
    count: int
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunHealth:
    """How runs of a kind fare: the last good end, the failure of the newest one if it has failed, what it had found."""

    first_at: datetime
    success_at: datetime | None = None
    failed_at: datetime | None = None
    found: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitUse:
    """Requests and batches of the last minute, and requests in flight, of all processes."""

    requests: int = 0
    batches: int = 0
    in_flight: int = 0


async def waiting(connection: AsyncConnection) -> Waiting:
    """The work that waits.

    A subject that is parked and was hinted at anew is not failing; its last code is that of what is parked.
    """
    is_failing = sa.and_(subjects.c.failures > 0, subjects.c.last_code.not_in([code.value for code in ParkCode]))
    query = (
        sa.select(
            subjects.c.lane,
            sa.case((is_failing, subjects.c.last_code)).label("code"),
            sa.func.count().label("count"),
            sa.func.coalesce(sa.func.min(subjects.c.dirty_since), sa.func.now()).label("oldest"),
        )
        .where(subjects.c.dirty > subjects.c.clean)
        .group_by(sa.text("1, 2"))
    )
    rows = (await connection.execute(query)).mappings().all()
    by_lane: dict[str, int] = {}
    failing: dict[str, tuple[int, datetime]] = {}
    for row in rows:
        by_lane[row["lane"]] = by_lane.get(row["lane"], 0) + row["count"]
        if code := row["code"]:
            count, oldest = failing.get(code, (0, row["oldest"]))
            failing[code] = (count + row["count"], min(oldest, row["oldest"]))
    return Waiting(by_lane=by_lane, oldest_at=min((row["oldest"] for row in rows), default=None), failing=failing)


async def posted_and_parked(connection: AsyncConnection, realm_id: str) -> tuple[int, tuple[ParkedSum, ...]]:
    """How many documents stand in QBO, and what is parked, by reason and currency."""
    kept = await read_tallies(connection, realm_id)
    sums = tuple(
        ParkedSum(code=one.code, currency=one.currency, count=one.count, amount=one.amount)
        for one in kept.parked
        if not one.ignored
    )
    return sum(kept.posted_by_entity.values()), sums


async def run_health(connection: AsyncConnection) -> dict[str, RunHealth]:
    """How the runs that begin by themselves fare, by kind; of none that never ran."""
    found: dict[str, RunHealth] = {}
    for kind in WATCHED_KINDS:
        row = (await connection.execute(_health_of(kind))).mappings().one()
        if row["first_at"] is not None:
            found[kind] = RunHealth(
                first_at=row["first_at"],
                success_at=row["success_at"],
                failed_at=row["failed_at"],
                found=int(row["found"] or 0),
            )
    return found


def _health_of(kind: str) -> sa.Select[Any]:
    done = sa.and_(runs.c.kind == kind, runs.c.state == "done")
    newest = sa.select(runs.c.state, runs.c.finished_at).where(runs.c.kind == kind).order_by(runs.c.id.desc()).limit(1)
    last = newest.subquery()
    last_done = sa.select(runs.c.counts["hinted"].astext).where(done).order_by(runs.c.id.desc()).limit(1)
    return sa.select(
        sa.select(sa.func.min(runs.c.started_at)).where(runs.c.kind == kind).scalar_subquery().label("first_at"),
        sa.select(sa.func.max(runs.c.finished_at)).where(done).scalar_subquery().label("success_at"),
        sa.select(sa.case((last.c.state == "failed", sa.func.coalesce(last.c.finished_at, sa.func.now()))))
        .scalar_subquery()
        .label("failed_at"),
        last_done.scalar_subquery().label("found"),
    )


async def last_webhook_at(connection: AsyncConnection) -> datetime | None:
    """When a webhook last brought a hint; where none ever did, when the first hint of any kind came."""
    newest = sa.select(hints.c.received_at).where(hints.c.source == "webhook").order_by(hints.c.received_at.desc())
    found: datetime | None = await connection.scalar(newest.limit(1))
    if found is None:
        found = await connection.scalar(sa.select(sa.func.min(hints.c.received_at)))
    return found


async def open_drift(connection: AsyncConnection, realm_id: str) -> tuple[dict[str, int], datetime | None]:
    """Changes of people in QBO that wait for a decision, by kind, and since when the oldest does."""
    query = sa.select(drift.c.kind, sa.func.count(), sa.func.min(drift.c.found_at)).where(
        drift.c.realm_id == realm_id, drift.c.state == "open"
    )
    rows = (await connection.execute(query.group_by(drift.c.kind).order_by(drift.c.kind))).all()
    return {row[0]: row[1] for row in rows}, min((row[2] for row in rows), default=None)


async def limit_use(connection: AsyncConnection, realm_id: str, lock_space: int, slots: int) -> LimitUse:
    """How much of QBO's limits all processes use.

    Args:
        connection: the database.
        realm_id: Intuit's id of the company.
        lock_space: the first key of the advisory locks that are requests in flight (`qbo.slots`).
        slots: how many of them there are, numbered from zero.
    """
    recent = sa.and_(attempts.c.realm_id == realm_id, attempts.c.started_at > sa.func.now() - _MINUTE)
    single = sa.func.count().filter(attempts.c.batch_id.is_(None))
    batches = sa.func.count(sa.distinct(sa.tuple_(attempts.c.batch_id, attempts.c.started_at))).filter(
        attempts.c.batch_id.is_not(None)
    )
    row = (await connection.execute(sa.select(single, batches).where(recent))).one()
    held = sa.text(
        "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 2"
        " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        " AND classid = CAST(:space AS bigint)::oid AND objid < CAST(:slots AS bigint)::oid"
    )
    in_flight = await connection.execute(held, {"space": lock_space % 2**32, "slots": slots})
    return LimitUse(requests=row[0] + row[1], batches=row[1], in_flight=int(in_flight.scalar_one()))


async def job_counts(connection: AsyncConnection) -> tuple[int, int]:
    """Jobs that are run now, and workers that gave a sign of life of late."""
    jobs = sa.table("procrastinate_jobs", sa.column("status"))
    workers = sa.table("procrastinate_workers", sa.column("last_heartbeat"))
    running = sa.select(sa.func.count()).select_from(jobs).where(sa.cast(jobs.c.status, sa.Text) == "doing")
    alive = workers.c.last_heartbeat > sa.func.now() - _ALIVE_FOR
    living = sa.select(sa.func.count()).select_from(workers).where(alive)
    row = (await connection.execute(sa.select(running.scalar_subquery(), living.scalar_subquery()))).one()
    return int(row[0]), int(row[1])
