"""Payloads for tests: the least that Stripe sends, of the newest version, with overrides."""

from typing import Any

CREATED = 1762800067


def line(**fields: Any) -> dict[str, Any]:
    return {
        "id": "il_1",
        "object": "line_item",
        "amount": 1000,
        "currency": "usd",
        "description": "Plan",
        "discount_amounts": [],
        "metadata": {},
        "period": {"start": CREATED, "end": CREATED + 86400},
        "pretax_credit_amounts": [],
        "quantity": 1,
        "taxes": [],
        **fields,
    }


def invoice(**fields: Any) -> dict[str, Any]:
    return {
        "id": "in_1",
        "object": "invoice",
        "amount_due": 1000,
        "amount_paid": 0,
        "amount_overpaid": 0,
        "amount_remaining": 1000,
        "created": CREATED,
        "currency": "usd",
        "customer": "cus_1",
        "customer_email": "ada@example.com",
        "customer_name": "Ada",
        "effective_at": CREATED,
        "lines": {"object": "list", "data": [line()], "has_more": False, "url": "/v1/invoices/in_1/lines"},
        "number": "A-1",
        "shipping_cost": None,
        "starting_balance": 0,
        "status": "open",
        "status_transitions": {"finalized_at": CREATED, "paid_at": None, "voided_at": None},
        "total": 1000,
        **fields,
    }


def paid_invoice(**fields: Any) -> dict[str, Any]:
    paid = {
        "amount_paid": 1000,
        "amount_paid_off_stripe": 0,
        "amount_remaining": 0,
        "status": "paid",
        "status_transitions": {"finalized_at": CREATED, "paid_at": CREATED + 60},
    }
    return invoice(**(paid | fields))


def balance_transaction(**fields: Any) -> dict[str, Any]:
    return {
        "id": "txn_1",
        "object": "balance_transaction",
        "amount": 1000,
        "available_on": CREATED + 600000,
        "created": CREATED + 60,
        "currency": "usd",
        "exchange_rate": None,
        "fee": 59,
        "net": 941,
        "reporting_category": "charge",
        "source": "ch_1",
        "type": "charge",
        **fields,
    }


def charge(**fields: Any) -> dict[str, Any]:
    return {
        "id": "ch_1",
        "object": "charge",
        "amount": 1000,
        "amount_captured": 1000,
        "amount_refunded": 0,
        "balance_transaction": balance_transaction(),
        "captured": True,
        "created": CREATED + 60,
        "currency": "usd",
        "customer": "cus_1",
        "disputed": False,
        "payment_intent": "pi_1",
        "status": "succeeded",
        **fields,
    }


def payment_intent(**fields: Any) -> dict[str, Any]:
    return {"id": "pi_1", "object": "payment_intent", "latest_charge": charge(), **fields}


def invoice_payment(**fields: Any) -> dict[str, Any]:
    return {
        "id": "inpay_1",
        "object": "invoice_payment",
        "amount_paid": 1000,
        "amount_requested": 1000,
        "created": CREATED,
        "currency": "usd",
        "invoice": "in_1",
        "payment": {"type": "payment_intent", "payment_intent": "pi_1"},
        "status": "paid",
        "status_transitions": {"paid_at": CREATED + 60, "canceled_at": None},
        **fields,
    }


def recorded(record: str = "pr_1", **fields: Any) -> dict[str, Any]:
    """An invoice payment made of a payment record."""
    return invoice_payment(**{"payment": {"type": "payment_record", "payment_record": record}} | fields)


def customer(**fields: Any) -> dict[str, Any]:
    return {"id": "cus_1", "object": "customer", "name": "Ada Lovelace", "email": "ada@example.org", **fields}


def event(**fields: Any) -> dict[str, Any]:
    return {
        "id": "evt_1",
        "object": "event",
        "api_version": "2026-10-28.endive",
        "created": CREATED,
        "data": {"object": {"id": "in_1", "object": "invoice", "customer": "cus_1"}},
        "livemode": False,
        "type": "invoice.paid",
        **fields,
    }


def thin_event(**fields: Any) -> dict[str, Any]:
    return {
        "id": "evt_test_1",
        "object": "v2.core.event",
        "context": None,
        "created": "2026-11-22T10:00:00.000Z",
        "livemode": False,
        "related_object": {"id": "in_1", "type": "invoice", "url": "/v1/invoices/in_1"},
        "type": "v1.invoice.paid",
        **fields,
    }
