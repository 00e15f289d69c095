"""Signed deliveries as Stripe makes them: which events a business has, and the bytes of each request.

The mix, of twenty events: seven are the life of one paid invoice, about the invoice and its payment intent; thirteen
are the only ones about their subject. So fifteen of twenty are the first about their subject, which costs a receiver
most (a row and a job), and five coalesce. They are shuffled within a hundred, as Stripe keeps no order, and every
fiftieth is sent twice.
"""

import hashlib
import hmac
import json
import random
import time
from collections.abc import Iterator, Sequence
from typing import Any, Final

_LIFE: Final = (
    "invoice.finalized",
    "invoice.updated",
    "invoice.paid",
    "invoice.payment_succeeded",
    "invoice_payment.paid",
    "payment_intent.succeeded",
    "charge.succeeded",
)
_ALONE: Final = (*("payment_intent.succeeded",) * 7, *("refund.created",) * 3, *("invoice.finalized",) * 3)
_SHUFFLED: Final = 100
_TWICE: Final = 50
_ADDRESS: Final = {"city": "Springfield", "country": "US", "line1": "1 Main Street", "line2": None, "state": "IL"}
_ID, _NUMBER, _CREATED = "@event@", "@number@", 1_700_000_001


def requests(first: int, count: int, secret: str) -> Sequence[bytes]:
    """Whole HTTP requests, signed now. The same numbers give the same events in the same order.

    Args:
        first: the number of the first event; runs that share none have no event and no subject in common.
        count: how many requests.
        secret: signs them.
    """
    now = int(time.time())
    made: list[bytes] = []
    for event_id, kind, number in _mixed(first, count):
        made.append(_request(_body(kind, event_id, number, now), now, secret))
        if len(made) % _TWICE == 0:
            made.append(made[-1])
    return made[:count]


def _mixed(first: int, count: int) -> Iterator[tuple[str, str, int]]:
    chance = random.Random(first)  # noqa: S311 - no secret
    for start in range(first, first + count, _SHUFFLED):
        events = []
        for number in range(start, start + _SHUFFLED, len(_LIFE) + len(_ALONE)):
            events += [(f"{number}L{place}", kind, number) for place, kind in enumerate(_LIFE)]
            events += [(f"{number}A{place}", kind, number + 1 + place) for place, kind in enumerate(_ALONE)]
        chance.shuffle(events)
        yield from events


def _request(body: bytes, now: int, secret: str) -> bytes:
    digest = hmac.new(secret.encode(), b"%d." % now + body, hashlib.sha256).hexdigest()
    head = (
        "POST /webhooks/stripe HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: */*; q=0.5, application/xml\r\n"
        "User-Agent: Stripe/1.0 (+https://stripe.com/docs/webhooks)\r\nCache-Control: no-cache\r\n"
        "Content-Type: application/json; charset=utf-8\r\n"
        f"Content-Length: {len(body)}\r\nStripe-Signature: t={now},v1={digest}\r\n\r\n"
    )
    return head.encode() + body


def _body(kind: str, event_id: str, number: int, now: int) -> bytes:
    variants = _TEMPLATES[kind]
    text = variants[number % len(variants)]
    text = text.replace(_ID.encode(), event_id.encode()).replace(_NUMBER.encode(), b"%d" % number)
    return text.replace(b"%d" % _CREATED, b"%d" % now)


def _event(kind: str, about: dict[str, Any]) -> bytes:
    """As Stripe writes it: indented, with the whole object."""
    event = {
        "id": f"evt_{_ID}",
        "object": "event",
        "api_version": "2026-10-28.endive",
        "created": _CREATED,
        "data": {"object": about},
        "livemode": False,
        "pending_webhooks": 1,
        "request": {"id": f"req_{_ID}", "idempotency_key": f"7c5b1d7e-5f0d-4e2a-9d0a-{_NUMBER}"},
        "type": kind,
    }
    return json.dumps(event, indent=2).encode()


def _line(place: int) -> dict[str, Any]:
    return {
        "id": f"il_{_NUMBER}x{place}",
        "object": "line_item",
        "amount": 4900,
        "currency": "usd",
        "description": "1 x Team plan (at $49.00 / month)",
        "discount_amounts": [{"amount": 0, "discount": f"di_{_NUMBER}x{place}"}],
        "discountable": True,
        "discounts": [],
        "invoice": f"in_{_NUMBER}",
        "livemode": False,
        "metadata": {"seat": str(place)},
        "parent": {
            "invoice_item_details": None,
            "subscription_item_details": {
                "invoice_item": None,
                "proration": False,
                "proration_details": {"credited_items": None},
                "subscription": f"sub_{_NUMBER}",
                "subscription_item": f"si_{_NUMBER}x{place}",
            },
            "type": "subscription_item_details",
        },
        "period": {"end": _CREATED, "start": _CREATED},
        "pretax_credit_amounts": [],
        "pricing": {"price_details": {"price": "price_team", "product": "prod_team"}, "type": "price_details"},
        "quantity": 1,
        "taxes": [
            {
                "amount": 404,
                "tax_behavior": "exclusive",
                "tax_rate_details": {"tax_rate": "txr_1"},
                "taxability_reason": "standard_rated",
                "taxable_amount": 4900,
                "type": "tax_rate_details",
            }
        ],
    }


