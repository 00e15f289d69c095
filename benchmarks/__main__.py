"""`make bench`: webhook intake beside a receiver that only verifies, and posting beside QBO's request limit.

Prints a table, or with `--json` one document. Both sides of a ratio are measured in one run on the same machine.
"""

import argparse
import asyncio
import contextlib
import hashlib
import hmac
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx2

SECRET = "whsec_benchmark"  # noqa: S105 - made up
REQUESTS_PER_MINUTE = 500
CLIENTS = 20


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


@contextlib.contextmanager
def process(*arguments: str, environment: dict[str, str], ready: str) -> Iterator[str]:
    """A child process and the line (of standard output or error) in which it says that it is ready."""
    with subprocess.Popen(  # noqa: S603 - our own programs
        [sys.executable, "-m", *arguments],
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as child:
        assert child.stdout is not None
        try:
            yield next(line for line in child.stdout if ready in line)
        finally:
            child.terminate()
            child.communicate()


def environment(home: Path, stripe: dict[str, Any], qbo: dict[str, Any], port: int) -> dict[str, str]:
    """The service's environment for the two stand-ins."""
    return {
        "WESCOPE_HOME": str(home),
        "WESCOPE_PORT": str(port),
        "WESCOPE_LOG_LEVEL": "warning",
        "WESCOPE_STRIPE_API_BASE": stripe["url"],
        "WESCOPE_STRIPE_API_KEY": stripe["api_key"],
        "WESCOPE_STRIPE_WEBHOOK_SECRETS": f"{stripe['webhook_secret']},{SECRET}",
        "WESCOPE_QBO_API_BASE": qbo["url"],
        "WESCOPE_QBO_TOKEN_URL": qbo["url"] + "/oauth2/v1/tokens/bearer",
        "WESCOPE_QBO_CLIENT_ID": qbo["client_id"],
        "WESCOPE_QBO_CLIENT_SECRET": qbo["client_secret"],
        "WESCOPE_QBO_REALM_ID": qbo["realm_id"],
        "WESCOPE_QBO_REFRESH_TOKEN": qbo["refresh_token"],
    }


async def intake(url: str, count: int) -> float:
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


async def posting(service: str, stripe: str) -> tuple[int, float]:
    """Documents posted and seconds needed for the stand-in's whole history."""
    async with httpx2.AsyncClient(timeout=300) as http:
        started = time.perf_counter()
        delivery = {"url": service + "/webhooks/stripe", "order": "shuffled", "concurrency": 8}
        await http.post(stripe + "/_sandbox/deliver", json=delivery)
        async for status in statuses(http, service):
            if not status["backlog"]:
                return int(status["posted"]), time.perf_counter() - started
    raise AssertionError  # the loop above ends only by returning


async def statuses(http: httpx2.AsyncClient, service: str) -> AsyncIterator[dict[str, Any]]:
    """The service's status, four times a second."""
    while True:
        yield (await http.get(service + "/api/v1/status")).json()
        await asyncio.sleep(0.25)


def measure(count: int) -> dict[str, float]:
    """Run everything once."""
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        lines = [
            stack.enter_context(process(f"wescope.sandbox.{name}", "--port", "0", environment={}, ready='"url"'))
            for name in ("stripe", "qbo")
        ]
        stripe, qbo = (json.loads(line) for line in lines)
        baseline = stack.enter_context(
            process("benchmarks.baseline", environment={"SECRET": SECRET}, ready="http")
        ).strip()
        settings = environment(Path(folder), stripe, qbo, port=0)
        line = stack.enter_context(process("wescope.cli.main", "serve", environment=settings, ready="http://"))
        service = "http://" + line.split("http://", 1)[1].split()[0].strip('",')
        documents, seconds = asyncio.run(posting(service, stripe["url"]))
        plain = asyncio.run(intake(baseline, count))
        ours = asyncio.run(intake(service + "/webhooks/stripe", count))
    return {
        "webhooks_per_second": round(ours, 1),
        "webhooks_per_second_verifying_only": round(plain, 1),
        "webhook_ratio": round(ours / plain, 3),
        "documents": documents,
        "documents_per_minute": round(documents / seconds * 60, 1),
        "share_of_qbo_limit": round(documents / seconds * 60 / REQUESTS_PER_MINUTE, 3),
    }


def main() -> None:
    """Read the arguments, measure, print."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("--count", type=int, default=3000, help="webhooks to deliver")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    arguments = parser.parse_args()
    figures = measure(arguments.count)
    if arguments.json:
        print(json.dumps(figures))  # noqa: T201 - this is its output
        return
    for name, figure in figures.items():
        print(f"{name:40} {figure:>10}")  # noqa: T201


if __name__ == "__main__":
    main()
