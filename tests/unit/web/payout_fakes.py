"""A fake of what routes and pages ask about payouts, and what it answers."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from wescope.engine.payout_statements import (
    AwaitedDocument,
    PayoutCount,
    PayoutPage,
    PayoutSum,
    PayoutSummary,
    PayoutWord,
    RowCount,
    StatementRow,
)
from wescope.engine.results import ParkedRow, PayoutResult
from wescope.links.payout_statements import PayoutFilter, RowFilter

AT = datetime(2026, 11, 22, 12, 30, tzinfo=UTC)
DAY = date(2026, 11, 20)


def a_payout(payout_id: str = "po_1", **changed: object) -> PayoutResult:
    """A payout of 96.21 USD that foots and is a deposit, but for what is changed."""
    values: dict[str, object] = {
        "currency": "usd",
        "amount": 9_621,
        "gross": 10_000,
        "fee": 379,
        "net": 9_621,
        "foots": True,
        "state": "matched",
        "differs_by": 0,
        "waiting_on": (),
        "deposits": ("Deposit/145",),
        "shared_with": (),
        "payout_date": date(2026, 11, 18),
        "arrival_date": DAY,
        "deposit_date": DAY,
        "available_date": date(2026, 11, 19),
        "checked_at": AT,
    }
    return PayoutResult(payout_id=payout_id, **{**values, **changed})  # type: ignore[arg-type]  # as the fields are


def a_sum(category: str = "charge", count: int = 1, gross: int = 10_000, fee: int = 379) -> PayoutSum:
    """What the rows of a category come to, in USD."""
    return PayoutSum(category=category, count=count, gross=gross, fee=fee, net=gross - fee, currency="usd")


def a_row(position: int = 0, **changed: object) -> StatementRow:
    """A charge that is a payment in QBO, but for what is changed."""
    values: dict[str, object] = {
        "transaction_id": f"txn_{position}",
        "category": "charge",
        "source": "ch_1",
        "document_key": "ch_1:payment",
        "gross": 10_000,
        "fee": 379,
        "net": 9_621,
        "currency": "usd",
        "state": "matched",
        "entity": "Payment",
        "qbo_id": "146",
        "txn_date": date(2026, 11, 17),
        "payment_received_date": date(2026, 11, 16),
        "credit_date": None,
        "available_date": date(2026, 11, 19),
    }
    return StatementRow(position=position, **{**values, **changed})  # type: ignore[arg-type]  # as the fields are


def a_summary(payout: PayoutResult | None = None, **changed: object) -> PayoutSummary:
    """That payout with its one row, but for what is changed."""
    values: dict[str, object] = {
        "categories": (a_sum(),),
        "total": a_sum("total"),
        "states": (RowCount(state="matched", count=1),),
        "awaited": 0,
        "waits_for": (),
        "parked": (),
        "rows": (a_row(),),
        "next": None,
    }
    return PayoutSummary(payout=payout or a_payout(), **{**values, **changed})  # type: ignore[arg-type]  # as above


def awaited(key: str, parked: ParkedRow | None = None) -> AwaitedDocument:
    """A document that a payout waits for, of which nothing was tried yet."""
    return AwaitedDocument(key=key, entity=None, qbo_id=None, state=None, parked=parked)


def a_page(*items: PayoutResult, following: str | None = None, **counts: int) -> PayoutPage:
    """A page of payouts, with so many in each state."""
    counted = tuple(PayoutCount(state=word.value, count=counts.get(word.value, 0), more=False) for word in PayoutWord)
    return PayoutPage(items=items, counts=counted, next=following)


@dataclass(kw_only=True)
class FakeStatements:
    """Answers what it is told to, or raises it, and remembers what was asked."""

    found: PayoutPage | Exception = field(default_factory=lambda: a_page(a_payout(), matched=1))
    told: PayoutSummary | Exception = field(default_factory=a_summary)
    asked: list[tuple[object, ...]] = field(default_factory=list)

    async def page(self, chosen: PayoutFilter, after: str | None = None) -> PayoutPage:
        self.asked.append((chosen, after))
        if isinstance(self.found, Exception):
            raise self.found
        return self.found

    async def summary(self, payout_id: str, chosen: RowFilter, after: int | None = None) -> PayoutSummary:
        self.asked.append((payout_id, chosen, after))
        if isinstance(self.told, Exception):
            raise self.told
        return self.told

    async def lines(self, payout_id: str) -> AsyncIterator[str]:
        self.asked.append((payout_id,))
        if isinstance(self.told, Exception):
            raise self.told
        return _pieces()


async def _pieces() -> AsyncIterator[str]:
    for piece in ("position,net\r\n", "0,96.21\r\n", "1,1.00\r\n"):
        yield piece
