"""The world of the acceptance tests: both stand-ins and `wescope serve` as processes, and a business through them.

August comes by a backfill that is killed in its middle and goes on; September by signed webhooks. Then both sides are
read once, and nearly all tests only look at what was read. Tests that do one more thing use objects of their own.
"""

import contextlib
import json
import signal
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx2

from tests.acceptance.books_side import TRANSACTIONS, BooksSide, mark
from tests.acceptance.history import BEGIN, Shop, august, regulars, september
from tests.acceptance.stripe_side import Api, StripeSide
from tests.integration.processes import Bench, Process, bench, free_port, run_command, sign, until
from tests.integration.receivers import Hook
from tests.secret_manager import fake_secret_manager

SETTLED_WITHIN_S = 120.0
LOOK_EVERY_S = 0.5
"""To ask for the state costs the service as much as some webhooks."""

BACKFILL = ("--since", "2026-08-01", "--until", "2026-08-31")
POLICY = """
[alerts]
failing_for = "1m"
"""


@dataclass
class Sent:
    """Webhooks that were sent: when the first of each event left (Unix seconds), all statuses, and how long it took."""

    first_at: dict[str, float] = field(default_factory=dict)
    statuses: list[int] = field(default_factory=list)
    answer_s: list[float] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Managed:
    """A command with Secret Manager: its exit code, what it said, and the secrets that it read there."""

    code: int
    said: Any
    read: frozenset[str]


