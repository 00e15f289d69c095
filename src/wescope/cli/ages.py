"""Ages: how long ago something was, for people, and the lengths of time that they type."""

import re
from datetime import datetime, timedelta

from wescope.errors import WrongUse

_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_LENGTH = re.compile(r"([0-9]{1,6})([smhdw])")


def parse_age(text: str) -> timedelta:
    """`90m`, `36h`, `7d` or `2w` as a length of time.

    Raises:
        WrongUse: it is none.
    """
    match = _LENGTH.fullmatch(text.strip().lower())
    if match is None:
        raise WrongUse("An age is a number with m, h, d or w: 90m, 36h, 7d, 2w.")
    return timedelta(seconds=int(match[1]) * _UNITS_S[match[2]])


def age_text(seconds: float) -> str:
    """A length of time in its two largest units: `3d 4h`, `12m`, `5s`."""
    left = int(abs(seconds))
    parts: list[str] = []
    for unit, size_s in (("d", 86_400), ("h", 3600), ("m", 60), ("s", 1)):
        count, left = divmod(left, size_s)
        if count or parts:
            parts.append(f"{count}{unit}" if count else "")
        if len(parts) == 2:  # noqa: PLR2004 - two units, as the docstring says
            break
    return " ".join(part for part in parts if part) or "0s"


def relative(moment: datetime, now: datetime) -> str:
    """When a moment is, seen from now: `3d 4h ago`, or `in 5m`."""
    seconds = (now - moment).total_seconds()
    return f"in {age_text(seconds)}" if seconds < 0 else f"{age_text(seconds)} ago"


def absolute(moment: datetime) -> str:
    """A moment to the second, with its zone."""
    return moment.strftime("%Y-%m-%d %H:%M:%S %Z")
