"""Shares: Stripe's request limits are for all processes together, so each takes the part that is its own."""

import asyncio
import contextlib
import math
from collections.abc import Callable

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from wescope.engine.queue import WORKERS_PER_PROCESS
from wescope.errors import DatabaseUnavailable
from wescope.links.database import transaction

_EVERY_S = 5.0
_ALIVE_FOR_S = 12.0
"""As long as a worker's last sign of life may lie back before its jobs are given to others."""


async def keep_share(engine: AsyncEngine, share: Callable[[int], None]) -> None:
    """Tell `share` every few seconds how many worker processes live; for ever, until it is cancelled.

    Other processes ask Stripe only when a person wants something, and then less than a worker's reserve.
    """
    while True:
        with contextlib.suppress(DatabaseUnavailable):  # then nothing is known that would be better than what was
            share(await live_workers(engine))
        await asyncio.sleep(_EVERY_S)


async def live_workers(engine: AsyncEngine) -> int:
    """How many worker processes gave a sign of life of late.

    Raises:
        DatabaseUnavailable: the database does not answer.
    """
    workers = sa.table("procrastinate_workers", sa.column("last_heartbeat"))
    alive = workers.c.last_heartbeat > sa.func.now() - sa.func.make_interval(0, 0, 0, 0, 0, 0, _ALIVE_FOR_S)
    async with transaction(engine) as connection:
        result = await connection.execute(sa.select(sa.func.count()).select_from(workers).where(alive))
        return math.ceil(result.scalar_one() / WORKERS_PER_PROCESS)
