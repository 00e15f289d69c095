"""Which event means: look at which object again. A table, with the reason for what is left alone.

Event types of API 2026-10-28.endive and older; thin event notifications have the same names with `v1.` before them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from wescope.books.subjects import SubjectKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Handled:
    """The event's object is looked at again.

    `id_field` is the field of `data.object` that holds the subject's id. A thin notification has no such object: its
    related object is the subject then, and the reader finds the owner. `rather`, if the object has that field, is the
    subject instead, so that events about one movement of money are looked at together.
    """

    kind: SubjectKind
    id_field: str = "id"
    rather: tuple[str, SubjectKind] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledged:
    """The event is known and changes no document; the reason says why, or until when."""

    reason: str


Meaning = Handled | Acknowledged

_INVOICE: Final = Handled(kind=SubjectKind.INVOICE)
_CHARGE: Final = Handled(kind=SubjectKind.CHARGE, rather=("payment_intent", SubjectKind.PAYMENT_INTENT))

_BEFORE_FINALIZATION: Final = Acknowledged(reason="the invoice is not final yet, and only final invoices are posted")
_NOTICE: Final = Acknowledged(reason="a notice to people or about an attempt; amounts and status stay as they are")
_DECLINED_ATTEMPT: Final = Acknowledged(reason="no money has moved")
_CUSTOMER_ON_DEMAND: Final = Acknowledged(reason="customers are written when a document first needs them")
_REFUNDS_LATER: Final = Acknowledged(reason="refunds are not posted by this version")
_CREDIT_NOTES_LATER: Final = Acknowledged(reason="credit notes are not posted by this version")
_DISPUTES_LATER: Final = Acknowledged(reason="disputes are not posted by this version")
_PAYOUTS_LATER: Final = Acknowledged(reason="payouts are not posted by this version")
_OTHER_ROWS_LATER: Final = Acknowledged(reason="other rows of Stripe's balance are not posted by this version")

EVENTS: Mapping[str, Meaning] = {
    # Invoices
    "invoice.finalized": _INVOICE,
    "invoice.updated": _INVOICE,
    "invoice.paid": _INVOICE,
    "invoice.payment_succeeded": _INVOICE,
    "invoice.payment_failed": _INVOICE,
    "invoice.overpaid": _INVOICE,
    "invoice.voided": _INVOICE,
    "invoice.marked_uncollectible": _INVOICE,
    "invoice.created": _BEFORE_FINALIZATION,
    "invoice.upcoming": _BEFORE_FINALIZATION,
    "invoice.deleted": _BEFORE_FINALIZATION,
    "invoice.finalization_failed": _BEFORE_FINALIZATION,
    "invoiceitem.created": _BEFORE_FINALIZATION,
    "invoiceitem.updated": _BEFORE_FINALIZATION,
    "invoiceitem.deleted": _BEFORE_FINALIZATION,
    "invoice.sent": _NOTICE,
    "invoice.overdue": _NOTICE,
    "invoice.will_be_due": _NOTICE,
    "invoice.payment_action_required": _NOTICE,
    "invoice.payment_attempt_required": _NOTICE,
    # Payments of invoices
    "invoice_payment.paid": Handled(kind=SubjectKind.INVOICE, id_field="invoice"),
    "invoice_payment.open": _DECLINED_ATTEMPT,
    "invoice_payment.canceled": _DECLINED_ATTEMPT,
    # Charges and payment intents
    "charge.succeeded": _CHARGE,
    "charge.updated": _CHARGE,
    "charge.captured": _CHARGE,
    "charge.failed": _CHARGE,
    "payment_intent.succeeded": Handled(kind=SubjectKind.PAYMENT_INTENT),
    "charge.pending": _DECLINED_ATTEMPT,
    "charge.expired": _DECLINED_ATTEMPT,
    "payment_intent.created": _DECLINED_ATTEMPT,
    "payment_intent.processing": _DECLINED_ATTEMPT,
    "payment_intent.requires_action": _DECLINED_ATTEMPT,
    "payment_intent.amount_capturable_updated": _DECLINED_ATTEMPT,
    "payment_intent.partially_funded": _DECLINED_ATTEMPT,
    "payment_intent.payment_failed": _DECLINED_ATTEMPT,
    "payment_intent.canceled": _DECLINED_ATTEMPT,
    # Customers
    "customer.created": _CUSTOMER_ON_DEMAND,
    "customer.updated": _CUSTOMER_ON_DEMAND,
    "customer.deleted": _CUSTOMER_ON_DEMAND,
    # What later versions post
    "charge.refunded": _REFUNDS_LATER,
    "charge.refund.updated": _REFUNDS_LATER,
    "refund.created": _REFUNDS_LATER,
    "refund.updated": _REFUNDS_LATER,
    "refund.failed": _REFUNDS_LATER,
    "credit_note.created": _CREDIT_NOTES_LATER,
    "credit_note.updated": _CREDIT_NOTES_LATER,
    "credit_note.voided": _CREDIT_NOTES_LATER,
    "charge.dispute.created": _DISPUTES_LATER,
    "charge.dispute.updated": _DISPUTES_LATER,
    "charge.dispute.closed": _DISPUTES_LATER,
    "charge.dispute.funds_withdrawn": _DISPUTES_LATER,
    "charge.dispute.funds_reinstated": _DISPUTES_LATER,
    "payout.created": _PAYOUTS_LATER,
    "payout.updated": _PAYOUTS_LATER,
    "payout.paid": _PAYOUTS_LATER,
    "payout.failed": _PAYOUTS_LATER,
    "payout.canceled": _PAYOUTS_LATER,
    "payout.reconciliation_completed": _PAYOUTS_LATER,
    "balance.available": _PAYOUTS_LATER,
    "topup.created": _OTHER_ROWS_LATER,
    "topup.succeeded": _OTHER_ROWS_LATER,
    "topup.failed": _OTHER_ROWS_LATER,
    "topup.canceled": _OTHER_ROWS_LATER,
    "topup.reversed": _OTHER_ROWS_LATER,
    "transfer.created": _OTHER_ROWS_LATER,
    "transfer.updated": _OTHER_ROWS_LATER,
    "transfer.reversed": _OTHER_ROWS_LATER,
    "application_fee.created": _OTHER_ROWS_LATER,
    "application_fee.refunded": _OTHER_ROWS_LATER,
    "application_fee.refund.updated": _OTHER_ROWS_LATER,
    "customer_cash_balance_transaction.created": _OTHER_ROWS_LATER,
    "billing.credit_balance_transaction.created": _OTHER_ROWS_LATER,
    "tax_rate.created": Acknowledged(reason="Stripe's tax amounts are posted as they are, never recomputed"),
    "tax_rate.updated": Acknowledged(reason="Stripe's tax amounts are posted as they are, never recomputed"),
}
"""Every event type that matters to the books (facts/stripe.md 7); any other is unknown: acknowledged and counted."""


def handled_types() -> tuple[str, ...]:
    """The event types that a webhook end point has to be subscribed to, sorted."""
    return tuple(sorted(name for name, meaning in EVENTS.items() if isinstance(meaning, Handled)))
