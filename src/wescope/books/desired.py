"""Desired: the way into the books, from what Stripe has to what QBO should hold."""

from dataclasses import replace
from datetime import date

from wescope.books.balance_day import balance_day_books
from wescope.books.balance_entry import balance_entry_books
from wescope.books.calendar import local_date
from wescope.books.charge import charge_books
from wescope.books.customer_balance import customer_balance_books
from wescope.books.dispute import dispute_books
from wescope.books.documents import Desired
from wescope.books.invoice import invoice_books
from wescope.books.parking import Parked
from wescope.books.payout import payout_books
from wescope.books.policy import Policy
from wescope.books.refund import refund_books
from wescope.books.values import (
    BalanceDay,
    BalanceRow,
    Charge,
    CustomerBalance,
    Dispute,
    Invoice,
    Payout,
    Refund,
    StripeObject,
)


def desired_books(found: StripeObject, policy: Policy) -> Desired:
    """The documents that should exist for a Stripe object, in posting order, and what is parked or skipped and why.

    The same object under the same policy always gives the same answer; nothing is read from elsewhere.
    """
    desired = _books(found, policy)
    if not desired.parked and not desired.advisory:
        return desired
    own, day = _own_day(found, policy)
    dated = [tuple(_dated(item, own, day) for item in items) for items in (desired.parked, desired.advisory)]
    return replace(desired, parked=dated[0], advisory=dated[1])


def _dated(item: Parked, own: str, day: date | None) -> Parked:
    """The item with the object's day, if it is of a document of that object alone and has none."""
    return replace(item, day=day) if item.day is None and item.key.startswith(f"{own}:") else item


def _own_day(found: StripeObject, policy: Policy) -> tuple[str, date | None]:
    """The id of an object and the day on which its own documents stand, in the books' calendar."""
    match found:
        case Invoice():
            moment = found.effective_at or found.finalized_at or found.created
            return found.id, local_date(moment, policy.timezone)
        case Payout():
            return found.id, found.arrival_date
        case BalanceRow():
            return found.transaction.id, local_date(found.transaction.created, policy.timezone)
        case Charge() | Refund() | Dispute():
            return found.id, local_date(found.created, policy.timezone)
        case CustomerBalance() | BalanceDay():
            return "", None


def _books(found: StripeObject, policy: Policy) -> Desired:
    match found:
        case Invoice():
            return invoice_books(found, policy)
        case Charge():
            return charge_books(found, policy)
        case CustomerBalance():
            return customer_balance_books(found, policy)
        case Refund():
            return refund_books(found, policy)
        case Dispute():
            return dispute_books(found, policy)
        case Payout():
            return payout_books(found, policy)
        case BalanceRow():
            return balance_entry_books(found, policy)
        case BalanceDay():
            return balance_day_books(found, policy)
