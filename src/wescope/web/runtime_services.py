"""Runtime services: the runtime, or what only receives, as the web layer asks for it."""

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, TypeVar

from wescope.engine.audit_log import AuditLog
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
from wescope.errors import DatabaseUnavailable, WrongUse
from wescope.observe.metrics import Sample
from wescope.web.services import Accepted, Outcome, Readiness

_ACCEPT_S = 10.0
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
        return self.runtime.console.parked_desk

    @property
    def drift_pages(self) -> DriftPages:
        """Findings a page at a time, and what repairs would write.

        Raises:
            DatabaseUnavailable: there is no runtime yet.
        """
        return self.runtime.console.drift_pages

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
        return self.runtime.console.months

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
        return self.runtime.console.overview

    @property
    def tieout_desk(self) -> TieOutDesk:
        """Kept tie-outs, and new ones as runs.

        Raises:
            DatabaseUnavailable: there is no runtime yet.
        """
        return self.runtime.console.tieout_desk

    @property
    def audit_log(self) -> AuditLog:
        """Who had what done.

        Raises:
            DatabaseUnavailable: there is no runtime yet.
        """
        return self.runtime.console.audit_log


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
