"""Backfill plan: the dry run of a backfill. It reads and plans every subject, and writes nothing anywhere.

What is planned goes into a temporary table of one database session, so that memory does not grow with the history.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncEngine

from wescope.books.documents import CustomerBody, Desired, Document
from wescope.books.parking import ParkCode, Parked
from wescope.books.payout_check import keys_of as keys_of_payout
from wescope.books.policy import Policy
from wescope.books.subjects import DocumentKey, Subject, SubjectKind
from wescope.books.values import Payout, Reading, StripeObject
from wescope.engine.backfill import Course, unknown_of
from wescope.engine.foresight import Expected, Foresight
from wescope.engine.owners import invoices_waited_for
from wescope.engine.parks import Park, missing
from wescope.engine.plan import Action, Step
from wescope.engine.results import MONEY
from wescope.errors import ConfigurationError, ObjectUnreadable, Retry, StripeError
from wescope.links.database import transaction
from wescope.links.forecast import PARK, ForecastTable, PlannedDocument
from wescope.links.store import LinkState, LinkStore
from wescope.qbo.batching import BATCH_ITEMS
from wescope.stripe.client import StripeApi
from wescope.stripe.reader import StripeReader
from wescope.stripe.windows import WindowLister

Progress = Callable[[str, int, int], None]

_AT_ONCE = 8
_BATCHES_PER_MINUTE = 40
_FOREIGN_ENTITIES = 8
"""What others have entered is read for so many entities, a month of each at a time."""

_EXPECTED_ID = "expected"
_NOTHING_RUN = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastRow:
    """Documents of one month, entity, action and currency. `code` says why they would be parked."""

    month: str
    entity: str
    action: str
    code: str
    count: int
    amount: int = field(metadata=MONEY)
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What a backfill would do. Calls and minutes are for its limits: 40 batches of 30 a minute, Stripe's rate."""

    since: date
    until: date
    listed: int
    subjects: int
    settled: int
    rows: tuple[ForecastRow, ...]
    writes: int
    qbo_calls: int
    stripe_calls: int
    minutes: int

    @property
    def needs_somebody(self) -> bool:
        """True if something would be parked."""
        return any(row.action == PARK for row in self.rows)


