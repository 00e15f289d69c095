"""Verify: QBO's answer against what was meant. Pure; differences are named in codes and numbers only.

HTTP 200 does not mean that QBO stored what it was sent: links are dropped, tax is computed, dates default
(facts/qbo.md 2.2, 4.8). The answer is compared, not the status.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Any

from wescope.books.documents import CustomerBody, Document, Existence, InvoiceBody, PaymentBody
from wescope.books.money import to_decimal
from wescope.qbo import wire
from wescope.qbo.payloads import has_marker
from wescope.qbo.records import Record, reference


def differences(document: Document, payload: Mapping[str, Any], record: Record) -> tuple[str, ...]:
    """Where QBO's record is not what the document means.

    Args:
        document: what should be in the books.
        payload: what QBO was sent for it (ids of customer, account, items and linked documents).
        record: what QBO answered or holds.

    Returns:
        One code per difference with both values, such as `TotalAmt:10.00/12.00` (meant/found); empty if it is right.
    """
    if document.existence is Existence.VOID:
        return () if is_void(record) else tuple(_void_rest(document, record))
    match document.body:
        case CustomerBody(display_names=names):
            found: Iterator[str] = _customer(document, names, payload, record)
        case InvoiceBody():
            found = _invoice(document, payload, record)
        case PaymentBody():
            found = _payment(document, payload, record)
    return tuple(found)


def edits(document: Document, record: Record, *, amount: int | None, txn_date: date | None) -> tuple[str, ...]:
    """What somebody changed since it was posted: names of fields.

    Args:
        document: whose record it is.
        record: what QBO holds now.
        amount: what was posted, in minor units of the document's currency; null is not compared.
        txn_date: the date that was posted, in the books' calendar; null is not compared.
    """
    changed = []
    if amount is not None and "TotalAmt" in record and wire.minor(record["TotalAmt"], document.currency) != amount:
        changed.append("TotalAmt")
    if txn_date is not None and record.get("TxnDate") != txn_date.isoformat():
        changed.append("TxnDate")
    if not has_marker(record, document.key):
        changed.append("marker")
    return tuple(changed)


def is_void(record: Record) -> bool:
    """Whether a transaction is void: every amount of it is zero. QBO's word for it in the note is translated."""
    totals = [record[name] for name in ("TotalAmt", "Balance", "UnappliedAmt") if name in record]
    lines = [line.get("Amount", 0) for line in _lines(record)]
    return "TotalAmt" in record and all(wire.decimal(amount) == 0 for amount in [*totals, *lines])


def _customer(document: Document, names: tuple[str, ...], payload: Mapping[str, Any], record: Record) -> Iterator[str]:
    # An earlier attempt may have used another candidate.
    if record.get("DisplayName") not in {payload["DisplayName"], *names}:
        yield "DisplayName"
    if not record.get("Active", True):
        yield "Active"
    yield from _common(document, payload, record)


def _invoice(document: Document, payload: Mapping[str, Any], record: Record) -> Iterator[str]:
    yield from _transaction(document, payload, record)
    detail = record.get("TxnTaxDetail")
    tax = wire.decimal(detail.get("TotalTax", 0)) if isinstance(detail, Mapping) else 0
    if tax != 0:
        yield f"TotalTax:0/{tax}"
    for name in ("DocNumber", "DueDate"):
        if name in payload and record.get(name) != payload[name]:
            yield name
    meant, found = _item_lines(payload), _item_lines(record)
    if len(meant) != len(found):
        yield f"Line:{len(meant)}/{len(found)}"
    for index, (one, other) in enumerate(zip(meant, found, strict=False), start=1):
        if one[0] != other[0]:
            yield f"Line{index}.Amount:{one[0]}/{other[0]}"
        if one[1] != other[1]:
            yield f"Line{index}.ItemRef:{one[1]}/{other[1]}"


def _payment(document: Document, payload: Mapping[str, Any], record: Record) -> Iterator[str]:
    yield from _transaction(document, payload, record)
    yield from _differing_reference("DepositToAccountRef", payload, record)
    if record.get("PaymentRefNum") != payload["PaymentRefNum"]:
        yield "PaymentRefNum"
    meant, found = _links(payload), _links(record)
    for (kind, txn_id), amount in sorted(meant.items()):
        if found.get((kind, txn_id)) != amount:
            yield f"LinkedTxn.{kind}.{txn_id}:{amount}/{found.get((kind, txn_id), 0)}"
    for kind, txn_id in sorted(found.keys() - meant.keys()):
        yield f"LinkedTxn.{kind}.{txn_id}:0/{found[kind, txn_id]}"
    unapplied = document.amount - sum(application.amount for application in _applications(document))
    yield from _differing_amount("UnappliedAmt", unapplied, document, record)


def _transaction(document: Document, payload: Mapping[str, Any], record: Record) -> Iterator[str]:
    yield from _differing_amount("TotalAmt", document.amount, document, record)
    yield from _differing_reference("CustomerRef", payload, record)
    if "TxnDate" in payload and record.get("TxnDate") != payload["TxnDate"]:
        yield "TxnDate"
    yield from _common(document, payload, record)


def _common(document: Document, payload: Mapping[str, Any], record: Record) -> Iterator[str]:
    currency = reference(record, "CurrencyRef")
    meant = document.currency.upper()
    if (currency or "CurrencyRef" in payload) and currency != meant:
        yield f"CurrencyRef:{meant}/{currency}"
    if not has_marker(record, document.key):
        yield "marker"


def _void_rest(document: Document, record: Record) -> Iterator[str]:
    yield from _differing_amount("TotalAmt", 0, document, record)
    rest = "UnappliedAmt" if isinstance(document.body, PaymentBody) else "Balance"
    yield from _differing_amount(rest, 0, document, record)
    if any(wire.decimal(line.get("Amount", 0)) != 0 for line in _lines(record)):
        yield "Line"


def _differing_amount(name: str, meant: int, document: Document, record: Record) -> Iterator[str]:
    if wire.minor(record.get(name), document.currency) != meant:
        yield f"{name}:{to_decimal(meant, document.currency)}/{wire.decimal(record.get(name))}"


def _differing_reference(name: str, payload: Mapping[str, Any], record: Record) -> Iterator[str]:
    meant, found = reference(payload, name), reference(record, name)
    if meant != found:
        yield f"{name}:{meant}/{found}"


def _applications(document: Document) -> Iterable[Any]:
    return document.body.applications if isinstance(document.body, PaymentBody) else ()


def _lines(record: Record) -> list[Mapping[str, Any]]:
    lines = record.get("Line")
    return [line for line in lines if isinstance(line, Mapping)] if isinstance(lines, list) else []


def _item_lines(record: Record) -> list[tuple[Any, str | None]]:
    """Amount and item of each item line; QBO adds subtotals of its own, which are left out."""
    lines = [line for line in _lines(record) if line.get("DetailType") == "SalesItemLineDetail"]
    return [(wire.decimal(line.get("Amount")), reference(line["SalesItemLineDetail"], "ItemRef")) for line in lines]


def _links(record: Record) -> Counter[tuple[str, str]]:
    """What is applied to each linked transaction, in major units. QBO writes it line by line."""
    found: Counter[tuple[str, str]] = Counter()
    for line in _lines(record):
        amount: Any = wire.decimal(line.get("Amount")) or 0
        for linked in line.get("LinkedTxn") or ():
            found[str(linked.get("TxnType")), str(linked.get("TxnId"))] += amount
    return found
