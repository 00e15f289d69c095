"""The faults: each breaks something at a site that works under load, and returns when it is whole again."""

import asyncio
import contextlib
import itertools
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import psycopg

from tests.chaos.site import Site

KILL_EVERY_S = 3.0
END_EVERY_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One fault; `lasts_s` is how long it is meant to last."""

    name: str
    what: str
    lasts_s: float
    fault: Callable[[Site, float], Awaitable[None]]


async def _kill_worker(site: Site, _lasts_s: float) -> None:
    await site.kill("worker-1")


async def _kill_often(site: Site, lasts_s: float) -> None:
    restarting: dict[str, asyncio.Task[None]] = {}
    for name in itertools.islice(itertools.cycle(site.names), round(lasts_s / KILL_EVERY_S)):
        if name in restarting:
            await restarting[name]
        await site.kill(name)
        restarting[name] = asyncio.create_task(site.start(name))
        await asyncio.sleep(KILL_EVERY_S)
    await asyncio.gather(*restarting.values())


async def _kill_web(site: Site, lasts_s: float) -> None:
    await site.kill("web")
    await asyncio.sleep(lasts_s)
    await site.start("web")


async def _crash_database(site: Site, lasts_s: float) -> None:
    await site.crash_database()
    await asyncio.sleep(lasts_s)
    await site.revive_database()


async def _end_sessions(site: Site, lasts_s: float) -> None:
    for _ in range(round(lasts_s / END_EVERY_S)):
        await site.end_sessions()
        await asyncio.sleep(END_EVERY_S)


async def _exhaust(site: Site, lasts_s: float) -> None:
    """Take every connection that there is, also those that the service has."""
    loop = asyncio.get_running_loop()
    held: list[psycopg.AsyncConnection[tuple[object, ...]]] = []
    await site.pending()  # the harness has its own connection before there is none
    deadline = loop.time() + lasts_s
    try:
        while loop.time() < deadline:
            try:
                held.append(await site.connect())
            except psycopg.OperationalError:
                await site.end_sessions()
                await asyncio.sleep(0.05)
    finally:
        for connection in held:
            await connection.close()


async def _pause_worker(site: Site, lasts_s: float) -> None:
    site.machines["worker-1"].send(signal.SIGSTOP)
    try:
        await asyncio.sleep(lasts_s)
    finally:
        site.machines["worker-1"].send(signal.SIGCONT)


async def _qbo_down(site: Site, lasts_s: float) -> None:
    await site.kill_qbo()
    await asyncio.sleep(lasts_s)
    await site.restart_qbo()


async def _kill_and_end(site: Site, lasts_s: float) -> None:
    """The short one of the tests."""
    await site.kill("worker-1")
    await site.end_sessions()
    await asyncio.sleep(lasts_s)
    await site.end_sessions()
    with contextlib.suppress(psycopg.Error):
        await site.rows("SELECT 1")


async def _roll(site: Site, _lasts_s: float) -> None:
    """A deployment: every process is replaced, one after another, and requests go to those that take them."""
    await site.start("web-2")
    site.open_to.append("web-2")
    for name in ("web", "worker-1", "worker-2", "web-2"):
        await site.replace(name)
    await site.stop("web-2")


ROLLING = Scenario(name="rolling", what="every process is replaced, one by one", lasts_s=12, fault=_roll)
SCENARIOS = (
    ROLLING,
    Scenario(name="kill", what="a worker is killed and never returns", lasts_s=0, fault=_kill_worker),
    Scenario(name="kills", what="every 3 s a process is killed and started", lasts_s=15, fault=_kill_often),
    Scenario(name="web", what="the web process is killed, started after 5 s", lasts_s=5, fault=_kill_web),
    Scenario(name="restart", what="PostgreSQL crashes, is started after 5 s", lasts_s=5, fault=_crash_database),
    Scenario(name="sessions", what="every 2 s all connections are ended", lasts_s=12, fault=_end_sessions),
    Scenario(name="exhausted", what="no connection is left", lasts_s=10, fault=_exhaust),
    Scenario(name="paused", what="a worker is stopped (SIGSTOP)", lasts_s=30, fault=_pause_worker),
    Scenario(name="qbo", what="QBO is down", lasts_s=10, fault=_qbo_down),
)
SHORT = Scenario(name="short", what="a worker is killed, connections are ended", lasts_s=3, fault=_kill_and_end)
