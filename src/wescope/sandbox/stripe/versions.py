"""Older renderings of an object, for event payloads and requests that pin an old API version.

Before 2025-03-31.basil the invoice named its payment intent and charge, and the charge its invoice (facts/stripe.md 1).
"""

import copy
import re
from typing import Any

from wescope.sandbox.stripe.store import Resource, Store

LATEST = "2026-10-28.endive"
BASIL = "2025-03-31"
_VERSION = re.compile(r"\d{4}-\d{2}-\d{2}(\.[a-z]+)?")

_INVOICE_SINCE_BASIL = (
    "amount_overpaid", "amount_paid_off_stripe", "confirmation_secret", "customer_account", "parent", "payments",
    "status_details", "total_pretax_credit_amounts", "total_taxes",
)  # fmt: skip
_LINE_SINCE_BASIL = ("parent", "pretax_credit_amounts", "pricing", "quantity_decimal", "subtotal", "taxes")


def is_version(text: str) -> bool:
    """Say whether ``text`` looks like one of Stripe's API versions."""
    return _VERSION.fullmatch(text) is not None


def is_legacy(version: str) -> bool:
    """Say whether a version is older than 2025-03-31.basil."""
    return version[:10] < BASIL


def legacy_links(store: Store, resource: Resource) -> Resource:
    """Return what an old rendering of ``resource`` says about its payment as of now.

    Returns:
        For an invoice ``payment_intent``, ``charge`` and ``paid_out_of_band``; for a charge or payment intent
        ``invoice``; nothing for others.
    """
    kind = resource.get("object")
    if kind == "invoice":
        return _invoice_links(store, resource)
    if kind in {"charge", "payment_intent"}:
        intent = resource["id"] if kind == "payment_intent" else resource.get("payment_intent")
        payments = store.payments_by("payment_intent", str(intent))
        return {"invoice": payments[-1]["invoice"] if payments else None}
    return {}


def render_version(store: Store, body: Resource, links: Resource, version: str) -> Resource:
    """Return a rendered object as ``version`` shows it.

    Args:
        store: To look prices and discounts up.
        body: The newest rendering, unexpanded.
        links: From ``legacy_links``, at the moment to show.
        version: An API version.
    """
    if not is_legacy(version) or _is_legacy_already(body):
        return body
    old = copy.deepcopy(body)
    if old.get("object") == "invoice":
        return _legacy_invoice(store, old, links)
    if old.get("object") == "line_item":
        return _legacy_line(store, old)
    if old.get("object") == "charge":
        return old | links | {"refunds": _empty_list(f"/v1/charges/{old['id']}/refunds")}
    if old.get("object") == "payment_intent":
        return old | links | {"charges": _empty_list(f"/v1/charges?payment_intent={old['id']}")}
    return old


def _is_legacy_already(body: Resource) -> bool:
    """Say whether an object was recorded in an old version: then it is shown as it was recorded."""
    names = {"invoice": "paid", "charge": "invoice", "payment_intent": "charges", "line_item": "type"}
    return names.get(str(body.get("object")), "") in body


def _empty_list(url: str) -> Resource:
    return {"object": "list", "data": [], "has_more": False, "total_count": 0, "url": url}


def _invoice_links(store: Store, invoice: Resource) -> Resource:
    intents = [one["payment"].get("payment_intent") for one in store.payments_of(invoice["id"])[::-1]]
    known = [store.get("payment_intent", one) for one in intents if one]
    paid = [one for one in known if one and one["status"] == "succeeded"]
    intent = next(iter(paid or [one for one in known if one]), None)
    return {
        "payment_intent": intent["id"] if intent else None,
        "charge": intent["latest_charge"] if intent else None,
        "paid_out_of_band": invoice["status"] == "paid" and invoice.get("amount_paid_off_stripe", 0) > 0,
    }


def _legacy_invoice(store: Store, invoice: Resource, links: Resource) -> Resource:
    taxes = invoice.get("total_taxes") or []
    subscription = ((invoice.get("parent") or {}).get("subscription_details") or {}).get("subscription")
    discounts = [_discount(store, one) for one in invoice.get("discounts") or []]
    lines = invoice["lines"] | {"data": [_legacy_line(store, one) for one in invoice["lines"]["data"]]}
    for name in _INVOICE_SINCE_BASIL:
        invoice.pop(name, None)
    return (
        invoice
        | links
        | {
            "application_fee_amount": None,
            "discount": discounts[0] if discounts else None,
            "lines": lines,
            "paid": invoice["status"] == "paid",
            "quote": None,
            "subscription": subscription,
            "tax": sum(tax["amount"] for tax in taxes) if taxes else None,
            "total_tax_amounts": [_legacy_tax(tax) for tax in taxes],
            "transfer_data": None,
        }
    )


def _legacy_tax(tax: Resource) -> Resource:
    return {
        "amount": tax["amount"],
        "inclusive": tax["tax_behavior"] == "inclusive",
        "tax_rate": tax["tax_rate_details"]["tax_rate"],
        "taxability_reason": tax["taxability_reason"],
        "taxable_amount": tax["taxable_amount"],
    }


def _legacy_line(store: Store, line: Resource) -> Resource:
    parent = line.get("parent") or {}
    details = parent.get("subscription_item_details") or parent.get("invoice_item_details") or {}
    taxes = line.get("taxes") or []
    price_id = (((line.get("pricing") or {}).get("price_details")) or {}).get("price")
    rates = [store.get("tax_rate", tax["tax_rate_details"]["tax_rate"]) for tax in taxes]
    for name in _LINE_SINCE_BASIL:
        line.pop(name, None)
    is_subscription = parent.get("type") == "subscription_item_details"
    old: dict[str, Any] = {
        "amount_excluding_tax": line["amount"] - sum(t["amount"] for t in taxes if t["tax_behavior"] == "inclusive"),
        "plan": None,
        "price": copy.deepcopy(store.get("price", price_id)) if price_id else None,
        "proration": bool(details.get("proration")),
        "proration_details": details.get("proration_details") or {"credited_items": None},
        "subscription": details.get("subscription"),
        "tax_amounts": [_legacy_tax(tax) for tax in taxes],
        "tax_rates": [copy.deepcopy(rate) for rate in rates if rate],
        "type": "subscription" if is_subscription else "invoiceitem",
    }
    owner = {"subscription_item": details.get("subscription_item")} if is_subscription else {}
    item = {"invoice_item": details["invoice_item"]} if details.get("invoice_item") else {}
    return line | old | owner | item


def _discount(store: Store, discount_id: str) -> Resource | None:
    discount = store.get("discount", discount_id)
    if discount is None:
        return None
    old = copy.deepcopy(discount)
    coupon = old.pop("source")["coupon"]
    return old | {"coupon": copy.deepcopy(store.get("coupon", coupon))}
