"""The arithmetic of a Stripe invoice: lines, discounts, taxes, shipping (facts/stripe.md 2.2 and 2.10).

Everything is in minor units of one currency; nothing here knows Stripe's objects.
"""

from dataclasses import dataclass, field
from decimal import ROUND_FLOOR, Decimal
from fractions import Fraction


@dataclass(frozen=True, slots=True, kw_only=True)
class Discount:
    """A discount in use: ``percent_off`` of 100, or ``amount_off`` in minor units."""

    discount_id: str
    percent_off: Decimal | None = None
    amount_off: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """A tax rate: ``percentage`` of 100, contained in the price or added to it."""

    rate_id: str
    percentage: Decimal
    inclusive: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What goes into a line: its amount before everything, and what is taken off and added."""

    amount: int
    discountable: bool = True
    discounts: tuple[Discount, ...] = ()
    rates: tuple[Rate, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Tax:
    """A tax amount on a net amount at a rate."""

    rate: Rate
    amount: int
    taxable_amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PricedLine:
    """A line after the arithmetic: per discount and per rate what was taken and added.

    ``discounts`` holds (discount id, amount), the line's own first and then the invoice's.
    """

    amount: int
    own_discount: int
    discounts: tuple[tuple[str, int], ...]
    taxes: tuple[Tax, ...]
    inclusive_before_invoice_discount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Shipping:
    """Shipping before tax, with its rates, which must be exclusive."""

    amount: int
    rates: tuple[Rate, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """An invoice after the arithmetic; the names are those of Stripe's fields."""

    lines: tuple[PricedLine, ...]
    subtotal: int
    subtotal_excluding_tax: int
    total: int
    total_excluding_tax: int
    discounts: tuple[tuple[str, int], ...]
    taxes: tuple[Tax, ...]
    shipping: int = 0
    shipping_taxes: tuple[Tax, ...] = field(default=())


def half_up(value: Fraction) -> int:
    """Round to the nearest integer, halves away from zero, as Stripe rounds tax and usage."""
    size = abs(value)
    whole = (2 * size.numerator + size.denominator) // (2 * size.denominator)
    return whole if value >= 0 else -whole


def price_amount(unit_amount: Decimal, quantity: Decimal) -> int:
    """Return unit price x quantity in minor units: 0.000381 x 24104515 gives 9184."""
    return half_up(Fraction(unit_amount) * Fraction(quantity))


def prorated_amount(unit_amount: Decimal, quantity: Decimal, *, used_s: int, period_s: int) -> int:
    """Return the share of a price for ``used_s`` of ``period_s`` seconds, floored and not rounded (facts 2.2)."""
    exact = unit_amount * quantity * used_s / period_s
    return int(exact.quantize(Decimal(1), rounding=ROUND_FLOOR))


def price_invoice(
    lines: list[Line], *, discounts: tuple[Discount, ...] = (), shipping: Shipping | None = None
) -> Totals:
    """Compute an invoice from its lines.

    A line's own discounts come first and reduce the subtotal; the invoice's discounts are spread over the lines; tax
    is on what remains, rounded half up per line and rate.

    Args:
        lines: In the invoice's order.
        discounts: Of the whole invoice, applied one after the other.
        shipping: With exclusive rates only.

    Returns:
        Every amount that stands on the invoice.
    """
    own = [_own_discounts(line) for line in lines]
    nets = [line.amount - sum(amount for _, amount in taken) for line, taken in zip(lines, own, strict=True)]
    shared = _invoice_discounts(lines, nets, discounts)
    priced = []
    for line, net, taken, spread in zip(lines, nets, own, shared, strict=True):
        taxes = line_taxes(net - sum(amount for _, amount in spread), line.rates)
        priced.append(
            PricedLine(
                amount=line.amount,
                own_discount=line.amount - net,
                discounts=tuple(taken + spread),
                taxes=taxes,
                inclusive_before_invoice_discount=_inclusive(line_taxes(net, line.rates)),
            )
        )
    return _totals(tuple(priced), shipping or Shipping(amount=0))


