"""A stop ends workers also when the first cancellation is lost."""

import asyncio

from wescope.engine.queue import _ended


async def test_a_worker_that_lost_its_cancellation_is_cancelled_again() -> None:
    entered = asyncio.Event()

    async def registering() -> None:
        try:
            entered.set()
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await asyncio.Event().wait()  # as if it had not been said

    workers = [asyncio.create_task(registering()), asyncio.create_task(asyncio.sleep(0))]
    await entered.wait()
    async with asyncio.timeout(30):
        await _ended(workers, 0.01)
    assert workers[0].cancelled()
