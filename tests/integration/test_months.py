"""Months at their end on the real database: what is open, the comparison as a run, sign-off, change, evidence."""

import csv
import hashlib
import io
import zipfile
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa

from tests.integration.conftest import OpenDesk
from tests.integration.desk import Desk
from tests.integration.test_backfill import ended, working
from tests.integration.test_payouts import look, paid_out
from tests.integration.test_sweep import age
from wescope.engine.month_results import (
    ChangeCode,
    MonthNotBegun,
    MonthNotCompared,
    MonthNotOver,
    MonthNotSigned,
    MonthSigned,
    MonthState,
    MonthView,
    OpenGroup,
    OpenKind,
    ReasonMissing,
    Signoff,
)
from wescope.errors import WrongUse
from wescope.links.console_tables import tieout_sums
from wescope.links.database import transaction
from wescope.links.runs import RunKind, RunState
from wescope.links.schema import audit, drift, links, runs

MONTH, START = "2026-10", date(2026, 10, 5)
NOW = datetime.now(UTC)


def group(view: MonthView, kind: OpenKind) -> OpenGroup:
    return next(one for one in view.open if one.kind is kind)


async def compared(desk: Desk) -> int:
    """A comparison of the month by a worker."""
    run = await desk.runtime.console.months.compare(MONTH, actor="local")
    async with working(desk.runtime):
        assert (await ended(desk.runtime, run)).state == RunState.DONE
    return run.id


async def read(pieces: AsyncIterator[bytes]) -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO(b"".join([piece async for piece in pieces])))


def rows(archive: zipfile.ZipFile, name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(archive.read(name).decode(), newline="")))


async def test_a_month_is_compared_signed_off_changed_and_withdrawn(make_desk: OpenDesk) -> None:
    async with make_desk(payouts="daily", as_of=START) as desk:
        months = desk.runtime.console.months
        invoices, payout = await paid_out(desk, 10_000, 5_000)
        await desk.sync(*invoices)
        await look(desk, payout)
        before = await months.view(MONTH)
        assert (before.state, before.comparison, before.is_closed_in_qbo) == (MonthState.NOT_COMPARED, None, None)
        with pytest.raises(MonthNotCompared):
            await months.sign(MONTH, actor="local")
        run = await compared(desk)
        view = await months.view(MONTH)
        assert view.comparison is not None
        assert (view.state, view.comparison.run_id, view.comparison.difference) == (MonthState.EQUAL, run, "0.00")
        sums = {one.kind: (one.stripe, one.qbo, one.difference) for one in view.comparison.sums}
        assert sums["revenue"] == (15_000, 15_000, 0)
        assert sums["clearing"][2] == sums["fees"][2] == 0
        assert (view.comparison.written_since, view.needs_reason, view.comparing) == (0, False, None)
        assert (view.closed_until, view.is_closed_in_qbo) == (None, False)
        signed = await months.sign(MONTH, actor="user:1")
        assert (signed.difference, signed.reason, signed.actor, signed.run_id) == ("0.00", None, "user:1", run)
        assert signed.figures.sums == view.comparison.sums
        with pytest.raises(MonthSigned):
            await months.sign(MONTH, actor="local")
        archive = await read(months.evidence(MONTH))
        assert hashlib.sha256(archive.read("SHA256SUMS")).hexdigest() == signed.evidence_sha256
        assert (await months.view(MONTH)).state is MonthState.SIGNED
        # The same figures again are no change; a document that is dated in the month is one.
        await compared(desk)
        assert (await months.view(MONTH)).state is MonthState.SIGNED
        desk.shop.edit(invoices[0], number="LATE-1")
        await desk.sync(invoices[0])
        changed = await months.view(MONTH)
        assert (changed.state, [one.code for one in changed.changes]) == (MonthState.CHANGED, [ChangeCode.WRITTEN])
        assert [one.document_key for one in changed.written] == [f"{invoices[0]}:invoice"]
        assert (await months.page()).items[1].state is MonthState.CHANGED
        await withdrawn_and_signed_again(desk, signed)


