"""Sweep lists: what a sweep reads of Stripe, step by step, and which of it must be looked at."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection

from wescope.books.calendar import local_date
from wescope.books.policy import Policy
from wescope.books.subjects import Subject, SubjectKind
from wescope.engine.backfill import Course, unknown_of
from wescope.engine.owners import ACCOUNT
from wescope.links.subjects import BACKLOG, Hint
from wescope.links.sweeps import Look, hinted_by, known_events, looks_at, moment_of
from wescope.stripe.hints import EventHint
from wescope.stripe.open_objects import OpenKind, OpenLister, OpenObject
from wescope.stripe.undelivered import KEPT, EventLister
from wescope.stripe.windows import ListedObject, WindowLister

SOURCE: Final = "sweep"

OVERLAP: Final = timedelta(hours=1)
"""Lists begin so much earlier than the last one ended: an event may be listed late."""

GAP: Final = KEPT - timedelta(days=2)
"""What happened longer ago is not left to events: Stripe forgets them after 30 days."""

FIRST: Final = timedelta(days=45)
"""So far the first sweep looks back if the books have no start date."""

_SLACK: Final = timedelta(minutes=2)
"""How far Stripe's clock and the database's may be apart: a look must be so much later than what it has seen."""

_OF_ACCOUNT = frozenset({SubjectKind.PAYOUT, SubjectKind.BALANCE_TRANSACTION})


class Part(StrEnum):
    """Why an object is listed."""

    EVENTS = "events"
    """Something happened to it, says an event."""
    GAP = "gap"
    """It was made or changed at a time of which Stripe may have forgotten the events."""
    OPEN = "open"
    """It may change at any time, and events can be lost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What a sweep looks at: how it was begun, so that whoever goes on with it does the same.

    `now` is the database's time at the beginning. Events are read from `events_since` on, and those that were not
    delivered from `undelivered_since` on. `gap` is the course through
    the time of which events may be forgotten, if there is such a time; then all open objects are looked at.
    `known_only` leaves alone what was never looked at.
    """

    now: datetime
    events_since: datetime
    undelivered_since: datetime
    gap: Course | None
    gap_begins: datetime | None
    is_full: bool
    known_only: bool = False

    @property
    def first_open(self) -> int:
        """The index of the first list of open objects."""
        return 2 + (self.gap.steps if self.gap else 0)

    @property
    def steps(self) -> int:
        """How many lists there are, and what is no longer in them as one more."""
        return self.first_open + (len(OpenKind) + 1 if self.is_full else 0)

    def part(self, index: int) -> Part:
        """Which part a step belongs to."""
        if index < 2:  # noqa: PLR2004 - undelivered events, events since
            return Part.EVENTS
        return Part.GAP if index < self.first_open else Part.OPEN


def scope_of(now: datetime, last: Mapping[str, Any] | None, options: Mapping[str, Any], policy: Policy) -> Scope:
    """What a sweep looks at.

    Args:
        now: the database's time.
        last: the checkpoint `events:last`: until when events were read (`read_at`) and when the newest of them
            happened (`created`); null if they never were.
        options: of the run: `since`, `parts` and `known_only`.
        policy: the company's choices: its first day, and its calendar.
    """
    read_at, newest, since = moment_of(last, "read_at"), moment_of(last, "created"), moment_of(options, "since")
    unread = read_at or _first(now, policy)
    if since:
        unread = min(unread, since) if read_at else since
    # The newest event says nothing about how long nobody has looked: a quiet month has none.
    gap_begins = unread - OVERLAP if unread < now - GAP else None
    gap = None
    if gap_begins:
        gap = Course.of(local_date(gap_begins, policy.timezone), local_date(now, policy.timezone), policy)
    return Scope(
        now=now,
        events_since=max(min(unread, newest or unread) - OVERLAP, now - KEPT),
        undelivered_since=max(now - KEPT, min(since or now, moment_of(last, "began") or now - KEPT)),
        gap=gap,
        gap_begins=gap_begins,
        is_full=options.get("parts") != Part.EVENTS or gap is not None,
        known_only=bool(options.get("known_only")),
    )


def _first(now: datetime, policy: Policy) -> datetime:
    """Where a sweep begins that nobody has swept before."""
    if policy.start_date is None:
        return now - FIRST
    return datetime.combine(policy.start_date, time(), policy.timezone).astimezone(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepPage:
    """One page of a step: of events, of a gap, or of open objects."""

    count: int
    cursor: str | None
    events: tuple[EventHint, ...] = ()
    listed: tuple[ListedObject, ...] = ()
    opened: tuple[OpenObject, ...] = ()
    newest: datetime | None = None

    @property
    def told(self) -> int:
        """How many of its objects matter to the books."""
        return len(self.events) + len(self.listed) + len(self.opened)


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepLister:
    """Reads the lists of a sweep."""

    events: EventLister
    windows: WindowLister
    opened: OpenLister

    async def page(self, scope: Scope, index: int, cursor: str | None) -> SweepPage:
        """A page of a step; the last one of a full sweep lists nothing.

        Raises:
            StripeError: Stripe cannot be read.
        """
        match scope.part(index):
            case Part.EVENTS:
                return await self._events(scope, cursor, undelivered=index == 0)
            case Part.GAP:
                return await self._gap(scope, index - 2, cursor)
            case Part.OPEN:
                return await self._open(scope, index - scope.first_open, cursor)

    async def _events(self, scope: Scope, cursor: str | None, *, undelivered: bool) -> SweepPage:
        since = scope.undelivered_since if undelivered else scope.events_since
        page = await self.events.page(since, cursor, undelivered=undelivered)
        newest = None if undelivered else page.newest
        return SweepPage(count=page.count, cursor=page.cursor, events=page.events, newest=newest)

    async def _gap(self, scope: Scope, index: int, cursor: str | None) -> SweepPage:
        if scope.gap is None:
            return SweepPage(count=0, cursor=None)
        step = scope.gap.step(index)
        page = await self.windows.page(step.kind, step.window, cursor)
        return SweepPage(count=page.count, cursor=page.cursor, listed=page.objects)

    async def _open(self, scope: Scope, index: int, cursor: str | None) -> SweepPage:
        kinds = tuple(OpenKind)
        if index >= len(kinds):
            return SweepPage(count=0, cursor=None)
        # That a payout arrived moves no money, so no other list of the gap tells of it.
        since = scope.gap_begins if kinds[index] is OpenKind.PAYOUTS else None
        page = await self.opened.page(kinds[index], since or scope.now, cursor)
        return SweepPage(count=page.count, cursor=page.cursor, opened=page.objects)


@dataclass(frozen=True, slots=True, kw_only=True)
class Find:
    """A subject that must be looked at, and the event that says so, if one does."""

    subject: Subject
    customer_id: str | None = None
    event: EventHint | None = None

    def hint(self, run_id: int) -> Hint:
        """As the queue takes it. What belongs to the account is done one after another, and must not wait in a job."""
        event = self.event
        return Hint(
            subject=self.subject,
            source=SOURCE,
            customer_id=ACCOUNT if self.subject.kind in _OF_ACCOUNT else self.customer_id,
            event_id=event.event_id if event else None,
            event_type=event.event_type if event else None,
            event_created_at=event.created if event else None,
            lane=BACKLOG,
            run_id=run_id,
        )


@dataclass(slots=True, kw_only=True)
class Chooser:
    """Decides what must be looked at, from what the tables know and an earlier sweep has remembered.

    `before` holds the marks of that sweep by subject (null: there was none), `marks` those of this one. What is settled
    begins with a dot. A dry run (`run_id` null) keeps in `taken` what it has found, since it stores nothing.
    """

    realm_id: str
    run_id: int | None
    scope: Scope
    before: Mapping[str, str] | None
    marks: dict[str, str] = field(default_factory=dict)
    taken: set[Subject] = field(default_factory=set)

    async def choose(self, connection: AsyncConnection, page: SweepPage) -> list[Find]:
        """What of a page must be looked at, each subject once."""
        finds = [
            *await self._events(connection, page.events),
            *await self._listed(connection, page.listed),
            *await self._open(connection, page.opened),
        ]
        return await self.new(connection, finds)

    async def new(self, connection: AsyncConnection, finds: Sequence[Find]) -> list[Find]:
        """Those finds whose subjects this sweep has not asked for yet, each once."""
        subjects = [find.subject for find in finds]
        if self.run_id is None:
            asked = set(self.taken)
            self.taken |= set(subjects)
        else:
            asked = await hinted_by(connection, self.run_id, subjects)
        first = {find.subject: find for find in reversed(finds)}
        return [find for find in first.values() if find.subject not in asked]

    async def _events(self, connection: AsyncConnection, events: Sequence[EventHint]) -> list[Find]:
        known = await known_events(connection, [event.event_id for event in events])
        unknown = [event for event in events if event.event_id not in known]
        looks = await looks_at(connection, {event.subject for event in unknown if event.subject})
        return [
            Find(subject=event.subject, customer_id=event.customer_id, event=event)
            for event in unknown
            if event.subject and not _has_seen(looks.get(event.subject), event.created)
        ]

    async def _listed(self, connection: AsyncConnection, objects: Sequence[ListedObject]) -> list[Find]:
        wanted = await unknown_of(connection, self.realm_id, self.run_id or 0, objects)
        return [Find(subject=one.subject, customer_id=one.customer_id) for one in wanted]

    async def _open(self, connection: AsyncConnection, objects: Sequence[OpenObject]) -> list[Find]:
        looks = await looks_at(connection, [one.listed.subject for one in objects])
        wanted = []
        for one in objects:
            subject, look = one.listed.subject, looks.get(one.listed.subject)
            if self.scope.known_only and (look is None or look.at is None):
                continue  # its mark is not remembered either: a sweep that somebody asks for takes it
            if one.mark is not None:
                self.marks[str(subject)] = f".{one.mark}" if one.settled else one.mark
            if self._is_wanted(one, look):
                wanted.append(Find(subject=subject, customer_id=one.listed.customer_id))
        return wanted

    def _is_wanted(self, one: OpenObject, look: Look | None) -> bool:
        subject, changed_at = str(one.listed.subject), one.listed.changed_at
        if one.mark is not None and self.scope.gap:
            return True
        if one.mark is not None and self.before is not None and subject in self.before:
            return self.before[subject].removeprefix(".") != one.mark
        return changed_at is None or not _has_seen(look, changed_at)

    def vanished(self) -> list[Find]:
        """What was open at the last sweep and is in no list of this one."""
        gone = [text for text, mark in (self.before or {}).items() if text not in self.marks and mark[0] != "."]
        return [Find(subject=Subject.parse(text)) for text in gone]

    def unlisted(self, believed_open: Iterable[Subject]) -> list[Find]:
        """What is believed to be open and is in no list of this sweep."""
        return [Find(subject=subject) for subject in believed_open if str(subject) not in self.marks]


def _has_seen(look: Look | None, happened_at: datetime) -> bool:
    """Whether a look was so late that it has seen what happened then, and nothing is known to have happened since."""
    return look is not None and not look.dirty and look.at is not None and look.at > happened_at + _SLACK


def by_kind(finds: Collection[Find]) -> dict[str, int]:
    """How many finds of each kind of subject."""
    counts: dict[str, int] = {}
    for find in finds:
        counts[find.subject.kind.value] = counts.get(find.subject.kind.value, 0) + 1
    return counts
