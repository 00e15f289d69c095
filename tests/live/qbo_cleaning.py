"""Cleaning up in QBO: everything that carries a marker goes, in the order in which it can, and nothing else."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.live.qbo_wire import QboWire
from tests.live.run_marker import WORD, is_marked

TRANSACTIONS = ("Deposit", "Payment", "RefundReceipt", "SalesReceipt", "CreditMemo", "Invoice", "JournalEntry")
"""In this order: a deposit holds what it links, a payment what it pays."""

LISTS = {"Customer": "DisplayName", "Item": "Name", "Account": "Name"}
"""They cannot be deleted, only made inactive: items before the accounts that they post to. With the name's property."""

LOOKED_BACK = timedelta(days=60)
_GONE = "610"
_STALE = "5010"


@dataclass(slots=True, kw_only=True)
class Cleaned:
    """How many of each kind are gone, and what would not go: kind, id and code."""

    gone: Counter[str] = field(default_factory=Counter)
    left: list[str] = field(default_factory=list)


async def clean_qbo(wire: QboWire, *, now: datetime | None = None) -> Cleaned:
    """Remove what this and earlier runs have made in the last 60 days.

    What has no marker is read, and not touched.

    Args:
        wire: to the company.
        now: the moment; for tests.
    """
    cleaned = Cleaned()
    since = ((now or datetime.now(UTC)) - LOOKED_BACK).replace(microsecond=0).isoformat()
    for entity in TRANSACTIONS:
        created = f"MetaData.CreateTime >= '{since}'"
        for record in await _marked(wire, entity, created, cleaned):
            await _remove(wire, entity, record, {"operation": "delete"}, cleaned)
    for entity, name in LISTS.items():
        for record in await _marked(wire, entity, f"{name} LIKE '{WORD} %'", cleaned):
            if record.get("Active", True):
                await _remove(wire, entity, record, {}, cleaned)
    return cleaned


async def _marked(wire: QboWire, entity: str, where: str, cleaned: Cleaned) -> list[Mapping[str, Any]]:
    """What fulfils a condition and has a marker; what cannot be asked for is named, and the rest goes on."""
    try:
        return [record for record in await wire.all(entity, where) if is_marked(record)]
    except RuntimeError as problem:
        cleaned.left.append(str(problem))
        return []


async def _remove(
    wire: QboWire, entity: str, record: Mapping[str, Any], parameters: Mapping[str, str], cleaned: Cleaned
) -> None:
    """Delete it, or make it inactive where no operation is named; once more if it has changed meanwhile."""
    path, current = entity.lower(), record
    for _ in range(2):
        key: dict[str, Any] = {"Id": current["Id"], "SyncToken": current["SyncToken"]}
        if not parameters:
            names = {name: current[name] for name in ("DisplayName", "Name", "AccountType", "Type") if name in current}
            key |= {**names, "Active": False, "sparse": True}
        answer = await wire.post(path, key, **parameters)
        if answer.ok or answer.code == _GONE:
            cleaned.gone[entity] += 1
            return
        if answer.code != _STALE:
            break
        current = (await wire.get(f"{path}/{record['Id']}")).record(entity) or current
    cleaned.left.append(f"{entity} {record['Id']}: {answer.outcome}")
