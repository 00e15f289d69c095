"""Payout statements: payouts as pages show them, one by one or in a list, from the stored checks alone.

Everything is bounded: a page of the list, a page of rows, and sums that the database makes.
"""

import contextlib
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, date, datetime
from enum import StrEnum

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from wescope.books.payout_check import RowState
from wescope.engine.export import csv_of, csv_rows
from wescope.engine.export_sheets import PAYOUT_STATEMENT
from wescope.engine.parked_items import parked_row
from wescope.engine.payout_results import payout_results
from wescope.engine.results import MONEY, ParkedRow, PayoutResult
from wescope.errors import ObjectNotFound, WrongUse
from wescope.links.database import transaction
from wescope.links.payout_statements import (
    Obstacles,
    PayoutFilter,
    PayoutPlace,
    RowFilter,
    RowSum,
    all_rows,
    as_of_one_moment,
    count_states,
    obstacles_of,
    page_of_checks,
    page_of_rows,
    sums_of_rows,
)

PAGE, ROWS = 50, 200
"""How many payouts, and how many rows of one, a page has."""

MOST_COUNTED = 10_000
"""More payouts of a state than that are not counted."""

PAYOUT_FEE, NOT_ITEMIZED = "payout_fee", "not_itemized"
"""Categories of ours: the fee of the payout itself, and what Stripe names no rows for (manual payouts)."""


class PayoutWord(StrEnum):
    """How a payout stands against the books."""

    MATCHED = "matched"
    ADOPTED = "adopted"
    WAITING = "waiting"
    DIFFERS = "differs"
    UNMATCHED = "unmatched"
    PARKED = "parked"
    NOT_PAID = "not_paid"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutCount:
    """How many payouts are in a state; `more` says that counting stopped there."""

    state: str
    count: int
    more: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutPage:
    """Payouts, the latest arrival first.

    `counts` are those of every state, under the other filters; `next` is where the following page begins, or null.
    """

    items: tuple[PayoutResult, ...]
    counts: tuple[PayoutCount, ...]
    next: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutSum:
    """What the rows of one category come to, or all of them; `count` is how many rows that are.

    `category` is Stripe's word; ours are `payout_fee`, the fee of the payout itself, and `not_itemized`, what Stripe
    names no rows for, as of a manual payout.
    """

    category: str
    count: int
    gross: int = field(metadata=MONEY)
    fee: int = field(metadata=MONEY)
    net: int = field(metadata=MONEY)
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RowCount:
    """How many rows of a payout are in a state."""

    state: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementRow:
    """One row of a payout, at its place in Stripe's order, with the document that books it, if there is one.

    `entity`, `qbo_id` and dates are the document's: `txn_date`, its posting date in QBO, `payment_received_date` and
    `credit_date` are in the books' calendar; `available_date` is in UTC's.
    """

    position: int
    transaction_id: str
    category: str
    source: str | None
    document_key: str | None
    gross: int = field(metadata=MONEY)
    fee: int = field(metadata=MONEY)
    net: int = field(metadata=MONEY)
    currency: str
    state: str
    entity: str | None
    qbo_id: str | None
    txn_date: date | None
    payment_received_date: date | None
    credit_date: date | None
    available_date: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AwaitedDocument:
    """A document that must be posted first: `state` is that of its link, null if nothing was tried yet.

    `parked` says why it is not posted, if that is known.
    """

    key: str
    entity: str | None
    qbo_id: str | None
    state: str | None
    parked: ParkedRow | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutSummary:
    """One payout: what it is made of, what it waits for, and a page of its rows.

    `total` is the sum of `categories`; its net is the payout's amount if it foots. `waits_for` names the first
    documents, `awaited` says how many rows wait for one. `parked` is what of the payout itself must not be posted.
    `next` is where the following rows begin, or null.
    """

    payout: PayoutResult
    categories: tuple[PayoutSum, ...]
    total: PayoutSum
    states: tuple[RowCount, ...]
    awaited: int
    waits_for: tuple[AwaitedDocument, ...]
    parked: tuple[ParkedRow, ...]
    rows: tuple[StatementRow, ...]
    next: str | None


