"""Support: what people ask about single documents (explain, parked items, export), over the runtime's parts."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from wescope.books.policy import Policy
from wescope.engine.explain import Explainer
from wescope.engine.explanation import Explanation
from wescope.engine.export import Exporter
from wescope.engine.export_sheets import What
from wescope.engine.parked_items import ParkedFilter, ParkedItems, Progress, RetriedRow
from wescope.engine.results import ParkedRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Support:
    """The verbs `explain`, `parked` and `export`. `actor` of what changes something is `cli` or `api`."""

    explainer: Explainer
    items: ParkedItems
    exporter: Exporter
    policy: Policy

    async def explain(self, identifier: str, *, plan: bool = True, elsewhere: bool = True) -> Explanation:
        """The whole story of an id; see `Explainer.explain`.

        Raises:
            WrongUse: this cannot be an id.
            NothingKnown: it is found nowhere.
            DatabaseUnavailable: the tables cannot be read.
        """
        return await self.explainer.explain(identifier, plan=plan, elsewhere=elsewhere)

    async def parked(self, chosen: ParkedFilter) -> tuple[ParkedRow, ...]:
        """The parked items that a filter takes, the oldest first.

        Raises:
            NotParked: the filter names a key under which nothing is parked.
        """
        return await self.items.find(chosen)

    async def hint(self, rows: Sequence[ParkedRow], *, actor: str) -> None:
        """Have these items looked at again by whatever worker runs."""
        await self.items.hint(rows, actor=actor)

    async def retry(
        self, rows: Sequence[ParkedRow], *, actor: str, progress: Progress | None = None
    ) -> tuple[RetriedRow, ...]:
        """Have these items looked at again, and wait for what becomes of them."""
        return await self.items.retry(rows, actor=actor, progress=progress)

    async def ignore(self, keys: Sequence[str], reason: str, *, actor: str) -> tuple[ParkedRow, ...]:
        """Let these items be until their code or amount changes.

        Raises:
            WrongUse: the reason cannot be kept.
            NotParked: nothing is parked under one of the keys.
        """
        return await self.items.ignore(keys, reason, actor=actor)

    async def unignore(self, keys: Sequence[str], *, actor: str) -> tuple[ParkedRow, ...]:
        """Count these items again.

        Raises:
            NotParked: nothing is parked under one of the keys.
        """
        return await self.items.unignore(keys, actor=actor)

    async def export_size(self, what: What, since: date | None = None) -> int:
        """How many rows an export has; `since` is a day in the books' calendar."""
        return await self.exporter.count(what, self._midnight(since))

    def export(self, what: What, since: date | None = None) -> AsyncIterator[str]:
        """An export as CSV, piece by piece; `since` is a day in the books' calendar."""
        return self.exporter.lines(what, self._midnight(since))

    def _midnight(self, day: date | None) -> datetime | None:
        return datetime.combine(day, time.min, self.policy.timezone).astimezone(UTC) if day else None
