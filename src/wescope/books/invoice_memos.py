"""Invoice memos: the credit memos that write an invoice off, what undoes them, and those of a void in a later month."""

from dataclasses import replace
from datetime import date

from wescope.books.calendar import local_date
from wescope.books.credit_note import memo_reversal
from wescope.books.documents import CreditMemoBody, Document, Entity, InvoiceBody, KeyDates, SalesLine
from wescope.books.names import doc_number
from wescope.books.parking import ParkCode, Parked
from wescope.books.payment import is_shared, received_at
from wescope.books.policy import ItemRole, Policy
from wescope.books.subjects import DocumentKey, reversal_key
from wescope.books.values import Invoice, InvoicePayment


def bad_debt_memo(invoice: Invoice, customer: DocumentKey, policy: Policy, amount: int, on: date) -> Document:
    """The credit memo `in_1:write_off` of an amount on the bad-debt item, dated in the books' calendar."""
    line = SalesLine(item=ItemRole.BAD_DEBT, amount=amount, description=f"Invoice {invoice.id} marked uncollectible")
    return _memo(invoice, customer, policy, (line,), on=on, key=DocumentKey(f"{invoice.id}:write_off"), mark="W")


def bad_debt_again(memo: Document, invoice: Invoice, payment: InvoicePayment) -> Document:
    """The bad-debt memo `py_1:write_off` of what a payment leaves open again that failed after it had come."""
    part, number = _part(invoice, payment), doc_number(_number(payment, f"W{_short(invoice, payment)}"), invoice.id)
    if not isinstance(memo.body, CreditMemoBody):
        raise TypeError(f"{memo.key} is no credit memo")
    return replace(
        memo,
        key=DocumentKey(f"{payment.source_id}:write_off{part}"),
        body=replace(memo.body, doc_number=number),
        stripe_ids=(invoice.id, payment.source_id),
        note=f"Stripe invoice {invoice.id} uncollectible again: {payment.source_id} failed",
    )


def write_off_reversal(memo: Document, invoice: Invoice, on: date) -> Document:
    """The dated counter-document `in_1:write_off_reversal` of a bad-debt memo: the customer owes it again."""
    owner, _, rest = memo.key.partition(":")
    key = DocumentKey(f"{owner}:{rest.replace('write_off', 'write_off_reversal', 1)}")
    return memo_reversal(memo, key, on, f"Write-off of Stripe invoice {invoice.id} undone")


def recovery_invoice(
    invoice: Invoice, customer: DocumentKey, policy: Policy, payment: InvoicePayment, amount: int
) -> Document:
    """The invoice `ch_1:recovery` on the bad-debt item, which a payment of a written-off invoice settles.

    `amount` is what of the write-off it brings back, in minor units; it is dated by the payment.
    """
    on = local_date(received_at(payment), policy.timezone)
    memo = bad_debt_memo(invoice, customer, policy, amount, on)
    recovery = memo_reversal(
        memo,
        DocumentKey(f"{payment.source_id}:recovery{_part(invoice, payment)}"),
        on,
        f"Written-off Stripe invoice {invoice.id} paid by {payment.source_id}",
    )
    if not isinstance(recovery.body, InvoiceBody):
        return recovery
    number = doc_number(_number(payment, f"R{_short(invoice, payment)}"), payment.source_id)
    return replace(recovery, body=replace(recovery.body, doc_number=number))


def _part(invoice: Invoice, payment: InvoicePayment) -> str:
    """What tells the invoices apart that a payment pays; nothing if it pays one."""
    return f":{invoice.id}" if is_shared(payment) else ""


def _short(invoice: Invoice, payment: InvoicePayment) -> str:
    return _part(invoice, payment)[-6:]


def _number(payment: InvoicePayment, mark: str) -> str:
    return f"{payment.source_id.partition('_')[2]}-{mark}"


def void_memo(
    invoice: Invoice, customer: DocumentKey, policy: Policy, lines: tuple[SalesLine, ...], on: date
) -> Document:
    """The credit memo `in_1:reversal` with what of the invoice's lines was not credited before it was voided."""
    return _memo(invoice, customer, policy, lines, on=on, key=reversal_key(invoice.id), mark="V")


def unfit_lines(invoice: Invoice, lines: tuple[SalesLine, ...], amount: int) -> Parked | None:
    """Why no memo over `amount` can share out the lines of a void invoice, if so: they do not add up to its total.

    An invoice since the start of the books would be parked itself; an older one has nothing else that its lines say.
    """
    lines_total = sum(line.amount for line in lines)
    if lines_total == invoice.total:
        return None
    details = {"lines_total": lines_total, "stripe_total": invoice.total}
    key = reversal_key(invoice.id)
    return Parked(key=key, code=ParkCode.TOTAL_MISMATCH, amount=amount, currency=invoice.currency, details=details)


def _memo(
    invoice: Invoice,
    customer: DocumentKey,
    policy: Policy,
    lines: tuple[SalesLine, ...],
    *,
    on: date,
    key: DocumentKey,
    mark: str,
) -> Document:
    number = doc_number(f"{invoice.number or invoice.id}-{mark}", invoice.id, policy.doc_number_prefix)
    what = "marked uncollectible" if mark == "W" else "voided"
    return Document(
        key=key,
        entity=Entity.CREDIT_MEMO,
        currency=invoice.currency,
        amount=sum(line.amount for line in lines),
        body=CreditMemoBody(customer=customer, lines=lines, doc_number=number),
        dates=KeyDates(txn=on, credit=on),
        stripe_ids=(invoice.id,),
        note=f"Stripe invoice {invoice.id} {what}",
    )
