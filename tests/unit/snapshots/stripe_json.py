"""Stripe's JSON as API 2026-10-28.endive answers it, small: what the books look at, made up. Amounts in cents."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

Json = dict[str, Any]

FINALIZED = "2026-11-10T18:00:00Z"
PAID = "2026-11-12T18:00:00Z"
NOVEMBER = ("2026-11-01T12:00:00Z", "2026-12-01T12:00:00Z")


def second(moment: str) -> int:
    """The Unix second of an ISO moment with its zone."""
    return int(datetime.fromisoformat(moment).timestamp())


def discount(amount: int, source: str = "di_1") -> Json:
    return {"amount": amount, "discount": source}


def credit(amount: int, source: str = "cbtxn_1") -> Json:
    return {"amount": amount, "credit_balance_transaction": source, "type": "credit_balance_transaction"}


def tax(amount: int, rate: str = "txr_sales", *, inclusive: bool = False) -> Json:
    return {
        "amount": amount,
        "tax_behavior": "inclusive" if inclusive else "exclusive",
        "tax_rate_details": {"tax_rate": rate},
        "type": "tax_rate_details",
    }


def line(
    amount: int,
    description: str | None = "Pro plan",
    *,
    number: int = 1,
    quantity: str = "1",
    unit_amount: str | None = None,
    period: tuple[str, str] = NOVEMBER,
    discounts: Iterable[Json] = (),
    credits_: Iterable[Json] = (),
    taxes: Iterable[Json] = (),
    proration: bool = False,
) -> Json:
    """One line; `amount` is before discounts and credits, and contains inclusive tax."""
    taken_off = [one | {"type": "discount"} for one in discounts]
    return {
        "id": f"il_{number}",
        "object": "line_item",
        "amount": amount,
        "currency": "usd",
        "description": description,
        "discount_amounts": list(discounts),
        "parent": {"type": "subscription_item_details", "subscription_item_details": {"proration": proration}},
        "period": {"start": second(period[0]), "end": second(period[1])},
        "pretax_credit_amounts": [*taken_off, *credits_],
        "pricing": {"unit_amount_decimal": unit_amount or str(amount)},
        "quantity": int(quantity.partition(".")[0]),
        "quantity_decimal": quantity,
        "taxes": list(taxes),
    }


def shipping(subtotal: int, tax_amount: int, rate: str = "txr_sales") -> Json:
    """Shipping with exclusive tax."""
    applied = {"amount": tax_amount, "rate": {"id": rate, "object": "tax_rate", "inclusive": False}}
    return {
        "amount_subtotal": subtotal,
        "amount_tax": tax_amount,
        "amount_total": subtotal + tax_amount,
        "taxes": [applied],
    }


def customer(name: str | None = "Acme Corporation", *, number: int = 1, email: str | None = None) -> Json:
    return {"id": f"cus_{number}", "object": "customer", "email": email, "name": name}


def invoice(
    *lines: Json,
    total: int,
    paid: int = 0,
    number: int = 1,
    finalized: str = FINALIZED,
    due: str | None = None,
    **fields: Any,
) -> Json:
    """A finalized invoice; `paid` cents of it are paid. `fields` are Stripe's own."""
    whole = paid >= total
    return {
        "id": f"in_{number}",
        "object": "invoice",
        "amount_due": total,
        "amount_overpaid": 0,
        "amount_paid": paid,
        "amount_paid_off_stripe": 0,
        "amount_remaining": total - paid,
        "created": second(finalized) - 3600,
        "currency": "usd",
        "customer": customer(),
        "due_date": second(due) if due else None,
        "effective_at": second(finalized),
        "ending_balance": 0,
        "lines": {"object": "list", "data": list(lines), "has_more": False},
        "number": f"A1B2C3D4-{number:04}",
        "post_payment_credit_notes_amount": 0,
        "pre_payment_credit_notes_amount": 0,
        "shipping_cost": None,
        "starting_balance": 0,
        "status": "paid" if whole else "open",
        "status_transitions": {
            "finalized_at": second(finalized),
            "marked_uncollectible_at": None,
            "paid_at": second(PAID) if whole else None,
            "voided_at": None,
        },
        "total": total,
        **fields,
    }


def part(amount: int, *, invoice_number: int = 1, number: int = 1, paid_at: str = PAID) -> Json:
    """The invoice payment that says: so much of this payment intent pays this invoice."""
    return {
        "id": f"inpay_{invoice_number}{number}",
        "object": "invoice_payment",
        "amount_paid": amount,
        "amount_requested": amount,
        "created": second(FINALIZED),
        "currency": "usd",
        "invoice": f"in_{invoice_number}",
        "payment": {"type": "payment_intent", "payment_intent": f"pi_{number}"},
        "status": "paid",
        "status_transitions": {"canceled_at": None, "paid_at": second(paid_at)},
    }


def record_part(amount: int) -> Json:
    """An invoice payment by another processor that was recorded in Stripe."""
    return part(amount) | {"payment": {"type": "payment_record", "payment_record": "pr_1"}}


def charge(amount: int, *, number: int = 1, booked: str = PAID, fee: int = 320) -> Json:
    """The charge of a payment intent, which Stripe booked at that moment."""
    row = {
        "id": f"txn_{number}",
        "object": "balance_transaction",
        "amount": amount,
        "available_on": second(booked) + 2 * 86_400,
        "created": second(booked),
        "currency": "usd",
        "exchange_rate": None,
        "fee": fee,
        "fee_details": [
            {"amount": fee, "currency": "usd", "description": "Stripe processing fees", "type": "stripe_fee"}
        ],
        "net": amount - fee,
        "reporting_category": "charge",
        "type": "charge",
    }
    return {
        "id": f"ch_{number}",
        "object": "charge",
        "amount": amount,
        "amount_captured": amount,
        "amount_refunded": 0,
        "balance_transaction": row,
        "captured": True,
        "created": second(booked) - 60,
        "currency": "usd",
        "customer": "cus_1",
        "disputed": False,
        "failure_balance_transaction": None,
        "payment_intent": f"pi_{number}",
        "status": "succeeded",
    }


def balance_move(amount: int, kind: str, *, number: int = 1, at: str = PAID) -> Json:
    """A move of the customer's balance that an invoice made; below zero it is a credit to the customer."""
    return {
        "id": f"cbtxn_{number}",
        "object": "customer_balance_transaction",
        "amount": amount,
        "created": second(at),
        "credit_note": None,
        "currency": "usd",
        "customer": "cus_1",
        "ending_balance": amount,
        "invoice": "in_1",
        "type": kind,
    }
