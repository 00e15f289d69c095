"""Growth: what an event costs in a database of a million links, beside one of ten thousand, from webhook to books.

Both databases have a service and stand-ins of their own, and are measured in turn. The cost is the CPU time of the web
role, the worker and PostgreSQL together: wall time tells as much of the stand-ins and of the machine.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import psycopg

from benchmarks.backlog import Options, Run, running
from benchmarks.console_data import FULL, Size, fill
from benchmarks.known_events import Delivery, Receiver, deliver
from benchmarks.suite import Figure, Part, say

SMALL: Final = Size(
    links=10_000, hints=2_000, attempts=2_000, parked=50, payouts=20, payout_rows=200, runs=40, drift=30, audit=200
)
"""A hundredth of `FULL`."""

SCALE: Final = 20.0
"""Of time: limits would measure themselves."""

TURNS: Final = 2
INVOICES: Final = 40
"""Of one turn, each finalized and paid: so many events reach the books, and all are then delivered once more."""

AGAIN: Final = 8
"""How many new events tell of each invoice that is as it was."""

IDLE_S: Final = 6.0
POLL_S: Final = 0.1
RATIO_WANTED: Final = 1.2
OURS: Final = ("web", "worker", "postgres")


@dataclass(slots=True, kw_only=True)
class Cost:
    """CPU seconds and wall seconds of so many events."""

    events: int = 0
    cpu_s: float = 0.0
    wall_s: float = 0.0

    @property
    def cpu_ms_per_event(self) -> float:
        """Of all our processes and PostgreSQL together."""
        return self.cpu_s / self.events * 1000

    @property
    def wall_ms_per_event(self) -> float:
        """From the first delivery until nothing waits."""
        return self.wall_s / self.events * 1000


@dataclass(slots=True, kw_only=True)
class Side:
    """One of the two databases, what serves it, and what was measured of it."""

    run: Run
    size: Size
    posting: Cost = field(default_factory=Cost)
    unchanged: Cost = field(default_factory=Cost)
    idle_cpu_share: float = 0.0

    async def prepare(self) -> None:
        """Fill the database, start the worker, and post the first documents: caches are warm, customers are known."""
        say(f"filling {self.size.links} links")
        await asyncio.to_thread(fill, self.run.server.url, self.run.qbo["realm_id"], self.size)
        options = self.run.options
        await self.run.shop.make_history(invoices=options.invoices, customers=options.customers)
        await self.run.deliver()
        await self.run.start_workers()
        await self._until_clean()

    async def idle(self) -> None:
        """Nothing to do."""
        usage = self.run.usage()
        await asyncio.sleep(IDLE_S)
        used_s = usage.seconds()
        self.idle_cpu_share = sum(used_s[name] for name in OURS) / IDLE_S

    async def turn(self, number: int) -> None:
        """New invoices go to the books; then events about them say nothing new."""
        first = (number + 1) * INVOICES
        invoices = await asyncio.gather(*(self.run.shop.buy(first + each) for each in range(INVOICES)))
        async with self._costing(self.posting):
            self.posting.events += await self.run.deliver()
            await self._until_clean()
        receiver = Receiver(url=self.run.web, secret=self.run.stripe["webhook_secret"])
        again = [Delivery(subject=one, number=each) for each in range(AGAIN) for one in invoices]
        async with self._costing(self.unchanged):
            self.unchanged.events += len(again)
            await deliver(receiver, again)
            await self._until_clean()

    @contextlib.asynccontextmanager
    async def _costing(self, cost: Cost) -> AsyncIterator[None]:
        usage, began = self.run.usage(), time.perf_counter()
        yield
        used_s = usage.seconds()
        cost.wall_s += time.perf_counter() - began
        cost.cpu_s += sum(used_s[name] for name in OURS)

    async def _until_clean(self) -> None:
        """Wait until no subject waits; asked of an index that holds only what waits."""
        async with await psycopg.AsyncConnection.connect(self.run.server.conninfo, autocommit=True) as connection:
            while True:
                found = await connection.execute("SELECT EXISTS (SELECT FROM subjects WHERE dirty > clean)")
                if await found.fetchone() == (False,):
                    return
                await asyncio.sleep(POLL_S)

    async def sizes_mb(self) -> dict[str, float]:
        """Links, their indexes, and everything; the system's own catalogs are in it."""
        query = (
            "SELECT pg_table_size('links') / 1e6, pg_indexes_size('links') / 1e6,"
            " pg_database_size(current_database()) / 1e6"
        )
        row = (await self.run.rows(query))[0]
        return dict(zip(("table of links", "indexes of links", "whole database"), map(float, row), strict=True))


async def measure(_folder: Path) -> Sequence[Figure]:
    """Both databases in turn."""
    options = Options(invoices=INVOICES, customers=20, workers=1, latency_ms=0, scale=SCALE, profile=None)
    async with running(options) as large, running(options) as small:
        sides = [Side(run=large, size=FULL), Side(run=small, size=SMALL)]
        await asyncio.gather(*(side.prepare() for side in sides))
        for number in range(TURNS):
            say(f"turn {number + 1} of {TURNS}")
            for side in sides if number % 2 else reversed(sides):
                await side.turn(number)
        await asyncio.gather(*(side.idle() for side in sides))
        sizes_mb = await sides[0].sizes_mb()
    return figures_of(*sides) + tuple(
        Figure(name=f"{name} at a million", value=value, unit="MB") for name, value in sizes_mb.items()
    )


def figures_of(large: Side, small: Side) -> tuple[Figure, ...]:
    """Costs at a million links, beside those at ten thousand."""
    posting = Figure(
        name="to the books: CPU of all",
        value=large.posting.cpu_ms_per_event,
        unit="ms/event",
        beside=small.posting.cpu_ms_per_event,
        at_most=RATIO_WANTED,
        goal_of_ratio=True,
    )
    unchanged = replace(
        posting,
        name="nothing new: CPU of all",
        value=large.unchanged.cpu_ms_per_event,
        beside=small.unchanged.cpu_ms_per_event,
    )
    return (
        posting,
        Figure(
            name="to the books: wall",
            value=large.posting.wall_ms_per_event,
            unit="ms/event",
            beside=small.posting.wall_ms_per_event,
        ),
        unchanged,
        Figure(
            name="nothing new: wall",
            value=large.unchanged.wall_ms_per_event,
            unit="ms/event",
            beside=small.unchanged.wall_ms_per_event,
        ),
        Figure(
            name="nothing to do: CPU of all",
            value=large.idle_cpu_share * 100,
            unit="% of a core",
            beside=small.idle_cpu_share * 100,
        ),
    )


PART = Part(name="growth", title="Growth: an event at 1,000,000 links, beside 10,000", measure=measure)
