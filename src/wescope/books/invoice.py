"""Invoice: a finalized invoice is a QBO invoice (or a credit memo below zero), with all that happened to it since.

Rules: DESIGN.md section 3; facts/stripe.md 2.1 (life of an invoice), 2.2 (which number is what), 2.4 (balance).
What happened to it afterwards is told by `invoice_story`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date, datetime

from wescope.books.balance import undone_applications
from wescope.books.calendar import local_date
from wescope.books.customer import customer_document
from wescope.books.documents import (
    Application,
    CreditMemoBody,
    Desired,
    Document,
    Entity,
    Existence,
    Follow,
    InvoiceBody,
    KeyDates,
    SalesLine,
    Skipped,
)
from wescope.books.invoice_story import Told, tell
from wescope.books.lines import sales_lines, service_dates
from wescope.books.names import doc_number
from wescope.books.parking import ParkCode, Parked
from wescope.books.payment import Outcome, allocated, failed_at, movements, payment_document, waiting
from wescope.books.policy import Policy
from wescope.books.reversal import is_taken_back
from wescope.books.subjects import (
    DocumentKey,
    Subject,
    SubjectKind,
    credit_memo_key,
    customer_key,
    invoice_key,
    payment_key,
)
from wescope.books.values import Invoice, InvoiceStatus


def invoice_books(invoice: Invoice, policy: Policy) -> Desired:
    """What the books should hold for an invoice: its customer, itself, and what happened to it, in posting order.

    Args:
        invoice: a Stripe invoice with all its lines, payments and credit notes, in minor units of its currency.
        policy: the company's choices; dates are in its time zone.

    Returns:
        Documents whose lines add up to Stripe's total. An invoice that cannot be posted is parked under its own key
        and its payments wait for it. Of an invoice older than the books only what happened since then is posted, and
        settles nothing. A void one is taken back in its month, and credited by `in_1:reversal` later.
    """
    if invoice.status is InvoiceStatus.DRAFT:
        return _skipped(invoice, "draft")
    issued = invoice.effective_at or invoice.finalized_at
    if issued is None:
        return _held(invoice, _parked(invoice, ParkCode.MISSING_DATE, invoice.total, field="finalized_at"), policy)
    posted_on = local_date(issued, policy.timezone)
    lines = sales_lines(invoice, policy)
    if invoice.total == 0 and not any(line.amount for line in lines):
        return _without(invoice, "zero_invoice", lines, policy)
    if policy.start_date is not None and posted_on < policy.start_date:
        return _without(invoice, "before_start_date", lines, policy)
    existence = _existence(invoice, posted_on, policy)
    if obstacle := _obstacle(invoice, lines):
        # Its lines never change once it is finalized: what is void now and unfit now has never been posted.
        return _skipped(invoice, "voided") if existence is Existence.VOID else _held(invoice, obstacle, policy)
    document = _document(invoice, lines, posted_on, policy)
    return _books(invoice, replace(document, existence=existence), lines, policy)


def _obstacle(invoice: Invoice, lines: tuple[SalesLine, ...]) -> Parked | None:
    """Why the invoice cannot be posted, if so."""
    total, lines_total = invoice.total, sum(line.amount for line in lines)
    if not invoice.customer.id:
        return _parked(invoice, ParkCode.MISSING_CUSTOMER, total)
    if stray := next((line for line in invoice.lines if line.currency != invoice.currency), None):
        return _parked(invoice, ParkCode.LINE_CURRENCY_MISMATCH, total, line=stray.id, line_currency=stray.currency)
    if lines_total != total:
        return _parked(invoice, ParkCode.TOTAL_MISMATCH, total, lines_total=lines_total, stripe_total=total)
    if invoice.status is InvoiceStatus.VOID and invoice.voided_at is None:
        return _parked(invoice, ParkCode.MISSING_DATE, total, field="voided_at")
    return None


def _existence(invoice: Invoice, posted_on: date, policy: Policy) -> Existence:
    if invoice.status is not InvoiceStatus.VOID or invoice.voided_at is None:
        return Existence.PRESENT
    gone = is_taken_back(posted_on, local_date(invoice.voided_at, policy.timezone), policy)
    return Existence.VOID if gone else Existence.PRESENT


def _document(invoice: Invoice, lines: tuple[SalesLine, ...], posted_on: date, policy: Policy) -> Document:
    """The invoice as it was issued; below zero it is a credit memo, which stays open as the customer's credit."""
    usage_start, usage_end = service_dates(invoice, policy)
    customer = customer_key(invoice.customer.id, invoice.currency)
    number = doc_number(invoice.number, invoice.id, policy.doc_number_prefix)
    negative = invoice.total < 0
    return Document(
        key=credit_memo_key(invoice.id) if negative else invoice_key(invoice.id),
        entity=Entity.CREDIT_MEMO if negative else Entity.INVOICE,
        currency=invoice.currency,
        amount=abs(invoice.total),
        body=CreditMemoBody(customer=customer, lines=tuple(_negated(line) for line in lines), doc_number=number)
        if negative
        else InvoiceBody(customer=customer, lines=lines, doc_number=number),
        dates=KeyDates(
            txn=posted_on,
            due=None if invoice.due_date is None or negative else local_date(invoice.due_date, policy.timezone),
            usage_start=usage_start,
            usage_end=usage_end,
            credit=posted_on if negative else None,
        ),
        stripe_ids=(invoice.id,),
        note=_note(invoice),
    )


