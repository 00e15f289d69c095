"""Parked items a page at a time, and bulk actions on them: as planned, once, whoever is killed or cancels meanwhile."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
import sqlalchemy as sa

from tests.integration.conftest import OpenDesk
from tests.integration.desk import Desk, Shop
from tests.integration.test_backfill import ended, until, working
from tests.integration.test_parked_items import actions, wrong_invoice
from wescope.books.parking import ParkCode, Parked
from wescope.books.subjects import Subject, SubjectKind
from wescope.engine import bulk, runs
from wescope.engine.bulk import Bulk, BulkAction, BulkChoice, BulkOutcome, BulkPlan
from wescope.engine.cursors import cursor_of
from wescope.engine.parked_desk import ParkedDesk, ParkedQuery, PlanChanged
from wescope.engine.parked_items import NotParked
from wescope.engine.runs import Execution, Executor, RunDesk, RunNotFound, RunUnfinished
from wescope.errors import WrongUse
from wescope.links.database import transaction
from wescope.links.runs import Run, RunKind, RunState
from wescope.links.schema import audit, hints, parked

RETRY = BulkChoice(action=BulkAction.RETRY)
IGNORE = BulkChoice(action=BulkAction.IGNORE, reason="known")
EVERYTHING = ParkedQuery()


async def park(
    desk: Desk, number: int, *, code: ParkCode = ParkCode.TOTAL_MISMATCH, amount: int = 5_000, currency: str = "usd"
) -> str:
    """An item as a run parks it, of an object that Stripe does not have."""
    subject = Subject(kind=SubjectKind.INVOICE, id=f"in_{number:04}")
    key = f"{subject.id}:invoice"
    item = Parked(key=key, code=code, amount=amount, currency=currency)  # type: ignore[arg-type]  # a key as text
    async with transaction(desk.runtime.engine) as connection:
        await desk.runtime.store.park(connection, subject, [item])
    return key


async def age(desk: Desk, key: str, days: int) -> None:
    async with transaction(desk.runtime.engine) as connection:
        aged = sa.update(parked).where(parked.c.document_key == key)
        await connection.execute(aged.values(since=sa.func.now() - timedelta(days=days)))


async def planned(desk: Desk, choice: BulkChoice = RETRY, query: ParkedQuery = EVERYTHING) -> BulkPlan:
    return await desk.runtime.console.parked_desk.plan(choice, query)


async def started(desk: Desk, choice: BulkChoice = RETRY, query: ParkedQuery = EVERYTHING) -> Run:
    plan = await planned(desk, choice, query)
    return await desk.runtime.console.parked_desk.start(choice, query, at=plan.at, digest=plan.digest, actor="local")


async def outcome(desk: Desk, run: Run) -> BulkOutcome:
    return await desk.runtime.console.parked_desk.outcome(run.id)


def words(found: BulkOutcome) -> dict[str, str]:
    return {one.key: one.outcome for one in found.items}


async def all_pages(desk: ParkedDesk, query: ParkedQuery, limit: int) -> list[str]:
    keys: list[str] = []
    after = None
    while True:
        page = await desk.page(query, after=after, limit=limit)
        keys += [row.key for row in page.items]
        after = page.next
        if after is None:
            return keys


async def test_pages_go_through_all_that_a_filter_takes_the_oldest_first(desk: Desk) -> None:
    keys = [await park(desk, number) for number in range(7)]
    for number, key in enumerate(keys[:3]):
        await age(desk, key, 9 - number)
    found = desk.runtime.console.parked_desk
    for limit in (1, 3, 7, 50):
        assert await all_pages(found, EVERYTHING, limit) == keys
    for wrong in ("x", "WzFd", "W10", "WyJhIiwiYiJd", "/" * 9, cursor_of("2026-11-20T00:00:00+00:00", "in_\x00")):
        with pytest.raises(WrongUse):
            await found.page(EVERYTHING, after=wrong)


async def test_filters_and_sums(desk: Desk) -> None:
    usd = await park(desk, 1, amount=90_000)
    yen = await park(desk, 2, amount=900, currency="jpy", code=ParkCode.LOOKS_LIKE)
    old = await park(desk, 3, amount=-5_000)
    await age(desk, old, 9)
    ignored = await park(desk, 4)
    await desk.runtime.support.ignore([ignored], "known", actor="cli")
    found = desk.runtime.console.parked_desk
    for query, expected in (
        (EVERYTHING, {usd, yen, old}),
        (ParkedQuery(ignored=None), {usd, yen, old, ignored}),
        (ParkedQuery(ignored=True), {ignored}),
        (ParkedQuery(owners=("operator",)), {yen}),
        (ParkedQuery(owners=("us",), codes=("looks_like",)), set()),
        (ParkedQuery(codes=("looks_like", "total_mismatch"), currency="jpy"), {yen}),
        (ParkedQuery(min_amount=Decimal("899.99")), {usd, yen}),
        (ParkedQuery(min_amount=Decimal(50)), {usd, yen, old}),
        (ParkedQuery(older_than=timedelta(days=7)), {old}),
        (ParkedQuery(contains="in_0002"), {yen}),
        (ParkedQuery(contains="oice/in_0003"), {old}),
        (ParkedQuery(contains="in%2"), set()),
    ):
        page = await found.page(query)
        assert {row.key for row in page.items} == expected, query
        assert page.count == len(expected)
    sums = {(one.code, one.currency): (one.count, one.amount, one.owner) for one in (await found.page(EVERYTHING)).sums}
    assert sums == {("looks_like", "jpy"): (1, 900, "operator"), ("total_mismatch", "usd"): (2, 85_000, "us")}


async def test_one_item_and_what_became_of_it(desk: Desk, shop: Shop) -> None:
    invoice = wrong_invoice(shop)
    key = f"{invoice}:invoice"
    await desk.sync(invoice)
    found = await desk.runtime.console.parked_desk.item(key)
    assert found.item is not None
    assert (found.item.code, found.waits, found.history) == ("total_mismatch", False, ())
    await desk.runtime.support.hint([found.item], actor="local")
    asked = await desk.runtime.console.parked_desk.item(key)
    assert (asked.waits, [entry.action for entry in asked.history]) == (True, ["retry"])
    shop.edit(invoice, total=5_000)
    await desk.work()
    posted = await desk.runtime.console.parked_desk.item(key)
    assert (posted.item, posted.waits, posted.entity, posted.link_state) == (None, False, "Invoice", "posted")
    assert posted.looked_at is not None
    assert posted.retried_at is not None
    assert posted.looked_at >= posted.retried_at
    with pytest.raises(NotParked):
        await desk.runtime.console.parked_desk.item("in_9:invoice")


async def test_a_retry_of_many_posts_what_is_mended(desk: Desk, shop: Shop) -> None:
    mended = [wrong_invoice(shop) for _ in range(3)]
    still = wrong_invoice(shop, 7_000)
    await desk.sync(*mended, still)
    for invoice in mended:
        shop.edit(invoice, total=5_000)
    run = await started(desk)
    async with working(desk.runtime):
        run = await ended(desk.runtime, run)
    assert (run.state, dict(run.result)) == (RunState.DONE, {"done": 4, "changed": 0, "gone": 0, "failed": 0})
    found = await outcome(desk, run)
    assert set(words(found).values()) == {"done"}
    assert {one.key: one.now for one in found.items} == {
        **{f"{invoice}:invoice": None for invoice in mended},
        f"{still}:invoice": "total_mismatch",
    }
    assert (await desk.runtime.history.run(run.id)).counts["done"] == 4
    assert "items" not in (await desk.runtime.runs.find(run.id)).options
    for invoice in mended:
        desk.check_invoice(invoice, balance="50.00")


async def test_what_has_changed_or_gone_since_the_plan_is_left_alone(desk: Desk) -> None:
    same, other, gone = [await park(desk, number) for number in range(3)]
    run = await started(desk, IGNORE)
    await park(desk, 1, amount=1)
    async with transaction(desk.runtime.engine) as connection:
        await connection.execute(sa.delete(parked).where(parked.c.document_key == gone))
    async with working(desk.runtime):
        run = await ended(desk.runtime, run)
    assert dict(run.result) == {"done": 1, "changed": 1, "gone": 1, "failed": 0}
    assert words(await outcome(desk, run)) == {same: "done", other: "changed", gone: "gone"}
    page = await desk.runtime.console.parked_desk.page(ParkedQuery(ignored=True))
    assert [(row.key, row.ignored_reason) for row in page.items] == [(same, "known")]
    assert await actions(desk) == [("ignore", "local", same)]
    undo = await started(desk, BulkChoice(action=BulkAction.UNIGNORE), ParkedQuery(ignored=True))
    async with working(desk.runtime):
        await ended(desk.runtime, undo)
    assert (await desk.runtime.console.parked_desk.page(ParkedQuery(ignored=True))).items == ()


async def test_only_what_the_plan_has_shown_is_started(desk: Desk) -> None:
    await park(desk, 1)
    plan, found = await planned(desk), desk.runtime.console.parked_desk
    await park(desk, 2)
    assert (await found.plan(RETRY, EVERYTHING, at=plan.at)).digest == plan.digest, "what came later is none of it"
    await park(desk, 1, amount=7)
    with pytest.raises(PlanChanged):
        await found.start(RETRY, EVERYTHING, at=plan.at, digest=plan.digest, actor="local")
    for choice, query in (
        (RETRY, ParkedQuery(codes=("looks_like",))),
        (replace(IGNORE, reason=""), EVERYTHING),
        (replace(IGNORE, reason="ask jenny@example.com"), EVERYTHING),
    ):
        with pytest.raises(WrongUse):
            await found.start(choice, query, at=plan.at, digest=None, actor="local")
    first = await started(desk)
    again = await planned(desk)
    with pytest.raises(RunUnfinished):
        await found.start(IGNORE, EVERYTHING, at=again.at, digest=None, actor="local")
    digest, at = first.options["digest"], first.started_at
    same = await found.start(
        RETRY, EVERYTHING, at=type(at).fromisoformat(first.options["at"]), digest=str(digest), actor="local"
    )
    assert same.id == first.id, "who sends the form twice has one run"
    with pytest.raises(WrongUse):
        await found.outcome(first.id, after=cursor_of(2**60))
    with pytest.raises(WrongUse):
        ParkedQuery(older_than=timedelta(days=9)).choice(datetime.min.replace(tzinfo=UTC))
    with pytest.raises(RunNotFound):
        await found.outcome((await desk.runtime.runs.start(RunKind.SWEEP, {})).id)


async def test_more_than_one_action_takes_is_said(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wescope.engine.parked_desk.MOST_AT_ONCE", 2)
    for number in range(3):
        await park(desk, number)
    plan = await planned(desk)
    assert (plan.count, plan.left_out, sum(one.count for one in plan.sums)) == (2, 1, 2)


async def test_a_retry_canceled_halfway_takes_back_what_was_not_begun(
    desk: Desk, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "BATCH", 1)
    monkeypatch.setattr(bulk, "MOST_QUEUED", 2)
    invoices = [wrong_invoice(shop, 5_000 + index) for index in range(6)]
    await desk.sync(*invoices)
    run = await started(desk)
    reached, hold = asyncio.Event(), asyncio.Event()
    read = desk.runtime.reader.read

    async def slow(subject: Subject) -> object:
        reached.set()
        await hold.wait()
        return await read(subject)

    monkeypatch.setattr(desk.runtime.reader, "read", slow)

    async def is_full() -> bool:
        return (await outcome(desk, run)).done == 2

    async with working(desk.runtime):
        await asyncio.wait_for(reached.wait(), 20)
        await until(is_full)
        await desk.runtime.runs.cancel(run.id)
        over = await ended(desk.runtime, run)
        hold.set()
    assert over.state == RunState.CANCELED
    found = await outcome(desk, over)
    assert (found.done, found.left) == (2, 4)
    assert list(words(found).values())[2:] == ["left"] * 4
    assert len(await actions(desk)) == 2
    await desk.work()
    assert set(list(words(await outcome(desk, over)).values())[:2]) <= {"done", "withdrawn"}
    async with transaction(desk.runtime.engine) as connection:
        hinted = sa.select(sa.func.count()).select_from(hints).where(hints.c.run_id == run.id)
        assert await connection.scalar(hinted) == 2


async def test_a_worker_that_is_killed_leaves_nothing_undone_and_nothing_twice(
    make_desk: OpenDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "SILENT_S", 1.0)
    monkeypatch.setattr(bulk, "BATCH", 2)

    async def dead(*_: object) -> None:
        """The dead release nothing."""

    monkeypatch.setattr(RunDesk, "_release", dead)
    batch, killed = Bulk._batch, asyncio.Event()

    async def dies_in_the_third(self: Bulk, execution: Execution, action: BulkAction) -> None:
        if execution.checkpoint.get("done", 0) == 4 and not killed.is_set():
            killed.set()
            await asyncio.Event().wait()
        await batch(self, execution, action)

    monkeypatch.setattr(Bulk, "_batch", dies_in_the_third)
    async with make_desk() as desk:
        keys = [await park(desk, number) for number in range(9)]
        run = await started(desk, IGNORE)
        async with desk.another() as victim:
            executing = asyncio.create_task(victim.runs.execute(run.id))
            await asyncio.wait_for(killed.wait(), 20)
            executing.cancel()
            await asyncio.gather(executing, return_exceptions=True)
        half = await outcome(desk, run)
        assert (half.done, half.left, half.state) == (4, 5, RunState.RUNNING)
        async with working(desk.runtime):
            over = await ended(desk.runtime, run)
        assert dict(over.result) == {"done": 9, "changed": 0, "gone": 0, "failed": 0}
        assert sorted(await actions(desk)) == [("ignore", "local", key) for key in keys]


async def test_a_batch_that_fails_at_its_end_is_done_as_a_whole_later(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is done and how far the run has come stand in one transaction."""
    key = await park(desk, 1)
    run = await started(desk, IGNORE)
    do = Bulk._do

    async def fails(*given: object) -> None:
        await do(*given)  # type: ignore[arg-type]  # as it was given
        raise asyncio.CancelledError

    with monkeypatch.context() as patch:
        patch.setattr(Bulk, "_do", fails)
        with pytest.raises(asyncio.CancelledError):
            await desk.runtime.runs.execute(run.id)
    assert await actions(desk) == []
    await desk.runtime.runs.execute(run.id)
    assert await actions(desk) == [("ignore", "local", key)]


