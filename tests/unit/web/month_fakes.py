"""A fake of what people ask about months at their end."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from wescope.engine.month_examples import MONTH_LIST, MONTH_VIEW, SIGNOFF
from wescope.engine.month_results import MonthList, MonthView, Signoff
from wescope.links.runs import Run

RUN = Run(id=12, kind="tieout", state="running", started_at=datetime(2026, 11, 22, 12, 30, tzinfo=UTC))


@dataclass
class FakeMonths:
    """Answers what it is told to, or raises it, and remembers what was asked."""

    listed: MonthList | Exception = MONTH_LIST
    shown: MonthView | Exception = MONTH_VIEW
    signed: Signoff | Exception = SIGNOFF
    asked: list[object] = field(default_factory=list)

    async def page(self, before: str | None = None) -> MonthList:
        self.asked.append(("page", before))
        if isinstance(self.listed, Exception):
            raise self.listed
        return self.listed

    async def view(self, month: str) -> MonthView:
        self.asked.append(("view", month))
        if isinstance(self.shown, Exception):
            raise self.shown
        return self.shown

    async def compare(self, month: str, *, actor: str) -> Run:
        self.asked.append(("compare", month, actor))
        return RUN

    async def sign(self, month: str, reason: str | None = None, *, actor: str) -> Signoff:
        self.asked.append(("sign", month, reason, actor))
        if isinstance(self.signed, Exception):
            raise self.signed
        return self.signed

    async def withdraw(self, month: str, *, actor: str) -> Signoff:
        self.asked.append(("withdraw", month, actor))
        if isinstance(self.signed, Exception):
            raise self.signed
        return self.signed

    async def evidence(self, month: str) -> AsyncIterator[bytes]:
        self.asked.append(("evidence", month))
        if isinstance(self.shown, Exception):
            raise self.shown
        yield b"PK"
        yield b"rest"
