"""Mirror reading: which rows of a table are new or other since an earlier reading, whatever became of transactions.

A row's version names the transaction that made it (`xmin`). What a reading saw is remembered as the oldest transaction
that was under way then: whatever that reading could not see was made by this one or a younger one, however late it was
committed. So nothing that is committed is ever left out, and what is read twice is the same. It needs no column, index
or trigger; a table is gone through once. `xmin` has 32 bits: the 64 of a snapshot say which of the rounds is meant, and
a row that is older than a round is read once more, which does no harm.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from wescope.links.mirror_tables import MirrorTable

_BATCH = 1000
_PATIENCE = "10min"
"""How long the warehouse may take for a piece, before the server ends the reading."""

_ROUND = 2**32


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What a reading sees: `oldest` is the oldest transaction under way, `following` the next one to begin.

    `database` tells this database from a copy of it, whose transactions have other numbers.
    """

    oldest: int
    following: int
    at: datetime
    database: str


async def open_snapshot(connection: AsyncConnection) -> Snapshot:
    """Fix what all further statements of the transaction see, which must be its first one and then only reads."""
    await connection.execute(sa.text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
    for name in ("idle_in_transaction_session_timeout", "statement_timeout"):
        await connection.execute(sa.select(sa.func.set_config(name, _PATIENCE, True)))
    row = (await connection.execute(sa.text(_SNAPSHOT))).one()
    # A provider may keep the cluster's number from us; then the numbers of transactions alone tell a copy.
    cluster = await connection.scalar(sa.text(_CLUSTER)) if row.may_ask else "cluster"
    return Snapshot(oldest=row.oldest, following=row.following, at=row.at, database=f"{cluster}/{row.database}")


_SNAPSHOT = """
SELECT CAST(CAST(pg_snapshot_xmin(seen) AS text) AS bigint) AS oldest,
       CAST(CAST(pg_snapshot_xmax(seen) AS text) AS bigint) AS following,
       now() AS at,
       (SELECT oid FROM pg_database WHERE datname = current_database()) AS database,
       has_function_privilege('pg_control_system()', 'EXECUTE') AS may_ask
FROM (SELECT pg_current_snapshot() AS seen) AS one
"""
_CLUSTER = "SELECT system_identifier FROM pg_control_system()"


async def count_rows(
    connection: AsyncConnection, table: MirrorTable, snapshot: Snapshot, *, since: int | None = None
) -> int:
    """How many rows there are, or have come since transaction `since`; each parent without rows counts as one."""
    query = sa.select(sa.func.count()).select_from(table.rows).where(*_conditions(table, snapshot, since))
    return int((await connection.execute(query)).scalar_one())


async def changed_rows(
    connection: AsyncConnection, table: MirrorTable, snapshot: Snapshot, *, since: int | None = None
) -> AsyncIterator[Sequence[tuple[str, datetime | None]]]:
    """All rows, or those that have come since transaction `since`, by thousands: each as a line of JSON.

    Of a table whose rows belong to parents these are all rows of the parents that have changed; a parent without rows
    is one whose further key is null. Beside each line stands the moment by which a log is partitioned.
    """
    rows = selected(table).where(*_conditions(table, snapshot, since)).subquery("mirrored")
    # PostgreSQL writes JSON ten times as fast as we do.
    line = sa.cast(sa.func.row_to_json(sa.literal_column("mirrored")), sa.Text)
    moment = rows.c[table.partition] if table.pruned and table.partition else sa.null()
    query = sa.select(line, moment).select_from(rows)
    result = await connection.stream(query.execution_options(yield_per=_BATCH))
    async for batch in result.partitions():
        yield [(row[0], row[1]) for row in batch]


def selected(table: MirrorTable) -> sa.Select[Any]:
    """All rows of a table as the mirror has them, and parents without rows."""
    return sa.select(*(_value(column.expression).label(column.name) for column in table.columns)).select_from(
        table.rows
    )


def _value(expression: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """A list is never null there."""
    if isinstance(expression.type, ARRAY):
        return sa.func.coalesce(expression, sa.cast([], ARRAY(sa.Text)))
    return expression


def _conditions(table: MirrorTable, snapshot: Snapshot, since: int | None) -> list[sa.ColumnElement[bool]]:
    conditions = [] if table.where is None else [table.where]
    if since is not None:
        made_by: sa.ColumnElement[int] = sa.cast(
            sa.cast(sa.literal_column(f"{table.versioned.name}.xmin"), sa.Text), sa.BigInteger
        )
        following = sa.literal(snapshot.following, sa.BigInteger)
        age = (following - made_by).op("&")(sa.literal(_ROUND - 1, sa.BigInteger))
        conditions.append(age <= snapshot.following - since)
    return conditions
