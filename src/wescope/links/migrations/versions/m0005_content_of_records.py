"""What QBO held of a document when it was posted, as a digest; and what QBO's webhooks told of its objects."""

import sqlalchemy as sa
from alembic import op

revision = "m0005"
down_revision = "m0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add a column and a table; what is there stays as it is, and older code goes on working."""
    op.add_column("links", sa.Column("content", sa.Text))
    op.create_table(
        "qbo_hints",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), nullable=False),
        sa.Column("realm_id", sa.Text, nullable=False),
        sa.Column("entity", sa.Text, nullable=False),
        sa.Column("qbo_id", sa.Text, nullable=False),
        sa.Column("operation", sa.Text, nullable=False),
        sa.Column("other_id", sa.Text),
        sa.Column("event_id", sa.Text, nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True)),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.Column("looked_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id", name="pk_qbo_hints"),
    )
    op.create_index("ux_qbo_hints_event_id", "qbo_hints", ["event_id"], unique=True)
    op.create_index("ix_qbo_hints_open", "qbo_hints", ["id"], postgresql_where=sa.text("looked_at IS NULL"))
