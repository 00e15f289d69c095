"""Histories through the real engine: real database, real HTTP, and the tie-out at the end."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa

from tests.integration.conftest import OpenDesk, database, make_database, make_desk, postgres_url, template_database
from tests.integration.desk import Desk
from tests.simulation.history import Hinting, History, Merchant, draw_history
from tests.simulation.invariants import TRANSACTIONS, Known, Scene, check
from wescope.books.parking import ParkCode, Parked
from wescope.books.subjects import DocumentKey
from wescope.links.database import transaction
from wescope.links.schema import links
from wescope.links.store import Link, LinkState

__all__ = ["database", "make_database", "make_desk", "postgres_url", "template_database"]

_BEGINS = date(2026, 3, 20)
"""In the past of every clock, since the engine compares Stripe's times with its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """What the database says of documents, at one moment."""

    links: Mapping[DocumentKey, Link]
    items: Mapping[DocumentKey, Parked]

    def is_posted(self, key: DocumentKey) -> bool:
        link = self.links.get(key)
        return link is not None and link.state is LinkState.POSTED

    def parked(self) -> Mapping[DocumentKey, Parked]:
        return self.items


async def stored(desk: Desk) -> Known:
    runtime = desk.runtime
    async with transaction(runtime.engine) as connection:
        keys = (await connection.execute(sa.select(links.c.document_key))).scalars()
        known = await runtime.store.load(connection, [DocumentKey(key) for key in keys])
    items = {
        DocumentKey(row.key): Parked(
            key=DocumentKey(row.key),
            code=ParkCode(row.code),
            amount=row.amount,
            currency=row.currency,
            details=row.details,
        )
        for row in await runtime.parked()
    }
    return Stored(links=known, items=items)


class Played:
    """A merchant's history on a desk."""

    def __init__(self, desk: Desk, history: History) -> None:
        self.desk, self.settings = desk, history.settings
        self.merchant = Merchant(desk.shop.business, history.settings)
        self.hinting = Hinting(desk.shop.business, history.settings)

    async def catch_up(self) -> None:
        await self.desk.runtime.queue.hint(self.hinting.subjects(), source="test")
        await self.settle()
        await self.check()

    async def settle(self) -> None:
        await self.desk.work()
        await self.desk.wake()

    async def check(self) -> None:
        check(
            Scene(
                settings=self.settings,
                store=self.desk.shop.business.account.store,
                company=self.desk.qbo.company,
                known=await stored(self.desk),
                opening=self.merchant.opening,
            )
        )

    async def sweep(self) -> None:
        await self.desk.runtime.queue.hint(self.hinting.everything(), source="test")
        await self.settle()
        await self.check()


@pytest.mark.slow
@pytest.mark.parametrize("seed", [3, 5, 8])
async def test_the_engine_keeps_the_books_equal_to_stripe(seed: int, make_desk: OpenDesk) -> None:
    history = in_dollars(draw_history(seed, 40, 45))
    options = {"policy": history.settings.policy, "as_of": _BEGINS, "read_timeout_s": 5.0}
    async with make_desk(**options, file=history.settings.policy_file) as desk:
        played = Played(desk, history)
        for index, step in enumerate(history.steps):
            played.merchant.play(step)
            if index % 10 == 0:  # an engine's pass takes a while: not at every step that asks for one
                await played.catch_up()
        played.merchant.advance(20 * 86_400)
        await played.catch_up()
        before = versions(desk)
        await played.sweep()
        assert versions(desk) == before
        today = datetime.fromtimestamp(desk.shop.business.account.clock.now(), UTC).date()
        found = await desk.runtime.tieout(today + timedelta(days=2))
        assert found.difference == "0.00", found


def versions(desk: Desk) -> dict[tuple[str, str], str]:
    """Every record of ours in QBO with its SyncToken: any write would change it."""
    found = ((entity, record) for entity in TRANSACTIONS for record in desk.records(entity))
    return {(entity, record["Id"]): record["SyncToken"] for entity, record in found}


def in_dollars(history: History) -> History:
    """The history of a company without foreign currencies and without a start date, which a desk can hold."""
    settings = replace(
        history.settings,
        currencies=("usd",),
        settled=("usd",),
        start_date=None,
        begins_at=int(datetime(_BEGINS.year, _BEGINS.month, _BEGINS.day, tzinfo=UTC).timestamp()),
    )
    return replace(history, settings=settings)
