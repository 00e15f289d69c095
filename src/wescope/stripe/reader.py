"""The reader: what Stripe says about a subject now, as values of the books."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from wescope.books.subjects import Subject, SubjectKind
from wescope.books.values import Charge, Reading
from wescope.errors import BodyInvalid, MalformedId, ObjectNotFound, ObjectUnreadable
from wescope.stripe.client import StripeApi
from wescope.stripe.hints import EventHint, hint_of
from wescope.stripe.identity import is_id
from wescope.stripe.parsing import Fields, PaymentPart, parse_invoice, parse_payment_part
from wescope.stripe.parsing.invoice_payments import PartSource, PartStatus
from wescope.stripe.parsing.invoices import has_more_lines
from wescope.stripe.payments import PaymentReader

_NOTHING = Reading(found=None)


class StripeReader:
    """Reads subjects from Stripe.

    Calls to Stripe per subject (for invoices with up to 10 lines and 100 payments):

    - invoice: 1; with payments 2, and 1 for each charge; 1 more for each charge that pays other invoices too, and
      for each payment record; with more than 10 lines 1 more per 100 lines
    - charge: 2 (1 without a payment intent)
    - payment intent: 1 when it pays invoices, else 2
    - invoice payment: 1
    - all others: none
    """

    def __init__(self, api: StripeApi) -> None:
        self._api = api
        self._payments = PaymentReader(api)

    async def read(self, subject: Subject) -> Reading:
        """What Stripe says about a subject now.

        `found` is null for what Stripe no longer has, for a charge, payment intent or invoice payment that belongs
        to invoices (`owners` names these), and for kinds that have no documents of their own.

        Raises:
            StripeUnavailable: Stripe does not answer now.
            StripeRefused: the key is refused or lacks a permission.
            ObjectNotFound: something that the subject refers to is not there.
            ObjectUnreadable: a field that is needed is absent or unknown.
            MalformedId: the subject's id has not the form of an id.
        """
        if not is_id(subject.id):
            raise MalformedId
        match subject.kind:
            case SubjectKind.INVOICE:
                return await self._invoice(subject.id)
            case SubjectKind.CHARGE:
                return await self._charge(subject.id)
            case SubjectKind.PAYMENT_INTENT:
                return await self._payment_intent(subject.id)
            case SubjectKind.INVOICE_PAYMENT:
                return await self._invoice_payment(subject.id)
            case _:
                return _NOTHING

    async def account(self) -> dict[str, str | bool | None]:
        """The account that the key belongs to: id, country, default currency, and whether the key is live. One call.

        Raises:
            StripeError: Stripe can't be read.
        """
        fields = Fields.of(await self._api.get("/v1/account"), "account")
        return {
            "id": fields.object_id,
            "country": fields.optional_text("country"),
            "default_currency": fields.optional_text("default_currency"),
            "livemode": self._api.livemode,
        }

    async def event(self, event_id: str) -> EventHint:
        """The hint of a (snapshot) event that Stripe still has: 30 days. One call.

        Raises:
            MalformedId: the id has not the form of an id.
            ObjectUnreadable: it is no event, or a field of it is malformed.
            StripeError: Stripe can't be read.
        """
        if not is_id(event_id):
            raise MalformedId
        payload = await self._api.get(f"/v1/events/{event_id}")
        try:
            return hint_of(payload)
        except BodyInvalid as error:
            raise ObjectUnreadable(str(error.details.get("field", "")), object_id=event_id) from None

    async def _invoice(self, identifier: str) -> Reading:
        expand = ["customer", "shipping_cost.taxes"]
        try:
            payload = await self._api.get(f"/v1/invoices/{identifier}", expand=expand)
        except ObjectNotFound:
            return _NOTHING
        fields = Fields.of(payload, "invoice")
        if fields.flag("deleted"):
            return _NOTHING
        invoice = parse_invoice(payload, lines=await self._more_lines(fields))
        payments = await self._payments.paid_for(invoice, fields.optional_integer("amount_paid_off_stripe"))
        return Reading(found=replace(invoice, payments=payments or invoice.payments))

    async def _more_lines(self, invoice: Fields) -> list[dict[str, Any]] | None:
        """All lines of an invoice with more than the first page; listed anew, so that all are of one moment."""
        if not has_more_lines(invoice):
            return None
        return [line async for line in self._api.pages(f"/v1/invoices/{invoice.object_id}/lines")]

    async def _charge(self, identifier: str) -> Reading:
        try:
            charge, payload = await self._payments.charge(identifier)
        except ObjectNotFound:
            return _NOTHING
        owners = await self._owners_of_charge(charge, payload)
        return Reading(found=None if owners else charge, owners=owners)

    async def _owners_of_charge(self, charge: Charge, payload: Mapping[str, Any]) -> tuple[Subject, ...]:
        if charge.payment_intent is not None:
            return await self._owners_of_intent(charge.payment_intent)
        named = Fields.of(payload, "charge").optional_reference("invoice")
        if named is not None:  # before 2025-03-31.basil
            return (Subject(kind=SubjectKind.INVOICE, id=named),)
        return await self._owners_by_customer(charge)

    async def _owners_by_customer(self, charge: Charge) -> tuple[Subject, ...]:
        """The invoices that a charge without payment intent pays, as invoice payments can't be listed by charge.

        Such charges pay invoices only on integrations of before 2019: one call per 100 invoices of the customer.
        """
        if charge.customer is None:
            return ()
        invoices = self._api.pages("/v1/invoices", customer=charge.customer, expand=["data.payments"])
        parts = [
            parse_payment_part(part.values)
            async for invoice in invoices
            for part in Fields.of(invoice, "invoice").child("payments").children("data")
        ]
        return _owners(part for part in parts if part.source_id == charge.id)

    async def _payment_intent(self, identifier: str) -> Reading:
        try:
            owners = await self._owners_of_intent(identifier)
            if owners:
                return Reading(found=None, owners=owners)
            return Reading(found=await self._payments.charge_of_intent(identifier))
        except ObjectNotFound:
            return _NOTHING

    async def _owners_of_intent(self, identifier: str) -> tuple[Subject, ...]:
        return _owners(await self._payments.parts_of(PartSource.PAYMENT_INTENT, identifier))

    async def _invoice_payment(self, identifier: str) -> Reading:
        try:
            part = parse_payment_part(await self._api.get(f"/v1/invoice_payments/{identifier}"))
        except ObjectNotFound:
            return _NOTHING
        return Reading(found=None, owners=_owners([part]))


def _owners(parts: Iterable[PaymentPart]) -> tuple[Subject, ...]:
    """The invoices of these parts. An open part counts: a failed charge belongs to its invoice; a canceled one not."""
    invoices = {part.invoice for part in parts if part.status is not PartStatus.CANCELED}
    return tuple(Subject(kind=SubjectKind.INVOICE, id=invoice) for invoice in sorted(invoices))
