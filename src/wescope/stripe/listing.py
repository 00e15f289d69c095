"""Lists of everything, for the tie-out and the backfill: one pass over a list end point, 100 objects a page."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from wescope.books.values import BalanceTransaction, Invoice, InvoiceStatus
from wescope.stripe.client import StripeApi
from wescope.stripe.parsing import Fields, PaymentPart, parse_balance_transaction, parse_invoice, parse_payment_part


@dataclass(frozen=True, slots=True, kw_only=True)
class BalanceRow:
    """A row of Stripe's balance and what made it.

    `source` is the id of the charge, refund, payout, ... (null for rows without one); `payment_intent` is that of the
    source when it is a charge.
    """

    transaction: BalanceTransaction
    source: str | None
    payment_intent: str | None


class StripeListing:
    """Lists of Stripe's objects, newest first.

    An object that can't be read ends a list with `ObjectUnreadable`: a tie-out over a part would be no tie-out.
    """

    def __init__(self, api: StripeApi) -> None:
        self._api = api

    async def invoices(
        self, *, status: InvoiceStatus | None = None, created_until: datetime | None = None
    ) -> AsyncIterator[Invoice]:
        """Invoices as the list has them: first page of lines only, no payments, the customer by id and snapshot.

        Args:
            status: Only invoices of this status.
            created_until: Only invoices created then or before.

        Raises:
            StripeError: Stripe can't be read, or an invoice can't.
        """
        filters = _until(created_until) | ({} if status is None else {"status": status.value})
        async for payload in self._api.pages("/v1/invoices", **filters):
            yield parse_invoice(payload)

    async def paid_invoice_payments(self) -> AsyncIterator[PaymentPart]:
        """Every paid part of a payment: invoice, source, amount, currency and when.

        Raises:
            StripeError: Stripe can't be read, or an invoice payment can't.
        """
        async for payload in self._api.pages("/v1/invoice_payments", status="paid"):
            yield parse_payment_part(payload)

    async def balance_transactions(self, *, created_until: datetime | None = None) -> AsyncIterator[BalanceRow]:
        """Rows of Stripe's balance with their sources.

        Args:
            created_until: Only rows created then or before.

        Raises:
            StripeError: Stripe can't be read, or a row can't.
        """
        filters = _until(created_until)
        async for payload in self._api.pages("/v1/balance_transactions", expand=["data.source"], **filters):
            yield _balance_row(payload)


def _balance_row(payload: dict[str, Any]) -> BalanceRow:
    transaction = parse_balance_transaction(payload)
    row = Fields.of(payload, "balance_transaction")
    source = row.expanded("source")
    is_charge = source is not None and source["object"] == "charge"
    return BalanceRow(
        transaction=transaction,
        source=row.optional_reference("source"),
        payment_intent=row.child("source").optional_reference("payment_intent") if is_charge else None,
    )


def _until(moment: datetime | None) -> dict[str, Any]:
    # Stripe counts in whole seconds, so what was created within the last second is still "until then".
    return {} if moment is None else {"created": {"lte": int(moment.timestamp())}}
