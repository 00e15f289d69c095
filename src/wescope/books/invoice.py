"""Invoice: a finalized invoice is a QBO invoice with its payments; what is not posted yet is parked with its amount.

Rules: DESIGN.md section 3; facts/stripe.md 2.1 (life of an invoice), 2.2 (which number is what), 2.4 (balance).
"""

from datetime import date

from wescope.books.calendar import in_later_month, local_date
from wescope.books.customer import customer_document
from wescope.books.documents import Desired, Document, Entity, Existence, InvoiceBody, KeyDates, SalesLine, Skipped
from wescope.books.lines import sales_lines, service_dates
from wescope.books.names import doc_number
from wescope.books.parking import ParkCode, Parked
from wescope.books.payment import Outcome, allocated, payment_document
from wescope.books.policy import Policy
from wescope.books.subjects import DocumentKey, customer_key, invoice_key, payment_key
from wescope.books.values import Invoice, InvoicePayment, InvoiceStatus


def invoice_books(invoice: Invoice, policy: Policy) -> Desired:
    """What the books should hold for an invoice: its customer, itself, its payments, in posting order.

    Args:
        invoice: a Stripe invoice with all its lines and its paid payments, in minor units of its currency.
        policy: the company's choices; dates are in its time zone.

    Returns:
        Documents whose lines add up to Stripe's total. An invoice that cannot be posted is parked under its own key
        and its payments wait for it. Credit notes, balance use, write-offs and late voids leave the invoice as it is
        and are parked under `in_1:credit_notes`, `in_1:balance`, `in_1:write_off` and `in_1:reversal`.
    """
    if invoice.status is InvoiceStatus.DRAFT:
        return _skipped(invoice, "draft")
    issued = invoice.effective_at or invoice.finalized_at
    if issued is None:
        return _held(invoice, _parked(invoice, ParkCode.MISSING_DATE, invoice.total, field="finalized_at"), policy)
    posted_on = local_date(issued, policy.timezone)
    if policy.start_date is not None and posted_on < policy.start_date:
        return _skipped(invoice, "before_start_date")
    lines = sales_lines(invoice, policy)
    if invoice.total == 0 and not any(line.amount for line in lines):
        return _skipped(invoice, "zero_invoice")
    existence = _existence(invoice, posted_on, policy)
    if obstacle := _obstacle(invoice, lines, policy):
        # Its lines never change once it is finalized: what is void now and unfit now has never been posted.
        return _skipped(invoice, "voided") if existence is Existence.VOID else _held(invoice, obstacle, policy)
    return _books(invoice, _document(invoice, lines, posted_on, existence, policy), policy)


def _obstacle(invoice: Invoice, lines: tuple[SalesLine, ...], policy: Policy) -> Parked | None:
    """Why the invoice cannot be posted, if so."""
    total, lines_total = invoice.total, sum(line.amount for line in lines)
    if not invoice.customer.id:
        return _parked(invoice, ParkCode.MISSING_CUSTOMER, total)
    if stray := next((line for line in invoice.lines if line.currency != invoice.currency), None):
        return _parked(invoice, ParkCode.LINE_CURRENCY_MISMATCH, total, line=stray.id, line_currency=stray.currency)
    if lines_total != total:
        return _parked(invoice, ParkCode.TOTAL_MISMATCH, total, lines_total=lines_total, stripe_total=total)
    if invoice.currency != policy.home_currency:
        return _parked(invoice, ParkCode.FOREIGN_CURRENCY, total)
    if total < 0:
        return _parked(invoice, ParkCode.NEGATIVE_TOTAL, total)
    if invoice.status is InvoiceStatus.VOID and invoice.voided_at is None:
        return _parked(invoice, ParkCode.MISSING_DATE, total, field="voided_at")
    return None


def _existence(invoice: Invoice, posted_on: date, policy: Policy) -> Existence:
    """Void only in the month in which it was posted, so that a reported month never changes by itself."""
    if invoice.status is not InvoiceStatus.VOID or invoice.voided_at is None:
        return Existence.PRESENT
    later = in_later_month(local_date(invoice.voided_at, policy.timezone), posted_on)
    return Existence.PRESENT if later else Existence.VOID


def _document(
    invoice: Invoice, lines: tuple[SalesLine, ...], posted_on: date, existence: Existence, policy: Policy
) -> Document:
    usage_start, usage_end = service_dates(invoice, policy)
    return Document(
        key=invoice_key(invoice.id),
        entity=Entity.INVOICE,
        currency=invoice.currency,
        amount=invoice.total,
        body=InvoiceBody(
            customer=customer_key(invoice.customer.id, invoice.currency),
            lines=lines,
            doc_number=doc_number(invoice.number, invoice.id, policy.doc_number_prefix),
        ),
        dates=KeyDates(
            txn=posted_on,
            due=None if invoice.due_date is None else local_date(invoice.due_date, policy.timezone),
            usage_start=usage_start,
            usage_end=usage_end,
        ),
        stripe_ids=(invoice.id,),
        note=f"Stripe invoice {invoice.id}" + (f" {invoice.number}" if invoice.number else ""),
        existence=existence,
    )


