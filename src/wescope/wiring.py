"""Wiring: the one place where parts are built and put together."""

import asyncio
import contextlib
import functools
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from wescope import __version__
from wescope.collector import resting
from wescope.config import PolicyFile, QboAccess, SecretSource, Settings, token_keys
from wescope.config.secret_manager import SecretManager
from wescope.engine import lifecycle
from wescope.engine.attempts import AttemptLog
from wescope.engine.connect_desk import ConnectDesk
from wescope.engine.connecting import Connector
from wescope.engine.connection import Connection
from wescope.engine.counting import Meter, new_metrics
from wescope.engine.doctor import Patient, time_at
from wescope.engine.locks import ClusterLocks
from wescope.engine.payout_match import BankMatcher
from wescope.engine.payouts import PayoutDesk
from wescope.engine.queue import HintQueue, WorkerSettings
from wescope.engine.read_budget import ReadBudget
from wescope.engine.receiver import Receiver
from wescope.engine.reconcile import Reconciler
from wescope.engine.restored import Restored
from wescope.engine.runtime import Runtime
from wescope.engine.sending import batch_notes
from wescope.engine.shares import keep_share
from wescope.engine.token_backup import Backup, NoBackup, SecretBackup
from wescope.engine.tokens import StoredTokenStore, note_unconnected
from wescope.engine.verify import Verify
from wescope.engine.watching import Watching
from wescope.engine.write_gate import WriteGate
from wescope.engine.writer import Writer
from wescope.links.clock import DatabaseClock
from wescope.links.database import conninfo, migrate, open_engine, schema_is_current, shed_idle
from wescope.links.opening import open_database
from wescope.links.store import LinkStore
from wescope.links.tokens import TokenTable
from wescope.observe.metrics import Metrics
from wescope.observe.traces import exporting
from wescope.qbo.attempts import AttemptHook
from wescope.qbo.call_log import log_call
from wescope.qbo.client import QboClient
from wescope.qbo.company import Company, TaxChoice
from wescope.qbo.existing import ExistingDocuments
from wescope.qbo.lanes import LANE, Lane
from wescope.qbo.limits import Limits, PostgresLimits
from wescope.qbo.tokens import TokenSource
from wescope.stripe.client import StripeApi
from wescope.stripe.listing import StripeListing
from wescope.stripe.reader import StripeReader

_log = structlog.get_logger(__name__)

_CONNECTIONS, _JOB_CONNECTIONS = 6, 10


@contextlib.asynccontextmanager
async def open_runtime(
    settings: Settings,
    policy_file: PolicyFile,
    *,
    hooks: Sequence[AttemptHook] = (),
    metrics: Metrics | None = None,
    unconnected: bool = False,
) -> AsyncIterator[Runtime]:
    """All parts, put together and open for the length of the block.

    Args:
        settings: the environment.
        policy_file: the company's choices.
        hooks: told of every request to QBO.
        metrics: where the process counts; own ones if left out.
        unconnected: as for `assemble`.

    Raises:
        ConfigurationError: settings are missing or wrong; nothing was opened.
        DatabaseUnavailable: the database does not answer.
    """
    settings.require_stripe()
    settings.require_qbo(token_stored=True)  # whether one is stored is known only when the database is open
    async with contextlib.AsyncExitStack() as stack:
        url = await stack.enter_async_context(open_database(settings))
        opened = assemble(
            settings, policy_file, url, hooks=hooks, metrics=metrics, watchful=True, unconnected=unconnected
        )
        yield await stack.enter_async_context(opened)


@contextlib.asynccontextmanager
async def open_receiver(settings: Settings) -> AsyncIterator[Receiver]:
    """What only takes webhooks, open for the length of the block; it knows no key of Stripe or QBO.

    Raises:
        ConfigurationError: settings are missing or wrong; nothing was opened.
        DatabaseUnavailable: the database does not answer.
    """
    realm_id = settings.require_realm()
    async with contextlib.AsyncExitStack() as stack:
        url = await stack.enter_async_context(open_database(settings))
        engine = _pool(stack, url, most=_CONNECTIONS)
        await migrate(engine)
        queue = HintQueue(engine, conninfo(url))
        await queue.open()
        stack.push_async_callback(queue.aclose)
        yield Receiver(engine=engine, queue=queue, realm_id=realm_id, secrets=_watched(stack, settings))


