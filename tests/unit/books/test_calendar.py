"""A moment becomes a date in the books' time zone, at every edge that a calendar has."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from tests.unit.books.builders import day, moment
from wescope.books.calendar import in_later_month, local_date

LOS_ANGELES = ZoneInfo("America/Los_Angeles")


@pytest.mark.parametrize(
    ("instant", "expected"),
    [
        # A customer in UTC+13 (Samoa, Tonga): it is 1 April there, and 31 March in the books.
        ("2026-04-01T00:30:00+13:00", "2026-03-31"),
        # Month end in UTC, still the month before in the books.
        ("2026-05-01T06:59:59+00:00", "2026-04-30"),
        ("2026-05-01T07:00:00+00:00", "2026-05-01"),
        # Spring forward on 8 March 2026: midnight is 08:00 UTC on that day and 07:00 UTC on the next.
        ("2026-03-08T07:59:59+00:00", "2026-03-07"),
        ("2026-03-08T08:00:00+00:00", "2026-03-08"),
        ("2026-03-09T06:59:59+00:00", "2026-03-08"),
        ("2026-03-09T07:00:00+00:00", "2026-03-09"),
        # Fall back on 1 November 2026: the day has 25 hours.
        ("2026-11-01T06:59:59+00:00", "2026-10-31"),
        ("2026-11-01T07:00:00+00:00", "2026-11-01"),
        ("2026-11-02T07:59:59+00:00", "2026-11-01"),
        ("2026-11-02T08:00:00+00:00", "2026-11-02"),
        # Year end.
        ("2027-01-01T00:00:00+00:00", "2026-12-31"),
    ],
)
def test_a_moment_has_the_date_of_the_books(instant: str, expected: str) -> None:
    assert local_date(moment(instant), LOS_ANGELES) == day(expected)


def test_books_ahead_of_utc_are_a_day_ahead() -> None:
    assert local_date(moment("2026-03-31T11:00:00+00:00"), ZoneInfo("Pacific/Tongatapu")) == day("2026-04-01")


def test_a_moment_without_a_zone_is_refused() -> None:
    naive = datetime.fromisoformat("2026-03-31T11:00:00")
    with pytest.raises(ValueError, match="without a time zone"):
        local_date(naive, LOS_ANGELES)


@pytest.mark.parametrize(
    ("later", "than", "expected"),
    [
        ("2026-03-31", "2026-03-01", False),
        ("2026-04-01", "2026-03-31", True),
        ("2027-01-01", "2026-12-31", True),
        ("2026-12-31", "2027-01-01", False),
    ],
)
def test_later_months(later: str, than: str, expected: bool) -> None:
    assert in_later_month(day(later), day(than)) is expected
