"""What a month's end is looked at by: the day of what is parked, sums of tie-outs, and sign-offs that are kept."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "m0009"
down_revision = "m0008"
branch_labels = None
depends_on = None

_SUM = """
CREATE FUNCTION wescope_sum_tieout(run runs) RETURNS void LANGUAGE sql AS $$
  INSERT INTO tieout_sums (run_id, as_of, at, difference, total_difference, unexplained, sums, digest)
  WITH kept AS (
    SELECT row.id, row.currency, row.stripe, row.qbo, split_part(row.id, ':', 1) AS kind
    FROM jsonb_to_recordset(run.result -> 'rows') AS row (id text, currency text, stripe bigint, qbo bigint)
    WHERE split_part(row.id, ':', 1) IN ('receivable', 'clearing', 'bank')
      OR split_part(row.id, ':', 2) = to_char((run.result ->> 'as_of')::date, 'YYYY-MM')
  ), summed AS (
    SELECT kind, currency, count(*) AS rows, count(*) FILTER (WHERE stripe <> qbo) AS differing,
      sum(stripe)::bigint AS stripe, sum(qbo)::bigint AS qbo, sum(abs(stripe - qbo))::bigint AS difference
    FROM kept GROUP BY kind, currency
  )
  SELECT run.id, (run.result ->> 'as_of')::date, coalesce((run.result ->> 'at')::timestamptz, run.started_at),
    coalesce(run.result ->> 'difference', ''), coalesce(run.result ->> 'total_difference', ''),
    coalesce(run.result ->> 'unexplained', ''),
    (SELECT coalesce(jsonb_agg(to_jsonb(summed) ORDER BY kind, currency), '[]'::jsonb) FROM summed),
    (SELECT encode(sha256(convert_to(coalesce(string_agg(
      concat_ws(' ', id, currency, stripe, qbo), chr(10) ORDER BY id COLLATE "C"), ''), 'UTF8')), 'hex') FROM kept)
  ON CONFLICT (run_id) DO UPDATE SET as_of = excluded.as_of, at = excluded.at, difference = excluded.difference,
    total_difference = excluded.total_difference, unexplained = excluded.unexplained, sums = excluded.sums,
    digest = excluded.digest
$$
"""
"""A tie-out's rows by kind: balances, and what the month of its day posts; and a digest of those rows."""

_TELL = """
CREATE FUNCTION wescope_tieout_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM wescope_sum_tieout(NEW);
  RETURN NULL;
END
$$
"""

_TRIGGER = """
CREATE TRIGGER tieout_kept AFTER INSERT OR UPDATE OF state, result ON runs FOR EACH ROW
WHEN (NEW.kind = 'tieout' AND NEW.state = 'done' AND NEW.result ->> 'as_of' IS NOT NULL)
EXECUTE FUNCTION wescope_tieout_kept()
"""
"""Whoever keeps a tie-out, also a version of before: its sums are there with it."""


def upgrade() -> None:
    """Add a column, two tables, indexes and a trigger; older code goes on working."""
    _parked()
    # An index in a transaction keeps writers waiting while it is built: some seconds at a million links, once.
    op.create_index("ix_links_realm_id_txn_date_updated_at", "links", ["realm_id", "txn_date", "updated_at"])
    _tieouts()
    _signoffs()


def _parked() -> None:
    op.add_column("parked", sa.Column("txn_date", sa.Date))
    op.execute(
        "UPDATE parked SET txn_date = coalesce(links.txn_date, links.intent_txn_date) FROM links"
        " WHERE links.document_key = parked.document_key"
    )
    op.create_index("ix_parked_txn_date", "parked", ["txn_date"])


def _tieouts() -> None:
    op.create_table(
        "tieout_sums",
        sa.Column("run_id", sa.BigInteger, nullable=False),
        sa.Column("as_of", sa.Date, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("difference", sa.Text, nullable=False),
        sa.Column("total_difference", sa.Text, nullable=False),
        sa.Column("unexplained", sa.Text, nullable=False),
        sa.Column("sums", JSONB, nullable=False, server_default=sa.text("'[]'")),
        sa.Column("digest", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("run_id", name="pk_tieout_sums"),
    )
    op.create_index("ix_tieout_sums_as_of_run_id", "tieout_sums", ["as_of", "run_id"])
    for statement in (_SUM, _TELL, _TRIGGER):
        op.execute(statement)
    op.execute(
        "SELECT wescope_sum_tieout(runs) FROM runs"
        " WHERE kind = 'tieout' AND state = 'done' AND result ->> 'as_of' IS NOT NULL"
    )


def _signoffs() -> None:
    op.create_table(
        "month_signoffs",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), nullable=False),
        sa.Column("realm_id", sa.Text, nullable=False),
        sa.Column("month", sa.Date, nullable=False),
        sa.Column("as_of", sa.Date, nullable=False),
        sa.Column("run_id", sa.BigInteger, nullable=False),
        sa.Column("tieout_digest", sa.Text, nullable=False),
        sa.Column("difference", sa.Text, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("figures", JSONB, nullable=False, server_default=sa.text("'{}'")),
        sa.Column("evidence", sa.Text, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("signed_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True)),
        sa.Column("withdrawn_by", sa.Text),
        sa.PrimaryKeyConstraint("id", name="pk_month_signoffs"),
    )
    op.create_index("ix_month_signoffs_realm_id_month", "month_signoffs", ["realm_id", "month"])
    op.create_index(
        "ux_month_signoffs_standing",
        "month_signoffs",
        ["realm_id", "month"],
        unique=True,
        postgresql_where=sa.text("withdrawn_at IS NULL"),
    )
