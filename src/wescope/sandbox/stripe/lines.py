"""The lines of an invoice as Stripe shows them."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from wescope.sandbox.stripe.account import Account
from wescope.sandbox.stripe.arithmetic import Line, PricedLine, Tax, price_amount
from wescope.sandbox.stripe.catalogue import Catalogue
from wescope.sandbox.stripe.drafts import InvoiceDraft, LineDraft
from wescope.sandbox.stripe.errors import StripeError
from wescope.sandbox.stripe.store import Resource


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedLine:
    """A line whose price, discounts and rates were found: ready for the arithmetic (``priced``) and the body."""

    draft: LineDraft
    price: Resource
    priced: Line


class LineMaker:
    """Makes line items."""

    def __init__(self, account: Account, catalogue: Catalogue) -> None:
        self._account = account
        self._catalogue = catalogue

    def prepare(self, line: LineDraft, invoice: InvoiceDraft, at: int) -> PreparedLine:
        """Look up what a line refers to and compute its amount.

        Raises:
            StripeError: 400 when it names something that does not exist, or that is in another currency.
        """
        price = self._catalogue.find_price(line.price)
        if price["currency"] != invoice.currency:
            raise StripeError(
                f"The price specified only supports `{price['currency']}`. This doesn't match the expected currency: "
                f"`{invoice.currency}`.",
                param="price",
            )
        amount = line.amount
        if amount is None:
            amount = price_amount(Decimal(price["unit_amount_decimal"]), line.quantity)
        priced = Line(
            amount=amount,
            discountable=not line.proration,
            discounts=tuple(
                self._catalogue.redeem(coupon, invoice.customer, at, currency=invoice.currency)
                for coupon in line.coupons
            ),
            rates=tuple(self._catalogue.rate(rate) for rate in line.tax_rates),
        )
        return PreparedLine(draft=line, price=price, priced=priced)

    def body(self, line: PreparedLine, priced: PricedLine, invoice_id: str, invoice: InvoiceDraft, at: int) -> Resource:
        """Return the line item, at first without knowing whether the invoice will be paid."""
        draft = line.draft
        start, end = draft.period or (at, at)
        lump = draft.amount is not None and not draft.proration
        unit_amount = str(draft.amount) if lump else line.price["unit_amount_decimal"]
        return {
            "id": self._account.ids.dated("il_1", at),
            "object": "line_item",
            "amount": priced.amount,
            "currency": invoice.currency,
            "description": draft.description,
            "discount_amounts": discount_amounts(priced.discounts),
            "discountable": line.priced.discountable,
            "discounts": [discount.discount_id for discount in line.priced.discounts],
            "invoice": invoice_id,
            "livemode": False,
            "metadata": {},
            "parent": self._parent(draft, invoice, at),
            "period": {"end": end, "start": start},
            "pretax_credit_amounts": pretax_credits(priced.discounts),
            "pricing": {
                "price_details": {"price": line.price["id"], "product": line.price["product"]},
                "type": "price_details",
                "unit_amount_decimal": None if draft.proration else unit_amount,
            },
            "quantity": int(draft.quantity),
            "quantity_decimal": f"{draft.quantity.normalize():f}",
            "subtotal": priced.amount,
            "taxes": [tax_body(tax) for tax in priced.taxes],
        }

    def _parent(self, line: LineDraft, invoice: InvoiceDraft, at: int) -> Resource:
        credited = None
        if line.credits is not None:
            credited = {"invoice": line.credits[0], "invoice_line_items": list(line.credits[1])}
        details = {"proration": line.proration, "proration_details": {"credited_items": credited}}
        if line.subscription_item is None:
            item = {"invoice_item": self._account.ids.dated("ii_1", at), "subscription": None}
            return {
                "invoice_item_details": item | details,
                "subscription_item_details": None,
                "type": "invoice_item_details",
            }
        owner = {
            "invoice_item": None,
            "subscription": invoice.subscription,
            "subscription_item": line.subscription_item,
        }
        return {
            "invoice_item_details": None,
            "subscription_item_details": owner | details,
            "type": "subscription_item_details",
        }


def discount_amounts(discounts: Iterable[tuple[str, int]]) -> list[Resource]:
    """Return Stripe's ``discount_amounts`` for pairs of discount id and amount."""
    return [{"amount": amount, "discount": discount_id} for discount_id, amount in discounts]


def pretax_credits(discounts: Iterable[tuple[str, int]]) -> list[Resource]:
    """Return Stripe's ``pretax_credit_amounts`` for pairs of discount id and amount."""
    return [{"amount": amount, "discount": discount_id, "type": "discount"} for discount_id, amount in discounts]


def tax_body(tax: Tax) -> Resource:
    """Return an entry of ``taxes`` or ``total_taxes``."""
    return {
        "amount": tax.amount,
        "tax_behavior": "inclusive" if tax.rate.inclusive else "exclusive",
        "tax_rate_details": {"tax_rate": tax.rate.rate_id},
        "taxability_reason": "standard_rated",
        "taxable_amount": tax.taxable_amount,
        "type": "tax_rate_details",
    }
