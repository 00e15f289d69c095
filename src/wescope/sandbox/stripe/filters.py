"""What each list can be filtered by, as the API's specification says, and whether an object passes."""

import operator
from collections.abc import Callable
from typing import Any, TypeAlias

from wescope.sandbox.stripe import parameters
from wescope.sandbox.stripe.errors import StripeError, invalid_parameter, no_such, unknown_parameter
from wescope.sandbox.stripe.store import Resource, Store

Test: TypeAlias = Callable[[Resource], bool]
Filter: TypeAlias = Callable[[Store, str, Any], Test]

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
}
_PAYMENT_KINDS = ("charge", "payment_intent", "payment_record")


def _number(field: str) -> Filter:
    def make(_: Store, name: str, value: Any) -> Test:
        bounds = parameters.time_range(name, value)
        return lambda one: one.get(field) is not None and all(_COMPARE[op](one[field], at) for op, at in bounds)

    return make


_seconds = _number  # Unix seconds


def _equal(field: str) -> Filter:
    def make(_: Store, name: str, value: Any) -> Test:
        wanted = parameters.text(name, value)
        return lambda one: one.get(field) == wanted

    return make


def _one_of(field: str, *allowed: str) -> Filter:
    def make(_: Store, name: str, value: Any) -> Test:
        wanted = parameters.choice(name, value, allowed)
        return lambda one: one.get(field) == wanted

    return make


def _flag(field: str) -> Filter:
    def make(_: Store, name: str, value: Any) -> Test:
        wanted = parameters.boolean(name, value)
        return lambda one: bool(one.get(field)) is wanted

    return make


def _reference(field: str, kind: str) -> Filter:
    """Equality with an id that must exist: Stripe answers 400 ``resource_missing`` otherwise."""

    def make(store: Store, name: str, value: Any) -> Test:
        wanted = parameters.text(name, value)
        if store.get(kind, wanted) is None:
            raise no_such(kind, wanted, param=name, status=400)
        return lambda one: one.get(field) == wanted

    return make


def _among(field: str) -> Filter:
    def make(_: Store, name: str, value: Any) -> Test:
        if not isinstance(value, list):
            raise invalid_parameter(name, "Invalid array")
        return lambda one: one.get(field) in value

    return make


def _subscription(_: Store, name: str, value: Any) -> Test:
    wanted = parameters.text(name, value)

    def test(one: Resource) -> bool:
        details = (one.get("parent") or {}).get("subscription_details") or {}
        return details.get("subscription") == wanted

    return test


def _payment(store: Store, name: str, value: Any) -> Test:
    """``payment[type]`` with the id of that type, which must exist."""
    if not isinstance(value, dict):
        raise invalid_parameter(name, "Invalid object")
    for key in value:
        if key not in {"type", *_PAYMENT_KINDS}:
            raise unknown_parameter(f"{name}[{key}]")
    if "type" not in value:
        raise StripeError(f"Missing required param: {name}[type].", code="parameter_missing", param=f"{name}[type]")
    kind = parameters.choice(f"{name}[type]", value["type"], _PAYMENT_KINDS)
    wanted = value.get(kind)
    if wanted is not None and store.get(kind, wanted) is None:
        raise no_such(kind, wanted, param=f"{name}[{kind}]", status=400)
    return lambda one: one["payment"]["type"] == kind and wanted in {None, one["payment"].get(kind)}


def _event_types(_: Store, name: str, value: Any) -> Test:
    maximum = 20
    if not isinstance(value, list):
        raise invalid_parameter(name, "Invalid array")
    if len(value) > maximum:
        raise invalid_parameter(name, f"You can specify at most {maximum} types.")
    return lambda one: _type_matches(one["type"], value)


def _event_type(_: Store, name: str, value: Any) -> Test:
    wanted = parameters.text(name, value)
    return lambda one: _type_matches(one["type"], [wanted])


def _type_matches(kind: str, patterns: list[str]) -> bool:
    return any(kind == one or (one.endswith("*") and kind.startswith(one[:-1])) for one in patterns)


def _delivery_success(_: Store, name: str, value: Any) -> Test:
    wanted = parameters.boolean(name, value)
    return lambda one: (one["pending_webhooks"] == 0) is wanted


