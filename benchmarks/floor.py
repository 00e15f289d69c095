"""A receiver that verifies the signature, answers, and stores nothing: the service's intake is compared with it."""

import asyncio
import json
import os
import socket
from datetime import UTC, datetime

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from wescope.stripe.webhooks import verify


async def receive(request: Request) -> JSONResponse:
    """Verify, and forget."""
    hint = verify(
        await request.body(), request.headers.get("stripe-signature"), [os.environ["SECRET"]], datetime.now(UTC)
    )
    return JSONResponse({"outcome": "verified", "event_id": hint.event_id})


async def main() -> None:
    """Serve on a free port and print the address."""
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    print(json.dumps({"url": f"http://127.0.0.1:{listening.getsockname()[1]}/"}), flush=True)  # noqa: T201 - its parent reads it
    app = Starlette(routes=[Route("/", receive, methods=["POST"])])
    config = uvicorn.Config(app, log_level="warning", access_log=False)
    await uvicorn.Server(config).serve(sockets=[listening])


if __name__ == "__main__":
    asyncio.run(main())
