"""Recorded answers of Stripe as one account: each object once and flat, and what a recording lacks derived from it."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from tests.unit.stripe.shared_data import STRIPE_DATA

EVENTS = STRIPE_DATA / "events"
ANSWERS = EVENTS / "pay-rails-recorded"
REFERENCE_LENGTH = 25
"""A payment intent's `order_reference` is the invoice's id, cut to so many characters (facts/stripe.md 1)."""

SERVED = ("customer", "invoice", "payment_intent", "charge", "balance_transaction", "refund")

Json = dict[str, Any]


@dataclass(frozen=True)
class Recording:
    """One recorded object, without expansions, and the API version in which it was recorded."""

    body: Json
    version: str


@dataclass
class Account:
    """All recorded objects that belong together, with those that were derived because no recording has them."""

    recorded: dict[str, Recording] = field(default_factory=dict)
    derived: dict[str, Json] = field(default_factory=dict)

    def of_kind(self, kind: str) -> list[Recording]:
        return [one for one in self.recorded.values() if one.body["object"] == kind]

    def everything(self) -> list[Json]:
        return [*(one.body for one in self.recorded.values()), *self.derived.values()]

    @cached_property
    def payments(self) -> dict[str, str]:
        """The payment intent of each recorded invoice that has one, recorded or named in the invoice."""
        by_reference = {
            (intent.body.get("payment_details") or {}).get("order_reference"): intent.body["id"]
            for intent in self.of_kind("payment_intent")
            if intent.body["status"] == "succeeded"
        }
        found = {}
        for invoice in self.of_kind("invoice"):
            named = invoice.body.get("payment_intent")
            if intent := named or by_reference.get(invoice.body["id"][:REFERENCE_LENGTH]):
                found[invoice.body["id"]] = str(intent)
        return found

    def charge_of(self, intent: str) -> Json:
        return next(one for one in self.everything() if one["object"] == "charge" and one["payment_intent"] == intent)

    def row_of(self, moved: Json) -> Json:
        return next(one for one in self.everything() if one["id"] == moved["balance_transaction"])

    @property
    def sales(self) -> list[Json]:
        """Charges whose payment intent pays no recorded invoice: to Stripe they are sales of their own."""
        charges = [one for one in self.everything() if one["object"] == "charge"]
        return [one for one in charges if one["payment_intent"] not in self.payments.values()]


def load_account() -> Account:
    """Everything under `pay-rails-recorded`, all versions, made complete where it can be."""
    account = Account()
    for path in sorted(ANSWERS.rglob("*.json")):
        for body in objects_in(json.loads(path.read_text())):
            _keep(account, Recording(body=flat(body), version=path.parent.name))
    _complete(account)
    return account


def objects_in(value: Any) -> Iterator[Json]:
    """Every object of the kinds that are served, also those inside others, the outer ones first."""
    if isinstance(value, dict):
        if value.get("object") in SERVED:
            yield value
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from objects_in(item)


def flat(body: Mapping[str, Any]) -> Json:
    """The object with the ids of what is expanded in it."""
    expanded = {name: value["id"] for name, value in body.items() if _is_object(value)}
    return {**body, **expanded}


def _is_object(value: object) -> bool:
    return isinstance(value, dict) and value.get("object") in SERVED


def _keep(account: Account, found: Recording) -> None:
    """The same object was recorded at several moments: the one furthest in its life is kept."""
    known = account.recorded.get(found.body["id"])
    if known is None or _progress(found.body) >= _progress(known.body):
        account.recorded[found.body["id"]] = found


def _progress(body: Json) -> tuple[bool, bool, int]:
    settled = body.get("balance_transaction") is not None
    return settled, body.get("status") in {"succeeded", "paid"}, body.get("amount_captured") or 0


def _complete(account: Account) -> None:
    """Derive what no recording holds, as little as Stripe would have.

    - An invoice of before 2025-03-31.basil names payment intent and charge by id only: both are made of the invoice.
    - A payment intent names its charge by id only: the charge is made of the intent.
    - A charge without balance transaction (Stripe books asynchronously) or with its id only: the row is made of it.
    - A sale names its customer by id only: one without a name is made.
    - A refund with the id of its row only: the row is made of it.
    - No recording lists invoice payments: the one of each paid invoice is made of the invoice and its payment intent.
    """
    for invoice_id, intent_id in account.payments.items():
        invoice = account.recorded[invoice_id].body
        if intent_id not in account.recorded:
            _derive(account, _intent(invoice, intent_id))
        _derive(account, _invoice_payment(invoice, intent_id))
    for intent in [one for one in account.everything() if one["object"] == "payment_intent"]:
        if intent["latest_charge"] and intent["latest_charge"] not in account.recorded:
            _derive(account, _charge(intent))
    for charge in [one for one in account.everything() if one["object"] == "charge"]:
        if charge["balance_transaction"] not in account.recorded:
            charge["balance_transaction"] = charge["balance_transaction"] or f"txn_{charge['id'][3:]}"
            _derive(account, _balance_transaction(charge))
    for customer in {one["customer"] for one in account.sales} - account.recorded.keys():
        _derive(account, {"id": customer, "object": "customer", "name": None, "email": None})
    for refund in account.of_kind("refund"):
        if refund.body["balance_transaction"] not in account.recorded:
            _derive(account, _refund_row(refund.body))


def _derive(account: Account, body: Json) -> None:
    account.derived[body["id"]] = body


def _intent(invoice: Json, intent_id: str) -> Json:
    return {
        "id": intent_id,
        "object": "payment_intent",
        "amount": invoice["amount_paid"],
        "amount_received": invoice["amount_paid"],
        "created": invoice["created"],
        "currency": invoice["currency"],
        "customer": invoice["customer"],
        "latest_charge": invoice["charge"],
        "status": "succeeded",
    }


def _charge(intent: Json) -> Json:
    return {
        "id": intent["latest_charge"],
        "object": "charge",
        "amount": intent["amount"],
        "amount_captured": intent["amount_received"],
        "amount_refunded": 0,
        "balance_transaction": None,
        "captured": True,
        "created": intent["created"],
        "currency": intent["currency"],
        "customer": intent["customer"],
        "disputed": False,
        "failure_balance_transaction": None,
        "payment_intent": intent["id"],
        "status": "succeeded",
    }


def _balance_transaction(charge: Json) -> Json:
    amount, fee = charge["amount_captured"], 30 + charge["amount_captured"] * 29 // 1000
    return {
        "id": charge["balance_transaction"],
        "object": "balance_transaction",
        "amount": amount,
        "available_on": charge["created"] + 7 * 86_400,
        "created": charge["created"] + 1,
        "currency": charge["currency"],
        "exchange_rate": None,
        "fee": fee,
        "net": amount - fee,
        "reporting_category": "charge",
        "source": charge["id"],
        "type": "charge",
    }


def _refund_row(refund: Json) -> Json:
    return {
        "id": refund["balance_transaction"],
        "object": "balance_transaction",
        "amount": -refund["amount"],
        "available_on": refund["created"] + 1,
        "created": refund["created"] + 1,
        "currency": refund["currency"],
        "exchange_rate": None,
        "fee": 0,
        "net": -refund["amount"],
        "reporting_category": "refund",
        "source": refund["id"],
        "type": "refund",
    }


def _invoice_payment(invoice: Json, intent_id: str) -> Json:
    paid_at = invoice["status_transitions"]["paid_at"]
    return {
        "id": f"inpay_{invoice['id'][3:]}",
        "object": "invoice_payment",
        "amount_paid": invoice["amount_paid"],
        "amount_requested": invoice["amount_due"],
        "created": invoice["created"],
        "currency": invoice["currency"],
        "invoice": invoice["id"],
        "is_default": True,
        "livemode": False,
        "payment": {"type": "payment_intent", "payment_intent": intent_id},
        "status": "paid",
        "status_transitions": {"canceled_at": None, "paid_at": paid_at},
    }


def event_files() -> list[str]:
    """All files under `events`, as the index names them."""
    if not EVENTS.is_dir():
        return []
    return sorted(str(row["file"]) for row in json.loads((EVENTS / "INDEX.json").read_text()))


def load_events() -> dict[str, Json]:
    """Every recorded event by its file, each with an id of its own: collections reuse ids such as evt_000000."""
    found = {name: json.loads((EVENTS / name).read_text()) for name in event_files()}
    events = {name: body for name, body in found.items() if body.get("object") == "event"}
    return {name: {**body, "id": f"evt_{index:04}"} for index, (name, body) in enumerate(events.items())}


def thin(event: Json) -> Json:
    """The thin notification of a snapshot event (facts/stripe.md 3)."""
    changed = event["data"]["object"]
    return {
        "id": f"{event['id']}_thin",
        "object": "v2.core.event",
        "context": None,
        "created": datetime.fromtimestamp(event["created"], UTC).isoformat().replace("+00:00", "Z"),
        "livemode": event["livemode"],
        "related_object": {"id": changed["id"], "type": changed["object"], "url": f"/v1/any/{changed['id']}"},
        "type": f"v1.{event['type']}",
    }
