"""The plan of an undo: which documents of a run would be taken back, what stays, why, and the one action that helps.

It costs one query of QBO per thousand documents of an entity, and reads nothing from Stripe.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum

from sqlalchemy.ext.asyncio import AsyncEngine

from wescope.books.documents import CustomerBody, Document, Entity, Existence, KeyDates
from wescope.books.subjects import DocumentKey
from wescope.engine.changing import edited_fields
from wescope.engine.closing import is_closed
from wescope.engine.plan import adopted_entity
from wescope.engine.results import MONEY
from wescope.engine.undone import was_undone
from wescope.links.database import transaction
from wescope.links.runs import Run
from wescope.links.store import Link, LinkStore, Operation
from wescope.links.undo import (
    ChangedDocument,
    Place,
    accepted_of,
    changed_by,
    customers_of,
    dependents_of,
    page_of_created,
)
from wescope.qbo import queries
from wescope.qbo.client import QboClient
from wescope.qbo.content import same_lines
from wescope.qbo.preferences import read_preferences
from wescope.qbo.records import TAKEN_BACK_BY, Record, parts
from wescope.qbo.verify import is_void

PAGE = queries.PAGE_LIMIT
SHOWN = 500
"""So many of the documents that stay are told one by one; all are in the sums."""

RELEASE, GONE = "release", "gone"
"""What is done about a document of somebody else's (its link is let go), and about one that QBO does not have."""

# What an invoice was made from does not hang on it.
_SOURCES = frozenset({"Estimate", "TimeActivity", "ReimburseCharge", "SalesOrder"})

Progress = Callable[[str, int, int], None]


class KeptReason(StrEnum):
    """Why a document of a run is not taken back."""

    EDITED = "edited"
    PERIOD_CLOSED = "period_closed"
    DEPENDED_ON = "depended_on"
    UNSETTLED = "unsettled"
    REFUSED = "refused_by_qbo"
    BUSY = "busy"
    UPDATED = "updated"
    CUSTOMER = "customer"


REMEDIES: Mapping[KeptReason, tuple[str, str]] = {
    KeptReason.EDITED: (
        "Somebody has edited it in QBO since.",
        "Void or delete it in QBO by hand, or undo the edit there and run the undo again.",
    ),
    KeptReason.PERIOD_CLOSED: (
        "Its date lies in a closed period.",
        "Move the closing date in QBO (Account and settings, Advanced), then run the undo again.",
    ),
    KeptReason.DEPENDED_ON: (
        "Another document that stays hangs on it.",
        "Take back the one that is named here, then run the undo again.",
    ),
    KeptReason.UNSETTLED: (
        "A write of it is not accounted for yet.",
        "Wait some minutes while a worker finds out, then run the undo again.",
    ),
    KeptReason.REFUSED: (
        "QBO refused to take it back.",
        "Look up the fault code that is named here in the error reference, mend its cause, then run the undo again.",
    ),
    KeptReason.BUSY: ("Somebody else wrote it meanwhile.", "Run the undo again."),
    KeptReason.UPDATED: (
        "The run did not create it, it only changed it to what Stripe says.",
        "Compare it with Stripe (`wescope explain` with its key); what it said before is in QBO's audit log.",
    ),
    KeptReason.CUSTOMER: (
        "Customers stay: they belong to the company from then on.",
        "Nothing; make a customer inactive in QBO if nobody needs it.",
    ),
}
"""Text and the one action that helps, of each reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoRow:
    """What is taken back, of one entity and month: `void`, `delete`, `release` (adopted), `gone` (removed already)."""

    month: str
    entity: str
    action: str
    count: int
    amount: int = field(metadata=MONEY)
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptRow:
    """What stays, of one entity and month, why, and the one action that helps."""

    month: str
    entity: str
    reason: str
    text: str
    remedy: str
    count: int
    amount: int = field(metadata=MONEY)
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptDocument:
    """One document that stays. `date` is in the books' calendar; `details` hold ids, dates and codes only."""

    document_key: str
    entity: str
    qbo_id: str | None
    amount: int = field(metadata=MONEY)
    currency: str
    date: date | None
    reason: str
    details: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoPlan:
    """What undoing a run comes to. `documents` are the first of those that stay; `reads` is what it cost of QBO."""

    run_id: int
    rows: tuple[UndoRow, ...]
    kept: tuple[KeptRow, ...]
    documents: tuple[KeptDocument, ...]
    reads: int

    @property
    def count(self) -> int:
        """How many documents are taken back or released."""
        return sum(row.count for row in self.rows)

    @property
    def needs_somebody(self) -> bool:
        """True if something stays that is not meant to."""
        return any(row.reason != KeptReason.CUSTOMER for row in self.kept)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One document of the run, and what is to be done about it: an action, or the reason why it stays.

    `dependents` are documents of QBO (`Payment/7`) that hang on it, and must be gone before. `record` is what QBO holds
    of it, if it was asked.
    """

    link: Link
    action: str
    record: Record | None = field(default=None, repr=False)
    reason: KeptReason | None = None
    details: Mapping[str, str] = field(default_factory=dict)
    dependents: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The document in QBO, as others name it: `Invoice/145`."""
        return f"{self.link.entity}/{self.link.qbo_id}"

    def kept(self, reason: KeptReason, **details: str) -> "Judged":
        """The same document, as one that stays; what QBO holds of it is not needed any more."""
        return replace(self, reason=reason, details=details, record=None)