def _books(invoice: Invoice, document: Document, policy: Policy) -> Desired:
    """All around an invoice that can be posted. A void one needs no customer, and holds no payment."""
    outcomes = _payments(invoice, policy)
    if document.existence is Existence.VOID:
        return _sorted((document, *(_waiting(outcome, document.key) for outcome in outcomes)))
    customer = customer_document(invoice.customer, invoice.currency, policy)
    mismatch = _payments_mismatch(invoice, outcomes)
    return _sorted((customer, document, *outcomes, *mismatch, *_follow_ups(invoice)))


def _payments(invoice: Invoice, policy: Policy) -> tuple[Outcome, ...]:
    return tuple(payment_document(payment, invoice.customer, policy) for payment in _movements(invoice))


def _movements(invoice: Invoice) -> tuple[InvoicePayment, ...]:
    """The invoice's payments, each movement of money once."""
    return tuple({payment.source_id: payment for payment in reversed(invoice.payments)}.values())[::-1]


def _payments_mismatch(invoice: Invoice, outcomes: tuple[Outcome, ...]) -> tuple[Parked, ...]:
    """Stripe's sum of what was paid, against the payments that are posted or parked (facts/stripe.md 2.2)."""
    skipped = {outcome.key for outcome in outcomes if isinstance(outcome, Skipped)}
    counted = [payment for payment in _movements(invoice) if payment_key(payment.source_id) not in skipped]
    listed = sum(allocated(payment, invoice.id) for payment in counted)
    if listed in {invoice.amount_paid, invoice.amount_paid - invoice.amount_overpaid}:
        return ()
    stake = abs(invoice.amount_paid - listed)
    details = {"payments_total": listed, "stripe_amount_paid": invoice.amount_paid}
    return (_parked(invoice, ParkCode.PAYMENTS_MISMATCH, stake, part="payments", **details),)


def _follow_ups(invoice: Invoice) -> tuple[Parked, ...]:
    """What happened to a posted invoice beyond its payments, and is not posted yet."""
    before, after = invoice.pre_payment_credit_notes_amount, invoice.post_payment_credit_notes_amount
    balance = _balance_used(invoice)
    parked = []
    if before or after:
        details = {"pre_payment": before, "post_payment": after}
        parked.append(_parked(invoice, ParkCode.CREDIT_NOTE, before + after, part="credit_notes", **details))
    if invoice.status is InvoiceStatus.VOID:
        # Stripe gives the customer's balance back when it voids, so all that is neither paid nor credited is reversed.
        reversal = invoice.total - invoice.amount_paid - before
        parked.append(_parked(invoice, ParkCode.VOIDED_LATER, reversal, part="reversal"))
    elif balance:
        parked.append(_parked(invoice, ParkCode.CUSTOMER_BALANCE_USED, balance, part="balance"))
    if invoice.status is InvoiceStatus.UNCOLLECTIBLE:
        parked.append(_parked(invoice, ParkCode.UNCOLLECTIBLE, invoice.amount_remaining, part="write_off"))
    return tuple(parked)


def _balance_used(invoice: Invoice) -> int:
    """What the customer's balance paid of the invoice; below zero if the invoice also collected an older debt.

    The move of the balance says it where Stripe states it. Else it is the gap between total and amount due, and
    whether pre-payment credit notes are part of that gap depends on who tells: `amount_remaining` is the same in both.
    """
    if invoice.ending_balance is not None and invoice.ending_balance != invoice.starting_balance:
        return invoice.ending_balance - invoice.starting_balance
    notes = invoice.pre_payment_credit_notes_amount
    gap = invoice.total - invoice.amount_due
    if gap in {0, notes}:
        return 0
    return invoice.total - invoice.amount_paid - invoice.amount_remaining - notes if notes else gap


def _skipped(invoice: Invoice, reason: str) -> Desired:
    keys = (invoice_key(invoice.id), *(payment_key(payment.source_id) for payment in _movements(invoice)))
    return Desired(skipped=tuple(Skipped(key=key, reason=reason) for key in keys))


def _held(invoice: Invoice, parked: Parked, policy: Policy) -> Desired:
    return _sorted((parked, *(_waiting(outcome, parked.key) for outcome in _payments(invoice, policy))))


def _waiting(outcome: Outcome, key: DocumentKey) -> Outcome:
    if not isinstance(outcome, Document):
        return outcome
    return Parked(
        key=outcome.key,
        code=ParkCode.WAITING,
        amount=outcome.amount,
        currency=outcome.currency,
        details={"waiting_on": key},
    )


def _sorted(outcomes: tuple[Outcome, ...]) -> Desired:
    return Desired(
        documents=tuple(outcome for outcome in outcomes if isinstance(outcome, Document)),
        parked=tuple(outcome for outcome in outcomes if isinstance(outcome, Parked)),
        skipped=tuple(outcome for outcome in outcomes if isinstance(outcome, Skipped)),
    )


def _parked(invoice: Invoice, code: ParkCode, amount: int, part: str = "invoice", **details: str | int) -> Parked:
    return Parked(
        key=DocumentKey(f"{invoice.id}:{part}"),
        code=code,
        amount=amount,
        currency=invoice.currency,
        details=details,
    )
