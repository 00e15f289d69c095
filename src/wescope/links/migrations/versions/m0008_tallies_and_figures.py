"""Counts that the database keeps itself, figures of days, heads of tie-outs, and indexes for looking ids up.

The triggers work whatever version of the code writes. Each statement appends its change to `tallies`; nobody updates
a row there, so that writers never wait for each other.
"""

# ruff: noqa: S608 - every statement is put together from constants of this module

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "m0008"
down_revision = "m0007"
branch_labels = None
depends_on = None

_TALLIES_LOCK = 7_301_008
"""Held by whoever folds, counts anew or empties; a test compares it with `links.tallies`."""

_COUNTED = {
    "links": ("'posted'", "realm_id", "entity", "''", "false", "0::bigint", "state = 'posted'"),
    "parked": (
        "'parked'",
        "''",
        "code",
        "currency",
        "ignored_at IS NOT NULL",
        "CASE WHEN advisory THEN 0 ELSE abs(amount) END",
        "true",
    ),
    "attempts": (
        "'writes'",
        "''",
        "operation",
        "''",
        "false",
        "0::bigint",
        "operation IN ('create', 'update', 'void', 'delete')",
    ),
}
"""Of each table: name, realm, part, currency, ignored and amount of its tally, and which rows count."""

_ROWS_OF = 10
"""Of so many tie-outs the rows are kept apart, too, to be read a page at a time; of older ones from the run itself."""

_COLUMNS = "name, realm_id, part, currency, ignored"


def upgrade() -> None:
    """Add tables, triggers and indexes; what is there is counted once, while nothing is written."""
    _tables()
    op.execute("LOCK TABLE parked, links, attempts IN SHARE ROW EXCLUSIVE MODE")
    for table in _COUNTED:
        _triggers(table)
    _recount()
    _heads()
    _indexes()


