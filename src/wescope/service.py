"""The service: the web role and the worker role as one process, from the first signal's arrival to a clean end."""

import asyncio
import contextlib
import signal
import socket
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, TypeVar

import structlog
import uvicorn
from fastapi import FastAPI

from wescope import __version__
from wescope.config import Settings
from wescope.engine.audit_log import AuditLog
from wescope.engine.dashboards import Dashboards
from wescope.engine.drift_desk import DriftDesk
from wescope.engine.drift_pages import DriftPages
from wescope.engine.history import History
from wescope.engine.months import Months
from wescope.engine.overview import OverviewDesk
from wescope.engine.parked_desk import ParkedDesk
from wescope.engine.payout_statements import PayoutStatements
from wescope.engine.qbo_webhooks import QboWebhookOutcome
from wescope.engine.receiver import Receiver
from wescope.engine.results import Check, ParkedRow, PayoutDetail, PayoutResult, Status, SyncResult
from wescope.engine.run_book import RunBook
from wescope.engine.run_memory import RunMemory
from wescope.engine.runtime import Runtime
from wescope.engine.setting_up import SettingUp
from wescope.engine.setup import Setup
from wescope.engine.support import Support
from wescope.engine.tieout_desk import TieOutDesk
from wescope.engine.tieout_results import OpenedRow, TieOut
from wescope.errors import ConfigurationError, DatabaseUnavailable, WrongUse
from wescope.observe.metrics import Metrics, Sample
from wescope.web.access.guard import Access
from wescope.web.app import create_app, create_worker_app
from wescope.web.services import Accepted, Outcome, Readiness

_log = structlog.get_logger(__name__)

_WEB_GRACE_S = 3
_ACCEPT_S = 10.0
_START_PATIENCE_S, _START_AGAIN_S = 60.0, 1.0
_ACCEPT_QBO_S = 2.5
"""Intuit wants its answer within 3 s (facts/qbo.md 3.2)."""

_accepting: set[asyncio.Task[Any]] = set()
T = TypeVar("T")


