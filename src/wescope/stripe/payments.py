"""The paid payments of an invoice, each with its charge and with everything else that the same money pays."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from wescope.books.values import Allocation, Charge, Invoice, InvoicePayment, InvoiceStatus, PaymentSource
from wescope.stripe.client import StripeApi
from wescope.stripe.parsing import Fields, PaymentPart, parse_charge, parse_payment_part
from wescope.stripe.parsing.invoice_payments import PartSource

# Stripe lists invoice payments by payment intent or payment record only. A charge stands in one only when it has no
# payment intent (before 2019), and then it paid one invoice.
_LISTED_BY = frozenset({PartSource.PAYMENT_INTENT, PartSource.PAYMENT_RECORD})


class PaymentReader:
    """Reads what paid an invoice (facts/stripe.md 1: since 2025-03-31.basil only invoice payments say so)."""

    def __init__(self, api: StripeApi) -> None:
        self._api = api

    async def paid_for(self, invoice: Invoice, paid_off_stripe: int | None) -> tuple[InvoicePayment, ...]:
        """The paid payments of an invoice, oldest first.

        Calls: none if nothing was paid; else one per 100 invoice payments, one per charge, and one more for each
        payment intent that collected more than this invoice got, and for each payment record.

        Args:
            invoice: The invoice; payments only if it is so old that it names them itself.
            paid_off_stripe: Its `amount_paid_off_stripe`; null before 2026-05-27.dahlia.

        Raises:
            StripeError: Stripe can't be read, or one of the objects can't.
        """
        if not (invoice.amount_paid or invoice.amount_overpaid or paid_off_stripe):
            return ()
        parts = await self._parts(invoice=invoice.id)
        if not parts and invoice.payments:
            # An invoice of before 2025-03-31.basil names its payment itself: it is believed, and nothing is guessed.
            return tuple([await self._with_charge(payment) for payment in invoice.payments])
        payments = [await self._payment(group) for group in _by_source(parts)]
        payments.extend(_out_of_band(invoice, parts, paid_off_stripe))
        return tuple(sorted(payments, key=lambda payment: (payment.paid_at, payment.source_id)))

    async def charge_of_intent(self, payment_intent: str) -> Charge | None:
        """The latest charge of a payment intent with its balance transaction; null if it has none. One call.

        Raises:
            StripeError: Stripe can't be read, or the charge can't.
        """
        # latest_charge.balance_transaction is two levels deep; four is the limit.
        expand = ["latest_charge.balance_transaction"]
        payload = await self._api.get(f"/v1/payment_intents/{payment_intent}", expand=expand)
        charge = Fields.of(payload, "payment_intent").expanded("latest_charge")
        return None if charge is None else parse_charge(charge)

    async def charge(self, identifier: str) -> tuple[Charge, Mapping[str, Any]]:
        """A charge with its balance transaction, and its payload. One call.

        Raises:
            StripeError: Stripe can't be read, or the charge can't.
        """
        payload = await self._api.get(f"/v1/charges/{identifier}", expand=["balance_transaction"])
        return parse_charge(payload), payload

    async def parts_of(self, source: PartSource, source_id: str) -> list[PaymentPart]:
        """Every part, of any status, that a payment intent or payment record pays. One call per 100.

        Raises:
            StripeError: Stripe can't be read, or a part can't.
        """
        return await self._parts(payment={"type": source.value, source.value: source_id}, status=None)

    async def _parts(self, *, status: str | None = "paid", **filters: Any) -> list[PaymentPart]:
        if status is not None:
            filters["status"] = status
        return [parse_payment_part(row) async for row in self._api.pages("/v1/invoice_payments", **filters)]

    async def _payment(self, parts: Sequence[PaymentPart]) -> InvoicePayment:
        first = parts[0]
        charge = await self._charge_of(first)
        everything = await self._everything_paid(parts, charge)
        return InvoicePayment(
            source=PaymentSource.PAYMENT_RECORD if charge is None else PaymentSource.CHARGE,
            source_id=first.source_id if charge is None else charge.id,
            currency=first.currency,
            # The same moment, from whichever invoice this payment is looked at.
            paid_at=min(part.paid_at for part in everything if part.paid_at is not None),
            allocations=_allocations(everything),
            charge=charge,
        )

    async def _with_charge(self, payment: InvoicePayment) -> InvoicePayment:
        if payment.source is not PaymentSource.CHARGE:
            return payment
        charge, _ = await self.charge(payment.source_id)
        return replace(payment, charge=charge)

    async def _charge_of(self, part: PaymentPart) -> Charge | None:
        match part.source:
            case PartSource.PAYMENT_RECORD:
                return None
            case PartSource.CHARGE:
                charge, _ = await self.charge(part.source_id)
                return charge
            case PartSource.PAYMENT_INTENT:
                found = await self.charge_of_intent(part.source_id)
                if found is None:
                    raise Fields(object_id=part.source_id, values={}).unreadable("latest_charge")
                return found

    async def _everything_paid(self, parts: Sequence[PaymentPart], charge: Charge | None) -> Sequence[PaymentPart]:
        """All paid parts of the source of these parts; asked for only when there may be others."""
        source, own = parts[0].source, sum(part.amount for part in parts)
        complete = charge is not None and charge.amount_captured <= own
        if complete or source not in _LISTED_BY:
            return parts
        filters = {"type": source.value, source.value: parts[0].source_id}
        return await self._parts(payment=filters) or parts


def _by_source(parts: Iterable[PaymentPart]) -> list[list[PaymentPart]]:
    groups: dict[str, list[PaymentPart]] = defaultdict(list)
    for part in parts:
        groups[part.source_id].append(part)
    return list(groups.values())


def _allocations(parts: Iterable[PaymentPart]) -> tuple[Allocation, ...]:
    amounts: dict[str, int] = defaultdict(int)
    for part in parts:
        amounts[part.invoice] += part.amount
    return tuple(Allocation(invoice=invoice, amount=amounts[invoice]) for invoice in sorted(amounts))


def _out_of_band(
    invoice: Invoice, parts: Sequence[PaymentPart], paid_off_stripe: int | None
) -> tuple[InvoicePayment, ...]:
    """What was paid outside of Stripe and not recorded as a payment: no invoice payment stands for it."""
    if paid_off_stripe is not None:
        rest = paid_off_stripe - sum(part.amount for part in parts if part.source is PartSource.PAYMENT_RECORD)
    else:
        paid = invoice.status is InvoiceStatus.PAID
        paid_parts = sum(part.amount for part in parts)
        # Whether amount_paid holds the overpaid amount is not known; without it nothing is taken for out of band.
        rest = invoice.amount_paid - invoice.amount_overpaid - paid_parts if paid else 0
    if rest <= 0 or invoice.paid_at is None:
        # Without a date there is no payment; the books then see that the payments do not add up, and say so.
        return ()
    return (
        InvoicePayment(
            source=PaymentSource.OUT_OF_BAND,
            source_id=invoice.id,
            currency=invoice.currency,
            paid_at=invoice.paid_at,
            allocations=(Allocation(invoice=invoice.id, amount=rest),),
        ),
    )
