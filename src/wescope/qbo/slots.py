"""Slots: how many requests are in flight over all processes, as session advisory locks of PostgreSQL.

A lock is freed by the server when its holder dies, so a killed process blocks nobody (measured: facts/engine.md).
"""

import asyncio
import contextlib
import random
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, LiteralString

import psycopg

_POLL_S = 0.02
_LOCK = "SELECT pg_try_advisory_lock(%s::int4, %s::int4)"
_UNLOCK = "SELECT pg_advisory_unlock(%s::int4, %s::int4)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """One held slot."""

    number: int


class Slots:
    """`count` numbered slots of a realm, shared by all processes that use the same database."""

    def __init__(self, conninfo: str, realm_id: str, *, count: int) -> None:
        """Take the database and the number of slots; nothing is opened yet."""
        self._conninfo = conninfo
        self._space = zlib.crc32(f"wescope in flight {realm_id}".encode()) - 2**31
        self._numbers = frozenset(range(count))
        self._free_here = set(self._numbers)
        self._here = asyncio.Semaphore(count)
        self._connection: psycopg.AsyncConnection[tuple[Any, ...]] | None = None
        self._turn = asyncio.Lock()

    async def take(self) -> Slot:
        """Wait for a free slot.

        Raises:
            psycopg.OperationalError: the database does not answer.
        """
        # PostgreSQL gives a session a lock that it already holds, so what this process holds is counted here.
        await self._here.acquire()
        try:
            # Another process gives no sign when it frees a slot.
            while (number := await self._try_to_the_end()) is None:  # noqa: ASYNC110
                await asyncio.sleep(_POLL_S * random.uniform(0.5, 1.5))  # noqa: S311 - only spreads the load
        except BaseException:
            self._here.release()
            raise
        return Slot(number=number)

    async def give_back(self, slot: Slot) -> None:
        """Free a slot. It never fails: if the connection broke, the server has freed it already."""
        # A caller that is cancelled still gives its slot back.
        await asyncio.shield(asyncio.ensure_future(self._release(slot.number)))

    async def execute(self, statement: LiteralString, parameters: Sequence[Any]) -> tuple[Any, ...] | None:
        """Run one statement on the same connection; the first row, if there are any.

        Raises:
            psycopg.OperationalError: the database does not answer.
        """
        async with self._turn:
            cursor = await self._run(statement, parameters)
            return await cursor.fetchone() if cursor.description else None

    async def aclose(self) -> None:
        """Close the connection; its locks are freed by the server."""
        async with self._turn:
            await self._drop()

    async def _try(self) -> int | None:
        async with self._turn:
            for number in random.sample(sorted(self._free_here), len(self._free_here)):
                cursor = await self._run(_LOCK, (self._space, number))
                row = await cursor.fetchone()
                if row and row[0]:
                    self._free_here.discard(number)
                    return number
        return None

    async def _try_to_the_end(self) -> int | None:
        """As `_try`; a caller that is cancelled meanwhile leaves no lock behind that nobody knows of."""
        trying = asyncio.ensure_future(self._try())
        try:
            return await asyncio.shield(trying)
        except asyncio.CancelledError:
            with contextlib.suppress(psycopg.Error, OSError):
                if (number := await trying) is not None:
                    await self._unlock(number)
            raise

    async def _release(self, number: int) -> None:
        try:
            await self._unlock(number)
        finally:
            self._here.release()

    async def _unlock(self, number: int) -> None:
        """Free a lock; if that fails the connection is gone, and the lock with it."""
        async with self._turn:
            try:
                if self._connection and not self._connection.broken:
                    await self._connection.execute(_UNLOCK, (self._space, number))
            except (psycopg.Error, OSError):
                await self._drop()
            finally:
                self._free_here.add(number)

    async def _drop(self) -> None:
        if self._connection:
            await self._connection.close()
            self._connection = None

    async def _run(self, statement: LiteralString, parameters: Sequence[Any]) -> psycopg.AsyncCursor[tuple[Any, ...]]:
        """Run on the connection, opening it anew once if it turns out to be broken."""
        if self._connection:
            try:
                return await self._connection.execute(statement, parameters)
            except psycopg.OperationalError:
                if not self._connection.broken:
                    raise
        self._connection = await self._connect()
        return await self._connection.execute(statement, parameters)

    async def _connect(self) -> psycopg.AsyncConnection[tuple[Any, ...]]:
        """A new connection that holds again what this process holds, as far as nobody else took it meanwhile."""
        await self._drop()
        connection = await psycopg.AsyncConnection.connect(
            self._conninfo, autocommit=True, connect_timeout=5, application_name="wescope slots"
        )
        for number in self._numbers - self._free_here:
            await connection.execute(_LOCK, (self._space, number))
        return connection