def _watched(stack: contextlib.AsyncExitStack, settings: Settings) -> SecretSource:
    secrets = SecretSource(settings)
    stack.callback(asyncio.create_task(secrets.watch()).cancel)
    return secrets


@contextlib.asynccontextmanager
async def open_connector(settings: Settings) -> AsyncIterator[Connector]:
    """What connects a company, open for the length of the block; the service may run beside it.

    Raises:
        ConfigurationError: settings are missing or wrong; nothing was opened.
        DatabaseUnavailable: the database does not answer.
    """
    app = settings.require_qbo_app()
    async with contextlib.AsyncExitStack() as stack:
        url = await stack.enter_async_context(open_database(settings))
        engine, attempts = await _tables(stack, url)
        table = TokenTable(engine, token_keys(settings))
        backup = _backup(stack, settings, engine, table, close_s=15)
        connector = Connector(engine=engine, table=table, app=app, hooks=(attempts, log_call), backup=backup)
        stack.push_async_callback(connector.aclose)
        yield connector


@contextlib.asynccontextmanager
async def assemble(
    settings: Settings,
    policy_file: PolicyFile,
    url: str,
    *,
    limits: Limits | None = None,
    hooks: Sequence[AttemptHook] = (),
    watchful: bool = False,
    metrics: Metrics | None = None,
    unconnected: bool = False,
) -> AsyncIterator[Runtime]:
    """All parts on the database at `url`, brought up to date, open for the length of the block.

    Args:
        settings: the environment; its database is not looked at.
        policy_file: the company's choices.
        url: where PostgreSQL is.
        limits: what QBO's requests ask before they go; null keeps Intuit's limits over all processes.
        hooks: told of every request to QBO.
        watchful: whether QBO is asked first if this database may be an older one, or a new one (`engine/restored.py`).
        metrics: where the process counts; own ones if left out.
        unconnected: whether it may be without a refresh token: work then waits until somebody has connected QBO.

    Raises:
        ConfigurationError: settings are missing or wrong.
        DatabaseUnavailable: the database does not answer.
    """
    async with contextlib.AsyncExitStack() as stack:
        counted = metrics or new_metrics()
        opened = await _connect(
            stack,
            settings,
            policy_file,
            url,
            given_limits=limits,
            given_hooks=hooks,
            metrics=counted,
            unconnected=unconnected,
        )
        yield _assemble(settings, policy_file, opened, watchful=watchful)


def _shared_limits(stack: contextlib.AsyncExitStack, url: str, realm_id: str) -> Limits:
    limits = PostgresLimits(conninfo(url), realm_id)
    stack.push_async_callback(limits.aclose)
    return limits


async def _tables(stack: contextlib.AsyncExitStack, url: str) -> tuple[AsyncEngine, AttemptLog]:
    engine = _pool(stack, url, most=_CONNECTIONS)
    await migrate(engine)
    attempts = AttemptLog(engine)
    stack.push_async_callback(attempts.flush)
    stack.callback(asyncio.create_task(attempts.run()).cancel)
    return engine, attempts


def _pool(stack: contextlib.AsyncExitStack, url: str, *, most: int) -> AsyncEngine:
    engine = open_engine(url, most=most)
    stack.push_async_callback(engine.dispose)
    stack.callback(asyncio.create_task(shed_idle(engine)).cancel)
    return engine


async def _stored_tokens(
    engine: AsyncEngine, settings: Settings, realm_id: str, *, unconnected: bool = False
) -> TokenTable:
    keys = token_keys(settings)
    table = TokenTable(engine, keys)
    if unconnected and settings.qbo_refresh_token is None:
        await note_unconnected(table, realm_id)
    else:
        settings.require_qbo(token_stored=await table.load(realm_id) is not None)
    if len(keys) > 1 and (count := await table.reencrypt()):
        _log.warning("stored tokens encrypted with the newest key", count=count)
    return table


def _backup(
    stack: contextlib.AsyncExitStack, settings: Settings, engine: AsyncEngine, table: TokenTable, *, close_s: float = 3
) -> Backup:
    if settings.secrets != "gcp" or not settings.gcp_refresh_token_backup:
        return NoBackup()
    backup = SecretBackup(engine=engine, table=table, manager=SecretManager.of(settings), close_s=close_s)
    stack.push_async_callback(backup.aclose)
    return backup


