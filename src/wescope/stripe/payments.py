"""What paid an invoice: every movement of money with its charge and with everything else that the same money pays."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from wescope.books.values import (
    Allocation,
    Charge,
    ChargeStatus,
    Invoice,
    InvoicePayment,
    InvoiceStatus,
    PaymentSource,
)
from wescope.stripe.client import StripeApi
from wescope.stripe.parsing import Fields, PaymentPart, parse_balance_transaction, parse_charge, parse_payment_part
from wescope.stripe.parsing.invoice_payments import PartSource, PartStatus

PARTIAL_CAPTURE = "partial_capture_reversal"
"""Reporting category of a row that takes back what was not captured."""

# Stripe lists invoice payments by payment intent or payment record only. A charge stands in one only when it has no
# payment intent (before 2019), and then it paid one invoice.
_LISTED_BY = frozenset({PartSource.PAYMENT_INTENT, PartSource.PAYMENT_RECORD})
_ROWS = ("balance_transaction", "failure_balance_transaction")


class PaymentReader:
    """Reads what paid an invoice (facts/stripe.md 1: since 2025-03-31.basil only invoice payments say so)."""

    def __init__(self, api: StripeApi) -> None:
        self._api = api

    async def paid_for(
        self, invoice: Invoice, paid_off_stripe: int | None, *, attempted: bool, parts: Sequence[PaymentPart] | None
    ) -> tuple[InvoicePayment, ...]:
        """The payments of an invoice, oldest first: what paid it, and charges that failed after they had succeeded.

        Calls: none if nothing was paid or attempted; else one per payment intent or charge in its parts, one more for
        each payment intent that collected more than this invoice got, for each charge that failed later, and for each
        payment record; without parts one per 100 of them.

        Args:
            invoice: The invoice; payments only if it is so old that it names them itself.
            paid_off_stripe: Its `amount_paid_off_stripe`; null before 2026-05-27.dahlia.
            attempted: Whether an attempt was made to pay it.
            parts: All its invoice payments, if they were read with it.

        Raises:
            StripeError: Stripe can't be read, or one of the objects can't.
        """
        paid = invoice.amount_paid or invoice.amount_overpaid or paid_off_stripe
        # Over nothing, or below, something may be due all the same: an older debt that it collects.
        if not paid and not (attempted and max(invoice.total, invoice.amount_due) > 0):
            return ()
        if parts is None:
            parts = await self._parts(invoice=invoice.id)
        if not parts and invoice.payments:
            # An invoice of before 2025-03-31.basil names its payment itself: it is believed, and nothing is guessed.
            return tuple([await self._with_charge(payment) for payment in invoice.payments])
        payments = [payment for group in _by_source(parts) for payment in await self._payments(group)]
        payments.extend(_out_of_band(invoice, payments, paid_off_stripe))
        return tuple(sorted(payments, key=lambda payment: (payment.paid_at, payment.source_id)))

    async def charges_of_intent(self, payment_intent: str, *, with_buyer: bool = False) -> list[Charge]:
        """All charges of a payment intent with their balance transactions, newest first. One call per 100.

        Args:
            payment_intent: Its id.
            with_buyer: Whether the customer is wanted as well.

        Raises:
            StripeError: Stripe can't be read, or a charge can't.
        """
        names = (*_ROWS, "customer") if with_buyer else _ROWS
        expand = [f"data.{name}" for name in names]
        rows = self._api.pages("/v1/charges", payment_intent=payment_intent, expand=expand)
        charges = [parse_charge(row) async for row in rows]
        return [await self._with_released(charge) for charge in charges]

    async def charge(self, identifier: str, *, with_buyer: bool = False) -> tuple[Charge, Mapping[str, Any]]:
        """A charge with its balance transactions, and its payload. One call.

        Args:
            identifier: Its id.
            with_buyer: Whether the customer is wanted as well.

        Raises:
            StripeError: Stripe can't be read, or the charge can't.
        """
        expand = [*_ROWS, "customer"] if with_buyer else [*_ROWS]
        payload = await self._api.get(f"/v1/charges/{identifier}", expand=expand)
        return await self._with_released(parse_charge(payload)), payload

    async def parts_of(self, source: PartSource, source_id: str) -> list[PaymentPart]:
        """Every part, of any status, that a payment intent or payment record pays. One call per 100.

        Raises:
            StripeError: Stripe can't be read, or a part can't.
        """
        return await self._parts(payment={"type": source.value, source.value: source_id})

    async def _with_released(self, charge: Charge) -> Charge:
        """A charge with what was not captured of it, where Stripe converted: both rows together are exact."""
        booked = charge.balance_transaction
        if booked is None or booked.currency == charge.currency or charge.amount_captured >= charge.amount:
            return charge
        refunds = self._api.pages("/v1/refunds", charge=charge.id, expand=["data.balance_transaction"])
        rows = [Fields.of(refund, "refund").expanded("balance_transaction") async for refund in refunds]
        released = [parse_balance_transaction(row) for row in rows if row is not None]
        amount = sum(row.amount for row in released if row.reporting_category == PARTIAL_CAPTURE)
        return replace(charge, released=amount)

    async def _parts(self, **filters: Any) -> list[PaymentPart]:
        return [parse_payment_part(row) async for row in self._api.pages("/v1/invoice_payments", **filters)]

    async def _payments(self, parts: Sequence[PaymentPart]) -> list[InvoicePayment]:
        """What one source, of which these are the parts of one invoice, has moved: nothing, once, or more often."""
        paid = [part for part in parts if part.status is PartStatus.PAID]
        first = parts[0]
        match first.source:
            case PartSource.PAYMENT_RECORD:
                return [_payment(await self._everything_paid(paid, None), None)] if paid else []
            case PartSource.CHARGE:
                charge, _ = await self.charge(first.source_id)
                charges = [charge]
            case PartSource.PAYMENT_INTENT:
                charges = await self.charges_of_intent(first.source_id)
        standing = _standing(charges, first.source_id) if paid else None
        payments = [await self._failed(charge, parts) for charge in charges if charge.failure_balance_transaction]
        if standing is not None:
            payments.append(_payment(await self._everything_paid(paid, standing), standing))
        return payments

    async def _failed(self, charge: Charge, parts: Sequence[PaymentPart]) -> InvoicePayment:
        """A charge that failed after it had succeeded, with what it was meant to pay, from wherever it is looked at."""
        first = parts[0]
        listed = first.source in _LISTED_BY
        everything = await self.parts_of(first.source, first.source_id) if listed else parts
        return InvoicePayment(
            source=PaymentSource.CHARGE,
            source_id=charge.id,
            currency=first.currency,
            paid_at=_received_at(charge),
            allocations=_meant(everything or parts, charge.amount_captured or charge.amount),
            charge=charge,
        )

    async def _with_charge(self, payment: InvoicePayment) -> InvoicePayment:
        if payment.source is not PaymentSource.CHARGE:
            return payment
        charge, _ = await self.charge(payment.source_id)
        return replace(payment, charge=charge)

    async def _everything_paid(self, paid: Sequence[PaymentPart], charge: Charge | None) -> Sequence[PaymentPart]:
        """All paid parts of the source of these parts; asked for only when there may be others."""
        source, own = paid[0].source, sum(part.amount for part in paid)
        complete = charge is not None and charge.amount_captured <= own
        if complete or source not in _LISTED_BY:
            return paid
        everything = await self.parts_of(source, paid[0].source_id)
        return [part for part in everything if part.status is PartStatus.PAID] or paid


def _standing(charges: Sequence[Charge], source_id: str) -> Charge | None:
    """The charge that the paid parts of a source stand for; null if all that ever succeeded has failed later.

    Raises:
        ObjectUnreadable: there is no charge at all.
    """
    standing = [charge for charge in charges if charge.failure_balance_transaction is None]
    succeeded = [charge for charge in standing if charge.status is ChargeStatus.SUCCEEDED and charge.captured]
    if succeeded:
        return succeeded[0]
    if len(standing) < len(charges):
        return None
    if not charges:
        raise Fields(object_id=source_id, values={}).unreadable("latest_charge")
    # None of them moved money, yet Stripe says that the invoice is paid: the books see it, and say so.
    return charges[0]


def _payment(everything: Sequence[PaymentPart], charge: Charge | None) -> InvoicePayment:
    """The payment that the paid parts of one source are; a payment record's, if there is no charge."""
    first = everything[0]
    return InvoicePayment(
        source=PaymentSource.PAYMENT_RECORD if charge is None else PaymentSource.CHARGE,
        source_id=first.source_id if charge is None else charge.id,
        currency=first.currency,
        # The same moment, from whichever invoice this payment is looked at.
        paid_at=min(part.paid_at for part in everything if part.paid_at is not None),
        allocations=_allocations(everything),
        charge=charge,
    )


