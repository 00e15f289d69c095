"""Payouts of one state by arrival, for pages that look for the few that wait among the many that do not."""

from alembic import op

revision = "m0012"
down_revision = "m0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add an index on a table with one row per payout; older code goes on working."""
    op.create_index(
        "ix_payout_checks_state",
        "payout_checks",
        ["realm_id", "state", "arrival_date", "payout_id"],
        if_not_exists=True,
    )
