"""Memory: megabytes of each role idle, in a backfill and after many events; and what `verify` asks of a history.

It takes one posted history for all of it. Growth is judged from a fifth of the events to the last one. The suite sends
as many as its time allows; `python -m benchmarks.memory --seconds 120` sends them all.
"""

import argparse
import asyncio
import contextlib
import functools
import itertools
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import psutil

from benchmarks import scaled
from benchmarks.backlog import Options, Run, running
from benchmarks.known_events import Delivery, Receiver, deliver
from benchmarks.shop import HISTORY_DAYS
from benchmarks.suite import Figure, Part, alone, say
from benchmarks.world import environment

ROLES: Final = ("web", "worker")
SCALE: Final = 20.0
INVOICES: Final = 150
CUSTOMERS: Final = 30
EVENTS: Final = 100_000
AT_MOST_S: Final = 36.0
"""The suite must end: where fewer events fit in, the figure says how many they were."""

IDLE_S: Final = 2.0
SAMPLE_EVERY_S: Final = 0.2
GROWTH_WANTED: Final = 1.03
"""What is remembered by event would be more: 80,000 times a kilobyte is half of what a role has."""


@dataclass(slots=True, kw_only=True)
class Seen:
    """Megabytes by role at each moment, and how much of everything there was."""

    idle_mb: Mapping[str, float] = field(default_factory=dict)
    backfill_mb: Mapping[str, float] = field(default_factory=dict)
    early_mb: Mapping[str, float] = field(default_factory=dict)
    late_mb: Mapping[str, float] = field(default_factory=dict)
    events: int = 0
    documents: int = 0
    verify_calls: dict[str, Mapping[str, int]] = field(default_factory=dict)
    """Calls of Stripe and of QBO, by the command."""


def resident_mb(run: Run) -> dict[str, float]:
    """What each role has in memory now."""
    return {role: psutil.Process(run.running[role][0].process.pid).memory_info().rss / 1e6 for role in ROLES}


@contextlib.asynccontextmanager
async def highest_mb(run: Run) -> AsyncIterator[dict[str, float]]:
    """The most that each role has had in the block."""
    most = resident_mb(run)

    async def watch() -> None:
        while True:
            for role, megabytes in resident_mb(run).items():
                most[role] = max(most[role], megabytes)
            await asyncio.sleep(SAMPLE_EVERY_S)

    watching = asyncio.create_task(watch())
    try:
        yield most
    finally:
        watching.cancel()


async def command(run: Run, *arguments: str) -> None:
    """Run `wescope ARGUMENTS` to its end.

    Raises:
        RuntimeError: its exit code is not 0.
    """
    settings = environment(run.folder / "home", run.stripe, run.qbo)
    child = await run.children.start(arguments[0], scaled.service(run.options.scale, arguments), settings)
    assert child.process.stdout is not None
    await child.process.stdout.read()
    if await child.process.wait():
        raise RuntimeError(f"`wescope {' '.join(arguments)}` failed; its log: {child.log}")


async def measure(_folder: Path, at_most_s: float = AT_MOST_S) -> Sequence[Figure]:
    """A backfill, a verification, and many events about what is known, sent for this long at most."""
    options = Options(invoices=INVOICES, customers=CUSTOMERS, workers=1, latency_ms=0, scale=SCALE, profile=None)
    seen = Seen()
    async with running(options) as run:
        await run.shop.make_history(invoices=INVOICES, customers=CUSTOMERS)
        await run.start_workers()
        await asyncio.sleep(IDLE_S)
        seen.idle_mb = resident_mb(run)
        say("backfill")
        since = (datetime.now(UTC) - timedelta(days=HISTORY_DAYS + 2)).date().isoformat()
        async with highest_mb(run) as most:
            await command(run, "backfill", "--since", since, "--yes", "--json")
            await run.until_idle()
        seen.backfill_mb = most
        await _verify(run, seen)
        await _events(run, seen, at_most_s)
    return figures_of(seen)


async def _verify(run: Run, seen: Seen) -> None:
    """Everything that is posted, looked at in both ways; both read all of it in QBO."""
    seen.documents = int((await run.rows("SELECT count(*) FROM links WHERE state = 'posted'"))[0][0])
    for arguments in (("verify", "--full"), ("verify", "--full", "--stripe")):
        say(" ".join(arguments))
        await run.forget_counts()
        await command(run, *arguments, "--json")
        await run.until_idle()
        calls = {"Stripe": (await run.counts(run.stripe))["total"], "QBO": (await run.counts(run.qbo))["total"]}
        seen.verify_calls[" ".join(arguments)] = calls


async def _events(run: Run, seen: Seen, at_most_s: float) -> None:
    """Deliver, and look at the memory after a fifth of the events and after all."""
    say(f"at most {EVENTS} events in {at_most_s:.0f} s")
    invoices = [row[0] for row in await run.rows("SELECT id FROM subjects WHERE kind = 'invoice'")]
    receiver = Receiver(url=run.web, secret=run.stripe["webhook_secret"])
    seen.events = await deliver(receiver, _until(invoices, EVENTS // 5, at_most_s / 5))
    await run.until_idle()
    seen.early_mb = resident_mb(run)
    seen.events += await deliver(receiver, _until(invoices, EVENTS * 4 // 5, at_most_s * 4 / 5))
    await run.until_idle()
    seen.late_mb = resident_mb(run)


def _until(invoices: Sequence[str], count: int, seconds: float) -> Iterator[Delivery]:
    """So many events about these invoices in turn, but none when so many seconds have passed."""
    ends = time.monotonic() + seconds
    for number, invoice in zip(range(count), itertools.cycle(invoices), strict=False):
        if time.monotonic() > ends:
            return
        yield Delivery(subject=invoice, number=number)


def figures_of(seen: Seen) -> tuple[Figure, ...]:
    """What each role had, its growth, and calls to Stripe and QBO per thousand documents."""
    figures = [
        Figure(name=f"{role}, {when}", value=megabytes[role], unit="MB")
        for role in ROLES
        for when, megabytes in (("idle", seen.idle_mb), ("at most in a backfill", seen.backfill_mb))
    ]
    figures += [
        Figure(
            name=f"{role}, after all events (beside: after a fifth)",
            value=seen.late_mb[role],
            unit="MB",
            beside=seen.early_mb[role],
            at_most=GROWTH_WANTED,
            goal_of_ratio=True,
        )
        for role in ROLES
    ]
    figures.append(Figure(name="events of these", value=seen.events, unit="events"))
    figures += [
        Figure(name=f"{told}: calls of {service}", value=count / seen.documents * 1000, unit="/1,000 doc.")
        for told, calls in seen.verify_calls.items()
        for service, count in calls.items()
    ]
    return tuple(figures)


PART = Part(name="memory", title="Memory of each role, and what a verification asks", measure=measure)


def main() -> None:
    """Measure this part alone, with more time for the events."""
    parser = argparse.ArgumentParser(prog="benchmarks.memory", description=__doc__)
    parser.add_argument("--seconds", type=float, default=AT_MOST_S, help="the most that the events may take")
    at_most_s = parser.parse_args().seconds
    alone(PART, functools.partial(measure, at_most_s=at_most_s), f"events for at most {at_most_s:g} s")


if __name__ == "__main__":
    main()
