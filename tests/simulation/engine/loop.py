"""The event loop of the simulator: virtual time, and processes that can die or stop between two callbacks."""

import asyncio
import heapq
import selectors
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

BOOTED_AT_S = 1000.0
"""The loop's time at the start of a world: not zero, so that nothing looks as if it had never happened."""


@dataclass(eq=False, slots=True)
class Process:
    """One simulated process. What it would run after its death is kept, so that no `finally` of it ever runs."""

    name: str
    skew_s: float = 0.0
    is_dead: bool = False
    is_stopped: bool = False
    connections: list[Any] = field(default_factory=list)
    withheld: list[asyncio.Handle] = field(default_factory=list)
    grave: list[Any] = field(default_factory=list)


PROCESS: ContextVar[Process | None] = ContextVar("simulated_process", default=None)
"""Whose code runs now; null is the world outside."""


class Stuck(Exception):
    """Nothing is left that could ever happen: every task waits for something that nobody will do."""


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose time jumps to the next timer when nothing is ready.

    It never sleeps and never looks at a socket: whoever talks to a database does so at once (see `postgres`).
    """

    def __init__(self) -> None:
        self._virtual_s = BOOTED_AT_S
        super().__init__(selectors.SelectSelector())

    def time(self) -> float:
        return self._virtual_s

    def warp(self, seconds: float) -> None:
        """Lets time pass in which nobody does anything: as if all machines had slept."""
        self._virtual_s += seconds

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:  # type: ignore[override]
        """Calls at once: a thread would bring its own time and order."""
        future: asyncio.Future[Any] = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:  # noqa: BLE001 - as a thread would hand it over
            future.set_exception(error)
        return future

    def resume(self, process: Process) -> None:
        """Lets a stopped process go on with all that has become due meanwhile."""
        process.is_stopped = False
        self._ready.extend(process.withheld)
        process.withheld.clear()

    def _run_once(self) -> None:
        if not self._ready:
            self._next_timer()
        handle = self._ready.popleft()
        if handle._cancelled:
            return
        process = handle._context.get(PROCESS)
        if process is None:
            handle._run()
        elif process.is_dead:
            process.grave.append(handle)
        elif process.is_stopped:
            process.withheld.append(handle)
        else:
            handle._run()

    def _next_timer(self) -> None:
        while self._scheduled and self._scheduled[0]._cancelled:
            self._forget(heapq.heappop(self._scheduled))
        if not self._scheduled:
            raise Stuck
        due = max(self._virtual_s, self._scheduled[0]._when)
        self._virtual_s = max(self._virtual_s, due)
        while self._scheduled and self._scheduled[0]._when <= due:
            handle = heapq.heappop(self._scheduled)
            self._forget(handle)
            if not handle._cancelled:
                self._ready.append(handle)

    def _forget(self, handle: asyncio.TimerHandle) -> None:
        handle._scheduled = False  # type: ignore[attr-defined]  # asyncio's own note
        self._timer_cancelled_count -= handle._cancelled and self._timer_cancelled_count > 0

    # Added by asyncio itself; the type stubs do not have them.
    _ready: Any
    _scheduled: Any
    _timer_cancelled_count: int
