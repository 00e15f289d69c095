"""Create, read, update, void and delete: the steps that are the same for every entity (facts/qbo.md 2)."""

from dataclasses import dataclass, replace

from wescope.sandbox.qbo import faults, shapes
from wescope.sandbox.qbo.auto_apply import apply_credits
from wescope.sandbox.qbo.books import Unit
from wescope.sandbox.qbo.entity import SERVER_KEPT, EntityRules, Request, same_content, stamped
from wescope.sandbox.qbo.links import resettle
from wescope.sandbox.qbo.names import without_suffix
from wescope.sandbox.qbo.registry import rules_of
from wescope.sandbox.qbo.storage import Record
from wescope.sandbox.qbo.wire import Json

KEY = frozenset({"Id", "SyncToken", "sparse", "domain"})
NAMES_OF_LISTS = ("DisplayName", "Name")


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """The outcome of a write: the entity's answer, what happened to which id, and whether anything changed at all.

    `wrapped`: the answer stands under the entity's name; the tax service's does not.
    """

    answer: Json
    effect: str
    id: str
    changed: bool
    wrapped: bool = True


def read(unit: Unit, entity: str, record_id: str) -> Json:
    """Reads one object.

    Args:
        unit: the unit of work.
        entity: Intuit's name, for instance Invoice.
        record_id: its id.

    Returns:
        The object as an answer shows it.

    Raises:
        QboFault: 2030 for no number, 610 for a missing or deleted object.
    """
    if not (record_id.isascii() and record_id.isdigit()) and not rules_of(entity).textual_ids:
        raise faults.invalid_id(record_id)
    rules = rules_of(entity)
    return rules.shown(unit, _existing(unit, entity, record_id))


def write(unit: Unit, entity: str, body: Json, request: Request) -> Written:
    """Creates, or updates when the body has an Id.

    Args:
        unit: the unit of work; the caller commits it if something changed.
        entity: Intuit's name.
        body: the request body as parsed.
        request: how it was asked for.

    Returns:
        The outcome; a no-op update answers the present state (recordings/deactivate__account.json).

    Raises:
        QboFault: whatever the layers refuse.
    """
    rules = rules_of(entity)
    if not rules.can_write:
        raise faults.unsupported_operation(f"write on {entity}")
    checked = shapes.check(rules.shape, body, unit.knobs)
    if "Id" in checked:
        return _update(unit, rules, checked, request)
    return _create(unit, rules, checked, request)


def _create(unit: Unit, rules: EntityRules, body: Json, request: Request) -> Written:
    if body.get("sparse") or "SyncToken" in body:
        raise faults.required("Id")
    record = stamped(unit, rules.write(unit, _intended(rules, body), None, request), None)
    unit.put(record)
    resettle(unit, record, None)
    _touch_customer(unit, record)
    if rules.name == "Invoice":
        apply_credits(unit, record)
        record = unit.get(*record.key) or record
    return Written(answer=rules.shown(unit, record), effect="created", id=record.id, changed=True)


def _update(unit: Unit, rules: EntityRules, body: Json, request: Request) -> Written:
    before = _current(unit, rules, body, request)
    if before.voided:
        raise faults.business("You can't change a transaction that has been voided.")
    intended = _intended(rules, body)
    if body.get("sparse"):
        kept = {name: value for name, value in before.doc.items() if name not in rules.read_only | SERVER_KEPT}
        intended = {**kept, **intended}
    if rules.is_list:
        _wake(intended, before)
    after = rules.write(unit, intended, before, request)
    if unit.knobs.no_op_keeps_sync_token and same_content(after.doc, before.doc):
        return Written(answer=rules.shown(unit, before), effect="unchanged", id=before.id, changed=False)
    if rules.is_list and before.doc["Active"] is False and after.doc["Active"] is False:
        raise faults.business("You cannot modify a list element that has been deleted.")
    record = stamped(unit, after, before)
    unit.put(record)
    resettle(unit, record, before)
    _touch_customer(unit, record)
    return Written(answer=rules.shown(unit, record), effect="updated", id=record.id, changed=True)


