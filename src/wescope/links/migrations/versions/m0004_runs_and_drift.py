"""Runs with checkpoints, what each run wrote, ignored parked items, drift that was found, and the audit log."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "m0004"
down_revision = "m0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add columns and tables; what is there stays as it is, and older code goes on working."""
    _runs()
    _parked()
    _drift()
    _audit()


def _moment(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True))


def _now(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now())


def _json(name: str) -> sa.Column[object]:
    return sa.Column(name, JSONB, nullable=False, server_default=sa.text("'{}'"))


def _runs() -> None:
    for column in (_json("options"), _json("counts"), _json("checkpoint"), sa.Column("request", sa.Text)):
        op.add_column("runs", column)
    op.add_column("runs", _moment("heartbeat_at"))
    op.add_column("runs", sa.Column("node", sa.Text))
    for table in ("hints", "subjects", "links"):
        op.add_column(table, sa.Column("run_id", sa.BigInteger))
    op.create_index("ix_links_run_id", "links", ["run_id"], postgresql_where=sa.text("run_id IS NOT NULL"))
    op.create_index("ix_hints_run_id", "hints", ["run_id"], postgresql_where=sa.text("run_id IS NOT NULL"))
    op.create_index("ix_subjects_run_id", "subjects", ["run_id"], postgresql_where=sa.text("run_id IS NOT NULL"))


def _parked() -> None:
    op.add_column("parked", _moment("ignored_at"))
    op.add_column("parked", sa.Column("ignored_reason", sa.Text))


def _drift() -> None:
    op.create_table(
        "drift",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), nullable=False),
        sa.Column("realm_id", sa.Text, nullable=False),
        sa.Column("document_key", sa.Text),
        sa.Column("entity", sa.Text, nullable=False),
        sa.Column("qbo_id", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("amount", sa.BigInteger, nullable=False, server_default=sa.text("0")),
        sa.Column("currency", sa.Text),
        _json("details"),
        sa.Column("state", sa.Text, nullable=False, server_default=sa.text("'open'")),
        sa.Column("run_id", sa.BigInteger),
        _now("found_at"),
        _moment("resolved_at"),
        sa.PrimaryKeyConstraint("id", name="pk_drift"),
    )
    op.create_index("ix_drift_document_key", "drift", ["document_key"])
    op.create_index(
        "ux_drift_open",
        "drift",
        ["realm_id", "entity", "qbo_id", "kind"],
        unique=True,
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_table(
        "accepted_edits",
        sa.Column("realm_id", sa.Text, nullable=False),
        sa.Column("document_key", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("fingerprint", sa.Text),
        _now("accepted_at"),
        sa.PrimaryKeyConstraint("realm_id", "document_key", name="pk_accepted_edits"),
    )


def _audit() -> None:
    op.create_table(
        "audit",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("target", sa.Text, nullable=False),
        _json("details"),
        sa.Column("run_id", sa.BigInteger),
        _now("at"),
        sa.PrimaryKeyConstraint("id", name="pk_audit"),
    )
    op.create_index("ix_audit_target", "audit", ["target"])