@dataclass(slots=True)
class RuntimeServices:
    """The runtime as the web layer wants it; without one, as long as the database has not answered yet."""

    opened: Runtime | Receiver | None = None
    run_memory: RunMemory = field(default_factory=RunMemory)

    @property
    def runtime(self) -> Runtime:
        """The runtime.

        Raises:
            DatabaseUnavailable: there is none yet.
            WrongUse: this process only receives webhooks.
        """
        if isinstance(self.receiver, Receiver):
            raise WrongUse("This process only receives webhooks.")
        return self.receiver

    @property
    def receiver(self) -> Runtime | Receiver:
        """What takes webhooks.

        Raises:
            DatabaseUnavailable: there is none yet.
        """
        if self.opened is None:
            raise DatabaseUnavailable(reason="starting")
        return self.opened

    async def accept(self, body: bytes, signature: str | None) -> Accepted:
        """Verify a webhook and store its hint durably."""
        found = await _within(self.receiver.accept(body, signature), _ACCEPT_S)
        return Accepted(event_id=found.event_id, event_type=found.event_type, outcome=Outcome(found.outcome))

    async def accept_qbo(self, body: bytes, signature: str | None) -> QboWebhookOutcome:
        """Verify a webhook of QBO's and store its hints durably."""
        return await _within(self.receiver.accept_qbo(body, signature), _ACCEPT_QBO_S)

    async def status(self) -> Status:
        """What the service is doing."""
        return await self.runtime.status()

    async def samples(self) -> Sequence[Sample]:
        """The state of the system as numbers."""
        return await self.runtime.watching.samples()

    async def ready(self) -> Readiness:
        """Whether the service can work: the database answers and has this version's schema."""
        try:
            current = await self.receiver.database_ready()
        except DatabaseUnavailable as error:
            return Readiness(ok=False, checks={"database": error.code})
        return Readiness(ok=current, checks={"database": "ok" if current else "schema_outdated"})

    async def sync(self, ids: Sequence[str], *, dry_run: bool) -> Sequence[SyncResult]:
        """Reconcile these Stripe objects now."""
        return await self.runtime.sync(ids, dry_run=dry_run)

    async def tieout(self, as_of: date | None) -> TieOut:
        """Compare Stripe and QBO."""
        return await self.runtime.tieout(as_of)

    async def open_rows(self, row_ids: Sequence[str], as_of: date | None) -> Sequence[OpenedRow]:
        """Rows of a tie-out with everything that makes them up."""
        return await self.runtime.open_rows(row_ids, as_of)

    async def parked(self) -> Sequence[ParkedRow]:
        """The parked documents."""
        return await self.runtime.parked()

    async def payouts(self) -> Sequence[PayoutResult]:
        """The payouts that were looked at."""
        return await self.runtime.payouts()

    async def payout(self, payout_id: str) -> PayoutDetail:
        """One payout with its rows."""
        return await self.runtime.payout(payout_id)

    async def doctor(self) -> Sequence[Check]:
        """Look at everything that the work needs."""
        return await self.setting_up.diagnose()

    @property
    def setting_up(self) -> SettingUp:
        """What the setup pages ask.

        Raises:
            DatabaseUnavailable: there is no runtime yet.
        """
        return self.runtime.setting_up

    @property
    def statements(self) -> PayoutStatements:
        """Payouts page by page, and one with its sums.

        Raises:
            DatabaseUnavailable: there is no runtime yet.
        """
        return PayoutStatements(engine=self.runtime.engine, realm_id=self.runtime.store.realm_id)

    @property
    def setup(self) -> Setup:
        """What makes accounts and items that are missing in QBO.

        Raises:
            DatabaseUnavailable: there is no runtime yet.
        """
        return self.runtime.setup

    @property
    def history(self) -> History:
        """Backfills, replays, runs.

        Raises:
            DatabaseUnavailable: there is no runtime yet.
        """
        return self.runtime.history

    @property
    def parked_desk(self) -> ParkedDesk:
        """Parked items a page at a time, and what is done to many of them.

        Raises:
            DatabaseUnavailable: there is no runtime yet.
        """
        return self.runtime.parked_desk

    @property
    def drift_pages(self) -> DriftPages:
        """Findings a page at a time, and what repairs would write.

        Raises:
            DatabaseUnavailable: there is no runtime yet.
        """
        return self.runtime.drift_pages

    @property
    def runs(self) -> RunBook:
        """What pages ask about runs.

        Raises:
            DatabaseUnavailable: there is no runtime yet.
        """
        runtime = self.runtime
        return RunBook(history=runtime.history, memory=self.run_memory, gate=runtime.gate)

    @property
    def drift(self) -> DriftDesk:
        """What people have changed in QBO.

        Raises:
            DatabaseUnavailable: there is no runtime yet.
        """
        return self.runtime.drift

    @property
    def months(self) -> Months:
        """Months at their end.

        Raises:
            DatabaseUnavailable: there is no runtime yet.
        """
        return self.runtime.months

    @property
    def support(self) -> Support:
        """Explain, parked items, export.

        Raises:
            DatabaseUnavailable: there is no runtime yet.
        """
        return self.runtime.support

    @property
    def overview(self) -> OverviewDesk:
        """What the home page tells.

        Raises:
            DatabaseUnavailable: there is no runtime yet.
        """
        return self.runtime.overview

    @property
    def tieout_desk(self) -> TieOutDesk:
        """Kept tie-outs, and new ones as runs.

        Raises:
            DatabaseUnavailable: there is no runtime yet.
        """
        return self.runtime.tieout_desk

    @property
    def audit_log(self) -> AuditLog:
        """Who had what done.

        Raises:
            DatabaseUnavailable: there is no runtime yet.
        """
        return self.runtime.audit_log


async def _within(work: Coroutine[Any, Any, T], patience_s: float) -> T:
    """What comes of it, if it is ready in time.

    Raises:
        DatabaseUnavailable: it is not.
    """
    accepting = asyncio.create_task(work)
    _accepting.add(accepting)
    accepting.add_done_callback(_accepting.discard)
    await asyncio.wait({accepting}, timeout=patience_s)
    if not accepting.done():
        # A database that hangs lets a cancellation hang too: nobody waits for that.
        accepting.cancel()
        raise DatabaseUnavailable(reason="timeout")
    return accepting.result()


