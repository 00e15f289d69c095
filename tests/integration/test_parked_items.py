"""Parked items through both services: filters, ignoring that lapses, retries that wait, and the audit log."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
import sqlalchemy as sa

from tests.integration.conftest import OpenDesk
from tests.integration.desk import Desk, Shop
from wescope.books.parking import ParkCode, Parked
from wescope.books.subjects import Subject, SubjectKind
from wescope.engine.parked_items import NotParked, ParkedFilter, sums_of
from wescope.engine.results import ParkedRow
from wescope.errors import WrongUse
from wescope.links.database import transaction
from wescope.links.schema import audit, parked

EVERYTHING = ParkedFilter()


async def find(desk: Desk, chosen: ParkedFilter = EVERYTHING) -> tuple[ParkedRow, ...]:
    return await desk.runtime.support.parked(chosen)


async def one(desk: Desk, key: str) -> ParkedRow:
    (row,) = await find(desk, ParkedFilter(keys=(key,)))
    return row


def wrong_invoice(shop: Shop, amount: int = 5_000) -> str:
    """An invoice whose lines do not add up to its total."""
    invoice = shop.invoice(shop.customer(), amount)
    shop.edit(invoice, total=amount - 1)
    return invoice


async def actions(desk: Desk) -> list[tuple[str, str, str]]:
    async with transaction(desk.runtime.engine) as connection:
        query = sa.select(audit.c.action, audit.c.actor, audit.c.target).where(
            audit.c.action != "sync", audit.c.target.not_like("run/%")
        )
        rows = await connection.execute(query.order_by(audit.c.id))
        return [(row[0], row[1], row[2]) for row in rows]


async def test_filters_choose_and_sums_are_per_currency(desk: Desk, shop: Shop) -> None:
    small, large = wrong_invoice(shop, 5_000), wrong_invoice(shop, 90_000)
    await desk.sync(small, large)
    async with transaction(desk.runtime.engine) as connection:
        aged = sa.update(parked).where(parked.c.document_key == f"{large}:invoice")
        await connection.execute(aged.values(since=sa.func.now() - timedelta(days=9)))
    for chosen, expected in (
        (EVERYTHING, {small, large}),
        (ParkedFilter(subjects=(small,)), {small}),
        (ParkedFilter(subjects=(f"invoice/{small}",)), {small}),
        (ParkedFilter(codes=("total_mismatch",), older_than=timedelta(days=7)), {large}),
        (ParkedFilter(min_amount=Decimal("899.99")), {large}),
        (ParkedFilter(codes=("looks_like",)), set()),
        (ParkedFilter(ignored=True), set()),
    ):
        assert {row.key for row in await find(desk, chosen)} == {f"{name}:invoice" for name in expected}, chosen
    (first, *_) = await find(desk)
    assert (first.key, first.age_s // 86_400) == (f"{large}:invoice", 9)
    (total,) = sums_of(await find(desk))
    assert (total.code, total.count, total.currency, total.amount) == ("total_mismatch", 2, "usd", 94_998)


async def test_an_ignored_item_is_kept_and_not_counted(desk: Desk, shop: Shop) -> None:
    invoice = wrong_invoice(shop)
    key = f"{invoice}:invoice"
    await desk.sync(invoice)
    await desk.runtime.support.ignore([key], "  known, \n written off ", actor="cli")
    row = await one(desk, key)
    assert (row.ignored_reason, row.needs_somebody) == ("known, written off", False)
    assert row.ignored_at is not None
    assert (await desk.runtime.status()).parked == 0
    assert sums_of([row]) == ()
    await desk.sync(invoice)
    assert (await one(desk, key)).ignored_at == row.ignored_at
    (synced,) = await desk.runtime.sync([invoice], dry_run=False)
    assert ({action.action for action in synced.actions}, synced.needs_someone) == ({"park"}, False)
    await desk.runtime.support.unignore([key], actor="api")
    assert (await one(desk, key)).ignored_at is None
    assert (await desk.runtime.status()).parked == 1
    assert await actions(desk) == [("ignore", "cli", key), ("unignore", "api", key)]


@pytest.mark.parametrize(
    "changed",
    [{"amount": 4_000}, {"code": ParkCode.OPEN_MISMATCH}, {"currency": "eur"}],
    ids=["amount", "code", "currency"],
)
async def test_what_changes_is_no_longer_ignored(desk: Desk, changed: dict[str, object]) -> None:
    subject = Subject(kind=SubjectKind.INVOICE, id="in_1")
    item = Parked(key="in_1:invoice", code=ParkCode.TOTAL_MISMATCH, amount=5_000, currency="usd")  # type: ignore[arg-type]
    store = desk.runtime.store
    async with transaction(desk.runtime.engine) as connection:
        await store.park(connection, subject, [item])
    await desk.runtime.support.ignore([item.key], "a test", actor="cli")
    async with transaction(desk.runtime.engine) as connection:
        await store.park(connection, subject, [replace(item, details={"lines": 7})])
    assert (await one(desk, item.key)).ignored_reason == "a test"
    async with transaction(desk.runtime.engine) as connection:
        await store.park(connection, subject, [replace(item, **changed)])  # type: ignore[arg-type]  # by parameter
    row = await one(desk, item.key)
    assert (row.ignored_at, row.ignored_reason) == (None, None)


@pytest.mark.parametrize("reason", ["", "  ", "x" * 201, "ask jenny@example.com", "bell\x07"])
async def test_an_unfit_reason_changes_nothing(desk: Desk, shop: Shop, reason: str) -> None:
    invoice = wrong_invoice(shop)
    await desk.sync(invoice)
    with pytest.raises(WrongUse):
        await desk.runtime.support.ignore([f"{invoice}:invoice"], reason, actor="cli")
    assert (await desk.runtime.status()).parked == 1
    assert await actions(desk) == []


async def test_an_unknown_key_changes_nothing(desk: Desk, shop: Shop) -> None:
    invoice = wrong_invoice(shop)
    await desk.sync(invoice)
    keys = [f"{invoice}:invoice", "in_9:invoice"]
    for doing in (
        desk.runtime.support.ignore(keys, "a test", actor="cli"),
        desk.runtime.support.unignore(keys, actor="cli"),
        find(desk, ParkedFilter(keys=tuple(keys))),
    ):
        with pytest.raises(NotParked, match="in_9:invoice"):
            await doing
    with pytest.raises(NotParked) as raised:
        await find(desk, ParkedFilter(keys=("jenny@example.com",)))
    assert "jenny" not in str(raised.value)
    assert (await desk.runtime.status()).parked == 1
    assert await actions(desk) == []


async def test_a_retry_posts_what_can_be_posted_now_and_what_waited_for_it(make_desk: OpenDesk) -> None:
    async with make_desk() as desk:
        shop = desk.shop
        mended, still = shop.paid_invoice(shop.customer(), 5_000), wrong_invoice(shop, 7_000)
        shop.edit(mended, total=4_999)
        await desk.sync(mended, still)
        shop.edit(mended, total=5_000)
        seen: list[tuple[str, int, int]] = []
        rows = await find(desk, ParkedFilter(codes=("total_mismatch",)))
        ended = await asyncio.wait_for(
            desk.runtime.support.retry(rows, actor="cli", progress=lambda *told: seen.append(told)), 30
        )
        assert {row.key: (row.before, row.code) for row in ended} == {
            f"{mended}:invoice": ("total_mismatch", None),
            f"{still}:invoice": ("total_mismatch", "total_mismatch"),
        }
        assert not any(row.needs_somebody for row in ended)
        assert seen[-1][1:] == (2, 2)
        desk.check_invoice(mended, balance="0.00")
        assert sorted(await actions(desk)) == sorted([("retry", "cli", row.key) for row in rows])
        again = await asyncio.wait_for(desk.runtime.support.retry(await find(desk), actor="cli"), 30)
        assert [row.code for row in again] == ["total_mismatch"]


async def test_a_hint_only_queues(desk: Desk, shop: Shop) -> None:
    invoice = wrong_invoice(shop)
    await desk.sync(invoice)
    await desk.runtime.support.hint(await find(desk), actor="api")
    assert [subject.id for subject in await desk.dirty()] == [invoice]
    assert await actions(desk) == [("retry", "api", f"{invoice}:invoice")]


async def test_a_retry_that_is_stopped_leaves_the_rest_alone(
    desk: Desk, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wescope.engine.parked_items._CHUNK", 1)
    first, second = sorted([wrong_invoice(shop), wrong_invoice(shop)])
    await desk.sync(first, second)
    reached, hold = asyncio.Event(), asyncio.Event()
    read = desk.runtime.reader.read

    async def slow(subject: Subject) -> object:
        reached.set()
        await hold.wait()
        return await read(subject)

    monkeypatch.setattr(desk.runtime.reader, "read", slow)
    retrying = asyncio.create_task(desk.runtime.support.retry(await find(desk), actor="cli"))
    await asyncio.wait_for(reached.wait(), 20)
    retrying.cancel()
    hold.set()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(retrying, 20)
    assert [target for _, _, target in await actions(desk)] == [f"{first}:invoice"]
    assert second not in {subject.id for subject in await desk.dirty()}
