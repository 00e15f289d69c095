"""The sandbox's time: Pacific offsets as in recordings, days in the company's calendar."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

PACIFIC = ZoneInfo("America/Los_Angeles")

Clock = Callable[[], datetime]


def system_clock() -> datetime:
    """Returns the present moment in UTC."""
    return datetime.now(UTC)


def to_the_second(moment: datetime) -> str:
    """Writes a moment as MetaData does: 2020-09-29T05:58:07-07:00."""
    return moment.astimezone(PACIFIC).isoformat(timespec="seconds")


def to_the_millisecond(moment: datetime) -> str:
    """Writes a moment as an answer's `time` does: 2020-09-29T05:58:07.300-07:00."""
    return moment.astimezone(PACIFIC).isoformat(timespec="milliseconds")


def company_day(moment: datetime) -> date:
    """Returns the day of a moment in the company's (Pacific) calendar."""
    return moment.astimezone(PACIFIC).date()


def parsed(text: str) -> datetime:
    """Reads a day or a moment; without an offset it is Pacific.

    Args:
        text: 2026-01-01 or 2026-01-01T00:00:00[.000][-08:00|Z].

    Returns:
        The moment, with a zone.

    Raises:
        ValueError: it is neither.
    """
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=PACIFIC)
