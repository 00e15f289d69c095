"""Findings: looks at records for a run, and stores what is wrong and what is so no longer."""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncEngine

from wescope.books.subjects import Subject
from wescope.engine.backfill import MOST_QUEUED
from wescope.engine.examine import Examined, Examiner
from wescope.engine.runs import Execution
from wescope.links.database import transaction
from wescope.links.drift import fade, keep_findings
from wescope.links.selection import Selection, page_of_selected
from wescope.links.subjects import BACKLOG, Defer, Hint, record_all
from wescope.links.verification import Object

SOURCE = "verify"
_PAGE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """Keeps what an examiner finds."""

    engine: AsyncEngine
    realm_id: str
    examiner: Examiner
    defer: Defer

    async def look(self, execution: Execution, objects: set[Object]) -> None:
        """Read these records, and keep what is wrong with them now.

        Raises:
            QboError, StripeError: they cannot be read.
            LocksLost: another executor has taken over.
        """
        if objects:
            await self.keep(execution, await self.examiner.records(objects), len(objects))
            await self.fade(execution, {entity for entity, _ in objects}, objects)

    async def keep(self, execution: Execution, examined: Examined, looked_at: int) -> None:
        """Store what was found, and have looked at what Stripe has changed since it was posted.

        Raises:
            LocksLost: another executor has taken over.
        """
        counts = execution.counts
        async with transaction(self.engine) as connection:
            kept = await keep_findings(connection, self.realm_id, examined.findings, execution.run.id)
            counts["listed"] = counts.get("listed", 0) + looked_at
            counts["found"] = counts.get("found", 0) + len(kept)
            counts["hinted"] = counts.get("hinted", 0) + len(examined.stale)
            await execution.save(connection)
            await record_all(connection, hints(examined.stale, execution.run.id), self.defer)

    async def look_at_stripe(self, execution: Execution) -> None:
        """Have the loop compare every object that it knows with what Stripe says now; what is missing is posted.

        Raises:
            Stopped: somebody wants the run paused or ended.
            LocksLost: another executor has taken over.
        """
        while not execution.checkpoint.get("asked_stripe"):
            await execution.room(MOST_QUEUED)
            await execution.proceed()
            before = execution.checkpoint.get("after")
            after = Subject.parse(before) if before else None
            async with transaction(self.engine) as connection:
                run_id, everything = execution.run.id, Selection(everything=True)
                page = await page_of_selected(connection, everything, run_id=run_id, after=after, limit=_PAGE)
                asked = [one.subject for one in page if not one.hinted]
                execution.counts["hinted"] = execution.counts.get("hinted", 0) + len(asked)
                execution.checkpoint |= {"after": str(page[-1].subject)} if page else {"asked_stripe": True}
                await execution.save(connection)
                await record_all(connection, hints(asked, run_id), self.defer)

    async def fade(self, execution: Execution, entities: Iterable[str], objects: set[Object] | None = None) -> None:
        """What was open of these entities (or records), and this run did not find again, is so no longer."""
        async with transaction(self.engine) as connection:
            run_id, chosen = execution.run.id, list(entities)
            await fade(connection, self.realm_id, run_id=run_id, entities=chosen, objects=objects)


def hints(subjects: Iterable[Subject], run_id: int | None) -> list[Hint]:
    """Hints of a run that verifies or repairs."""
    return [Hint(subject=one, source=SOURCE, lane=BACKLOG, run_id=run_id) for one in sorted(subjects)]
