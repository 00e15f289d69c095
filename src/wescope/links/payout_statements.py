"""Payout statements: the queries of pages over stored checks, each bounded by an index however much is stored."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from wescope.links.payouts import StoredPayout
from wescope.links.reports import ParkedItem
from wescope.links.schema import links, parked, payout_checks, payout_rows


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutFilter:
    """Which payouts: null takes all. `since` and `until` are days of arrival (UTC), both included."""

    state: str | None = None
    currency: str | None = None
    since: date | None = None
    until: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RowFilter:
    """Which rows of a payout: null takes all."""

    state: str | None = None
    category: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutPlace:
    """A place in the list of payouts: right after this one."""

    arrival_date: date | None
    payout_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RowSum:
    """What the rows of one category and state come to, in minor units of the payout's currency."""

    category: str
    state: str
    count: int
    gross: int
    fee: int
    net: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BookedRow:
    """A row of a payout with the document that books it, as far as there is one; minor units of the payout's currency.

    `entity`, `qbo_id` and the dates are of that document: `txn_date`, `payment_received_date` and `credit_date` in the
    books' calendar, `available_date` in UTC's.
    """

    position: int
    transaction_id: str
    category: str
    source: str | None
    document_key: str | None
    gross: int
    fee: int
    net: int
    state: str
    entity: str | None
    qbo_id: str | None
    txn_date: date | None
    payment_received_date: date | None
    credit_date: date | None
    available_date: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentState:
    """How a document stands: its link's state, and the QBO object that it is."""

    key: str
    entity: str
    qbo_id: str | None
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Obstacles:
    """What is known of the documents that a payout waits for, by key, and what of its own is parked."""

    documents: Mapping[str, DocumentState] = field(default_factory=dict)
    parked: Mapping[str, ParkedItem] = field(default_factory=dict)
    own: tuple[ParkedItem, ...] = ()


_CHECK_COLUMNS = [payout_checks.c[each.name] for each in fields(StoredPayout)]
_ROW_COLUMNS = [
    payout_rows.c[name]
    for name in (
        *("position", "transaction_id", "category", "source", "document_key"),
        *("gross", "fee", "net", "state"),
    )
]
_LINK_NAMES = ("entity", "qbo_id", "txn_date", "payment_received_date", "credit_date", "available_date")
_LISTS = ("waiting_on", "deposits", "shared_with")
_PARKED_COLUMNS = [parked.c[each.name] for each in fields(ParkedItem)]


async def as_of_one_moment(connection: AsyncConnection) -> None:
    """All queries of this transaction, which has asked nothing yet, see the same state of the tables."""
    await connection.execute(sa.text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))


async def page_of_checks(
    connection: AsyncConnection, realm_id: str, chosen: PayoutFilter, *, after: PayoutPlace | None, limit: int
) -> tuple[tuple[StoredPayout, datetime], ...]:
    """At most `limit` results with the moment of their check: the latest arrival first, unknown ones before all."""
    conditions = _chosen(realm_id, chosen)
    checks = payout_checks.c
    if after is not None and after.arrival_date is not None:
        place = sa.tuple_(sa.literal(after.arrival_date, sa.Date), sa.literal(after.payout_id, sa.Text))
        conditions.append(sa.tuple_(checks.arrival_date, checks.payout_id) < place)
    elif after is not None:
        conditions.append(sa.or_(checks.arrival_date.is_not(None), checks.payout_id < after.payout_id))
    query = sa.select(*_CHECK_COLUMNS, checks.checked_at).where(*conditions)
    # As the index is read backwards, so that nothing is sorted.
    query = query.order_by(checks.arrival_date.desc().nulls_first(), checks.payout_id.desc()).limit(limit)
    rows = (await connection.execute(query)).mappings()
    return tuple((_stored(row), row["checked_at"]) for row in rows)


async def count_states(
    connection: AsyncConnection, realm_id: str, chosen: PayoutFilter, *, states: Sequence[str], most: int
) -> dict[str, int]:
    """How many payouts are in each of these states, counted up to `most` and one; the filter's own state is ignored."""
    counts = []
    for state in states:
        conditions = _chosen(realm_id, PayoutFilter(currency=chosen.currency, since=chosen.since, until=chosen.until))
        some = sa.select(sa.literal(1)).where(*conditions, payout_checks.c.state == state).limit(most + 1).subquery()
        counts.append(sa.select(sa.literal(state, sa.Text), sa.func.count()).select_from(some))
    return {row[0]: row[1] for row in await connection.execute(sa.union_all(*counts))}


