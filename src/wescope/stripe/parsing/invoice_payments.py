"""Invoice payments: which movement of money pays which invoice, and with how much (facts/stripe.md 1 and 2.3)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from wescope.stripe.parsing.fields import Fields


class PartSource(StrEnum):
    """Stripe's `invoice_payment.payment.type`."""

    PAYMENT_INTENT = "payment_intent"
    CHARGE = "charge"
    PAYMENT_RECORD = "payment_record"


class PartStatus(StrEnum):
    """Stripe's `invoice_payment.status`."""

    OPEN = "open"
    PAID = "paid"
    CANCELED = "canceled"


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentPart:
    """One `invoice_payment` of Stripe: the part of one source that pays one invoice.

    `amount` is what was paid, in minor units of `currency`, 0 while it is not paid; `requested` is what it is meant to
    pay. `paid_at` is in UTC.
    """

    id: str
    invoice: str
    source: PartSource
    source_id: str
    status: PartStatus
    amount: int
    currency: str
    paid_at: datetime | None
    requested: int = 0


def parse_payment_part(payload: Mapping[str, Any]) -> PaymentPart:
    """An invoice payment object (2025-03-31.basil and later).

    Raises:
        ObjectUnreadable: a needed field is absent or unknown; a paid one without amount or date among them.
    """
    fields = Fields.of(payload, "invoice_payment")
    status = fields.enum("status", PartStatus)
    paid = status is PartStatus.PAID
    payment, transitions = fields.child("payment"), fields.child("status_transitions")
    source = payment.enum("type", PartSource)
    return PaymentPart(
        id=fields.object_id,
        invoice=fields.reference("invoice"),
        source=source,
        source_id=payment.reference(source.value),
        status=status,
        amount=fields.integer("amount_paid") if paid else 0,
        currency=fields.currency("currency"),
        paid_at=transitions.moment("paid_at") if paid else None,
        requested=fields.optional_integer("amount_requested") or 0,
    )
