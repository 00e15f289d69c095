"""Webhook to books: how long after its webhook a document stands in QBO, at 1, 5 and 10 events a second.

An event is what somebody does once and what makes one document: an invoice is finalized (its invoice in QBO), or an
open one is paid by card (its payment in QBO); one of the other, by customers that QBO knows. So the events a second are
the documents a second, and 10 of them are more than the 500 requests a minute of QBO let through one by one. All
webhooks of an event that we handle are sent: four to six for a payment. Beside it, without a goal, sales: finalized and
paid at once, two documents of which the second one needs the first one's id, until the second one stands.

The time is from the order to Stripe's stand-in to deliver the event until QBO's stand-in, by its own record, answers
the request that has created the document. That stand-in has the real limits and answers after 150 ms; the yardstick is
one such call for each document of the event, below which nobody gets.
"""

import asyncio
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeAlias

from benchmarks.backlog import KEPT_REQUESTS, Options, Run, running
from benchmarks.figures import quantile
from benchmarks.suite import Figure, Part, say

Made: TypeAlias = tuple[str, str]
"""A document that an event makes: QBO's entity, and the id of Stripe's invoice that owns it."""

PHASES: Final = ((1, 20), (5, 20), (10, 25))
"""Events a second, and for how many seconds."""
SALES: Final = (5, 15)
LATENCY_MS: Final = 150
CUSTOMERS: Final = 30
OPEN_FOR_S: Final = 5.0
"""An invoice is paid so long after it was finalized at the earliest: long after it stands in QBO, if all is well."""
P50_WANTED_S: Final = 1.0
P99_WANTED_S: Final = 5.0


@dataclass(slots=True)
class Shop:
    """What is sold while it is measured; `told` says when the webhooks that make a document were ordered."""

    run: Run
    told: dict[Made, float] = field(default_factory=dict)
    unpaid: deque[tuple[str, float]] = field(default_factory=deque)
    sold: int = 0

    async def one_document(self, number: int) -> Made:
        """Every other event pays what is open for long enough, the others sell something new."""
        if number % 2 and self.unpaid and time.monotonic() - self.unpaid[0][1] >= OPEN_FOR_S:
            invoice, _ = self.unpaid.popleft()
            return await self._pay(invoice)
        invoice = await self._finalize()
        self.unpaid.append((invoice, time.monotonic()))
        return "Invoice", invoice

    async def sale(self, _number: int) -> Made:
        """An invoice that is paid at once; its payment is the last of its documents."""
        return await self._pay(await self._finalize())

    async def _finalize(self) -> str:
        line = {"amount": 1000 + self.sold, "description": "Subscription"}
        customer = self.run.shop.customers[self.sold % len(self.run.shop.customers)]
        self.sold += 1
        return str((await self.run.shop.act("invoices", customer=customer, lines=[line]))["id"])

    async def _pay(self, invoice: str) -> Made:
        await self.run.shop.act(f"invoices/{invoice}/pay")
        return "Payment", invoice

    async def open_for(self, rate: int, seconds: int, *, sales: bool = False) -> list[Made]:
        """Have so many events a second for a while, each delivered at once; the (last) document of each."""
        event = self.sale if sales else self.one_document
        began, made = time.monotonic(), []
        for number in range(rate * seconds):
            await asyncio.sleep(max(0.0, began + number / rate - time.monotonic()))
            made.append(await event(number))
            self.told[made[-1]] = time.time()
            await self.run.deliver()
        say(f"{len(made)} events in {time.monotonic() - began:.1f} s for {rate} a second")
        await self.run.until_idle()
        return made


async def written(run: Run, qbo: Mapping[str, Any]) -> dict[Made, float]:
    """When QBO had answered for each document (epoch seconds)."""
    answered = {
        (entity, qbo_id): (request["started_at"] + request["milliseconds"]) / 1000
        for request in qbo["requests"]
        for effect, entity, qbo_id in request["effects"]
        if effect == "created"
    }
    links = await run.rows("SELECT entity, split_part(subject, '/', 2), qbo_id FROM links WHERE state = 'posted'")
    return {(entity, of): answered[entity, qbo_id] for entity, of, qbo_id in links if (entity, qbo_id) in answered}


def figures_of(name: str, waits_s: Sequence[float], *, calls: int, judged: bool) -> tuple[Figure, Figure]:
    """Median and 99th of the times of one phase, beside so many calls one after the other."""
    say(f"slowest of {len(waits_s)} at {name}: " + " ".join(f"{one:.2f}" for one in sorted(waits_s)[-12:]))
    p50, p99 = [
        Figure(
            name=f"{name}, p{part}",
            value=quantile(waits_s, part / 100),
            unit="s",
            beside=calls * LATENCY_MS / 1000,
            at_most=wanted if judged else None,
        )
        for part, wanted in ((50, P50_WANTED_S), (99, P99_WANTED_S))
    ]
    return p50, p99


async def measure(_folder: Path) -> Sequence[Figure]:
    """Have every customer's first sale posted as a backlog, then sell at each rate."""
    options = Options(invoices=CUSTOMERS, customers=CUSTOMERS, workers=1, latency_ms=LATENCY_MS, scale=1, profile=None)
    async with running(options) as run:
        await run.shop.make_history(invoices=CUSTOMERS, customers=CUSTOMERS)
        await run.deliver()
        await run.start_workers()
        await run.until_idle()
        await run.forget_counts()
        shop = Shop(run)
        phases = [(f"{rate} events/s", 1, await shop.open_for(rate, seconds)) for rate, seconds in PHASES]
        rate, seconds = SALES
        phases.append((f"{rate} sales/s of 2 documents", 2, await shop.open_for(rate, seconds, sales=True)))
        qbo = await run.counts(run.qbo, last=KEPT_REQUESTS)
        stands_at = await written(run, qbo)
    missing = [one for one in shop.told if one not in stands_at]
    assert not missing, f"{len(missing)} documents do not stand in QBO"
    figures: list[Figure] = []
    for name, calls, made in phases:
        waits_s = [stands_at[one] - shop.told[one] for one in made]
        figures += figures_of(name, waits_s, calls=calls, judged=calls == 1)
    violations = sum(qbo["violations_by_limit"].values())
    return (
        *figures,
        Figure(name="QBO calls per document", value=qbo["total"] / len(stands_at), unit="calls"),
        Figure(name="requests over QBO's limits", value=violations, unit="requests", at_most=0),
    )


PART = Part(name="freshness", title="Webhook to books: until a document stands in QBO (150 ms a call)", measure=measure)