async def withdrawn_and_signed_again(desk: Desk, signed: Signoff) -> None:
    months = desk.runtime.console.months
    gone = await months.withdraw(MONTH, actor="user:2")
    assert (gone.id, gone.withdrawn_by) == (signed.id, "user:2")
    with pytest.raises(MonthNotSigned):
        await months.withdraw(MONTH, actor="user:2")
    with pytest.raises(ReasonMissing):  # it was written to since it was compared
        await months.sign(MONTH, "  ", actor="user:1")
    again = await months.sign(MONTH, " the number \n only ", actor="user:1")
    assert again.reason == "the number only"
    after = await months.view(MONTH)
    assert [one.id for one in after.signoffs] == [again.id, signed.id]
    assert after.signoff == again
    async with transaction(desk.runtime.engine) as connection:
        query = sa.select(audit.c.action, audit.c.actor, audit.c.target).order_by(audit.c.id)
        told = [tuple(row) for row in await connection.execute(query)]
    target = f"month/{MONTH}"
    signing, undoing = ("sign_off", "user:1", target), ("withdraw_sign_off", "user:2", target)
    assert [one for one in told if one[0] != "start"] == [signing, undoing, signing]


async def test_a_difference_needs_a_reason_and_other_figures_are_a_change(make_desk: OpenDesk) -> None:
    async with make_desk(as_of=START) as desk:
        months = desk.runtime.console.months
        invoice = desk.shop.invoice(desk.shop.customer(), 9_000)
        await compared(desk)
        view = await months.view(MONTH)
        assert view.comparison is not None
        assert (view.state, view.comparison.difference) == (MonthState.DIFFERS, "90.00")
        with pytest.raises(ReasonMissing):
            await months.sign(MONTH, actor="local")
        with pytest.raises(WrongUse):
            await months.sign(MONTH, "x" * 501, actor="local")
        signed = await months.sign(MONTH, "posted in November", actor="local")
        assert (signed.difference, signed.reason) == ("90.00", "posted in November")
        await desk.sync(invoice)
        await compared(desk)
        changed = await months.view(MONTH)
        assert [one.code for one in changed.changes] == [ChangeCode.COMPARED, ChangeCode.WRITTEN]


async def test_what_is_dated_in_the_month_and_open_is_told(make_desk: OpenDesk) -> None:
    async with make_desk(payouts="daily", as_of=START) as desk:
        months = desk.runtime.console.months
        customer = desk.shop.customer()
        wrong, fine, waits = (desk.shop.invoice(customer, amount) for amount in (700, 800, 900))
        desk.shop.edit(wrong, total=699)
        await desk.sync(wrong, fine, waits)
        invoice = await desk.link(f"{fine}:invoice")
        assert invoice is not None
        async with transaction(desk.runtime.engine) as connection:
            values = {"realm_id": invoice.realm_id, "entity": "Invoice", "kind": "edited", "run_id": 1}
            await connection.execute(
                sa.insert(drift).values(document_key=f"{fine}:invoice", qbo_id=invoice.qbo_id, amount=800, **values)
            )
        await desk.hint(waits, desk.shop.invoice(customer, 100))
        view = await months.view(MONTH)
        parked = group(view, OpenKind.PARKED)
        assert [(one.key, one.code, one.date, one.amount) for one in parked.items] == [
            (f"{wrong}:invoice", "total_mismatch", invoice.txn_date, 699)
        ]
        assert [(one.currency, one.count, one.amount) for one in parked.sums] == [("usd", 1, 699)]
        found = group(view, OpenKind.DRIFT)
        assert [(one.key, one.code, one.qbo_id) for one in found.items] == [
            (f"{fine}:invoice", "edited", invoice.qbo_id)
        ]
        waiting = group(view, OpenKind.WAITING)
        assert [one.key for one in waiting.items] == [f"invoice/{waits}"]
        assert waiting.undated == 1
        earlier = await months.view("2026-09")
        assert [(one.count, one.undated) for one in earlier.open if one.kind is OpenKind.PARKED] == [(0, 0)]
        listed = {row.month: row for row in (await months.page()).items}
        assert (listed[MONTH].parked, min(listed)) == (1, MONTH)


async def test_a_payout_that_is_not_matched_is_open_in_the_month_of_its_arrival(make_desk: OpenDesk) -> None:
    async with make_desk(payouts="daily", as_of=START) as desk:
        _, payout = await paid_out(desk, 10_000)
        async with transaction(desk.runtime.engine) as connection:
            assert group(await desk.runtime.console.months.view(MONTH), OpenKind.PAYOUT).count == 0
            await connection.execute(sa.select(1))
        desk.shop.edit(desk.shop.paid_invoice(desk.shop.customer(), 100), total=99)
        await look(desk, payout)
        async with transaction(desk.runtime.engine) as connection:
            await connection.execute(sa.text("UPDATE payout_checks SET state = 'unmatched'"))
        (item,) = group(await desk.runtime.console.months.view(MONTH), OpenKind.PAYOUT).items
        assert (item.key, item.code, item.currency) == (payout, "unmatched", "usd")


