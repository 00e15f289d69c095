"""Dry run: who has released writing or held it, what waits for a release, and having it looked at again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from wescope.books.parking import ParkCode
from wescope.books.subjects import Subject
from wescope.links.console_tables import dry_run_releases
from wescope.links.schema import parked, subjects
from wescope.links.subjects import BACKLOG, Defer, Hint, record_all


class Order(StrEnum):
    """What an operator has ordered."""

    RELEASE = "release"
    HOLD = "hold"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredOrder:
    """One order. `policy` is a digest of what decided the documents then, `figures` what waited; `at` has a zone."""

    id: int
    action: Order
    actor: str
    policy: str
    figures: Mapping[str, Any]
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingSum:
    """Documents of one QBO entity and currency that wait for a release, in minor units."""

    entity: str
    currency: str
    count: int
    amount: int


_IS_WAITING = sa.and_(parked.c.code == ParkCode.DRY_RUN.value, sa.not_(parked.c.advisory))
_COLUMNS = [dry_run_releases.c[name] for name in StoredOrder.__dataclass_fields__]


async def newest_orders(connection: AsyncConnection, realm_id: str, *, limit: int = 1) -> tuple[StoredOrder, ...]:
    """The newest orders of a realm, the newest first."""
    table = dry_run_releases
    newest = sa.select(*_COLUMNS).where(table.c.realm_id == realm_id).order_by(table.c.id.desc()).limit(limit)
    rows = (await connection.execute(newest)).mappings()
    return tuple(StoredOrder(**{**row, "action": Order(row["action"])}) for row in rows)


async def lock_orders(connection: AsyncConnection, realm_id: str) -> None:
    """Let nobody else give an order for the realm until the transaction ends."""
    key = sa.func.hashtextextended(f"dry_run:{realm_id}", 0)
    await connection.execute(sa.select(sa.func.pg_advisory_xact_lock(key)))


async def add_order(
    connection: AsyncConnection, realm_id: str, order: Order, *, actor: str, policy: str, figures: Mapping[str, Any]
) -> None:
    """Append an order; from its commit on it holds for all processes."""
    values = {"realm_id": realm_id, "action": order.value, "actor": actor, "policy": policy, "figures": dict(figures)}
    await connection.execute(sa.insert(dry_run_releases).values(**values))


async def waiting_sums(connection: AsyncConnection, *, most: int | None = None) -> tuple[WaitingSum, ...]:
    """What waits, by entity and currency; with `most`, of so many documents only."""
    entity = sa.func.coalesce(parked.c.details.op("->>")("entity"), "unknown").label("entity")
    looked_at = sa.select(entity, parked.c.currency, parked.c.amount).where(_IS_WAITING).limit(most).subquery()
    columns = (looked_at.c.entity, looked_at.c.currency)
    # A sum of bigint is numeric: amounts stay integers.
    total = sa.cast(sa.func.sum(looked_at.c.amount), sa.BigInteger).label("amount")
    grouped = sa.select(*columns, sa.func.count().label("count"), total).group_by(*columns).order_by(*columns)
    return tuple(WaitingSum(**row) for row in (await connection.execute(grouped)).mappings())


async def waiting_subjects(connection: AsyncConnection, *, limit: int) -> tuple[Subject, ...]:
    """The first subjects (by id) with documents that wait."""
    found = sa.select(parked.c.subject).where(_IS_WAITING).distinct().order_by(parked.c.subject).limit(limit)
    return tuple(Subject.parse(text) for text in (await connection.execute(found)).scalars())


async def hint_waiting(connection: AsyncConnection, defer: Defer, *, after: str, limit: int) -> str | None:
    """Have subjects with documents that wait looked at again, unless that is under way.

    Args:
        connection: the transaction.
        defer: puts their jobs into the queue.
        after: the subject (as text) after which to go on; empty at first. What is passed by is not looked at again.
        limit: how many at most.

    Returns:
        The last one, or null if there is none.
    """
    idle = sa.and_(subjects.c.dirty <= subjects.c.clean, sa.not_(subjects.c.queued))
    # By its primary key: the table of subjects is never read as a whole.
    kind = sa.func.split_part(parked.c.subject, "/", 1)
    identifier = sa.func.substr(parked.c.subject, sa.func.strpos(parked.c.subject, "/") + 1)
    query = (
        sa.select(parked.c.subject)
        .select_from(parked.join(subjects, sa.and_(subjects.c.kind == kind, subjects.c.id == identifier)))
        .where(_IS_WAITING, idle, parked.c.subject > after)
        .distinct()
        .order_by(parked.c.subject)
        .limit(limit)
    )
    found: Sequence[str] = (await connection.execute(query)).scalars().all()
    hints = [Hint(subject=Subject.parse(text), source="release", lane=BACKLOG) for text in found]
    await record_all(connection, hints, defer)
    return found[-1] if found else None