def _qbo(
    stack: contextlib.AsyncExitStack,
    access: QboAccess,
    store: StoredTokenStore,
    limits: Limits,
    *,
    secrets: SecretSource,
    engine: AsyncEngine,
    gate: WriteGate,
    reads: ReadBudget,
    backlog_singles: bool,
    hooks: tuple[AttemptHook, ...],
) -> tuple[TokenSource, QboClient]:
    tokens = TokenSource(
        realm_id=access.realm_id,
        store=store,
        client_id=access.client_id,
        client_secret=secrets.live("qbo_client_secret"),
        token_url=access.token_url,
        seed_refresh_token=secrets.live("qbo_refresh_token"),
        hooks=hooks,
    )
    stack.push_async_callback(tokens.aclose)
    client = QboClient(
        api_base=access.api_base,
        realm_id=access.realm_id,
        tokens=tokens,
        limits=limits,
        hooks=hooks,
        reads=reads,
        before_batch=batch_notes(engine, LinkStore(access.realm_id)),
        before_write=gate.check,
        backlog_singles=backlog_singles,
    )
    stack.push_async_callback(client.aclose)
    return tokens, client


@dataclass(frozen=True, slots=True, kw_only=True)
class _Connections:
    """What is opened and must be closed: the database, QBO and Stripe."""

    secrets: SecretSource
    engine: AsyncEngine
    jobs: AsyncEngine
    """What jobs use. A backlog of them must not keep webhooks and status waiting for a connection."""
    attempts: AttemptLog
    queue: HintQueue
    locks: ClusterLocks
    tokens: TokenSource
    client: QboClient
    reads: ReadBudget
    connection: Connection
    connecting: ConnectDesk
    gate: WriteGate
    api: StripeApi
    metrics: Metrics


async def _connect(
    stack: contextlib.AsyncExitStack,
    settings: Settings,
    policy_file: PolicyFile,
    url: str,
    *,
    given_limits: Limits | None,
    given_hooks: Sequence[AttemptHook],
    metrics: Metrics,
    unconnected: bool,
) -> _Connections:
    stripe_access, qbo_access = settings.require_stripe(), settings.require_qbo(token_stored=True)
    secrets = _watched(stack, settings)
    engine, attempts = await _tables(stack, url)
    table = await _stored_tokens(engine, settings, qbo_access.realm_id, unconnected=unconnected)
    backup = _backup(stack, settings, engine, table)
    backup.keep(qbo_access.realm_id)  # what failed when it was new
    limits = given_limits or _shared_limits(stack, url, qbo_access.realm_id)
    reads = ReadBudget(engine=engine, realm_id=qbo_access.realm_id, monthly_reads=policy_file.monthly_reads)
    gate = WriteGate.of(engine, qbo_access.realm_id, policy_file)
    hooks: tuple[AttemptHook, ...] = (attempts, reads, Meter(metrics), log_call, *given_hooks)
    tokens, client = _qbo(
        stack,
        qbo_access,
        StoredTokenStore(table, backup=backup),
        limits,
        secrets=secrets,
        engine=engine,
        gate=gate,
        reads=reads,
        backlog_singles=policy_file.backlog_singles,
        hooks=hooks,
    )
    connection = Connection(
        engine=engine, realm_id=qbo_access.realm_id, tokens=tokens, read_company=client.company_info
    )
    stack.push_async_callback(connection.aclose)
    api = StripeApi(
        api_key=secrets.live("stripe_api_key"),
        base_url=stripe_access.api_base,
        urgent=lambda: LANE.get() is Lane.LIVE,
        told=metrics.stripe_call,
    )
    stack.push_async_callback(api.close)
    stack.callback(asyncio.create_task(keep_share(engine, api.share)).cancel)
    queue = HintQueue(engine, conninfo(url))
    await queue.open()
    stack.push_async_callback(queue.aclose)
    locks = ClusterLocks(conninfo(url))
    stack.push_async_callback(locks.aclose)
    return _Connections(
        secrets=secrets,
        engine=engine,
        jobs=_pool(stack, url, most=_JOB_CONNECTIONS),
        attempts=attempts,
        queue=queue,
        locks=locks,
        tokens=tokens,
        client=client,
        reads=reads,
        connection=connection,
        connecting=ConnectDesk(engine=engine, table=table, secrets=secrets, hooks=hooks, backup=backup),
        gate=gate,
        api=api,
        metrics=metrics,
    )


