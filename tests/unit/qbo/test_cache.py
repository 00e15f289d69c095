"""What was read once is shared, believed for a while, and read at once if everybody waits for it."""

from collections.abc import Awaitable, Callable

import pytest

from wescope.errors import QboNotSent
from wescope.qbo.cache import FRESH_S, Cached
from wescope.qbo.lanes import LANE, Lane


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def counted(lanes: list[Lane]) -> Callable[[], Awaitable[int]]:
    async def read() -> int:
        lanes.append(LANE.get())
        return len(lanes)

    return read


async def test_it_is_read_again_when_it_is_too_old_or_forgotten_and_not_fresh() -> None:
    clock, lanes = Clock(), list[Lane]()
    cached = Cached(counted(lanes), ttl_s=600, clock_s=clock)
    assert [await cached.get(), await cached.get()] == [1, 1]
    cached.forget()
    assert await cached.get() == 1
    clock.now_s = FRESH_S
    assert await cached.get() == 2
    clock.now_s += 600
    assert await cached.get() == 3


@pytest.mark.parametrize(("for_all", "lane"), [(True, Lane.LIVE), (False, Lane.BACKLOG)])
async def test_what_all_wait_for_is_read_in_the_live_lane(for_all: bool, lane: Lane) -> None:
    lanes = list[Lane]()
    cached = Cached(counted(lanes), ttl_s=600, clock_s=Clock(), for_all=for_all)
    token = LANE.set(Lane.BACKLOG)
    try:
        await cached.get()
        assert LANE.get() is Lane.BACKLOG
    finally:
        LANE.reset(token)
    assert lanes == [lane]


async def test_the_old_value_serves_while_qbo_is_away() -> None:
    clock, lanes = Clock(), list[Lane]()

    async def read() -> int:
        if lanes:
            raise QboNotSent
        return await counted(lanes)()

    cached = Cached(read, ttl_s=1, clock_s=clock)
    assert await cached.get() == 1
    clock.now_s = 5
    assert await cached.get() == 1
