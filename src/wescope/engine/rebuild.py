"""Rebuild: links are made anew from the markers in QBO, after the database was lost or an older one was restored.

First every record with our marker is linked, which takes one read per thousand: from then on nothing can be doubled.
Then each is compared with what its Stripe object asks for now, as a verification does; what is equal counts as posted,
and what is not stays for people to decide about. At last the loop looks at each object, which brings back what else was
stored of it: what is parked, how payouts foot. Nothing that stands is written.
"""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Self

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from wescope.books.documents import Document, Entity
from wescope.books.subjects import DocumentKey, Subject, SubjectKind
from wescope.engine.backfill import MOST_QUEUED
from wescope.engine.closing import moved
from wescope.engine.comparison import holds
from wescope.engine.examine import Examiner
from wescope.engine.findings import hints
from wescope.engine.plan import REBUILT, Step
from wescope.engine.reconcile import Reconciler
from wescope.engine.runs import Execution
from wescope.engine.sending import Sending
from wescope.errors import MalformedId, ObjectUnreadable
from wescope.links.database import transaction
from wescope.links.rebuilding import (
    Recovered,
    add_links,
    forget,
    hand_over,
    subjects_left,
    subjects_linked,
    uncompared,
    uncompared_of,
    vouch,
)
from wescope.links.store import Link, LinkState
from wescope.links.subjects import record_all
from wescope.links.sweeps import database_now
from wescope.links.verification import by_keys, by_qbo_ids, mark, owned
from wescope.qbo import queries, wire
from wescope.qbo.content import content_digest
from wescope.qbo.lines import sum_of_debits
from wescope.qbo.payloads import marked_keys
from wescope.qbo.records import Record, reference
from wescope.qbo.verify import is_void
from wescope.stripe.identity import identify

_log = structlog.get_logger(__name__)

