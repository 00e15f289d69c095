"""Outputs: what each command prints with `--json`, as frozen values; the published schemas are derived from them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

from wescope.engine.backfill_plan import Forecast
from wescope.engine.connecting import Connected
from wescope.engine.drift_desk import DriftItem
from wescope.engine.dry_run import DryRunReview
from wescope.engine.explanation import Explanation
from wescope.engine.history import RunReport
from wescope.engine.json_schemas import WRITTEN_AS
from wescope.engine.mirror import TablePlan
from wescope.engine.mirror_desk import MirrorReport
from wescope.engine.month_results import MonthList, MonthView, Signoff
from wescope.engine.notifier import AlertReport, TargetReport
from wescope.engine.opening import OpeningLine
from wescope.engine.parked_items import ParkedSum, RetriedRow
from wescope.engine.results import (
    Check,
    Diagnosis,
    Error,
    ParkedRow,
    PayoutDetail,
    PayoutResult,
    PolicyRefused,
    Status,
    SyncResult,
)
from wescope.engine.setup_plan import SetupRow
from wescope.engine.sweep import SweepPlan
from wescope.engine.tieout_results import OpenedRow, TieOut
from wescope.engine.undo import UndoOutcome
from wescope.engine.undo_plan import UndoPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoPlayed:
    """What a demo ended with. `qbo_writes` are those of this run alone."""

    documents: int
    documents_by_entity: Mapping[str, int]
    parked: int
    events: int
    qbo_writes: int
    seconds: int
    tieout: Mapping[str, Any] = field(metadata={WRITTEN_AS: TieOut})


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """One line, as soon as the service is ready; the command goes on."""

    service: Literal["wescope"] = "wescope"
    role: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StripeStandIn:
    """One line, as soon as Stripe's stand-in is ready: its address, its keys, and how much history it has."""

    service: Literal["stripe"] = "stripe"
    url: str
    api_key: str
    webhook_secret: str
    customers: int
    invoices: int
    events: int


