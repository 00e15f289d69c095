"""Receipts: the sales receipt or refund receipt of one row of Stripe's balance, in and out of clearing."""

from collections.abc import Mapping
from dataclasses import replace

from wescope.books.calendar import local_date
from wescope.books.credit_lines import share
from wescope.books.customer import customer_document
from wescope.books.documents import (
    Desired,
    Document,
    Entity,
    Existence,
    KeyDates,
    ReceiptBody,
    SalesLine,
    Settled,
    Skipped,
)
from wescope.books.names import doc_number, payment_reference
from wescope.books.policy import AccountRole, Policy, RoleAccount
from wescope.books.rates import rate_of
from wescope.books.reversal import reversed_
from wescope.books.subjects import DocumentKey, customer_key, reversal_key
from wescope.books.values import BalanceTransaction, Customer

_OPPOSITE: Mapping[Entity, Entity] = {
    Entity.SALES_RECEIPT: Entity.REFUND_RECEIPT,
    Entity.REFUND_RECEIPT: Entity.SALES_RECEIPT,
}


def receipt_document(
    *,
    key: DocumentKey,
    entity: Entity,
    source_id: str,
    customer: Customer | None,
    currency: str,
    lines: tuple[SalesLine, ...],
    booked: BalanceTransaction,
    policy: Policy,
    stripe_ids: tuple[str, ...] = (),
) -> Document:
    """A receipt of positive lines in presentment currency through the clearing account of its settlement currency.

    Args:
        key: of the document.
        entity: a sales receipt takes money in, a refund receipt gives it out.
        source_id: the charge or refund; number and reference come from it.
        customer: who bought; null for a guest.
        currency: of the lines, Stripe's lower-case code.
        lines: they add up to the document's amount, in minor units of `currency`.
        booked: its row; its amount, in settlement currency, is what reaches (or leaves) clearing.
        policy: the company's choices.
        stripe_ids: what it stands for beside the source and the row.

    Returns:
        The document, dated by the row in the books' calendar, with Stripe's exchange rate if it converted into home
        currency.
    """
    on = local_date(booked.created, policy.timezone)
    amount = sum(line.amount for line in lines)
    sold = entity is Entity.SALES_RECEIPT
    return Document(
        key=key,
        entity=entity,
        currency=currency,
        amount=amount,
        body=ReceiptBody(
            customer=None if customer is None else customer_key(customer.id, currency),
            lines=lines,
            account=RoleAccount(role=AccountRole.CLEARING, currency=booked.currency),
            doc_number=doc_number(None, source_id, policy.doc_number_prefix),
            reference=payment_reference(source_id),
        ),
        dates=KeyDates(
            txn=on,
            payment_received=on if sold else None,
            credit=None if sold else on,
            available=booked.available_on.date(),
        ),
        stripe_ids=(source_id, *stripe_ids, booked.id),
        note=f"Stripe {'charge' if sold else 'refund'} {source_id}",
        exchange_rate=rate_of(amount, currency, booked, policy),
        settled=Settled(amount=booked.amount, currency=booked.currency),
    )


def receipt_books(
    document: Document, customer: Customer | None, undone: BalanceTransaction | None, policy: Policy
) -> Desired:
    """A receipt with its customer, and with its reversal if its money came back; nothing from before the start date.

    Args:
        document: of `receipt_document`.
        customer: who bought; null for a guest.
        undone: the failure's row; null if the receipt stands.
        policy: the company's choices.

    Returns:
        In posting order: the customer if a receipt needs it, the receipt, its dated reversal. If the receipt is older
        than the books and its failure is not, the reversal alone, since its row moves the clearing account.
    """
    counter = None if undone is None else _counter(document, undone, policy)
    skipped: tuple[Skipped, ...] = ()
    made: tuple[Document, ...]
    if _before(document, policy):
        skipped = (Skipped(key=document.key, reason="before_start_date"),)
        made = () if counter is None or _before(counter, policy) else (counter,)
    elif counter is None or counter.dates.txn is None:
        made = (document,)
    elif counter.amount != document.amount:
        made = (document, counter)
    else:
        made = reversed_(document, counter.dates.txn, (counter,), policy)
    stands = any(one.existence is Existence.PRESENT for one in made)
    first = (customer_document(customer, document.currency, policy),) if stands and customer is not None else ()
    return Desired(documents=(*first, *made), skipped=skipped)


def _counter(document: Document, undone: BalanceTransaction, policy: Policy) -> Document:
    """The opposite receipt on the date of the failure's row, of the amount that came back."""
    body = document.body
    if not isinstance(body, ReceiptBody):
        raise TypeError(f"{document.key} is no receipt")
    source_id = document.stripe_ids[0]
    sold = document.entity is Entity.SALES_RECEIPT
    amount = abs(undone.amount) if undone.currency == document.currency else document.amount
    lines = body.lines if amount == document.amount else share(body.lines, amount, document.amount)
    return replace(
        document,
        key=reversal_key(source_id),
        entity=_OPPOSITE[document.entity],
        amount=amount,
        body=replace(
            body,
            lines=lines,
            account=RoleAccount(role=AccountRole.CLEARING, currency=undone.currency),
            doc_number=doc_number(None, undone.id, policy.doc_number_prefix),
            reference=payment_reference(undone.id),
        ),
        dates=KeyDates(txn=local_date(undone.created, policy.timezone), available=undone.available_on.date()),
        stripe_ids=(source_id, undone.id),
        note=f"{document.note} {'failed after it had succeeded' if sold else 'came back'}",
        exchange_rate=rate_of(amount, document.currency, undone, policy),
        settled=Settled(amount=undone.amount, currency=undone.currency),
    )


def _before(document: Document, policy: Policy) -> bool:
    on = document.dates.txn
    return policy.start_date is not None and on is not None and on < policy.start_date
