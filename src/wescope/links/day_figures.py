"""Figures of days: how many events came, how many documents were written, and how long webhooks waited for it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from wescope.links.console_tables import day_figures, posting_delays
from wescope.links.schema import attempts, hints

LOCK = 7_301_009
"""The advisory lock of whoever counts days."""

WRITES = ("create", "update", "void", "delete")
_SETTLED_AFTER = timedelta(minutes=5)
"""What happened in the last seconds of a day is stored by then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DayFigures:
    """One day. `events` of Stripe were received, `postings` were taken by QBO: created, changed, voided or deleted.

    `delays` is for how many documents it was measured how long after its webhook's receipt they stood in QBO, and the
    two others in how many milliseconds half of them did, and 95 of a hundred; null if none was measured.
    """

    day: date
    events: int = 0
    postings: int = 0
    delays: int = 0
    delay_p50_ms: int | None = None
    delay_p95_ms: int | None = None


async def record_delays(connection: AsyncConnection, realm_id: str, delays: Sequence[tuple[str, int]]) -> None:
    """Append pairs of an entity and the milliseconds from its webhook's receipt until it stood in QBO."""
    if delays:
        rows = [{"realm_id": realm_id, "entity": entity, "milliseconds": waited} for entity, waited in delays]
        await connection.execute(sa.insert(posting_delays), rows)


async def read_days(connection: AsyncConnection, realm_id: str, since: date) -> tuple[DayFigures, ...]:
    """The days from `since` on that were counted, the oldest first."""
    columns = [day_figures.c[name] for name in DayFigures.__dataclass_fields__]
    mine = (day_figures.c.realm_id == realm_id, day_figures.c.day >= since)
    rows = await connection.execute(sa.select(*columns).where(*mine).order_by(day_figures.c.day))
    return tuple(DayFigures(**row) for row in rows.mappings())


async def begin_counting(connection: AsyncConnection) -> bool:
    """Whether this transaction is the one that counts; another process is at it otherwise."""
    return bool(await connection.scalar(sa.select(sa.func.pg_try_advisory_xact_lock(LOCK))))


async def stale_days(connection: AsyncConnection, realm_id: str, days: Sequence[date], every: timedelta) -> list[date]:
    """Those of these days that are to be counted: never counted, or not final and not within `every`."""
    fresh = sa.or_(day_figures.c.final, day_figures.c.refreshed_at > sa.func.now() - every)
    mine = (day_figures.c.realm_id == realm_id, day_figures.c.day.in_(list(days)), fresh)
    known = set((await connection.execute(sa.select(day_figures.c.day).where(*mine))).scalars())
    return [day for day in days if day not in known]


async def count_day(connection: AsyncConnection, realm_id: str, day: date, begins: datetime, ends: datetime) -> None:
    """Count one day, which lasts from `begins` until before `ends`, and store its figures."""
    found = await _counted(connection, realm_id, begins, ends)
    values = {
        **found,
        "final": sa.func.now() > ends + _SETTLED_AFTER,
        "refreshed_at": sa.func.now(),
    }
    statement = insert(day_figures).values(realm_id=realm_id, day=day, **values)
    await connection.execute(statement.on_conflict_do_update(constraint=day_figures.primary_key, set_=values))


async def _counted(
    connection: AsyncConnection, realm_id: str, begins: datetime, ends: datetime
) -> Mapping[str, int | None]:
    came = sa.and_(hints.c.received_at >= begins, hints.c.received_at < ends, hints.c.event_id.is_not(None))
    written = (
        attempts.c.realm_id == realm_id,
        attempts.c.started_at >= begins,
        attempts.c.started_at < ends,
        attempts.c.outcome == "ok",
        attempts.c.operation.in_(WRITES),
        attempts.c.document_key.is_not(None),
        attempts.c.entity != "Customer",
    )
    waited = (
        posting_delays.c.realm_id == realm_id,
        posting_delays.c.posted_at >= begins,
        posting_delays.c.posted_at < ends,
    )
    count = sa.func.count()
    events = await connection.scalar(sa.select(count).select_from(hints).where(came))
    postings = await connection.scalar(sa.select(count).select_from(attempts).where(*written))
    delays = sa.select(
        count.label("delays"),
        *(
            sa.func.percentile_disc(part).within_group(posting_delays.c.milliseconds).label(name)
            for name, part in (("delay_p50_ms", 0.5), ("delay_p95_ms", 0.95))
        ),
    ).where(*waited)
    row = (await connection.execute(delays)).mappings().one()
    return {"events": events, "postings": postings, **row}


async def prune_delays(connection: AsyncConnection, *, older_than_days: int) -> None:
    """Forget single delays that are older; the figures of their days stay."""
    age = timedelta(days=older_than_days)
    await connection.execute(sa.delete(posting_delays).where(posting_delays.c.posted_at < sa.func.now() - age))
