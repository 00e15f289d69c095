"""The story of a document: every row of the tables that tells something about an id, a key or a subject.

An id is looked for in all tables, for it may be anything. Lists have the newest `MOST` rows, oldest first.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from wescope.books.documents import Entity
from wescope.books.subjects import SubjectKind
from wescope.links.drift import DriftRow
from wescope.links.reports import ParkedItem
from wescope.links.schema import (
    accepted_edits,
    attempts,
    audit,
    drift,
    hints,
    links,
    parked,
    payout_checks,
    payout_rows,
    subjects,
)

MOST = 500
"""Rows of one kind that a story tells at most."""

_BANK_ENTITIES = ("Deposit", "Transfer", "JournalEntry", "Payment", "Expense", "Purchase")
"""What a payout's deposit in QBO may have been entered as."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryHint:
    """Why a subject was looked at: an event of Stripe (created there, received here), or another source."""

    subject: str
    source: str
    event_id: str | None
    event_type: str | None
    event_created_at: datetime | None
    received_at: datetime
    run_id: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StorySubject:
    """How the runs of a subject went: whether it waits for one, the last one, failures since, and when it is next."""

    subject: str
    waiting: bool
    dirty_since: datetime | None
    last_run_at: datetime | None
    failures: int
    retry_at: datetime | None
    last_code: str | None
    run_id: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryAttempt:
    """One call of QBO; `outcome` is `ok`, `refused`, `not_sent` or `unknown`."""

    started_at: datetime
    operation: str
    entity: str | None
    document_key: str | None
    request_id: str | None
    batch_id: str | None
    intuit_tid: str | None
    status: int | None
    fault_code: str | None
    outcome: str
    milliseconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryLink:
    """A row of `links`; amounts in minor units, dates as on the documents (`KeyDates`)."""

    document_key: str
    entity: str
    qbo_id: str | None
    state: str
    operation: str
    subject: str
    stripe_ids: tuple[str, ...]
    amount: int
    currency: str
    settled_amount: int | None
    settled_currency: str | None
    exchange_rate: str | None
    txn_date: date | None
    stated_date: date | None
    due_date: date | None
    usage_start_date: date | None
    usage_end_date: date | None
    payment_received_date: date | None
    credit_date: date | None
    payout_date: date | None
    arrival_date: date | None
    available_date: date | None
    request_id: str
    generation: int
    sends: int
    fingerprint: str | None
    intent_fingerprint: str
    attempted_at: datetime | None
    lost_at: datetime | None
    recheck_at: datetime | None
    posted_at: datetime | None
    run_id: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryPayoutRow:
    """A row of a payout that is, or is paid by, one of the documents; minor units of the payout's `currency`."""

    payout_id: str
    transaction_id: str
    category: str
    source: str | None
    document_key: str | None
    gross: int
    fee: int
    net: int
    currency: str
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryAudit:
    """What somebody had done, and who."""

    at: datetime
    action: str
    actor: str
    target: str
    details: Mapping[str, Any]
    run_id: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchors:
    """Where an id leads: document keys, subjects (`invoice/in_1`), Stripe ids and payouts that are its story.

    `meanings` says as what it was found: pairs of a kind (`event`, `document`, `qbo_document`, ...) and an id.
    """

    keys: frozenset[str] = frozenset()
    subjects: frozenset[str] = frozenset()
    stripe_ids: frozenset[str] = frozenset()
    payouts: frozenset[str] = frozenset()
    meanings: tuple[tuple[str, str], ...] = ()

    def __or__(self, other: "Anchors") -> "Anchors":
        """Both together."""
        return Anchors(
            keys=self.keys | other.keys,
            subjects=self.subjects | other.subjects,
            stripe_ids=self.stripe_ids | other.stripe_ids,
            payouts=self.payouts | other.payouts,
            meanings=tuple(dict.fromkeys((*self.meanings, *other.meanings))),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """All rows; `awaited_by` are parked items that wait for these documents."""

    links: tuple[StoryLink, ...] = ()
    subjects: tuple[StorySubject, ...] = ()
    hints: tuple[StoryHint, ...] = ()
    attempts: tuple[StoryAttempt, ...] = ()
    parked: tuple[ParkedItem, ...] = ()
    awaited_by: tuple[ParkedItem, ...] = ()
    payout_rows: tuple[StoryPayoutRow, ...] = ()
    drift: tuple[DriftRow, ...] = ()
    accepted: Mapping[str, datetime] = field(default_factory=dict)
    audit: tuple[StoryAudit, ...] = ()


_LINK_COLUMNS = [links.c[name] for name in StoryLink.__dataclass_fields__]
_ATTEMPT_COLUMNS = [attempts.c[name] for name in StoryAttempt.__dataclass_fields__]
_PARKED_COLUMNS = [parked.c[name] for name in ParkedItem.__dataclass_fields__]
_DRIFT_COLUMNS = [drift.c[name] for name in DriftRow.__dataclass_fields__]
_AUDIT_COLUMNS = [audit.c[name] for name in StoryAudit.__dataclass_fields__]
_SUBJECT_TEXT = subjects.c.kind + "/" + subjects.c.id
_HINT_TEXT = hints.c.kind + "/" + hints.c.subject_id
_SUBJECT_KINDS = [kind.value for kind in SubjectKind]
_OBJECT_KINDS = [kind.value for kind in SubjectKind if kind is not SubjectKind.CUSTOMER]


# --- where an id leads ----------------------------------------------------------------------------------------------


async def anchors_of_event(connection: AsyncConnection, event_id: str) -> Anchors:
    """The subject at which an event has pointed."""
    found = await _texts(connection, sa.select(_HINT_TEXT).where(hints.c.event_id == event_id))
    meanings = (("event", event_id),) if found else ()
    return Anchors(subjects=frozenset(found), meanings=meanings)


async def anchors_of_documents(
    connection: AsyncConnection, realm_id: str, *, keys: Collection[str] = (), subject: str | None = None
) -> Anchors:
    """Documents by their keys, or all of a subject (as text): linked ones, parked ones, and those that others await."""
    names = list(keys)
    linked = sa.select(links.c.document_key, links.c.subject).where(
        links.c.realm_id == realm_id, sa.or_(links.c.document_key.in_(names), links.c.subject == subject)
    )
    waiting = sa.select(parked.c.document_key, parked.c.subject).where(
        sa.or_(parked.c.document_key.in_(names), parked.c.subject == subject)
    )
    found = [*await connection.execute(linked.limit(MOST)), *await connection.execute(waiting.limit(MOST))]
    awaited = await _texts(connection, sa.select(parked.c.waiting_on).where(parked.c.waiting_on.in_(names)).distinct())
    known = {row[1] for row in found}
    if subject is not None:
        known |= set(await _texts(connection, sa.select(_SUBJECT_TEXT).where(_subjects_are([subject]))))
    found_keys = frozenset([*(row[0] for row in found), *awaited])
    meanings = [("document", key) for key in names if key in found_keys]
    meanings += [("subject", subject)] if subject is not None and subject in known else []
    return Anchors(keys=found_keys, subjects=frozenset(known), meanings=tuple(meanings))


async def anchors_of_stripe(connection: AsyncConnection, realm_id: str, stripe_id: str) -> Anchors:
    """All that the tables know of a Stripe object: documents that name it, its subject, its place in payouts."""
    prefix = stripe_id + ":"
    named = sa.or_(links.c.stripe_ids.contains([stripe_id]), links.c.document_key.startswith(prefix, autoescape=True))
    linked = sa.select(links.c.document_key, links.c.subject).where(links.c.realm_id == realm_id, named)
    own = parked.c.document_key.startswith(prefix, autoescape=True)
    waiting = sa.select(parked.c.document_key, parked.c.subject).where(own)
    documents = [*await connection.execute(linked.limit(MOST)), *await connection.execute(waiting.limit(MOST))]
    # The indexes begin with the kind: all of them are named, so that they serve an id alone.
    own_subject = sa.and_(subjects.c.kind.in_(_SUBJECT_KINDS), subjects.c.id == stripe_id)
    known = await _texts(connection, sa.select(_SUBJECT_TEXT).where(own_subject))
    own_hints = sa.and_(hints.c.kind.in_(_SUBJECT_KINDS), hints.c.subject_id == stripe_id)
    hinted = await _texts(connection, sa.select(_HINT_TEXT).where(own_hints).distinct())
    place = sa.or_(payout_rows.c.source == stripe_id, payout_rows.c.transaction_id == stripe_id)
    rows = sa.select(payout_rows.c.payout_id).where(payout_rows.c.realm_id == realm_id, place).distinct()
    checks = sa.select(payout_checks.c.payout_id).where(
        payout_checks.c.realm_id == realm_id, payout_checks.c.payout_id == stripe_id
    )
    payouts = [*await _texts(connection, rows.limit(MOST)), *await _texts(connection, checks)]
    found = bool(documents or known or hinted or payouts)
    return Anchors(
        keys=frozenset(row[0] for row in documents),
        subjects=frozenset([*(row[1] for row in documents), *known, *hinted]),
        stripe_ids=frozenset({stripe_id}),
        payouts=frozenset(payouts),
        meanings=(("stripe_object", stripe_id),) if found else (),
    )


async def anchors_of_qbo(connection: AsyncConnection, realm_id: str, qbo_id: str, entity: str | None) -> Anchors:
    """The documents that are this QBO object, whatever entity it is unless one is named; also a payout's deposit."""
    conditions = [links.c.realm_id == realm_id, links.c.qbo_id == qbo_id]
    # The index is on realm, entity and id: all entities are named, so that it serves a bare number, too.
    conditions.append(links.c.entity.in_([entity] if entity else [*(one.value for one in Entity), *_BANK_ENTITIES]))
    rows = (
        await connection.execute(sa.select(links.c.document_key, links.c.subject, links.c.entity).where(*conditions))
    ).all()
    names = [f"{one}/{qbo_id}" for one in ([entity] if entity else _BANK_ENTITIES)]
    covering = sa.select(payout_checks.c.payout_id, payout_checks.c.deposits).where(
        payout_checks.c.realm_id == realm_id, payout_checks.c.deposits.overlap(names)
    )
    checks = (await connection.execute(covering)).all()
    objects = [f"{row[2]}/{qbo_id}" for row in rows] + [name for row in checks for name in row[1] if name in names]
    return Anchors(
        keys=frozenset(row[0] for row in rows),
        subjects=frozenset([*(row[1] for row in rows), *(f"payout/{row[0]}" for row in checks)]),
        payouts=frozenset(row[0] for row in checks),
        meanings=tuple(("qbo_document", name) for name in dict.fromkeys(sorted(objects))),
    )


async def anchors_of_request(connection: AsyncConnection, realm_id: str, request: str) -> Anchors:
    """The documents of a request id, of a batch, or of a call that Intuit knows by this intuit_tid."""
    linked = sa.select(links.c.document_key).where(
        links.c.realm_id == realm_id, sa.or_(links.c.request_id == request, links.c.batch_id == request)
    )
    keys = await _texts(connection, linked)
    columns = (attempts.c.request_id, attempts.c.batch_id, attempts.c.intuit_tid)
    called = sa.select(attempts.c.document_key, attempts.c.intuit_tid == request).where(
        attempts.c.realm_id == realm_id, sa.or_(*(column == request for column in columns))
    )
    calls = (await connection.execute(called.limit(MOST))).all()
    if not keys and not calls:
        return Anchors()
    kind = "intuit_tid" if any(row[1] for row in calls) else "request"
    found = frozenset([*keys, *(row[0] for row in calls if row[0])])
    anchored = await anchors_of_documents(connection, realm_id, keys=found)
    return Anchors(keys=found, subjects=anchored.subjects, meanings=((kind, request),))


# --- all that is told ------------------------------------------------------------------------------------------------


async def read_story(connection: AsyncConnection, realm_id: str, anchors: Anchors, asked: str) -> Story:
    """Every row about these documents and subjects; `asked` is the id itself, for calls that name no document."""
    keys = sorted(anchors.keys)
    found = await _links(connection, realm_id, keys)
    told = sorted({*anchors.subjects, *(link.subject for link in found)})
    objects = sorted({f"{link.entity}/{link.qbo_id}" for link in found if link.qbo_id})
    sources = sorted({*anchors.stripe_ids, *(one for link in found for one in link.stripe_ids)})
    pairs = sa.tuple_(hints.c.kind, hints.c.subject_id)
    hint_subjects = sa.or_(
        pairs.in_(_pairs(told)), sa.and_(hints.c.kind.in_(_OBJECT_KINDS), hints.c.subject_id.in_(sources))
    )
    waits = sa.and_(parked.c.waiting_on.in_(keys), parked.c.document_key.not_in(keys))
    return Story(
        links=found,
        subjects=await _subjects(connection, told),
        hints=await _hints(connection, hint_subjects),
        attempts=await _attempts(connection, realm_id, keys, asked),
        parked=await _parked(connection, parked.c.document_key.in_(keys)),
        awaited_by=await _parked(connection, waits),
        payout_rows=await _payout_rows(connection, realm_id, keys, anchors),
        drift=await _drift(connection, realm_id, keys, objects),
        accepted=await _accepted(connection, realm_id, keys),
        audit=await _audit(connection, {asked, *keys, *told, *objects}),
    )


async def _links(connection: AsyncConnection, realm_id: str, keys: Collection[str]) -> tuple[StoryLink, ...]:
    query = sa.select(*_LINK_COLUMNS).where(links.c.realm_id == realm_id, links.c.document_key.in_(list(keys)))
    rows = (await connection.execute(query.order_by(links.c.created_at, links.c.document_key))).mappings()
    return tuple(StoryLink(**{**row, "stripe_ids": tuple(row["stripe_ids"])}) for row in rows)


async def _subjects(connection: AsyncConnection, texts: Collection[str]) -> tuple[StorySubject, ...]:
    names = ("dirty_since", "last_run_at", "failures", "retry_at", "last_code", "run_id")
    columns = [subjects.c[name] for name in names]
    waiting = (subjects.c.dirty > subjects.c.clean).label("waiting")
    query = sa.select(_SUBJECT_TEXT.label("subject"), waiting, *columns).where(_subjects_are(texts))
    rows = (await connection.execute(query.order_by(subjects.c.kind, subjects.c.id))).mappings()
    return tuple(StorySubject(**row) for row in rows)


async def _hints(connection: AsyncConnection, condition: sa.ColumnElement[bool]) -> tuple[StoryHint, ...]:
    columns = [hints.c[name] for name in StoryHint.__dataclass_fields__ if name != "subject"]
    query = sa.select(_HINT_TEXT.label("subject"), *columns).where(condition)
    return tuple(StoryHint(**row) for row in await _newest(connection, query, hints.c.id))


async def _attempts(
    connection: AsyncConnection, realm_id: str, keys: Collection[str], asked: str
) -> tuple[StoryAttempt, ...]:
    columns = (attempts.c.request_id, attempts.c.batch_id, attempts.c.intuit_tid)
    mine = sa.or_(attempts.c.document_key.in_(list(keys)), *(column == asked for column in columns))
    query = sa.select(*_ATTEMPT_COLUMNS).where(attempts.c.realm_id == realm_id, mine)
    return tuple(StoryAttempt(**row) for row in await _newest(connection, query, attempts.c.id))


async def _parked(connection: AsyncConnection, condition: sa.ColumnElement[bool]) -> tuple[ParkedItem, ...]:
    query = sa.select(*_PARKED_COLUMNS).where(condition).order_by(parked.c.since, parked.c.document_key).limit(MOST)
    return tuple(ParkedItem(**row) for row in (await connection.execute(query)).mappings())


async def _payout_rows(
    connection: AsyncConnection, realm_id: str, keys: Collection[str], anchors: Anchors
) -> tuple[StoryPayoutRow, ...]:
    columns = [payout_rows.c[name] for name in StoryPayoutRow.__dataclass_fields__ if name != "currency"]
    same = sa.and_(
        payout_checks.c.realm_id == payout_rows.c.realm_id, payout_checks.c.payout_id == payout_rows.c.payout_id
    )
    ids = list(anchors.stripe_ids)
    place = sa.or_(
        payout_rows.c.document_key.in_(list(keys)),
        payout_rows.c.source.in_(ids),
        payout_rows.c.transaction_id.in_(ids),
    )
    query = sa.select(*columns, payout_checks.c.currency).join_from(payout_rows, payout_checks, same)
    query = query.where(payout_rows.c.realm_id == realm_id, place)
    ordered = query.order_by(payout_checks.c.arrival_date, payout_rows.c.payout_id, payout_rows.c.position).limit(MOST)
    return tuple(StoryPayoutRow(**row) for row in (await connection.execute(ordered)).mappings())


async def _drift(
    connection: AsyncConnection, realm_id: str, keys: Collection[str], objects: Collection[str]
) -> tuple[DriftRow, ...]:
    named = sa.tuple_(drift.c.entity, drift.c.qbo_id).in_(_pairs(objects))
    mine = sa.or_(drift.c.document_key.in_(list(keys)), named)
    query = sa.select(*_DRIFT_COLUMNS).where(drift.c.realm_id == realm_id, mine)
    return tuple(DriftRow(**row) for row in await _newest(connection, query, drift.c.id))


async def _accepted(connection: AsyncConnection, realm_id: str, keys: Collection[str]) -> dict[str, datetime]:
    mine = (accepted_edits.c.realm_id == realm_id, accepted_edits.c.document_key.in_(list(keys)))
    rows = await connection.execute(sa.select(accepted_edits.c.document_key, accepted_edits.c.accepted_at).where(*mine))
    return {row[0]: row[1] for row in rows}


async def _audit(connection: AsyncConnection, targets: Iterable[str]) -> tuple[StoryAudit, ...]:
    query = sa.select(*_AUDIT_COLUMNS).where(audit.c.target.in_(sorted(targets)))
    return tuple(StoryAudit(**row) for row in await _newest(connection, query, audit.c.id))


async def _newest(
    connection: AsyncConnection, query: sa.Select[Any], identity: sa.Column[Any]
) -> list[Mapping[str, Any]]:
    """The newest rows, in the order in which they were written."""
    rows = (await connection.execute(query.order_by(identity.desc()).limit(MOST))).mappings().all()
    return [dict(row) for row in reversed(rows)]


def _subjects_are(texts: Iterable[str]) -> sa.ColumnElement[bool]:
    return sa.tuple_(subjects.c.kind, subjects.c.id).in_(_pairs(texts))


def _pairs(texts: Iterable[str]) -> list[tuple[str, str]]:
    """Kind and id of subjects, or entity and id of QBO objects, that are given as text."""
    split = (text.partition("/") for text in texts)
    return [(kind, one) for kind, _, one in split]


async def _texts(connection: AsyncConnection, query: sa.Select[Any]) -> list[str]:
    return [str(one) for one in (await connection.execute(query)).scalars()]
