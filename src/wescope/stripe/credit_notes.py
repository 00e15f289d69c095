"""Credit notes of an invoice, each with all its lines."""

from collections.abc import Mapping
from typing import Any, Final

from wescope.books.values import CreditNote
from wescope.stripe.client import StripeApi
from wescope.stripe.parsing import Fields, parse_credit_note
from wescope.stripe.parsing.invoices import has_more_lines

# Rates stand in lines by id only; expanded in the totals (four levels of four) they bring their percentages.
_EXPANDED: Final = ["data.shipping_cost.taxes", "data.total_taxes.tax_rate_details.tax_rate"]


class CreditNoteReader:
    """Reads credit notes (facts/stripe.md 2.5)."""

    def __init__(self, api: StripeApi) -> None:
        self._api = api

    async def of_invoice(self, invoice: str) -> tuple[CreditNote, ...]:
        """All credit notes of an invoice, void ones too, oldest first.

        Calls: one per 100 credit notes, and one per 100 lines for each with more than a page of lines.

        Args:
            invoice: Id of the invoice.

        Raises:
            StripeError: Stripe can't be read, or a credit note can't.
        """
        # All first and their lines then: an open list is not interleaved with other calls.
        payloads = [payload async for payload in self._api.pages("/v1/credit_notes", invoice=invoice, expand=_EXPANDED)]
        notes = [await self._whole(payload) for payload in payloads]
        return tuple(sorted(notes, key=lambda note: (note.created, note.id)))

    async def _whole(self, payload: Mapping[str, Any]) -> CreditNote:
        fields = Fields.of(payload, "credit_note")
        if not has_more_lines(fields):
            return parse_credit_note(payload)
        path = f"/v1/credit_notes/{fields.object_id}/lines"
        return parse_credit_note(payload, lines=[line async for line in self._api.pages(path)])
