"""A small applier: the product's own mapping, plan, payloads and verification, with links in a dict and no database.

It reads subjects, applies what the books want in posting order, retries what waits until nothing changes, and honours
follows. What it leaves out of the engine is what a database, other processes and a network bring.
"""

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from tests.simulation.inprocess import InProcessQbo
from wescope.books.desired import desired_books
from wescope.books.documents import Desired, Document, Entity, Existence, Follow
from wescope.books.parking import ParkCode, Parked
from wescope.books.payout_check import Posted, PostedState, RowState, check_payout, keys_of
from wescope.books.policy import Policy
from wescope.books.subjects import DocumentKey, Subject, deposit_key
from wescope.books.values import Payout, StripeObject
from wescope.engine.intents import display_name, variants
from wescope.engine.owners import invoice_waited_for
from wescope.engine.parks import Park, missing, parked
from wescope.engine.plan import Action, Step, plan_document
from wescope.errors import ConfigurationError, DuplicateDocNumber, DuplicateName, ObjectUnreadable, QboRefused
from wescope.links.store import Link, LinkState, Operation
from wescope.qbo.company import Company
from wescope.qbo.payloads import to_payload
from wescope.qbo.records import TAKEN_BACK_BY, Record
from wescope.qbo.references import References
from wescope.qbo.verify import differences, edits, leftovers
from wescope.stripe.reader import StripeReader

_MOST_ROUNDS = 30
_NOT_FINAL = frozenset({ParkCode.CHARGE_PENDING, ParkCode.REFUND_PENDING, ParkCode.BALANCE_TRANSACTION_MISSING})
_RETRIED = frozenset(
    {
        ParkCode.WAITING,
        ParkCode.PAYOUT_WAITING,
        ParkCode.PAYS_SKIPPED_INVOICE,
        ParkCode.OPENING_CREDIT,
        ParkCode.REFUSED_BY_QBO,
        ParkCode.DOC_NUMBER_TAKEN,
        ParkCode.ANSWER_DIFFERS,
    }
)


class NeverSettles(AssertionError):
    """Runs keep writing although nothing happens in Stripe."""


@dataclass(slots=True, kw_only=True)
class Settlement:
    """What a posted document moved in clearing."""

    amount: int | None
    currency: str


