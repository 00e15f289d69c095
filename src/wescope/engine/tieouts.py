"""Tie-outs: make one and keep it, and open its rows; the last one is remembered a while, so that opening is quick."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from wescope.books.calendar import local_date
from wescope.books.policy import Policy
from wescope.engine.attempts import AttemptLog
from wescope.engine.month_comparison import day_of, keep_closed
from wescope.engine.parked_items import parked_row
from wescope.engine.runs import Execution
from wescope.engine.tieout import compare, read_stripe
from wescope.engine.tieout_comparison import Comparison, Known
from wescope.engine.tieout_kept import kept
from wescope.engine.tieout_qbo import QboSide
from wescope.engine.tieout_results import OpenedRow, TieOut
from wescope.links.database import transaction
from wescope.links.payouts import counts_by_state, deposit_days, stored_checks
from wescope.links.reports import customer_links, keep_run, parked_items
from wescope.links.runs import RunKind
from wescope.links.tieout import Facts, adopted_documents, facts_of
from wescope.qbo.client import QboClient
from wescope.qbo.company import Company
from wescope.stripe.listing import StripeListing

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how much of it is done, and how much there is."""

REMEMBERED = timedelta(minutes=10)
"""How long rows of a tie-out are opened without reading both services again."""


@dataclass(slots=True)
class Remembered:
    """The last comparison of this process; null if there is none."""

    comparison: Comparison | None = None

    def of(self, as_of: date, now: datetime) -> Comparison | None:
        """That comparison, if it is of this day and not too old."""
        found = self.comparison
        if found is not None and now - found.at >= REMEMBERED:
            found = self.comparison = None
        return found if found is not None and found.as_of == as_of else None


@dataclass(frozen=True, slots=True, kw_only=True)
class TieOuts:
    """Compares Stripe with QBO. Dates are in the books' calendar."""

    engine: AsyncEngine
    realm_id: str
    listing: StripeListing
    client: QboClient
    company: Company
    attempts: AttemptLog
    policy: Policy
    last: Remembered = field(default_factory=Remembered)

    async def make(self, as_of: date | None, progress: Progress | None = None) -> TieOut:
        """Compare both at the end of `as_of` (null: today); the result is kept.

        Raises:
            StripeError: Stripe cannot be read.
            QboError: QBO cannot be read.
        """
        return (await self._made(as_of, progress)).result

    async def __call__(self, execution: Execution) -> Mapping[str, Any]:
        """Execute a run that ties out as of its day, or of today; its result is kept as that of the run.

        Raises:
            Stopped: somebody wants the run paused or ended.
            StripeError: Stripe cannot be read.
            QboError: QBO cannot be read.
        """
        await execution.proceed()
        comparison = await self._compared(day_of(execution.run.options), _quiet)
        self.last.comparison = None  # nobody in this process asks for its rows
        return kept(comparison.result)

    async def open(
        self, row_ids: Sequence[str], as_of: date | None, progress: Progress | None = None
    ) -> tuple[OpenedRow, ...]:
        """Rows with everything that makes them up, of a new tie-out or of one that this process made just before.

        Raises:
            RowNotFound: there is no such row on that day.
            StripeError: Stripe cannot be read.
            QboError: QBO cannot be read.
        """
        day = as_of or local_date(datetime.now(UTC), self.policy.timezone)
        comparison = self.last.of(day, datetime.now(UTC)) or await self._made(day, progress)
        return tuple([await comparison.open(row_id) for row_id in row_ids])

    async def _made(self, as_of: date | None, progress: Progress | None) -> Comparison:
        comparison = await self._compared(as_of, progress or _quiet)
        async with transaction(self.engine) as connection:
            await keep_run(connection, RunKind.TIEOUT.value, kept(comparison.result))
        return comparison

    async def _compared(self, as_of: date | None, tell: Progress) -> Comparison:
        now = datetime.now(UTC)
        self.last.comparison = None
        tell("reading Stripe", 0, 2)
        stripe = await read_stripe(self.listing)
        tell("reading QBO", 1, 2)
        comparison = await compare(
            stripe,
            QboSide(self.client, self.company),
            self.policy,
            await self.known(),
            as_of=as_of or local_date(now, self.policy.timezone),
            at=now,
        )
        await self.attempts.flush()
        closed_until = (await self.company.preferences()).book_close_date
        async with transaction(self.engine) as connection:
            await keep_closed(connection, closed_until, now)
        self.last.comparison = comparison
        tell("done", 2, 2)
        return comparison

    async def known(self) -> Known:
        """What the tables say that a comparison needs."""
        async with transaction(self.engine) as connection:
            links = await customer_links(connection, self.realm_id)
            now = datetime.now(UTC)
            return Known(
                customers={qbo_id: (key.partition(":")[0], currency) for qbo_id, key, currency in links},
                parked=tuple(parked_row(item, now) for item in await parked_items(connection)),
                deposited=await deposit_days(connection, self.realm_id),
                payouts=await counts_by_state(connection, self.realm_id),
                checks=tuple(check for check, _ in await stored_checks(connection, self.realm_id)),
                adopted=self._adopted,
                facts=self._facts,
            )

    async def _adopted(self, named: Collection[tuple[str, str]]) -> Mapping[tuple[str, str], str]:
        async with transaction(self.engine) as connection:
            return await adopted_documents(connection, self.realm_id, named)

    async def _facts(self, keys: Collection[str], ids: Collection[str]) -> Facts:
        async with transaction(self.engine) as connection:
            return await facts_of(connection, self.realm_id, keys, ids)


def _quiet(_text: str, _done: int, _total: int) -> None:
    """Nobody is told."""