ENTITIES = (
    Entity.CUSTOMER.value,  # first: it tells whose a document is that its own key does not tell
    Entity.INVOICE.value,
    Entity.CREDIT_MEMO.value,
    Entity.PAYMENT.value,
    Entity.SALES_RECEIPT.value,
    Entity.REFUND_RECEIPT.value,
    Entity.JOURNAL_ENTRY.value,
    Entity.DEPOSIT.value,
)
_PAGE = 1000
_SUBJECTS_AT_ONCE = 50
_CUSTOMER = Entity.CUSTOMER.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebuild:
    """Links what QBO holds of ours, and compares it."""

    engine: AsyncEngine
    reconciler: Reconciler
    sending: Sending
    examiner: Examiner

    @classmethod
    def of(cls, reconciler: Reconciler, examiner: Examiner) -> Self:
        """Over the parts of the loop."""
        return cls(
            engine=reconciler.engine, reconciler=reconciler, sending=reconciler.writer.sending, examiner=examiner
        )

    @property
    def realm_id(self) -> str:
        """The company's."""
        return self.sending.store.realm_id

    async def __call__(self, execution: Execution) -> None:
        """Link everything, then compare it; each step is done once, whoever dies meanwhile.

        Raises:
            Stopped: somebody wants the run paused or ended.
            QboError, StripeError: they cannot be read.
        """
        execution.counts["steps"] = len(ENTITIES)
        while (index := int(execution.checkpoint.get("linked", 0))) < len(ENTITIES):
            await execution.proceed()
            linked = await self.link_entity(ENTITIES[index])
            execution.counts["linked"] = execution.counts.get("linked", 0) + linked
            execution.checkpoint["linked"] = execution.counts["step"] = index + 1
            async with transaction(self.engine) as connection:
                await execution.save(connection)
        await self._compare_all(execution)
        await self._look_at_all(execution)

    # --- linking ----------------------------------------------------------------------------------------------------

    async def link_all(self) -> int:
        """Link everything in QBO that carries our marker; how many documents were not linked before.

        Raises:
            QboError: QBO cannot be read.
        """
        return sum([await self.link_entity(entity) for entity in ENTITIES])

    async def link_entity(self, entity: str) -> int:
        """Link all records of an entity that carry our marker."""
        where = queries.including_inactive() if entity == _CUSTOMER else ""
        start, linked = 1, 0
        while True:
            records = await self.sending.client.query(queries.select(entity, where, start=start, page=_PAGE))
            linked += await self.link(entity, records)
            if len(records) < _PAGE:
                return linked
            start += _PAGE

    async def link_changed(self, since: datetime) -> int:
        """Link what QBO says was made or changed since a moment; everything, if that is too much or too long ago.

        Raises:
            QboError: QBO cannot be read.
        """
        changes = await self.sending.client.changes(ENTITIES, since)
        if changes.is_full:
            return await self.link_all()
        return sum([await self.link(entity, changes.records[entity]) for entity in ENTITIES])

    async def has_unknown(self, entity: str, records: Sequence[Record]) -> bool:
        """Whether one of the records carries our marker and is not linked."""
        marked = [str(record.get("Id")) for record in records if marked_keys(record)]
        async with transaction(self.engine) as connection:
            return len(await owned(connection, self.realm_id, {(entity, one) for one in marked})) < len(marked)

    async def link(self, entity: str, records: Sequence[Record]) -> int:
        """Link those of the records that carry our marker to the documents that have no link."""
        marked = {str(record.get("Id")): record for record in records if marked_keys(record)}
        if not marked:
            return 0
        owners = {reference(record, "CustomerRef") or "" for record in marked.values()}
        async with transaction(self.engine) as connection:
            customers = await by_qbo_ids(connection, self.realm_id, _CUSTOMER, owners)
        found: dict[str, Recovered] = {}
        for qbo_id in sorted(marked, key=_age):
            one = recovered(entity, marked[qbo_id], customers)
            if one is not None and (one.document_key not in found or is_void(marked[found[one.document_key].qbo_id])):
                found[one.document_key] = one
        async with transaction(self.engine) as connection:
            links = await by_keys(connection, self.realm_id, found)
            generation = generation_at(await database_now(connection))
            known = {key for key, link in links.items() if _is_known(link, found[key])}
            fresh = [one for key, one in found.items() if key not in known and not _stands(links.get(key))]
            linked = await add_links(connection, self.realm_id, fresh, fingerprint=REBUILT, generation=generation)
        elsewhere = [(links[key], one) for key, one in found.items() if key not in known and _stands(links.get(key))]
        for link, one in elsewhere:
            linked += await self._relink(link, one, marked[one.qbo_id])
        return linked

    async def _relink(self, link: Link, one: Recovered, record: Record) -> bool:
        """The record that a link stands for may have been replaced since the database was saved."""
        if is_void(record) or link.unsettled:
            return False
        standing = await self.sending.client.read(link.entity, link.qbo_id or "")
        if standing is not None and not is_void(standing):
            return False  # two of one document: `verify` names the copy
        values: dict[str, Any] = {
            "entity": one.entity,
            "qbo_id": one.qbo_id,
            "sync_token": one.sync_token,
            "fingerprint": REBUILT,
            "amount": one.amount,
            "txn_date": one.txn_date,
            "content": one.content,
        }
        async with transaction(self.engine) as connection:
            return await mark(connection, link, **values)

    # --- comparing --------------------------------------------------------------------------------------------------

    async def _compare_all(self, execution: Execution) -> None:
        """Payouts come last: whether theirs is due depends on what is known of all other documents."""
        async with transaction(self.engine) as connection:
            execution.counts["steps"] = await uncompared(connection, self.realm_id, REBUILT)
            execution.counts["step"] = 0
        for payouts in (False, True):
            name = "compared_payout" if payouts else "compared"
            while True:
                await execution.proceed()
                after = str(execution.checkpoint.get(name, ""))
                async with transaction(self.engine) as connection:
                    page = await subjects_left(
                        connection, self.realm_id, REBUILT, after=after, payouts=payouts, limit=_SUBJECTS_AT_ONCE
                    )
                if not page:
                    break
                execution.counts["step"] += await self.compare([Subject.parse(text) for text in page])
                execution.checkpoint[name] = page[-1]
                async with transaction(self.engine) as connection:
                    await execution.save(connection)

    async def _look_at_all(self, execution: Execution) -> None:
        """Have the loop look at every object: only now, since it would read each document that is not compared yet."""
        while True:
            await execution.room(MOST_QUEUED)
            await execution.proceed()
            after = str(execution.checkpoint.get("hinted", ""))
            async with transaction(self.engine) as connection:
                page = await subjects_linked(connection, self.realm_id, after=after, limit=_SUBJECTS_AT_ONCE)
                if not page:
                    break
                execution.checkpoint["hinted"] = page[-1]
                await execution.save(connection)
                subjects = [Subject.parse(text) for text in page]
                await record_all(connection, hints(subjects, execution.run.id), self.reconciler.defer)
        await execution.drain()

    async def compare(self, subjects: Sequence[Subject]) -> int:
        """Compare what was linked with what these Stripe objects ask for; how many documents are as they should be.

        Raises:
            QboError, StripeError: they cannot be read.
        """
        steps: dict[DocumentKey, tuple[Subject, Step]] = {}
        for subject, found in zip(subjects, await asyncio.gather(*map(self._steps, subjects)), strict=True):
            steps.update({key: (subject, step) for key, step in found.items()})
        async with transaction(self.engine) as connection:
            links = await uncompared_of(connection, self.realm_id, REBUILT, list(steps))
        by_entity: defaultdict[str, list[Link]] = defaultdict(list)
        for link in links.values():
            by_entity[link.entity].append(link)
        compared = 0
        for entity, some in by_entity.items():
            records = await self.examiner.read_all(entity, [link.qbo_id or "" for link in some])
            for link in some:
                record = records.get(link.qbo_id or "")
                if record is not None:
                    compared += await self._vouch(link, record, *steps[link.document_key])
        return compared

    async def _steps(self, subject: Subject) -> Mapping[DocumentKey, Step]:
        """What an object asks for. What is an invoice's is handed to it; what Stripe does not know is not ours."""
        try:
            reading = await self.reconciler.reader.read(subject)
            if reading.found is not None:
                _, steps = await self.reconciler.plan(reading.found)
                return {step.document.key: step for step in steps}
        except ObjectUnreadable:
            return {}  # its own run says so
        async with transaction(self.engine) as connection:
            if reading.owners:
                await hand_over(connection, self.realm_id, REBUILT, str(subject), str(reading.owners[0]))
            elif removed := await forget(connection, self.realm_id, REBUILT, str(subject)):
                _log.warning("documents of another account", subject=str(subject), count=removed)
        return {}

    async def _vouch(self, link: Link, record: Record, subject: Subject, step: Step) -> bool:
        document = await self._as_found(link, record, step)
        if document is None:
            return False
        stated = step.document.dates.txn if document is not step.document else step.stated_date
        async with transaction(self.engine) as connection:
            return await vouch(
                connection,
                link,
                document,
                fingerprint=step.fingerprint,
                stated_date=stated,
                subject=str(subject),
                content=content_digest(link.entity, record),
                sync_token=str(record.get("SyncToken", "")),
            )

    async def _as_found(self, link: Link, record: Record, step: Step) -> Document | None:
        """The document as QBO holds it, on a later day too if its own was closed; null if it holds something else."""
        if link.entity == _CUSTOMER:
            return step.document  # the company's own from the day it was made
        later = moved(step.document, link.txn_date) if link.txn_date else step.document
        for document in (step.document, later):
            payload = await self.examiner.payload(link, document)
            if payload is not None and holds(document, payload, record):
                return document
        return None


