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


def payment_key(source_id: str) -> DocumentKey:
    """Key of the QBO payment of one movement of money: a charge, a payment record, or an invoice paid out of band."""
    return DocumentKey(f"{source_id}:payment")
