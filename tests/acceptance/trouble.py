"""Things that go wrong: webhooks twice, a killed service, faults of both services. Each uses objects of its own."""

import json
import random
import time
from dataclasses import dataclass, field

from tests.acceptance.books_side import BooksSide
from tests.acceptance.world import World
from tests.integration.processes import until

_RESTART_WITHIN_S = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Redelivery:
    """Every webhook of September twice more, in any order and twenty at a time."""

    events: int
    statuses: list[int]
    writes: int
    seconds: float
    books: BooksSide


def redeliver(world: World) -> Redelivery:
    """Send them, and wait until all is worked off."""
    world.settle()
    copies = [*world.sent.bodies, *world.sent.bodies]
    random.Random(11).shuffle(copies)  # noqa: S311 - repeatable on purpose
    before, began = world.writes(), time.monotonic()
    sent = world.send(copies, at_once=20)
    seconds = time.monotonic() - began
    world.settle()
    return Redelivery(
        events=len(world.sent.bodies),
        statuses=sent.statuses,
        writes=world.writes() - before,
        seconds=seconds,
        books=world.read_books(),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Restart:
    """A service that is killed while it works off webhooks, and started again a little later.

    Attributes:
        invoices: the paid ones that were under way.
        events: how many webhooks there were.
        undelivered: those that Stripe had not got rid of in the end.
        failed_attempts: how often Stripe was not answered with 2xx.
        books: QBO's, after it.
    """

    invoices: list[str]
    events: int
    undelivered: int
    failed_attempts: int
    books: BooksSide


def restart(world: World, count: int = 8) -> Restart:
    """Kill the service in the middle of work; Stripe tries again until somebody answers."""
    world.settle()
    shop = world.shop
    customers = [shop.customer(f"Restarted Customer {number}") for number in range(count)]
    invoices = [shop.paid(f"restarted {number}", one, 3_000 + number) for number, one in enumerate(customers)]
    runs = len(world.bench.deliveries()["runs"])
    world.bench.deliver(world.service, wait=False, concurrency=2)
    until(lambda: _done(world, runs) >= 3 * count, timeout_s=30, what="some webhooks are delivered")
    world.service.kill()
    world.serve()
    until(
        lambda: world.bench.deliveries()["runs"][runs]["finished"],
        timeout_s=_RESTART_WITHIN_S,
        what="delivered",
        every_s=0.5,
    )
    world.settle()
    progress = world.bench.deliveries()
    run = progress["runs"][runs]
    return Restart(
        invoices=invoices,
        events=run["events"],
        undelivered=progress["undelivered"],
        failed_attempts=run["attempts"] - run["succeeded"],
        books=world.read_books(),
    )


def _done(world: World, runs: int) -> int:
    return int(world.bench.deliveries()["runs"][runs]["succeeded"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """Paid invoices while both services fail in every way that they are known to fail.

    Attributes:
        invoices: the paid ones.
        fired: how often each fault hit, by kind.
        books: QBO's, after it.
    """

    invoices: list[str]
    fired: dict[str, int] = field(default_factory=dict)
    books: BooksSide


QBO_FAULTS = (
    {"kind": "drop_after", "entity": "Invoice", "operation": "create"},
    {"kind": "error_before", "entity": "Payment", "operation": "create", "status": 500},
    {"kind": "transient", "entity": "Invoice", "operation": "create"},
    {"kind": "unauthorized"},
)
STRIPE_FAULTS = ({"kind": "server_error", "times": 2}, {"kind": "cut", "times": 1}, {"kind": "rate_limit", "times": 2})


def break_both(world: World, count: int = 5) -> Faults:
    """Arm the faults, let invoices be paid, and wait until the books have them."""
    world.settle()
    shop, bench = world.shop, world.bench
    for fault in QBO_FAULTS:
        world.qbo_fault(**fault)
    for fault in STRIPE_FAULTS:
        world.stripe_fault(path="/v1/invoices", **fault)
    invoices = [
        shop.paid(f"broken {number}", shop.customer(f"Unlucky Customer {number}"), 4_000 + number)
        for number in range(count)
    ]
    world.tell()
    fired = {one["kind"]: one["fired"] for one in bench.get(bench.qbo, "/_sandbox/faults")["faults"]}
    left = bench.get(bench.stripe, "/_sandbox/faults")
    fired |= {f"Stripe {one['kind']}": 1 for one in left if one["times"] == 0}
    for process in (bench.qbo, bench.stripe):
        bench.client.delete(f"{process.url}/_sandbox/faults").raise_for_status()
    return Faults(invoices=invoices, fired=fired, books=world.read_books())


def event_of(body: bytes) -> tuple[str, str, str]:
    """Id, type and object of an event."""
    event = json.loads(body)
    return str(event["id"]), str(event["type"]), str(event["data"]["object"].get("id", ""))


def latencies(world: World) -> dict[str, float]:
    """Seconds from the first webhook that named an object until QBO had its document, by the document's mark."""
    told: dict[str, float] = {}
    for body in world.sent.bodies:
        event, _, thing = event_of(body)
        told[thing] = min(told.get(thing, float("inf")), world.sent.first_at[event])
    ids = {key: key.partition(":")[0] for key in world.posted_at}
    return {key: world.posted_at[key] - told[one] for key, one in ids.items() if one in told and ":customer" not in key}
