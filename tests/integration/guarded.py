"""Both stand-ins in a thread of this process, so that a test can reach into them and read all that they have served."""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self, cast

import httpx2
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tests.integration import hurried
from tests.integration.processes import HTTP_TIMEOUT_S, Bench, Process
from wescope.sandbox.qbo import QboSandbox
from wescope.sandbox.qbo import Running as RunningQbo
from wescope.sandbox.stripe import Running as RunningStripe
from wescope.sandbox.stripe import StripeSandbox

_START_S = 60


@dataclass
class Wire:
    """An ASGI application in front of another one: keeps what it answers the product, and may answer itself."""

    app: ASGIApp
    served: list[tuple[str, bytes]] = field(default_factory=list)
    before: Callable[[Scope], tuple[int, bytes] | None] = lambda _scope: None
    """Answers a request in the application's place, or changes its scope and lets it pass."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        path = str(scope.get("path", ""))
        if scope["type"] != "http" or path.startswith("/_sandbox"):
            await self.app(scope, receive, send)
            return
        parts: list[bytes] = []

        async def keep(message: Message) -> None:
            if message["type"] == "http.response.body":
                parts.append(message.get("body", b""))
            await send(message)

        answered = self.before(scope)
        if answered is None:
            # Faults look for uvicorn's own `send`; this test has none of that kind.
            await self.app(scope, receive, keep)
        else:
            status, body = answered
            headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
            await keep({"type": "http.response.start", "status": status, "headers": headers})
            await keep({"type": "http.response.body", "body": body})
        self.served.append((path, b"".join(parts)))

    def text(self) -> str:
        """All that it has answered so far."""
        return "\n".join(body.decode(errors="replace") for _, body in self.served)


class StandIns:
    """The local Stripe and the local QBO, served from a thread for the length of the block."""

    def __init__(self, stripe: StripeSandbox, qbo: QboSandbox) -> None:
        self.stripe_wire = Wire(stripe.app)
        self.qbo_wire = Wire(qbo.application())
        stripe.app = self.stripe_wire  # type: ignore[assignment]  # it is served, and nothing else
        qbo.application = lambda: self.qbo_wire  # type: ignore[method-assign]
        self._stripe, self._qbo = stripe, qbo
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.stripe: RunningStripe
        self.qbo: RunningQbo

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(_START_S)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(_START_S)
        self._loop.close()
        self._qbo.close()

    def call(self, work: Callable[[], Any]) -> Any:
        """Have something done in the stand-ins' own thread; what comes of it."""

        async def do() -> Any:
            return work()

        return asyncio.run_coroutine_threadsafe(do(), self._loop).result(_START_S)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())

    async def _serve(self) -> None:
        async with self._stripe.serve() as self.stripe, self._qbo.serve() as self.qbo:
            self._ready.set()
            await self._stop.wait()


@contextlib.contextmanager
def guarded_bench(folder: Path, stand_ins: StandIns) -> Iterator[Bench]:
    """Real processes of the product on stand-ins of this process."""

    def as_process(name: str, greeting: dict[str, str]) -> Process:
        return Process(popen=cast("Any", None), log=folder / f"{name}.log", announced=greeting)

    limits = httpx2.Limits(max_connections=50)
    with httpx2.Client(timeout=HTTP_TIMEOUT_S, trust_env=False, limits=limits) as client:
        made = Bench(folder, client, program=(hurried.__file__,))
        stripe = stand_ins.stripe
        keys = {"url": stripe.url, "api_key": stripe.api_key, "webhook_secret": stripe.webhook_secret}
        made.stripe, made.qbo = as_process("stripe", keys), as_process("qbo", stand_ins.qbo.greeting())
        try:
            yield made
        finally:
            made.close()