@dataclass
class World:
    """Everything that the tests look at.

    Attributes:
        bench: the processes.
        service: `wescope serve`; another one after a test has killed it.
        told: receives the service's alerts.
        shop: the merchant's side.
        stripe: Stripe after September.
        books: QBO after September.
        metrics: the service's after September.
        status: the service's after September.
        links: the link table after September, as `wescope export` writes it.
        payouts: the checks of payouts after September, as `wescope payouts` shows them.
        sent: the webhooks of September.
        backfill: what `wescope backfill` said: the dry run, the run when its process was killed, and its end.
        last_payout: when the newest payout that a test knows of was made, in Unix seconds.
        posted_at: when QBO had each document of September, by its mark, in Unix seconds.
    """

    bench: Bench
    service: Process
    told: Hook
    shop: Shop
    environment: dict[str, str]
    collector: "Collector"
    stripe: StripeSide = field(init=False)
    books: BooksSide = field(init=False)
    metrics: dict[str, float] = field(init=False)
    status: dict[str, Any] = field(init=False)
    links: str = field(init=False)
    payouts: list[dict[str, Any]] = field(init=False)
    sent: Sent = field(default_factory=Sent)
    backfill: dict[str, Any] = field(default_factory=dict)
    posted_at: dict[str, float] = field(default_factory=dict)
    last_payout: int = 0

    # --- the product --------------------------------------------------------------------------------------------------

    def serve(self) -> None:
        """Start the service where it was."""
        self.service = self.bench.serve(**self.environment)

    def look_anew(self) -> None:
        """Stop the service and start it again: what it had read of people's documents, it reads anew."""
        assert self.service.kill(signal.SIGTERM, timeout_s=60) == 0
        self.serve()

    def wescope(self, *arguments: str) -> tuple[int, Any]:
        """Run a command with --json; its exit code and what it says."""
        result = self.bench.command(*arguments, "--json", **self.environment)
        return result.returncode, json.loads(result.stdout)

    def with_secret_manager(self, *arguments: str) -> "Managed":
        """Run a command whose secrets only a Secret Manager has."""
        stripe, qbo = self.bench.stripe.announced, self.bench.qbo.announced
        given = self.bench.environment(**self.environment)
        with fake_secret_manager() as fake:
            for name, value in (
                ("wescope-stripe-api-key", stripe["api_key"]),
                ("wescope-stripe-webhook-secrets", stripe["webhook_secret"]),
                ("wescope-qbo-client-secret", qbo["client_secret"]),
                ("wescope-qbo-refresh-token", qbo["refresh_token"]),
                ("wescope-token-key", self.token_key()),
            ):
                fake.put(name, value)
            secret = {text for versions in fake.values.values() for text in versions}
            kept = {name: value for name, value in given.items() if value not in secret} | fake.environment()
            result = run_command(kept, *arguments, "--json", folder=self.bench.folder)
        read = frozenset(call.partition(" ")[2] for call in fake.calls if call.startswith("access"))
        return Managed(code=result.returncode, said=json.loads(result.stdout), read=read)

    def token_key(self) -> str:
        """The key that encrypts the stored tokens."""
        return (self.bench.home / "token.key").read_text(encoding="utf-8").strip()

    def api(self, path: str, **parameters: Any) -> Any:
        """What the service answers under /api/v1."""
        return self.bench.get(self.service, f"/api/v1/{path}", **parameters)

    def order(self, path: str, **body: Any) -> Any:
        """Order something under /api/v1, and wait until the run that does it is done; what was answered."""
        answer = self.bench.client.post(f"{self.service.url}/api/v1/{path}", json=body).raise_for_status().json()
        run = answer.get("run", answer) if isinstance(answer, dict) else None
        if run and "run_id" in run:
            self.seconds_of(run)
        return answer

    def settle(self) -> dict[str, Any]:
        """Wait until nothing waits: no work, nothing that is parked until something else is posted."""
        return self._until_idle(parked_too=True)

    def _until_idle(self, *, parked_too: bool) -> dict[str, Any]:
        waiting = ("backlog", "in_flight", *(("parked",) if parked_too else ()))

        def idle() -> dict[str, Any] | None:
            with contextlib.suppress(httpx2.TransportError, httpx2.HTTPStatusError):
                status = dict(self.bench.status(self.service))
                return None if any(status[name] for name in waiting) else status
            return None

        return until(idle, timeout_s=SETTLED_WITHIN_S, what="all is posted", every_s=LOOK_EVERY_S)

    def seconds_of(self, run: Mapping[str, Any]) -> float:
        """How long a run took, once it is done."""

        def done() -> Any:
            found = self.api(f"runs/{run['run_id']}")
            return found if found["state"] == "done" else None

        ended = until(done, timeout_s=SETTLED_WITHIN_S, what="the run is done", every_s=LOOK_EVERY_S)
        moments = (datetime.fromisoformat(ended[name]) for name in ("started_at", "finished_at"))
        began, end = moments
        return max(0.1, (end - began).total_seconds())

    def idle(self) -> None:
        """Wait until no work waits; what is parked may stay so."""
        self._until_idle(parked_too=False)

    # --- webhooks -----------------------------------------------------------------------------------------------------

    def news(self) -> list[bytes]:
        """The bodies of all events since the last time, as Stripe sends them."""
        return self.collector.take(self.bench)

    def send(self, bodies: Sequence[bytes], *, at_once: int = 10) -> Sent:
        """Post signed webhooks, so many at a time."""
        sent = Sent(bodies=list(bodies))
        secret = str(self.bench.stripe.announced["webhook_secret"])

        def post(body: bytes) -> None:
            headers = {"Stripe-Signature": sign(body, secret), "Content-Type": "application/json"}
            began = time.time()
            sent.first_at.setdefault(json.loads(body)["id"], began)
            answer = self.bench.client.post(f"{self.service.url}/webhooks/stripe", content=body, headers=headers)
            sent.statuses.append(answer.status_code)
            sent.answer_s.append(time.time() - began)

        with ThreadPoolExecutor(at_once) as pool:
            list(pool.map(post, bodies))
        return sent

    def tell(self) -> Sent:
        """Send what has happened since the last time, and wait until it is in the books."""
        sent = self.send(self.news())
        self.settle()
        return sent

    def next_payout(self) -> dict[str, Any]:
        """Let days pass until Stripe makes a payout that is still on its way; that payout."""
        for _ in range(8):
            self.shop.act("advance", days=1)
            newest = self.stripe_object("payouts?limit=1")["data"][0]
            if newest["status"] in {"pending", "in_transit"} and newest["created"] > self.last_payout:
                self.last_payout = newest["created"]
                return dict(newest)
        raise AssertionError("no payout within 8 days")

    # --- both sides ---------------------------------------------------------------------------------------------------

    def read_stripe(self) -> StripeSide:
        """Stripe's objects as they are now."""
        return StripeSide(Api(get=self._ask_stripe)).read()

    def stripe_object(self, path: str) -> dict[str, Any]:
        """One object as Stripe answers it now."""
        found: dict[str, Any] = self._ask_stripe(f"/v1/{path}")
        return found

    def _ask_stripe(self, path: str, **parameters: str) -> Any:
        key = {"Authorization": f"Bearer {self.bench.stripe.announced['api_key']}"}
        url = f"{self.bench.stripe.url}{path}"
        return self.bench.client.get(url, params=parameters, headers=key).raise_for_status().json()

    def read_books(self) -> BooksSide:
        """QBO's documents as they are now."""
        entities = (*TRANSACTIONS, "Customer", "Vendor", "Item", "Account")
        objects = {one: self.bench.get(self.bench.qbo, f"/_sandbox/objects/{one}")[one] for one in entities}
        requests = self.bench.get(self.bench.qbo, "/_sandbox/requests", last=100_000)
        return BooksSide(objects, self.bench.ledger(), requests)

    def qbo(self, path: str, **body: Any) -> Any:
        """Something that a person or a fault does to QBO."""
        return self.bench.post(self.bench.qbo, f"/_sandbox/{path}", **body)

    def qbo_fault(self, **fault: Any) -> None:
        """Have QBO fail in some way; see wescope.sandbox.qbo.injection."""
        self.bench.client.post(f"{self.bench.qbo.url}/_sandbox/faults", json=fault).raise_for_status()

    def stripe_fault(self, **fault: Any) -> None:
        """Have Stripe fail in some way; see wescope.sandbox.stripe.faults."""
        self.bench.client.post(f"{self.bench.stripe.url}/_sandbox/faults", json=fault).raise_for_status()

    def writes(self) -> int:
        """How many writes have changed the books so far."""
        return int(self.bench.qbo_requests()["writes"])


