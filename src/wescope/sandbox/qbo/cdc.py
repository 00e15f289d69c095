"""Change data capture: what changed since a moment, deleted objects included (facts/qbo.md 3.3)."""

from datetime import timedelta

from wescope.sandbox.qbo import faults
from wescope.sandbox.qbo.books import Unit
from wescope.sandbox.qbo.clock import parsed
from wescope.sandbox.qbo.entity import EntityRules
from wescope.sandbox.qbo.registry import BY_PATH
from wescope.sandbox.qbo.storage import Record
from wescope.sandbox.qbo.wire import Json

MOST_OBJECTS = 1000
NOT_CAPTURED = frozenset({"journalcode", "taxagency", "timeactivity", "taxcode", "taxrate"})


def changes(unit: Unit, entities: str, changed_since: str) -> Json:
    """Answers a CDC request.

    Args:
        unit: a unit of work, only read from.
        entities: comma-separated entity names, any case.
        changed_since: a moment with offset.

    Returns:
        The body without its time: one QueryResponse element per entity, in request order.

    Raises:
        QboFault: 2000 for an entity that is not captured, 2060 for no moment or one beyond an enforced window.
    """
    try:
        since = parsed(changed_since)
    except ValueError as problem:
        raise faults.invalid_date("changedSince", changed_since) from problem
    if unit.knobs.cdc_enforced and since < unit.now - timedelta(days=unit.knobs.cdc_days):
        raise faults.invalid_date("changedSince", changed_since)
    room = MOST_OBJECTS
    responses: list[Json] = []
    for name in entities.split(","):
        rules = BY_PATH.get(name.strip().lower())
        if rules is None or name.strip().lower() in NOT_CAPTURED:
            raise faults.unknown_entity(name.strip())
        found = [_shown(unit, rules, one) for one in _changed(unit, rules, int(since.timestamp() * 1000))][:room]
        room -= len(found)
        responses.append({rules.name: found, "startPosition": 1, "maxResults": len(found)} if found else {})
    return {"CDCResponse": [{"QueryResponse": responses}]}


def _changed(unit: Unit, rules: EntityRules, since_ms: int) -> list[Record]:
    found = [one for one in unit.books.everything(rules.name) if one.changed_at_ms >= since_ms]
    return sorted(found, key=lambda one: (one.changed_at_ms, int(one.id)))


def _shown(unit: Unit, rules: EntityRules, record: Record) -> Json:
    if not record.deleted:
        return rules.shown(unit, record)
    updated = record.doc["MetaData"]["LastUpdatedTime"]
    return {"status": "Deleted", "Id": record.id, "domain": "QBO", "MetaData": {"LastUpdatedTime": updated}}
