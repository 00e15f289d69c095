"""Owners: under whose lock a Stripe object is worked on, and which other subjects a parked document points at. Pure."""

from collections.abc import Iterable

from wescope.books.parking import Parked
from wescope.books.subjects import Subject, SubjectKind
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

ACCOUNT = "account"
"""The owner of what belongs to no customer: the account's balance."""

_INVOICE_KEY = ":invoice"


def owner_of(found: StripeObject) -> str:
    """The id of whose documents are worked on one at a time: the customer, a guest's charge, or the account."""
    match found:
        case Invoice(customer=customer) | CustomerBalance(customer=customer):
            return customer.id
        case Charge():
            return found.customer or found.id
        case Dispute():
            return found.customer or found.charge
        case Refund(customer=payer):
            return payer.id if payer else found.charge or found.id
        case Payout() | BalanceRow() | BalanceDay():
            return ACCOUNT


def covered_by(found: StripeObject) -> tuple[Subject, ...]:
    """The subjects that need no look of their own once this is read: what paid this invoice, and it alone.

    All that such a charge or payment intent would do is to have the invoice looked at.
    """
    if not isinstance(found, Invoice):
        return ()
    covered: set[Subject] = set()
    for payment in found.payments:
        charge, paid = payment.charge, [(part.invoice, part.amount) for part in payment.allocations]
        if charge is None or charge.failure_balance_transaction or paid != [(found.id, charge.amount_captured)]:
            continue
        covered.add(Subject(kind=SubjectKind.CHARGE, id=charge.id))
        if charge.payment_intent:
            covered.add(Subject(kind=SubjectKind.PAYMENT_INTENT, id=charge.payment_intent))
    return tuple(sorted(covered))


def invoice_waited_for(item: Parked) -> Subject | None:
    """The invoice whose document must be posted before a parked one, or null if it waits for something else."""
    key = str(item.details.get("waiting_on", ""))
    if not key.endswith(_INVOICE_KEY) or "until" in item.details:
        return None
    return Subject(kind=SubjectKind.INVOICE, id=key.removesuffix(_INVOICE_KEY))


def invoices_waited_for(items: Iterable[Parked], subject: Subject) -> tuple[Subject, ...]:
    """Invoices of other subjects that a shared payment waits for: they are looked at, and then it follows."""
    found = {invoice_waited_for(item) for item in items} - {None, subject}
    return tuple(sorted(one for one in found if one))
