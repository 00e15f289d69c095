"""Setting up: what the console's setup pages ask, over the parts of a runtime."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from wescope.config import PolicyFile, Settings
from wescope.engine.connect_desk import Begun, ConnectDesk
from wescope.engine.connecting import Connected
from wescope.engine.connection import ConnectionState
from wescope.engine.dry_run import DryRunDesk
from wescope.engine.mapping import PolicyMapping, mapping_of
from wescope.engine.results import Check, ConnectionWord, Severity
from wescope.engine.setup import Setup
from wescope.engine.setup_guide import Findings, Known, SetupState, steps_of
from wescope.engine.write_gate import WriteGate
from wescope.links.database import transaction
from wescope.links.reports import swap_checkpoint
from wescope.links.runs import RunKind, list_runs
from wescope.links.sweeps import has_webhooks, read_checkpoint

CALLBACK = "/setup/connect/callback"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionView:
    """The connection to QBO: its state, why it is lost (`code`) since when, and until when it lasts unused.

    `realm_id` is the company that must be chosen, `redirect_uri` the address that must be registered for the app at
    Intuit. Moments have a zone.
    """

    state: ConnectionWord
    code: str | None
    since: datetime | None
    expires_at: datetime | None
    remedy: str
    realm_id: str
    redirect_uri: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingUp:
    """What the setup pages ask."""

    engine: AsyncEngine
    realm_id: str
    settings: Settings
    policy_file: PolicyFile
    gate: WriteGate
    connecting: ConnectDesk
    connection: Callable[[], Awaitable[ConnectionState]]
    examine: Callable[[], Awaitable[tuple[Check, ...]]]
    setup: Setup
    dry_run: DryRunDesk

    async def state(self) -> SetupState:
        """The steps of a first connection; nothing but the tables is asked.

        Raises:
            DatabaseUnavailable: they cannot be read.
        """
        gate, connection_state = await self.gate.state(), await self.connection()
        async with transaction(self.engine) as connection:
            runs = await list_runs(connection, kind=RunKind.BACKFILL, limit=1)
            known = Known(
                settings=self.settings,
                policy_file=self.policy_file,
                policy=self.gate.policy,
                has_webhooks=await has_webhooks(connection),
                connection=connection_state,
                mapping=Findings.kept(await read_checkpoint(connection, self._name("mapping"))),
                doctor=Findings.kept(await read_checkpoint(connection, self._name("doctor"))),
                gate=gate,
                backfill=runs[0] if runs else None,
            )
        return steps_of(known)

    async def diagnose(self) -> tuple[Check, ...]:
        """What `doctor` finds; how much is kept for the steps.

        Raises:
            DatabaseUnavailable: it could not be kept.
        """
        checks = await self.examine()
        bad = [check.severity for check in checks if not check.ok]
        await self._keep("doctor", errors=bad.count(Severity.ERROR), warnings=bad.count(Severity.WARNING))
        return checks

    async def mapping(self) -> PolicyMapping:
        """The accounts and items that the policy names beside those of QBO, read now.

        Raises:
            QboError: QBO does not answer.
        """
        found = mapping_of(await self.setup.lists(), self.policy_file, datetime.now(UTC))
        await self._keep("mapping", errors=found.wrong, warnings=0)
        return found

    async def connection_view(self, asked: str) -> ConnectionView:
        """The connection as it is now; `asked` is the address of ours that the browser has asked, without a path."""
        state = await self.connection()
        return ConnectionView(
            state=state.word,
            code=state.code,
            since=state.since,
            expires_at=state.refresh_expires_at,
            remedy=state.remedy,
            realm_id=self.realm_id,
            redirect_uri=self._redirect_uri(asked),
        )

    async def begin_connecting(self, asked: str, *, actor: str) -> Begun:
        """A new attempt to connect; see `ConnectDesk.begin`."""
        return await self.connecting.begin(self._redirect_uri(asked), actor=actor)

    async def finish_connecting(self, answer: str, binding: str, *, actor: str) -> Connected:
        """Take Intuit's answer; see `ConnectDesk.finish`."""
        return await self.connecting.finish(answer, binding, actor=actor)

    def _redirect_uri(self, asked: str) -> str:
        return f"{(self.settings.public_url or asked).rstrip('/')}{CALLBACK}"

    async def _keep(self, name: str, *, errors: int, warnings: int) -> None:
        found = Findings(at=datetime.now(UTC), errors=errors, warnings=warnings, policy=self.gate.policy)
        kept: Mapping[str, Any] = found.to_keep()
        async with transaction(self.engine) as connection:
            await swap_checkpoint(connection, self._name(name), dict(kept))

    def _name(self, of: str) -> str:
        return f"setup {of} {self.realm_id}"
