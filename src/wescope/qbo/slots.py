"""Slots: what only so many requests of all processes may have at once, as session advisory locks of PostgreSQL.

Being in flight is such a thing, and writing names (of customers, say) is another, of which there is one.

A lock is freed by the server when its holder dies, so a killed process blocks nobody (measured: facts/engine.md). A
paused one gives no sign on its session, which is then ended by others (`wescope.links.sessions`).
"""

import asyncio
import contextlib
import random
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, LiteralString

import psycopg

_POLL_S = 0.02
_BEAT_EVERY_S = 3.0
_LOCK = "SELECT pg_try_advisory_lock(%s::int4, %s::int4)"
_UNLOCK = "SELECT pg_advisory_unlock(%s::int4, %s::int4)"

SlotKind = Literal["in_flight", "names"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """One held slot."""

    kind: SlotKind
    number: int


def lock_space(realm_id: str) -> int:
    """The first key of the advisory locks that are a realm's slots; the second is the slot's number."""
    return zlib.crc32(f"wescope in flight {realm_id}".encode()) - 2**31


class _Kind:
    """The slots of one kind that this process does not hold, and how many of its tasks may still try for one."""

    def __init__(self, numbers: range) -> None:
        self.free = set(numbers)
        self.here = asyncio.Semaphore(len(numbers))


class Slots:
    """Numbered slots of a realm, shared by all processes that use one database: `count` in flight, one of names."""

    def __init__(self, conninfo: str, realm_id: str, *, count: int) -> None:
        """Take the database and the number of slots; nothing is opened yet."""
        self._conninfo = conninfo
        self._space = lock_space(realm_id)
        self._kinds: dict[SlotKind, _Kind] = {"in_flight": _Kind(range(count)), "names": _Kind(range(count, count + 1))}
        self._held: set[int] = set()
        self._connection: psycopg.AsyncConnection[tuple[Any, ...]] | None = None
        self._turn = asyncio.Lock()
        self._beating: asyncio.Task[None] | None = None

    async def take(self, kind: SlotKind = "in_flight") -> Slot:
        """Wait for a free slot of a kind.

        Raises:
            psycopg.OperationalError: the database does not answer.
        """
        # PostgreSQL gives a session a lock that it already holds, so what this process holds is counted here.
        mine = self._kinds[kind]
        await mine.here.acquire()
        try:
            # Another process gives no sign when it frees a slot.
            while (number := await self._try_to_the_end(mine)) is None:  # noqa: ASYNC110
                await asyncio.sleep(_POLL_S * random.uniform(0.5, 1.5))  # noqa: S311 - only spreads the load
        except BaseException:
            mine.here.release()
            raise
        return Slot(kind=kind, number=number)

    async def give_back(self, slot: Slot) -> None:
        """Free a slot. It never fails: if the connection broke, the server has freed it already."""
        # A caller that is cancelled still gives its slot back.
        await asyncio.shield(asyncio.ensure_future(self._release(slot)))

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
        if self._beating:
            self._beating.cancel()
        async with self._turn:
            await self._drop()

    async def _beat(self) -> None:
        """Use the session for as long as it holds slots: a process that gives no sign has it ended by others."""
        while True:
            await asyncio.sleep(_BEAT_EVERY_S)
            if self._held:
                with contextlib.suppress(psycopg.Error, OSError):
                    await self.execute("SELECT 1", ())

    async def _try(self, mine: _Kind) -> int | None:
        async with self._turn:
            for number in random.sample(sorted(mine.free), len(mine.free)):
                cursor = await self._run(_LOCK, (self._space, number))
                row = await cursor.fetchone()
                if row and row[0]:
                    mine.free.discard(number)
                    self._held.add(number)
                    return number
        return None

    async def _try_to_the_end(self, mine: _Kind) -> int | None:
        """As `_try`; a caller that is cancelled meanwhile leaves no lock behind that nobody knows of."""
        trying = asyncio.ensure_future(self._try(mine))
        try:
            return await asyncio.shield(trying)
        except asyncio.CancelledError:
            with contextlib.suppress(psycopg.Error, OSError):
                if (number := await trying) is not None:
                    await self._unlock(mine, number)
            raise

    async def _release(self, slot: Slot) -> None:
        mine = self._kinds[slot.kind]
        try:
            await self._unlock(mine, slot.number)
        finally:
            mine.here.release()

    async def _unlock(self, mine: _Kind, number: int) -> None:
        """Free a lock; if that fails the connection is gone, and the lock with it."""
        async with self._turn:
            try:
                if self._connection and not self._connection.broken:
                    await self._connection.execute(_UNLOCK, (self._space, number))
            except (psycopg.Error, OSError):
                await self._drop()
            finally:
                mine.free.add(number)
                self._held.discard(number)

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
        for number in self._held:
            await connection.execute(_LOCK, (self._space, number))
        if self._beating is None or self._beating.done():
            self._beating = asyncio.create_task(self._beat())
        return connection
