"""Replay: has known subjects looked at again: of events, of failures and parked documents, of a time, or by id."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from wescope.books.subjects import Subject
from wescope.engine.backfill import MOST_QUEUED, result_of
from wescope.engine.runs import Execution
from wescope.errors import MalformedId, WrongUse
from wescope.links.database import transaction
from wescope.links.selection import Selection, count_selected, page_of_selected, subjects_of_events
from wescope.links.subjects import BACKLOG, Defer, Hint, record_all
from wescope.stripe.identity import identify
from wescope.stripe.reader import StripeReader

SOURCE = "replay"
_PAGE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayChoice:
    """What a person wants replayed; any of it, all of it. `since` is when hints came in."""

    events: tuple[str, ...] = ()
    subjects: tuple[str, ...] = ()
    failed: bool = False
    since: datetime | None = None

    @property
    def is_empty(self) -> bool:
        """True if nothing was chosen."""
        return not (self.events or self.subjects or self.failed or self.since)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayPlan:
    """How many subjects of each kind would be looked at, and the options of the run that does it."""

    subjects: Mapping[str, int]
    options: Mapping[str, Any]

    @property
    def count(self) -> int:
        """How many in all."""
        return sum(self.subjects.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """Plans and executes replays."""

    engine: AsyncEngine
    reader: StripeReader
    defer: Defer

    async def plan(self, choice: ReplayChoice) -> ReplayPlan:
        """What would be looked at.

        Raises:
            WrongUse: nothing was chosen.
            MalformedId: an id is not one of Stripe's, or an event changes no document.
            StripeError: an event that is not known here cannot be read (Stripe keeps events for 30 days).
        """
        if choice.is_empty:
            raise WrongUse("Say what to replay: event ids, --failed, --since or --subject.")
        named = {*(_subject(one) for one in choice.subjects), *await self._of_events(choice.events)}
        options = {
            "named": sorted(map(str, named)),
            "failed": choice.failed,
            "since": choice.since.isoformat() if choice.since else None,
        }
        async with transaction(self.engine) as connection:
            counts = await count_selected(connection, _selection(options))
        return ReplayPlan(subjects=counts, options=options)

    async def _of_events(self, event_ids: Sequence[str]) -> set[Subject]:
        async with transaction(self.engine) as connection:
            known = await subjects_of_events(connection, event_ids)
        found = set(known.values())
        for one in event_ids:
            if one not in known:
                subject = (await self.reader.event(one)).subject
                if subject is None:
                    raise MalformedId("This event changes no document.", event_id=one)
                found.add(subject)
        return found

    async def __call__(self, execution: Execution) -> Mapping[str, Any]:
        """Make hints of what is left, then wait until all is worked off.

        Returns:
            What was posted by entity, what is parked, and how many subjects are left for later.

        Raises:
            Stopped: somebody wants the run paused or ended.
        """
        selection = _selection(execution.run.options, until=execution.run.started_at)
        while not execution.checkpoint.get("listed"):
            await execution.room(MOST_QUEUED)
            await execution.proceed()
            await self._page(execution, selection)
        left = await execution.drain()
        return await result_of(self.engine, execution.run.id, left)

    async def _page(self, execution: Execution, selection: Selection) -> None:
        before = execution.checkpoint.get("after")
        run_id = execution.run.id
        async with transaction(self.engine) as connection:
            after = Subject.parse(before) if before else None
            page = await page_of_selected(connection, selection, run_id=run_id, after=after, limit=_PAGE)
            hints = [
                Hint(subject=one.subject, source=SOURCE, customer_id=one.customer_id, lane=BACKLOG, run_id=run_id)
                for one in page
                if not one.hinted
            ]
            for count, more in {"listed": len(page), "hinted": len(hints), "together": len(page) - len(hints)}.items():
                execution.counts[count] = execution.counts.get(count, 0) + more
            execution.checkpoint |= {"after": str(page[-1].subject)} if page else {"listed": True}
            await execution.save(connection)
            await record_all(connection, hints, self.defer)


def _subject(text: str) -> Subject:
    """A subject as people write it: `invoice/in_1`, or the id alone."""
    return identify(text.rpartition("/")[2])


def _selection(options: Mapping[str, Any], until: datetime | None = None) -> Selection:
    since = options.get("since")
    return Selection(
        named=tuple(Subject.parse(text) for text in options.get("named", ())),
        failed=bool(options.get("failed")),
        hinted_since=datetime.fromisoformat(since) if since else None,
        hinted_until=until if since else None,
    )
