"""Desired: the way into the books, from what Stripe has to what QBO should hold."""

from wescope.books.charge import charge_books
from wescope.books.documents import Desired
from wescope.books.invoice import invoice_books
from wescope.books.policy import Policy
from wescope.books.values import Charge, Invoice, StripeObject


def desired_books(found: StripeObject, policy: Policy) -> Desired:
    """The documents that should exist for a Stripe object, in posting order, and what is parked or skipped and why.

    The same object under the same policy always gives the same answer; nothing is read from elsewhere.
    """
    match found:
        case Invoice():
            return invoice_books(found, policy)
        case Charge():
            return charge_books(found, policy)
