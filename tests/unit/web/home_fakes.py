"""Fakes of what home, tie-outs and the audit log ask, and results that they answer."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date

from wescope.engine.audit_log import AuditPage
from wescope.engine.examples_home import AUDIT_PAGE, KEPT_OPENED_ROW, KEPT_ROW, KEPT_TIEOUT, OVERVIEW, TIEOUT_RUN
from wescope.engine.overview import Overview
from wescope.engine.results import Status
from wescope.engine.runs import RunUnfinished
from wescope.engine.tieout_comparison import RowNotFound
from wescope.engine.tieout_kept import KeptOpenedRow, KeptTieOut, TieOutPage, TieOutRow, TieOutRun
from wescope.links.audit import AuditFilter

BALANCED = replace(KEPT_TIEOUT, difference="0.00", balanced=True, differences={"usd": "0.00"}, as_of=date(2026, 11, 22))


@dataclass(kw_only=True)
class FakeTieOuts:
    """Kept tie-outs: one, with a page of rows after the first."""

    tieout: KeptTieOut | None = BALANCED
    run: TieOutRun | None = None
    rows: tuple[TieOutRow, ...] = (KEPT_ROW,)
    next: str | None = None
    busy: bool = False
    asked: list[object] = field(default_factory=list)

    async def page(self, as_of: date | None, kind: str | None = None, after: str | None = None) -> TieOutPage:
        self.asked.append((as_of, kind, after))
        if self.tieout is None:
            return TieOutPage(tieout=None, run=self.run)
        return TieOutPage(tieout=self.tieout, rows=self.rows, next=self.next, run=self.run)

    async def row(self, row_id: str, as_of: date | None) -> KeptOpenedRow:
        self.asked.append((row_id, as_of))
        if row_id != KEPT_ROW.id:
            raise RowNotFound(row=row_id)
        return KEPT_OPENED_ROW

    async def compare(self, as_of: date | None, *, actor: str) -> TieOutRun:
        self.asked.append(("compare", as_of, actor))
        if self.busy:
            raise RunUnfinished(run=7, state="running")
        return replace(TIEOUT_RUN, as_of=as_of)


@dataclass(kw_only=True)
class FakeOverview:
    """The overview with the state that the services have."""

    state: Callable[[], Status]
    tieouts: FakeTieOuts
    told: Overview = OVERVIEW

    async def overview(self) -> Overview:
        return replace(self.told, status=self.state(), tieout=self.tieouts.tieout, run=self.tieouts.run)


@dataclass(kw_only=True)
class FakeAuditLog:
    """The audit log: one page."""

    told: AuditPage = AUDIT_PAGE
    asked: list[object] = field(default_factory=list)

    async def page(self, chosen: AuditFilter, after: str | None = None) -> AuditPage:
        self.asked.append((chosen, after))
        return self.told
