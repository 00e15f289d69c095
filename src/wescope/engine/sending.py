"""Sending: what each write to QBO has in common - the durable intent, the call, and what its failure means."""

from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncEngine

from wescope.books.documents import Document
from wescope.books.parking import ParkCode
from wescope.books.subjects import DocumentKey, Subject
from wescope.engine.closing import is_closed
from wescope.engine.intents import display_name, request_id
from wescope.engine.locks import Lease
from wescope.engine.parks import Park, parked, refusal
from wescope.engine.plan import Step
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
from wescope.qbo.records import Record, Written
from wescope.qbo.references import References


class NotSettled(QboOutcomeUnknown):
    """An earlier write is not accounted for yet; it is looked up again at `retry_at`."""

    code = "not_settled"

    def __init__(self, *, key: DocumentKey, retry_at: datetime) -> None:
        super().__init__(document_key=key)
        self.retry_at = retry_at


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
    ) -> None:
        """Take the database, the links, QBO, its reference data, and the clock."""
        self.engine = engine
        self.store = store
        self.client = client
        self.company = company
        self.clock = clock

    async def send(
        self, intent: Intent, lease: Lease, call: Callable[[], Awaitable[Written]], *, unwritten: LinkState
    ) -> Written:
        """Record the intent, make the call, record what a failure means.

        Args:
            intent: what is about to be written.
            lease: checked before anything is done.
            call: makes the one request.
            unwritten: the link's state as it was before.

        Raises:
            Park: QBO refused it.
            NotSettled: nobody knows whether it was written.
            LocksLost: another run is at it.
            QboError: it was surely not written.
        """
        key = intent.document.key
        await lease.check()
        await self.record(intent)
        try:
            return await call()
        except (QboOutcomeUnknown, DuplicateRequestId) as error:
            async with transaction(self.engine) as connection:
                spent = isinstance(error, DuplicateRequestId)
                await self.store.lose_sight(connection, key, at=self.clock(), spent=spent)
            raise NotSettled(key=key, retry_at=self.clock() + timedelta(seconds=1)) from error
        except (QboNotSent, QboDisconnected):
            await self.end(key, unwritten)
            raise
        except (DuplicateName, DuplicateDocNumber, StaleObject, TransientRefusal):
            await self.end(key, unwritten, spent=True)
            raise
        except QboRefused as fault:
            await self.end(key, unwritten, spent=True)
            self.company.forget()
            raise Park(refusal(intent.document, ParkCode.REFUSED_BY_QBO, fault)) from fault

    async def record(self, intent: Intent) -> None:
        """Make the intent durable.

        Raises:
            LocksLost: the link is no longer what it was decided from.
        """
        async with transaction(self.engine) as connection:
            if not await self.store.intend(connection, intent, at=self.clock()):
                raise LocksLost("Another run has written this document.", document_key=intent.document.key)

    def intent(self, step: Step, subject: Subject, operation: Operation, variant: int) -> Intent:
        """The intent to do this to a step's document, under the request id that belongs to it."""
        generation = step.link.generation if step.link else 0
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

    async def post(self, step: Step, record: Record, document: Document | None, fingerprint: str | None = None) -> None:
        """QBO holds `record` for the step; a document renews what the link says of it, null leaves that."""
        async with transaction(self.engine) as connection:
            await self.store.post(
                connection,
                step.document.key,
                qbo_id=str(record["Id"]),
                sync_token=str(record["SyncToken"]),
                fingerprint=fingerprint or step.fingerprint,
                at=self.clock(),
                document=document,
                stated_date=step.stated_date,
            )

    async def end(
        self, key: DocumentKey, state: LinkState, *, sync_token: str | None = None, spent: bool = False
    ) -> None:
        """End the open intent of a document; see `LinkStore.settle`."""
        async with transaction(self.engine) as connection:
            await self.store.settle(connection, key, state, sync_token=sync_token, spent=spent)

    async def link(self, key: DocumentKey) -> Link | None:
        """The link of a document as it is now."""
        async with transaction(self.engine) as connection:
            return (await self.store.load(connection, [key])).get(key)

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
