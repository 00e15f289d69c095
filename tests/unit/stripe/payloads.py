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
        "fee_details": [{"amount": 59, "currency": "usd", "description": "Stripe fees", "type": "stripe_fee"}],
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


def row(identifier: str, amount: int, category: str, **fields: Any) -> dict[str, Any]:
    """A row of the balance without fee."""
    values = {"id": identifier, "amount": amount, "net": amount, "fee": 0, "fee_details": []}
    return balance_transaction(**{**values, "reporting_category": category, "type": category, **fields})


def failed_later(**fields: Any) -> dict[str, Any]:
    """A charge that failed after it had succeeded."""
    failure = row("txn_f", -1000, "charge_failure", created=CREATED + 500_000)
    return charge(**{"status": "failed", "failure_balance_transaction": failure} | fields)


def refund(**fields: Any) -> dict[str, Any]:
    return {
        "id": "re_1",
        "object": "refund",
        "amount": 400,
        "balance_transaction": row("txn_r", -400, "refund", source="re_1"),
        "charge": charge(customer=customer()),
        "created": CREATED + 90,
        "currency": "usd",
        "metadata": {"why": "late"},
        "payment_intent": "pi_1",
        "status": "succeeded",
        **fields,
    }


def credit_note_line(**fields: Any) -> dict[str, Any]:
    return {
        "id": "cnli_1",
        "object": "credit_note_line_item",
        "amount": 400,
        "description": "Plan",
        "discount_amount": 0,
        "discount_amounts": [],
        "invoice_line_item": "il_1",
        "pretax_credit_amounts": [],
        "quantity": 1,
        "tax_rates": [],
        "taxes": [],
        "type": "invoice_line_item",
        "unit_amount_decimal": "400",
        **fields,
    }


def credit_note(**fields: Any) -> dict[str, Any]:
    return {
        "id": "cn_1",
        "object": "credit_note",
        "amount": 400,
        "created": CREATED + 80,
        "currency": "usd",
        "customer": "cus_1",
        "customer_balance_transaction": None,
        "effective_at": CREATED + 80,
        "invoice": "in_1",
        "lines": {"object": "list", "data": [credit_note_line()], "has_more": False},
        "number": "A-1-CN-01",
        "out_of_band_amount": None,
        "post_payment_amount": 0,
        "pre_payment_amount": 400,
        "refunds": [],
        "shipping_cost": None,
        "status": "issued",
        "total": 400,
        "type": "pre_payment",
        "voided_at": None,
        **fields,
    }


def old_credit_note(**fields: Any) -> dict[str, Any]:
    """As before 2025-03-31.basil."""
    payload = credit_note(type="post_payment", refund=None)
    for name in ("refunds", "pre_payment_amount", "post_payment_amount"):
        del payload[name]
    return {**payload, **fields}


def dispute(**fields: Any) -> dict[str, Any]:
    fee = {"amount": 1500, "currency": "usd", "description": "Dispute fee", "type": "stripe_fee"}
    withdrawal = balance_transaction(
        id="txn_d", amount=-1000, fee=1500, fee_details=[fee], net=-2500, reporting_category="dispute", source="dp_1"
    )
    return {
        "id": "dp_1",
        "object": "dispute",
        "amount": 1000,
        "balance_transactions": [withdrawal],
        "charge": charge(),
        "created": CREATED + 70,
        "currency": "usd",
        "payment_intent": "pi_1",
        "reason": "fraudulent",
        "status": "needs_response",
        **fields,
    }


def payout(**fields: Any) -> dict[str, Any]:
    return {
        "id": "po_1",
        "object": "payout",
        "amount": 941,
        "arrival_date": 1763078400,  # 2025-11-14
        "automatic": True,
        "balance_transaction": row("txn_po", -941, "payout", source="po_1"),
        "created": CREATED + 1000,
        "currency": "usd",
        "failure_balance_transaction": None,
        "method": "standard",
        "original_payout": None,
        "reconciliation_status": "completed",
        "reversed_by": None,
        "status": "paid",
        **fields,
    }


def balance_move(**fields: Any) -> dict[str, Any]:
    return {
        "id": "cbtxn_1",
        "object": "customer_balance_transaction",
        "amount": -500,
        "created": CREATED,
        "credit_note": None,
        "currency": "usd",
        "customer": "cus_1",
        "ending_balance": -500,
        "invoice": None,
        "type": "adjustment",
        **fields,
    }


def account(interval: str = "daily") -> dict[str, Any]:
    return {"id": "acct_1", "object": "account", "settings": {"payouts": {"schedule": {"interval": interval}}}}


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
