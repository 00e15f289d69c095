"""One virtual clock for everything: `datetime`, `time`, and what has been imported from it by name."""

import importlib
import sys
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import time_machine

from tests.simulation.engine.loop import BOOTED_AT_S, PROCESS, VirtualLoop

STARTS_AT = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
"""The true time at which every world begins."""

REAL: Mapping[str, Callable[[], Any]] = {name: getattr(time, name) for name in ("monotonic", "perf_counter")}
_REAL_NS = time.monotonic_ns
_BEGINS_NS = int(STARTS_AT.timestamp()) * 1_000_000_000
_KEPT = ("threading", "queue", "selectors", "subprocess", "socket", "multiprocessing", "_pytest", "pytest", "time")


class Clock(time_machine.Traveller):
    """The true time of a world; a process that asks for the time is told its own, which may be wrong."""

    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__(0, None, tick=False)
        self._loop = loop

    def true_ns(self) -> int:
        return _BEGINS_NS + round((self._loop.time() - BOOTED_AT_S) * 1e9)

    def true_s(self) -> int:
        return self.true_ns() // 1_000_000_000

    def now(self) -> datetime:
        """The true time."""
        return datetime.fromtimestamp(self.true_ns() / 1e9, UTC)

    def time_ns(self) -> int:
        process = PROCESS.get()
        return self.true_ns() + (round(process.skew_s * 1e9) if process else 0)


def install(loop: VirtualLoop) -> Clock:
    """Makes every clock of this (forked) process tell the time of the loop. It cannot be undone."""
    time_machine.travel(0).start()
    clock = Clock(loop)
    time_machine.traveller_stack[-1] = clock
    replace_everywhere(REAL["monotonic"], loop.time)
    replace_everywhere(REAL["perf_counter"], loop.time)
    replace_everywhere(_REAL_NS, lambda: int(loop.time() * 1e9))
    for name, value in (("monotonic", loop.time), ("perf_counter", loop.time)):
        setattr(importlib.import_module("time"), name, value)
    return clock


def replace_everywhere(old: Any, new: Any) -> int:
    """Replaces a function under every name by which modules have imported it. Returns how often."""
    count = 0
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] in _KEPT or not hasattr(module, "__dict__"):
            continue
        for attribute, value in list(vars(module).items()):
            if value is old:
                setattr(module, attribute, new)
                count += 1
            elif name.startswith("wescope"):
                count += _replace_defaults(value, old, new)
    return count


def _replace_defaults(value: Any, old: Any, new: Any) -> int:
    """Replaces what a function, or a class's methods, take when they are given nothing."""
    count = 0
    for function in vars(value).values() if isinstance(value, type) else (value,):
        defaults = getattr(function, "__kwdefaults__", None) or {}
        for name in [name for name, default in defaults.items() if default is old]:
            defaults[name] = new
            count += 1
    return count
