"""An invoice with all that belongs to it: lines, payments, credit notes, and the customer's balance."""

import contextlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from wescope.books.values import CreditNote, Invoice, InvoiceLine, InvoiceStatus
from wescope.errors import ObjectNotFound, ObjectUnreadable
from wescope.stripe.balances import CustomerBalanceReader
from wescope.stripe.client import StripeApi
from wescope.stripe.credit_notes import CreditNoteReader
from wescope.stripe.parsing import Fields, PaymentPart, parse_invoice, parse_payment_part
from wescope.stripe.parsing.invoices import has_more_lines
from wescope.stripe.payments import PaymentReader

# Rates stand in lines by id only; expanded in the totals (three levels of four) they bring their percentages.
_EXPANDED = ("customer", "shipping_cost.taxes", "total_taxes.tax_rate_details.tax_rate")
_WITH_PAYMENTS = (*_EXPANDED, "payments")


class InvoiceReader:
    """Reads invoices."""

    def __init__(
        self,
        api: StripeApi,
        *,
        payments: PaymentReader,
        credit_notes: CreditNoteReader,
        balances: CustomerBalanceReader,
    ) -> None:
        self._api = api
        self._payments = payments
        self._credit_notes = credit_notes
        self._balances = balances

    async def whole(self, identifier: str) -> Invoice | None:
        """An invoice with everything that belongs to it; null if Stripe no longer has it.

        Credit notes are always looked for: once all of them are void the invoice's own amounts may be back at 0, but
        they have been in the books.

        Args:
            identifier: Its id.

        Raises:
            StripeError: Stripe can't be read, or one of the objects can't.
        """
        invoice = await self._alone(identifier)
        return None if invoice is None else replace(invoice, companions=await self._companions(invoice))

    async def _alone(self, identifier: str) -> Invoice | None:
        payload = await self._payload(identifier, _WITH_PAYMENTS)
        if payload is None:
            return None
        fields = Fields.of(payload, "invoice")
        invoice = parse_invoice(payload, lines=await self._more_lines(fields))
        payments = await self._payments.paid_for(
            invoice,
            fields.optional_integer("amount_paid_off_stripe"),
            attempted=fields.flag("attempted"),
            parts=_parts(fields),
        )
        return replace(
            invoice,
            payments=payments or invoice.payments,
            credit_notes=await self._notes(invoice),
            balance=await self._balances.of_invoice(invoice),
        )

    async def lines(self, identifier: str) -> tuple[InvoiceLine, ...]:
        """All lines of an invoice. One call, and one per 100 lines if there is more than a page of them.

        Raises:
            StripeError: Stripe can't be read, or a line can't.
            ObjectNotFound: there is no such invoice.
        """
        payload = await self._payload(identifier, _EXPANDED)
        if payload is None:
            raise ObjectNotFound(path=f"/v1/invoices/{identifier}")
        return parse_invoice(payload, lines=await self._more_lines(Fields.of(payload, "invoice"))).lines

    async def _payload(self, identifier: str, expanded: Sequence[str]) -> dict[str, Any] | None:
        try:
            payload = await self._api.get(f"/v1/invoices/{identifier}", expand=list(expanded))
        except ObjectNotFound:
            return None
        return None if Fields.of(payload, "invoice").flag("deleted") else payload

    async def _more_lines(self, invoice: Fields) -> list[dict[str, Any]] | None:
        """All lines of an invoice with more than the first page; listed anew, so that all are of one moment."""
        if not has_more_lines(invoice):
            return None
        return [line async for line in self._api.pages(f"/v1/invoices/{invoice.object_id}/lines")]

    async def _companions(self, invoice: Invoice) -> tuple[Invoice, ...]:
        """The other invoices that its payments pay; one that cannot be read is left out, and says so itself."""
        paid = {part.invoice for payment in invoice.payments for part in payment.allocations}
        found = []
        for identifier in sorted(paid - {invoice.id}):
            with contextlib.suppress(ObjectUnreadable):
                found.append(await self._alone(identifier))
        return tuple(companion for companion in found if companion is not None)

    async def _notes(self, invoice: Invoice) -> tuple[CreditNote, ...]:
        is_draft = invoice.status is InvoiceStatus.DRAFT
        return () if is_draft else await self._credit_notes.of_invoice(invoice.id)


def _parts(invoice: Fields) -> list[PaymentPart] | None:
    """The invoice payments that came with an invoice; null if they are not there, or not all of them."""
    payments = invoice.child("payments")
    if not payments.has("data") or payments.flag("has_more"):
        return None
    return [parse_payment_part(part.values) for part in payments.children("data")]
