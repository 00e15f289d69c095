"""Which invoices own the documents of a payment: told by invoice payments, or by the charge itself in old payloads."""

from collections.abc import Iterable, Mapping
from typing import Any

from wescope.books.subjects import Subject, SubjectKind
from wescope.stripe.client import StripeApi
from wescope.stripe.parsing import Fields, PaymentPart, parse_payment_part
from wescope.stripe.parsing.invoice_payments import PartSource, PartStatus
from wescope.stripe.payments import PaymentReader


class OwnerReader:
    """Finds the invoices that a charge or a payment intent pays (facts/stripe.md 1)."""

    def __init__(self, api: StripeApi, payments: PaymentReader) -> None:
        self._api = api
        self._payments = payments

    async def of_charge(self, payload: Mapping[str, Any]) -> tuple[Subject, ...]:
        """The invoices that a charge pays. One call; none for charges of before 2025-03-31.basil that name theirs.

        Args:
            payload: The charge as JSON.

        Raises:
            StripeError: Stripe can't be read, or an invoice payment can't.
        """
        charge = Fields.of(payload, "charge")
        intent, named = charge.optional_reference("payment_intent"), charge.optional_reference("invoice")
        if intent is not None:
            return await self.of_intent(intent, with_canceled=charge.has("failure_balance_transaction"))
        if named is not None:
            return (Subject(kind=SubjectKind.INVOICE, id=named),)
        return await self._by_customer(charge)

    async def of_intent(self, identifier: str, *, with_canceled: bool = False) -> tuple[Subject, ...]:
        """The invoices that a payment intent pays or is meant to pay. One call per 100.

        Args:
            identifier: The payment intent's.
            with_canceled: Whether canceled parts count, too: they do for money that failed after it had paid.

        Raises:
            StripeError: Stripe can't be read, or an invoice payment can't.
        """
        parts = await self._payments.parts_of(PartSource.PAYMENT_INTENT, identifier)
        return invoices_of(parts, with_canceled=with_canceled)

    async def _by_customer(self, charge: Fields) -> tuple[Subject, ...]:
        """The invoices that a charge without payment intent pays, as invoice payments can't be listed by charge.

        Such charges pay invoices only on integrations of before 2019: one call per 100 invoices of the customer.
        """
        customer = charge.optional_reference("customer")
        if customer is None:
            return ()
        invoices = self._api.pages("/v1/invoices", customer=customer, expand=["data.payments"])
        parts = [
            parse_payment_part(part.values)
            async for invoice in invoices
            for part in Fields.of(invoice, "invoice").child("payments").children("data")
        ]
        return invoices_of(part for part in parts if part.source_id == charge.object_id)


def invoices_of(parts: Iterable[PaymentPart], *, with_canceled: bool = False) -> tuple[Subject, ...]:
    """The invoices of these parts. An open part counts: a failed charge belongs to its invoice; a canceled one not."""
    invoices = {part.invoice for part in parts if with_canceled or part.status is not PartStatus.CANCELED}
    return tuple(Subject(kind=SubjectKind.INVOICE, id=invoice) for invoice in sorted(invoices))