def _recurring(_: Store, name: str, value: Any) -> Test:
    if not isinstance(value, dict):
        raise invalid_parameter(name, "Invalid object")
    for key in value:
        if key not in {"interval", "meter", "usage_type"}:
            raise unknown_parameter(f"{name}[{key}]")
    return lambda one: all((one.get("recurring") or {}).get(key) == wanted for key, wanted in value.items())


def _source(_: Store, name: str, value: Any) -> Test:
    """Only the transactions of one source; an unknown id gives an empty list."""
    wanted = parameters.text(name, value)
    return lambda one: one.get("source") == wanted


def _payout(store: Store, name: str, value: Any) -> Test:
    """The rows of an automatic payout with its own; they can be listed when it is reconciled (facts/stripe.md 2.8)."""
    wanted = parameters.text(name, value)
    payout = store.get("payout", wanted)
    if payout is None:
        raise no_such("payout", wanted, param=name, status=400)
    if not payout["automatic"]:
        raise StripeError("Balance transaction history can only be filtered on automatic transfers, not manual.")
    if payout["reconciliation_status"] != "completed":
        return lambda _: False
    return lambda one: wanted in {store.paid_out.get(one["id"]), one.get("payout")}


_CREATED = {"created": _seconds("created")}
_CUSTOMER = {"customer": _reference("customer", "customer"), "customer_account": _equal("customer_account")}
_ACTIVE = {"active": _flag("active")}
_OF_CHARGE = {
    "charge": _reference("charge", "charge"),
    "payment_intent": _reference("payment_intent", "payment_intent"),
}

FILTERS: dict[str, dict[str, Filter]] = {
    "balance_transaction": {
        **_CREATED,
        "currency": _equal("currency"),
        "payout": _payout,
        "source": _source,
        "type": _equal("type"),
    },
    "charge": {
        **_CREATED,
        "customer": _CUSTOMER["customer"],
        "payment_intent": _reference("payment_intent", "payment_intent"),
        "transfer_group": _equal("transfer_group"),
    },
    "coupon": {**_CREATED},
    "credit_note": {**_CREATED, **_CUSTOMER, "invoice": _reference("invoice", "invoice")},
    "credit_note_line_item": {},
    "customer_balance_transaction": {**_CREATED, "invoice": _reference("invoice", "invoice")},
    "customer": {**_CREATED, "email": _equal("email"), "test_clock": _equal("test_clock")},
    "dispute": {**_CREATED, **_OF_CHARGE},
    "event": {**_CREATED, "delivery_success": _delivery_success, "type": _event_type, "types": _event_types},
    "invoice": {
        **_CREATED,
        **_CUSTOMER,
        "collection_method": _one_of("collection_method", "charge_automatically", "send_invoice"),
        "due_date": _seconds("due_date"),
        "status": _one_of("status", "draft", "open", "paid", "uncollectible", "void"),
        "subscription": _subscription,
    },
    "invoice_payment": {
        **_CREATED,
        "invoice": _reference("invoice", "invoice"),
        "payment": _payment,
        "status": _one_of("status", "canceled", "open", "paid"),
    },
    "line_item": {},
    "payment_intent": {**_CREATED, **_CUSTOMER},
    "payout": {
        **_CREATED,
        "arrival_date": _seconds("arrival_date"),
        "destination": _equal("destination"),
        "status": _one_of("status", "canceled", "failed", "in_transit", "paid", "pending"),
    },
    "price": {
        **_CREATED,
        **_ACTIVE,
        "currency": _equal("currency"),
        "lookup_keys": _among("lookup_key"),
        "product": _reference("product", "product"),
        "recurring": _recurring,
        "type": _one_of("type", "one_time", "recurring"),
    },
    "product": {
        **_CREATED,
        **_ACTIVE,
        "ids": _among("id"),
        "shippable": _flag("shippable"),
        "url": _equal("url"),
    },
    "refund": {**_CREATED, **_OF_CHARGE},
    "tax_rate": {**_CREATED, **_ACTIVE, "inclusive": _flag("inclusive")},
    "topup": {
        **_CREATED,
        "amount": _number("amount"),
        "status": _one_of("status", "canceled", "failed", "pending", "succeeded"),
    },
    "webhook_endpoint": {},
}


def tests_for(kind: str, store: Store, values: dict[str, Any]) -> list[Test]:
    """Return the tests that the filters in ``values`` ask for; other parameters are ignored.

    Raises:
        StripeError: 400 when a value is wrong.
    """
    known = FILTERS[kind]
    return [known[name](store, name, value) for name, value in values.items() if name in known]