OpenRuntime = Callable[[], contextlib.AbstractAsyncContextManager[Runtime | Receiver]]
"""Puts all parts together, or those that receive, and keeps them open for the length of a block (`wescope.wiring`)."""


async def run(
    open_runtime: OpenRuntime,
    settings: Settings,
    metrics: Metrics,
    role: str,
    *,
    access: Access | None = None,
    ready: Callable[[str], None] | None = None,
) -> None:
    """Run the service until SIGTERM or SIGINT.

    Args:
        open_runtime: opens all parts.
        settings: the environment.
        metrics: what `/metrics` shows.
        role: `web` receives webhooks, `worker` posts, `all` does both. A worker only shows its health and metrics.
        access: who may see the console and ask the API; only this machine if left out.
        ready: told the address once the service can work.

    Raises:
        ConfigurationError: settings are missing or wrong.
        DatabaseUnavailable: the database does not answer at the start.
    """
    if role != "worker":
        settings.require_webhooks()
    stop, hurry = asyncio.Event(), asyncio.Event()
    with _stop_on_signals(stop, hurry), contextlib.ExitStack() as bound:
        web = _Web(bound.enter_context(_bind(settings, role)), metrics, stop, role, settings=settings, access=access)
        parts: list[asyncio.Task[None]] = []
        try:
            async with contextlib.AsyncExitStack() as stack:
                runtime = await _open(stack, open_runtime, stop, lambda: _start(web, parts))
                if runtime is None:
                    return
                hurrying = asyncio.create_task(_hurry(hurry, runtime))
                stack.callback(hurrying.cancel)
                stack.push_async_callback(_end, parts, stop)
                if isinstance(runtime, Runtime):
                    telling = asyncio.create_task(runtime.watching.notifier.watch(), name="notifier")
                    stack.push_async_callback(_cancel, telling)
                    if role != "web":
                        parts.append(asyncio.create_task(runtime.work(stop, scheduled=True), name="worker"))
                _start(web, parts)
                where = await web.use(runtime)
                if not stop.is_set():
                    _log.info("ready", role=role, url=where)
                    if ready:
                        ready(where)
                await _until_stopped(parts, stop)
        finally:
            await _end(parts, stop)


def _start(web: "_Web", parts: list[asyncio.Task[None]]) -> None:
    """Let the web part listen, if it does not yet."""
    if not any(part.get_name() == "web" for part in parts):
        parts.append(asyncio.create_task(web.serve(), name="web"))


async def _end(parts: list[asyncio.Task[None]], stop: asyncio.Event) -> None:
    stop.set()
    await asyncio.gather(*parts, return_exceptions=True)


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def _open(
    stack: contextlib.AsyncExitStack, open_runtime: OpenRuntime, stop: asyncio.Event, meanwhile: Callable[[], None]
) -> Runtime | Receiver | None:
    """Open all parts, and wait for a database that has no connection left or is being started. Null: asked to stop.

    `meanwhile` is called while it waits: the web part can already tell that the service is alive, and not ready.

    Raises:
        DatabaseUnavailable: it did not answer for a minute; whoever started us may start us again.
    """
    deadline = time.monotonic() + _START_PATIENCE_S
    while not stop.is_set():
        try:
            return await stack.enter_async_context(open_runtime())
        except DatabaseUnavailable as error:
            if time.monotonic() >= deadline:
                raise
            _log.warning("waiting for the database", code=error.code)
        meanwhile()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), _START_AGAIN_S)
    return None


async def _hurry(hurry: asyncio.Event, runtime: Runtime | Receiver) -> None:
    """Cut the running jobs off as soon as a second signal asks for it."""
    await hurry.wait()
    runtime.queue.hurry()


