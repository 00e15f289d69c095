"""Sessions of PostgreSQL that hold locks for their process: those of a process that gives no sign are ended.

A process that dies loses its connections, and its session locks with them. One that is paused (SIGSTOP, a suspended
machine), or whose machine is gone from the network, keeps them. So whoever holds a lock uses that very session every
`BEAT_EVERY_S`, and any worker ends sessions that hold locks and were silent for `SILENT_AFTER_S`.
"""

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

LOCK_SESSIONS = ("wescope locks", "wescope slots")
"""What such sessions call themselves (`application_name`)."""

BEAT_EVERY_S = 3.0
SILENT_AFTER_S = 12

_END_SILENT = sa.text(
    """
    SELECT count(pg_terminate_backend(activity.pid))
    FROM pg_stat_activity AS activity
    WHERE activity.datname = current_database() AND activity.usename = current_user
      AND activity.application_name = ANY(:names) AND activity.state = 'idle'
      AND activity.state_change < clock_timestamp() - make_interval(secs => :silent_s)
      AND EXISTS (
        SELECT FROM pg_locks WHERE pg_locks.pid = activity.pid AND pg_locks.locktype = 'advisory' AND pg_locks.granted
      )
    """
)


async def end_silent(connection: AsyncConnection, *, silent_s: float = SILENT_AFTER_S) -> int:
    """End the sessions that hold locks and were not used for `silent_s`. Returns how many."""
    ended = await connection.execute(_END_SILENT, {"names": list(LOCK_SESSIONS), "silent_s": silent_s})
    return int(ended.scalar_one())