def _received_at(charge: Charge) -> datetime:
    return charge.created if charge.balance_transaction is None else charge.balance_transaction.created


def _meant(parts: Sequence[PaymentPart], left: int) -> tuple[Allocation, ...]:
    """What a charge of the amount `left` was meant to pay; a canceled part comes last.

    What is left of a part after the failure follows what remains of its invoice: one invoice alone was paid by all.
    """
    if len(invoices := {part.invoice for part in parts}) == 1:
        return (Allocation(invoice=invoices.pop(), amount=left),)
    ordered = sorted(parts, key=lambda part: (part.status is PartStatus.CANCELED, part.invoice, part.id))
    amounts: dict[str, int] = defaultdict(int)
    for part in ordered:
        taken = min(left, part.amount or part.requested)
        amounts[part.invoice] += taken
        left -= taken
    return tuple(
        Allocation(invoice=invoice, amount=amounts[invoice]) for invoice in sorted(amounts) if amounts[invoice]
    )


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
    invoice: Invoice, payments: Iterable[InvoicePayment], paid_off_stripe: int | None
) -> tuple[InvoicePayment, ...]:
    """What was paid outside of Stripe and not recorded as a payment: no invoice payment stands for it."""
    own = [
        (payment.source, part.amount)
        for payment in payments
        for part in payment.allocations
        if part.invoice == invoice.id
    ]
    if paid_off_stripe is not None:
        rest = paid_off_stripe - sum(amount for source, amount in own if source is PaymentSource.PAYMENT_RECORD)
    else:
        paid = invoice.status is InvoiceStatus.PAID
        # Whether amount_paid holds the overpaid amount is not known; without it nothing is taken for out of band.
        # The same of a charge that failed later: it may still be in amount_paid.
        rest = invoice.amount_paid - invoice.amount_overpaid - sum(amount for _, amount in own) if paid else 0
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