async def test_a_paused_action_goes_on_where_it_stopped(desk: Desk) -> None:
    keys = [await park(desk, number) for number in range(3)]
    run = await started(desk, IGNORE)
    await desk.runtime.runs.pause(run.id)
    await desk.runtime.runs.execute(run.id)
    assert await actions(desk) == []
    await desk.runtime.runs.resume(run.id)
    await desk.runtime.runs.execute(run.id)
    assert (await desk.runtime.runs.find(run.id)).state == RunState.DONE
    assert [target for _, _, target in await actions(desk)] == keys


async def test_a_version_that_does_not_know_the_kind_lets_it_be(desk: Desk) -> None:
    await park(desk, 1)
    run = await started(desk)
    known: dict[RunKind, Executor] = dict(desk.runtime.runs.executors)
    del known[RunKind.BULK]
    older = RunDesk(engine=desk.runtime.engine, locks=desk.runtime.reconciler.locks, executors=known)
    assert run.id not in await older._abandoned()
    assert run.id in await desk.runtime.runs._abandoned()
    assert run.id in [one.id for one in await older.newest()]


async def audited(desk: Desk) -> Sequence[int | None]:
    async with transaction(desk.runtime.engine) as connection:
        return list((await connection.execute(sa.select(audit.c.run_id).order_by(audit.c.id))).scalars())


async def test_the_audit_log_names_the_run(desk: Desk) -> None:
    await park(desk, 1)
    run = await started(desk, IGNORE)
    await desk.runtime.runs.execute(run.id)
    assert await audited(desk) == [run.id, run.id]  # its start, and the one item
