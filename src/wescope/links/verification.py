"""Verification: the links as `verify` asks for them - by QBO's ids, page by page, and by what they look like."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from wescope.links.schema import links, payout_checks, subjects
from wescope.links.store import Link, LinkState, Operation

_COLUMNS = [links.c[name] for name in Link.__dataclass_fields__]
_POSTED = links.c.state == LinkState.POSTED.value
_OPEN = links.c.state.in_([LinkState.INTENDED.value, LinkState.UNKNOWN.value])
_NEAR = timedelta(days=3)

Object = tuple[str, str]
"""Entity and id of a record of QBO's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What a record of somebody else looks like. Amount in minor units, `day` in the company's calendar."""

    entity: str
    qbo_id: str
    amount: int
    currency: str
    day: date
    customer_id: str | None


async def by_qbo_ids(connection: AsyncConnection, realm_id: str, entity: str, ids: Collection[str]) -> dict[str, Link]:
    """The links that stand for these records, by QBO's id; voided ones are not among them."""
    if not ids:
        return {}
    mine = (links.c.realm_id == realm_id, links.c.entity == entity, links.c.qbo_id.in_(list(ids)))
    found = await _links(connection, sa.select(*_COLUMNS).where(*mine, sa.or_(_POSTED, _OPEN)))
    return {link.qbo_id: link for link in found if link.qbo_id}


async def owned(connection: AsyncConnection, realm_id: str, objects: Collection[Object]) -> set[Object]:
    """Those of the records that are ours, whatever became of them."""
    if not objects:
        return set()
    pairs = sa.tuple_(links.c.entity, links.c.qbo_id)
    query = sa.select(links.c.entity, links.c.qbo_id).where(links.c.realm_id == realm_id, pairs.in_(list(objects)))
    return {(row[0], row[1]) for row in await connection.execute(query)}


async def by_objects(connection: AsyncConnection, realm_id: str, objects: Collection[Object]) -> dict[Object, Link]:
    """The posted documents that these records are, of whatever entity."""
    if not objects:
        return {}
    pairs = sa.tuple_(links.c.entity, links.c.qbo_id)
    query = sa.select(*_COLUMNS).where(links.c.realm_id == realm_id, _POSTED, pairs.in_(list(objects)))
    return {(link.entity, link.qbo_id or ""): link for link in await _links(connection, query)}


async def by_keys(connection: AsyncConnection, realm_id: str, keys: Collection[str]) -> dict[str, Link]:
    """The links of these documents."""
    if not keys:
        return {}
    mine = (links.c.realm_id == realm_id, links.c.document_key.in_(list(keys)))
    return {link.document_key: link for link in await _links(connection, sa.select(*_COLUMNS).where(*mine))}


async def posted_page(
    connection: AsyncConnection, realm_id: str, entity: str, *, after: str, limit: int
) -> Sequence[Link]:
    """Posted documents of an entity in order of their keys, those after one."""
    mine = (links.c.realm_id == realm_id, links.c.entity == entity, _POSTED, links.c.document_key > after)
    return await _links(connection, sa.select(*_COLUMNS).where(*mine).order_by(links.c.document_key).limit(limit))


async def first_day(connection: AsyncConnection, realm_id: str, entity: str) -> date | None:
    """The earliest date of our documents of an entity; null if there are none."""
    mine = (links.c.realm_id == realm_id, links.c.entity == entity, _POSTED)
    found: date | None = await connection.scalar(sa.select(sa.func.min(links.c.txn_date)).where(*mine))
    return found


async def of_subject(connection: AsyncConnection, realm_id: str, subject: str, entity: str) -> Sequence[Link]:
    """Posted documents of an entity that were last written for a subject."""
    mine = (links.c.realm_id == realm_id, links.c.subject == subject, links.c.entity == entity, _POSTED)
    return await _links(connection, sa.select(*_COLUMNS).where(*mine).order_by(links.c.document_key))


async def of_customer(connection: AsyncConnection, realm_id: str, stripe_customer: str, limit: int) -> Sequence[Link]:
    """Some posted transactions of a Stripe customer's subjects."""
    texts = subjects.c.kind + "/" + subjects.c.id
    query = sa.select(*_COLUMNS).join(subjects, texts == links.c.subject)
    mine = (links.c.realm_id == realm_id, _POSTED, links.c.entity != "Customer")
    query = query.where(*mine, subjects.c.customer_id == stripe_customer).order_by(links.c.document_key)
    return await _links(connection, query.limit(limit))


