"""What all transactions share: dates, closed books, document numbers, links and voiding."""

from dataclasses import replace
from datetime import date, timedelta

from wescope.sandbox.qbo import faults
from wescope.sandbox.qbo.books import Unit
from wescope.sandbox.qbo.clock import company_day
from wescope.sandbox.qbo.currencies import DocumentCurrency, currency_reference
from wescope.sandbox.qbo.entity import Request, stamped
from wescope.sandbox.qbo.ledger import Posting, merged
from wescope.sandbox.qbo.storage import Record
from wescope.sandbox.qbo.wire import Json, at_rate, minor

CUSTOM_FIELDS = ({"DefinitionId": "1", "Name": "Crew #", "Type": "StringType"},)
DEFAULT_TERM = timedelta(days=30)
FIRST_DOC_NUMBER = 1037
VOIDED = "Voided"
LINKED = "This transaction is linked to other transactions. Unlink them first."


def txn_date(unit: Unit, body: Json) -> str:
    """Returns the document's date, the company's today if it names none."""
    return str(body.get("TxnDate") or company_day(unit.now).isoformat())


def due_date(body: Json, on: str) -> str:
    """Returns the due date as given, or the default term after the document's date."""
    return str(body.get("DueDate") or (date.fromisoformat(on) + DEFAULT_TERM).isoformat())


def check_period_open(unit: Unit, request: Request, *days: str) -> None:
    """Checks that no day lies in closed books; a human in the browser may override (facts/qbo.md 7).

    Args:
        unit: the unit of work.
        request: who asks.
        days: TxnDates, YYYY-MM-DD, of the present and the intended state.

    Raises:
        QboFault: 6210.
    """
    closed = unit.knobs.book_close_date
    if closed and not request.human and any(day <= closed for day in days):
        raise faults.closed_period()


def doc_number(unit: Unit, entity: str, body: Json, before: Record | None, request: Request) -> str | None:
    """Decides a document's number by the company's CustomTxnNumbers (facts/qbo.md 2.5).

    Args:
        unit: the unit of work.
        entity: the kind of transaction.
        body: the document as intended.
        before: the present state.
        request: its `include` may allow duplicates.

    Returns:
        The number, None if the company numbers by hand and none was given.

    Raises:
        QboFault: 6140 for a number in use while the warning is on, 6000 when numbers are refused.
    """
    wanted: str | None = body.get("DocNumber") or None
    if not unit.knobs.custom_txn_numbers and entity != "JournalEntry":
        return _own_number(unit, wanted, before)
    warned = (
        unit.knobs.warn_duplicate_journal_number if entity == "JournalEntry" else unit.knobs.warn_duplicate_doc_number
    )
    if wanted and warned and "allowduplicatedocnum" not in request.include:
        others = [one for one in unit.books.numbered(entity, wanted) if before is None or one != before.id]
        if others:
            raise faults.duplicate_doc_number(wanted, entity, others[0], language=unit.knobs.doc_number_language)
    return wanted


def _own_number(unit: Unit, wanted: str | None, before: Record | None) -> str | None:
    had = before.doc.get("DocNumber") if before else None
    if wanted and wanted != had:
        if unit.knobs.doc_number_when_off == "refuse":
            raise faults.business("Custom transaction numbers are turned off.")
        if unit.knobs.doc_number_when_off == "keep":
            return wanted
    if had:
        return str(had)
    return str(max(unit.next_value("DocNumber"), 1) + FIRST_DOC_NUMBER)


def home_postings(parts: list[Posting], currency: DocumentCurrency, counter: Posting) -> tuple[Posting, ...]:
    """Turns a document's parts into a balanced entry in the home currency.

    Args:
        parts: postings in the document's currency, all but the counter account.
        currency: the document's currency and rate.
        counter: account and name that take the opposite of all parts: HomeTotalAmt, to the cent.

    Returns:
        The entry in home hundredths; what rounding leaves over is on the largest part.
    """
    home = [at_home(part, currency) for part in [*parts, counter]]
    rest = sum(part.debit for part in home)
    if rest:
        largest = max(range(len(parts)), key=lambda index: abs(home[index].debit))
        home[largest] = replace(home[largest], debit=home[largest].debit - rest)
    return merged(home)


