"""Counters: the sliding windows of requests and of batches of a realm, in PostgreSQL, for all processes."""

import asyncio
import random
import time
import zlib
from collections.abc import Awaitable

from psycopg_pool import ConnectionPool
from pyrate_limiter import PostgresBucket, Rate, RateItem

from wescope.errors import DatabaseUnavailable

_LEAK_EVERY_S = 10.0
_CONTENTION_WAIT_S = 0.004
_CLOCK = """
    SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint,
        EXISTS (SELECT FROM qbo_pauses WHERE realm_id = %s AND until > clock_timestamp())
"""
# A process that is paused while it counts holds the table, and with it everybody.
_OPTIONS = "-c timezone=UTC -c idle_in_transaction_session_timeout=5s"


class Counters:
    """What was let pass lately. pyrate-limiter's bucket blocks, so it runs in a thread, one call at a time."""

    def __init__(
        self, conninfo: str, realm_id: str, *, rates: list[Rate], single_rates: list[Rate], batch_rates: list[Rate]
    ) -> None:
        """Connect, and create the tables if they are missing. It blocks.

        Args:
            conninfo: libpq's connection string or URL.
            realm_id: whose requests are counted.
            rates: of all requests.
            single_rates: of all requests, as far as single ones may use them up; what is left is for batches.
            batch_rates: of batches, which count as requests, too.

        Raises:
            psycopg.OperationalError: the database does not answer.
        """
        self._realm_id = realm_id
        # The bucket stores times without zone: every session has to write them in the same one.
        self._pool = ConnectionPool(
            conninfo,
            min_size=1,
            max_size=1,
            num_workers=1,
            timeout=10,
            # A server that was restarted meanwhile is not the caller's concern.
            check=ConnectionPool.check_connection,
            kwargs={"options": _OPTIONS, "connect_timeout": 5, "application_name": "wescope limits"},
            open=True,
        )
        try:
            # A realm id comes from the configuration: its checksum is a safe name of a table, whatever it holds.
            table = f"qbo_{zlib.crc32(realm_id.encode()):08x}"
            self._requests = PostgresBucket(self._pool, table, rates)
            self._singles = PostgresBucket(self._pool, table, single_rates)
            self._batches = PostgresBucket(self._pool, f"{table}_batch", batch_rates)
        except BaseException:
            self._pool.close()
            raise
        self._turns = {kind: asyncio.Lock() for kind in (False, True)}
        self._leaked_at = 0.0

    async def acquire(self, *, batch: bool) -> float | None:
        """Wait for a request's permit; the moment at which it counts, on this process's monotonic clock (s).

        Null if the realm is paused.
        """
        # One task of a kind at a time asks: in the order in which they came.
        async with self._turns[batch]:
            while True:
                started = time.monotonic()
                wait_s = await asyncio.to_thread(self._try, self._requests if batch else self._singles)
                if wait_s is None:
                    return None
                if wait_s == 0:
                    return started
                await asyncio.sleep(wait_s * random.uniform(1, 1.2))  # noqa: S311 - only spreads the load

    async def try_batch(self) -> float | None:
        """Take a batch's permit, or take nothing and return how long to wait before asking again (s); zero if taken.

        Null if the realm is paused.
        """
        wait_s = await asyncio.to_thread(self._try, self._batches)
        # The next place is free at a known moment: who comes late to it wastes it.
        return wait_s and wait_s * random.uniform(1, 1.02)  # noqa: S311 - only spreads the load

    def close(self) -> None:
        """Close the connections."""
        self._pool.close()

    def _try(self, bucket: PostgresBucket) -> float | None:
        """Zero if admitted, else how long to wait before the next try (s), or null if the realm is paused."""
        now_ms, paused = self._clock()
        if paused:
            return None
        decision = bucket.put_decision(RateItem("request", now_ms, weight=1))
        if isinstance(decision, Awaitable):
            raise TypeError("the bucket is synchronous")
        if not decision.allowed:
            # Without a wait it was another process's turn at the table, and the window may have room.
            return max(_CONTENTION_WAIT_S, (decision.retry_after_ms or 0) / 1000)
        if time.monotonic() - self._leaked_at > _LEAK_EVERY_S:
            self._leaked_at = time.monotonic()
            self._requests.leak(now_ms)
            self._batches.leak(now_ms)
        return 0.0

    def _clock(self) -> tuple[int, bool]:
        """The database's clock (ms), and whether the realm is paused by it.

        The bucket's own clock falls back to this machine's when the database is gone: never here.
        """
        with self._pool.connection() as connection:
            row = connection.execute(_CLOCK, (self._realm_id,)).fetchone()
        if row is None:
            raise DatabaseUnavailable(reason="no clock")
        return int(row[0]), bool(row[1])
