"""The sandbox as a server on its own port: in a test's event loop or in a process of its own."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.types import ASGIApp, Receive, Scope, Send

from wescope.sandbox.qbo.clock import Clock, system_clock
from wescope.sandbox.qbo.company import Company
from wescope.sandbox.qbo.control import Control
from wescope.sandbox.qbo.gateway import PREFIX, Gateway
from wescope.sandbox.qbo.injection import Injector
from wescope.sandbox.qbo.knobs import Knobs
from wescope.sandbox.qbo.limits import Limits
from wescope.sandbox.qbo.oauth import Tokens
from wescope.sandbox.qbo.request_log import RequestLog
from wescope.sandbox.qbo.token_endpoints import TOKEN_PATH, TokenEndpoints
from wescope.sandbox.qbo.token_gate import TokenGate

KEEP_ALIVE_S = 75
SHUTDOWN_S = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A listening sandbox: where it is, how to connect, and everything behind it."""

    url: str
    company: Company
    tokens: Tokens
    gateway: Gateway

    @property
    def faults(self) -> Injector:
        """The armed faults."""
        return self.gateway.injector

    @property
    def requests(self) -> RequestLog:
        """What was asked."""
        return self.gateway.log

    @property
    def limits(self) -> Limits:
        """Windows and violations."""
        return self.gateway.limits

    @property
    def realm_id(self) -> str:
        """The company's id."""
        return self.company.realm_id

    @property
    def base(self) -> str:
        """The address below which entities are: .../v3/company/{realm}."""
        return f"{self.url}{PREFIX}{self.realm_id}"

    def greeting(self) -> dict[str, str]:
        """Returns what a process prints when it listens."""
        return {
            "service": "qbo",
            "url": self.url,
            "realm_id": self.realm_id,
            "client_id": self.tokens.client_id,
            "client_secret": self.tokens.client_secret,
            "refresh_token": self.tokens.refresh_token,
        }

    def environment(self) -> dict[str, str]:
        """Returns what the service needs to reach this company, by the name of the variable."""
        return {
            "WESCOPE_QBO_API_BASE": self.url,
            "WESCOPE_QBO_TOKEN_URL": f"{self.url}{TOKEN_PATH}",
            "WESCOPE_QBO_AUTHORIZE_URL": f"{self.url}/connect/oauth2",
            "WESCOPE_QBO_CLIENT_ID": self.tokens.client_id,
            "WESCOPE_QBO_CLIENT_SECRET": self.tokens.client_secret,
            "WESCOPE_QBO_REALM_ID": self.realm_id,
            "WESCOPE_QBO_REFRESH_TOKEN": self.tokens.refresh_token,
        }


class QboSandbox:
    """A local QuickBooks Online company."""

    def __init__(
        self,
        *,
        knobs: Knobs | Mapping[str, Any] | None = None,
        seed: int = 7,
        state: Path | None = None,
        bare: bool = False,
        clock: Clock = system_clock,
    ) -> None:
        """Opens or founds the company.

        Args:
            knobs: knobs, or those that differ from the defaults.
            seed: a number that realm and client ids are made of.
            state: folder for durable books; memory if None.
            bare: leave out the Stripe accounts and items.
            clock: the present moment, with a zone.
        """
        turned = knobs if isinstance(knobs, Knobs) else Knobs().changed(knobs or {})
        self.company = Company(knobs=turned, number=seed, state=state, bare=bare, clock=clock)
        self.tokens = Tokens(self.company.books, seed)
        self.gateway = Gateway(self.company, self.tokens, Injector())

    def application(self) -> ASGIApp:
        """Returns the whole sandbox as one ASGI application."""
        routes = [*Control(self.gateway).routes(), *TokenEndpoints(self.company, self.tokens).routes()]
        others = Starlette(routes=routes)

        tokens = TokenGate(others, self.gateway.injector)

        async def application(scope: Scope, receive: Receive, send: Send) -> None:
            path = scope.get("path", "")
            chosen: ASGIApp = self.gateway if path.startswith(PREFIX) else tokens if path == TOKEN_PATH else others
            await chosen(scope, receive, send)

        return application

    @asynccontextmanager
    async def serve(self, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[Running]:
        """Listens until the context is left.

        Args:
            host: the address to listen on.
            port: the port, 0 for a free one.

        Yields:
            The running sandbox.
        """
        # The protocol is named so that asyncio turns Nagle's algorithm off on what is accepted: 40 ms per answer.
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        config = uvicorn.Config(
            self.application(),
            log_config=None,
            log_level="critical",
            access_log=False,
            lifespan="off",
            ws="none",
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=SHUTDOWN_S,
        )
        server = _QuietServer(config)
        task = asyncio.create_task(server.serve(sockets=[listener]))
        notifying = asyncio.create_task(self.company.notifier.run())
        try:
            await server.listening.wait()
            shown = f"[{host}]" if ":" in host else host
            url = f"http://{shown}:{listener.getsockname()[1]}"
            yield Running(url=url, company=self.company, tokens=self.tokens, gateway=self.gateway)
        finally:
            notifying.cancel()
            await asyncio.gather(notifying, return_exceptions=True)
            server.should_exit = True
            await task
            listener.close()

    def close(self) -> None:
        """Lets go of the books' file."""
        self.company.books.close()


class _QuietServer(uvicorn.Server):
    """A server that leaves signals to whoever started it, and says when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Starts listening and says so."""
        await super().startup(sockets)
        self.listening.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Captures none."""
        yield
