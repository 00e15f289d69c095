"""Which properties of which object can be expanded, and the expansion itself."""

import copy
from collections.abc import Callable
from typing import Any

from wescope.sandbox.stripe.errors import StripeError
from wescope.sandbox.stripe.store import Resource

MAXIMUM_DEPTH = 4

# Properties that hold an id and give the object when expanded (the spec's x-expansionResources; a test compares).
REFERENCES: dict[str, frozenset[str]] = {
    "account": frozenset({"settings.branding.icon", "settings.branding.logo"}),
    "balance_transaction": frozenset({"source"}),
    "charge": frozenset({
        "application", "application_fee", "balance_transaction", "customer", "failure_balance_transaction",
        "on_behalf_of", "outcome.rule", "payment_intent", "review", "source_transfer", "transfer",
        "transfer_data.destination",
    }),
    "credit_note": frozenset({
        "customer", "customer_balance_transaction", "discount_amounts.discount", "invoice",
        "pretax_credit_amounts.credit_balance_transaction", "pretax_credit_amounts.discount", "refunds.refund",
        "shipping_cost.shipping_rate", "total_taxes.tax_rate_details.tax_rate",
    }),
    "credit_note_line_item": frozenset({
        "discount_amounts.discount", "pretax_credit_amounts.credit_balance_transaction",
        "pretax_credit_amounts.discount", "taxes.tax_rate_details.tax_rate",
    }),
    "customer_balance_transaction": frozenset({"checkout_session", "credit_note", "customer", "invoice"}),
    "customer": frozenset({"default_source", "invoice_settings.default_payment_method", "test_clock"}),
    "discount": frozenset({"customer", "promotion_code", "source.coupon"}),
    "invoice": frozenset({
        "account_tax_ids", "application", "automatic_tax.liability.account", "customer", "default_payment_method",
        "default_source", "discounts", "from_invoice.invoice", "issuer.account", "latest_revision", "on_behalf_of",
        "parent.subscription_details.subscription", "shipping_cost.shipping_rate", "test_clock",
        "total_discount_amounts.discount", "total_pretax_credit_amounts.credit_balance_transaction",
        "total_pretax_credit_amounts.discount", "total_taxes.tax_rate_details.tax_rate",
    }),
    "dispute": frozenset({
        "charge", "evidence.cancellation_policy", "evidence.customer_communication", "evidence.customer_signature",
        "evidence.duplicate_charge_documentation", "evidence.receipt", "evidence.refund_policy",
        "evidence.service_documentation", "evidence.shipping_documentation", "evidence.uncategorized_file",
        "payment_intent",
    }),
    "invoice_payment": frozenset({"invoice", "payment.charge", "payment.payment_intent", "payment.payment_record"}),
    "line_item": frozenset({
        "discount_amounts.discount", "discounts", "pretax_credit_amounts.credit_balance_transaction",
        "pretax_credit_amounts.discount", "pricing.price_details.price", "subscription",
        "taxes.tax_rate_details.tax_rate",
    }),
    "payment_intent": frozenset({
        "application", "customer", "latest_charge", "on_behalf_of", "payment_method", "review",
        "transfer_data.destination",
    }),
    "payout": frozenset({
        "application_fee", "balance_transaction", "destination", "failure_balance_transaction", "original_payout",
        "reversed_by",
    }),
    "price": frozenset({"product"}),
    "product": frozenset({"default_price", "tax_code"}),
    "refund": frozenset({
        "balance_transaction", "charge", "customer", "failure_balance_transaction", "payment_intent", "payment_method",
        "source_transfer_reversal", "transfer_reversal",
    }),
    "topup": frozenset({"balance_transaction", "payment_method"}),
}  # fmt: skip

# Properties that are absent, or a list, and that may be named in expand[].
INCLUDABLE: dict[str, frozenset[str]] = {
    "charge": frozenset({"refunds"}),
    "credit_note": frozenset({"lines", "shipping_cost.taxes"}),
    "customer": frozenset({"sources", "subscriptions", "tax_ids", "tax", "invoice_credit_balance", "cash_balance"}),
    "invoice": frozenset({"confirmation_secret", "lines", "payments", "shipping_cost.taxes", "threshold_reason"}),
    "payment_intent": frozenset({"amount_details.line_items"}),
    "price": frozenset({"currency_options", "tiers"}),
}

# What a balance transaction's source can be.
SOURCES = ("charge", "dispute", "payout", "refund", "topup")

Lookup = Callable[[str], Resource | None]
Include = Callable[[Resource, str], None]


