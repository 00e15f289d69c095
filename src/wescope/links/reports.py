"""What the tables say as a whole: backlog, parked items, posted documents, calls of the last minute, kept results."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from wescope.links.schema import attempts, checkpoints, hints, links, parked, qbo_hints, runs, subjects
from wescope.links.tallies import ParkedTally, read_tallies


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Numbers for `status`: the oldest hint's moment is null when nothing waits; what is ignored is not `parked`.

    `parked_by_code` has what is ignored, too.
    """

    backlog: int
    oldest_hint_at: datetime | None
    in_flight: int
    parked: int
    posted_by_entity: Mapping[str, int]
    calls_last_minute: int
    writes_total: int
    parked_by_code: tuple[ParkedTally, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ParkedItem:
    """A row of the table of parked documents."""

    document_key: str
    subject: str
    code: str
    amount: int
    currency: str
    details: Mapping[str, str | int]
    since: datetime
    ignored_at: datetime | None = None
    ignored_reason: str | None = None


async def counts(connection: AsyncConnection, realm_id: str) -> Counts:
    """All counts at one moment."""
    dirty = sa.select(sa.func.count(), sa.func.min(subjects.c.dirty_since)).where(subjects.c.dirty > subjects.c.clean)
    backlog, oldest = (await connection.execute(dirty)).one()
    jobs = sa.table("procrastinate_jobs", sa.column("status"))
    kept = await read_tallies(connection, realm_id)
    return Counts(
        backlog=backlog,
        oldest_hint_at=oldest,
        in_flight=await _count(connection, jobs, sa.cast(jobs.c.status, sa.Text) == "doing"),
        parked=sum(one.count for one in kept.parked if not one.ignored),
        parked_by_code=kept.parked,
        posted_by_entity=kept.posted_by_entity,
        calls_last_minute=await _calls_last_minute(connection),
        writes_total=kept.writes,
    )


async def _calls_last_minute(connection: AsyncConnection) -> int:
    """HTTP requests: the items of a batch share its id and the moment at which it was sent."""
    single = sa.func.count().filter(attempts.c.batch_id.is_(None))
    batches = sa.func.count(sa.distinct(sa.tuple_(attempts.c.batch_id, attempts.c.started_at))).filter(
        attempts.c.batch_id.is_not(None)
    )
    recent = attempts.c.started_at > sa.func.now() - timedelta(minutes=1)
    result = await connection.execute(sa.select(single + batches).where(recent))
    return int(result.scalar_one())


async def _count(connection: AsyncConnection, table: sa.FromClause, condition: sa.ColumnElement[bool]) -> int:
    result = await connection.execute(sa.select(sa.func.count()).select_from(table).where(condition))
    return int(result.scalar_one())


async def parked_items(connection: AsyncConnection) -> tuple[ParkedItem, ...]:
    """Everything that is parked, the oldest first."""
    columns = [parked.c[name] for name in ParkedItem.__dataclass_fields__]
    result = await connection.execute(sa.select(*columns).order_by(parked.c.since, parked.c.document_key))
    return tuple(ParkedItem(**row) for row in result.mappings())


async def parked_subjects(connection: AsyncConnection) -> tuple[str, ...]:
    """The subjects (as text) that have something parked."""
    return tuple((await connection.execute(sa.select(parked.c.subject).distinct())).scalars())


async def keep_run(connection: AsyncConnection, kind: str, result: Mapping[str, Any]) -> None:
    """Keep the result of a finished run (a tie-out, say)."""
    now = sa.func.now()
    await connection.execute(sa.insert(runs).values(kind=kind, state="done", result=dict(result), finished_at=now))


async def swap_checkpoint(connection: AsyncConnection, name: str, value: Any) -> Any:
    """Set a checkpoint and return what it was before (null if it is new)."""
    before = sa.select(checkpoints.c.value).where(checkpoints.c.name == name).with_for_update()
    old = (await connection.execute(before)).scalar_one_or_none()
    new = insert(checkpoints).values(name=name, value=value)
    await connection.execute(
        new.on_conflict_do_update(
            constraint=checkpoints.primary_key, set_={"value": value, "updated_at": sa.func.now()}
        )
    )
    return old


async def prune(connection: AsyncConnection, *, older_than_days: int) -> None:
    """Forget hints and attempts that are older; links, parked items, drift and tie-outs stay for ever."""
    age = timedelta(days=older_than_days)
    await connection.execute(sa.delete(attempts).where(attempts.c.started_at < sa.func.now() - age))
    await connection.execute(sa.delete(hints).where(hints.c.received_at < sa.func.now() - age))
    await connection.execute(sa.delete(qbo_hints).where(qbo_hints.c.looked_at < sa.func.now() - age))


async def customer_links(connection: AsyncConnection, realm_id: str) -> tuple[tuple[str, str, str], ...]:
    """QBO id, document key and currency of every customer that stands in QBO."""
    columns = (links.c.qbo_id, links.c.document_key, links.c.currency)
    standing = (links.c.realm_id == realm_id, links.c.entity == "Customer", links.c.state == "posted")
    rows = await connection.execute(sa.select(*columns).where(*standing))
    return tuple((row[0], row[1], row[2]) for row in rows)
