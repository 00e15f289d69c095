"""Whether QBO is connected: the one row per realm that all processes look at, and the work that waits for it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from wescope.links.schema import qbo_connections, subjects, tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredLoss:
    """A connection that a person must mend: why, since when, and when it was last tried. Moments with a zone."""

    code: str
    since: datetime
    tried_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredConnection:
    """What the tables say of a realm's connection: its loss, and whether it ever had tokens and until when."""

    loss: StoredLoss | None
    has_tokens: bool
    refresh_expires_at: datetime | None


async def load_connection(connection: AsyncConnection, realm_id: str) -> StoredConnection:
    """The state of a realm's connection."""
    row = (
        await connection.execute(
            sa.select(tokens.c.refresh_token.is_not(None).label("has_tokens"), tokens.c.refresh_expires_at).where(
                tokens.c.realm_id == realm_id
            )
        )
    ).one_or_none()
    return StoredConnection(
        loss=await load_loss(connection, realm_id),
        has_tokens=bool(row and row.has_tokens),
        refresh_expires_at=row.refresh_expires_at if row else None,
    )


async def load_loss(connection: AsyncConnection, realm_id: str) -> StoredLoss | None:
    """Why the realm cannot be worked with, or null if nothing is known to be wrong."""
    table = qbo_connections
    found = (await connection.execute(sa.select(table).where(table.c.realm_id == realm_id))).one_or_none()
    if found is None or found.lost_at is None:
        return None
    return StoredLoss(code=found.code or "unknown", since=found.lost_at, tried_at=found.updated_at)


async def mark_lost(connection: AsyncConnection, realm_id: str, code: str, *, tried: bool) -> None:
    """Say that the realm cannot be worked with. The first moment is kept, and its code unless it was tried anew."""
    table, now = qbo_connections, sa.func.clock_timestamp()
    new = insert(table).values(realm_id=realm_id, lost_at=now, code=code, updated_at=now)
    is_lost = table.c.lost_at.is_not(None)
    changes = {
        "lost_at": sa.func.coalesce(table.c.lost_at, now),
        "code": code if tried else sa.case((is_lost, table.c.code), else_=code),
        "updated_at": now if tried else sa.case((is_lost, table.c.updated_at), else_=now),
    }
    await connection.execute(new.on_conflict_do_update(constraint=table.primary_key, set_=changes))


async def claim_try(connection: AsyncConnection, realm_id: str, *, every_s: float) -> bool:
    """Whether the caller may try a lost connection now: of all processes one, every so many seconds."""
    table, now = qbo_connections, sa.func.clock_timestamp()
    claimed = await connection.execute(
        sa.update(table)
        .where(
            table.c.realm_id == realm_id,
            table.c.lost_at.is_not(None),
            table.c.updated_at <= now - sa.func.make_interval(0, 0, 0, 0, 0, 0, every_s),
        )
        .values(updated_at=now)
        .returning(table.c.realm_id)
    )
    return claimed.one_or_none() is not None


async def end_loss(connection: AsyncConnection, realm_id: str, *, all_causes: bool = True) -> bool:
    """Say that the realm can be worked with again; whether it could not before.

    Without `all_causes` only what new tokens mend: the codes of OAuth are words, those of QBO's faults digits.
    """
    table = qbo_connections
    statement = sa.update(table).where(table.c.realm_id == realm_id, table.c.lost_at.is_not(None))
    if not all_causes:
        statement = statement.where(table.c.code.op("!~")("^[0-9]+$"))
    ended = await connection.execute(
        statement.values(lost_at=None, code=None, updated_at=sa.func.clock_timestamp()).returning(table.c.realm_id)
    )
    return ended.one_or_none() is not None


async def wake_waiting(connection: AsyncConnection, codes: Sequence[str]) -> int:
    """Have the subjects that failed with one of these codes taken up again now. Returns how many."""
    woken = await connection.execute(
        sa.update(subjects)
        .where(subjects.c.retry_at > sa.func.now(), sa.not_(subjects.c.queued), subjects.c.last_code.in_(codes))
        .values(retry_at=sa.func.now())
    )
    return woken.rowcount