AWAITED = frozenset({RowState.MISSING.value, RowState.DIFFERS.value})
"""States of rows that keep a payout from its deposit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutStatements:
    """Reads stored payouts of one company. Nothing is asked of Stripe or QBO."""

    engine: AsyncEngine
    realm_id: str

    async def page(self, chosen: PayoutFilter, after: str | None = None) -> PayoutPage:
        """A page of payouts.

        Args:
            chosen: which ones.
            after: what the page before has named as `next`; null begins with the latest arrival.

        Raises:
            WrongUse: `after` is no such place.
            DatabaseUnavailable: the tables cannot be read.
        """
        place = _place(after) if after else None
        states = [word.value for word in PayoutWord]
        async with transaction(self.engine) as connection:
            await as_of_one_moment(connection)
            found = await page_of_checks(connection, self.realm_id, chosen, after=place, limit=PAGE + 1)
            counted = await count_states(connection, self.realm_id, chosen, states=states, most=MOST_COUNTED)
        items = tuple(
            PayoutResult(**{each.name: getattr(check, each.name) for each in fields(check)}, checked_at=at)
            for check, at in found[:PAGE]
        )
        counts = tuple(
            PayoutCount(state=state, count=min(counted[state], MOST_COUNTED), more=counted[state] > MOST_COUNTED)
            for state in states
        )
        return PayoutPage(items=items, counts=counts, next=_token(items[-1]) if len(found) > PAGE else None)

    async def summary(self, payout_id: str, chosen: RowFilter, after: int | None = None) -> PayoutSummary:
        """One payout with its sums, its obstacles and a page of its rows.

        Args:
            payout_id: Stripe's id.
            chosen: which rows; the sums are those of all.
            after: the position behind which the page begins; null begins with the first row.

        Raises:
            ObjectNotFound: it was not looked at yet.
            DatabaseUnavailable: the tables cannot be read.
        """
        first = -1 if after is None else after
        async with transaction(self.engine) as connection:
            await as_of_one_moment(connection)
            payout = await self._payout(connection, payout_id)
            sums = await sums_of_rows(connection, self.realm_id, payout_id)
            rows = await page_of_rows(connection, self.realm_id, payout_id, chosen, after=first, limit=ROWS + 1)
            obstacles = await obstacles_of(connection, self.realm_id, payout_id, payout.waiting_on)
        now = datetime.now(UTC)
        shown = tuple(StatementRow(currency=payout.currency, **asdict(row)) for row in rows[:ROWS])
        listed = _by_category(payout, sums)
        rows_in_all = sum(one.count for one in listed)
        return PayoutSummary(
            payout=payout,
            categories=(*listed, *_rest(payout, listed)),
            total=_sum("total", payout.currency, count=rows_in_all, gross=payout.gross, fee=payout.fee),
            states=_states(sums),
            awaited=sum(one.count for one in sums if one.state in AWAITED),
            waits_for=tuple(_awaited(key, obstacles, now) for key in payout.waiting_on),
            parked=tuple(parked_row(item, now) for item in obstacles.own),
            rows=shown,
            next=str(shown[-1].position) if len(rows) > ROWS else None,
        )

    async def lines(self, payout_id: str) -> AsyncIterator[str]:
        """One payout as CSV, piece by piece: all rows, and last what Stripe names no row for, if that is something.

        Raises:
            ObjectNotFound: it was not looked at yet.
            DatabaseUnavailable: the tables cannot be read; what came before is complete up to there.
        """
        async with transaction(self.engine) as connection:
            await as_of_one_moment(connection)
            payout = await self._payout(connection, payout_id)
            sums = await sums_of_rows(connection, self.realm_id, payout_id)
        return self._pieces(payout, sums)

    async def _payout(self, connection: AsyncConnection, payout_id: str) -> PayoutResult:
        found = await payout_results(connection, self.realm_id, payout_ids=[payout_id])
        if not found:
            raise ObjectNotFound("No check of this payout is stored; `wescope sync` looks at it now.", payout=payout_id)
        return found[0]

    async def _pieces(self, payout: PayoutResult, sums: Sequence[RowSum]) -> AsyncIterator[str]:
        query = all_rows(self.realm_id, payout.payout_id, payout.currency)
        async with contextlib.aclosing(csv_of(self.engine, query, PAYOUT_STATEMENT)) as pieces:
            async for piece in pieces:
                yield piece
        empty = dict.fromkeys(column.name for column in PAYOUT_STATEMENT)
        if rest := _rest(payout, _by_category(payout, sums)):
            yield csv_rows(PAYOUT_STATEMENT, [empty | asdict(one) for one in rest])


def _by_category(payout: PayoutResult, sums: Iterable[RowSum]) -> tuple[PayoutSum, ...]:
    """The rows by category, the largest first."""
    grouped: dict[str, list[RowSum]] = {}
    for one in sums:
        grouped.setdefault(one.category, []).append(one)
    found = [
        _sum(
            category,
            payout.currency,
            count=sum(one.count for one in rows),
            gross=sum(one.gross for one in rows),
            fee=sum(one.fee for one in rows),
        )
        for category, rows in grouped.items()
    ]
    return tuple(sorted(found, key=lambda one: (-abs(one.gross), -abs(one.fee), one.category)))


def _rest(payout: PayoutResult, listed: Iterable[PayoutSum]) -> tuple[PayoutSum, ...]:
    """What is in the payout's sums but in no row: nothing, the payout's own fee, or all of a manual payout."""
    known = tuple(listed)
    gross = payout.gross - sum(one.gross for one in known)
    fee = payout.fee - sum(one.fee for one in known)
    if not gross and not fee:
        return ()
    return (_sum(NOT_ITEMIZED if gross else PAYOUT_FEE, payout.currency, count=0, gross=gross, fee=fee),)


def _sum(category: str, currency: str, *, count: int, gross: int, fee: int) -> PayoutSum:
    return PayoutSum(category=category, count=count, gross=gross, fee=fee, net=gross - fee, currency=currency)


def _states(sums: Iterable[RowSum]) -> tuple[RowCount, ...]:
    """How many rows are in which state; what waits comes first."""
    found: dict[str, int] = {}
    for one in sums:
        found[one.state] = found.get(one.state, 0) + one.count
    ordered = sorted(found.items(), key=lambda one: (one[0] not in AWAITED, one[0]))
    return tuple(RowCount(state=state, count=count) for state, count in ordered)


def _awaited(key: str, obstacles: Obstacles, now: datetime) -> AwaitedDocument:
    document, item = obstacles.documents.get(key), obstacles.parked.get(key)
    return AwaitedDocument(
        key=key,
        entity=document.entity if document else None,
        qbo_id=document.qbo_id if document else None,
        state=document.state if document else None,
        parked=parked_row(item, now) if item else None,
    )


def _token(payout: PayoutResult) -> str:
    """A place in the list as text, for `_place`."""
    return f"{payout.arrival_date or ''}~{payout.payout_id}"


def _place(token: str) -> PayoutPlace:
    day, separator, payout_id = token.partition("~")
    try:
        arrival = date.fromisoformat(day) if day else None
    except ValueError as error:
        raise WrongUse("This is no place in the list of payouts.") from error
    if not separator or not payout_id:
        raise WrongUse("This is no place in the list of payouts.")
    return PayoutPlace(arrival_date=arrival, payout_id=payout_id)
