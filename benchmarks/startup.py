"""Start-up: seconds until a role can work and until a command has answered, beside the import of what they stand on."""

import asyncio
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from benchmarks.suite import Figure, Part
from benchmarks.world import environment
from wescope.cli.children import Children, bare_environment
from wescope.links.embedded import embedded_postgres

READY_S: Final = 60
TIMES: Final = 3
ROLES: Final = ("web", "worker")
WESCOPE: Final = ("-m", "wescope.cli.main")
BARE: Final = "import of fastapi, sqlalchemy, psycopg"
COMMANDS: Final[Mapping[str, Sequence[str]]] = {
    BARE: ("-c", "import fastapi, sqlalchemy, psycopg"),
    "wescope --help": (*WESCOPE, "--help"),
    "wescope status": (*WESCOPE, "status"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """Seconds on the clock, and of CPU."""

    wall_s: float
    cpu_s: float


def answered(arguments: Sequence[str], settings: Mapping[str, str]) -> Start:
    """One command, from its start to its end; it must be good."""
    before, began = os.times(), time.perf_counter()
    subprocess.run([sys.executable, *arguments], env=settings, stdout=subprocess.DEVNULL, check=True)  # noqa: S603 - our own
    wall_s, after = time.perf_counter() - began, os.times()
    used_s = after.children_user + after.children_system - before.children_user - before.children_system
    return Start(wall_s=wall_s, cpu_s=used_s)


async def ready(folder: Path, role: str, settings: Mapping[str, str]) -> Start:
    """One role, from its start until it tells that it can work; it is then stopped."""
    async with Children(folder) as children:
        began = time.perf_counter()
        child = await children.start(role, (*WESCOPE, "serve", "--role", role, "--json"), settings)
        await child.announcement(timeout_s=READY_S)
        wall_s, used = time.perf_counter() - began, psutil.Process(child.process.pid).cpu_times()
    return Start(wall_s=wall_s, cpu_s=used.user + used.system)


async def measure(folder: Path) -> Sequence[Figure]:
    """Everything a few times in turn, after once to warm up: bytecode is there, as it is after `make setup`."""
    starts: dict[str, list[Start]] = {}
    async with Children(folder / "logs") as children:
        stripe, qbo = [
            await children.start(name, ("-m", f"wescope.sandbox.{name}", "--port", "0"), bare_environment())
            for name in ("stripe", "qbo")
        ]
        announced = [await child.announcement(timeout_s=READY_S) for child in (stripe, qbo)]
        settings = environment(folder / "home", announced[0], announced[1])
        settings["PYTHONPYCACHEPREFIX"] = str(folder / "bytecode")
        settings.pop("PYTHONDONTWRITEBYTECODE", None)
        with embedded_postgres(folder / "home"):
            for turn in range(TIMES + 1):
                found = {role: await ready(folder / "roles", role, settings) for role in ROLES}
                for name, arguments in COMMANDS.items():
                    found[name] = await asyncio.to_thread(answered, arguments, settings)
                if turn:
                    for name, start in found.items():
                        starts.setdefault(name, []).append(start)
    return figures_of(starts)


def figures_of(starts: Mapping[str, Sequence[Start]]) -> tuple[Figure, ...]:
    """The medians, beside those of the bare import."""
    figures = []
    for name in (one for one in starts if one != BARE):
        title = f"serve --role {name}" if name in ROLES else name
        for kind, values in (("", "wall_s"), (": CPU", "cpu_s")):
            median, beside = (
                statistics.median(getattr(start, values) for start in starts[which]) for which in (name, BARE)
            )
            figures.append(Figure(name=f"{title}{kind}", value=median, unit="s", beside=beside))
    return tuple(figures)


PART = Part(name="startup", title="Start-up, beside the import of what the service stands on", measure=measure)
