"""What the pages of runs say, from a real database: documents by pages, audit entries, forecasts, looks at an undo."""

import asyncio
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from tests.integration.desk import Desk
from tests.integration.test_backfill import SINCE, UNTIL, backfilled, documents, ended, working
from tests.integration.test_undo import ledger, sales, undone
from wescope.engine import undo_look
from wescope.engine.backfill_plan import BackfillPlan, Progress
from wescope.engine.forecasting import forecast_of
from wescope.engine.run_book import DocumentFilter, RunBook
from wescope.engine.run_memory import RunMemory
from wescope.engine.runs import RunNotFound, RunUnfinished
from wescope.errors import WrongUse
from wescope.links.run_names import newest_runs
from wescope.links.run_pages import RunDocument
from wescope.links.runs import RunKind, RunState
from wescope.qbo import batching

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(autouse=True)
def no_waiting_for_full_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batching, "FILL_S", 0.03)


def book_of(desk: Desk) -> RunBook:
    return RunBook(history=desk.runtime.history, memory=RunMemory(), gate=desk.runtime.gate)


async def test_every_document_of_a_run_is_on_exactly_one_page(desk: Desk) -> None:
    sales(desk, 3)
    run = await backfilled(desk.runtime)
    book = book_of(desk)
    everything = await book.documents(run.id, DocumentFilter(limit=200))
    assert everything.next is None
    assert len(everything.items) == sum((await book.run(run.id)).posted.values())
    seen: list[RunDocument] = []
    after: str | None = None
    while True:
        page = await book.documents(run.id, DocumentFilter(limit=2, after=after))
        seen += page.items
        if (after := page.next) is None:
            break
        assert len(page.items) == 2
    assert tuple(seen) == everything.items
    assert {one.state for one in seen} == {"posted"}
    invoices = await book.documents(run.id, DocumentFilter(entity="Invoice", limit=200))
    assert [one.entity for one in invoices.items] == ["Invoice"] * 3
    assert (await book.documents(run.id, DocumentFilter(state="voided"))).items == ()
    with pytest.raises(RunNotFound):
        await book.documents(run.id + 1, DocumentFilter())


async def test_what_was_undone_is_told_where_it_was_posted(desk: Desk) -> None:
    sales(desk, 2)
    run = await backfilled(desk.runtime)
    book = book_of(desk)
    before = await book.run(run.id)
    look = await book.look_at_undo(run.id)
    customers = sum(row.count for row in look.totals if row.action == "stays")
    assert (look.documents, look.looked_at, look.more) == (before.documents - customers, look.documents, 0)
    assert look.plan.count == look.documents
    assert look.plan.kept == ()
    over = await undone(desk, run.id)
    assert set((await book.run(run.id)).posted) == {"Customer"}
    told = await book.run(over.id)
    assert (told.result["undone"], told.place) == (str(look.documents), None)
    page = await book.documents(run.id, DocumentFilter(state="voided"))
    assert len(page.items) == 4


async def test_a_look_at_an_undo_asks_about_the_first_documents_only(desk: Desk) -> None:
    sales(desk, 4)
    run = await backfilled(desk.runtime)
    whole = await desk.runtime.history.plan_undo(run.id)
    look = await undo_look.look(desk.runtime.history.undos, run.id, limit=3)
    assert (look.looked_at, look.more) == (3, look.documents - 3)
    assert (look.plan.count, look.plan.needs_somebody) == (3, False)
    totals = {(row.month, row.entity): row.count for row in look.totals if row.action != "stays"}
    assert totals == {(row.month, row.entity): row.count for row in whole.rows}


async def test_what_hangs_on_a_document_that_was_not_looked_at_goes_too(desk: Desk) -> None:
    """An invoice whose payment is of the same run is no obstacle, wherever the look ends."""
    (invoice,) = sales(desk, 1)
    run = await backfilled(desk.runtime)
    undo = desk.runtime.history.undos
    judged, _ = await undo.planner.judged([f"{invoice}:invoice"], None)  # type: ignore[list-item]  # a key is a text
    assert judged[0].dependents
    look = await book_of(desk).look_at_undo(run.id)
    assert look.plan.kept == ()


async def test_who_steers_a_run_is_in_the_audit_log(desk: Desk) -> None:
    history, book = desk.runtime.history, book_of(desk)
    run = await history.start_backfill(SINCE, UNTIL, actor="user:1")
    await history.pause(run.id, actor="user:2")
    await history.resume(run.id, actor="user:1")
    await history.cancel(run.id, actor="user:3")
    told = [(one.action, one.actor) for one in await book.entries(run.id)]
    assert told == [("cancel", "user:3"), ("resume", "user:1"), ("pause", "user:2"), ("start", "user:1")]
    typed = await desk.runtime.runs.start(RunKind.SWEEP, {})
    assert [(one.action, one.actor) for one in await book.entries(typed.id)] == [("start", "cli")]


