"""Dry run: what waits to be written, its review, and the orders to release or to hold it.

Writing is released for what the policy says at that moment. A run that began before a release still writes nothing;
what waited is hinted, by the release and then by every worker until none is left.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from wescope.books.parking import Owner
from wescope.books.subjects import Subject
from wescope.engine.results import MONEY, ActionRow, SyncResult
from wescope.engine.write_gate import Holding, WriteGate
from wescope.errors import DatabaseUnavailable, Retry, WescopeError
from wescope.links.audit import AuditEntry, record_audit
from wescope.links.database import transaction
from wescope.links.dry_run import (
    Order,
    StoredOrder,
    WaitingSum,
    add_order,
    hint_waiting,
    lock_orders,
    newest_orders,
    waiting_subjects,
    waiting_sums,
)
from wescope.links.subjects import Defer

_log = structlog.get_logger(__name__)

MOST_SAMPLED = 20
"""So many subjects are planned for a review at most: each is read from Stripe."""

_MOST_SUMMED = 20_000
_ORDERS_SHOWN = 10
_HINTS_AT_ONCE = 200
_WATCH_EVERY_S, _WAKE_EVERY_S = 2.0, 60.0


class ReviewOutdated(WescopeError):
    """Since this review somebody has given another order, or the policy has changed."""

    code = "review_outdated"
    owner = Owner.OPERATOR
    retry = Retry.NEVER
    remedy = (
        "Review what waits again (`wescope setup --release --dry-run`, or the page /setup/dry-run), then release it."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingRow:
    """Documents of one QBO entity and currency that wait to be written: how many, and what they add up to."""

    entity: str
    currency: str
    count: int
    amount: int = field(metadata=MONEY)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedSubject:
    """What would be written for one subject, document by document; `code` says why it cannot be told, if it cannot."""

    subject: str
    actions: tuple[ActionRow, ...] = ()
    code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRow:
    """An order of an operator (`release` or `hold`), and how many documents waited then. `at` has a zone."""

    action: str
    actor: str
    at: datetime
    documents: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DryRunReview:
    """Whether anything is written, and what waits to be.

    `review_first` is the policy's `dry_run`. `review` names what is shown here: a release says it again. If `complete`
    is false there is more in `waiting` than was counted. `sample` is planned now, as many subjects as were asked for.
    """

    state: Holding
    writing: bool
    review_first: bool
    review: str
    waiting: tuple[WaitingRow, ...]
    complete: bool
    sample: tuple[PlannedSubject, ...]
    orders: tuple[OrderRow, ...]

    @property
    def count(self) -> int:
        """How many documents wait, as far as they were counted."""
        return sum(row.count for row in self.waiting)


@dataclass(frozen=True, slots=True, kw_only=True)
class DryRunDesk:
    """What people ask about dry run. `preview` says what a subject's run would do, and writes nothing."""

    engine: AsyncEngine
    realm_id: str
    gate: WriteGate
    defer: Defer
    preview: Callable[[Subject], Awaitable[SyncResult]]

    async def review(self, *, sample: int = 0) -> DryRunReview:
        """What waits, and the plans of the first `sample` subjects (20 at most).

        Raises:
            DatabaseUnavailable: the tables cannot be read.
        """
        async with transaction(self.engine) as connection:
            orders = await newest_orders(connection, self.realm_id, limit=_ORDERS_SHOWN)
            sums = await waiting_sums(connection, most=_MOST_SUMMED)
            chosen = await waiting_subjects(connection, limit=min(sample, MOST_SAMPLED)) if sample > 0 else ()
        state = self.gate.judge(orders[0] if orders else None)
        return DryRunReview(
            state=state.word,
            writing=not state.is_held,
            review_first=self.gate.review_first,
            review=self._review(orders),
            waiting=tuple(
                WaitingRow(entity=one.entity, currency=one.currency, count=one.count, amount=one.amount) for one in sums
            ),
            complete=sum(one.count for one in sums) < _MOST_SUMMED,
            sample=tuple([await self._planned(subject) for subject in chosen]),
            orders=tuple(_order_row(order) for order in orders),
        )

    async def release(self, review: str, *, actor: str) -> DryRunReview:
        """Let be written what waits, and all that follows.

        Args:
            review: of the review that was looked at.
            actor: for the audit log.

        Raises:
            ReviewOutdated: it is not the newest one.
            DatabaseUnavailable: nothing has changed.
        """
        async with transaction(self.engine) as connection:
            await lock_orders(connection, self.realm_id)
            orders = await newest_orders(connection, self.realm_id)
            if review != self._review(orders):
                raise ReviewOutdated
            if self.gate.judge(orders[0] if orders else None).is_held:
                await self._order(connection, Order.RELEASE, actor)
            await hint_waiting(connection, self.defer, after="", limit=_HINTS_AT_ONCE)  # the rest follows in workers
        self.gate.forget()
        return await self.review()

    async def hold(self, *, actor: str) -> DryRunReview:
        """Let nothing more be written, by no process: what is on its way to QBO just now still arrives.

        Raises:
            DatabaseUnavailable: nothing has changed.
        """
        async with transaction(self.engine) as connection:
            await lock_orders(connection, self.realm_id)
            orders = await newest_orders(connection, self.realm_id)
            if not (orders and orders[0].action is Order.HOLD):
                await self._order(connection, Order.HOLD, actor)
        self.gate.forget()
        return await self.review()

    async def wake(self) -> None:
        """Have what waits looked at again, piece by piece, as long as writing is not held.

        Raises:
            DatabaseUnavailable: not all of it is.
        """
        after: str | None = ""
        while after is not None and not await self.gate.is_held():
            async with transaction(self.engine) as connection:
                after = await hint_waiting(connection, self.defer, after=after, limit=_HINTS_AT_ONCE)

    async def watch(self) -> None:
        """Take up what waits when writing is released, and from time to time; for ever, until it is canceled.

        From time to time, too, since a run that began before the release parks what it has planned after it.
        """
        was_held, woken_at_s = True, float("-inf")
        while True:
            try:
                is_held = await self.gate.is_held()
                if not is_held and (was_held or time.monotonic() - woken_at_s >= _WAKE_EVERY_S):
                    await self.wake()
                    woken_at_s = time.monotonic()
                was_held = is_held
            except DatabaseUnavailable as error:
                _log.warning("what waits for a release not looked at", code=error.code)
            await asyncio.sleep(_WATCH_EVERY_S)

    async def _order(self, connection: AsyncConnection, order: Order, actor: str) -> None:
        sums = await waiting_sums(connection)
        figures = {
            "documents": sum(one.count for one in sums),
            "waiting": [
                {"entity": one.entity, "currency": one.currency, "count": one.count, "amount": one.amount}
                for one in sums
            ],
        }
        await add_order(connection, self.realm_id, order, actor=actor, policy=self.gate.policy, figures=figures)
        told = {"documents": figures["documents"], "policy": self.gate.policy}
        entry = AuditEntry(action=order.value, actor=actor, target=f"dry_run/{self.realm_id}", details=told)
        await record_audit(connection, [entry])
        _log.warning("writing to QBO: order given", realm_id=self.realm_id, operation=order.value, count=_total(sums))

    def _review(self, orders: Sequence[StoredOrder]) -> str:
        """What a release must be of: the newest order, and what the policy of this process decides."""
        return f"{orders[0].id if orders else 0}.{self.gate.policy}"

    async def _planned(self, subject: Subject) -> PlannedSubject:
        try:
            planned = await self.preview(subject)
        except WescopeError as error:
            return PlannedSubject(subject=str(subject), code=error.code)
        return PlannedSubject(subject=planned.subject, actions=planned.actions)


def _total(sums: Sequence[WaitingSum]) -> int:
    return sum(one.count for one in sums)


def _order_row(order: StoredOrder) -> OrderRow:
    documents = int(order.figures.get("documents", 0))
    return OrderRow(action=order.action.value, actor=order.actor, at=order.at, documents=documents)
