"""What the web layer needs to know of runs, as a protocol; `service` gives it the real thing, tests a fake."""

from collections.abc import Sequence
from datetime import date
from typing import Protocol

from wescope.engine.backfill_plan import Forecast
from wescope.engine.history import RunReport
from wescope.engine.results import Check
from wescope.engine.run_book import DocumentFilter, RunDocuments, RunsPage
from wescope.engine.sweep import SweepChoice, SweepPlan
from wescope.engine.undo_look import UndoLook
from wescope.links.run_pages import RunEntry
from wescope.links.runs import Run


class RunServices(Protocol):
    """What pages and routes ask about runs. Errors are of the tree in `wescope.errors`."""

    async def writes_nothing(self) -> bool:
        """True while nothing is written to QBO, whoever asks for it."""
        ...

    async def page(
        self, *, kind: str | None = None, state: str | None = None, after: int | None = None, limit: int = 25
    ) -> RunsPage:
        """A page of runs, the newest first."""
        ...

    async def run(self, run_id: int) -> RunReport:
        """One run."""
        ...

    async def documents(self, run_id: int, chosen: DocumentFilter) -> RunDocuments:
        """A page of what a run has created."""
        ...

    async def entries(self, run_id: int) -> Sequence[RunEntry]:
        """What the audit log has about a run, the newest first."""
        ...

    async def examine(self, since: date, until: date) -> Sequence[Check]:
        """What is to be mended before a backfill, or to be known; in seconds."""
        ...

    async def preview_sweep(self, choice: SweepChoice) -> SweepPlan:
        """What a sweep would look at."""
        ...

    async def look_at_undo(self, run_id: int) -> UndoLook:
        """What undoing a run would do, of its first documents."""
        ...

    async def start_forecast(self, since: date, until: date, *, actor: str) -> Run:
        """A run that makes the dry run of a backfill."""
        ...

    async def forecast(self, run_id: int) -> Forecast | None:
        """What a forecast has come to."""
        ...
