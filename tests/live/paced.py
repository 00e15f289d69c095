"""The wire to QBO: paced below Intuit's limits, with a limit on the calls of a run, and a list of what was asked."""

import asyncio
from dataclasses import dataclass, field

import httpx2

PACE_S = 0.15
"""Between two requests: 400 a minute, of 500 that Intuit allows a company (facts/qbo.md 1)."""

BATCH_PACE_S = 2.0
"""Between two batches: 30 a minute, of 40."""


class TooManyCalls(Exception):
    """The run has made as many calls as it may."""


@dataclass(slots=True, kw_only=True)
class Budget:
    """How many calls may be made; `reserve` is for cleaning up."""

    most: int
    reserve: int
    made: int = 0
    cleaning: bool = False

    def take(self) -> None:
        """Count a call.

        Raises:
            TooManyCalls: there is none left.
        """
        if self.made >= self.most - (0 if self.cleaning else self.reserve):
            raise TooManyCalls
        self.made += 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request: method, the path below the company, and its query."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...]


@dataclass(slots=True, kw_only=True)
class PacedTransport(httpx2.AsyncBaseTransport):
    """A transport that waits its turn, counts, and remembers what was asked (not what was said)."""

    inner: httpx2.AsyncBaseTransport
    budget: Budget
    pace_s: float
    batch_pace_s: float
    asked: list[Asked] = field(default_factory=list)
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    _batch_turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    _ready_at: float = 0.0
    _batch_ready_at: float = 0.0

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request in its turn.

        Raises:
            TooManyCalls: the run may make no more.
        """
        self.budget.take()
        _, _, path = request.url.path.removeprefix("/v3/company/").partition("/")
        query = tuple(sorted(request.url.params.multi_items()))
        self.asked.append(Asked(method=request.method, path=path, query=query))
        loop = asyncio.get_running_loop()
        if path == "batch":
            async with self._batch_turn:
                await asyncio.sleep(max(0.0, self._batch_ready_at - loop.time()))
                self._batch_ready_at = loop.time() + self.batch_pace_s
        async with self._turn:
            await asyncio.sleep(max(0.0, self._ready_at - loop.time()))
            self._ready_at = loop.time() + self.pace_s
        return await self.inner.handle_async_request(request)

    async def aclose(self) -> None:
        """Close the connections."""
        await self.inner.aclose()
