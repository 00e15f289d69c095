"""Parked items a page at a time: chosen by filters, summed up, and those of one bulk action by what was planned."""

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncConnection

from wescope.books.money import THREE_DECIMAL_CURRENCIES, ZERO_DECIMAL_CURRENCIES
from wescope.links.reports import ParkedItem
from wescope.links.schema import audit, drift, links, parked, runs, subjects

_COLUMNS = [parked.c[name] for name in ParkedItem.__dataclass_fields__]
_HISTORY = 50
_WAITERS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Which parked items: all conditions hold; what is null or empty asks nothing.

    `before` is the latest moment since which an item may be parked; `min_amount` is in major units of each item's own
    currency, compared without sign; `contains` is a part of the document key or of the subject.
    """

    codes: tuple[str, ...] | None = None
    currency: str = ""
    before: datetime | None = None
    min_amount: Decimal | None = None
    ignored: bool | None = None
    contains: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeSum:
    """How much is parked under one code in one currency, in minor units."""

    code: str
    currency: str
    count: int
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """An item as it was when something was planned for it; what is otherwise by then is left alone."""

    key: str
    subject: str
    code: str
    amount: int
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryEntry:
    """An entry of the audit log about a document; `details` are ids, amounts, codes and operators' reasons."""

    at: datetime
    action: str
    actor: str
    target: str
    details: Mapping[str, Any] = field(default_factory=dict)
    run_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What else the tables say about a document: its link, when its subject was last looked at, who waits for it.

    `waits` is whether a look is due now, `drift_ids` are open findings of `verify` about the document.
    """

    entity: str | None = None
    qbo_id: str | None = None
    link_state: str | None = None
    subject: str | None = None
    waits: bool = False
    last_run_at: datetime | None = None
    retry_at: datetime | None = None
    failures: int = 0
    last_code: str | None = None
    awaited_by: tuple[str, ...] = ()
    drift_ids: tuple[int, ...] = ()
    history: tuple[HistoryEntry, ...] = ()


async def page_of_parked(
    connection: AsyncConnection, choice: Choice, *, after: tuple[datetime, str] | None, limit: int
) -> tuple[ParkedItem, ...]:
    """The oldest items that a choice takes, after one that is named by its moment and key."""
    query = sa.select(*_COLUMNS).where(*_conditions(choice))
    if after is not None:
        query = query.where(sa.tuple_(parked.c.since, parked.c.document_key) > sa.tuple_(*map(sa.literal, after)))
    result = await connection.execute(query.order_by(parked.c.since, parked.c.document_key).limit(limit))
    return tuple(ParkedItem(**row) for row in result.mappings())


async def sums_of_parked(connection: AsyncConnection, choice: Choice) -> tuple[CodeSum, ...]:
    """How much a choice takes, by code and currency."""
    query = (
        sa.select(parked.c.code, parked.c.currency, sa.func.count(), sa.func.sum(parked.c.amount))
        .where(*_conditions(choice))
        .group_by(parked.c.code, parked.c.currency)
        .order_by(parked.c.code, parked.c.currency)
    )
    rows = await connection.execute(query)
    return tuple(CodeSum(code=row[0], currency=row[1], count=row[2], amount=int(row[3])) for row in rows)


async def chosen_of_parked(
    connection: AsyncConnection, choice: Choice, *, most: int
) -> tuple[str, tuple[CodeSum, ...], int]:
    """The oldest items that a choice takes, `most` at most, without reading them here.

    Returns:
        A digest of what they are (that of `digest_of`), how much they are by code and currency, and how many more the
        choice takes.
    """
    order = (parked.c.since, parked.c.document_key)
    columns = [parked.c[name] for name in ("document_key", "subject", "code", "amount", "currency", "since")]
    chosen = (
        sa.select(*columns)
        .where(*_conditions(choice))
        .order_by(*order)
        .limit(most)
        .cte("chosen")
        .prefix_with("MATERIALIZED")
    )
    told = sa.func.concat_ws(
        "|", chosen.c.document_key, chosen.c.subject, chosen.c.code, chosen.c.amount, chosen.c.currency
    )
    joined = sa.func.string_agg(
        told, aggregate_order_by(sa.literal("\n", sa.Text), chosen.c.since, chosen.c.document_key)
    )
    digest = sa.func.encode(sa.func.sha256(sa.func.convert_to(sa.func.coalesce(joined, ""), "UTF8")), "hex")
    found = str(await connection.scalar(sa.select(digest)))
    sums = sa.select(chosen.c.code, chosen.c.currency, sa.func.count(), sa.func.sum(chosen.c.amount))
    sums = sums.group_by(chosen.c.code, chosen.c.currency).order_by(chosen.c.code, chosen.c.currency)
    rows = (await connection.execute(sums)).all()
    in_all = sa.select(sa.func.count()).select_from(parked).where(*_conditions(choice))
    count = int(await connection.scalar(in_all) or 0)
    by_code = tuple(CodeSum(code=row[0], currency=row[1], count=row[2], amount=int(row[3])) for row in rows)
    return found, by_code, max(0, count - sum(one.count for one in by_code))


def digest_of(items: Iterable[ParkedItem]) -> str:
    """What stands for exactly these items as they are; the database computes the same (`chosen_of_parked`)."""
    return hashlib.sha256("\n".join("|".join(map(str, as_stored(item))) for item in items).encode()).hexdigest()


async def lock_parked(connection: AsyncConnection, keys: Collection[str]) -> tuple[ParkedItem, ...]:
    """What is parked under these keys, held until the transaction ends; taken in the order of `LinkStore.park`."""
    query = sa.select(*_COLUMNS).where(parked.c.document_key.in_(list(keys)))
    result = await connection.execute(query.order_by(parked.c.document_key.collate("C")).with_for_update())
    return tuple(ParkedItem(**row) for row in result.mappings())


async def planned_items(
    connection: AsyncConnection, run_id: int, *, start: int, limit: int
) -> tuple[tuple[int, Planned], ...]:
    """Items of a bulk action in their order, from a position (0 is the first) on, each with its position."""
    item = sa.func.jsonb_array_elements(runs.c.options["items"]).table_valued("value", with_ordinality="position")
    item = item.render_derived(name="item")
    query = (
        sa.select(item.c.position, sa.cast(item.c.value, JSONB))
        .select_from(runs.join(item, sa.true()))
        .where(runs.c.id == run_id, item.c.position > start, item.c.position <= start + limit)
        .order_by(item.c.position)
    )
    rows = await connection.execute(query)
    names = tuple(Planned.__dataclass_fields__)
    return tuple((int(row[0]) - 1, Planned(**dict(zip(names, row[1], strict=True)))) for row in rows)


def as_stored(item: ParkedItem) -> list[str | int]:
    """An item as the options of a run keep it: the fields of `Planned` in their order."""
    return [item.document_key, item.subject, item.code, item.amount, item.currency]


async def history_of_run(connection: AsyncConnection, run_id: int, keys: Collection[str]) -> dict[str, datetime]:
    """When a run did something to these documents; those that it has not touched are left out."""
    query = sa.select(audit.c.target, audit.c.at).where(audit.c.target.in_(list(keys)), audit.c.run_id == run_id)
    return {row[0]: row[1] for row in await connection.execute(query)}


async def looks_at(connection: AsyncConnection, texts: Collection[str]) -> dict[str, tuple[bool, datetime | None]]:
    """Of subjects (as text) whether a look is due, and when the last one began."""
    pairs = [(kind, one) for kind, _, one in (text.partition("/") for text in texts)]
    query = sa.select(
        subjects.c.kind, subjects.c.id, (subjects.c.dirty > subjects.c.clean).label("waits"), subjects.c.last_run_at
    ).where(sa.tuple_(subjects.c.kind, subjects.c.id).in_(pairs))
    rows = await connection.execute(query)
    return {f"{row.kind}/{row.id}": (row.waits, row.last_run_at) for row in rows}


async def unseen_of_run(connection: AsyncConnection, run_id: int) -> int:
    """How many subjects of a run still wait or could not be looked at."""
    mine = (subjects.c.run_id == run_id, subjects.c.dirty > subjects.c.clean)
    return int(await connection.scalar(sa.select(sa.func.count()).select_from(subjects).where(*mine)) or 0)


async def around(connection: AsyncConnection, realm_id: str, key: str) -> Around:
    """Everything about a document that is, or was, parked; a handful of reads by index."""
    link = (
        await connection.execute(
            sa.select(links.c.entity, links.c.qbo_id, links.c.state, links.c.subject).where(
                links.c.realm_id == realm_id, links.c.document_key == key
            )
        )
    ).one_or_none()
    subject = await connection.scalar(sa.select(parked.c.subject).where(parked.c.document_key == key))
    subject = subject or (link.subject if link else None)
    kind, _, one = (subject or "").partition("/")
    look = (
        await connection.execute(
            sa.select(
                (subjects.c.dirty > subjects.c.clean).label("waits"),
                subjects.c.last_run_at,
                subjects.c.retry_at,
                subjects.c.failures,
                subjects.c.last_code,
            ).where(subjects.c.kind == kind, subjects.c.id == one)
        )
    ).one_or_none()
    waiters = sa.select(parked.c.document_key).where(parked.c.waiting_on == key).order_by(parked.c.document_key)
    findings = sa.select(drift.c.id).where(
        drift.c.realm_id == realm_id, drift.c.document_key == key, drift.c.state == "open"
    )
    return Around(
        entity=link.entity if link else None,
        qbo_id=link.qbo_id if link else None,
        link_state=link.state if link else None,
        subject=subject,
        waits=look.waits if look else False,
        last_run_at=look.last_run_at if look else None,
        retry_at=look.retry_at if look else None,
        failures=look.failures if look else 0,
        last_code=look.last_code if look else None,
        awaited_by=tuple((await connection.execute(waiters.limit(_WAITERS))).scalars()),
        drift_ids=tuple((await connection.execute(findings.order_by(drift.c.id).limit(_WAITERS))).scalars()),
        history=await _history(connection, key),
    )


async def _history(connection: AsyncConnection, key: str) -> tuple[HistoryEntry, ...]:
    columns = [audit.c[name] for name in HistoryEntry.__dataclass_fields__]
    query = sa.select(*columns).where(audit.c.target == key).order_by(audit.c.id.desc()).limit(_HISTORY)
    return tuple(HistoryEntry(**row) for row in (await connection.execute(query)).mappings())


def _conditions(choice: Choice) -> Sequence[sa.ColumnElement[bool]]:
    found: list[sa.ColumnElement[bool]] = []
    if choice.codes is not None:
        found.append(parked.c.code.in_(list(choice.codes)))
    if choice.currency:
        found.append(parked.c.currency == choice.currency)
    if choice.before is not None:
        found.append(parked.c.since <= choice.before)
    if choice.min_amount is not None:
        factor = sa.case(
            (parked.c.currency.in_(sorted(ZERO_DECIMAL_CURRENCIES)), 1),
            (parked.c.currency.in_(sorted(THREE_DECIMAL_CURRENCIES)), 1000),
            else_=100,
        )
        found.append(sa.func.abs(parked.c.amount) >= sa.literal(choice.min_amount, sa.Numeric) * factor)
    if choice.ignored is not None:
        found.append(parked.c.ignored_at.is_not(None) if choice.ignored else parked.c.ignored_at.is_(None))
    if choice.contains:
        names = (parked.c.document_key, parked.c.subject)
        found.append(sa.or_(*(name.contains(choice.contains, autoescape=True) for name in names)))
    return found
