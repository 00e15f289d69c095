"""Comparison: one record of QBO's beside the document that it should be, as a finding or as nothing. Pure."""

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from wescope.books.documents import Document, Existence
from wescope.books.money import to_decimal
from wescope.engine.drift_kinds import DRIFT, DriftKind
from wescope.links.drift import Finding
from wescope.links.store import Link
from wescope.qbo import wire
from wescope.qbo.content import content_digest, same_content, same_lines
from wescope.qbo.records import Record, parts
from wescope.qbo.verify import differences, is_void

NOTHING_THERE = "deleted"
"""The content of a record that is not there."""

_SHOWN = ("TxnDate", "DueDate", "DocNumber", "PaymentRefNum")
_NUMBER = re.compile(r"[A-Za-z]{0,4}[-_.#]?\d[\dA-Za-z_.#-]*")
_TEXTS = ("PrivateNote",)
_LINKING = frozenset({"Payment", "Deposit", "CreditMemo", "JournalEntry", "RefundReceipt"})


def finding(link: Link, kind: DriftKind, record: Record | None, details: Mapping[str, str] | None = None) -> Finding:
    """A finding about a document of ours.

    Args:
        link: of the document.
        kind: what was found.
        record: as it is now; null if there is none.
        details: ids, amounts, dates and names of fields.
    """
    return Finding(
        document_key=link.document_key,
        entity=link.entity,
        qbo_id=link.qbo_id or "",
        kind=kind.value,
        amount=abs(link.amount),
        currency=link.currency,
        content=content_digest(link.entity, record) if record is not None else NOTHING_THERE,
        of_ours=DRIFT[kind].of_ours,
        details={"subject": link.subject, **(details or {})},
    )


def is_untouched(link: Link, record: Record, *, untrusted: Collection[str]) -> bool:
    """Whether the record is as it was posted, as far as can be told from the link alone.

    Args:
        link: of the document.
        record: as it is now.
        untrusted: what the link's fingerprint must not be: a content that nobody vouches for.
    """
    if link.content is None or link.fingerprint in untrusted:
        return False
    return same_content(link.entity, link.content, record)


def compare(
    link: Link, record: Record | None, document: Document | None, payload: Mapping[str, Any] | None
) -> Finding | None:
    """What somebody has done to a document of ours; null if it is as it should be.

    Args:
        link: of the document, posted.
        record: what QBO holds now; null if it was deleted.
        document: as it should be, on the day on which it was posted; null if nothing is wanted of it any more.
        payload: what QBO would be sent for it; null if that cannot be told now.
    """
    if record is None:
        return finding(link, DriftKind.DELETED, None)
    if _was_voided(link, record, payload):
        return finding(link, DriftKind.VOIDED, record)
    codes = _codes(link, record, document, payload)
    return finding(link, _kind(codes), record, {"fields": " ".join(codes)}) if codes else None


def holds(document: Document, payload: Mapping[str, Any], record: Record | None) -> bool:
    """Whether QBO holds a document as it should be, with all its texts, whoever made it so.

    Args:
        document: as it should be.
        payload: what QBO would be sent for it.
        record: what QBO holds; null if there is nothing.
    """
    if document.existence is Existence.VOID:
        return record is None or is_void(record)
    return record is not None and not differences(document, payload, record) and not _differing_texts(payload, record)


def of_posted(link: Link, record: Record | None) -> Finding | None:
    """As `compare`, for a document of which Stripe now says something else: only against what was posted."""
    if record is None:
        return finding(link, DriftKind.DELETED, None)
    if is_void(record) and link.amount:
        return finding(link, DriftKind.VOIDED, record)
    codes = [] if link.content is None or same_content(link.entity, link.content, record) else _posted(link, record)
    return finding(link, _kind(codes), record, {"fields": " ".join(codes)}) if codes else None


def linked_objects(record: Record) -> set[tuple[str, str]]:
    """Transactions that are applied to a record, or that hold it; by entity and id. Its own lines are its content."""
    found = ((str(one.get("TxnType")), str(one.get("TxnId"))) for one in parts(record, "LinkedTxn"))
    return {(entity, qbo_id) for entity, qbo_id in found if entity in _LINKING}


