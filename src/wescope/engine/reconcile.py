"""Reconcile one subject: read it from Stripe, compute what the books should hold, plan, apply, remember.

hint -> read -> desired documents (pure) -> plan = desired - linked -> apply -> links
"""

import contextlib
import random
from collections.abc import AsyncIterator, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from wescope.books.desired import desired_books
from wescope.books.documents import Desired, Document, Existence
from wescope.books.parking import ParkCode, Parked
from wescope.books.policy import Policy
from wescope.books.subjects import DocumentKey, Subject
from wescope.books.values import Payout, Reading, StripeObject
from wescope.engine.connection import Connection
from wescope.engine.lanes import in_lane
from wescope.engine.locks import ClusterLocks, Lease
from wescope.engine.owners import covered_by, invoice_waited_for, invoices_waited_for, owner_of
from wescope.engine.parks import Park, missing, parked
from wescope.engine.payout_port import PayoutPort
from wescope.engine.plan import Action, Step, keys_of, plan_document, plan_step
from wescope.engine.restored_port import RestoredPort
from wescope.engine.results import SyncResult
from wescope.engine.run_log import RunClock, about
from wescope.engine.sending import NotSettled
from wescope.engine.work import Work
from wescope.engine.write_gate import WriteGate
from wescope.engine.writer import Applied, Writer
from wescope.errors import (
    ConfigurationError,
    ObjectUnreadable,
    QboDisconnected,
    QboReadsBlocked,
    Retry,
    StripeError,
    WescopeError,
    WritesHeld,
)
from wescope.links.causes import Causes, causes_of
from wescope.links.clock import DatabaseClock
from wescope.links.database import transaction
from wescope.links.day_figures import record_delays
from wescope.links.run_id import in_run
from wescope.links.store import Link, LinkState, LinkStore
from wescope.links.subjects import (
    Begun,
    Defer,
    Hint,
    begin,
    cover,
    fail,
    finish,
    learn_customer,
    lock_rows,
    not_run_since,
    record_all,
)
from wescope.links.undo import marks_of
from wescope.links.waiting import arrived, waiting_for
from wescope.observe.metrics import Metrics
from wescope.observe.traces import span
from wescope.stripe.reader import StripeReader

_log = structlog.get_logger(__name__)

