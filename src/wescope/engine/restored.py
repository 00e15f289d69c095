"""Restored: before a process posts anything it makes sure that its database knows what QBO holds of ours.

A database in which nobody has looked yet, or nothing was worked on for a while, may be a new one after a loss, or an
older one that was restored. What it does not know would be posted a second time, since QBO forgets request ids. So QBO
is asked first, once per process: a new database costs one read for each entity, a silent one costs one read in all.
What is found is linked (`rebuild.py`) before anything is written, and a verification compares it. Who has looked notes
every minute that it still works: calls of QBO by others (a new token, `wescope doctor`) prove nothing.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from wescope.engine.locks import ClusterLocks
from wescope.engine.rebuild import ENTITIES, Rebuild, generation_at
from wescope.engine.verify import VerifyMode, options_of
from wescope.links.database import transaction
from wescope.links.reports import swap_checkpoint
from wescope.links.runs import RunKind, newest_unfinished, start_run
from wescope.links.sweeps import database_now, read_checkpoint
from wescope.qbo import queries
from wescope.qbo.changes import WINDOW
from wescope.qbo.client import QboClient

_log = structlog.get_logger(__name__)

LOOKED = "restored:looked"
FLOOR = "restored:generation"
_SILENT = timedelta(minutes=10)
"""A database in which nobody has worked for so long may be an older one."""

_OVERLAP = timedelta(minutes=15)
"""QBO's clock and ours may differ, and calls are stored a little after they were made."""

_LOCK_S = 20.0
_NOTE_EVERY_S = 60.0


@dataclass(slots=True, kw_only=True)
class Restored:
    """The guard of one process. `lands_within`: how long a write of a process that died may still be on its way."""

    engine: AsyncEngine
    locks: ClusterLocks
    rebuild: Rebuild
    client: QboClient
    lands_within: timedelta
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    _began_s: float = field(default_factory=time.monotonic)
    _done: bool = False
    _noted_s: float = float("-inf")
    _looking: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def check(self) -> None:
        """Look, the first time; see `RestoredPort`."""
        if self._done and time.monotonic() - self._noted_s < _NOTE_EVERY_S:
            return
        async with self._looking:
            if not self._done:
                await self._check()
                self._done = True
            async with transaction(self.engine) as connection:
                await swap_checkpoint(connection, LOOKED, (await database_now(connection)).isoformat())
            self._noted_s = time.monotonic()

    async def _check(self) -> None:
        async with self.locks.hold("restored", timeout_s=_LOCK_S):
            since = await self._due()
            if since is not None and await self._has_unknown(since):
                await self._link(since)
            async with transaction(self.engine) as connection:
                self.rebuild.sending.generation_floor = int(await read_checkpoint(connection, FLOOR) or 0)

    async def _due(self) -> "datetime | _Ever | None":
        """Since when QBO is to be looked at; null if the database is in use and knows all."""
        async with transaction(self.engine) as connection:
            now, looked_at = await database_now(connection), await read_checkpoint(connection, LOOKED)
        if looked_at is None:
            return EVER  # also where somebody has begun to link, and died
        known_at = datetime.fromisoformat(looked_at)
        if now - known_at < _SILENT:
            return None
        return EVER if now - known_at > WINDOW else known_at - _OVERLAP

    async def _has_unknown(self, since: "datetime | _Ever") -> bool:
        """Whether anything of ours is in QBO that has no link; of a new database the newest records tell."""
        if isinstance(since, datetime):
            changes = await self.client.changes(ENTITIES, since)
            if changes.is_full:
                return True
            return any([await self.rebuild.has_unknown(entity, changes.records[entity]) for entity in ENTITIES])
        for entity in ENTITIES:
            active = queries.including_inactive() if entity == ENTITIES[0] else ""
            records = await self.client.query(queries.newest(entity, active))
            if await self.rebuild.has_unknown(entity, records):
                return True
        return False

    async def _link(self, since: "datetime | _Ever") -> None:
        _log.warning("this database does not know all documents in QBO, links are rebuilt", code="links_lost")
        async with transaction(self.engine) as connection:
            # First of all, whoever dies later: no request id of the lost database may come back, and all is compared.
            floor = generation_at(await database_now(connection))
            await swap_checkpoint(connection, FLOOR, floor)
            if await newest_unfinished(connection, RunKind.VERIFY) is None:
                await start_run(connection, RunKind.VERIFY, options_of(VerifyMode.FULL, rebuild=True))
        linked = await self._link_since(since)
        # What a process that died has sent may still arrive.
        arrived_s = self._began_s + self.lands_within.total_seconds()
        await self.sleep(max(0.0, arrived_s - time.monotonic()))
        linked += await self._link_since(since)
        _log.warning("links are rebuilt", count=linked)

    async def _link_since(self, since: "datetime | _Ever") -> int:
        return await (self.rebuild.link_changed(since) if isinstance(since, datetime) else self.rebuild.link_all())


class _Ever:
    """All that was ever made."""


EVER = _Ever()
