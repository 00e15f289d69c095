"""Taxes of lines and of shipping, with the percentage of their rate where the payload holds it."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import TypeAlias

from wescope.books.values import Shipping, TaxAmount
from wescope.stripe.parsing.fields import Fields

Percentages: TypeAlias = Mapping[str, Decimal]
"""Tax rate id to its percentage."""

NO_PERCENTAGES: Percentages = {}


def percentages_of(holder: Fields) -> Percentages:
    """The percentages of all tax rates that an invoice, a credit note or a line holds as whole objects.

    Since 2025-03-31.basil a line names its rates by id only; the invoice's `total_taxes` can be expanded to them.

    Raises:
        ObjectUnreadable: a rate has no id, or a percentage is no number.
    """
    totals = (tax.child("tax_rate_details") for tax in holder.children("total_taxes"))
    rates = [details.child("tax_rate") for details in totals if details.expanded("tax_rate") is not None]
    for name in ("default_tax_rates", "tax_rates"):
        rates.extend(holder.children(name))
    found = {rate.text("id"): percentage_of(rate) for rate in rates}
    return {identifier: percentage for identifier, percentage in found.items() if percentage is not None}


def percentage_of(rate: Fields) -> Decimal | None:
    """The percentage of a tax rate object: the one that was charged, where Stripe Tax knows it better."""
    effective = rate.decimal("effective_percentage")
    return rate.decimal("percentage") if effective is None else effective


def line_taxes(line: Fields, percentages: Percentages = NO_PERCENTAGES) -> tuple[TaxAmount, ...]:
    """The taxes of a line: `taxes` since 2025-03-31.basil, `tax_amounts` before.

    Raises:
        ObjectUnreadable: a needed field is absent or unknown.
    """
    known = {**percentages, **percentages_of(line)}
    if line.has("taxes"):
        return tuple(_new_tax(tax, known) for tax in line.children("taxes"))
    return tuple(_old_tax(tax, known) for tax in line.children("tax_amounts"))


def parse_shipping(holder: Fields) -> Shipping | None:
    """Shipping of an invoice or a credit note; null when there is none.

    `taxes` comes only when it is asked for (`expand[]=shipping_cost.taxes`); without it the difference of total and
    subtotal says whether the tax was added or is contained.

    Raises:
        ObjectUnreadable: subtotal, tax and total contradict each other, or a field is absent.
    """
    cost = holder.child("shipping_cost")
    if not cost.values:
        return None
    total = cost.integer("amount_total")
    # An empty list beside totals that differ is one that was not asked for.
    taxes = tuple(map(_shipping_tax, cost.children("taxes"))) or _summed_tax(cost, total)
    return Shipping(amount=total - _added(taxes), taxes=taxes)


def _added(taxes: Iterable[TaxAmount]) -> int:
    return sum(tax.amount for tax in taxes if not tax.inclusive)


def _new_tax(tax: Fields, percentages: Percentages) -> TaxAmount:
    behavior = tax.text("tax_behavior")
    if behavior not in {"inclusive", "exclusive"}:
        raise tax.unreadable("tax_behavior")
    return _tax(tax, tax.child("tax_rate_details"), percentages, inclusive=behavior == "inclusive")


def _old_tax(tax: Fields, percentages: Percentages) -> TaxAmount:
    if not tax.has("inclusive"):
        raise tax.unreadable("inclusive")
    return _tax(tax, tax, percentages, inclusive=tax.flag("inclusive"))


def _tax(tax: Fields, holder: Fields, percentages: Percentages, *, inclusive: bool) -> TaxAmount:
    """A tax whose rate stands in `holder`, by id or whole."""
    identifier = holder.optional_reference("tax_rate")
    whole = holder.expanded("tax_rate") is not None
    percentage = percentage_of(holder.child("tax_rate")) if whole else percentages.get(identifier or "")
    return TaxAmount(amount=tax.integer("amount"), inclusive=inclusive, tax_rate=identifier, percentage=percentage)


def _shipping_tax(tax: Fields) -> TaxAmount:
    rate = tax.child("rate")
    if not rate.has("inclusive"):
        raise rate.unreadable("inclusive")
    return TaxAmount(
        amount=tax.integer("amount"),
        inclusive=rate.flag("inclusive"),
        tax_rate=rate.optional_text("id"),
        percentage=percentage_of(rate),
    )


def _summed_tax(cost: Fields, total: int) -> tuple[TaxAmount, ...]:
    tax, added = cost.integer("amount_tax"), total - cost.integer("amount_subtotal")
    if added not in {0, tax}:
        raise cost.unreadable("amount_total")
    return (TaxAmount(amount=tax, inclusive=added == 0, tax_rate=None),) if tax else ()
