"""Payment: each paid invoice payment is one QBO payment, gross; one that pays several invoices is applied to each."""

from collections.abc import Iterable
from datetime import date, datetime

from wescope.books.calendar import local_date
from wescope.books.documents import (
    Application,
    Document,
    Entity,
    JournalEntryBody,
    JournalLine,
    KeyDates,
    PaymentBody,
    Settled,
    Skipped,
)
from wescope.books.names import doc_number, payment_reference
from wescope.books.parking import ParkCode, Parked
from wescope.books.policy import AccountRole, Policy, RoleAccount
from wescope.books.rates import captured_row, rate_of, two_foreign_currencies
from wescope.books.subjects import DocumentKey, customer_key, invoice_key, payment_key, reversal_key
from wescope.books.values import (
    BalanceTransaction,
    Charge,
    ChargeStatus,
    Customer,
    Invoice,
    InvoicePayment,
    PaymentSource,
)

Outcome = Document | Parked | Skipped
"""What becomes of one payment."""


def payment_document(
    payment: InvoicePayment,
    customer: Customer,
    policy: Policy,
    applications: tuple[Application, ...] | None = None,
) -> Outcome:
    """The QBO payment of one movement of money, as it was when it succeeded.

    Args:
        payment: a movement of money that succeeded (it may have failed since) and all that it pays.
        customer: the customer of the invoices that it pays.
        policy: the company's choices.
        applications: what it settles in QBO; null: each of its invoices with what Stripe says.

    Returns:
        A payment of what was captured into the clearing account of its settlement currency, dated by its balance
        transaction; or of what it pays into the out-of-band account, dated by `paid_at`, if the money never was in
        Stripe. What it does not settle stays unapplied. Or the reason why there is none, under the same key.
    """
    if any(allocation.amount < 0 for allocation in payment.allocations):
        return _parked(payment, ParkCode.OBJECT_UNREADABLE, allocated(payment), field="allocations.amount")
    settles = applications_of(payment) if applications is None else applications
    if payment.source is PaymentSource.CHARGE:
        return _from_charge(payment, customer, policy, settles)
    return _from_outside(payment, customer, policy, settles)


def allocated(payment: InvoicePayment, invoice_id: str | None = None) -> int:
    """What a payment pays of one invoice, or of all if none is named, in minor units of its currency."""
    return sum(part.amount for part in payment.allocations if invoice_id in {None, part.invoice})


def applications_of(payment: InvoicePayment) -> tuple[Application, ...]:
    """One per invoice, in the order of their ids: QBO links a payment to an invoice once."""
    return tuple(
        Application(document=invoice_key(invoice_id), amount=amount)
        for invoice_id in sorted({allocation.invoice for allocation in payment.allocations})
        if (amount := allocated(payment, invoice_id)) > 0
    )


def movements(invoice: Invoice) -> tuple[InvoicePayment, ...]:
    """The invoice's payments, each movement of money once."""
    return tuple({payment.source_id: payment for payment in reversed(invoice.payments)}.values())[::-1]


def is_shared(payment: InvoicePayment) -> bool:
    """Whether it pays several invoices, so that it must look the same from each of them."""
    return len({allocation.invoice for allocation in payment.allocations}) > 1


def received_at(payment: InvoicePayment) -> datetime:
    """When the money came: when Stripe booked it, else when it was paid outside of Stripe (UTC)."""
    booked = payment.charge.balance_transaction if payment.charge else None
    return booked.created if booked else payment.paid_at


def failed_at(payment: InvoicePayment) -> datetime | None:
    """When money that had come was taken back (UTC); null if it was not."""
    row = payment.charge.failure_balance_transaction if payment.charge else None
    return row.created if row else None


def failure_entry(payment: InvoicePayment, document: Document, policy: Policy) -> tuple[Document, ...]:
    """The dated counter-document of a payment that failed after it had succeeded: the customer owes it again.

    Returns:
        A journal entry, accounts receivable of the customer against clearing, dated by the failure's row; none if
        the payment has not failed.
    """
    charge, body = payment.charge, document.body
    row = charge.failure_balance_transaction if charge else None
    if charge is None or row is None or not isinstance(body, PaymentBody):
        return ()
    on = local_date(row.created, policy.timezone)
    text = f"Stripe charge {charge.id} failed after it had succeeded"
    owed = RoleAccount(role=AccountRole.RECEIVABLE, currency=document.currency)
    clearing = RoleAccount(role=AccountRole.CLEARING, currency=row.currency)
    return (
        Document(
            key=reversal_key(payment.source_id),
            entity=Entity.JOURNAL_ENTRY,
            currency=document.currency,
            amount=document.amount,
            body=JournalEntryBody(
                lines=(
                    JournalLine(account=owed, amount=document.amount, description=text, customer=body.customer),
                    JournalLine(account=clearing, amount=-document.amount, description=text),
                ),
                doc_number=doc_number(None, charge.id, policy.doc_number_prefix),
            ),
            dates=KeyDates(txn=on),
            stripe_ids=(charge.id, row.id),
            note=text,
            exchange_rate=rate_of(document.amount, document.currency, row, policy),
            settled=Settled(amount=row.amount, currency=row.currency),
        ),
    )


