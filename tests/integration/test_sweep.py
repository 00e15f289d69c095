"""A sweep finds what webhooks never told, of an hour or of forty days, however it is cut off; else it costs nothing."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from cryptography.fernet import Fernet
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from tests.integration.conftest import MakeDatabase, OpenDesk
from tests.integration.desk import Desk, open_desk
from tests.integration.test_backfill import deliver_everything, documents, ended, sales, until, working
from wescope.books.policy import AccountRole, Policy
from wescope.config import PolicyFile
from wescope.engine import runs, sweep
from wescope.engine.runs import RunDesk, RunUnfinished
from wescope.engine.sweep import EVENTS_LAST, OPEN_LAST, SweepChoice
from wescope.links.database import transaction
from wescope.links.reports import swap_checkpoint
from wescope.links.runs import Run, RunState
from wescope.links.schema import hints, links, subjects
from wescope.links.schema import runs as runs_table
from wescope.links.subjects import Hint
from wescope.links.sweeps import moment_of, read_checkpoint
from wescope.qbo import batching
from wescope.sandbox.stripe import profiles, profiles_credit, profiles_money, seeding
from wescope.stripe import open_objects, undelivered, windows
from wescope.stripe.hints import hint_of

OUTAGE = date(2026, 10, 14)
DAYS = 40
TIED_OUT = OUTAGE + timedelta(days=DAYS)

pytestmark = pytest.mark.timeout(480)


@pytest.fixture(autouse=True)
def no_waiting_for_full_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batching, "FILL_S", 0.03)


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> "Clock":
    """Sweeps tell the time by this."""
    made = Clock()
    monkeypatch.setattr(sweep, "database_now", made)
    return made


class Clock:
    """The time of a sweep: that of the local Stripe of a desk, or a given one."""

    def __init__(self) -> None:
        self.at: datetime | None = None

    async def __call__(self, connection: AsyncConnection) -> datetime:
        if self.at is not None:
            return self.at
        found: datetime = (await connection.execute(sa.select(sa.func.now()))).scalar_one()
        return found

    def follow(self, desk: Desk) -> None:
        self.at = datetime.fromtimestamp(desk.shop.business.account.clock.now(), UTC)


async def swept(desk: Desk, **choice: Any) -> Run:
    run = await desk.runtime.history.start_sweep(SweepChoice(**choice))
    async with working(desk.runtime):
        over = await ended(desk.runtime, run)
    assert over.state == RunState.DONE, over
    return over


async def happened(desk: Desk, at: datetime) -> None:
    """All that was looked at and written was so at that moment."""
    async with transaction(desk.runtime.engine) as connection:
        looked = subjects.c.last_run_at.is_not(None)
        await connection.execute(sa.update(subjects).where(looked).values(last_run_at=at))
        await connection.execute(sa.update(links).values(updated_at=at))


async def remembered(desk: Desk, name: str) -> Any:
    async with transaction(desk.runtime.engine) as connection:
        return await read_checkpoint(connection, name)


async def hinted(desk: Desk) -> int:
    async with transaction(desk.runtime.engine) as connection:
        return int((await connection.execute(sa.select(sa.func.count()).select_from(hints))).scalar_one())


CHANGING = (
    profiles.late, profiles.instalments, profiles.unpaid, profiles.debited, profiles_money.refunded_uncertainly,
    profiles_money.dispute_won, profiles_money.dispute_lost, profiles_money.inquiry, profiles_money.foreign,
    profiles_money.treasury, *profiles_credit.CREDIT_PROFILES,
)  # fmt: skip
"""Of all situations those that change later: what the lines of an invoice are is no matter for a sweep."""


@pytest.fixture
def situations(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setitem(seeding.SITUATIONS, "changing", CHANGING)
    return "changing"


def changing(make_desk: OpenDesk) -> contextlib.AbstractAsyncContextManager[Desk]:
    file = PolicyFile()
    return make_desk(
        customers=len(CHANGING),
        situations="changing",
        payouts="daily",
        as_of=OUTAGE,
        knobs={"multicurrency": True},
        policy=Policy(review=True),
        file=replace(file, accounts={**file.accounts, AccountRole.REVIEW: "Stripe Review"}),
        read_timeout_s=10,
    )


@dataclass(frozen=True)
class Old:
    """What is there before the outage beside the history, so that it can change in it."""

    customers: list[str]
    invoices: list[str]
    charges: list[str]

    @classmethod
    def of(cls, desk: Desk) -> "Old":
        shop = desk.shop
        customers = [shop.customer(name) for name in ("Ada Lovelace", "Grace Hopper", "Alan Turing")]
        invoices = [shop.invoice(customers[0], 3_000 + number) for number in range(6)]
        sold = [shop.do("create_charge", customer=customers[1], amount=5_000 + number) for number in range(5)]
        shop.do("create_credit_note", invoice=invoices[5], amount=200)
        shop.advance(days=1)
        return cls(customers=customers, invoices=invoices, charges=[str(one["id"]) for one in sold])


def forty_days(desk: Desk, old: Old) -> None:
    """The history goes on, and much happens to what is old."""
    shop, store = desk.shop, desk.shop.business.account.store
    payout = next(one for one in store.newest_first("payout") if one["status"] == "paid" and one["amount"] > 0)
    note = next(one for one in store.newest_first("credit_note") if one["invoice"] == old.invoices[5])
    # A balance that moves and is nothing again, days before Stripe's oldest event.
    shop.do("adjust_balance", id=old.customers[1], amount=-1_500)
    shop.advance(days=1)
    shop.do("adjust_balance", id=old.customers[1], amount=1_500)
    failing = shop.do("create_refund", charge=old.charges[0], amount=300, outcome="pending")["id"]
    shop.do("create_refund", charge=old.charges[1], amount=300, outcome="requires_action")
    won = shop.do("create_dispute", charge=old.charges[2])["id"]
    lost = shop.do("create_dispute", charge=old.charges[3])["id"]
    shop.do("create_credit_note", invoice=old.invoices[0], amount=200)
    shop.do("void_credit_note", id=note["id"])
    shop.do("pay_invoice", id=old.invoices[1], method="record", amount=100)
    shop.advance(days=4)
    shop.do("fail_refund", id=failing)
    shop.do("win_dispute", id=won)
    shop.do("lose_dispute", id=lost)
    shop.do("fail_payout", id=payout["id"])
    shop.do("mark_uncollectible", id=old.invoices[2])
    shop.void(old.invoices[3])
    shop.pay(old.invoices[4])
    shop.advance(days=18)
    shop.do("adjust_balance", id=old.customers[2], amount=2_100)
    shop.do("create_dispute", charge=old.charges[4])
    shop.advance(days=DAYS - 24)


@contextlib.asynccontextmanager
async def before_the_outage(make_desk: OpenDesk, clock: Clock) -> AsyncIterator[tuple[Desk, Old]]:
    async with changing(make_desk) as desk:
        old = Old.of(desk)
        clock.follow(desk)
        await deliver_everything(desk)
        await happened(desk, clock.at or datetime.now(UTC))
        async with transaction(desk.runtime.engine) as connection:
            await sweep.begin_watch(connection, clock.at or datetime.now(UTC))
        yield desk, old


@pytest.mark.usefixtures("situations")
async def test_forty_days_without_webhooks_leave_no_hole(
    make_desk: OpenDesk, make_database: MakeDatabase, tmp_path: Path, clock: Clock
) -> None:
    async with before_the_outage(make_desk, clock) as (desk, old):
        forty_days(desk, old)
        clock.follow(desk)
        run = await swept(desk)
        assert run.result["left"] == 0, run.result
        assert run.result["gap_since"]
        assert (await desk.runtime.tieout(TIED_OUT)).difference == "0.00"
        desk.check_books()
        made = await documents(desk)
        before, asked = desk.qbo.requests.total, desk.runtime.listing.api.calls_made
        again = await swept(desk)
        assert again.counts["hinted"] == 0, again.counts
        assert desk.qbo.requests.total == before
        assert desk.runtime.listing.api.calls_made - asked < 15
    key = Fernet.generate_key().decode()
    open_other = lambda **options: open_desk(make_database(True), tmp_path / "other", key, **options)  # noqa: E731
    async with changing(open_other) as other:
        forty_days(other, Old.of(other))
        await deliver_everything(other)
        assert await documents(other) == made


# --- a small history --------------------------------------------------------------------------------------------------


async def later(desk: Desk, clock: Clock, **time: int) -> None:
    """What was done so far was done a little later by the clock of the local Stripe; then time passes."""
    desk.shop.advance(seconds=300)
    clock.follow(desk)
    await happened(desk, clock.at or datetime.now(UTC))
    desk.shop.advance(**(time or {"seconds": 900}))
    clock.follow(desk)


def forget_events(desk: Desk) -> None:
    """As if Stripe had never had any."""
    desk.shop.business.account.log._events.clear()


async def hint_rows(desk: Desk) -> list[Any]:
    async with transaction(desk.runtime.engine) as connection:
        columns = (hints.c.event_id, hints.c.event_type, hints.c.kind, hints.c.source, hints.c.event_created_at)
        return list((await connection.execute(sa.select(*columns).order_by(hints.c.id))).all())


async def test_events_that_were_not_delivered_are_found_once(desk: Desk, clock: Clock) -> None:
    clock.follow(desk)
    async with transaction(desk.runtime.engine) as connection:
        await sweep.begin_watch(connection, clock.at or datetime.now(UTC))
    invoices = sales(desk, 3)
    clock.follow(desk)
    run = await swept(desk, events_only=True)
    assert run.result["posted"]["Invoice"] == len(invoices)
    assert run.counts["events_hinted"] == run.counts["hinted"]
    assert "open_listed" not in run.counts
    assert (await desk.runtime.tieout(date(2026, 11, 21))).difference == "0.00"
    rows = [row for row in await hint_rows(desk) if row.source == "sweep"]
    assert all(row.event_id and row.event_type and row.event_created_at for row in rows)
    # Each subject once, although most have several events.
    assert len(rows) == run.counts["hinted"] < len(desk.shop.business.account.log.all())
    await later(desk, clock)
    before = desk.qbo.requests.total
    again = await swept(desk, events_only=True)
    assert (again.counts["hinted"], desk.qbo.requests.total) == (0, before)
    assert (await remembered(desk, EVENTS_LAST))["read_at"] == (clock.at or datetime.now(UTC)).isoformat()


async def test_webhooks_may_arrive_before_during_and_after_a_sweep(desk: Desk, clock: Clock) -> None:
    sales(desk, 6)
    clock.follow(desk)
    log = desk.shop.business.account.log
    found = [hint_of(log.snapshot_body(event, pending_webhooks=0)) for event in log.all()]
    events = [one for one in found if one.subject]

    async def deliver(part: list[Any]) -> None:
        for one in part:
            hint = Hint(
                subject=one.subject, source="webhook", customer_id=one.customer_id, event_id=one.event_id,
                event_type=one.event_type, event_created_at=one.created,
            )  # fmt: skip
            await desk.runtime.queue.accept(hint)

    third = len(events) // 3
    await deliver(events[:third])
    delivering = asyncio.create_task(deliver(events[third : 2 * third]))
    await swept(desk)
    await delivering
    await deliver(events)
    await desk.work()
    ids = [row.event_id for row in await hint_rows(desk) if row.event_id]
    assert len(ids) == len(set(ids)) == len(events)
    await desk.check_settled()


async def test_open_objects_are_looked_at_when_they_change_whatever_events_say(desk: Desk, clock: Clock) -> None:
    shop = desk.shop
    customer, other, third = shop.customer("Grace Hopper"), shop.customer("Alan Turing"), shop.customer("Zuse")
    shop.do("adjust_balance", id=other, amount=-700)
    open_invoices = [shop.invoice(customer, 10_000 + number) for number in range(5)]
    sold = [str(shop.do("create_charge", customer=third, amount=5_000 + number)["id"]) for number in range(3)]
    pending = str(shop.do("create_refund", charge=sold[0], amount=300, outcome="requires_action")["id"])
    dispute = str(shop.do("create_dispute", charge=sold[1])["id"])
    clock.follow(desk)
    await swept(desk)
    await later(desk, clock)
    forget_events(desk)
    assert (await swept(desk)).counts["hinted"] == 0
    shop.pay(open_invoices[0])
    shop.void(open_invoices[1])
    shop.do("pay_invoice", id=open_invoices[2], method="record", amount=1_000)
    shop.do("mark_uncollectible", id=open_invoices[3])
    shop.do("create_credit_note", invoice=open_invoices[4], amount=500)
    shop.do("adjust_balance", id=other, amount=700)
    shop.do("succeed_refund", id=pending)
    shop.do("win_dispute", id=dispute)
    await later(desk, clock)
    forget_events(desk)
    run = await swept(desk)
    assert run.counts["open_hinted"] == 8, run.counts
    assert (await desk.runtime.tieout(date(2026, 11, 21))).difference == "0.00"
    desk.check_books()
    await later(desk, clock)
    assert (await swept(desk)).counts["hinted"] == 0


async def test_the_first_sweep_believes_what_the_books_say_is_open(desk: Desk, clock: Clock) -> None:
    shop = desk.shop
    customer = shop.customer()
    paid, voided, still_open = (shop.invoice(customer, 4_000 + number) for number in range(3))
    other = shop.customer("Grace Hopper")
    shop.do("adjust_balance", id=other, amount=-900)
    await desk.sync(paid, voided, still_open, other)
    shop.pay(paid)
    shop.void(voided)
    shop.do("adjust_balance", id=other, amount=900)
    await later(desk, clock)
    forget_events(desk)
    async with transaction(desk.runtime.engine) as connection:
        await sweep.begin_watch(connection, clock.at or datetime.now(UTC))
    run = await swept(desk)
    assert (run.counts["events_hinted"], run.counts.get("gap_hinted", 0)) == (0, 0)
    assert (await desk.runtime.tieout(date(2026, 11, 21))).difference == "0.00"
    assert set(await remembered(desk, OPEN_LAST)) == {f"invoice/{still_open}"}


async def test_a_dry_run_stores_nothing_and_foretells_what_is_then_found(desk: Desk, clock: Clock) -> None:
    sales(desk, 4)
    desk.shop.invoice(desk.shop.customer("Grace Hopper"), 7_000)
    clock.follow(desk)
    plan = await desk.runtime.history.plan_sweep(SweepChoice())
    assert (desk.qbo.requests.total, await desk.all_subjects(), await hinted(desk)) == (0, [], 0)
    assert await remembered(desk, EVENTS_LAST) is None
    assert {row.part for row in plan.rows} <= {"events", "gap", "open"}
    assert plan.stripe_calls > 0
    assert plan.gap_since is not None
    executing = asyncio.create_task(desk.runtime.runs.watch())
    run = await desk.runtime.history.start_sweep(SweepChoice())
    await until(lambda: everything_listed(desk, run))
    assert (await desk.runtime.runs.find(run.id)).counts["hinted"] == plan.count
    async with working(desk.runtime):
        assert (await ended(desk.runtime, run)).state == RunState.DONE
    executing.cancel()
    await later(desk, clock)
    settled = await desk.runtime.history.plan_sweep(SweepChoice())
    assert (settled.count, settled.gap_since) == (0, None)
    assert (await desk.runtime.history.plan_sweep(SweepChoice(since=datetime(2026, 9, 1, tzinfo=UTC)))).gap_since


async def test_a_quiet_account_has_no_gap_and_an_unwatched_time_is_one(desk: Desk, clock: Clock) -> None:
    sales(desk, 1)
    clock.follow(desk)
    await swept(desk)
    await later(desk, clock, days=27)
    assert (await desk.runtime.history.plan_sweep(SweepChoice())).gap_since is None
    await swept(desk)
    await later(desk, clock, days=27)
    plan = await desk.runtime.history.plan_sweep(SweepChoice(events_only=True))
    assert plan.gap_since is None, "nothing happened for 54 days, and somebody looked all the time"
    await later(desk, clock, days=2)
    plan = await desk.runtime.history.plan_sweep(SweepChoice(events_only=True))
    assert plan.gap_since is not None, "what Stripe may have forgotten is listed, whatever was asked for"


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (undelivered, open_objects, windows):
        monkeypatch.setattr(module, "PAGE_SIZE", 3)


@pytest.mark.usefixtures("small_pages")
async def test_cut_off_in_the_middle_it_goes_on_and_promises_nothing_before(
    desk: Desk, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "SILENT_S", 0.6)
    monkeypatch.setattr(runs, "BEAT_EVERY_S", 0.2)

    async def dead(*_: object) -> None:
        """The dead release nothing."""

    monkeypatch.setattr(RunDesk, "_release", dead)
    invoices = [*sales(desk, 3), *(desk.shop.invoice(desk.shop.customer(), 900 + number) for number in range(4))]
    clock.follow(desk)
    run = await desk.runtime.history.start_sweep(SweepChoice())
    steps = []
    for least in (1, 12, -4):  # events, the gap, what is open
        async with desk.another() as victim:
            executing = asyncio.create_task(victim.runs.watch())
            await until(lambda least=least: reached(desk, run, least))  # type: ignore[misc]  # bound at once
            executing.cancel()
            await asyncio.gather(executing, return_exceptions=True)
        left = await desk.runtime.runs.find(run.id)
        assert left.state == RunState.RUNNING
        assert await remembered(desk, EVENTS_LAST) is None
        steps.append(left.counts["step"])
    assert steps == sorted(steps)
    newest = (await desk.runtime.runs.find(run.id)).checkpoint["newest"]
    desk.shop.invoice(desk.shop.customer(), 555)  # after the list was begun: the next sweep's
    async with working(desk.runtime):
        over = await ended(desk.runtime, run)
    assert over.state == RunState.DONE, over
    assert over.result["posted"]["Invoice"] >= len(invoices)
    assert (await remembered(desk, EVENTS_LAST))["created"] == newest
    assert await twice_hinted(desk, run.id) == []
    await later(desk, clock)
    await swept(desk)
    await later(desk, clock)
    assert (await swept(desk)).counts["hinted"] == 0
    assert (await desk.runtime.tieout(date(2026, 11, 21))).difference == "0.00"


async def reached(desk: Desk, run: Run, step: int) -> bool:
    counts = (await desk.runtime.runs.find(run.id)).counts
    return bool(counts) and counts["step"] >= (step if step > 0 else counts["steps"] + step)


async def twice_hinted(desk: Desk, run_id: int) -> list[Any]:
    async with transaction(desk.runtime.engine) as connection:
        query = sa.select(hints.c.kind, hints.c.subject_id).where(hints.c.run_id == run_id, hints.c.source == "sweep")
        query = query.group_by(hints.c.kind, hints.c.subject_id).having(sa.func.count() > 1)
        return list((await connection.execute(query)).all())


@pytest.mark.usefixtures("small_pages")
async def test_a_list_whose_next_page_is_forgotten_is_read_anew(desk: Desk, clock: Clock) -> None:
    sales(desk, 3)
    clock.follow(desk)
    run = await desk.runtime.history.start_sweep(SweepChoice())
    executing = asyncio.create_task(desk.runtime.runs.watch())
    await until(lambda: reached(desk, run, 1))
    await desk.runtime.runs.pause(run.id)
    assert (await ended(desk.runtime, run)).state == RunState.PAUSED
    async with transaction(desk.runtime.engine) as connection:
        cursor = {"step": 1, "cursor": "evt_1forgotten"}
        changed = runs_table.c.checkpoint.op("||")(sa.cast(cursor, JSONB))
        await connection.execute(sa.update(runs_table).where(runs_table.c.id == run.id).values(checkpoint=changed))
    executing.cancel()
    await desk.runtime.history.resume_sweep()
    async with working(desk.runtime):
        assert (await ended(desk.runtime, run)).state == RunState.DONE
    assert (await desk.runtime.tieout(date(2026, 11, 21))).difference == "0.00"


async def test_a_canceled_sweep_takes_nothing_back_that_an_event_tells(desk: Desk, clock: Clock) -> None:
    (invoice,) = sales(desk, 1)
    lonely = desk.shop.invoice(desk.shop.customer("Grace Hopper"), 7_000)
    clock.follow(desk)
    log = desk.shop.business.account.log
    for event in list(log.all()):
        if lonely in str(event.snapshot):
            del log._events[event.event_id]
    executing = asyncio.create_task(desk.runtime.runs.watch())
    run = await desk.runtime.history.start_sweep(SweepChoice())
    with pytest.raises(RunUnfinished):
        await desk.runtime.history.start_sweep(SweepChoice())
    await until(lambda: everything_listed(desk, run))
    assert lonely in {subject.id for subject in await desk.dirty()}
    await desk.runtime.runs.cancel(run.id)
    assert (await ended(desk.runtime, run)).state == RunState.CANCELED
    executing.cancel()
    left = {subject.id for subject in await desk.dirty()}
    assert invoice in left
    assert lonely not in left
    assert await remembered(desk, EVENTS_LAST) is None
    assert await remembered(desk, OPEN_LAST) is None
    await swept(desk)
    assert (await desk.runtime.tieout(date(2026, 11, 21))).difference == "0.00"


async def everything_listed(desk: Desk, run: Run) -> bool:
    found = await desk.runtime.runs.find(run.id)
    return bool(found.counts) and found.counts.get("step") == found.counts["steps"]


# --- schedules --------------------------------------------------------------------------------------------------------


async def age(desk: Desk, name: str, by: timedelta) -> None:
    """The schedule was last begun so much earlier."""
    async with transaction(desk.runtime.engine) as connection:
        at = moment_of(await read_checkpoint(connection, f"schedule:{name}"), "at")
        assert at is not None
        await swap_checkpoint(connection, f"schedule:{name}", {"at": (at - by).isoformat()})


async def test_a_new_database_is_only_noted_and_a_downtime_is_caught_up_with_once(desk: Desk) -> None:
    scheduler = desk.runtime.scheduler
    assert await scheduler.tick() == ()
    assert await desk.runtime.runs.newest() == ()
    assert (await remembered(desk, EVENTS_LAST))["began"]
    assert await scheduler.tick() == ()
    await age(desk, "sweep", timedelta(minutes=59))
    assert await scheduler.tick() == ()
    await age(desk, "sweep", timedelta(minutes=2))
    async with desk.another() as one, desk.another() as two:
        begun = await asyncio.gather(*(each.scheduler.tick() for each in (one, two)), return_exceptions=True)
    (run,) = [run for found in begun if not isinstance(found, BaseException) for run in found]
    assert (run.kind, run.options["parts"], run.options["scheduled"]) == ("sweep", "events", "sweep")
    assert await scheduler.tick() == (), "a restart does not repeat it"
    await age(desk, "nightly", timedelta(days=3))
    assert await scheduler.tick() == (), "one sweep at a time"
    async with working(desk.runtime):
        await ended(desk.runtime, run)
    (nightly,) = await scheduler.tick()
    assert (nightly.options["parts"], nightly.options["known_only"]) == ("all", True)
    await age(desk, "sweep", timedelta(minutes=59))
    async with working(desk.runtime):
        assert (await ended(desk.runtime, nightly)).state == RunState.DONE
    assert await scheduler.tick() == (), "the nightly sweep has read the events, too"


async def test_a_scheduled_sweep_that_failed_goes_on_and_a_paused_one_does_not(desk: Desk) -> None:
    scheduler = desk.runtime.scheduler
    await scheduler.tick()
    await age(desk, "sweep", timedelta(hours=2))
    (run,) = await scheduler.tick()
    await desk.runtime.runs.pause(run.id)
    await age(desk, "sweep", timedelta(hours=2))
    assert await scheduler.tick() == ()
    async with transaction(desk.runtime.engine) as connection:
        failed = sa.update(runs_table).where(runs_table.c.id == run.id).values(state=RunState.FAILED.value)
        await connection.execute(failed)
    await age(desk, "sweep", -timedelta(hours=2))
    await age(desk, "nightly", timedelta(days=2))
    assert await scheduler.tick() == (), "events alone are no sweep of the night"
    await age(desk, "sweep", timedelta(hours=2))
    (again,) = await scheduler.tick()
    assert (again.id, again.state) == (run.id, RunState.RUNNING)


async def test_a_scheduled_sweep_leaves_old_things_alone_that_nobody_asked_for(desk: Desk, clock: Clock) -> None:
    old = desk.shop.invoice(desk.shop.customer(), 7_000)
    await later(desk, clock)
    await desk.runtime.scheduler.tick()
    new = desk.shop.invoice(desk.shop.customer("Grace Hopper"), 8_000)
    await age(desk, "nightly", timedelta(days=2))
    (run,) = await desk.runtime.scheduler.tick()
    async with working(desk.runtime):
        assert (await ended(desk.runtime, run)).state == RunState.DONE
    assert new in await desk.all_subjects()
    assert old not in await desk.all_subjects()
    await swept(desk)
    assert old in await desk.all_subjects()


async def test_a_worker_of_the_service_keeps_the_schedules(desk: Desk) -> None:
    stop = asyncio.Event()
    work = asyncio.create_task(desk.runtime.work(stop, scheduled=True))

    async def noted() -> bool:
        return await remembered(desk, "schedule:nightly") is not None

    await until(noted)
    stop.set()
    await work
    assert await desk.runtime.runs.newest() == ()
