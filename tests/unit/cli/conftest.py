"""The command with a fake wiring, in an environment of its own."""

import logging
import os
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import pytest
import structlog
from typer.testing import CliRunner, Result

from tests.unit.web.drift_fakes import FakeDrift
from tests.unit.web.fakes import FakeServices
from tests.unit.web.history_fakes import FakeHistory
from tests.unit.web.setting_up_fakes import FakeDryRun
from tests.unit.web.setup_fakes import FakeSetup
from tests.unit.web.support_fakes import FakeSupport
from tests.validation import check_command
from wescope.cli import commands
from wescope.cli.main import app
from wescope.cli.ports import Progress
from wescope.config import PolicyFile, Settings
from wescope.engine.notifier import AlertReport, TargetReport
from wescope.engine.results import Alert, Check, PayoutDetail, PayoutResult, Status, SyncResult
from wescope.engine.tieout_results import OpenedRow, TieOut

SETTINGS = {
    "WESCOPE_STRIPE_API_KEY": "rk_test_1",
    "WESCOPE_STRIPE_WEBHOOK_SECRETS": "whsec_1",
    "WESCOPE_QBO_CLIENT_ID": "client",
    "WESCOPE_QBO_CLIENT_SECRET": "secret",
    "WESCOPE_QBO_REALM_ID": "9130347",
    "WESCOPE_QBO_REFRESH_TOKEN": "RT1-token",
    "WESCOPE_ALERT_WEBHOOK_URL": "https://hooks.example.com/services/secret",
}

Run = Callable[..., Result]


@dataclass(kw_only=True)
class FakeNotifier:
    """Tells what it is told to."""

    alerts: tuple[Alert, ...] = ()
    targets: tuple[TargetReport, ...] = ()

    async def report(self) -> AlertReport:
        return AlertReport(alerts=self.alerts, targets=self.targets)

    async def test(self) -> tuple[TargetReport, ...]:
        return self.targets


@dataclass(kw_only=True)
class FakeWatching:
    """Holds a notifier."""

    notifier: FakeNotifier


@dataclass(kw_only=True)
class FakeRuntime:
    """A runtime over the web tests' fake services."""

    services: FakeServices = field(default_factory=FakeServices)
    checks: tuple[Check, ...] = (Check(name="database", ok=True, detail="embedded"),)

    watching: FakeWatching = field(default_factory=lambda: FakeWatching(notifier=FakeNotifier()))

    async def status(self) -> Status:
        return await self.services.status()

    @property
    def history(self) -> FakeHistory:
        return self.services.history

    @property
    def setup(self) -> FakeSetup:
        return self.services.setup

    @property
    def dry_runs(self) -> FakeDryRun:
        return self.services.setting_up.dry_run

    @property
    def console(self) -> FakeServices:
        return self.services

    @property
    def drift(self) -> FakeDrift:
        return self.services.drift

    @property
    def support(self) -> FakeSupport:
        return self.services.support

    async def sync(
        self, ids: Sequence[str], *, dry_run: bool, progress: Progress | None = None
    ) -> Sequence[SyncResult]:
        if progress:
            progress("sync", 0, len(ids))
        return await self.services.sync(ids, dry_run=dry_run)

    async def tieout(self, as_of: date | None, progress: Progress | None = None) -> TieOut:
        if progress:
            progress("reading Stripe", 0, 2)
        return await self.services.tieout(as_of)

    async def open_rows(
        self, row_ids: Sequence[str], as_of: date | None, progress: Progress | None = None
    ) -> Sequence[OpenedRow]:
        if progress:
            progress("reading Stripe", 0, 2)
        return await self.services.open_rows(row_ids, as_of)

    async def payouts(self) -> Sequence[PayoutResult]:
        return await self.services.payouts()

    async def payout(self, payout_id: str) -> PayoutDetail:
        return await self.services.payout(payout_id)

    async def doctor(self) -> Sequence[Check]:
        return self.checks


@dataclass(kw_only=True)
class FakeWiring:
    """Hands out one runtime, or fails to."""

    runtime: FakeRuntime = field(default_factory=FakeRuntime)
    failure: Exception | None = None
    served: list[str] = field(default_factory=list)

    @asynccontextmanager
    async def open_runtime(self, settings: Settings, policy_file: PolicyFile) -> AsyncIterator[FakeRuntime]:
        if self.failure:
            raise self.failure
        yield self.runtime

    async def serve(
        self, settings: Settings, policy_file: PolicyFile, role: str, *, ready: Callable[[str], None] | None = None
    ) -> None:
        if self.failure:
            raise self.failure
        self.served.append(role)
        if ready:
            ready("http://127.0.0.1:8080")


@pytest.fixture(autouse=True)
def surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    for name in [name for name in os.environ if name.startswith("WESCOPE_")]:
        monkeypatch.delenv(name)
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    root = logging.getLogger()
    before = (root.handlers, root.level)
    yield
    root.handlers, root.level = before
    structlog.reset_defaults()


@pytest.fixture
def wiring(monkeypatch: pytest.MonkeyPatch) -> FakeWiring:
    fake = FakeWiring()
    monkeypatch.setattr(commands, "wiring", lambda: fake)
    return fake


@pytest.fixture
def run(wiring: FakeWiring) -> Run:
    def invoke(*arguments: str) -> Result:
        result = CliRunner().invoke(app, list(arguments), prog_name="wescope")
        if "--json" in arguments and result.stdout.startswith(("{", "[")):
            check_command(arguments, result.stdout)
        return result

    return invoke
