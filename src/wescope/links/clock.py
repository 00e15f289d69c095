"""The clock of all processes: the database's, told between two looks at it by this machine's own that cannot jump."""

import time
from datetime import UTC, datetime, timedelta


class DatabaseClock:
    """Tells the time by the database, so that moments which one machine writes mean the same on another.

    A machine's own clock may be minutes wrong; then it would believe too early that a lost write never landed.
    """

    def __init__(self) -> None:
        """Begin with this machine's time, until the database's is learned."""
        self._learned: tuple[datetime, float] | None = None

    def learn(self, now: datetime) -> None:
        """Take what the database has just said."""
        self._learned = (now, time.monotonic())

    def __call__(self) -> datetime:
        """The time now, in UTC."""
        if self._learned is None:
            return datetime.now(UTC)
        at, learned = self._learned
        return at.astimezone(UTC) + timedelta(seconds=time.monotonic() - learned)