def document_of(link: Link) -> Document:
    """The document that a link stands for, as one that is to be taken back: what it said is not needed for that."""
    return Document(
        key=link.document_key,
        entity=Entity(link.entity),
        currency=link.currency,
        amount=link.amount,
        body=CustomerBody(display_names=()),  # it names no other document, and is never sent
        dates=KeyDates(txn=link.txn_date),
        existence=Existence.VOID,
    )


def judge(
    link: Link,
    record: Record | None,
    *,
    dependents: Collection[str] = (),
    accepted: bool = False,
    closed_until: date | None = None,
) -> Judged:
    """What is to be done about one document. Pure.

    Args:
        link: of the document; it may stand.
        record: what QBO holds; null if it was removed, or not asked for since it is adopted or not settled.
        dependents: documents of QBO that hang on it without a link there.
        accepted: a person's edit of it was accepted.
        closed_until: the last closed day, in the company's calendar.
    """
    if adopted_entity(link):
        return Judged(link=link, action=RELEASE)
    action = TAKEN_BACK_BY[Entity(link.entity)]
    found = Judged(link=link, action=action, record=record, dependents=tuple(sorted(dependents)))
    if _is_open(link):
        return found.kept(KeptReason.UNSETTLED)
    if record is None or is_void(record):
        return replace(found, action=GONE, dependents=())
    changed = edited_fields(document_of(link), link, record) or _lines(link, record)
    if accepted or changed:
        return found.kept(KeptReason.EDITED, fields=" ".join(changed) or "accepted")
    if is_closed(link.txn_date, closed_until) and closed_until:
        return found.kept(KeptReason.PERIOD_CLOSED, closed_until=closed_until.isoformat())
    return replace(found, dependents=tuple(sorted({*dependents, *_linked(record)})))


def is_ours(link: Link) -> bool:
    """Whether an open write is the taking back itself, which an undo goes on with."""
    return link.unsettled and link.operation is Operation.VOID


def _is_open(link: Link) -> bool:
    """Whether a write is not accounted for yet, or might land twice: the loop finds out."""
    if link.unsettled:
        return not is_ours(link)
    may_land = link.recheck_at is not None and link.operation in {Operation.CREATE, Operation.UPDATE}
    return may_land and not was_undone(link)


