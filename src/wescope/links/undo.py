"""Undo: the documents that a run created or changed, and the marks on those that were taken back.

A mark is a row of `parked` with the code `undone`: the loop does not write the document again until somebody asks for
its subject (`sync`, `replay`, `backfill`) after it was marked.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from wescope.books.documents import Entity
from wescope.books.parking import ParkCode, Parked
from wescope.books.subjects import DocumentKey, Subject, deposit_key, reversal_key
from wescope.links.runs import Run, RunKind
from wescope.links.schema import (
    accepted_edits,
    attempts,
    hints,
    links,
    parked,
    payout_checks,
    payout_rows,
    runs,
    subjects,
)
from wescope.links.store import LinkState

STANDING = (LinkState.POSTED.value, LinkState.INTENDED.value, LinkState.UNKNOWN.value)

_ASKED_FOR = ("sync", "replay", "backfill")
_OWNER = "owner"
_BY_RUNS = (RunKind.REPLAY.value, RunKind.BACKFILL.value)
_LOOKED_AT_AGAIN_AFTER = timedelta(minutes=15)
"""If whoever takes a document back dies in the middle and nobody goes on, the loop finds out what became of it."""

_MONTH = "YYYY-MM"

_IS_MARK = parked.c.code == ParkCode.UNDONE.value
_BY_RUN = sa.exists().where(runs.c.id == hints.c.run_id, runs.c.kind.in_(_BY_RUNS))
_LIFTED = sa.exists().where(
    hints.c.kind == sa.bindparam("of_kind"),
    hints.c.subject_id == sa.bindparam("of_id"),
    hints.c.received_at > parked.c.since,
    sa.or_(hints.c.source.in_(_ASKED_FOR), sa.and_(hints.c.source == _OWNER, _BY_RUN)),
)
"""Whether somebody has asked for the subject, or for an object whose documents it owns, since it was marked."""
_OF_SUBJECT = parked.c.subject == sa.bindparam("subject")
_KEYS = sa.bindparam("keys", type_=ARRAY(sa.Text))
# Put together once: they are asked by every run.
_MARKS = sa.select(
    parked.c.document_key, parked.c.amount, parked.c.currency, parked.c.details, _LIFTED.label("lifted")
).where(_IS_MARK, sa.or_(_OF_SUBJECT, parked.c.document_key == sa.any_(_KEYS)))
_DROP_LIFTED = sa.delete(parked).where(_IS_MARK, _OF_SUBJECT, parked.c.document_key != sa.all_(_KEYS), _LIFTED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a document of a run stands in the order in which they are taken back, and whose lock protects it."""

    key: DocumentKey
    rank: int
    created_at: datetime
    owner: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedDocument:
    """A document that a run changed, but did not create. Amount in minor units."""

    key: str
    entity: str
    qbo_id: str | None
    amount: int
    currency: str
    txn_date: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoneSum:
    """What was taken back in a month, by entity and currency, in minor units."""

    entity: str
    month: str
    currency: str
    count: int
    amount: int = field(metadata={"money": True})


def _rank() -> sa.ColumnElement[int]:
    """What mostly hangs on others comes first; the rest is found out document by document."""
    return sa.case(
        (sa.or_(links.c.entity == Entity.DEPOSIT.value, links.c.subject.startswith("payout/")), 0),
        (sa.and_(links.c.entity == Entity.PAYMENT.value, links.c.document_key.endswith(":application")), 1),
        (links.c.document_key.endswith(":reversal"), 2),
        (links.c.entity == Entity.PAYMENT.value, 3),
        else_=4,
    )


def _created(realm_id: str, run_id: int) -> sa.ColumnElement[bool]:
    return sa.and_(links.c.realm_id == realm_id, links.c.run_id == run_id, links.c.state.in_(STANDING))


async def page_of_created(
    connection: AsyncConnection, realm_id: str, run_id: int, *, after: Place | None, limit: int
) -> list[Place]:
    """The next transactions that a run created and that may stand: dependents first, then the newest first."""
    rank = _rank()
    owner = sa.func.coalesce(subjects.c.customer_id, sa.func.split_part(links.c.subject, "/", 2))
    known = sa.and_(
        subjects.c.kind == sa.func.split_part(links.c.subject, "/", 1),
        subjects.c.id == sa.func.split_part(links.c.subject, "/", 2),
    )
    query = (
        sa.select(links.c.document_key, rank.label("rank"), links.c.created_at, owner.label("owner"))
        .select_from(links.outerjoin(subjects, known))
        .where(_created(realm_id, run_id), links.c.entity != Entity.CUSTOMER.value)
        .order_by(rank, links.c.created_at.desc(), links.c.document_key)
        .limit(limit)
    )
    if after is not None:
        later = sa.or_(
            rank > after.rank,
            sa.and_(rank == after.rank, links.c.created_at < after.created_at),
            sa.and_(rank == after.rank, links.c.created_at == after.created_at, links.c.document_key > after.key),
        )
        query = query.where(later)
    rows = await connection.execute(query)
    return [
        Place(key=DocumentKey(row.document_key), rank=row.rank, created_at=row.created_at, owner=row.owner)
        for row in rows
    ]


