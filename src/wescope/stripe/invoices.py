"""An invoice with all that belongs to it: lines, payments, credit notes, and the customer's balance."""

from dataclasses import replace
from typing import Any

from wescope.books.values import Allocation, CreditNote, Invoice, InvoiceLine, InvoicePayment, InvoiceStatus
from wescope.errors import ObjectNotFound
from wescope.stripe.balances import CustomerBalanceReader
from wescope.stripe.client import StripeApi
from wescope.stripe.credit_notes import CreditNoteReader
from wescope.stripe.parsing import Fields, parse_invoice
from wescope.stripe.parsing.invoices import has_more_lines
from wescope.stripe.payments import PaymentReader

# Rates stand in lines by id only; expanded in the totals (three levels of four) they bring their percentages.
_EXPANDED = ("customer", "shipping_cost.taxes", "total_taxes.tax_rate_details.tax_rate")


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
        payload = await self._payload(identifier)
        if payload is None:
            return None
        fields = Fields.of(payload, "invoice")
        invoice = parse_invoice(payload, lines=await self._more_lines(fields))
        payments = await self._payments.paid_for(
            invoice, fields.optional_integer("amount_paid_off_stripe"), attempted=fields.flag("attempted")
        )
        invoice = replace(invoice, payments=await self._with_beyond(invoice, payments or invoice.payments))
        return replace(
            invoice, credit_notes=await self._notes(invoice), balance=await self._balances.of_invoice(invoice)
        )

    async def lines(self, identifier: str) -> tuple[InvoiceLine, ...]:
        """All lines of an invoice. One call, and one per 100 lines if there is more than a page of them.

        Raises:
            StripeError: Stripe can't be read, or a line can't.
            ObjectNotFound: there is no such invoice.
        """
        payload = await self._payload(identifier)
        if payload is None:
            raise ObjectNotFound(path=f"/v1/invoices/{identifier}")
        return parse_invoice(payload, lines=await self._more_lines(Fields.of(payload, "invoice"))).lines

    async def _payload(self, identifier: str) -> dict[str, Any] | None:
        try:
            payload = await self._api.get(f"/v1/invoices/{identifier}", expand=list(_EXPANDED))
        except ObjectNotFound:
            return None
        return None if Fields.of(payload, "invoice").flag("deleted") else payload

    async def _more_lines(self, invoice: Fields) -> list[dict[str, Any]] | None:
        """All lines of an invoice with more than the first page; listed anew, so that all are of one moment."""
        if not has_more_lines(invoice):
            return None
        return [line async for line in self._api.pages(f"/v1/invoices/{invoice.object_id}/lines")]

    async def _with_beyond(self, invoice: Invoice, payments: tuple[InvoicePayment, ...]) -> tuple[InvoicePayment, ...]:
        """Money over several invoices: what is not for their own amounts, the same from wherever it is looked at."""
        complete = []
        for payment in payments:
            parts = payment.allocations
            if len(parts) > 1:
                parts = tuple([await self._beyond(invoice, part) for part in parts])
            complete.append(replace(payment, allocations=parts))
        return tuple(complete)

    async def _beyond(self, invoice: Invoice, part: Allocation) -> Allocation:
        if part.invoice == invoice.id:
            return _of(part, invoice)
        payload = await self._payload(part.invoice)
        return part if payload is None else _of(part, parse_invoice(payload))

    async def _notes(self, invoice: Invoice) -> tuple[CreditNote, ...]:
        is_draft = invoice.status is InvoiceStatus.DRAFT
        return () if is_draft else await self._credit_notes.of_invoice(invoice.id)


def _of(part: Allocation, invoice: Invoice) -> Allocation:
    """A part with what of it is not for the invoice's own amount.

    Whether Stripe counts what was overpaid among what was paid is not documented: both amounts together tell.
    """
    too_much = invoice.amount_paid - invoice.amount_due if invoice.amount_overpaid else 0
    overpaid = min(part.amount, max(0, too_much))
    moved = 0 if invoice.ending_balance is None else invoice.starting_balance - invoice.ending_balance
    own = max(0, invoice.total - invoice.pre_payment_credit_notes_amount)
    beyond = part.amount - overpaid - own
    return replace(part, overpaid=overpaid, collected=max(0, min(moved, beyond)))
