"""Selection: which known subjects a replay has looked at again, as one query that is counted and paged."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from wescope.books.parking import ParkCode
from wescope.books.subjects import Subject, SubjectKind
from wescope.links.schema import hints, parked, subjects


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Subjects that any of these names: `named` ones, those that failed or have parked documents, those hinted at.

    `hinted_since` up to `hinted_until` is when hints came in. `everything` is every subject that was ever looked at.
    """

    everything: bool = False
    named: tuple[Subject, ...] = ()
    failed: bool = False
    hinted_since: datetime | None = None
    hinted_until: datetime | None = None


async def count_selected(connection: AsyncConnection, selection: Selection) -> dict[str, int]:
    """How many subjects of each kind are selected."""
    chosen = _query(selection).subquery()
    query = sa.select(chosen.c.kind, sa.func.count()).group_by(chosen.c.kind).order_by(chosen.c.kind)
    return {row[0]: row[1] for row in await connection.execute(query)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Selected:
    """A subject that is selected, the customer it belongs to as far as known, and whether the run has it looked at."""

    subject: Subject
    customer_id: str | None
    hinted: bool


async def page_of_selected(
    connection: AsyncConnection, selection: Selection, *, run_id: int, after: Subject | None, limit: int
) -> list[Selected]:
    """The next subjects in their order.

    What the run `run_id` has had looked at already (an invoice, since a charge of it was) need not be asked for again.
    """
    chosen = _query(selection).subquery()
    order = (chosen.c.kind.collate("C"), chosen.c.id.collate("C"))
    known = sa.and_(subjects.c.kind == chosen.c.kind, subjects.c.id == chosen.c.id)
    hinted = sa.exists().where(
        hints.c.kind == chosen.c.kind, hints.c.subject_id == chosen.c.id, hints.c.run_id == run_id
    )
    query = sa.select(chosen.c.kind, chosen.c.id, subjects.c.customer_id, hinted.label("hinted"))
    query = query.select_from(chosen.outerjoin(subjects, known)).order_by(*order).limit(limit)
    if after is not None:
        query = query.where(sa.tuple_(*order) > sa.tuple_(after.kind.value, after.id))
    return [
        Selected(subject=Subject(kind=SubjectKind(row.kind), id=row.id), customer_id=row.customer_id, hinted=row.hinted)
        for row in await connection.execute(query)
    ]


async def subjects_of_events(connection: AsyncConnection, event_ids: Sequence[str]) -> dict[str, Subject]:
    """The subjects of the events that were received and are not forgotten yet."""
    query = sa.select(hints.c.event_id, hints.c.kind, hints.c.subject_id).where(hints.c.event_id.in_(list(event_ids)))
    rows = await connection.execute(query)
    return {row.event_id: Subject(kind=SubjectKind(row.kind), id=row.subject_id) for row in rows}


def _query(selection: Selection) -> sa.CompoundSelect[tuple[str, str]]:
    nothing = sa.select(subjects.c.kind, subjects.c.id).where(sa.false())
    parts: list[sa.Select[tuple[str, str]]] = [nothing]
    if selection.everything:
        parts.append(sa.select(subjects.c.kind, subjects.c.id).where(subjects.c.last_run_at.is_not(None)))
    if selection.named:
        rows = sa.values(sa.column("kind", sa.Text), sa.column("id", sa.Text), name="named")
        named = rows.data([(one.kind.value, one.id) for one in selection.named])
        parts.append(sa.select(named.c.kind, named.c.id))
    if selection.failed:
        of_parked = sa.exists().where(
            parked.c.subject == subjects.c.kind + "/" + subjects.c.id,
            sa.not_(parked.c.advisory),
            parked.c.ignored_at.is_(None),
            parked.c.code != ParkCode.UNDONE.value,  # it did not fail: somebody wanted it gone
        )
        failed = sa.or_(subjects.c.failures > 0, of_parked)
        parts.append(sa.select(subjects.c.kind, subjects.c.id).where(failed))
    if selection.hinted_since is not None:
        since = [hints.c.received_at >= selection.hinted_since]
        if selection.hinted_until is not None:
            since.append(hints.c.received_at < selection.hinted_until)
        parts.append(sa.select(hints.c.kind, hints.c.subject_id.label("id")).where(*since))
    return sa.union(*parts)
