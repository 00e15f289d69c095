"""Read budget: metered reads of QBO are counted per month; when they are used up, only they stop (facts/qbo.md 1).

Intuit's free tier has 500,000 reads and queries a month, each item of a batch for itself, and answers further ones with
429 until the month ends. A 429 that limits the rate looks the same: then the whole realm must pause. They are told
apart by our own count, and by what still passes between the refusals.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from wescope.errors import DatabaseUnavailable, QboReadsBlocked
from wescope.links.connections import wake_waiting
from wescope.links.database import transaction
from wescope.links.reads import StoredReads, add_reads, block_reads, load_reads, unblock_reads
from wescope.qbo.attempts import Attempt

_log = structlog.get_logger(__name__)

_NEAR_SHARE = 0.95
"""From here on a refused read is taken for the cap: another app of the company may have used the rest."""

_TRY_EVERY_S = 3600.0
_LOOK_EVERY_S = 1.0
_WATCH_EVERY_S = 5.0
_TURNED_AWAY = frozenset({401, 403, 429})
_READS = frozenset({"query", "read"})
_WRITES = frozenset({"create", "update", "void", "delete"})
_ROUNDS_WITH_WRITES, _ROUNDS = 2, 5


def is_metered(attempt: Attempt) -> bool:
    """Whether Intuit counts this: a read or query (also one of a batch) that QBO has worked on."""
    return attempt.operation in _READS and attempt.status is not None and attempt.status not in _TURNED_AWAY


def month_of(moment: datetime) -> date:
    """The first day of the moment's month, in UTC."""
    return moment.astimezone(UTC).date().replace(day=1)


async def count_reads(connection: AsyncConnection, attempts: Iterable[Attempt]) -> None:
    """Add the metered ones among these attempts to their months' counts."""
    counted = Counter((one.realm_id, month_of(one.started_at)) for one in attempts if is_metered(one))
    for (realm_id, month), count in sorted(counted.items()):
        await add_reads(connection, realm_id, month, count)


@dataclass(slots=True)
class _Refusals:
    """Refused reads since the last good one, in rounds: what comes within one pause of the realm is one round."""

    rounds: int = 0
    with_writes: int = 0
    round_at_s: float = 0.0
    wrote_at_s: float = 0.0

    def add(self, now_s: float, *, round_s: float) -> bool:
        """Count one; whether no limit on the rate explains them all: it would let reads pass after a pause."""
        if not self.rounds or now_s - self.round_at_s >= round_s:
            self.with_writes += self.rounds > 0 and self.wrote_at_s > self.round_at_s
            self.rounds += 1
            self.round_at_s = now_s
        return self.with_writes >= _ROUNDS_WITH_WRITES or self.rounds >= _ROUNDS

    def clear(self) -> None:
        """A read was good."""
        self.rounds = self.with_writes = 0


