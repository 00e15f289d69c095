"""Delivers events as signed webhooks, with Stripe's retries, duplicates and disorder (facts/stripe.md 3)."""

import asyncio
import hashlib
import hmac
import json
import random
import time
from dataclasses import asdict, dataclass, field
from typing import Any

import httpx2

from wescope.sandbox.stripe.deliverylog import DeliveryLog, is_success
from wescope.sandbox.stripe.errors import StripeError
from wescope.sandbox.stripe.events import EventLog, LoggedEvent
from wescope.sandbox.stripe.knobs import Knobs
from wescope.sandbox.stripe.rendering import in_mode
from wescope.sandbox.stripe.store import Resource

ORDERS = ("created", "reversed", "shuffled")
FOLLOW_S = 0.2
"""How often new events are looked for where they are delivered by themselves."""
# Hours after an attempt until the next one; the last entry repeats.
RETRY_HOURS = (0.1, 0.5, 2.0, 5.0, 10.0, 12.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryRequest:
    """What to deliver where and how.

    Attributes:
        url: The endpoint.
        order: One of ``ORDERS``.
        duplicates: Share of events that are sent twice although the first delivery succeeded.
        concurrency: Requests at the same time.
        only_undelivered: Leave out what some endpoint already took.
        thin: Share of events sent as thin notifications; true for all.
        secrets: One signature for each; the account's own secret if empty.
        api_version: Of the endpoint, in which snapshots are rendered; the account's if None.
        types: Only these event types, if any are given.
        limit: At most so many events, if given.
        seed: Of order, duplicates and thinness.
        wait: Answer when all is delivered or given up; otherwise at once.
    """

    url: str
    order: str = "created"
    duplicates: float = 0.0
    concurrency: int = 8
    only_undelivered: bool = True
    thin: float = 0.0
    secrets: tuple[str, ...] = ()
    api_version: str | None = None
    types: tuple[str, ...] = ()
    limit: int | None = None
    seed: int = 0
    wait: bool = True


@dataclass(slots=True, kw_only=True)
class DeliveryRun:
    """Counts of one request to deliver; ``events`` are chosen, ``deliveries`` include the duplicates."""

    events: int = 0
    deliveries: int = 0
    duplicates: int = 0
    thin: int = 0
    attempts: int = 0
    retries: int = 0
    succeeded: int = 0
    failed: int = 0
    finished: bool = False
    statuses: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """What the deliveries of one run share; the gate lets so many requests through at a time."""

    request: DeliveryRequest
    run: DeliveryRun
    client: httpx2.AsyncClient
    gate: asyncio.Semaphore


def sign(body: str, secrets: tuple[str, ...], *, timestamp: int) -> str:
    """Return the ``Stripe-Signature`` header: the time and one ``v1`` for each active secret."""
    signed = f"{timestamp}.{body}".encode()
    signatures = [hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest() for secret in secrets]
    return ",".join([f"t={timestamp}", *(f"v1={signature}" for signature in signatures)])


def parse_delivery(values: dict[str, Any]) -> DeliveryRequest:
    """Return the request that a JSON body describes.

    Raises:
        StripeError: 400 when a name is unknown, the URL is missing or the order is none.
    """
    options: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in values.items()
    }
    try:
        request = DeliveryRequest(**options)
    except TypeError as error:
        raise StripeError(f"Unknown or missing parameter of a delivery: {error}") from error
    if not str(request.url).startswith(("http://", "https://")):
        raise StripeError("Invalid URL: An explicit scheme (such as https) must be provided.", param="url")
    if request.order not in ORDERS:
        raise StripeError(f"Unknown order: {request.order}; there are {', '.join(ORDERS)}.", param="order")
    return request


