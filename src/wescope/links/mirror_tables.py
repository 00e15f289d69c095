"""Mirror tables: which tables a warehouse gets, made from their one definition in `schema`, and how each changes.

No tokens, checkpoints or notices; of the tables that are mirrored, no machinery of the write protocol and no words of
people, who may write names: amounts, dates, ids and codes only.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from wescope.links.runs import RunKind
from wescope.links.schema import (
    attempts,
    audit,
    drift,
    hints,
    links,
    parked,
    payout_checks,
    payout_rows,
    qbo_reads,
    runs,
    subjects,
)


class Change(StrEnum):
    """How rows of a table come and go, and so how a mirror of it is kept."""

    LOG = "log"
    """Rows are added and never changed. Those that are forgotten here after a while stay in the mirror."""
    STATE = "state"
    """Rows are added and changed, and never go."""
    PARTS = "parts"
    """All rows of a parent are replaced together: those of a parent that has changed are compared."""
    WHOLE = "whole"
    """Rows go, too. The table is small: whenever anything has changed it is compared as a whole."""


class ColumnType(StrEnum):
    """The types of columns, by BigQuery's names."""

    INT64 = "INT64"
    STRING = "STRING"
    BOOL = "BOOL"
    DATE = "DATE"
    TIMESTAMP = "TIMESTAMP"
    JSON = "JSON"
    STRINGS = "ARRAY<STRING>"


