"""The load: a business that goes on, and its events sent at a steady rate and again until they are taken."""

import asyncio
import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx2

from tests.integration.processes import sign
from wescope.stripe.hints import hint_of

_AHEAD = 60
_TIMEOUT_S = 10.0
_AGAIN_S = (0.5, 1.0, 2.0, 3.0)
_TWICE = 0.05


@dataclass(slots=True, kw_only=True)
class Load:
    """Makes invoices in Stripe's stand-in and sends what happens to the service, as Stripe does.

    Attributes:
        stripe_url: of the stand-in.
        api_key: to list events with.
        secret: to sign with.
        route: gives the address of the next request, as a load balancer chooses it.
        rate: events per second.
    """

    stripe_url: str
    api_key: str
    secret: str
    route: Callable[[], str]
    rate: float
    chance: random.Random
    sent: int = 0
    again: int = 0
    tried: int = 0
    taken_at_once: int = 0
    taken: set[str] = field(default_factory=set)
    wanted: set[str] = field(default_factory=set)
    _last: str | None = None
    _waiting: list[dict[str, Any]] = field(default_factory=list)
    _sending: set[asyncio.Task[None]] = field(default_factory=set)
    _customers: list[str] = field(default_factory=list)

    @property
    def open(self) -> int:
        """How many events are sent again and again."""
        return len(self._sending)

    async def run(self, stop: asyncio.Event) -> None:
        """Send at the rate until `stop`; what was not taken by then is still sent again."""
        limits = httpx2.Limits(max_connections=40)
        async with httpx2.AsyncClient(timeout=_TIMEOUT_S, trust_env=False, limits=limits) as client:
            loop = asyncio.get_running_loop()
            making = asyncio.create_task(self._make(client, stop))
            due = loop.time()
            while not stop.is_set():
                due += 1 / self.rate
                await asyncio.sleep(max(0.0, due - loop.time()))
                if self._waiting:
                    self._send(client, self._waiting.pop(0))
            await making
            # All that has happened is told, else the books would rightly lack it.
            await self._look(client)
            while self._waiting:
                self._send(client, self._waiting.pop(0))
                await asyncio.sleep(1 / self.rate)
            while self._sending:
                await asyncio.wait(self._sending)

    # --- events -----------------------------------------------------------------------------------------------------

    def _send(self, client: httpx2.AsyncClient, event: dict[str, Any]) -> None:
        for _ in range(2 if self.chance.random() < _TWICE else 1):
            task = asyncio.create_task(self._until_taken(client, event))
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)
        self.sent += 1
        if hint_of(event).subject is not None:
            self.wanted.add(str(event["id"]))

    async def _until_taken(self, client: httpx2.AsyncClient, event: dict[str, Any]) -> None:
        body = json.dumps(event).encode()
        attempt = 0
        self.tried += 1
        while not await self._taken(client, body):
            await asyncio.sleep(_AGAIN_S[min(attempt, len(_AGAIN_S) - 1)] * self.chance.uniform(0.8, 1.2))
            attempt += 1
            self.again += 1
        self.taken_at_once += attempt == 0
        self.taken.add(str(event["id"]))

    async def _taken(self, client: httpx2.AsyncClient, body: bytes) -> bool:
        headers = {"Stripe-Signature": sign(body, self.secret), "Content-Type": "application/json"}
        try:
            answer = await client.post(f"{self.route()}/webhooks/stripe", content=body, headers=headers)
        except httpx2.HTTPError:
            return False
        return answer.is_success

    async def _look(self, client: httpx2.AsyncClient) -> None:
        """Take up all events since the last one."""
        more = True
        while more:
            parameters: dict[str, str] = {"limit": "100"} | ({"ending_before": self._last} if self._last else {})
            headers = {"Authorization": f"Bearer {self.api_key}"}
            answer = await client.get(f"{self.stripe_url}/v1/events", params=parameters, headers=headers)
            page = answer.raise_for_status().json()
            new = page["data"][::-1]
            self._waiting += new
            self._last = str(new[-1]["id"]) if new else self._last
            more = bool(page["has_more"] and new)

    # --- business ---------------------------------------------------------------------------------------------------

    async def _make(self, client: httpx2.AsyncClient, stop: asyncio.Event) -> None:
        """Keep some events ahead of what is sent."""
        while not stop.is_set():
            if len(self._waiting) < _AHEAD:
                await self._invoice(client)
                await self._look(client)
            else:
                await asyncio.sleep(0.05)

    async def _invoice(self, client: httpx2.AsyncClient) -> None:
        if not self._customers or self.chance.random() < 0.4:
            made = await self._act(client, "customers", name=f"Customer {self.chance.randrange(10**9)}")
            self._customers = [*self._customers[-20:], str(made["id"])]
        lines = [{"amount": self.chance.randrange(500, 90_000)} for _ in range(self.chance.randint(1, 3))]
        invoice = await self._act(client, "invoices", customer=self.chance.choice(self._customers), lines=lines)
        fate = self.chance.random()
        if fate < 0.8:
            await self._act(client, f"invoices/{invoice['id']}/pay")
        elif fate < 0.9:
            await self._act(client, f"invoices/{invoice['id']}/void")

    async def _act(self, client: httpx2.AsyncClient, what: str, **values: Any) -> dict[str, Any]:
        answer = await client.post(f"{self.stripe_url}/_sandbox/{what}", json=values)
        found: dict[str, Any] = answer.raise_for_status().json()
        return found
