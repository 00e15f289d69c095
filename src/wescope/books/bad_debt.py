"""Bad debt: how long a write-off stands, and one of which Stripe does not tell any more whether it was one.

A bank debit that had paid an invoice that was given up fails later. Whether Stripe then has the invoice open or
uncollectible is not documented (facts/stripe.md 2.1), and is seen only until it is paid again or voided. From then on
the books keep what they posted while it was seen, undone by dated documents, and post none of it anew (`Doubt`).
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from wescope.books.application import application_document
from wescope.books.calendar import local_date
from wescope.books.documents import Document, Entity, Existence
from wescope.books.payment import allocated, movements, payment_document, received_at
from wescope.books.policy import Policy
from wescope.books.subjects import DocumentKey
from wescope.books.values import Invoice, InvoiceStatus


def application_of(memo: Document) -> DocumentKey:
    """The key of what applies a bad-debt memo: `in_1:write_off_application`."""
    return _beside(memo, "write_off_application")


def undone_on(invoice: Invoice, at: datetime, amount: int, policy: Policy, *, gone: bool) -> date | None:
    """When what came next undid a write-off completely, in the books' calendar; null if it did not.

    Args:
        invoice: with its payments; also one that failed since did undo it.
        at: when it was written off (UTC).
        amount: all that is written off of it by then, in minor units.
        policy: the company's choices.
        gone: whether the invoice itself left no trace, so that nothing but its void counts.
    """
    later = [
        one
        for one in movements(invoice)
        if received_at(one) > at and isinstance(payment_document(one, invoice.customer, policy, ()), Document)
    ]
    if later and not gone:
        first = min(later, key=received_at)
        enough = allocated(first, invoice.id) >= amount
        return local_date(received_at(first), policy.timezone) if enough else None
    void = invoice.voided_at if invoice.status is InvoiceStatus.VOID else None
    return local_date(void, policy.timezone) if void else None


def was_paid_at(invoice: Invoice, owed: int, at: datetime) -> bool:
    """Whether Stripe had the invoice as paid at a moment (UTC), also by what it booked only later.

    `owed` is what was open by what it had booked, in minor units.
    """
    unbooked = [one for one in movements(invoice) if one.paid_at < at < received_at(one)]
    return owed <= sum(allocated(one, invoice.id) for one in unbooked)


@dataclass(slots=True, kw_only=True)
class Doubt:
    """A bad-debt memo that stands if it was posted, and what brings it back since, in minor units of its currency."""

    memo: Document
    undone: list[Document] = field(default_factory=list)

    @property
    def rest(self) -> int:
        """What of it is still bad debt."""
        return self.memo.amount - sum(document.amount for document in self.undone)

    def documents(self, invoice: Invoice, customer: DocumentKey) -> Iterator[Document]:
        """The memo, which only its counters undo, and which is applied to nothing but these."""
        counters = tuple(self.undone)
        if counters:
            counters = (*counters, self._application(invoice, customer))
        yield replace(self.memo, existence=Existence.VOID, counters=counters, stands=True)

    def _application(self, invoice: Invoice, customer: DocumentKey) -> Document:
        return application_document(
            _beside(self.memo, "write_off_reversal_application"),
            customer=customer,
            currency=self.memo.currency,
            on=self.undone[-1].dates.txn or date.max,
            settled=[(one.key, Entity.INVOICE, one.amount) for one in self.undone],
            used=[(self.memo.key, sum(one.amount for one in self.undone))],
            stripe_ids=self.memo.stripe_ids,
            note=f"Write-off of Stripe invoice {invoice.id} undone",
        )


def _beside(memo: Document, kind: str) -> DocumentKey:
    owner, _, rest = memo.key.partition(":")
    return DocumentKey(f"{owner}:{rest.replace('write_off', kind, 1)}")
