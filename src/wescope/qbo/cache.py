"""Cache: what was read once from QBO and is believed for a while, because Intuit meters reads (facts/qbo.md 1)."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from wescope.errors import QboNotSent
from wescope.qbo.lanes import LANE, Lane

FRESH_S = 10.0
"""A parked backlog must not turn into a storm of reads: what is younger than this is not read again."""

T = TypeVar("T")


class Cached(Generic[T]):
    """One value that is read when it is first needed, when it is too old, and when something proved it old.

    Safe to use from many tasks: they share one read.
    """

    def __init__(
        self,
        read: Callable[[], Awaitable[T]],
        *,
        ttl_s: float,
        clock_s: Callable[[], float],
        for_all: bool = False,
    ) -> None:
        """Take how it is read; nothing is read yet.

        Args:
            read: gives the value as it is now.
            ttl_s: how long it is believed, in seconds.
            clock_s: a monotonic clock, in seconds.
            for_all: whatever is done waits for this value, so it is read in the live lane by whomever.
        """
        self._for_all = for_all
        self._read, self._ttl_s, self._clock_s = read, ttl_s, clock_s
        self._held: tuple[T] | None = None
        self._read_at_s = 0.0
        self._stale = False
        self._turn = asyncio.Lock()

    async def get(self) -> T:
        """The value, read anew if it is too old or was forgotten; the old one serves while QBO is away.

        Raises:
            QboError: QBO does not answer, and nothing was read before.
        """
        async with self._turn:
            if self._held is not None and self._is_good():
                return self._held[0]
            try:
                return await self._renew()
            except QboNotSent:
                if self._held is None:
                    raise
                return self._held[0]

    async def refresh(self) -> T:
        """The value, read now.

        Raises:
            QboError: QBO does not answer.
        """
        async with self._turn:
            return await self._renew()

    def forget(self) -> None:
        """Something proved that it may be out of date: it is read again before the next use."""
        self._stale = True

    def _is_good(self) -> bool:
        age_s = self._clock_s() - self._read_at_s
        return age_s < (FRESH_S if self._stale else self._ttl_s)

    async def _renew(self) -> T:
        lane = LANE.set(Lane.LIVE) if self._for_all else None
        try:
            value = await self._read()
        finally:
            if lane is not None:
                LANE.reset(lane)
        self._held, self._read_at_s, self._stale = (value,), self._clock_s(), False
        return value
