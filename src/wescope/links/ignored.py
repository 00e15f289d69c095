"""Ignored: parked items that somebody has decided about, with the reason; and which subjects were looked at since.

An item that changes (another code or another amount) is no longer the one that was decided about: `store.park` then
forgets the decision.
"""

from collections.abc import Collection, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from wescope.books.subjects import Subject
from wescope.links.reports import ParkedItem
from wescope.links.schema import hints, parked, subjects

_PARKED_COLUMNS = [parked.c[name] for name in ParkedItem.__dataclass_fields__]
_MADE_BY_RUNS = ("waiting", "owner", "follow")
"""Sources of hints that one subject's run gives to others."""


async def ignore_parked(
    connection: AsyncConnection, keys: Collection[str], *, reason: str, at: datetime
) -> tuple[ParkedItem, ...]:
    """Mark the parked items with these keys as ignored; those that are not parked are left out of the answer."""
    statement = sa.update(parked).where(parked.c.document_key.in_(list(keys)))
    marked = statement.values(ignored_at=at, ignored_reason=reason).returning(*_PARKED_COLUMNS)
    return _items(await connection.execute(marked))


async def unignore_parked(connection: AsyncConnection, keys: Collection[str]) -> tuple[ParkedItem, ...]:
    """Take the mark away; the answer has the items with these keys that are parked, ignored before or not."""
    statement = sa.update(parked).where(parked.c.document_key.in_(list(keys)))
    unmarked = statement.values(ignored_at=None, ignored_reason=None).returning(*_PARKED_COLUMNS)
    return _items(await connection.execute(unmarked))


async def parked_with_keys(connection: AsyncConnection, keys: Collection[str]) -> tuple[ParkedItem, ...]:
    """What is parked under these document keys now."""
    query = sa.select(*_PARKED_COLUMNS).where(parked.c.document_key.in_(list(keys)))
    return _items(await connection.execute(query.order_by(parked.c.since, parked.c.document_key)))


async def now_of(connection: AsyncConnection) -> datetime:
    """The database's clock, by which runs are timed."""
    now: datetime = (await connection.execute(sa.select(sa.func.clock_timestamp()))).scalar_one()
    return now


async def not_looked_at(connection: AsyncConnection, found: Sequence[Subject], since: datetime) -> int:
    """How many of these subjects have not ended a run since that moment (the database's clock)."""
    pairs = sa.tuple_(subjects.c.kind, subjects.c.id)
    mine = pairs.in_([(subject.kind.value, subject.id) for subject in found])
    # A run that has begun and not ended leaves the subject dirty, without a time to try again.
    running = sa.and_(subjects.c.dirty > subjects.c.clean, subjects.c.retry_at.is_(None))
    waits = sa.or_(subjects.c.last_run_at.is_(None), subjects.c.last_run_at < since, running)
    count = await connection.execute(sa.select(sa.func.count()).select_from(subjects).where(mine, waits))
    return int(count.scalar_one())


async def woken_since(connection: AsyncConnection, since: datetime) -> int:
    """How many other subjects were hinted at by runs since that moment and still wait for theirs."""
    hinted = sa.exists().where(
        hints.c.kind == subjects.c.kind,
        hints.c.subject_id == subjects.c.id,
        hints.c.source.in_(_MADE_BY_RUNS),
        hints.c.received_at >= since,
    )
    waits = (subjects.c.dirty > subjects.c.clean, subjects.c.retry_at.is_(None), hinted)
    count = await connection.execute(sa.select(sa.func.count()).select_from(subjects).where(*waits))
    return int(count.scalar_one())


def _items(result: sa.CursorResult[tuple[object, ...]]) -> tuple[ParkedItem, ...]:
    return tuple(ParkedItem(**row) for row in result.mappings())
