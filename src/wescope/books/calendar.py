"""Calendar: a moment becomes a date in the company's time zone, and only there."""

from datetime import date, datetime
from zoneinfo import ZoneInfo


def local_date(moment: datetime, timezone: ZoneInfo) -> date:
    """The date that the books' calendar shows at `moment`.

    Raises:
        ValueError: `moment` has no zone, so that it names no date at all.
    """
    if moment.tzinfo is None:
        raise ValueError("a moment without a time zone has no date")
    return moment.astimezone(timezone).date()


def in_later_month(day: date, than: date) -> bool:
    """Whether `day` lies in a calendar month after that of `than`; both are dates of the same calendar."""
    return (day.year, day.month) > (than.year, than.month)
