"""Services of parked items and drift: what their pages need, a page at a time."""

from datetime import datetime
from typing import Protocol

from wescope.engine.bulk import BulkChoice, BulkOutcome, BulkPlan
from wescope.engine.drift_pages import DriftPage, RepairPreview
from wescope.engine.parked_desk import ParkedDetail, ParkedPage, ParkedQuery
from wescope.links.drift_pages import DriftChoice
from wescope.links.runs import Run


class ParkedServices(Protocol):
    """What routes ask about parked items. Errors are of the tree in `wescope.errors`."""

    async def page(self, query: ParkedQuery, *, after: str | None = None, limit: int = 50) -> ParkedPage:
        """A page of what a filter takes, the oldest first."""
        ...

    async def item(self, key: str) -> ParkedDetail:
        """One document that is, or was, parked."""
        ...

    async def plan(self, choice: BulkChoice, query: ParkedQuery, *, at: datetime | None = None) -> BulkPlan:
        """What a bulk action would do."""
        ...

    async def start(
        self, choice: BulkChoice, query: ParkedQuery, *, at: datetime, digest: str | None, actor: str
    ) -> Run:
        """A new run that does it, which a worker takes up."""
        ...

    async def outcome(self, run_id: int, *, after: str | None = None, limit: int = 50) -> BulkOutcome:
        """What a bulk action has come to."""
        ...


class DriftPageServices(Protocol):
    """What pages ask about edits in QBO. Errors are of the tree in `wescope.errors`."""

    async def page(self, choice: DriftChoice, *, after: str | None = None, limit: int = 50) -> DriftPage:
        """A page of what a filter takes, the newest first."""
        ...

    async def preview(self, choice: DriftChoice, *, exact: bool = False) -> RepairPreview:
        """What a repair would write."""
        ...
