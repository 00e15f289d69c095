"""Payout services: what routes and pages ask about payouts; `wiring` gives them the real thing, tests a fake."""

from collections.abc import AsyncIterator
from typing import Protocol

from wescope.engine.payout_statements import PayoutPage, PayoutSummary
from wescope.links.payout_statements import PayoutFilter, RowFilter


class PayoutServices(Protocol):
    """What is stored of payouts. Errors are of the tree in `wescope.errors`."""

    async def page(self, chosen: PayoutFilter, after: str | None = None) -> PayoutPage:
        """A page of payouts, the latest arrival first."""
        ...

    async def summary(self, payout_id: str, chosen: RowFilter, after: int | None = None) -> PayoutSummary:
        """One payout with its sums, what it waits for, and a page of its rows.

        Raises:
            ObjectNotFound: it was not looked at yet.
        """
        ...

    async def lines(self, payout_id: str) -> AsyncIterator[str]:
        """One payout as CSV, piece by piece.

        Raises:
            ObjectNotFound: it was not looked at yet.
        """
        ...
