"""One world: the real engine in simulated processes, both services, and everything that goes wrong between them."""

import asyncio
import contextvars
import hashlib
import json
import random
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet
from pydantic import SecretStr
from starlette.applications import Starlette

from tests.simulation.engine import plants
from tests.simulation.engine.chance import Chance
from tests.simulation.engine.clocks import Clock
from tests.simulation.engine.loop import BOOTED_AT_S, PROCESS, Process, VirtualLoop
from tests.simulation.engine.postgres import Sessions
from tests.simulation.engine.profile import Profile
from tests.simulation.engine.wires import QBO_URL, STRIPE_URL, Wires
from tests.simulation.history import Hinting, Merchant, Step
from tests.simulation.invariants import TRANSACTIONS
from wescope.books.subjects import Subject
from wescope.config import Settings as ProductSettings
from wescope.engine.queue import WorkerSettings
from wescope.engine.runtime import Runtime
from wescope.sandbox.qbo import QboSandbox
from wescope.sandbox.qbo.company import Company
from wescope.sandbox.qbo.token_endpoints import TOKEN_PATH
from wescope.sandbox.qbo.wire import dumps
from wescope.sandbox.stripe.account import Account
from wescope.sandbox.stripe.api import Api
from wescope.sandbox.stripe.business import Business
from wescope.sandbox.stripe.clock import Clock as StripeClock
from wescope.sandbox.stripe.delivery import sign
from wescope.sandbox.stripe.deliverylog import DeliveryLog
from wescope.sandbox.stripe.events import LoggedEvent
from wescope.sandbox.stripe.listing import Reader
from wescope.wiring import assemble

_ACCEPT_S = 10.0
_OK = 200
_EDITED = ("Invoice", "SalesReceipt", "Payment")
_TRIES = 4
_IDLE_IN_TRANSACTION_S = 20.0
_SHIELDED_S = 4.0


class Violation(AssertionError):
    """Something does not hold."""


@dataclass(slots=True)
class Node:
    """A process with the product in it."""

    process: Process
    context: contextvars.Context
    task: asyncio.Task[None] | None = None
    runtime: Runtime | None = None
    pokes: list[asyncio.Event] = field(default_factory=list)

    @property
    def is_up(self) -> bool:
        return self.runtime is not None and not self.process.is_dead and not self.process.is_stopped


