"""What BigQuery is told: every column has a meaning, names are allowed there, statements look only where they must."""

from datetime import UTC, datetime

import pytest

from wescope.engine.mirror_ddl import quoted, schema_sql, table_sql
from wescope.engine.mirror_merge import Scope, merge_sql
from wescope.engine.mirror_views import views, views_sql
from wescope.links.mirror_meanings import _COMMON, _OF_TABLE, meaning_of
from wescope.links.mirror_tables import TABLES, Change, MirrorTable, mirror_table
from wescope.links.schema import metadata, qbo_hints

_RESERVED = (
    "all and any array as asc assert_rows_modified at between by case cast collate contains create cross cube current"
    " default define desc distinct else end enum escape except exclude exists extract false fetch following for from"
    " full group grouping groups hash having if ignore in inner intersect interval into is join lateral left like limit"
    " lookup merge natural new no not null nulls of on or order outer over partition preceding proto qualify range"
    " recursive respect right rollup rows select set some struct tablesample then to treat true unbounded union unnest"
    " using when where window with within"
)
RESERVED = set(_RESERVED.split())
"""BigQuery's reserved words (cloud.google.com/bigquery/docs/reference/standard-sql/lexical)."""

SECRET = {
    "tokens",
    "checkpoints",
    "qbo_connections",
    "accepted_edits",
    "qbo_hints",
    "notices",
    "notice_targets",
    "tieout_sums",
    "month_signoffs",
    "dry_run_releases",
    "connect_attempts",
    "tallies",
    "day_figures",
    "posting_delays",
    "tieout_heads",
    "tieout_kept_rows",
}
MOMENTS = (datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 2, 3, 4, 5, 6, tzinfo=UTC))


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_columns_have_meanings_and_names_that_bigquery_takes(table: MirrorTable) -> None:
    for name in table.names:
        assert name not in RESERVED
        assert meaning_of(table.name, name).endswith(".")
    assert set(table.key) <= {column.name for column in table.columns if column.required}
    assert set(table.cluster) <= set(table.names)
    assert len(table.cluster) <= 4
    assert (table.change is Change.PARTS) == bool(table.parent)


def test_every_table_is_mirrored_or_not_on_purpose() -> None:
    mirrored = {table.name for table in TABLES} - {"tieout_rows"}
    assert mirrored | SECRET == set(metadata.tables)


def test_no_meaning_is_of_nothing() -> None:
    assert {name for table in TABLES for name in table.names} >= set(_COMMON)
    hinted = {("qbo_hints", column.name) for column in qbo_hints.c}  # not mirrored: for the published schemas
    assert {(table.name, name) for table in TABLES for name in table.names} | hinted >= set(_OF_TABLE)


def test_tables_are_partitioned_by_month_and_clustered() -> None:
    sql = table_sql(mirror_table("links"), "acme.books")
    assert sql.startswith("CREATE TABLE IF NOT EXISTS `acme.books.links` (\n")
    assert "\nPARTITION BY DATE_TRUNC(txn_date, MONTH)\nCLUSTER BY entity, currency, subject\n" in sql
    assert "PARTITION BY TIMESTAMP_TRUNC(started_at, MONTH)" in table_sql(mirror_table("attempts"), "books")
    assert "  PRIMARY KEY (realm_id, document_key) NOT ENFORCED\n" in sql
    assert schema_sql().count("CREATE TABLE") == len(TABLES) + 1
    assert views_sql().count("CREATE OR REPLACE") == len(views())


def test_a_log_is_looked_up_in_the_months_of_its_new_rows_only() -> None:
    sql = merge_sql(mirror_table("attempts"), "p.d.attempts", "p.d.s", Scope.NONE, between=MOMENTS)
    assert "kept.started_at BETWEEN TIMESTAMP '2026-11-01T00:00:00+00:00' AND TIMESTAMP '2026-11-02T03:04:05.0" in sql
    assert "UPDATE SET started_at" not in sql
    assert "is_gone" not in sql


def test_what_goes_is_looked_up_everywhere() -> None:
    """A date that is not in the key may have been another one, and a row that goes may be of any month."""
    assert "BETWEEN" not in merge_sql(mirror_table("links"), "p.d.links", "p.d.s", Scope.NONE)
    sql = merge_sql(mirror_table("runs"), "p.d.runs", "p.d.s", Scope.ALL, between=MOMENTS)
    assert "BETWEEN" not in sql
    assert "WHEN MATCHED AND staged.is_gone THEN DELETE" in sql
    assert "WHEN NOT MATCHED AND NOT staged.is_gone THEN INSERT" in sql


def test_texts_are_quoted() -> None:
    assert quoted("it's \\ a\nline") == "'it\\'s \\\\ a\\nline'"
