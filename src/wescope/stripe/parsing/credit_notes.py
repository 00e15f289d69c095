"""Credit notes of any API version: how much lowers the invoice, and how the rest was given back."""

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from wescope.books.values import CreditedRefund, CreditNote, CreditNoteLine, CreditNoteStatus, Reduction
from wescope.stripe.parsing.fields import Fields
from wescope.stripe.parsing.lines import line_credits, line_discounts
from wescope.stripe.parsing.taxes import Percentages, line_taxes, parse_shipping, percentages_of

OUTSIDE_OF_STRIPE = "payment_record_refund"
"""Type of an entry of `refunds` that gives back what was never in Stripe (2025-10-29.clover)."""


def parse_credit_note(payload: Mapping[str, Any], *, lines: Iterable[Mapping[str, Any]] | None = None) -> CreditNote:
    """A credit note.

    Args:
        payload: The credit note as JSON.
        lines: All its lines, when they are more than the first page that stands in the payload.

    Raises:
        ObjectUnreadable: a needed field is absent or unknown, or the amounts contradict each other.
    """
    fields = Fields.of(payload, "credit_note")
    total = fields.integer("total")
    pre_payment, post_payment = _parts(fields, total)
    refunds, outside = _refunds(fields, post_payment)
    balance = post_payment - sum(refund.amount for refund in refunds) - outside
    if balance < 0:
        raise fields.unreadable("post_payment_amount")
    return CreditNote(
        id=fields.object_id,
        number=fields.optional_text("number"),
        status=fields.enum("status", CreditNoteStatus),
        currency=fields.currency("currency"),
        invoice=fields.reference("invoice"),
        created=fields.moment("created"),
        effective_at=fields.optional_moment("effective_at"),
        voided_at=fields.optional_moment("voided_at"),
        total=total,
        pre_payment_amount=pre_payment,
        post_payment_amount=post_payment,
        balance_amount=balance,
        out_of_band_amount=outside,
        refunds=refunds,
        lines=_lines(fields, lines),
        shipping=parse_shipping(fields),
        customer_balance_transaction=fields.optional_reference("customer_balance_transaction"),
    )


def refunds_named(payload: Mapping[str, Any]) -> tuple[str, ...]:
    """The ids of the refunds that a credit note of any API version names.

    Raises:
        ObjectUnreadable: it is no credit note, or an entry names no refund.
    """
    fields = Fields.of(payload, "credit_note")
    if fields.has("refunds"):
        return tuple(entry.reference("refund") for entry in _entries(fields, outside=False))
    old = fields.optional_reference("refund")
    return () if old is None else (old,)


def _parts(note: Fields, total: int) -> tuple[int, int]:
    """What lowered the invoice, and what was given back; before 2025-05-28.basil only the type tells."""
    pre, post = note.optional_integer("pre_payment_amount"), note.optional_integer("post_payment_amount")
    if pre is None and post is None:
        pre = 0 if _given_back(note) else total
    pre = total - (post or 0) if pre is None else pre
    post = total - pre if post is None else post
    if pre < 0 or post < 0 or pre + post != total:
        raise note.unreadable("post_payment_amount")
    return pre, post


def _given_back(note: Fields) -> bool:
    """Whether a credit note of one kind only was issued after payment."""
    kind = note.optional_text("type")
    if kind is not None:
        if kind not in {"pre_payment", "post_payment"}:
            raise note.unreadable("type")
        return kind == "post_payment"
    return any(note.has(name) for name in ("refund", "customer_balance_transaction", "out_of_band_amount"))


def _refunds(note: Fields, post_payment: int) -> tuple[tuple[CreditedRefund, ...], int]:
    """The refunds of a credit note, and what was given back outside of Stripe."""
    outside = note.optional_integer("out_of_band_amount") or 0
    if note.has("refunds"):
        refunds = tuple(
            CreditedRefund(refund=entry.reference("refund"), amount=entry.integer("amount_refunded"))
            for entry in _entries(note, outside=False)
        )
        recorded = sum(entry.integer("amount_refunded") for entry in _entries(note, outside=True))
        return refunds, outside + recorded
    identifier = note.optional_reference("refund")
    if identifier is None:
        return (), outside
    return (CreditedRefund(refund=identifier, amount=_old_refund(note, post_payment - outside)),), outside


def _entries(note: Fields, *, outside: bool) -> Iterator[Fields]:
    for entry in note.children("refunds"):
        kind = entry.optional_text("type") or "refund"
        if kind not in {"refund", OUTSIDE_OF_STRIPE}:
            raise entry.unreadable("type")
        if (kind == OUTSIDE_OF_STRIPE) is outside:
            yield entry


def _old_refund(note: Fields, rest: int) -> int:
    """The refunded part before 2025-03-31.basil: what neither the balance nor out of band took."""
    if not note.has("customer_balance_transaction"):
        return rest
    if note.expanded("customer_balance_transaction") is not None:
        return rest + note.child("customer_balance_transaction").integer("amount")  # below zero: a credit
    if note.expanded("refund") is not None:
        return min(rest, note.child("refund").integer("amount"))
    raise note.unreadable("refund")


def _lines(note: Fields, lines: Iterable[Mapping[str, Any]] | None) -> tuple[CreditNoteLine, ...]:
    percentages = percentages_of(note)
    if lines is not None:
        return tuple(_line(Fields.of(line, "credit_note_line_item"), percentages) for line in lines)
    inline = note.child("lines")
    if not inline.has("data"):
        raise inline.unreadable("data")
    rows = inline.children("data")
    return tuple(_line(Fields.of(row.values, "credit_note_line_item"), percentages) for row in rows)


def _line(line: Fields, percentages: Percentages) -> CreditNoteLine:
    return CreditNoteLine(
        id=line.object_id,
        amount=line.integer("amount"),
        description=line.optional_text("description"),
        invoice_line=line.optional_reference("invoice_line_item"),
        quantity=line.decimal("quantity"),
        unit_amount=_unit_amount(line),
        discounts=_discounts(line),
        credits=tuple(line_credits(line)),
        taxes=line_taxes(line, percentages),
    )


def _unit_amount(line: Fields) -> Decimal | None:
    exact = line.decimal("unit_amount_decimal")
    return line.decimal("unit_amount") if exact is None else exact


def _discounts(line: Fields) -> tuple[Reduction, ...]:
    named = tuple(line_discounts(line))
    amount = line.optional_integer("discount_amount") or 0
    return named or ((Reduction(amount=amount, source=None),) if amount else ())
