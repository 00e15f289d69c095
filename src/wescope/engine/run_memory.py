"""What a process remembers of runs between two looks at them: how fast they go, and counts that take long to make.

A run may have posted a million documents, and to count them reads them all. So a page is given what was counted before,
and they are counted anew behind it; what is quickly counted is always new.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from wescope.engine.history import Pace, RunReport
from wescope.errors import WescopeError

QUICK_S = 0.03
"""What takes no longer is counted at every look."""

_REST = 20
"""A count that is made behind pages is not made again before so many times its own time has gone by."""

_MOST = 1000

Counting = Callable[[], Awaitable[Mapping[str, int]]]


@dataclass(slots=True)
class _Counted:
    posted: Mapping[str, int]
    at: float
    took_s: float
    counting: asyncio.Task[None] | None = None


@dataclass(slots=True)
class RunMemory:
    """Of one process. `clock` is in seconds."""

    clock: Callable[[], float] = time.monotonic
    _paces: dict[int, Pace] = field(default_factory=dict)
    _counted: dict[int, _Counted] = field(default_factory=dict)

    def paced(self, report: RunReport) -> RunReport:
        """A report with its rate and the time that is left, if this process has seen it before."""
        if report.is_over:
            self._paces.pop(report.run_id, None)
            return report
        if len(self._paces) >= _MOST:
            self._paces.clear()
        return self._paces.setdefault(report.run_id, Pace()).told(report)

    async def posted(
        self, run_id: int, count: Counting, *, known: Mapping[str, int] | None = None
    ) -> Mapping[str, int]:
        """How many documents a run has posted, by entity.

        Args:
            run_id: of the run.
            count: counts them.
            known: how many they were when the run ended, if it did: good enough until they are counted here.
        """
        held = self._counted.get(run_id)
        if held is None and known is not None:
            # Half a microsecond for each row is what a count takes: the first look need not wait for a large one.
            held = self._keep(run_id, _Counted(posted=known, at=0.0, took_s=sum(known.values()) / 2_000_000))
        if held is None or held.took_s <= QUICK_S:
            return (await self._count(run_id, count)).posted
        if held.counting is None and self.clock() - held.at >= _REST * held.took_s:
            held.counting = asyncio.create_task(self._behind(run_id, count))
        return held.posted

    async def _behind(self, run_id: int, count: Counting) -> None:
        try:
            await self._count(run_id, count)
        except WescopeError:
            # The next look counts: nobody waits for this one.
            self._counted.pop(run_id, None)

    async def _count(self, run_id: int, count: Counting) -> _Counted:
        began = self.clock()
        posted = await count()
        return self._keep(run_id, _Counted(posted=posted, at=self.clock(), took_s=self.clock() - began))

    def _keep(self, run_id: int, counted: _Counted) -> _Counted:
        if len(self._counted) >= _MOST:
            self._counted.clear()
        self._counted[run_id] = counted
        return counted
