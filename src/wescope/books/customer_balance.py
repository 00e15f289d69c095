"""Customer balance: manual credits and debits are documents, and every use of a credit is a payment of zero.

Rules: DESIGN.md section 3 (customer balance used), facts/stripe.md 2.4. What settles what: `balance.settle`.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date

from wescope.books.application import application_document
from wescope.books.balance import ENTERED, KNOWN, Kind, Settlement, Use, settle
from wescope.books.calendar import local_date
from wescope.books.customer import customer_document
from wescope.books.documents import (
    CreditMemoBody,
    Desired,
    Document,
    Entity,
    Existence,
    Follow,
    InvoiceBody,
    KeyDates,
    SalesLine,
)
from wescope.books.names import doc_number
from wescope.books.parking import ParkCode, Parked
from wescope.books.policy import ItemRole, Policy
from wescope.books.subjects import (
    DocumentKey,
    Subject,
    SubjectKind,
    application_key,
    credit_memo_key,
    invoice_key,
)
from wescope.books.values import CustomerBalance, CustomerBalanceTransaction


def customer_balance_books(found: CustomerBalance, policy: Policy) -> Desired:
    """What the books should hold for the moves of a customer's balance, in every currency.

    Args:
        found: the customer and all moves of its balance, oldest first, in minor units.
        policy: the company's choices; dates are in its time zone.

    Returns:
        For each manual move a credit memo (credit) or an invoice (debit) on the customer-balance item, and for each
        move that settles something a payment of zero. What was settled by credit older than the books is parked; an
        overpayment is used up on its own payment, so the invoice that was overpaid is looked at again.
    """
    desired = Desired()
    for currency in sorted({move.currency for move in found.transactions}):
        moves = [move for move in found.transactions if move.currency == currency]
        desired = _joined(desired, _one_currency(found, currency, moves, policy))
    return desired


def _one_currency(
    found: CustomerBalance, currency: str, moves: list[CustomerBalanceTransaction], policy: Policy
) -> Desired:
    settlement = settle(moves, policy)
    customer = customer_document(found.customer, currency, policy)
    posted = [move for move in moves if not _is_old(move, policy)]
    documents = [_entered(move, customer.key, policy) for move in posted if move.type in ENTERED and move.amount]
    documents += _applications(posted, settlement, customer.key, policy)
    return Desired(
        documents=(customer, *documents) if documents else (),
        parked=(*_unknown(posted), *_opening(settlement, posted)),
        follows=(*_overpaid(settlement.uses), *_given_back(settlement, moves)),
    )


def _joined(one: Desired, other: Desired) -> Desired:
    return Desired(
        documents=one.documents + other.documents,
        parked=one.parked + other.parked,
        follows=one.follows + other.follows,
    )


def _is_old(move: CustomerBalanceTransaction, policy: Policy) -> bool:
    return policy.start_date is not None and _date(move, policy) < policy.start_date


def _date(move: CustomerBalanceTransaction, policy: Policy) -> date:
    return local_date(move.created, policy.timezone)


def _entered(move: CustomerBalanceTransaction, customer: DocumentKey, policy: Policy) -> Document:
    """A manual move: the customer owes less (credit memo) or more (invoice)."""
    amount, on = abs(move.amount), _date(move, policy)
    kind = "credit" if move.amount < 0 else "debit"
    line = SalesLine(item=ItemRole.CUSTOMER_BALANCE, amount=amount, description=f"Customer balance {kind} {move.id}")
    number = doc_number(None, move.id, policy.doc_number_prefix)
    return Document(
        key=credit_memo_key(move.id) if move.amount < 0 else invoice_key(move.id),
        entity=Entity.CREDIT_MEMO if move.amount < 0 else Entity.INVOICE,
        currency=move.currency,
        amount=amount,
        body=CreditMemoBody(customer=customer, lines=(line,), doc_number=number)
        if move.amount < 0
        else InvoiceBody(customer=customer, lines=(line,), doc_number=number),
        dates=KeyDates(txn=on, credit=on) if move.amount < 0 else KeyDates(txn=on),
        stripe_ids=(move.id,),
        note=f"Stripe customer balance {kind} {move.id}",
    )


def _applications(
    moves: Iterable[CustomerBalanceTransaction], settlement: Settlement, customer: DocumentKey, policy: Policy
) -> Iterator[Document]:
    for move in moves:
        if standing := _ours(settlement.uses, move):
            yield _application(move, standing, customer, policy)
        elif undone := _ours(settlement.undone, move):
            yield replace(_application(move, undone, customer, policy), existence=Existence.VOID)


def _ours(uses: Iterable[Use], move: CustomerBalanceTransaction) -> list[Use]:
    """The uses by a move where both sides are documents that a payment of zero can apply."""
    return [
        use
        for use in uses
        if use.move.id == move.id and use.credit.kind is Kind.CREDIT_MEMO and use.debt.kind is Kind.INVOICE
    ]


def _application(move: CustomerBalanceTransaction, uses: list[Use], customer: DocumentKey, policy: Policy) -> Document:
    return application_document(
        application_key(move.id),
        customer=customer,
        currency=move.currency,
        on=_date(move, policy),
        settled=[(use.debt.key, Entity.INVOICE, use.amount) for use in uses],
        used=[(use.credit.key, use.amount) for use in uses],
        stripe_ids=tuple(stripe_id for stripe_id in (move.id, move.invoice) if stripe_id),
        note=f"Stripe customer balance applied by {move.id}",
    )


def _unknown(moves: Iterable[CustomerBalanceTransaction]) -> Iterator[Parked]:
    for move in moves:
        if move.type not in KNOWN and move.amount:
            yield Parked(
                key=DocumentKey(f"{move.id}:customer_balance"),
                code=ParkCode.BALANCE_TYPE_UNKNOWN,
                amount=abs(move.amount),
                currency=move.currency,
                details={"type": move.type},
            )


def _opening(settlement: Settlement, moves: Iterable[CustomerBalanceTransaction]) -> Iterator[Parked]:
    """What was settled by, or with, an item that has no document of ours."""
    for move in moves:
        old = [use for use in settlement.uses if use.move.id == move.id and _has_no_document(use)]
        if old:
            yield Parked(
                key=DocumentKey(f"{move.id}:opening_credit"),
                code=ParkCode.OPENING_CREDIT,
                amount=sum(use.amount for use in old),
                currency=move.currency,
                details={"credit": old[0].credit.move.id, "debt": old[0].debt.key},
            )


def _has_no_document(use: Use) -> bool:
    return Kind.UNKNOWN in {use.credit.kind, use.debt.kind}


def _overpaid(uses: Iterable[Use]) -> Iterator[Follow]:
    for use in uses:
        if use.credit.kind is Kind.OVERPAYMENT and use.credit.move.invoice:
            yield Follow(subject=Subject(kind=SubjectKind.INVOICE, id=use.credit.move.invoice), since=use.move.created)


def _given_back(settlement: Settlement, moves: Iterable[CustomerBalanceTransaction]) -> Iterator[Follow]:
    """Overpaid invoices whose credit is free again, since what had used it was voided."""
    last = {move.invoice: move.created for move in moves if move.type == "unapplied_from_invoice"}
    for use in settlement.undone:
        if use.credit.kind is Kind.OVERPAYMENT and use.credit.move.invoice:
            subject = Subject(kind=SubjectKind.INVOICE, id=use.credit.move.invoice)
            yield Follow(subject=subject, since=last.get(use.move.invoice, use.move.created))