class Deliverer:
    """Sends the events of one account.

    Args:
        log: The events.
        deliveries: Where attempts are noted.
        secret: The endpoint's signing secret.
        knobs: Retry schedule and API version.
    """

    def __init__(self, *, log: EventLog, deliveries: DeliveryLog, secret: str, knobs: Knobs) -> None:
        self._log = log
        self._deliveries = deliveries
        self._secret = secret
        self._knobs = knobs
        self._runs: list[DeliveryRun] = []
        self._tasks: set[asyncio.Task[None]] = set()
        # To make one takes longer than many deliveries do.
        self._tls = httpx2.create_ssl_context()

    async def deliver(self, request: DeliveryRequest) -> DeliveryRun:
        """Deliver what ``request`` asks for; with ``wait`` the counts are final."""
        run = DeliveryRun()
        self._runs.append(run)
        task = asyncio.create_task(self._perform(request, run))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        if request.wait:
            await task
        return run

    async def follow(self, url: str) -> None:
        """Deliver every event to ``url`` as it happens, until cancelled; what was given up is tried again.

        Raises:
            StripeError: ``url`` is none.
        """
        request = parse_delivery({"url": url})
        while True:
            if not all(self._deliveries.delivered(event.event_id) for event in self._log.all()):
                await self.deliver(request)
            await asyncio.sleep(FOLLOW_S)

    async def idle(self) -> None:
        """Wait until nothing is under way any more."""
        await asyncio.gather(*self._tasks)

    async def stop(self) -> None:
        """Give up what is still under way."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def progress(self) -> Resource:
        """Return the counts of every run and what is known of each event that was tried."""
        delivered = sum(1 for event in self._log.all() if self._deliveries.delivered(event.event_id))
        return {
            "events": len(self._log.all()),
            "delivered": delivered,
            "undelivered": len(self._log.all()) - delivered,
            "runs": [asdict(run) for run in self._runs],
            "deliveries": [asdict(event) for event in self._deliveries.all()],
        }

    async def _perform(self, request: DeliveryRequest, run: DeliveryRun) -> None:
        chance = random.Random(request.seed)
        jobs = self._jobs(request, run, chance)
        gate = asyncio.Semaphore(request.concurrency)
        limits = httpx2.Limits(max_connections=request.concurrency)
        async with (
            httpx2.AsyncClient(timeout=self._knobs.timeout_s, limits=limits, verify=self._tls) as client,
            asyncio.TaskGroup() as group,
        ):
            line = _Line(request=request, run=run, client=client, gate=gate)
            for event, thin in jobs:
                await gate.acquire()
                group.create_task(self._send(line, event, thin=thin))
        run.finished = True

    def _jobs(
        self, request: DeliveryRequest, run: DeliveryRun, chance: random.Random
    ) -> list[tuple[LoggedEvent, bool]]:
        events = sorted(self._log.all(), key=lambda event: event.created)
        if request.only_undelivered:
            events = [event for event in events if not self._deliveries.delivered(event.event_id)]
        if request.types:
            events = [event for event in events if event.kind in request.types]
        events = events[: request.limit]
        run.events = len(events)
        jobs = [(event, chance.random() < float(request.thin)) for event in events]
        twice = [job for job in jobs if chance.random() < request.duplicates]
        if request.order == "reversed":
            jobs.reverse()
        for job in twice:
            jobs.insert(chance.randrange(len(jobs) + 1), job)
        if request.order == "shuffled":
            chance.shuffle(jobs)
        run.deliveries, run.duplicates, run.thin = len(jobs), len(twice), sum(thin for _, thin in jobs)
        return jobs

    async def _send(self, line: "_Line", event: LoggedEvent, *, thin: bool) -> None:
        """Try until it succeeds or attempts run out; the first attempt holds the gate already."""
        run = line.run
        for attempt in range(self._knobs.max_attempts):
            if attempt:
                await asyncio.sleep(_pause_s(attempt, self._knobs.retry_hour_s))
                await line.gate.acquire()
                run.retries += 1
            try:
                status = await self._attempt(line, event, thin=thin)
            finally:
                line.gate.release()
            run.attempts += 1
            run.statuses[str(status)] = run.statuses.get(str(status), 0) + 1
            self._deliveries.record(event.event_id, status=status)
            if is_success(status):
                run.succeeded += 1
                return
        run.failed += 1

    async def _attempt(self, line: "_Line", event: LoggedEvent, *, thin: bool) -> int | None:
        body = json.dumps(self._body(line.request, event, thin=thin), ensure_ascii=False, indent=2)
        signature = sign(body, line.request.secrets or (self._secret,), timestamp=int(time.time()))
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "Stripe-Signature": signature,
            "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
        }
        try:
            response = await line.client.post(line.request.url, content=body.encode(), headers=headers)
        except httpx2.HTTPError:
            return None
        return response.status_code

    def _body(self, request: DeliveryRequest, event: LoggedEvent, *, thin: bool) -> Resource:
        version = request.api_version or self._knobs.api_version
        if thin:
            body = self._log.thin_body(event)
        else:
            body = self._log.snapshot_body(event, pending_webhooks=1, version=version)
        shown: Resource = in_mode(body, live=self._knobs.live_key)
        return shown


def _pause_s(attempt: int, hour_s: float) -> float:
    """Return the seconds to wait before attempt number ``attempt`` (the first retry is 1)."""
    return RETRY_HOURS[min(attempt, len(RETRY_HOURS)) - 1] * hour_s
