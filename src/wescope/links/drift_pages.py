"""Drift a page at a time: findings by filters, and counted by kind."""

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from wescope.links.drift import DriftRow
from wescope.links.schema import drift

_COLUMNS = [drift.c[name] for name in DriftRow.__dataclass_fields__]


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftChoice:
    """Which findings: all conditions hold; an empty one asks nothing."""

    ids: tuple[int, ...] | None = None
    kinds: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    entities: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class KindCount:
    """How many findings there are of one kind in one state."""

    kind: str
    state: str
    count: int


async def page_of_drift(
    connection: AsyncConnection, realm_id: str, choice: DriftChoice, *, before: int | None, limit: int
) -> tuple[DriftRow, ...]:
    """The newest findings that a choice takes, older than the one with the id `before`."""
    query = sa.select(*_COLUMNS).where(drift.c.realm_id == realm_id, *_conditions(choice))
    if before is not None:
        query = query.where(drift.c.id < before)
    rows = await connection.execute(query.order_by(drift.c.id.desc()).limit(limit))
    return tuple(DriftRow(**row) for row in rows.mappings())


async def open_by_kind(connection: AsyncConnection, realm_id: str) -> tuple[KindCount, ...]:
    """What nobody has decided about, by kind."""
    mine = (drift.c.realm_id == realm_id, drift.c.state == "open")
    query = sa.select(drift.c.kind, drift.c.state, sa.func.count()).where(*mine)
    rows = await connection.execute(query.group_by(drift.c.kind, drift.c.state).order_by(drift.c.kind))
    return tuple(KindCount(kind=row[0], state=row[1], count=row[2]) for row in rows)


def _conditions(choice: DriftChoice) -> list[sa.ColumnElement[bool]]:
    named = ((drift.c.kind, choice.kinds), (drift.c.state, choice.states), (drift.c.entity, choice.entities))
    found: list[sa.ColumnElement[bool]] = [column.in_(list(values)) for column, values in named if values]
    return found if choice.ids is None else [*found, drift.c.id.in_(list(choice.ids))]
