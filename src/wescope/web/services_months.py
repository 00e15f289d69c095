"""Services of the month's end: what routes ask about months, as a protocol."""

from collections.abc import AsyncIterator
from typing import Protocol

from wescope.engine.month_results import MonthList, MonthView, Signoff
from wescope.links.runs import Run


class MonthServices(Protocol):
    """What routes ask about months. Errors are of the tree in `wescope.errors`."""

    async def page(self, before: str | None = None) -> MonthList:
        """Months, the newest first, those earlier than `before`."""
        ...

    async def view(self, month: str) -> MonthView:
        """One month."""
        ...

    async def compare(self, month: str, *, actor: str) -> Run:
        """Start a comparison as of the month's last day, which a worker takes up; or the one that is under way."""
        ...

    async def sign(self, month: str, reason: str | None = None, *, actor: str) -> Signoff:
        """Sign a month off."""
        ...

    async def withdraw(self, month: str, *, actor: str) -> Signoff:
        """Withdraw the sign-off of a month."""
        ...

    def evidence(self, month: str) -> AsyncIterator[bytes]:
        """The evidence of a month as a ZIP archive, piece by piece."""
        ...