def in_another_currency(payment: InvoicePayment) -> Parked:
    """A payment whose currency is not that of its invoice, which QBO could not apply."""
    return Parked(
        key=payment_key(payment.source_id),
        code=ParkCode.LINE_CURRENCY_MISMATCH,
        amount=allocated(payment),
        currency=payment.currency,
        details={"payment_currency": payment.currency},
    )


def waiting(document: Document, key: DocumentKey) -> Parked:
    """A document that must not be posted before another one."""
    return Parked(
        key=document.key,
        code=ParkCode.WAITING,
        amount=document.amount,
        currency=document.currency,
        details={"waiting_on": key},
        day=document.dates.txn,
    )


def _from_charge(
    payment: InvoicePayment, customer: Customer, policy: Policy, settles: tuple[Application, ...]
) -> Outcome:
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
    intent, amount = charge.payment_intent, charge.amount_captured
    return _document(
        payment,
        customer,
        policy,
        amount=amount,
        received=local_date(booked.created, policy.timezone),
        applications=settles,
        deposit_to=RoleAccount(role=AccountRole.CLEARING, currency=booked.currency),
        stripe_ids=tuple(stripe_id for stripe_id in (charge.id, intent, booked.id) if stripe_id),
        note=f"Stripe charge {charge.id}" + (f" of payment intent {intent}" if intent else ""),
        booked=captured_row(charge, booked),
    )


def _from_outside(
    payment: InvoicePayment, customer: Customer, policy: Policy, settles: tuple[Application, ...]
) -> Outcome:
    recorded = payment.source is PaymentSource.PAYMENT_RECORD
    return _document(
        payment,
        customer,
        policy,
        amount=allocated(payment),
        received=local_date(payment.paid_at, policy.timezone),
        applications=settles,
        deposit_to=RoleAccount(role=AccountRole.OUT_OF_BAND, currency=payment.currency),
        stripe_ids=(payment.source_id,),
        note=f"Stripe payment record {payment.source_id}"
        if recorded
        else f"Stripe invoice {payment.source_id} paid out of band",
    )


def _unsettled(payment: InvoicePayment, charge: Charge) -> Parked | Skipped | None:
    """Why the charge never was money, if so. One that failed after it had succeeded was."""
    if charge.failure_balance_transaction is None:
        if charge.status is ChargeStatus.FAILED:
            return Skipped(key=payment_key(payment.source_id), reason="charge_failed")
        if charge.status is ChargeStatus.PENDING:
            return _parked(payment, ParkCode.CHARGE_PENDING, charge.amount, charge=charge.id)
    if not charge.captured or charge.amount_captured == 0:
        return Skipped(key=payment_key(payment.source_id), reason="charge_uncaptured")
    return None


def _obstacle(payment: InvoicePayment, charge: Charge, booked: BalanceTransaction, policy: Policy) -> Parked | None:
    """Why a settled charge cannot be posted, if so."""
    amount, paid = charge.amount_captured, allocated(payment)
    if charge.currency != payment.currency:
        return _parked(payment, ParkCode.LINE_CURRENCY_MISMATCH, amount, charge_currency=charge.currency)
    if two_foreign_currencies(charge.currency, booked, policy):
        return _parked(payment, ParkCode.TWO_FOREIGN_CURRENCIES, amount, settlement_currency=booked.currency)
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
    applications: Iterable[Application],
    deposit_to: RoleAccount,
    stripe_ids: tuple[str, ...],
    note: str,
    booked: BalanceTransaction | None = None,
) -> Document | Skipped:
    if policy.start_date is not None and received < policy.start_date:
        return Skipped(key=payment_key(payment.source_id), reason="before_start_date")
    available = booked.available_on.date() if booked else None
    return Document(
        key=payment_key(payment.source_id),
        entity=Entity.PAYMENT,
        currency=payment.currency,
        amount=amount,
        body=PaymentBody(
            customer=customer_key(customer.id, payment.currency),
            deposit_to=deposit_to,
            reference=payment_reference(payment.source_id),
            applications=tuple(applications),
        ),
        dates=KeyDates(txn=received, payment_received=received, available=available),
        stripe_ids=stripe_ids,
        note=note,
        exchange_rate=rate_of(amount, payment.currency, booked, policy) if booked else None,
        settled=Settled(amount=booked.amount, currency=booked.currency) if booked else None,
    )


def _parked(payment: InvoicePayment, code: ParkCode, amount: int, **details: str | int) -> Parked:
    return Parked(
        key=payment_key(payment.source_id), code=code, amount=amount, currency=payment.currency, details=details
    )
