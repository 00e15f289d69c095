"""Stripe's request limits: an even pace for each end point and for all together, shared with the other processes."""

import asyncio
import heapq
import itertools
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

FIRST_PAUSE_S: Final = 0.5
LONGEST_PAUSE_S: Final = 8.0
PAUSES: Final = 6
"""So often a request that is answered 429 is sent again, each time after a longer pause: some 24 s in all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """Requests per second over all processes: to one end point, and in all."""

    endpoint: float
    total: float


LIVE: Final = Rates(endpoint=18, total=60)
TEST: Final = Rates(endpoint=18, total=18)
"""Facts/stripe.md 3: Stripe allows 25 per end point and 100 in all, in a sandbox 25 in all.

The rest is reserve: requests that are held up for a third of a second and arrive together stay below the limit.
"""


def endpoint_of(path: str) -> str:
    """The end point of a path: `/v1/invoices/in_1/lines` is one of `/v1/invoices/:id/lines`."""
    version, _, rest = path.strip("/").partition("/")
    names = [name if index % 2 == 0 else ":id" for index, name in enumerate(rest.split("/"))]
    return "/".join(["", version, *names])


@dataclass(slots=True)
class _Pace:
    """Lets requests through evenly, one after the other. Moments are those of the running loop's clock."""

    per_second: float
    ready_at_s: float = float("-inf")

    def take(self, now_s: float) -> None:
        # By the moment that was due, so that a timer that fires late does not slow it down; but nothing is made up for.
        interval_s = 1 / self.per_second
        self.ready_at_s = max(self.ready_at_s + interval_s, now_s + interval_s / 2)

    def pause(self, until_s: float) -> None:
        self.ready_at_s = max(self.ready_at_s, until_s)


@dataclass(slots=True)
class _Line:
    """The requests that wait for one end point: the urgent ones first, else in the order in which they came."""

    pace: _Pace
    waiting: list[tuple[bool, int, asyncio.Future[None]]] = field(default_factory=list)

    def head(self) -> tuple[bool, int] | None:
        while self.waiting and self.waiting[0][2].done():
            heapq.heappop(self.waiting)  # its task was cancelled
        return self.waiting[0][:2] if self.waiting else None


class RequestLimits:
    """Lets requests to Stripe through as fast as its limits allow, and stops at an end point that says 429.

    Args:
        rates: What is allowed over all processes.
        urgent: Whether the current task works on what has just happened, and not on a backlog.
    """

    def __init__(self, rates: Rates, *, urgent: Callable[[], bool] = lambda: True) -> None:
        self._rates = rates
        self._urgent = urgent
        self._processes = 1
        self._total = _Pace(rates.total)
        self._lines: dict[str, _Line] = {}
        self._tickets = itertools.count()
        self._timer: asyncio.TimerHandle | None = None
        self.limited: Counter[str] = Counter()
        """How often Stripe said that there were too many requests, by end point."""

    def share(self, processes: int) -> None:
        """Use one part of the limits: so many processes, at least 1, ask Stripe now."""
        self._processes = max(1, processes)
        self._total.per_second = self._rates.total / self._processes
        for line in self._lines.values():
            line.pace.per_second = self._rates.endpoint / self._processes

    async def acquire(self, endpoint: str) -> None:
        """Wait until a request to this end point may go."""
        line = self._line(endpoint)
        turn = asyncio.get_running_loop().create_future()
        heapq.heappush(line.waiting, (not self._urgent(), next(self._tickets), turn))
        self._pump()
        await turn

    def pause(self, endpoint: str, attempt: int, *, everywhere: bool = False) -> None:
        """Send nothing to this end point for a while, since Stripe has answered 429; longer from attempt to attempt.

        Args:
            endpoint: Which.
            attempt: How often the same request was answered so before.
            everywhere: Whether it was the limit of the whole account that spoke.
        """
        self.limited[endpoint] += 1
        # Spread out, so that many processes do not come back at once.
        pause_s = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2**attempt) * random.uniform(0.75, 1.25)  # noqa: S311 - no secret
        until_s = asyncio.get_running_loop().time() + pause_s
        pace = self._total if everywhere else self._line(endpoint).pace
        pace.pause(until_s)

    def _line(self, endpoint: str) -> _Line:
        if endpoint not in self._lines:
            self._lines[endpoint] = _Line(_Pace(self._rates.endpoint / self._processes))
        return self._lines[endpoint]

    def _pump(self) -> None:
        """Let through whoever may go now, and come back when the next one may."""
        loop = asyncio.get_running_loop()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while (line := self._next(loop.time())) is not None:
            heapq.heappop(line.waiting)[2].set_result(None)
            line.pace.take(loop.time())
            self._total.take(loop.time())
        waiting = [line.pace.ready_at_s for line in self._lines.values() if line.head() is not None]
        if waiting:
            self._timer = loop.call_at(max(self._total.ready_at_s, min(waiting)), self._pump)

    def _next(self, now_s: float) -> _Line | None:
        if self._total.ready_at_s > now_s:
            return None
        ready = [
            (head, line)
            for line in self._lines.values()
            if (head := line.head()) is not None and line.pace.ready_at_s <= now_s
        ]
        return min(ready, key=lambda pair: pair[0])[1] if ready else None
