"""Charges, with the rows of Stripe's balance that they made."""

from collections.abc import Mapping
from typing import Any

from wescope.books.values import Charge, ChargeStatus
from wescope.stripe.parsing.balance import expanded_row
from wescope.stripe.parsing.customers import parse_customer
from wescope.stripe.parsing.fields import Fields


def parse_charge(payload: Mapping[str, Any]) -> Charge:
    """A charge of any API version, in presentment currency.

    Its balance transactions and its buyer are known only if they are expanded in the payload.

    Raises:
        ObjectUnreadable: a needed field is absent or unknown.
    """
    fields = Fields.of(payload, "charge")
    buyer = fields.expanded("customer")
    captured = _captured(fields)
    return Charge(
        id=fields.object_id,
        amount=fields.integer("amount"),
        amount_captured=_amount_captured(fields, captured=captured),
        amount_refunded=fields.integer("amount_refunded"),
        currency=fields.currency("currency"),
        status=fields.enum("status", ChargeStatus),
        captured=captured,
        created=fields.moment("created"),
        customer=fields.optional_reference("customer"),
        payment_intent=fields.optional_reference("payment_intent"),
        balance_transaction=expanded_row(fields, "balance_transaction"),
        failure_balance_transaction=expanded_row(fields, "failure_balance_transaction"),
        disputed=fields.flag("disputed") or fields.has("dispute"),
        buyer=None if buyer is None else parse_customer(buyer),
        metadata=fields.strings("metadata"),
    )


def _captured(charge: Fields) -> bool:
    if not charge.has("captured"):
        raise charge.unreadable("captured")
    return charge.flag("captured")


def _amount_captured(charge: Fields, *, captured: bool) -> int:
    # Before 2020-08 there is no amount_captured; what was not captured then counts as refunded.
    given = charge.optional_integer("amount_captured")
    if given is not None:
        return given
    return charge.integer("amount") if captured else 0
