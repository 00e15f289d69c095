"""Causes: the hints that a run works on, as far as logs and traces name them."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from wescope.books.subjects import Subject
from wescope.links.schema import hints
from wescope.links.subjects import Begun
from wescope.observe.trace_context import TraceContext, parse_traceparent

NAMED_EVENTS = 5
_NEWEST = (
    sa.select(hints.c.event_id, hints.c.source, hints.c.traceparent, hints.c.received_at)
    .where(hints.c.kind == sa.bindparam("of_kind"), hints.c.subject_id == sa.bindparam("of_id"))
    .order_by(hints.c.id.desc())
    .limit(32)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Causes:
    """Why a run is made: its newest source and events, the trace that it continues, and those that led to it, too.

    The trace is that of the oldest hint that no run has worked on; the later ones are linked. A run that nobody has
    hinted at (it looks again at what was parked) begins a trace of its own, linked with the newest hint's.
    """

    source: str | None = None
    event_ids: tuple[str, ...] = ()
    parent: TraceContext | None = None
    links: tuple[TraceContext, ...] = ()


async def causes_of(connection: AsyncConnection, subject: Subject, begun: Begun) -> Causes:
    """Why a run that has begun is made."""
    rows = (await connection.execute(_NEWEST, {"of_kind": subject.kind.value, "of_id": subject.id})).all()
    fresh = [row for row in rows if begun.dirty_since is not None and row.received_at >= begun.dirty_since]
    used = fresh or rows[:1]
    traces = _traces(reversed(used))
    return Causes(
        source=used[0].source if used else None,
        event_ids=tuple(row.event_id for row in used if row.event_id is not None)[:NAMED_EVENTS],
        parent=traces[0] if fresh and traces else None,
        links=tuple(traces[1:] if fresh else traces),
    )


def _traces(rows: Iterable[Any]) -> list[TraceContext]:
    """The traces that hints came with, the oldest hint's first, each once."""
    found = (parse_traceparent(row.traceparent) for row in rows)
    return list(dict.fromkeys(context for context in found if context is not None))
