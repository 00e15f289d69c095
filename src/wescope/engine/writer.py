"""The write protocol (DESIGN.md section 4): intend durably, call, compare the answer, post; look up what was lost.

Whatever is cut off at whatever point leaves a link that says what was meant, so that the next run can find out
what became of it. Nothing is created while an earlier attempt of the same document may still be in QBO.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, ClassVar

from sqlalchemy.ext.asyncio import AsyncEngine

from wescope.books.documents import Entity
from wescope.books.parking import ParkCode
from wescope.books.policy import ClosedPeriod
from wescope.books.subjects import Subject
from wescope.engine.accepting import NOT_AS_MEANT, Accepting
from wescope.engine.changing import Changing
from wescope.engine.closing import first_open_day, moved
from wescope.engine.existing_port import ExistingPort
from wescope.engine.foresight import Foresight
from wescope.engine.intents import request_id, variants
from wescope.engine.locks import Lease
from wescope.engine.parks import Park, parked, refusal
from wescope.engine.plan import ADOPTED, Action, Step, adopted, adopted_entity, plan_step
from wescope.engine.remnants import Remnants, without_remnant
from wescope.engine.second_look import SecondLook, is_due
from wescope.engine.sending import SEND_WITHIN_S, Again, NotSettled, Sending, held_by, is_as_sent
from wescope.engine.undone import tried, was_undone
from wescope.errors import DuplicateDocNumber, DuplicateName, StaleObject
from wescope.links.database import transaction
from wescope.links.store import Intent, Link, LinkState, LinkStore, Operation
from wescope.observe.logs import bound
from wescope.observe.traces import span
from wescope.qbo.client import QboClient
from wescope.qbo.company import Company
from wescope.qbo.lookup import find
from wescope.qbo.payloads import to_payload
from wescope.qbo.records import Record, Written
from wescope.qbo.verify import differences, is_void

# Resolving, then planning again, settles in two rounds; more would mean that somebody else is writing.
_MAX_ROUNDS = 4
# A request id that has failed twice may be remembered by QBO with its failure: then it is given up.
_MAX_SENDS = 2
# Where the process died no failure was told, and machines may die many times: but not for ever.
_MAX_SENDS_UNHEARD = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """What was done for one document in the end."""

    step: Step
    action: Action
    qbo_id: str | None


class Writer:
    """Applies one step at a time.

    `settle_s` is how long after losing sight of a write its absence is believed, if it is sent again with the same
    request id: should it land late after all, QBO knows it; and if QBO does not, the document is looked at a second
    time and what is doubled is removed. Where another id is needed nothing but time protects, so `server_timeout_s`
    since the attempt must have passed: after that QBO itself gives up (facts/qbo.md 1). A write leaves within 16
    seconds of its intent (so long may a backlog of several machines wait for its batch), or four fifths of `settle_s`
    if that is less, or never.
    """

    def __init__(
        self,
        *,
        engine: AsyncEngine,
        store: LinkStore,
        client: QboClient,
        company: Company,
        settle_s: float,
        server_timeout_s: float,
        closed_period: ClosedPeriod = ClosedPeriod.PARK,
        existing: ExistingPort | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Take the database, the links, QBO, its reference data, and the clock.

        `closed_period` says what becomes of new documents whose date is closed; `existing` looks for documents that
        somebody else has entered already, null does not look.
        """
        send_within_s = min(SEND_WITHIN_S, 0.8 * settle_s)
        self._sending = Sending(
            engine=engine, store=store, client=client, company=company, clock=clock, send_within_s=send_within_s
        )
        self._accepting = Accepting(self._sending)
        self._changing = Changing(self._sending)
        self._again = SecondLook(self._sending, self._accepting)
        self._remnants = Remnants(self._sending)
        self._store = store
        self._closed_period = closed_period
        self._existing = existing
        self._settle = timedelta(seconds=settle_s)
        # After this an attempt that is not seen never lands: it may leave late, and take QBO long.
        self._lands_within = timedelta(seconds=server_timeout_s + send_within_s)
        self._clock = clock

    async def apply(self, step: Step, subject: Subject, lease: Lease) -> Applied:
        """Make QBO hold the step's document.

        Raises:
            Park: it must not be posted now; says why.
            NotSettled: an earlier write is not accounted for yet.
            ConfigurationError: the company lacks what the document names.
            QboError: QBO could not be reached, or is disconnected.
            LocksLost: another run may have taken over.
        """
        key, entity = step.document.key, step.document.entity.value
        with bound(document_key=key), span("write document", document_key=key, entity=entity):
            return await self._apply(step, subject, lease)

    async def _apply(self, step: Step, subject: Subject, lease: Lease) -> Applied:
        document = step.document
        if is_due(step.link, self._clock()):
            step = await self._again.look(step, lease)
        action = step.action
        for _ in range(_MAX_ROUNDS):
            if step.action is Action.NOTHING:
                if action is Action.CREATE and adopted_entity(step.link):
                    action = Action.ADOPT
                return Applied(step=step, action=action, qbo_id=step.link.qbo_id if step.link else None)
            await lease.check()
            if step.action is not Action.RESOLVE:
                action = step.action
            if step.action is not Action.CREATE and step.link and step.link.stated_date and step.link.txn_date:
                step = _moved_to(step.link.txn_date, step)
            await self._actions[step.action](self, step, subject, lease)
            step = plan_step(document, await self._sending.link(document.key))
        raise StaleObject(document_key=document.key)

    async def take_back(self, step: Step, subject: Subject, lease: Lease, record: Record | None = None) -> None:
        """Take back a document of which only the link is known; see `Changing.take_back`.

        Args:
            step: a document that is to be taken back; what it said is not needed.
            subject: whose it is.
            lease: checked before every write.
            record: what QBO holds, if it was read just now.

        Raises:
            Park, NotSettled, QboError, LocksLost: see `apply`.
        """
        key, entity = step.document.key, step.document.entity.value
        with bound(document_key=key), span("take back document", document_key=key, entity=entity):
            await self._undo(step, subject, lease, record)

    async def _undo(self, step: Step, subject: Subject, lease: Lease, record: Record | None) -> None:
        for _ in range(_MAX_ROUNDS):
            await lease.check()
            match step.action:
                case Action.RESOLVE:
                    await self._resolve_change(step, held_by(step))
                case Action.VOID:
                    await self._changing.take_back(step, held_by(step), subject, lease, record)
                case _:
                    return
            step, record = plan_step(step.document, await self._sending.link(step.document.key)), None
        raise StaleObject(document_key=step.document.key)

    @property
    def lands_within(self) -> timedelta:
        """How long after its intent a write may still arrive at QBO's side, whoever has sent it."""
        return self._lands_within

    @property
    def sending(self) -> Sending:
        """The way in which every write goes out."""
        return self._sending

    @property
    def foresight(self) -> Foresight:
        """What tells beforehand what creating a document would come to."""
        return Foresight(self._sending, self._existing, self._closed_period)

    async def closed_until(self, day: date | None) -> date | None:
        """The last closed day, if `day` is not after it; both in the company's calendar."""
        return await self._sending.closed_until(day)

    # --- create -----------------------------------------------------------------------------------------------------

    async def _create(self, step: Step, subject: Subject, lease: Lease) -> None:
        if await self._adopt_existing(step, subject, lease):
            return
        step = await self._on_open_day(step)
        await self._remnants.clear(step, lease)
        first = self._first_variant(step, subject)
        for chosen in range(first, variants(step.document)):
            try:
                # A name that is taken is taken for an earlier attempt to create it, too: another need not wait for it.
                await self._create_once(step, subject, lease, chosen, beside=chosen > first)
            except DuplicateName:
                if await self._adopt_ours(step, subject, lease):
                    return
                step = replace(step, link=await self._sending.link(step.document.key))
            else:
                return
        raise Park(parked(step.document, ParkCode.NAME_TAKEN))

    def _first_variant(self, step: Step, subject: Subject) -> int:
        """The one that may still land and is sent again; else the first: a name that was taken may be free by now."""
        if step.link is None:
            return 0
        again = self._sending.intent(step, subject, Operation.CREATE, step.link.variant)
        return step.link.variant if again.request_id == step.link.request_id else 0

    async def _on_open_day(self, step: Step) -> Step:
        """The step with its document on the day on which it can be created.

        Raises:
            Park: its period is closed, and the policy does not move it.
        """
        closed_until = await self._sending.closed_until(step.document.dates.txn)
        if closed_until is None:
            return step
        if self._closed_period is ClosedPeriod.NEXT_OPEN_DAY:
            return _moved_to(first_open_day(closed_until), step)
        raise Park(parked(step.document, ParkCode.PERIOD_CLOSED, closed_until=closed_until.isoformat()))

    async def _create_once(self, step: Step, subject: Subject, lease: Lease, variant: int, *, beside: bool) -> None:
        document = step.document
        payload = to_payload(document, await self._sending.references(document, variant))
        await self._sending.check_untried(step, payload)
        intent = self._beside_earlier(self._sending.intent(step, subject, Operation.CREATE, variant), allowed=beside)

        async def call(again: Again) -> Written:
            return await self._sending.client.create(
                document.entity.value,
                payload,
                request_id=intent.request_id,
                document_key=document.key,
                batch=again.batch,
                alone=again.alone,
            )

        try:
            sent = await self._sending.send(intent, lease, call, unwritten=LinkState.ABSENT)
        except DuplicateDocNumber as fault:
            if await self._adopt_ours(step, subject, lease):
                return
            raise Park(refusal(document, ParkCode.DOC_NUMBER_TAKEN, fault)) from fault
        await self._accepting.accept(step, sent, subject, lease, payload)

    def _beside_earlier(self, intent: Intent, *, allowed: bool) -> Intent:
        """A create that may be sent beside an earlier one which was given up, but may still land.

        It may under the same request id, or if it is `allowed` since QBO refuses the earlier one; then the document is
        looked at a second time.

        Raises:
            NotSettled: it must wait.
        """
        seen, now = intent.seen, self._clock()
        if seen is None or seen.recheck_at is None or was_undone(seen):
            return intent
        if intent.request_id != seen.request_id and not allowed:
            raise NotSettled(key=intent.document.key, retry_at=seen.recheck_at)
        return replace(intent, recheck_at=max(seen.recheck_at, now + self._lands_within))

    async def _adopt_existing(self, step: Step, subject: Subject, lease: Lease) -> bool:
        """Link what somebody else has entered and a create would double; nothing is written to it, now or later.

        Raises:
            Park: it only looks like the document.
        """
        sending, document = self._sending, step.document
        if self._existing is None or document.entity is Entity.CUSTOMER:
            return False
        references = await sending.references(document, 0)
        if await self._existing.match(document, references) is None:
            return False
        self._existing.forget()  # somebody may just have removed it
        found = await self._existing.match(document, references, taken=await self._adopted())
        if found is None:
            return False
        if found.kind != "same":
            agreeing = " ".join(found.agrees)
            raise Park(parked(document, ParkCode.LOOKS_LIKE, qbo_id=found.qbo_id, agreeing=agreeing))
        await lease.check()
        held = await sending.record(sending.intent(step, subject, Operation.CREATE, 0))
        record = {"Id": found.qbo_id, "SyncToken": ""}  # it is never written, so its token is not needed
        await sending.post(step, held, record, None, adopted(found.entity, step.fingerprint))
        return True

    async def _adopted(self) -> frozenset[tuple[str, str]]:
        """Entity and id of what is linked already: two payouts of one amount are not the same deposit."""
        async with transaction(self._sending.engine) as connection:
            found = await self._store.posted_as(connection, ADOPTED)
        return frozenset((adopted_entity(link) or "", link.qbo_id or "") for link in found.values())

    async def _adopt_ours(self, step: Step, subject: Subject, lease: Lease) -> bool:
        """Post the document that an earlier attempt of ours has left in QBO, if there is one."""
        references = await self._sending.references(step.document, 0)
        link = await self._sending.link(step.document.key)
        found = without_remnant(link, await find(self._sending.client, step.document, references))
        if found is None:
            return False
        step = replace(step, link=link)
        await self._accepting.accept_found(step, subject, lease, to_payload(step.document, references), found)
        return True

    # --- change -----------------------------------------------------------------------------------------------------

    async def _update(self, step: Step, subject: Subject, lease: Lease) -> None:
        await self._changing.update(step, held_by(step), subject, lease)

    async def _take_back(self, step: Step, subject: Subject, lease: Lease) -> None:
        await self._changing.take_back(step, held_by(step), subject, lease)

    # --- finding out what became of an earlier write ----------------------------------------------------------------

    async def _resolve(self, step: Step, subject: Subject, lease: Lease) -> None:
        link = held_by(step)
        match link.operation:
            case Operation.CREATE:
                await self._resolve_create(step, link, subject, lease)
            case Operation.UPDATE | Operation.VOID:
                await self._resolve_change(step, link)
            case Operation.DELETE:
                await self._resolve_undo(step, link, subject, lease)

    async def _resolve_create(self, step: Step, link: Link, subject: Subject, lease: Lease) -> None:
        sending = self._sending
        references = await sending.references(step.document, link.variant)
        found = await find(sending.client, step.document, references, since=link.attempted_at)
        found = without_remnant(link, found)
        if found is None:
            keeps_id = await self._believe_absence(step, link)
            await sending.end(link, LinkState.ABSENT, spent=not keeps_id, recheck_at=self._may_land_until(link))
        elif link.intent_fingerprint == step.fingerprint:
            payload = to_payload(step.document, references)
            await self._accepting.accept_found(step, subject, lease, payload, found)
        else:
            await self._accepting.remove_duplicates(step.document, lease, found.others)
            await sending.post(step, link, found.record, None, link.intent_fingerprint)

    async def _resolve_change(self, step: Step, link: Link) -> None:
        sending, is_taking_back = self._sending, link.operation is Operation.VOID
        record = await sending.client.read(step.document.entity.value, link.qbo_id or "")
        if record is None and is_taking_back:
            await sending.end(link, LinkState.VOIDED, spent=True)
        elif record is None:
            # What somebody has deleted stays posted in the links, so that it is named and not made again by itself.
            await sending.end(link, LinkState.POSTED, spent=True)
        elif is_void(record) and is_taking_back:
            await sending.end(link, LinkState.VOIDED, sync_token=str(record["SyncToken"]), spent=True)
        elif await self._update_landed(step, link, record):
            await sending.post(step, link, record, step.document)
        elif link.intent_fingerprint != step.fingerprint and is_as_sent(step, link, record):
            await sending.post(step, link, record, None, NOT_AS_MEANT)
        else:
            keeps_id = await self._believe_absence(step, link)
            await sending.end(link, LinkState.POSTED, spent=not keeps_id, recheck_at=self._may_land_until(link))

    async def _resolve_undo(self, step: Step, link: Link, subject: Subject, lease: Lease) -> None:
        record = await self._sending.client.read(step.document.entity.value, link.qbo_id or "")
        if record is None:
            await self._sending.end(link, LinkState.ABSENT, spent=True)
            return
        if record["SyncToken"] != link.sync_token:
            await self._sending.post(step, link, record, None, NOT_AS_MEANT)
            return
        mark = link.intent_fingerprint if was_undone(link) else tried({}, None)
        if standing := await self._accepting.undo(step, subject, lease, record, mark):
            raise Park(parked(step.document, ParkCode.ANSWER_DIFFERS, **standing))

    async def _update_landed(self, step: Step, link: Link, record: Mapping[str, Any]) -> bool:
        if link.operation is not Operation.UPDATE or link.intent_fingerprint != step.fingerprint:
            return False
        references = await self._sending.references(step.document, link.variant)
        payload = to_payload(step.document, references)
        return not differences(step.document, payload, record)

    async def _believe_absence(self, step: Step, link: Link) -> bool:
        """A write that is not seen may still land; only after a while is it believed that it never will.

        Returns:
            Whether it is sent again with the same request id. Not if its content has changed, if QBO has refused the
            id, or if it was lost too often: QBO may remember a failure with it.

        Raises:
            NotSettled: it is too early.
        """
        ids = {"generation": link.generation, "variant": link.variant}
        again = request_id(self._store.realm_id, step, link.operation, **ids)
        most = _MAX_SENDS if link.state is LinkState.UNKNOWN else _MAX_SENDS_UNHEARD
        keeps_id = again == link.request_id and link.sends < most and await self._stays_on_its_day(step, link)
        attempted = link.attempted_at or self._clock()
        believed_at = (link.lost_at or attempted) + self._settle
        if not keeps_id:
            believed_at = max(believed_at, attempted + self._lands_within)
        if self._clock() < believed_at:
            raise NotSettled(key=step.document.key, retry_at=believed_at)
        return keeps_id

    def _may_land_until(self, link: Link) -> datetime | None:
        """When a write that is believed absent can no longer land; null if it cannot any more."""
        until = (link.attempted_at or self._clock()) + self._lands_within
        return until if until > self._clock() else None

    async def _stays_on_its_day(self, step: Step, link: Link) -> bool:
        """Whether a create that is sent anew goes to the same day: the books may have been closed or opened since."""
        if link.operation is not Operation.CREATE or self._closed_period is ClosedPeriod.PARK:
            return True
        closed_until = await self._sending.closed_until(step.stated_date or step.document.dates.txn)
        meant = first_open_day(closed_until) if closed_until else None
        return meant == (link.txn_date if link.stated_date else None)

    _actions: ClassVar[Mapping[Action, Callable[["Writer", Step, Subject, Lease], Awaitable[None]]]] = {
        Action.CREATE: _create,
        Action.UPDATE: _update,
        Action.VOID: _take_back,
        Action.RESOLVE: _resolve,
    }


def _moved_to(day: date, step: Step) -> Step:
    """The step with its document on a later day than its own, if `day` is later."""
    document = moved(step.document, day)
    return step if document is step.document else replace(step, document=document, stated_date=step.document.dates.txn)
