"""Group commit: hints that come at the same time share a transaction, and each is answered after its commit.

A group is only a faster way. Whatever becomes of one, its hints have a way of their own: who is in a group that fails,
or that does not end soon (another transaction holds one of its subjects), stores its hint alone, on a connection of
another pool. That an event is stored once is the table's work, so a hint may go both ways.
"""

import asyncio
import collections
import itertools
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from wescope.errors import DatabaseUnavailable
from wescope.links.subjects import Hint

AT_ONCE: Final = 2
"""Groups that are being stored. Usually it is one: what comes meanwhile then goes in one group, not in several."""
LATE_S: Final = 0.05
"""A group that takes longer does not keep the next one waiting."""
MOST: Final = 100
"""Hints in a group."""
SOON_S: Final = 1.0
"""A group that takes longer is given up."""
_CLOSE_S: Final = 5.0

StoreGroup = Callable[[Sequence[Hint]], Awaitable[Sequence[bool]]]
"""Stores hints in one transaction. For each: whether it is new."""
Store = Callable[[Hint], Awaitable[bool]]
"""Stores a hint by itself: whether it is new."""


@dataclass(frozen=True, slots=True)
class _Place:
    hint: Hint
    is_new: asyncio.Future[bool]


class GroupCommit:
    """Stores hints in groups that make themselves: what comes while others are being stored is the next one."""

    def __init__(self, store_group: StoreGroup, store: Store) -> None:
        """Take what stores; either may be called several times at once."""
        self._store_group, self._store = store_group, store
        self._waiting: collections.deque[_Place] = collections.deque()
        self._running: dict[asyncio.Task[None], Sequence[_Place]] = {}
        self._in_time: asyncio.Task[None] | None = None

    async def store(self, hint: Hint) -> bool:
        """Store a hint durably. False: its event was stored before.

        Raises:
            Exception: as the store's, for this hint alone.
        """
        place = _Place(hint, asyncio.get_running_loop().create_future())
        place.is_new.add_done_callback(self._left)
        self._waiting.append(place)
        self._begin()
        try:
            return await place.is_new
        except _NotTogether:
            return await self._store(hint)

    async def aclose(self) -> None:
        """End what is still being stored: who waits for it, if anybody still does, is told that it was not."""
        running, groups = set(self._running), [self._waiting, *self._running.values()]
        for place in itertools.chain.from_iterable(groups):
            if not place.is_new.done():
                place.is_new.set_exception(DatabaseUnavailable(reason="closing"))
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running, timeout=_CLOSE_S)

    def _begin(self) -> None:
        if self._in_time or len(self._running) >= AT_ONCE or not (group := self._next()):
            return
        task = self._in_time = asyncio.create_task(self._together(group), name="group commit")
        self._running[task] = group
        task.add_done_callback(self._ended)
        asyncio.get_running_loop().call_later(LATE_S, self._late, task)

    def _late(self, task: asyncio.Task[None]) -> None:
        """Let the next group begin: this one is being stored no longer in time, or has ended."""
        if self._in_time is task:
            self._in_time = None
            self._begin()

    def _next(self) -> Sequence[_Place]:
        group: list[_Place] = []
        while self._waiting and len(group) < MOST:
            place = self._waiting.popleft()
            if not place.is_new.done():  # who waited for it is gone
                group.append(place)
        return group

    async def _together(self, group: Sequence[_Place]) -> None:
        try:
            async with asyncio.timeout(SOON_S):
                stored = await self._store_group([place.hint for place in group])
        except Exception:  # noqa: BLE001 - whatever it is, each is told of its own
            for place in group:
                if not place.is_new.done():
                    place.is_new.set_exception(_NotTogether())
            return
        for place, is_new in zip(group, stored, strict=True):
            if not place.is_new.done():
                place.is_new.set_result(is_new)

    def _left(self, answer: asyncio.Future[bool]) -> None:
        """End a group when nobody waits for it any more: what is refused shall not be stored later."""
        for task, group in self._running.items():
            if answer.cancelled() and all(place.is_new.cancelled() for place in group):
                task.cancel()

    def _ended(self, task: asyncio.Task[None]) -> None:
        del self._running[task]
        self._late(task)
        self._begin()


class _NotTogether(Exception):
    """This group was not stored, or not in time; each of its hints goes alone."""