def _invoice(lines: int) -> dict[str, Any]:
    amount = 5304 * lines
    empty = dict.fromkeys(("application", "custom_fields", "default_payment_method", "default_source", "footer"))
    return empty | {
        "id": f"in_{_NUMBER}",
        "object": "invoice",
        "account_country": "US",
        "account_name": "Example, Inc.",
        "amount_due": amount,
        "amount_overpaid": 0,
        "amount_paid": amount,
        "amount_remaining": 0,
        "attempt_count": 1,
        "attempted": True,
        "auto_advance": False,
        "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None, "status": None},
        "billing_reason": "subscription_cycle",
        "collection_method": "charge_automatically",
        "created": _CREATED,
        "currency": "usd",
        "customer": f"cus_{_NUMBER}",
        "customer_address": _ADDRESS,
        "customer_email": "buyer@example.com",
        "customer_name": "Example Buyer",
        "customer_tax_ids": [],
        "due_date": None,
        "ending_balance": 0,
        "hosted_invoice_url": f"https://invoice.stripe.com/i/acct_1/test_{_NUMBER}",
        "invoice_pdf": f"https://pay.stripe.com/invoice/acct_1/test_{_NUMBER}/pdf",
        "lines": {
            "object": "list",
            "data": [_line(place) for place in range(lines)],
            "has_more": False,
            "total_count": lines,
            "url": f"/v1/invoices/in_{_NUMBER}/lines",
        },
        "livemode": False,
        "metadata": {},
        "number": f"A1B2-{_NUMBER}",
        "parent": {
            "quote_details": None,
            "subscription_details": {"metadata": {}, "subscription": f"sub_{_NUMBER}"},
            "type": "subscription_details",
        },
        "payment_settings": {"default_mandate": None, "payment_method_options": None, "payment_method_types": None},
        "period_end": _CREATED,
        "period_start": _CREATED,
        "status": "paid",
        "status_transitions": {"finalized_at": _CREATED, "marked_uncollectible_at": None, "paid_at": _CREATED},
        "subtotal": amount,
        "total": amount,
        "total_discount_amounts": [],
        "webhooks_delivered_at": None,
    }


def _payment(kind: str) -> dict[str, Any]:
    empty = (
        "application",
        "application_fee_amount",
        "canceled_at",
        "cancellation_reason",
        "description",
        "last_payment_error",
        "next_action",
        "on_behalf_of",
        "processing",
        "review",
        "setup_future_usage",
        "source",
        "statement_descriptor",
        "transfer_data",
        "transfer_group",
    )
    checks = {"address_line1_check": "pass", "address_postal_code_check": "pass", "cvc_check": "pass"}
    card = {"amount_authorized": 5304, "brand": "visa", "checks": checks, "exp_month": 4, "exp_year": 2030}
    return dict.fromkeys(empty) | {
        "id": f"{'ch' if kind == 'charge' else 'pi'}_{_NUMBER}",
        "object": kind,
        "amount": 5304,
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 5304,
        "balance_transaction": f"txn_{_NUMBER}",
        "billing_details": {"address": _ADDRESS, "email": "buyer@example.com", "name": "Example Buyer", "phone": None},
        "captured": True,
        "created": _CREATED,
        "currency": "usd",
        "customer": f"cus_{_NUMBER}",
        "latest_charge": f"ch_{_NUMBER}",
        "livemode": False,
        "metadata": {f"order_{place}": f"{place}-{_NUMBER}" for place in range(12)},
        "outcome": {"network_status": "approved_by_network", "risk_level": "normal", "risk_score": 23},
        "payment_intent": f"pi_{_NUMBER}",
        "payment_method": f"pm_{_NUMBER}",
        "payment_method_details": {"card": card | {"country": "US", "last4": "4242"}, "type": "card"},
        "payment_method_options": {"card": {"installments": None, "network": None, "request_three_d_secure": "auto"}},
        "payment_method_types": ["card", "link", "us_bank_account"],
        "receipt_url": f"https://pay.stripe.com/receipts/payment/{_NUMBER}",
        "shipping": {"address": _ADDRESS, "carrier": None, "name": "Example Buyer", "phone": None},
        "status": "succeeded",
    }


def _refund() -> dict[str, Any]:
    details = {"card": {"reference": _NUMBER, "reference_status": "available", "type": "refund"}, "type": "card"}
    # A refund is small by itself; merchants keep in its metadata what they refund.
    notes = {f"item_{place}": "Returned within 30 days, unopened, restocked at the warehouse" for place in range(28)}
    return _payment("refund") | {"id": f"re_{_NUMBER}", "destination_details": details, "metadata": notes}


def _invoice_payment() -> dict[str, Any]:
    return _payment("invoice_payment") | {"id": f"inpay_{_NUMBER}", "invoice": f"in_{_NUMBER}"}


_INVOICES: Final = tuple(_invoice(lines) for lines in (1, 2, 3))
_TEMPLATES: Final = {
    **{kind: tuple(_event(kind, one) for one in _INVOICES) for kind in _LIFE if kind.startswith("invoice.")},
    "invoice_payment.paid": (_event("invoice_payment.paid", _invoice_payment()),),
    "payment_intent.succeeded": (_event("payment_intent.succeeded", _payment("payment_intent")),),
    "charge.succeeded": (_event("charge.succeeded", _payment("charge")),),
    "refund.created": (_event("refund.created", _refund()),),
}
