"""A database that was lost, or that an older one has replaced: QBO's markers give the links back."""

import contextlib
import subprocess
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from tests.integration.conftest import MakeDatabase, OpenDesk
from tests.integration.desk import Desk
from tests.integration.test_backfill import UNTIL, backfilled, documents, ended, mixed, working
from tests.integration.test_sweep import swept
from tests.integration.test_verify import post_all
from wescope.engine.drift_desk import DriftFilter, DriftItem
from wescope.engine.plan import REBUILT
from wescope.engine.restored import LOOKED, Restored
from wescope.engine.verify import VerifyMode
from wescope.links.database import conninfo, open_engine, transaction
from wescope.links.embedded.binaries import find_binaries
from wescope.links.runs import Run, RunState
from wescope.links.schema import checkpoints, links, runs
from wescope.qbo import batching

pytestmark = pytest.mark.timeout(480)


@pytest.fixture(autouse=True)
def no_waiting_for_full_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batching, "FILL_S", 0.03)


def standing(desk: Desk) -> dict[tuple[str, str], str]:
    """Every object of the company with its SyncToken: the same, if nobody has written anything."""
    entities = (
        "Customer",
        "Invoice",
        "CreditMemo",
        "Payment",
        "SalesReceipt",
        "RefundReceipt",
        "JournalEntry",
        "Deposit",
    )
    return {(entity, one["Id"]): one["SyncToken"] for entity in entities for one in desk.records(entity)}


async def rebuilt(desk: Desk) -> tuple[Run, tuple[DriftItem, ...]]:
    run = await desk.runtime.drift.start(VerifyMode.FULL, rebuild=True)
    async with working(desk.runtime):
        run = await ended(desk.runtime, run)
    assert run.state == RunState.DONE, run
    return run, await desk.runtime.drift.items(DriftFilter())


async def described(desk: Desk) -> dict[str, dict[str, Any]]:
    """All that the links say of the documents that stand, but for what is of an attempt or of a run."""
    left_out = {"realm_id", "request_id", "generation", "sends", "variant", "attempted_at", "lost_at", "batch_id",
                "batch_item", "run_id", "posted_at", "created_at", "updated_at", "intent_amount", "intent_txn_date",
                "intent_fingerprint", "operation", "recheck_at", "sync_token", "exchange_rate"}  # fmt: skip
    names = ["document_key", *(column.name for column in links.c if column.name not in {*left_out, "document_key"})]
    columns = [links.c[name] for name in names]
    async with transaction(desk.runtime.engine) as connection:
        query = sa.select(*columns).where(links.c.state == "posted", links.c.entity != "Customer")
        found = {row["document_key"]: dict(row) for row in (await connection.execute(query)).mappings()}
    for one in found.values():
        one["subject"] = one["subject"].partition("/")[0]  # of two invoices that one payment pays, either may be named
    return found


