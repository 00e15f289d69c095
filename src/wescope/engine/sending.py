"""Sending: what each write to QBO has in common - the durable intent, the call, and what its failure means."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from wescope.books.documents import Document
from wescope.books.parking import ParkCode
from wescope.books.subjects import DocumentKey, Subject
from wescope.engine.closing import is_closed
from wescope.engine.intents import display_name, request_id, side_request_id
from wescope.engine.locks import Lease
from wescope.engine.parks import Park, parked, refusal
from wescope.engine.plan import Step
from wescope.engine.undone import is_tried, wait
from wescope.errors import (
    DuplicateDocNumber,
    DuplicateName,
    DuplicateRequestId,
    ObjectGone,
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
from wescope.qbo.content import content_digest
from wescope.qbo.lanes import SEND_BY
from wescope.qbo.records import BatchIdentity, Record, Written
from wescope.qbo.references import References
from wescope.qbo.verify import edits

SEND_WITHIN_S = 16.0
"""How long after its intent a write may leave, in seconds; to believe that it is absent takes longer (`settle_s`)."""


UNTOUCHED = "0"
"""The SyncToken of what nobody has changed since it was created (facts/qbo.md 2.2)."""


class NotSettled(QboOutcomeUnknown):
    """An earlier write is not accounted for yet; it is looked up again at `retry_at`."""

    code = "not_settled"

    def __init__(self, *, key: DocumentKey, retry_at: datetime) -> None:
        super().__init__(document_key=key)
        self.retry_at = retry_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """How a request must go out, if QBO may know it from an earlier attempt: in its batch of then, or by itself.

    Else it goes as it comes, `batch` null and not `alone`.
    """

    batch: BatchIdentity | None = None
    alone: bool = False


Call = Callable[[Again], Awaitable[Written]]
"""Makes one request, as it must go out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What QBO answered to an intent, and the link with the intent still open."""

    record: Record = field(repr=False)
    link: Link


class Sending:
    """The links, QBO and its reference data, and the one way in which a write goes out."""

    def __init__(
        self,
        *,
        engine: AsyncEngine,
        store: LinkStore,
        client: QboClient,
        company: Company,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        send_within_s: float = SEND_WITHIN_S,
    ) -> None:
        """Take the database, the links, QBO, its reference data, the clock, and how late a write may leave."""
        self.engine = engine
        self.store = store
        self.client = client
        self.company = company
        self.clock = clock
        self.send_within_s = send_within_s
        self.generation_floor = 0
        """The first generation of a document that is not linked: above those of a lost database (`restored.py`)."""

    async def send(self, intent: Intent, lease: Lease, call: Call, *, unwritten: LinkState) -> Sent:
        """Record the intent, make the call, record what a failure means.

        Args:
            intent: what is about to be written.
            lease: checked before anything is done.
            call: makes the one request.
            unwritten: the link's state as it was before.

        Returns:
            QBO's answer, and the link with the intent still open.

        Raises:
            Park: QBO refused it.
            NotSettled: nobody knows whether it was written.
            LocksLost: another run is at it.
            QboError: it was surely not written.
        """
        await lease.check()
        with self.in_time():
            held = await self.record(intent)
            return await self._send(intent, held, call, unwritten)

    @contextlib.contextmanager
    def in_time(self) -> Iterator[None]:
        """Let what is written to QBO within the block leave only for a while from now.

        Who stops between intent and sending, and wakes up late, does not send: another may have taken the work over.
        """
        token = SEND_BY.set(asyncio.get_running_loop().time() + self.send_within_s)
        try:
            yield
        finally:
            SEND_BY.reset(token)

    async def _send(self, intent: Intent, held: Link, call: Call, unwritten: LinkState) -> Sent:
        try:
            return Sent(record=(await call(_again(held))).record, link=held)
        except (QboOutcomeUnknown, DuplicateRequestId) as error:
            async with transaction(self.engine) as connection:
                spent = isinstance(error, DuplicateRequestId)
                await self.store.lose_sight(connection, held, at=self.clock(), spent=spent)
            raise NotSettled(key=held.document_key, retry_at=self.clock() + timedelta(seconds=1)) from error
        except (QboNotSent, QboDisconnected):
            await self.end(held, unwritten, unsent=True)
            raise
        except (DuplicateName, DuplicateDocNumber, StaleObject, TransientRefusal):
            await self.end(held, unwritten, spent=True)
            raise
        except QboRefused as fault:
            await self.end(held, unwritten, spent=True)
            self.company.forget()
            raise Park(refusal(intent.document, ParkCode.REFUSED_BY_QBO, fault)) from fault

    async def record(self, intent: Intent) -> Link:
        """Make the intent durable; the link is what its outcome is recorded with.

        Raises:
            LocksLost: the link is no longer what it was decided from.
        """
        async with transaction(self.engine) as connection:
            return await self.store.intend(connection, intent, at=self.clock())

    def intent(self, step: Step, subject: Subject, operation: Operation, variant: int) -> Intent:
        """The intent to do this to a step's document, under the request id that belongs to it."""
        generation = step.link.generation if step.link else self.generation_floor
        return Intent(
            document=step.document,
            subject=subject,
            operation=operation,
            fingerprint=step.fingerprint,
            request_id=request_id(self.store.realm_id, step, operation, generation=generation, variant=variant),
            generation=generation,
            variant=variant,
            seen=step.link,
            stated_date=step.stated_date,
        )

    async def post(
        self, step: Step, held: Link, record: Record, document: Document | None, fingerprint: str | None = None
    ) -> Link:
        """QBO holds `record` for the step; a document renews what the link says of it, null leaves that.

        A document is given only if the record was compared with it: then the link remembers the record's content.

        An update whose answer was lost may have landed although another content is wanted by now: then what stands is
        what was last sent, and not an edit of somebody's.

        Raises:
            LocksLost: another run has written the document since `held`.
        """
        async with transaction(self.engine) as connection:
            return await self.store.post(
                connection,
                held,
                qbo_id=str(record["Id"]),
                sync_token=str(record["SyncToken"]),
                fingerprint=fingerprint or step.fingerprint,
                at=self.clock(),
                document=document,
                stated_date=step.stated_date,
                as_meant=document is None and is_as_sent(step, held, record),
                content=content_digest(step.document.entity.value, record) if document else None,
            )

    async def end(
        self,
        held: Link,
        state: LinkState,
        *,
        sync_token: str | None = None,
        spent: bool = False,
        recheck_at: datetime | None = None,
        tried: str | None = None,
        unsent: bool = False,
    ) -> Link:
        """End the open intent of a document; see `LinkStore.settle`.

        Raises:
            LocksLost: another run has written the document since `held`.
        """
        async with transaction(self.engine) as connection:
            return await self.store.settle(
                connection,
                held,
                state,
                sync_token=sync_token,
                spent=spent,
                recheck_at=recheck_at,
                tried=tried,
                unsent=unsent,
            )

    async def link(self, key: DocumentKey) -> Link | None:
        """The link of a document as it is now."""
        async with transaction(self.engine) as connection:
            return (await self.store.load(connection, [key])).get(key)

    async def check_untried(self, step: Step, payload: Mapping[str, Any]) -> None:
        """Let pass what QBO was not sent before, or not lately, if it stores that otherwise.

        Raises:
            Park: as it was parked when it was sent.
        """
        link = step.link
        if link is None or link.recheck_at is None or not is_tried(link, payload):
            return
        async with transaction(self.engine) as connection:
            told = await self.store.told(connection, link.document_key, ParkCode.ANSWER_DIFFERS)
        raise Park(told or parked(step.document, ParkCode.ANSWER_DIFFERS))

    def try_again_at(self, held: Link, mark: str) -> datetime:
        """When a content is sent again that QBO stores otherwise; what else is to be looked at then stays so."""
        at = self.clock() + wait(mark)
        return max(at, held.recheck_at) if held.recheck_at else at

    def side_request_id(self, purpose: str, entity: str, qbo_id: str) -> str:
        """The request id of a write beside the plan, never used twice: its SyncToken keeps it from being done twice."""
        return side_request_id(purpose, self.store.realm_id, entity, qbo_id, self.clock().isoformat())

    async def remove(self, lease: Lease, entity: str, qbo_id: str, sync_token: str, key: DocumentKey) -> bool:
        """Delete a record of QBO's that no link stands for.

        Returns:
            False if QBO refuses it.

        Raises:
            QboError: nobody knows whether it was deleted, or it was surely not.
        """
        await lease.check()
        request = self.side_request_id("remove", entity, qbo_id)
        try:
            with self.in_time():
                await self.client.delete(entity, qbo_id, sync_token, request_id=request, document_key=key)
        except ObjectGone:
            return True
        except QboRefused:
            return False
        return True

    async def references(self, document: Document, variant: int) -> References:
        """QBO's ids of all that the document refers to.

        Raises:
            Park: something that it refers to is not posted.
            ConfigurationError: the company lacks something that the document names.
        """
        async with transaction(self.engine) as connection:
            found = await self.store.load(connection, document.references)
        standing = {key: link.qbo_id for key, link in found.items() if link.state is LinkState.POSTED and link.qbo_id}
        for key in document.references:
            if key not in standing:
                raise Park(parked(document, ParkCode.WAITING, waiting_on=key))
        return await self.company.references(document, standing, display_name(document, variant))

    async def check_open(self, document: Document, *days: date | None) -> None:
        """Let pass what touches no closed day.

        Raises:
            Park: one of the days (of the company's calendar) is closed.
        """
        for day in days:
            if closed_until := await self.closed_until(day):
                raise Park(parked(document, ParkCode.PERIOD_CLOSED, closed_until=closed_until.isoformat()))

    async def closed_until(self, day: date | None) -> date | None:
        """The last closed day, if `day` is not after it; both in the company's calendar."""
        if not await self._is_closed(day):
            return None
        self.company.forget()  # somebody may just have opened the books again
        return await self._is_closed(day)

    async def _is_closed(self, day: date | None) -> date | None:
        closed_until = (await self.company.preferences()).book_close_date
        return closed_until if is_closed(day, closed_until) else None


def batch_notes(engine: AsyncEngine, store: LinkStore) -> Callable[[str, Mapping[str, str]], Awaitable[None]]:
    """What makes the identities of a batch's writes durable before it is sent: `before_batch` of the client."""

    async def note(batch_id: str, items: Mapping[str, str]) -> None:
        async with transaction(engine) as connection:
            await store.note_batch(connection, batch_id, items)

    return note


def is_as_sent(step: Step, held: Link, record: Record) -> bool:
    """Whether the record is what the link's last update made of the document, as far as edits are told from it."""
    if held.operation is not Operation.UPDATE or held.intent_amount is None or record["SyncToken"] == held.sync_token:
        return False
    return not edits(step.document, record, amount=held.intent_amount, txn_date=held.intent_txn_date)


def held_by(step: Step) -> Link:
    """The link of a step that has one."""
    if step.link is None:
        raise AssertionError(f"{step.action} needs a link")  # the plan gives no such step
    return step.link


def _again(held: Link) -> Again:
    if held.batch_id is not None and held.batch_item is not None:
        return Again(batch=BatchIdentity(batch_id=held.batch_id, item=held.batch_item))
    return Again(alone=held.sends > 1)
