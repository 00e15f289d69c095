"""Figures: what the worker counts in the background, so that no page counts anything: days, and folded tallies."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from wescope.books.calendar import local_date
from wescope.errors import DatabaseUnavailable
from wescope.links.database import transaction
from wescope.links.day_figures import begin_counting, count_day, prune_delays, stale_days
from wescope.links.tallies import fold, recount

_log = structlog.get_logger(__name__)

DAYS = 30
"""So many days are kept counted, today among them."""

_LOOK_EVERY_S = 20.0
_TODAY_EVERY = timedelta(seconds=55)
_KEPT_DAYS = 90
_RECOUNT_EVERY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Counts days of the books' calendar, each once when it is over, and today once a minute over all processes."""

    engine: AsyncEngine
    realm_id: str
    timezone: ZoneInfo

    async def watch(self) -> None:
        """Count, fold, and look once a day whether the tallies are right, for ever, until it is canceled."""
        recounted_at: datetime | None = None
        while True:
            now = datetime.now(UTC)
            try:
                await self.refresh(now)
                if recounted_at is None or now - recounted_at > _RECOUNT_EVERY:
                    await self._recount()
                    recounted_at = now
            except DatabaseUnavailable as error:
                _log.warning("chore failed", operation="figures", code=error.code)
            except Exception:  # noqa: BLE001 - the worker goes on, and tries again
                _log.exception("chore failed", operation="figures", code="internal")
            await asyncio.sleep(_LOOK_EVERY_S)

    async def refresh(self, now: datetime) -> None:
        """Fold the tallies, and count the days that are to be counted, each in its own transaction.

        Raises:
            DatabaseUnavailable: the database does not answer.
        """
        async with transaction(self.engine) as connection:
            await fold(connection)
        today = local_date(now, self.timezone)
        days = [today - timedelta(days=age) for age in range(DAYS)]
        async with transaction(self.engine) as connection:
            stale = await stale_days(connection, self.realm_id, days, _TODAY_EVERY)
        for day in stale:
            async with transaction(self.engine) as connection:
                if not await begin_counting(connection):
                    return  # another process is at it
                await count_day(connection, self.realm_id, day, *self._bounds(day))

    async def _recount(self) -> None:
        async with transaction(self.engine) as connection:
            await prune_delays(connection, older_than_days=_KEPT_DAYS)
        async with transaction(self.engine) as connection:
            wrong = await recount(connection)
        if wrong:
            _log.warning("tallies were mended", count=wrong)

    def _bounds(self, day: date) -> tuple[datetime, datetime]:
        begins, ends = (
            datetime.combine(one, time(), self.timezone).astimezone(UTC) for one in (day, day + timedelta(days=1))
        )
        return begins, ends
