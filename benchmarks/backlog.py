"""`python -m benchmarks.backlog`: a backlog of paid invoices against the real limits of QBO and Stripe.

QBO's stand-in answers after 150 ms, Stripe's has a live key. The whole history is delivered to the web role while no
worker runs; then the workers start, and meanwhile somebody buys something new every 2 s. At the end every subject is
hinted at once more, which must ask QBO nothing. The exit code is 1 if a goal of issue 4 is missed.
"""

import argparse
import asyncio
import contextlib
import json
import random
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, LiteralString

import httpx2
import psycopg

from benchmarks import scaled
from benchmarks.figures import ALLOWED_PER_MINUTE, Figures, quantile
from benchmarks.shop import AT_ONCE, Shop
from benchmarks.suite import say
from benchmarks.usage import Usage
from benchmarks.world import environment
from wescope.books.subjects import Subject, SubjectKind
from wescope.cli.children import Child, Children, bare_environment
from wescope.engine.queue import HintQueue
from wescope.links.database import conninfo, open_engine
from wescope.links.embedded import EmbeddedServer, embedded_postgres
from wescope.stripe.events import handled_types

READY_S: Final = 60
POLL_S: Final = 1.0
LIVE_EVERY_S: Final = 2.0
HINTS_AT_ONCE: Final = 200
TELL_EVERY_S: Final = 10
JUST_SOLD: Final = 8
"""So many subjects of the live traffic may be on their way when the backlog is done."""
KEPT_REQUESTS: Final = 50_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What is measured: sizes of the history, worker processes, QBO's latency; `profile` is a file for cProfile.

    At a `scale` of 0.5 all limits are half of the real ones and latencies twice as long; 1 is the real world.
    """

    invoices: int
    customers: int
    workers: int
    latency_ms: int
    scale: float
    profile: Path | None


@dataclass(slots=True)
class Run:
    """Everything that runs, and how to ask it."""

    options: Options
    folder: Path
    children: Children
    http: httpx2.AsyncClient
    server: EmbeddedServer
    stripe: Mapping[str, Any] = field(default_factory=dict)
    qbo: Mapping[str, Any] = field(default_factory=dict)
    web: str = ""
    running: dict[str, list[Child]] = field(default_factory=dict)
    shop: Shop = field(init=False)
    live: dict[str, float] = field(default_factory=dict)
    """When each invoice of the live traffic was paid, in epoch seconds."""

    async def start(self) -> None:
        """Start the stand-ins and the web role."""
        bare = bare_environment()
        stand_ins = ("stripe", "qbo")
        for name in stand_ins:
            arguments = scaled.stand_in(name, self.options.scale, self.options.latency_ms)
            self.running[name] = [await self.children.start(name, arguments, bare)]
        self.stripe, self.qbo = [await self.running[name][0].announcement(timeout_s=READY_S) for name in stand_ins]
        self.shop = Shop(self.http, self.stripe["url"])
        await self._serve("web", 1)

    async def start_workers(self) -> None:
        """Start the workers; return when they work."""
        await self._serve("worker", self.options.workers)

    async def _serve(self, role: str, count: int) -> None:
        profile = self.options.profile if role == "worker" else None
        arguments = scaled.service(self.options.scale, ("serve", "--role", role, "--json"), profile)
        started = [
            await self.children.start(role, arguments, environment(self.folder / "home", self.stripe, self.qbo))
            for _ in range(count)
        ]
        self.running[role] = started
        announced = [await child.announcement(timeout_s=READY_S) for child in started]
        if role == "web":
            self.web = str(announced[0]["url"])

    # --- Stripe -----------------------------------------------------------------------------------------------------

    async def deliver(self) -> int:
        """Have everything delivered that was not; how many events."""
        url = f"{self.web}/webhooks/stripe"
        done = await self.shop.act("deliver", url=url, concurrency=AT_ONCE, types=list(handled_types()))
        assert done["succeeded"] == done["deliveries"], done
        return int(done["events"])

    async def sell(self) -> None:
        """Sell something to anybody every 2 s, delivered at once, until it is cancelled."""
        loop, number = asyncio.get_running_loop(), 0
        anybody = random.Random(7)  # noqa: S311 - no secret
        started = loop.time()
        while True:
            invoice = await self.shop.buy(anybody.randrange(len(self.shop.customers)))
            self.live[invoice] = time.time()
            await self.deliver()
            number += 1
            await asyncio.sleep(max(0.0, started + number * LIVE_EVERY_S / self.options.scale - loop.time()))

    # --- the service ------------------------------------------------------------------------------------------------

    async def until_idle(self, *, but_live: bool = False) -> None:
        """Wait until nothing waits; with `but_live` what has just been sold still may."""
        told = time.monotonic()
        while True:
            for child in (child for group in self.running.values() for child in group):
                child.check_alive()
            status = (await self.http.get(f"{self.web}/api/v1/status")).raise_for_status().json()
            if time.monotonic() - told > TELL_EVERY_S:
                told = time.monotonic()
                say(f"{status['posted']} posted, {status['backlog']} subjects wait, {status['in_flight']} in work")
            allowed = JUST_SOLD if but_live else 0
            if status["backlog"] <= allowed:
                return
            await asyncio.sleep(POLL_S)

    async def rows(self, query: LiteralString, *values: object) -> list[tuple[Any, ...]]:
        """What the database answers."""
        address = self.server.conninfo
        async with await psycopg.AsyncConnection.connect(address, autocommit=True) as connection:
            return await (await connection.execute(query, values)).fetchall()

    async def counts(self, service: Mapping[str, Any], *, last: int = 0) -> Mapping[str, Any]:
        """What a stand-in counted of its requests; QBO's with the last ones."""
        answer = await self.http.get(f"{service['url']}/_sandbox/requests", params={"last": last})
        found: Mapping[str, Any] = answer.raise_for_status().json()
        return found

    async def batched(self, since: float, until: float) -> int:
        """How many documents batches have written between two moments (epoch seconds)."""
        query = "SELECT count(*) FROM attempts WHERE batch_id IS NOT NULL AND operation = 'create' AND outcome = 'ok'"
        found = await self.rows(query + " AND extract(epoch FROM started_at) BETWEEN %s AND %s", since, until)
        return int(found[0][0])

    async def live_singles(self) -> int:
        """How many requests of their own live documents took."""
        query = "SELECT count(*) FROM attempts AS one JOIN links USING (realm_id, document_key)"
        query += " WHERE one.batch_id IS NULL AND split_part(links.subject, '/', 2) = ANY(%s)"
        return int((await self.rows(query, list(self.live)))[0][0])

    async def forget_counts(self) -> None:
        """Have both stand-ins count from zero."""
        for service in (self.stripe, self.qbo):
            (await self.http.delete(f"{service['url']}/_sandbox/requests")).raise_for_status()

    async def replay(self) -> int:
        """Have every subject looked at once more; how many."""
        found = await self.rows("SELECT kind, id FROM subjects")
        known = [Subject(kind=SubjectKind(kind), id=identifier) for kind, identifier in found]
        engine = open_engine(self.server.url)
        queue = HintQueue(engine, conninfo(self.server.url))
        await queue.open()
        try:
            for index in range(0, len(known), HINTS_AT_ONCE):
                await queue.hint(known[index : index + HINTS_AT_ONCE], source="replay")
        finally:
            await queue.aclose()
            await engine.dispose()
        return len(known)

    def usage(self) -> Usage:
        """CPU time from now on, by role; PostgreSQL is all that was started with its server."""
        processes = {name: [child.process.pid for child in group] for name, group in self.running.items()}
        postmaster = (self.folder / "home" / "postgres" / "data" / "postmaster.pid").read_text(encoding="ascii")
        return Usage(processes | {"postgres": [int(postmaster.split()[0])]})


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """What was posted when, in epoch seconds: each document of the history, and the last one of each live invoice."""

    history: list[float]
    live: dict[str, float]

    @classmethod
    async def read(cls, run: Run) -> "Posted":
        """As the links have it now."""
        query = "SELECT subject, extract(epoch FROM posted_at)::float8 FROM links WHERE state = 'posted'"
        history, live = [], dict.fromkeys(run.live, 0.0)
        for subject, at in await run.rows(query):
            invoice = subject.partition("/")[2]
            if invoice in live:
                live[invoice] = max(live[invoice], at)
            else:
                history.append(at)
        return cls(history=sorted(history), live=live)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What was seen of one run, before anything is computed from it; `batched` are the documents that batches wrote."""

    webhooks: int
    delivered_s: float
    started_at: float
    used_s: Mapping[str, float]
    posted: Posted
    live: Mapping[str, float]
    batched: int
    live_singles: int
    parked: int
    stripe: Mapping[str, Any]
    qbo: Mapping[str, Any]
    replayed: int
    replay_s: float
    replay_calls: int


async def measure(options: Options) -> Figures:
    """Run everything once."""
    async with running(options) as run:
        say(f"making {options.invoices} paid invoices of {options.customers} customers")
        await run.shop.make_history(invoices=options.invoices, customers=options.customers)
        say("delivering them while no worker runs")
        began = time.monotonic()
        webhooks = await run.deliver()
        delivered_s = time.monotonic() - began
        say(f"{webhooks} webhooks in {delivered_s:.0f} s; starting the workers")
        await run.forget_counts()
        started_at = time.time()
        await run.start_workers()
        usage = run.usage()
        selling = asyncio.create_task(run.sell())
        await run.until_idle(but_live=True)
        selling.cancel()
        await asyncio.gather(selling, return_exceptions=True)
        await run.until_idle()
        used_s, posted = usage.seconds(), await Posted.read(run)
        stripe, qbo = await run.counts(run.stripe), await run.counts(run.qbo, last=KEPT_REQUESTS)
        (parked,) = (await run.rows("SELECT count(*) FROM parked"))[0]
        say("replaying every subject")
        await run.forget_counts()
        began = time.monotonic()
        replayed = await run.replay()
        await run.until_idle()
        seen = Seen(
            webhooks=webhooks,
            delivered_s=delivered_s,
            started_at=started_at,
            used_s=used_s,
            posted=posted,
            live=run.live,
            batched=await run.batched(posted.history[0], posted.history[-1]),
            live_singles=await run.live_singles(),
            parked=parked,
            stripe=stripe,
            qbo=qbo,
            replayed=replayed,
            replay_s=time.monotonic() - began,
            replay_calls=(await run.counts(run.qbo))["total"],
        )
    return figures_of(options, seen)


def figures_of(options: Options, seen: Seen) -> Figures:
    """What is judged of what was seen."""
    history, live = seen.posted.history, seen.posted.live
    documents, everything = len(history), len(history) + 2 * len(live)
    seconds, until_ms = history[-1] - history[0], history[-1] * 1000
    waits = [(at - seen.live[invoice]) * options.scale for invoice, at in live.items()]
    sent = seen.qbo["requests"]
    batches = [one["items"] for one in sent if one["operation"] == "batch" and one["started_at"] <= until_ms]
    say("items of each batch: " + " ".join(map(str, batches)))
    say("seconds of each live invoice: " + " ".join(f"{wait:.1f}" for wait in waits))
    in_batches = seen.batched / seconds * 60 / options.scale
    return Figures(
        scale=options.scale,
        invoices=options.invoices,
        customers=options.customers,
        workers=options.workers,
        webhooks=seen.webhooks,
        webhooks_per_second=round(seen.webhooks / seen.delivered_s, 1),
        documents=documents,
        seconds=round(seconds, 1),
        seconds_to_first_document=round(history[0] - seen.started_at, 1),
        documents_per_minute=round(documents / seconds * 60 / options.scale, 1),
        batched_per_minute=round(in_batches, 1),
        share_of_allowed=round(in_batches / ALLOWED_PER_MINUTE, 3),
        documents_with_live=everything,
        qbo_calls=seen.qbo["total"],
        live_singles=seen.live_singles,
        backlog_calls_per_document=round((seen.qbo["total"] - seen.live_singles) / documents, 4),
        qbo_calls_per_document=round(seen.qbo["total"] / everything, 4),
        qbo_operations=seen.qbo["operations"],
        batches=len(batches),
        mean_batch=round(sum(batches) / max(1, len(batches)), 1),
        live_invoices=len(waits),
        live_p50_s=round(quantile(waits, 0.5), 2),
        live_p99_s=round(quantile(waits, 0.99), 2),
        live_worst_s=round(max(waits, default=0), 2),
        stripe_calls_per_invoice=round(seen.stripe["total"] / (options.invoices + len(waits)), 2),
        stripe_calls=seen.stripe["by_endpoint"],
        qbo_violations=seen.qbo["violations_by_limit"],
        stripe_violations=seen.stripe["violations_by_limit"],
        cpu_ms_per_document={name: round(used_s / everything * 1000, 2) for name, used_s in seen.used_s.items()},
        parked=seen.parked,
        replayed_subjects=seen.replayed,
        replay_seconds=round(seen.replay_s, 1),
        replay_qbo_calls=seen.replay_calls,
    )


async def measured(options: Options) -> Figures:
    """As `measure`; everything that runs is ended in order also when this process is terminated."""
    measuring = asyncio.create_task(measure(options))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, measuring.cancel)
    return await measuring


@contextlib.asynccontextmanager
async def running(options: Options) -> AsyncIterator[Run]:
    """Both stand-ins, an embedded PostgreSQL and the web role, until the end of the block."""
    with tempfile.TemporaryDirectory(prefix="wescope-backlog-") as name:
        folder = Path(name)
        with embedded_postgres(folder / "home") as server:
            client = httpx2.AsyncClient(timeout=None, trust_env=False)
            async with Children(folder / "logs") as children, client as http:
                run = Run(options=options, folder=folder, children=children, http=http, server=server)
                try:
                    await run.start()
                    yield run
                except BaseException:
                    for log in sorted((folder / "logs").iterdir()):
                        say(f"{log.name}: {log.read_text(encoding='utf-8')[-2000:]}")
                    raise


def main() -> int:
    """Read the arguments, measure, print; 1 when a goal is missed."""
    parser = argparse.ArgumentParser(prog="benchmarks.backlog", description=__doc__)
    parser.add_argument("--invoices", type=int, default=3000, help="of the history, each paid by card")
    parser.add_argument("--customers", type=int, default=300)
    parser.add_argument("--workers", type=int, default=1, help="worker processes")
    parser.add_argument("--latency-ms", type=int, default=150, help="of every answer of QBO")
    parser.add_argument("--scale", type=float, default=1, help="of time: 0.5 halves all limits and doubles latencies")
    parser.add_argument("--profile", type=Path, help="file for a cProfile of the worker")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    given = parser.parse_args()
    options = Options(
        invoices=given.invoices,
        customers=given.customers,
        workers=given.workers,
        latency_ms=given.latency_ms,
        scale=given.scale,
        profile=given.profile,
    )
    figures = asyncio.run(measured(options))
    sys.stdout.write((json.dumps(figures.as_json()) if given.json else figures.table()) + "\n")
    return 1 if figures.goals() else 0


if __name__ == "__main__":
    sys.exit(main())
