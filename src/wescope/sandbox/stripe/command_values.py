"""How commands read their values: names that are known, values that are needed, the draft of an invoice."""

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any, TypeAlias

from wescope.sandbox.stripe.business import Business
from wescope.sandbox.stripe.currency import USD, check_currency
from wescope.sandbox.stripe.drafts import InvoiceDraft, LineDraft
from wescope.sandbox.stripe.errors import StripeError, unknown_parameter
from wescope.sandbox.stripe.store import Resource

Values: TypeAlias = dict[str, Any]
Command: TypeAlias = Callable[[Business, Values, int], Resource]

LINE_NAMES = (
    "price", "amount", "unit_amount", "quantity", "description", "period", "coupons", "tax_rates", "proration",
    "subscription_item",
)  # fmt: skip
DRAFT_NAMES = (
    "customer", "lines", "subscription", "billing_reason", "days_until_due", "coupons", "shipping",
    "shipping_tax_rates", "description", "metadata", "effective_at", "currency",
)  # fmt: skip


def only(values: Values, *names: str) -> Values:
    """Return ``values`` if it has no other names than ``names``.

    Raises:
        StripeError: 400 ``parameter_unknown``.
    """
    for name in values:
        if name not in names:
            raise unknown_parameter(name)
    return values


def needed(values: Values, name: str) -> Any:
    """Return the value of ``name``.

    Raises:
        StripeError: 400 ``parameter_missing``.
    """
    if name not in values:
        raise StripeError(f"Missing required param: {name}.", code="parameter_missing", param=name)
    return values[name]


def invoice_draft(business: Business, values: Values, at: int) -> InvoiceDraft:
    """Return the draft that ``values`` describe; a line without a price gets a product and price of its own.

    Args:
        business: Where prices are made.
        values: Names of ``DRAFT_NAMES``; others are ignored.
        at: Unix seconds.

    Raises:
        StripeError: 400 when something is missing or unknown.
    """
    options: Values = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in values.items()
        if name in DRAFT_NAMES and name not in {"customer", "lines"}
    }
    options["currency"] = check_currency(values.get("currency", USD))
    lines = tuple(_line(business, line, at, options["currency"]) for line in needed(values, "lines"))
    return InvoiceDraft(customer=needed(values, "customer"), lines=lines, **options)


def _line(business: Business, values: Values, at: int, currency: str) -> LineDraft:
    only(values, *LINE_NAMES)
    options = dict(values)
    unit_amount = str(options.pop("unit_amount", values.get("amount", "0")))
    for name in ("coupons", "tax_rates", "period"):
        if isinstance(options.get(name), list):
            options[name] = tuple(options[name])
    try:
        options["quantity"] = Decimal(str(values.get("quantity", "1")))
        if "price" not in values:
            product = business.catalogue.product(values.get("description") or "Custom", at)
            options["price"] = business.catalogue.price(product, unit_amount, at, currency=currency)["id"]
    except InvalidOperation as error:
        raise StripeError("Invalid decimal in a line.", param="lines") from error
    return LineDraft(**options)
