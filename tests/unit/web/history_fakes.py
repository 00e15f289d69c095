"""A fake of backfills, replays and runs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime

from wescope.engine.backfill_plan import Forecast, ForecastRow, Progress
from wescope.engine.history import RunParked, RunReport
from wescope.engine.opening import OpeningLine
from wescope.engine.replay import ReplayChoice, ReplayPlan
from wescope.engine.results import Check, Severity
from wescope.engine.runs import RunIsOver, RunNotFound
from wescope.engine.sweep import SweepChoice, SweepPlan, SweepRow
from wescope.engine.undo import UndoOutcome
from wescope.engine.undo_plan import REMEDIES, KeptDocument, KeptReason, KeptRow, UndoPlan, UndoRow
from wescope.errors import WrongUse
from wescope.links.runs import Run, RunState
from wescope.links.undo import UndoneSum

AT = datetime(2026, 11, 22, 12, 30, tzinfo=UTC)
RUN = Run(id=12, kind="backfill", state="running", started_at=AT)
REPORT = RunReport(
    run_id=12,
    kind="backfill",
    state="done",
    request=None,
    started_at=AT,
    finished_at=AT,
    options={"since": "2026-01-01"},
    counts={"listed": 40, "hinted": 30, "step": 9, "steps": 9},
    posted={"Invoice": 20, "Payment": 18},
    parked=(),
    left=0,
)
PARKED = RunParked(code="looks_like", owner="operator", remedy="Compare both.", count=2, amount=123_456, currency="usd")
WARNING = Check(name="start date", ok=False, detail="none", remedy="Set it.", severity=Severity.WARNING)
FAULT = Check(name="account clearing", ok=False, detail="QBO has none", remedy="Create it.")
FORECAST = Forecast(
    since=date(2026, 1, 1),
    until=date(2026, 11, 22),
    listed=60,
    subjects=50,
    settled=10,
    rows=(
        ForecastRow(
            month="2026-10", entity="Invoice", action="create", code="", count=20, amount=500_000, currency="usd"
        ),
    ),
    writes=20,
    qbo_calls=9,
    stripe_calls=120,
    minutes=1,
)
OPENING = OpeningLine(day=date(2025, 12, 31), account="Stripe Clearing", amount=98_765, currency="usd")

SWEEP_PLAN = SweepPlan(
    rows=(SweepRow(part="events", kind="invoice", count=2),),
    listed=40,
    skipped=30,
    stripe_calls=9,
    events_since=AT,
    gap_since=AT,
)
UNDO_PLAN = UndoPlan(
    run_id=7,
    rows=(UndoRow(month="2026-10", entity="Invoice", action="void", count=20, amount=500_000, currency="usd"),),
    kept=(
        KeptRow(
            month="2026-09",
            entity="Invoice",
            reason="edited",
            text=REMEDIES[KeptReason.EDITED][0],
            remedy=REMEDIES[KeptReason.EDITED][1],
            count=1,
            amount=9_900,
            currency="usd",
        ),
    ),
    documents=(
        KeptDocument(
            document_key="in_1:invoice",
            entity="Invoice",
            qbo_id="145",
            amount=9_900,
            currency="usd",
            date=date(2026, 9, 30),
            reason="edited",
            details={"fields": "TxnDate"},
        ),
    ),
    reads=3,
)
UNDONE = UndoOutcome(
    run_id=7,
    undone=(UndoneSum(entity="Invoice", month="2026-10", currency="usd", count=20, amount=500_000),),
    left=replace(UNDO_PLAN, rows=()),
)


@dataclass(kw_only=True)
class FakeHistory:
    """Answers what it is told to, and remembers what was asked."""

    asked: list[object] = field(default_factory=list)
    report: RunReport = REPORT
    checks: tuple[Check, ...] = ()
    foreseen: Forecast = FORECAST
    found: int = 3
    sweep_plan: SweepPlan = SWEEP_PLAN
    interrupted: bool = False
    undo_plan: UndoPlan = UNDO_PLAN

    def period(self, since: date | None, until: date | None) -> tuple[date, date]:
        if since is None:
            raise WrongUse("Say where to begin.")
        return since, until or date(2026, 11, 22)

    async def examine(self, since: date, until: date) -> Sequence[Check]:
        self.asked.append(("examine", since, until))
        return self.checks

    async def forecast(self, since: date, until: date, progress: Progress | None = None) -> Forecast:
        self.asked.append(("forecast", since, until))
        return self.foreseen

    async def opening(self, since: date | None = None) -> Sequence[OpeningLine]:
        return (OPENING,)

    async def start_backfill(self, since: date, until: date, *, actor: str | None = None) -> Run:
        self.asked.append(("backfill", since, until))
        return RUN

    async def resume_backfill(self) -> Run:
        self.asked.append("resume_backfill")
        return RUN

    async def plan_replay(self, choice: ReplayChoice) -> ReplayPlan:
        self.asked.append(choice)
        return ReplayPlan(subjects={"invoice": self.found} if self.found else {}, options={})

    async def start_replay(self, plan: ReplayPlan, *, actor: str | None = None) -> Run:
        self.asked.append("replay")
        return RUN

    async def plan_sweep(self, choice: SweepChoice, progress: Progress | None = None) -> SweepPlan:
        self.asked.append(choice)
        return self.sweep_plan

    async def start_sweep(self, choice: SweepChoice, *, actor: str | None = None) -> Run:
        self.asked.append(choice)
        return RUN

    async def resume_sweep(self) -> Run:
        self.asked.append("resume_sweep")
        return RUN

    async def plan_undo(self, run_id: int, progress: Progress | None = None) -> UndoPlan:
        self.asked.append(("plan_undo", run_id))
        if run_id != self.undo_plan.run_id:
            raise RunNotFound(run=run_id)
        return self.undo_plan

    async def start_undo(self, run_id: int, *, actor: str) -> Run:
        self.asked.append(("undo", run_id, actor))
        return RUN

    async def undone(self, undo_id: int) -> UndoOutcome:
        self.asked.append(("undone", undo_id))
        return UNDONE

    async def follow(self, run_id: int, told: Callable[[RunReport], None]) -> RunReport:
        told(replace(self.report, state=RunState.RUNNING, rate=900, seconds_left=75))
        return self.report

    async def runs(self, limit: int = 50) -> Sequence[RunReport]:
        return (self.report,)

    async def run(self, run_id: int) -> RunReport:
        if run_id != self.report.run_id:
            raise RunNotFound(run=run_id)
        return self.report

    async def pause(self, run_id: int, *, actor: str | None = None) -> RunReport:
        self.asked.append(("pause", run_id))
        return replace(self.report, state=RunState.PAUSED)

    async def resume(self, run_id: int, *, actor: str | None = None) -> RunReport:
        raise RunIsOver(run=run_id)

    async def cancel(self, run_id: int, *, actor: str | None = None) -> RunReport:
        self.asked.append(("cancel", run_id))
        return replace(self.report, state=RunState.CANCELED)
