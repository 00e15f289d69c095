"""Payment: each paid invoice payment is one QBO payment, gross; one that pays several invoices is applied to each."""

from datetime import date

from wescope.books.calendar import local_date
from wescope.books.documents import Application, Document, Entity, KeyDates, PaymentBody, Skipped
from wescope.books.names import payment_reference
from wescope.books.parking import ParkCode, Parked
from wescope.books.policy import AccountRole, Policy
from wescope.books.subjects import customer_key, invoice_key, payment_key
from wescope.books.values import (
    BalanceTransaction,
    Charge,
    ChargeStatus,
    Customer,
    InvoicePayment,
    PaymentSource,
)

Outcome = Document | Parked | Skipped
"""What becomes of one payment."""


def payment_document(payment: InvoicePayment, customer: Customer, policy: Policy) -> Outcome:
    """The QBO payment of one movement of money, the same from whichever of its invoices it is computed.

    Args:
        payment: a paid movement of money and all that it pays.
        customer: the customer of the invoices that it pays.
        policy: the company's choices.

    Returns:
        A payment of what was captured into the clearing account, dated by its balance transaction; or of what it pays
        into the out-of-band account, dated by `paid_at`, if the money never was in Stripe. What it pays of no invoice
        stays unapplied. Or the reason why there is none, under the same key.
    """
    if any(allocation.amount < 0 for allocation in payment.allocations):
        return _parked(payment, ParkCode.OBJECT_UNREADABLE, allocated(payment), field="allocations.amount")
    if payment.source is PaymentSource.CHARGE:
        return _from_charge(payment, customer, policy)
    return _from_outside(payment, customer, policy)


def allocated(payment: InvoicePayment, invoice_id: str | None = None) -> int:
    """What a payment pays of one invoice, or of all if none is named, in minor units of its currency."""
    return sum(part.amount for part in payment.allocations if invoice_id in {None, part.invoice})


def _from_charge(payment: InvoicePayment, customer: Customer, policy: Policy) -> Outcome:
    charge = payment.charge
    if charge is None:
        return _parked(payment, ParkCode.OBJECT_UNREADABLE, allocated(payment), field="charge")
    if unsettled := _unsettled(payment, charge):
        return unsettled
    booked = charge.balance_transaction
    if booked is None:
        return _parked(payment, ParkCode.BALANCE_TRANSACTION_MISSING, charge.amount_captured, charge=charge.id)
    if obstacle := _obstacle(payment, charge, booked, policy):
        return obstacle
    intent = charge.payment_intent
    return _document(
        payment,
        customer,
        policy,
        amount=charge.amount_captured,
        received=local_date(booked.created, policy.timezone),
        deposit_to=AccountRole.CLEARING,
        stripe_ids=tuple(stripe_id for stripe_id in (charge.id, intent, booked.id) if stripe_id),
        note=f"Stripe charge {charge.id}" + (f" of payment intent {intent}" if intent else ""),
    )


def _from_outside(payment: InvoicePayment, customer: Customer, policy: Policy) -> Outcome:
    amount = allocated(payment)
    if payment.currency != policy.home_currency:
        return _parked(payment, ParkCode.FOREIGN_CURRENCY, amount)
    recorded = payment.source is PaymentSource.PAYMENT_RECORD
    return _document(
        payment,
        customer,
        policy,
        amount=amount,
        received=local_date(payment.paid_at, policy.timezone),
        deposit_to=AccountRole.OUT_OF_BAND,
        stripe_ids=(payment.source_id,),
        note=f"Stripe payment record {payment.source_id}"
        if recorded
        else f"Stripe invoice {payment.source_id} paid out of band",
    )


def _unsettled(payment: InvoicePayment, charge: Charge) -> Parked | Skipped | None:
    """Why the charge is no money (any more), if so. A failure after success has moved money, so it goes first."""
    if charge.failure_balance_transaction is not None:
        row = charge.failure_balance_transaction
        return _parked(payment, ParkCode.CHARGE_FAILED_LATER, charge.amount_captured or charge.amount, failure_row=row)
    if charge.status is ChargeStatus.FAILED:
        return Skipped(key=payment_key(payment.source_id), reason="charge_failed")
    if charge.status is ChargeStatus.PENDING:
        return _parked(payment, ParkCode.CHARGE_PENDING, charge.amount, charge=charge.id)
    if not charge.captured or charge.amount_captured == 0:
        return Skipped(key=payment_key(payment.source_id), reason="charge_uncaptured")
    return None


def _obstacle(payment: InvoicePayment, charge: Charge, booked: BalanceTransaction, policy: Policy) -> Parked | None:
    """Why a settled charge cannot be posted, if so.

    A charge that settles in another currency lands in another clearing account, at a rate: it is foreign, too.
    """
    amount, paid = charge.amount_captured, allocated(payment)
    if {payment.currency, charge.currency, booked.currency} != {policy.home_currency}:
        return _parked(
            payment,
            ParkCode.FOREIGN_CURRENCY,
            amount,
            charge_currency=charge.currency,
            settlement_currency=booked.currency,
        )
    if paid > amount:
        return _parked(payment, ParkCode.PAYMENT_EXCEEDS_CHARGE, amount, allocated=paid, captured=amount)
    return None


def _document(
    payment: InvoicePayment,
    customer: Customer,
    policy: Policy,
    *,
    amount: int,
    received: date,
    deposit_to: AccountRole,
    stripe_ids: tuple[str, ...],
    note: str,
) -> Document | Skipped:
    if policy.start_date is not None and received < policy.start_date:
        return Skipped(key=payment_key(payment.source_id), reason="before_start_date")
    return Document(
        key=payment_key(payment.source_id),
        entity=Entity.PAYMENT,
        currency=payment.currency,
        amount=amount,
        body=PaymentBody(
            customer=customer_key(customer.id, payment.currency),
            deposit_to=deposit_to,
            reference=payment_reference(payment.source_id),
            applications=_applications(payment),
        ),
        dates=KeyDates(txn=received, payment_received=received),
        stripe_ids=stripe_ids,
        note=note,
    )


def _applications(payment: InvoicePayment) -> tuple[Application, ...]:
    """One per invoice, in the order of their ids: QBO links a payment to an invoice once."""
    return tuple(
        Application(document=invoice_key(invoice_id), amount=amount)
        for invoice_id in sorted({allocation.invoice for allocation in payment.allocations})
        if (amount := allocated(payment, invoice_id))
    )


def _parked(payment: InvoicePayment, code: ParkCode, amount: int, **details: str | int) -> Parked:
    return Parked(
        key=payment_key(payment.source_id), code=code, amount=amount, currency=payment.currency, details=details
    )
