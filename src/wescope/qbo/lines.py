"""Lines: the detail lines of QBO's transactions, compared by amount and by what they refer to. Pure."""

from collections import Counter
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from wescope.qbo import wire
from wescope.qbo.records import Record, parts, reference

_REFERENCES: Mapping[str, tuple[str, ...]] = {
    "SalesItemLineDetail": ("ItemRef", "TaxCodeRef", "ClassRef"),
    "JournalEntryLineDetail": ("AccountRef",),
    "DepositLineDetail": ("AccountRef",),
}
_ALWAYS = frozenset({"ItemRef", "AccountRef"})
# QBO may answer these in another order; those of a sales form are read by people and keep theirs.
_UNORDERED = frozenset({"JournalEntryLineDetail", "DepositLineDetail"})

Fields = Mapping[str, Any]
"""The fields of one line that count: the amount as a decimal, ids and words."""


def sum_of_debits(record: Record) -> Decimal | None:
    """What a journal entry moves, in major units; null if the record is no journal entry."""
    lines = [line for line in parts(record, "Line") if line.get("DetailType") == "JournalEntryLineDetail"]
    if not lines:
        return None
    debits = [line for line in lines if _detail(line).get("PostingType") == "Debit"]
    return sum((wire.decimal(line.get("Amount")) or Decimal(0) for line in debits), Decimal(0))


def line_differences(payload: Mapping[str, Any], record: Record) -> Iterator[str]:
    """Where the detail lines of a record are not those of the payload that was sent.

    QBO adds subtotals, which are left out, and may fill in what was not sent (a class, a tax code): that is no
    difference.

    Returns:
        Codes such as `Line1.Amount:35.10/12.00` (meant/found) and `Line:2/1` (numbers of lines).
    """
    meant, found = _lines(payload), _lines(record)
    if len(meant) != len(found):
        yield f"Line:{len(meant)}/{len(found)}"
    for index, (one, other) in enumerate(_pairs(meant, found), start=1):
        for name, value in one.items():
            if value != other.get(name):
                yield f"Line{index}.{name}:{value}/{other.get(name)}"


def _pairs(meant: list[Fields], found: list[Fields]) -> Iterator[tuple[Fields, Fields]]:
    if any(line["DetailType"] in _UNORDERED for line in meant):
        left = Counter(_key(line) for line in meant)
        left.subtract(_key(line) for line in found)
        if not any(left.values()):
            return
    yield from zip(meant, found, strict=False)


def _key(line: Fields) -> frozenset[tuple[str, Any]]:
    return frozenset(line.items())


def _lines(record: Mapping[str, Any]) -> list[Fields]:
    found = []
    for line in parts(record, "Line"):
        kind = str(line.get("DetailType") or ("LinkedTxn" if line.get("LinkedTxn") else ""))
        if kind in _REFERENCES or kind == "LinkedTxn":
            found.append(_fields(kind, line))
    return found


def _fields(kind: str, line: Record) -> Fields:
    detail = _detail(line)
    fields: dict[str, Any] = {"DetailType": kind, "Amount": wire.decimal(line.get("Amount"))}
    for name in _REFERENCES.get(kind, ()):
        value = reference(detail, name)
        if value is not None or name in _ALWAYS:
            fields[name] = value
    if kind == "JournalEntryLineDetail":
        entity = detail.get("Entity")
        fields["PostingType"] = detail.get("PostingType")
        fields["Entity"] = reference(entity, "EntityRef") if isinstance(entity, Mapping) else None
    return fields


def _detail(line: Record) -> Record:
    found = line.get(str(line.get("DetailType")))
    return found if isinstance(found, Mapping) else {}
