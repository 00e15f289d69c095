"""Credit note: what lowers a debt is a credit memo, what was given back outside of Stripe a refund receipt.

The refunded part belongs to its refund (`refund`), so that it is never booked twice. Rules: DESIGN.md section 3,
facts/stripe.md 2.5.
"""

from dataclasses import replace
from datetime import date

from wescope.books.balance import balance_credit_memo_key
from wescope.books.calendar import local_date
from wescope.books.credit_lines import credited_lines
from wescope.books.documents import (
    CreditMemoBody,
    Document,
    Entity,
    InvoiceBody,
    KeyDates,
    ReceiptBody,
    SalesLine,
)
from wescope.books.names import doc_number, payment_reference
from wescope.books.parking import ParkCode, Parked
from wescope.books.policy import AccountRole, Policy, RoleAccount
from wescope.books.subjects import DocumentKey, credit_memo_key, customer_key
from wescope.books.values import CreditNote, CreditNoteStatus, Invoice


def split_mismatch(note: CreditNote, lines: tuple[SalesLine, ...]) -> Parked | None:
    """What is wrong with a credit note's sums, if anything: nothing of it is posted then."""
    split = note.pre_payment_amount + note.balance_amount + note.out_of_band_amount
    split += sum(refund.amount for refund in note.refunds)
    lines_total = sum(line.amount for line in lines)
    code = ParkCode.SPLIT_MISMATCH if split != note.total else ParkCode.TOTAL_MISMATCH
    if split == note.total == lines_total:
        return None
    return Parked(
        key=credit_memo_key(note.id),
        code=code,
        amount=note.total,
        currency=note.currency,
        details={"credit_note": note.id, "parts_total": split, "lines_total": lines_total, "stripe_total": note.total},
    )


def noted_on(note: CreditNote, policy: Policy) -> date:
    """The date of a credit note in the books' calendar."""
    return local_date(note.effective_at or note.created, policy.timezone)


def voided_on(note: CreditNote, policy: Policy) -> date | None:
    """The date on which it was voided in the books' calendar; null if it stands."""
    if note.status is not CreditNoteStatus.VOID:
        return None
    return local_date(note.voided_at or note.created, policy.timezone)


def note_lines(note: CreditNote, invoice: Invoice, policy: Policy) -> tuple[SalesLine, ...]:
    """All lines of a credit note, positive where they credit; tax on lines of its own."""
    return credited_lines(note, invoice.lines, policy)


def pre_payment_memo(note: CreditNote, lines: tuple[SalesLine, ...], customer: str, policy: Policy) -> Document:
    """The credit memo that lowers what is owed on the invoice."""
    number = doc_number(note.number, note.id, policy.doc_number_prefix)
    return _memo(note, lines, customer, key=credit_memo_key(note.id), number=number, on=noted_on(note, policy))


def balance_memo(note: CreditNote, lines: tuple[SalesLine, ...], customer: str, policy: Policy) -> Document:
    """The credit memo that stays open until the customer's balance is used."""
    number = doc_number(f"{note.number or note.id}-B", note.id, policy.doc_number_prefix)
    on = local_date(note.created, policy.timezone)
    return _memo(note, lines, customer, key=balance_credit_memo_key(note.id), number=number, on=on)


def _memo(
    note: CreditNote, lines: tuple[SalesLine, ...], customer: str, *, key: DocumentKey, number: str, on: date
) -> Document:
    return Document(
        key=key,
        entity=Entity.CREDIT_MEMO,
        currency=note.currency,
        amount=sum(line.amount for line in lines),
        body=CreditMemoBody(customer=customer_key(customer, note.currency), lines=lines, doc_number=number),
        dates=KeyDates(txn=on, credit=on),
        stripe_ids=(note.id, note.invoice),
        note=f"Stripe credit note {note.id} of invoice {note.invoice}",
    )


def memo_reversal(memo: Document, key: DocumentKey, on: date, note: str) -> Document:
    """The dated counter-document of a credit memo: an invoice with the same lines, which the customer owes again."""
    body = memo.body
    if not isinstance(body, CreditMemoBody):
        raise TypeError(f"{memo.key} is no credit memo")
    return Document(
        key=key,
        entity=Entity.INVOICE,
        currency=memo.currency,
        amount=memo.amount,
        body=InvoiceBody(
            customer=body.customer,
            lines=body.lines,
            doc_number=doc_number(f"{body.doc_number}-V", memo.key),
        ),
        dates=KeyDates(txn=on),
        stripe_ids=memo.stripe_ids,
        note=note,
    )


def out_of_band_receipts(
    note: CreditNote, lines: tuple[SalesLine, ...], customer: str, policy: Policy
) -> tuple[Document, Document | None]:
    """The refund receipt of what was given back outside of Stripe, and its counter-document if the note is void."""
    gone, given_back = voided_on(note, policy), local_date(note.created, policy.timezone)
    number = f"{note.number or note.id}-O"
    paid = Document(
        key=DocumentKey(f"{note.id}:out_of_band_refund"),
        entity=Entity.REFUND_RECEIPT,
        currency=note.currency,
        amount=sum(line.amount for line in lines),
        body=ReceiptBody(
            customer=customer_key(customer, note.currency),
            lines=lines,
            account=RoleAccount(role=AccountRole.OUT_OF_BAND, currency=note.currency),
            doc_number=doc_number(number, note.id, policy.doc_number_prefix),
            reference=payment_reference(note.id),
        ),
        dates=KeyDates(txn=given_back, credit=given_back),
        stripe_ids=(note.id, note.invoice),
        note=f"Stripe credit note {note.id} of invoice {note.invoice}, given back outside of Stripe",
    )
    if gone is None:
        return paid, None
    return paid, _taken_again(paid, DocumentKey(f"{note.id}:out_of_band_reversal"), gone)


def _taken_again(receipt: Document, key: DocumentKey, on: date) -> Document:
    """The sales receipt that undoes a refund receipt on a later date."""
    body = receipt.body
    if not isinstance(body, ReceiptBody):
        raise TypeError(f"{receipt.key} is no receipt")
    number = doc_number(f"{body.doc_number}V", receipt.key)
    counter = replace(receipt, key=key, entity=Entity.SALES_RECEIPT, dates=KeyDates(txn=on))
    return replace(counter, body=replace(body, doc_number=number))