class ReadBudget:
    """The month's reads of one realm. It is asked before each metered read, and is a hook of the client."""

    def __init__(
        self,
        *,
        engine: AsyncEngine,
        realm_id: str,
        monthly_reads: int,
        round_s: float = 30.0,
        try_every_s: float = _TRY_EVERY_S,
        look_every_s: float = _LOOK_EVERY_S,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Take the limits; nothing is read yet.

        Args:
            engine: the database that all processes share.
            realm_id: Intuit's id of the company.
            monthly_reads: how many reads a month the app's tier has; 0 if that is not known.
            round_s: refusals that follow each other faster are one, in seconds.
            try_every_s: how often a read is tried although QBO refuses them, in seconds.
            look_every_s: how long the common count is believed, in seconds.
            now: the clock.
        """
        self._engine, self._realm_id, self.monthly_reads, self._now = engine, realm_id, monthly_reads, now
        self._round_s, self._try_every_s, self._look_every_s = round_s, try_every_s, look_every_s
        self._refusals = _Refusals()
        self._seen, self._seen_month, self._seen_at_s = StoredReads(), date.min, float("-inf")
        self._unseen = 0
        self._next_try_s = 0.0
        self._trying = self._passed = False
        self._looking = asyncio.Lock()

    def __call__(self, attempt: Attempt) -> None:
        """Take note of how a request ended."""
        if attempt.operation in _WRITES and attempt.outcome in {"ok", "refused"}:
            self._refusals.wrote_at_s = time.monotonic()
        if not is_metered(attempt):
            return
        self._unseen += 1
        if attempt.outcome in {"ok", "refused"}:
            self._refusals.clear()
            self._passed = self._trying
            self._trying = False

    async def check(self) -> None:
        """Let a metered read pass, unless the month has none left.

        Raises:
            QboReadsBlocked: they are used up, as far as we know; one is tried each hour.
            DatabaseUnavailable: the count cannot be read.
        """
        await self._settle()
        state = await self._look()
        spent = 0 < self.monthly_reads <= state.reads + self._unseen
        if spent and state.blocked_at is None:
            await self._block()
        if spent or (state.blocked_at is not None and not self._may_try()):
            raise QboReadsBlocked(reads=state.reads, monthly_reads=self.monthly_reads)

    async def refused(self) -> bool:
        """Told of a 429 to a metered read: whether the month's reads are used up. If not, the realm must pause.

        Raises:
            DatabaseUnavailable: the count cannot be read or written.
        """
        self._trying = False
        state = await self._look()
        is_near = 0 < self.monthly_reads * _NEAR_SHARE <= state.reads + self._unseen
        is_odd = self._refusals.add(time.monotonic(), round_s=self._round_s)
        if state.blocked_at is None and not is_near and not is_odd:
            return False
        self._next_try_s = time.monotonic() + self._try_every_s
        if state.blocked_at is None:
            await self._block()
        return True

    async def state(self) -> StoredReads:
        """The month's count as it is now.

        Raises:
            DatabaseUnavailable: it cannot be read.
        """
        async with transaction(self._engine) as connection:
            return await load_reads(connection, self._realm_id, month_of(self._now()))

    async def watch(self) -> None:
        """Have the work that waits for reads taken up when there are some again; for ever, until it is cancelled."""
        while True:
            await asyncio.sleep(_WATCH_EVERY_S)
            try:
                await self._settle()
                state = await self.state()
                spent = 0 < self.monthly_reads <= state.reads
                if not spent and (state.blocked_at is None or time.monotonic() >= self._next_try_s):
                    async with transaction(self._engine) as connection:
                        await wake_waiting(connection, [QboReadsBlocked.code])
            except DatabaseUnavailable as error:
                _log.warning("reads not counted", code=error.code)

    def _may_try(self) -> bool:
        """Whether this read is the one that finds out whether QBO gives reads again."""
        now_s = time.monotonic()
        if now_s < self._next_try_s:
            return False
        self._next_try_s = now_s + self._try_every_s
        self._trying = True
        return True

    async def _settle(self) -> None:
        """Write down that a tried read has passed."""
        if not self._passed:
            return
        self._passed = False
        async with transaction(self._engine) as connection:
            ended = await unblock_reads(connection, self._realm_id, month_of(self._now()))
        self._seen_at_s = float("-inf")
        if ended:
            _log.warning("QBO reads pass again", realm_id=self._realm_id)

    async def _block(self) -> None:
        async with transaction(self._engine) as connection:
            news = await block_reads(connection, self._realm_id, month_of(self._now()))
        self._seen_at_s = float("-inf")
        if news:
            _log.error("QBO reads are used up for this month", realm_id=self._realm_id, code=QboReadsBlocked.code)

    async def _look(self) -> StoredReads:
        async with self._looking:
            month = month_of(self._now())
            if month != self._seen_month or time.monotonic() - self._seen_at_s >= self._look_every_s:
                self._seen, self._seen_month, self._unseen = await self.state(), month, 0
                self._seen_at_s = time.monotonic()
            return self._seen
