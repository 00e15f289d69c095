"""Sign-offs of months: at most one of a month stands; those that were withdrawn remain."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from wescope.books.month import Month
from wescope.links.console_tables import month_signoffs

_MOST = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSignoff:
    """One row: who signed upon which tie-out, its difference, why, what was open, and the digest of the evidence.

    `reason` are an operator's words; null if the difference was 0.00 and nothing had been written since.
    """

    id: int
    month: date
    as_of: date
    run_id: int
    tieout_digest: str
    difference: str
    reason: str | None
    figures: Mapping[str, Any]
    evidence: str
    actor: str
    signed_at: datetime
    withdrawn_at: datetime | None
    withdrawn_by: str | None


_COLUMNS = [month_signoffs.c[name] for name in StoredSignoff.__dataclass_fields__]
_STANDS = month_signoffs.c.withdrawn_at.is_(None)


async def sign(connection: AsyncConnection, realm_id: str, **values: Any) -> StoredSignoff:
    """A new sign-off, of now; `values` are the fields of `StoredSignoff` that it begins with.

    Raises:
        sqlalchemy.exc.IntegrityError: one of this month stands.
    """
    new = sa.insert(month_signoffs).values(realm_id=realm_id, **values).returning(*_COLUMNS)
    return StoredSignoff(**(await connection.execute(new)).mappings().one())


async def withdraw(connection: AsyncConnection, realm_id: str, month: Month, actor: str) -> StoredSignoff | None:
    """Withdraw the sign-off of a month; null if none stands."""
    mine = (month_signoffs.c.realm_id == realm_id, month_signoffs.c.month == month.first, _STANDS)
    done = sa.update(month_signoffs).where(*mine).values(withdrawn_at=sa.func.now(), withdrawn_by=actor)
    row = (await connection.execute(done.returning(*_COLUMNS))).mappings().one_or_none()
    return StoredSignoff(**row) if row else None


async def signoffs_of(connection: AsyncConnection, realm_id: str, month: Month) -> tuple[StoredSignoff, ...]:
    """All sign-offs of a month, the newest first."""
    mine = (month_signoffs.c.realm_id == realm_id, month_signoffs.c.month == month.first)
    query = sa.select(*_COLUMNS).where(*mine).order_by(month_signoffs.c.id.desc()).limit(_MOST)
    return tuple(StoredSignoff(**row) for row in (await connection.execute(query)).mappings())


async def standing(connection: AsyncConnection, realm_id: str, months: Sequence[Month]) -> dict[Month, StoredSignoff]:
    """The sign-offs of these months that stand."""
    firsts = [month.first for month in months]
    mine = (month_signoffs.c.realm_id == realm_id, month_signoffs.c.month.in_(firsts), _STANDS)
    rows = (await connection.execute(sa.select(*_COLUMNS).where(*mine))).mappings()
    return {Month(row["month"]): StoredSignoff(**row) for row in rows}