def _note(invoice: Invoice) -> str:
    number = f" {invoice.number}" if invoice.number else ""
    revised = f", revises {invoice.revision_of}" if invoice.revision_of else ""
    return f"Stripe invoice {invoice.id}{number}{revised}"


def _negated(line: SalesLine) -> SalesLine:
    taxes = tuple(replace(tax, amount=-tax.amount) for tax in line.taxes)
    return replace(line, amount=-line.amount, taxes=taxes)


def _books(invoice: Invoice, document: Document, lines: tuple[SalesLine, ...], policy: Policy) -> Desired:
    """All around an invoice that can be posted. What is taken back comes first: it frees what it was applied to."""
    others = _portions_of_others(invoice, policy)
    told = tell(invoice, document, lines, policy, others)
    story = told.outcomes
    gone = [one for one in story if isinstance(one, Document) and one.existence is Existence.VOID and not one.stands]
    rest = [one for one in story if one not in gone]
    customer = customer_document(invoice.customer, invoice.currency, policy)
    if document.existence is Existence.VOID:
        blockers = (*undone_applications(invoice, policy), *(one.key for one in gone if document.key in one.references))
        counters = tell(invoice, replace(document, existence=Existence.PRESENT), lines, policy, others).outcomes
        dated = tuple(one for one in counters if isinstance(one, Document) and _is_reversal(one, invoice))
        needed = (customer,) if any(isinstance(one, Document) for one in rest) else ()
        voided = replace(document, blockers=blockers, counters=dated)
        return _sorted((*gone, voided, *needed, *rest), _follows(invoice))
    mismatch = _payments_mismatch(invoice, story) or _open_mismatch(invoice, told)
    return _sorted((*gone, customer, document, *rest, *mismatch), _follows(invoice))


def _portions_of_others(invoice: Invoice, policy: Policy) -> dict[str, Mapping[str, tuple[Application, ...]]]:
    """What money over several invoices settles because of the others: each tells its own story for that."""
    portions: dict[str, Mapping[str, tuple[Application, ...]]] = {}
    for companion in invoice.companions:
        standing = _standing(companion, policy)
        if standing is not None:
            portions[companion.id] = tell(companion, *standing, policy).portions
    return portions


def _standing(invoice: Invoice, policy: Policy) -> tuple[Document | None, tuple[SalesLine, ...]] | None:
    """The document of an invoice (null if it rightly has none) and its lines; null if it is held or a draft."""
    issued = invoice.effective_at or invoice.finalized_at
    if invoice.status is InvoiceStatus.DRAFT or issued is None:
        return None
    posted_on, lines = local_date(issued, policy.timezone), sales_lines(invoice, policy)
    empty = invoice.total == 0 and not any(line.amount for line in lines)
    if empty or (policy.start_date is not None and posted_on < policy.start_date):
        return None, lines
    if _obstacle(invoice, lines):
        return None
    document = _document(invoice, lines, posted_on, policy)
    return replace(document, existence=_existence(invoice, posted_on, policy)), lines


def _is_reversal(document: Document, invoice: Invoice) -> bool:
    return document.key in {f"{invoice.id}:reversal", f"{invoice.id}:reversal_application"}


