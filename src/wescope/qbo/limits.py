"""Limits over all processes: requests per second and minute, batches per minute, requests in flight, and pauses.

Intuit allows each realm 10 requests per second, 500 per minute, 40 batches per minute and 10 at a time, and wants
60 s of silence after a 429 (facts/qbo.md 1). PostgreSQL is what all processes share.
"""

import asyncio
import contextlib
import random
import time
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from typing import Protocol, TypeVar

import psycopg
from psycopg_pool import ConnectionPool
from pyrate_limiter import PostgresBucket, Rate, RateItem

from wescope.errors import DatabaseUnavailable, QboThrottled
from wescope.qbo.slots import Slots

BURST_WINDOW_MS = 1_200
"""The window of the per-second limit: 200 ms wider than Intuit's, so that requests that arrive closer together than
they left stay under it. It costs nothing: 10 in 1.2 s are the 500 per minute that are allowed anyway."""

MINUTE_WINDOW_MS = 61_000
PERMIT_LIFE_S = 0.1
"""A permit that is older when it can be used (the process was held up) is thrown away: its place in time is gone."""

_STALE_PERMITS = 5
"""So many permits are thrown away at most: a machine that is always slow still gets its work done."""

_LEAK_EVERY_S = 10.0
_CONTENTION_WAIT_S = 0.004
_SETUP_LOCK = 7_310_077

_T = TypeVar("_T")


class Limits(Protocol):
    """What a client asks before each HTTP request, and tells when QBO says that it was too much."""

    def request(self, *, batch: bool = False) -> AbstractAsyncContextManager[None]:
        """Entered around one HTTP request; waits until it may be sent."""

    async def pause(self, seconds: float) -> None:
        """Let nobody send anything to this realm for some seconds."""


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
        per_second: int = 10,
        per_minute: int = 500,
        batches_per_minute: int = 40,
        in_flight: int = 10,
        patience_s: float = 180,
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
        """
        self._conninfo, self._realm_id, self._patience_s = conninfo, realm_id, patience_s
        second, minute = Rate(per_second, BURST_WINDOW_MS), Rate(per_minute, MINUTE_WINDOW_MS)
        # The bucket wants only limits that can bind: a minute that is wider than its seconds does not.
        binds = per_minute * BURST_WINDOW_MS < per_second * MINUTE_WINDOW_MS
        self._rates = [second, minute] if binds else [second]
        self._batch_rates = [Rate(batches_per_minute, MINUTE_WINDOW_MS)]
        self._slots = Slots(conninfo, realm_id, count=in_flight)
        self._counters: _Counters | None = None
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
        slot = await _guarded(self._slots.take)
        try:
            await self._permit(batch=batch)
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

    async def _permit(self, *, batch: bool) -> None:
        counters = self._counters
        if counters is None:
            raise DatabaseUnavailable(reason="closed")
        if batch:
            await _guarded(counters.acquire_batch)
        stale = 0
        while True:
            await self._wait_out_pause()
            taken_at = await _guarded(counters.acquire)
            # A pause may have begun while this request waited for its permit.
            if await self._paused_for_s() > 0:
                continue
            if stale >= _STALE_PERMITS or time.monotonic() - taken_at <= PERMIT_LIFE_S:
                return
            stale += 1

    async def _wait_out_pause(self) -> None:
        while (seconds := await self._paused_for_s()) > 0:
            if seconds > self._patience_s:
                raise QboThrottled("The realm is paused.", retry_after_s=round(seconds))
            # Not all at once: the first second after a pause belongs to everybody.
            await asyncio.sleep(min(seconds, 1.0) + random.uniform(0, 0.05))  # noqa: S311 - only spreads the load

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
            _Counters, self._conninfo, self._realm_id, self._rates, self._batch_rates
        )

    async def _create_pause_table(self) -> None:
        async with await psycopg.AsyncConnection.connect(self._conninfo, connect_timeout=5) as connection:
            # IF NOT EXISTS alone races between processes that start together.
            await connection.execute("SELECT pg_advisory_xact_lock(%s)", (_SETUP_LOCK,))
            await connection.execute(
                "CREATE TABLE IF NOT EXISTS qbo_pauses (realm_id text PRIMARY KEY, until timestamptz NOT NULL)"
            )


class _Counters:
    """The sliding windows of a realm. pyrate-limiter's bucket blocks, so it runs in a thread, one call at a time."""

    def __init__(self, conninfo: str, realm_id: str, rates: list[Rate], batch_rates: list[Rate]) -> None:
        # The bucket stores times without zone: every session has to write them in the same one.
        self._pool = ConnectionPool(
            conninfo,
            min_size=1,
            max_size=1,
            num_workers=1,
            timeout=10,
            kwargs={"options": "-c timezone=UTC", "connect_timeout": 5, "application_name": "wescope limits"},
            open=True,
        )
        try:
            # A realm id comes from the configuration: its checksum is a safe name of a table, whatever it holds.
            table = f"qbo_{zlib.crc32(realm_id.encode()):08x}"
            self._requests = PostgresBucket(self._pool, table, rates)
            self._batches = PostgresBucket(self._pool, f"{table}_batch", batch_rates)
        except BaseException:
            self._pool.close()
            raise
        self._turns = {id(self._requests): asyncio.Lock(), id(self._batches): asyncio.Lock()}
        self._leaked_at = 0.0

    async def acquire(self) -> float:
        """Wait for a request's permit; the moment at which it counts, on this process's monotonic clock (s)."""
        return await self._wait(self._requests)

    async def acquire_batch(self) -> float:
        """As `acquire`, for a batch (which is a request, too)."""
        return await self._wait(self._batches)

    def close(self) -> None:
        """Close the connections."""
        self._pool.close()

    async def _wait(self, bucket: PostgresBucket) -> float:
        # One task at a time asks: in the order in which they came.
        async with self._turns[id(bucket)]:
            while True:
                started = time.monotonic()
                wait_s = await asyncio.to_thread(self._try, bucket)
                if wait_s is None:
                    return started
                await asyncio.sleep(wait_s)

    def _try(self, bucket: PostgresBucket) -> float | None:
        """Null if admitted, else how long to wait before the next try (s)."""
        item = RateItem("request", self._now_ms(), weight=1)
        decision = bucket.put_decision(item)
        if isinstance(decision, Awaitable):
            raise TypeError("the bucket is synchronous")
        if not decision.allowed:
            # Without a wait it was another process's turn at the table, and the window may have room.
            wait_s = _CONTENTION_WAIT_S if decision.retry_after_ms is None else decision.retry_after_ms / 1000
            return wait_s * random.uniform(1, 1.2)  # noqa: S311 - only spreads the load
        if time.monotonic() - self._leaked_at > _LEAK_EVERY_S:
            self._leaked_at = time.monotonic()
            self._requests.leak(item.timestamp)
            self._batches.leak(item.timestamp)
        return None

    def _now_ms(self) -> int:
        """The database's clock. The bucket's own falls back to this machine's when the database is gone: never here."""
        with self._pool.connection() as connection:
            row = connection.execute("SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint").fetchone()
        if row is None:
            raise DatabaseUnavailable(reason="no clock")
        return int(row[0])


@contextlib.contextmanager
def _database_errors() -> Iterator[None]:
    try:
        yield
    except (psycopg.OperationalError, psycopg.InterfaceError, OSError) as error:
        raise DatabaseUnavailable(reason=type(error).__name__) from error


async def _guarded(call: Callable[[], Awaitable[_T]]) -> _T:
    with _database_errors():
        return await call()
