"""QBO's hints: what its webhooks said has changed, until a verification has looked at it. Ids and times only."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from wescope.links.schema import qbo_hints


@dataclass(frozen=True, slots=True, kw_only=True)
class QboHint:
    """A record that was changed. `other_id` is whom a merge has swallowed; `changed_at` is QBO's time, with zone."""

    entity: str
    qbo_id: str
    operation: str
    event_id: str
    changed_at: datetime | None = None
    other_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredHint:
    """A hint that nobody has looked at yet; `other_id` as in `QboHint`."""

    id: int
    entity: str
    qbo_id: str
    other_id: str | None = None


async def record(connection: AsyncConnection, realm_id: str, told: Sequence[QboHint]) -> int:
    """Store hints; one that was stored before (`event_id`) is not stored again. Returns how many are new."""
    if not told:
        return 0
    rows = [
        {"realm_id": realm_id, **{name: getattr(one, name) for name in QboHint.__dataclass_fields__}} for one in told
    ]
    statement = insert(qbo_hints).values(rows).on_conflict_do_nothing(index_elements=["event_id"])
    return len((await connection.execute(statement.returning(qbo_hints.c.id))).all())


async def unlooked(connection: AsyncConnection, realm_id: str, limit: int) -> list[StoredHint]:
    """Hints that nobody has looked at, the oldest first."""
    query = sa.select(qbo_hints.c.id, qbo_hints.c.entity, qbo_hints.c.qbo_id, qbo_hints.c.other_id)
    query = query.where(qbo_hints.c.realm_id == realm_id, qbo_hints.c.looked_at.is_(None))
    rows = await connection.execute(query.order_by(qbo_hints.c.id).limit(limit))
    return [StoredHint(id=row[0], entity=row[1], qbo_id=row[2], other_id=row[3]) for row in rows]


async def any_unlooked(connection: AsyncConnection) -> bool:
    """Whether there is a hint that nobody has looked at."""
    query = sa.select(sa.exists().where(qbo_hints.c.looked_at.is_(None)))
    return bool(await connection.scalar(query))


async def looked(connection: AsyncConnection, ids: Collection[int]) -> None:
    """These were looked at."""
    if ids:
        noted = sa.update(qbo_hints).where(qbo_hints.c.id.in_(list(ids)))
        await connection.execute(noted.values(looked_at=sa.func.now()))
