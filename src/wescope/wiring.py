"""Wiring: the one place where parts are built and put together, and the service that runs them."""

import asyncio
import contextlib
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import structlog
import uvicorn
from sqlalchemy.ext.asyncio import AsyncEngine

from wescope import __version__
from wescope.config import PolicyFile, QboAccess, Settings, token_key
from wescope.engine.attempts import AttemptLog
from wescope.engine.doctor import Patient, time_at
from wescope.engine.locks import ClusterLocks
from wescope.engine.payout_match import BankMatcher
from wescope.engine.payouts import PayoutDesk
from wescope.engine.queue import HintQueue, WorkerSettings
from wescope.engine.reconcile import Reconciler
from wescope.engine.results import ParkedRow, PayoutDetail, PayoutResult, Status, SyncResult, TieOut
from wescope.engine.runtime import Runtime, WebhookOutcome
from wescope.engine.tokens import StoredTokenStore
from wescope.engine.writer import Writer
from wescope.errors import ConfigurationError, DatabaseUnavailable
from wescope.links.database import conninfo, migrate, open_engine, schema_is_current, shed_idle
from wescope.links.embedded import EmbeddedPostgresError, Use, acquire, release, revive
from wescope.links.store import LinkStore
from wescope.links.tokens import TokenTable
from wescope.observe.metrics import Metrics
from wescope.qbo.attempts import Attempt, AttemptHook
from wescope.qbo.client import QboClient
from wescope.qbo.company import Company, TaxChoice
from wescope.qbo.existing import ExistingDocuments
from wescope.qbo.limits import Limits, PostgresLimits
from wescope.qbo.tokens import TokenSource
from wescope.stripe.client import StripeApi
from wescope.stripe.events import EVENTS
from wescope.stripe.listing import StripeListing
from wescope.stripe.reader import StripeReader
from wescope.web.app import create_app
from wescope.web.services import Accepted, Outcome, Readiness

_log = structlog.get_logger(__name__)

_WEB_GRACE_S = 3
_WATCH_EVERY_S = 0.5
_ACCEPT_S = 10.0
_accepting: set[asyncio.Task[WebhookOutcome]] = set()


@contextlib.asynccontextmanager
async def open_database(settings: Settings) -> AsyncIterator[str]:
    """The address of the database: the configured one, or that of the embedded server, which runs meanwhile."""
    if settings.database_url is not None:
        yield settings.database_url.get_secret_value()
        return
    use = await asyncio.to_thread(acquire, settings.home)
    watching = asyncio.create_task(_keep_running(use))
    try:
        yield use.server.url
    finally:
        watching.cancel()
        await asyncio.shield(asyncio.to_thread(release, use))


async def _keep_running(use: Use) -> None:
    """Start the embedded server again when it is killed; what uses it meanwhile fails, and comes back by itself."""
    while True:
        await asyncio.sleep(_WATCH_EVERY_S)
        try:
            if await asyncio.to_thread(revive, use):
                _log.warning("embedded PostgreSQL was gone and is started again")
        except EmbeddedPostgresError as error:
            _log.error("embedded PostgreSQL is gone", code=error.code)


@contextlib.asynccontextmanager
async def open_runtime(
    settings: Settings, policy_file: PolicyFile, *, hooks: Sequence[AttemptHook] = ()
) -> AsyncIterator[Runtime]:
    """All parts, put together and open for the length of the block.

    Args:
        settings: the environment.
        policy_file: the company's choices.
        hooks: told of every request to QBO.

    Raises:
        ConfigurationError: settings are missing or wrong; nothing was opened.
        DatabaseUnavailable: the database does not answer.
    """
    settings.require_stripe()
    settings.require_qbo(token_stored=True)  # whether one is stored is known only when the database is open
    async with contextlib.AsyncExitStack() as stack:
        url = await stack.enter_async_context(open_database(settings))
        yield await stack.enter_async_context(assemble(settings, policy_file, url, hooks=hooks))


