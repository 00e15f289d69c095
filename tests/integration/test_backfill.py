"""A backfill of a mixed history ends at 0.00 with the books that webhooks would have made, however it is cut off."""

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from cryptography.fernet import Fernet

from tests.integration.conftest import MakeDatabase, OpenDesk
from tests.integration.desk import Desk, open_desk
from wescope.books.policy import AccountRole, Policy
from wescope.config import PolicyFile
from wescope.engine import backfill, runs
from wescope.engine.backfill import options_of
from wescope.engine.backfill_checks import refuses
from wescope.engine.backfill_plan import Forecast
from wescope.engine.history import RunReport
from wescope.engine.replay import ReplayChoice
from wescope.engine.results import Severity
from wescope.engine.runs import RunDesk, RunIsOver, RunUnfinished
from wescope.engine.runtime import Runtime
from wescope.errors import WrongUse
from wescope.links.database import transaction
from wescope.links.runs import Run, RunKind, RunState
from wescope.links.schema import links
from wescope.links.subjects import BACKLOG, Hint
from wescope.qbo import batching
from wescope.sandbox.stripe.versions import LATEST
from wescope.stripe.hints import hint_of

AS_OF = date(2026, 11, 20)
SINCE, UNTIL = date(2026, 10, 1), date(2026, 11, 21)
PATIENCE_S = 240

pytestmark = pytest.mark.timeout(480)


@pytest.fixture(autouse=True)
def no_waiting_for_full_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batching, "FILL_S", 0.03)


def mixed(
    make_desk: OpenDesk, *, start_date: date | None = None, **options: Any
) -> contextlib.AbstractAsyncContextManager[Desk]:
    """A history with every situation, and a company that can take it."""
    file = PolicyFile()
    return make_desk(
        customers=44,
        months=1,
        situations="all",
        payouts="daily",
        as_of=AS_OF,
        knobs={"multicurrency": True},
        policy=Policy(review=True, start_date=start_date),
        file=replace(file, accounts={**file.accounts, AccountRole.REVIEW: "Stripe Review"}),
        read_timeout_s=10,
        **options,
    )


@contextlib.asynccontextmanager
async def working(runtime: Runtime) -> AsyncIterator[None]:
    """A worker, as `serve` has one, until the end of the block."""
    stop = asyncio.Event()
    work = asyncio.create_task(runtime.work(stop))
    try:
        async with asyncio.timeout(PATIENCE_S):
            yield
    finally:
        stop.set()
        await work