# Causes that pass by themselves or that somebody mends outside: looked at again after a while, ever less often.
_REPLANNED = frozenset(
    {
        ParkCode.WAITING,
        ParkCode.CHARGE_PENDING,
        ParkCode.REFERENCE_MISSING,
        ParkCode.BALANCE_TRANSACTION_MISSING,
        ParkCode.PERIOD_CLOSED,
        ParkCode.ACCOUNT_MISSING,
        ParkCode.ITEM_MISSING,
        ParkCode.DOC_NUMBER_TAKEN,
        ParkCode.NAME_TAKEN,
        ParkCode.ANSWER_DIFFERS,
        ParkCode.EDITED_IN_QBO,
        ParkCode.MISSING_IN_QBO,
        ParkCode.REFUSED_BY_QBO,
        ParkCode.LOOKS_LIKE,
        ParkCode.EXCHANGE_RATE_MISSING,
        ParkCode.TAX_CODE_MISSING,
        ParkCode.CLASS_MISSING,
        ParkCode.OPENING_CREDIT,
        ParkCode.PAYOUT_DOES_NOT_FOOT,
        ParkCode.PAYOUT_NOT_RECONCILED,
        ParkCode.PAYOUT_WAITING,
        ParkCode.PAYOUT_UNMATCHED,
        ParkCode.REFUND_PENDING,
    }
)
_REPLAN_FIRST_S, _REPLAN_LAST_S = 300, 6 * 3600
_RETRY_FIRST_S, _RETRY_LAST_S = 1, 300
_UNMENDED_RETRY_S = 60
_PAUSED_RETRY_S = 900
"""What waits for a connection or for reads is woken when they are back; this is for the case that nobody does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciler:
    """The loop's body. All collaborators are given; nothing is built here."""

    engine: AsyncEngine
    store: LinkStore
    reader: StripeReader
    writer: Writer
    locks: ClusterLocks
    policy: Policy
    gate: WriteGate
    defer: Defer
    payouts: PayoutPort | None = None
    connection: Connection | None = None
    clock: DatabaseClock = field(default_factory=DatabaseClock)
    restored: RestoredPort | None = None
    metrics: Metrics = field(default_factory=Metrics)

    async def run(self, subject: Subject) -> SyncResult | None:
        """Work off the hints of one subject. Null: there was nothing to do.

        What fails is written down with a time to try again; only a database that is away raises.

        Raises:
            DatabaseUnavailable: nothing could be written down.
        """
        async with transaction(self.engine) as connection:
            begun = await begin(connection, subject)
            causes = await causes_of(connection, subject, begun) if begun and begun.has_work else None
        if begun is None:
            return None
        self.clock.learn(begun.at)
        if causes is None:
            return None
        with about(subject, begun, causes):
            return await self._run(subject, begun, causes)

    async def _run(self, subject: Subject, begun: Begun, causes: Causes) -> SyncResult | None:
        clock = RunClock(begun)
        try:
            held = await self.gate.is_held()
            if self.connection and not held:
                await self.connection.check()
            if self.restored and not held:
                await self.restored.check()
            with in_lane(begun.lane), in_run(begun.run_id):
                work = await self._work(subject, begun, held=held)
        except Exception as error:  # noqa: BLE001 - a job must never die with its hint: it is told and tried again
            await self._fail(subject, begun, error)
            return None
        clock.tell(work, causes)
        return work.result()

    async def preview(self, subject: Subject) -> SyncResult:
        """What a run would do now; nothing is written anywhere."""
        reading = await self.reader.read(subject)
        work = Work(subject)
        if reading.found is not None:
            desired, steps = await self.plan(reading.found)
            work.applied = [Applied(step=step, action=step.action, qbo_id=None) for step in steps]
            work.parked, work.advisory = list(desired.parked), list(desired.advisory)
        return work.result()

    async def plan(self, found: StripeObject, soon: Collection[DocumentKey] = ()) -> tuple[Desired, tuple[Step, ...]]:
        """What the books want for an object as it was read, and the steps to it; nothing is written.

        Documents that will be posted `soon` are not waited for by a payout.
        """
        desired = await self._desired(found, soon)
        async with transaction(self.engine) as connection:
            links = await self.store.load(connection, keys_of(desired.documents))
        return desired, tuple([step for one in desired.documents for step in await self._steps(one, links)])

    async def owners(self, subject: Subject) -> tuple[Subject, ...]:
        """The subjects that own the documents of an object: itself, or the invoices that a charge pays."""
        reading = await self.reader.read(subject)
        return reading.owners or (subject,)

    # --- one run ----------------------------------------------------------------------------------------------------

    async def _work(self, subject: Subject, begun: Begun, *, held: bool) -> Work:
        """Read, plan, apply and remember, all under the customer's lock: a later run finds what this one wrote down.

        A run that has begun while writing was held writes nothing, whatever is released meanwhile.
        """
        async with self._locked(subject, begun.customer_id) as (lease, reading):
            work = Work(subject, webhook_at=begun.webhook_at, held=held)
            owners = reading.owners
            if reading.found is None:
                await self._note_missing(work, reading)
            else:
                work.covered = covered_by(reading.found)
                try:
                    with span("plan", subject=str(subject)):
                        desired = await self._desired(reading.found)
                except ObjectUnreadable as error:
                    work.parked.append(_unreadable(subject, error, self.policy.home_currency))
                else:
                    with span("apply", subject=str(subject), count=len(desired.documents)):
                        await self._apply_all(work, desired, lease)
                    await self._settle_payout(work, reading.found)
                    owners = invoices_waited_for(work.parked, subject)
            await self._finish(subject, begun, work, owners)
            return work

    async def _desired(self, found: StripeObject, soon: Collection[DocumentKey] = ()) -> Desired:
        desired = desired_books(found, self.policy)
        if self.payouts is None:
            return desired
        desired = replace(desired, follows=(*desired.follows, *await self.payouts.days(found)))
        return await self.payouts.gate(found, desired, soon) if isinstance(found, Payout) else desired

    async def _settle_payout(self, work: Work, found: StripeObject) -> None:
        """Have the payout's result stored, unless the run is repeated since a write is not accounted for."""
        if self.payouts is not None and isinstance(found, Payout) and not work.not_settled:
            await self.payouts.settle(found, work.applied, work.parked)

    @contextlib.asynccontextmanager
    async def _locked(self, subject: Subject, customer_id: str | None) -> AsyncIterator[tuple[Lease, Reading]]:
        """Read the subject while nobody else works on its customer: what is read stays true until it is applied."""
        owner = customer_id or subject.id
        async with self.locks.hold(f"customer:{owner}") as lease:
            reading = await self._read(subject)
            true_owner = owner_of(reading.found) if reading.found else owner
            if true_owner == owner:
                yield lease, reading
                return
        async with transaction(self.engine) as connection:
            await learn_customer(connection, subject, true_owner)
        async with self.locks.hold(f"customer:{true_owner}") as lease:
            yield lease, await self._read(subject)

    async def _read(self, subject: Subject) -> Reading:
        with span("read Stripe", subject=str(subject)):
            return await self.reader.read(subject)

    async def _note_missing(self, work: Work, reading: Reading) -> None:
        """Stripe no longer has the object: what stands in QBO of it is not touched, but named."""
        if reading.owners:
            return
        async with transaction(self.engine) as connection:
            links = await self.store.of_subject(connection, work.subject)
        work.parked.extend(_left_over(link, ParkCode.OBJECT_MISSING) for link in links.values())

    async def _apply_all(self, work: Work, desired: Desired, lease: Lease) -> None:
        work.advisory.extend(desired.advisory)
        work.follows = desired.follows
        async with transaction(self.engine) as connection:
            links = await self.store.load(connection, keys_of(desired.documents))
            made_before = await self.store.of_subject(connection, work.subject)
            marks = await self._undone(connection, work.subject, desired, links)
        known = {item.key for item in desired.parked}
        work.parked.extend(marks.get(item.key, item) for item in desired.parked)
        for document in desired.documents:
            for step in await self._steps(document, links):
                known.add(step.document.key)
                if step.document.key in marks and step.document.existence is Existence.PRESENT:
                    await self._leave_undone(work, step, marks[step.document.key], lease)
                else:
                    await self._apply_or_say(work, step, lease)
        work.parked.extend(
            _left_over(link, ParkCode.NO_LONGER_DESIRED) for key, link in made_before.items() if key not in known
        )

    @staticmethod
    async def _undone(
        connection: AsyncConnection, subject: Subject, desired: Desired, links: Mapping[DocumentKey, Link]
    ) -> dict[DocumentKey, Parked]:
        """The documents that an undo has taken back and nobody has asked for since, as they are parked.

        A document that stands was marked by an undo that then left it.
        """
        keys = [*keys_of(desired.documents), *(item.key for item in desired.parked)]
        marks = await marks_of(connection, subject, keys)
        posted = {key for key, link in links.items() if link.state is LinkState.POSTED}
        return {key: item for key, item in marks.items() if key not in posted}

    async def _leave_undone(self, work: Work, step: Step, item: Parked, lease: Lease) -> None:
        """Do not write what was undone; if that was cut off, bring it to its end."""
        document = replace(step.document, existence=Existence.VOID, blockers=(), counters=(), stands=False)
        try:
            if not work.held:
                await self.writer.apply(plan_step(document, step.link), work.subject, lease)
        except Park as park:
            work.parked.append(park.item)
        except NotSettled as error:
            work.not_settled.append(error)
            work.parked.append(item)
        else:
            work.parked.append(item)

    async def _steps(self, document: Document, links: Mapping[DocumentKey, Link]) -> tuple[Step, ...]:
        """What one document asks for; whether its day is closed is asked only if it matters."""
        link, closed_until = links.get(document.key), None
        if document.existence is Existence.VOID and document.counters and link and link.state is LinkState.POSTED:
            closed_until = await self.writer.closed_until(link.txn_date)
        return plan_document(document, links, closed_until)

    async def _apply_or_say(self, work: Work, step: Step, lease: Lease) -> None:
        if not work.held:
            await self._apply(work, step, lease)
        elif step.action is Action.NOTHING:
            work.applied.append(Applied(step=step, action=step.action, qbo_id=step.link.qbo_id if step.link else None))
        else:
            work.parked.append(_held(step))

    async def _apply(self, work: Work, step: Step, lease: Lease) -> None:
        document = step.document
        try:
            applied = await self.writer.apply(step, work.subject, lease)
        except Park as park:
            work.parked.append(await self._true_reason(park.item))
            return
        except ConfigurationError as error:
            item = missing(document, error)
            if item is None:
                raise
            work.parked.append(item)
            return
        except NotSettled as error:
            work.not_settled.append(error)
            return
        except WritesHeld:
            # Somebody has stopped writing since the run began: the rest of it waits as well.
            work.held = True
            work.parked.append(_held(step))
            return
        work.applied.append(applied)
        if applied.action is not Action.NOTHING:
            if work.webhook_at is not None:
                waited = self.clock() - work.webhook_at
                self.metrics.posted(entity=document.entity.value, seconds=waited.total_seconds())
                work.delays.append((document.entity.value, max(0, waited // timedelta(milliseconds=1))))
            _log.info(
                "document applied",
                subject=str(work.subject),
                document_key=document.key,
                operation=applied.action.value,
                entity=document.entity.value,
                qbo_id=applied.qbo_id,
                amount=document.amount,
                currency=document.currency,
            )

    async def _true_reason(self, item: Parked) -> Parked:
        """Whether what a document waits for will ever be posted: an invoice that is rightly skipped will not."""
        owner = invoice_waited_for(item)
        if owner is None:
            return item
        try:
            reading = await self._read(owner)
            skipped = desired_books(reading.found, self.policy).skipped if reading.found else ()
        except ObjectUnreadable:
            return item  # its own run says so
        reason = next((one.reason for one in skipped if one.key == item.details["waiting_on"]), None)
        if reason is None:
            return item
        return replace(item, code=ParkCode.PAYS_SKIPPED_INVOICE, details={"invoice": owner.id, "reason": reason})

    # --- the end of a run -------------------------------------------------------------------------------------------

    async def _finish(self, subject: Subject, begun: Begun, work: Work, owners: Iterable[Subject]) -> None:
        # Also what an earlier run wrote that was cut off before it could tell.
        standing, gone = work.keys(Existence.PRESENT), work.keys(Existence.VOID)
        async with transaction(self.engine) as connection:
            waiting = await waiting_for(connection, standing, gone)
            followers = await not_run_since(connection, {one.subject: one.since for one in work.follows})
            hinted = [Hint(subject=owner, source="owner", lane=begun.lane, run_id=begun.run_id) for owner in owners]
            awaiting = [Subject.parse(text) for text in waiting if text != str(subject)]
            hinted += [Hint(subject=one, source="waiting", lane=begun.lane, run_id=begun.run_id) for one in awaiting]
            following = [one for one in followers if one != subject]
            hinted += [Hint(subject=one, source="follow", lane=begun.lane, run_id=begun.run_id) for one in following]
            await lock_rows(connection, [subject, *(hint.subject for hint in hinted), *work.covered])
            await cover(connection, work.covered, before=begun.at)
            await self.store.park(connection, subject, work.parked, work.advised())
            await self.store.unpark(connection, [*standing, *gone])
            await record_all(connection, hinted, self.defer)
            await record_delays(connection, self.store.realm_id, work.delays)
            if work.not_settled:
                retry_at = min(error.retry_at for error in work.not_settled)
                await fail(connection, subject, begun, retry_at=retry_at, code=NotSettled.code)
            else:
                replan_at = self._replan_at(work.parked, begun.failures)
                if await arrived(connection, self.store.realm_id, work.parked, since=begun.at):
                    replan_at = self.clock() + timedelta(seconds=_RETRY_FIRST_S)
                replan_at = self._or_recheck(replan_at, await self.store.next_recheck(connection, subject))
                code = work.parked[0].code.value if work.parked else None
                await finish(connection, subject, begun, replan_at=replan_at, code=code)

    def _replan_at(self, items: Iterable[Parked], failures: int) -> datetime | None:
        if not any(item.code in _REPLANNED for item in items):
            return None
        return self.clock() + timedelta(seconds=backoff_s(failures, first=_REPLAN_FIRST_S, last=_REPLAN_LAST_S))

    def _or_recheck(self, replan_at: datetime | None, recheck_at: datetime | None) -> datetime | None:
        """When the subject is looked at again: when it is planned anew, or one of its documents is looked up again."""
        if recheck_at is None:
            return replan_at
        # One that is due still, although this run is over, is of a document that is not asked for any more.
        recheck_at = recheck_at if recheck_at > self.clock() else self.clock() + timedelta(seconds=_REPLAN_FIRST_S)
        return recheck_at if replan_at is None else min(replan_at, recheck_at)

    async def _fail(self, subject: Subject, begun: Begun, error: Exception) -> None:
        code = error.code if isinstance(error, WescopeError) else "internal"
        if isinstance(error, StripeError) and error.retry is Retry.NEVER:
            await self._finish(
                subject, begun, Work(subject, parked=[_unreadable(subject, error, self.policy.home_currency)]), ()
            )
            return
        if isinstance(error, QboDisconnected | QboReadsBlocked):
            # The state is told once, when it changes: not by each of thousands of subjects.
            _log.debug("run waits", subject=str(subject), code=code)
        elif isinstance(error, WescopeError):
            _log.warning("run failed", subject=str(subject), code=code, attempt=begun.failures + 1)
        else:
            _log.error("run failed", subject=str(subject), code=code, attempt=begun.failures + 1, exc_info=error)
        wait_s = backoff_s(begun.failures, first=_RETRY_FIRST_S, last=_RETRY_LAST_S)
        if isinstance(error, WescopeError) and error.retry is Retry.WHEN_MENDED:
            wait_s = _UNMENDED_RETRY_S
        if isinstance(error, QboDisconnected | QboReadsBlocked):
            wait_s = _PAUSED_RETRY_S * random.uniform(0.5, 1.0)  # noqa: S311 - only spreads the load
        if isinstance(error, QboDisconnected) and self.connection:
            await self.connection.note(error)
        async with transaction(self.engine) as connection:
            await fail(connection, subject, begun, retry_at=self.clock() + timedelta(seconds=wait_s), code=code)


def backoff_s(failures: int, *, first: int, last: int) -> float:
    """Seconds until the next try: doubling from `first` to `last`, spread so that many do not come back at once."""
    doubled: int = first * 2 ** min(failures, 30)
    return min(last, doubled) * random.uniform(0.8, 1.2)  # noqa: S311 - no secret


def _held(step: Step) -> Parked:
    document = step.document
    return parked(document, ParkCode.DRY_RUN, action=step.action.value, entity=document.entity.value)


def _left_over(link: Link, code: ParkCode) -> Parked:
    return Parked(key=link.document_key, code=code, amount=link.amount, currency=link.currency, day=link.txn_date)


def _unreadable(subject: Subject, error: StripeError, currency: str) -> Parked:
    unreadable = isinstance(error, ObjectUnreadable)
    return Parked(
        key=DocumentKey(f"{subject.id}:{subject.kind.value}"),
        code=ParkCode.OBJECT_UNREADABLE if unreadable else ParkCode.REFERENCE_MISSING,
        amount=0,
        currency=currency,
        details={"field" if unreadable else "error": error.detail or error.code, **error.details},
    )
