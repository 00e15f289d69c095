"""Stripe's limits are shared among the worker processes that live."""

import asyncio

import sqlalchemy as sa

from wescope.engine.shares import keep_share, live_workers
from wescope.links.database import open_engine, transaction


async def test_each_live_worker_has_a_part(database: str) -> None:
    engine = open_engine(database)
    try:
        async with transaction(engine) as connection:
            for age in ("1 second", "2 seconds", "3 seconds", "4 seconds", "1 minute"):
                row = sa.text(
                    "INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - cast(:age AS interval))"
                )
                await connection.execute(row, {"age": age})
        assert await live_workers(engine) == 2
        told = asyncio.get_running_loop().create_future()
        chore = asyncio.create_task(keep_share(engine, told.set_result))
        async with asyncio.timeout(5):
            assert await told == 2
        chore.cancel()
        await asyncio.gather(chore, return_exceptions=True)
    finally:
        await engine.dispose()
