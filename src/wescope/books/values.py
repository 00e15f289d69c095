"""Stripe's objects as the books see them: frozen values, every datetime in UTC with its zone, money in minor units.

Field names are Stripe's (API 2026-10-28.endive). Older payload shapes are translated into these by `wescope.stripe`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
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
    percentage: Decimal | None = None


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
class Fee:
    """One part of the fee of a balance transaction (Stripe's `fee_details`); `type` is Stripe's word, kept as it is.

    Known types: application_fee, payment_method_passthrough_fee, stripe_fee, tax, withheld_tax. `dispute` says that
    Stripe describes it as a dispute's fee.
    """

    type: str
    amount: int
    currency: str
    dispute: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BalanceTransaction:
    """A row of Stripe's own ledger, in settlement currency: `net = amount - fee`.

    `fees` add up to `fee` (older rows may name none). `exchange_rate` is how many units of `currency` one unit of the
    presentment currency was worth; null if nothing was converted.
    """

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
    fees: tuple[Fee, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BalanceRow:
    """A balance transaction and what made it.

    `source` is the id of the charge, refund, dispute, payout, topup, ... (null for rows without one) and `source_kind`
    Stripe's name of that object (empty if there is none). `charge` is the charge itself, or that of the refund or
    dispute; `payment_intent` that of the charge.
    """

    transaction: BalanceTransaction
    source: str | None = None
    source_kind: str = ""
    charge: str | None = None
    payment_intent: str | None = None


class ChargeStatus(StrEnum):
    """Life of a charge."""

    SUCCEEDED = "succeeded"
    PENDING = "pending"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """A charge in presentment currency. `balance_transaction` is null until Stripe has booked it.

    `failure_balance_transaction` is the row that took the money back when it failed after success. `buyer` is the
    customer with its name, where the charge was read for its own sake; null for a guest. `released` is the sum of the
    rows that took back what was not captured of a converted charge, below zero, in settlement currency.
    """

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
    failure_balance_transaction: BalanceTransaction | None = None
    disputed: bool = False
    buyer: Customer | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    released: int = 0


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
    A charge that failed after it had succeeded is among the payments, too, with what it was meant to pay.
    """

    source: PaymentSource
    source_id: str
    currency: str
    paid_at: datetime
    allocations: tuple[Allocation, ...]
    charge: Charge | None = None


class CreditNoteStatus(StrEnum):
    """Life of a credit note."""

    ISSUED = "issued"
    VOID = "void"


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditNoteLine:
    """One line of a credit note. `amount` is before discounts and contains inclusive tax, as on an invoice.

    `invoice_line` is the invoice's line that it credits; null for a custom line.
    """

    id: str
    amount: int
    description: str | None
    invoice_line: str | None = None
    quantity: Decimal | None = None
    unit_amount: Decimal | None = None
    discounts: tuple[Reduction, ...] = ()
    credits: tuple[Reduction, ...] = ()
    taxes: tuple[TaxAmount, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditedRefund:
    """The part of a refund that a credit note stands for."""

    refund: str
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditNote:
    """A credit note (facts/stripe.md 2.5): `total` = `pre_payment_amount` + `post_payment_amount`, tax included.

    The post-payment part is the refunds, `balance_amount` (credited to the customer's balance) and
    `out_of_band_amount` (given back outside of Stripe).
    """

    id: str
    number: str | None
    status: CreditNoteStatus
    currency: str
    invoice: str
    created: datetime
    effective_at: datetime | None
    voided_at: datetime | None
    total: int
    pre_payment_amount: int
    post_payment_amount: int
    balance_amount: int
    out_of_band_amount: int
    refunds: tuple[CreditedRefund, ...]
    lines: tuple[CreditNoteLine, ...]
    shipping: Shipping | None = None
    customer_balance_transaction: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerBalanceTransaction:
    """One move of a customer's balance (facts/stripe.md 2.4): below zero is a credit to the customer.

    `type` is Stripe's word, kept as it is: adjustment, applied_to_invoice, unapplied_from_invoice, credit_note,
    initial, invoice_overpaid, invoice_too_small, invoice_too_large, migration, ...
    """

    id: str
    type: str
    amount: int
    currency: str
    created: datetime
    ending_balance: int
    invoice: str | None = None
    credit_note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoice:
    """A Stripe invoice with its customer, all its lines, its payments and its credit notes.

    `balance` holds all moves of the customer's balance in the invoice's currency, oldest first, if the invoice used or
    changed that balance; else it is empty. `revision_of` is the invoice that this one replaces. `companions` are the
    other invoices that its payments pay, whole but without companions of their own: what money over several invoices
    settles depends on the story of each.
    """

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
    credit_notes: tuple[CreditNote, ...] = ()
    balance: tuple[CustomerBalanceTransaction, ...] = ()
    revision_of: str | None = None
    companions: "tuple[Invoice, ...]" = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerBalance:
    """A customer with all moves of its balance, in all currencies, oldest first."""

    customer: Customer
    transactions: tuple[CustomerBalanceTransaction, ...]


class RefundStatus(StrEnum):
    """Life of a refund (facts/stripe.md 2.6)."""

    PENDING = "pending"
    REQUIRES_ACTION = "requires_action"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund:
    """A refund in presentment currency.

    `balance_transaction` is null until money has moved; `failure_balance_transaction` is the row that brought it back.
    `customer` is that of the charge, null for a guest. `credit_notes` are those that name this refund, each whole, and
    `invoice_lines` the lines of their invoices, for items and classes.
    """

    id: str
    amount: int
    currency: str
    status: RefundStatus
    created: datetime
    charge: str | None
    payment_intent: str | None
    customer: Customer | None
    balance_transaction: BalanceTransaction | None
    failure_balance_transaction: BalanceTransaction | None = None
    credit_notes: tuple[CreditNote, ...] = ()
    invoice_lines: tuple[InvoiceLine, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispute:
    """A dispute with the rows that moved its money: none (an inquiry), a withdrawal, and maybe a reinstatement."""

    id: str
    amount: int
    currency: str
    status: str
    reason: str
    created: datetime
    charge: str
    customer: str | None
    balance_transactions: tuple[BalanceTransaction, ...]


class PayoutStatus(StrEnum):
    """Life of a payout."""

    PENDING = "pending"
    IN_TRANSIT = "in_transit"
    PAID = "paid"
    FAILED = "failed"
    CANCELED = "canceled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Payout:
    """A payout with the rows that it pays out (facts/stripe.md 2.8).

    `arrival_date` is a calendar date of UTC. `rows` leave out the payout's own row (`balance_transaction`); Stripe
    names them for automatic payouts only. `reconciled` says that Stripe has completed the list. `fees_by_day` says
    that the account's payouts are manual, so that fees are booked by day and not here.
    """

    id: str
    amount: int
    currency: str
    status: PayoutStatus
    created: datetime
    arrival_date: date
    automatic: bool
    method: str
    reconciled: bool
    balance_transaction: BalanceTransaction | None
    failure_balance_transaction: BalanceTransaction | None = None
    original_payout: str | None = None
    reversed_by: str | None = None
    rows: tuple[BalanceRow, ...] = ()
    fees_by_day: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BalanceDay:
    """All rows of one day of one currency, where payouts are manual; `day` is in the books' calendar."""

    day: date
    currency: str
    rows: tuple[BalanceRow, ...]


StripeObject = Invoice | Charge | Refund | Dispute | Payout | CustomerBalance | BalanceRow | BalanceDay
"""What a subject reads as, with all that belongs to it. A charge is one that pays no invoice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What Stripe says about a subject now.

    `found` is null if Stripe no longer has the object, or if its documents belong to other subjects: these are in
    `owners` (a charge that pays invoices belongs to the invoices).
    """

    found: StripeObject | None
    owners: tuple[Subject, ...] = ()
