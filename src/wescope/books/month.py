"""Months: calendar months of the books, as text (`2026-10`), days and moments. Pure."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Self
from zoneinfo import ZoneInfo

PATTERN = r"^[0-9]{4}-(0[1-9]|1[0-2])$"
"""A month as text."""


@dataclass(frozen=True, slots=True, order=True)
class Month:
    """One calendar month, known by its first day."""

    first: date

    @classmethod
    def of(cls, day: date) -> Self:
        """The month that a day lies in."""
        return cls(day.replace(day=1))

    @classmethod
    def parse(cls, text: str) -> Self:
        """The month that `str` wrote.

        Raises:
            ValueError: it is none, such as `2026-13`.
        """
        if not re.fullmatch(PATTERN, text):
            raise ValueError("a month is written as 2026-10")
        return cls(date(int(text[:4]), int(text[5:]), 1))

    def __str__(self) -> str:
        return f"{self.first:%Y-%m}"

    @property
    def last(self) -> date:
        """Its last day."""
        return self.next.first - timedelta(days=1)

    @property
    def next(self) -> "Month":
        """The month after it."""
        return Month.of(self.first + timedelta(days=31))

    @property
    def before(self) -> "Month":
        """The month before it."""
        return Month.of(self.first - timedelta(days=1))

    @property
    def days(self) -> Iterable[date]:
        """All its days, in their order."""
        return [self.first + timedelta(days=number) for number in range(self.last.day)]

    def ends_at(self, timezone: ZoneInfo) -> datetime:
        """The first moment after it, in the books' calendar."""
        return datetime.combine(self.next.first, time(), timezone)
