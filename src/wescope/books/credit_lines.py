"""Credit lines: what a credit note takes back, line by line, and exact shares of it for each of its parts.

A credit note may be split over a credit memo, refunds and the customer's balance (facts/stripe.md 2.5). Each part gets
its share of every line, and all parts together are the credit note to the cent, tax included.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from wescope.books.documents import SalesLine
from wescope.books.lines import inclusive_tax, line_taxes, tax_lines, taxed_alike
from wescope.books.names import clean
from wescope.books.policy import Item, ItemRole, Policy
from wescope.books.sales_items import line_item
from wescope.books.values import CreditNote, CreditNoteLine, InvoiceLine, Reduction


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteParts:
    """The lines of each part of a credit note: together they are its lines. Refunds are by refund id."""

    pre_payment: tuple[SalesLine, ...]
    refunds: Mapping[str, tuple[SalesLine, ...]]
    balance: tuple[SalesLine, ...]
    out_of_band: tuple[SalesLine, ...]


def credited_lines(note: CreditNote, invoice_lines: Iterable[InvoiceLine], policy: Policy) -> tuple[SalesLine, ...]:
    """The item lines of a credit note in minor units of its currency, positive where the customer owes less.

    Args:
        note: its lines are before discounts and contain inclusive tax.
        invoice_lines: those that its lines credit, for item and class; a line that is not among them is on SALES.
        policy: the company's choices.

    Returns:
        Sales lines net of tax with their reductions, shipping, and one tax line per rate, without lines of zero. Their
        sum is the note's total, unless Stripe's numbers do not add up.
    """
    known = {line.id: line for line in invoice_lines}
    shipping = note.shipping
    taxes = [tax for line in note.lines for tax in line.taxes]
    lines = [made for line in note.lines for made in _line(note, line, known.get(line.invoice_line or ""), policy)]
    if shipping is not None:
        taxes += shipping.taxes
        lines.append(
            SalesLine(
                item=ItemRole.SHIPPING,
                amount=shipping.amount - inclusive_tax(shipping.taxes),
                description=f"{_named_note(note)}, shipping",
                taxes=line_taxes(shipping.taxes),
            )
        )
    return tuple(line for line in (*lines, *tax_lines(taxes)) if _says_something(line))


def share(lines: tuple[SalesLine, ...], part: int, whole: int, *, before: int = 0) -> tuple[SalesLine, ...]:
    """The share of every line in `part` of a whole: exact, and the same every time (largest remainder, then order).

    Args:
        lines: they add up to `whole`; their `taxes` follow the tax lines of the same rate, if these are among them.
        part: what the shares add up to, from zero to `whole`, in the same minor units.
        whole: what all lines add up to.
        before: what earlier parts took. Parts that are taken one after the other, each with the sum of those before
            it, add up to the lines themselves.

    Returns:
        The lines with their share, without those of which nothing is left.

    Raises:
        ValueError: the lines do not add up to `whole`.
    """
    if sum(line.amount for line in lines) != whole:
        raise ValueError(f"the lines do not add up to {whole}")
    if not whole:
        return ()
    until, since = _shares(lines, before + part, whole), _shares(lines, before, whole)
    shared = [_less(upper, lower) for upper, lower in zip(until, since, strict=True)]
    return tuple(line for line in shared if _says_something(line))


def split_note(note: CreditNote, lines: tuple[SalesLine, ...]) -> NoteParts:
    """The shares of all parts of a credit note, in this order: before payment, refunds by id, balance, out of band.

    Args:
        note: its parts should add up to its total.
        lines: of `credited_lines`.

    Raises:
        ValueError: the lines do not add up to the note's total.
    """
    refunded: dict[str, int] = {}
    for part in sorted(note.refunds, key=lambda part: part.refund):
        refunded[part.refund] = refunded.get(part.refund, 0) + part.amount
    taken, refunds = note.pre_payment_amount, {}
    for refund, amount in refunded.items():
        refunds[refund] = share(lines, amount, note.total, before=taken)
        taken += amount
    return NoteParts(
        pre_payment=share(lines, note.pre_payment_amount, note.total),
        refunds=refunds,
        balance=share(lines, note.balance_amount, note.total, before=taken),
        out_of_band=share(lines, note.out_of_band_amount, note.total, before=taken + note.balance_amount),
    )


def _line(note: CreditNote, line: CreditNoteLine, credited: InvoiceLine | None, policy: Policy) -> Iterator[SalesLine]:
    item, class_name = _item(credited, policy)
    text = f"{_named_note(note)}, line {line.invoice_line or line.id}"
    yield SalesLine(
        item=item,
        amount=line.amount - inclusive_tax(line.taxes),
        description=text,
        class_name=class_name,
        taxes=line_taxes(line.taxes),
    )
    for kind, reductions in (("discount", line.discounts), ("billing credit", line.credits)):
        for reduction in reductions:
            yield SalesLine(
                item=ItemRole.DISCOUNT,
                amount=-reduction.amount,
                description=_reduction_text(text, kind, reduction),
                class_name=class_name,
                taxes=taxed_alike(line.taxes),
            )


def _item(credited: InvoiceLine | None, policy: Policy) -> tuple[Item, str | None]:
    if credited is None:
        return ItemRole.SALES, None
    return line_item(
        policy,
        product=credited.product,
        price=credited.price,
        metadata=credited.metadata,
        default=ItemRole.SALES,
    )


def _named_note(note: CreditNote) -> str:
    return f"Credit note {clean(note.number or '') or note.id}"


def _reduction_text(text: str, kind: str, reduction: Reduction) -> str:
    return f"{text}, {kind} {reduction.source}" if reduction.source else f"{text}, {kind}"


def _shares(lines: tuple[SalesLine, ...], upto: int, whole: int) -> list[SalesLine]:
    """All lines with their share of the first `upto` of the whole, those of zero too."""
    amounts = _largest_remainder([line.amount for line in lines], upto, whole, upto)
    taxes = _tax_shares(lines, amounts, upto, whole)
    return [
        replace(
            line,
            amount=amount,
            taxes=tuple(replace(tax, amount=taxes[index, place]) for place, tax in enumerate(line.taxes)),
        )
        for index, (line, amount) in enumerate(zip(lines, amounts, strict=True))
    ]


def _tax_shares(lines: tuple[SalesLine, ...], amounts: list[int], upto: int, whole: int) -> dict[tuple[int, int], int]:
    """What each line caused of each rate's tax, by the places of both; in sum what the rate's tax line has left."""
    caused: dict[str, dict[tuple[int, int], int]] = {}
    for index, line in enumerate(lines):
        for place, tax in enumerate(line.taxes):
            caused.setdefault(tax.rate, {})[index, place] = tax.amount
    left = {
        (line.description, line.amount): amount
        for line, amount in zip(lines, amounts, strict=True)
        if line.item is ItemRole.TAX
    }
    shared: dict[tuple[int, int], int] = {}
    for rate, by_place in caused.items():
        total = sum(by_place.values())
        target = left.get((f"Tax {rate}" if rate else "Tax", total), total * upto // whole)
        parts = _largest_remainder(list(by_place.values()), upto, whole, target)
        shared.update(zip(by_place, parts, strict=True))
    return shared


def _largest_remainder(amounts: list[int], upto: int, whole: int, target: int) -> list[int]:
    """`amounts` times `upto / whole`, rounded down or up such that they add up to `target`, their sum so rounded."""
    shares = [amount * upto // whole for amount in amounts]
    remainders = [amount * upto % whole for amount in amounts]
    by_remainder = sorted(range(len(amounts)), key=lambda index: -remainders[index])
    for index in by_remainder[: target - sum(shares)]:
        shares[index] += 1
    return shares


def _less(upper: SalesLine, lower: SalesLine) -> SalesLine:
    taxes = [replace(tax, amount=tax.amount - past.amount) for tax, past in zip(upper.taxes, lower.taxes, strict=True)]
    return replace(upper, amount=upper.amount - lower.amount, taxes=tuple(taxes))


def _says_something(line: SalesLine) -> bool:
    return line.amount != 0 or any(tax.amount for tax in line.taxes)
