"""Jobs: how the queue names and ranks them, and how they are put into it in one statement, with their hints or alone.

The statements call procrastinate's own function of its schema, as its library does.
"""

import json
from collections.abc import Sequence
from typing import Final

import sqlalchemy as sa
from psycopg_pool import AsyncConnectionPool
from sqlalchemy.ext.asyncio import AsyncConnection

from wescope.books.subjects import SubjectKind
from wescope.links.subjects import LIVE, Hint, Waiting, as_json, were_stored

TASK: Final = "reconcile"
QUEUE, BACKLOG_QUEUE = "live", "backlog"

_POINTING: Final = (SubjectKind.CHARGE, SubjectKind.PAYMENT_INTENT, SubjectKind.INVOICE_PAYMENT)
"""What mostly only points at invoices goes last: the invoice's run has then read it, and it has nothing to do."""

_LIVE_PRIORITY: Final = 10
"""Above all of the backlog: procrastinate takes the highest priority first."""

# Nothing in these statements comes from outside: names and numbers of this module.
_PUT: Final = f"""
    SELECT procrastinate_defer_jobs_v1(array_agg(ROW(
        CASE lane WHEN '{LIVE}' THEN '{QUEUE}' ELSE '{BACKLOG_QUEUE}' END,
        '{TASK}',
        CASE lane WHEN '{LIVE}' THEN {_LIVE_PRIORITY} ELSE 0 END
            - CASE WHEN kind IN ({", ".join(f"'{kind.value}'" for kind in _POINTING)}) THEN 1 ELSE 0 END,
        coalesce(nullif(customer_id, ''), subject_id),
        NULL,
        jsonb_build_object('kind', kind, 'subject_id', subject_id),
        NULL
    )::procrastinate_job_to_defer_v1 ORDER BY place))
    FROM ROWS FROM (json_to_recordset({{jobs}}) AS (kind text, subject_id text, customer_id text, lane text))
        WITH ORDINALITY AS job (kind, subject_id, customer_id, lane, place)
"""  # noqa: S608
_PUT_ALONE: Final = sa.text(_PUT.format(jobs="CAST(:jobs AS json)"))
_PUT_WITH_HINTS: Final = f"""
    SELECT stored, ({_PUT.format(jobs="recorded.jobs")})
    FROM wescope_record_hints(%(hints)s::json) AS recorded
"""  # noqa: S608


async def put(connection: AsyncConnection, jobs: Sequence[Waiting]) -> None:
    """Put jobs into the queue, on the caller's transaction."""
    told = [
        {"kind": one.subject.kind.value, "subject_id": one.subject.id, "customer_id": one.lock, "lane": one.lane}
        for one in jobs
    ]
    await connection.execute(_PUT_ALONE, {"jobs": json.dumps(told)})


async def put_with_hints(pool: AsyncConnectionPool, hints: Sequence[Hint]) -> Sequence[bool]:
    """Store hints with the jobs that they need: one statement, and then a commit.

    As `record_all`, for a fifth of its cost: SQLAlchemy's session and its check of the connection cost more than the
    work itself. A connection that is broken fails. The commit is sent apart, so that a database that hangs while it has
    the statement does not store what was refused meanwhile.

    Returns:
        For each hint, in the order in which they are given, whether it was stored.
    """
    async with pool.connection() as connection:
        cursor = await connection.execute(_PUT_WITH_HINTS, {"hints": as_json(hints)})
        row = await cursor.fetchone()
    return were_stored(hints, row[0] if row else None)
