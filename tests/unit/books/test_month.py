"""Months: text, first and last days, neighbours, and where the books' calendar ends them."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from wescope.books.month import Month


def test_a_month_is_text_days_and_neighbours() -> None:
    month = Month.parse("2026-02")
    assert (str(month), month.first, month.last) == ("2026-02", date(2026, 2, 1), date(2026, 2, 28))
    assert (str(Month.of(date(2024, 12, 31)).next), str(Month.parse("2026-01").before)) == ("2025-01", "2025-12")
    assert list(month.days)[::27] == [date(2026, 2, 1), date(2026, 2, 28)]
    assert Month.parse("2024-02").last == date(2024, 2, 29)


def test_it_is_over_when_the_books_calendar_says_so() -> None:
    ends = Month.parse("2026-10").ends_at(ZoneInfo("America/Los_Angeles"))
    assert ends == datetime(2026, 11, 1, 7, tzinfo=UTC)


@pytest.mark.parametrize("text", ["2026-13", "2026-00", "2026-1", "26-01", "2026-10-01", "", "٢٠٢٦-10"])
def test_what_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="2026-10"):
        Month.parse(text)
