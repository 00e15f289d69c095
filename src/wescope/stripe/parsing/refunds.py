"""Refunds, with the rows that moved their money and brought it back."""

from collections.abc import Mapping
from typing import Any

from wescope.books.values import Customer, Refund, RefundStatus
from wescope.stripe.parsing.balance import expanded_row
from wescope.stripe.parsing.customers import parse_customer
from wescope.stripe.parsing.fields import Fields


def parse_refund(payload: Mapping[str, Any]) -> Refund:
    """A refund of any API version, in presentment currency, without its credit notes.

    Rows are known only if they are expanded. The customer is that of an expanded charge, by id only if it is not
    expanded itself; else the refund's own (since 2026-07-29.dahlia).

    Raises:
        ObjectUnreadable: a needed field is absent or unknown.
    """
    fields = Fields.of(payload, "refund")
    charge = fields.child("charge") if fields.expanded("charge") is not None else None
    own_intent = fields.optional_reference("payment_intent")
    return Refund(
        id=fields.object_id,
        amount=fields.integer("amount"),
        currency=fields.currency("currency"),
        status=_status(fields),
        created=fields.moment("created"),
        charge=fields.optional_reference("charge"),
        payment_intent=own_intent or (None if charge is None else charge.optional_reference("payment_intent")),
        customer=_customer(fields) if charge is None else _customer(charge),
        balance_transaction=expanded_row(fields, "balance_transaction"),
        failure_balance_transaction=expanded_row(fields, "failure_balance_transaction"),
        metadata=fields.strings("metadata"),
    )


def _status(refund: Fields) -> RefundStatus:
    # Refunds of before 2015 have no status; none of that time is still on its way.
    return refund.enum("status", RefundStatus) if refund.has("status") else RefundStatus.SUCCEEDED


def _customer(holder: Fields) -> Customer | None:
    whole = holder.expanded("customer")
    if whole is not None:
        return parse_customer(whole)
    identifier = holder.optional_reference("customer")
    return None if identifier is None else Customer(id=identifier, name=None, email=None)