def _assemble(settings: Settings, policy_file: PolicyFile, opened: _Connections, *, watchful: bool) -> Runtime:
    company = _company(opened.client, policy_file)
    reader, listing = StripeReader(opened.api, policy_file.policy.timezone), StripeListing(opened.api)
    store = LinkStore(settings.require_qbo(token_stored=True).realm_id)
    reconciler = _reconciler(policy_file, opened, store=store, company=company, reader=reader, listing=listing)
    return Runtime(
        engine=opened.engine,
        queue=opened.queue,
        store=store,
        reader=reader,
        listing=listing,
        client=opened.client,
        company=company,
        tokens=opened.tokens,
        reconciler=_guarded(reconciler, policy_file) if watchful else reconciler,
        attempts=opened.attempts,
        policy=policy_file.policy,
        gate=opened.gate,
        connecting=opened.connecting,
        secrets=opened.secrets,
        workers=WorkerSettings(concurrency=policy_file.concurrency),
        patient=_patient(settings, policy_file, opened, reader),
        connection=opened.connection,
        reads=opened.reads,
        watching=Watching.of(
            settings,
            policy_file,
            engine=opened.engine,
            realm_id=store.realm_id,
            connection=opened.connection,
            reads=opened.reads,
            metrics=opened.metrics,
        ),
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
    engine, client, policy = opened.jobs, opened.client, policy_file.policy
    existing, clock = ExistingDocuments(client, company), DatabaseClock()
    writer = Writer(
        engine=engine,
        store=store,
        client=client,
        company=company,
        settle_s=policy_file.settle_s,
        server_timeout_s=policy_file.server_timeout_s,
        closed_period=policy.closed_period,
        existing=existing,
        clock=clock,
    )
    matcher = BankMatcher(engine=engine, realm_id=store.realm_id, listing=listing, accounts=company, entries=existing)
    return Reconciler(
        engine=engine,
        store=store,
        reader=reader,
        writer=writer,
        locks=opened.locks,
        policy=policy,
        gate=opened.gate,
        defer=opened.queue.defer,
        payouts=PayoutDesk(engine=engine, store=store, reader=reader, matcher=matcher, policy=policy),
        connection=opened.connection,
        clock=clock,
        metrics=opened.metrics,
    )


def _guarded(reconciler: Reconciler, policy_file: PolicyFile) -> Reconciler:
    """The reconciler that makes sure, before its first work, that the database knows what QBO holds of ours."""
    guard = Restored(
        engine=reconciler.engine,
        locks=reconciler.locks,
        rebuild=Verify.of(reconciler, policy_file).rebuild,
        client=reconciler.writer.sending.client,
        lands_within=reconciler.writer.lands_within,
    )
    return replace(reconciler, restored=guard)


async def _ask_sign_in(settings: Settings) -> str:
    from wescope.web.access.choosing import ask_sign_in  # noqa: PLC0415 - of the web part, as in `serve`

    return await ask_sign_in(settings)


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
        connection=opened.connection.state,
        ask_sign_in=lambda: _ask_sign_in(settings),
    )


def _company(client: QboClient, policy_file: PolicyFile) -> Company:
    tax = policy_file.tax
    choice = TaxChoice(mode="native" if tax.native else "line", default_code=tax.code, codes=tax.codes)
    return Company(client, policy_file.account, policy_file.items, choice)


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
    shows_books = role != "worker" and settings.expose == "all"
    with resting():  # the web part is a quarter of all that there is to import, and no other command needs it
        from wescope import service  # noqa: PLC0415

        if shows_books:
            from wescope.web.access.choosing import access_of  # noqa: PLC0415

    metrics = new_metrics()
    opening: service.OpenRuntime = functools.partial(open_receiver, settings)
    if not settings.receives_only(role):
        opening = functools.partial(open_runtime, settings, policy_file, metrics=metrics, unconnected=True)
    access = access_of(settings, policy_file.access) if shows_books else None
    with lifecycle.told(settings, policy_file, role):
        async with exporting(settings.traces, role=role, version=__version__, project=settings.gcp_project):
            await service.run(opening, settings, metrics, role, access=access, ready=ready)
