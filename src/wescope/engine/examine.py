"""Examine: records of QBO's, page by page, beside the links and what Stripe says; what is found is only told.

Most records are told right by their link alone: a digest of their content, taken when they were posted. Only the rest
is read again, and compared with what its Stripe object asks for now.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from wescope.books.documents import Document
from wescope.books.subjects import DocumentKey, Subject
from wescope.engine.accepting import NOT_AS_MEANT
from wescope.engine.closing import moved
from wescope.engine.comparison import (
    compare,
    customer_moved_to,
    finding,
    holds,
    is_untouched,
    linked_objects,
    of_posted,
)
from wescope.engine.drift_kinds import DriftKind
from wescope.engine.parks import Park
from wescope.engine.plan import REBUILT, Step, adopted_entity, is_to_restore
from wescope.engine.reconcile import Reconciler
from wescope.engine.sending import UNTOUCHED, Sending
from wescope.engine.strangers import Strangers
from wescope.errors import ConfigurationError, ObjectUnreadable
from wescope.links.database import transaction
from wescope.links.drift import Finding
from wescope.links.store import Link, LinkState
from wescope.links.verification import Object, by_keys, by_qbo_ids, note_contents, of_customer, owned
from wescope.qbo import queries
from wescope.qbo.content import content_digest
from wescope.qbo.payloads import has_any_marker, to_payload
from wescope.qbo.records import Record, reference

_IDS_AT_ONCE = 100
_DOCUMENTS_OF_CUSTOMER = 5
_CUSTOMER = "Customer"
_UNTRUSTED = frozenset({NOT_AS_MEANT, REBUILT})
_ID = re.compile(r"\d{1,19}")


@dataclass(slots=True)
class Examined:
    """What was found, and what of it Stripe has changed since: `stale` subjects are to be looked at first."""

    findings: list[Finding] = field(default_factory=list)
    stale: set[Subject] = field(default_factory=set)

    def add(self, one: Finding | None) -> None:
        """Keep a finding if it is one."""
        if one is not None:
            self.findings.append(one)

    def extend(self, other: "Examined") -> None:
        """Take over what another one found."""
        self.findings += other.findings
        self.stale |= other.stale


class Examiner:
    """Looks at records. One run's: customers that were merged are remembered for its length."""

    def __init__(self, engine: AsyncEngine, reconciler: Reconciler, sending: Sending, strangers: Strangers) -> None:
        """Take the database, what reads and plans subjects, the way to QBO, and who knows others' records."""
        self._engine, self._reconciler, self._sending, self._strangers = engine, reconciler, sending, strangers
        self._realm_id = sending.store.realm_id
        self._merged: dict[str, str] = {}

    def forget(self) -> None:
        """A new run begins: what was learned about customers and accounts may be out of date."""
        self._merged.clear()
        self._strangers.forget()

    async def page(self, entity: str, records: Sequence[Record]) -> Examined:
        """What is wrong with these records of an entity.

        Raises:
            QboError, StripeError: they cannot be read.
            DatabaseUnavailable: the links cannot be read.
        """
        by_id = {str(record.get("Id")): record for record in records}
        linked = {one for record in records for one in linked_objects(record)}
        async with transaction(self._engine) as connection:
            links = await by_qbo_ids(connection, self._realm_id, entity, by_id)
            ours = await owned(connection, self._realm_id, linked)
        examined, suspects, others = Examined(), [], []
        for qbo_id, record in by_id.items():
            link = links.get(qbo_id)
            if link is None:
                others.append(record)
            elif not link.unsettled and adopted_entity(link) is None:
                examined.findings += await self._linked_by_others(link, record, ours)
                if not is_untouched(link, record, untrusted=_UNTRUSTED):
                    suspects.append(link)
        examined.extend(await self.confirm(entity, suspects))
        examined.findings += await self._strangers.among(entity, others)
        return examined

    async def gone(self, entity: str, ids: Collection[str]) -> Examined:
        """What is wrong with documents of ours whose records QBO did not show, or says to be deleted."""
        async with transaction(self._engine) as connection:
            links = await by_qbo_ids(connection, self._realm_id, entity, ids)
        return await self.confirm(entity, [link for link in links.values() if adopted_entity(link) is None])

    async def records(self, objects: Iterable[Object]) -> Examined:
        """What is wrong with these records, read now."""
        wanted: defaultdict[str, list[str]] = defaultdict(list)
        for entity, qbo_id in sorted(set(objects)):
            wanted[entity].append(qbo_id)
        examined = Examined()
        for entity, ids in wanted.items():
            found = await self.read_all(entity, ids)
            examined.extend(await self.page(entity, [record for record in found.values() if record is not None]))
            examined.extend(await self.gone(entity, [qbo_id for qbo_id, record in found.items() if record is None]))
        return examined

    # --- what may be wrong is looked at closely ---------------------------------------------------------------------

    async def confirm(self, entity: str, suspects: Sequence[Link]) -> Examined:
        """Read suspects anew and compare them with what Stripe says; who is being written meanwhile is left alone."""
        examined = Examined()
        if not suspects:
            return examined
        records = await self.read_all(entity, [link.qbo_id or "" for link in suspects])
        async with transaction(self._engine) as connection:
            now = await by_keys(connection, self._realm_id, [link.document_key for link in suspects])
        by_subject: defaultdict[str, list[Link]] = defaultdict(list)
        for link in suspects:
            if (current := now.get(link.document_key)) is not None and _is_same(current, link):
                by_subject[current.subject].append(current)
        right = []
        for text, links in sorted(by_subject.items()):
            steps = await self.steps(Subject.parse(text))
            for link in links:
                record = records.get(link.qbo_id or "")
                found = await self._judge(link, record, steps.get(link.document_key), examined)
                examined.add(found)
                if found is None and record is not None:
                    right.append((link, content_digest(entity, record), str(record.get("SyncToken", ""))))
        async with transaction(self._engine) as connection:
            await note_contents(connection, right)
        return examined

    async def adopted(self, links: Iterable[Link]) -> Examined:
        """What became of records that somebody else made and that stand for documents of ours."""
        examined = Examined()
        for link in links:
            entity = adopted_entity(link) or link.entity
            record = (await self.read_all(entity, [link.qbo_id or ""])).get(link.qbo_id or "")
            examined.add(of_posted(link, record))
        return examined

    async def _judge(self, link: Link, record: Record | None, step: Step | None, examined: Examined) -> Finding | None:
        if link.entity == _CUSTOMER and (record is None or not record.get("Active", True)):
            return await self._customer(link, record)
        if step is not None and step.fingerprint != link.fingerprint and not _is_of_no_document(link):
            # Stripe has changed it since: that is nobody's edit, and is posted by its own run.
            examined.stale.add(Subject.parse(link.subject))
            return None if await self._is_as_wanted(link, record, step) else of_posted(link, record)
        document = _as_posted(step, link) if step else None
        found = compare(link, record, document, await self.payload(link, document))
        if found is not None and link.fingerprint == REBUILT and record and record.get("SyncToken") == UNTOUCHED:
            # Nobody has touched it since it was made: Stripe has changed it while the database was away.
            examined.stale.add(Subject.parse(link.subject))
            return None
        if found is not None and found.kind == DriftKind.EDITED and (moved_to := _only_moved(found)):
            return await self._merger(link, found, *moved_to)
        return found

    async def _is_as_wanted(self, link: Link, record: Record | None, step: Step) -> bool:
        """Whether QBO has already what Stripe wants now: an older database that was restored does not know of it."""
        payload = await self.payload(link, step.document)
        return payload is not None and holds(step.document, payload, record)

    async def steps(self, subject: Subject) -> Mapping[DocumentKey, Step]:
        """What Stripe's object asks for now, by document; nothing if it is gone or cannot be read as it is.

        Raises:
            StripeError: Stripe does not answer.
        """
        try:
            reading = await self._reconciler.reader.read(subject)
            if reading.found is None:
                return {}
            _, steps = await self._reconciler.plan(reading.found)
        except ObjectUnreadable:
            return {}  # its own run says so
        return {step.document.key: step for step in steps}

    async def payload(self, link: Link, document: Document | None) -> Mapping[str, Any] | None:
        """What QBO would be sent for a document; null if that cannot be told now."""
        if document is None:
            return None
        try:
            return to_payload(document, await self._sending.references(document, link.variant))
        except (Park, ConfigurationError):
            return None

    async def _linked_by_others(self, link: Link, record: Record, ours: Collection[Object]) -> list[Finding]:
        found = []
        for entity, qbo_id in sorted(linked_objects(record) - set(ours)):
            other = await self._sending.client.read(entity, qbo_id)
            if other is None or has_any_marker(other):
                continue  # ours, and not linked yet: its own run knows
            kind = DriftKind.DEPOSITED if entity == "Deposit" else DriftKind.APPLIED
            found.append(
                Finding(
                    document_key=link.document_key,
                    entity=entity,
                    qbo_id=qbo_id,
                    kind=kind.value,
                    amount=abs(link.amount),
                    currency=link.currency,
                    content=content_digest(entity, other),
                    of_ours=False,
                    details={"subject": link.subject, "document": f"{link.entity}/{link.qbo_id}"},
                )
            )
        return found

    # --- customers --------------------------------------------------------------------------------------------------

    async def _customer(self, link: Link, record: Record | None) -> Finding:
        """A customer that is gone or asleep: merged into another one if its documents are that one's now."""
        into = await self._survivor(link)
        if into is not None and link.qbo_id:
            self._merged[link.qbo_id] = into
            return finding(link, DriftKind.MERGED, record, {"into": into})
        if record is None:
            return finding(link, DriftKind.DELETED, None)
        return finding(link, DriftKind.INACTIVE, record, {"fields": "Active:true/false"})

    async def _survivor(self, link: Link) -> str | None:
        async with transaction(self._engine) as connection:
            stripe_customer = link.document_key.partition(":")[0]
            some = await of_customer(connection, self._realm_id, stripe_customer, _DOCUMENTS_OF_CUSTOMER)
        owners = set()
        for one in some:
            if one.currency != link.currency or adopted_entity(one):
                continue
            record = await self._sending.client.read(one.entity, one.qbo_id or "")
            owner = reference(record, "CustomerRef") if record else None
            owners |= {owner} if owner else set()
        return owners.pop() if len(owners) == 1 and link.qbo_id not in owners else None

    async def _merger(self, link: Link, found: Finding, meant: str, other: str) -> Finding | None:
        """A document that is another customer's: because its customer was merged, or because somebody moved it."""
        if self._merged.get(meant) == other:
            return None
        record = await self._sending.client.read(_CUSTOMER, meant)
        if record is not None and record.get("Active", True):
            return found
        async with transaction(self._engine) as connection:
            customers = await by_qbo_ids(connection, self._realm_id, _CUSTOMER, [meant])
        if (customer := customers.get(meant)) is None:
            return found
        self._merged[meant] = other
        return finding(customer, DriftKind.MERGED, record, {"into": other, "document": link.document_key})

    # --- reading ----------------------------------------------------------------------------------------------------

    async def read_all(self, entity: str, ids: Sequence[str]) -> dict[str, Record | None]:
        """The records as they are now, by id; null is what is gone.

        A query may lag behind, so what it does not show is read by itself.
        """
        found: dict[str, Record | None] = {}
        wanted = [one for one in dict.fromkeys(ids) if _ID.fullmatch(one)]
        for start in range(0, len(wanted), _IDS_AT_ONCE):
            some = wanted[start : start + _IDS_AT_ONCE]
            if len(some) > 1:
                where = queries.where_in("Id", some)
                if entity == _CUSTOMER:
                    where = f"{where} AND {queries.including_inactive()}"
                records = await self._sending.client.query_all(entity, where)
                found.update((str(record.get("Id")), record) for record in records)
            for qbo_id in some:
                if qbo_id not in found:
                    found[qbo_id] = await self._sending.client.read(entity, qbo_id)
        return found


def _is_same(now: Link, before: Link) -> bool:
    same = (now.qbo_id, now.generation, now.request_id) == (before.qbo_id, before.generation, before.request_id)
    return same and now.state is LinkState.POSTED


def _is_of_no_document(link: Link) -> bool:
    """Whether the link's fingerprint is no document's, so that it cannot tell whether Stripe has changed it."""
    return link.fingerprint in _UNTRUSTED or is_to_restore(link) or link.entity == _CUSTOMER


def _as_posted(step: Step, link: Link) -> Document:
    """The document on the day on which it was posted, if its own was closed then."""
    return moved(step.document, link.txn_date) if link.stated_date and link.txn_date else step.document


def _only_moved(found: Finding) -> tuple[str, str] | None:
    return customer_moved_to(found.details.get("fields", ""))