def at_home(part: Posting, currency: DocumentCurrency) -> Posting:
    """Converts a posting from a document's currency into home hundredths; the document's own stay beside them."""
    if currency.is_home:
        return part
    return replace(part, debit=at_rate(part.debit, currency.rate), foreign=part.debit)


def receivable(unit: Unit, currency: DocumentCurrency) -> str:
    """Returns the A/R account's id of a currency; a foreign one is made when first needed (facts/qbo.md 7).

    Args:
        unit: the unit of work.
        currency: the document's currency.

    Returns:
        The account's id.

    Raises:
        QboFault: 6000 when the company has no A/R account.
    """
    found = unit.find(
        "Account",
        lambda one: (
            one.doc["AccountType"] == "Accounts Receivable"
            and one.doc["Active"]
            and one.doc["CurrencyRef"]["value"] == currency.code
        ),
    )
    if found is not None:
        return found.id
    if currency.is_home:
        raise faults.business("The company has no Accounts Receivable account.")
    name = f"Accounts Receivable (A/R) - {currency.code}"
    doc: Json = {"Name": name, "SubAccount": False, "FullyQualifiedName": name, "Active": True}
    doc.update(
        {"Classification": "Asset", "AccountType": "Accounts Receivable", "AccountSubType": "AccountsReceivable"}
    )
    doc["CurrencyRef"] = currency_reference(currency.code)
    record = Record(entity="Account", id=unit.next_id("Account"), doc=doc)
    unit.put(stamped(unit, record, None))
    return record.id


def total(doc: Json) -> int:
    """Returns a document's TotalAmt in hundredths."""
    return minor(doc["TotalAmt"])


def applied(doc: Json) -> int:
    """Returns how much of an invoice or credit memo other transactions have taken, in hundredths."""
    return minor(doc["TotalAmt"]) - minor(doc["Balance"])


def check_not_deposited(record: Record) -> None:
    """Checks that a transaction does not sit in a deposit.

    Args:
        record: the transaction.

    Raises:
        QboFault: 6540.
    """
    if any(link["TxnType"] == "Deposit" for link in record.doc.get("LinkedTxn", [])):
        raise faults.deposited()


def linked(record: Record, txn_id: str, txn_type: str, *, add: bool) -> list[Json]:
    """Returns a transaction's LinkedTxn with one link more or less.

    Args:
        record: the transaction whose list it is.
        txn_id: the other's id.
        txn_type: the other's kind as JSON names it, for instance Payment.
        add: whether the link comes or goes.

    Returns:
        The new list, without doubles.
    """
    others = [one for one in record.doc.get("LinkedTxn", []) if (one["TxnId"], one["TxnType"]) != (txn_id, txn_type)]
    return [*others, {"TxnId": txn_id, "TxnType": txn_type}] if add else others


def emptied(record: Record) -> Record:
    """Returns a transaction with every amount at zero, without postings, marked as voided.

    Args:
        record: a journal entry, deposit or transfer; what it linked is free already.

    Returns:
        The voided state, still with the former SyncToken.
    """
    doc: Json = {name: 0 if name in {"TotalAmt", "HomeTotalAmt", "Amount"} else one for name, one in record.doc.items()}
    if "Line" in doc:
        doc["Line"] = [{**line, "Amount": 0} for line in doc["Line"] if not line.get("LinkedTxn")]
    doc["PrivateNote"] = voided_note(doc)
    return replace(record, doc=doc, postings=(), voided=True)


def voided_note(doc: Json) -> str:
    """Returns a voided document's PrivateNote: "Voided" in front of what was there."""
    note = doc.get("PrivateNote")
    return f"{VOIDED} - {note}" if note else VOIDED