async def test_runs_are_filtered_and_paged_by_id(desk: Desk) -> None:
    book, runs = book_of(desk), desk.runtime.runs
    ids = [(await runs.start(RunKind.REPLAY, {}, alone=False)).id for _ in range(5)]
    sweep = await runs.start(RunKind.SWEEP, {})
    await runs.cancel(ids[2])
    first = await book.page(limit=4)
    assert [one.run_id for one in first.items] == [sweep.id, ids[4], ids[3], ids[2]]
    second = await book.page(limit=4, after=int(first.next or 0))
    assert ([one.run_id for one in second.items], second.next) == ([ids[1], ids[0]], None)
    canceled = await book.page(kind="replay", state="canceled")
    assert [one.run_id for one in canceled.items] == [ids[2]]
    assert (await book.page(kind="tieout")).items == ()


async def test_a_forecast_is_a_run_that_writes_nothing(desk: Desk) -> None:
    sales(desk, 2)
    book = book_of(desk)
    run = await book.start_forecast(SINCE, UNTIL, actor="user:1")
    with pytest.raises(RunUnfinished):
        await book.start_forecast(SINCE, UNTIL, actor="user:1")
    assert await book.forecast(run.id) is None
    before = ledger(desk)
    async with working(desk.runtime):
        over = await ended(desk.runtime, run)
    assert over.state == RunState.DONE, over
    assert (ledger(desk), await documents(desk), desk.records("Invoice")) == (before, {}, [])
    found = await book.forecast(run.id)
    assert found is not None
    assert found == forecast_of(over.result)
    again = await desk.runtime.history.forecast(SINCE, UNTIL)
    assert replace(again, stripe_calls=found.stripe_calls) == found  # the first one reads the account, too
    assert {(row.entity, row.action, row.count) for row in found.rows if row.entity == "Invoice"} == {
        ("Invoice", "create", 2)
    }
    assert (await book.run(run.id)).documents == 0
    other = await backfilled(desk.runtime)
    with pytest.raises(RunNotFound):
        await book.forecast(other.id)


async def test_a_forecast_is_canceled_while_it_goes_on(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    sales(desk, 1)
    began = asyncio.Event()

    async def endless(_: BackfillPlan, _since: date, _until: date, progress: Progress) -> None:
        began.set()
        while True:
            await asyncio.sleep(0.05)
            progress("planning", 1, 9)

    monkeypatch.setattr(BackfillPlan, "forecast", endless)
    run = await book_of(desk).start_forecast(SINCE, UNTIL, actor="user:1")
    async with working(desk.runtime):
        await began.wait()
        await desk.runtime.history.cancel(run.id)
        over = await ended(desk.runtime, run)
    assert over.state == RunState.CANCELED


async def test_what_cannot_be_undone_cannot_be_looked_at(desk: Desk) -> None:
    run = await desk.runtime.history.start_backfill(SINCE, UNTIL)
    with pytest.raises(WrongUse, match="running"):
        await book_of(desk).look_at_undo(run.id)


async def test_a_run_says_where_it_stands(desk: Desk) -> None:
    run = await desk.runtime.history.start_backfill(SINCE, UNTIL)
    report = await book_of(desk).run(run.id)
    assert report.place == "Listing older invoices of 2026-10-01 to 2026-11-21: step 1 of 59."
    assert report.heartbeat_at is None


async def test_checks_before_a_backfill_end_in_time(desk: Desk) -> None:
    checks = desk.runtime.history.checks
    assert "others" not in {one.code for one in await checks.within(SINCE, UNTIL, 60)}
    (late,) = [one for one in await checks.within(SINCE, UNTIL, 0) if one.code == "others"]
    assert late.severity.value == "warning"


async def test_the_newest_runs_are_offered_to_a_shell(desk: Desk, database: str, tmp_path: Path) -> None:
    first = await desk.runtime.runs.start(RunKind.REPLAY, {}, alone=False)
    second = await desk.runtime.runs.start(RunKind.SWEEP, {})
    await desk.runtime.runs.cancel(second.id)
    found = newest_runs(database, tmp_path, limit=5, timeout_s=20)
    assert found == [(second.id, "sweep, canceled"), (first.id, "replay, running")]
    assert newest_runs(None, tmp_path / "nowhere", limit=5, timeout_s=20) == []
