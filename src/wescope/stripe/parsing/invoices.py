"""Invoices of any API version, from 2017 (no status, `date`) to 2026-10-28.endive."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from wescope.books.values import Invoice, InvoiceLine, InvoicePayment, InvoiceStatus
from wescope.stripe.parsing.customers import customer_of_invoice
from wescope.stripe.parsing.fields import Fields
from wescope.stripe.parsing.lines import parse_line
from wescope.stripe.parsing.old_payments import payments_of_old_invoice
from wescope.stripe.parsing.taxes import parse_shipping, percentages_of


def parse_invoice(
    payload: Mapping[str, Any],
    *,
    lines: Iterable[Mapping[str, Any]] | None = None,
    payments: Sequence[InvoicePayment] = (),
    customer: Mapping[str, Any] | None = None,
) -> Invoice:
    """An invoice with its customer, lines and paid payments.

    Args:
        payload: The invoice as JSON.
        lines: All its lines, when they are more than the first page that stands in the payload.
        payments: Its paid payments, as read from Stripe. Without them those that a payload of before
            2025-03-31.basil names itself are taken; later payloads name none.
        customer: Its customer object, when that is not expanded in the payload.

    Raises:
        ObjectUnreadable: a needed field is absent or unknown.
    """
    fields = Fields.of(payload, "invoice")
    transitions = fields.child("status_transitions")
    return Invoice(
        id=fields.object_id,
        status=invoice_status(fields),
        number=fields.optional_text("number"),
        currency=fields.currency("currency"),
        customer=customer_of_invoice(fields, customer),
        created=_created(fields),
        effective_at=fields.optional_moment("effective_at"),
        finalized_at=transitions.optional_moment("finalized_at") or fields.optional_moment("finalized_at"),
        due_date=fields.optional_moment("due_date"),
        paid_at=transitions.optional_moment("paid_at"),
        voided_at=transitions.optional_moment("voided_at"),
        marked_uncollectible_at=transitions.optional_moment("marked_uncollectible_at"),
        lines=_lines(fields, lines),
        shipping=parse_shipping(fields),
        total=fields.integer("total"),
        amount_due=fields.integer("amount_due"),
        amount_paid=fields.integer("amount_paid"),
        amount_remaining=fields.integer("amount_remaining"),
        amount_overpaid=fields.optional_integer("amount_overpaid") or 0,
        starting_balance=fields.optional_integer("starting_balance") or 0,
        ending_balance=fields.optional_integer("ending_balance"),
        pre_payment_credit_notes_amount=fields.optional_integer("pre_payment_credit_notes_amount") or 0,
        post_payment_credit_notes_amount=fields.optional_integer("post_payment_credit_notes_amount") or 0,
        payments=tuple(payments) or payments_of_old_invoice(fields),
        revision_of=_revision_of(fields),
    )


def invoice_status(invoice: Fields) -> InvoiceStatus:
    """The status of an invoice; before 2018-11 it stands in `paid` and `forgiven`.

    Raises:
        ObjectUnreadable: there is no status, or an unknown one.
    """
    if "status" in invoice.values:
        return invoice.enum("status", InvoiceStatus)
    if invoice.flag("paid"):
        return InvoiceStatus.PAID
    if invoice.flag("forgiven"):
        return InvoiceStatus.UNCOLLECTIBLE
    raise invoice.unreadable("status")


def has_more_lines(holder: Fields) -> bool:
    """Whether the payload of an invoice or a credit note holds only the first page of the lines."""
    return holder.child("lines").flag("has_more")


def _created(invoice: Fields) -> datetime:
    return invoice.moment("created") if invoice.has("created") else invoice.moment("date")


def _revision_of(invoice: Fields) -> str | None:
    """The invoice that this one replaces (facts/stripe.md 2.1); a clone for another reason replaces nothing."""
    origin = invoice.child("from_invoice")
    return origin.optional_reference("invoice") if origin.optional_text("action") == "revision" else None


def _lines(invoice: Fields, lines: Iterable[Mapping[str, Any]] | None) -> tuple[InvoiceLine, ...]:
    percentages = percentages_of(invoice)
    if lines is not None:
        return tuple(parse_line(line, percentages) for line in lines)
    inline = invoice.child("lines")
    if not inline.has("data"):
        raise inline.unreadable("data")
    return tuple(parse_line(line.values, percentages) for line in inline.children("data"))
