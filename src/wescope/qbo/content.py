"""Content: a digest of what QBO holds of a record, as far as this product writes it. Pure.

A SyncToken also moves when a payment is applied (facts/qbo.md 4.2), so it cannot tell whether somebody has edited a
record: the digest can. What others own - a customer's name, terms, addresses, custom fields, QBO's own totals and
balances - is left out. Names and texts go in as part of a hash only.
"""

import hashlib
import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from wescope.qbo import wire
from wescope.qbo.payloads import has_any_marker
from wescope.qbo.records import Record, parts, reference

_TEXTS = ("TxnDate", "DueDate", "DocNumber", "PaymentRefNum", "PrivateNote")
_REFERENCES = ("CustomerRef", "DepositToAccountRef")
_DETAIL_REFERENCES = ("ItemRef", "AccountRef", "ClassRef", "TaxCodeRef")
_DETAIL_TEXTS = ("PostingType", "ServiceDate")
_SUBTOTAL = "SubTotalLineDetail"
# QBO may answer these in another order; the lines of a sales form are read by people and keep theirs.
_UNORDERED = frozenset({"JournalEntry", "Deposit", "Payment"})
_LENGTH = 24


def content_digest(entity: str, record: Record) -> str:
    """What a record holds, as two hashes with a dot between them: of its head, and of its lines with their tax.

    Args:
        entity: QBO's name of the entity.
        record: as QBO answered a write or a read.
    """
    if entity == "Customer":
        head: dict[str, Any] = {"Active": bool(record.get("Active", True)), "marker": has_any_marker(record)}
        return f"{_hash(head)}.{_hash(None)}"
    head = {name: str(record.get(name) or "") for name in _TEXTS}
    head |= {name: reference(record, name) for name in _REFERENCES}
    # Rates of 1 come and go with the company's preference.
    head["ExchangeRate"] = _amount(record.get("ExchangeRate") or 1)
    if entity != "JournalEntry":
        head["TotalAmt"] = _amount(record.get("Amount" if entity == "Transfer" else "TotalAmt"))
    return f"{_hash(head)}.{_hash(_lines(entity, record))}"


def same_content(entity: str, content: str, record: Record, *, lines: bool = True) -> bool:
    """Whether a record holds what it held when `content` was taken of it.

    Args:
        entity: QBO's name of the entity.
        content: an earlier digest.
        record: as it is now.
        lines: whether the lines count, too; what is applied to a payment's lines also changes by itself.
    """
    now = content_digest(entity, record)
    return now == content if lines else _head(now) == _head(content)


def same_lines(entity: str, content: str, record: Record) -> bool:
    """Whether the lines and the tax of a record are those of the digest."""
    return content_digest(entity, record).partition(".")[2] == content.partition(".")[2]


def _head(content: str) -> str:
    return content.partition(".")[0]


def _lines(entity: str, record: Record) -> list[str]:
    lines = [_text(_line(line)) for line in parts(record, "Line") if line.get("DetailType") != _SUBTOTAL]
    tax = record.get("TxnTaxDetail")
    total_tax = _amount(tax.get("TotalTax")) if isinstance(tax, Mapping) else ""
    # QBO answers without tax detail, or with one of zero.
    return [*(sorted(lines) if entity in _UNORDERED else lines), total_tax if total_tax != "0" else ""]


def _line(line: Record) -> dict[str, Any]:
    kind = str(line.get("DetailType") or "")
    detail = line.get(kind)
    found: dict[str, Any] = {
        "kind": kind,
        "Amount": _amount(line.get("Amount")),
        "Description": str(line.get("Description") or ""),
        "LinkedTxn": sorted(f"{one.get('TxnType')}.{one.get('TxnId')}" for one in parts(line, "LinkedTxn")),
    }
    if isinstance(detail, Mapping):
        found |= {name: reference(detail, name) for name in _DETAIL_REFERENCES}
        found |= {name: str(detail.get(name) or "") for name in _DETAIL_TEXTS}
        name = detail.get("Entity")
        found["Entity"] = reference(name, "EntityRef") if isinstance(name, Mapping) else None
    return found


def _amount(value: Any) -> str:
    """An amount however it is written: 10, 10.0 and 10.00 are the same."""
    found = wire.decimal(value)
    return "" if found is None else f"{(found + Decimal(0)).normalize():f}"


def _hash(value: Any) -> str:
    return hashlib.sha256(_text(value).encode()).hexdigest()[:_LENGTH]


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))