@dataclass(frozen=True, slots=True, kw_only=True)
class QboStandIn:
    """One line, as soon as QBO's stand-in is ready: its address, its company, and its keys."""

    service: Literal["qbo"] = "qbo"
    url: str
    realm_id: str
    client_id: str
    client_secret: str
    refresh_token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Synced:
    """What was done, or of a dry run would be, for each subject."""

    dry_run: bool
    subjects: tuple[SyncResult, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ParkedList:
    """What is parked, and sums by code and currency without what is ignored."""

    parked: tuple[ParkedRow, ...]
    sums: tuple[ParkedSum, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ParkedChanged:
    """The items that were ignored, or are counted again."""

    parked: tuple[ParkedRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ParkedRetried:
    """What became of each item that was looked at again."""

    retried: tuple[RetriedRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertsSent:
    """How the targets took the test."""

    targets: tuple[TargetReport, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """What the clearing accounts must hold at the start date."""

    opening: tuple[OpeningLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BackfillForeseen:
    """What a backfill would do. `forecast` is null if `checks` has something that must be mended first."""

    dry_run: Literal[True] = True
    checks: tuple[Check, ...]
    forecast: Forecast | None
    opening: tuple[OpeningLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BackfillRefused:
    """What must be mended before a backfill begins; nothing was done."""

    refused: Literal[True] = True
    checks: tuple[Check, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunShown:
    """One run."""

    run: RunReport


@dataclass(frozen=True, slots=True, kw_only=True)
class RunsListed:
    """The newest runs, the newest first."""

    runs: tuple[RunReport, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """How many subjects of each kind are looked at again, and the run; null if there was nothing to do."""

    plan: Mapping[str, int]
    run: RunReport | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepForeseen:
    """What a sweep would look at."""

    dry_run: Literal[True] = True
    plan: SweepPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class Undone:
    """What is taken back and what stays; the run and what it came to are null if nothing was done."""

    dry_run: bool
    plan: UndoPlan
    run: RunReport | None
    outcome: UndoOutcome | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What was found, the repair if there was one, and how many findings are open now."""

    run: RunReport
    drift: tuple[DriftItem, ...]
    repair: RunReport | None
    open: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftList:
    """Findings as they are now."""

    drift: tuple[DriftItem, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftRepaired:
    """The run that put findings right, null if there was none, and how many of them are open still."""

    repair: RunReport | None
    open: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CsvWritten:
    """Which table is in which file, and from which day of the books' calendar on."""

    what: str
    rows: int
    out: str
    since: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MirrorForeseen:
    """What would be loaded into BigQuery."""

    dry_run: Literal[True] = True
    rows: int
    tables: tuple[TablePlan, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mirrored:
    """What was loaded into BigQuery."""

    export: MirrorReport


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaPrinted:
    """One schema: JSON, or the text of SQL. Of `json` without a name it holds all schemas by their names."""

    what: str
    schema: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemasWritten:
    """What writing a folder did to its files."""

    out: str
    written: tuple[str, ...]
    removed: tuple[str, ...]
    unchanged: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemasChecked:
    """Which files of a folder are not what the code says: changed, missing, or no longer written."""

    out: str
    current: bool
    stale: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutsListed:
    """All payouts that were looked at."""

    payouts: tuple[PayoutResult, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RowsOpened:
    """Rows of a tie-out with what makes them up."""

    rows: tuple[OpenedRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CompanyConnected:
    """The company of QBO that is connected, for how many days, and how many subjects of work waited for it."""

    connected: Literal[True] = True
    realm_id: str
    refresh_token_days_left: int | None
    woken: int

    @classmethod
    def of(cls, told: Connected) -> "CompanyConnected":
        """The same as the engine tells it."""
        return cls(realm_id=told.realm_id, refresh_token_days_left=told.refresh_token_days_left, woken=told.woken)


@dataclass(frozen=True, slots=True, kw_only=True)
class SetUp:
    """Every account and item that the policy names: what was made of it, or of a dry run would be."""

    dry_run: bool
    rows: tuple[SetupRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WritingOrdered:
    """What waits to be written and whether anything is, after the order; of a dry run before it."""

    dry_run: bool
    order: Literal["release", "hold"]
    review: DryRunReview


OUTPUTS: Mapping[str, tuple[type, ...]] = {
    "alerts": (AlertReport,),
    "alerts test": (AlertsSent,),
    "backfill": (RunShown, BackfillForeseen, BackfillRefused, Opening),
    "close": (MonthList, MonthView, Signoff),
    "connect": (CompanyConnected,),
    "demo": (DemoPlayed,),
    "doctor": (Diagnosis,),
    "drift": (DriftList,),
    "drift accept": (DriftList,),
    "drift repair": (DriftRepaired,),
    "drift revert": (DriftList,),
    "explain": (Explanation,),
    "export": (CsvWritten, Mirrored, MirrorForeseen),
    "parked": (ParkedList,),
    "parked ignore": (ParkedChanged,),
    "parked list": (ParkedList,),
    "parked retry": (ParkedRetried,),
    "parked unignore": (ParkedChanged,),
    "payouts": (PayoutsListed, PayoutDetail),
    "replay": (Replayed,),
    "runs": (RunsListed, RunShown),
    "sandbox": (StripeStandIn, QboStandIn),
    "schema": (SchemaPrinted, SchemasWritten, SchemasChecked),
    "serve": (Serving,),
    "setup": (SetUp, WritingOrdered),
    "status": (Status,),
    "sweep": (RunShown, SweepForeseen),
    "sync": (Synced,),
    "tieout": (TieOut, RowsOpened),
    "undo": (Undone,),
    "verify": (Verified,),
}
"""What each command prints with `--json`, by its words. In place of any of it, it may print an `Error`."""

REFUSALS: tuple[type, ...] = (Error, PolicyRefused)
"""What a command prints in place of its output when it could not do its work."""
