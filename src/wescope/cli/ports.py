"""Ports: what the commands ask of `wescope.wiring`, which is imported only when one runs (so `--help` is fast)."""

import importlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import date
from typing import TYPE_CHECKING, Protocol, cast

from wescope.collector import resting

if TYPE_CHECKING:
    from wescope.config import PolicyFile, Settings
    from wescope.engine.connecting import Connected
    from wescope.engine.drift_desk import DriftDesk
    from wescope.engine.dry_run import DryRunReview
    from wescope.engine.explanation import Explanation
    from wescope.engine.export_sheets import What
    from wescope.engine.history import History
    from wescope.engine.mirror_desk import MirrorDesk
    from wescope.engine.month_results import MonthList, MonthView, Signoff
    from wescope.engine.notifier import AlertReport, TargetReport
    from wescope.engine.parked_items import ParkedFilter, RetriedRow
    from wescope.engine.results import Check, ParkedRow, PayoutDetail, PayoutResult, Status, SyncResult
    from wescope.engine.setup_plan import SetupPlan
    from wescope.engine.tieout_results import OpenedRow, TieOut

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how much of it is done, and how much there is (0: unknown)."""


class Notifier(Protocol):
    """Tells people of alerts."""

    async def report(self) -> "AlertReport":
        """What is on now, and how the targets fare."""
        ...

    async def test(self) -> Sequence["TargetReport"]:
        """Send a message to all targets that says that it is a test."""
        ...


class Watching(Protocol):
    """The state of the system for those who run it."""

    @property
    def notifier(self) -> Notifier:
        """Who tells people."""
        ...


class Support(Protocol):
    """What people ask about single documents."""

    async def explain(self, identifier: str, *, plan: bool = True) -> "Explanation":
        """The whole story of an id."""
        ...

    async def parked(self, chosen: "ParkedFilter") -> Sequence["ParkedRow"]:
        """The parked items that a filter takes."""
        ...

    async def retry(
        self, rows: Sequence["ParkedRow"], *, actor: str, progress: Progress | None = None
    ) -> Sequence["RetriedRow"]:
        """Have these items looked at again, and wait for it."""
        ...

    async def ignore(self, keys: Sequence[str], reason: str, *, actor: str) -> Sequence["ParkedRow"]:
        """Let these items be."""
        ...

    async def unignore(self, keys: Sequence[str], *, actor: str) -> Sequence["ParkedRow"]:
        """Count these items again."""
        ...

    async def export_size(self, what: "What", since: date | None = None) -> int:
        """How many rows an export has."""
        ...

    def export(self, what: "What", since: date | None = None) -> AsyncIterator[str]:
        """An export as CSV, piece by piece."""
        ...


class Setup(Protocol):
    """Makes the accounts and items that are missing in QBO."""

    async def plan(self, chosen: Mapping[str, str] | None = None) -> "SetupPlan":
        """What would be made."""
        ...

    async def apply(
        self, chosen: Mapping[str, str] | None = None, *, actor: str, progress: Progress | None = None
    ) -> "SetupPlan":
        """Make it."""
        ...


class Runtime(Protocol):
    """The parts, put together and open."""

    async def status(self) -> "Status":
        """What the service is doing."""
        ...

    async def sync(
        self, ids: Sequence[str], *, dry_run: bool, progress: Progress | None = None
    ) -> Sequence["SyncResult"]:
        """Reconcile these Stripe objects now, or say what would be done."""
        ...

    async def tieout(self, as_of: date | None, progress: Progress | None = None) -> "TieOut":
        """Compare Stripe and QBO."""
        ...

    async def open_rows(
        self, row_ids: Sequence[str], as_of: date | None, progress: Progress | None = None
    ) -> Sequence["OpenedRow"]:
        """Rows of a tie-out with everything that makes them up."""
        ...

    async def payouts(self) -> Sequence["PayoutResult"]:
        """The payouts that were looked at."""
        ...

    async def payout(self, payout_id: str) -> "PayoutDetail":
        """One payout with its rows."""
        ...

    async def doctor(self) -> Sequence["Check"]:
        """What is wrong with the surroundings."""
        ...

    @property
    def watching(self) -> "Watching":
        """Alerts, and whom they are sent to."""
        ...

    @property
    def support(self) -> "Support":
        """Explain, parked items, export."""
        ...

    @property
    def history(self) -> "History":
        """Backfills, replays, runs."""
        ...

    @property
    def drift(self) -> "DriftDesk":
        """What people have changed in QBO."""
        ...

    @property
    def setup(self) -> "Setup":
        """Accounts and items that are missing in QBO."""
        ...

    @property
    def dry_runs(self) -> "DryRuns":
        """What waits to be written, released and held."""
        ...

    @property
    def console(self) -> "ConsoleDesks":
        """What is asked of the tables alone."""
        ...

    @property
    def mirror_desk(self) -> "MirrorDesk":
        """The mirror in BigQuery."""
        ...


class DryRuns(Protocol):
    """The switch between planning and writing."""

    async def review(self) -> "DryRunReview":
        """What waits."""
        ...

    async def release(self, review: str, *, actor: str) -> "DryRunReview":
        """Let it be written, if this is the newest review."""
        ...

    async def hold(self, *, actor: str) -> "DryRunReview":
        """Let nothing more be written."""
        ...


class ConsoleDesks(Protocol):
    """What is asked of the tables alone."""

    @property
    def months(self) -> "Months":
        """Months at their end."""
        ...


class Months(Protocol):
    """What people ask about months at their end."""

    async def page(self, before: str | None = None) -> "MonthList":
        """Months, the newest first."""
        ...

    async def view(self, month: str) -> "MonthView":
        """One month."""
        ...

    async def sign(self, month: str, reason: str | None = None, *, actor: str) -> "Signoff":
        """Sign a month off."""
        ...

    async def withdraw(self, month: str, *, actor: str) -> "Signoff":
        """Withdraw its sign-off."""
        ...

    def evidence(self, month: str) -> AsyncIterator[bytes]:
        """Its evidence as a ZIP archive."""
        ...


class Connector(Protocol):
    """Connects a company of QBO."""

    def authorize_url(self, redirect_uri: str) -> str:
        """Where a person says yes."""
        ...

    async def connect(self, answer: str, redirect_uri: str) -> "Connected":
        """Take the address that Intuit sent the browser back to."""
        ...


class Wiring(Protocol):
    """The one place where parts are put together."""

    def open_connector(self, settings: "Settings") -> AbstractAsyncContextManager[Connector]:
        """What connects a company, open for the length of a `with`."""
        ...

    def open_runtime(self, settings: "Settings", policy_file: "PolicyFile") -> AbstractAsyncContextManager[Runtime]:
        """The parts, open for the length of a `with`."""
        ...

    def serve(
        self,
        settings: "Settings",
        policy_file: "PolicyFile",
        role: str,
        *,
        ready: Callable[[str], None] | None = None,
    ) -> Awaitable[None]:
        """Run the service until SIGTERM or SIGINT; `ready` is told its address once it can work."""
        ...


def wiring() -> Wiring:
    """The real wiring, imported now."""
    with resting():
        return cast("Wiring", importlib.import_module("wescope.wiring"))
