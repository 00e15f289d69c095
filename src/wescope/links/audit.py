"""The audit log: who had what done, item by item. Ids, amounts, codes and reasons of operators only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
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
