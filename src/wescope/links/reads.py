"""Metered reads of QBO per calendar month (UTC), counted over all processes (facts/qbo.md 1, CorePlus)."""

from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from wescope.links.schema import qbo_reads


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredReads:
    """How many reads a month has had, and since when (with a zone) QBO refuses them, if it does."""

    reads: int = 0
    blocked_at: datetime | None = None


def _row(realm_id: str, month: date) -> sa.ColumnElement[bool]:
    return sa.and_(qbo_reads.c.realm_id == realm_id, qbo_reads.c.month == month)


async def add_reads(connection: AsyncConnection, realm_id: str, month: date, count: int) -> None:
    """Count some more reads; `month` is its first day in UTC."""
    new = insert(qbo_reads).values(realm_id=realm_id, month=month, reads=count)
    changes = {"reads": qbo_reads.c.reads + count}
    await connection.execute(new.on_conflict_do_update(constraint=qbo_reads.primary_key, set_=changes))


async def load_reads(connection: AsyncConnection, realm_id: str, month: date) -> StoredReads:
    """The month's count."""
    found = await connection.execute(sa.select(qbo_reads.c.reads, qbo_reads.c.blocked_at).where(_row(realm_id, month)))
    row = found.one_or_none()
    return StoredReads(reads=row.reads, blocked_at=row.blocked_at) if row else StoredReads()


async def block_reads(connection: AsyncConnection, realm_id: str, month: date) -> bool:
    """Say that the month's reads are used up; whether that is news. The first moment is kept."""
    now = sa.func.clock_timestamp()
    new = insert(qbo_reads).values(realm_id=realm_id, month=month, blocked_at=now)
    blocked = await connection.execute(
        new.on_conflict_do_update(
            constraint=qbo_reads.primary_key, set_={"blocked_at": now}, where=qbo_reads.c.blocked_at.is_(None)
        ).returning(qbo_reads.c.realm_id)
    )
    return blocked.one_or_none() is not None


async def unblock_reads(connection: AsyncConnection, realm_id: str, month: date) -> bool:
    """Say that QBO gives reads again; whether that is news."""
    statement = sa.update(qbo_reads).where(_row(realm_id, month), qbo_reads.c.blocked_at.is_not(None))
    ended = await connection.execute(statement.values(blocked_at=None).returning(qbo_reads.c.realm_id))
    return ended.one_or_none() is not None
