"""Records: QBO's objects as its JSON has them, and the answer to a write."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Record = Mapping[str, Any]
"""One object of QBO as parsed JSON; numbers are `int` or `Decimal`. Never logged or stored: it may hold names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """QBO's answer to a write: the object as it is now, and Intuit's id of the call, for their support."""

    record: Record = field(repr=False)
    intuit_tid: str


def reference(record: Record, name: str) -> str | None:
    """The id inside a reference such as `CustomerRef: {"value": "5"}`, or null."""
    found = record.get(name)
    value = found.get("value") if isinstance(found, Mapping) else None
    return str(value) if value is not None else None
