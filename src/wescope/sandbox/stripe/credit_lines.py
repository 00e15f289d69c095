"""The lines of a credit note and what they come to (facts/stripe.md 2.5)."""

import copy
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from wescope.sandbox.stripe.account import Account
from wescope.sandbox.stripe.arithmetic import half_up, line_taxes
from wescope.sandbox.stripe.catalogue import Catalogue
from wescope.sandbox.stripe.errors import StripeError, no_such
from wescope.sandbox.stripe.lines import tax_body
from wescope.sandbox.stripe.store import Resource

AGGREGATED = ("amount", "taxable_amount")


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditLine:
    """A line to put on a credit note.

    Attributes:
        invoice_line_item: Id of the invoice's line to credit, of ``quantity`` or ``amount``; None for a custom line.
        quantity: Units of the invoice's line; of a custom line those that ``amount`` is divided into.
        amount: Minor units before discounts and exclusive tax.
        description: Of a custom line.
        tax_rates: Ids, of a custom line.
    """

    invoice_line_item: str | None = None
    quantity: int | None = None
    amount: int | None = None
    description: str | None = None
    tax_rates: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditTotals:
    """Lines of a credit note as Stripe shows them, and their amounts under the names of its fields."""

    lines: list[Resource]
    amounts: Resource

    @property
    def total(self) -> int:
        """What is credited, tax included."""
        return int(self.amounts["total"])


class CreditLineMaker:
    """Makes the lines of credit notes: of an invoice's line the share of its discounts and taxes."""

    def __init__(self, account: Account, catalogue: Catalogue) -> None:
        self._account = account
        self._store = account.store
        self._catalogue = catalogue

    def price(self, invoice: Resource, lines: Iterable[CreditLine], at: int, *, shipping: bool) -> CreditTotals:
        """Return the lines and their totals.

        Args:
            invoice: What is credited.
            lines: In the credit note's order.
            at: Unix seconds.
            shipping: Credit the invoice's shipping, too.

        Raises:
            StripeError: 400 when a line does not exist or has less left to credit.
        """
        bodies: list[Resource] = []
        net_of_tax = 0
        for line in lines:
            is_custom = line.invoice_line_item is None
            own = self._custom(line, at) if is_custom else self._invoiced(invoice, line, bodies, at)
            bodies.append(own)
            net_of_tax += self._before_invoice_discount(invoice, own)
        cost = invoice["shipping_cost"] if shipping else None
        if shipping and cost is None:
            raise StripeError("The invoice has no shipping cost to credit.", param="shipping_cost")
        return CreditTotals(lines=bodies, amounts=self._totals(invoice, bodies, cost, net_of_tax))

    def lump(self, amount: int, at: int) -> CreditTotals:
        """Return one custom line without tax over ``amount`` minor units."""
        body = self._custom(CreditLine(amount=amount), at)
        return CreditTotals(lines=[body], amounts=self._totals({"discounts": []}, [body], None, amount))

    def _invoiced(self, invoice: Resource, line: CreditLine, before: list[Resource], at: int) -> Resource:
        wanted = str(line.invoice_line_item)
        source = next((one for one in self._store.lines[invoice["id"]] if one["id"] == wanted), None)
        if source is None:
            raise no_such("invoice line item", wanted, param="lines", status=400)
        earlier = sum(one["amount"] for one in [*self._credited(invoice), *before] if _credits(one, wanted))
        amount = _amount(source, line)
        part = _share(source["amount"], earlier, amount)
        unit = source["pricing"]["unit_amount_decimal"] if line.quantity else None
        discounts = [one | {"amount": part(one["amount"])} for one in source["discount_amounts"]]
        taxes = [one | {name: part(one[name]) for name in AGGREGATED} for one in source["taxes"]]
        return self._body(
            at,
            amount=amount,
            description=source["description"],
            discounts=discounts,
            quantity=line.quantity or 1,
            taxes=taxes,
            unit_amount=unit,
        ) | {"invoice_line_item": wanted, "type": "invoice_line_item"}

    def _custom(self, line: CreditLine, at: int) -> Resource:
        if line.amount is None or line.amount <= 0:
            raise StripeError("A custom line item needs a positive `amount`.", param="lines")
        quantity = line.quantity or 1
        taxes = line_taxes(line.amount, tuple(self._catalogue.rate(rate) for rate in line.tax_rates))
        return self._body(
            at,
            amount=line.amount,
            description=line.description,
            discounts=[],
            quantity=quantity,
            taxes=[tax_body(tax) for tax in taxes],
            unit_amount=f"{(Decimal(line.amount) / quantity).normalize():f}",
        )

    def _body(
        self,
        at: int,
        *,
        amount: int,
        description: str | None,
        discounts: list[Resource],
        quantity: int,
        taxes: list[Resource],
        unit_amount: str | None,
    ) -> Resource:
        rates = (self._store.get("tax_rate", tax["tax_rate_details"]["tax_rate"]) for tax in taxes)
        whole = unit_amount is not None and Decimal(unit_amount) == int(Decimal(unit_amount))
        return {
            "id": self._account.ids.dated("cnli_1", at),
            "object": "credit_note_line_item",
            "amount": amount,
            "description": description,
            "discount_amount": sum(one["amount"] for one in discounts),
            "discount_amounts": discounts,
            "livemode": False,
            "metadata": {},
            "pretax_credit_amounts": [one | {"type": "discount"} for one in discounts],
            "quantity": quantity,
            "tax_rates": [copy.deepcopy(rate) for rate in rates if rate is not None],
            "taxes": taxes,
            "type": "custom_line_item",
            "unit_amount": int(Decimal(unit_amount)) if whole and unit_amount is not None else None,
            "unit_amount_decimal": unit_amount,
        }

    def _credited(self, invoice: Resource) -> list[Resource]:
        """Return the lines of the invoice's credit notes that are not void."""
        return [
            line
            for note in self._store.credit_notes_of(invoice["id"])
            if note["status"] == "issued"
            for line in self._store.lines[note["id"]]
        ]

    def _before_invoice_discount(self, invoice: Resource, line: Resource) -> int:
        """Return a line's amount after its own discounts and without inclusive tax, as in the subtotal."""
        net = int(line["amount"]) - _own_discount(invoice, line)
        rates = tuple(self._catalogue.rate(rate["id"]) for rate in line["tax_rates"])
        return net - sum(tax.amount for tax in line_taxes(net, rates) if tax.rate.inclusive)

    def _totals(self, invoice: Resource, lines: list[Resource], cost: Resource | None, net_of_tax: int) -> Resource:
        subtotal = sum(line["amount"] - _own_discount(invoice, line) for line in lines)
        net = sum(line["amount"] - line["discount_amount"] for line in lines)
        discounts = _aggregate((one for line in lines for one in line["discount_amounts"]), lambda one: one["discount"])
        taxes = _aggregate(
            (one for line in lines for one in line["taxes"]), lambda one: one["tax_rate_details"]["tax_rate"]
        )
        exclusive = sum(tax["amount"] for tax in taxes if tax["tax_behavior"] == "exclusive")
        inclusive = sum(tax["amount"] for tax in taxes if tax["tax_behavior"] == "inclusive")
        shipping = cost or {"amount_subtotal": 0, "amount_total": 0}
        total = net + exclusive + shipping["amount_total"]
        return {
            "amount": total,
            "amount_shipping": shipping["amount_subtotal"],
            "discount_amount": sum(one["amount"] for one in discounts),
            "discount_amounts": discounts,
            "pretax_credit_amounts": [one | {"type": "discount"} for one in discounts],
            "shipping_cost": None if cost is None else dict(cost),
            "subtotal": subtotal,
            "subtotal_excluding_tax": net_of_tax,
            "total": total,
            "total_excluding_tax": net - inclusive + shipping["amount_subtotal"],
            "total_taxes": taxes,
        }


