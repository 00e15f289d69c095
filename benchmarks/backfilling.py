"""Backfill, replay and dry run of a history of paid invoices, by the commands, in a faster world.

The limits of QBO and Stripe are the real ones at a `SCALE` of time, QBO answers after 150 ms of that world; figures per
minute are of the real world, all others as they were. Documents are what stands in the books afterwards: customers,
invoices and payments. The naive client has a company of its own with the same limits and latency.

The replay and the dry run are judged by what they ask and by what they cost, so they run without Stripe's limits: those
allow 18 subjects a second, each with one call to each of three end points. The suite replays as many subjects as its
time allows; `python -m benchmarks.backfilling --looks 20000` goes through all that there are, again and again.
"""

import argparse
import functools
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from benchmarks import scaled
from benchmarks.naive import NaiveClient, Pace
from benchmarks.shop import HISTORY_DAYS, Shop
from benchmarks.site import Site, Told, opened
from benchmarks.suite import Figure, Part, alone, say

SCALE: Final = 3
"""60 documents a second, and the one thread of the command has some 14 ms of CPU to do for each."""
UNLIMITED: Final = 1000.0
"""At this scale no limit of Stripe's holds anything up."""
INVOICES, CUSTOMERS = 3000, 300
NAIVE_INVOICES: Final = 40
DRY_RUN_DAYS: Final = 15
LOOKS, AT_ONCE = 6000, 6000
"""How many subjects are replayed, and how many of them by one command at most: all, with what belongs together."""

ALLOWED_PER_MINUTE: Final = scaled.QBO_BATCHES * 30
SHARE_WANTED: Final = 0.95
CALLS_WANTED: Final = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """How much is measured, in which world; `profiles` is a folder for a profile of each command."""

    scale: float = SCALE
    invoices: int = INVOICES
    looks: int = LOOKS
    profiles: Path | None = None


async def measure(folder: Path) -> Sequence[Figure]:
    """All three over one history."""
    return await measured(folder, Extent())


