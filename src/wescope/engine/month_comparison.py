"""Comparisons for a month: one as of a day, started as a run; and the closing date of QBO as it was last read."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from wescope.engine.runs import RunDesk
from wescope.links.database import transaction
from wescope.links.months import newest_start
from wescope.links.reports import swap_checkpoint
from wescope.links.runs import Run, RunKind, RunState
from wescope.links.sweeps import read_checkpoint

AS_OF = "as_of"
"""The option of a run that names its day; without it, it is today's."""

_CLOSED = "book_close_date"


@dataclass(frozen=True, slots=True, kw_only=True)
class BooksClosed:
    """QBO's closing date as it was read at a moment; `until` is null if the books are open."""

    until: date | None
    at: datetime


def day_of(options: Mapping[str, Any]) -> date | None:
    """The day that a run's options name; null is today."""
    text = options.get(AS_OF)
    return None if text is None else date.fromisoformat(str(text))


async def start_comparison(runs: RunDesk, engine: AsyncEngine, as_of: date, *, actor: str) -> Run:
    """A new run that compares as of a day; or the one that does so just now.

    It only reads, so that others of its kind do not stand in its way, whatever became of them.

    Raises:
        DatabaseUnavailable: nothing was stored.
    """
    async with transaction(engine) as connection:
        before = await newest_start(connection, as_of)
    if before is not None and before.state == RunState.RUNNING:
        return await runs.find(before.id)
    options = {AS_OF: as_of.isoformat(), "actor": actor}
    return await runs.start(RunKind.TIEOUT, options, alone=False, actor=actor)


async def keep_closed(connection: AsyncConnection, until: date | None, at: datetime) -> None:
    """Remember QBO's closing date as it was just read."""
    await swap_checkpoint(connection, _CLOSED, {"until": until.isoformat() if until else None, "at": at.isoformat()})


async def kept_closed(connection: AsyncConnection) -> BooksClosed | None:
    """QBO's closing date as it was last read; null if it never was."""
    kept = await read_checkpoint(connection, _CLOSED)
    if kept is None:
        return None
    until = date.fromisoformat(kept["until"]) if kept["until"] else None
    return BooksClosed(until=until, at=datetime.fromisoformat(kept["at"]))
