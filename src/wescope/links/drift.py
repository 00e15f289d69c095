"""Drift: what was found in QBO that is not as we wrote it, what was decided about it, and edits that may stay."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from wescope.links.schema import accepted_edits, drift

OPEN, REPAIRING, FAILED = "open", "repairing", "failed"
_CONTENT = "content"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was found. Amount in minor units of `currency`; details hold ids, amounts, dates and field names.

    `document_key` is ours that it is about; `entity` and `qbo_id` are of the record that somebody has touched.
    `content` is a digest of what that record holds: what is accepted is accepted with this content.
    """

    document_key: str | None
    entity: str
    qbo_id: str
    kind: str
    amount: int
    currency: str | None
    content: str
    of_ours: bool
    details: Mapping[str, str] = field(default_factory=dict)

    @property
    def accepted_as(self) -> str:
        """The key under which a decision to keep it is remembered."""
        return self.document_key if self.of_ours and self.document_key else f"{self.entity}/{self.qbo_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftRow:
    """A stored finding; `state` is open, repairing, repaired, accepted or gone."""

    id: int
    document_key: str | None
    entity: str
    qbo_id: str
    kind: str
    amount: int
    currency: str | None
    details: Mapping[str, Any]
    state: str
    run_id: int | None
    found_at: datetime
    resolved_at: datetime | None

    @property
    def content(self) -> str:
        """The digest of what the record held when it was found."""
        return str(self.details.get(_CONTENT, ""))


_COLUMNS = [drift.c[name] for name in DriftRow.__dataclass_fields__]


async def keep_findings(
    connection: AsyncConnection, realm_id: str, findings: Sequence[Finding], run_id: int
) -> list[int]:
    """Store what was found, but for what was accepted as it is; what is open already is renewed. Returns the ids."""
    accepted = await _accepted(connection, realm_id, [one.accepted_as for one in findings])
    kept = []
    for one in sorted(findings, key=lambda found: (found.entity, found.qbo_id, found.kind)):
        if accepted.get(one.accepted_as) == one.content:
            continue  # whatever it is called: what Stripe says of the document may have changed since
        values = {
            "document_key": one.document_key,
            "amount": one.amount,
            "currency": one.currency,
            "details": {**one.details, _CONTENT: one.content},
            "run_id": run_id,
        }
        key = {"realm_id": realm_id, "entity": one.entity, "qbo_id": one.qbo_id, "kind": one.kind, "state": OPEN}
        statement = insert(drift).values(**values, **key)
        statement = statement.on_conflict_do_update(
            index_elements=["realm_id", "entity", "qbo_id", "kind"],
            index_where=sa.text("state = 'open'"),
            set_=values,
        )
        kept.append(int(await connection.scalar(statement.returning(drift.c.id)) or 0))
        tried = [drift.c[name] == value for name, value in key.items() if name != "state"]
        failed = sa.update(drift).where(*tried, drift.c.state == REPAIRING)
        await connection.execute(failed.values(state=FAILED, resolved_at=sa.func.now()))
    return kept


async def _accepted(connection: AsyncConnection, realm_id: str, keys: Collection[str]) -> dict[str, str]:
    if not keys:
        return {}
    columns = (accepted_edits.c.document_key, accepted_edits.c.content)
    mine = (accepted_edits.c.realm_id == realm_id, accepted_edits.c.document_key.in_(list(keys)))
    return {row[0]: row[1] for row in await connection.execute(sa.select(*columns).where(*mine))}


async def drift_rows(
    connection: AsyncConnection,
    realm_id: str,
    *,
    states: Collection[str] = (OPEN,),
    ids: Collection[int] | None = None,
    kinds: Collection[str] = (),
    limit: int = 10_000,
) -> list[DriftRow]:
    """Findings, the newest first; `ids` null takes all, no `kinds` take every kind."""
    query = sa.select(*_COLUMNS).where(drift.c.realm_id == realm_id, drift.c.state.in_(list(states)))
    if ids is not None:
        query = query.where(drift.c.id.in_(list(ids)))
    if kinds:
        query = query.where(drift.c.kind.in_(list(kinds)))
    rows = await connection.execute(query.order_by(drift.c.id.desc()).limit(limit))
    return [DriftRow(**row._mapping) for row in rows]  # noqa: SLF001 - the documented way


async def decide(connection: AsyncConnection, ids: Iterable[int], state: str) -> None:
    """What became of findings; all but a repair under way is final."""
    chosen = list(ids)
    if chosen:
        values: dict[str, Any] = {"state": state, "resolved_at": None if state == REPAIRING else sa.func.now()}
        await connection.execute(sa.update(drift).where(drift.c.id.in_(chosen)).values(**values))


async def fade(
    connection: AsyncConnection,
    realm_id: str,
    *,
    run_id: int,
    entities: Collection[str],
    objects: Collection[tuple[str, str]] | None = None,
) -> int:
    """Findings of these entities (or records) that a look at them did not find again are so no longer. How many.

    What is being repaired and was found again has failed, and is another row by now.
    """
    mine = [drift.c.realm_id == realm_id, drift.c.entity.in_(list(entities))]
    if objects is not None:
        named = [f"{entity}/{qbo_id}" for entity, qbo_id in objects]
        mine.append((drift.c.entity + "/" + drift.c.qbo_id).in_(named))
    count = 0
    others = drift.c.run_id.is_distinct_from(run_id)
    for before, after, which in ((OPEN, "gone", others), (REPAIRING, "repaired", sa.true())):
        ended = sa.update(drift).where(*mine, drift.c.state == before, which)
        count += (await connection.execute(ended.values(state=after, resolved_at=sa.func.now()))).rowcount
    return count


async def accept(
    connection: AsyncConnection,
    realm_id: str,
    row: DriftRow,
    *,
    accepted_as: str,
    fingerprint: str | None,
    content: str | None = None,
) -> None:
    """Remember that this finding stays as it is, until its record changes again.

    `fingerprint` is of the document that was wanted then; `content` is of the record, null as it was found.
    """
    values = {
        "kind": row.kind,
        "content": content or row.content,
        "fingerprint": fingerprint,
        "accepted_at": sa.func.now(),
    }
    statement = insert(accepted_edits).values(realm_id=realm_id, document_key=accepted_as, **values)
    await connection.execute(statement.on_conflict_do_update(constraint=accepted_edits.primary_key, set_=values))


async def forget_accepted(connection: AsyncConnection, realm_id: str, key: str) -> None:
    """A decision to keep something no longer holds."""
    mine = (accepted_edits.c.realm_id == realm_id, accepted_edits.c.document_key == key)
    await connection.execute(sa.delete(accepted_edits).where(*mine))