def _tables() -> None:
    op.create_table(
        "tallies",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("realm_id", sa.Text, nullable=False),
        sa.Column("part", sa.Text, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("ignored", sa.Boolean, nullable=False),
        sa.Column("count", sa.BigInteger, nullable=False),
        sa.Column("amount", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_tallies"),
    )
    op.create_table(
        "day_figures",
        sa.Column("realm_id", sa.Text, nullable=False),
        sa.Column("day", sa.Date, nullable=False),
        sa.Column("events", sa.BigInteger, nullable=False),
        sa.Column("postings", sa.BigInteger, nullable=False),
        sa.Column("delays", sa.BigInteger, nullable=False),
        sa.Column("delay_p50_ms", sa.BigInteger),
        sa.Column("delay_p95_ms", sa.BigInteger),
        sa.Column("final", sa.Boolean, nullable=False),
        sa.Column("refreshed_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.PrimaryKeyConstraint("realm_id", "day", name="pk_day_figures"),
    )
    op.create_table(
        "posting_delays",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), nullable=False),
        sa.Column("realm_id", sa.Text, nullable=False),
        sa.Column("entity", sa.Text, nullable=False),
        sa.Column("milliseconds", sa.BigInteger, nullable=False),
        sa.Column("posted_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.PrimaryKeyConstraint("id", name="pk_posting_delays"),
    )
    op.create_index("ix_posting_delays_posted_at", "posting_delays", ["posted_at"])
    op.create_table(
        "tieout_heads",
        sa.Column("run_id", sa.BigInteger, nullable=False),
        sa.Column("as_of", sa.Date, nullable=False),
        sa.Column("compared_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("head", JSONB, nullable=False),
        sa.PrimaryKeyConstraint("run_id", name="pk_tieout_heads"),
    )
    op.create_index("ix_tieout_heads_as_of_compared_at", "tieout_heads", ["as_of", "compared_at"])
    op.create_index("ix_tieout_heads_compared_at", "tieout_heads", ["compared_at"])
    op.create_table(
        "tieout_kept_rows",
        sa.Column("run_id", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("stripe", sa.BigInteger, nullable=False),
        sa.Column("qbo", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("run_id", "kind", "position", name="pk_tieout_kept_rows"),
    )
    op.create_index("ix_tieout_kept_rows_run_id_id", "tieout_kept_rows", ["run_id", "id"])


def _triggers(table: str) -> None:
    *values, amount, counts = _COUNTED[table]
    told = ", ".join(values)

    def side(rows: str, sign: str) -> str:
        return f"SELECT {told}, {sign}1, {sign}({amount}) FROM {rows} WHERE {counts}"

    def change(*sides: str) -> str:
        return (
            f"INSERT INTO tallies ({_COLUMNS}, count, amount)"
            f" SELECT {_COLUMNS}, sum(count), sum(amount) FROM ({' UNION ALL '.join(sides)})"
            f" AS changed ({_COLUMNS}, count, amount) GROUP BY {_COLUMNS}"
            " HAVING sum(count) <> 0 OR sum(amount) <> 0"
        )

    events = {
        "insert": ("REFERENCING NEW TABLE AS after_rows", change(side("after_rows", "+"))),
        "delete": ("REFERENCING OLD TABLE AS before_rows", change(side("before_rows", "-"))),
        "update": (
            "REFERENCING OLD TABLE AS before_rows NEW TABLE AS after_rows",
            change(side("after_rows", "+"), side("before_rows", "-")),
        ),
        "truncate": (
            "",
            f"PERFORM pg_advisory_xact_lock({_TALLIES_LOCK}); DELETE FROM tallies WHERE name = {values[0]}",
        ),
    }
    for event, (referencing, body) in events.items():
        name = f"wescope_tally_{table}_{event}"
        op.execute(f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN {body}; RETURN NULL; END$$")
        op.execute(
            f"CREATE TRIGGER {name} AFTER {event.upper()} ON {table} {referencing}"
            f" FOR EACH STATEMENT EXECUTE FUNCTION {name}()"
        )


def _recount() -> None:
    """A function that appends what the tallies lack, in one statement and so as of one moment; and a first call."""
    counted = " UNION ALL ".join(
        f"SELECT {', '.join(values)}, count(*), coalesce(sum({amount}), 0) FROM {table} WHERE {counts}"
        " GROUP BY 1, 2, 3, 4, 5"
        for table, (*values, amount, counts) in _COUNTED.items()
    )
    op.execute(
        f"""
        CREATE FUNCTION wescope_recount_tallies() RETURNS bigint LANGUAGE sql AS $$
            WITH counted ({_COLUMNS}, count, amount) AS ({counted}),
            kept AS (SELECT {_COLUMNS}, sum(count) AS count, sum(amount) AS amount FROM tallies GROUP BY {_COLUMNS}),
            lacking AS (
                SELECT {_COLUMNS}, coalesce(counted.count, 0) - coalesce(kept.count, 0) AS count,
                    coalesce(counted.amount, 0) - coalesce(kept.amount, 0) AS amount
                FROM counted FULL JOIN kept USING ({_COLUMNS})
            ),
            added AS (
                INSERT INTO tallies ({_COLUMNS}, count, amount)
                SELECT * FROM lacking WHERE count <> 0 OR amount <> 0 RETURNING 1
            )
            SELECT count(*) FROM added
        $$
        """
    )
    op.execute("SELECT wescope_recount_tallies()")


def _heads() -> None:
    """A tie-out's rows may be many: what is told of it everywhere is kept apart, whoever has made it."""
    head = "(result ->> 'as_of')::date, coalesce((result ->> 'at')::timestamptz, now()), result - 'rows'"
    op.execute(
        f"""
        CREATE FUNCTION wescope_keep_tieout_head() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN
            INSERT INTO tieout_heads (run_id, as_of, compared_at, head)
            SELECT NEW.id, {head} FROM (SELECT NEW.result) AS made (result) WHERE result ->> 'as_of' IS NOT NULL
            ON CONFLICT (run_id) DO UPDATE
            SET as_of = excluded.as_of, compared_at = excluded.compared_at, head = excluded.head;
            INSERT INTO tieout_kept_rows (run_id, kind, position, id, currency, stripe, qbo)
            SELECT NEW.id, split_part(value ->> 'id', ':', 1), position, value ->> 'id', value ->> 'currency',
                (value ->> 'stripe')::bigint, (value ->> 'qbo')::bigint
            FROM jsonb_array_elements(coalesce(NEW.result -> 'rows', '[]')) WITH ORDINALITY AS each (value, position)
            ON CONFLICT DO NOTHING;
            DELETE FROM tieout_kept_rows WHERE run_id NOT IN (
                SELECT run_id FROM tieout_heads ORDER BY compared_at DESC LIMIT {_ROWS_OF}
            );
            RETURN NULL;
        END$$
        """
    )
    op.execute(
        "CREATE TRIGGER wescope_keep_tieout_head AFTER INSERT OR UPDATE ON runs FOR EACH ROW"
        " WHEN (NEW.kind = 'tieout' AND NEW.state = 'done') EXECUTE FUNCTION wescope_keep_tieout_head()"
    )
    op.execute(
        f"INSERT INTO tieout_heads (run_id, as_of, compared_at, head) SELECT id, {head} FROM runs"
        " WHERE kind = 'tieout' AND state = 'done' AND result ->> 'as_of' IS NOT NULL"
    )


def _indexes() -> None:
    """An id may be anything, and is looked for everywhere: none of that may read a whole table."""
    for name in ("request_id", "batch_id", "intuit_tid"):
        op.create_index(f"ix_attempts_{name}", "attempts", [name], postgresql_where=sa.text(f"{name} IS NOT NULL"))
    op.create_index("ix_links_batch_id", "links", ["batch_id"], postgresql_where=sa.text("batch_id IS NOT NULL"))
    op.create_index(
        "ix_links_key_prefix", "links", ["document_key"], postgresql_ops={"document_key": "text_pattern_ops"}
    )
    op.create_index("ix_payout_rows_source", "payout_rows", ["source"], postgresql_where=sa.text("source IS NOT NULL"))
    op.create_index(
        "ix_payout_rows_document_key",
        "payout_rows",
        ["document_key"],
        postgresql_where=sa.text("document_key IS NOT NULL"),
    )
    webhooks = sa.text("source = 'webhook'")
    op.create_index("ix_hints_webhook", "hints", ["received_at"], postgresql_where=webhooks)
    op.create_index("ix_drift_entity_qbo_id", "drift", ["entity", "qbo_id"])
    op.create_index("ix_audit_action", "audit", ["action", "id"])
    op.create_index("ix_audit_actor", "audit", ["actor", "id"])
