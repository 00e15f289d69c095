"""The service: the web role and the worker role as one process, from the first signal's arrival to a clean end."""

import asyncio
import contextlib
import signal
import socket
import time
from collections.abc import Callable, Iterator

import structlog
import uvicorn
from fastapi import FastAPI

from wescope import __version__
from wescope.collector import resting
from wescope.config import Settings
from wescope.engine.dashboards import Dashboards
from wescope.engine.receiver import Receiver
from wescope.engine.runtime import Runtime
from wescope.errors import ConfigurationError, DatabaseUnavailable
from wescope.observe.metrics import Metrics
from wescope.web.access.guard import Access
from wescope.web.runtime_services import RuntimeServices

_log = structlog.get_logger(__name__)

_WEB_GRACE_S = 3
_START_PATIENCE_S, _START_AGAIN_S = 60.0, 1.0


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
        """The role's application, imported and built now: a worker does not pay for what only a web role shows."""
        with resting():
            if role == "worker":
                from wescope.web.worker_app import create_worker_app  # noqa: PLC0415 - see above

                public = settings.expose != "all"
                return create_worker_app(self._services, metrics=metrics, version=__version__, public=public)
            from wescope.web.app import create_app  # noqa: PLC0415 - see above

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
