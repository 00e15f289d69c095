"""One scenario: load, fault, the time until all is drained, and whether the books are right then."""

import asyncio
import random
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.chaos.faults import Scenario
from tests.chaos.load import Load
from tests.chaos.site import Site

LOAD_S = 20.0
BEFORE_S = 4.0
AFTER_S = 2.0
DRAINED_WITHIN_S = 60.0
_GIVE_UP_S = 150.0
_TELL_EVERY_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came out. Times in seconds; `recovered_s` is from the fault's end until nothing waited any more."""

    scenario: str
    what: str
    fault_s: float
    events: int
    sent_again: int
    backlog: int
    recovered_s: float | None
    lost: int
    doubled: int
    availability: float
    """The share of webhooks that were answered with 2xx at the first attempt."""
    tie_out: str
    parked: int
    violations: int

    @property
    def holds(self) -> bool:
        """Whether it is as it must be."""
        in_time = self.recovered_s is not None and self.recovered_s <= DRAINED_WITHIN_S
        right = (self.lost, self.doubled, self.parked, self.tie_out) == (0, 0, 0, "0.00")
        return in_time and right and self.violations == 0


def make_load(site: Site, rate: float, seed: int) -> Load:
    """The load of a whole run: its events go on from scenario to scenario."""
    announced = site.bench.stripe.announced
    return Load(
        stripe_url=announced["url"],
        api_key=announced["api_key"],
        secret=announced["webhook_secret"],
        route=site.route,
        rate=rate,
        chance=random.Random(seed),  # noqa: S311 - repeatable on purpose
    )


async def play(site: Site, load: Load, scenario: Scenario, *, load_s: float = LOAD_S) -> Outcome:
    """Break it under load, wait until all is drained, and look at the books."""
    sent, again, tried, at_once = load.sent, load.again, load.tried, load.taken_at_once
    stop = asyncio.Event()
    loading = asyncio.create_task(load.run(stop))
    telling = asyncio.create_task(_tell(site, load, scenario))
    try:
        await asyncio.sleep(max(BEFORE_S, load_s - scenario.lasts_s - AFTER_S))
        began = time.monotonic()
        await scenario.fault(site, scenario.lasts_s)
        ended = time.monotonic()
        backlog = await _pending(site) + load.open
        await asyncio.sleep(AFTER_S)
        stop.set()
        recovered_s = await _until_drained(site, load, loading, ended)
    finally:
        stop.set()
        telling.cancel()
        if not loading.done():
            loading.cancel()
        await asyncio.gather(loading, telling, return_exceptions=True)
    loading.result()
    found = await _examine(site, load)
    return Outcome(
        scenario=scenario.name,
        what=scenario.what,
        fault_s=round(ended - began, 1),
        events=load.sent - sent,
        sent_again=load.again - again,
        backlog=backlog,
        recovered_s=recovered_s,
        availability=round((load.taken_at_once - at_once) / max(1, load.tried - tried), 5),
        **found,
    )


async def _pending(site: Site) -> int:
    async with asyncio.timeout(30):
        while True:
            if (found := await site.pending()) is not None:
                return found
            await asyncio.sleep(0.2)


async def _until_drained(site: Site, load: Load, loading: asyncio.Task[None], ended: float) -> float | None:
    """Seconds since the fault's end; null if it takes far too long."""
    while time.monotonic() - ended < _GIVE_UP_S:
        if loading.done() and not load.open and await site.pending() == 0:
            return round(time.monotonic() - ended, 1)
        await asyncio.sleep(0.1)
    return None


async def _examine(site: Site, load: Load) -> dict[str, Any]:
    await site.complete()
    stored = {str(row[0]) for row in await site.rows("SELECT event_id FROM hints WHERE event_id IS NOT NULL")}
    unclean = await site.pending() or 0
    bench, web = site.bench, site.machines["web"]

    def ask() -> dict[str, Any]:
        summary, ledger = bench.get(bench.stripe, "/_sandbox/summary"), bench.ledger()
        invoices = summary["finalized"] - summary["all_lines_zero"] - summary["invoices"].get("void", 0)
        missing = (
            invoices - (ledger["counts"]["Invoice"] - ledger["voided"]["Invoice"]),
            summary["payments"] - ledger["counts"]["Payment"],
        )
        twice = bench.doubled()
        return {
            "lost": len(load.wanted - stored) + unclean + sum(max(0, count) for count in missing),
            "doubled": max(len(twice), sum(max(0, -count) for count in missing)),
            "tie_out": bench.tie_out_difference(web),
            "parked": int(bench.status(web)["parked"]),
            "violations": int(bench.qbo_requests()["violations"]),
        }

    return await asyncio.to_thread(ask)


async def _tell(site: Site, load: Load, scenario: Scenario) -> None:
    began = time.monotonic()
    tell: Callable[[str], object] = sys.stderr.write
    while True:
        await asyncio.sleep(_TELL_EVERY_S)
        pending = await site.pending()
        waiting = "database away" if pending is None else f"{pending} to do"
        tell(
            f"{scenario.name:<10} {time.monotonic() - began:4.0f} s  {load.sent} events sent, "
            f"{load.open} not taken yet, {waiting}\n"
        )
        sys.stderr.flush()
