"""Records: QBO's objects as its JSON has them, the answer to a write, and how each entity is taken back."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

from wescope.books.documents import Entity

Record = Mapping[str, Any]
"""One object of QBO as parsed JSON; numbers are `int` or `Decimal`. Never logged or stored: it may hold names."""

TAKEN_BACK_BY: Mapping[Entity, Literal["void", "delete"]] = MappingProxyType(
    {
        Entity.INVOICE: "void",
        Entity.PAYMENT: "void",
        Entity.SALES_RECEIPT: "void",
        Entity.CREDIT_MEMO: "delete",
        Entity.REFUND_RECEIPT: "delete",
        Entity.JOURNAL_ENTRY: "delete",
        Entity.DEPOSIT: "delete",
    }
)
"""How a posted document is taken back: voided where the API documents a void, else deleted (facts/qbo.md 2.3).

Customers are never taken back.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """QBO's answer to a write: the object as it is now, and Intuit's id of the call, for their support."""

    record: Record = field(repr=False)
    intuit_tid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchIdentity:
    """Under what QBO knows a write that went in a batch: the batch's request id, and the item's id in it.

    `batch_id` has at most 36 characters, `item` at most 10 (facts/qbo.md 2.1). To send the write again under the same
    identity, it goes in a batch of one with both.
    """

    batch_id: str
    item: str


def reference(record: Record, name: str) -> str | None:
    """The id inside a reference such as `CustomerRef: {"value": "5"}`, or null."""
    found = record.get(name)
    value = found.get("value") if isinstance(found, Mapping) else None
    return str(value) if value is not None else None


def parts(record: Record, name: str) -> list[Mapping[str, Any]]:
    """The objects in a list such as `Line`; whatever is none is left out."""
    found = record.get(name)
    return [part for part in found if isinstance(part, Mapping)] if isinstance(found, list | tuple) else []
