"""Payment records: payments that another processor took and the merchant reported."""

from wescope.sandbox.stripe.account import Account
from wescope.sandbox.stripe.store import Resource


def payment_record(account: Account, customer: str, amount: int, at: int, *, currency: str) -> Resource:
    """Return a payment record of ``amount`` minor units, guaranteed in full."""
    value = {"currency": currency, "value": amount}
    nothing = {"currency": currency, "value": 0}
    return {
        "id": account.ids.dated("pr_1", at),
        "object": "payment_record",
        "amount": value,
        "amount_authorized": dict(nothing),
        "amount_canceled": dict(nothing),
        "amount_failed": dict(nothing),
        "amount_guaranteed": dict(value),
        "amount_refunded": dict(nothing),
        "amount_requested": dict(value),
        "application": None,
        "created": at,
        "customer_details": {"customer": customer, "email": None, "name": None, "phone": None},
        "customer_presence": None,
        "description": "Check",
        "latest_payment_attempt_record": None,
        "livemode": False,
        "metadata": {},
        "payment_method_details": {
            "billing_details": {
                "address": dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state")),
                "email": None,
                "name": None,
                "phone": None,
            },
            "custom": {"display_name": "Check", "type": None},
            "payment_method": None,
            "type": "custom",
        },
        "processor_details": {"custom": {"payment_reference": "check"}, "type": "custom"},
        "reported_by": "self",
        "shipping_details": None,
    }
