"""Tallies: counts of big tables that the database keeps itself, so that nobody counts a million rows to show one.

Triggers append each statement's change (migration m0008), in its transaction: the sums are exact in every snapshot,
also after a rollback. Nobody updates a row, so writers never wait for each other; the worker folds the rows.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from wescope.links.console_tables import tallies

LOCK = 7_301_008
"""The advisory lock of whoever folds, counts anew or empties."""

FOLD_FROM = 500
"""With fewer rows folding saves nothing."""

_POSTED, _PARKED, _WRITES = "posted", "parked", "writes"
_KEY = [tallies.c[name] for name in ("name", "realm_id", "part", "currency", "ignored")]
_SUMS = [sa.cast(sa.func.sum(tallies.c[name]), sa.BigInteger).label(name) for name in ("count", "amount")]


@dataclass(frozen=True, slots=True, kw_only=True)
class ParkedTally:
    """What is parked for one reason in one currency; `amount` (minor units, without sign) is what is not posted."""

    code: str
    currency: str
    ignored: bool
    count: int
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Tallies:
    """All of them at one moment: documents that stand in QBO by entity, what is parked, and writes in the log."""

    posted_by_entity: Mapping[str, int] = field(default_factory=dict)
    parked: tuple[ParkedTally, ...] = ()
    writes: int = 0


async def read_tallies(connection: AsyncConnection, realm_id: str) -> Tallies:
    """The tallies of a realm; what is parked and the log have none."""
    mine = tallies.c.realm_id.in_([realm_id, ""])
    query = sa.select(*_KEY, *_SUMS).where(mine).group_by(*_KEY).order_by(*_KEY)
    rows = [row for row in (await connection.execute(query)).mappings() if row["count"]]
    parked = [row for row in rows if row["name"] == _PARKED]
    return Tallies(
        posted_by_entity={row["part"]: row["count"] for row in rows if row["name"] == _POSTED},
        parked=tuple(
            ParkedTally(
                code=row["part"],
                currency=row["currency"],
                ignored=row["ignored"],
                count=row["count"],
                amount=row["amount"],
            )
            for row in parked
        ),
        writes=sum(row["count"] for row in rows if row["name"] == _WRITES),
    )


async def fold(connection: AsyncConnection, *, at_least: int = FOLD_FROM) -> int:
    """Replace all rows by one for each sum, if there are `at_least` so many. Returns how many rows it took.

    What is written meanwhile is not seen, and stays; nobody who reads sees the sums change.
    """
    if not await connection.scalar(sa.select(sa.func.pg_try_advisory_xact_lock(LOCK))):
        return 0  # another process folds
    count = int((await connection.execute(sa.select(sa.func.count()).select_from(tallies))).scalar_one())
    if count < at_least:
        return 0
    taken = sa.delete(tallies).returning(*_KEY, tallies.c.count, tallies.c.amount).cte("taken")
    key = [taken.c[column.name] for column in _KEY]
    sums = [sa.cast(sa.func.sum(taken.c[name]), sa.BigInteger) for name in ("count", "amount")]
    left = sa.select(*key, *sums).group_by(*key).having(sa.or_(*(one != 0 for one in sums)))
    await connection.execute(sa.insert(tallies).from_select([*_KEY, tallies.c.count, tallies.c.amount], left))
    return count


async def recount(connection: AsyncConnection) -> int:
    """Count the tables themselves and append what the tallies lack. Returns how many sums were wrong.

    None ever is, unless somebody has written while triggers were switched off (a restored dump, say).
    """
    await connection.execute(sa.select(sa.func.pg_advisory_xact_lock(LOCK)))
    return int((await connection.execute(sa.select(sa.func.wescope_recount_tallies()))).scalar_one())
