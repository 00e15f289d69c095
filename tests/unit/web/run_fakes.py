"""A fake of what pages ask about runs; it shares its answers, and what it was asked, with the fake of the history."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from tests.unit.web.history_fakes import FORECAST, RUN, UNDO_PLAN, FakeHistory
from wescope.engine.backfill_plan import Forecast
from wescope.engine.history import RunReport
from wescope.engine.results import Check
from wescope.engine.run_book import DocumentFilter, PreviewTooLong, RunDocuments, RunsPage
from wescope.engine.sweep import SweepChoice, SweepPlan
from wescope.engine.undo_look import UndoLook, UndoTotal
from wescope.links.run_pages import RunDocument, RunEntry
from wescope.links.runs import Run

AT = datetime(2026, 11, 22, 12, 30, tzinfo=UTC)
DOCUMENT = RunDocument(
    document_key="in_1:invoice",
    subject="invoice/in_1",
    entity="Invoice",
    qbo_id="145",
    state="posted",
    amount=123_456,
    currency="usd",
    date=date(2026, 11, 20),
    posted_at=AT,
)
ENTRY = RunEntry(id=5, action="pause", actor="local", at=AT, run_id=None)
LOOK = UndoLook(
    run_id=7,
    documents=1_234,
    looked_at=200,
    totals=(UndoTotal(month="2026-10", entity="Invoice", action="void", count=1_234, amount=9_900, currency="usd"),),
    plan=UNDO_PLAN,
)


@dataclass(kw_only=True)
class FakeRuns:
    """Answers what the history was told to."""

    history: FakeHistory
    dry_run: bool = False

    async def writes_nothing(self) -> bool:
        return self.dry_run

    async def page(
        self, *, kind: str | None = None, state: str | None = None, after: int | None = None, limit: int = 25
    ) -> RunsPage:
        self.history.asked.append(("page", kind, state, after))
        items = tuple(one for one in (self.history.report,) if kind in {None, one.kind} and state in {None, one.state})
        return RunsPage(items=items, next=str(items[-1].run_id) if items and after is None else None)

    async def run(self, run_id: int) -> RunReport:
        return await self.history.run(run_id)

    async def documents(self, run_id: int, chosen: DocumentFilter) -> RunDocuments:
        await self.history.run(run_id)
        self.history.asked.append(chosen)
        return RunDocuments(items=(DOCUMENT,), next=None if chosen.after else DOCUMENT.document_key)

    async def entries(self, run_id: int) -> Sequence[RunEntry]:
        return (ENTRY,)

    async def examine(self, since: date, until: date) -> Sequence[Check]:
        return await self.history.examine(since, until)

    async def preview_sweep(self, choice: SweepChoice) -> SweepPlan:
        if self.history.interrupted:
            raise PreviewTooLong(seconds=8)
        return await self.history.plan_sweep(choice)

    async def look_at_undo(self, run_id: int) -> UndoLook:
        self.history.asked.append(("look", run_id))
        return LOOK

    async def start_forecast(self, since: date, until: date, *, actor: str) -> Run:
        self.history.asked.append(("start_forecast", since, until, actor))
        return RUN

    async def forecast(self, run_id: int) -> Forecast | None:
        return FORECAST if self.history.report.is_over else None