class Expander:
    """Expands properties of rendered objects in place.

    Args:
        lookup: Gives the rendered object of an id, or None when the account does not have it.
        include: Fills an includable property of a rendered object.
    """

    def __init__(self, *, lookup: Lookup, include: Include) -> None:
        self._lookup = lookup
        self._include = include

    def expand(self, body: Resource, paths: list[str]) -> None:
        """Expand each dotted path in ``body``.

        Raises:
            StripeError: 400 when a path is too deep or names what cannot be expanded.
        """
        for index, path in enumerate(paths):
            parts = path.split(".")
            if len(parts) > MAXIMUM_DEPTH:
                raise StripeError(f"You cannot expand more than {MAXIMUM_DEPTH} levels of a property ({path}).")
            _Walk(expander=self, path=path, param=f"expand[{index}]").walk(body, parts)

    def reference(self, value: Any) -> Any:
        """Return the object for an id; what is unknown or already an object stays as it is."""
        if not isinstance(value, str):
            return value
        found = self._lookup(value)
        return value if found is None else found

    def include(self, owner: Resource, name: str) -> None:
        """Fill the includable property ``name`` of ``owner``."""
        self._include(owner, name)


class _Walk:
    """One path on its way through a body."""

    def __init__(self, *, expander: Expander, path: str, param: str) -> None:
        self._expander = expander
        self._path = path
        self._param = param

    def walk(self, owner: Resource, parts: list[str]) -> None:
        """Expand ``parts`` below ``owner``, which is a list or an object of Stripe's."""
        if owner.get("object") == "list":
            if parts[0] != "data":
                raise self._refused(hint=f"data.{self._path}")
            for one in owner["data"] if len(parts) > 1 else []:
                self.walk(one, parts[1:])
            return
        kind = str(owner.get("object"))
        for length in range(1, len(parts) + 1):
            name, rest = ".".join(parts[:length]), parts[length:]
            if name in INCLUDABLE.get(kind, ()):
                self._included(owner, name, parts[:length], rest)
                return
            if name in REFERENCES.get(kind, ()):
                self._referenced(owner, parts[:length], rest)
                return
        raise self._refused()

    def _included(self, owner: Resource, name: str, own: list[str], rest: list[str]) -> None:
        self._expander.include(owner, name)
        value: Any = owner
        for part in own:
            value = (value or {}).get(part)
        if rest and isinstance(value, dict):
            self.walk(value, rest)

    def _referenced(self, holder: Any, own: list[str], rest: list[str]) -> None:
        if isinstance(holder, list):
            for one in holder:
                self._referenced(one, own, rest)
        elif isinstance(holder, dict) and len(own) > 1:
            self._referenced(holder.get(own[0]), own[1:], rest)
        elif isinstance(holder, dict) and own[0] in holder:
            holder[own[0]] = self._expanded(holder[own[0]], rest)

    def _expanded(self, value: Any, rest: list[str]) -> Any:
        if isinstance(value, list):
            return [self._expanded(one, rest) for one in value]
        found = self._expander.reference(value)
        if rest and isinstance(found, dict) and not _is_of_another(str(found.get("object")), rest):
            self.walk(found, rest)
        return found

    def _refused(self, hint: str = "") -> StripeError:
        advice = f" You may want to try expanding '{hint}' instead." if hint else ""
        return StripeError(f"This property cannot be expanded ({self._path}).{advice}", param=self._param)


def _is_expandable(kind: str, parts: list[str]) -> bool:
    names = {".".join(parts[:length]) for length in range(1, len(parts) + 1)}
    return bool(names & (REFERENCES.get(kind, frozenset()) | INCLUDABLE.get(kind, frozenset())))


def _is_of_another(kind: str, parts: list[str]) -> bool:
    """Say whether a path does not fit a source of this kind but fits one of another: in a mixed list that is right."""
    if kind not in SOURCES or _is_expandable(kind, parts):
        return False
    return any(_is_expandable(other, parts) for other in SOURCES)


def collapse(resource: Resource) -> tuple[Resource, list[Resource]]:
    """Undo expansions: an object as recorded becomes one with ids, and the objects that were inside it.

    Returns:
        The object, and the objects found in its expandable places, each collapsed itself.
    """
    flat = copy.deepcopy(resource)
    found: list[Resource] = []
    for path in REFERENCES.get(str(flat.get("object")), ()):
        _collapse(flat, path.split("."), found)
    inner: list[Resource] = []
    for one in found:
        own, deeper = collapse(one)
        inner += [own, *deeper]
    return flat, inner


def _collapse(holder: Any, parts: list[str], found: list[Resource]) -> None:
    if isinstance(holder, list):
        for one in holder:
            _collapse(one, parts, found)
    elif isinstance(holder, dict) and len(parts) > 1:
        _collapse(holder.get(parts[0]), parts[1:], found)
    elif isinstance(holder, dict) and parts[0] in holder:
        holder[parts[0]] = _collapsed(holder[parts[0]], found)


def _collapsed(value: Any, found: list[Resource]) -> Any:
    if isinstance(value, list):
        return [_collapsed(one, found) for one in value]
    if isinstance(value, dict) and "id" in value and "object" in value:
        found.append(value)
        return value["id"]
    return value