async def sums_of_rows(connection: AsyncConnection, realm_id: str, payout_id: str) -> tuple[RowSum, ...]:
    """What all rows of a payout come to, by category and state."""
    rows = payout_rows.c
    sums = [sa.cast(sa.func.sum(column), sa.BigInteger) for column in (rows.gross, rows.fee, rows.net)]
    query = (
        sa.select(rows.category, rows.state, sa.func.count(), *sums)
        .where(rows.realm_id == realm_id, rows.payout_id == payout_id)
        .group_by(rows.category, rows.state)
        .order_by(rows.category, rows.state)
    )
    names = [each.name for each in fields(RowSum)]
    return tuple(RowSum(**dict(zip(names, row, strict=True))) for row in await connection.execute(query))


async def page_of_rows(
    connection: AsyncConnection, realm_id: str, payout_id: str, chosen: RowFilter, *, after: int, limit: int
) -> tuple[BookedRow, ...]:
    """At most `limit` rows behind the position `after`, in Stripe's order, each with its document."""
    query = _booked(_rows_of(realm_id, payout_id, chosen, after=after).limit(limit))
    rows = (await connection.execute(query)).mappings()
    return tuple(BookedRow(**row) for row in rows)


def all_rows(realm_id: str, payout_id: str, currency: str) -> sa.Select[Any]:
    """The query of all rows of a payout with their documents and its currency, in Stripe's order."""
    rows = _booked(_rows_of(realm_id, payout_id, RowFilter(), after=-1))
    return rows.add_columns(sa.literal(currency, sa.Text).label("currency"))


def _booked(rows: sa.Select[Any]) -> sa.Select[Any]:
    """These rows, each with its document: chosen first and joined then, so that no more links are read than rows."""
    found = rows.subquery("found")
    same = sa.and_(links.c.realm_id == found.c.realm_id, links.c.document_key == found.c.document_key)
    columns = [found.c[column.name] for column in _ROW_COLUMNS]
    joined = found.outerjoin(links, same)
    return sa.select(*columns, *(links.c[name] for name in _LINK_NAMES)).select_from(joined).order_by(found.c.position)


async def obstacles_of(connection: AsyncConnection, realm_id: str, payout_id: str, keys: Collection[str]) -> Obstacles:
    """What keeps a payout from its deposit.

    Args:
        connection: in a transaction.
        realm_id: the company.
        payout_id: the payout.
        keys: the documents that it waits for.
    """
    own = sa.select(*_PARKED_COLUMNS).where(parked.c.subject == f"payout/{payout_id}").order_by(parked.c.document_key)
    mine = tuple(ParkedItem(**row) for row in (await connection.execute(own)).mappings())
    if not keys:
        return Obstacles(own=mine)
    others = sa.select(*_PARKED_COLUMNS).where(parked.c.document_key.in_(list(keys)))
    items = [ParkedItem(**row) for row in (await connection.execute(others)).mappings()]
    columns = (links.c.document_key.label("key"), links.c.entity, links.c.qbo_id, links.c.state)
    known = sa.select(*columns).where(links.c.realm_id == realm_id, links.c.document_key.in_(list(keys)))
    documents = [DocumentState(**row) for row in (await connection.execute(known)).mappings()]
    return Obstacles(
        documents={one.key: one for one in documents}, parked={one.document_key: one for one in items}, own=mine
    )


def _chosen(realm_id: str, chosen: PayoutFilter) -> list[sa.ColumnElement[bool]]:
    checks = payout_checks.c
    conditions = [checks.realm_id == realm_id]
    if chosen.state is not None:
        conditions.append(checks.state == chosen.state)
    if chosen.currency is not None:
        conditions.append(checks.currency == chosen.currency)
    if chosen.since is not None:
        conditions.append(checks.arrival_date >= chosen.since)
    if chosen.until is not None:
        conditions.append(checks.arrival_date <= chosen.until)
    return conditions


def _rows_of(realm_id: str, payout_id: str, chosen: RowFilter, *, after: int) -> sa.Select[Any]:
    rows = payout_rows.c
    conditions = [rows.realm_id == realm_id, rows.payout_id == payout_id, rows.position > after]
    if chosen.state is not None:
        conditions.append(rows.state == chosen.state)
    if chosen.category is not None:
        conditions.append(rows.category == chosen.category)
    return sa.select(rows.realm_id, *_ROW_COLUMNS).where(*conditions).order_by(rows.position)


def _stored(row: sa.RowMapping) -> StoredPayout:
    values = {each.name: row[each.name] for each in fields(StoredPayout)}
    return StoredPayout(**{**values, **{name: tuple(row[name]) for name in _LISTS}})
