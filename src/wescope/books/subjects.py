"""Subjects: the Stripe objects whose documents are computed together, and the keys of those documents."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NewType, Self

DocumentKey = NewType("DocumentKey", str)
"""Names one desired document for ever: `in_1:invoice`, `ch_9:payment`, `cus_4:customer:usd`."""


class SubjectKind(StrEnum):
    """Stripe's objects that a hint may point at."""

    INVOICE = "invoice"
    CHARGE = "charge"
    PAYMENT_INTENT = "payment_intent"
    INVOICE_PAYMENT = "invoice_payment"
    CUSTOMER = "customer"
    REFUND = "refund"
    CREDIT_NOTE = "credit_note"
    DISPUTE = "dispute"
    PAYOUT = "payout"
    BALANCE_TRANSACTION = "balance_transaction"
    """A row of Stripe's balance that no other object's documents cover (a topup, a reserve, an adjustment)."""
    BALANCE_DAY = "balance_day"
    """The fees of one day of one currency (`usd.2026-11-20`), where payouts are manual and name no rows."""
    TOPUP = "topup"
    """Owns no document: the rows of the balance that it made do; so do a transfer's and an application fee's."""
    TRANSFER = "transfer"
    APPLICATION_FEE = "application_fee"


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Subject:
    """One Stripe object to look at again: its kind and Stripe id."""

    kind: SubjectKind
    id: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.id}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """The subject that `str` wrote.

        Raises:
            ValueError: the kind is unknown.
        """
        kind, _, subject_id = text.partition("/")
        return cls(kind=SubjectKind(kind), id=subject_id)


def customer_key(customer_id: str, currency: str) -> DocumentKey:
    """Key of the QBO customer of a Stripe customer in one currency (QBO's customer currency is immutable)."""
    return DocumentKey(f"{customer_id}:customer:{currency}")


def invoice_key(invoice_id: str) -> DocumentKey:
    """Key of the QBO invoice of a Stripe invoice."""
    return DocumentKey(f"{invoice_id}:invoice")


def credit_memo_key(object_id: str) -> DocumentKey:
    """Key of the QBO credit memo of an object that lowers what a customer owes.

    That is a negative invoice, the pre-payment part of a credit note, or a credit to the customer's balance.
    """
    return DocumentKey(f"{object_id}:credit_memo")


def refund_receipt_key(refund_id: str) -> DocumentKey:
    """Key of the QBO refund receipt of a Stripe refund, with or without a credit note."""
    return DocumentKey(f"{refund_id}:refund_receipt")


def sales_receipt_key(charge_id: str) -> DocumentKey:
    """Key of the QBO sales receipt of a charge that pays no invoice."""
    return DocumentKey(f"{charge_id}:sales_receipt")


def journal_entry_key(transaction_id: str) -> DocumentKey:
    """Key of the QBO journal entry of one balance transaction (dispute, topup, adjustment, ...)."""
    return DocumentKey(f"{transaction_id}:journal_entry")


def deposit_key(payout_id: str) -> DocumentKey:
    """Key of the QBO deposit of a payout; of the journal entry, if its amount is below zero."""
    return DocumentKey(f"{payout_id}:deposit")


def reversal_key(object_id: str) -> DocumentKey:
    """Key of the dated counter-document of what was posted for an object."""
    return DocumentKey(f"{object_id}:reversal")


def application_key(object_id: str) -> DocumentKey:
    """Key of the zero payment that applies credit memos because of an object."""
    return DocumentKey(f"{object_id}:application")


def payment_key(source_id: str) -> DocumentKey:
    """Key of the QBO payment of one movement of money: a charge, a payment record, or an invoice paid out of band."""
    return DocumentKey(f"{source_id}:payment")
