"""The audit log: who had what done, item by item. Ids, amounts, codes and reasons of operators only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from wescope.links.schema import audit


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One thing that somebody had done.

    `action` is a word (`ignore`, `retry`, `repair`, `undo`, `start`, `sync`). `actor` is `cli`, `local` (who sits at
    the service's machine), `api:` and a program's name, `user:` and a digest, or `schedule`. `target` is what it was
    done to: a document key, a subject (`invoice/in_1`), a QBO document (`Invoice/145`) or a run. `details` hold ids,
    amounts, dates and codes.
    """

    action: str
    actor: str
    target: str
    details: Mapping[str, Any] = field(default_factory=dict)
    run_id: int | None = None


async def record_audit(connection: AsyncConnection, entries: Sequence[AuditEntry]) -> None:
    """Append entries, in the transaction of what they tell of."""
    rows = [
        {
            "action": entry.action,
            "actor": entry.actor,
            "target": entry.target,
            "details": dict(entry.details),
            "run_id": entry.run_id,
        }
        for entry in entries
    ]
    if rows:
        await connection.execute(sa.insert(audit), rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFilter:
    """Which entries: all conditions hold, an empty one asks nothing."""

    action: str | None = None
    actor: str | None = None
    target: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRow:
    """One entry as it is stored."""

    id: int
    at: datetime
    action: str
    actor: str
    target: str
    details: Mapping[str, Any]
    run_id: int | None


async def audit_page(
    connection: AsyncConnection, chosen: AuditFilter, *, before: int | None, limit: int
) -> Sequence[AuditRow]:
    """Entries, the newest first, those with a lower id than `before`."""
    query = sa.select(*(audit.c[name] for name in AuditRow.__dataclass_fields__))
    for name in ("action", "actor", "target"):
        if (value := getattr(chosen, name)) is not None:
            query = query.where(audit.c[name] == value)
    if before is not None:
        query = query.where(audit.c.id < before)
    rows = (await connection.execute(query.order_by(audit.c.id.desc()).limit(limit))).mappings()
    return tuple(AuditRow(**row) for row in rows)
