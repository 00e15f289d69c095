"""The write protocol (DESIGN.md section 4): intend durably, call, compare the answer, post; look up what was lost.

Whatever is cut off at whatever point leaves a link that says what was meant, so that the next run can find out
what became of it. Nothing is created while an earlier attempt of the same document may still be in QBO.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, ClassVar

from sqlalchemy.ext.asyncio import AsyncEngine

from wescope.books.documents import Document, Entity
from wescope.books.parking import ParkCode
from wescope.books.subjects import DocumentKey, Subject
from wescope.engine.intents import display_name, lines_of, request_id, side_request_id, variants
from wescope.engine.locks import Lease
from wescope.engine.parks import Park, parked, refusal
from wescope.engine.plan import Action, Step, plan_step
from wescope.errors import (
    DuplicateDocNumber,
    DuplicateName,
    DuplicateRequestId,
    LocksLost,
    QboDisconnected,
    QboNotSent,
    QboOutcomeUnknown,
    QboRefused,
    StaleObject,
    TransientRefusal,
)
from wescope.links.database import transaction
from wescope.links.store import Intent, Link, LinkState, LinkStore, Operation
from wescope.qbo.client import QboClient
from wescope.qbo.company import Company
from wescope.qbo.lookup import Found, find
from wescope.qbo.payloads import References, to_payload
from wescope.qbo.records import Record, Written
from wescope.qbo.verify import differences, edits, is_void

# Resolving, then planning again, settles in two rounds; more would mean that somebody else is writing.
_MAX_ROUNDS = 4
# A request id whose answer was lost twice may be remembered by QBO with a failure: then it is given up.
_MAX_SENDS = 2
# The SyncToken of what nobody has changed since it was created (facts/qbo.md 2.2).
_UNTOUCHED = "0"
# The fingerprint of what stands in QBO and is no document of ours as we meant it.
_NOT_AS_MEANT = "differs"


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """What was done for one document in the end."""

    step: Step
    action: Action
    qbo_id: str | None


class NotSettled(QboOutcomeUnknown):
    """An earlier write is not accounted for yet; it is looked up again at `retry_at`."""

    code = "not_settled"

    def __init__(self, *, key: DocumentKey, retry_at: datetime) -> None:
        super().__init__(document_key=key)
        self.retry_at = retry_at


class Writer:
    """Applies one step at a time.

    `settle_s` is how long after losing sight of a write its absence is believed, if it is sent again with the same
    request id: should it land late after all, QBO knows it. Where another id is needed nothing but time protects, so
    `server_timeout_s` since the attempt must have passed: after that QBO itself gives up (facts/qbo.md 1).
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
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Take the database, the links, QBO, its reference data, and the clock."""
        self._engine = engine
        self._store = store
        self._client = client
        self._company = company
        self._settle = timedelta(seconds=settle_s)
        self._server_timeout = timedelta(seconds=server_timeout_s)
        self._clock = clock
        # QBO refuses a second name while one is being saved (facts/qbo.md 2.4, 6000): this process sends one at a time.
        self._one_name = asyncio.Lock()

    async def apply(self, step: Step, subject: Subject, lease: Lease) -> Applied:
        """Make QBO hold the step's document.

        Raises:
            Park: it must not be posted now; says why.
            NotSettled: an earlier write is not accounted for yet.
            QboError: QBO could not be reached, or is disconnected.
            LocksLost: another run may have taken over.
        """
        action = step.action
        for _ in range(_MAX_ROUNDS):
            if step.action is Action.NOTHING:
                return Applied(step=step, action=action, qbo_id=step.link.qbo_id if step.link else None)
            await lease.check()
            if step.action is not Action.RESOLVE:
                action = step.action
            await self._actions[step.action](self, step, subject, lease)
            step = plan_step(step.document, await self._link(step.document.key))
        raise StaleObject(document_key=step.document.key)

    # --- create -----------------------------------------------------------------------------------------------------

    async def _create(self, step: Step, subject: Subject, lease: Lease) -> None:
        variant = step.link.variant if step.link else 0
        for chosen in range(variant, variants(step.document)):
            try:
                await self._create_once(step, subject, lease, chosen)
            except DuplicateName:
                if await self._adopt(step, subject, lease):
                    return
                step = plan_step(step.document, await self._link(step.document.key))
            else:
                return
        raise Park(parked(step.document, ParkCode.NAME_TAKEN))

    async def _create_once(self, step: Step, subject: Subject, lease: Lease, variant: int) -> None:
        document = step.document
        payload = to_payload(document, await self._references(document, variant))
        intent = self._intent(step, subject, Operation.CREATE, variant)

        async def call() -> Written:
            return await self._client.create(
                document.entity.value, payload, request_id=intent.request_id, document_key=document.key
            )

        try:
            async with self._one_name if document.entity is Entity.CUSTOMER else contextlib.nullcontext():
                written = await self._send(intent, lease, call, unwritten=LinkState.ABSENT)
        except DuplicateDocNumber as fault:
            if await self._adopt(step, subject, lease):
                return
            raise Park(refusal(document, ParkCode.DOC_NUMBER_TAKEN, fault)) from fault
        await self._accept(step, subject, lease, payload, written.record)

    async def _adopt(self, step: Step, subject: Subject, lease: Lease) -> bool:
        """Post the document that an earlier attempt of ours has left in QBO, if there is one."""
        references = await self._references(step.document, 0)
        found = await find(self._client, step.document, references)
        if found is None:
            return False
        await self._accept_found(step, subject, lease, to_payload(step.document, references), found)
        return True

    async def _accept_found(
        self, step: Step, subject: Subject, lease: Lease, payload: Mapping[str, Any], found: Found
    ) -> None:
        """As `_accept`, for what a look-up found: meanwhile somebody may have edited it, and that is not taken back."""
        document, record = step.document, found.record
        await self._remove_duplicates(document, lease, found)
        differing = differences(document, payload, record)
        if differing and record["SyncToken"] != _UNTOUCHED:
            await self._post(step, record, None, _NOT_AS_MEANT)
            fields = " ".join(differing)
            raise Park(parked(document, ParkCode.EDITED_IN_QBO, qbo_id=str(record["Id"]), fields=fields))
        await self._accept(step, subject, lease, payload, record)

    async def _remove_duplicates(self, document: Document, lease: Lease, found: Found) -> None:
        """Take back what two lost attempts have both left, unless somebody has used it since."""
        used = []
        for qbo_id in found.others:
            record = await self._client.read(document.entity.value, qbo_id)
            if record is None or is_void(record):
                continue
            if document.entity is Entity.CUSTOMER or record["SyncToken"] != _UNTOUCHED:
                used.append(qbo_id)
                continue
            await lease.check()
            request = side_request_id("duplicate", self._store.realm_id, document.entity.value, qbo_id)
            await self._client.delete(
                document.entity.value, qbo_id, _UNTOUCHED, request_id=request, document_key=document.key
            )
        if used:
            raise Park(parked(document, ParkCode.ANSWER_DIFFERS, duplicates=" ".join(used)))

    async def _accept(
        self, step: Step, subject: Subject, lease: Lease, payload: Mapping[str, Any], record: Record
    ) -> None:
        """Compare QBO's answer with the intent: equal is posted, different is taken back and parked."""
        document = step.document
        differing = differences(document, payload, record)
        if not differing:
            await self._post(step, record, document)
            return
        details: dict[str, str | int] = {"differences": " ".join(differing)}
        if document.entity is not Entity.CUSTOMER:  # names cannot be deleted, and carry no amount
            details |= await self._undo(step, subject, lease, record)
        raise Park(parked(document, ParkCode.ANSWER_DIFFERS, **details))

    async def _post(
        self, step: Step, record: Record, document: Document | None, fingerprint: str | None = None
    ) -> None:
        async with transaction(self._engine) as connection:
            await self._store.post(
                connection,
                step.document.key,
                qbo_id=str(record["Id"]),
                sync_token=str(record["SyncToken"]),
                fingerprint=fingerprint or step.fingerprint,
                at=self._clock(),
                document=document,
            )

    async def _undo(self, step: Step, subject: Subject, lease: Lease, record: Record) -> dict[str, str | int]:
        """Take back what QBO stored otherwise than it was sent; the intent to do so outlives this process.

        Returns:
            Nothing if it is taken back; else what still stands, and the fault with which QBO refused.
        """
        document, link = step.document, await self._link(step.document.key)
        qbo_id, sync_token = str(record["Id"]), str(record["SyncToken"])
        seen = replace(step, link=link)
        intent = replace(
            self._intent(seen, subject, Operation.DELETE, link.variant if link else 0),
            qbo_id=qbo_id,
            sync_token=sync_token,
        )

        async def call() -> Written:
            return await self._client.delete(
                document.entity.value, qbo_id, sync_token, request_id=intent.request_id, document_key=document.key
            )

        try:
            await self._send(intent, lease, call, unwritten=LinkState.INTENDED)
        except Park as park:
            return {"qbo_id": qbo_id, "fault_code": park.item.details.get("fault_code", "")}
        await self._end(document.key, LinkState.ABSENT, spent=True)
        return {}

    # --- update and void --------------------------------------------------------------------------------------------

    async def _update(self, step: Step, subject: Subject, lease: Lease) -> None:
        document, link = step.document, _linked(step)
        record = await self._standing(step, link)
        if changed := edits(document, record, amount=link.amount, txn_date=link.txn_date):
            raise Park(parked(document, ParkCode.EDITED_IN_QBO, qbo_id=link.qbo_id or "", fields=" ".join(changed)))
        payload = to_payload(document, await self._references(document, link.variant))
        if not differences(document, payload, record):
            await self._post(step, record, document)
            return
        change = {**payload, "Id": record["Id"], "SyncToken": record["SyncToken"], "sparse": True}
        intent = self._intent(step, subject, Operation.UPDATE, link.variant)

        async def call() -> Written:
            return await self._client.update(
                document.entity.value, change, request_id=intent.request_id, document_key=document.key
            )

        written = await self._send(intent, lease, call, unwritten=LinkState.POSTED)
        if differing := differences(document, payload, written.record):
            await self._end(document.key, LinkState.POSTED, sync_token=str(written.record["SyncToken"]), spent=True)
            await self._restore(document, lease, payload, record, written.record)
            raise Park(parked(document, ParkCode.ANSWER_DIFFERS, differences=" ".join(differing)))
        await self._post(step, written.record, document)

    async def _restore(
        self, document: Document, lease: Lease, payload: Mapping[str, Any], before: Record, after: Record
    ) -> None:
        """Give a document that an update left wrong the content that it had before."""
        qbo_id, sync_token = str(after["Id"]), str(after["SyncToken"])
        content = {name: before[name] for name in payload if name in before} | {"Line": lines_of(before)}
        await lease.check()
        restored = await self._client.update(
            document.entity.value,
            {**content, "Id": qbo_id, "SyncToken": sync_token, "sparse": True},
            request_id=side_request_id("restore", self._store.realm_id, document.key, qbo_id, sync_token),
            document_key=document.key,
        )
        await self._end(document.key, LinkState.POSTED, sync_token=str(restored.record["SyncToken"]))

    async def _void(self, step: Step, subject: Subject, lease: Lease) -> None:
        document, link = step.document, _linked(step)
        record = await self._client.read(document.entity.value, link.qbo_id or "")
        if record is None or is_void(record):
            await self._end(document.key, LinkState.VOIDED)
            return
        if changed := edits(document, record, amount=link.amount, txn_date=link.txn_date):
            raise Park(parked(document, ParkCode.EDITED_IN_QBO, qbo_id=link.qbo_id or "", fields=" ".join(changed)))
        await self._check_open(document)
        intent = self._intent(step, subject, Operation.VOID, link.variant)

        async def call() -> Written:
            return await self._client.void(
                document.entity.value,
                str(record["Id"]),
                str(record["SyncToken"]),
                request_id=intent.request_id,
                document_key=document.key,
            )

        written = await self._send(intent, lease, call, unwritten=LinkState.POSTED)
        if not is_void(written.record):
            await self._end(document.key, LinkState.POSTED, sync_token=str(written.record["SyncToken"]), spent=True)
            raise Park(parked(document, ParkCode.ANSWER_DIFFERS, differences="not_void"))
        await self._end(document.key, LinkState.VOIDED, sync_token=str(written.record["SyncToken"]))

    async def _standing(self, step: Step, link: Link) -> Record:
        record = await self._client.read(step.document.entity.value, link.qbo_id or "")
        if record is None:
            raise Park(parked(step.document, ParkCode.MISSING_IN_QBO, qbo_id=link.qbo_id or ""))
        if is_void(record) and link.amount:
            raise Park(parked(step.document, ParkCode.EDITED_IN_QBO, qbo_id=link.qbo_id or "", fields="voided"))
        return record

    # --- finding out what became of an earlier write ----------------------------------------------------------------

    async def _resolve(self, step: Step, subject: Subject, lease: Lease) -> None:
        link = _linked(step)
        match link.operation:
            case Operation.CREATE:
                await self._resolve_create(step, link, subject, lease)
            case Operation.UPDATE | Operation.VOID:
                await self._resolve_change(step, link)
            case Operation.DELETE:
                await self._resolve_undo(step, link, subject, lease)

    async def _resolve_create(self, step: Step, link: Link, subject: Subject, lease: Lease) -> None:
        references = await self._references(step.document, link.variant, is_written=False)
        found = await find(self._client, step.document, references, since=link.attempted_at)
        if found is None:
            keeps_id = self._believe_absence(step, link)
            await self._end(step.document.key, LinkState.ABSENT, spent=not keeps_id)
        elif link.intent_fingerprint == step.fingerprint:
            await self._accept_found(step, subject, lease, to_payload(step.document, references), found)
        else:
            await self._remove_duplicates(step.document, lease, found)
            await self._post(step, found.record, None, link.intent_fingerprint)

    async def _resolve_change(self, step: Step, link: Link) -> None:
        record = await self._client.read(step.document.entity.value, link.qbo_id or "")
        if record is None:
            # What somebody has deleted stays posted in the links, so that it is named and not made again by itself.
            await self._end(step.document.key, LinkState.POSTED, spent=True)
        elif is_void(record) and link.operation is Operation.VOID:
            await self._end(step.document.key, LinkState.VOIDED, sync_token=str(record["SyncToken"]))
        elif await self._update_landed(step, link, record):
            await self._post(step, record, step.document)
        else:
            keeps_id = self._believe_absence(step, link)
            await self._end(step.document.key, LinkState.POSTED, spent=not keeps_id)

    async def _resolve_undo(self, step: Step, link: Link, subject: Subject, lease: Lease) -> None:
        record = await self._client.read(step.document.entity.value, link.qbo_id or "")
        if record is None:
            await self._end(step.document.key, LinkState.ABSENT, spent=True)
        elif record["SyncToken"] != link.sync_token:
            await self._post(step, record, None, _NOT_AS_MEANT)
        elif standing := await self._undo(step, subject, lease, record):
            raise Park(parked(step.document, ParkCode.ANSWER_DIFFERS, **standing))

    async def _update_landed(self, step: Step, link: Link, record: Record) -> bool:
        if link.operation is not Operation.UPDATE or link.intent_fingerprint != step.fingerprint:
            return False
        references = await self._references(step.document, link.variant, is_written=False)
        payload = to_payload(step.document, references)
        return not differences(step.document, payload, record)

    def _believe_absence(self, step: Step, link: Link) -> bool:
        """A write that is not seen may still land; only after a while is it believed that it never will.

        Returns:
            Whether it is sent again with the same request id. Not if its content has changed, if QBO has refused the
            id, or if it was lost too often: QBO may remember a failure with it.

        Raises:
            NotSettled: it is too early.
        """
        again = request_id(self._store.realm_id, step, link.operation, generation=link.generation, variant=link.variant)
        keeps_id = again == link.request_id and link.sends < _MAX_SENDS
        attempted = link.attempted_at or self._clock()
        believed_at = (link.lost_at or attempted) + self._settle
        if not keeps_id:
            believed_at = max(believed_at, attempted + self._server_timeout)
        if self._clock() < believed_at:
            raise NotSettled(key=step.document.key, retry_at=believed_at)
        return keeps_id

    # --- shared -----------------------------------------------------------------------------------------------------

    async def _send(
        self, intent: Intent, lease: Lease, call: Callable[[], Awaitable[Written]], *, unwritten: LinkState
    ) -> Written:
        """Record the intent, make the call, record what a failure means. `unwritten`: the state as it was before."""
        key = intent.document.key
        await lease.check()
        async with transaction(self._engine) as connection:
            if not await self._store.intend(connection, intent, at=self._clock()):
                raise LocksLost("Another run has written this document.", document_key=key)
        try:
            return await call()
        except (QboOutcomeUnknown, DuplicateRequestId) as error:
            async with transaction(self._engine) as connection:
                spent = isinstance(error, DuplicateRequestId)
                await self._store.lose_sight(connection, key, at=self._clock(), spent=spent)
            raise NotSettled(key=key, retry_at=self._clock() + timedelta(seconds=1)) from error
        except (QboNotSent, QboDisconnected):
            await self._end(key, unwritten)
            raise
        except (DuplicateName, DuplicateDocNumber, StaleObject, TransientRefusal):
            await self._end(key, unwritten, spent=True)
            raise
        except QboRefused as fault:
            await self._end(key, unwritten, spent=True)
            self._company.forget()
            raise Park(refusal(intent.document, ParkCode.REFUSED_BY_QBO, fault)) from fault

    def _intent(self, step: Step, subject: Subject, operation: Operation, variant: int) -> Intent:
        generation = step.link.generation if step.link else 0
        return Intent(
            document=step.document,
            subject=subject,
            operation=operation,
            fingerprint=step.fingerprint,
            request_id=request_id(self._store.realm_id, step, operation, generation=generation, variant=variant),
            generation=generation,
            variant=variant,
            seen=step.link,
        )

    async def _end(
        self, key: DocumentKey, state: LinkState, *, sync_token: str | None = None, spent: bool = False
    ) -> None:
        async with transaction(self._engine) as connection:
            await self._store.settle(connection, key, state, sync_token=sync_token, spent=spent)

    async def _link(self, key: DocumentKey) -> Link | None:
        async with transaction(self._engine) as connection:
            return (await self._store.load(connection, [key])).get(key)

    async def _references(self, document: Document, variant: int, *, is_written: bool = True) -> References:
        """QBO's ids of all that the document refers to. `is_written`: to write it, not to look for it.

        Raises:
            Park: something that it refers to is not posted, or its period is closed.
        """
        if is_written:
            await self._check_open(document)
        async with transaction(self._engine) as connection:
            found = await self._store.load(connection, document.references)
        standing = {key: link.qbo_id for key, link in found.items() if link.state is LinkState.POSTED and link.qbo_id}
        for key in document.references:
            if key not in standing:
                raise Park(parked(document, ParkCode.WAITING, waiting_on=key))
        return await self._company.references(document, standing, display_name(document, variant))

    async def _check_open(self, document: Document) -> None:
        if not await self._is_closed(document):
            return
        self._company.forget()  # somebody may just have opened the books again
        closed_until = await self._is_closed(document)
        if closed_until:
            raise Park(parked(document, ParkCode.PERIOD_CLOSED, closed_until=closed_until.isoformat()))

    async def _is_closed(self, document: Document) -> date | None:
        """The last closed day, if the document's date is not after it; both in the company's calendar."""
        closed_until = (await self._company.preferences()).book_close_date
        day = document.dates.txn
        return closed_until if closed_until and day and day <= closed_until else None

    _actions: ClassVar[Mapping[Action, Callable[["Writer", Step, Subject, Lease], Awaitable[None]]]] = {
        Action.CREATE: _create,
        Action.UPDATE: _update,
        Action.VOID: _void,
        Action.RESOLVE: _resolve,
    }


def _linked(step: Step) -> Link:
    if step.link is None:
        raise AssertionError(f"{step.action} needs a link")  # the plan gives no such step
    return step.link
