"""Waiting for another process: bounded, with short pauses that grow, and a word to the user when it takes long."""

import time
from collections.abc import Callable
from typing import Final

from wescope.links.embedded.errors import StartTimeout

_SHORTEST_PAUSE_S: Final = 0.005
_LONGEST_PAUSE_S: Final = 0.1
_TELL_AFTER_S: Final = 2.0


class Patience:
    """One bounded wait; all steps of a start share one."""

    def __init__(self, timeout_s: float, on_progress: Callable[[str], None] | None = None) -> None:
        """Begin to wait.

        Args:
            timeout_s: how long at most, in seconds.
            on_progress: is told what is waited for, each different text once, when the wait is longer than 2 s.
        """
        self._timeout_s = timeout_s
        self._began = time.monotonic()
        self._pause_s = _SHORTEST_PAUSE_S
        self._on_progress = on_progress
        self._told = ""

    @property
    def remaining_s(self) -> float:
        """Seconds that are left, never negative."""
        return max(0.0, self._began + self._timeout_s - time.monotonic())

    def pause(self, waiting_for: str) -> None:
        """Sleep a little.

        Args:
            waiting_for: a sentence for the user.

        Raises:
            StartTimeout: the time is over.
        """
        if self.remaining_s == 0.0:
            raise StartTimeout(waiting_for, timeout_s=str(self._timeout_s))
        if time.monotonic() - self._began > _TELL_AFTER_S and self._told != waiting_for:
            self._told = waiting_for
            if self._on_progress is not None:
                self._on_progress(waiting_for)
        time.sleep(min(self._pause_s, self.remaining_s))
        self._pause_s = min(self._pause_s * 1.2, _LONGEST_PAUSE_S)
