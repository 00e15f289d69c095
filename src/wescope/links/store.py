"""The link store: which document key is which QBO object, the intents to write, and what is parked."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from wescope.books.documents import Document, Entity, KeyDates
from wescope.books.parking import ParkCode, Parked
from wescope.books.subjects import DocumentKey, Subject
from wescope.errors import LocksLost
from wescope.links.run_id import RUN_ID
from wescope.links.schema import links, parked
from wescope.links.waiting import WAITS


class LinkState(StrEnum):
    """Where a document stands in QBO, as far as we know."""

    INTENDED = "intended"
    """The intent to write is durable; the call may or may not have been made."""
    UNKNOWN = "unknown"
    """The call was made and its outcome was lost."""
    POSTED = "posted"
    VOIDED = "voided"
    ABSENT = "absent"
    """Surely not in QBO: refused, or taken back."""


class Operation(StrEnum):
    """What an intent does."""

    CREATE = "create"
    UPDATE = "update"
    VOID = "void"
    """Take it back: void it, or delete it where QBO has no void."""
    DELETE = "delete"
    """Undo a create whose answer is not what was meant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One row: a document key in one realm. Amount in minor units; `txn_date` in the books' calendar.

    `fingerprint`, `amount` and `txn_date` are of the document that QBO holds, `intent_fingerprint`, `intent_amount` and
    `intent_txn_date` of the one that was last sent. `stated_date` is the document's own date, if it was moved to
    `txn_date` because its period is closed. What went out in a batch has the batch's request id and its own id in
    there: both together are its identity (facts/qbo.md 2.1). `sends` counts the attempts under the request id that may
    have reached QBO. `recheck_at` is when the document is looked up again, since an attempt that was given up may land
    until then. `content` is a digest of what QBO held when it was posted (`wescope.qbo.content`); null if unknown.
    """

    realm_id: str
    document_key: DocumentKey
    entity: str
    state: LinkState
    operation: Operation
    qbo_id: str | None
    sync_token: str | None
    fingerprint: str | None
    intent_fingerprint: str
    request_id: str
    generation: int
    sends: int
    variant: int
    attempted_at: datetime | None
    lost_at: datetime | None
    subject: str
    amount: int
    currency: str
    txn_date: date | None
    stated_date: date | None = None
    batch_id: str | None = None
    batch_item: str | None = None
    recheck_at: datetime | None = None
    intent_amount: int | None = None
    intent_txn_date: date | None = None
    content: str | None = None

    @property
    def unsettled(self) -> bool:
        """Whether an intent is open whose outcome is not known."""
        return self.state in {LinkState.INTENDED, LinkState.UNKNOWN}


@dataclass(frozen=True, slots=True, kw_only=True)
class SettledLink:
    """What a document that we know of moves in the clearing account of `settled_currency`, and where it stands.

    `settled_amount` is in minor units, signed as the money moves: null for a document that moves none there.
    """

    document_key: DocumentKey
    entity: str
    state: LinkState
    qbo_id: str | None
    subject: str
    settled_amount: int | None
    settled_currency: str | None
    txn_date: date | None


_LINK_COLUMNS = [links.c[name] for name in Link.__dataclass_fields__]
_SETTLED_COLUMNS = [links.c[name] for name in SettledLink.__dataclass_fields__]

# Put together once: they are asked by every run.
_IN_REALM = links.c.realm_id == sa.bindparam("realm_id")
_OF_REALM = sa.select(*_LINK_COLUMNS).where(_IN_REALM)
_KEYS = sa.bindparam("keys", type_=ARRAY(sa.Text))
_OF_KEYS = _OF_REALM.where(links.c.document_key == sa.any_(_KEYS))
_OF_SUBJECT = links.c.subject == sa.bindparam("subject")
_STANDING_OF_SUBJECT = _OF_REALM.where(
    _OF_SUBJECT, links.c.state == LinkState.POSTED.value, links.c.entity != Entity.CUSTOMER.value
)
# What was undone stays so until somebody asks for it, also while the subject cannot be read.
_UNPARK_OTHERS = sa.delete(parked).where(
    parked.c.subject == sa.bindparam("subject"),
    parked.c.document_key != sa.all_(_KEYS),
    parked.c.code != ParkCode.UNDONE.value,
)
_UNPARK = sa.delete(parked).where(parked.c.document_key == sa.any_(_KEYS), sa.not_(parked.c.advisory))
_NEXT_RECHECK = sa.select(sa.func.min(links.c.recheck_at)).where(
    _IN_REALM, _OF_SUBJECT, links.c.recheck_at.is_not(None)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """What is about to be written: recorded durably before QBO is called.

    `seen` is the link from which it was decided. `qbo_id` and `sync_token` are of the object that it is about, if it
    was learned only now (what an answer told, and is taken back). `stated_date` is the document's own date, if it is
    sent with another one. `recheck_at` is when the document must be looked up again because of this intent; null
    leaves what the link says of that.
    """

    document: Document
    subject: Subject
    operation: Operation
    fingerprint: str
    request_id: str
    generation: int
    variant: int
    seen: Link | None
    qbo_id: str | None = None
    sync_token: str | None = None
    stated_date: date | None = None
    recheck_at: datetime | None = None


def _date_columns(dates: KeyDates) -> dict[str, date | None]:
    return {
        "txn_date": dates.txn,
        "due_date": dates.due,
        "usage_start_date": dates.usage_start,
        "usage_end_date": dates.usage_end,
        "payment_received_date": dates.payment_received,
        "credit_date": dates.credit,
        "payout_date": dates.payout,
        "arrival_date": dates.arrival,
        "available_date": dates.available,
    }


class LinkStore:
    """Links and parked items of one realm. Every method works on the caller's transaction."""

    def __init__(self, realm_id: str) -> None:
        """Take the QBO company whose links these are."""
        self.realm_id = realm_id

    def _is(self, key: DocumentKey) -> sa.ColumnElement[bool]:
        return sa.and_(links.c.realm_id == self.realm_id, links.c.document_key == key)

    async def load(self, connection: AsyncConnection, keys: Collection[DocumentKey]) -> dict[DocumentKey, Link]:
        """The links of these keys; a key without a link is left out."""
        return await self._read(connection, _OF_KEYS, {"keys": list(keys)}) if keys else {}

    async def posted_as(self, connection: AsyncConnection, prefix: str) -> dict[DocumentKey, Link]:
        """All links whose fingerprint begins like this and whose document stands; without an index, so ask seldom."""
        standing = links.c.state == LinkState.POSTED.value
        begins = links.c.fingerprint.startswith(prefix, autoescape=True)
        return await self._read(connection, _OF_REALM.where(standing, begins), {})

    async def settled(
        self, connection: AsyncConnection, keys: Collection[DocumentKey]
    ) -> dict[DocumentKey, SettledLink]:
        """What these documents move in clearing, and where they stand; a key without a link is left out."""
        if not keys:
            return {}
        query = sa.select(*_SETTLED_COLUMNS).where(
            links.c.realm_id == self.realm_id, links.c.document_key.in_(list(keys))
        )
        rows = (await connection.execute(query)).mappings()
        return {row["document_key"]: SettledLink(**{**row, "state": LinkState(row["state"])}) for row in rows}

    async def of_subject(self, connection: AsyncConnection, subject: Subject) -> dict[DocumentKey, Link]:
        """The transactions that stand in QBO and were last written for this subject; customers outlive it."""
        return await self._read(connection, _STANDING_OF_SUBJECT, {"subject": str(subject)})

    async def next_recheck(self, connection: AsyncConnection, subject: Subject) -> datetime | None:
        """When the first of the documents that were last written for this subject is to be looked up again."""
        mine = {"realm_id": self.realm_id, "subject": str(subject)}
        found: datetime | None = await connection.scalar(_NEXT_RECHECK, mine)
        return found

    async def _read(
        self, connection: AsyncConnection, query: sa.Select[Any], named: Mapping[str, object]
    ) -> dict[DocumentKey, Link]:
        rows = await connection.execute(query, {"realm_id": self.realm_id, **named})
        return {link.document_key: link for link in map(_link, rows.mappings())}

    async def intend(self, connection: AsyncConnection, intent: Intent, *, at: datetime) -> Link:
        """Record an intent. Amount and dates are those of the document that is about to be sent.

        What becomes of the intent is recorded with the link that is returned, so that only its owner can.

        Raises:
            LocksLost: the link is no longer what the intent was decided from: another run was faster, and nothing may
                be sent. This holds whatever became of locks.
        """
        values: dict[str, Any] = {
            "entity": intent.document.entity.value,
            "state": LinkState.INTENDED.value,
            "operation": intent.operation.value,
            "intent_fingerprint": intent.fingerprint,
            "intent_amount": intent.document.amount,
            "intent_txn_date": intent.document.dates.txn,
            "request_id": intent.request_id,
            "generation": intent.generation,
            "variant": intent.variant,
            "attempted_at": at,
            "lost_at": None,
            "subject": str(intent.subject),
            "updated_at": at,
        }
        if intent.operation is Operation.CREATE:
            # Whoever changes the document later, it is this run's: `undo` finds by it what a run has posted.
            values |= described(intent.document, intent.stated_date) | {"run_id": RUN_ID.get()}
        if intent.qbo_id is not None:
            values |= {"qbo_id": intent.qbo_id, "sync_token": intent.sync_token}
        if intent.recheck_at is not None:
            values |= {"recheck_at": intent.recheck_at}
        description = described(intent.document, intent.stated_date)
        new = insert(links).values(
            realm_id=self.realm_id, document_key=intent.document.key, sends=1, **(description | values)
        )
        statement = (
            new.on_conflict_do_nothing()
            if intent.seen is None
            else new.on_conflict_do_update(
                constraint=links.primary_key,
                set_=values | _of_request(links.c.request_id == new.excluded.request_id),
                where=_unchanged(intent.seen),
            )
        )
        return _held(await connection.execute(statement.returning(*_LINK_COLUMNS)), intent.document.key)

    async def note_batch(self, connection: AsyncConnection, batch_id: str, items: Mapping[str, str]) -> None:
        """Remember in which batch open intents are about to be sent: `items` are the ids in the batch by request id.

        Requests that are no intents of documents are left out.

        Raises:
            LocksLost: an intent is no longer open: another run has taken it over, and the batch must not be sent.
        """
        if not items:
            return
        mine = (links.c.realm_id == self.realm_id, links.c.request_id.in_(list(items)))
        item = sa.case(items, value=links.c.request_id)
        noted = sa.update(links).where(*mine, links.c.state == LinkState.INTENDED.value)
        noted = noted.values(batch_id=batch_id, batch_item=item)
        found = set((await connection.execute(noted.returning(links.c.request_id))).scalars())
        if len(found) == len(items):
            return
        taken = sa.select(links.c.document_key).where(*mine, links.c.request_id.not_in(found)).limit(1)
        if (key := await connection.scalar(taken)) is not None:
            raise LocksLost("Another run has written this document.", document_key=key)

    async def lose_sight(self, connection: AsyncConnection, held: Link, *, at: datetime, spent: bool = False) -> Link:
        """The outcome of the open intent is unknown since `at`. `spent`: its request id must not be sent again.

        Raises:
            LocksLost: the link is no longer as it is held.
        """
        generation = links.c.generation + 1 if spent else links.c.generation
        return await self._set(connection, held, state=LinkState.UNKNOWN.value, lost_at=at, generation=generation)

    async def post(
        self,
        connection: AsyncConnection,
        held: Link,
        *,
        qbo_id: str,
        sync_token: str,
        fingerprint: str,
        at: datetime,
        document: Document | None = None,
        stated_date: date | None = None,
        as_meant: bool = False,
        content: str | None = None,
    ) -> Link:
        """The document is in QBO as `fingerprint` says, and holds what `content` is the digest of.

        `document` renews amount and dates; null keeps what the link says, or with `as_meant` takes amount and date of
        what was last sent.

        QBO has answered for the request id, so the next intent carries another one: a later change back to this very
        content must not be answered from QBO's memory.

        Raises:
            LocksLost: the link is no longer as it is held.
        """
        description = described(document, stated_date) if document else {}
        if as_meant:
            description = {"amount": held.intent_amount, "txn_date": held.intent_txn_date}
        return await self._set(
            connection,
            held,
            state=LinkState.POSTED.value,
            qbo_id=qbo_id,
            sync_token=sync_token,
            fingerprint=fingerprint,
            content=content,
            posted_at=at,
            lost_at=None,
            generation=links.c.generation + 1,
            **description,
        )

    async def settle(
        self,
        connection: AsyncConnection,
        held: Link,
        state: LinkState,
        *,
        sync_token: str | None = None,
        spent: bool = False,
        recheck_at: datetime | None = None,
        tried: str | None = None,
        unsent: bool = False,
    ) -> Link:
        """End the open intent in `state` (voided, absent, or posted as before).

        `spent`: QBO has answered for the request id, or it proved useless, so the next intent must carry another one.
        `recheck_at`: when to look the document up again; null leaves what the link says. `tried`: replaces the
        fingerprint of what was last sent, to remember how it went. `unsent`: this attempt surely never left, so QBO
        does not know its request id from it.

        Raises:
            LocksLost: the link is no longer as it is held.
        """
        values: dict[str, Any] = {"state": state.value, "lost_at": None}
        if state is LinkState.ABSENT:
            values |= {"qbo_id": None, "sync_token": None, "fingerprint": None, "content": None}
        elif sync_token is not None:
            values |= {"sync_token": sync_token}
        if spent:
            values |= {"generation": links.c.generation + 1}
        if recheck_at is not None:
            values |= {"recheck_at": recheck_at}
        if tried is not None:
            # What stands now was given back after an update that QBO stored otherwise: nobody has compared it.
            values |= {"intent_fingerprint": tried, "content": None}
        if unsent:
            values |= {"sends": links.c.sends - 1}
        return await self._set(connection, held, **values)

    async def rechecked(self, connection: AsyncConnection, held: Link) -> Link:
        """The document was looked up again, and all is as the link says.

        Raises:
            LocksLost: the link is no longer as it is held.
        """
        return await self._set(connection, held, recheck_at=None)

    async def _set(self, connection: AsyncConnection, held: Link, **values: Any) -> Link:
        statement = sa.update(links).where(self._is(held.document_key), _unchanged(held))
        statement = statement.values(**values, updated_at=sa.func.clock_timestamp())
        return _held(await connection.execute(statement.returning(*_LINK_COLUMNS)), held.document_key)

    async def park(
        self,
        connection: AsyncConnection,
        subject: Subject,
        items: Sequence[Parked],
        advisory: Sequence[Parked] = (),
    ) -> None:
        """Make `items` all that is parked of a subject; what was parked before under the same code keeps its age.

        What was undone stays parked (see `wescope.links.undo`).

        `advisory` items are told, too, although their documents are posted; none has the key of one of `items`.
        """
        # One order for everybody, so that two transactions never wait for each other.
        told = sorted(
            [(item, False) for item in items] + [(item, True) for item in advisory], key=lambda one: one[0].key
        )
        for item, is_advisory in told:
            await _park_one(connection, self.realm_id, subject, item, is_advisory=is_advisory)
        keys = [item.key for item, _ in told]
        await connection.execute(_UNPARK_OTHERS, {"subject": str(subject), "keys": keys})

    async def told(self, connection: AsyncConnection, key: DocumentKey, code: ParkCode) -> Parked | None:
        """What is parked of a document under this code."""
        query = sa.select(parked.c.amount, parked.c.currency, parked.c.details)
        query = query.where(parked.c.document_key == key, parked.c.code == code.value)
        row = (await connection.execute(query)).one_or_none()
        return None if row is None else Parked(key=key, code=code, **row._mapping)  # noqa: SLF001 - the documented way

    async def unpark(self, connection: AsyncConnection, keys: Iterable[DocumentKey]) -> None:
        """These documents stand as they should, whoever parked them; advice about them stays."""
        all_keys = list(keys)
        if all_keys:
            await connection.execute(_UNPARK, {"keys": all_keys})


