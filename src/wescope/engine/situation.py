"""Situation: the state of the whole system at one moment, from which alerts and metrics are told."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from wescope.engine.connection import Connection, ConnectionState
from wescope.engine.queue import WORKERS_PER_PROCESS
from wescope.engine.read_budget import ReadBudget
from wescope.engine.results import NO_DIFFERENCE, ConnectionWord
from wescope.links.database import transaction
from wescope.links.kept_tieouts import newest_head
from wescope.links.reads import StoredReads
from wescope.links.situation import (
    LimitUse,
    ParkedSum,
    RunHealth,
    Waiting,
    job_counts,
    last_webhook_at,
    limit_use,
    open_drift,
    posted_and_parked,
    run_health,
    waiting,
)
from wescope.links.sweeps import database_now
from wescope.qbo.limits import IN_FLIGHT
from wescope.qbo.slots import lock_space

_UNKNOWN = ConnectionState(word=ConnectionWord.UNKNOWN)


@dataclass(frozen=True, slots=True, kw_only=True)
class LastTieOut:
    """The last tie-out: its one number, the differences by currency (decimals of major units), and when it was.

    `as_of` is the day that was compared, in the books' calendar.
    """

    difference: str
    at: datetime
    as_of: date | None = None
    differences: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_balanced(self) -> bool:
        """True if QBO equalled Stripe."""
        return self.difference == NO_DIFFERENCE


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """The system as it is. Moments are the database's and have a zone; amounts are in minor units."""

    now: datetime
    connection: ConnectionState = _UNKNOWN
    waiting: Waiting = field(default_factory=Waiting)
    parked: tuple[ParkedSum, ...] = ()
    posted: int = 0
    in_flight: int = 0
    workers: int = 0
    drift: Mapping[str, int] = field(default_factory=dict)
    drift_at: datetime | None = None
    runs: Mapping[str, RunHealth] = field(default_factory=dict)
    tieout: LastTieOut | None = None
    webhook_at: datetime | None = None
    reads: StoredReads = field(default_factory=StoredReads)
    monthly_reads: int = 0
    limits: LimitUse = field(default_factory=LimitUse)

    def age(self, moment: datetime | None) -> timedelta | None:
        """How long ago a moment was; null of none."""
        return max(timedelta(), self.now - moment) if moment else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Observer:
    """Looks at the system. It reads the database only, so it never waits for QBO or Stripe."""

    engine: AsyncEngine
    realm_id: str
    connection: Connection
    reads: ReadBudget
    sweeps: bool = True
    """Whether sweeps begin by themselves; else nobody expects one."""

    async def look(self) -> Situation:
        """The situation now.

        Raises:
            DatabaseUnavailable: the tables cannot be read.
        """
        connected, reads = await self.connection.state(), await self.reads.state()
        async with transaction(self.engine) as connection:
            drift, drift_at = await open_drift(connection, self.realm_id)
            running, workers = await job_counts(connection)
            posted, parked = await posted_and_parked(connection, self.realm_id)
            return Situation(
                now=await database_now(connection),
                connection=connected,
                waiting=await waiting(connection),
                parked=parked,
                posted=posted,
                in_flight=running,
                workers=math.ceil(workers / WORKERS_PER_PROCESS),
                drift=drift,
                drift_at=drift_at,
                runs=await run_health(connection) if self.sweeps else {},
                tieout=await _last_tieout(connection),
                webhook_at=await last_webhook_at(connection),
                reads=reads,
                monthly_reads=self.reads.monthly_reads,
                limits=await limit_use(connection, self.realm_id, lock_space(self.realm_id), IN_FLIGHT),
            )


async def _last_tieout(connection: AsyncConnection) -> LastTieOut | None:
    kept = await newest_head(connection)
    if kept is None:
        return None
    return LastTieOut(
        difference=kept.head["difference"],
        at=kept.compared_at,
        as_of=kept.as_of,
        differences=kept.head.get("differences", {}),  # older ones do not have them
    )
