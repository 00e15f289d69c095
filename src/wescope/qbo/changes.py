"""Changes: what QBO says has changed since a moment, deleted objects included (change data capture). Pure.

Facts/qbo.md 3.3: 30 days back, 1000 objects at most and no paging, so an answer that is full may be cut off.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from wescope.qbo.records import Record, parts

MOST_CHANGES = 1000
WINDOW = timedelta(days=28)
"""How far back QBO is asked; it says 30 days, in its own calendar."""

_DELETED = "Deleted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What has changed: records as they are now, and ids of what was deleted, both by entity.

    `is_full`: as many objects as an answer can have, so that some may be missing.
    """

    records: Mapping[str, tuple[Record, ...]] = field(repr=False)
    deleted: Mapping[str, tuple[str, ...]]
    is_full: bool


def changes_parameters(entities: Sequence[str], since: datetime) -> Mapping[str, str]:
    """The parameters of the request. `since` has a zone and is written with its offset."""
    return {"entities": ",".join(entities), "changedSince": since.replace(microsecond=0).isoformat()}


def changes_of(content: Any, entities: Sequence[str]) -> Changes:
    """What the value of `CDCResponse` says.

    Args:
        content: as parsed; parts that are not as documented count as nothing.
        entities: that were asked for.
    """
    records: dict[str, list[Record]] = {entity: [] for entity in entities}
    deleted: dict[str, list[str]] = {entity: [] for entity in entities}
    count = 0
    for answer in (one for response in content if isinstance(response, Mapping) for one in _answers(response)):
        for entity in entities:
            for record in parts(answer, entity):
                count += 1
                if record.get("status") == _DELETED:
                    deleted[entity].append(str(record.get("Id")))
                else:
                    records[entity].append(record)
    return Changes(
        records={entity: tuple(found) for entity, found in records.items()},
        deleted={entity: tuple(found) for entity, found in deleted.items()},
        is_full=count >= MOST_CHANGES,
    )


def _answers(response: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return parts(response, "QueryResponse")
