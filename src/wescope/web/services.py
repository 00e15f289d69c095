"""Services: what the web layer needs from the rest, as a protocol; `wiring` gives it the real thing, tests a fake."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Protocol

from wescope.engine.drift_desk import DriftFilter, DriftItem
from wescope.engine.explanation import Explanation
from wescope.engine.export_sheets import What
from wescope.engine.history import RunReport
from wescope.engine.parked_items import ParkedFilter
from wescope.engine.qbo_webhooks import QboWebhookOutcome
from wescope.engine.replay import ReplayChoice, ReplayPlan
from wescope.engine.results import Check, ParkedRow, PayoutDetail, PayoutResult, Status, SyncResult
from wescope.engine.setup_plan import SetupPlan
from wescope.engine.sweep import SweepChoice, SweepPlan
from wescope.engine.tieout_results import OpenedRow, TieOut
from wescope.engine.undo import UndoOutcome
from wescope.engine.undo_plan import UndoPlan
from wescope.engine.verify import VerifyMode
from wescope.links.runs import Run
from wescope.observe.metrics import Sample
from wescope.web.services_home import AuditServices, OverviewServices, TieOutServices
from wescope.web.services_months import MonthServices
from wescope.web.services_parked import DriftPageServices, ParkedServices
from wescope.web.services_payouts import PayoutServices
from wescope.web.services_runs import RunServices
from wescope.web.services_setting_up import SettingUpServices


class Outcome(StrEnum):
    """What became of a webhook that was not refused. All of them are answered with 200."""

    STORED = "stored"
    DUPLICATE = "duplicate"
    IGNORED = "ignored"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """A webhook that Stripe need not send again: its hint is durable, or there is nothing to do for it."""

    event_id: str
    outcome: Outcome
    event_type: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """Whether the service can work; `checks` says of each part "ok" or a code, never a message with data."""

    ok: bool
    checks: Mapping[str, str] = field(default_factory=dict)


class SupportServices(Protocol):
    """What routes ask about single documents. Errors are of the tree in `wescope.errors`."""

    async def explain(self, identifier: str, *, plan: bool = True, elsewhere: bool = True) -> Explanation:
        """The whole story of an id; without `plan` and `elsewhere` neither Stripe nor QBO is asked."""
        ...

    async def parked(self, chosen: ParkedFilter) -> Sequence[ParkedRow]:
        """The parked items that a filter takes, the oldest first."""
        ...

    async def hint(self, rows: Sequence[ParkedRow], *, actor: str) -> None:
        """Have these items looked at again."""
        ...

    async def ignore(self, keys: Sequence[str], reason: str, *, actor: str) -> Sequence[ParkedRow]:
        """Let these items be until their code or amount changes."""
        ...

    async def unignore(self, keys: Sequence[str], *, actor: str) -> Sequence[ParkedRow]:
        """Count these items again."""
        ...

    def export(self, what: What, since: date | None = None) -> AsyncIterator[str]:
        """An export as CSV, piece by piece."""
        ...


class HistoryServices(Protocol):
    """What routes ask about the past as a whole. Errors are of the tree in `wescope.errors`."""

    def period(self, since: date | None, until: date | None) -> tuple[date, date]:
        """The period that is meant, in days of the books' calendar."""
        ...

    async def examine(self, since: date, until: date) -> Sequence[Check]:
        """What is to be mended before a backfill, or to be known."""
        ...

    async def start_backfill(self, since: date, until: date, *, actor: str | None = None) -> Run:
        """A new backfill, which a worker takes up."""
        ...

    async def plan_replay(self, choice: ReplayChoice) -> ReplayPlan:
        """What a replay would look at."""
        ...

    async def start_replay(self, plan: ReplayPlan, *, actor: str | None = None) -> Run:
        """A new replay, which a worker takes up."""
        ...

    async def plan_sweep(self, choice: SweepChoice) -> SweepPlan:
        """What a sweep would look at."""
        ...

    async def start_sweep(self, choice: SweepChoice, *, actor: str | None = None) -> Run:
        """A new sweep, which a worker takes up."""
        ...

    async def plan_undo(self, run_id: int) -> UndoPlan:
        """What undoing a run would do now."""
        ...

    async def start_undo(self, run_id: int, *, actor: str) -> Run:
        """A new undo of a run, which a worker takes up; or the unfinished one of it, going on."""
        ...

    async def undone(self, undo_id: int) -> UndoOutcome:
        """What an undo has come to."""
        ...

    async def runs(self, limit: int = 50) -> Sequence[RunReport]:
        """The newest runs, the newest first."""
        ...

    async def run(self, run_id: int) -> RunReport:
        """One run."""
        ...

    async def pause(self, run_id: int, *, actor: str | None = None) -> RunReport:
        """Have a run stop after its current step."""
        ...

    async def resume(self, run_id: int, *, actor: str | None = None) -> RunReport:
        """Let a run go on."""
        ...

    async def cancel(self, run_id: int, *, actor: str | None = None) -> RunReport:
        """End a run."""
        ...


