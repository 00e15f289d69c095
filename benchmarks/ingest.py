"""Ingest: signed webhooks acknowledged a second, beside the smallest handler on the same PostgreSQL."""

import asyncio
import contextlib
import itertools
import os
import re
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from benchmarks import floor
from benchmarks.load import Load
from benchmarks.suite import Figure, Part
from benchmarks.world import environment
from wescope.cli.children import Child, Children, bare_environment
from wescope.links.embedded.binaries import find_binaries
from wescope.links.embedded.server import running

SECRET: Final = "whsec_benchmark"  # noqa: S105 - made up
READY_S: Final = 60
DATABASE: Final = "benchmark"
"""Of the floor and of the raw commits, on the service's own server."""

ROUNDS: Final = 3
"""Ours and the floor take turns, so that both have what else the machine is busy with; a figure is the median."""
CLIENTS: Final = 20
COMMIT_S: Final = 2
_TWENTY, _ONE = f"closed loop, {CLIENTS} clients", "closed loop, 1 client"
_CLOSED: Final = {_TWENTY: ("1.5", "--clients", str(CLIENTS)), _ONE: ("1", "--clients", "1")}
_OPEN: Final = {"open loop, 100/s": ("3", "--rate", "100"), "open loop, 200/s": ("4", "--rate", "200")}
_GOAL_MS: Final = {"open loop, 200/s": 10.0}

_BOUND: Final = (
    "CPU: a webhook costs our process 240 us and PostgreSQL as much (rows in four tables, their indexes, two notices"
    " for each job), on two cores with the generator of load; the floor has one row with one index, and one round trip"
    " where we have three"
)

