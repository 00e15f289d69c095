"""The account's time: never backwards, and repeatable."""

import time
from datetime import UTC, date, datetime, timedelta


def midnight(day: date) -> int:
    """Return the Unix second at which ``day`` begins in UTC."""
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())


def today() -> date:
    """Return today's date in UTC."""
    return datetime.now(tz=UTC).date()


def day_of(second: int) -> date:
    """Return the UTC calendar date of a Unix second."""
    return datetime.fromtimestamp(second, tz=UTC).date()


def next_midnight(second: int, *, days: int) -> int:
    """Return midnight UTC ``days`` days after the day of ``second``."""
    return midnight(day_of(second) + timedelta(days=days))


class Clock:
    """Tells the account's time.

    Args:
        start: Unix second before which the clock never stands.
        live: Follow the computer's clock; otherwise each command moves it by one second.
    """

    def __init__(self, *, start: int, live: bool) -> None:
        self._second = start
        self._live = live

    def now(self) -> int:
        """Return the current Unix second."""
        return max(self._second, int(time.time())) if self._live else self._second

    def follow(self, *, live: bool) -> None:
        """Follow the computer's clock from now on, or not."""
        self._live = live

    def tick(self) -> int:
        """Return a second later than every second returned by ``tick`` or set before."""
        self._second = max(self._second + 1, self.now())
        return self._second

    def set(self, second: int) -> None:
        """Move the clock to ``second``, unless it is later already."""
        self._second = max(self._second, second)
