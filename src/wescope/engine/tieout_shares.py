"""Tie-out shares: income and tax of invoices and credit notes, and exact shares of both for parts of them.

A part of a document has its share of every line, rounded by the largest remainder (docs/posting-rules.md), so that all
parts together are the whole to the cent. Computed here from Stripe's lines, and not by the mapping.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from wescope.books.values import CreditNote, CreditNoteLine, Invoice, InvoiceLine, Shipping, TaxAmount
from wescope.engine.tieout_entries import Pieces, without_zeros
from wescope.engine.tieout_results import Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """The lines of an invoice or credit note as amounts, each income or tax; minor units, net of tax."""

    lines: tuple[tuple[Kind, int], ...]
    total: int

    @classmethod
    def of(cls, document: Invoice | CreditNote) -> "Shares":
        """The lines of a document: what was sold with its reductions, shipping, and a line of tax per rate."""
        lines = [amount for line in document.lines for amount in _amounts(line)]
        taxes = [tax for line in document.lines for tax in line.taxes]
        if document.shipping is not None:
            lines.append(document.shipping.amount - _contained(document.shipping))
            taxes += document.shipping.taxes
        by_rate: dict[str | None, int] = {}
        for tax in taxes:
            by_rate[tax.tax_rate] = by_rate.get(tax.tax_rate, 0) + tax.amount
        income = [(Kind.REVENUE, amount) for amount in lines]
        return cls(lines=(*income, *((Kind.TAX, amount) for amount in by_rate.values())), total=document.total)

    def whole(self) -> Pieces:
        """What all of it posts; what Stripe's total has beyond its lines counts as income."""
        tax = sum(amount for kind, amount in self.lines if kind is Kind.TAX)
        return without_zeros(((Kind.REVENUE, self.total - tax), (Kind.TAX, tax)))

    def part(self, amount: int, *, before: int = 0) -> Pieces:
        """What a part of it posts, when parts of `before` in sum were taken earlier."""
        until, since = self._upto(before + amount), self._upto(before)
        return without_zeros((kind, until[kind] - since[kind]) for kind in (Kind.REVENUE, Kind.TAX))

    def _upto(self, upto: int) -> dict[Kind, int]:
        """The first `upto` of the total, by kind."""
        found = {Kind.REVENUE: 0, Kind.TAX: 0}
        if sum(amount for _, amount in self.lines) != self.total or not self.total:
            found[Kind.REVENUE] = upto  # the mapping parks a document whose lines do not add up
            return found
        shares = [amount * upto // self.total for _, amount in self.lines]
        order = sorted(range(len(shares)), key=lambda index: -(self.lines[index][1] * upto % self.total))
        for index in order[: upto - sum(shares)]:
            shares[index] += 1
        for (kind, _), share in zip(self.lines, shares, strict=True):
            found[kind] += share
        return found


def _amounts(line: InvoiceLine | CreditNoteLine) -> Iterable[int]:
    yield line.amount - _contained(line)
    for reduction in (*line.discounts, *line.credits):
        yield -reduction.amount


def _contained(holder: InvoiceLine | CreditNoteLine | Shipping) -> int:
    """The tax that an amount contains."""
    taxes: Iterable[TaxAmount] = holder.taxes
    return sum(tax.amount for tax in taxes if tax.inclusive)
