"""Reads a batch into operations: at most 30 items, each with its own identity (facts/qbo.md 5.2)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

from wescope.sandbox.qbo import faults
from wescope.sandbox.qbo.books import NAME_ENTITIES
from wescope.sandbox.qbo.knobs import Knobs
from wescope.sandbox.qbo.operations import Operation
from wescope.sandbox.qbo.registry import RULES
from wescope.sandbox.qbo.wire import Json, dumps

B_ID_LENGTH = 10
ITEM_KEYS = frozenset({"bId", "operation", "optionsData", "Query"})
KINDS = frozenset({"create", "update", "delete", "query", "void"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One item: its id in the batch and what it asks for, or why it cannot be read."""

    b_id: str
    operation: Operation | faults.QboFault


def read(operation: Operation, knobs: Knobs) -> list[Item]:
    """Reads the items of a batch.

    Args:
        operation: the batch as received, with its request id.
        knobs: size, and whether items are remembered.

    Returns:
        The items in order; a malformed item holds its fault, as items fail one by one.

    Raises:
        QboFault: 2020 without items, 1040 for too many, 2010 for unknown members, 2130 and 2600 for their bIds.
    """
    body = operation.body or {}
    for name in body:
        if name != "BatchItemRequest":
            raise faults.unknown_property(name, "IntuitBatchRequest", ["BatchItemRequest"])
    given = body.get("BatchItemRequest")
    if not isinstance(given, list) or not given:
        raise faults.required("BatchItemRequest")
    if len(given) > knobs.batch_items:
        raise faults.batch_too_large(knobs.batch_items)
    b_ids = [_b_id(item, operation.request_id) for item in given]
    if len(set(b_ids)) != len(b_ids):
        raise faults.conflicting("Every bId must be unique within the batch")
    return [_item(one, b_id, operation.request_id, knobs) for one, b_id in zip(given, b_ids, strict=True)]


def asked(operation: Operation) -> list[tuple[str, str]]:
    """Returns entity and kind of each item that can be read, whatever else is wrong with the batch."""
    items = (operation.body or {}).get("BatchItemRequest")
    found: list[tuple[str, str]] = []
    for item in items if isinstance(items, list) else ():
        try:
            one = _operation(item, "")
        except (faults.QboFault, TypeError, AttributeError):
            continue
        found.append((one.entity, one.kind))
    return found


def writes_names(operations: Sequence[tuple[str, str]]) -> bool:
    """Tells whether one of these writes to the list of names."""
    return any(entity in NAME_ENTITIES and kind != "query" for entity, kind in operations)


def cut_short(operation: Operation, items: int, knobs: Knobs) -> Operation:
    """Returns the batch as far as it is done when the server dies on the way; it is remembered by its items only."""
    body = {"BatchItemRequest": (operation.body or {}).get("BatchItemRequest", [])[:items]}
    request_id = operation.request_id if knobs.batch_requestid == "item" else ""
    return replace(operation, body=body, request_id=request_id)


def _b_id(item: Json, request_id: str) -> str:
    if not isinstance(item, dict):
        raise faults.invalid_type("BatchItemRequest", "Object")
    b_id = item.get("bId")
    if not isinstance(b_id, str) or not b_id:
        raise faults.required("bId")
    if request_id and len(b_id) > B_ID_LENGTH:
        raise faults.invalid_request_id(f"a bId has at most {B_ID_LENGTH} characters. Supplied length:{len(b_id)}")
    return b_id


def _item(item: Json, b_id: str, request_id: str, knobs: Knobs) -> Item:
    identity = request_id + b_id if request_id and knobs.batch_requestid == "item" else ""
    try:
        return Item(b_id=b_id, operation=_operation(item, identity))
    except faults.QboFault as problem:
        return Item(b_id=b_id, operation=problem)


def _operation(item: Json, identity: str) -> Operation:
    if "Query" in item:
        if not isinstance(item["Query"], str):
            raise faults.invalid_type("Query", "String")
        return Operation(kind="query", text=item["Query"])
    entities = [name for name in item if name not in ITEM_KEYS]
    if len(entities) != 1:
        raise faults.conflicting("A batch item has one entity or a Query")
    if entities[0] not in RULES:
        raise faults.unknown_property(entities[0], "BatchItemRequest", sorted({*RULES, *ITEM_KEYS}))
    body = item[entities[0]]
    if not isinstance(body, dict):
        raise faults.invalid_type(entities[0], "Object")
    kind, by, include = _kind(item)
    return Operation(
        kind=kind,
        entity=entities[0],
        id=str(body.get("Id", "")),
        body=body,
        by=by,
        include=include,
        request_id=identity,
        fingerprint=sha256(dumps(item).encode()).hexdigest(),
    )


def _kind(item: Json) -> tuple[str, str, frozenset[str]]:
    kind = item.get("operation")
    if not isinstance(kind, str) or kind not in KINDS - {"query"}:
        raise faults.unsupported_operation(str(kind))
    options = frozenset(one for one in str(item.get("optionsData", "")).lower().split(",") if one)
    if kind == "update" and "void" in options:
        return "void", "include", options
    return kind, "operation", options
