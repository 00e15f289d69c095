"""Services of home: what the overview, tie-outs and the audit log need from the rest, as a protocol."""

from datetime import date
from typing import Protocol

from wescope.engine.audit_log import AuditPage
from wescope.engine.overview import Overview
from wescope.engine.tieout_kept import KeptOpenedRow, TieOutPage, TieOutRun
from wescope.links.audit import AuditFilter


class OverviewServices(Protocol):
    """What the home page asks. Errors are of the tree in `wescope.errors`."""

    async def overview(self) -> Overview:
        """All that home says."""
        ...


class TieOutServices(Protocol):
    """What pages ask of kept tie-outs. Errors are of the tree in `wescope.errors`."""

    async def page(self, as_of: date | None, kind: str | None = None, after: str | None = None) -> TieOutPage:
        """The last tie-out of a day (null: of the latest day that has one) with rows."""
        ...

    async def row(self, row_id: str, as_of: date | None) -> KeptOpenedRow:
        """One of its rows with the documents by which it differs.

        Raises:
            RowNotFound: there is no such row.
        """
        ...

    async def compare(self, as_of: date | None, *, actor: str) -> TieOutRun:
        """Have a worker compare both; the run that does it.

        Raises:
            RunUnfinished: a comparison as of another day is under way.
        """
        ...


class AuditServices(Protocol):
    """What pages ask of the audit log. Errors are of the tree in `wescope.errors`."""

    async def page(self, chosen: AuditFilter, after: str | None = None) -> AuditPage:
        """The entries that a filter takes, the newest first."""
        ...
