"""Charges and the rows of Stripe's balance that they made."""

from collections.abc import Mapping
from typing import Any

from wescope.books.values import BalanceTransaction, Charge, ChargeStatus
from wescope.stripe.parsing.fields import Fields

# Reporting categories of the types that can pay an invoice or take it back, for rows from before 2018, which have no
# category (facts/stripe.md 2.9). Types that spread over several categories (adjustment) are not here.
CATEGORY_OF_OLD_ROWS: Mapping[str, str] = {
    "charge": "charge",
    "payment": "charge",
    "payment_failure_refund": "charge_failure",
    "payment_refund": "refund",
    "payout": "payout",
    "refund": "refund",
    "refund_failure": "refund_failure",
    "stripe_fee": "fee",
}


def parse_balance_transaction(payload: Mapping[str, Any]) -> BalanceTransaction:
    """A row of Stripe's balance, in settlement currency.

    Raises:
        ObjectUnreadable: a needed field is absent, or `net` is not `amount - fee`.
    """
    fields = Fields.of(payload, "balance_transaction")
    amount, fee, net = fields.integer("amount"), fields.integer("fee"), fields.integer("net")
    if net != amount - fee:
        raise fields.unreadable("net")
    return BalanceTransaction(
        id=fields.object_id,
        amount=amount,
        fee=fee,
        net=net,
        currency=fields.currency("currency"),
        created=fields.moment("created"),
        available_on=fields.moment("available_on"),
        exchange_rate=fields.decimal("exchange_rate"),
        type=fields.text("type"),
        reporting_category=_category(fields),
    )


def _category(row: Fields) -> str:
    category = row.optional_text("reporting_category") or CATEGORY_OF_OLD_ROWS.get(row.text("type"))
    if category is None:
        raise row.unreadable("reporting_category")
    return category


def parse_charge(payload: Mapping[str, Any]) -> Charge:
    """A charge of any API version, in presentment currency.

    Its balance transaction is known only if it is expanded in the payload.

    Raises:
        ObjectUnreadable: a needed field is absent or unknown.
    """
    fields = Fields.of(payload, "charge")
    row = fields.expanded("balance_transaction")
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
        balance_transaction=None if row is None else parse_balance_transaction(row),
        failure_balance_transaction=fields.optional_reference("failure_balance_transaction"),
        disputed=fields.flag("disputed") or fields.has("dispute"),
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
