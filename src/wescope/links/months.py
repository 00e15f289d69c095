"""What the tables say of a month: its tie-outs, what is dated in it and open, and what was written in it since.

Every count stops at `MOST`, so that no page waits for a large one; `Tally.is_more` says that it did.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncConnection

from wescope.books.month import Month
from wescope.links.console_tables import tieout_sums
from wescope.links.runs import RunKind
from wescope.links.schema import drift, links, parked, payout_checks, runs, subjects

MOST = 1000
"""Rows that are counted of one kind."""

SETTLED = ("matched", "adopted", "failed")
"""States of payouts for which nothing is left to do."""

SHOWN = 50
"""Rows that are shown of one kind; the evidence has all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptSum:
    """The rows of one kind of a tie-out in one currency, in minor units; `difference` adds absolute values."""

    kind: str
    currency: str
    rows: int
    differing: int
    stripe: int
    qbo: int
    difference: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptTieOut:
    """A kept tie-out in sums. `digest` is of the rows that these are made of."""

    run_id: int
    as_of: date
    at: datetime
    difference: str
    total_difference: str
    unexplained: str
    sums: tuple[KeptSum, ...]
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StartedTieOut:
    """The newest run that was to compare as of a day; `code` and `remedy` say why it failed, if it did."""

    id: int
    state: str
    started_at: datetime
    code: str | None
    remedy: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenRow:
    """One thing that is open. `key` is a document key, a payout, a QBO document or a subject, by its kind."""

    key: str
    subject: str | None
    code: str
    amount: int
    currency: str
    day: date | None
    since: datetime | None
    entity: str | None = None
    qbo_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How much of one kind is open: by currency a count and a sum of amounts, and how many have no known day."""

    sums: Mapping[str, tuple[int, int]]
    undated: int

    @property
    def count(self) -> int:
        """How many are dated in the month; no more than `MOST`."""
        return min(MOST, sum(count for count, _ in self.sums.values()))

    @property
    def is_more(self) -> bool:
        """Whether there are more than were counted."""
        return sum(count for count, _ in self.sums.values()) > MOST


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenRow:
    """A document that is dated in a month, and was written or taken back."""

    document_key: str
    entity: str
    qbo_id: str | None
    state: str
    amount: int
    currency: str
    txn_date: date | None
    posted_at: datetime | None


Source = Mapping[str, sa.Select[Any]]
"""What is open of each kind: all rows, with the columns of `OpenRow`; `day` is null where nothing tells it."""


def open_rows(realm_id: str) -> Source:
    """All that is open, by kind, whatever month it is of."""
    nothing = sa.null().label
    parked_rows = sa.select(
        parked.c.document_key.label("key"), parked.c.subject, parked.c.code, parked.c.amount, parked.c.currency,
        parked.c.txn_date.label("day"), parked.c.since, nothing("entity"), nothing("qbo_id"),
    ).where(parked.c.ignored_at.is_(None))  # fmt: skip
    payouts = sa.select(
        payout_checks.c.payout_id.label("key"), (sa.literal("payout/") + payout_checks.c.payout_id).label("subject"),
        payout_checks.c.state.label("code"), payout_checks.c.amount, payout_checks.c.currency,
        payout_checks.c.arrival_date.label("day"), nothing("since"), nothing("entity"), nothing("qbo_id"),
    ).where(payout_checks.c.realm_id == realm_id, payout_checks.c.state.not_in(SETTLED))  # fmt: skip
    same = sa.and_(links.c.realm_id == drift.c.realm_id, links.c.document_key == drift.c.document_key)
    findings = (
        sa.select(
            sa.func.coalesce(drift.c.document_key, drift.c.entity + "/" + drift.c.qbo_id).label("key"),
            links.c.subject, drift.c.kind.label("code"), drift.c.amount,
            sa.func.coalesce(drift.c.currency, links.c.currency, "usd").label("currency"),
            links.c.txn_date.label("day"), drift.c.found_at.label("since"), drift.c.entity, drift.c.qbo_id,
        )
        .select_from(drift.outerjoin(links, same))
        .where(drift.c.realm_id == realm_id, drift.c.state == "open")
    )  # fmt: skip
    return {"parked": parked_rows, "payout": payouts, "drift": findings}


def in_month(rows: sa.Select[Any], month: Month | None) -> sa.Select[Any]:
    """Those of the rows that are dated in a month; null: those that nothing dates."""
    day = next(column for column in rows.selected_columns if column.key == "day").element
    return rows.where(day.is_(None) if month is None else day.between(month.first, month.last))


def waiting_rows(realm_id: str, month: Month) -> sa.Select[Any]:
    """Subjects that wait for a run and have documents in the month, and those that have none in any, as undated.

    Of the subjects the `MOST` that have waited longest are looked at.
    """
    waiting = (
        sa.select(subjects.c.kind, subjects.c.id, subjects.c.dirty_since, subjects.c.last_code)
        .where(subjects.c.dirty > subjects.c.clean)
        .order_by(subjects.c.dirty_since)
        .limit(MOST)
        .subquery("waiting")
    )
    subject = waiting.c.kind + "/" + waiting.c.id
    own = sa.and_(links.c.subject == subject, links.c.realm_id == realm_id, links.c.txn_date.is_not(None))
    inside = links.c.txn_date.between(month.first, month.last)
    # Of a subject's documents, one in the month if there is any, else any.
    one = (
        sa.select(links.c.txn_date, links.c.amount, links.c.currency, inside.label("inside"))
        .where(own)
        .order_by(inside.desc(), links.c.txn_date)
        .limit(1)
        .lateral("one")
    )
    return (
        sa.select(
            subject.label("key"), subject.label("subject"),
            sa.func.coalesce(waiting.c.last_code, "waiting").label("code"),
            sa.func.coalesce(one.c.amount, 0).label("amount"), sa.func.coalesce(one.c.currency, "").label("currency"),
            one.c.txn_date.label("day"), waiting.c.dirty_since.label("since"),
            sa.null().label("entity"), sa.null().label("qbo_id"),
        )
        .select_from(waiting.outerjoin(one, sa.true()))
        .where(sa.or_(one.c.inside.is_(None), one.c.inside))
    )  # fmt: skip


async def open_of(
    connection: AsyncConnection, realm_id: str, month: Month
) -> dict[str, tuple[Tally, tuple[OpenRow, ...]]]:
    """What is dated in a month and open, by kind: how much, and the first rows in the order of their days."""
    found, sources = {}, open_rows(realm_id)
    for kind in ("parked", "payout"):
        dated, undated = in_month(sources[kind], month), in_month(sources[kind], None)
        found[kind] = (await _tally(connection, dated, undated), await _first(connection, dated))
    found["drift"] = await _few(connection, newest_findings(realm_id), month)
    found["waiting"] = await _few(connection, waiting_rows(realm_id, month), month)
    return found


def newest_findings(realm_id: str) -> sa.Select[Any]:
    """The `MOST` newest findings with the days of their documents, one look-up each."""
    mine = sa.select(drift).where(drift.c.realm_id == realm_id, drift.c.state == "open")
    newest = mine.order_by(drift.c.id.desc()).limit(MOST + 1).subquery("newest")
    same = (links.c.realm_id == realm_id, links.c.document_key == newest.c.document_key)
    link = sa.select(links.c.subject, links.c.currency, links.c.txn_date).where(*same).limit(1).lateral("link")
    return sa.select(
        sa.func.coalesce(newest.c.document_key, newest.c.entity + "/" + newest.c.qbo_id).label("key"),
        link.c.subject, newest.c.kind.label("code"), newest.c.amount,
        sa.func.coalesce(newest.c.currency, link.c.currency, "usd").label("currency"),
        link.c.txn_date.label("day"), newest.c.found_at.label("since"), newest.c.entity, newest.c.qbo_id,
    ).select_from(newest.outerjoin(link, sa.true()))  # fmt: skip


async def _few(connection: AsyncConnection, rows: sa.Select[Any], month: Month) -> tuple[Tally, tuple[OpenRow, ...]]:
    """Of a kind of which no more than `MOST` are looked at, so that all are read at once."""
    found = [OpenRow(**row) for row in (await connection.execute(rows)).mappings()]
    inside = [row for row in found if row.day is not None and month.first <= row.day <= month.last]
    dated = sorted(inside, key=lambda row: (row.day, row.key))
    sums: dict[str, tuple[int, int]] = {}
    for row in dated:
        count, amount = sums.get(row.currency, (0, 0))
        sums[row.currency] = (count + 1, amount + row.amount)
    return Tally(sums=sums, undated=sum(row.day is None for row in found)), tuple(dated[:SHOWN])


async def _tally(connection: AsyncConnection, dated: sa.Select[Any], undated: sa.Select[Any]) -> Tally:
    some = dated.limit(MOST + 1).subquery()
    query = sa.select(some.c.currency, sa.func.count(), sa.func.sum(some.c.amount)).group_by(some.c.currency)
    rows = await connection.execute(query.order_by(some.c.currency))
    sums = {row[0]: (int(row[1]), int(row[2])) for row in rows}
    return Tally(sums=sums, undated=await _capped(connection, undated))


async def _capped(connection: AsyncConnection, rows: sa.Select[Any]) -> int:
    """How many rows there are, up to one more than `MOST`."""
    some = sa.select(sa.func.count()).select_from(rows.limit(MOST + 1).subquery())
    return int((await connection.execute(some)).scalar_one())


async def _first(connection: AsyncConnection, rows: sa.Select[Any]) -> tuple[OpenRow, ...]:
    found = await connection.execute(rows.order_by(sa.text("day"), sa.text("key")).limit(SHOWN))
    return tuple(OpenRow(**row) for row in found.mappings())


# --- documents --------------------------------------------------------------------------------------------------------


def dated_links(realm_id: str, month: Month) -> list[sa.ColumnElement[bool]]:
    """Conditions of the links that stand, or stood, on a day of a month; of an index by day."""
    return [links.c.realm_id == realm_id, links.c.txn_date.in_(month.days)]


def written_after(realm_id: str, month: Month, moment: datetime) -> sa.Select[Any]:
    """Documents of a month that were written or taken back after a moment, the newest first."""
    taken_back = sa.and_(links.c.state.in_(("voided", "absent")), links.c.posted_at.is_not(None))
    written = sa.or_(links.c.posted_at > moment, taken_back)
    columns = [links.c[name] for name in WrittenRow.__dataclass_fields__]
    # What was written after it has changed after it: that is in the index.
    query = sa.select(*columns).where(*dated_links(realm_id, month), links.c.updated_at > moment, written)
    return query.order_by(links.c.updated_at.desc(), links.c.document_key)


async def written_since(
    connection: AsyncConnection, realm_id: str, month: Month, moment: datetime
) -> tuple[int, tuple[WrittenRow, ...]]:
    """How many documents of a month were written or taken back after a moment (up to `MOST` + 1), and the newest."""
    query = written_after(realm_id, month, moment)
    rows = await connection.execute(query.limit(SHOWN))
    return await _capped(connection, query.order_by(None)), tuple(WrittenRow(**row) for row in rows.mappings())


async def first_month(connection: AsyncConnection, realm_id: str) -> Month | None:
    """The month of the earliest document; null if there is none."""
    earliest = sa.select(sa.func.min(links.c.txn_date)).where(links.c.realm_id == realm_id)
    found = (await connection.execute(earliest)).scalar_one_or_none()
    return Month.of(found) if found else None


async def counted(connection: AsyncConnection, rows: sa.Select[Any], months: Sequence[Month]) -> dict[Month, int]:
    """How many of the rows are dated in each month, up to one more than `MOST`."""
    each = [
        sa.select(sa.literal(month.first).label("first"), sa.func.count().label("count")).select_from(
            in_month(rows, month).limit(MOST + 1).subquery()
        )
        for month in months
    ]
    if not each:
        return {}
    return {Month(row[0]): int(row[1]) for row in await connection.execute(sa.union_all(*each))}


# --- tie-outs ---------------------------------------------------------------------------------------------------------


async def newest_tieouts(
    connection: AsyncConnection, months: Sequence[Month], timezone: ZoneInfo
) -> dict[Month, KeptTieOut]:
    """The newest tie-out of the last day of each month that was made after that day was over (books' calendar)."""
    over = sa.func.timezone(timezone.key, sa.cast(tieout_sums.c.as_of + 1, sa.DateTime))
    columns = [tieout_sums.c[name] for name in KeptTieOut.__dataclass_fields__]
    query = (
        sa.select(*columns)
        .where(tieout_sums.c.as_of.in_([month.last for month in months]), tieout_sums.c.at >= over)
        .ext(distinct_on(tieout_sums.c.as_of))
        .order_by(tieout_sums.c.as_of, tieout_sums.c.run_id.desc())
    )
    rows = (await connection.execute(query)).mappings()
    return {Month.of(row["as_of"]): _kept(row) for row in rows}


def _kept(row: sa.RowMapping) -> KeptTieOut:
    return KeptTieOut(**{**row, "sums": tuple(KeptSum(**one) for one in row["sums"])})


def rows_of_tieout(run_id: int) -> sa.Select[Any]:
    """All rows of a kept tie-out, in the order of their ids, and by how much each differs."""
    told: list[sa.ColumnElement[Any]] = [sa.column(name, sa.Text) for name in ("id", "currency")]
    told += [sa.column(name, sa.BigInteger) for name in ("stripe", "qbo")]
    kept = sa.func.jsonb_to_recordset(runs.c.result["rows"]).table_valued(*told)
    rows = kept.render_derived(name="kept", with_types=True)
    columns = (rows.c.id.label("row_id"), rows.c.stripe, rows.c.qbo, rows.c.currency)
    query = sa.select(*columns, (rows.c.stripe - rows.c.qbo).label("row_difference"))
    return query.select_from(runs.join(rows, sa.true())).where(runs.c.id == run_id).order_by(rows.c.id)


async def newest_start(connection: AsyncConnection, as_of: date) -> StartedTieOut | None:
    """The newest run that was to compare as of this day, whatever became of it."""
    told = [runs.c.result[name].astext.label(name) for name in ("code", "remedy")]
    query = (
        sa.select(runs.c.id, runs.c.state, runs.c.started_at, *told)
        .where(runs.c.kind == RunKind.TIEOUT.value, runs.c.options["as_of"].astext == as_of.isoformat())
        .order_by(runs.c.id.desc())
        .limit(1)
    )
    row = (await connection.execute(query)).mappings().one_or_none()
    return StartedTieOut(**row) if row else None
