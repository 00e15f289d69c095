"""Signed events about invoices that are known, over raw connections: a client's library would be the bottleneck."""

import asyncio
import hashlib
import hmac
import json
import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

CONNECTIONS: Final = 16
PADDING: Final = "x" * 2000
"""An event of Stripe has some kilobytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """Where webhooks go, and with which secret they are signed."""

    url: str
    secret: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One event about an invoice. Every event has an id of its own: `number` only tells the deliveries apart."""

    subject: str
    number: int


class Refused(Exception):
    """A delivery was not taken."""


async def deliver(receiver: Receiver, deliveries: Iterable[Delivery]) -> int:
    """Send all, some at the same time, each when the one before it on its connection was answered with 200.

    Returns:
        How many there were.

    Raises:
        Refused: an answer is no 200.
    """
    waiting = iter(deliveries)
    async with asyncio.TaskGroup() as group:
        sending = [group.create_task(_connection(receiver, waiting)) for _ in range(CONNECTIONS)]
    return sum(task.result() for task in sending)


async def _connection(receiver: Receiver, deliveries: Iterable[Delivery]) -> int:
    address = urlsplit(receiver.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    head = f"POST /webhooks/stripe HTTP/1.1\r\nHost: {address.netloc}\r\nContent-Type: application/json\r\n"
    count = 0
    try:
        for count, delivery in enumerate(deliveries, 1):  # noqa: B007 - told at the end
            content = _event(delivery)
            signed = f"Stripe-Signature: {_signature(receiver.secret, content)}\r\n"
            writer.write(f"{head}{signed}Content-Length: {len(content)}\r\n\r\n".encode() + content)
            await _answered(reader)
    finally:
        writer.close()
        await writer.wait_closed()
    return count


async def _answered(reader: asyncio.StreamReader) -> None:
    lines = (await reader.readuntil(b"\r\n\r\n")).decode("ascii").split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:] if line)}
    await reader.readexactly(int(headers.get("content-length", "0")))
    if lines[0].split()[1] != "200":
        raise Refused(lines[0])


def _event(delivery: Delivery) -> bytes:
    told = {"id": delivery.subject, "object": "invoice"}
    event = {
        "id": f"evt_{uuid.uuid4().hex}",
        "object": "event",
        "api_version": "2026-10-28.endive",
        "created": int(time.time()),
        "livemode": False,
        "type": "invoice.updated",
        "data": {"object": told},
        "padding": PADDING,
    }
    return json.dumps(event).encode()


def _signature(secret: str, content: bytes) -> str:
    now = str(int(time.time()))
    digest = hmac.new(secret.encode(), now.encode() + b"." + content, hashlib.sha256).hexdigest()
    return f"t={now},v1={digest}"
