"""Invoice memos: the credit memos that write an invoice off, or take back one that was voided in a later month."""

from datetime import date

from wescope.books.documents import CreditMemoBody, Document, Entity, KeyDates, SalesLine
from wescope.books.names import doc_number
from wescope.books.policy import ItemRole, Policy
from wescope.books.subjects import DocumentKey, reversal_key
from wescope.books.values import Invoice


def bad_debt_memo(invoice: Invoice, customer: DocumentKey, policy: Policy, amount: int, on: date) -> Document:
    """The credit memo `in_1:write_off` of an amount on the bad-debt item, dated in the books' calendar."""
    line = SalesLine(item=ItemRole.BAD_DEBT, amount=amount, description=f"Invoice {invoice.id} marked uncollectible")
    return _memo(invoice, customer, policy, (line,), on=on, key=DocumentKey(f"{invoice.id}:write_off"), mark="W")


def void_memo(
    invoice: Invoice, customer: DocumentKey, policy: Policy, lines: tuple[SalesLine, ...], on: date
) -> Document:
    """The credit memo `in_1:reversal` with what of the invoice's lines was not credited before it was voided."""
    return _memo(invoice, customer, policy, lines, on=on, key=reversal_key(invoice.id), mark="V")


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