async def measured(folder: Path, extent: Extent) -> Sequence[Figure]:
    """As `measure`, of this extent."""
    async with opened(folder, extent.scale, extent.profiles) as site:
        shop = Shop(site.http, site.services["stripe"]["url"])
        say(f"making {extent.invoices} paid invoices")
        await shop.make_history(invoices=extent.invoices, customers=max(1, extent.invoices * CUSTOMERS // INVOICES))
        say("the naive client, in a company of its own")
        naive = await NaiveClient(site.http, await site.stand_in("qbo", "naive")).sample(NAIVE_INVOICES)
        today = datetime.now(UTC).date()
        say("dry run")
        planned = await site.wescope(
            "backfill", "--since", str(today - timedelta(days=DRY_RUN_DAYS)), "--dry-run", scale=UNLIMITED
        )
        say("backfill")
        filled = await site.wescope("backfill", "--since", str(today - timedelta(days=HISTORY_DAYS + 1)), "--yes")
        documents, seconds = await site.posted()
        say(f"replay, {extent.looks} looks")
        looked_at = itertools.islice(itertools.cycle(await site.subjects()), extent.looks)
        replayed = [await _replay(site, part) for part in iter(lambda: tuple(itertools.islice(looked_at, AT_ONCE)), ())]
    return (
        *_of_backfill(extent.scale, filled, documents, seconds, naive),
        *_of_replay(replayed),
        *_of_dry_run(planned),
    )


async def _replay(site: Site, ids: Sequence[str]) -> Told:
    named = (word for one in ids for word in ("--subject", one))
    return await site.wescope("replay", *named, "--yes", scale=UNLIMITED)


def _of_backfill(scale: float, told: Told, documents: int, seconds: float, naive: Pace) -> Iterator[Figure]:
    per_minute = 60 / scale
    run = told.printed["run"]
    say(f"{run['posted']} of {run['counts']}; QBO: {told.qbo['operations']}; in {told.seconds:.0f} s")
    yield Figure(
        name="backfill: documents a minute, first to last",
        value=documents / seconds * per_minute,
        unit="documents",
        beside=naive.documents / naive.seconds * per_minute,
        at_least=ALLOWED_PER_MINUTE * SHARE_WANTED,
        bound="the first and last seconds, whose batches are not full; and CPU, if the command needs near to a core",
    )
    yield Figure(
        name="backfill: documents a minute, of the whole command",
        value=documents / told.seconds * per_minute,
        unit="documents",
    )
    yield Figure(
        name="backfill: QBO calls per document, reads included",
        value=told.qbo["total"] / documents,
        unit="calls",
        beside=naive.calls / naive.documents,
        at_most=CALLS_WANTED,
    )
    yield Figure(name="backfill: Stripe calls per document", value=told.stripe_calls / documents, unit="calls")
    violations = sum(told.qbo["violations_by_limit"].values())
    yield Figure(name="backfill: violations of QBO's limits", value=violations, unit="calls", at_most=0)
    parked = sum(one["count"] for one in run["parked"]) + run["left"]
    yield Figure(name="backfill: parked or left", value=parked, unit="documents", at_most=0)
    for name in ("wescope", "postgres"):
        used_ms = told.cpu_s[name] / documents * 1000
        yield Figure(name=f"backfill: CPU of {name} per document", value=used_ms, unit="ms")
    yield Figure(name="backfill: CPU of all processes", value=sum(told.cpu_s.values()) / told.seconds, unit="cores")


def _of_replay(rounds: Sequence[Told]) -> Iterator[Figure]:
    looks = sum(one.printed["run"]["counts"]["listed"] for one in rounds)
    seconds = sum(one.seconds for one in rounds)
    yield Figure(name="replay: QBO calls", value=sum(one.qbo["total"] for one in rounds), unit="calls", at_most=0)
    yield Figure(name="replay: looks at subjects", value=looks, unit="subjects")
    stripe_calls = sum(one.stripe_calls for one in rounds)
    yield Figure(name="replay: Stripe calls per subject", value=stripe_calls / looks, unit="calls")
    yield Figure(name="replay: subjects a second, without limits", value=looks / seconds, unit="subjects")
    for name in ("wescope", "postgres", "stripe"):
        used_ms = sum(one.cpu_s[name] for one in rounds) / looks * 1000
        yield Figure(name=f"replay: CPU of {name} per subject", value=used_ms, unit="ms")


def _of_dry_run(told: Told) -> Iterator[Figure]:
    subjects = told.printed["forecast"]["subjects"]
    say(f"dry run of {subjects} subjects: {told.qbo['operations']}")
    yield Figure(name="dry run: QBO writes", value=told.qbo["writes"], unit="calls", at_most=0)
    yield Figure(name="dry run: Stripe calls per subject", value=told.stripe_calls / subjects, unit="calls")
    yield Figure(name="dry run: QBO reads per subject", value=told.qbo["total"] / subjects, unit="calls")
    yield Figure(name="dry run: subjects a second, without limits", value=subjects / told.seconds, unit="subjects")


PART = Part(name="backfill", title="Backfill, replay and dry run of 3,000 paid invoices", measure=measure)


def main() -> None:
    """Measure this part alone, at another extent or with profiles."""
    parser = argparse.ArgumentParser(prog="benchmarks.backfilling", description=__doc__)
    parser.add_argument("--scale", type=float, default=SCALE)
    parser.add_argument("--invoices", type=int, default=INVOICES)
    parser.add_argument("--looks", type=int, default=LOOKS)
    parser.add_argument("--profiles", type=Path, help="folder for a cProfile of each command")
    extent = Extent(**vars(parser.parse_args()))
    alone(PART, functools.partial(measured, extent=extent), extent)


if __name__ == "__main__":
    main()