@dataclass(slots=True)
class Applier:
    """Makes QBO hold what the books want. `now` is Stripe's time."""

    reader: StripeReader
    client: InProcessQbo
    company: Company
    policy: Policy
    now: datetime
    links: dict[DocumentKey, Link] = field(default_factory=dict)
    settled: dict[DocumentKey, Settlement] = field(default_factory=dict)
    parks: dict[Subject, dict[DocumentKey, Parked]] = field(default_factory=dict)
    advisory: dict[Subject, dict[DocumentKey, Parked]] = field(default_factory=dict)
    last_run: dict[Subject, datetime] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)
    _requests: Iterator[int] = field(default_factory=itertools.count)

    # --- many subjects ----------------------------------------------------------------------------------------------

    async def sync(self, subjects: Iterable[Subject], now: datetime) -> None:
        """Work on the subjects, what they point at, and what waits, until nothing is left to do.

        Raises:
            NeverSettles: it does not end.
        """
        self.now = now
        dirty = dict.fromkeys(subjects)
        for again in range(_MOST_ROUNDS):
            writes = self.client.writes
            runs = 0
            while dirty:
                subject = next(iter(dirty))
                del dirty[subject]
                dirty |= dict.fromkeys(await self.run(subject))
                runs += 1
                if runs > 20_000:
                    raise NeverSettles(f"subjects keep hinting each other: {list(dirty)[:5]}")
            waiting = self._waiting()
            if not waiting or (again and self.client.writes == writes):
                return
            dirty = dict.fromkeys(waiting)
        raise NeverSettles(f"still writing after {_MOST_ROUNDS} rounds: {self.log[-6:]}")

    def _waiting(self) -> list[Subject]:
        return [
            subject for subject, items in self.parks.items() if any(item.code in _RETRIED for item in items.values())
        ]

    def parked(self) -> dict[DocumentKey, Parked]:
        """All that is parked."""
        return {key: item for items in self.parks.values() for key, item in items.items()}

    def is_posted(self, key: DocumentKey) -> bool:
        """Whether the document stands in QBO."""
        link = self.links.get(key)
        return link is not None and link.state is LinkState.POSTED

    # --- one subject ------------------------------------------------------------------------------------------------

    async def run(self, subject: Subject) -> list[Subject]:
        """One run of a subject; returns the subjects to look at next."""
        reading = await self.reader.read(subject)
        self.last_run[subject] = self.now
        if reading.found is None:
            if not reading.owners:
                self._park(subject, self._left_over(subject, frozenset(), ParkCode.OBJECT_MISSING))
            return [owner for owner in reading.owners if owner != subject]
        desired = await self._desired(reading.found)
        items = list(desired.parked)
        known = {item.key for item in items}
        for document in desired.documents:
            known.add(document.key)
            for step in plan_document(document, self.links, None):
                known.add(step.document.key)
                try:
                    await self._apply(step, subject)
                except Park as park:
                    items.append(await self._true_reason(park.item))
        items += self._left_over(subject, frozenset(known), ParkCode.NO_LONGER_DESIRED)
        self._park(subject, items)
        self.advisory[subject] = {item.key: item for item in desired.advisory}
        follows = [one.subject for one in desired.follows if not self._ran_since(one.subject, one.since)]
        waited = [invoice_waited_for(item) for item in items]
        unseen = [one for one in waited if one is not None and one != subject and one not in self.last_run]
        return [one for one in (*follows, *unseen) if one != subject]

    def _ran_since(self, subject: Subject, since: datetime) -> bool:
        ran = self.last_run.get(subject)
        return ran is not None and ran >= since

    def _park(self, subject: Subject, items: Iterable[Parked]) -> None:
        found = {item.key: item for item in items}
        if found:
            self.parks[subject] = found
        else:
            self.parks.pop(subject, None)

    def _left_over(self, subject: Subject, known: frozenset[DocumentKey], code: ParkCode) -> list[Parked]:
        return [
            Parked(key=link.document_key, code=code, amount=link.amount, currency=link.currency)
            for link in self.links.values()
            if link.subject == str(subject)
            and link.entity != Entity.CUSTOMER.value  # they outlive it
            and link.state is LinkState.POSTED
            and link.document_key not in known
        ]

    async def _desired(self, found: StripeObject) -> Desired:
        desired = desired_books(found, self.policy)
        return await self._gated(found, desired) if isinstance(found, Payout) else desired

    async def _true_reason(self, item: Parked) -> Parked:
        """As the engine does: what waits for an invoice that is rightly skipped waits for ever."""
        owner = invoice_waited_for(item)
        if owner is None:
            return item
        try:
            reading = await self.reader.read(owner)
        except ObjectUnreadable:
            return item
        skipped = desired_books(reading.found, self.policy).skipped if reading.found else ()
        reason = next((one.reason for one in skipped if one.key == item.details["waiting_on"]), None)
        if reason is None:
            return item
        return replace(item, code=ParkCode.PAYS_SKIPPED_INVOICE, details={"invoice": owner.id, "reason": reason})

    # --- payouts ----------------------------------------------------------------------------------------------------

    async def _gated(self, payout: Payout, desired: Desired) -> Desired:
        """Hold the deposit back while a document of its rows is missing; see `wescope.engine.payouts`."""
        key = deposit_key(payout.id)
        posted = self._posted(payout)
        stands = key in posted and posted[key].state is not PostedState.VOIDED
        wanted = any(one.key == key and one.existence is Existence.PRESENT for one in desired.documents)
        if stands or not wanted:
            return desired
        pending = {item.key for item in self.parked().values() if item.code in _NOT_FINAL}
        check = check_payout(payout, self.policy, posted, pending)
        undone = set()
        for row in check.rows:
            if row.state is RowState.MISSING and row.subject in self.last_run:
                undone |= await self._undone(row.subject)
        if undone:
            never = Posted(amount=None, currency=payout.currency, state=PostedState.VOIDED)
            check = check_payout(payout, self.policy, posted | dict.fromkeys(undone - posted.keys(), never), pending)
        if not check.waiting_on:
            return desired
        unseen = [row for row in check.rows if row.state is RowState.MISSING and row.subject not in self.last_run]
        follows = tuple(Follow(subject=row.subject, since=self.now) for row in unseen)
        item = Parked(
            key=key,
            code=ParkCode.PAYOUT_WAITING,
            amount=abs(payout.amount),
            currency=payout.currency,
            details={"waiting_on": " ".join(check.waiting_on)},
        )
        documents = tuple(one for one in desired.documents if one.key != key)
        return replace(
            desired, documents=documents, parked=(*desired.parked, item), follows=(*desired.follows, *follows)
        )

    def _posted(self, payout: Payout) -> dict[DocumentKey, Posted]:
        found: dict[DocumentKey, Posted] = {}
        for key in keys_of(payout, self.policy):
            link = self.links.get(key)
            if link is not None and link.state in {LinkState.POSTED, LinkState.VOIDED}:
                moved = self.settled.get(key)
                found[key] = Posted(
                    amount=moved.amount if moved else None,
                    currency=moved.currency if moved else payout.currency,
                    state=PostedState.POSTED if link.state is LinkState.POSTED else PostedState.VOIDED,
                )
        return found

    async def _undone(self, subject: Subject) -> set[DocumentKey]:
        reading = await self.reader.read(subject)
        readings = [reading, *[await self.reader.read(owner) for owner in reading.owners]]
        return {
            document.key
            for found in (one.found for one in readings if one.found is not None)
            for document in desired_books(found, self.policy).documents
            if document.existence is Existence.VOID
        }

    # --- one document -----------------------------------------------------------------------------------------------

    async def _apply(self, step: Step, subject: Subject) -> None:
        try:
            match step.action:
                case Action.CREATE:
                    await self._create(step, subject)
                case Action.UPDATE:
                    await self._update(step, subject)
                case Action.VOID:
                    await self._take_back(step)
                case _:
                    pass
        except QboRefused as fault:
            details = dict(fault.details)
            raise Park(parked(step.document, ParkCode.REFUSED_BY_QBO, **details, action=step.action.value)) from fault
        except ConfigurationError as error:
            item = missing(step.document, error)
            if item is None:
                raise
            raise Park(item) from error

    async def _references(self, document: Document, variant: int) -> References:
        ids: dict[DocumentKey, str] = {}
        for key in document.references:
            link = self.links.get(key)
            if link is None or link.state is not LinkState.POSTED or link.qbo_id is None:
                raise Park(parked(document, ParkCode.WAITING, waiting_on=key))
            ids[key] = link.qbo_id
        return await self.company.references(document, ids, display_name(document, variant))

    async def _create(self, step: Step, subject: Subject) -> None:
        document = step.document
        for variant in range(variants(document)):
            payload = to_payload(document, await self._references(document, variant))
            try:
                written = await self.client.create(
                    document.entity.value, payload, request_id=self._request(), document_key=document.key
                )
            except DuplicateName:
                continue
            except DuplicateDocNumber as fault:
                raise Park(parked(document, ParkCode.DOC_NUMBER_TAKEN, **dict(fault.details))) from fault
            self._check(document, payload, written.record, fresh=True)
            self._post(step, subject, written.record)
            return
        raise Park(parked(document, ParkCode.NAME_TAKEN))

    async def _update(self, step: Step, subject: Subject) -> None:
        document, link = step.document, _linked(step)
        record = await self._standing(document, link)
        payload = to_payload(document, await self._references(document, link.variant))
        if differences(document, payload, record):
            change = {**payload, "Id": record["Id"], "SyncToken": record["SyncToken"], "sparse": True}
            written = await self.client.update(
                document.entity.value, change, request_id=self._request(), document_key=document.key
            )
            record = written.record
            self._check(document, payload, record, fresh=False)
        self._post(step, subject, record)

    async def _take_back(self, step: Step) -> None:
        document, link = step.document, _linked(step)
        record = await self._standing(document, link)
        for key in document.blockers:
            if self.is_posted(key):
                raise Park(parked(document, ParkCode.WAITING, waiting_on=key, until="taken_back"))
        remove = self.client.delete if TAKEN_BACK_BY[document.entity] == "delete" else self.client.void
        await remove(
            document.entity.value,
            str(record["Id"]),
            str(record["SyncToken"]),
            request_id=self._request(),
            document_key=document.key,
        )
        self.log.append(f"{'':8}take back {document.key}")
        self.links[document.key] = replace(link, state=LinkState.VOIDED)

    async def _standing(self, document: Document, link: Link) -> Record:
        record = await self.client.read(document.entity.value, link.qbo_id or "")
        if record is None:
            raise Park(parked(document, ParkCode.MISSING_IN_QBO))
        if changed := edits(document, record, amount=link.amount, txn_date=link.txn_date):
            raise Park(parked(document, ParkCode.EDITED_IN_QBO, fields=" ".join(changed)))
        return record

    def _check(self, document: Document, payload: dict[str, Any], record: Record, *, fresh: bool) -> None:
        found = differences(document, payload, record) + (leftovers(document, record) if fresh else ())
        if found:
            raise AssertionError(f"QBO stored {document.key} otherwise than meant: {' '.join(found)}")

    def _post(self, step: Step, subject: Subject, record: Record) -> None:
        document = step.document
        self.log.append(
            f"{'':8}{step.action} {document.key} {document.amount} {document.currency} {document.dates.txn}"
        )
        self.links[document.key] = Link(
            realm_id="sandbox",
            document_key=document.key,
            entity=document.entity.value,
            state=LinkState.POSTED,
            operation=Operation.CREATE,
            qbo_id=str(record["Id"]),
            sync_token=str(record["SyncToken"]),
            fingerprint=step.fingerprint,
            intent_fingerprint=step.fingerprint,
            request_id="",
            generation=0,
            sends=1,
            variant=0,
            attempted_at=None,
            lost_at=None,
            subject=str(subject),
            amount=document.amount,
            currency=document.currency,
            txn_date=document.dates.txn,
        )
        moved = document.settled
        self.settled[document.key] = Settlement(
            amount=moved.amount if moved else None, currency=moved.currency if moved else document.currency
        )

    def _request(self) -> str:
        return f"sim{next(self._requests)}"


def _linked(step: Step) -> Link:
    assert step.link is not None, step.action
    return step.link
