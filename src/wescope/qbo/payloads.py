"""Payloads: documents as the JSON that QBO is sent, and the marker by which our own records are known. Pure.

Roles become account and item ids here, and minor units decimals; all of it comes in by `References`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from wescope.books.documents import CustomerBody, Document, InvoiceBody, PaymentBody, SalesLine
from wescope.books.names import cut
from wescope.books.policy import AccountRole, ItemRole
from wescope.books.subjects import DocumentKey
from wescope.errors import AccountMissing, ItemMissing
from wescope.qbo import wire
from wescope.qbo.records import Record

NOTE_LENGTH = 4000
"""Characters of PrivateNote on transactions and of Description on lines (facts/qbo.md 4.1)."""

CUSTOMER_NOTES_LENGTH = 2000
"""Characters of Notes on customers (facts/qbo.md 4.7)."""

_CONTROL = re.compile(r"[^\S\n ]|[\x00-\x09\x0b-\x1f\x7f]")


@dataclass(frozen=True, slots=True, kw_only=True)
class References:
    """What a document's keys and roles are in one company: QBO ids, and the preferences that shape a payload.

    `display_name` is the chosen one of a customer's candidates; null takes the first.
    """

    qbo_ids: Mapping[DocumentKey, str] = field(default_factory=dict)
    accounts: Mapping[AccountRole, str] = field(default_factory=dict)
    items: Mapping[ItemRole, str] = field(default_factory=dict)
    custom_txn_numbers: bool = True
    multicurrency: bool = False
    display_name: str | None = None

    def account(self, role: AccountRole) -> str:
        """QBO's id of the account.

        Raises:
            AccountMissing: it was not resolved.
        """
        if role not in self.accounts:
            raise AccountMissing(role=role.value)
        return self.accounts[role]

    def item(self, role: ItemRole) -> str:
        """QBO's id of the item.

        Raises:
            ItemMissing: it was not resolved.
        """
        if role not in self.items:
            raise ItemMissing(role=role.value)
        return self.items[role]


def marker(key: DocumentKey) -> str:
    """The word in PrivateNote (or in a customer's Notes) that proves that a record is this document."""
    return f"wescope:{key}"


def has_marker(record: Record, key: DocumentKey) -> bool:
    """Whether the record carries exactly this document's marker, as a word of its own."""
    word = marker(key)
    return any(word in str(record.get(name) or "").split() for name in ("PrivateNote", "Notes"))


def account_roles(document: Document) -> frozenset[AccountRole]:
    """The roles whose accounts the document's payload names."""
    return frozenset({document.body.deposit_to}) if isinstance(document.body, PaymentBody) else frozenset()


def item_roles(document: Document) -> frozenset[ItemRole]:
    """The roles whose items the document's payload names."""
    return (
        frozenset(line.item for line in document.body.lines) if isinstance(document.body, InvoiceBody) else frozenset()
    )


def to_payload(document: Document, references: References) -> dict[str, Any]:
    """The document as QBO is sent it: complete, so that a sparse update with it leaves no old line standing.

    Amounts are decimals of the document's currency. For an update the caller adds Id, SyncToken and sparse.

    Raises:
        AccountMissing: an account that it needs is not among the references.
        ItemMissing: an item that it needs is not among the references.
        KeyError: a document that it refers to is not among the references.
    """
    match document.body:
        case CustomerBody():
            return _customer(document, document.body, references)
        case InvoiceBody():
            return _invoice(document, document.body, references)
        case PaymentBody():
            return _payment(document, document.body, references)


def _customer(document: Document, body: CustomerBody, references: References) -> dict[str, Any]:
    payload: dict[str, Any] = {
        "DisplayName": references.display_name or body.display_names[0],
        "Notes": _note(document, CUSTOMER_NOTES_LENGTH),
        **_currency(document, references),
    }
    if body.email:
        payload["PrimaryEmailAddr"] = {"Address": body.email}
    return payload


def _invoice(document: Document, body: InvoiceBody, references: References) -> dict[str, Any]:
    payload: dict[str, Any] = {
        "CustomerRef": {"value": references.qbo_ids[body.customer]},
        **_dates(document),
        "Line": [_sales_line(line, document.currency, references) for line in body.lines],
        "PrivateNote": _note(document, NOTE_LENGTH),
        # QuickBooks must neither mail the invoice nor offer a second way to pay it: Stripe has collected already.
        "AllowOnlineCreditCardPayment": False,
        "AllowOnlineACHPayment": False,
        "EmailStatus": "NotSet",
        **_currency(document, references),
    }
    if document.dates.due:
        payload["DueDate"] = document.dates.due.isoformat()
    # With its own numbering on, QBO wants none (facts/qbo.md 2.5).
    if references.custom_txn_numbers:
        payload["DocNumber"] = body.doc_number
    return payload


def _sales_line(line: SalesLine, currency: str, references: References) -> dict[str, Any]:
    # No quantity and price: QBO would compare their rounded product with the amount (6070).
    detail: dict[str, Any] = {"ItemRef": {"value": references.item(line.item)}, "TaxCodeRef": {"value": "NON"}}
    if line.service_date:
        detail["ServiceDate"] = line.service_date.isoformat()
    return {
        "Amount": wire.amount(line.amount, currency),
        "Description": _text(line.description, NOTE_LENGTH),
        "DetailType": "SalesItemLineDetail",
        "SalesItemLineDetail": detail,
    }


def _payment(document: Document, body: PaymentBody, references: References) -> dict[str, Any]:
    return {
        "CustomerRef": {"value": references.qbo_ids[body.customer]},
        "TotalAmt": wire.amount(document.amount, document.currency),
        **_dates(document),
        "DepositToAccountRef": {"value": references.account(body.deposit_to)},
        "PaymentRefNum": body.reference,
        "PrivateNote": _note(document, NOTE_LENGTH),
        "Line": [
            {
                "Amount": wire.amount(application.amount, document.currency),
                "LinkedTxn": [{"TxnId": references.qbo_ids[application.document], "TxnType": "Invoice"}],
            }
            for application in body.applications
        ],
        **_currency(document, references),
    }


def _dates(document: Document) -> dict[str, str]:
    # Without it QBO would take its own date of today.
    return {"TxnDate": document.dates.txn.isoformat()} if document.dates.txn else {}


def _currency(document: Document, references: References) -> dict[str, Any]:
    return {"CurrencyRef": {"value": document.currency.upper()}} if references.multicurrency else {}


def _note(document: Document, length: int) -> str:
    """The note with the marker at its end; a note that is too long is cut, the marker never."""
    word = marker(document.key)
    note = _text(document.note, length - len(word) - 1)
    return f"{note}\n{word}" if note else word


def _text(text: str, length: int) -> str:
    return cut(_CONTROL.sub(" ", text), length)
