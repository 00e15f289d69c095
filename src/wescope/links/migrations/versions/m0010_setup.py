"""Who has released writing to QBO or held it, and attempts to connect a company from the console."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "m0010"
down_revision = "m0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add two tables and an index; older code does not look at them."""
    op.create_table(
        "dry_run_releases",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), nullable=False),
        sa.Column("realm_id", sa.Text, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("policy", sa.Text, nullable=False),
        sa.Column("figures", JSONB, nullable=False, server_default=sa.text("'{}'")),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.PrimaryKeyConstraint("id", name="pk_dry_run_releases"),
    )
    op.create_index("ix_dry_run_releases_realm_id_id", "dry_run_releases", ["realm_id", "id"])
    op.create_table(
        "connect_attempts",
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("redirect_uri", sa.Text, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.PrimaryKeyConstraint("digest", name="pk_connect_attempts"),
    )
    op.create_index("ix_parked_dry_run", "parked", ["subject"], postgresql_where=sa.text("code = 'dry_run'"))
