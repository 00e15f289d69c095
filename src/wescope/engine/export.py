"""Export: the tables as CSV, row by row from a cursor of the server, so that memory does not grow with their size.

Amounts are decimals of the currency that stands in the column named `currency` (or as said), dates are ISO 8601,
moments have their zone.
"""

import csv
import io
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from wescope.books.money import to_decimal
from wescope.books.parking import REASONS, ParkCode
from wescope.engine.export_sheets import SHEETS, CsvColumn, What
from wescope.links.console_tables import tieout_heads
from wescope.links.database import transaction
from wescope.links.schema import attempts, audit, links, parked, payout_checks, payout_rows, runs

_BATCH = 1000
_PATIENCE = "10min"
"""How long whoever reads may think between two batches, before the server ends the export."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""A spreadsheet would take a text that begins like this for a formula."""


def query_of(what: What, realm_id: str) -> sa.Select[Any]:
    """All rows of an export, in the order of their key."""
    match what:
        case What.LINKS:
            return sa.select(links).where(links.c.realm_id == realm_id).order_by(links.c.document_key)
        case What.PAYOUTS:
            checks = sa.select(payout_checks).where(payout_checks.c.realm_id == realm_id)
            return checks.order_by(payout_checks.c.payout_id)
        case What.PAYOUT_ROWS:
            same = sa.and_(
                payout_checks.c.realm_id == payout_rows.c.realm_id,
                payout_checks.c.payout_id == payout_rows.c.payout_id,
            )
            of_check = (payout_checks.c.currency, payout_checks.c.arrival_date, payout_checks.c.checked_at)
            rows = sa.select(payout_rows, *of_check).join_from(payout_rows, payout_checks, same)
            order = (payout_rows.c.payout_id, payout_rows.c.position)
            return rows.where(payout_rows.c.realm_id == realm_id).order_by(*order)
        case What.TIEOUTS:
            return _tieouts()
        case What.PARKED:
            return sa.select(parked).order_by(parked.c.document_key)
        case What.ATTEMPTS:
            return sa.select(attempts).where(attempts.c.realm_id == realm_id).order_by(attempts.c.id)
        case What.AUDIT:
            told = [audit.c.details[name].astext.label(name) for name in ("code", "reason")]
            columns = [audit.c[name] for name in ("id", "at", "action", "actor", "target", "run_id")]
            return sa.select(*columns, *told).order_by(audit.c.id)


def _tieouts() -> sa.Select[Any]:
    """Each kept comparison with its rows; one without rows is there once."""
    names = ("as_of", "difference", "at", "total_difference", "unexplained")
    # From the heads: a result holds all rows, and would be unpacked once more for each of them.
    told = [tieout_heads.c.head[name].astext.label(name) for name in names]
    columns: list[sa.ColumnElement[Any]] = [sa.column(name, sa.Text) for name in ("id", "currency")]
    columns += [sa.column(name, sa.BigInteger) for name in ("stripe", "qbo")]
    rows = sa.func.jsonb_to_recordset(runs.c.result["rows"]).table_valued(*columns)
    kept = rows.render_derived(name="kept", with_types=True)
    return (
        sa.select(
            *(runs.c.id, runs.c.started_at, *told, kept.c.id.label("row_id"), kept.c.stripe, kept.c.qbo),
            (kept.c.stripe - kept.c.qbo).label("row_difference"),
            kept.c.currency,
        )
        .select_from(runs.outerjoin(tieout_heads, tieout_heads.c.run_id == runs.c.id).outerjoin(kept, sa.true()))
        .where(runs.c.kind == "tieout")
        .order_by(runs.c.id, kept.c.id)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Exporter:
    """Writes exports of one realm."""

    engine: AsyncEngine
    realm_id: str

    async def count(self, what: What, since: datetime | None = None) -> int:
        """How many rows there are now.

        Raises:
            DatabaseUnavailable: the tables cannot be read.
        """
        query = _since(query_of(what, self.realm_id), what, since).order_by(None)
        async with transaction(self.engine) as connection:
            found = await connection.execute(sa.select(sa.func.count()).select_from(query.subquery()))
            return int(found.scalar_one())

    def lines(self, what: What, since: datetime | None = None) -> AsyncIterator[str]:
        """The CSV, its header first, in pieces of whole rows (at most a thousand).

        Args:
            what: which export.
            since: leave out what is older; what that is compared with is in `SHEETS`.

        Raises:
            DatabaseUnavailable: the tables cannot be read; what came before is complete up to there.
        """
        query = _since(query_of(what, self.realm_id), what, since)
        return csv_of(self.engine, query, SHEETS[what].columns)


async def csv_of(engine: AsyncEngine, query: sa.Select[Any], columns: Sequence[CsvColumn]) -> AsyncGenerator[str]:
    """What a query finds as CSV, its header first, in pieces of whole rows (at most a thousand).

    Raises:
        DatabaseUnavailable: the tables cannot be read; what came before is complete up to there.
    """
    yield written([[column.name for column in columns]])
    async with transaction(engine) as connection:
        await allow_slow_readers(connection)
        result = await connection.stream(query.execution_options(yield_per=_BATCH))
        async for rows in result.mappings().partitions():
            yield csv_rows(columns, rows)


def csv_rows(columns: Sequence[CsvColumn], rows: Iterable[Mapping[Any, Any]]) -> str:
    """Rows as CSV without a header."""
    return written([cells(columns, row) for row in rows])


async def allow_slow_readers(connection: AsyncConnection) -> None:
    """A cursor lives as long as its transaction: whoever downloads slowly must not lose it."""
    for name in ("idle_in_transaction_session_timeout", "statement_timeout"):
        await connection.execute(sa.select(sa.func.set_config(name, _PATIENCE, True)))


def _since(query: sa.Select[Any], what: What, since: datetime | None) -> sa.Select[Any]:
    if since is None:
        return query
    compared = next(column for column in query.selected_columns if column.key == SHEETS[what].since)
    return query.where(compared >= since)


def cells(columns: Sequence[CsvColumn], row: Mapping[Any, Any]) -> list[str]:
    """A row as the texts of its columns."""
    return [_cell(column, row) for column in columns]


def _cell(column: CsvColumn, row: Mapping[Any, Any]) -> str:
    if column.of_code:
        reason = REASONS[ParkCode(row["code"])]
        return {"reason": reason.text, "owner": reason.owner.value}[column.name]
    value = row[column.reads]
    if value is None:
        return ""
    if column.currency:
        return str(to_decimal(value, row[column.currency]))
    if column.name.endswith("currency"):
        return str(value).upper()
    return _text(value, is_words=column.is_text)


def _text(value: object, *, is_words: bool) -> str:
    match value:
        case bool():
            return str(value).lower()
        case datetime() | date():
            return value.isoformat()
        case list() | tuple():
            return " ".join(str(one) for one in value)
        case str() if is_words and value.startswith(_FORMULA):
            return f"'{value}"
        case _:
            return str(value)


def written(rows: Sequence[Sequence[str]]) -> str:
    """Rows as CSV."""
    sheet = io.StringIO()
    csv.writer(sheet, lineterminator="\r\n").writerows(rows)
    return sheet.getvalue()