class Collector:
    """Takes the bodies of webhooks as Stripe sends them, so that a test can send them itself."""

    def __init__(self) -> None:
        received: list[bytes] = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                received.append(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Quiet."""

        self._received = received
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def take(self, made: Bench) -> list[bytes]:
        """What Stripe has to say since the last time, in order of time."""
        self._received.clear()
        made.post(made.stripe, "/_sandbox/deliver", url=f"http://127.0.0.1:{self._server.server_port}/", concurrency=1)
        return list(self._received)

    def close(self) -> None:
        """End it."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=5)


@contextlib.contextmanager
def open_world(folder: Path, told: Hook) -> Iterator[World]:
    """Build the world: start everything, let August and September happen, read both sides."""
    stripe = ("--as-of", BEGIN, "--payouts", "daily", "--seed", "7", "--knob", "requests_per_second=0")
    policy = folder / "wescope.toml"
    policy.write_text(POLICY, encoding="utf-8")
    environment = {
        "WESCOPE_CONFIG": str(policy),
        "WESCOPE_ALERT_WEBHOOK_URL": told.url,
        "WESCOPE_PORT": str(free_port()),
    }
    with bench(folder, customers=0, months=1, stripe=stripe) as made, contextlib.closing(Collector()) as collector:
        shop = Shop(lambda path, **values: made.post(made.stripe, path, **values))
        august(shop)
        service = made.serve(**environment)
        world = World(made, service, told, shop, environment, collector)
        _install(world)
        _go_live(world)
        world.status = world.settle()
        world.stripe, world.books = world.read_stripe(), world.read_books()
        world.last_payout = max(one["created"] for one in world.stripe.objects["payouts"])
        exported = made.client.get(f"{world.service.url}/api/v1/export/links.csv")
        world.links = exported.raise_for_status().text
        world.payouts = world.api("payouts")
        world.metrics = made.metrics(world.service)
        world.posted_at = _posted_at(world.books)
        yield world


def _install(world: World) -> None:
    """August: a dry run, then a backfill whose process is killed when it has begun, and that goes on by itself."""
    world.backfill["dry run"] = world.wescope("backfill", *BACKFILL, "--dry-run")
    world.backfill["writes of the dry run"] = world.writes()
    answer = world.bench.post(
        world.service, "/api/v1/backfill", since=BACKFILL[1], until=BACKFILL[3], accept_warnings=True
    )
    number = answer["run"]["run_id"]

    def begun() -> Any:
        run = world.api(f"runs/{number}")
        return run if run["counts"].get("step", 0) >= 3 else None

    world.backfill["killed at"] = until(begun, timeout_s=60, what="the backfill has begun")
    world.service.kill()
    world.serve()
    began = time.monotonic()

    def done() -> Any:
        run = world.api(f"runs/{number}")
        return run if run["state"] == "done" else None

    world.backfill["end"] = until(done, timeout_s=SETTLED_WITHIN_S, what="the backfill is done", every_s=LOOK_EVERY_S)
    world.settle()
    world.backfill["seconds"] = time.monotonic() - began
    world.backfill["books"] = world.read_books()
    world.news()  # what happened before there was anybody to tell


def _go_live(world: World) -> None:
    """September: a quiet day, one webhook after another; then all that comes at once."""
    regulars(world.shop)
    quiet = world.send(world.news(), at_once=1)
    world.settle()
    september(world.shop)
    burst = world.send(world.news(), at_once=10)
    world.sent = Sent(
        first_at=quiet.first_at | burst.first_at,
        statuses=quiet.statuses + burst.statuses,
        answer_s=quiet.answer_s + burst.answer_s,
        bodies=quiet.bodies + burst.bodies,
    )


def _posted_at(books: BooksSide) -> dict[str, float]:
    """When each document was created in QBO, by QBO's own log of requests."""
    marks = {(entity, one["Id"]): mark(one) for entity, found in books.objects.items() for one in found}
    return {
        marks[entity, number]: (request["started_at"] + request["milliseconds"]) / 1000
        for request in books.requests["requests"]
        for effect, entity, number in request["effects"]
        if effect == "created" and marks.get((entity, number))
    }
