"""Commands that look or act once: status, sync, doctor; and serve, which stays."""

import contextlib
from collections.abc import AsyncIterator, Sequence

import typer
from rich.console import Console

from wescope.cli import tables
from wescope.cli.output import ExitCode, print_json, print_json_line
from wescope.cli.outputs import Serving, Synced
from wescope.cli.ports import Runtime, wiring
from wescope.cli.progress import Reporter
from wescope.config import Settings, load_policy_file, load_settings
from wescope.engine.doctor import settings_checks
from wescope.engine.results import Check, Diagnosis, Severity
from wescope.errors import PolicyError, WescopeError
from wescope.observe.logs import configure_logs


def _configure(settings: Settings, *, quiet: bool, role: str = "command") -> None:
    """Logs as WESCOPE_LOG_LEVEL says; unless it says so, a command that ends soon shows only warnings."""
    chosen = "log_level" in settings.model_fields_set
    level = "warning" if quiet and not chosen else settings.log_level
    configure_logs(level, role=role, project=settings.gcp_project)


@contextlib.asynccontextmanager
async def open_runtime() -> AsyncIterator[Runtime]:
    """The parts as the environment says, open for the length of the block; logs show warnings only."""
    settings = load_settings()
    _configure(settings, quiet=True)
    async with wiring().open_runtime(settings, load_policy_file(settings)) as runtime:
        yield runtime


async def status(*, as_json: bool) -> ExitCode:
    """Show what the service is doing."""
    async with open_runtime() as runtime:
        seen = await runtime.status()
    if as_json:
        print_json(seen)
    else:
        tables.show_status(seen, Console())
    return ExitCode.GOOD


async def sync(ids: Sequence[str], *, dry_run: bool, as_json: bool) -> ExitCode:
    """Reconcile these Stripe objects now; somebody is needed if a document of theirs is parked."""
    async with open_runtime() as runtime:
        with Reporter() as progress:
            results = tuple(await runtime.sync(ids, dry_run=dry_run, progress=progress))
    if as_json:
        print_json(Synced(dry_run=dry_run, subjects=results))
    else:
        tables.show_sync(results, Console())
    return ExitCode.NEEDS_YOU if any(result.needs_someone for result in results) else ExitCode.GOOD


async def doctor(*, as_json: bool) -> ExitCode:
    """Check everything that the work needs; somebody is needed if an error was found."""
    with Reporter() as progress:
        progress("Checking", 0, 0)
        seen = Diagnosis.of(await _checks())
    if as_json:
        print_json(seen)
    else:
        tables.show_checks(seen.checks, Console())
    return ExitCode.GOOD if seen.ok else ExitCode.NEEDS_YOU


async def _checks() -> Sequence[Check]:
    """All checks; if the parts cannot even be opened, those of the settings and the reason."""
    settings = load_settings()
    first = settings_checks(settings)
    if any(check.severity is Severity.ERROR and not check.ok for check in first):
        return first
    try:
        async with open_runtime() as runtime:
            return await runtime.doctor()
    except PolicyError:
        raise
    except WescopeError as error:
        return (*first, Check(name="start", ok=False, detail=str(error), remedy=error.remedy, code="start"))


async def serve(role: str, *, as_json: bool) -> ExitCode:
    """Run the service until it is told to stop."""
    settings = load_settings()
    policy_file = load_policy_file(settings)
    _require(settings, role)
    _configure(settings, quiet=False, role=role)

    def announce(address: str) -> None:
        if as_json:
            print_json_line(Serving(role=role, url=address))
        else:
            typer.echo(f"WeScope Sync ({role}) is ready: {address}", err=True)

    await wiring().serve(settings, policy_file, role, ready=announce)
    return ExitCode.GOOD


def _require(settings: Settings, role: str) -> None:
    """Say at once what is missing, before a database is started for nothing."""
    if role in {"all", "web"}:
        settings.require_webhooks()
    if role in {"all", "worker"}:
        settings.require_stripe()
        settings.require_qbo(token_stored=True)  # whether one is stored is known when the database is open
