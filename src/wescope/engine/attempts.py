"""The log of attempts: every QBO call as one row, written in the background and never in a call's way."""

import asyncio
import contextlib
from collections import deque
from dataclasses import asdict

from sqlalchemy.ext.asyncio import AsyncEngine

from wescope.engine.read_budget import count_reads
from wescope.errors import DatabaseUnavailable
from wescope.links.attempts import record_attempts
from wescope.links.database import transaction
from wescope.qbo.attempts import Attempt

_FLUSH_S = 0.25
_KEPT_WHILE_DATABASE_IS_AWAY = 10_000


class AttemptLog:
    """Collects attempts (it is a hook of the QBO client) and appends them to the table."""

    def __init__(self, engine: AsyncEngine) -> None:
        """Take the database."""
        self._engine = engine
        self._waiting: deque[Attempt] = deque(maxlen=_KEPT_WHILE_DATABASE_IS_AWAY)
        self._flushing = asyncio.Lock()

    def __call__(self, attempt: Attempt) -> None:
        """Take note of one attempt; it is in the table within a quarter of a second."""
        self._waiting.append(attempt)

    async def flush(self) -> None:
        """Write what has been collected, each attempt once. Without a database it is kept for the next time."""
        async with self._flushing:
            rows = list(self._waiting)
            if not rows:
                return
            with contextlib.suppress(DatabaseUnavailable):
                async with transaction(self._engine) as connection:
                    await record_attempts(connection, [asdict(attempt) for attempt in rows])
                    await count_reads(connection, rows)
                self._forget(rows)

    def _forget(self, rows: list[Attempt]) -> None:
        """Drop what was written; the oldest may have been dropped meanwhile, when there were too many."""
        written = {id(attempt) for attempt in rows}
        while self._waiting and id(self._waiting[0]) in written:
            self._waiting.popleft()

    async def run(self) -> None:
        """Flush for ever; cancel to stop. What is left is written by a last `flush`."""
        while True:
            await asyncio.sleep(_FLUSH_S)
            await self.flush()