@contextlib.asynccontextmanager
async def assemble(
    settings: Settings,
    policy_file: PolicyFile,
    url: str,
    *,
    limits: Limits | None = None,
    hooks: Sequence[AttemptHook] = (),
) -> AsyncIterator[Runtime]:
    """All parts on the database at `url`, brought up to date, open for the length of the block.

    Args:
        settings: the environment; its database is not looked at.
        policy_file: the company's choices.
        url: where PostgreSQL is.
        limits: what QBO's requests ask before they go; null keeps Intuit's limits over all processes.
        hooks: told of every request to QBO.

    Raises:
        ConfigurationError: settings are missing or wrong.
        DatabaseUnavailable: the database does not answer.
    """
    async with contextlib.AsyncExitStack() as stack:
        opened = await _connect(stack, settings, url, given_limits=limits, given_hooks=hooks)
        yield _assemble(settings, policy_file, opened)


def _shared_limits(stack: contextlib.AsyncExitStack, url: str, realm_id: str) -> Limits:
    limits = PostgresLimits(conninfo(url), realm_id)
    stack.push_async_callback(limits.aclose)
    return limits


async def _tables(stack: contextlib.AsyncExitStack, url: str) -> tuple[AsyncEngine, AttemptLog]:
    engine = open_engine(url)
    stack.push_async_callback(engine.dispose)
    await migrate(engine)
    attempts = AttemptLog(engine)
    stack.push_async_callback(attempts.flush)
    for chore in (attempts.run(), shed_idle(engine)):
        stack.callback(asyncio.create_task(chore).cancel)
    return engine, attempts


async def _stored_tokens(engine: AsyncEngine, settings: Settings, realm_id: str) -> TokenTable:
    table = TokenTable(engine, [token_key(settings)])
    settings.require_qbo(token_stored=await table.load(realm_id) is not None)
    return table


def _qbo(
    stack: contextlib.AsyncExitStack,
    access: QboAccess,
    table: TokenTable,
    limits: Limits,
    hooks: tuple[AttemptHook, ...],
) -> tuple[TokenSource, QboClient]:
    tokens = TokenSource(
        realm_id=access.realm_id,
        store=StoredTokenStore(table),
        client_id=access.client_id,
        client_secret=access.client_secret.get_secret_value(),
        token_url=access.token_url,
        seed_refresh_token=access.refresh_token.get_secret_value() if access.refresh_token else None,
        hooks=hooks,
    )
    stack.push_async_callback(tokens.aclose)
    client = QboClient(api_base=access.api_base, realm_id=access.realm_id, tokens=tokens, limits=limits, hooks=hooks)
    stack.push_async_callback(client.aclose)
    return tokens, client


@dataclass(frozen=True, slots=True, kw_only=True)
class _Connections:
    """What is opened and must be closed: the database, QBO and Stripe."""

    engine: AsyncEngine
    attempts: AttemptLog
    queue: HintQueue
    locks: ClusterLocks
    tokens: TokenSource
    client: QboClient
    api: StripeApi


async def _connect(
    stack: contextlib.AsyncExitStack,
    settings: Settings,
    url: str,
    *,
    given_limits: Limits | None,
    given_hooks: Sequence[AttemptHook],
) -> _Connections:
    stripe_access, qbo_access = settings.require_stripe(), settings.require_qbo(token_stored=True)
    engine, attempts = await _tables(stack, url)
    table = await _stored_tokens(engine, settings, qbo_access.realm_id)
    limits = given_limits or _shared_limits(stack, url, qbo_access.realm_id)
    tokens, client = _qbo(stack, qbo_access, table, limits, (attempts, *given_hooks))
    api = StripeApi(api_key=stripe_access.api_key.get_secret_value(), base_url=stripe_access.api_base)
    stack.push_async_callback(api.close)
    queue = HintQueue(engine, conninfo(url))
    await queue.open()
    stack.push_async_callback(queue.aclose)
    locks = ClusterLocks(conninfo(url))
    stack.push_async_callback(locks.aclose)
    return _Connections(
        engine=engine, attempts=attempts, queue=queue, locks=locks, tokens=tokens, client=client, api=api
    )


def _assemble(settings: Settings, policy_file: PolicyFile, opened: _Connections) -> Runtime:
    company = _company(opened.client, policy_file)
    reader, listing = StripeReader(opened.api, policy_file.policy.timezone), StripeListing(opened.api)
    store = LinkStore(settings.require_qbo(token_stored=True).realm_id)
    return Runtime(
        engine=opened.engine,
        queue=opened.queue,
        store=store,
        reader=reader,
        listing=listing,
        client=opened.client,
        company=company,
        tokens=opened.tokens,
        reconciler=_reconciler(policy_file, opened, store=store, company=company, reader=reader, listing=listing),
        attempts=opened.attempts,
        policy=policy_file.policy,
        dry_run=policy_file.dry_run,
        webhook_secrets=tuple(secret.get_secret_value() for secret in settings.stripe_webhook_secrets),
        workers=WorkerSettings(concurrency=policy_file.concurrency),
        patient=_patient(settings, policy_file, opened, reader),
    )


