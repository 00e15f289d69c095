"""What the suite of `make bench` is made of: parts that measure, figures with goals, and the table of them."""

import asyncio
import math
import signal
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

UNKNOWN: Final = "-"


def say(text: str) -> None:
    """Tell a person how far it is."""
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {text}\n")
    sys.stderr.flush()


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One measured number.

    `beside` is what a yardstick came to in the same run on the same machine, in the same unit; null without one.
    A goal is `at_least` or `at_most`, of the number itself, or of its ratio to the yardstick (`goal_of_ratio`).
    `bound` says in a line what holds a figure down that is behind its goal.
    """

    name: str
    value: float
    unit: str
    beside: float | None = None
    at_least: float | None = None
    at_most: float | None = None
    goal_of_ratio: bool = False
    bound: str = ""

    @property
    def ratio(self) -> float | None:
        """To the yardstick; null without one."""
        return self.value / self.beside if self.beside else None

    @property
    def missed(self) -> bool:
        """True if there is a goal and it is missed; what is not a number misses every goal."""
        judged = self.ratio if self.goal_of_ratio else self.value
        if judged is None or math.isnan(judged):
            return self.at_least is not None or self.at_most is not None
        too_little = self.at_least is not None and judged < self.at_least
        return too_little or (self.at_most is not None and judged > self.at_most)

    @property
    def goal(self) -> str:
        """The goal in words; empty without one."""
        of = " of it" if self.goal_of_ratio else ""
        if self.at_least is not None:
            return f">= {self.at_least:g}{of}"
        return f"<= {self.at_most:g}{of}" if self.at_most is not None else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One question of the suite. `measure` gets an empty folder of its own, and leaves no process behind."""

    name: str
    title: str
    measure: Callable[[Path], Awaitable[Sequence[Figure]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What a part came to, and how long it took to find that out."""

    name: str
    title: str
    seconds: float
    figures: tuple[Figure, ...]

    def as_json(self) -> dict[str, Any]:
        """With each figure's ratio and whether its goal is missed."""
        figures = [asdict(one) | {"ratio": one.ratio, "missed": one.missed} for one in self.figures]
        return {"name": self.name, "title": self.title, "seconds": self.seconds, "figures": figures}


async def measured(parts: Sequence[Part]) -> list[Measured]:
    """Run parts one after the other; what runs for them is ended in order also when this process is terminated."""
    running = asyncio.current_task()
    assert running is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, running.cancel)
    found = []
    for part in parts:
        say(part.title)
        began = time.monotonic()
        with tempfile.TemporaryDirectory(prefix=f"wescope-bench-{part.name}-") as folder:
            figures = tuple(await part.measure(Path(folder)))
        seconds = round(time.monotonic() - began, 1)
        found.append(Measured(name=part.name, title=part.title, seconds=seconds, figures=figures))
    return found


def alone(part: Part, measure: Callable[[Path], Awaitable[Sequence[Figure]]], extent: object) -> None:
    """Measure one part at another extent than the suite does, and print its table; nothing is compared or kept."""
    other = Part(name=part.name, title=f"{part.title}, {extent}", measure=measure)
    sys.stdout.write(table(asyncio.run(measured([other])), {}) + "\n")


def saved_values(saved: Mapping[str, Any]) -> dict[tuple[str, str], float]:
    """The numbers of a run that was saved, by part and name."""
    parts = saved.get("parts", ())
    return {(part["name"], one["name"]): one["value"] for part in parts for one in part["figures"]}


def table(parts: Sequence[Measured], saved: Mapping[tuple[str, str], float]) -> str:
    """All figures: beside the yardstick, beside the goal, and as a ratio to the saved run."""
    head = f"{'':<56} {'figure':>10} {'unit':<12} {'beside':>10} {'ratio':>6} {'goal':>14} {'to saved':>9}"
    lines = [head]
    for part in parts:
        lines += ["", f"{part.title} ({part.seconds:.0f} s)"]
        lines += [_line(one, saved.get((part.name, one.name))) for one in part.figures]
    missed = [one for part in parts for one in part.figures if one.missed]
    lines += ["", f"{len(missed)} goals are missed" if missed else "all goals are met"]
    lines += [f"  {one.name}: {one.bound}" for one in missed if one.bound]
    return "\n".join(lines)


def _line(one: Figure, before: float | None) -> str:
    beside = UNKNOWN if one.beside is None else f"{one.beside:,.4g}"
    ratio = UNKNOWN if one.ratio is None else f"{one.ratio:.2f}"
    to_saved = f"{one.value / before:.2f}" if before else UNKNOWN
    told = f"  {one.name:<54} {one.value:>10,.4g} {one.unit:<12} {beside:>10} {ratio:>6} {one.goal:>14} {to_saved:>9}"
    return told + ("  MISSED" if one.missed else "")
