"""Lines of invoices: amounts before discounts, and what discounts, credits and taxes do to them."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from wescope.books.values import InvoiceLine, Period, Reduction
from wescope.stripe.parsing.fields import Fields
from wescope.stripe.parsing.taxes import NO_PERCENTAGES, Percentages, line_taxes

CREDIT_TYPES = frozenset({"discount", "credit_balance_transaction"})


def parse_line(payload: Mapping[str, Any], percentages: Percentages = NO_PERCENTAGES) -> InvoiceLine:
    """One line of an invoice, of any API version.

    `amount` stays as Stripe gives it: before discounts and credits, with inclusive tax. `discount_amounts` and the
    entries of type discount in `pretax_credit_amounts` are the same thing said twice; it is counted once.

    Args:
        payload: The line as JSON.
        percentages: Of the tax rates that the line may name by id.

    Raises:
        ObjectUnreadable: a needed field is absent or unknown.
    """
    fields = Fields.of(payload, "line_item")
    proration = is_proration(fields)
    return InvoiceLine(
        id=fields.object_id,
        amount=fields.integer("amount"),
        currency=fields.currency("currency"),
        description=fields.optional_text("description"),
        quantity=_quantity(fields),
        unit_amount=None if proration else _unit_amount(fields),
        period=_period(fields),
        discounts=tuple(line_discounts(fields)),
        credits=tuple(line_credits(fields)),
        taxes=line_taxes(fields, percentages),
        proration=proration,
        price=_price(fields),
        product=_product(fields),
        metadata=fields.strings("metadata"),
    )


def is_proration(line: Fields) -> bool:
    """Whether a line is a proration: said by its parent since 2025-03-31.basil, by itself before."""
    parent = line.child("parent")
    if not parent.has("type"):
        return line.flag("proration")
    kind = parent.text("type")
    if kind not in {"invoice_item_details", "subscription_item_details"}:
        raise parent.unreadable("type")
    return parent.child(kind).flag("proration")


def line_discounts(line: Fields) -> Iterator[Reduction]:
    """The discounts of a line of an invoice or of a credit note."""
    if line.has("discount_amounts"):
        rows = line.children("discount_amounts")
    else:
        rows = (row for row in _pretax_credits(line) if row.text("type") == "discount")
    for row in rows:
        yield Reduction(amount=row.integer("amount"), source=row.optional_reference("discount"))


def line_credits(line: Fields) -> Iterator[Reduction]:
    """The billing credits of a line of an invoice or of a credit note."""
    for row in _pretax_credits(line):
        if row.text("type") == "credit_balance_transaction":
            source = row.optional_reference("credit_balance_transaction")
            yield Reduction(amount=row.integer("amount"), source=source)


def _pretax_credits(line: Fields) -> Iterator[Fields]:
    for row in line.children("pretax_credit_amounts"):
        if row.text("type") not in CREDIT_TYPES:
            raise row.unreadable("type")
        yield row


def _quantity(line: Fields) -> Decimal | None:
    # `quantity` is truncated to a whole number (facts/stripe.md 2.2), so the decimal speaks where there is one.
    return line.decimal("quantity_decimal") if line.has("quantity_decimal") else line.decimal("quantity")


def _unit_amount(line: Fields) -> Decimal | None:
    candidates = (
        (line.child("pricing"), "unit_amount_decimal"),
        (_inner(line, "price"), "unit_amount_decimal"),
        (_inner(line, "price"), "unit_amount"),
        (_inner(line, "plan"), "amount_decimal"),
        (_inner(line, "plan"), "amount"),
    )
    return next((fields.decimal(name) for fields, name in candidates if fields.has(name)), None)


def _price(line: Fields) -> str | None:
    details = line.child("pricing").child("price_details")
    return details.optional_reference("price") or line.optional_reference("price") or line.optional_reference("plan")


def _product(line: Fields) -> str | None:
    details = line.child("pricing").child("price_details")
    places = (details, _inner(line, "price"), _inner(line, "plan"))
    return next((place.reference("product") for place in places if place.has("product")), None)


def _inner(line: Fields, name: str) -> Fields:
    """An inner object that may also be there as an id only."""
    return line.child(name) if line.expanded(name) is not None else Fields(object_id=line.object_id, values={})


def _period(line: Fields) -> Period | None:
    period = line.child("period")
    if not period.has("start") or not period.has("end"):
        return None
    return Period(start=period.moment("start"), end=period.moment("end"))