def _lines(link: Link, record: Record) -> tuple[str, ...]:
    """A person may have applied a payment to something else; what pays and is paid goes together in an undo."""
    if link.entity != Entity.PAYMENT.value or link.content is None or record.get("SyncToken") == link.sync_token:
        return ()
    return () if same_lines(link.entity, link.content, record) else ("Line",)


def _linked(record: Record) -> Iterator[str]:
    """What is linked to a whole transaction hangs on it: payments on an invoice, the deposit of a payment."""
    for one in parts(record, "LinkedTxn"):
        if one.get("TxnType") not in _SOURCES:
            yield f"{one.get('TxnType')}/{one.get('TxnId')}"


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoPlanner:
    """Looks at a run's documents, in pages."""

    engine: AsyncEngine
    store: LinkStore
    client: QboClient

    async def plan(
        self, run: Run, progress: Progress | None = None, *, tried: Mapping[str, Mapping[str, str]] | None = None
    ) -> UndoPlan:
        """What undoing a run would do now; nothing is written.

        Args:
            run: whose documents.
            progress: told how many were looked at.
            tried: an undo has just been tried, and QBO refused these documents (by key, with details): nothing more
                will be taken back now.

        Raises:
            QboError: QBO cannot be read.
        """
        judged: dict[str, Judged] = {}
        after: Place | None = None
        reads = 1
        closed_until = await self.closed_until()
        while page := await self.page(run.id, after, PAGE):
            found, asked = await self.judged([place.key for place in page], closed_until)
            judged |= {one.link.document_key: replace(one, record=None) for one in found}
            after, reads = page[-1], reads + asked
            if progress:
                progress("looking at what the run posted", len(judged), 0)
        async with transaction(self.engine) as connection:
            updated = await changed_by(connection, self.store.realm_id, run)
            customers = await customers_of(connection, self.store.realm_id, run.id)
        others = [*_others(updated, KeptReason.UPDATED), *_others(customers, KeptReason.CUSTOMER)]
        left = judged.values() if tried is None else [_tried(one, tried) for one in judged.values()]
        return plan_of(run.id, settle(left), others, reads)

    async def closed_until(self) -> date | None:
        """The last closed day of the company, as it is now."""
        return read_preferences(await self.client.preferences(), {}).book_close_date

    async def page(self, run_id: int, after: Place | None, limit: int) -> list[Place]:
        """The next documents of a run that may stand, in the order in which they are taken back."""
        async with transaction(self.engine) as connection:
            return await page_of_created(connection, self.store.realm_id, run_id, after=after, limit=limit)

    async def judged(self, keys: Sequence[DocumentKey], closed_until: date | None) -> tuple[list[Judged], int]:
        """These documents with what is to be done about them, in their order; and how many queries that took."""
        async with transaction(self.engine) as connection:
            found = await self.store.load(connection, keys)
            hanging = await dependents_of(connection, self.store.realm_id, keys)
            theirs = await self.store.load(connection, sorted({one for several in hanging.values() for one in several}))
            accepted = await accepted_of(connection, self.store.realm_id, keys)
        records, asked = await self._records(found.values())
        judged = [
            judge(
                found[key],
                records.get((found[key].entity, found[key].qbo_id or "")),
                dependents=[f"{theirs[one].entity}/{theirs[one].qbo_id}" for one in hanging[key] if one in theirs],
                accepted=key in accepted,
                closed_until=closed_until,
            )
            for key in keys
            if key in found
        ]
        return judged, asked

    async def _records(self, links: Iterable[Link]) -> tuple[dict[tuple[str, str], Record], int]:
        ids: dict[str, list[str]] = defaultdict(list)
        for link in links:
            if link.qbo_id and not adopted_entity(link) and not _is_open(link):
                ids[link.entity].append(link.qbo_id)
        found: dict[tuple[str, str], Record] = {}
        asked = 0
        for entity, of_entity in ids.items():
            for start in range(0, len(of_entity), PAGE):
                chosen = queries.where_in("Id", of_entity[start : start + PAGE])
                for record in await self.client.query(queries.select(entity, chosen)):
                    found[entity, str(record.get("Id"))] = record
                asked += 1
        return found, asked


