"""Where a command is measured: both stand-ins, a database, and what the command asks of them and uses."""

import asyncio
import contextlib
import json
import sys
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, LiteralString

import httpx2
import psycopg

from benchmarks import scaled
from benchmarks.suite import say
from benchmarks.usage import Usage, cpu_seconds
from benchmarks.world import environment
from wescope.cli.children import Children, bare_environment
from wescope.links.embedded import EmbeddedServer, embedded_postgres

LATENCY_MS: Final = 150
"""Of every answer of QBO, in the world's time."""

READY_S: Final = 60
STOP_S: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a command printed as JSON, how long it took, and what it has used: calls by service, CPU seconds by name."""

    printed: Mapping[str, Any]
    seconds: float
    qbo: Mapping[str, Any]
    stripe_calls: int
    cpu_s: Mapping[str, float]


@dataclass(slots=True)
class Site:
    """Both stand-ins, a database, and the command. `profiles` is a folder for a profile of each command."""

    folder: Path
    http: httpx2.AsyncClient
    server: EmbeddedServer
    children: Children
    scale: float
    profiles: Path | None = None
    services: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    processes: dict[str, list[int]] = field(default_factory=dict)

    async def start(self) -> None:
        """Start the stand-ins; Stripe's has no limits, for what is judged of Stripe is how often it is asked."""
        for name in ("stripe", "qbo"):
            await self.stand_in(name)
        postmaster = (self.folder / "home" / "postgres" / "data" / "postmaster.pid").read_text(encoding="ascii")
        self.processes["postgres"] = [int(postmaster.split()[0])]

    async def stand_in(self, service: str, name: str = "") -> Mapping[str, Any]:
        """Start a stand-in, the one that is asked unless it has another `name`; what it announces."""
        unlimited = ("--knob", "requests_per_second=0", "--knob", "requests_per_second_in_all=0")
        arguments = scaled.stand_in(service, self.scale, LATENCY_MS) + (unlimited if service == "stripe" else ())
        child = await self.children.start(name or service, arguments, bare_environment())
        announced = await child.announcement(timeout_s=READY_S)
        if not name:
            self.services[service] = announced
            self.processes[service] = [child.process.pid]
        return announced

    async def wescope(self, *words: str, scale: float | None = None) -> Told:
        """Run a command to its end; a cancellation ends it, too."""
        profile = self.profiles / f"{words[0]}-{time.time():.0f}" if self.profiles else None
        arguments = scaled.service(scale or self.scale, (*words, "--json"), profile)
        settings = environment(self.folder / "home", self.services["stripe"], self.services["qbo"])
        for service in self.services.values():
            (await self.http.delete(f"{service['url']}/_sandbox/requests")).raise_for_status()
        usage, began = Usage(self.processes), time.monotonic()
        with (self.folder / "logs" / "wescope.log").open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable, *arguments, env=settings, stdout=asyncio.subprocess.PIPE, stderr=log
            )
            watching = asyncio.create_task(_cpu_of(process.pid))
            try:
                printed, _ = await process.communicate()
            finally:
                watching.cancel()
                if process.returncode is None:
                    process.terminate()
                    await asyncio.wait_for(process.wait(), STOP_S)
        seconds = time.monotonic() - began
        (own_s,) = await asyncio.gather(watching)
        assert printed.strip(), f"wescope {' '.join(words)} printed nothing"
        return Told(
            printed=json.loads(printed),
            seconds=seconds,
            qbo=await self._requests("qbo"),
            stripe_calls=(await self._requests("stripe"))["total"],
            cpu_s=usage.seconds() | {"wescope": own_s},
        )

    async def _requests(self, service: str) -> Mapping[str, Any]:
        """What a stand-in has counted since the command began."""
        answer = await self.http.get(f"{self.services[service]['url']}/_sandbox/requests", params={"last": 0})
        found: Mapping[str, Any] = answer.raise_for_status().json()
        return found

    async def posted(self) -> tuple[int, float]:
        """How many documents stand in the books, and the seconds from the first to the last of them."""
        query = "SELECT count(*), extract(epoch FROM max(posted_at) - min(posted_at)) FROM links WHERE state = 'posted'"
        ((count, seconds),) = await self._rows(query)
        return int(count), float(seconds)

    async def subjects(self) -> list[str]:
        """The ids of all subjects, well mixed."""
        return [row[0] for row in await self._rows("SELECT id FROM subjects ORDER BY md5(id)")]

    async def _rows(self, query: LiteralString) -> list[tuple[Any, ...]]:
        async with await psycopg.AsyncConnection.connect(self.server.conninfo) as connection:
            return await (await connection.execute(query)).fetchall()


async def _cpu_of(pid: int) -> float:
    """CPU seconds of a process, watched until it ends."""
    used_s = 0.0
    try:
        while True:
            used_s = max(used_s, cpu_seconds(pid))
            await asyncio.sleep(0.2)
    except asyncio.CancelledError:
        return used_s


@contextlib.asynccontextmanager
async def opened(folder: Path, scale: float, profiles: Path | None = None) -> AsyncIterator[Site]:
    """A site in an empty folder, until the end of the block."""
    with embedded_postgres(folder / "home") as server:
        client = httpx2.AsyncClient(timeout=None, trust_env=False)
        async with Children(folder / "logs") as children, client as http:
            site = Site(folder=folder, http=http, server=server, children=children, scale=scale, profiles=profiles)
            try:
                await site.start()
                yield site
            except BaseException:
                for log in sorted((folder / "logs").iterdir()):
                    say(f"{log.name}: {log.read_text(encoding='utf-8')[-2000:]}")
                raise
