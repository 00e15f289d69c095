"""Open objects: what may still change, by Stripe's lists, each with a mark by which a change of it is seen."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from wescope.books.subjects import Subject, SubjectKind
from wescope.stripe.client import PAGE_SIZE, StripeApi
from wescope.stripe.parsing import Fields
from wescope.stripe.windows import ListedObject, invoice_changed_at

REFUNDED: Final = timedelta(days=50)
"""So long after it was made a refund may fail or expire: some wait 45 days for the buyer (facts/stripe.md 2.6)."""

RETURNED: Final = timedelta(days=35)
"""So long after it arrived a payout may come back."""

DISPUTED: Final = timedelta(days=180)
"""So long after it was opened a dispute may still be decided."""


class OpenKind(StrEnum):
    """What is listed, in this order."""

    OPEN_INVOICES = "open_invoices"
    UNCOLLECTIBLE_INVOICES = "uncollectible_invoices"
    REFUNDS = "refunds"
    """Stripe's list knows no status: all of the last 50 days."""
    DISPUTES = "disputes"
    PAYOUTS = "payouts"
    """Those that will arrive, or have arrived in the last 35 days."""
    CUSTOMERS = "customers"
    """All are listed, those with a balance are told: the list cannot be asked for them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenObject:
    """An object that may still change. `mark` differs whenever what the books hold of it may have to differ.

    `settled`: it is expected to stay as it is, so nothing is wrong when it is no longer listed. A null mark: it is, and
    is not remembered.
    """

    listed: ListedObject
    mark: str | None
    settled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenPage:
    """One page, how many objects it had in all, and where the next one begins."""

    objects: tuple[OpenObject, ...]
    count: int
    cursor: str | None


class OpenLister:
    """Reads Stripe's lists of open objects; 100 objects are one call.

    Args:
        api: Stripe.
    """

    def __init__(self, api: StripeApi) -> None:
        self._api = api

    async def page(self, kind: OpenKind, since: datetime, cursor: str | None) -> OpenPage:
        """A page of a list, newest first.

        Args:
            kind: Which list.
            since: What changed before is known. Lists without a status begin earlier, by as long as a change may take.
            cursor: Where the page begins, as the page before says; null for the first one.

        Raises:
            StripeError: Stripe can't be read.
            ObjectUnreadable: an object has no id or is of another kind.
        """
        parameters = _filters(kind, since) | ({"starting_after": cursor} if cursor else {})
        page = await self._api.get(_PATHS[kind], limit=PAGE_SIZE, **parameters)
        rows = page["data"]
        objects = [one for row in rows if (one := _READERS[kind](row)) is not None]
        more = bool(page.get("has_more")) and bool(rows)
        return OpenPage(objects=tuple(objects), count=len(rows), cursor=str(rows[-1]["id"]) if more else None)


_PATHS: Mapping[OpenKind, str] = {
    OpenKind.OPEN_INVOICES: "/v1/invoices",
    OpenKind.UNCOLLECTIBLE_INVOICES: "/v1/invoices",
    OpenKind.REFUNDS: "/v1/refunds",
    OpenKind.DISPUTES: "/v1/disputes",
    OpenKind.PAYOUTS: "/v1/payouts",
    OpenKind.CUSTOMERS: "/v1/customers",
}
_FINAL_DISPUTES = frozenset({"won", "lost", "warning_closed", "charge_refunded", "prevented"})
_INVOICE_FIELDS = (
    "status", "total", "amount_due", "amount_paid", "amount_remaining", "amount_overpaid", "starting_balance",
    "ending_balance", "pre_payment_credit_notes_amount", "post_payment_credit_notes_amount", "due_date",
)  # fmt: skip
_TOUCHED = ("amount_paid", "pre_payment_credit_notes_amount", "post_payment_credit_notes_amount")


def _filters(kind: OpenKind, since: datetime) -> dict[str, Any]:
    match kind:
        case OpenKind.OPEN_INVOICES:
            return {"status": "open"}
        case OpenKind.UNCOLLECTIBLE_INVOICES:
            return {"status": "uncollectible"}
        case OpenKind.REFUNDS:
            return {"created": {"gte": int((since - REFUNDED).timestamp())}}
        case OpenKind.DISPUTES:
            return {"created": {"gte": int((since - DISPUTED).timestamp())}}
        case OpenKind.PAYOUTS:
            return {"arrival_date": {"gte": int((since - RETURNED).timestamp())}}
        case OpenKind.CUSTOMERS:
            return {}


def _mark(*values: object) -> str:
    return hashlib.sha256(repr(values).encode()).hexdigest()[:16]


def _object(
    fields: Fields, kind: SubjectKind, *values: object, changed_at: datetime | None = None, settled: bool = False
) -> OpenObject:
    is_customer = kind is SubjectKind.CUSTOMER
    listed = ListedObject(
        subject=Subject(kind=kind, id=fields.object_id),
        stripe_id=fields.object_id,
        customer_id=fields.object_id if is_customer else fields.optional_reference("customer"),
        changed_at=changed_at,
    )
    return OpenObject(listed=listed, mark=_mark(*values), settled=settled)


def _invoice(payload: Mapping[str, Any]) -> OpenObject:
    fields = Fields.of(payload, "invoice")
    # When a part of it was paid or credited the list does not say.
    is_touched = any(payload.get(name) for name in _TOUCHED)
    changed_at = None if is_touched else invoice_changed_at(fields)
    values = [payload.get(name) for name in _INVOICE_FIELDS]
    transitions = payload.get("status_transitions") or {}
    return _object(fields, SubjectKind.INVOICE, *values, sorted(transitions.items()), changed_at=changed_at)


def _refund(payload: Mapping[str, Any]) -> OpenObject:
    fields = Fields.of(payload, "refund")
    status = fields.optional_text("status")
    if status == "succeeded":
        listed = _object(fields, SubjectKind.REFUND, changed_at=fields.moment("created")).listed
        return OpenObject(listed=listed, mark=None, settled=True)
    returned = fields.optional_reference("failure_balance_transaction")
    return _object(fields, SubjectKind.REFUND, status, returned, settled=status in {"failed", "canceled"})


def _dispute(payload: Mapping[str, Any]) -> OpenObject:
    fields = Fields.of(payload, "dispute")
    status = fields.optional_text("status")
    rows = [row.get("id") for row in payload.get("balance_transactions") or () if isinstance(row, Mapping)]
    return _object(fields, SubjectKind.DISPUTE, status, rows, settled=status in _FINAL_DISPUTES)


def _payout(payload: Mapping[str, Any]) -> OpenObject:
    fields = Fields.of(payload, "payout")
    status = fields.optional_text("status")
    returned = fields.optional_reference("failure_balance_transaction")
    values = (status, fields.optional_text("reconciliation_status"), returned, payload.get("arrival_date"))
    return _object(fields, SubjectKind.PAYOUT, *values, settled=status in {"paid", "failed", "canceled"})


def _customer(payload: Mapping[str, Any]) -> OpenObject | None:
    fields = Fields.of(payload, "customer")
    name = "balance" if fields.has("balance") else "account_balance"  # the name before 2019-10-17
    balance = fields.optional_integer(name)
    return _object(fields, SubjectKind.CUSTOMER, balance) if balance else None


_READERS: Mapping[OpenKind, Callable[[Mapping[str, Any]], OpenObject | None]] = {
    OpenKind.OPEN_INVOICES: _invoice,
    OpenKind.UNCOLLECTIBLE_INVOICES: _invoice,
    OpenKind.REFUNDS: _refund,
    OpenKind.DISPUTES: _dispute,
    OpenKind.PAYOUTS: _payout,
    OpenKind.CUSTOMERS: _customer,
}
