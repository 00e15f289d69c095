"""The site: PostgreSQL, both stand-ins, a web process and two workers, each as if on a machine of its own.

A second web process is started only while the first one is restarted, as a rolling deployment does.
"""

import asyncio
import contextlib
import json
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, LiteralString

import psycopg
from cryptography.fernet import Fernet

from tests.integration.processes import Bench, Process, bench, free_port
from wescope.links.embedded import Use, acquire, release, revive

WORKERS = 2
STOPPED_WITHIN_S = 10.0
"""What Cloud Run gives a process after SIGTERM."""

_LATENCY_MS = "150"


@dataclass(slots=True, kw_only=True)
class Site:
    """All processes of one run; machines are named web, worker-1 and worker-2 (and web-2, see above).

    `open_to` are the web machines that requests are sent to.
    """

    bench: Bench
    use: Use
    key: str
    stopped_within_s: float = STOPPED_WITHIN_S
    machines: dict[str, Process] = field(default_factory=dict)
    ports: dict[str, int] = field(default_factory=lambda: {"web": free_port(), "web-2": free_port()})
    open_to: list[str] = field(default_factory=lambda: ["web"])
    _connection: psycopg.AsyncConnection[tuple[Any, ...]] | None = None
    _connecting: asyncio.Lock = field(default_factory=asyncio.Lock)

    # --- machines ---------------------------------------------------------------------------------------------------

    @property
    def names(self) -> list[str]:
        """Of all machines, running or not."""
        return ["web", *(f"worker-{number + 1}" for number in range(WORKERS))]

    async def start(self, name: str) -> None:
        """Start a machine, and wait until it is ready."""
        process = self.bench.serve_unready(
            name.partition("-")[0],
            WESCOPE_HOME=str(self.bench.folder / name),
            WESCOPE_PORT=str(self.ports.get(name, 0)),
            WESCOPE_DATABASE_URL=self.use.server.url,
            WESCOPE_TOKEN_KEY=self.key,
        )
        self.machines[name] = process
        line = await asyncio.to_thread(process.popen.stdout.readline) if process.popen.stdout else ""
        process.announced = json.loads(line) if line else {}
        # It may have been killed meanwhile; anything else is not meant.
        assert "url" in process.announced or name not in self.ports or not self.alive(name), process.log_text()[-3000:]

    def route(self) -> str:
        """The address of the web machine whose turn it is."""
        self.open_to.append(self.open_to.pop(0))
        return f"http://127.0.0.1:{self.ports[self.open_to[-1]]}"

    async def stop(self, name: str) -> None:
        """Take a machine out of the load balancer, send it SIGTERM and wait until it has ended, in time."""
        if name in self.open_to:
            self.open_to.remove(name)
        code = await asyncio.to_thread(self.machines[name].kill, signal.SIGTERM, timeout_s=self.stopped_within_s)
        assert code == 0, f"{name} ended with {code}"

    async def replace(self, name: str) -> None:
        """Stop a machine, start it anew, and send requests to it again."""
        await self.stop(name)
        await self.start(name)
        if name in self.ports:
            self.open_to.append(name)

    async def kill(self, name: str) -> None:
        """SIGKILL a machine."""
        await asyncio.to_thread(self.machines[name].kill)

    def alive(self, name: str) -> bool:
        """Whether the machine's process is there."""
        return name in self.machines and self.machines[name].popen.poll() is None

    async def complete(self) -> None:
        """Start what is missing."""
        await asyncio.gather(*(self.start(name) for name in self.names if not self.alive(name)))

    # --- the database -----------------------------------------------------------------------------------------------

    async def connect(self) -> psycopg.AsyncConnection[tuple[Any, ...]]:
        """A connection of the harness."""
        return await psycopg.AsyncConnection.connect(
            self.use.server.conninfo, autocommit=True, application_name="chaos harness", connect_timeout=5
        )

    async def rows(self, statement: LiteralString) -> list[tuple[Any, ...]]:
        """What the database answers.

        Raises:
            psycopg.OperationalError: it does not.
        """
        async with self._connecting:
            if self._connection is None or self._connection.closed or self._connection.broken:
                self._connection = await self.connect()
        return await (await self._connection.execute(statement)).fetchall()

    async def pending(self) -> int | None:
        """Subjects that are not clean and writes that are not accounted for; null if the database is away."""
        try:
            found = await self.rows(
                "SELECT (SELECT count(*) FROM subjects WHERE dirty > clean)"
                " + (SELECT count(*) FROM links WHERE state IN ('intended', 'unknown'))"
            )
        except psycopg.Error:
            return None
        return int(found[0][0])

    async def end_sessions(self) -> int:
        """End all sessions but those of the harness."""
        found = await self.rows(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE backend_type = 'client backend' AND usename = current_user"
            " AND application_name <> 'chaos harness'"
        )
        return int(found[0][0])

    async def crash_database(self) -> None:
        """Immediate shutdown: as if the server's machine had lost its power."""
        postmaster = self.bench.postgres()[0]
        postmaster.send_signal(signal.SIGQUIT)
        await asyncio.to_thread(postmaster.wait, 20)

    async def revive_database(self) -> None:
        """Start it again."""
        await asyncio.to_thread(revive, self.use)

    # --- QBO --------------------------------------------------------------------------------------------------------

    async def kill_qbo(self) -> None:
        """SIGKILL QBO's stand-in; its books stay on the disk."""
        await asyncio.to_thread(self.bench.qbo.kill)

    async def restart_qbo(self) -> None:
        """Start it again at its port."""
        await asyncio.to_thread(self.bench.restart_qbo)


@contextlib.asynccontextmanager
async def open_site(folder: Path, *, stopped_within_s: float = STOPPED_WITHIN_S) -> AsyncIterator[Site]:
    """All processes, until the end of the block; a machine that is told to stop has so much time."""
    use = await asyncio.to_thread(acquire, folder / "database")
    qbo = ("--port", str(free_port()), "--state", str(folder / "qbo"), "--latency-ms", _LATENCY_MS)
    try:
        with bench(folder, customers=0, months=0, qbo=qbo) as made:
            made.home_name = "database"
            site = Site(bench=made, use=use, key=Fernet.generate_key().decode(), stopped_within_s=stopped_within_s)
            try:
                await site.complete()
                yield site
            finally:
                if site._connection is not None:
                    await site._connection.close()
    finally:
        await asyncio.to_thread(release, use)
