"""Parts of tables: the one set that all belong to, and the kinds of columns that many have."""

from sqlalchemy import Column, DateTime, MetaData, func, text
from sqlalchemy.dialects.postgresql import JSONB

metadata = MetaData(
    naming_convention={"ix": "ix_%(table_name)s_%(column_0_N_name)s", "pk": "pk_%(table_name)s"},
)


def moment(name: str, *, nullable: bool = True) -> Column[object]:
    """A moment, with its zone."""
    return Column(name, DateTime(timezone=True), nullable=nullable)


def now(name: str) -> Column[object]:
    """The moment at which the row was written, unless another is given."""
    return Column(name, DateTime(timezone=True), nullable=False, server_default=func.now())


def json(name: str) -> Column[object]:
    """Facts by name; none unless some are given."""
    return Column(name, JSONB, nullable=False, server_default=text("'{}'"))
