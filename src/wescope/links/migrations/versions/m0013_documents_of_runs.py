"""What a run has created, in the order of keys and counted from the index alone."""

from alembic import op
from sqlalchemy import text

revision = "m0013"
down_revision = "m0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Replace the index on the runs of links; older code goes on working."""
    # To drop an index takes the strongest lock. Asked for only after the weaker one of the new index, it deadlocks
    # with a worker that has read links and now writes them. Everybody waits: some seconds at a million links, once.
    op.execute("LOCK TABLE links IN ACCESS EXCLUSIVE MODE")
    op.create_index(
        "ix_links_run_id_document_key",
        "links",
        ["run_id", "document_key"],
        postgresql_where=text("run_id IS NOT NULL"),
        postgresql_include=["entity", "state", "realm_id"],
    )
    op.drop_index("ix_links_run_id", "links")
