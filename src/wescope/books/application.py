"""Application: a payment of zero that applies credit memos to what they settle, so that both stand closed in QBO."""

from collections import Counter
from collections.abc import Iterable
from datetime import date

from wescope.books.documents import Application, Document, Entity, KeyDates, PaymentBody
from wescope.books.names import payment_reference
from wescope.books.subjects import DocumentKey


def application_document(
    key: DocumentKey,
    *,
    customer: DocumentKey,
    currency: str,
    on: date,
    settled: Iterable[tuple[DocumentKey, Entity, int]],
    used: Iterable[tuple[DocumentKey, int]],
    stripe_ids: tuple[str, ...],
    note: str,
) -> Document:
    """A payment of zero in QBO (facts/qbo.md 4.2: positive lines for invoices and for credit memos).

    Args:
        key: of the payment; its first part is the Stripe id that caused it.
        customer: whose documents they are.
        currency: of all of them.
        on: the date in the books' calendar.
        settled: what is settled (invoices, journal entries), with its entity and the amount in minor units.
        used: the credit memos that settle it, with the amounts; both sides have the same sum.
        stripe_ids: the objects it stands for.
        note: its private note.
    """
    entities: dict[DocumentKey, Entity] = {}
    amounts: Counter[DocumentKey] = Counter()
    for document, entity, amount in settled:
        entities[document] = entity
        amounts[document] += amount
    for document, amount in used:
        entities[document] = Entity.CREDIT_MEMO
        amounts[document] += amount
    return Document(
        key=key,
        entity=Entity.PAYMENT,
        currency=currency,
        amount=0,
        body=PaymentBody(
            customer=customer,
            deposit_to=None,
            reference=payment_reference(key.partition(":")[0]),
            applications=tuple(
                Application(document=document, amount=amount, entity=entities[document])
                for document, amount in amounts.items()
                if amount
            ),
        ),
        dates=KeyDates(txn=on),
        stripe_ids=stripe_ids,
        note=note,
    )


def memo_application(
    memo: Document, key: DocumentKey, customer: DocumentKey, parts: tuple[Application, ...], note: str
) -> Document:
    """A payment of zero that settles `parts` with one credit memo, on the memo's date."""
    return application_document(
        key,
        customer=customer,
        currency=memo.currency,
        on=memo.dates.txn or date.max,
        settled=[(part.document, part.entity, part.amount) for part in parts],
        used=[(memo.key, sum(part.amount for part in parts))],
        stripe_ids=memo.stripe_ids,
        note=note,
    )
