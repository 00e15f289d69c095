"""Sweep: has everything looked at that may have been missed, whatever became of webhooks (DESIGN.md section 6).

It reads Stripe's events; where Stripe may have forgotten some of them, all that was made or changed at that time, by
the lists of a backfill; and, in a full sweep, what is still open. It makes hints; the ordinary worker does the rest.
A page, its hints and the checkpoint are one transaction. What later sweeps rely on is stored only when all of it was
read and worked off: whoever is cut off, paused or canceled has promised nothing.

Calls of Stripe: one for 100 undelivered events of 30 days, and for 100 events since the last sweep (2 if nothing
happened). A full sweep: one more for 100 open and 100 uncollectible invoices, 100 refunds of 50 days, 100 disputes of
180 days, 100 payouts of 35 days, and 100 customers. A gap: those of a backfill, one for 100 older invoices, and one for
each customer.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Self

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from wescope.books.policy import Policy
from wescope.engine.backfill import MOST_QUEUED, Course, result_of
from wescope.engine.runs import Execution
from wescope.engine.sweep_lists import Chooser, Find, Part, Scope, SweepLister, SweepPage, by_kind, scope_of
from wescope.errors import ObjectNotFound, WrongUse
from wescope.links.database import transaction
from wescope.links.reports import swap_checkpoint
from wescope.links.subjects import Defer, record_all
from wescope.links.sweeps import (
    adjusted_customers,
    database_now,
    overdue_pending,
    read_checkpoint,
    unpaid_invoices,
)
from wescope.stripe.client import StripeApi
from wescope.stripe.open_objects import OpenLister
from wescope.stripe.undelivered import EventLister
from wescope.stripe.windows import FIRST_DAY, WindowLister

EVENTS_LAST = "events:last"
"""Until when all events were read (`read_at`), when the newest of them happened (`created`), and when the service began
to watch them (`began`; absent if somebody had the past swept first)."""

OPEN_LAST = "sweep:open"
"""Marks of what was open at the last full sweep, by subject."""

_CHUNK = 500

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepChoice:
    """What a person wants swept. `since`: look back at least so far; `events_only`: without open objects.

    Raises:
        WrongUse: Stripe has nothing that old.
    """

    since: datetime | None = None
    events_only: bool = False

    def __post_init__(self) -> None:
        if self.since is not None and self.since.date() < FIRST_DAY:
            raise WrongUse(f"Stripe has nothing from before {FIRST_DAY}: look back to there at most.")

    @property
    def options(self) -> dict[str, Any]:
        """As the run keeps them."""
        parts = {"parts": Part.EVENTS.value if self.events_only else "all"}
        return parts | ({"since": self.since.isoformat()} if self.since else {})


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepRow:
    """How many subjects of a kind a part of a sweep would have looked at."""

    part: str
    kind: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepPlan:
    """What a sweep would have looked at. `gap_since` is set if Stripe may have forgotten events since."""

    rows: tuple[SweepRow, ...]
    listed: int
    skipped: int
    stripe_calls: int
    events_since: datetime
    gap_since: datetime | None = None

    @property
    def count(self) -> int:
        """How many subjects in all."""
        return sum(row.count for row in self.rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """Plans and executes sweeps."""

    engine: AsyncEngine
    realm_id: str
    api: StripeApi
    lister: SweepLister
    defer: Defer
    policy: Policy

    @classmethod
    def of(cls, *, engine: AsyncEngine, realm_id: str, api: StripeApi, defer: Defer, policy: Policy) -> Self:
        """Sweeps of a company, by the lists of an account."""
        lister = SweepLister(events=EventLister(api), windows=WindowLister(api, policy), opened=OpenLister(api))
        return cls(engine=engine, realm_id=realm_id, api=api, lister=lister, defer=defer, policy=policy)

    async def plan(self, choice: SweepChoice, progress: Progress | None = None) -> SweepPlan:
        """What a sweep would have looked at; nothing is stored.

        Raises:
            StripeError: Stripe cannot be read.
        """
        before = self.api.calls_made
        async with transaction(self.engine) as connection:
            scope, marks = await self._scope(connection, choice.options)
        chooser = Chooser(realm_id=self.realm_id, run_id=None, scope=scope, before=marks)
        found: dict[tuple[Part, str], int] = {}
        listed = skipped = 0
        for index in range(scope.steps):
            part, cursor = scope.part(index), None
            while True:
                if progress:
                    progress(f"listing {part}", index, scope.steps)
                page = await self.lister.page(scope, index, cursor)
                async with transaction(self.engine) as connection:
                    finds = await chooser.choose(connection, page)
                    if _is_last(scope, index):
                        async for gone in self._missing(chooser):
                            finds += await chooser.new(connection, gone)
                for kind, count in by_kind(finds).items():
                    found[part, kind] = found.get((part, kind), 0) + count
                listed, skipped = listed + page.count, skipped + max(0, page.told - len(finds))
                if (cursor := page.cursor) is None:
                    break
        return SweepPlan(
            rows=tuple(SweepRow(part=part.value, kind=kind, count=count) for (part, kind), count in found.items()),
            listed=listed,
            skipped=skipped,
            stripe_calls=self.api.calls_made - before,
            events_since=scope.events_since,
            gap_since=scope.gap_begins,
        )

    async def __call__(self, execution: Execution) -> Mapping[str, Any]:
        """List what is left to list, wait until all is worked off, and remember how far it was read.

        Returns:
            What was posted by entity, what is parked, how many subjects are left for later, and the gap, if one was.

        Raises:
            Stopped: somebody wants the run paused or ended.
            StripeError: Stripe cannot be read.
        """
        scope, marks = await self._taken_up(execution)
        chooser = Chooser(realm_id=self.realm_id, run_id=execution.run.id, scope=scope, before=marks)
        while (index := int(execution.checkpoint["step"])) < scope.steps:
            await execution.room(MOST_QUEUED)
            await execution.proceed()
            if _is_last(scope, index):
                await self._take_missing(execution, chooser)
                continue
            page = await self._page(execution, scope, index)
            if page is not None:
                await self._take(execution, index, page, chooser)
        left = await execution.drain()
        await self._remember(execution, chooser)
        result = await result_of(self.engine, execution.run.id, left)
        return result | ({"gap_since": scope.gap_begins.isoformat()} if scope.gap_begins else {})

    # --- beginning and end ------------------------------------------------------------------------------------------

    async def _scope(
        self, connection: AsyncConnection, options: Mapping[str, Any]
    ) -> tuple[Scope, Mapping[str, str] | None]:
        now = await database_now(connection)
        scope = scope_of(now, await read_checkpoint(connection, EVENTS_LAST), options, self.policy)
        return scope, await read_checkpoint(connection, OPEN_LAST)

    async def _taken_up(self, execution: Execution) -> tuple[Scope, Mapping[str, str] | None]:
        """The scope as the run was begun with it; what is open is listed anew, for marks are kept in memory only."""
        checkpoint, counts = execution.checkpoint, execution.counts
        async with transaction(self.engine) as connection:
            marks = await read_checkpoint(connection, OPEN_LAST)
            if "scope" in checkpoint:
                scope = _scope_from(checkpoint["scope"], self.policy)
            else:
                scope, marks = await self._scope(connection, execution.run.options)
                checkpoint |= {"scope": _scope_to(scope), "step": 0, "cursor": None}
            if checkpoint["step"] >= scope.first_open:
                checkpoint |= {"step": scope.first_open, "cursor": None}
                for name in ("listed", "skipped"):
                    counts[name] = counts.get(name, 0) - counts.pop(f"{Part.OPEN}_{name}", 0)
            counts |= {"steps": scope.steps, "step": checkpoint["step"]}
            await execution.save(connection)
        return scope, marks

    async def _remember(self, execution: Execution, chooser: Chooser) -> None:
        scope, newest = chooser.scope, execution.checkpoint.get("newest")
        async with transaction(self.engine) as connection:
            await execution.save(connection)
            last = await read_checkpoint(connection, EVENTS_LAST) or {}
            read = {"read_at": scope.now.isoformat(), "created": newest or last.get("created")}
            await swap_checkpoint(connection, EVENTS_LAST, last | read)
            if scope.is_full:
                await swap_checkpoint(connection, OPEN_LAST, chooser.marks)

    # --- pages ------------------------------------------------------------------------------------------------------

    async def _page(self, execution: Execution, scope: Scope, index: int) -> SweepPage | None:
        """The next page; null if the event at which it begins is forgotten: then the list is read anew."""
        cursor = execution.checkpoint.get("cursor")
        try:
            return await self.lister.page(scope, index, cursor)
        except ObjectNotFound:
            if cursor is None or scope.part(index) is not Part.EVENTS:
                raise
            execution.checkpoint["cursor"] = None
            return None

    async def _take(self, execution: Execution, index: int, page: SweepPage, chooser: Chooser) -> None:
        part = chooser.scope.part(index)
        async with transaction(self.engine) as connection:
            finds = await chooser.choose(connection, page)
            _count(execution, part, listed=page.count, hinted=len(finds), skipped=max(0, page.told - len(finds)))
            following = index + (page.cursor is None)
            execution.checkpoint |= {"step": following, "cursor": page.cursor}
            if page.newest and "newest" not in execution.checkpoint:
                # The list is the newest first: its first page has the newest event that there was.
                execution.checkpoint["newest"] = page.newest.isoformat()
            execution.counts["step"] = following
            await self._store(connection, execution, finds)

    async def _take_missing(self, execution: Execution, chooser: Chooser) -> None:
        async for gone in self._missing(chooser):
            async with transaction(self.engine) as connection:
                finds = await chooser.new(connection, gone)
                _count(execution, Part.OPEN, hinted=len(finds))
                await self._store(connection, execution, finds)
        execution.checkpoint |= {"step": chooser.scope.steps, "cursor": None}
        execution.counts["step"] = chooser.scope.steps
        async with transaction(self.engine) as connection:
            await execution.save(connection)

    async def _store(self, connection: AsyncConnection, execution: Execution, finds: Sequence[Find]) -> None:
        await execution.save(connection)
        await record_all(connection, [find.hint(execution.run.id) for find in finds], self.defer)

    async def _missing(self, chooser: Chooser) -> AsyncIterator[list[Find]]:
        """What was open, or is believed to be, and is in no list; by hundreds."""
        async with transaction(self.engine) as connection:
            gone = [*chooser.vanished(), *(Find(subject=one) for one in await overdue_pending(connection))]
            if chooser.before is None:
                # No earlier sweep has remembered what was open: what the books say must do.
                gone += chooser.unlisted(await adjusted_customers(connection, self.realm_id))
        for first in range(0, len(gone), _CHUNK):
            yield gone[first : first + _CHUNK]
        after = ""
        while chooser.before is None:
            async with transaction(self.engine) as connection:
                unpaid = await unpaid_invoices(connection, self.realm_id, after, _CHUNK)
            yield chooser.unlisted(unpaid)
            if len(unpaid) < _CHUNK:
                return
            after = unpaid[-1].id


async def begin_watch(connection: AsyncConnection, now: datetime) -> None:
    """Note that from now on events are watched: what happened before is a matter of a backfill."""
    if await read_checkpoint(connection, EVENTS_LAST) is None:
        moment = now.isoformat()
        await swap_checkpoint(connection, EVENTS_LAST, {"read_at": moment, "created": None, "began": moment})


def _is_last(scope: Scope, index: int) -> bool:
    """Whether a step is that of what is no longer listed."""
    return index == scope.steps - 1 and scope.part(index) is Part.OPEN


def _count(execution: Execution, part: Part, **counts: int) -> None:
    for name, count in counts.items():
        for full_name in (name, f"{part}_{name}"):
            execution.counts[full_name] = execution.counts.get(full_name, 0) + count


def _scope_to(scope: Scope) -> dict[str, Any]:
    gap = scope.gap.period if scope.gap else None
    return {
        "now": scope.now.isoformat(),
        "events_since": scope.events_since.isoformat(),
        "undelivered_since": scope.undelivered_since.isoformat(),
        "gap": [gap.since.isoformat(), gap.until.isoformat()] if gap else None,
        "gap_begins": scope.gap_begins.isoformat() if scope.gap_begins else None,
        "is_full": scope.is_full,
        "known_only": scope.known_only,
    }


def _scope_from(stored: Mapping[str, Any], policy: Policy) -> Scope:
    gap, begins = stored["gap"], stored["gap_begins"]
    return Scope(
        now=datetime.fromisoformat(stored["now"]),
        events_since=datetime.fromisoformat(stored["events_since"]),
        undelivered_since=datetime.fromisoformat(stored["undelivered_since"]),
        gap=Course.of(date.fromisoformat(gap[0]), date.fromisoformat(gap[1]), policy) if gap else None,
        gap_begins=datetime.fromisoformat(begins) if begins else None,
        is_full=stored["is_full"],
        known_only=stored["known_only"],
    )