async def _park_one(
    connection: AsyncConnection, realm_id: str, subject: Subject, item: Parked, *, is_advisory: bool
) -> None:
    first, *_ = [*str(item.details.get("waiting_on", "")).split(), None]
    values = {
        "subject": str(subject),
        "code": item.code.value,
        "amount": item.amount,
        "currency": item.currency,
        "details": dict(item.details),
        "waiting_on": first if item.code in WAITS else None,
        "txn_date": item.day or _posted_day(realm_id, item.key),
        "advisory": is_advisory,
    }
    new = insert(parked).values(document_key=item.key, **values)
    since = sa.case((parked.c.code == new.excluded.code, parked.c.since), else_=sa.func.now())
    columns = (parked.c.code, parked.c.amount, parked.c.currency)
    same = sa.and_(*(column == new.excluded[column.name] for column in columns))
    # Whoever has decided to ignore it has decided about this code and this amount.
    ignored = {column.name: sa.case((same, column)) for column in (parked.c.ignored_at, parked.c.ignored_reason)}
    await connection.execute(
        new.on_conflict_do_update(
            constraint=parked.primary_key, set_=values | ignored | {"since": since, "updated_at": sa.func.now()}
        )
    )


def _posted_day(realm_id: str, key: DocumentKey) -> sa.ScalarSelect[Any]:
    """The day on which a document stands, or was to stand, if it ever was written."""
    day = sa.func.coalesce(links.c.txn_date, links.c.intent_txn_date)
    return sa.select(day).where(links.c.realm_id == realm_id, links.c.document_key == key).scalar_subquery()


