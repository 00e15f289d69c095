"""The allow-list: what of a field's value reaches a log line or a span."""

import re
from datetime import date

from wescope.observe.fields import FIELDS

WITHHELD = "withheld"
MAX_VALUE_CHARACTERS = 200
MESSAGE = re.compile(r"[A-Za-z][A-Za-z0-9 _.,:;()/-]{0,119}")
"""A constant text of ours: what looks otherwise may have data in it."""

_LONG = frozenset({"exception"})

Plain = str | int | float | bool | None


def allowed(name: str, value: object) -> Plain:
    """The plain values of listed fields; all others are withheld, so that a slip shows and nothing leaks."""
    if name not in FIELDS:
        return WITHHELD
    match value:
        case None | bool() | int() | float():
            return value
        case date():
            return value.isoformat()
        case str() if name == "message":
            return value if MESSAGE.fullmatch(value) else WITHHELD
        case str() if name in _LONG or len(value) <= MAX_VALUE_CHARACTERS:
            return str(value)
        case _:
            return WITHHELD
