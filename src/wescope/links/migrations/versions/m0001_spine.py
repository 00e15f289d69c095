"""The spine: link tables, hint queue, procrastinate's schema with the index that its fetch query needs.

Facts/engine.md, trap 1: without the extra index and an ANALYZE the queue starts at 40 jobs a second.
"""

import sqlalchemy as sa
from alembic import op
from procrastinate.schema import SchemaManager
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

revision = "m0001"
down_revision = None
branch_labels = None
depends_on = None


def _moment(name: str, *, nullable: bool = True) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _now(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now())


def upgrade() -> None:
    """Create everything in an empty database."""
    _links()
    _queue()
    _records()
    connection = op.get_bind()
    connection.exec_driver_sql(SchemaManager.get_schema().replace("%", "%%"))
    connection.exec_driver_sql(
        "CREATE INDEX ix_procrastinate_jobs_lock_order ON procrastinate_jobs (lock, priority DESC, id) "
        "WHERE status IN ('todo', 'doing')"
    )


def _links() -> None:
    op.create_table(
        "links",
        sa.Column("realm_id", sa.Text, nullable=False),
        sa.Column("document_key", sa.Text, nullable=False),
        sa.Column("entity", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("operation", sa.Text, nullable=False),
        sa.Column("qbo_id", sa.Text),
        sa.Column("sync_token", sa.Text),
        sa.Column("fingerprint", sa.Text),
        sa.Column("intent_fingerprint", sa.Text, nullable=False),
        sa.Column("request_id", sa.Text, nullable=False),
        sa.Column("generation", sa.Integer, nullable=False, server_default=sa.text("0")),
        sa.Column("sends", sa.Integer, nullable=False, server_default=sa.text("0")),
        sa.Column("variant", sa.Integer, nullable=False, server_default=sa.text("0")),
        _moment("attempted_at"),
        _moment("lost_at"),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("stripe_ids", ARRAY(sa.Text), nullable=False, server_default=sa.text("'{}'")),
        sa.Column("amount", sa.BigInteger, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("txn_date", sa.Date),
        sa.Column("due_date", sa.Date),
        sa.Column("usage_start_date", sa.Date),
        sa.Column("usage_end_date", sa.Date),
        sa.Column("payment_received_date", sa.Date),
        sa.Column("credit_date", sa.Date),
        sa.Column("payout_date", sa.Date),
        sa.Column("arrival_date", sa.Date),
        _moment("posted_at"),
        _now("created_at"),
        _now("updated_at"),
        sa.PrimaryKeyConstraint("realm_id", "document_key", name="pk_links"),
    )
    op.create_index("ix_links_subject", "links", ["subject"])
    op.create_index("ix_links_realm_id_entity_qbo_id", "links", ["realm_id", "entity", "qbo_id"])
    op.create_index("ix_links_stripe_ids", "links", ["stripe_ids"], postgresql_using="gin")
    unsettled = sa.text("state IN ('intended', 'unknown')")
    op.create_index("ix_links_unsettled", "links", ["attempted_at"], postgresql_where=unsettled)


def _queue() -> None:
    op.create_table(
        "subjects",
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("customer_id", sa.Text),
        sa.Column("dirty", sa.BigInteger, nullable=False, server_default=sa.text("0")),
        sa.Column("clean", sa.BigInteger, nullable=False, server_default=sa.text("0")),
        sa.Column("queued", sa.Boolean, nullable=False, server_default=sa.text("false")),
        _moment("dirty_since"),
        _moment("retry_at"),
        sa.Column("failures", sa.Integer, nullable=False, server_default=sa.text("0")),
        sa.Column("last_code", sa.Text),
        _moment("last_run_at"),
        sa.PrimaryKeyConstraint("kind", "id", name="pk_subjects"),
    )
    op.create_index("ix_subjects_dirty", "subjects", ["dirty_since"], postgresql_where=sa.text("dirty > clean"))
    op.create_index("ix_subjects_retry", "subjects", ["retry_at"], postgresql_where=sa.text("retry_at IS NOT NULL"))
    op.create_index("ix_subjects_customer_id", "subjects", ["customer_id"])
    op.create_table(
        "hints",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), nullable=False),
        sa.Column("event_id", sa.Text),
        sa.Column("event_type", sa.Text),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("subject_id", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        _moment("event_created_at"),
        _now("received_at"),
        sa.PrimaryKeyConstraint("id", name="pk_hints"),
    )
    known = sa.text("event_id IS NOT NULL")
    op.create_index("ux_hints_event_id", "hints", ["event_id"], unique=True, postgresql_where=known)
    op.create_index("ix_hints_kind_subject_id", "hints", ["kind", "subject_id"])
    op.create_index("ix_hints_received_at", "hints", ["received_at"])


def _records() -> None:
    op.create_table(
        "attempts",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), nullable=False),
        sa.Column("realm_id", sa.Text, nullable=False),
        sa.Column("operation", sa.Text, nullable=False),
        sa.Column("entity", sa.Text),
        sa.Column("document_key", sa.Text),
        sa.Column("request_id", sa.Text),
        sa.Column("intuit_tid", sa.Text),
        sa.Column("status", sa.Integer),
        sa.Column("fault_code", sa.Text),
        sa.Column("outcome", sa.Text, nullable=False),
        _moment("started_at", nullable=False),
        sa.Column("milliseconds", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_attempts"),
    )
    op.create_index("ix_attempts_document_key", "attempts", ["document_key"])
    op.create_index("ix_attempts_started_at", "attempts", ["started_at"])
    op.create_table(
        "parked",
        sa.Column("document_key", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("code", sa.Text, nullable=False),
        sa.Column("amount", sa.BigInteger, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("details", JSONB, nullable=False, server_default=sa.text("'{}'")),
        sa.Column("waiting_on", sa.Text),
        _now("since"),
        _now("updated_at"),
        sa.PrimaryKeyConstraint("document_key", name="pk_parked"),
    )
    op.create_index("ix_parked_subject", "parked", ["subject"])
    op.create_index("ix_parked_waiting_on", "parked", ["waiting_on"])
    op.create_table(
        "runs",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("result", JSONB, nullable=False, server_default=sa.text("'{}'")),
        _now("started_at"),
        _moment("finished_at"),
        sa.PrimaryKeyConstraint("id", name="pk_runs"),
    )
    op.create_index("ix_runs_kind_started_at", "runs", ["kind", "started_at"])
    op.create_table(
        "checkpoints",
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("value", JSONB, nullable=False),
        _now("updated_at"),
        sa.PrimaryKeyConstraint("name", name="pk_checkpoints"),
    )
    op.create_table(
        "tokens",
        sa.Column("realm_id", sa.Text, nullable=False),
        sa.Column("access_token", sa.LargeBinary),
        sa.Column("refresh_token", sa.LargeBinary),
        _moment("access_expires_at"),
        _moment("refresh_expires_at"),
        sa.Column("generation", sa.Integer, nullable=False, server_default=sa.text("0")),
        _now("updated_at"),
        sa.PrimaryKeyConstraint("realm_id", name="pk_tokens"),
    )