class DriftServices(Protocol):
    """What routes ask about edits in QBO. Errors are of the tree in `wescope.errors`."""

    async def start(
        self,
        mode: VerifyMode = VerifyMode.AUTO,
        *,
        stripe: bool = False,
        rebuild: bool = False,
        actor: str | None = None,
    ) -> Run:
        """A new verification, which a worker takes up."""
        ...

    async def items(self, chosen: DriftFilter) -> Sequence[DriftItem]:
        """Findings, the newest first."""
        ...

    async def start_repair(self, chosen: DriftFilter, *, actor: str) -> Run | None:
        """A new run that puts findings right, which a worker takes up; null if none of them can be."""
        ...

    async def accept(self, ids: Collection[int], *, actor: str) -> Sequence[DriftItem]:
        """Let findings stay until their records change again."""
        ...

    async def revert(self, ids: Collection[int], *, actor: str) -> Sequence[DriftItem]:
        """Take repairs back."""
        ...


class SetupServices(Protocol):
    """What routes ask about accounts and items that are missing in QBO. Errors are of the tree in `wescope.errors`."""

    async def plan(self, chosen: Mapping[str, str] | None = None) -> SetupPlan:
        """What would be made."""
        ...

    async def apply(self, chosen: Mapping[str, str] | None = None, *, actor: str) -> SetupPlan:
        """Make what is missing."""
        ...


class OperationServices(Protocol):
    """What those ask who run the service: also of a process that receives nothing."""

    async def ready(self) -> Readiness:
        """Whether it can work now."""
        ...

    async def samples(self) -> Sequence[Sample]:
        """The state of the system as numbers."""
        ...


class WebServices(OperationServices, Protocol):
    """Everything that a route may ask for. Errors are of the tree in `wescope.errors`."""

    async def accept(self, body: bytes, signature: str | None) -> Accepted:
        """Verify one webhook (raw body and header Stripe-Signature) and store its hint durably.

        Raises:
            WebhookRejected: it is refused and not stored.
            DatabaseUnavailable: it could not be stored; Stripe must send it again.
        """
        ...

    async def accept_qbo(self, body: bytes, signature: str | None) -> QboWebhookOutcome:
        """Verify one webhook of QBO's (raw body and header intuit-signature) and store its hints durably.

        Raises:
            WebhookRejected: it is refused and not stored.
            DatabaseUnavailable: it could not be stored; Intuit must send it again.
        """
        ...

    async def status(self) -> Status:
        """What the service is doing now."""
        ...

    async def sync(self, ids: Sequence[str], *, dry_run: bool) -> Sequence[SyncResult]:
        """Reconcile these Stripe objects now, or with `dry_run` only say what would be done."""
        ...

    async def tieout(self, as_of: date | None) -> TieOut:
        """Compare Stripe and QBO at the end of `as_of` (books' calendar; None: today)."""
        ...

    async def open_rows(self, row_ids: Sequence[str], as_of: date | None) -> Sequence[OpenedRow]:
        """Rows of the tie-out of a day with everything that makes them up.

        Raises:
            RowNotFound: there is no such row on that day.
        """
        ...

    async def parked(self) -> Sequence[ParkedRow]:
        """The parked documents, the oldest first."""
        ...

    async def payouts(self) -> Sequence[PayoutResult]:
        """The payouts that were looked at, the latest arrival first."""
        ...

    async def payout(self, payout_id: str) -> PayoutDetail:
        """One payout with its rows.

        Raises:
            ObjectNotFound: it was not looked at yet.
        """
        ...

    async def doctor(self) -> Sequence[Check]:
        """Look at everything that the work needs."""
        ...

    @property
    def statements(self) -> PayoutServices:
        """Payouts page by page, and one with its sums.

        Raises:
            DatabaseUnavailable: the service is still starting.
        """
        ...

    @property
    def setting_up(self) -> SettingUpServices:
        """The steps of a first connection.

        Raises:
            DatabaseUnavailable: the service is still starting.
        """
        ...

    @property
    def setup(self) -> SetupServices:
        """Accounts and items that are missing in QBO.

        Raises:
            DatabaseUnavailable: the service is still starting.
        """
        ...

    @property
    def history(self) -> HistoryServices:
        """Backfills, replays, runs.

        Raises:
            DatabaseUnavailable: the service is still starting.
        """
        ...

    @property
    def parked_desk(self) -> ParkedServices:
        """Parked items a page at a time, and what is done to many of them.

        Raises:
            DatabaseUnavailable: the service is still starting.
        """
        ...

    @property
    def drift_pages(self) -> DriftPageServices:
        """Findings a page at a time, and what repairs would write.

        Raises:
            DatabaseUnavailable: the service is still starting.
        """
        ...

    @property
    def runs(self) -> RunServices:
        """What pages ask about runs.

        Raises:
            DatabaseUnavailable: the service is still starting.
        """
        ...

    @property
    def drift(self) -> DriftServices:
        """What people have changed in QBO.

        Raises:
            DatabaseUnavailable: the service is still starting.
        """
        ...

    @property
    def months(self) -> MonthServices:
        """Months at their end.

        Raises:
            DatabaseUnavailable: the service is still starting.
        """
        ...

    @property
    def support(self) -> SupportServices:
        """Explain, parked items, export.

        Raises:
            DatabaseUnavailable: the service is still starting.
        """
        ...

    @property
    def overview(self) -> OverviewServices:
        """What the home page tells.

        Raises:
            DatabaseUnavailable: the service is still starting.
        """
        ...

    @property
    def tieout_desk(self) -> TieOutServices:
        """Kept tie-outs, and new ones as runs.

        Raises:
            DatabaseUnavailable: the service is still starting.
        """
        ...

    @property
    def audit_log(self) -> AuditServices:
        """Who had what done.

        Raises:
            DatabaseUnavailable: the service is still starting.
        """
        ...
