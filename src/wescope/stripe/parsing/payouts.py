"""Payouts, with the rows that they and their failure made."""

from collections.abc import Mapping
from typing import Any

from wescope.books.values import Payout, PayoutStatus
from wescope.stripe.parsing.balance import expanded_row
from wescope.stripe.parsing.fields import Fields


def parse_payout(payload: Mapping[str, Any]) -> Payout:
    """A payout of any API version, without the rows that it pays out.

    `arrival_date` is midnight of a date of UTC (facts/stripe.md 2.8). Its own rows are known only if expanded.

    Raises:
        ObjectUnreadable: a needed field is absent or unknown.
    """
    fields = Fields.of(payload, "payout")
    if not fields.has("automatic"):
        raise fields.unreadable("automatic")
    automatic, status = fields.flag("automatic"), fields.enum("status", PayoutStatus)
    return Payout(
        id=fields.object_id,
        amount=fields.integer("amount"),
        currency=fields.currency("currency"),
        status=status,
        created=fields.moment("created"),
        arrival_date=fields.moment("arrival_date").date(),
        automatic=automatic,
        method=fields.optional_text("method") or "standard",
        reconciled=_reconciled(fields, automatic=automatic, status=status),
        balance_transaction=expanded_row(fields, "balance_transaction"),
        failure_balance_transaction=expanded_row(fields, "failure_balance_transaction"),
        original_payout=fields.optional_reference("original_payout"),
        reversed_by=fields.optional_reference("reversed_by"),
    )


def _reconciled(payout: Fields, *, automatic: bool, status: PayoutStatus) -> bool:
    given = payout.optional_text("reconciliation_status")
    if given is not None:
        return given == "completed"
    # Before 2022 payouts do not say it; the list of one that was paid is complete.
    return automatic and status is PayoutStatus.PAID
