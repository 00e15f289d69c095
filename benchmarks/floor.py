"""The floor that ingest is compared with: the smallest handlers that could do it, on the service's own web server.

It verifies the signature with the environment's SECRET, and inserts one row into the database of its DATABASE, which is
committed before the answer. Without a DATABASE it is an empty handler, which reads the body and answers.
"""

import hashlib
import hmac
import json
import os
import socket
import sys
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

import uvicorn
import uvloop
from psycopg_pool import AsyncConnectionPool

CONNECTIONS: Final = 10
TABLE: Final = "CREATE TABLE events (event_id text PRIMARY KEY, type text NOT NULL, received_at timestamptz NOT NULL)"
_INSERT: Final = "INSERT INTO events VALUES (%s, %s, now()) ON CONFLICT DO NOTHING"
_TOLERANCE_S: Final = 300

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


def verified(body: bytes, header: bytes, secret: bytes) -> bool:
    """Whether Stripe has signed this just now."""
    signature = dict(part.split(b"=", 1) for part in header.split(b","))
    expected = hmac.new(secret, signature[b"t"] + b"." + body, hashlib.sha256).hexdigest()
    fresh = abs(time.time() - int(signature[b"t"])) < _TOLERANCE_S
    return fresh and hmac.compare_digest(expected.encode(), signature[b"v1"])


async def read(receive: Receive) -> bytes:
    """The body."""
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    return body


async def answer(send: Send, status: int) -> None:
    """Answer with a few bytes."""
    headers = [(b"content-type", b"application/json"), (b"content-length", b"2")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b"{}"})


async def serve(app: Callable[[Message, Receive, Send], Awaitable[None]]) -> None:
    """Serve on a free port and print the address."""
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.bind(("127.0.0.1", 0))
    sys.stdout.write(json.dumps({"url": f"http://127.0.0.1:{listening.getsockname()[1]}"}) + "\n")
    sys.stdout.flush()
    config = uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off")
    await uvicorn.Server(config).serve(sockets=[listening])


async def empty(_scope: Message, receive: Receive, send: Send) -> None:
    """Answer whatever it is."""
    await read(receive)
    await answer(send, 200)


async def main() -> None:
    """Be the floor, or the empty handler."""
    secret, database = os.environ["SECRET"].encode(), os.environ.get("DATABASE")
    if database is None:
        await serve(empty)
        return
    # One statement on a connection that commits by itself is one round trip, and is prepared soon.
    pool = AsyncConnectionPool(
        database, min_size=CONNECTIONS, max_size=CONNECTIONS, kwargs={"autocommit": True}, open=False
    )

    async def insert(scope: Message, receive: Receive, send: Send) -> None:
        body = await read(receive)
        if not verified(body, dict(scope["headers"])[b"stripe-signature"], secret):
            await answer(send, 400)
            return
        event = json.loads(body)
        async with pool.connection() as connection:
            await connection.execute(_INSERT, (event["id"], event["type"]))
        await answer(send, 200)

    async with pool:
        await serve(insert)


if __name__ == "__main__":
    uvloop.run(main())
