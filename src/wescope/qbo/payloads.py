"""Payloads: documents as the JSON that QBO is sent, and the marker by which our own records are known. Pure.

Roles become account and item ids here, and minor units decimals; all of it comes in by `References`.
"""

import re
from typing import Any

from wescope.books.documents import (
    Application,
    CreditMemoBody,
    CustomerBody,
    DepositBody,
    DepositLine,
    Document,
    InvoiceBody,
    JournalEntryBody,
    JournalLine,
    PaymentBody,
    ReceiptBody,
)
from wescope.books.subjects import DocumentKey
from wescope.qbo import wire
from wescope.qbo.records import Record
from wescope.qbo.references import References
from wescope.qbo.sales_forms import form_content
from wescope.qbo.texts import CUSTOMER_NOTES_LENGTH, NOTE_LENGTH, fitting

__all__ = ["References", "has_any_marker", "has_marker", "marked_keys", "marker", "to_payload"]

_PREFIX = "wescope:"
_ANY_MARKER = re.compile(rf"(?:^|\s){_PREFIX}\S")
_NOTES = ("PrivateNote", "Notes")


def marker(key: DocumentKey) -> str:
    """The word in PrivateNote (or in a customer's Notes) that proves that a record is this document."""
    return f"{_PREFIX}{key}"


def has_marker(record: Record, key: DocumentKey) -> bool:
    """Whether the record carries exactly this document's marker, as a word of its own."""
    word = marker(key)
    return any(word in str(record.get(name) or "").split() for name in _NOTES)


def has_any_marker(record: Record) -> bool:
    """Whether the record is any document of ours."""
    return any(_ANY_MARKER.search(str(record.get(name) or "")) for name in _NOTES)


def marked_keys(record: Record) -> list[str]:
    """The keys that the markers of a record name, in order; whether they are keys of documents is not known."""
    words = [word for name in _NOTES for word in str(record.get(name) or "").split()]
    return [word.removeprefix(_PREFIX) for word in words if word.startswith(_PREFIX) and word != _PREFIX]


def to_payload(document: Document, references: References) -> dict[str, Any]:
    """The document as QBO is sent it: complete, so that a sparse update with it leaves no old line standing.

    Amounts are decimals of the document's currency. For an update the caller adds Id, SyncToken and sparse.

    Raises:
        AccountMissing, ItemMissing, ClassMissing: one that it needs is not among the references.
        TaxCodeMissing: the taxes of one line have different codes, of which QBO takes only one.
        KeyError: a document that it refers to is not among the references.
    """
    match document.body:
        case CustomerBody() as body:
            return _customer(document, body, references)
        case InvoiceBody() as body:
            content = _invoice(document, body, references)
        case CreditMemoBody() as body:
            content = _credit_memo(document, body, references)
        case ReceiptBody() as body:
            content = _receipt(document, body, references)
        case PaymentBody() as body:
            content = _payment(document, body, references)
        case JournalEntryBody() as body:
            content = {
                "DocNumber": body.doc_number,
                "Line": [_journal_line(line, document.currency, references) for line in body.lines],
            }
        case DepositBody() as body:
            content = {
                "DepositToAccountRef": {"value": references.account(body.bank)},
                "Line": [_deposit_line(line, document.currency, references) for line in body.lines],
            }
    return {
        **content,
        **_dates(document),
        "PrivateNote": _note(document, NOTE_LENGTH),
        **_currency(document, references),
        **_rate(references),
    }


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
        **_doc_number(body.doc_number, references),
        "CustomerRef": {"value": references.qbo_ids[body.customer]},
        **form_content(document, references),
        # QuickBooks must neither mail the invoice nor offer a second way to pay it: Stripe has collected already.
        "AllowOnlineCreditCardPayment": False,
        "AllowOnlineACHPayment": False,
        "EmailStatus": "NotSet",
    }
    if document.dates.due:
        payload["DueDate"] = document.dates.due.isoformat()
    return payload


def _credit_memo(document: Document, body: CreditMemoBody, references: References) -> dict[str, Any]:
    return {
        **_doc_number(body.doc_number, references),
        "CustomerRef": {"value": references.qbo_ids[body.customer]},
        **form_content(document, references),
    }


def _receipt(document: Document, body: ReceiptBody, references: References) -> dict[str, Any]:
    customer = {"CustomerRef": {"value": references.qbo_ids[body.customer]}} if body.customer else {}
    return {
        **_doc_number(body.doc_number, references),
        **customer,
        "DepositToAccountRef": {"value": references.account(body.account)},
        "PaymentRefNum": body.reference,
        **form_content(document, references),
    }


def _doc_number(number: str, references: References) -> dict[str, str]:
    # With its own numbering on, QBO wants none on sales forms (facts/qbo.md 2.5).
    return {"DocNumber": number} if references.custom_txn_numbers else {}


def _payment(document: Document, body: PaymentBody, references: References) -> dict[str, Any]:
    # A payment of zero moves no money: QBO's default account is right for it.
    account = {"DepositToAccountRef": {"value": references.account(body.deposit_to)}} if body.deposit_to else {}
    return {
        "CustomerRef": {"value": references.qbo_ids[body.customer]},
        "TotalAmt": wire.amount(document.amount, document.currency),
        **account,
        "PaymentRefNum": body.reference,
        "Line": [_applied(application, document.currency, references) for application in body.applications],
    }


def _applied(application: Application, currency: str, references: References) -> dict[str, Any]:
    linked = {"TxnId": references.qbo_ids[application.document], "TxnType": application.entity.value}
    return {"Amount": wire.amount(application.amount, currency), "LinkedTxn": [linked]}


def _journal_line(line: JournalLine, currency: str, references: References) -> dict[str, Any]:
    detail: dict[str, Any] = {
        "PostingType": "Debit" if line.amount > 0 else "Credit",
        "AccountRef": {"value": references.account(line.account)},
    }
    if line.customer:
        detail["Entity"] = {"Type": "Customer", "EntityRef": {"value": references.qbo_ids[line.customer]}}
    return {
        "Amount": wire.amount(abs(line.amount), currency),
        "Description": fitting(line.description),
        "DetailType": "JournalEntryLineDetail",
        "JournalEntryLineDetail": detail,
    }


def _deposit_line(line: DepositLine, currency: str, references: References) -> dict[str, Any]:
    return {
        "Amount": wire.amount(line.amount, currency),
        "Description": fitting(line.description),
        "DetailType": "DepositLineDetail",
        "DepositLineDetail": {"AccountRef": {"value": references.account(line.account)}},
    }


def _dates(document: Document) -> dict[str, str]:
    # Without it QBO would take its own date of today.
    return {"TxnDate": document.dates.txn.isoformat()} if document.dates.txn else {}


def _currency(document: Document, references: References) -> dict[str, Any]:
    return {"CurrencyRef": {"value": document.currency.upper()}} if references.multicurrency else {}


def _rate(references: References) -> dict[str, Any]:
    # Always sent: without it QBO was seen to take 1 for a foreign payment (facts/qbo.md 7).
    return {"ExchangeRate": references.exchange_rate} if references.multicurrency else {}


def _note(document: Document, length: int) -> str:
    """The note with the marker at its end; a note that is too long is cut, the marker never."""
    word = marker(document.key)
    note = fitting(document.note, length - len(word) - 1)
    return f"{note}\n{word}" if note else word