def _reconciler(
    policy_file: PolicyFile,
    opened: _Connections,
    *,
    store: LinkStore,
    company: Company,
    reader: StripeReader,
    listing: StripeListing,
) -> Reconciler:
    engine, client, policy = opened.engine, opened.client, policy_file.policy
    existing = ExistingDocuments(client, company)
    writer = Writer(
        engine=engine,
        store=store,
        client=client,
        company=company,
        settle_s=policy_file.settle_s,
        server_timeout_s=policy_file.server_timeout_s,
        closed_period=policy.closed_period,
        existing=existing,
    )
    matcher = BankMatcher(engine=engine, realm_id=store.realm_id, listing=listing, accounts=company, entries=existing)
    return Reconciler(
        engine=engine,
        store=store,
        reader=reader,
        writer=writer,
        locks=opened.locks,
        policy=policy,
        dry_run=policy_file.dry_run,
        defer=opened.queue.defer,
        payouts=PayoutDesk(engine=engine, store=store, reader=reader, matcher=matcher, policy=policy),
    )


def _patient(settings: Settings, policy_file: PolicyFile, opened: _Connections, reader: StripeReader) -> Patient:
    return Patient(
        settings=settings,
        policy_file=policy_file,
        database_ready=lambda: schema_is_current(opened.engine),
        stripe=reader,
        stripe_api=opened.api,
        qbo=opened.client,
        token_days_left=opened.tokens.days_left,
        stripe_time=lambda: time_at(settings.stripe_api_base),
    )


def _company(client: QboClient, policy_file: PolicyFile) -> Company:
    tax = policy_file.tax
    choice = TaxChoice(mode="native" if tax.native else "line", default_code=tax.code, codes=tax.codes)
    return Company(client, policy_file.account, policy_file.items, choice)


@dataclass(frozen=True, slots=True)
class RuntimeServices:
    """The runtime as the web layer wants it."""

    runtime: Runtime

    async def accept(self, body: bytes, signature: str | None) -> Accepted:
        """Verify a webhook and store its hint durably."""
        accepting = asyncio.create_task(self.runtime.accept(body, signature))
        _accepting.add(accepting)
        accepting.add_done_callback(_accepting.discard)
        await asyncio.wait({accepting}, timeout=_ACCEPT_S)
        if not accepting.done():
            # A database that hangs lets a cancellation hang too: nobody waits for that.
            accepting.cancel()
            raise DatabaseUnavailable(reason="timeout")
        found = accepting.result()
        return Accepted(event_id=found.event_id, event_type=found.event_type, outcome=Outcome(found.outcome))

    async def status(self) -> Status:
        """What the service is doing."""
        return await self.runtime.status()

    async def ready(self) -> Readiness:
        """Whether the service can work: the database answers and has this version's schema."""
        try:
            current = await self.runtime.database_ready()
        except DatabaseUnavailable as error:
            return Readiness(ok=False, checks={"database": error.code})
        return Readiness(ok=current, checks={"database": "ok" if current else "schema_outdated"})

    async def sync(self, ids: Sequence[str], *, dry_run: bool) -> Sequence[SyncResult]:
        """Reconcile these Stripe objects now."""
        return await self.runtime.sync(ids, dry_run=dry_run)

    async def tieout(self, as_of: date | None) -> TieOut:
        """Compare Stripe and QBO."""
        return await self.runtime.tieout(as_of)

    async def parked(self) -> Sequence[ParkedRow]:
        """The parked documents."""
        return await self.runtime.parked()

    async def payouts(self) -> Sequence[PayoutResult]:
        """The payouts that were looked at."""
        return await self.runtime.payouts()

    async def payout(self, payout_id: str) -> PayoutDetail:
        """One payout with its rows."""
        return await self.runtime.payout(payout_id)