_COMMIT: Final = "INSERT INTO commits (text) VALUES ('evt_1NG8Du2eZvKYlo2CUI79vXWy')"
_PER_SECOND: Final = re.compile(r"tps = ([0-9.]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """Who takes deliveries, and the numbers from which the next run's events count: all get the same bytes."""

    url: str
    firsts: Iterator[int] = field(default_factory=lambda: itertools.count(0, 100_000))


async def load(children: Children, server: Server, *way: str) -> Load:
    """Have a server sent deliveries by a process of its own: for how many seconds, and in which loop."""
    seconds, *loop = way
    arguments = ("-m", "benchmarks.load", server.url, seconds, "--first", str(next(server.firsts)), *loop)
    child = await children.start("load", arguments, bare_environment() | {"SECRET": SECRET})
    return Load(**await child.announcement(timeout_s=READY_S))


async def commits_per_s(conninfo: str, folder: Path, connections: int) -> float:
    """Commits of a single row a second by pgbench, which costs the machine next to nothing itself."""
    script = folder / "commit.sql"
    script.write_text(_COMMIT + "\n")
    parts = {name: str(value) for name, value in conninfo_to_dict(conninfo).items()}
    password = parts.pop("password")
    pgbench = await asyncio.create_subprocess_exec(
        find_binaries().postgres.with_name("pgbench"),
        *("--no-vacuum", "--protocol=prepared", f"--file={script}", f"--time={COMMIT_S}", f"--client={connections}"),
        make_conninfo("", **parts),
        env=os.environ | {"PGPASSWORD": password},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        told, complaint = await pgbench.communicate()
    except asyncio.CancelledError:
        with contextlib.suppress(ProcessLookupError):
            pgbench.kill()
        await pgbench.wait()
        raise
    found = _PER_SECOND.search(told.decode())
    assert found, complaint.decode()
    return float(found[1])


async def yardstick_database(home: Path) -> str:
    """The address of a new database beside the service's own, with the yardsticks' tables."""
    server = running(home)
    assert server is not None, "the service has started it"
    async with await psycopg.AsyncConnection.connect(server.conninfo, autocommit=True) as connection:
        await connection.execute(f"CREATE DATABASE {DATABASE}")
    conninfo = make_conninfo(server.conninfo, dbname=DATABASE)
    async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as connection:
        await connection.execute(floor.TABLE)
        await connection.execute("CREATE TABLE commits (id bigserial PRIMARY KEY, text text NOT NULL)")
    return conninfo


async def web_process(children: Children, folder: Path) -> Child:
    """The service's web role on its embedded PostgreSQL, beside both stand-ins."""
    names = ("stripe", "qbo")
    started = [
        await children.start(name, ("-m", f"wescope.sandbox.{name}", "--port", "0"), bare_environment())
        for name in names
    ]
    stripe, qbo = [await child.announcement(timeout_s=READY_S) for child in started]
    settings = environment(folder / "home", stripe, qbo, SECRET)
    return await children.start("web", ("-m", "wescope.cli.main", "serve", "--role", "web", "--json"), settings)


async def warm_up(children: Children, servers: Sequence[Server], home: Path) -> None:
    """Have every server work for a moment, and the planner told of the jobs, as a worker of the service does."""
    for server in servers:
        await load(children, server, *_CLOSED[_TWENTY])
    embedded = running(home)
    assert embedded is not None, "the service has started it"
    async with await psycopg.AsyncConnection.connect(embedded.conninfo, autocommit=True) as connection:
        await connection.execute("ANALYZE procrastinate_jobs")


async def in_turns(children: Children, servers: Sequence[Server]) -> Sequence[Mapping[str, Sequence[Load]]]:
    """Each server under the same loads; its runs by way."""
    ways = _CLOSED | _OPEN
    found: list[dict[str, list[Load]]] = [{name: [] for name in ways} for _ in servers]
    for _, (name, way) in itertools.product(range(ROUNDS), ways.items()):
        for server, runs in zip(servers, found, strict=True):
            runs[name].append(await load(children, server, *way))
    return found


async def measure(folder: Path) -> Sequence[Figure]:
    """Run the service and the yardsticks, one after the other."""
    async with Children(folder / "logs") as children:
        web = await web_process(children, folder)
        address = (await web.announcement(timeout_s=READY_S))["url"]
        conninfo = await yardstick_database(folder / "home")
        given = bare_environment() | {"SECRET": SECRET}
        floors = [
            await children.start(name, ("-m", "benchmarks.floor"), given | more)
            for name, more in (("floor", {"DATABASE": conninfo}), ("empty", {}))
        ]
        floor_address, empty_address = [(await one.announcement(timeout_s=READY_S))["url"] for one in floors]
        raw = {count: await commits_per_s(conninfo, folder, count) for count in (1, CLIENTS)}
        empty = await load(children, Server(url=empty_address), *_CLOSED[_TWENTY])
        servers = [Server(url=address), Server(url=floor_address)]
        await warm_up(children, servers, folder / "home")
        ours, beside = await in_turns(children, servers)
    return (*_told(ours, beside), *_yardsticks(raw, empty))


def _told(ours: Mapping[str, Sequence[Load]], floors: Mapping[str, Sequence[Load]]) -> Iterator[Figure]:
    """Our figures beside the floor's."""
    for name in _CLOSED:
        mine, beside = ([run.per_s for run in runs[name]] for runs in (ours, floors))
        yield Figure(
            name=f"{name}, beside the floor",
            value=statistics.median(mine),
            unit="webhooks/s",
            beside=statistics.median(beside),
            at_least=1 if name == _TWENTY else None,
            goal_of_ratio=True,
            bound=_BOUND if name == _TWENTY else "",
        )
    for name in _CLOSED | _OPEN:
        for share in ("p50", "p99"):
            mine, beside = ([getattr(run, f"{share}_ms") for run in runs[name]] for runs in (ours, floors))
            yield Figure(
                name=f"{name}: {share}, beside the floor",
                value=statistics.median(mine),
                unit="ms",
                beside=statistics.median(beside),
                at_most=_GOAL_MS.get(name) if share == "p99" else None,
                bound=_BOUND if name in _GOAL_MS and share == "p99" else "",
            )


def _yardsticks(raw: Mapping[int, float], empty: Load) -> Iterator[Figure]:
    """What the machine, its PostgreSQL and the generator of load come to by themselves."""
    for connections, per_s in raw.items():
        yield Figure(name=f"raw commits of a row, {connections} connections", value=per_s, unit="commits/s")
    yield Figure(name=f"an empty handler, {CLIENTS} clients", value=empty.per_s, unit="answers/s")


PART = Part(name="ingest", title="Ingest: signed webhooks, durable when acknowledged", measure=measure)