def _without(invoice: Invoice, reason: str, lines: tuple[SalesLine, ...], policy: Policy) -> Desired:
    """Without a document of its own (older than the books, or over nothing): what happened to it since.

    It settles nothing but older debts that it collects. Without a customer it is held as soon as there is something to
    post, and its payments wait for it.
    """
    told = tell(invoice, None, lines, policy, _portions_of_others(invoice, policy))
    story = told.outcomes
    posted = any(isinstance(one, Document) and one.existence is Existence.PRESENT for one in story)
    if posted and not invoice.customer.id:
        return _held(invoice, _parked(invoice, ParkCode.MISSING_CUSTOMER, invoice.total), policy)
    customer = (customer_document(invoice.customer, invoice.currency, policy),) if posted else ()
    return _sorted((Skipped(key=invoice_key(invoice.id), reason=reason), *customer, *story), _follows(invoice))


def _payments_mismatch(invoice: Invoice, outcomes: Iterable[Outcome]) -> tuple[Parked, ...]:
    """Stripe's sum of what was paid, against the payments that are posted or parked (facts/stripe.md 2.2)."""
    skipped = {outcome.key for outcome in outcomes if isinstance(outcome, Skipped)}
    counted = [
        payment
        for payment in movements(invoice)
        if payment_key(payment.source_id) not in skipped and failed_at(payment) is None
    ]
    listed = sum(allocated(payment, invoice.id) for payment in counted)
    if listed in {invoice.amount_paid, invoice.amount_paid - invoice.amount_overpaid}:
        return ()
    stake = abs(invoice.amount_paid - listed)
    details = {"payments_total": listed, "stripe_amount_paid": invoice.amount_paid}
    return (_parked(invoice, ParkCode.PAYMENTS_MISMATCH, stake, part="payments", **details),)


def _open_mismatch(invoice: Invoice, told: Told) -> tuple[Parked, ...]:
    """Stripe's open amount, against what payments, credit notes and the customer's balance leave open."""
    owed = max(told.owed, 0)
    if invoice.status is InvoiceStatus.VOID or owed == max(invoice.amount_remaining, 0):
        return ()
    details = {"open_by_documents": owed, "stripe_amount_remaining": invoice.amount_remaining}
    stake = abs(owed - invoice.amount_remaining)
    return (_parked(invoice, ParkCode.OPEN_MISMATCH, stake, part="open", **details),)


def _follows(invoice: Invoice) -> tuple[Follow, ...]:
    """The customer, if its balance was moved by this invoice: what settles what is booked there."""
    moved = [move.created for move in invoice.balance if move.invoice == invoice.id]
    ending = invoice.ending_balance
    if not moved and (ending is None or ending == invoice.starting_balance):
        return ()
    since: datetime = max(moved, default=invoice.finalized_at or invoice.created)
    return (Follow(subject=Subject(kind=SubjectKind.CUSTOMER, id=invoice.customer.id), since=since),)


def _skipped(invoice: Invoice, reason: str) -> Desired:
    keys = (invoice_key(invoice.id), *(payment_key(payment.source_id) for payment in movements(invoice)))
    return Desired(skipped=tuple(Skipped(key=key, reason=reason) for key in keys))


def _held(invoice: Invoice, parked: Parked, policy: Policy) -> Desired:
    payments = (payment_document(payment, invoice.customer, policy) for payment in movements(invoice))
    return _sorted((parked, *(_held_back(outcome, parked.key) for outcome in payments)))


def _held_back(outcome: Outcome, key: DocumentKey) -> Outcome:
    return waiting(outcome, key) if isinstance(outcome, Document) else outcome


def _sorted(outcomes: Iterable[Outcome], follows: tuple[Follow, ...] = ()) -> Desired:
    all_outcomes = tuple(outcomes)
    return Desired(
        documents=tuple(outcome for outcome in all_outcomes if isinstance(outcome, Document)),
        parked=tuple(outcome for outcome in all_outcomes if isinstance(outcome, Parked)),
        skipped=tuple(outcome for outcome in all_outcomes if isinstance(outcome, Skipped)),
        follows=follows,
    )


def _parked(invoice: Invoice, code: ParkCode, amount: int, part: str = "invoice", **details: str | int) -> Parked:
    return Parked(
        key=DocumentKey(f"{invoice.id}:{part}"),
        code=code,
        amount=amount,
        currency=invoice.currency,
        details=details,
    )
