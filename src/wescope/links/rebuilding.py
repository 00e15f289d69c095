"""Rebuilding: links that are made from what QBO holds, after the database was lost or an older one was restored."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from wescope.books.documents import Document
from wescope.books.subjects import DocumentKey
from wescope.links.schema import links
from wescope.links.store import Link, LinkState, Operation, described
from wescope.links.verification import is_unchanged, links_of

_FREE = (LinkState.ABSENT.value, LinkState.VOIDED.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovered:
    """A record of QBO's that carries our marker. Amount in minor units, `txn_date` in the company's calendar."""

    document_key: DocumentKey
    entity: str
    qbo_id: str
    sync_token: str
    subject: str
    amount: int
    currency: str
    txn_date: date | None
    content: str
    created_at: datetime | None


async def add_links(
    connection: AsyncConnection, realm_id: str, found: Collection[Recovered], *, fingerprint: str, generation: int
) -> int:
    """Link these records, each to the document that its marker names, unless the document is linked to something.

    Args:
        connection: the caller's transaction.
        realm_id: QBO's company.
        found: at most one record of each document.
        fingerprint: says that nobody has compared them yet.
        generation: higher than any that may have been used: a request id of the lost database must not come back.

    Returns:
        How many links were made.
    """
    if not found:
        return 0
    rows = [_row(one, realm_id, fingerprint, generation) for one in found]
    new = insert(links).values(rows)
    renewed = {name: new.excluded[name] for name in rows[0] if name not in {"realm_id", "document_key"}}
    statement = new.on_conflict_do_update(
        constraint=links.primary_key, set_=renewed, where=links.c.state.in_(_FREE)
    ).returning(links.c.document_key)
    return len((await connection.execute(statement)).all())


def _row(one: Recovered, realm_id: str, fingerprint: str, generation: int) -> dict[str, Any]:
    return {
        "realm_id": realm_id,
        "document_key": one.document_key,
        "entity": one.entity,
        "state": LinkState.POSTED.value,
        "operation": Operation.CREATE.value,
        "qbo_id": one.qbo_id,
        "sync_token": one.sync_token,
        "fingerprint": fingerprint,
        "intent_fingerprint": fingerprint,
        "request_id": f"wl.{one.entity}.{one.qbo_id}",
        "generation": generation,
        "sends": 0,
        "subject": one.subject,
        "amount": one.amount,
        "currency": one.currency,
        "txn_date": one.txn_date,
        "content": one.content,
        "posted_at": one.created_at,
        "recheck_at": None,
        "lost_at": None,
        "run_id": None,
    }


async def subjects_left(
    connection: AsyncConnection, realm_id: str, fingerprint: str, *, after: str, payouts: bool, limit: int
) -> Sequence[str]:
    """The next subjects, in order of their names, that have links with this fingerprint; payouts, or all others."""
    of_payout = links.c.subject.startswith("payout/")
    query = sa.select(links.c.subject).distinct().where(_uncompared(realm_id, fingerprint), links.c.subject > after)
    query = query.where(of_payout if payouts else sa.not_(of_payout)).order_by(links.c.subject).limit(limit)
    return (await connection.execute(query)).scalars().all()


async def subjects_linked(connection: AsyncConnection, realm_id: str, *, after: str, limit: int) -> Sequence[str]:
    """The next subjects, in order of their names, that have any links."""
    query = sa.select(links.c.subject).distinct().where(links.c.realm_id == realm_id, links.c.subject > after)
    return (await connection.execute(query.order_by(links.c.subject).limit(limit))).scalars().all()


async def uncompared(connection: AsyncConnection, realm_id: str, fingerprint: str) -> int:
    """How many links have this fingerprint."""
    query = sa.select(sa.func.count()).select_from(links).where(_uncompared(realm_id, fingerprint))
    return int((await connection.execute(query)).scalar_one())


async def uncompared_of(
    connection: AsyncConnection, realm_id: str, fingerprint: str, keys: Collection[DocumentKey]
) -> dict[DocumentKey, Link]:
    """Those of these documents whose links have this fingerprint."""
    if not keys:
        return {}
    condition = sa.and_(_uncompared(realm_id, fingerprint), links.c.document_key.in_(list(keys)))
    return {link.document_key: link for link in await links_of(connection, condition)}


async def vouch(
    connection: AsyncConnection,
    link: Link,
    document: Document,
    *,
    fingerprint: str,
    stated_date: date | None,
    subject: str,
    content: str,
    sync_token: str,
) -> bool:
    """The record was compared and is the document: the link says all that it would if the document was posted now.

    Returns:
        False if somebody has written the document meanwhile.
    """
    values = described(document, stated_date) | {"fingerprint": fingerprint, "intent_fingerprint": fingerprint}
    values |= {"subject": subject, "content": content, "sync_token": sync_token}
    changed = sa.update(links).where(*is_unchanged(link)).values(**values, updated_at=sa.func.clock_timestamp())
    return (await connection.execute(changed)).rowcount == 1


async def hand_over(connection: AsyncConnection, realm_id: str, fingerprint: str, subject: str, owner: str) -> None:
    """What a charge or a credit note seemed to own is an invoice's."""
    mine = (_uncompared(realm_id, fingerprint), links.c.subject == subject)
    await connection.execute(sa.update(links).where(*mine).values(subject=owner))


async def forget(connection: AsyncConnection, realm_id: str, fingerprint: str, subject: str) -> int:
    """Remove the links of a subject that this Stripe account does not know: another installation's documents."""
    mine = (_uncompared(realm_id, fingerprint), links.c.subject == subject)
    return (await connection.execute(sa.delete(links).where(*mine))).rowcount


def _uncompared(realm_id: str, fingerprint: str) -> sa.ColumnElement[bool]:
    return sa.and_(
        links.c.realm_id == realm_id,
        links.c.fingerprint == fingerprint,
        links.c.state == LinkState.POSTED.value,
    )
