"""A fake of what people ask about edits in QBO."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from wescope.engine.drift_desk import DriftFilter, DriftItem, DriftNotFound
from wescope.engine.drift_kinds import DRIFT, DriftKind
from wescope.engine.verify import VerifyMode
from wescope.links.runs import Run

AT = datetime(2026, 11, 22, 12, 30, tzinfo=UTC)
RUN = Run(id=12, kind="verify", state="running", started_at=AT)


def item(number: int, kind: DriftKind) -> DriftItem:
    meaning = DRIFT[kind]
    return DriftItem(
        id=number,
        kind=kind.value,
        text=meaning.text,
        document_key="in_1:invoice",
        entity="Invoice",
        qbo_id="145",
        amount=12_345,
        currency="usd",
        fields="TotalAmt:123.45/100.00",
        details={"subject": "invoice/in_1"},
        state="open",
        found_at=AT,
        resolved_at=None,
        repair=meaning.repair,
        revertible=meaning.repair is not None,
        remedy=meaning.remedy,
    )


@dataclass
class FakeDrift:
    """Two findings: one that can be repaired, one that a person must see to."""

    found: tuple[DriftItem, ...] = (item(7, DriftKind.EDITED), item(8, DriftKind.IN_CLEARING))
    asked: list[object] = field(default_factory=list)

    async def start(
        self,
        mode: VerifyMode = VerifyMode.AUTO,
        *,
        stripe: bool = False,
        rebuild: bool = False,
        actor: str | None = None,
    ) -> Run:
        self.asked.append(mode)
        return RUN

    async def items(self, chosen: DriftFilter) -> Sequence[DriftItem]:
        self.asked.append(chosen)
        if chosen.ids is not None and set(chosen.ids) - {one.id for one in self.found}:
            raise DriftNotFound
        by_id = [one for one in self.found if chosen.ids is None or one.id in chosen.ids]
        return [one for one in by_id if not chosen.kinds or one.kind in chosen.kinds]

    async def start_repair(self, chosen: DriftFilter, *, actor: str) -> Run | None:
        self.asked.append(actor)
        return RUN if any(one.repair for one in await self.items(chosen)) else None

    async def accept(self, ids: Collection[int], *, actor: str) -> Sequence[DriftItem]:
        found = await self.items(DriftFilter(ids=tuple(ids)))
        self.asked.append(actor)
        return [replace(one, state="accepted") for one in found]

    async def revert(self, ids: Collection[int], *, actor: str) -> Sequence[DriftItem]:
        return await self.accept(ids, actor=actor)
