"""Documents: the QBO transactions and names that should exist, in accounting words and minor units.

References between documents are keys, accounts and items are roles; QBO's ids and decimals come in at its wire.
"""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any

from wescope.books.parking import Parked
from wescope.books.policy import AccountRole, ItemRole
from wescope.books.subjects import DocumentKey


class Entity(StrEnum):
    """QBO's names for its entities."""

    CUSTOMER = "Customer"
    INVOICE = "Invoice"
    PAYMENT = "Payment"


class Existence(StrEnum):
    """Whether the document should stand in the books, or be voided if it was ever posted."""

    PRESENT = "present"
    VOID = "void"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyDates:
    """The dates of a document, all in the books' calendar (the company's time zone)."""

    txn: date | None = None
    due: date | None = None
    usage_start: date | None = None
    usage_end: date | None = None
    payment_received: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerBody:
    """A lean QBO customer. `display_names` are tried in order when QBO says that one is taken; all are legal in QBO."""

    display_names: tuple[str, ...]
    email: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SalesLine:
    """One item line. `amount` may be negative (discounts, prorations); dates are in the books' calendar."""

    item: ItemRole
    amount: int
    description: str
    service_date: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceBody:
    """A QBO invoice: its lines add up to the document's amount."""

    customer: DocumentKey
    lines: tuple[SalesLine, ...]
    doc_number: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """The part of a payment that settles one document."""

    document: DocumentKey
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentBody:
    """A QBO payment: gross, into the account of a role; what is not applied stays unapplied on it."""

    customer: DocumentKey
    deposit_to: AccountRole
    reference: str
    applications: tuple[Application, ...]


Body = CustomerBody | InvoiceBody | PaymentBody


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One QBO transaction or name that should exist (or be void).

    `amount` is the document's total in minor units of `currency`; `stripe_ids` are the objects it stands for;
    `note` is the text of its private note, without the marker that the writer adds.
    """

    key: DocumentKey
    entity: Entity
    currency: str
    amount: int
    body: Body
    dates: KeyDates = field(default_factory=KeyDates)
    stripe_ids: tuple[str, ...] = ()
    note: str = ""
    existence: Existence = Existence.PRESENT

    @property
    def references(self) -> tuple[DocumentKey, ...]:
        """Keys of the documents that must be posted before this one."""
        match self.body:
            case CustomerBody():
                return ()
            case InvoiceBody(customer=customer):
                return (customer,)
            case PaymentBody(customer=customer, applications=applications):
                return (customer, *(application.document for application in applications))


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """A Stripe object that rightly has no document, with the reason (a stable code)."""

    key: DocumentKey
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Desired:
    """What the books should hold for a subject: documents in posting order, and the rest, named."""

    documents: tuple[Document, ...] = ()
    parked: tuple[Parked, ...] = ()
    skipped: tuple[Skipped, ...] = ()


def fingerprint(document: Document) -> str:
    """A hash over all that the books say about a document; equal fingerprints mean that nothing is to be written."""
    content = json.dumps(_plain(asdict(document)), sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(content.encode()).hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value.isoformat() if isinstance(value, date) else value
