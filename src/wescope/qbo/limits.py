"""Limits over all processes: requests per second and minute, batches per minute, requests in flight, and pauses.

Intuit allows each realm 10 requests per second, 500 per minute, 40 batches per minute and 10 at a time, and wants
60 s of silence after a 429 (facts/qbo.md 1). PostgreSQL is what all processes share.
"""

import asyncio
import contextlib
import functools
import math
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from typing import Protocol, TypeVar

import psycopg
from pyrate_limiter import Rate

from wescope.errors import DatabaseUnavailable, QboThrottled
from wescope.qbo.counters import Counters
from wescope.qbo.slots import Slot, Slots

BURST_MARGIN = 1.2
"""How much wider the window of the per-second limit is than Intuit's, so that requests that arrive closer together
than they left stay under it. It costs nothing: 10 in 1.2 s are the 500 per minute that are allowed anyway."""

SLACK_S = 0.8
"""How much wider the windows of a minute are. It is all that the batch limit gives away: 60 / 60.8 of it is used."""

BATCH_PACE = 0.95
"""The least time between two batches, as a part of the time that each has. Evenly spread they fill up meanwhile; a
little faster than needed, so that a moment in which nothing was ready is made up for."""

PER_SECOND, PER_MINUTE, BATCHES_PER_MINUTE, IN_FLIGHT = 10, 500, 40, 10
"""Intuit's limits of a realm (facts/qbo.md 1)."""

_PACED_FROM = 10
_PERMIT_LIFE = 0.1  # of the second
_BATCH_PERMIT_LIFE = 0.6  # of the slack
_STALE_PERMITS = 5
"""A permit that is older when it can be used (the process was held up) is thrown away, for its place in time is gone;
but so many at most: a machine that is always slow still gets its work done."""

_AFTER_PAUSE_S = 0.001
_SETUP_LOCK = 7_310_077

_T = TypeVar("_T")


class Limits(Protocol):
    """What a client asks before each HTTP request, and tells when QBO says that it was too much."""

    def request(self, *, batch: bool = False) -> AbstractAsyncContextManager[None]:
        """Entered around one HTTP request; waits until it may be sent."""

    def names(self) -> AbstractAsyncContextManager[None]:
        """Entered around a request that writes names: QBO takes one name at a time (facts/qbo.md 2.4, 6000)."""

    async def pause(self, seconds: float) -> None:
        """Let nobody send anything to this realm for some seconds."""


class ReadBudget(Protocol):
    """What a client asks before each metered call: a read, or each query, in a batch or not (facts/qbo.md 1)."""

    async def check(self) -> None:
        """Let pass, or raise what the caller of the client is to get; nothing is sent then."""

    async def refused(self) -> bool:
        """Told that a metered call got a 429. True: the month's reads are used up, so the realm need not pause."""