def held_objects(record: Record) -> set[tuple[str, str]]:
    """Transactions that the lines of a record name: what a payment pays, what a deposit holds."""
    linked = (one for line in parts(record, "Line") for one in parts(line, "LinkedTxn"))
    return {(str(one.get("TxnType")), str(one.get("TxnId"))) for one in linked}


def _was_voided(link: Link, record: Record, payload: Mapping[str, Any] | None) -> bool:
    if link.entity == "Customer" or not is_void(record):
        return False
    lines = parts(payload, "Line") if payload else []
    return bool(link.amount) or any(wire.decimal(line.get("Amount", 0)) for line in lines)


def _codes(link: Link, record: Record, document: Document | None, payload: Mapping[str, Any] | None) -> list[str]:
    if document is None or payload is None or document.existence is Existence.VOID:
        return _posted(link, record) if link.content and not same_content(link.entity, link.content, record) else []
    found = [_with_values(code, payload, record) for code in differences(document, payload, record)]
    found = [code for code in found if not code.startswith("DisplayName")]  # a customer's name is the company's
    if found or link.content is None or same_content(link.entity, link.content, record):
        return found
    return _texts(payload, record)


def _posted(link: Link, record: Record) -> list[str]:
    """The fields that are not as they were posted, as far as the link tells them apart."""
    found = []
    total = wire.minor(record.get("TotalAmt"), link.currency) if link.entity != "JournalEntry" else None
    if total is not None and total != link.amount:
        posted = to_decimal(link.amount, link.currency)
        found.append(f"TotalAmt:{posted}/{wire.decimal(record.get('TotalAmt'))}")
    if link.txn_date is not None and record.get("TxnDate") != link.txn_date.isoformat():
        found.append(f"TxnDate:{link.txn_date.isoformat()}/{record.get('TxnDate')}")
    if link.content and not same_lines(link.entity, link.content, record):
        found.append("Line")
    return found or ["content"]


def _texts(payload: Mapping[str, Any], record: Record) -> list[str]:
    """Texts that differ, by the names of their fields; what QBO has made of one when it was posted is its own."""
    return _differing_texts(payload, record) or ["content"]


def _differing_texts(payload: Mapping[str, Any], record: Record) -> list[str]:
    found = [name for name in _TEXTS if name in payload and str(record.get(name) or "") != str(payload[name] or "")]
    meant = [str(line.get("Description") or "") for line in parts(payload, "Line")]
    lines = [line for line in parts(record, "Line") if line.get("DetailType") != "SubTotalLineDetail"]
    if sorted(meant) != sorted(str(line.get("Description") or "") for line in lines):
        found.append("Line.Description")
    return found


def _with_values(code: str, payload: Mapping[str, Any], record: Record) -> str:
    """A code with both values, if these are dates or numbers of documents; what a person has typed may be a name."""
    if code not in _SHOWN or code not in payload:
        return code
    found = str(record.get(code) or "")
    return f"{code}:{payload[code]}/{found if _NUMBER.fullmatch(found) else ''}"


def _kind(codes: Iterable[str]) -> DriftKind:
    names = {code.partition(":")[0].partition(".")[0] for code in codes}
    if names == {"TxnDate"}:
        return DriftKind.MOVED
    if "marker" in names and names <= {"marker", "PrivateNote"}:
        return DriftKind.UNMARKED
    if names <= {"LinkedTxn", "UnappliedAmt"}:
        return DriftKind.UNAPPLIED
    return DriftKind.INACTIVE if names == {"Active"} else DriftKind.EDITED


def customer_moved_to(fields: str) -> tuple[str, str] | None:
    """If only its customer is another one (`CustomerRef:5/7`): whose document it should be, and whose it is."""
    name, _, values = fields.partition(":") if " " not in fields else ("", "", "")
    meant, _, found = values.partition("/")
    return (meant, found) if name == "CustomerRef" and meant and found and found != "None" else None
