"""Parked items for people: chosen by what they are, summed up, ignored with a reason, and looked at again.

Every action leaves a row in the audit log, per item.
"""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from sqlalchemy.ext.asyncio import AsyncEngine

from wescope.books.money import to_decimal
from wescope.books.parking import REASONS, Owner, ParkCode
from wescope.books.subjects import Subject
from wescope.engine.queue import HintQueue, RunSubject, WorkerSettings
from wescope.engine.results import MONEY, ParkedRow, SyncResult
from wescope.errors import Retry, WescopeError, WrongUse
from wescope.links.audit import AuditEntry, record_audit
from wescope.links.database import transaction
from wescope.links.ignored import (
    ignore_parked,
    not_looked_at,
    now_of,
    parked_with_keys,
    unignore_parked,
    woken_since,
)
from wescope.links.reports import ParkedItem, parked_items
from wescope.links.subjects import BACKLOG, LIVE, Hint, record_all

Progress = Callable[[str, int, int], None]

_CHUNK = 100
"""Subjects that are given to the queue at once: who interrupts a retry leaves no more than these behind."""

_LIVE_AT_MOST = 20
"""A retry of more subjects goes behind what has just happened."""

_LOOK_EVERY_S = 0.25
_FOLLOWERS_WAIT_S = 30.0
_REASON_LENGTH = 200
_KEY = re.compile(r"[A-Za-z0-9_.]+(:[A-Za-z0-9_]+)+")


class NotParked(WescopeError):
    """Nothing is parked under this key."""

    code = "not_parked"
    owner = Owner.OPERATOR
    retry = Retry.NEVER
    remedy = "`wescope parked` and the page Parked list the keys; what is gone was posted or is no longer wanted."