def _credits(line: Resource, invoice_line: str) -> bool:
    return line.get("invoice_line_item") == invoice_line


def _amount(source: Resource, line: CreditLine) -> int:
    """Return what is credited of an invoice's line: the amount, or the part that a quantity is of the whole."""
    if (line.amount is None) == (line.quantity is None):
        raise StripeError("A credit note line item needs either `quantity` or `amount`.", param="lines")
    if line.amount is not None:
        return line.amount
    whole = Fraction(Decimal(source["quantity_decimal"]))
    if not whole:
        raise StripeError("The quantity of this invoice line item is zero.", param="lines")
    return half_up(Fraction(source["amount"]) * Fraction(line.quantity or 0) / whole)


def _share(whole: int, earlier: int, amount: int) -> Callable[[int], int]:
    """Return a function that gives the share of a discount or tax of a line for crediting ``amount`` of ``whole``.

    Shares are rounded over all that was credited, so that the last credit note takes the odd cents.

    Raises:
        StripeError: 400 when less than ``amount`` is left of ``whole`` after ``earlier``.
    """
    sign = -1 if whole < 0 else 1
    if not 0 < amount * sign <= (whole - earlier) * sign:
        raise StripeError(
            f"The amount {amount} is not within the {whole - earlier} that can still be credited of this line item.",
            param="lines",
        )

    def part(value: int) -> int:
        return half_up(Fraction(value * (earlier + amount), whole)) - half_up(Fraction(value * earlier, whole))

    return part


def _own_discount(invoice: Resource, line: Resource) -> int:
    """Return the discounts of the line itself, without those of the whole invoice."""
    return sum(one["amount"] for one in line["discount_amounts"] if one["discount"] not in invoice["discounts"])


def _aggregate(parts: Iterable[Resource], key: Callable[[Resource], str]) -> list[Resource]:
    whole: dict[str, Resource] = {}
    for part in parts:
        known = whole.get(key(part))
        added = {name: part[name] + (known[name] if known else 0) for name in AGGREGATED if name in part}
        whole[key(part)] = part | added
    return list(whole.values())
