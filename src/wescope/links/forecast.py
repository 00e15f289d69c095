"""Forecast: a table of the session in which a dry run keeps what it has planned, so that memory holds none of it.

It is temporary: only its own connection sees it, and it is gone when that ends.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from wescope.books.subjects import DocumentKey, Subject

_metadata = sa.MetaData()
_planned = sa.Table(
    "forecast_documents",
    _metadata,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("entity", sa.Text, nullable=False),
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("code", sa.Text, nullable=False),
    sa.Column("day", sa.Date),
    sa.Column("amount", sa.BigInteger, nullable=False),
    sa.Column("currency", sa.Text, nullable=False),
    sa.Column("qbo_id", sa.Text),
    prefixes=["TEMPORARY"],
)
_seen = sa.Table(
    "forecast_subjects",
    _metadata,
    sa.Column("subject", sa.Text, primary_key=True),
    sa.Column("planned", sa.Boolean, nullable=False),
    prefixes=["TEMPORARY"],
)

PARK, NOTHING = "park", "nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedDocument:
    """What would be done with one document. `code` says why it would be parked, else it is empty."""

    key: DocumentKey
    entity: str
    action: str
    amount: int
    currency: str
    day: date | None = None
    code: str = ""
    qbo_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedSum:
    """Planned documents of one month (`2026-10`, empty without a date), entity, action, code and currency, summed."""

    month: str
    entity: str
    action: str
    code: str
    currency: str
    count: int
    amount: int


class ForecastTable:
    """The table, on one connection that commits by itself."""

    def __init__(self, connection: AsyncConnection) -> None:
        """Take the connection; it must be in autocommit."""
        self._connection = connection

    async def create(self) -> None:
        """Make it."""
        await self._connection.run_sync(_metadata.create_all, checkfirst=False)

    async def drop(self) -> None:
        """Remove it; the connection goes back to its pool."""
        await self._connection.run_sync(_metadata.drop_all, checkfirst=False)

    async def begin(self, subject: Subject) -> bool:
        """Take a subject up. False: it was before."""
        return await self._note(subject, planned=True)

    async def later(self, all_subjects: Iterable[Subject]) -> None:
        """Have subjects taken up at the end."""
        for subject in all_subjects:
            await self._note(subject, planned=False)

    async def next_of_later(self) -> Subject | None:
        """Take up one of those that were left for the end."""
        one = sa.select(_seen.c.subject).where(sa.not_(_seen.c.planned)).limit(1).scalar_subquery()
        taken = sa.update(_seen).where(_seen.c.subject == one).values(planned=True).returning(_seen.c.subject)
        text = await self._connection.scalar(taken)
        return Subject.parse(text) if text else None

    async def _note(self, subject: Subject, *, planned: bool) -> bool:
        new = insert(_seen).values(subject=str(subject), planned=planned).on_conflict_do_nothing()
        return (await self._connection.execute(new.returning(_seen.c.subject))).one_or_none() is not None

    async def add(self, documents: Sequence[PlannedDocument]) -> None:
        """Keep what is planned; of a document that several subjects name, the plan that posts it."""
        for one in documents:
            values: dict[str, Any] = {name: getattr(one, name) for name in PlannedDocument.__dataclass_fields__}
            new = insert(_planned).values(values)
            better = sa.and_(_planned.c.action == PARK, new.excluded.action != PARK)
            kept = new.on_conflict_do_update(index_elements=[_planned.c.key], set_=values, where=better)
            await self._connection.execute(kept)

    async def of(self, keys: Collection[DocumentKey]) -> dict[DocumentKey, PlannedDocument]:
        """What is planned for these documents."""
        columns = [_planned.c[name] for name in PlannedDocument.__dataclass_fields__]
        rows = await self._connection.execute(sa.select(*columns).where(_planned.c.key.in_(list(keys))))
        return {row.key: PlannedDocument(**row._mapping) for row in rows}  # noqa: SLF001 - the documented way

    async def sums(self) -> tuple[PlannedSum, ...]:
        """All that would be done, by month, entity, action, code and currency."""
        month = sa.func.coalesce(sa.func.to_char(_planned.c.day, "YYYY-MM"), "").label("month")
        by = (month, _planned.c.entity, _planned.c.action, _planned.c.code, _planned.c.currency)
        query = sa.select(*by, sa.func.count(), sa.func.sum(_planned.c.amount)).where(_planned.c.action != NOTHING)
        query = query.group_by(*by).order_by(*by)
        rows = await self._connection.execute(query)
        return tuple(
            PlannedSum(
                month=row[0],
                entity=row[1],
                action=row[2],
                code=row[3],
                currency=row[4],
                count=row[5],
                amount=int(row[6]),
            )
            for row in rows
        )
