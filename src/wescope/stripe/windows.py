"""Windows: Stripe's lists by creation time, oldest window first, one page at a time, as objects to look at."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Any, Final
from zoneinfo import ZoneInfo

from wescope.books.categories import Treatment, category_of
from wescope.books.policy import Policy
from wescope.books.subjects import Subject, SubjectKind
from wescope.books.values import BalanceRow
from wescope.errors import MalformedId, ObjectNotFound
from wescope.stripe.client import PAGE_SIZE, StripeApi
from wescope.stripe.identity import identify
from wescope.stripe.parsing import Fields, parse_balance_row

WINDOW: Final = timedelta(days=7)
FIRST_DAY: Final = date(2010, 1, 1)
"""Stripe has nothing older. A year that was mistyped would be thousands of windows, and metered reads of QBO."""


class Listed(StrEnum):
    """What is listed, in the order in which it is within a window."""

    OLDER_INVOICES = "older_invoices"
    """Invoices that were made before the period and that something happened to since it began."""
    INVOICES = "invoices"
    CHARGES = "charges"
    CREDIT_NOTES = "credit_notes"
    REFUNDS = "refunds"
    DISPUTES = "disputes"
    BALANCE_TRANSACTIONS = "balance_transactions"
    PAYOUTS = "payouts"
    CUSTOMERS = "customers"
    """Those with a balance; moves of balances can be listed by customer only."""
    BALANCE_MOVES = "balance_moves"
    """Customers whose balance moved, also if it is nothing again: one call more for each customer that there is."""


IN_WINDOWS: Final = (
    Listed.INVOICES,
    Listed.CHARGES,
    Listed.CREDIT_NOTES,
    Listed.REFUNDS,
    Listed.DISPUTES,
    Listed.BALANCE_TRANSACTIONS,
    Listed.PAYOUTS,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A span of creation times in UTC: from `first`, before `after`."""

    first: datetime
    after: datetime

    @property
    def filter(self) -> dict[str, int]:
        """As Stripe takes it."""
        return {"gte": int(self.first.timestamp()), "lt": int(self.after.timestamp())}


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """The days from `since` to `until`, both included, of the calendar of a time zone."""

    since: date
    until: date
    timezone: ZoneInfo

    @property
    def begin(self) -> datetime:
        """The first moment, in UTC."""
        return self._midnight(self.since)

    @property
    def end(self) -> datetime:
        """The moment after the last one, in UTC."""
        return self._midnight(self.until + timedelta(days=1))

    @property
    def windows(self) -> int:
        """How many windows it has."""
        return max(0, -(-((self.until - self.since).days + 1) // WINDOW.days))

    def window(self, index: int) -> Window:
        """The window with this index, from 0. Its bounds are midnights of the calendar."""
        first = self.since + index * WINDOW
        return Window(first=self._midnight(first), after=min(self.end, self._midnight(first + WINDOW)))

    def _midnight(self, day: date) -> datetime:
        return datetime.combine(day, time.min, self.timezone).astimezone(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedObject:
    """An object that may have to be looked at.

    `stripe_id` is by which documents name it. `changed_at` is the last moment (UTC) at which something is known to
    have happened to it; null if that cannot be told, so that it is looked at whatever is known of it.
    """

    subject: Subject
    stripe_id: str
    customer_id: str | None
    changed_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedPage:
    """One page: what may have to be looked at, how many objects it had in all, and where the next one begins."""

    objects: tuple[ListedObject, ...]
    count: int
    cursor: str | None


_PATHS: Mapping[Listed, str] = {
    Listed.OLDER_INVOICES: "/v1/invoices",
    Listed.BALANCE_MOVES: "/v1/customers",
    **{kind: f"/v1/{kind.value}" for kind in (*IN_WINDOWS, Listed.CUSTOMERS)},
}
_AT_ONCE = 8
_OF_OTHERS = frozenset({Treatment.PARTIAL_CAPTURE, Treatment.FEE, Treatment.PAYOUT})
_TRANSITIONS = ("finalized_at", "marked_uncollectible_at", "paid_at", "voided_at")


class WindowLister:
    """Reads Stripe's lists page by page; 100 objects are one call.

    Args:
        api: Stripe.
        policy: The company's choices: which rows of the balance have documents of their own.
    """

    def __init__(self, api: StripeApi, policy: Policy) -> None:
        self._api, self._policy = api, policy
        self._readers: Mapping[Listed, Callable[[Mapping[str, Any]], list[ListedObject]]] = {
            Listed.OLDER_INVOICES: _invoice,
            Listed.INVOICES: _invoice,
            Listed.CHARGES: _charge,
            Listed.CREDIT_NOTES: _credit_note,
            Listed.REFUNDS: _refund,
            Listed.DISPUTES: _dispute,
            Listed.PAYOUTS: _payout,
            Listed.BALANCE_TRANSACTIONS: self._row,
            Listed.CUSTOMERS: _customer,
            Listed.BALANCE_MOVES: _any_customer,
        }

    async def page(self, kind: Listed, window: Window, cursor: str | None) -> ListedPage:
        """A page of a list, newest first.

        Args:
            kind: Which list.
            window: When its objects were created; of older invoices and of customers with moves, when something must
                have happened to them.
            cursor: Where the page begins, as the page before says; null for the first one.

        Raises:
            StripeError: Stripe can't be read.
            ObjectUnreadable: an object has no id or is of another kind.
        """
        created = _filter(kind, window)
        parameters: dict[str, Any] = {"created": created} | ({"starting_after": cursor} if cursor else {})
        page = await self._api.get(_PATHS[kind], limit=PAGE_SIZE, **parameters)
        rows = page["data"]
        found = [one for row in rows for one in self._readers[kind](row)]
        if kind is Listed.OLDER_INVOICES:
            found = [one for one in found if one.changed_at is not None and one.changed_at >= window.first]
        if kind is Listed.BALANCE_MOVES:
            found = await self._moved(found, window)
        more = bool(page.get("has_more")) and bool(rows)
        # One object may name another one again: each is told once.
        objects = tuple({one.subject: one for one in reversed(found)}.values())
        return ListedPage(objects=objects[::-1], count=len(rows), cursor=str(rows[-1]["id"]) if more else None)

    async def _moved(self, customers: list[ListedObject], window: Window) -> list[ListedObject]:
        turn = asyncio.Semaphore(_AT_ONCE)

        async def has_moves(customer_id: str) -> bool:
            path = f"/v1/customers/{customer_id}/balance_transactions"
            async with turn:
                try:
                    return bool((await self._api.get(path, limit=1, created=window.filter))["data"])
                except ObjectNotFound:
                    return False  # deleted since it was listed

        moved = await asyncio.gather(*(has_moves(one.stripe_id) for one in customers))
        return [one for one, has_moved in zip(customers, moved, strict=True) if has_moved]

    def _row(self, payload: Mapping[str, Any]) -> list[ListedObject]:
        """A row of the balance: its source; itself if it stands alone. Fees by themselves are booked with payouts."""
        row = parse_balance_row(payload)
        transaction = row.transaction
        treatment = category_of(transaction).treatment
        if treatment in _OF_OTHERS:
            return []
        subject = _source(row) or Subject(kind=SubjectKind.BALANCE_TRANSACTION, id=transaction.id)
        alone = subject.kind is SubjectKind.BALANCE_TRANSACTION
        if alone and treatment is Treatment.STAYS and transaction.reporting_category not in self._policy.categories:
            return []
        stripe_id = transaction.id if subject.kind is not SubjectKind.PAYOUT else subject.id
        return [ListedObject(subject=subject, stripe_id=stripe_id, customer_id=None, changed_at=transaction.created)]


def _filter(kind: Listed, window: Window) -> dict[str, int]:
    match kind:
        case Listed.OLDER_INVOICES:
            return {"lt": window.filter["gte"]}
        case Listed.BALANCE_MOVES:
            return {"lt": window.filter["lt"]}
        case _:
            return window.filter


def _source(row: BalanceRow) -> Subject | None:
    try:
        found = identify(row.source or "")
    except MalformedId:
        return None
    owning = {SubjectKind.CHARGE, SubjectKind.REFUND, SubjectKind.DISPUTE, SubjectKind.PAYOUT}
    return found if found.kind in owning else None


def _listed(fields: Fields, kind: SubjectKind, changed_at: datetime | None) -> ListedObject:
    return ListedObject(
        subject=Subject(kind=kind, id=fields.object_id),
        stripe_id=fields.object_id,
        customer_id=fields.optional_reference("customer"),
        changed_at=changed_at,
    )


def invoice_changed_at(fields: Fields) -> datetime:
    """The last moment that an invoice names at which its status changed, in UTC."""
    transitions = fields.child("status_transitions")
    moments = [transitions.optional_moment(name) for name in _TRANSITIONS]
    moments += [fields.optional_moment("effective_at"), fields.moment("created")]
    return max(moment for moment in moments if moment)


def _invoice(payload: Mapping[str, Any]) -> list[ListedObject]:
    fields = Fields.of(payload, "invoice")
    if fields.optional_text("status") == "draft":
        return []
    found = [_listed(fields, SubjectKind.INVOICE, invoice_changed_at(fields))]
    customer = fields.optional_reference("customer")
    if customer and (fields.optional_integer("starting_balance") or fields.optional_integer("ending_balance")):
        found.append(_of_customer(customer))
    return found


def _charge(payload: Mapping[str, Any]) -> list[ListedObject]:
    fields = Fields.of(payload, "charge")
    came_back = fields.has("failure_balance_transaction")
    if fields.optional_text("status") == "failed" and not came_back:
        return []  # no money ever moved
    return [_listed(fields, SubjectKind.CHARGE, None if came_back else fields.moment("created"))]


def _credit_note(payload: Mapping[str, Any]) -> list[ListedObject]:
    fields = Fields.of(payload, "credit_note")
    moments = [fields.optional_moment("voided_at"), fields.moment("created")]
    return [_listed(fields, SubjectKind.CREDIT_NOTE, max(moment for moment in moments if moment))]


def _refund(payload: Mapping[str, Any]) -> list[ListedObject]:
    fields = Fields.of(payload, "refund")
    settled = fields.optional_text("status") == "succeeded"
    return [_listed(fields, SubjectKind.REFUND, fields.moment("created") if settled else None)]


def _dispute(payload: Mapping[str, Any]) -> list[ListedObject]:
    # When its money moved cannot be told from the list, and there are few.
    return [_listed(Fields.of(payload, "dispute"), SubjectKind.DISPUTE, None)]


def _payout(payload: Mapping[str, Any]) -> list[ListedObject]:
    fields = Fields.of(payload, "payout")
    paid = fields.optional_text("status") == "paid"
    return [_listed(fields, SubjectKind.PAYOUT, fields.moment("created") if paid else None)]


def _customer(payload: Mapping[str, Any]) -> list[ListedObject]:
    fields = Fields.of(payload, "customer")
    name = "balance" if fields.has("balance") else "account_balance"  # the name before 2019-10-17
    return [_of_customer(fields.object_id)] if fields.optional_integer(name) else []


def _any_customer(payload: Mapping[str, Any]) -> list[ListedObject]:
    return [_of_customer(Fields.of(payload, "customer").object_id)]


def _of_customer(identifier: str) -> ListedObject:
    subject = Subject(kind=SubjectKind.CUSTOMER, id=identifier)
    return ListedObject(subject=subject, stripe_id=identifier, customer_id=identifier, changed_at=None)
