"""Reverting: what a record is sent so that it is again as somebody had it before a repair. Pure.

A finding keeps amounts, dates, ids and numbers of documents, no texts: what it has not kept cannot be brought back, and
a repair says so beforehand.
"""

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from wescope.engine.drift_kinds import DriftKind
from wescope.engine.intents import lines_of
from wescope.qbo.records import Record, parts

_TEXTS = frozenset({"TxnDate", "DueDate", "DocNumber", "PaymentRefNum"})
_REFERENCES = frozenset({"CustomerRef", "DepositToAccountRef"})
_LINE_REFERENCES = frozenset({"ItemRef", "AccountRef", "ClassRef", "TaxCodeRef"})
_FOLLOWS = frozenset({"TotalAmt", "UnappliedAmt", "TotalTax", "HomeTotalAmt"})
"""Sums that QBO computes: they follow from the lines, but for a payment's total."""

_LINE = re.compile(r"Line(\d+)\.(\w+)")
_LINKED = re.compile(r"LinkedTxn\.(\w+)\.(\d+)")
_ALWAYS = frozenset({DriftKind.VOIDED, DriftKind.DELETED, DriftKind.MERGED, DriftKind.INACTIVE})
_NEVER = frozenset({DriftKind.DOUBLED, DriftKind.UNMARKED})


def is_revertible(kind: DriftKind, fields: str) -> bool:
    """Whether a repair of this finding can be taken back.

    Args:
        kind: of the finding.
        fields: its codes, as `TxnDate:2026-11-02/2026-11-05 Line1.Amount:5/7` (ours/theirs).
    """
    if kind in _ALWAYS:
        return True
    return kind not in _NEVER and bool(fields) and all(_is_known(code) for code in fields.split())


def reverted(entity: str, record: Record, fields: str) -> dict[str, Any]:
    """What a sparse update of the record carries, beside its id and token, to have theirs again.

    Args:
        entity: QBO's name of the entity.
        record: as it stands after the repair.
        fields: the codes of a finding that `is_revertible`.

    Raises:
        ValueError: the record is no longer as the repair has left it.
    """
    change: dict[str, Any] = {}
    lines = lines_of(record)
    for name, value in (_parsed(code) for code in fields.split()):
        if name in _TEXTS:
            change[name] = value
        elif name in _REFERENCES:
            change[name] = {"value": value}
        elif name == "TotalAmt" and entity == "Payment":
            change[name] = Decimal(value)
        elif found := _LINE.fullmatch(name):
            _change_line(lines, int(found[1]), found[2], value)
            change["Line"] = lines
        elif found := _LINKED.fullmatch(name):
            lines = _applied(lines, found[1], found[2], Decimal(value))
            change["Line"] = lines
    if "Line" in change and entity == "Payment":
        # Without them QBO would take a payment's lines for one without a total.
        change.setdefault("TotalAmt", record["TotalAmt"])
        change.setdefault("CustomerRef", record["CustomerRef"])
    return change


def _is_known(code: str) -> bool:
    name, value = _parsed(code)
    if not value or value == "None":
        return False
    line, linked = _LINE.fullmatch(name), _LINKED.fullmatch(name)
    if name in _FOLLOWS or linked is not None or (line is not None and line[2] == "Amount"):
        return _is_number(value)
    return name in _TEXTS | _REFERENCES or (line is not None and line[2] in _LINE_REFERENCES)


def _parsed(code: str) -> tuple[str, str]:
    name, _, values = code.partition(":")
    return name, values.rpartition("/")[2]


def _is_number(value: str) -> bool:
    try:
        Decimal(value)
    except InvalidOperation:
        return False
    return True


def _change_line(lines: list[dict[str, Any]], number: int, name: str, value: str) -> None:
    if number > len(lines):
        raise ValueError("the record has fewer lines now")
    line = lines[number - 1]
    if name == "Amount":
        line["Amount"] = Decimal(value)
        return
    kind = str(line["DetailType"])
    line[kind] = {**line[kind], name: {"value": value}}


def _applied(lines: Iterable[Mapping[str, Any]], entity: str, qbo_id: str, amount: Decimal) -> list[dict[str, Any]]:
    """The lines of a payment with another amount applied to one transaction; none if that is zero."""
    target = {"TxnId": qbo_id, "TxnType": entity}
    kept = [dict(line) for line in lines if not _is_linked(line, target)]
    return [*kept, {"Amount": amount, "LinkedTxn": [target]}] if amount else kept


def _is_linked(line: Mapping[str, Any], target: Mapping[str, str]) -> bool:
    return any(
        (one.get("TxnType"), one.get("TxnId")) == (target["TxnType"], target["TxnId"])
        for one in parts(line, "LinkedTxn")
    )
