"""Payments that an invoice of before 2025-03-31.basil names itself: its charge, or that it was paid out of band."""

from wescope.books.values import Allocation, InvoicePayment, PaymentSource
from wescope.stripe.parsing.charges import parse_charge
from wescope.stripe.parsing.fields import Fields


def payments_of_old_invoice(invoice: Fields) -> tuple[InvoicePayment, ...]:
    """The one payment of a paid invoice whose payload names it; none for later versions or unpaid invoices.

    `charge` and `paid_out_of_band` are gone since 2025-03-31.basil (facts/stripe.md 1), and partial payments came
    with it: before, one charge paid an invoice at once.

    Raises:
        ObjectUnreadable: the invoice was paid this way, and the amount or an expanded charge can't be read.
    """
    if invoice.flag("paid_out_of_band"):
        return _payment(invoice, PaymentSource.OUT_OF_BAND, invoice.object_id)
    charge_id = invoice.optional_reference("charge")
    return _payment(invoice, PaymentSource.CHARGE, charge_id) if charge_id else ()


def _payment(invoice: Fields, source: PaymentSource, source_id: str) -> tuple[InvoicePayment, ...]:
    amount = invoice.integer("amount_paid")
    paid_at = invoice.child("status_transitions").optional_moment("paid_at")
    if not amount or paid_at is None:
        return ()
    charge = invoice.expanded("charge") if source is PaymentSource.CHARGE else None
    return (
        InvoicePayment(
            source=source,
            source_id=source_id,
            currency=invoice.currency("currency"),
            paid_at=paid_at,
            allocations=(Allocation(invoice=invoice.object_id, amount=amount),),
            charge=None if charge is None else parse_charge(charge),
        ),
    )
