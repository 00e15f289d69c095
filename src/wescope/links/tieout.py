"""What the tables know of documents that a tie-out finds different: links, drift, accepted edits, waiting subjects."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from wescope.links.schema import accepted_edits, drift, links, subjects

_CHUNK = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkFact:
    """A link: what QBO should hold, in minor units; `content` is the digest of what it held after our last write.

    `subject` is what it was last written for (`invoice/in_1`).
    """

    entity: str
    qbo_id: str | None
    state: str
    amount: int
    currency: str
    txn_date: date | None
    content: str | None
    subject: str = ""

    @property
    def name(self) -> str:
        """Entity and id (`Deposit/145`)."""
        return f"{self.entity}/{self.qbo_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known. `drift` is its kind by document key or `Invoice/145`, `accepted` kind and content likewise.

    `waiting` are ids of Stripe objects that are to be looked at again; `seen` is when objects were looked at last.
    """

    links: Mapping[str, LinkFact] = field(default_factory=dict)
    drift: Mapping[str, str] = field(default_factory=dict)
    accepted: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    waiting: frozenset[str] = frozenset()
    seen: Mapping[str, datetime] = field(default_factory=dict)


async def facts_of(connection: AsyncConnection, realm_id: str, keys: Iterable[str], ids: Iterable[str]) -> Facts:
    """What is known of documents (by key) and of Stripe objects (by id), in queries of a thousand each."""
    known: dict[str, LinkFact] = {}
    accepted: dict[str, tuple[str, str]] = {}
    for some in _chunks(keys):
        columns = [links.c[name] for name in LinkFact.__dataclass_fields__]
        query = sa.select(links.c.document_key, *columns).where(
            links.c.realm_id == realm_id, links.c.document_key.in_(some)
        )
        for row in (await connection.execute(query)).mappings():
            known[row["document_key"]] = LinkFact(**{name: row[name] for name in LinkFact.__dataclass_fields__})
        kept = sa.select(accepted_edits.c.document_key, accepted_edits.c.kind, accepted_edits.c.content).where(
            accepted_edits.c.realm_id == realm_id, accepted_edits.c.document_key.in_(some)
        )
        accepted |= {row[0]: (row[1], row[2]) for row in await connection.execute(kept)}
    waiting, seen = set[str](), dict[str, datetime]()
    for some in _chunks(ids):
        query = sa.select(subjects.c.id, subjects.c.dirty > subjects.c.clean, subjects.c.last_run_at).where(
            subjects.c.id.in_(some)
        )
        for subject_id, is_dirty, last_run_at in await connection.execute(query):
            waiting |= {subject_id} if is_dirty else set()
            seen |= {subject_id: last_run_at} if last_run_at else {}
    return Facts(
        links=known,
        drift=await _drift(connection, realm_id),
        accepted=accepted,
        waiting=frozenset(waiting),
        seen=seen,
    )


async def _drift(connection: AsyncConnection, realm_id: str) -> dict[str, str]:
    query = sa.select(drift.c.document_key, drift.c.entity, drift.c.qbo_id, drift.c.kind).where(
        drift.c.realm_id == realm_id, drift.c.state == "open"
    )
    found: dict[str, str] = {}
    for key, entity, qbo_id, kind in await connection.execute(query.order_by(drift.c.id)):
        found.setdefault(f"{entity}/{qbo_id}", kind)
        if key:
            found.setdefault(key, kind)
    return found


async def adopted_documents(
    connection: AsyncConnection, realm_id: str, named: Collection[tuple[str, str]]
) -> dict[tuple[str, str], str]:
    """Which of these records of QBO (entity and id) are documents of ours, by their links, and as which key."""
    found: dict[tuple[str, str], str] = {}
    by_entity: dict[str, list[str]] = {}
    for entity, qbo_id in named:
        by_entity.setdefault(entity, []).append(qbo_id)
    for entity, ids in by_entity.items():
        for some in _chunks(ids):
            query = sa.select(links.c.qbo_id, links.c.document_key).where(
                links.c.realm_id == realm_id, links.c.entity == entity, links.c.qbo_id.in_(some)
            )
            standing = query.where(links.c.state.in_(["posted", "unknown", "intended"]))
            found |= {(entity, row[0]): row[1] for row in await connection.execute(standing)}
    return found


def _chunks(values: Iterable[str]) -> Iterator[list[str]]:
    all_values = sorted(set(values))
    for start in range(0, len(all_values), _CHUNK):
        yield all_values[start : start + _CHUNK]
