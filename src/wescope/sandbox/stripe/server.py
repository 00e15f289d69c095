"""Puts the stand-in together and serves it."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import uvicorn
from starlette.applications import Starlette

from wescope.sandbox.stripe.api import Api
from wescope.sandbox.stripe.business import Business
from wescope.sandbox.stripe.clock import today
from wescope.sandbox.stripe.control import Control
from wescope.sandbox.stripe.delivery import Deliverer
from wescope.sandbox.stripe.deliverylog import DeliveryLog
from wescope.sandbox.stripe.faults import FaultMiddleware, Faults
from wescope.sandbox.stripe.journal import open_business
from wescope.sandbox.stripe.knobs import Knobs
from wescope.sandbox.stripe.limits import Limits
from wescope.sandbox.stripe.listing import Reader
from wescope.sandbox.stripe.seeding import Parameters


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A stand-in that listens."""

    url: str
    api_key: str
    webhook_secret: str
    business: Business
    deliverer: Deliverer
    faults: Faults
    limits: Limits


class StripeSandbox:
    """A local Stripe.

    Args:
        seed: Of ids and chances.
        customers: In the seeded business.
        months: Of history.
        as_of: UTC date at whose start the history ends. None: today, and from then on the computer's clock.
        state: Folder that makes it durable; what is there wins over the other arguments.
        knobs: Behaviour; see ``Knobs``.
        situations: ``classic`` or ``all``; see ``seeding.SITUATIONS``.
        payouts: ``none``, ``daily`` or ``manual``.

    Raises:
        ValueError: ``situations`` or ``payouts`` is another.
    """

    def __init__(
        self,
        *,
        seed: int = 7,
        customers: int = 50,
        months: int = 3,
        as_of: date | None = None,
        state: Path | None = None,
        knobs: Knobs | None = None,
        situations: str = "classic",
        payouts: str = "none",
    ) -> None:
        self.knobs = knobs or Knobs()
        parameters = Parameters(
            seed=seed,
            customers=customers,
            months=months,
            as_of=as_of or today(),
            live_clock=as_of is None,
            situations=situations,
            payouts=payouts,
        )
        self.business, journal, deliveries_file = open_business(parameters, state)
        account = self.business.account
        if self.knobs.live_key:
            account.go_live()
        deliveries = DeliveryLog(deliveries_file)
        self.limits = Limits(self.knobs)
        self.faults = _faults(seed, self.knobs)
        self.deliverer = Deliverer(
            log=account.log, deliveries=deliveries, secret=account.webhook_secret, knobs=self.knobs
        )
        api = Api(account, Reader(self.business, deliveries, version=self.knobs.api_version))
        control = Control(self.business, journal, self.deliverer, self.faults, self.limits)
        handlers = {404: api.not_found, 405: api.not_found}
        routes = [*api.routes(), *control.routes()]
        self.app = FaultMiddleware(Starlette(routes=routes, exception_handlers=handlers), self.faults, self.limits)

    @contextlib.asynccontextmanager
    async def serve(self, *, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[Running]:
        """Listen while the context lasts; port 0 takes a free one.

        Raises:
            OSError: It cannot listen there.
        """
        config = uvicorn.Config(
            self.app,
            host=host,
            port=port,
            log_config=None,
            log_level="critical",
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=2,
        )
        server = Server(config)
        listener = listen(host, port)
        task = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            await server.listening(task)
            actual = listener.getsockname()[1]
            account = self.business.account
            yield Running(
                url=f"http://{host}:{actual}",
                api_key=account.api_key,
                webhook_secret=account.webhook_secret,
                business=self.business,
                deliverer=self.deliverer,
                faults=self.faults,
                limits=self.limits,
            )
        finally:
            await self.deliverer.stop()
            server.should_exit = True
            await task


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket; port 0 takes a free one.

    Raises:
        OSError: It cannot listen there.
    """
    listener = socket.create_server((host, port))
    # asyncio does this only for sockets it made itself; without it every answer waits 40 ms for a delayed ACK
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


class Server(uvicorn.Server):
    """Uvicorn inside a running loop: signals are the caller's, and waiting for it needs no polling."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._up = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the process's signal handlers alone."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and tell who waits."""
        await super().startup(sockets)
        self._up.set()

    async def listening(self, task: "asyncio.Task[None]") -> None:
        """Wait until it listens.

        Raises:
            RuntimeError: It ended instead.
        """
        up = asyncio.create_task(self._up.wait())
        await asyncio.wait({up, task}, return_when=asyncio.FIRST_COMPLETED)
        if not self.started:
            up.cancel()
            raise RuntimeError("the Stripe sandbox cannot listen on its port")


def _faults(seed: int, knobs: Knobs) -> Faults:
    faults = Faults(seed=seed)
    if knobs.latency_ms:
        faults.add(kind="latency", latency_ms=knobs.latency_ms)
    rates = {
        "rate_limit": knobs.rate_limit,
        "lock_timeout": knobs.lock_timeout,
        "server_error": knobs.server_error,
        "cut": knobs.cut,
    }
    for kind, rate in rates.items():
        if rate:
            faults.add(kind=kind, rate=rate)
    return faults
