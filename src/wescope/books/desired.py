"""Desired: the way into the books, from what Stripe has to what QBO should hold."""

from wescope.books.balance_day import balance_day_books
from wescope.books.balance_entry import balance_entry_books
from wescope.books.charge import charge_books
from wescope.books.customer_balance import customer_balance_books
from wescope.books.dispute import dispute_books
from wescope.books.documents import Desired
from wescope.books.invoice import invoice_books
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
