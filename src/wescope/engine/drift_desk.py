"""The drift desk: what people ask about edits in QBO - what was found, what a repair would do, and what may stay."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncEngine

from wescope.books.parking import Owner
from wescope.engine.drift_kinds import DRIFT, DriftKind, DriftState
from wescope.engine.repair import Repair
from wescope.engine.results import MONEY
from wescope.engine.revert import Revert
from wescope.engine.reverting import is_revertible
from wescope.engine.runs import RunDesk
from wescope.engine.verify import VerifyMode, options_of
from wescope.errors import Retry, WescopeError, WrongUse
from wescope.links.database import transaction
from wescope.links.drift import DriftRow, drift_rows
from wescope.links.runs import Run, RunKind

_OPEN = (DriftState.OPEN.value,)


class DriftNotFound(WescopeError):
    """There is no open finding with this id."""

    code = "drift_not_found"
    owner = Owner.OPERATOR
    retry = Retry.NEVER
    remedy = "`wescope drift` and the page Drift list what is open."


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftItem:
    """One finding. `fields` name what differs, each with what Stripe says and what QBO has (`TotalAmt:50.00/40.00`).

    `repair` says what a repair does, null where only a person in QBO can; `revertible` whether it can be taken back:
    texts and lines that were removed are not kept. Details name the Stripe object (`subject`).
    """

    id: int
    kind: str
    text: str
    document_key: str | None
    entity: str
    qbo_id: str
    amount: int = field(metadata=MONEY)
    currency: str
    fields: str
    details: Mapping[str, str]
    state: str
    found_at: datetime
    resolved_at: datetime | None
    repair: str | None
    revertible: bool
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftFilter:
    """Which findings: these ids, or all; of these kinds, or of any."""

    ids: tuple[int, ...] | None = None
    kinds: tuple[str, ...] = ()
    states: tuple[str, ...] = _OPEN


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftDesk:
    """The verbs `verify` and `drift`. `actor` of what changes something is for the audit log."""

    engine: AsyncEngine
    realm_id: str
    runs: RunDesk
    repairing: Repair
    reverting: Revert

    async def start(
        self,
        mode: VerifyMode = VerifyMode.AUTO,
        *,
        stripe: bool = False,
        rebuild: bool = False,
        actor: str | None = None,
    ) -> Run:
        """A new verification, which any worker takes up; `stripe`: every known object is read from Stripe again, too.

        `rebuild`: first what QBO holds of ours, and this database does not know, is linked; then all is compared.

        Raises:
            RunUnfinished: there is an unfinished one.
        """
        options = options_of(mode, stripe=stripe, rebuild=rebuild)
        return await self.runs.start(RunKind.VERIFY, options, actor=actor)

    async def items(self, chosen: DriftFilter) -> tuple[DriftItem, ...]:
        """Findings, the newest first.

        Raises:
            WrongUse: there is no such kind or state.
            DriftNotFound: an id is of none that the filter takes.
        """
        return tuple(item_of(row) for row in await self._rows(chosen))

    async def start_repair(self, chosen: DriftFilter, *, actor: str) -> Run | None:
        """A new run that puts these findings right, which any worker takes up; null if none of them can be.

        Raises:
            WrongUse: there is no such kind, or nothing may be written.
            DriftNotFound: an id is of none that is open.
            RunUnfinished: there is an unfinished repair.
        """
        await self._check_writing()
        ids = [row.id for row in await self._rows(chosen) if DRIFT[DriftKind(row.kind)].repair is not None]
        if not ids:
            return None
        return await self.runs.start(RunKind.REPAIR, {"ids": sorted(ids), "actor": actor}, actor=actor)

    async def accept(self, ids: Collection[int], *, actor: str) -> tuple[DriftItem, ...]:
        """Let these findings stay until their records change again.

        Raises:
            DriftNotFound: one of the ids is of none that is open.
            WrongUse: none was named.
        """
        if not ids:
            raise WrongUse("Say which findings to accept: `wescope drift` lists them.")
        rows = await self._rows(DriftFilter(ids=tuple(ids)))
        return tuple(item_of(row) for row in await self.repairing.accept(rows, actor=actor))

    async def revert(self, ids: Collection[int], *, actor: str) -> tuple[DriftItem, ...]:
        """Take repairs back: QBO has again what a person had made of it, and that is accepted.

        Returns:
            The findings as they are now; one that is `repaired` still could not be taken back: it kept too little, the
            document was changed since, or QBO refuses.

        Raises:
            WrongUse: nothing may be written.
            DriftNotFound: one of the ids is of none that was repaired.
            QboError: QBO does not answer.
        """
        await self._check_writing()
        rows = await self._rows(DriftFilter(ids=tuple(ids), states=(DriftState.REPAIRED.value,)))
        for row in rows:
            await self.reverting(row, actor=actor)
        return await self.items(DriftFilter(ids=tuple(ids), states=tuple(DriftState)))

    async def _check_writing(self) -> None:
        await self.repairing.gate.require_writing()

    async def _rows(self, chosen: DriftFilter) -> Sequence[DriftRow]:
        for word, known in ((chosen.kinds, DriftKind), (chosen.states, DriftState)):
            if unknown := sorted(set(word) - {one.value for one in known}):
                raise WrongUse(f"Unknown: {', '.join(unknown)}. Known are {', '.join(one.value for one in known)}.")
        async with transaction(self.engine) as connection:
            rows = await drift_rows(connection, self.realm_id, ids=chosen.ids, kinds=chosen.kinds, states=chosen.states)
        if chosen.ids is not None and (missing := sorted(set(chosen.ids) - {row.id for row in rows})):
            raise DriftNotFound(ids=" ".join(map(str, missing)))
        return rows


def item_of(row: DriftRow) -> DriftItem:
    """A stored finding for people."""
    meaning = DRIFT[DriftKind(row.kind)]
    return DriftItem(
        id=row.id,
        kind=row.kind,
        text=meaning.text,
        document_key=row.document_key,
        entity=row.entity,
        qbo_id=row.qbo_id,
        amount=row.amount,
        currency=row.currency or "usd",
        fields=str(row.details.get("fields", "")),
        details={name: str(value) for name, value in row.details.items() if name not in {"content", "fields"}},
        state=row.state,
        found_at=row.found_at,
        resolved_at=row.resolved_at,
        repair=meaning.repair,
        revertible=meaning.repair is not None
        and is_revertible(DriftKind(row.kind), str(row.details.get("fields", ""))),
        remedy=meaning.remedy,
    )
