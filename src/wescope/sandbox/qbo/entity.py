"""What every entity has in common: the rules a module of this package supplies for each kind of object."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from wescope.sandbox.qbo import faults
from wescope.sandbox.qbo.books import Unit
from wescope.sandbox.qbo.clock import to_the_second
from wescope.sandbox.qbo.shapes import Shape
from wescope.sandbox.qbo.storage import Record
from wescope.sandbox.qbo.wire import Json

SERVER_KEPT = frozenset({"Id", "SyncToken", "MetaData", "domain", "sparse", "status"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """How a write was asked for: by a `human` in the browser (may override closed books), links to lose, options."""

    human: bool = False
    drop_links: bool = False
    include: frozenset[str] = frozenset()


class EntityRules(ABC):
    """The rules of one entity. Modules of this package implement it; `documents` drives it."""

    name: ClassVar[str]
    shape: ClassVar[Shape]
    is_list: ClassVar[bool] = False
    can_delete: ClassVar[bool] = True
    can_write: ClassVar[bool] = True
    textual_ids: ClassVar[bool] = False  # the US tax codes TAX and NON are ids
    void_by: ClassVar[frozenset[str]] = frozenset()  # "operation" and/or "include" (facts/qbo.md 2.3)
    read_only: ClassVar[frozenset[str]] = frozenset()
    filterable: ClassVar[frozenset[str]] = frozenset()
    derived: ClassVar[frozenset[str]] = frozenset()  # properties that only `shown` knows

    @abstractmethod
    def write(self, unit: Unit, body: Json, before: Record | None, request: Request) -> Record:
        """Checks a complete intended body and turns it into the object's new state.

        Args:
            unit: the unit of work; linked objects are written through it.
            body: the writable fields as intended (a sparse update already merged).
            before: the present state, None for a create.
            request: how it was asked for.

        Returns:
            The new state, still without SyncToken and MetaData.

        Raises:
            QboFault: the business refuses.
        """

    def void(self, unit: Unit, before: Record, request: Request) -> Record:
        """Returns the object's voided state; entities that cannot be voided refuse with 500."""
        _ = unit, before, request
        raise faults.unsupported_operation("void")

    def delete(self, unit: Unit, before: Record, request: Request) -> None:
        """Undoes what the object did to others before it is deleted."""
        _ = unit, before, request

    def shown(self, unit: Unit, record: Record) -> Json:
        """Returns the object as an answer shows it."""
        _ = unit
        return record.doc


def reference(value: str, name: str = "") -> Json:
    """Writes a reference with its name, as answers do."""
    return {"value": value, "name": name} if name else {"value": value}


def referred(body: Json, name: str) -> str:
    """Reads a reference's value.

    Args:
        body: the object that may have the reference.
        name: the property, for instance CustomerRef.

    Returns:
        The id, empty if there is no such reference.

    Raises:
        QboFault: 2020 for a reference without a value.
    """
    if name not in body:
        return ""
    value = body[name].get("value")
    if not value:
        raise faults.required(f"{name}.value")
    return str(value)


def require(body: Json, *names: str) -> None:
    """Checks that properties are there.

    Args:
        body: the request body.
        names: what it must have.

    Raises:
        QboFault: 2020 with one entry for each missing property.
    """
    missing = [name for name in names if body.get(name) in (None, "", [])]
    if missing:
        raise faults.required(*missing)


def active(record: Record | None, list_name: str, value: str, unit: Unit) -> Record:
    """Checks that a reference leads to an active object.

    Args:
        record: what was found, if anything.
        list_name: QBO's name of the list, for the fault.
        value: the id asked for.
        unit: the unit of work.

    Returns:
        The record.

    Raises:
        QboFault: 2500 for nothing, 2500 or 610 (a knob) for something inactive.
    """
    if record is None or record.deleted:
        raise faults.invalid_reference(list_name, value)
    if record.doc.get("Active") is False:
        raise faults.inactive_reference() if unit.knobs.inactive_reference_fault == "2500" else faults.not_found()
    return record


def customer(unit: Unit, value: str) -> Record:
    """Returns the active customer of a reference, or raises 2500."""
    return active(unit.get("Customer", value), "Names", value, unit)


def account(unit: Unit, value: str, types: frozenset[str] | None = None, element: str = "AccountRef") -> Record:
    """Returns the active account of a reference.

    Args:
        unit: the unit of work.
        value: the account's id.
        types: the account types that may stand here, None for any.
        element: the property, for the fault.

    Returns:
        The account.

    Raises:
        QboFault: 2500 for an unknown one, 6430 for one of the wrong type.
    """
    found = active(unit.get("Account", value), "Accounts", value, unit)
    if types is not None and found.doc["AccountType"] not in types:
        raise faults.wrong_account_type(element)
    return found


def account_of_subtype(unit: Unit, subtype: str) -> Record:
    """Returns the system account of a subtype, for instance UndepositedFunds.

    Args:
        unit: the unit of work.
        subtype: Intuit's AccountSubType.

    Returns:
        The account with the lowest id.

    Raises:
        QboFault: 6000 when the company has none.
    """
    found = [one for one in unit.all("Account") if one.doc["AccountSubType"] == subtype and one.doc["Active"]]
    if not found:
        raise faults.business(f"The company has no account of type {subtype}.")
    return min(found, key=lambda one: int(one.id))


def stamped(unit: Unit, record: Record, before: Record | None) -> Record:
    """Gives a new state its id, SyncToken and times.

    Args:
        unit: the unit of work.
        record: the new state.
        before: the state it replaces, None for a new object.

    Returns:
        The state as it will be stored: SyncToken 0 or one more than before.
    """
    now = to_the_second(unit.now)
    created = before.doc["MetaData"]["CreateTime"] if before else now
    token = str(int(before.doc["SyncToken"]) + 1) if before else "0"
    head: dict[str, Any] = {"domain": "QBO", "sparse": False, "Id": record.id, "SyncToken": token}
    head["MetaData"] = {"CreateTime": created, "LastUpdatedTime": now}
    rest = {name: value for name, value in record.doc.items() if name not in SERVER_KEPT}
    return replace(record, doc={**head, **rest}, changed_at_ms=unit.now_ms)


def same_content(one: Json, other: Json) -> bool:
    """Tells whether two documents differ in nothing but what the server keeps."""
    return {k: v for k, v in one.items() if k not in SERVER_KEPT} == {
        k: v for k, v in other.items() if k not in SERVER_KEPT
    }