async def settled_elsewhere(connection: AsyncConnection, realm_id: str, objects: Collection[Object]) -> set[Object]:
    """Those of the records that cover a payout: deposits and transfers of the bank feed, or of people."""
    names = {f"{entity}/{qbo_id}": (entity, qbo_id) for entity, qbo_id in objects}
    if not names:
        return set()
    query = sa.select(payout_checks.c.deposits).where(payout_checks.c.realm_id == realm_id)
    rows = (await connection.execute(query.where(payout_checks.c.deposits.overlap(list(names))))).scalars()
    return {names[found] for deposits in rows for found in deposits if found in names}


async def settled_currencies(connection: AsyncConnection, realm_id: str) -> frozenset[str]:
    """The currencies in which our documents move money in clearing."""
    query = sa.select(links.c.settled_currency).where(links.c.realm_id == realm_id).distinct()
    return frozenset(found for found in (await connection.execute(query)).scalars() if found)


async def twins_of(connection: AsyncConnection, realm_id: str, looks: Sequence[Look]) -> dict[Object, str]:
    """By record, the key of a document of ours with its entity, amount, currency and customer, and a date near it."""
    if not looks:
        return {}
    columns = ("entity", "qbo_id", "amount", "currency", "day", "customer_id")
    types = (sa.Text, sa.Text, sa.BigInteger, sa.Text, sa.Date, sa.Text)
    table = sa.values(*[sa.column(*one) for one in zip(columns, types, strict=True)], name="looks")
    look = table.data([tuple(getattr(one, name) for name in columns) for one in looks]).alias("look")
    names = links.alias("names")
    alike = sa.and_(
        links.c.entity == look.c.entity,
        links.c.amount == look.c.amount,
        links.c.currency == look.c.currency,
        links.c.txn_date.between(look.c.day - _NEAR, look.c.day + _NEAR),
        links.c.qbo_id != look.c.qbo_id,
    )
    customer = subjects.c.customer_id + ":customer:" + links.c.currency
    query = sa.select(look.c.entity, look.c.qbo_id, sa.func.min(links.c.document_key))
    query = query.select_from(look).join(links, alike)
    query = query.outerjoin(subjects, subjects.c.kind + "/" + subjects.c.id == links.c.subject)
    query = query.outerjoin(names, sa.and_(names.c.realm_id == realm_id, names.c.document_key == customer))
    same_customer = sa.or_(look.c.customer_id.is_(None), names.c.qbo_id == look.c.customer_id)
    query = query.where(links.c.realm_id == realm_id, _POSTED, same_customer)
    rows = await connection.execute(query.group_by(look.c.entity, look.c.qbo_id))
    return {(row[0], row[1]): row[2] for row in rows}


async def note_contents(connection: AsyncConnection, seen: Iterable[tuple[Link, str, str]]) -> None:
    """Records were compared and are right: remember content and SyncToken, unless their links have changed since."""
    for link, content, sync_token in seen:
        noted = sa.update(links).where(*is_unchanged(link)).values(content=content, sync_token=sync_token)
        await connection.execute(noted)


async def mark(connection: AsyncConnection, link: Link, **values: Any) -> bool:
    """Change a posted link that nobody has written since; false if somebody has."""
    statement = sa.update(links).where(*is_unchanged(link)).values(**values, updated_at=sa.func.clock_timestamp())
    return (await connection.execute(statement)).rowcount == 1


def is_unchanged(link: Link) -> tuple[sa.ColumnElement[bool], ...]:
    """Whether the stored link is still this one."""
    return (
        links.c.realm_id == link.realm_id,
        links.c.document_key == link.document_key,
        links.c.state == link.state.value,
        links.c.request_id == link.request_id,
        links.c.generation == link.generation,
        links.c.sends == link.sends,
    )


async def links_of(connection: AsyncConnection, condition: sa.ColumnElement[bool]) -> list[Link]:
    """The links that a condition takes."""
    return await _links(connection, sa.select(*_COLUMNS).where(condition))


async def _links(connection: AsyncConnection, query: sa.Select[Any]) -> list[Link]:
    rows = (await connection.execute(query)).mappings()
    return [Link(**{**row, "state": LinkState(row["state"]), "operation": Operation(row["operation"])}) for row in rows]