class World:
    """All of it. Steps are effect boundaries: statements of processes, and calls before and after their effect."""

    def __init__(self, profile: Profile, url: str, loop: VirtualLoop, clock: Clock, chance: Chance) -> None:
        self.profile, self.loop, self.clock, self.chance = profile, loop, clock, chance
        self.url = url
        self.steps = 0
        self.trace: list[str] = []
        self.keeps_trace = False
        self._hash = hashlib.blake2b(digest_size=16)
        self.counts: Counter[str] = Counter()
        self.nodes: list[Node] = []
        self.outside = contextvars.copy_context()
        self.shielded_until_s: dict[str, float] = {}
        knobs = self.profile.knobs
        self._remembers = knobs["requestid"] == "replay" and knobs["requestid_ttl_s"] > 3600
        self.edits: dict[tuple[str, str], str | None] = {}
        self.errors: list[str] = []
        self.sessions = Sessions(url, self._now_us, self.boundary)
        account = Account(
            seed=profile.settings.seed, clock=StripeClock(start=self.profile.settings.begins_at, live=False)
        )
        self.business = Business(account)
        self.merchant = Merchant(self.business, self.profile.settings)
        self.hinting = Hinting(self.business, self.profile.settings)
        self.qbo = QboSandbox(knobs=self.profile.knobs, seed=7, clock=clock.now)
        api = Api(account, Reader(self.business, DeliveryLog()))
        stripe = Starlette(routes=api.routes(), exception_handlers={404: api.not_found})
        self.wires = Wires(watcher=self, chance=chance, outside=self.outside, qbo=self.qbo, stripe=stripe)
        self._token_key = Fernet.generate_key().decode()
        self._delivered = len(account.log.all())
        self.lost_events = 0
        self._deliveries: set[asyncio.Task[Any]] = set()
        self._names: Counter[str] = Counter()

    def _now_us(self) -> int:
        return self.clock.true_ns() // 1000

    # --- steps ------------------------------------------------------------------------------------------------------

    def note(self, name: str, what: str) -> None:
        """Puts a line into the trace."""
        line = f"{self.steps:6} {self.loop.time() - BOOTED_AT_S:11.4f} {name:4} {what}"
        self._hash.update(line.encode())
        if self.keeps_trace:
            self.trace.append(line)

    def trace_hash(self) -> str:
        return self._hash.hexdigest()

    async def boundary(self, what: str) -> None:
        """One effect boundary of the process that runs: it may die here, stop for a while, or linger."""
        process = PROCESS.get()
        if process is None:
            return
        self.steps += 1
        self.counts["boundary"] += 1
        self.note(process.name, what)
        chance, profile, step = self.chance, self.profile, self.steps
        if not chance.is_on:
            return
        if self._may_be_hit(process):
            weight = _weight(what)
            if chance.happens(f"kill {step}", profile.kill * weight):
                self.kill(process)
                await self.loop.create_future()
            if chance.happens(f"stop {step}", profile.stop * weight):
                self.stop(process, chance.pick(f"stop for {step}", (2.0, 15.0, 25.0, 90.0)))
                await asyncio.sleep(0)
            if chance.happens(f"cut {step}", profile.cut_off):
                self.cut_off(process, only_one=chance.draw(f"cut all {step}") < 0.5)
        if chance.happens(f"linger {step}", profile.linger):
            await asyncio.sleep(chance.between(f"linger for {step}", 0.0, 0.03))

    def touch(self, process: Process | None, what: str) -> None:
        """Something has an effect outside; the process that asked for it may die at this very moment."""
        self.steps += 1
        self.note(process.name if process else "-", what)
        if what.startswith("qbo POST") and self._remembers:
            self._check_single()
        if "bearer" in what:
            # With rotation, a pair that is lost between Intuit and the table costs the connection: nobody can help it.
            self.shielded_until_s[process.name if process else ""] = self.loop.time() + _SHIELDED_S
        may_die = process is not None and not process.is_dead and self._may_be_hit(process)
        if process and may_die and self.chance.happens(f"kill {self.steps}", self.profile.kill * _weight(what)):
            self.kill(process)

    def accuse(self, what: str) -> None:
        """What a process must not do; the first of it is told."""
        if not self.errors:
            self.note("-", f"ACCUSED {what}")
            self.errors.append(what)

    def _check_single(self) -> None:
        """While QBO remembers request ids there are never two documents of one key, not even for a moment."""
        doubled = doubled_keys(self.qbo.company)
        if doubled and not self.errors:
            self.note("-", f"DOUBLED {doubled}")
            self.errors.append(f"documents per key, though QBO remembers request ids: {doubled}")

    def _may_be_hit(self, process: Process) -> bool:
        return self.loop.time() >= self.shielded_until_s.get(process.name, 0.0)

    # --- processes --------------------------------------------------------------------------------------------------

    def start_node(self) -> Node:
        """Starts a process that receives webhooks and works."""
        number = len(self.nodes)
        skew = self.profile.skew_s * (2 * self.chance.draw(f"skew {number}") - 1)
        process = Process(name=f"n{number}", skew_s=skew)
        context = self.outside.copy()
        context.run(PROCESS.set, process)
        node = Node(process=process, context=context)
        self.nodes.append(node)
        self.note(process.name, "starts")
        node.task = self.loop.create_task(self._run_node(node), context=context)
        node.task.add_done_callback(lambda task: self._ended(node, task), context=self.outside)
        return node

    async def _run_node(self, node: Node) -> None:
        settings = self.profile.settings
        file = replace(settings.policy_file, concurrency=8)
        async with assemble(self._product_settings(), file, self.url) as runtime:
            runtime.client._http.timeout = self.profile.read_timeout_s
            node.runtime = replace(runtime, workers=WorkerSettings(concurrency=8))
            plants.apply_to_runtime(runtime)
            await node.runtime.work(asyncio.Event())

    def _ended(self, node: Node, task: asyncio.Task[None]) -> None:
        if node.process.is_dead or task.cancelled():
            return
        error = task.exception()
        self.note(node.process.name, f"ended: {type(error).__name__}: {error}")
        self.counts["start failed"] += 1
        self._bury(node.process)
        self.errors += [] if self.chance.taken else [f"a node ended without a fault: {error!r}"]

    def _product_settings(self) -> ProductSettings:
        account, tokens = self.business.account, self.qbo.tokens
        return ProductSettings(
            home=Path("/nonexistent"),
            token_key=SecretStr(self._token_key),
            stripe_api_key=SecretStr(account.api_key),
            stripe_api_base=STRIPE_URL,
            stripe_webhook_secrets=(SecretStr(account.webhook_secret),),
            qbo_client_id=tokens.client_id,
            qbo_client_secret=SecretStr(tokens.client_secret),
            qbo_realm_id=self.qbo.company.realm_id,
            qbo_refresh_token=SecretStr(tokens.refresh_token),
            qbo_api_base=QBO_URL,
            qbo_token_url=QBO_URL + TOKEN_PATH,
        )

    def kill(self, process: Process) -> None:
        """SIGKILL: not one line of it runs again, and the server frees what its connections held."""
        self.note(process.name, "KILLED")
        self.counts["kill"] += 1
        self._bury(process)

    def _bury(self, process: Process) -> None:
        self.sessions.kill(process)
        self.later(self.chance.between(f"restart {self.steps}", 0.1, self.profile.restart_s), self._start_missing)

    def _start_missing(self) -> None:
        alive = [node for node in self.nodes if not node.process.is_dead]
        if len(alive) < self.profile.processes:
            self.start_node()

    def stop(self, process: Process, seconds: float) -> None:
        """SIGSTOP: it holds all that it holds, and wakes up later without noticing."""
        self.note(process.name, f"STOPPED for {seconds} s")
        self.counts["stop"] += 1
        process.is_stopped = True
        if seconds > _IDLE_IN_TRANSACTION_S:
            self.later(_IDLE_IN_TRANSACTION_S, lambda: self._end_open_transactions(process))
        self.later(seconds, lambda: self._wake(process))

    def _end_open_transactions(self, process: Process) -> None:
        if process.is_stopped and not process.is_dead:
            self.sessions.end(self.sessions.pids(process, "idle in transaction"))

    def _wake(self, process: Process) -> None:
        if process.is_stopped and not process.is_dead:
            self.note(process.name, "wakes up")
            self.loop.resume(process)

    def cut_off(self, process: Process, *, only_one: bool) -> None:
        """The server ends sessions of a process that lives."""
        found = self.sessions.pids(process, "idle") + self.sessions.pids(process, "idle in transaction")
        chosen = [self.chance.pick(f"cut which {self.steps}", found)] if only_one and found else found
        self.note(process.name, f"CUT OFF {len(chosen)} of {len(found)} sessions")
        self.counts["cut off"] += 1
        self.sessions.end(chosen)

    def poke(self) -> None:
        """What NOTIFY does: workers look for jobs soon."""
        self.later(self.chance.between(f"poke {self.steps}", 0.001, 0.05), self._poke_all)

    def _poke_all(self) -> None:
        for node in self.nodes:
            if not node.process.is_dead and not node.process.is_stopped:
                for event in node.pokes:
                    event.set()

    # --- outside ----------------------------------------------------------------------------------------------------

    def later(self, seconds: float, call: Callable[[], Any]) -> None:
        """Does something in the world outside."""
        self.loop.call_later(seconds, call, context=self.outside)

    def go(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Runs something in the world outside."""
        task = self.loop.create_task(work, context=self.outside.copy())
        self._deliveries.add(task)
        task.add_done_callback(self._deliveries.discard)
        return task

    def play(self, step: Step) -> None:
        """One thing that the merchant, a customer or a bank does; its events are delivered in any order, or not."""
        self.follow_time()
        if step.kind == "wait":
            self._let_time_pass(step)
            return
        command = self.merchant.play(step)
        self.note("-", f"merchant {step.kind}: {command}")
        self.counts["action"] += 1
        self.deliver_new()

    def follow_time(self) -> None:
        """Stripe's time is the true time."""
        if self.clock.true_s() > self.business.account.clock.now():
            self.business.run_until(self.clock.true_s())

    def _let_time_pass(self, step: Step) -> None:
        if self.wires.counts.in_flight:
            return
        seconds = random.Random(step.seed).choice((600, 3600, 5 * 3600, 86_400, 3 * 86_400))  # noqa: S311 - no secret
        self.note("-", f"time passes: {seconds} s")
        self.loop.warp(seconds)
        self.follow_time()
        self.deliver_new()

    def deliver_new(self) -> None:
        events = self.business.account.log.all()
        for event in events[self._delivered :]:
            name = f"event {event.event_id}"
            if self.chance.happens(f"{name} lost", self.profile.lose_webhook):
                self.lost_events += 1
            else:
                self.go(self._deliver(event, name))
            if self.chance.happens(f"{name} twice", self.profile.duplicate):
                self.go(self._deliver(event, f"{name} again"))
        self._delivered = len(events)

    async def _deliver(self, event: LoggedEvent, name: str) -> None:
        most = self.profile.delay_webhook_s if self.chance.is_on else 0.2
        for attempt in range(_TRIES):
            await asyncio.sleep(self.chance.between(f"{name} delay {attempt}", 0, most * (attempt * 5 + 1)))
            node = self._receiver(f"{name} to {attempt}")
            if node is not None and await self._accepted(node, event):
                return
        self.lost_events += 1

    def _receiver(self, name: str) -> Node | None:
        up = [node for node in self.nodes if node.is_up]
        return self.chance.pick(name, up) if up else None

    async def _accepted(self, node: Node, event: LoggedEvent) -> bool:
        body = json.dumps(self.business.account.log.snapshot_body(event, pending_webhooks=1))
        signature = sign(body, (self.business.account.webhook_secret,), timestamp=self.clock.true_s())
        assert node.runtime is not None
        accepting = self.loop.create_task(node.runtime.accept(body.encode(), signature), context=node.context.copy())
        done, _ = await asyncio.wait({accepting}, timeout=_ACCEPT_S)
        ok = bool(done) and not accepting.cancelled() and accepting.exception() is None
        self.note(node.process.name, f"webhook {event.kind} {'ok' if ok else 'not accepted'}")
        if not ok and not node.process.is_dead:
            accepting.cancel()
        node.process.grave.append(accepting)
        return ok

    async def hint(self, subjects: list[Subject]) -> None:
        """What a sweep does: it has these looked at again."""
        node = None
        while node is None:
            node = self._receiver("sweep")
            if node is None:
                await asyncio.sleep(1.0)
        assert node.runtime is not None
        await self.loop.create_task(node.runtime.queue.hint(subjects, source="sweep"), context=node.context.copy())

    # --- people at QBO ----------------------------------------------------------------------------------------------

    def meddle(self, index: int) -> None:
        """What people do in QBO meanwhile: they change or delete a document, or close the books for a while."""
        if self.chance.happens(f"edit {index}", self.profile.edits):
            self.later(self.chance.between(f"edit at {index}", 0, self.profile.gap_s * 2), lambda: self._edit(index))
        if self.chance.happens(f"close {index}", self.profile.closings):
            self._close_the_books(index)

    def asked(self, method: str, path: str) -> None:
        """A process has read a document: at this very moment a person may change it."""
        entity, _, record_id = path.rpartition("/company/")[2].partition("/")[2].partition("/")
        name = next((one for one in _EDITED if one.lower() == entity), "")
        if (
            method != "GET"
            or not name
            or (name, record_id) in self.edits
            or not self.chance.happens(f"edit seen {self.steps}", self.profile.edits * 2)
        ):
            return
        record = self.qbo.company.object(name, record_id)
        if record is not None and "wescope:" in str(record.get("PrivateNote")):
            self._edit_one(f"seen {self.steps}", name, record)

    def _edit(self, index: int) -> None:
        company, pick = self.qbo.company, self.chance.pick
        ours = [
            (entity, record)
            for entity in _EDITED
            for record in company.objects(entity)
            if "wescope:" in str(record.get("PrivateNote"))
        ]
        if ours and self.chance.is_on:
            self._edit_one(str(index), *pick(f"edit which {index}", ours))

    def _edit_one(self, index: str, entity: str, record: dict[str, Any]) -> None:
        company, pick = self.qbo.company, self.chance.pick
        key = (entity, str(record["Id"]))
        if pick(f"edit how {index}", ("change", "change", "delete")) == "delete":
            outcome = company.human(entity, "delete", {"Id": record["Id"], "SyncToken": record["SyncToken"]})
            total = None
        else:
            outcome = company.human(entity, "update", _dearer(entity, record))
            total = str((company.object(entity, key[1]) or {}).get("TotalAmt"))
        self.note("-", f"a person changes {entity} {key[1]}: {outcome.status}")
        if outcome.status == _OK:
            self.edits[key] = total
            self.counts["edit"] += 1

    def _close_the_books(self, index: int) -> None:
        day = self.clock.now().date() + timedelta(days=self.chance.pick(f"close until {index}", (-1, 0, 1)))
        self.note("-", f"books closed until {day}")
        self.counts["closing"] += 1
        self.qbo.company.turn(book_close_date=day.isoformat())
        self.later(self.chance.between(f"close for {index}", 1, 200), self.open_the_books)

    def open_the_books(self) -> None:
        """The accountant opens what was closed."""
        if self.qbo.company.knobs.book_close_date:
            self.note("-", "books opened")
            self.qbo.company.turn(book_close_date="")


def doubled_keys(company: Company) -> list[str]:
    """The keys that more than one standing record is marked with."""
    found: Counter[str] = Counter()
    for entity in (*TRANSACTIONS, "Customer"):
        void = {one.id for one in company.books.all(entity) if one.voided}
        for record in company.objects(entity):
            if record["Id"] not in void:
                words = f"{record.get('PrivateNote') or ''} {record.get('Notes') or ''}".split()
                found.update(word.removeprefix("wescope:") for word in words if word.startswith("wescope:"))
    return sorted(key for key, count in found.items() if count > 1)


def _weight(what: str) -> float:
    """Moments around a write are where exactly-once is won or lost: there is more trouble than elsewhere."""
    return 8.0 if what.startswith("qbo POST") else 3.0 if "links" in what else 1.0


def _dearer(entity: str, record: dict[str, Any]) -> dict[str, Any]:
    """The record as a person leaves it that has changed its amount."""
    changes: dict[str, Any] = {"Id": record["Id"], "SyncToken": record["SyncToken"]}
    if entity == "Payment":
        return changes | {"TotalAmt": record["TotalAmt"] + 1, "CustomerRef": record["CustomerRef"]}
    every = json.loads(dumps(record["Line"]), parse_float=Decimal)
    lines = [line for line in every if line.get("DetailType") != "SubTotalLineDetail"]
    detail = lines[0].get("SalesItemLineDetail", {})
    detail["Qty"], lines[0]["Amount"] = 1, lines[0]["Amount"] + 1
    detail["UnitPrice"] = lines[0]["Amount"]
    return changes | {"Line": lines, "CustomerRef": record.get("CustomerRef")}