@dataclass(frozen=True, slots=True, kw_only=True)
class ParkedFilter:
    """Which parked items: all conditions hold; an empty one asks nothing.

    `subjects` are as text (`invoice/in_1`) or a Stripe id alone; `min_amount` is in major units of each item's own
    currency, compared without sign; `ignored` null takes both.
    """

    keys: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()
    subjects: tuple[str, ...] = ()
    older_than: timedelta | None = None
    min_amount: Decimal | None = None
    ignored: bool | None = None

    def takes(self, row: ParkedRow) -> bool:
        """Whether an item is one of them."""
        names = {row.subject, row.subject.partition("/")[2]}
        return (
            (not self.keys or row.key in self.keys)
            and (not self.codes or row.code in self.codes)
            and (not self.subjects or bool(names & set(self.subjects)))
            and (self.older_than is None or row.age_s >= self.older_than.total_seconds())
            and (self.min_amount is None or abs(to_decimal(row.amount, row.currency)) >= self.min_amount)
            and (self.ignored is None or (row.ignored_at is not None) == self.ignored)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ParkedSum:
    """What is parked under one code in one currency."""

    code: str
    owner: str
    count: int
    amount: int = field(metadata=MONEY)
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RetriedRow:
    """What became of an item that was looked at again: `code` is null if it is parked no longer."""

    key: str
    subject: str
    before: str
    code: str | None
    amount: int = field(metadata=MONEY)
    currency: str
    needs_somebody: bool


def parked_row(item: ParkedItem, now: datetime) -> ParkedRow:
    """A stored item as people are told of it."""
    reason = REASONS[ParkCode(item.code)]
    return ParkedRow(
        key=item.document_key,
        subject=item.subject,
        code=item.code,
        reason=reason.text,
        owner=reason.owner.value,
        remedy=reason.remedy,
        amount=item.amount,
        currency=item.currency,
        since=item.since,
        details=item.details,
        age_s=max(0, int((now - item.since).total_seconds())),
        ignored_at=item.ignored_at,
        ignored_reason=item.ignored_reason,
    )


def sums_of(rows: Iterable[ParkedRow]) -> tuple[ParkedSum, ...]:
    """How much is parked per code and currency; what is ignored is left out."""
    found: dict[tuple[str, str, str], tuple[int, int]] = {}
    for row in rows:
        if row.ignored_at is None:
            count, amount = found.get((row.code, row.owner, row.currency), (0, 0))
            found[row.code, row.owner, row.currency] = (count + 1, amount + row.amount)
    return tuple(
        ParkedSum(code=code, owner=owner, currency=currency, count=count, amount=amount)
        for (code, owner, currency), (count, amount) in sorted(found.items())
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ParkedItems:
    """Reads and decides about parked items. `run` is what looks at one subject."""

    engine: AsyncEngine
    queue: HintQueue
    run: RunSubject
    workers: WorkerSettings

    async def find(self, chosen: ParkedFilter) -> tuple[ParkedRow, ...]:
        """The items that a filter takes, the oldest first.

        Raises:
            NotParked: the filter names a key under which nothing is parked.
            DatabaseUnavailable: the tables cannot be read.
        """
        now = datetime.now(UTC)
        async with transaction(self.engine) as connection:
            rows = [parked_row(item, now) for item in await parked_items(connection)]
        _require(chosen.keys, (row.key for row in rows))
        return tuple(row for row in rows if chosen.takes(row))

    async def mark(self, results: Sequence[SyncResult]) -> tuple[SyncResult, ...]:
        """The results with a mark on each document that is parked and ignored."""
        keys = [action.document_key for result in results for action in result.actions if action.reason]
        if not keys:
            return tuple(results)
        async with transaction(self.engine) as connection:
            items = await parked_with_keys(connection, keys)
        ignored = {(item.document_key, item.code) for item in items if item.ignored_at}
        return tuple(
            replace(
                result,
                actions=tuple(
                    replace(action, ignored=(action.document_key, action.reason) in ignored)
                    for action in result.actions
                ),
            )
            for result in results
        )

    async def ignore(self, keys: Sequence[str], reason: str, *, actor: str) -> tuple[ParkedRow, ...]:
        """Let these items be until their code or amount changes.

        Args:
            keys: of the documents.
            reason: the operator's own words, kept and shown with the item: one line, without an address of anybody.
            actor: `cli` or `api`.

        Raises:
            WrongUse: the reason is empty, too long, or holds what looks like an e-mail address.
            NotParked: nothing is parked under one of the keys; nothing was changed.
        """
        said = checked_reason(reason)
        now = datetime.now(UTC)
        async with transaction(self.engine) as connection:
            items = await ignore_parked(connection, keys, reason=said, at=now)
            _require(keys, (item.document_key for item in items))
            await record_audit(connection, [_entry("ignore", actor, item, reason=said) for item in items])
        return tuple(parked_row(item, now) for item in items)

    async def unignore(self, keys: Sequence[str], *, actor: str) -> tuple[ParkedRow, ...]:
        """Count these items again.

        Raises:
            NotParked: nothing is parked under one of the keys; nothing was changed.
        """
        now = datetime.now(UTC)
        async with transaction(self.engine) as connection:
            items = await unignore_parked(connection, keys)
            _require(keys, (item.document_key for item in items))
            await record_audit(connection, [_entry("unignore", actor, item) for item in items])
        return tuple(parked_row(item, now) for item in items)

    async def hint(self, rows: Sequence[ParkedRow], *, actor: str) -> None:
        """Have the subjects of these items looked at again by whatever worker runs."""
        subjects = _subjects_of(rows)
        for start in range(0, len(subjects), _CHUNK):
            await self._hint(subjects[start : start + _CHUNK], rows, actor, lane=_lane(subjects))

    async def retry(
        self, rows: Sequence[ParkedRow], *, actor: str, progress: Progress | None = None
    ) -> tuple[RetriedRow, ...]:
        """Have the subjects of these items looked at again, here or by a worker that runs, and wait for it.

        Cancelled in the middle, it leaves at most a hundred subjects in the queue; the others are not touched.
        """
        tell = progress or _quiet
        subjects = _subjects_of(rows)
        async with transaction(self.engine) as connection:
            began = await now_of(connection)
        async with self._working() as worker:
            for start in range(0, len(subjects), _CHUNK):
                chunk = subjects[start : start + _CHUNK]
                await self._hint(chunk, rows, actor, lane=_lane(subjects))
                async for left in self._unseen(chunk, began):
                    _check(worker)
                    tell("looked at", start + len(chunk) - left, len(subjects))
            await self._followers(began, tell, len(subjects))
        return await self._outcome(rows)

    async def _hint(self, subjects: Sequence[Subject], rows: Sequence[ParkedRow], actor: str, *, lane: str) -> None:
        texts = {str(subject) for subject in subjects}
        hints = [Hint(subject=subject, source="retry", lane=lane) for subject in subjects]
        async with transaction(self.engine) as connection:
            await record_audit(connection, [_retried(row, actor) for row in rows if row.subject in texts])
            await record_all(connection, hints, self.queue.defer)

    async def _unseen(self, subjects: Sequence[Subject], since: datetime) -> AsyncIterator[int]:
        """How many of these have not been looked at yet, again and again until all have."""
        while True:
            async with transaction(self.engine) as connection:
                left = await not_looked_at(connection, subjects, since)
            yield left
            if not left:
                return
            await asyncio.sleep(_LOOK_EVERY_S)

    async def _followers(self, since: datetime, tell: Progress, total: int) -> None:
        """What was waiting for these documents is looked at next; whoever is late, a later worker takes up."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_FOLLOWERS_WAIT_S):
                while True:
                    async with transaction(self.engine) as connection:
                        left = await woken_since(connection, since)
                    if not left:
                        return
                    tell("what waited for them", total, total + left)
                    await asyncio.sleep(_LOOK_EVERY_S)

    @contextlib.asynccontextmanager
    async def _working(self) -> AsyncIterator[asyncio.Task[None]]:
        """A worker in this process, so that nothing depends on another one."""
        stop = asyncio.Event()
        worker = asyncio.create_task(self.queue.work(self.run, stop, self.workers))
        try:
            yield worker
        finally:
            stop.set()
            await asyncio.gather(worker, return_exceptions=True)

    async def _outcome(self, rows: Sequence[ParkedRow]) -> tuple[RetriedRow, ...]:
        now = datetime.now(UTC)
        async with transaction(self.engine) as connection:
            items = await parked_with_keys(connection, [row.key for row in rows])
        left = {item.document_key: parked_row(item, now) for item in items}
        return tuple(_outcome_of(row, left.get(row.key)) for row in rows)


def _outcome_of(row: ParkedRow, now: ParkedRow | None) -> RetriedRow:
    shown = now or row
    return RetriedRow(
        key=row.key,
        subject=row.subject,
        before=row.code,
        code=now.code if now else None,
        amount=shown.amount,
        currency=shown.currency,
        needs_somebody=now is not None and now.needs_somebody,
    )


def _check(worker: asyncio.Task[None]) -> None:
    """Go on only while the worker works: without it nothing would ever be looked at."""
    if worker.done():
        worker.result()


def _subjects_of(rows: Iterable[ParkedRow]) -> list[Subject]:
    return sorted({Subject.parse(row.subject) for row in rows})


def _lane(subjects: Sequence[Subject]) -> str:
    return LIVE if len(subjects) <= _LIVE_AT_MOST else BACKLOG


def _require(keys: Iterable[str], found: Iterable[str]) -> None:
    absent = sorted(set(keys) - set(found))
    if absent:
        # What a person typed in place of a key may be a name or an address: it is not repeated.
        raise NotParked(**({"document_key": absent[0]} if _KEY.fullmatch(absent[0]) else {}))


def checked_reason(reason: str) -> str:
    """An operator's reason as it is kept: one line.

    Raises:
        WrongUse: it is empty, too long, or holds what looks like an e-mail address.
    """
    said = " ".join(reason.split())
    if not said or len(said) > _REASON_LENGTH or not said.isprintable():
        raise WrongUse(f"A reason has 1 to {_REASON_LENGTH} printable characters.")
    if "@" in said:
        raise WrongUse("A reason is kept and shown: write it without anybody's e-mail address.")
    return said


def _entry(action: str, actor: str, item: ParkedItem, **details: str) -> AuditEntry:
    told = {"code": item.code, "amount": item.amount, "currency": item.currency, **details}
    return AuditEntry(action=action, actor=actor, target=item.document_key, details=told)


def _retried(row: ParkedRow, actor: str) -> AuditEntry:
    told = {"code": row.code, "amount": row.amount, "currency": row.currency}
    return AuditEntry(action="retry", actor=actor, target=row.key, details=told)


def _quiet(_text: str, _done: int, _total: int) -> None:
    """No progress is asked for."""
