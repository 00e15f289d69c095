"""Backfill: has everything of a period looked at that the books do not have yet, oldest first (DESIGN.md section 6).

It lists Stripe's objects in windows of a week and makes hints of those that are not known and settled; the ordinary
worker does the rest. A page, its hints and the checkpoint are one transaction: whoever goes on begins with the next.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Self

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from wescope.books.policy import Policy
from wescope.books.subjects import SubjectKind
from wescope.engine.owners import ACCOUNT
from wescope.engine.runs import Execution
from wescope.errors import WrongUse
from wescope.links.database import transaction
from wescope.links.runs import Asked, Known, known_of, parked_of, posted_of
from wescope.links.subjects import BACKLOG, Defer, Hint, record_all
from wescope.stripe.windows import FIRST_DAY, IN_WINDOWS, Listed, ListedObject, ListedPage, Period, Window, WindowLister

SOURCE = "backfill"

MOST_QUEUED = 2000
"""So many subjects wait at most; listing goes on when there is room."""

_OF_ACCOUNT = frozenset({SubjectKind.PAYOUT, SubjectKind.BALANCE_TRANSACTION})
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One list of one window."""

    kind: Listed
    window: Window


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """All steps of a backfill, by index.

    Older invoices, the lists of each window, and customers whose balance moved or is not zero.
    """

    period: Period

    @classmethod
    def of(cls, since: date, until: date, policy: Policy) -> Self:
        """The course through the days from `since` to `until` of the books' calendar, both included.

        Raises:
            WrongUse: there is no such day, or Stripe has nothing that old.
        """
        if since < FIRST_DAY:
            raise WrongUse(f"Stripe has nothing from before {FIRST_DAY}: begin there or later.")
        if since > until:
            raise WrongUse("The period ends before it begins.")
        return cls(period=Period(since=since, until=until, timezone=policy.timezone))

    @property
    def steps(self) -> int:
        """How many there are."""
        return self.period.windows * len(IN_WINDOWS) + 3

    def step(self, index: int) -> Step:
        """The step with this index, from 0."""
        if index == 0:
            return Step(kind=Listed.OLDER_INVOICES, window=Window(first=self.period.begin, after=self.period.end))
        if index == self.steps - 2:
            return Step(kind=Listed.BALANCE_MOVES, window=Window(first=self.period.begin, after=self.period.end))
        if index == self.steps - 1:
            return Step(kind=Listed.CUSTOMERS, window=Window(first=_EPOCH, after=self.period.end))
        number, kind = divmod(index - 1, len(IN_WINDOWS))
        return Step(kind=IN_WINDOWS[kind], window=self.period.window(number))

    def all(self) -> Iterator[Step]:
        """Every step, in order."""
        return (self.step(index) for index in range(self.steps))


def options_of(since: date, until: date) -> dict[str, str]:
    """A backfill's options as its run keeps them."""
    return {"since": since.isoformat(), "until": until.isoformat()}


def needs_look(listed: ListedObject, known: Known) -> bool:
    """Whether a listed object is looked at: unless the books have it, and nothing is known to have happened since."""
    if known.hinted:
        return False
    if listed.changed_at is None or known.dirty or known.parked or not known.stands:
        return True
    return known.looked_at is None or listed.changed_at > known.looked_at


def asked_of(listed: ListedObject) -> Asked:
    """The question about a listed object."""
    return Asked(kind=listed.subject.kind.value, subject_id=listed.subject.id, stripe_id=listed.stripe_id)


async def unknown_of(
    connection: AsyncConnection, realm_id: str, run_id: int, objects: Sequence[ListedObject]
) -> list[ListedObject]:
    """Those of the listed objects that must be looked at."""
    known = await known_of(connection, realm_id, run_id, [asked_of(one) for one in objects])
    return [one for one in objects if needs_look(one, known[asked_of(one)])]


@dataclass(frozen=True, slots=True, kw_only=True)
class Backfill:
    """Executes backfills."""

    engine: AsyncEngine
    realm_id: str
    lister: WindowLister
    defer: Defer
    policy: Policy

    async def __call__(self, execution: Execution) -> Mapping[str, Any]:
        """List what is left to list, then wait until all is worked off.

        Returns:
            What was posted by entity, what is parked, and how many subjects are left for later.

        Raises:
            Stopped: somebody wants the run paused or ended.
            StripeError: Stripe cannot be read.
        """
        options = execution.run.options
        course = Course.of(date.fromisoformat(options["since"]), date.fromisoformat(options["until"]), self.policy)
        execution.counts["steps"] = course.steps
        while (index := int(execution.checkpoint.get("step", 0))) < course.steps:
            await execution.room(MOST_QUEUED)
            await execution.proceed()
            cursor = execution.checkpoint.get("cursor")
            step = course.step(index)
            await self._take(execution, index, await self.lister.page(step.kind, step.window, cursor))
        left = await execution.drain()
        return await result_of(self.engine, execution.run.id, left)

    async def _take(self, execution: Execution, index: int, page: ListedPage) -> None:
        run_id = execution.run.id
        async with transaction(self.engine) as connection:
            wanted = await unknown_of(connection, self.realm_id, run_id, page.objects)
            hints = [
                Hint(subject=one.subject, source=SOURCE, customer_id=_owner(one), lane=BACKLOG, run_id=run_id)
                for one in wanted
            ]
            counts = {"listed": page.count, "hinted": len(hints), "skipped": len(page.objects) - len(hints)}
            for name, count in counts.items():
                execution.counts[name] = execution.counts.get(name, 0) + count
            following = index + (page.cursor is None)
            execution.counts["step"] = following
            execution.checkpoint |= {"step": following, "cursor": page.cursor}
            await execution.save(connection)
            await record_all(connection, hints, self.defer)


def _owner(listed: ListedObject) -> str | None:
    """Whose work it is: what belongs to the account is done one after another, and must not wait in the worker."""
    return ACCOUNT if listed.subject.kind in _OF_ACCOUNT else listed.customer_id


async def result_of(engine: AsyncEngine, run_id: int, left: int) -> dict[str, Any]:
    """What a run has come to: posted documents by entity, parked ones by code and currency, subjects left."""
    async with transaction(engine) as connection:
        posted, parking = await posted_of(connection, run_id), await parked_of(connection, run_id)
    rows = [{"code": one.code, "currency": one.currency, "count": one.count, "amount": one.amount} for one in parking]
    return {"posted": posted, "parked": rows, "left": left}