class PostgresLimits:
    """The limits of one realm, kept in PostgreSQL. It prepares itself at first use; call `aclose` at the end.

    It opens one connection for the slots (it must be direct: a pooler in transaction mode loses session locks) and
    one for the counters.
    """

    def __init__(
        self,
        conninfo: str,
        realm_id: str,
        *,
        per_second: int = PER_SECOND,
        per_minute: int = PER_MINUTE,
        batches_per_minute: int = BATCHES_PER_MINUTE,
        in_flight: int = IN_FLIGHT,
        patience_s: float = 180,
        second_s: float = 1,
        minute_s: float = 60,
        slack_s: float = SLACK_S,
    ) -> None:
        """Take the limits; nothing is opened yet.

        Args:
            conninfo: libpq's connection string or URL of the database that all processes share.
            realm_id: Intuit's id of the company.
            per_second: requests in any second, as the server sees them.
            per_minute: requests in any minute.
            batches_per_minute: batch requests in any minute.
            in_flight: requests at the same time.
            patience_s: a pause that lasts longer is raised instead of waited for, in seconds.
            second_s: how long the server's second is; tests shorten it.
            minute_s: how long the server's minute is; tests shorten it.
            slack_s: how much longer than the server's minute this one is, in seconds.
        """
        self._conninfo, self._realm_id, self._patience_s = conninfo, realm_id, patience_s
        minute_ms, second_ms = round((minute_s + slack_s) * 1000), round(second_s * BURST_MARGIN * 1000)
        # What single requests leave free for batches, so that none that has its turn has to wait.
        reserve = math.ceil(batches_per_minute / minute_s * second_ms / 1000)
        self._rates = _binding(Rate(per_second, second_ms), Rate(per_minute, minute_ms))
        self._single_rates = _binding(
            Rate(max(1, per_second - reserve), second_ms), Rate(max(1, per_minute - batches_per_minute), minute_ms)
        )
        pace = Rate(1, round(minute_s / batches_per_minute * BATCH_PACE * 1000))
        self._batch_rates = [Rate(batches_per_minute, minute_ms)]
        self._batch_rates[:0] = [pace] if batches_per_minute >= _PACED_FROM else []
        self._permit_life_s, self._batch_permit_life_s = _PERMIT_LIFE * second_s, _BATCH_PERMIT_LIFE * slack_s
        self._slots = Slots(conninfo, realm_id, count=in_flight)
        self._counters: Counters | None = None
        self._preparing = asyncio.Lock()

    async def prepare(self) -> None:
        """Create what is missing in the database and connect.

        Raises:
            DatabaseUnavailable: it does not answer.
        """
        async with self._preparing:
            if self._counters:
                return
            with _database_errors():
                await self._create_pause_table()
                # A caller that is cancelled must not leave a pool without an owner behind.
                opening = asyncio.create_task(self._open_counters())
                await asyncio.shield(opening)

    @contextlib.asynccontextmanager
    async def request(self, *, batch: bool = False) -> AsyncIterator[None]:
        """Wait for a slot, for the end of a pause and for a permit; the slot is held until the block ends.

        Raises:
            QboThrottled: the realm is paused for longer than the patience.
            DatabaseUnavailable: the database does not answer; nothing may be sent.
        """
        await self.prepare()
        slot = await self._enter(batch=batch)
        try:
            yield
        finally:
            await self._slots.give_back(slot)

    @contextlib.asynccontextmanager
    async def names(self) -> AsyncIterator[None]:
        """Wait until no request of any process writes names; none does until the block ends.

        Raises:
            DatabaseUnavailable: the database does not answer.
        """
        await self.prepare()
        slot = await _guarded(lambda: self._slots.take("names"))
        try:
            yield
        finally:
            await self._slots.give_back(slot)

    async def pause(self, seconds: float) -> None:
        """Let no process send anything to this realm for `seconds` from now; a longer pause stays as it is.

        Raises:
            DatabaseUnavailable: the database does not answer.
        """
        await self.prepare()
        await _guarded(
            lambda: self._slots.execute(
                "INSERT INTO qbo_pauses (realm_id, until) VALUES (%s, clock_timestamp() + %s * interval '1 second') "
                "ON CONFLICT (realm_id) DO UPDATE SET until = greatest(qbo_pauses.until, excluded.until)",
                (self._realm_id, seconds),
            )
        )

    async def aclose(self) -> None:
        """Give back all slots and close the connections."""
        await self._slots.aclose()
        if self._counters:
            await asyncio.to_thread(self._counters.close)
            self._counters = None

    async def _enter(self, *, batch: bool) -> Slot:
        """A slot with permits that are fresh. While a batch waits for its turn it holds nothing."""
        stale = 0
        while True:
            slot = await _guarded(self._slots.take)
            try:
                wait_s = await self._permit(batch=batch, any_age=stale >= _STALE_PERMITS)
            except BaseException:
                await self._slots.give_back(slot)
                raise
            if wait_s is None:
                return slot
            await self._slots.give_back(slot)
            stale += wait_s == 0
            await asyncio.sleep(wait_s)

    async def _permit(self, *, batch: bool, any_age: bool) -> float | None:
        """Null if the request may go now, else how long to wait before asking again (s)."""
        counters = self._counters
        if counters is None:
            raise DatabaseUnavailable(reason="closed")
        usable_until = math.inf
        if batch:
            usable_until = time.monotonic() + self._batch_permit_life_s
            wait_s = await _guarded(counters.try_batch)
            if wait_s is None:
                return await self._wait_out_pause()
            if wait_s > 0:
                return wait_s
        for _ in range(_STALE_PERMITS + 1):
            # A pause may have begun while this request waited for its permit.
            taken_at = await _guarded(functools.partial(counters.acquire, batch=batch))
            if taken_at is None:
                return await self._wait_out_pause()
            if time.monotonic() <= taken_at + self._permit_life_s:
                break
        return None if any_age or time.monotonic() <= usable_until else 0

    async def _wait_out_pause(self) -> float:
        """Wait until nothing is paused; how long to wait before asking for permits again (s)."""
        while (seconds := await self._paused_for_s()) > 0:
            if seconds > self._patience_s:
                raise QboThrottled("The realm is paused.", retry_after_s=round(seconds))
            # Not all at once: the first second after a pause belongs to everybody.
            await asyncio.sleep(min(seconds, 1.0) + random.uniform(0, 0.05))  # noqa: S311 - only spreads the load
        return _AFTER_PAUSE_S

    async def _paused_for_s(self) -> float:
        row = await _guarded(
            lambda: self._slots.execute(
                "SELECT extract(epoch FROM until - clock_timestamp())::float8 FROM qbo_pauses WHERE realm_id = %s",
                (self._realm_id,),
            )
        )
        return float(row[0]) if row else 0.0

    async def _open_counters(self) -> None:
        self._counters = await asyncio.to_thread(
            functools.partial(
                Counters,
                self._conninfo,
                self._realm_id,
                rates=self._rates,
                single_rates=self._single_rates,
                batch_rates=self._batch_rates,
            )
        )

    async def _create_pause_table(self) -> None:
        async with await psycopg.AsyncConnection.connect(self._conninfo, connect_timeout=5) as connection:
            # IF NOT EXISTS alone races between processes that start together.
            await connection.execute("SELECT pg_advisory_xact_lock(%s)", (_SETUP_LOCK,))
            await connection.execute(
                "CREATE TABLE IF NOT EXISTS qbo_pauses (realm_id text PRIMARY KEY, until timestamptz NOT NULL)"
            )


def _binding(second: Rate, minute: Rate) -> list[Rate]:
    """The limits that can bind, as the bucket wants them: a minute that is wider than its seconds does not."""
    binds = minute.limit * second.interval < second.limit * minute.interval and minute.limit > second.limit
    return [second, minute] if binds else [second]


@contextlib.contextmanager
def _database_errors() -> Iterator[None]:
    try:
        yield
    except (psycopg.OperationalError, psycopg.InterfaceError, OSError) as error:
        raise DatabaseUnavailable(reason=type(error).__name__) from error


async def _guarded(call: Callable[[], Awaitable[_T]]) -> _T:
    with _database_errors():
        return await call()
