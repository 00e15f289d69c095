"""Home on a real database: the overview, figures of days, kept tie-outs, comparisons as runs, the audit log."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from tests.integration.desk import Desk, Shop, subject_of
from wescope.engine.explain import NothingKnown
from wescope.engine.explanation import AuditResult
from wescope.engine.runs import RunUnfinished
from wescope.engine.tieout_comparison import RowNotFound
from wescope.engine.tieout_desk import PAGE
from wescope.errors import WrongUse
from wescope.links.audit import AuditEntry, AuditFilter, record_audit
from wescope.links.console_tables import posting_delays, tieout_heads, tieout_kept_rows
from wescope.links.database import transaction
from wescope.links.day_figures import DayFigures
from wescope.links.reports import keep_run
from wescope.links.schema import attempts, hints, runs
from wescope.links.subjects import Hint

DAY = date(2026, 11, 21)


async def execute(desk: Desk, statement: Any, *rows: Any) -> None:
    async with transaction(desk.runtime.engine) as connection:
        await connection.execute(statement, *rows)


@contextlib.asynccontextmanager
async def working(desk: Desk) -> AsyncIterator[None]:
    """Executes runs, as a worker does."""
    watching = asyncio.create_task(desk.runtime.runs.watch())
    try:
        yield
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


async def until_over(desk: Desk) -> None:
    for _ in range(1200):
        if (await desk.runtime.console.tieout_desk.page(None)).run is None:
            return
        await asyncio.sleep(0.05)
    raise AssertionError("the comparison does not come to its end")


# --- the overview and its figures -----------------------------------------------------------------------------------


async def test_an_empty_system_has_an_overview(desk: Desk) -> None:
    seen = await desk.runtime.console.overview.overview()
    assert (seen.tieout, seen.run, seen.parked, seen.parked_ignored) == (None, None, (), 0)
    assert (len(seen.days), sum(day.events + day.postings for day in seen.days)) == (30, 0)
    assert seen.status == (await desk.runtime.status())


async def test_from_a_webhook_to_the_figures_of_its_day(desk: Desk, shop: Shop) -> None:
    invoice = shop.paid_invoice(shop.customer(), 10_00)
    await desk.runtime.queue.accept(
        Hint(subject=subject_of(invoice), source="webhook", event_id="evt_1", event_type="invoice.paid")
    )
    async with transaction(desk.runtime.engine) as connection:
        for table, column in (("hints", "received_at"), ("subjects", "dirty_since")):
            await connection.execute(sa.text(f"UPDATE {table} SET {column} = {column} - interval '60 s'"))  # noqa: S608
    await desk.work()
    await desk.runtime.attempts.flush()
    now = datetime.now(UTC)
    await desk.runtime.figures.refresh(now)
    seen = await desk.runtime.console.overview.overview()
    # By the books' calendar, a minute ago may have been yesterday.
    recent = seen.days[-2:]
    assert sum(day.events for day in recent) == 1
    assert sum(day.postings for day in recent) == 2, "an invoice and its payment; customers are not counted"
    (measured,) = (day for day in recent if day.delays)
    assert measured.delays == 3
    assert 60_000 <= (measured.delay_p50_ms or 0) <= (measured.delay_p95_ms or 0) < 600_000
    assert seen.status.posted_by_entity == {"Customer": 1, "Invoice": 1, "Payment": 1}
    assert seen.status.qbo_writes_total == 3
    assert seen.health.webhook_at is not None
    assert seen.health.qbo_requests > 0


async def test_days_that_are_over_are_counted_once_and_today_again(desk: Desk) -> None:
    zone, figures, realm = desk.runtime.policy.timezone, desk.runtime.figures, desk.runtime.store.realm_id
    now = datetime.now(UTC)
    today = now.astimezone(zone).date()
    noon = datetime.combine(today - timedelta(days=3), datetime.min.time(), zone) + timedelta(hours=12)
    first, last = noon - timedelta(hours=12), noon + timedelta(hours=11, minutes=59)

    async def event(number: int, at: datetime) -> None:
        row = {"event_id": f"evt_{number}", "kind": "invoice", "subject_id": "in_1", "source": "webhook"}
        await execute(desk, sa.insert(hints).values(**row, received_at=at))

    for number, at in enumerate((first, last, noon - timedelta(hours=13), noon + timedelta(hours=13))):
        await event(number, at)
    row = {"realm_id": realm, "milliseconds": 1, "document_key": "in_1:invoice", "entity": "Invoice"}
    calls = [{**row, "operation": name, "outcome": "ok"} for name in ("create", "update", "void", "delete", "query")]
    refused = {**row, "operation": "create", "outcome": "refused"}
    await execute(desk, sa.insert(attempts).values(started_at=noon), [*calls, refused])
    waits = [{"realm_id": realm, "entity": "Invoice", "milliseconds": 10 * number} for number in range(1, 101)]
    await execute(desk, sa.insert(posting_delays).values(posted_at=noon), waits)
    await figures.refresh(now)
    day = (await desk.runtime.console.overview.overview()).days[-4]
    assert day == DayFigures(day=noon.date(), events=2, postings=4, delays=100, delay_p50_ms=500, delay_p95_ms=950), (
        "the others are of the days beside it"
    )
    # What is over is not looked at again, and today only after a while.
    await event(10, noon)
    await event(11, now)
    await figures.refresh(now)
    days = (await desk.runtime.console.overview.overview()).days
    assert (days[-4].events, days[-1].events) == (2, 0)
    await execute(desk, sa.text("UPDATE day_figures SET refreshed_at = refreshed_at - interval '2 min'"))
    await figures.refresh(now)
    days = (await desk.runtime.console.overview.overview()).days
    assert (days[-4].events, days[-1].events) == (2, 1)


# --- tie-outs -------------------------------------------------------------------------------------------------------


async def test_a_comparison_is_made_by_a_worker_kept_and_opened(desk: Desk, shop: Shop) -> None:
    customer, tieouts = shop.customer(), desk.runtime.console.tieout_desk
    await desk.sync(shop.paid_invoice(customer, 10_00))
    lost = shop.invoice(customer, 25_00)
    begun = await tieouts.compare(DAY, actor="local")
    assert (await tieouts.compare(DAY, actor="local")).run_id == begun.run_id, "it is under way already"
    with pytest.raises(RunUnfinished):
        await tieouts.compare(None, actor="local")
    shown = (await tieouts.page(None)).run
    assert shown is not None
    assert (shown.run_id, shown.as_of, shown.is_running) == (begun.run_id, DAY, True)
    async with working(desk):
        await until_over(desk)
    page = await tieouts.page(DAY)
    kept = page.tieout
    assert kept is not None
    assert (kept.run_id, kept.difference, kept.balanced, kept.unexplained) == (begun.run_id, "25.00", False, "0.00")
    parts = {part.kind: part for part in kept.parts}
    receivable = parts["receivable"]
    assert (receivable.stripe, receivable.qbo, receivable.difference, receivable.differing) == (25_00, 0, 25_00, 1)
    assert page.rows[0].id == f"receivable:{customer}:usd", "what differs comes first"
    opened = await tieouts.row(page.rows[0].id, None)
    assert [(line.stripe_id, line.difference, line.reason) for line in opened.lines] == [
        (lost, 25_00, "not_yet_synced")
    ]
    with pytest.raises(RowNotFound):
        await tieouts.row("clearing:eur", None)
    with pytest.raises(RowNotFound):
        await tieouts.row(page.rows[0].id, DAY - timedelta(days=1))
    (entry,) = (await desk.runtime.console.audit_log.page(AuditFilter(action="start"))).items
    assert (entry.actor, entry.target, entry.run_id) == ("local", f"run/{begun.run_id}", begun.run_id)
    seen = await desk.runtime.console.overview.overview()
    assert seen.tieout == kept
    assert [alert.code for alert in seen.status.alerts] == ["tieout_differs"]
    # Nothing of a page travels with runs.
    (run,) = [run for run in await desk.runtime.runs.newest() if run.id == begun.run_id]
    assert not {"rows", "page"} & set(run.result)


async def test_a_comparison_that_failed_is_told_and_begun_anew(desk: Desk) -> None:
    tieouts = desk.runtime.console.tieout_desk
    failed = await tieouts.compare(None, actor="local")
    await execute(desk, sa.update(runs).where(runs.c.id == failed.run_id).values(state="failed", result={"code": "x"}))
    shown = (await tieouts.page(None)).run
    assert shown is not None
    assert (shown.state, shown.code, shown.is_running) == ("failed", "x", False)
    again = await tieouts.compare(DAY, actor="local")
    assert again.run_id != failed.run_id
    async with working(desk):
        await until_over(desk)
    assert (await tieouts.page(DAY)).tieout is not None


@pytest.mark.parametrize("from_run", [False, True])
async def test_the_latest_day_counts_and_old_tie_outs_are_read_too(desk: Desk, *, from_run: bool) -> None:
    """Those of older versions have rows only, and maybe many."""
    rows = [{"id": f"receivable:cus_{n:03}:usd", "currency": "usd", "stripe": n, "qbo": n} for n in range(250)]
    rows[240]["qbo"] = 200
    rows.append({"id": "clearing:usd", "currency": "usd", "stripe": 5, "qbo": 5})
    for as_of, hour, difference in (("2026-11-20", 9, "0.40"), ("2026-10-31", 10, "0.00")):
        at = datetime(2026, 11, 21, hour, tzinfo=UTC).isoformat()
        result = {"as_of": as_of, "difference": difference, "at": at, "rows": rows}
        async with transaction(desk.runtime.engine) as connection:
            await keep_run(connection, "tieout", result)
    if from_run:  # as those are that were made long before the newest
        await execute(desk, sa.delete(tieout_kept_rows))
    tieouts = desk.runtime.console.tieout_desk
    page = await tieouts.page(None)
    assert page.tieout is not None
    assert (page.tieout.as_of, page.tieout.difference) == (date(2026, 11, 20), "0.40")
    assert [(part.kind, part.rows, part.differing, part.difference) for part in page.tieout.parts] == [
        ("receivable", 250, 1, 40),
        ("clearing", 1, 0, 0),
    ]
    assert [row.id for row in page.rows] == ["receivable:cus_240:usd", "clearing:usd"]
    first = await tieouts.page(None, "receivable")
    assert (len(first.rows), first.next) == (PAGE, "100")
    second = await tieouts.page(None, "receivable", first.next)
    third = await tieouts.page(None, "receivable", second.next)
    assert [row.id for row in (*first.rows, *second.rows, *third.rows)] == [row["id"] for row in rows[:250]]
    assert third.next is None
    assert (await tieouts.row("receivable:cus_007:usd", date(2026, 10, 31))).row.stripe == 7
    status = await desk.runtime.status()
    assert status.last_tieout is not None
    assert status.last_tieout.as_of == date(2026, 10, 31), "the one that was made last"
    with pytest.raises(WrongUse):
        await tieouts.page(None, "receivable", "x")


async def test_rows_are_kept_apart_of_the_newest_tie_outs_only(desk: Desk) -> None:
    for day in range(1, 13):
        result = {"as_of": f"2026-11-{day:02}", "difference": "0.00", "at": f"2026-11-{day:02}T10:00:00+00:00"}
        rows = [{"id": "clearing:usd", "currency": "usd", "stripe": day, "qbo": day}]
        async with transaction(desk.runtime.engine) as connection:
            await keep_run(connection, "tieout", {**result, "rows": rows})
    async with transaction(desk.runtime.engine) as connection:
        kept = (await connection.execute(sa.select(tieout_kept_rows.c.stripe))).scalars().all()
        heads = (await connection.execute(sa.select(sa.func.count()).select_from(tieout_heads))).scalar_one()
    assert (sorted(kept), heads) == (list(range(3, 13)), 12)
    for day in (1, 12):
        (row,) = (await desk.runtime.console.tieout_desk.page(date(2026, 11, day))).rows
        assert row.stripe == day


# --- the audit log, and looking ids up ------------------------------------------------------------------------------


async def test_the_audit_log_goes_back_page_by_page(desk: Desk) -> None:
    entries = [
        AuditEntry(action=("ignore", "retry")[n % 2], actor=("cli", "api")[n % 3 == 0], target=f"in_{n % 5}:invoice")
        for n in range(450)
    ]
    async with transaction(desk.runtime.engine) as connection:
        await record_audit(connection, entries)
    log = desk.runtime.console.audit_log
    for chosen, count in (
        (AuditFilter(), 450),
        (AuditFilter(action="retry"), 225),
        (AuditFilter(actor="api", action="retry"), 75),
        (AuditFilter(target="in_3:invoice"), 90),
        (AuditFilter(actor="nobody"), 0),
    ):
        found: list[AuditResult] = []
        after: str | None = None
        while True:
            page = await log.page(chosen, after)
            found += page.items
            if (after := page.next) is None:
                break
        assert len(found) == count
        expected = [
            (one.action, one.actor, one.target)
            for one in reversed(entries)
            if all(value is None or getattr(one, name) == value for name, value in _fields(chosen))
        ]
        assert [(one.action, one.actor, one.target) for one in found] == expected
    with pytest.raises(WrongUse):
        await log.page(AuditFilter(), "9" * 19)


def _fields(chosen: AuditFilter) -> list[tuple[str, str | None]]:
    return [(name, getattr(chosen, name)) for name in ("action", "actor", "target")]


async def test_a_story_that_asks_nobody_leaves_both_services_alone(desk: Desk, shop: Shop) -> None:
    invoice = shop.paid_invoice(shop.customer(), 10_00)
    await desk.sync(invoice)
    await desk.runtime.attempts.flush()
    number = desk.records("Invoice")[0]["DocNumber"]
    support = desk.runtime.support

    async def calls() -> int:
        await desk.runtime.attempts.flush()
        async with transaction(desk.runtime.engine) as connection:
            return (await connection.execute(sa.select(sa.func.count()).select_from(attempts))).scalar_one()

    before = await calls()
    told = await support.explain(invoice, plan=False, elsewhere=False)
    assert told.plan is None
    assert {link.entity for link in told.links} >= {"Invoice", "Payment"}
    with pytest.raises(NothingKnown) as raised:
        await support.explain(number, plan=False, elsewhere=False)
    assert "in QBO by document number" not in str(raised.value)
    assert await calls() == before
    assert (await support.explain(number, plan=False)).meanings[0].kind == "qbo_document"
    assert await calls() > before
