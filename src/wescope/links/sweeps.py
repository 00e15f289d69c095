"""What the tables tell a sweep: which events and looks are known, what it remembers, what is believed to be open."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from wescope.books.parking import ParkCode
from wescope.books.subjects import Subject, SubjectKind
from wescope.links.schema import checkpoints, hints, links, parked, runs, subjects

_PENDING = (
    ParkCode.CHARGE_PENDING,
    ParkCode.REFUND_PENDING,
    ParkCode.BALANCE_TRANSACTION_MISSING,
    ParkCode.PAYOUT_NOT_RECONCILED,
)
_OVERDUE = timedelta(hours=12)
"""What is pending at Stripe is looked at again every six hours by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """When a subject was last read from Stripe, by the database's clock, and whether another look is due anyway."""

    at: datetime | None
    dirty: bool


async def database_now(connection: AsyncConnection) -> datetime:
    """The database's time: the one clock of all machines."""
    return (await connection.execute(sa.select(sa.func.now()))).scalar_one()


async def read_checkpoint(connection: AsyncConnection, name: str) -> Any:
    """What is remembered under a name; null if nothing is."""
    query = sa.select(checkpoints.c.value).where(checkpoints.c.name == name)
    return (await connection.execute(query)).scalar_one_or_none()


async def has_webhooks(connection: AsyncConnection) -> bool:
    """Whether any webhook is among the hints that are kept; looks at a thousand events at most."""
    events = sa.select(hints.c.source).where(hints.c.event_id.is_not(None)).limit(1000).subquery()
    some = sa.select(sa.literal(1)).where(events.c.source == "webhook").limit(1)
    return (await connection.execute(some)).scalar_one_or_none() is not None


async def known_events(connection: AsyncConnection, event_ids: Collection[str]) -> set[str]:
    """Those of these events that were received or found before."""
    query = sa.select(hints.c.event_id).where(hints.c.event_id.in_(list(event_ids)))
    return set((await connection.execute(query)).scalars()) if event_ids else set()


async def looks_at(connection: AsyncConnection, asked: Collection[Subject]) -> dict[Subject, Look]:
    """The last look at each of these subjects that is known."""
    if not asked:
        return {}
    query = sa.select(
        subjects.c.kind, subjects.c.id, subjects.c.last_run_at, (subjects.c.dirty > subjects.c.clean).label("dirty")
    ).where(sa.tuple_(subjects.c.kind, subjects.c.id).in_([(one.kind.value, one.id) for one in asked]))
    return {
        Subject(kind=SubjectKind(row.kind), id=row.id): Look(at=row.last_run_at, dirty=row.dirty)
        for row in await connection.execute(query)
    }


async def hinted_by(connection: AsyncConnection, run_id: int, asked: Collection[Subject]) -> set[Subject]:
    """Those of these subjects that a run has asked for before."""
    if not asked:
        return set()
    pairs = [(one.kind.value, one.id) for one in asked]
    query = sa.select(hints.c.kind, hints.c.subject_id).where(
        hints.c.run_id == run_id, sa.tuple_(hints.c.kind, hints.c.subject_id).in_(pairs)
    )
    return {Subject(kind=SubjectKind(row.kind), id=row.subject_id) for row in await connection.execute(query)}


async def unpaid_invoices(connection: AsyncConnection, realm_id: str, after: str, limit: int) -> Sequence[Subject]:
    """Invoices that stand in QBO while nothing else of their subject does, after an id, in the order of ids."""
    kind = SubjectKind.INVOICE.value + "/"
    others = links.alias("others")
    settling = sa.exists().where(
        others.c.subject == links.c.subject,
        others.c.realm_id == realm_id,
        others.c.state == "posted",
        others.c.entity.not_in(["Customer", "Invoice"]),
    )
    query = sa.select(links.c.subject).where(
        links.c.realm_id == realm_id,
        links.c.entity == "Invoice",
        links.c.state == "posted",
        links.c.subject.startswith(kind, autoescape=True),
        links.c.subject > kind + after,
        sa.not_(settling),
    )
    rows = (await connection.execute(query.order_by(links.c.subject).limit(limit))).scalars()
    return [Subject.parse(text) for text in rows]


async def adjusted_customers(connection: AsyncConnection, realm_id: str) -> Sequence[Subject]:
    """Customers of whose balance documents stand in QBO."""
    kind = SubjectKind.CUSTOMER.value + "/"
    query = sa.select(links.c.subject).distinct()
    query = query.where(
        links.c.realm_id == realm_id,
        links.c.state == "posted",
        links.c.entity != "Customer",
        links.c.subject.startswith(kind, autoescape=True),
    )
    return [Subject.parse(text) for text in (await connection.execute(query)).scalars()]


async def overdue_pending(connection: AsyncConnection) -> Sequence[Subject]:
    """Subjects with something parked that is pending at Stripe, and that nobody has looked at for half a day."""
    query = (
        sa.select(subjects.c.kind, subjects.c.id)
        .distinct()
        .join(parked, parked.c.subject == subjects.c.kind + "/" + subjects.c.id)
        .where(
            parked.c.code.in_([code.value for code in _PENDING]),
            subjects.c.dirty <= subjects.c.clean,
            sa.or_(subjects.c.last_run_at.is_(None), subjects.c.last_run_at < sa.func.now() - _OVERDUE),
        )
    )
    return [Subject(kind=SubjectKind(row.kind), id=row.id) for row in await connection.execute(query)]


async def has_history(connection: AsyncConnection) -> bool:
    """Whether somebody has ever had the past posted: by a backfill, or by a sweep that nobody scheduled."""
    scheduled = runs.c.options["scheduled"].astext.is_not(None)
    past = sa.or_(runs.c.kind == "backfill", sa.and_(runs.c.kind == "sweep", sa.not_(scheduled)))
    return (await connection.execute(sa.select(sa.exists().where(past)))).scalar_one()


def moment_of(value: Mapping[str, Any] | None, name: str) -> datetime | None:
    """A moment that a checkpoint holds."""
    text = (value or {}).get(name)
    return datetime.fromisoformat(text) if text else None
