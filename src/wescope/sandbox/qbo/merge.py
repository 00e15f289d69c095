"""Merging two customers, as a person can in the browser and no program can (facts/qbo.md 7)."""

from dataclasses import replace
from typing import Any

from wescope.sandbox.qbo.books import Unit
from wescope.sandbox.qbo.company import Company
from wescope.sandbox.qbo.entity import stamped
from wescope.sandbox.qbo.names import with_suffix
from wescope.sandbox.qbo.storage import Record
from wescope.sandbox.qbo.webhooks import Change
from wescope.sandbox.qbo.wire import Json


def merge_customers(company: Company, loser_id: str, survivor_id: str) -> None:
    """Gives the loser's transactions to the survivor; how the loser reads back then is a knob.

    Whether the transactions get a new SyncToken is another one: neither was seen (facts/qbo.md 7).

    Args:
        company: whose books.
        loser_id: the customer that goes.
        survivor_id: the customer that stays.

    Raises:
        ValueError: one of them is no active customer, or they are the same.
    """
    unit = company.books.begin()
    loser, survivor = _active(unit, loser_id), _active(unit, survivor_id)
    if loser_id == survivor_id:
        raise ValueError("a customer cannot be merged with itself")
    reference = {"value": survivor_id, "name": survivor.doc["DisplayName"]}
    for entity in company.books.entities():
        for record in list(company.books.all(entity)):
            if entity != "Customer" and _names(record, loser_id):
                unit.put(_moved(unit, record, loser_id, reference, bumps=unit.knobs.merge_bumps_transactions))
    gone = stamped(unit, _asleep(loser), loser)
    unit.put(replace(gone, deleted=unit.knobs.merged_customer == "missing"))
    unit.commit()
    company.notifier.note(Change(operation="merged", entity="Customer", id=survivor_id, deleted_id=loser_id))


def _active(unit: Unit, record_id: str) -> Record:
    record = unit.get("Customer", record_id)
    if record is None or record.deleted or not record.doc["Active"]:
        raise ValueError(f"no active customer: {record_id}")
    return record


def _asleep(record: Record) -> Record:
    return replace(record, doc={**record.doc, "Active": False, "DisplayName": with_suffix(record.doc["DisplayName"])})


def _names(record: Record, customer_id: str) -> bool:
    return any(one.name_id == customer_id for one in record.postings) or _refers(record.doc, customer_id)


def _refers(doc: Json, customer_id: str) -> bool:
    return bool(doc.get("CustomerRef", {}).get("value") == customer_id)


def _moved(unit: Unit, record: Record, loser_id: str, reference: Json, *, bumps: bool) -> Record:
    postings = tuple(
        replace(one, name_id=reference["value"]) if one.name_id == loser_id else one for one in record.postings
    )
    moved = replace(record, doc=_renamed(record.doc, loser_id, reference), postings=postings)
    return stamped(unit, moved, record) if bumps else moved


def _renamed(value: Any, loser_id: str, reference: Json) -> Any:
    """The value with every reference to the loser as a customer replaced."""
    if isinstance(value, list):
        return [_renamed(one, loser_id, reference) for one in value]
    if not isinstance(value, dict):
        return value
    found = {name: _renamed(one, loser_id, reference) for name, one in value.items()}
    for name in ("CustomerRef", "EntityRef"):
        if isinstance(found.get(name), dict) and found[name].get("value") == loser_id:
            found[name] = {**found[name], **reference}
    return found
