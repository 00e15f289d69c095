"""Locks over all processes: one holder per name, held by the life of one database connection.

PostgreSQL's session advisory locks, all on one connection of this process: they are freed the moment the process or
its connection dies; whoever gives no sign on it for a while (a paused process) has it ended by others
(`wescope.links.sessions`), and is told by `Lease.check` when it wakes up. The same session may take the same advisory
lock twice, so tasks of this process exclude each other in memory first.
"""

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import TypeAlias

import psycopg

from wescope.errors import DatabaseUnavailable, LocksLost
from wescope.links.sessions import BEAT_EVERY_S

_POLL_FIRST_S, _POLL_LAST_S = 0.02, 0.5

_Connection: TypeAlias = psycopg.AsyncConnection[tuple[object, ...]]


@dataclass(frozen=True, slots=True)
class Lease:
    """Proof that a lock is held; it ends when the connection that holds it ends."""

    name: str
    _is_alive: Callable[[], Awaitable[bool]]

    async def check(self) -> None:
        """Raise if the lock may have gone to somebody else. Asked before every write.

        It asks the server: a connection that the server has ended looks well from here until it is used.

        Raises:
            LocksLost: the connection is closed or broken.
        """
        if not await self._is_alive():
            raise LocksLost(lock=self.name)


class ClusterLocks:
    """Named locks over all processes that use one database."""

    def __init__(self, conninfo: str) -> None:
        """Take libpq's connection string; it must reach PostgreSQL directly (no transaction pooling)."""
        self._conninfo = conninfo
        self._connection: _Connection | None = None
        self._using = asyncio.Lock()
        self._held_here: set[str] = set()
        self._releasing: set[asyncio.Task[None]] = set()
        self._beating: asyncio.Task[None] | None = None

    @contextlib.asynccontextmanager
    async def hold(self, name: str, *, timeout_s: float = 30.0) -> AsyncIterator[Lease]:
        """Hold the lock `name` while the block runs; waits for it up to `timeout_s`.

        Raises:
            LocksLost: it was not free in time.
            DatabaseUnavailable: the database does not answer.
        """
        try:
            async with asyncio.timeout(timeout_s):
                connection = await self._acquire(name)
        except TimeoutError as error:
            raise LocksLost("It is held by another run.", lock=name) from error
        try:
            yield Lease(name, lambda: self._alive(connection))
        finally:
            await asyncio.shield(self._release(name, connection))

    async def aclose(self) -> None:
        """Free every lock by closing the connection."""
        if self._beating is not None:
            self._beating.cancel()
        await asyncio.gather(*self._releasing, return_exceptions=True)
        if self._connection is not None:
            await self._connection.close()
            self._connection = None

    async def _acquire(self, name: str) -> _Connection:
        wait_s = _POLL_FIRST_S
        while True:
            if name not in self._held_here:
                self._held_here.add(name)
                trying = asyncio.create_task(self._try(name))
                try:
                    connection = await asyncio.shield(trying)
                except asyncio.CancelledError:
                    # The server may grant the lock all the same, and then nobody would ever give it back.
                    trying.add_done_callback(lambda task: self._give_back(name, task))
                    raise
                except BaseException:
                    self._held_here.discard(name)
                    raise
                if connection is not None:
                    return connection
                self._held_here.discard(name)
            await asyncio.sleep(wait_s)
            wait_s = min(wait_s * 1.5, _POLL_LAST_S)

    def _give_back(self, name: str, tried: asyncio.Task[_Connection | None]) -> None:
        connection = None if tried.cancelled() or tried.exception() else tried.result()
        if connection is None:
            self._held_here.discard(name)
            return
        releasing = asyncio.create_task(self._release(name, connection))
        self._releasing.add(releasing)
        releasing.add_done_callback(self._releasing.discard)

    async def _alive(self, connection: _Connection) -> bool:
        try:
            async with self._using:
                await connection.execute("SELECT 1")
        except psycopg.Error:
            await connection.close()
            return False
        return True

    async def _try(self, name: str) -> _Connection | None:
        try:
            async with self._using:
                connection = await self._connect()
                cursor = await connection.execute("SELECT pg_try_advisory_lock(%s)", (_number(name),))
                row = await cursor.fetchone()
        except psycopg.OperationalError as error:
            raise DatabaseUnavailable(reason=type(error).__name__) from error
        return connection if row and row[0] else None

    async def _connect(self) -> _Connection:
        if self._connection is None or self._connection.closed or self._connection.broken:
            self._connection = await psycopg.AsyncConnection.connect(
                self._conninfo, autocommit=True, application_name="wescope locks", connect_timeout=5
            )
        if self._beating is None or self._beating.done():
            self._beating = asyncio.create_task(self._beat())
        return self._connection

    async def _beat(self) -> None:
        """Give a sign of life on the session for as long as it holds a lock; for ever, until it is canceled."""
        while True:
            await asyncio.sleep(BEAT_EVERY_S)
            if self._held_here and self._connection is not None and not self._connection.closed:
                await self._alive(self._connection)

    async def _release(self, name: str, connection: _Connection) -> None:
        try:
            async with self._using:
                if not connection.closed:
                    await connection.execute("SELECT pg_advisory_unlock(%s)", (_number(name),))
        except psycopg.Error:
            await connection.close()
        finally:
            self._held_here.discard(name)


def _number(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big", signed=True)