def recovered(entity: str, record: Record, customers: Mapping[str, Link]) -> Recovered | None:
    """What a record of ours tells of itself; null if its marker names no Stripe object.

    Args:
        entity: QBO's name of the entity.
        record: with our marker.
        customers: the links of QBO's customers, by QBO's id.
    """
    key = DocumentKey(marked_keys(record)[-1])
    customer = customers.get(reference(record, "CustomerRef") or "")
    subject = _subject_of(key, customer)
    if subject is None:
        return None
    currency = _currency(key, entity, record, customer)
    total = sum_of_debits(record) if entity == Entity.JOURNAL_ENTRY.value else wire.decimal(record.get("TotalAmt"))
    metadata = record.get("MetaData")
    created = str(metadata.get("CreateTime") or "") if isinstance(metadata, Mapping) else ""
    day = str(record.get("TxnDate") or "")
    return Recovered(
        document_key=key,
        entity=entity,
        qbo_id=str(record["Id"]),
        sync_token=str(record.get("SyncToken", "")),
        subject=str(subject),
        amount=wire.minor(total, currency) or 0,
        currency=currency,
        txn_date=date.fromisoformat(day[:10]) if day else None,
        content=content_digest(entity, record),
        created_at=_moment(created),
    )


def generation_at(now: datetime) -> int:
    """A generation above all that a lost database may have used, and below those of any later rebuilding."""
    return int(now.timestamp() // 60)


def _subject_of(key: DocumentKey, customer: Link | None) -> Subject | None:
    try:
        return identify(key.partition(":")[0])
    except MalformedId:
        if customer is None:
            return None
        return Subject(kind=SubjectKind.CUSTOMER, id=customer.document_key.partition(":")[0])


def _currency(key: DocumentKey, entity: str, record: Record, customer: Link | None) -> str:
    if entity == _CUSTOMER:
        return key.rpartition(":")[2]
    named = reference(record, "CurrencyRef")
    return named.lower() if named else customer.currency if customer else "usd"


def _moment(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else None


def _is_known(link: Link, one: Recovered) -> bool:
    return (link.entity, link.qbo_id) == (one.entity, one.qbo_id) or link.unsettled


def _stands(link: Link | None) -> bool:
    return link is not None and link.state is LinkState.POSTED


def _age(qbo_id: str) -> int:
    return int(qbo_id) if qbo_id.isdecimal() else 0
