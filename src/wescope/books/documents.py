"""Documents: the QBO transactions and names that should exist, in accounting words and minor units.

References between documents are keys, accounts and items are roles or names; QBO's ids and decimals come in at its
wire.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from wescope.books.parking import Parked
from wescope.books.policy import Account, Item
from wescope.books.subjects import DocumentKey, Subject


class Entity(StrEnum):
    """QBO's names for its entities."""

    CUSTOMER = "Customer"
    INVOICE = "Invoice"
    PAYMENT = "Payment"
    CREDIT_MEMO = "CreditMemo"
    REFUND_RECEIPT = "RefundReceipt"
    SALES_RECEIPT = "SalesReceipt"
    JOURNAL_ENTRY = "JournalEntry"
    DEPOSIT = "Deposit"


class Existence(StrEnum):
    """Whether the document should stand in the books, or be taken back if it was ever posted.

    What is taken back is voided where the QBO API documents a void (Invoice, Payment, SalesReceipt) and deleted
    elsewhere (facts/qbo.md 2.3).
    """

    PRESENT = "present"
    VOID = "void"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyDates:
    """The dates of a document, all in the books' calendar (the company's time zone), but for Stripe's payout dates.

    `payout` is when Stripe made the payout, in the books' calendar; `arrival` is Stripe's arrival date, a calendar
    date of UTC that is not shifted by any zone; `available` is when Stripe's balance had the money, in UTC.
    """

    txn: date | None = None
    due: date | None = None
    usage_start: date | None = None
    usage_end: date | None = None
    payment_received: date | None = None
    credit: date | None = None
    payout: date | None = None
    arrival: date | None = None
    available: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerBody:
    """A lean QBO customer. `display_names` are tried in order when QBO says that one is taken; all are legal in QBO."""

    display_names: tuple[str, ...]
    email: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LineTax:
    """Stripe's tax on a line at one rate, beside the line's net amount. `percentage` is for rendering, of 100."""

    rate: str
    amount: int
    percentage: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SalesLine:
    """One item line, net of tax. `amount` may be negative (discounts, prorations); dates are in the books' calendar.

    Tax stands on lines of its own (item `ItemRole.TAX`). `taxes` repeats for each line what of it the line caused, for
    companies whose tax is posted natively; the tax lines are then left out of the payload.
    """

    item: Item
    amount: int
    description: str
    service_date: date | None = None
    class_name: str | None = None
    taxes: tuple[LineTax, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceBody:
    """A QBO invoice: its lines add up to the document's amount."""

    customer: DocumentKey
    lines: tuple[SalesLine, ...]
    doc_number: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditMemoBody:
    """A QBO credit memo: its lines are positive where they reduce what is owed, and add up to the amount."""

    customer: DocumentKey
    lines: tuple[SalesLine, ...]
    doc_number: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptBody:
    """A QBO sales receipt (money in) or refund receipt (money out): positive lines, one account of money.

    `customer` is null for a guest. `reference` goes to PaymentRefNum (21 characters at most).
    """

    customer: DocumentKey | None
    lines: tuple[SalesLine, ...]
    account: Account
    doc_number: str
    reference: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """The part of a payment that settles (or uses up) one document: an invoice, a journal entry, a credit memo.

    `amount` is positive; what a payment applies to invoices and journal entries, less the credit memos that it uses
    up, is at most its own amount.
    """

    document: DocumentKey
    amount: int
    entity: Entity = Entity.INVOICE


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentBody:
    """A QBO payment: gross, into an account; what is not applied stays unapplied on it.

    `deposit_to` is null for a payment of zero, which moves no money and only applies credit memos.
    """

    customer: DocumentKey
    deposit_to: Account | None
    reference: str
    applications: tuple[Application, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalLine:
    """One line of a journal entry: a debit if `amount` is positive, a credit if it is negative; never zero.

    `customer` is needed on accounts receivable (`AccountRole.RECEIVABLE`) and null elsewhere.
    """

    account: Account
    amount: int
    description: str
    customer: DocumentKey | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalEntryBody:
    """A QBO journal entry: its lines add up to zero; the document's amount is the sum of its debits."""

    lines: tuple[JournalLine, ...]
    doc_number: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DepositLine:
    """One line of a deposit: where its money comes from. Negative for what was taken off (fees, refunds)."""

    account: Account
    amount: int
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DepositBody:
    """A QBO deposit into a bank account: its lines add up to the document's amount, which is above zero."""

    bank: Account
    lines: tuple[DepositLine, ...]


Body = CustomerBody | InvoiceBody | CreditMemoBody | ReceiptBody | PaymentBody | JournalEntryBody | DepositBody


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What a document moves in the clearing account of a settlement currency: below zero what it takes out."""

    amount: int
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One QBO transaction or name that should exist (or be taken back).

    `amount` is the document's total in minor units of `currency`; `stripe_ids` are the objects it stands for;
    `note` is the text of its private note, without the marker that the writer adds. `exchange_rate` is how many units
    of `settled.currency` one unit of `currency` was worth to Stripe, for documents whose money Stripe converted; null
    means the company's own rate of the day (1 in home currency). `blockers` must be taken back before this one can be.
    `counters` are posted in place of taking it back if its period is closed. What `stands` is never taken back: its
    counters undo it if it was posted, and if it was not, neither it nor they ever are.
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
    exchange_rate: Decimal | None = None
    settled: Settled | None = None
    blockers: tuple[DocumentKey, ...] = ()
    counters: "tuple[Document, ...]" = ()
    stands: bool = False

    @property
    def references(self) -> tuple[DocumentKey, ...]:
        """Keys of the documents that must be posted before this one."""
        match self.body:
            case CustomerBody() | DepositBody():
                return ()
            case InvoiceBody(customer=customer) | CreditMemoBody(customer=customer):
                return (customer,)
            case ReceiptBody(customer=payer):
                return (payer,) if payer else ()
            case PaymentBody(customer=customer, applications=applications):
                return (customer, *(application.document for application in applications))
            case JournalEntryBody(lines=lines):
                return tuple(dict.fromkeys(line.customer for line in lines if line.customer))

    @property
    def accounts(self) -> tuple[Account, ...]:
        """The accounts that its payload names, each once."""
        match self.body:
            case ReceiptBody(account=account):
                found: tuple[Account | None, ...] = (account,)
            case PaymentBody(deposit_to=account):
                found = (account,)
            case JournalEntryBody(lines=lines):
                found = tuple(line.account for line in lines)
            case DepositBody(bank=bank, lines=deposit_lines):
                found = (bank, *(line.account for line in deposit_lines))
            case _:
                found = ()
        return tuple(dict.fromkeys(account for account in found if account))

    @property
    def lines(self) -> tuple[SalesLine, ...]:
        """The item lines of a sales form; none for other entities."""
        match self.body:
            case InvoiceBody(lines=lines) | CreditMemoBody(lines=lines) | ReceiptBody(lines=lines):
                return lines
            case _:
                return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """A Stripe object that rightly has no document, with the reason (a stable code)."""

    key: DocumentKey
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Follow:
    """Another subject that depends on this object: it is looked at again unless it was since that moment (UTC)."""

    subject: Subject
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Desired:
    """What the books should hold for a subject: documents in posting order, and the rest, named.

    `advisory` items are worth a look although their documents are posted (an amount on the review account, say).
    """

    documents: tuple[Document, ...] = ()
    parked: tuple[Parked, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    follows: tuple[Follow, ...] = ()
    advisory: tuple[Parked, ...] = ()


_NOT_CONTENT = ("blockers", "counters", "stands")


def fingerprint(document: Document) -> str:
    """A hash over all that the books say about a document; equal fingerprints mean that nothing is to be written.

    How it would be taken back is not part of what it is.
    """
    plain: Mapping[str, Any] = asdict(document)
    kept = {name: value for name, value in plain.items() if name not in _NOT_CONTENT}
    content = json.dumps(_plain(kept), sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(content.encode()).hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Decimal):
        return str(value)
    return value.isoformat() if isinstance(value, date) else value
