"""The desk of kept tie-outs: what pages ask of them, and the start of a new one. Nothing here asks Stripe or QBO."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from wescope.engine.runs import RunDesk, RunUnfinished
from wescope.engine.tieout_comparison import RowNotFound
from wescope.engine.tieout_kept import (
    KeptOpenedRow,
    KeptTieOut,
    TieOutPage,
    TieOutRun,
    kept_lines,
    kept_row,
    kept_tieout,
    shown,
    shown_rows,
)
from wescope.errors import WrongUse
from wescope.links.database import transaction
from wescope.links.kept_tieouts import TieOutHead, latest_head, stored_rows
from wescope.links.runs import Run, RunKind, RunState, newest_unfinished

PAGE = 100
"""Rows of a kind that are told at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TieOutDesk:
    """Tells of kept tie-outs. Dates are in the books' calendar."""

    engine: AsyncEngine
    runs: RunDesk

    async def page(self, as_of: date | None, kind: str | None = None, after: str | None = None) -> TieOutPage:
        """The last tie-out of a day (null: of the latest day that has one) with rows.

        Args:
            as_of: the day.
            kind: only rows of this kind (`receivable`, `clearing`, ...), all of them, a page at a time.
            after: the cursor of an earlier page.

        Raises:
            WrongUse: there is no such cursor.
            DatabaseUnavailable: the tables cannot be read.
        """
        if after is not None and not after.isdecimal():
            raise WrongUse("This is no cursor of these rows.")
        async with transaction(self.engine) as connection:
            run = tieout_run(await newest_unfinished(connection, RunKind.TIEOUT))
            head = await latest_head(connection, as_of)
            if head is None:
                return TieOutPage(tieout=None, run=run)
            tieout = await _told(connection, head)
            if kind is None:
                rows = shown_rows(head)
                found = shown(await stored_rows(connection, head.run_id)) if rows is None else rows
                return TieOutPage(tieout=tieout, rows=found, run=run)
            place = int(after or 0)
            stored = await stored_rows(connection, head.run_id, kind=kind, after=place, limit=PAGE + 1)
        following = str(stored[PAGE - 1].position) if len(stored) > PAGE else None
        return TieOutPage(tieout=tieout, rows=tuple(map(kept_row, stored[:PAGE])), next=following, run=run)

    async def row(self, row_id: str, as_of: date | None) -> KeptOpenedRow:
        """A row of the last tie-out of a day with the documents by which it differs.

        Raises:
            RowNotFound: there is no such row, or nothing was compared as of that day.
            DatabaseUnavailable: the tables cannot be read.
        """
        async with transaction(self.engine) as connection:
            head = await latest_head(connection, as_of)
            if head is None:
                raise RowNotFound("Nothing was compared as of this day.", row=row_id)
            known = [row for row in shown_rows(head) or () if row.id == row_id]
            if not known:
                known = [kept_row(row) for row in await stored_rows(connection, head.run_id, row_id=row_id, limit=1)]
            if not known:
                raise RowNotFound("This tie-out has no such row.", row=row_id)
            tieout = await _told(connection, head)
        return KeptOpenedRow(tieout=tieout, row=known[0], lines=kept_lines(head, row_id))

    async def compare(self, as_of: date | None, *, actor: str) -> TieOutRun:
        """Have a worker compare both as of a day (null: the day on which it does); the run that does it.

        One that runs already for the same day is that run; one that failed or was paused is ended before.

        Raises:
            RunUnfinished: a comparison as of another day is under way.
            DatabaseUnavailable: nothing was stored.
        """
        before = await self.runs.unfinished(RunKind.TIEOUT)
        if before is not None and before.state == RunState.RUNNING:
            if _as_of(before.options) != as_of:
                raise RunUnfinished(run=before.id, state=before.state)
            return _told_run(before)
        if before is not None:
            await self.runs.cancel(before.id)
        day = None if as_of is None else as_of.isoformat()
        options = {"actor": actor} | ({"as_of": day} if day else {})
        run = await self.runs.start(RunKind.TIEOUT, options, actor=actor)
        return _told_run(run)


def tieout_run(run: Run | None) -> TieOutRun | None:
    """An unfinished comparison as people are told of it."""
    return None if run is None else _told_run(run)


def _told_run(run: Run) -> TieOutRun:
    return TieOutRun(
        run_id=run.id,
        state=run.state,
        as_of=_as_of(run.options),
        started_at=run.started_at,
        code=run.result.get("code"),
        remedy=run.result.get("remedy"),
    )


def _as_of(options: Mapping[str, Any]) -> date | None:
    day = options.get("as_of")
    return date.fromisoformat(day) if day else None


async def _told(connection: AsyncConnection, head: TieOutHead) -> KeptTieOut:
    return kept_tieout(head, () if "page" in head.head else await stored_rows(connection, head.run_id))
