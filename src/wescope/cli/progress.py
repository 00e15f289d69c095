"""Progress: what a command of more than two seconds is doing, on stderr; live on a terminal, lines elsewhere."""

import sys
import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

QUIET_S = 2.0
"""Shorter work shows nothing."""

LINE_EVERY_S = 10.0
"""How often a line is written where nobody can watch a bar."""


class Reporter:
    """Shows progress between `with` and its end. Call it with a text, how much is done, and how much there is."""

    def __init__(self, console: Console | None = None) -> None:
        """Take where to show it; stderr unless told otherwise."""
        self._console = console or Console(file=sys.stderr)
        self._started_at = time.monotonic()
        self._next_line_at = self._started_at + QUIET_S
        self._live: Progress | None = None
        self._task = None if not self._console.is_terminal else 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def __call__(self, text: str, done: int, total: int) -> None:
        """Show this state, unless the work is still young."""
        if time.monotonic() - self._started_at < QUIET_S:
            return
        if self._console.is_terminal:
            self._show_live(text, done, total)
        elif time.monotonic() >= self._next_line_at:
            self._next_line_at = time.monotonic() + LINE_EVERY_S
            self._console.print(f"{text} {done}/{total}" if total else f"{text} {done}", highlight=False)

    def _show_live(self, text: str, done: int, total: int) -> None:
        if self._live is None:
            self._live = Progress(
                SpinnerColumn(),
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                console=self._console,
                transient=True,
            )
            self._live.start()
            self._task = self._live.add_task(text)
        self._live.update(self._live.task_ids[0], description=text, completed=done, total=total or None)
