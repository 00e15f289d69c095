"""Intents: the request id of each write to QBO, and what a document or a record is sent as. Pure.

A request id is a name for one intent with one payload: the same id asks for the same thing for ever.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

from wescope.books.documents import CustomerBody, Document
from wescope.engine.plan import Step
from wescope.links.store import Operation
from wescope.qbo.records import Record

_SENT_OF_LINES = frozenset({"Amount", "Description", "DetailType", "LinkedTxn"})
_DETAIL = "LineDetail"
_SUBTOTAL = "SubTotalLineDetail"


def request_id(realm_id: str, step: Step, operation: Operation, *, generation: int, variant: int) -> str:
    """The request id of one intent: the same for the same payload and generation, at most 36 characters.

    Facts/qbo.md 2.1: unique per company, 50 characters at most, 36 within a batch.
    """
    parts = (realm_id, step.document.key, operation.value, str(generation), str(variant), step.fingerprint)
    day = step.document.dates.txn
    moved_to = (day.isoformat(),) if step.stated_date and day else ()
    return "ws" + _digest((*parts, *moved_to))


def side_request_id(purpose: str, *parts: str) -> str:
    """The request id of a write beside the plan (a duplicate deleted, an update taken back), at most 36 characters."""
    return "wx" + _digest((purpose, *parts))


def _digest(parts: tuple[str, ...]) -> str:
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:34]


def lines_of(record: Record) -> list[dict[str, Any]]:
    """The lines of a record as they can be sent again: without ids, subtotals and what QBO adds."""
    lines = [line for line in record.get("Line") or () if line.get("DetailType") != _SUBTOTAL]
    return [{name: value for name, value in line.items() if value and _is_sent(name)} for line in lines]


def _is_sent(name: str) -> bool:
    return name in _SENT_OF_LINES or name.endswith(_DETAIL)


def content_of(record: Record, payload: Mapping[str, Any]) -> dict[str, Any]:
    """What a record had in all fields that `payload` writes, as it can be sent again to get it back."""
    content = {name: record[name] for name in payload if name in record}
    if "TxnTaxDetail" in payload and not content.get("TxnTaxDetail"):
        content["TxnTaxDetail"] = {"TotalTax": 0}  # an absent field would be left as it is
    if "Line" in payload:
        content["Line"] = lines_of(record)
    return content


def variants(document: Document) -> int:
    """In how many ways a document may be sent: a customer under each of its names."""
    return len(document.body.display_names) if isinstance(document.body, CustomerBody) else 1


def display_name(document: Document, variant: int) -> str | None:
    """The name under which a customer is sent, or null for another document."""
    if not isinstance(document.body, CustomerBody):
        return None
    names = document.body.display_names
    return names[min(variant, len(names) - 1)]
