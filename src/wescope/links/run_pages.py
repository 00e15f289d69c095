"""Pages of runs: runs by kind and state, the documents of one, and what the audit log has about it; by keys, never all.

Everything is asked by an index: `runs` by its id, documents by their run and key, the audit log by its target.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from wescope.links.runs import RUN_COLUMNS, Run, run_of
from wescope.links.schema import audit, links, runs
from wescope.links.undo import STANDING

_MONTH = "YYYY-MM"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunDocument:
    """A document that a run has created. `state` is what has become of it since; `date` is in the books' calendar."""

    document_key: str
    subject: str
    entity: str
    qbo_id: str | None
    state: str
    amount: int = field(metadata={"money": True})
    currency: str
    date: date | None
    posted_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEntry:
    """One entry of the audit log about a run: who had what done with it. `run_id` is of the run that did it."""

    id: int
    action: str
    actor: str
    at: datetime
    run_id: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CreatedSum:
    """Documents of a run that may stand, of one month (empty without a date) and entity, in minor units."""

    month: str
    entity: str
    currency: str
    count: int
    amount: int = field(metadata={"money": True})


async def page_of_runs(
    connection: AsyncConnection, *, kind: str | None, state: str | None, before: int | None, limit: int
) -> tuple[Run, ...]:
    """The newest runs of a kind and state (null: any) with smaller ids than `before`, the newest first."""
    query = sa.select(*RUN_COLUMNS).order_by(runs.c.id.desc()).limit(limit)
    if kind is not None:
        query = query.where(runs.c.kind == kind)
    if state is not None:
        query = query.where(runs.c.state == state)
    if before is not None:
        query = query.where(runs.c.id < before)
    return tuple(map(run_of, await connection.execute(query)))


async def page_of_documents(
    connection: AsyncConnection,
    realm_id: str,
    run_id: int,
    *,
    entity: str | None,
    state: str | None,
    after: str | None,
    limit: int,
) -> tuple[RunDocument, ...]:
    """The next documents of a run after a key, in the order of their keys."""
    wanted = sa.select(links.c.document_key).where(_of(realm_id, run_id))
    if entity is not None:
        wanted = wanted.where(links.c.entity == entity)
    if state is not None:
        wanted = wanted.where(links.c.state == state)
    if after is not None:
        wanted = wanted.where(links.c.document_key > after)
    page = wanted.order_by(links.c.document_key).limit(limit).subquery("page")
    names = ("document_key", "subject", "entity", "qbo_id", "state", "amount", "currency", "posted_at")
    query = (
        sa.select(*(links.c[name] for name in names), links.c.txn_date.label("date"))
        .where(links.c.realm_id == realm_id, links.c.document_key.in_(sa.select(page.c.document_key)))
        .order_by(links.c.document_key)
    )
    return tuple(RunDocument(**row._mapping) for row in await connection.execute(query))  # noqa: SLF001 - as documented


async def entries_about(connection: AsyncConnection, target: str, limit: int) -> tuple[RunEntry, ...]:
    """What the audit log has about a target, the newest first."""
    columns = (audit.c.id, audit.c.action, audit.c.actor, audit.c.at, audit.c.run_id)
    query = sa.select(*columns).where(audit.c.target == target).order_by(audit.c.id.desc()).limit(limit)
    return tuple(RunEntry(**row._mapping) for row in await connection.execute(query))  # noqa: SLF001 - as documented


async def created_sums(connection: AsyncConnection, realm_id: str, run_id: int) -> tuple[CreatedSum, ...]:
    """The documents of a run that may stand, summed. It reads all of them: a second for a million."""
    month = sa.func.coalesce(sa.func.to_char(links.c.txn_date, _MONTH), "")
    query = (
        sa.select(
            month.label("month"),
            links.c.entity,
            links.c.currency,
            sa.func.count().label("count"),
            sa.func.sum(links.c.amount).label("amount"),
        )
        .where(_of(realm_id, run_id), links.c.state.in_(STANDING))
        .group_by(month, links.c.entity, links.c.currency)
        .order_by(month, links.c.entity, links.c.currency)
    )
    return tuple(_sum(row) for row in await connection.execute(query))


def _sum(row: sa.Row[Any]) -> CreatedSum:
    return CreatedSum(**{**row._mapping, "amount": int(row.amount)})  # noqa: SLF001 - as documented


async def names_in_run(
    connection: AsyncConnection, realm_id: str, run_id: int, names: Collection[str]
) -> frozenset[str]:
    """Those of these documents of QBO (`Payment/7`) that the run has created and that may stand."""
    parsed = (one.partition("/") for one in names)
    wanted = [(entity, qbo_id) for entity, _, qbo_id in parsed]
    if not wanted:
        return frozenset()
    pairs = sa.tuple_(links.c.entity, links.c.qbo_id).in_(wanted)
    query = sa.select(links.c.entity, links.c.qbo_id).where(_of(realm_id, run_id), links.c.state.in_(STANDING), pairs)
    return frozenset(f"{row[0]}/{row[1]}" for row in await connection.execute(query))


def _of(realm_id: str, run_id: int) -> sa.ColumnElement[bool]:
    return sa.and_(links.c.realm_id == realm_id, links.c.run_id == run_id)