async def test_evidence_is_the_same_for_the_same_data_and_its_digests_hold(make_desk: OpenDesk) -> None:
    async with make_desk(payouts="daily", as_of=START) as desk:
        months = desk.runtime.console.months
        invoices, payout = await paid_out(desk, 10_000)
        await desk.sync(*invoices)
        await look(desk, payout)
        wrong = desk.shop.invoice(desk.shop.customer(), 777)
        await compared(desk)
        first = b"".join([piece async for piece in months.evidence(MONTH)])
        assert first == b"".join([piece async for piece in months.evidence(MONTH)])
        archive = await read(months.evidence(MONTH))
        assert archive.testzip() is None
        for line in archive.read("SHA256SUMS").decode().splitlines():
            digest, name = line.split("  ")
            assert hashlib.sha256(archive.read(name)).hexdigest() == digest
        documents = {row["document_key"] for row in rows(archive, "documents.csv")}
        assert {f"{invoices[0]}:invoice", f"{payout}:deposit"} <= documents
        assert [row["payout_id"] for row in rows(archive, "payouts.csv")] == [payout]
        assert {row["row_id"].split(":")[0] for row in rows(archive, "tieout.csv")} >= {"receivable", "clearing"}
        assert rows(archive, "open.csv") == []
        await desk.sync(wrong)
        assert wrong


async def test_the_comparison_must_be_of_a_day_that_was_over_and_todays_does_not_wait_for_it(desk: Desk) -> None:
    months = desk.runtime.console.months
    present = f"{NOW:%Y-%m}"
    with pytest.raises(MonthNotOver):
        await months.compare(present, actor="local")
    with pytest.raises(MonthNotBegun):
        await months.view(f"{NOW.year + 1}-01")
    with pytest.raises(WrongUse):
        await months.view("2026-13")
    async with transaction(desk.runtime.engine) as connection:
        early = {"as_of": "2026-10-31", "at": "2026-10-20T00:00:00+00:00", "difference": "0.00", "rows": []}
        values = {"kind": "tieout", "state": "done", "result": early}
        await connection.execute(sa.insert(runs).values(**values))
        assert (await connection.execute(sa.select(sa.func.count()).select_from(tieout_sums))).scalar_one() == 1
    assert (await months.view(MONTH)).comparison is None
    # One that failed says why, and neither another one nor the daily one waits for it.
    run = await months.compare(MONTH, actor="local")
    assert (await months.compare(MONTH, actor="local")).id == run.id
    async with transaction(desk.runtime.engine) as connection:
        failed = {"state": "failed", "result": {"code": "qbo_unavailable", "remedy": "Wait."}}
        await connection.execute(sa.update(runs).where(runs.c.id == run.id).values(**failed))
    comparing = (await months.view(MONTH)).comparing
    assert comparing is not None
    assert (comparing.state, comparing.code, comparing.is_working) == ("failed", "qbo_unavailable", False)
    again = await months.compare(MONTH, actor="local")
    assert again.id > run.id
    assert (await desk.runtime.runs.find(again.id)).kind == RunKind.TIEOUT


async def test_months_are_listed_back_to_the_first_document(desk: Desk) -> None:
    invoice = desk.shop.invoice(desk.shop.customer(), 100)
    await desk.sync(invoice)
    first = NOW.date().replace(day=1) - timedelta(days=400)
    async with transaction(desk.runtime.engine) as connection:
        await connection.execute(sa.update(links).where(links.c.entity == "Invoice").values(txn_date=first))
    page = await desk.runtime.console.months.page()
    assert len(page.items) == 12
    assert page.items[0].month == f"{NOW:%Y-%m}"
    older = await desk.runtime.console.months.page(page.next)
    assert (older.items[-1].month, older.next) == (f"{first:%Y-%m}", None)
    assert {row.month for row in page.items} & {row.month for row in older.items} == set()


async def test_a_failed_comparison_of_a_month_is_no_reason_to_leave_todays_out(desk: Desk) -> None:
    scheduler = desk.runtime.scheduler
    await scheduler.tick()
    failed = await desk.runtime.console.months.compare(MONTH, actor="local")
    async with transaction(desk.runtime.engine) as connection:
        await connection.execute(sa.update(runs).where(runs.c.id == failed.id).values(state="failed"))
    await age(desk, "tieout", timedelta(days=3))
    begun = [run for run in await scheduler.tick() if run.kind == RunKind.TIEOUT]
    assert [(run.id > failed.id, "as_of" in run.options) for run in begun] == [(True, False)]