@dataclass(frozen=True, slots=True, kw_only=True)
class MirrorColumn:
    """A column of the mirror: its type, whether it always has a value, and what it is made of here."""

    name: str
    type: ColumnType
    required: bool
    expression: sa.ColumnElement[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class MirrorTable:
    """A table of the mirror.

    `rows` is what all rows are selected from, and `versioned` the table among that whose row versions say what has
    changed. A `partition` is by month of that date or moment; if it is in the `key`, it never changes. `parent` are
    those columns of the key whose rows are replaced together.
    """

    name: str
    meaning: str
    change: Change
    columns: tuple[MirrorColumn, ...]
    key: tuple[str, ...]
    rows: sa.FromClause
    versioned: sa.Table
    where: sa.ColumnElement[bool] | None = None
    partition: str | None = None
    cluster: tuple[str, ...] = ()
    parent: tuple[str, ...] = ()

    def column(self, name: str) -> MirrorColumn:
        """The column of this name."""
        return next(column for column in self.columns if column.name == name)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all columns, in their order."""
        return tuple(column.name for column in self.columns)

    @property
    def pruned(self) -> bool:
        """Whether a row is found by looking into the partitions of the new rows alone."""
        return self.partition in self.key


_TYPES: Sequence[tuple[type[sa.types.TypeEngine[Any]], ColumnType]] = (
    (sa.BigInteger, ColumnType.INT64),
    (sa.Integer, ColumnType.INT64),
    (sa.Boolean, ColumnType.BOOL),
    (sa.DateTime, ColumnType.TIMESTAMP),
    (sa.Date, ColumnType.DATE),
    (JSONB, ColumnType.JSON),
    (ARRAY, ColumnType.STRINGS),
    (sa.Text, ColumnType.STRING),
)


def _type_of(column: sa.ColumnElement[Any]) -> ColumnType:
    return next(found for kind, found in _TYPES if isinstance(column.type, kind))


def _made(name: str, expression: sa.ColumnElement[Any], *, required: bool = False) -> MirrorColumn:
    return MirrorColumn(name=name, type=_type_of(expression), required=required, expression=expression)


def columns_of(table: sa.Table, but: Sequence[str] = ()) -> tuple[MirrorColumn, ...]:
    """All columns of a table but some; a list is required nowhere, for it cannot be null in BigQuery."""
    return tuple(
        _made(column.name, column, required=not column.nullable and not isinstance(column.type, ARRAY))
        for column in table.c
        if column.name not in but
    )


def _without(column: sa.Column[Any], *names: str) -> sa.ColumnElement[Any]:
    """An object of JSON without some of its members."""
    return sa.cast(column, JSONB).op("-", return_type=JSONB)(sa.cast(list(names), ARRAY(sa.Text)))


_PROTOCOL = (
    *("sync_token", "fingerprint", "intent_fingerprint", "intent_amount", "intent_txn_date", "sends", "variant"),
    *("lost_at", "batch_id", "batch_item", "recheck_at", "content"),
)
"""What only the write protocol needs of a link."""


def _links() -> MirrorTable:
    return MirrorTable(
        name="links",
        meaning="One row per document: the Stripe objects that it stands for, and the QBO object that it is.",
        change=Change.STATE,
        columns=columns_of(links, but=_PROTOCOL),
        key=("realm_id", "document_key"),
        rows=links,
        versioned=links,
        partition="txn_date",
        cluster=("entity", "currency", "subject"),
    )


def _subjects() -> MirrorTable:
    machinery = ("dirty", "clean", "queued", "lane")
    is_dirty = _made("is_dirty", subjects.c.dirty > subjects.c.clean, required=True)
    return MirrorTable(
        name="subjects",
        meaning="One row per Stripe object that documents are made of: its customer, and whether it is worked off.",
        change=Change.STATE,
        columns=(*columns_of(subjects, but=machinery), is_dirty),
        key=("kind", "id"),
        rows=subjects,
        versioned=subjects,
        cluster=("kind", "id"),
    )


def _log(name: str, meaning: str, table: sa.Table, at: str, cluster: Sequence[str]) -> MirrorTable:
    """A log with ids; after a restored backup ids are given again, so the moment belongs to the key."""
    return MirrorTable(
        name=name,
        meaning=meaning,
        change=Change.LOG,
        columns=columns_of(table),
        key=(at, "id"),
        rows=table,
        versioned=table,
        partition=at,
        cluster=tuple(cluster),
    )


def _audit() -> MirrorTable:
    details = _made("details", _without(audit.c.details, "reason"), required=True)
    return MirrorTable(
        name="audit",
        meaning="Who had what done: repairs, undone runs, ignored items, accepted edits. Without people's reasons.",
        change=Change.LOG,
        columns=(*columns_of(audit, but=("details", "at")), _made("done_at", audit.c.at, required=True), details),
        key=("done_at", "id"),
        rows=audit,
        versioned=audit,
        partition="done_at",
        cluster=("target",),
    )


def _parked() -> MirrorTable:
    return MirrorTable(
        name="parked",
        meaning="What must not be posted now, or is to be known, and why; gone when its cause is. Without reasons.",
        change=Change.WHOLE,
        columns=columns_of(parked, but=("ignored_reason",)),
        key=("document_key",),
        rows=parked,
        versioned=parked,
        partition="since",
        cluster=("code", "currency"),
    )


def _runs() -> MirrorTable:
    machinery = ("checkpoint", "result", "request", "node", "heartbeat_at")
    return MirrorTable(
        name="runs",
        meaning="Backfills, replays, sweeps, verifications, repairs, undos, bulk actions, tie-outs; no mirrorings.",
        change=Change.STATE,
        columns=(
            *(_short(column) for column in columns_of(runs, but=machinery)),
            _made("result", _without(runs.c.result, "rows", "page"), required=True),
        ),
        key=("started_at", "id"),
        rows=runs,
        versioned=runs,
        where=runs.c.kind != RunKind.EXPORT.value,
        partition="started_at",
        cluster=("kind",),
    )


def _short(column: MirrorColumn) -> MirrorColumn:
    """Options without what a bulk action has chosen, which is as long as anybody likes."""
    return _made("options", _without(runs.c.options, "items"), required=True) if column.name == "options" else column


def _payout_checks() -> MirrorTable:
    return MirrorTable(
        name="payout_checks",
        meaning="One row per payout: whether it foots, and which deposits of QBO are it.",
        change=Change.STATE,
        columns=columns_of(payout_checks),
        key=("realm_id", "payout_id"),
        rows=payout_checks,
        versioned=payout_checks,
        partition="arrival_date",
        cluster=("currency", "payout_id"),
    )


def _payout_rows() -> MirrorTable:
    same = sa.and_(
        payout_checks.c.realm_id == payout_rows.c.realm_id, payout_checks.c.payout_id == payout_rows.c.payout_id
    )
    parent = ("realm_id", "payout_id")
    of_check = [_made(name, payout_checks.c[name], required=True) for name in parent]
    return MirrorTable(
        name="payout_rows",
        meaning="The rows of Stripe's balance that a payout pays out, with the document that each one is.",
        change=Change.PARTS,
        columns=(
            *of_check,
            *columns_of(payout_rows, but=parent),
            *(_made(name, payout_checks.c[name]) for name in ("currency", "arrival_date")),
        ),
        key=(*parent, "position"),
        rows=payout_checks.outerjoin(payout_rows, same),
        versioned=payout_checks,
        partition="arrival_date",
        cluster=("payout_id",),
        parent=parent,
    )


def _drift() -> MirrorTable:
    return MirrorTable(
        name="drift",
        meaning="What `verify` found in QBO that is not as it was written, and what became of it.",
        change=Change.STATE,
        columns=columns_of(drift),
        key=("found_at", "id"),
        rows=drift,
        versioned=drift,
        partition="found_at",
        cluster=("state", "kind"),
    )


def _tieout_rows() -> MirrorTable:
    """Each row of each tie-out that is kept: what Stripe says and what QBO holds, in minor units."""
    told: list[sa.ColumnElement[Any]] = [sa.column(name, sa.Text) for name in ("id", "currency")]
    told += [sa.column(name, sa.BigInteger) for name in ("stripe", "qbo")]
    kept = sa.func.jsonb_to_recordset(runs.c.result["rows"]).table_valued(*told)
    of_run = kept.render_derived(name="kept", with_types=True)
    return MirrorTable(
        name="tieout_rows",
        meaning="Each row of each tie-out: what Stripe says and what QBO holds, at the end of a day.",
        change=Change.LOG,
        columns=(
            _made("run_id", runs.c.id, required=True),
            _made("compared_at", runs.c.started_at, required=True),
            _made("as_of", sa.cast(runs.c.result["as_of"].astext, sa.Date)),
            _made("row_id", of_run.c.id, required=True),
            _made("currency", of_run.c.currency, required=True),
            _made("stripe", of_run.c.stripe, required=True),
            _made("qbo", of_run.c.qbo, required=True),
        ),
        key=("compared_at", "run_id", "row_id"),
        rows=runs.join(of_run, sa.true()),
        versioned=runs,
        where=runs.c.kind == RunKind.TIEOUT.value,
        partition="compared_at",
        cluster=("row_id", "currency"),
    )


def _qbo_reads() -> MirrorTable:
    return MirrorTable(
        name="qbo_reads",
        meaning="Metered reads of QBO per calendar month in UTC, and when QBO began to refuse them.",
        change=Change.STATE,
        columns=columns_of(qbo_reads),
        key=("realm_id", "month"),
        rows=qbo_reads,
        versioned=qbo_reads,
    )


_MAKERS: Sequence[Callable[[], MirrorTable]] = (
    _links,
    _subjects,
    lambda: _log("hints", "Each time a Stripe object was to be looked at, and why.", hints, "received_at", ["kind"]),
    lambda: _log("attempts", "Each call of QBO; no bodies.", attempts, "started_at", ["operation", "document_key"]),
    _parked,
    _runs,
    _payout_checks,
    _payout_rows,
    _drift,
    _audit,
    _tieout_rows,
    _qbo_reads,
)

TABLES: tuple[MirrorTable, ...] = tuple(make() for make in _MAKERS)
"""All tables of the mirror. What becomes of rows in each: `Change`."""


def mirror_table(name: str) -> MirrorTable:
    """The table of this name.

    Raises:
        KeyError: there is none.
    """
    return {table.name: table for table in TABLES}[name]