async def until(found: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not await found():  # noqa: ASYNC110 - other processes' work is told by tables only
            await asyncio.sleep(0.05)


async def ended(runtime: Runtime, run: Run) -> Run:
    async def is_over() -> bool:
        return (await runtime.runs.find(run.id)).state != RunState.RUNNING

    await until(is_over)
    return await runtime.runs.find(run.id)


async def backfilled(runtime: Runtime, until: date = UNTIL) -> Run:
    run = await runtime.runs.start(RunKind.BACKFILL, options_of(SINCE, until))
    async with working(runtime):
        return await ended(runtime, run)


def books(desk: Desk) -> dict[str, str]:
    return {one["name"]: one["balance"] for one in desk.ledger()["accounts"]}


async def documents(desk: Desk) -> dict[str, tuple[Any, ...]]:
    """What stands in QBO, by document key: the same books have the same of it, whatever QBO's ids are."""
    async with transaction(desk.runtime.engine) as connection:
        columns = (
            links.c.document_key,
            links.c.entity,
            links.c.state,
            links.c.amount,
            links.c.currency,
            links.c.txn_date,
        )
        rows = await connection.execute(sa.select(*columns).where(links.c.state == "posted"))
        return {row[0]: tuple(row[1:]) for row in rows}


async def deliver_everything(desk: Desk) -> None:
    """Every event of the history as a webhook, in no order."""
    log = desk.shop.business.account.log
    events = [hint_of(log.snapshot_body(event, pending_webhooks=0, version=LATEST)) for event in log.all()]
    random.Random(7).shuffle(events)  # noqa: S311 - no secret
    for event in events:
        if event.subject is not None:
            hint = Hint(subject=event.subject, source="webhook", customer_id=event.customer_id, lane=BACKLOG)
            await desk.runtime.queue.accept(hint)

    async def clean() -> bool:
        return not await desk.dirty()

    async with working(desk.runtime):
        await until(clean)


async def test_it_ends_with_the_books_that_webhooks_make_and_again_writes_nothing(
    make_desk: OpenDesk, make_database: MakeDatabase, tmp_path: Path
) -> None:
    async with mixed(make_desk) as desk:
        run = await backfilled(desk.runtime)
        assert run.state == RunState.DONE, run
        assert run.counts["step"] == run.counts["steps"]
        assert (await desk.runtime.tieout(UNTIL)).difference == "0.00"
        desk.check_books()
        made = await documents(desk)
        assert {row.run_id for row in await link_rows(desk)} == {run.id}
        assert sum(run.result["posted"].values()) == len(made)
        before = desk.qbo.requests.total
        again = await backfilled(desk.runtime)
        assert again.state == RunState.DONE
        assert desk.qbo.requests.total == before
        assert again.counts["hinted"] < run.counts["hinted"] / 4
    key = Fernet.generate_key().decode()
    async with mixed(lambda **options: open_desk(make_database(True), tmp_path / "other", key, **options)) as other:
        await deliver_everything(other)
        assert await documents(other) == made


async def link_rows(desk: Desk) -> Sequence[Any]:
    async with transaction(desk.runtime.engine) as connection:
        return (await connection.execute(sa.select(links.c.document_key, links.c.run_id))).all()


async def test_a_balance_that_moved_and_is_nothing_again_is_posted(make_desk: OpenDesk) -> None:
    """The list of customers does not show it, and no list has it but the customer's own."""
    async with make_desk(as_of=AS_OF) as desk:
        customer = desk.shop.customer()
        for amount in (1_500, -1_500):
            desk.shop.do("adjust_balance", id=customer, amount=amount)
            desk.shop.advance(days=1)
        run = await backfilled(desk.runtime)
        assert run.result["posted"] == {"Customer": 1, "Invoice": 1, "CreditMemo": 1, "Payment": 1}
        assert (await desk.runtime.tieout(UNTIL)).difference == "0.00"


async def test_killed_three_times_it_ends_with_the_same_books(
    make_desk: OpenDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "SILENT_S", 1.5)

    async def dead(*_: object) -> None:
        """The dead release nothing."""

    monkeypatch.setattr(RunDesk, "_release", dead)
    chance = random.Random(11)  # noqa: S311 - no secret
    async with mixed(make_desk) as desk:
        forecast = await desk.runtime.history.forecast(SINCE, UNTIL)
        run = await desk.runtime.runs.start(RunKind.BACKFILL, options_of(SINCE, UNTIL))
        for _ in range(3):
            async with desk.another() as victim:
                stop = asyncio.Event()
                work = asyncio.create_task(victim.work(stop))
                await asyncio.sleep(chance.uniform(2, 5))
                stop.set()
                while not work.done():
                    victim.queue.hurry()
                    await asyncio.sleep(0.02)
        found = await desk.runtime.runs.find(run.id)
        assert found.state == RunState.RUNNING, "the history is too short to be cut off in"
        async with working(desk.runtime):
            over = await ended(desk.runtime, run)
        assert over.state == RunState.DONE, over
        assert (await desk.runtime.tieout(UNTIL)).difference == "0.00"
        desk.check_books()
        assert await posted(desk) == foretold(forecast)


async def test_a_dry_run_writes_nothing_and_foretells_what_is_then_done(make_desk: OpenDesk) -> None:
    async with mixed(make_desk) as desk:
        forecast = await desk.runtime.history.forecast(SINCE, UNTIL)
        assert not any(desk.asked(verb) for verb in ("create", "update", "void", "delete", "batch"))
        assert await desk.all_subjects() == []
        assert forecast.stripe_calls > 100
        assert forecast.minutes >= 1
        await backfilled(desk.runtime)
        assert await posted(desk) == foretold(forecast)
        assert not forecast.needs_somebody
        settled = await desk.runtime.history.forecast(SINCE, UNTIL)
        assert settled.writes == 0
        assert settled.settled > forecast.subjects


def foretold(forecast: Forecast) -> Counter[tuple[str, str, str]]:
    found = Counter[tuple[str, str, str]]()
    for row in forecast.rows:
        if row.action == "create":
            found[row.entity, row.month, row.currency] += row.amount
    return found


async def posted(desk: Desk) -> Counter[tuple[str, str, str]]:
    found = Counter[tuple[str, str, str]]()
    for entity, _, amount, currency, day in (await documents(desk)).values():
        found[entity, day.strftime("%Y-%m") if day else "", currency] += amount
    return found


# --- a small history: steering ---------------------------------------------------------------------------------------


def sales(desk: Desk, count: int = 6) -> list[str]:
    customer = desk.shop.customer()
    return [desk.shop.paid_invoice(customer, 1_000 + number) for number in range(count)]


async def test_it_is_paused_resumed_and_canceled(desk: Desk) -> None:
    sales(desk)
    history, work = desk.runtime.history, desk.runtime.runs
    run = await history.start_backfill(SINCE, UNTIL)
    with pytest.raises(RunUnfinished):
        await history.start_backfill(SINCE, UNTIL)
    assert (await work.pause(run.id)).state == RunState.PAUSED, "nobody works on it, so it is done at once"
    assert (await history.resume_backfill()).state == RunState.RUNNING
    async with working(desk.runtime):
        assert (await ended(desk.runtime, run)).state == RunState.DONE
    for verb in (work.pause, work.cancel, work.resume):
        with pytest.raises(RunIsOver):
            await verb(run.id)
    with pytest.raises(WrongUse):
        await history.resume_backfill()


async def test_a_living_executor_sees_what_is_asked(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backfill, "MOST_QUEUED", 0)  # it waits for room for ever
    history = desk.runtime.history
    run = await history.start_backfill(SINCE, UNTIL)

    async def taken_up() -> bool:
        return (await desk.runtime.runs.find(run.id)).node is not None

    async with working(desk.runtime):
        await until(taken_up)
        asked = await desk.runtime.runs.pause(run.id)
        assert (asked.state, asked.request) == (RunState.RUNNING, "pause")
        assert (await ended(desk.runtime, run)).state == RunState.PAUSED
        await desk.runtime.runs.resume(run.id)
        await until(taken_up)
        await desk.runtime.runs.cancel(run.id)
        assert (await ended(desk.runtime, run)).state == RunState.CANCELED


async def test_a_canceled_run_takes_back_what_it_queued_and_nothing_else(desk: Desk) -> None:
    invoices = sales(desk)
    executing = asyncio.create_task(desk.runtime.runs.watch())
    run = await desk.runtime.history.start_backfill(SINCE, UNTIL)

    async def listed() -> bool:
        found = await desk.runtime.runs.find(run.id)
        return bool(found.counts) and found.counts.get("step") == found.counts["steps"]

    await until(listed)
    await desk.hint(invoices[0])
    await desk.runtime.runs.cancel(run.id)
    assert (await ended(desk.runtime, run)).state == RunState.CANCELED
    executing.cancel()
    assert [subject.id for subject in await desk.dirty()] == [invoices[0]]
    await desk.work()
    again = await backfilled(desk.runtime)
    assert again.result["posted"]["Invoice"] == len(invoices) - 1, "what was taken back counts as unknown"


async def test_what_must_be_mended_is_listed(make_desk: OpenDesk) -> None:
    async with make_desk(bare=True) as desk:
        checks = await desk.runtime.history.examine(SINCE, UNTIL)
        assert refuses(checks)
        names = {check.name for check in checks if check.severity is Severity.ERROR}
        assert {"account clearing", "item sales"} <= names
        assert all(check.remedy for check in checks)


async def test_closed_books_and_documents_of_others_are_told(desk: Desk) -> None:
    assert [check.name for check in await desk.runtime.history.examine(SINCE, UNTIL)] == ["start date"]
    desk.qbo.company.turn(book_close_date="2026-10-15")
    clearing = next(one for one in desk.qbo.company.objects("Account") if one["Name"] == "Stripe Clearing")
    sales_item = next(one for one in desk.qbo.company.objects("Item") if one["Name"] == "Stripe Sales")
    body = {
        "TxnDate": "2026-11-02",
        "DepositToAccountRef": {"value": clearing["Id"]},
        "Line": [
            {
                "Amount": 10,
                "DetailType": "SalesItemLineDetail",
                "SalesItemLineDetail": {"ItemRef": {"value": sales_item["Id"]}},
            }
        ],
    }
    assert desk.qbo.company.human("SalesReceipt", "create", body).status == 200
    checks = {check.name: check for check in await desk.runtime.history.examine(SINCE, UNTIL)}
    assert checks["closed books"].severity is Severity.ERROR
    assert "1 SalesReceipt" in checks["documents of others"].detail
    assert checks["documents of others"].severity is Severity.WARNING
    later = await desk.runtime.history.examine(date(2026, 11, 10), UNTIL)
    assert [check.name for check in later] == ["start date"]


# --- replay ----------------------------------------------------------------------------------------------------------


async def test_a_replay_shows_its_plan_and_looks_again(make_desk: OpenDesk) -> None:
    async with make_desk(bare=True) as desk:
        invoice = desk.shop.invoice(desk.shop.customer(), 5_000)
        fine = desk.shop.customer("Fine")
        await desk.sync(invoice, fine)
        assert set((await desk.codes()).values()) == {"item_missing"}
        history = desk.runtime.history
        assert (await history.plan_replay(ReplayChoice(failed=True))).subjects == {"invoice": 1}
        assert (await history.plan_replay(ReplayChoice(subjects=(fine, f"invoice/{invoice}")))).count == 2
        long_ago = datetime.now(UTC) - timedelta(hours=1)
        everything = await history.plan_replay(ReplayChoice(since=long_ago, failed=True))
        assert everything.subjects == {"customer": 1, "invoice": 1}
        events = [
            event.event_id
            for event in desk.shop.business.account.log.all()
            if event.payload["type"] == "invoice.finalized"
        ]
        assert (await history.plan_replay(ReplayChoice(events=tuple(events)))).subjects == {"invoice": 1}
        with pytest.raises(WrongUse):
            await history.plan_replay(ReplayChoice())
        run = await history.start_replay(everything)
        async with working(desk.runtime):
            over = await ended(desk.runtime, run)
        assert over.counts["hinted"] == 2
        (row,) = over.result["parked"]
        assert (row["code"], row["amount"]) == ("item_missing", 5_000)
        report = await history.run(run.id)
        assert report.needs_somebody
        assert report.left == 0


async def test_following_a_run_tells_how_far_it_is(desk: Desk) -> None:
    invoices = sales(desk, 3)
    told: list[RunReport] = []
    history = desk.runtime.history
    run = await history.start_backfill(SINCE, UNTIL)
    async with asyncio.timeout(PATIENCE_S):
        report = await history.follow(run.id, told.append)
    assert report.state == RunState.DONE
    assert report.posted["Invoice"] == len(invoices)
    assert not report.needs_somebody
    assert told[-1].is_over
    assert [one.run_id for one in await history.runs()] == [run.id]


@pytest.mark.parametrize("start", [date(2026, 10, 27), date(2026, 11, 9), date(2026, 11, 15)])
async def test_the_opening_balance_is_what_the_tie_out_counts_as_such(make_desk: OpenDesk, start: date) -> None:
    async with mixed(make_desk, start_date=start) as desk:
        opening = {line.currency: line.amount for line in await desk.runtime.history.opening()}
        compared = await desk.runtime.tieout(UNTIL)
        assert opening == {row.currency: row.opening for row in compared.clearing if row.opening}
        assert opening
