"""Query statements of QBO: quoted values, conditions joined by AND, order and page (facts/qbo.md 5.1)."""

import re
from collections.abc import Iterable
from datetime import date

PAGE_LIMIT = 1000

_NAME = re.compile(r"[A-Za-z][A-Za-z.]*")


def quote(value: str) -> str:
    r"""`value` in single quotes, with quotes and backslashes escaped by a backslash."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def where_equals(name: str, value: str) -> str:
    """The condition that the property `name` equals `value`."""
    return f"{_checked(name)} = {quote(value)}"


def where_in(name: str, values: Iterable[str]) -> str:
    """The condition that the property `name` is one of `values` (at least one)."""
    return f"{_checked(name)} IN ({', '.join(quote(value) for value in values)})"


def where_between(name: str, first: date, last: date) -> str:
    """The condition that a plain date lies from `first` to `last`, both included, in the company's calendar."""
    return f"{_checked(name)} >= {quote(first.isoformat())} AND {name} <= {quote(last.isoformat())}"


def where_from(name: str, value: str) -> str:
    """The condition that the property `name` is at least `value`."""
    return f"{_checked(name)} >= {quote(value)}"


def including_inactive() -> str:
    """The condition that shows inactive list objects, too; without it QBO hides them."""
    return "Active IN (true, false)"


def select(entity: str, *conditions: str, start: int | None = None, page: int = PAGE_LIMIT) -> str:
    """A statement that reads whole objects of `entity`.

    Args:
        entity: QBO's name of the entity.
        conditions: all of them must hold; empty ones are left out.
        start: position of the first object from 1, ordered by Id; null reads the first page in QBO's own order.
        page: how many objects at most, up to 1000.

    Raises:
        ValueError: `page` or `start` is out of bounds.
    """
    if not 1 <= page <= PAGE_LIMIT or (start is not None and start < 1):
        raise ValueError(f"page {page} or start {start} is out of bounds")
    where = " AND ".join(condition for condition in conditions if condition)
    parts = [f"SELECT * FROM {_checked(entity)}"]  # noqa: S608 - QBO's language; names are checked, values are quoted
    parts += [f"WHERE {where}"] if where else []
    parts += ["ORDERBY Id", f"STARTPOSITION {start}"] if start is not None else []
    return " ".join([*parts, f"MAXRESULTS {page}"])


def newest(entity: str, *conditions: str, page: int = PAGE_LIMIT) -> str:
    """A statement that reads the objects of `entity` that were made last, the newest first."""
    order = " ORDERBY MetaData.CreateTime DESC MAXRESULTS "
    return order.join(select(entity, *conditions, page=page).rsplit(" MAXRESULTS ", 1))


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError("this is no name of an entity or property")
    return name
