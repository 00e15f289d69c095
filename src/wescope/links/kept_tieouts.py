"""Kept tie-outs: the head of each (all but its rows), and its rows a page at a time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from wescope.links.console_tables import tieout_heads, tieout_kept_rows
from wescope.links.schema import runs


@dataclass(frozen=True, slots=True, kw_only=True)
class TieOutHead:
    """What is kept of a tie-out beside its rows; `head` is as `engine.tieout_kept` writes it, or an older version."""

    run_id: int
    as_of: date
    compared_at: datetime
    head: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRow:
    """One row of a kept tie-out, in minor units; `position` is its place among all rows, from 1 on."""

    position: int
    id: str
    currency: str
    stripe: int
    qbo: int


_HEADS = [tieout_heads.c[name] for name in TieOutHead.__dataclass_fields__]
_FIELDS = ("id", "currency", "stripe", "qbo")


async def newest_head(connection: AsyncConnection) -> TieOutHead | None:
    """The tie-out that was made last, of whatever day."""
    return await _first(connection, sa.select(*_HEADS).order_by(tieout_heads.c.compared_at.desc()))


async def latest_head(connection: AsyncConnection, as_of: date | None = None) -> TieOutHead | None:
    """The last tie-out of a day, or of the latest day for which there is one."""
    query = sa.select(*_HEADS).order_by(tieout_heads.c.as_of.desc(), tieout_heads.c.compared_at.desc())
    return await _first(connection, query if as_of is None else query.where(tieout_heads.c.as_of == as_of))


async def _first(connection: AsyncConnection, query: sa.Select[Any]) -> TieOutHead | None:
    row = (await connection.execute(query.limit(1))).mappings().one_or_none()
    return None if row is None else TieOutHead(**row)


async def stored_rows(
    connection: AsyncConnection,
    run_id: int,
    *,
    kind: str | None = None,
    row_id: str | None = None,
    after: int = 0,
    limit: int | None = None,
) -> Sequence[StoredRow]:
    """Rows in their order, those after a position; only those of a kind (`receivable`), or the one with this id.

    Of the newest tie-outs they are read by an index; of older ones all rows are, with their run.
    """
    kept = tieout_kept_rows.c
    query = sa.select(*(kept[name] for name in StoredRow.__dataclass_fields__))
    query = query.where(kept.run_id == run_id, kept.position > after)
    if kind is not None:
        query = query.where(kept.kind == kind)
    if row_id is not None:
        query = query.where(kept.id == row_id)
    rows = (await connection.execute(query.order_by(kept.position).limit(limit))).mappings().all()
    if not rows and not await connection.scalar(sa.select(sa.exists().where(kept.run_id == run_id))):
        old = _rows_of_run(run_id, kind=kind, row_id=row_id, after=after, limit=limit)
        rows = (await connection.execute(old)).mappings().all()
    return tuple(StoredRow(**row) for row in rows)


def _rows_of_run(run_id: int, *, kind: str | None, row_id: str | None, after: int, limit: int | None) -> sa.Select[Any]:
    element = sa.func.jsonb_array_elements(runs.c.result["rows"]).table_valued("value", with_ordinality="position")
    each = element.render_derived(name="each")
    value = sa.cast(each.c.value, runs.c.result.type)
    texts = {name: value[name].astext for name in _FIELDS}
    amounts = {name: sa.cast(texts[name], sa.BigInteger) for name in ("stripe", "qbo")}
    columns = [text.label(name) for name, text in (texts | amounts).items()]
    query = sa.select(each.c.position, *columns).select_from(runs.join(each, sa.true()))
    query = query.where(runs.c.id == run_id, each.c.position > after)
    if kind is not None:
        query = query.where(texts["id"].startswith(f"{kind}:", autoescape=True))
    if row_id is not None:
        query = query.where(texts["id"] == row_id)
    return query.order_by(each.c.position).limit(limit)
