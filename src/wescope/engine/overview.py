"""The overview: all that the console's home says, read from the database alone; the status is a part of it."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncEngine

from wescope import __version__
from wescope.books.calendar import local_date
from wescope.books.parking import REASONS, Owner, ParkCode
from wescope.engine.alerts import alerts_of
from wescope.engine.figures import DAYS
from wescope.engine.results import MONEY, Status, TieOutSummary
from wescope.engine.situation import LastTieOut, Situation
from wescope.engine.tieout_desk import TieOutDesk
from wescope.engine.tieout_kept import KeptTieOut, TieOutRun
from wescope.engine.watching import Watching
from wescope.engine.write_gate import WriteGate
from wescope.links.database import transaction
from wescope.links.day_figures import DayFigures, read_days
from wescope.links.reports import Counts, counts
from wescope.links.tallies import ParkedTally
from wescope.qbo.limits import BATCHES_PER_MINUTE, IN_FLIGHT, PER_MINUTE


@dataclass(frozen=True, slots=True, kw_only=True)
class ParkedByCode:
    """What is parked for one reason in one currency and is not ignored; `amount`, without sign, is not posted."""

    code: str
    reason: str
    owner: str
    count: int
    amount: int = field(metadata=MONEY)
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionHealth:
    """How the connections fare: what of QBO's limits was used in the last minute, and Stripe's last webhook.

    `webhook_at` is null before the first event; `workers` are processes that gave a sign of life of late.
    """

    workers: int
    webhook_at: datetime | None
    qbo_requests: int
    qbo_requests_limit: int
    qbo_batches: int
    qbo_batches_limit: int
    qbo_in_flight: int
    qbo_in_flight_limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """All at one moment. `tieout` is the last one of the latest day that was compared, `run` one under way.

    `days` are the last thirty of the books' calendar, `timezone` its zone; today's are at most minutes old.
    """

    at: datetime
    status: Status
    tieout: KeptTieOut | None
    run: TieOutRun | None
    parked: tuple[ParkedByCode, ...]
    parked_ignored: int
    health: ConnectionHealth
    timezone: str
    days: tuple[DayFigures, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OverviewDesk:
    """Reads the overview and the status."""

    engine: AsyncEngine
    realm_id: str
    watching: Watching
    tieouts: TieOutDesk
    timezone: ZoneInfo
    gate: WriteGate

    async def status(self) -> Status:
        """What the service is doing.

        Raises:
            DatabaseUnavailable: the tables cannot be read.
        """
        async with transaction(self.engine) as connection:
            found = await counts(connection, self.realm_id)
        return await self._status(found, await self.watching.observer.look(), datetime.now(UTC))

    async def overview(self) -> Overview:
        """The overview.

        Raises:
            DatabaseUnavailable: the tables cannot be read.
        """
        now = datetime.now(UTC)
        today = local_date(now, self.timezone)
        async with transaction(self.engine) as connection:
            found = await counts(connection, self.realm_id)
            days = await read_days(connection, self.realm_id, today - timedelta(days=DAYS - 1))
        seen = await self.watching.observer.look()
        tied = await self.tieouts.page(None)
        return Overview(
            at=now,
            status=await self._status(found, seen, now),
            tieout=tied.tieout,
            run=tied.run,
            parked=tuple(_by_code(one) for one in found.parked_by_code if not one.ignored),
            parked_ignored=sum(one.count for one in found.parked_by_code if one.ignored),
            health=_health(seen),
            timezone=self.timezone.key,
            days=_every_day(today, days),
        )

    async def _status(self, found: Counts, seen: Situation, now: datetime) -> Status:
        age = now - found.oldest_hint_at if found.oldest_hint_at else None
        ends = seen.connection.refresh_expires_at
        return Status(
            backlog=found.backlog,
            oldest_hint_age_s=max(0, int(age.total_seconds())) if age else None,
            in_flight=found.in_flight,
            parked=found.parked,
            drift=sum(seen.drift.values()),
            posted=sum(found.posted_by_entity.values()),
            posted_by_entity=found.posted_by_entity,
            qbo_calls_last_minute=found.calls_last_minute,
            qbo_writes_total=found.writes_total,
            refresh_token_days_left=(ends - now).days if ends else None,
            last_tieout=_summary(seen.tieout),
            dry_run=(await self.gate.state()).is_held,
            version=__version__,
            qbo_connection=seen.connection.word,
            qbo_connection_code=seen.connection.code,
            qbo_connection_since=seen.connection.since,
            qbo_reads_this_month=seen.reads.reads,
            qbo_monthly_reads=seen.monthly_reads,
            alerts=alerts_of(seen, self.watching.thresholds),
        )


def _summary(last: LastTieOut | None) -> TieOutSummary | None:
    if last is None or last.as_of is None:
        return None
    return TieOutSummary(as_of=last.as_of, difference=last.difference, at=last.at)


def _by_code(one: ParkedTally) -> ParkedByCode:
    reason = REASONS.get(ParkCode(one.code)) if one.code in set(ParkCode) else None  # a newer version may know more
    return ParkedByCode(
        code=one.code,
        reason=reason.text if reason else one.code,
        owner=(reason.owner if reason else Owner.US).value,
        count=one.count,
        amount=one.amount,
        currency=one.currency,
    )


def _health(seen: Situation) -> ConnectionHealth:
    return ConnectionHealth(
        workers=seen.workers,
        webhook_at=seen.webhook_at,
        qbo_requests=seen.limits.requests,
        qbo_requests_limit=PER_MINUTE,
        qbo_batches=seen.limits.batches,
        qbo_batches_limit=BATCHES_PER_MINUTE,
        qbo_in_flight=seen.limits.in_flight,
        qbo_in_flight_limit=IN_FLIGHT,
    )


def _every_day(today: date, known: tuple[DayFigures, ...]) -> tuple[DayFigures, ...]:
    by_day = {one.day: one for one in known}
    days = (today - timedelta(days=age) for age in reversed(range(DAYS)))
    return tuple(by_day.get(day) or DayFigures(day=day) for day in days)
