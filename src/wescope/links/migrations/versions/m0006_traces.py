"""Which trace a hint came with, so that the worker's part of it joins the receiver's."""

import sqlalchemy as sa
from alembic import op

revision = "m0006"
down_revision = "m0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add a column that may be null; older code goes on working and leaves it so."""
    op.add_column("hints", sa.Column("traceparent", sa.Text))