async def count_created(connection: AsyncConnection, realm_id: str, run_id: int) -> int:
    """How many transactions a run created that may stand."""
    query = sa.select(sa.func.count()).where(_created(realm_id, run_id), links.c.entity != Entity.CUSTOMER.value)
    return int(await connection.scalar(query) or 0)


async def still_of(
    connection: AsyncConnection, realm_id: str, run_id: int, keys: Collection[DocumentKey]
) -> frozenset[str]:
    """Those of the documents that still are what the run created: nobody has had them written anew meanwhile."""
    query = sa.select(links.c.document_key).where(_created(realm_id, run_id), links.c.document_key.in_(list(keys)))
    return frozenset((await connection.execute(query)).scalars())


async def customers_of(connection: AsyncConnection, realm_id: str, run_id: int) -> list[ChangedDocument]:
    """The customers that a run created: they belong to the company from then on."""
    return await _documents(connection, _created(realm_id, run_id), links.c.entity == Entity.CUSTOMER.value)


async def changed_by(connection: AsyncConnection, realm_id: str, run: Run) -> list[ChangedDocument]:
    """Documents that the run only changed: of its subjects, not created by it, and written while it ran.

    The log of attempts does not say for whom a write was done, so this counts a document, too, that somebody else's
    hint changed at that time; what is older than the log (90 days) is not known any more.
    """
    mine = sa.select(hints.c.kind + "/" + hints.c.subject_id).where(hints.c.run_id == run.id)
    written = sa.select(attempts.c.document_key).where(
        attempts.c.realm_id == realm_id,
        attempts.c.operation.in_(["update", "void", "delete"]),
        attempts.c.outcome == "ok",
        attempts.c.started_at >= run.started_at,
        attempts.c.started_at <= (run.finished_at or sa.func.now()),
    )
    return await _documents(
        connection,
        links.c.realm_id == realm_id,
        links.c.subject.in_(mine),
        links.c.run_id.is_distinct_from(run.id),
        links.c.entity != Entity.CUSTOMER.value,
        links.c.document_key.in_(written),
    )


async def _documents(connection: AsyncConnection, *conditions: sa.ColumnElement[bool]) -> list[ChangedDocument]:
    columns = (links.c.document_key.label("key"), *(links.c[name] for name in list(_CHANGED_FIELDS)[1:]))
    rows = await connection.execute(sa.select(*columns).where(*conditions).order_by(links.c.document_key))
    return [ChangedDocument(**row._mapping) for row in rows]  # noqa: SLF001 - the documented way to a row's mapping


_CHANGED_FIELDS = ChangedDocument.__dataclass_fields__


async def dependents_of(
    connection: AsyncConnection, realm_id: str, keys: Collection[DocumentKey]
) -> dict[DocumentKey, tuple[DocumentKey, ...]]:
    """Documents that hang on others without being linked to them in QBO, and may stand.

    The deposit of a payout hangs on the documents of its rows, and a dated counter-document on what it counters.
    """
    if not keys:
        return {}
    paid_out = sa.select(payout_rows.c.document_key, payout_rows.c.payout_id).where(
        payout_rows.c.realm_id == realm_id, payout_rows.c.document_key.in_(list(keys))
    )
    found: dict[DocumentKey, list[DocumentKey]] = {key: [] for key in keys}
    for key, payout_id in await connection.execute(paid_out):
        found[DocumentKey(key)].append(deposit_key(payout_id))
    for key in keys:
        counter = reversal_key(key.partition(":")[0])
        if counter != key and not key.endswith(":application"):
            found[key].append(counter)
    asked = {one for several in found.values() for one in several}
    standing = sa.select(links.c.document_key).where(
        links.c.realm_id == realm_id, links.c.document_key.in_(asked), links.c.state.in_(STANDING)
    )
    stands = set((await connection.execute(standing)).scalars())
    return {key: tuple(one for one in several if one in stands) for key, several in found.items()}


async def accepted_of(connection: AsyncConnection, realm_id: str, keys: Collection[DocumentKey]) -> frozenset[str]:
    """Those of the documents of which an edit by a person was accepted."""
    query = sa.select(accepted_edits.c.document_key).where(
        accepted_edits.c.realm_id == realm_id, accepted_edits.c.document_key.in_(list(keys))
    )
    return frozenset((await connection.execute(query)).scalars()) if keys else frozenset()


# --- marks ----------------------------------------------------------------------------------------------------------