class Planner(Protocol):
    """What plans an object: `wescope.engine.reconcile.Reconciler`."""

    async def plan(self, found: StripeObject, soon: Collection[DocumentKey] = ()) -> tuple[Desired, tuple[Step, ...]]:
        """What the books want for an object, and the steps to it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class BackfillPlan:
    """Makes forecasts."""

    engine: AsyncEngine
    store: LinkStore
    api: StripeApi
    reader: StripeReader
    lister: WindowLister
    planner: Planner
    foresight: Foresight
    policy: Policy

    async def forecast(self, since: date, until: date, progress: Progress | None = None) -> Forecast:
        """Plan everything of a period.

        Raises:
            WrongUse: the period ends before it begins.
            StripeError: Stripe cannot be read.
            QboError: QBO cannot be read.
        """
        course = Course.of(since, until, self.policy)
        before = self.api.calls_made
        async with self._table() as table:
            planning = _Planning(self, table)
            await planning.all(course, progress)
            sums = await table.sums()
        rows = tuple(
            ForecastRow(
                month=one.month,
                entity=one.entity,
                action=one.action,
                code=one.code,
                count=one.count,
                amount=one.amount,
                currency=one.currency,
            )
            for one in sums
        )
        written = {Action.CREATE, Action.UPDATE, Action.VOID}
        writes = sum(row.count for row in rows if row.action in written)
        batches, stripe_calls = -(-writes // BATCH_ITEMS), self.api.calls_made - before
        months = len({row.month for row in rows if row.month})
        return Forecast(
            since=since,
            until=until,
            listed=planning.listed,
            subjects=planning.subjects,
            settled=planning.settled,
            rows=rows,
            writes=writes,
            qbo_calls=batches + months * _FOREIGN_ENTITIES,
            stripe_calls=stripe_calls,
            minutes=max(-(-batches // _BATCHES_PER_MINUTE), -(-stripe_calls // int(60 * self.api.requests_per_second))),
        )

    @contextlib.asynccontextmanager
    async def _table(self) -> AsyncIterator[ForecastTable]:
        async with self.engine.connect() as opened:
            connection = await opened.execution_options(isolation_level="AUTOCOMMIT")
            table = ForecastTable(connection)
            await table.create()
            try:
                yield table
            finally:
                await table.drop()


class _Planning:
    """One forecast in the making."""

    def __init__(self, plan: BackfillPlan, table: ForecastTable) -> None:
        self._plan, self._table = plan, table
        self._storing = asyncio.Lock()
        self._turn = asyncio.Semaphore(_AT_ONCE)
        self._adopted: set[tuple[str, str]] = set()
        self._waiting: dict[Subject, tuple[DocumentKey, ...]] = {}
        self.listed = self.settled = self.subjects = 0

    async def all(self, course: Course, progress: Progress | None) -> None:
        for index, step in enumerate(course.all()):
            cursor: str | None = None
            while True:
                if progress:
                    progress(f"planning ({self.subjects} subjects)", index, course.steps)
                page = await self._plan.lister.page(step.kind, step.window, cursor)
                async with transaction(self._plan.engine) as connection:
                    realm_id = self._plan.store.realm_id
                    wanted = await unknown_of(connection, realm_id, _NOTHING_RUN, page.objects)
                self.listed += page.count
                self.settled += len(page.objects) - len(wanted)
                await asyncio.gather(*(self._subject(one.subject) for one in wanted))
                await self._again()
                if (cursor := page.cursor) is None:
                    break
        while (subject := await self._next()) is not None:
            await self._look(subject)
        await self._again()

    async def _again(self) -> None:
        """Plan those once more that waited for documents of others that are planned by now."""
        while self._waiting:
            async with self._storing:
                planned = await self._table.of({key for keys in self._waiting.values() for key in keys})
            ready = [
                subject
                for subject, keys in self._waiting.items()
                if any(key in planned and planned[key].action != PARK for key in keys)
            ]
            if not ready:
                return
            for subject in ready:
                del self._waiting[subject]
                await self._look(subject, again=True)

    async def _next(self) -> Subject | None:
        async with self._storing:
            return await self._table.next_of_later()

    async def _subject(self, subject: Subject) -> None:
        async with self._turn:
            async with self._storing:
                is_new = await self._table.begin(subject)
            if is_new:
                await self._look(subject)

    async def _look(self, subject: Subject, *, again: bool = False) -> None:
        """Plan a subject, and those that its run would have looked at together with it."""
        self.subjects += not again
        try:
            reading = await self._plan.reader.read(subject)
            owners = await self._read(subject, reading)
        except StripeError as error:
            if error.retry is not Retry.NEVER:
                raise
            await self._unreadable(subject, error)
            return
        for owner in owners:
            async with self._storing:
                is_new = await self._table.begin(owner)
            if is_new:
                await self._look(owner)

    async def _read(self, subject: Subject, reading: Reading) -> Sequence[Subject]:
        if reading.found is None:
            return reading.owners
        soon = await self._soon(reading.found)
        desired, steps = await self._plan.planner.plan(reading.found, soon)
        async with self._storing:
            await self._table.later(
                one.subject for one in desired.follows if one.subject.kind is SubjectKind.BALANCE_DAY
            )
        return await self._steps(subject, desired, steps)

    async def _soon(self, found: StripeObject) -> set[DocumentKey]:
        """The documents of a payout's rows that the backfill would post before it."""
        if not isinstance(found, Payout):
            return set()
        async with self._storing:
            planned = await self._table.of(keys_of_payout(found, self._plan.policy))
        return {key for key, one in planned.items() if one.action != PARK}

    async def _unreadable(self, subject: Subject, error: StripeError) -> None:
        code = ParkCode.OBJECT_UNREADABLE if isinstance(error, ObjectUnreadable) else ParkCode.REFERENCE_MISSING
        key = DocumentKey(f"{subject.id}:{subject.kind.value}")
        await self._keep([_parked(Parked(key=key, code=code, amount=0, currency=self._plan.policy.home_currency))])

    # --- one subject's documents ------------------------------------------------------------------------------------

    async def _steps(self, subject: Subject, desired: Desired, steps: Sequence[Step]) -> Sequence[Subject]:
        planned = [_parked(item) for item in desired.parked]
        waits: list[Parked] = list(desired.parked)
        names: dict[str, str] = {}
        for step in steps:
            document = step.document
            if isinstance(document.body, CustomerBody):
                names[_expected_id(document.key)] = document.body.display_names[0]
            if step.action is Action.CREATE:
                item = await self._create(document, names, planned)
                planned.append(item)
                if item.code == ParkCode.WAITING:
                    waits.append(_waiting(document, str(item.qbo_id)))
            elif step.action is not Action.RESOLVE:
                # What was undone before it was ever posted is nothing to wait for.
                planned.append(_document(document, step.action.value))
        await self._keep(planned)
        keys = [DocumentKey(str(item.details["waiting_on"])) for item in waits if item.code is ParkCode.WAITING]
        if keys:
            self._waiting[subject] = tuple(keys)
        return invoices_waited_for(waits, subject)

    async def _create(
        self, document: Document, names: dict[str, str], planned: Sequence[PlannedDocument]
    ) -> PlannedDocument:
        known = await self._known(document, {one.key: one for one in planned})
        lacking = next((key for key in document.references if key not in known), None)
        if lacking is not None:
            item = Parked(key=document.key, code=ParkCode.WAITING, amount=document.amount, currency=document.currency)
            return _parked(item, day=document.dates.txn, entity=document.entity.value, waiting_on=lacking)
        expected = Expected(qbo_ids=known, names=names, taken=frozenset(self._adopted))
        try:
            foreseen = await self._plan.foresight.create(document, expected)
        except Park as park:
            return _parked(park.item, day=document.dates.txn, entity=document.entity.value)
        except ConfigurationError as error:
            if (lacked := missing(document, error)) is None:
                raise
            return _parked(lacked, day=document.dates.txn, entity=document.entity.value)
        if foreseen.qbo_id is not None:
            self._adopted.add((foreseen.entity, foreseen.qbo_id))
        return _document(foreseen.document, foreseen.action.value, qbo_id=foreseen.qbo_id)

    async def _known(self, document: Document, here: dict[DocumentKey, PlannedDocument]) -> dict[DocumentKey, str]:
        """The QBO ids of what a document refers to: real ones, or made up for what would be posted by then."""
        wanted = document.references
        async with transaction(self._plan.engine) as connection:
            links = await self._plan.store.load(connection, wanted)
        async with self._storing:
            planned = await self._table.of(wanted) | here
        found = {key: link.qbo_id for key, link in links.items() if link.state is LinkState.POSTED and link.qbo_id}
        soon = {key: one.qbo_id or _expected_id(key) for key, one in planned.items() if one.action != PARK}
        return {key: (soon | found)[key] for key in wanted if key in found or key in soon}

    async def _keep(self, planned: Sequence[PlannedDocument]) -> None:
        async with self._storing:
            await self._table.add(planned)


def _expected_id(key: DocumentKey) -> str:
    return f"{_EXPECTED_ID} {key}"


def _document(document: Document, action: str, *, qbo_id: str | None = None) -> PlannedDocument:
    return PlannedDocument(
        key=document.key,
        entity=document.entity.value,
        action=action,
        amount=document.amount,
        currency=document.currency,
        day=document.dates.txn,
        qbo_id=qbo_id,
    )


def _parked(
    item: Parked, *, day: date | None = None, entity: str = "", waiting_on: str | None = None
) -> PlannedDocument:
    return PlannedDocument(
        key=item.key,
        entity=entity,
        action=PARK,
        amount=item.amount,
        currency=item.currency,
        day=day,
        code=item.code.value,
        qbo_id=waiting_on,
    )


def _waiting(document: Document, waiting_on: str) -> Parked:
    return Parked(
        key=document.key,
        code=ParkCode.WAITING,
        amount=document.amount,
        currency=document.currency,
        details={"waiting_on": waiting_on},
    )
