"""Refund: money that goes back through clearing is a refund receipt; its lines follow the credit notes that name it.

Rules: DESIGN.md section 3; facts/stripe.md 2.5 (a refund of a credit note is booked once), 2.6 (life of a refund).
"""

from collections.abc import Iterator

from wescope.books.credit_lines import credited_lines, split_note
from wescope.books.documents import Desired, Entity, SalesLine, Skipped
from wescope.books.parking import ParkCode, Parked
from wescope.books.policy import ItemRole, Policy
from wescope.books.rates import two_foreign_currencies
from wescope.books.receipts import receipt_books, receipt_document
from wescope.books.subjects import refund_receipt_key
from wescope.books.values import BalanceTransaction, CreditNote, CreditNoteStatus, Refund, RefundStatus

_PARTIAL_CAPTURE = "partial_capture_reversal"


def refund_books(refund: Refund, policy: Policy) -> Desired:
    """What the books should hold for a refund: its customer, and a refund receipt out of clearing.

    Args:
        refund: in presentment currency, with the credit notes that name it.
        policy: the company's choices; dates are in its time zone.

    Returns:
        A refund receipt dated by the refund's balance transaction; its lines are what credit notes say of it, the rest
        on the refunds item. Reversed if the money came back. A refund that never moved money is skipped, one that has
        not yet is parked. The uncaptured rest of a charge is no refund (facts/stripe.md 2.9).
    """
    booked = refund.balance_transaction
    if booked is None:
        return _without_row(refund)
    if booked.reporting_category == _PARTIAL_CAPTURE:
        return _skipped(refund, _PARTIAL_CAPTURE)
    if obstacle := _obstacle(refund, booked, policy):
        return Desired(parked=(obstacle,))
    document = receipt_document(
        key=refund_receipt_key(refund.id),
        entity=Entity.REFUND_RECEIPT,
        source_id=refund.id,
        customer=refund.customer,
        currency=refund.currency,
        lines=tuple(_lines(refund, policy)),
        booked=booked,
        policy=policy,
        stripe_ids=(*((refund.charge,) if refund.charge else ()), *(note.id for note in _notes(refund))),
    )
    return receipt_books(document, refund.customer, refund.failure_balance_transaction, policy)


def _without_row(refund: Refund) -> Desired:
    match refund.status:
        case RefundStatus.CANCELED | RefundStatus.FAILED:
            return _skipped(refund, f"refund_{refund.status}")
        case RefundStatus.PENDING | RefundStatus.REQUIRES_ACTION:
            return Desired(parked=(_parked(refund, ParkCode.REFUND_PENDING, status=refund.status.value),))
        case RefundStatus.SUCCEEDED:
            return Desired(parked=(_parked(refund, ParkCode.BALANCE_TRANSACTION_MISSING),))


def _obstacle(refund: Refund, booked: BalanceTransaction, policy: Policy) -> Parked | None:
    """Why a refund that moved money cannot be posted, if so."""
    if two_foreign_currencies(refund.currency, booked, policy):
        return _parked(refund, ParkCode.TWO_FOREIGN_CURRENCIES, settlement_currency=booked.currency)
    if refund.amount <= 0:
        return _parked(refund, ParkCode.OBJECT_UNREADABLE, field="amount")
    named = 0
    for note in _notes(refund):
        named += _named_by(note, refund)
        lines_total = sum(line.amount for line in credited_lines(note, refund.invoice_lines, policy))
        if note.currency != refund.currency or lines_total != note.total:
            return _parked(
                refund,
                ParkCode.SPLIT_MISMATCH,
                credit_note=note.id,
                lines_total=lines_total,
                stripe_total=note.total,
            )
    return _parked(refund, ParkCode.SPLIT_MISMATCH, named_by_credit_notes=named) if named > refund.amount else None


def _lines(refund: Refund, policy: Policy) -> Iterator[SalesLine]:
    rest = refund.amount
    for note in _notes(refund):
        yield from split_note(note, credited_lines(note, refund.invoice_lines, policy)).refunds[refund.id]
        rest -= _named_by(note, refund)
    if rest:
        yield SalesLine(item=ItemRole.REFUNDS, amount=rest, description=f"Stripe refund {refund.id}")


def _notes(refund: Refund) -> tuple[CreditNote, ...]:
    """The credit notes that stand for some of the refund, in the order of their ids; a void one says nothing."""
    notes = {note.id: note for note in refund.credit_notes if note.status is CreditNoteStatus.ISSUED}
    return tuple(notes[note_id] for note_id in sorted(notes) if _named_by(notes[note_id], refund))


def _named_by(note: CreditNote, refund: Refund) -> int:
    return sum(part.amount for part in note.refunds if part.refund == refund.id)


def _skipped(refund: Refund, reason: str) -> Desired:
    return Desired(skipped=(Skipped(key=refund_receipt_key(refund.id), reason=reason),))


def _parked(refund: Refund, code: ParkCode, **details: str | int) -> Parked:
    return Parked(
        key=refund_receipt_key(refund.id),
        code=code,
        amount=refund.amount,
        currency=refund.currency,
        details=details,
    )
