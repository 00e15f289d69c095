"""A lean generator of load: requests made beforehand, over connections that stay open, in a process of its own.

`python -m benchmarks.load ADDRESS SECONDS --first N (--clients K | --rate R)` prints `Load` as one line of JSON. The
secret that signs is the environment's SECRET.
"""

import argparse
import asyncio
import json
import os
import random
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Final, cast
from urllib.parse import urlsplit

import uvloop

from benchmarks.deliveries import requests
from benchmarks.figures import quantile

CONNECTIONS: Final = 64
"""Of an open loop. A delivery that finds none free waits, and its time runs."""
PATIENCE_S: Final = 60
MOST_PER_S: Final = 10_000
"""So many requests are made for a second of a closed loop; when they are sent it ends earlier."""
_GOOD: Final = b"HTTP/1.1 200"
_END_OF_HEAD: Final = b"\r\n\r\n"
_LENGTH: Final = b"content-length:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What came of it: answers a second, and milliseconds until the answer."""

    per_s: float
    p50_ms: float
    p99_ms: float


class Connection(asyncio.Protocol):
    """One connection that stays open, for one request at a time."""

    def __init__(self) -> None:
        self._received = b""
        self._answered: asyncio.Future[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way out."""
        self._transport = cast("asyncio.Transport", transport)

    async def ask(self, request: bytes) -> None:
        """Send a request and wait for its answer.

        Raises:
            RuntimeError: the answer is not 200, or the server has hung up.
        """
        self._answered = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        await self._answered

    def data_received(self, data: bytes) -> None:
        """Take a piece of an answer."""
        self._received += data
        head, found, body = self._received.partition(_END_OF_HEAD)
        if not found:
            return
        if not head.startswith(_GOOD):
            self._fail(self._received.decode(errors="replace"))
        elif len(body) >= int(head.lower().partition(_LENGTH)[2].split(b"\r\n")[0]):
            self._received = b""
            if self._answered is not None and not self._answered.done():
                self._answered.set_result(None)

    def connection_lost(self, _error: Exception | None) -> None:
        """No server may hang up on who waits."""
        self._fail("the server has hung up")

    def _fail(self, reason: str) -> None:
        if self._answered is not None and not self._answered.done():
            self._answered.set_exception(RuntimeError(reason))


async def connected(address: str, count: int) -> list[Connection]:
    """So many connections to the server of this address."""
    loop, parts = asyncio.get_running_loop(), urlsplit(address)
    host, port = parts.hostname or "", parts.port or 80
    opening = [loop.create_connection(Connection, host, port) for _ in range(count)]
    return [connection for _, connection in await asyncio.gather(*opening)]


async def closed_loop(connections: Sequence[Connection], made: Iterator[bytes], seconds: float) -> list[float]:
    """Every connection sends its next request when it has its answer, for so many seconds; the seconds of each."""
    latencies_s, over = [], time.perf_counter() + seconds

    async def client(connection: Connection) -> None:
        for request in made:
            began = time.perf_counter()
            if began >= over:
                return
            await connection.ask(request)
            latencies_s.append(time.perf_counter() - began)

    await asyncio.gather(*(client(one) for one in connections))
    return latencies_s


async def open_loop(connections: Sequence[Connection], made: Iterable[bytes], per_s: float) -> list[float]:
    """Requests at random moments, `per_s` on average; the seconds of each, from its moment and not from its sending."""
    chance = random.Random(0)  # noqa: S311 - no secret
    free: asyncio.LifoQueue[Connection] = asyncio.LifoQueue()
    for connection in connections:
        free.put_nowait(connection)
    latencies_s, due = [], time.perf_counter()

    async def one(request: bytes, due: float) -> None:
        connection = await free.get()
        await connection.ask(request)
        free.put_nowait(connection)
        latencies_s.append(time.perf_counter() - due)

    async with asyncio.TaskGroup() as sent:
        for request in made:
            due += chance.expovariate(per_s)
            if (wait_s := due - time.perf_counter()) > 0:
                await asyncio.sleep(wait_s)
            sent.create_task(one(request, due))
    return latencies_s


async def measured(address: str, made: Sequence[bytes], seconds: float, *, clients: int, per_s: float) -> Load:
    """Send requests for so long: in a closed loop of `clients`, or all of them, if there is a rate, at that."""
    connections = await connected(address, CONNECTIONS if per_s else clients)
    began = time.perf_counter()
    async with asyncio.timeout(PATIENCE_S):
        sent = open_loop(connections, made, per_s) if per_s else closed_loop(connections, iter(made), seconds)
        latencies_s = await sent
    took_s = time.perf_counter() - began
    p50_s, p99_s = quantile(latencies_s, 0.5), quantile(latencies_s, 0.99)
    return Load(per_s=len(latencies_s) / took_s, p50_ms=p50_s * 1000, p99_ms=p99_s * 1000)


def main() -> None:
    """Read the arguments, send, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("address")
    parser.add_argument("seconds", type=float)
    parser.add_argument("--first", type=int, required=True, help="number of the first event")
    way = parser.add_mutually_exclusive_group(required=True)
    way.add_argument("--clients", type=int, default=0)
    way.add_argument("--rate", type=float, default=0)
    options = parser.parse_args()
    count = int(options.seconds * (options.rate or MOST_PER_S))
    made = requests(options.first, count, os.environ["SECRET"])
    load = uvloop.run(measured(options.address, made, options.seconds, clients=options.clients, per_s=options.rate))
    sys.stdout.write(json.dumps(asdict(load)) + "\n")


if __name__ == "__main__":
    main()
