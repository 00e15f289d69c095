"""Money movement: what a document moves in clearing, moved dates, advisory items, payouts and their rows."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "m0002"
down_revision = "m0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add columns and tables to what m0001 made; what is there stays as it is."""
    _links()
    _payouts()
    advisory = sa.Column("advisory", sa.Boolean, nullable=False, server_default=sa.text("false"))
    op.add_column("parked", advisory)
    _look_again()


_GONE_CODES = (
    "negative_total", "foreign_currency", "customer_balance_used", "credit_note", "uncollectible", "voided_later",
    "charge_without_invoice", "charge_failed_later",
)  # fmt: skip
"""Reasons for parking that this version has posting rules for."""


def _look_again() -> None:
    """What was parked for want of a rule is looked at again."""
    codes = ", ".join(f"'{code}'" for code in _GONE_CODES)
    op.execute(
        "UPDATE subjects SET dirty = dirty + 1, dirty_since = now() WHERE kind || '/' || id IN"  # noqa: S608 - constants
        f" (SELECT subject FROM parked WHERE code IN ({codes}))"
    )
    op.execute(f"DELETE FROM parked WHERE code IN ({codes})")  # noqa: S608 - constants


def _links() -> None:
    op.add_column("links", sa.Column("settled_amount", sa.BigInteger))
    op.add_column("links", sa.Column("settled_currency", sa.Text))
    op.add_column("links", sa.Column("exchange_rate", sa.Text))
    op.add_column("links", sa.Column("stated_date", sa.Date))
    op.add_column("links", sa.Column("available_date", sa.Date))


def _now(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now())


def _payouts() -> None:
    op.create_table(
        "payout_checks",
        sa.Column("realm_id", sa.Text, nullable=False),
        sa.Column("payout_id", sa.Text, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("amount", sa.BigInteger, nullable=False),
        sa.Column("gross", sa.BigInteger, nullable=False),
        sa.Column("fee", sa.BigInteger, nullable=False),
        sa.Column("net", sa.BigInteger, nullable=False),
        sa.Column("foots", sa.Boolean, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("differs_by", sa.BigInteger, nullable=False, server_default=sa.text("0")),
        sa.Column("waiting_on", ARRAY(sa.Text), nullable=False, server_default=sa.text("'{}'")),
        sa.Column("deposits", ARRAY(sa.Text), nullable=False, server_default=sa.text("'{}'")),
        sa.Column("shared_with", ARRAY(sa.Text), nullable=False, server_default=sa.text("'{}'")),
        sa.Column("payout_date", sa.Date),
        sa.Column("arrival_date", sa.Date),
        sa.Column("deposit_date", sa.Date),
        sa.Column("available_date", sa.Date),
        _now("checked_at"),
        sa.PrimaryKeyConstraint("realm_id", "payout_id", name="pk_payout_checks"),
    )
    op.create_index("ix_payout_checks_realm_id_arrival_date", "payout_checks", ["realm_id", "arrival_date"])
    op.create_table(
        "payout_rows",
        sa.Column("realm_id", sa.Text, nullable=False),
        sa.Column("payout_id", sa.Text, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("transaction_id", sa.Text, nullable=False),
        sa.Column("category", sa.Text, nullable=False),
        sa.Column("source", sa.Text),
        sa.Column("document_key", sa.Text),
        sa.Column("gross", sa.BigInteger, nullable=False),
        sa.Column("fee", sa.BigInteger, nullable=False),
        sa.Column("net", sa.BigInteger, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("realm_id", "payout_id", "position", name="pk_payout_rows"),
    )
    op.create_index("ix_payout_rows_transaction_id", "payout_rows", ["transaction_id"])
