"""A refund with the credit notes that name it, and the lines of the invoices that these credit."""

from dataclasses import replace

from wescope.books.values import CreditNote, Refund
from wescope.errors import ObjectNotFound
from wescope.stripe.client import StripeApi
from wescope.stripe.credit_notes import CreditNoteReader
from wescope.stripe.invoices import InvoiceReader
from wescope.stripe.owners import OwnerReader
from wescope.stripe.parsing import Fields, parse_customer, parse_refund

_EXPANDED = ("balance_transaction", "failure_balance_transaction", "charge.customer")


class RefundReader:
    """Reads refunds (facts/stripe.md 2.6)."""

    def __init__(
        self, api: StripeApi, *, owners: OwnerReader, invoices: InvoiceReader, credit_notes: CreditNoteReader
    ) -> None:
        self._api = api
        self._owners = owners
        self._invoices = invoices
        self._credit_notes = credit_notes

    async def whole(self, identifier: str) -> Refund | None:
        """A refund with its credit notes; null if Stripe has no such refund.

        Calls: one; one more to know what its charge paid; if that was invoices, one for each and one more for each
        whose credit note names the refund.

        Raises:
            StripeError: Stripe can't be read, or one of the objects can't.
        """
        try:
            payload = await self._api.get(f"/v1/refunds/{identifier}", expand=list(_EXPANDED))
        except ObjectNotFound:
            return None
        refund = parse_refund(payload)
        charge = Fields.of(payload, "refund").expanded("charge")
        if charge is None:
            return await self._with_own_customer(refund)
        notes = [
            note
            for invoice in await self._owners.of_charge(charge)
            for note in await self._credit_notes.of_invoice(invoice.id)
            if _names(note, refund)
        ]
        credited = sorted({note.invoice for note in notes})
        lines = [line for invoice in credited for line in await self._invoices.lines(invoice)]
        return replace(refund, credit_notes=tuple(notes), invoice_lines=tuple(lines))

    async def _with_own_customer(self, refund: Refund) -> Refund:
        """A refund without charge names its customer itself, by id."""
        if refund.customer is None:
            return refund
        return replace(refund, customer=parse_customer(await self._api.get(f"/v1/customers/{refund.customer.id}")))


def _names(note: CreditNote, refund: Refund) -> bool:
    return any(part.refund == refund.id for part in note.refunds)