def settle(judged: Iterable[Judged], also: Collection[str] = ()) -> list[Judged]:
    """These documents, where what hangs on one that stays is followed through to the end. Pure.

    `also` are documents of QBO (`Payment/7`) that are not among these and are believed to be taken back, too.
    """
    left = list(judged)
    while True:
        going = {*also, *(one.name for one in left if one.reason is None)}
        blocked = [_blocked(one, going) for one in left]
        if blocked == left:
            return left
        left = blocked


def _blocked(one: Judged, going: Collection[str]) -> Judged:
    if one.reason is not None:
        return one
    by = [dependent for dependent in one.dependents if dependent not in going]
    return one.kept(KeptReason.DEPENDED_ON, by=" ".join(by)) if by else one


def _tried(one: Judged, tried: Mapping[str, Mapping[str, str]]) -> Judged:
    if one.reason is not None or one.dependents:
        return one
    refused = tried.get(one.link.document_key)
    return one.kept(KeptReason.BUSY) if refused is None else one.kept(KeptReason.REFUSED, **refused)


def _others(documents: Iterable[ChangedDocument], reason: KeptReason) -> Iterator[KeptDocument]:
    for one in documents:
        yield KeptDocument(
            document_key=one.key,
            entity=one.entity,
            qbo_id=one.qbo_id,
            amount=one.amount,
            currency=one.currency,
            date=one.txn_date,
            reason=reason.value,
        )


def plan_of(run_id: int, judged: Iterable[Judged], others: Iterable[KeptDocument], reads: int) -> UndoPlan:
    """The plan in sums, with the first of the documents that stay, customers last. Pure."""
    taken = Counter[tuple[str, str, str, str]]()
    amounts = Counter[tuple[str, ...]]()
    kept: list[KeptDocument] = []
    for one in judged:
        link = one.link
        if one.reason is None:
            key = (_month(link.txn_date), link.entity, one.action, link.currency)
            taken[key] += 1
            amounts[key] += link.amount
        else:
            kept.append(_kept(one, one.reason))
    kept.extend(others)
    rows = [
        UndoRow(month=key[0], entity=key[1], action=key[2], currency=key[3], count=count, amount=amounts[key])
        for key, count in sorted(taken.items())
    ]
    shown = sorted(kept, key=lambda one: one.reason == KeptReason.CUSTOMER)[:SHOWN]
    return UndoPlan(run_id=run_id, rows=tuple(rows), kept=tuple(_sums(kept)), documents=tuple(shown), reads=reads)


def _kept(one: Judged, reason: KeptReason) -> KeptDocument:
    link = one.link
    return KeptDocument(
        document_key=link.document_key,
        entity=link.entity,
        qbo_id=link.qbo_id,
        amount=link.amount,
        currency=link.currency,
        date=link.txn_date,
        reason=reason.value,
        details=dict(one.details),
    )


def _sums(kept: Iterable[KeptDocument]) -> Iterator[KeptRow]:
    counts, amounts = Counter[tuple[str, str, str, str]](), Counter[tuple[str, str, str, str]]()
    for one in kept:
        key = (one.reason, _month(one.date), one.entity, one.currency)
        counts[key] += 1
        amounts[key] += one.amount
    for key, count in sorted(counts.items()):
        reason, month, entity, currency = key
        text, remedy = REMEDIES[KeptReason(reason)]
        yield KeptRow(
            month=month,
            entity=entity,
            reason=reason,
            text=text,
            remedy=remedy,
            count=count,
            amount=amounts[key],
            currency=currency,
        )


def _month(day: date | None) -> str:
    return day.strftime("%Y-%m") if day else ""