async def serve(
    settings: Settings, policy_file: PolicyFile, role: str, *, ready: Callable[[str], None] | None = None
) -> None:
    """Run the service until SIGTERM or SIGINT.

    Args:
        settings: the environment.
        policy_file: the company's choices.
        role: `web` receives webhooks, `worker` posts, `all` does both.
        ready: told the address (or the role, without one) once the service can work.

    Raises:
        ConfigurationError: settings are missing or wrong.
        DatabaseUnavailable: the database does not answer at the start.
    """
    if role != "worker":
        settings.require_webhooks()
    metrics = Metrics(EVENTS)
    stop, hurry = asyncio.Event(), asyncio.Event()
    with _stop_on_signals(stop, hurry), contextlib.ExitStack() as bound:
        address = bound.enter_context(_bind(settings)) if role != "worker" else None
        async with open_runtime(settings, policy_file, hooks=(_Meter(metrics),)) as runtime:
            parts: list[asyncio.Task[None]] = []
            if role != "web":
                parts.append(asyncio.create_task(runtime.work(stop), name="worker"))
            if address:
                parts.append(asyncio.create_task(_serve_web(runtime, address, metrics, stop, ready), name="web"))
            elif ready:
                ready(role)
            try:
                await _until_stopped(parts, stop)
            finally:
                stop.set()
                hurrying = asyncio.create_task(_hurry(hurry, runtime))
                await asyncio.gather(*parts, return_exceptions=True)
                hurrying.cancel()


async def _hurry(hurry: asyncio.Event, runtime: Runtime) -> None:
    """Cut the running jobs off as soon as a second signal asks for it."""
    await hurry.wait()
    runtime.queue.hurry()


@dataclass(frozen=True, slots=True)
class _Meter:
    """Counts requests to QBO."""

    metrics: Metrics

    def __call__(self, attempt: Attempt) -> None:
        self.metrics.qbo_call(
            operation=attempt.operation,
            entity=attempt.entity or "",
            outcome=attempt.outcome,
            seconds=attempt.milliseconds / 1000,
        )


async def _until_stopped(parts: list[asyncio.Task[None]], stop: asyncio.Event) -> None:
    """Wait for the stop; a part that ends before it takes the service down, so that it is started anew."""
    stopping = asyncio.create_task(stop.wait())
    done, _ = await asyncio.wait([*parts, stopping], return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    for part in done - {stopping}:
        part.result()


class _Server(uvicorn.Server):
    """uvicorn that leaves signals to the service, and tells its address when it listens."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[str], None] | None) -> None:
        super().__init__(config)
        self._ready = ready

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
        address = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        _log.info("ready", url=address)
        if self._ready:
            self._ready(address)


def _bind(settings: Settings) -> socket.socket:
    """Take the address before anything else is opened: nobody is answered yet, but it is known to be ours.

    Raises:
        ConfigurationError: it is in use, or not this machine's.
    """
    try:
        found = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        # A name may have addresses of both kinds; the older kind is what other programs try.
        family, kind, protocol, _, address = min(found, key=lambda one: one[0] != socket.AF_INET)
        # With the protocol said, asyncio sends small answers at once (TCP_NODELAY).
        bound = socket.socket(family, kind, protocol)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
    except OSError as error:
        raise ConfigurationError(
            f"The address cannot be listened on ({error.strerror}).",
            variable="WESCOPE_HOST, WESCOPE_PORT",
            port=settings.port,
        ) from error
    return bound


async def _serve_web(
    runtime: Runtime,
    bound: socket.socket,
    metrics: Metrics,
    stop: asyncio.Event,
    ready: Callable[[str], None] | None,
) -> None:
    app = create_app(RuntimeServices(runtime), metrics=metrics, version=__version__)
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=_WEB_GRACE_S,
        server_header=False,
    )
    server = _Server(config, ready)
    serving = asyncio.create_task(server.serve(sockets=[bound]))
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    server.should_exit = True
    stopping.cancel()
    await serving


@contextlib.contextmanager
def _stop_on_signals(stop: asyncio.Event, hurry: asyncio.Event) -> Iterator[None]:
    """The first signal asks to stop, the second one to do so without waiting for running jobs."""
    loop = asyncio.get_running_loop()

    def asked() -> None:
        (hurry if stop.is_set() else stop).set()

    caught = (signal.SIGTERM, signal.SIGINT)
    for number in caught:
        loop.add_signal_handler(number, asked)
    try:
        yield
    finally:
        for number in caught:
            loop.remove_signal_handler(number)
