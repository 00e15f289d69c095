"""Ingest: signed webhooks acknowledged a second, beside the smallest handler that could do it."""

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import httpx2

from benchmarks.suite import Figure, Part
from benchmarks.world import environment
from wescope.cli.children import Children, bare_environment

SECRET: Final = "whsec_benchmark"  # noqa: S105 - made up
CLIENTS: Final = 20
WEBHOOKS: Final = 3000
READY_S: Final = 60


def body(number: int) -> bytes:
    """A snapshot event about one of 200 invoices, some 2 kB."""
    event = {
        "id": f"evt_bench{number}",
        "object": "event",
        "api_version": "2026-10-28.endive",
        "created": int(time.time()),
        "livemode": False,
        "type": "invoice.paid",
        "data": {
            "object": {"id": f"in_bench{number % 200}", "object": "invoice", "customer": f"cus_bench{number % 50}"}
        },
        "padding": "x" * 2000,
    }
    return json.dumps(event).encode()


def signed(content: bytes) -> dict[str, str]:
    """The header of a fresh delivery."""
    now = str(int(time.time()))
    digest = hmac.new(SECRET.encode(), now.encode() + b"." + content, hashlib.sha256).hexdigest()
    return {"Stripe-Signature": f"t={now},v1={digest}"}


async def acknowledged(url: str, count: int) -> float:
    """Deliveries a second over `CLIENTS` connections; every one must be answered with 200."""
    numbers = iter(range(count))
    async with httpx2.AsyncClient(timeout=30) as http:

        async def client() -> None:
            for number in numbers:
                content = body(number)
                answer = await http.post(url, content=content, headers=signed(content))
                answer.raise_for_status()

        started = time.perf_counter()
        await asyncio.gather(*(client() for _ in range(CLIENTS)))
        return count / (time.perf_counter() - started)


async def measure(folder: Path) -> Sequence[Figure]:
    """Run both, one after the other."""
    bare = bare_environment()
    async with Children(folder / "logs") as children:
        stripe, qbo = [
            await children.start(name, ("-m", f"wescope.sandbox.{name}", "--port", "0"), bare)
            for name in ("stripe", "qbo")
        ]
        announced = [await child.announcement(timeout_s=READY_S) for child in (stripe, qbo)]
        floor = await children.start("floor", ("-m", "benchmarks.floor"), bare | {"SECRET": SECRET})
        floor_url = (await floor.announcement(timeout_s=READY_S))["url"]
        settings = environment(folder / "home", announced[0], announced[1], SECRET)
        web = await children.start("web", ("-m", "wescope.cli.main", "serve", "--role", "web", "--json"), settings)
        url = f"{(await web.announcement(timeout_s=READY_S))['url']}/webhooks/stripe"
        plain = await acknowledged(floor_url, WEBHOOKS)
        ours = await acknowledged(url, WEBHOOKS)
    return (Figure(name="closed loop, 20 clients", value=ours, unit="webhooks/s", beside=plain),)


PART = Part(name="ingest", title="Ingest: signed webhooks, durable when acknowledged", measure=measure)