def _differing(one: dict[str, Any], other: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    return {name: (value, other.get(name)) for name, value in one.items() if other.get(name) != value}


@contextlib.asynccontextmanager
async def lost(desk: Desk, url: str, *, watchful: bool = False) -> AsyncIterator[Desk]:
    """The desk with a runtime on another database."""
    async with desk.another(database=url, watchful=watchful) as runtime:
        desk.runtime = runtime
        yield desk


async def test_a_lost_database_is_rebuilt_from_the_markers_in_qbo_and_nothing_is_written(
    make_desk: OpenDesk, make_database: MakeDatabase
) -> None:
    async with mixed(make_desk) as desk:
        await backfilled(desk.runtime)
        before, made, said, parked = standing(desk), await documents(desk), await described(desk), await desk.codes()
        payouts = {one.payout_id: one.state for one in await desk.runtime.payouts()}
        async with lost(desk, make_database(True)):
            reads = desk.qbo.requests.total
            run, drift = await rebuilt(desk)
            assert drift == ()
            cost = desk.qbo.requests.total - reads
            assert run.counts["linked"] >= len(made)
            assert await documents(desk) == made
            await backfilled(desk.runtime)
            assert standing(desk) == before
            assert await documents(desk) == made
            assert await desk.codes() == parked
            assert {one.payout_id: one.state for one in await desk.runtime.payouts()} == payouts
            again = await described(desk)
            assert {
                key: _differing(one, again.get(key, {})) for key, one in said.items() if again.get(key) != one
            } == {}
            assert (await desk.runtime.tieout(UNTIL)).difference == "0.00"
            desk.check_books()
            assert cost < len(before) / 4, (cost, len(before))


async def test_an_edit_by_people_is_named_and_kept_when_the_links_are_rebuilt(
    make_desk: OpenDesk, make_database: MakeDatabase
) -> None:
    async with make_desk() as desk:
        edited, untouched = (desk.shop.paid_invoice(desk.shop.customer(name)) for name in ("Edited", "Untouched"))
        await post_all(desk)
        record = desk.record("Invoice", f"{edited}:invoice")
        desk.qbo.company.human("Invoice", "update", {"Id": record["Id"], "TxnDate": "2026-11-02"})
        async with lost(desk, make_database(True)):
            _, drift = await rebuilt(desk)
            assert [(one.document_key, one.kind) for one in drift] == [(f"{edited}:invoice", "moved")]
            await post_all(desk)
            assert desk.record("Invoice", f"{edited}:invoice")["TxnDate"] == "2026-11-02"
            assert (await desk.codes())[f"{edited}:invoice"] == "edited_in_qbo"
            link = await desk.link(f"{untouched}:invoice")
            assert link is not None
            assert link.fingerprint != REBUILT


async def test_what_stripe_has_changed_meanwhile_is_posted_and_what_was_voided_is_taken_back(
    make_desk: OpenDesk, make_database: MakeDatabase
) -> None:
    async with make_desk() as desk:
        voided, paid = (desk.shop.invoice(desk.shop.customer(name)) for name in ("Voided", "Paid"))
        await post_all(desk)
        async with lost(desk, make_database(True)):
            desk.shop.void(voided)
            desk.shop.pay(paid)
            _, drift = await rebuilt(desk)
            assert drift == ()
            await post_all(desk)
            assert await desk.codes() == {}
            desk.check_invoice(paid, balance="0.00")
            assert desk.record("Invoice", f"{voided}:invoice")["TotalAmt"] == 0
            desk.check_books()


def backed_up(desk: Desk, to: str, folder: Path) -> None:
    """What docs/how-to/recover.md says: a dump of the desk's database, restored into an empty one."""
    source = desk.runtime.engine.url.render_as_string(hide_password=False)
    programs, dump = find_binaries().postgres.parent, folder / "backup.dump"
    # The extension's comment is its owner's; nothing of ours is lost without it.
    save = (programs / "pg_dump", "--format=custom", f"--file={dump}", f"--dbname={conninfo(source)}")
    restore = (programs / "pg_restore", "--no-owner", "--no-comments", f"--dbname={conninfo(to)}", dump)
    for command in (save, restore):
        subprocess.run(command, check=True, timeout=60)


async def aged(url: str, by: timedelta) -> None:
    """When somebody last worked in a database is longer ago; calls of QBO, a new token say, were made just now."""
    engine = open_engine(url)
    async with transaction(engine) as connection:
        moment = (datetime.now(UTC) - by).isoformat()
        await connection.execute(sa.insert(checkpoints).values(name=LOOKED, value=moment))
    await engine.dispose()


async def test_yesterdays_database_knows_today_again_before_it_posts_anything(
    make_desk: OpenDesk, make_database: MakeDatabase, tmp_path: Path
) -> None:
    async with make_desk(payouts="daily") as desk:
        shop = desk.shop
        first = [shop.invoice(shop.customer(f"First {index}"), 5_000 + index) for index in range(4)]
        await post_all(desk)
        backup = make_database(False)
        backed_up(desk, backup, tmp_path)
        shop.pay(first[0])
        shop.void(first[1])
        second = [shop.paid_invoice(shop.customer(f"Second {index}")) for index in range(3)]
        shop.advance(days=4)
        await post_all(desk)
        assert await desk.codes() == {}
        before, made = standing(desk), await documents(desk)
        await aged(backup, timedelta(hours=20))
        async with lost(desk, backup, watchful=True):
            assert isinstance(desk.runtime.reconciler.restored, Restored)
            desk.runtime.reconciler.restored.lands_within = timedelta(0)
            await desk.hint(second[0])
            await desk.work()
            async with transaction(desk.runtime.engine) as connection:
                kinds = (
                    (await connection.execute(sa.select(runs.c.kind).where(runs.c.state == "running"))).scalars().all()
                )
            assert kinds == ["verify"]
            await swept(desk)
            assert await desk.runtime.drift.items(DriftFilter()) == ()
            assert standing(desk) == before
            assert await documents(desk) == made
            assert await desk.codes() == {}
            assert (await desk.runtime.tieout(None)).difference == "0.00"
            desk.check_books()


async def test_a_new_database_looks_before_it_posts(make_desk: OpenDesk, make_database: MakeDatabase) -> None:
    async with make_desk() as desk:
        invoice = desk.shop.paid_invoice(desk.shop.customer())
        await post_all(desk)
        before = standing(desk)
        async with lost(desk, make_database(True), watchful=True):
            guard = desk.runtime.reconciler.restored
            assert isinstance(guard, Restored)
            guard.lands_within = timedelta(0)
            # Somebody has begun to link, and died: the database is not empty any more.
            assert await guard.rebuild.link_entity("Customer") == 1
            await desk.sync(invoice)
            assert standing(desk) == before
            async with transaction(desk.runtime.engine) as connection:
                floor = await connection.scalar(
                    sa.select(checkpoints.c.value).where(checkpoints.c.name == "restored:generation")
                )
            assert guard.rebuild.sending.generation_floor == floor
            other = desk.shop.invoice(desk.shop.customer("Other"))
            await desk.sync(other)
            link = await desk.link(f"{other}:invoice")
            assert link is not None
            assert link.generation > floor


async def test_a_new_company_costs_one_read_for_each_entity_once(make_desk: OpenDesk) -> None:
    async with make_desk() as desk, desk.another(watchful=True) as runtime:
        desk.runtime = runtime
        reads = desk.qbo.requests.total
        await runtime.reconciler.restored.check()  # type: ignore[union-attr]  # it is watchful
        assert desk.qbo.requests.total - reads == 8
        await runtime.reconciler.restored.check()  # type: ignore[union-attr]
        assert desk.qbo.requests.total - reads == 8