def line_taxes(net: int, rates: tuple[Rate, ...]) -> tuple[Tax, ...]:
    """Return the tax of every rate on ``net`` minor units, half up per rate.

    Inclusive rates are contained in ``net``: the taxable amount is ``net`` without all of them.
    """
    inside = sum((Fraction(rate.percentage) / 100 for rate in rates if rate.inclusive), Fraction(0))
    base = Fraction(net) / (1 + inside)
    amounts = [half_up(base * Fraction(rate.percentage) / 100) for rate in rates]
    included = sum(amount for amount, rate in zip(amounts, rates, strict=True) if rate.inclusive)
    return tuple(
        Tax(rate=rate, amount=amount, taxable_amount=net - included)
        for rate, amount in zip(rates, amounts, strict=True)
    )


def _own_discounts(line: Line) -> list[tuple[str, int]]:
    taken: list[tuple[str, int]] = []
    left = line.amount
    for discount in line.discounts:
        amount = _discount_amount(discount, left)
        taken.append((discount.discount_id, amount))
        left -= amount
    return taken


def _discount_amount(discount: Discount, base: int) -> int:
    if base <= 0:
        return 0
    if discount.percent_off is not None:
        return min(base, half_up(Fraction(base) * Fraction(discount.percent_off) / 100))
    return min(base, discount.amount_off or 0)


def _invoice_discounts(
    lines: list[Line], nets: list[int], discounts: tuple[Discount, ...]
) -> list[list[tuple[str, int]]]:
    spread: list[list[tuple[str, int]]] = [[] for _ in lines]
    left = [max(net, 0) if line.discountable else 0 for line, net in zip(lines, nets, strict=True)]
    for discount in discounts:
        shares = _spread(_discount_amount(discount, sum(left)), left)
        for index, share in enumerate(shares):
            if left[index]:
                spread[index].append((discount.discount_id, share))
                left[index] -= share
    return spread


def _spread(amount: int, weights: list[int]) -> list[int]:
    """Share ``amount`` by ``weights`` to the cent: the largest remainders get the odd cents, earlier lines first."""
    whole = sum(weights)
    if not whole:
        return [0 for _ in weights]
    shares = [amount * weight // whole for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda index: (-(amount * weights[index] % whole), index))
    for index in by_remainder[: amount - sum(shares)]:
        shares[index] += 1
    return shares


def _inclusive(taxes: tuple[Tax, ...]) -> int:
    return sum(tax.amount for tax in taxes if tax.rate.inclusive)


def _totals(lines: tuple[PricedLine, ...], shipping: Shipping) -> Totals:
    shipping_taxes = line_taxes(shipping.amount, shipping.rates)
    discounts: dict[str, int] = {}
    taxes: dict[str, Tax] = {}
    for line in lines:
        for discount_id, amount in line.discounts:
            discounts[discount_id] = discounts.get(discount_id, 0) + amount
        for tax in line.taxes:
            before = taxes.get(tax.rate.rate_id, Tax(rate=tax.rate, amount=0, taxable_amount=0))
            taxes[tax.rate.rate_id] = Tax(
                rate=tax.rate,
                amount=before.amount + tax.amount,
                taxable_amount=before.taxable_amount + tax.taxable_amount,
            )
    subtotal = sum(line.amount - line.own_discount for line in lines)
    net = sum(line.amount - sum(amount for _, amount in line.discounts) for line in lines)
    exclusive = sum(tax.amount for tax in taxes.values() if not tax.rate.inclusive)
    inclusive = sum(tax.amount for tax in taxes.values() if tax.rate.inclusive)
    return Totals(
        lines=lines,
        subtotal=subtotal,
        subtotal_excluding_tax=subtotal - sum(line.inclusive_before_invoice_discount for line in lines),
        total=net + exclusive + shipping.amount + sum(tax.amount for tax in shipping_taxes),
        total_excluding_tax=net - inclusive + shipping.amount,
        discounts=tuple(discounts.items()),
        taxes=tuple(taxes.values()),
        shipping=shipping.amount,
        shipping_taxes=shipping_taxes,
    )