async def mark(connection: AsyncConnection, items: Mapping[DocumentKey, tuple[str, Parked]]) -> None:
    """Mark documents as undone before they are taken back; each with the text of its subject."""
    for key in sorted(items):
        subject, item = items[key]
        values = {
            "subject": subject,
            "code": item.code.value,
            "amount": item.amount,
            "currency": item.currency,
            "details": dict(item.details),
            "waiting_on": None,
            "advisory": False,
            "ignored_at": None,
            "ignored_reason": None,
            "since": sa.func.now(),
            "updated_at": sa.func.now(),
        }
        new = insert(parked).values(document_key=key, **values)
        await connection.execute(new.on_conflict_do_update(constraint=parked.primary_key, set_=values))


async def forget_payouts(connection: AsyncConnection, realm_id: str, payout_ids: Collection[str]) -> None:
    """These payouts have no deposit any more: what was found of them must not be taken for somebody else's later."""
    mine = (payout_checks.c.realm_id == realm_id, payout_checks.c.payout_id.in_(list(payout_ids)))
    gone: dict[str, object] = {"state": "parked", "deposits": [], "shared_with": [], "deposit_date": None}
    await connection.execute(sa.update(payout_checks).where(*mine).values(**gone))


async def unmark(connection: AsyncConnection, keys: Collection[DocumentKey]) -> None:
    """These documents were not taken back after all."""
    if keys:
        await connection.execute(sa.delete(parked).where(_IS_MARK, parked.c.document_key.in_(list(keys))))


async def marks_of(
    connection: AsyncConnection, subject: Subject, keys: Collection[DocumentKey]
) -> dict[DocumentKey, Parked]:
    """The marks on these documents, but for those that somebody has lifted by asking for their subject since.

    Of the subject's own, those that were lifted and that no document is wanted for any more are forgotten.
    """
    named = {"subject": str(subject), "keys": list(keys), "of_kind": subject.kind.value, "of_id": subject.id}
    rows = (await connection.execute(_MARKS, named)).all()
    if any(row.lifted and row.document_key not in keys for row in rows):
        await connection.execute(_DROP_LIFTED, named)
    return {
        DocumentKey(row.document_key): Parked(
            key=DocumentKey(row.document_key),
            code=ParkCode.UNDONE,
            amount=row.amount,
            currency=row.currency,
            details=row.details,
        )
        for row in rows
        if not row.lifted and row.document_key in keys
    }


async def marked(connection: AsyncConnection, keys: Collection[DocumentKey]) -> frozenset[str]:
    """Those of the documents that are marked and do not stand, whether or not somebody has asked for them since."""
    standing = sa.exists().where(links.c.document_key == parked.c.document_key, links.c.state.in_(STANDING))
    query = sa.select(parked.c.document_key).where(_IS_MARK, parked.c.document_key.in_(list(keys)), sa.not_(standing))
    return frozenset((await connection.execute(query)).scalars())


# --- the subjects meanwhile -----------------------------------------------------------------------------------------


async def guard(connection: AsyncConnection, texts: Iterable[str]) -> datetime:
    """Have subjects looked at a while later, unless `release` comes first. Returns the time, to release them with."""
    moment: datetime = (await connection.execute(sa.select(sa.func.now()))).scalar_one()
    until = moment + _LOOKED_AT_AGAIN_AFTER
    free = (sa.not_(subjects.c.queued), subjects.c.retry_at.is_(None))
    await connection.execute(sa.update(subjects).where(_are(texts), *free).values(retry_at=until))
    return until


async def release(connection: AsyncConnection, texts: Iterable[str], until: datetime) -> None:
    """All is as it should be with these subjects: they need not be looked at again."""
    mine = (_are(texts), subjects.c.retry_at == until)
    await connection.execute(sa.update(subjects).where(*mine).values(retry_at=None))


def _are(texts: Iterable[str]) -> sa.ColumnElement[bool]:
    parsed = [Subject.parse(text) for text in sorted(set(texts))]
    return sa.tuple_(subjects.c.kind, subjects.c.id).in_([(one.kind.value, one.id) for one in parsed])


# --- what became of it ----------------------------------------------------------------------------------------------


async def undone_by(connection: AsyncConnection, realm_id: str, undo_id: int) -> Sequence[UndoneSum]:
    """What an undo has taken back and nobody has had written again."""
    month = sa.func.coalesce(sa.func.to_char(links.c.txn_date, _MONTH), "")
    query = (
        sa.select(
            links.c.entity,
            month.label("month"),
            parked.c.currency,
            sa.func.count().label("count"),
            sa.func.sum(parked.c.amount).label("amount"),
        )
        .select_from(links.join(parked, links.c.document_key == parked.c.document_key))
        .where(
            links.c.realm_id == realm_id,
            links.c.state.not_in(STANDING),
            _IS_MARK,
            parked.c.details["undo"].astext == str(undo_id),
        )
        .group_by(links.c.entity, month, parked.c.currency)
        .order_by(month, links.c.entity, parked.c.currency)
    )
    return [
        UndoneSum(entity=row.entity, month=row.month, currency=row.currency, count=row[3], amount=int(row.amount))
        for row in await connection.execute(query)
    ]
