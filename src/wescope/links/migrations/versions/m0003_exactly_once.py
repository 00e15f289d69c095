"""Exactly once: identities within batches, second looks, lanes, reads per month, and lost connections to QBO."""

import sqlalchemy as sa
from alembic import op

revision = "m0003"
down_revision = "m0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add columns and tables; what is there stays as it is, and older code goes on working."""
    op.add_column("links", sa.Column("batch_id", sa.Text))
    op.add_column("links", sa.Column("batch_item", sa.Text))
    op.add_column("links", sa.Column("intent_amount", sa.BigInteger))
    op.add_column("links", sa.Column("intent_txn_date", sa.Date))
    op.add_column("links", sa.Column("recheck_at", sa.DateTime(timezone=True)))
    op.create_index("ix_links_recheck", "links", ["recheck_at"], postgresql_where=sa.text("recheck_at IS NOT NULL"))
    op.create_index("ix_links_request_id", "links", ["realm_id", "request_id"])
    op.add_column("subjects", sa.Column("lane", sa.Text, nullable=False, server_default=sa.text("'live'")))
    op.add_column("attempts", sa.Column("batch_id", sa.Text))
    op.create_table(
        "qbo_reads",
        sa.Column("realm_id", sa.Text, nullable=False),
        sa.Column("month", sa.Date, nullable=False),
        sa.Column("reads", sa.BigInteger, nullable=False, server_default=sa.text("0")),
        sa.Column("blocked_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("realm_id", "month", name="pk_qbo_reads"),
    )
    op.create_table(
        "qbo_connections",
        sa.Column("realm_id", sa.Text, nullable=False),
        sa.Column("lost_at", sa.DateTime(timezone=True)),
        sa.Column("code", sa.Text),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.PrimaryKeyConstraint("realm_id", name="pk_qbo_connections"),
    )
