"""Lines: the item lines of a Stripe invoice, whose sum is the invoice's total. Tax is Stripe's own, never recomputed.

Rules: facts/stripe.md 2.2 and 2.10. A line's amount is before discounts and credits and contains inclusive tax.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import date
from decimal import Decimal

from wescope.books.calendar import local_date
from wescope.books.documents import LineTax, SalesLine
from wescope.books.money import exponent, to_decimal
from wescope.books.names import clean, cut
from wescope.books.policy import ItemRole, Policy
from wescope.books.sales_items import line_item
from wescope.books.values import Invoice, InvoiceLine, Shipping, TaxAmount

DESCRIPTION_LENGTH = 4000


def sales_lines(invoice: Invoice, policy: Policy) -> tuple[SalesLine, ...]:
    """All item lines of an invoice in minor units of its currency: sales with their reductions, shipping, tax.

    Tax stands on one line per tax rate over the whole invoice (policy `line`): inclusive tax moves there out of the
    line that contains it, exclusive tax is added. Reductions, shipping and tax of zero are left out.
    """
    return (
        *(sales_line for line in invoice.lines for sales_line in _line(line, policy)),
        *_shipping(invoice.shipping),
        *tax_lines(_all_taxes(invoice)),
    )


def service_dates(invoice: Invoice, policy: Policy) -> tuple[date | None, date | None]:
    """First and last date of the lines' service periods in the books' calendar; nulls if no line has a period."""
    periods = [line.period for line in invoice.lines if line.period is not None]
    if not periods:
        return None, None
    return (
        local_date(min(period.start for period in periods), policy.timezone),
        local_date(max(period.end for period in periods), policy.timezone),
    )


def _line(line: InvoiceLine, policy: Policy) -> Iterator[SalesLine]:
    served = None if line.period is None else local_date(line.period.start, policy.timezone)
    item, class_name = line_item(
        policy, product=line.product, price=line.price, metadata=line.metadata, default=ItemRole.SALES
    )
    yield SalesLine(
        item=item,
        amount=line.amount - inclusive_tax(line.taxes),
        description=_description(line, policy),
        service_date=served,
        class_name=class_name,
        taxes=line_taxes(line.taxes),
    )
    reductions = [("Discount", reduction) for reduction in line.discounts]
    reductions += [("Billing credit", reduction) for reduction in line.credits]
    for kind, reduction in reductions:
        if reduction.amount:
            yield SalesLine(
                item=ItemRole.DISCOUNT,
                amount=-reduction.amount,
                description=_named(kind, reduction.source),
                service_date=served,
                class_name=class_name,
                taxes=taxed_alike(line.taxes),
            )


def _shipping(shipping: Shipping | None) -> Iterator[SalesLine]:
    if shipping is not None and (amount := shipping.amount - inclusive_tax(shipping.taxes)):
        taxes = line_taxes(shipping.taxes)
        yield SalesLine(item=ItemRole.SHIPPING, amount=amount, description="Shipping", taxes=taxes)


def tax_lines(taxes: Iterable[TaxAmount]) -> Iterator[SalesLine]:
    """One line per tax rate with the sum of its amounts; none for a rate whose tax is zero."""
    by_rate: dict[str | None, int] = {}
    for tax in taxes:
        by_rate[tax.tax_rate] = by_rate.get(tax.tax_rate, 0) + tax.amount
    for rate, amount in by_rate.items():
        if amount:
            yield SalesLine(item=ItemRole.TAX, amount=amount, description=_named("Tax", rate))


def line_taxes(taxes: Iterable[TaxAmount]) -> tuple[LineTax, ...]:
    """What of the tax a line caused, at each rate; an unnamed rate is called by an empty text."""
    return tuple(LineTax(rate=tax.tax_rate or "", amount=tax.amount, percentage=tax.percentage) for tax in taxes)


def taxed_alike(taxes: Iterable[TaxAmount]) -> tuple[LineTax, ...]:
    """For a reduction of a taxed line: it lowers the taxed net, and its tax is in the line's already."""
    return tuple(LineTax(rate=tax.tax_rate or "", amount=0, percentage=tax.percentage) for tax in taxes)


def _all_taxes(invoice: Invoice) -> Iterator[TaxAmount]:
    for line in invoice.lines:
        yield from line.taxes
    if invoice.shipping is not None:
        yield from invoice.shipping.taxes


def inclusive_tax(taxes: Iterable[TaxAmount]) -> int:
    """The tax that is contained in an amount, in minor units."""
    return sum(tax.amount for tax in taxes if tax.inclusive)


def _named(kind: str, stripe_id: str | None) -> str:
    return f"{kind} {stripe_id}" if stripe_id else kind


def _description(line: InvoiceLine, policy: Policy) -> str:
    """Stripe's text, what it does not say of the quantity, and the period; a long text is cut, never the period."""
    text = clean(line.description or "") or f"Stripe line {line.id}"
    tail = _quantity(line, text) + _service(line, policy)
    return cut(text, DESCRIPTION_LENGTH - len(tail)) + tail


def _quantity(line: InvoiceLine, text: str) -> str:
    if line.quantity is None or line.quantity == 1:
        return ""
    quantity = _plain(line.quantity)
    if re.search(rf"(?<![\d.]){re.escape(quantity)}(?![\d]|\.\d)", text.replace(",", "")):
        return ""
    price = "" if line.unit_amount is None else f" at {_unit_price(line.unit_amount, line.currency)}"
    return f"; quantity {quantity}{price}"


def _service(line: InvoiceLine, policy: Policy) -> str:
    if line.period is None:
        return ""
    start = local_date(line.period.start, policy.timezone)
    end = local_date(line.period.end, policy.timezone)
    return f"; Service {start}" if start == end else f"; Service {start} to {end}"


def _unit_price(unit_amount: Decimal, currency: str) -> str:
    """A price in major units; Stripe's may be finer than the minor unit (facts/stripe.md 2.2)."""
    if unit_amount == unit_amount.to_integral_value():
        return str(to_decimal(int(unit_amount), currency))
    return _plain(unit_amount.scaleb(-exponent(currency)))


def _plain(number: Decimal) -> str:
    return f"{number.normalize():f}"