async def _until_stopped(parts: list[asyncio.Task[None]], stop: asyncio.Event) -> None:
    """Wait for the stop; a part that ends before it takes the service down, so that it is started anew."""
    stopping = asyncio.create_task(stop.wait())
    done, _ = await asyncio.wait([*parts, stopping], return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    for part in done - {stopping}:
        part.result()


class _Server(uvicorn.Server):
    """uvicorn that leaves signals to the service, and tells its address when it listens."""

    def __init__(self, config: uvicorn.Config, listening: asyncio.Future[str]) -> None:
        super().__init__(config)
        self._listening = listening

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Nothing: the service stops all its parts together."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then tell."""
        await super().startup(sockets)
        if self.should_exit:
            return
        host, port = self.servers[0].sockets[0].getsockname()[:2]
        self._listening.set_result(f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}")


def _bind(settings: Settings, role: str) -> socket.socket:
    """Take the address before anything else is opened: nobody is answered yet, but it is known to be ours.

    A worker whose port is taken (by the web role of the same machine, say) takes any other: it must post, whoever
    looks at its metrics.

    Raises:
        ConfigurationError: it is in use, or not this machine's.
    """
    try:
        return _bound(settings.host, settings.port)
    except ConfigurationError:
        if role != "worker":
            raise
    bound = _bound(settings.host, 0)
    _log.warning("port is taken, health and metrics are at another one", port=bound.getsockname()[1])
    return bound


def _bound(host: str, wanted_port: int) -> socket.socket:
    try:
        found = socket.getaddrinfo(host, wanted_port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        # A name may have addresses of both kinds; the older kind is what other programs try.
        family, kind, protocol, _, address = min(found, key=lambda one: one[0] != socket.AF_INET)
        # With the protocol said, asyncio sends small answers at once (TCP_NODELAY).
        bound = socket.socket(family, kind, protocol)
        try:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind(address)
        except OSError:
            bound.close()
            raise
    except OSError as error:
        raise ConfigurationError(
            f"The address cannot be listened on ({error.strerror}).",
            variable="WESCOPE_HOST, WESCOPE_PORT",
            port=wanted_port,
        ) from error
    return bound


class _Web:
    """The web part on a bound socket. Until it is given a runtime it answers that the service is not ready."""

    def __init__(
        self,
        bound: socket.socket,
        metrics: Metrics,
        stop: asyncio.Event,
        role: str,
        *,
        settings: Settings,
        access: Access | None = None,
    ) -> None:
        self._bound, self._stop = bound, stop
        self._services = RuntimeServices()
        self._listening: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        config = uvicorn.Config(
            self._app(metrics, role, settings, access),
            log_config=None,
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=_WEB_GRACE_S,
            server_header=False,
        )
        self._server = _Server(config, self._listening)

    def _app(self, metrics: Metrics, role: str, settings: Settings, access: Access | None) -> FastAPI:
        if role == "worker":
            public = settings.expose != "all"
            return create_worker_app(self._services, metrics=metrics, version=__version__, public=public)
        return create_app(
            self._services,
            metrics=metrics,
            version=__version__,
            expose=settings.expose,
            access=access,
            dashboards=Dashboards.of(settings),
        )

    async def serve(self) -> None:
        """Answer until the stop."""
        serving = asyncio.create_task(self._server.serve(sockets=[self._bound]))
        stopping = asyncio.create_task(self._stop.wait())
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        self._server.should_exit = True
        stopping.cancel()
        self._listening.cancel()
        await serving

    async def use(self, runtime: Runtime | Receiver) -> str:
        """Serve with this runtime from now on; the address at which it listens (empty if it was stopped before)."""
        self._services.opened = runtime
        await asyncio.wait({self._listening})
        if self._listening.cancelled():
            return ""
        return self._listening.result()


@contextlib.contextmanager
def _stop_on_signals(stop: asyncio.Event, hurry: asyncio.Event) -> Iterator[None]:
    """The first signal asks to stop, the second one to do so without waiting for running jobs."""
    loop = asyncio.get_running_loop()

    def asked(number: signal.Signals) -> None:
        _log.info("stopping at once" if stop.is_set() else "stopping", signal=number.name)
        (hurry if stop.is_set() else stop).set()

    caught = (signal.SIGTERM, signal.SIGINT)
    for number in caught:
        loop.add_signal_handler(number, asked, number)
    try:
        yield
    finally:
        for number in caught:
            loop.remove_signal_handler(number)
