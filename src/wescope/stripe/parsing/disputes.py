"""Disputes, with the rows that moved their money; the rows always stand in the payload."""

from collections.abc import Mapping
from typing import Any

from wescope.books.values import Dispute
from wescope.stripe.parsing.balance import parse_balance_transaction
from wescope.stripe.parsing.fields import Fields


def parse_dispute(payload: Mapping[str, Any]) -> Dispute:
    """A dispute of any API version, in the currency of the charge. Its customer is known if the charge is expanded.

    Raises:
        ObjectUnreadable: a needed field is absent, or a row can't be read.
    """
    fields = Fields.of(payload, "dispute")
    whole = fields.expanded("charge") is not None
    return Dispute(
        id=fields.object_id,
        amount=fields.integer("amount"),
        currency=fields.currency("currency"),
        status=fields.text("status"),
        reason=fields.optional_text("reason") or "",
        created=fields.moment("created"),
        charge=fields.reference("charge"),
        customer=fields.child("charge").optional_reference("customer") if whole else None,
        balance_transactions=tuple(
            parse_balance_transaction(row.values) for row in fields.children("balance_transactions")
        ),
    )
