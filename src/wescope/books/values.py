"""Stripe's objects as the books see them: frozen values, every datetime in UTC with its zone, money in minor units.

Field names are Stripe's (API 2026-10-28.endive). Older payload shapes are translated into these by `wescope.stripe`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from wescope.books.subjects import Subject


class InvoiceStatus(StrEnum):
    """Life of a Stripe invoice (facts/stripe.md 2.1)."""

    DRAFT = "draft"
    OPEN = "open"
    PAID = "paid"
    UNCOLLECTIBLE = "uncollectible"
    VOID = "void"


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """Service period of a line; both ends are moments in UTC."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """A Stripe customer. Name and e-mail are used for the QBO name only and stored nowhere else."""

    id: str
    name: str | None
    email: str | None
    deleted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxAmount:
    """Tax that Stripe put on a line for one rate; inclusive tax is contained in the line's amount."""

    amount: int
    inclusive: bool
    tax_rate: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reduction:
    """An amount that a discount or a billing credit takes off a line; positive reduces what is owed."""

    amount: int
    source: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceLine:
    """One line of an invoice. `amount` is before discounts and credits, and includes inclusive tax."""

    id: str
    amount: int
    currency: str
    description: str | None
    quantity: Decimal | None
    unit_amount: Decimal | None
    period: Period | None
    discounts: tuple[Reduction, ...] = ()
    credits: tuple[Reduction, ...] = ()
    taxes: tuple[TaxAmount, ...] = ()
    proration: bool = False
    price: str | None = None
    product: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shipping:
    """Shipping cost of an invoice. `amount` is before exclusive tax, and includes inclusive tax."""

    amount: int
    taxes: tuple[TaxAmount, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BalanceTransaction:
    """A row of Stripe's own ledger, in settlement currency: `net = amount - fee`."""

    id: str
    amount: int
    fee: int
    net: int
    currency: str
    created: datetime
    available_on: datetime
    exchange_rate: Decimal | None
    type: str
    reporting_category: str


class ChargeStatus(StrEnum):
    """Life of a charge."""

    SUCCEEDED = "succeeded"
    PENDING = "pending"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """A charge in presentment currency. `balance_transaction` is null until Stripe has booked it."""

    id: str
    amount: int
    amount_captured: int
    amount_refunded: int
    currency: str
    status: ChargeStatus
    captured: bool
    created: datetime
    customer: str | None
    payment_intent: str | None
    balance_transaction: BalanceTransaction | None
    failure_balance_transaction: str | None = None
    disputed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Allocation:
    """The part of one movement of money that pays one invoice."""

    invoice: str
    amount: int


class PaymentSource(StrEnum):
    """What an invoice payment is made of (Stripe's `invoice_payment.payment.type`, and payment outside of Stripe)."""

    CHARGE = "charge"
    PAYMENT_RECORD = "payment_record"
    OUT_OF_BAND = "out_of_band"


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoicePayment:
    """One paid movement of money and everything it pays, this invoice among it.

    `source_id` is the charge (`ch_`, `py_`), the payment record, or for out of band the invoice itself.
    `allocations` names all invoices that the source pays, in the order of their ids, with what each received.
    """

    source: PaymentSource
    source_id: str
    currency: str
    paid_at: datetime
    allocations: tuple[Allocation, ...]
    charge: Charge | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoice:
    """A Stripe invoice with its customer, all its lines and its paid payments."""

    id: str
    status: InvoiceStatus
    number: str | None
    currency: str
    customer: Customer
    created: datetime
    effective_at: datetime | None
    finalized_at: datetime | None
    due_date: datetime | None
    paid_at: datetime | None
    voided_at: datetime | None
    marked_uncollectible_at: datetime | None
    lines: tuple[InvoiceLine, ...]
    shipping: Shipping | None
    total: int
    amount_due: int
    amount_paid: int
    amount_remaining: int
    amount_overpaid: int = 0
    starting_balance: int = 0
    ending_balance: int | None = None
    pre_payment_credit_notes_amount: int = 0
    post_payment_credit_notes_amount: int = 0
    payments: tuple[InvoicePayment, ...] = ()


StripeObject = Invoice | Charge
"""What a subject reads as: an invoice with all that belongs to it, or a charge that pays no invoice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What Stripe says about a subject now.

    `found` is null if Stripe no longer has the object, or if its documents belong to other subjects: these are in
    `owners` (a charge that pays invoices belongs to the invoices).
    """

    found: StripeObject | None
    owners: tuple[Subject, ...] = ()