def _unchanged(seen: Link) -> sa.ColumnElement[bool]:
    """Whether the stored link is still the one that was seen: each intent, and its end, changes one of these."""
    return sa.and_(
        links.c.state == seen.state.value,
        links.c.request_id == seen.request_id,
        links.c.generation == seen.generation,
        links.c.sends == seen.sends,
    )


def _of_request(same: sa.ColumnElement[bool]) -> dict[str, Any]:
    """What belongs to one request id, and is kept or counted while the same one is sent again."""
    sent = sa.and_(same, links.c.sends > 0)
    return {
        "sends": sa.case((same, links.c.sends + 1), else_=1),
        "batch_id": sa.case((sent, links.c.batch_id), else_=None),
        "batch_item": sa.case((sent, links.c.batch_item), else_=None),
    }


def _held(result: sa.CursorResult[Any], key: DocumentKey) -> Link:
    row = result.mappings().one_or_none()
    if row is None:
        raise LocksLost("Another run has written this document.", document_key=key)
    return _link(dict(row))


def described(document: Document, stated_date: date | None) -> dict[str, Any]:
    """What a link says of a document: amounts, currencies and dates."""
    settled, rate = document.settled, document.exchange_rate
    return {
        "entity": document.entity.value,
        "amount": document.amount,
        "currency": document.currency,
        "stripe_ids": list(document.stripe_ids),
        "settled_amount": settled.amount if settled else None,
        "settled_currency": settled.currency if settled else None,
        "exchange_rate": None if rate is None else str(rate),
        "stated_date": stated_date,
        **_date_columns(document.dates),
    }


def _link(row: Mapping[str, Any]) -> Link:
    return Link(**{**row, "state": LinkState(row["state"]), "operation": Operation(row["operation"])})