def void(unit: Unit, entity: str, body: Json, request: Request, *, by: str) -> Written:
    """Voids a transaction.

    Args:
        unit: the unit of work.
        entity: Intuit's name.
        body: Id and SyncToken.
        request: how it was asked for.
        by: "operation" for operation=void, "include" for operation=update&include=void.

    Returns:
        The outcome.

    Raises:
        QboFault: 500 for an entity that is not voided this way, else what the layers refuse.
    """
    rules = rules_of(entity)
    if not (request.human or by in _ways_to_void(unit, rules)):
        raise faults.unsupported_operation(f"{by}=void on {entity}")
    before = _current(unit, rules, _key_only(unit, rules, body), request)
    if before.voided:
        if unit.knobs.void_twice == "refuse":
            raise faults.business("This transaction has already been voided.")
        return Written(answer=rules.shown(unit, before), effect="unchanged", id=before.id, changed=False)
    after = rules.void(unit, before, request)
    record = stamped(unit, after, before)
    unit.put(record)
    resettle(unit, record, before)
    _touch_customer(unit, record)
    return Written(answer=rules.shown(unit, record), effect="voided", id=record.id, changed=True)


def delete(unit: Unit, entity: str, body: Json, request: Request) -> Written:
    """Deletes a transaction; names are never deleted (facts/qbo.md 2.3).

    Args:
        unit: the unit of work.
        entity: Intuit's name.
        body: Id and SyncToken only; more has been answered with 400.
        request: how it was asked for.

    Returns:
        The outcome, with Intuit's short answer.

    Raises:
        QboFault: 500 for a list entity, else what the layers refuse.
    """
    rules = rules_of(entity)
    if not rules.can_delete:
        raise faults.unsupported_operation(f"delete on {entity}")
    before = _current(unit, rules, _key_only(unit, rules, body), request)
    rules.delete(unit, before, request)
    record = stamped(unit, before, before)
    unit.put(replace(record, postings=(), deleted=True))
    resettle(unit, record, before)
    _touch_customer(unit, record)
    return Written(
        answer={"domain": "QBO", "status": "Deleted", "Id": before.id}, effect="deleted", id=before.id, changed=True
    )


def _existing(unit: Unit, entity: str, record_id: str) -> Record:
    record = unit.get(entity, record_id)
    if record is None:
        raise faults.not_found()
    if record.deleted:
        raise faults.deleted()
    return record


def _current(unit: Unit, rules: EntityRules, body: Json, request: Request) -> Record:
    """Finds what a body means and checks that it was read at its present state (5010)."""
    if "Id" not in body:
        raise faults.required("Id")
    before = _existing(unit, rules.name, body["Id"])
    if request.human and "SyncToken" not in body:
        return before
    if "SyncToken" not in body:
        raise faults.required("SyncToken")
    if body["SyncToken"] != before.doc["SyncToken"]:
        raise faults.stale()
    return before


def _ways_to_void(unit: Unit, rules: EntityRules) -> frozenset[str]:
    """Returns how an entity may be voided: the documented ways, and by knobs untried ones (facts/qbo.md 2.3)."""
    if "include" in rules.void_by and unit.knobs.payment_void_operation == "accept":
        return rules.void_by | {"operation"}
    if not rules.void_by and unit.knobs.void_undocumented == "accept":
        return frozenset({"operation"})
    return rules.void_by


def _key_only(unit: Unit, rules: EntityRules, body: Json) -> Json:
    """Checks the body of a delete or void: echoing a whole object has been answered with 400 (facts/qbo.md 2.3)."""
    checked = shapes.check(rules.shape, body, unit.knobs)
    others = sorted(set(checked) - KEY)
    if others and unit.knobs.delete_takes_only_key:
        raise faults.invalid_property(f"{others[0]} in a delete or void")
    return checked


def _touch_customer(unit: Unit, record: Record) -> None:
    """A transaction moves its customer's LastUpdatedTime, not the SyncToken (recordings/get__display_name.json)."""
    owner = unit.get("Customer", record.doc.get("CustomerRef", {}).get("value", ""))
    if owner is not None:
        times = {**owner.doc["MetaData"], "LastUpdatedTime": record.doc["MetaData"]["LastUpdatedTime"]}
        unit.put(replace(owner, doc={**owner.doc, "MetaData": times}, changed_at_ms=unit.now_ms))


def _intended(rules: EntityRules, body: Json) -> Json:
    return {name: value for name, value in body.items() if name not in rules.read_only | SERVER_KEPT}


def _wake(intended: Json, before: Record) -> None:
    """A list object made active again loses its " (deleted)"; one left alone stays as it is."""
    if before.doc["Active"] is False:
        intended.setdefault("Active", False)
        if intended["Active"]:
            for name in NAMES_OF_LISTS:
                if name in intended:
                    intended[name] = without_suffix(intended[name])
