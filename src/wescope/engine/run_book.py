"""The book of runs: what a page says of them, bounded and by indexes, and what is previewed before one is begun."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from wescope.books.parking import Owner
from wescope.engine.backfill import options_of
from wescope.engine.backfill_plan import Forecast
from wescope.engine.forecasting import forecast_of
from wescope.engine.history import History, RunReport
from wescope.engine.results import Check
from wescope.engine.run_memory import RunMemory
from wescope.engine.runs import RunNotFound, target_of
from wescope.engine.sweep import SweepChoice, SweepPlan
from wescope.engine.undo_look import UndoLook, look
from wescope.engine.write_gate import WriteGate
from wescope.errors import Retry, WescopeError
from wescope.links.database import transaction
from wescope.links.run_pages import RunDocument, RunEntry, entries_about, page_of_documents, page_of_runs
from wescope.links.runs import Run, RunKind, posted_of, queued_of

PATIENCE_S = 8.0
"""So long a preview may take that somebody waits for."""

ENTRIES = 20


class PreviewTooLong(WescopeError):
    """To count what would be looked at takes longer than somebody waits for a page."""

    code = "preview_too_long"
    owner = Owner.OPERATOR
    retry = Retry.NEVER
    remedy = "Start it without a preview, or have the command line make one: `wescope sweep --dry-run`."


@dataclass(frozen=True, slots=True, kw_only=True)
class RunsPage:
    """Runs, the newest first. `next` is what `after` must be for older ones; null if there are none."""

    items: tuple[RunReport, ...]
    next: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunDocuments:
    """Documents that a run has created, by their keys. `next` is what `after` must be for more; null at the end."""

    items: tuple[RunDocument, ...]
    next: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentFilter:
    """Which documents of a run: of an entity, in a state, after a key; null is any. At most `limit` of them."""

    entity: str | None = None
    state: str | None = None
    after: str | None = None
    limit: int = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class RunBook:
    """What pages ask about runs. `memory` outlives it; `gate` knows whether anything may be written to QBO."""

    history: History
    memory: RunMemory
    gate: WriteGate

    @property
    def realm_id(self) -> str:
        """Of the company."""
        return self.history.undos.store.realm_id

    async def writes_nothing(self) -> bool:
        """True while nothing is written to QBO, whoever asks for it."""
        return await self.gate.is_held()

    async def page(
        self, *, kind: str | None = None, state: str | None = None, after: int | None = None, limit: int = 25
    ) -> RunsPage:
        """A page of runs of a kind and state (null: any), older than `after`; what is parked is told of single ones."""
        async with transaction(self.history.engine) as connection:
            found = await page_of_runs(connection, kind=kind, state=state, before=after, limit=limit + 1)
        shown = found[:limit]
        items = tuple([await self._report(run, is_single=False) for run in shown])
        return RunsPage(items=items, next=str(shown[-1].id) if len(found) > limit else None)

    async def run(self, run_id: int) -> RunReport:
        """One run with everything.

        Raises:
            RunNotFound: there is none.
        """
        return self.memory.paced(await self._report(await self.history.desk.find(run_id), is_single=True))

    async def documents(self, run_id: int, chosen: DocumentFilter) -> RunDocuments:
        """A page of what a run has created.

        Raises:
            RunNotFound: there is no such run.
        """
        await self.history.desk.find(run_id)
        async with transaction(self.history.engine) as connection:
            found = await page_of_documents(
                connection,
                self.realm_id,
                run_id,
                entity=chosen.entity,
                state=chosen.state,
                after=chosen.after,
                limit=chosen.limit + 1,
            )
        shown = found[: chosen.limit]
        return RunDocuments(items=shown, next=shown[-1].document_key if len(found) > chosen.limit else None)

    async def entries(self, run_id: int) -> tuple[RunEntry, ...]:
        """What the audit log has about a run, the newest first; the newest only."""
        async with transaction(self.history.engine) as connection:
            return await entries_about(connection, target_of(run_id), ENTRIES)

    # --- before one is begun ----------------------------------------------------------------------------------------

    async def examine(self, since: date, until: date) -> tuple[Check, ...]:
        """What is to be mended before a backfill (errors), and to be known (warnings); in seconds."""
        return await self.history.checks.within(since, until, PATIENCE_S)

    async def preview_sweep(self, choice: SweepChoice) -> SweepPlan:
        """What a sweep would look at.

        Raises:
            PreviewTooLong: there is too much to count it while somebody waits.
        """
        try:
            async with asyncio.timeout(PATIENCE_S):
                return await self.history.plan_sweep(choice)
        except TimeoutError:
            raise PreviewTooLong(seconds=int(PATIENCE_S)) from None

    async def look_at_undo(self, run_id: int) -> UndoLook:
        """What undoing a run would do; see `undo_look.look`."""
        return await look(self.history.undos, run_id)

    # --- forecasts --------------------------------------------------------------------------------------------------

    async def start_forecast(self, since: date, until: date, *, actor: str) -> Run:
        """A run that makes the dry run of a backfill.

        Raises:
            RunUnfinished: there is an unfinished one.
        """
        return await self.history.desk.start(RunKind.FORECAST, options_of(since, until), actor=actor)

    async def forecast(self, run_id: int) -> Forecast | None:
        """What a forecast has come to; null while it goes on.

        Raises:
            RunNotFound: there is no such run, or it is no forecast.
        """
        run = await self.history.desk.find(run_id)
        if run.kind != RunKind.FORECAST:
            raise RunNotFound(run=run_id, kind=run.kind)
        return forecast_of(run.result)

    # --- reports ----------------------------------------------------------------------------------------------------

    async def _report(self, run: Run, *, is_single: bool) -> RunReport:
        posted = await self._posted_by(run)
        async with transaction(self.history.engine) as connection:
            queued = await queued_of(connection, run.id)
        parked = await self.history.parked(run.id) if is_single else ()
        return self.history.report_of(run, posted, queued, parked)

    async def _posted_by(self, run: Run) -> Mapping[str, int]:
        known = run.result.get("posted")
        told = known if isinstance(known, Mapping) else None
        return await self.memory.posted(run.id, lambda: self._posted(run.id), known=told)

    async def _posted(self, run_id: int) -> Mapping[str, int]:
        async with transaction(self.history.engine) as connection:
            return await posted_of(connection, run_id)
