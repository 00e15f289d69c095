"""Verification and repair when something comes between: closed books, lost answers, a policy, Stripe, other knobs."""

import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from tests.integration.conftest import OpenDesk
from tests.integration.desk import Desk
from tests.integration.test_backfill import ended, working
from tests.integration.test_verify import no_waiting_for_full_batches, repaired, verified
from wescope.books.policy import ClosedPeriod, Policy
from wescope.config import PolicyFile
from wescope.engine.drift_desk import DriftFilter, DriftNotFound
from wescope.engine.drift_kinds import DriftKind, DriftState
from wescope.engine.verify import CHECKPOINT, ENTITIES, VerifyMode
from wescope.errors import WrongUse
from wescope.links.database import transaction
from wescope.links.qbo_hints import QboHint, record
from wescope.links.reports import swap_checkpoint
from wescope.links.runs import RunState
from wescope.links.schema import accepted_edits, audit, drift, links
from wescope.qbo import changes
from wescope.sandbox.qbo import cdc
from wescope.sandbox.qbo.merge import merge_customers

__all__ = ["no_waiting_for_full_batches"]

pytestmark = pytest.mark.timeout(360)


@contextlib.asynccontextmanager
async def shop_of_two(make_desk: OpenDesk, **options: Any) -> AsyncIterator[tuple[Desk, str, str]]:
    """One open invoice and one paid one, of two customers, posted."""
    async with make_desk(**options) as desk:
        shop = desk.shop
        open_invoice = shop.invoice(shop.customer("Ada"), 10_000, days_until_due=20)
        paid = shop.paid_invoice(shop.customer("Grace"), 20_000)
        await desk.sync(open_invoice, paid)
        yield desk, open_invoice, paid


def human(desk: Desk, entity: str, action: str, qbo_id: str, **fields: Any) -> None:
    outcome = desk.qbo.company.human(entity, action, {"Id": qbo_id, **fields})
    assert outcome.status == 200, outcome.body


async def qbo_id(desk: Desk, key: str) -> str:
    link = await desk.link(key)
    assert link is not None
    assert link.qbo_id is not None
    return link.qbo_id


@pytest.mark.parametrize("restores", ["edited", "voided", "deleted"])
async def test_the_policy_puts_right_what_it_says(make_desk: OpenDesk, restores: str) -> None:
    file = replace(PolicyFile(), restores=frozenset({restores}))
    async with shop_of_two(make_desk, file=file) as (desk, invoice, _):
        number = await qbo_id(desk, f"{invoice}:invoice")
        if restores == "edited":
            human(desk, "Invoice", "update", number, TxnDate="2026-11-01")
        else:
            human(desk, "Invoice", "void" if restores == "voided" else "delete", number)
        _, items = await verified(desk)
        assert items == ()
        desk.check_invoice(invoice, balance="100")
        (told,) = await desk.runtime.drift.items(DriftFilter(states=(DriftState.REPAIRED.value,)))
        assert told.document_key == f"{invoice}:invoice"
        async with transaction(desk.runtime.engine) as connection:
            actor = await connection.scalar(sa.select(audit.c.actor).where(audit.c.action == "repair"))
        assert actor == "policy"
        await desk.check_silent()


async def test_what_the_policy_does_not_name_is_only_reported(make_desk: OpenDesk) -> None:
    file = replace(PolicyFile(), restores=frozenset({"deleted"}))
    async with shop_of_two(make_desk, file=file) as (desk, invoice, _):
        human(desk, "Invoice", "update", await qbo_id(desk, f"{invoice}:invoice"), TxnDate="2026-11-01")
        before = desk.qbo.company.objects("Invoice")
        _, (item,) = await verified(desk)
        assert item.kind == DriftKind.MOVED
        assert desk.qbo.company.objects("Invoice") == before
        assert (await desk.runtime.status()).drift == 1


async def test_a_repair_in_a_closed_period_is_left_and_named(make_desk: OpenDesk) -> None:
    async with shop_of_two(make_desk, policy=Policy(closed_period=ClosedPeriod.PARK)) as (desk, invoice, _):
        human(desk, "Invoice", "delete", await qbo_id(desk, f"{invoice}:invoice"))
        _, (item,) = await verified(desk)
        desk.qbo.company.turn(book_close_date="2026-11-30")
        await desk.runtime.company.refresh()
        run = await repaired(desk, DriftFilter(ids=(item.id,)))
        assert run.result["states"] == {"open": 1}
        assert (await desk.codes()) == {f"{invoice}:invoice": "period_closed"}
        desk.qbo.company.turn(book_close_date="")
        await desk.wake()
        assert (await verified(desk))[1] == ()
        desk.check_invoice(invoice, balance="100")


@pytest.mark.parametrize(
    ("edit", "fault"), [("edited", "drop_after"), ("voided", "drop_before"), ("deleted", "drop_after")]
)
async def test_answers_to_a_repair_are_lost(make_desk: OpenDesk, edit: str, fault: str) -> None:
    async with shop_of_two(make_desk) as (desk, invoice, _):
        number = await qbo_id(desk, f"{invoice}:invoice")
        if edit == "edited":
            human(desk, "Invoice", "update", number, DocNumber="X-1")
        else:
            human(desk, "Invoice", "void" if edit == "voided" else "delete", number)
        _, (item,) = await verified(desk)
        desk.qbo.faults.arm(
            fault, method="POST", entity="Invoice", operation="update" if edit == "edited" else "create"
        )
        await repaired(desk, DriftFilter(ids=(item.id,)))
        desk.check_invoice(invoice, balance="100")
        assert (await verified(desk, VerifyMode.FULL))[1] == ()
        desk.check_books()


async def test_what_stripe_has_changed_is_posted_and_no_drift(make_desk: OpenDesk) -> None:
    async with shop_of_two(make_desk) as (desk, invoice, paid):
        desk.shop.edit(invoice, number="CHANGED-1")
        async with transaction(desk.runtime.engine) as connection:
            await connection.execute(sa.update(links).values(content=None))
        run, items = await verified(desk)
        assert items == ()
        assert run.counts["hinted"] == 1
        assert desk.check_invoice(invoice, balance="100")["DocNumber"] == "CHANGED-1"
        assert (await desk.link(f"{paid}:invoice")) is not None


async def test_what_is_known_is_compared_with_stripe_too_if_that_is_wanted(make_desk: OpenDesk) -> None:
    async with shop_of_two(make_desk) as (desk, invoice, _):
        desk.shop.pay(invoice)  # and no webhook of it arrives
        assert (await verified(desk))[1] == ()
        desk.check_invoice(invoice, balance="100")
        run = await desk.runtime.drift.start(VerifyMode.FULL, stripe=True)
        async with working(desk.runtime):
            run = await ended(desk.runtime, run)
        assert (run.state, run.counts["hinted"]) == (RunState.DONE, 2)
        desk.check_invoice(invoice, balance="0")
        assert (await verified(desk, VerifyMode.FULL))[1] == ()


async def test_an_edit_is_found_although_stripe_has_changed_it_too(make_desk: OpenDesk) -> None:
    async with shop_of_two(make_desk) as (desk, invoice, _):
        human(desk, "Invoice", "update", await qbo_id(desk, f"{invoice}:invoice"), TxnDate="2026-11-01")
        desk.shop.edit(invoice, number="CHANGED-1")
        _, (item,) = await verified(desk)
        assert (item.kind, item.fields) == (DriftKind.MOVED, "TxnDate:2026-11-19/2026-11-01")
        assert (await desk.codes()) == {f"{invoice}:invoice": "edited_in_qbo"}
        await repaired(desk, DriftFilter())
        record = desk.check_invoice(invoice, balance="100")
        assert (record["DocNumber"], record["TxnDate"]) == ("CHANGED-1", "2026-11-19")
        assert await desk.codes() == {}


async def test_an_accepted_edit_is_not_written_over_and_ends_what_was_parked(make_desk: OpenDesk) -> None:
    async with shop_of_two(make_desk) as (desk, invoice, _):
        number = await qbo_id(desk, f"{invoice}:invoice")
        human(desk, "Invoice", "update", number, TxnDate="2026-11-01")
        desk.shop.edit(invoice, number="CHANGED-1")
        await desk.sync(invoice)
        assert (await desk.codes()) == {f"{invoice}:invoice": "edited_in_qbo"}
        _, (item,) = await verified(desk)
        await desk.runtime.drift.accept([item.id], actor="cli")
        await desk.work()
        assert await desk.codes() == {}
        assert (await verified(desk, VerifyMode.FULL))[1] == ()
        await desk.check_silent()
        human(desk, "Invoice", "update", number, TxnDate="2026-11-02")
        _, (again,) = await verified(desk)
        assert again.fields.startswith("TxnDate:")
        desk.shop.edit(invoice, number="CHANGED-2")
        await desk.sync(invoice)
        assert (await desk.codes()) == {f"{invoice}:invoice": "edited_in_qbo"}


async def test_lines_that_somebody_has_changed_are_not_written_over(make_desk: OpenDesk) -> None:
    """The total and the date are as they were posted: only the content tells."""
    async with shop_of_two(make_desk) as (desk, invoice, _):
        record = desk.record("Invoice", f"{invoice}:invoice")
        lines = [line for line in record["Line"] if line["DetailType"] == "SalesItemLineDetail"]
        human(desk, "Invoice", "update", record["Id"], Line=[{**lines[0], "Description": "As agreed"}])
        desk.shop.edit(invoice, number="CHANGED-1")
        await desk.sync(invoice)
        assert (await desk.codes()) == {f"{invoice}:invoice": "edited_in_qbo"}
        assert desk.record("Invoice", f"{invoice}:invoice")["Line"][0]["Description"] == "As agreed"


@pytest.mark.parametrize(("loser", "bumps"), [("inactive", False), ("missing", True)])
async def test_a_merge_is_found_however_its_loser_reads_back(make_desk: OpenDesk, loser: str, bumps: bool) -> None:
    knobs = {"merged_customer": loser, "merge_bumps_transactions": bumps}
    async with shop_of_two(make_desk, knobs=knobs) as (desk, invoice, paid):
        await verified(desk)
        gone = desk.record("Invoice", f"{invoice}:invoice")["CustomerRef"]["value"]
        into = desk.record("Invoice", f"{paid}:invoice")["CustomerRef"]["value"]
        merge_customers(desk.qbo.company, gone, into)
        for mode in (VerifyMode.CHANGES, VerifyMode.FULL):
            _, (item,) = await verified(desk, mode)
            assert (item.kind, item.qbo_id, item.details["into"]) == (DriftKind.MERGED, gone, into)
        await repaired(desk, DriftFilter())
        assert (await verified(desk, VerifyMode.FULL))[1] == ()
        customer = desk.shop.business.invoices.find(invoice)["customer"]
        second = desk.shop.invoice(customer, 3_000)
        await desk.sync(second)
        assert desk.record("Invoice", f"{second}:invoice")["CustomerRef"]["value"] == into


async def test_what_qbo_cannot_tell_as_changes_is_read_in_full(
    make_desk: OpenDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with shop_of_two(make_desk, knobs={"cdc_enforced": True}) as (desk, invoice, _):
        await verified(desk)
        monkeypatch.setattr(cdc, "MOST_OBJECTS", 2)
        monkeypatch.setattr(changes, "MOST_CHANGES", 2)
        human(desk, "Invoice", "update", await qbo_id(desk, f"{invoice}:invoice"), TxnDate="2026-11-01")
        run, (item,) = await verified(desk, VerifyMode.CHANGES)
        assert (run.result["mode"], item.kind) == (VerifyMode.FULL, DriftKind.MOVED)
        monkeypatch.undo()
        long_ago = (run.started_at - timedelta(days=40)).isoformat()
        async with transaction(desk.runtime.engine) as connection:
            await swap_checkpoint(connection, CHECKPOINT, {"until": long_ago, "full_at": long_ago})
        run, _ = await verified(desk, VerifyMode.CHANGES)
        assert run.result["mode"] == VerifyMode.FULL


async def test_what_a_webhook_names_is_looked_at(make_desk: OpenDesk) -> None:
    async with shop_of_two(make_desk) as (desk, invoice, _):
        await verified(desk)
        number = await qbo_id(desk, f"{invoice}:invoice")
        human(desk, "Invoice", "update", number, TxnDate="2026-11-01")
        told = [
            QboHint(entity="Invoice", qbo_id=number, operation="updated", event_id="a"),
            QboHint(entity="Vendor", qbo_id="7", operation="created", event_id="b"),
        ]
        async with transaction(desk.runtime.engine) as connection:
            assert await record(connection, desk.runtime.store.realm_id, told) == 2
            assert await record(connection, desk.runtime.store.realm_id, told) == 0
        before = desk.qbo.requests.total
        _, (item,) = await verified(desk, VerifyMode.HINTED)
        assert item.kind == DriftKind.MOVED
        assert desk.qbo.requests.total - before <= 4
        run, _ = await verified(desk, VerifyMode.HINTED)
        assert run.counts.get("listed", 0) <= 1  # what is open still


async def test_a_merge_that_a_webhook_tells_of_is_found(make_desk: OpenDesk) -> None:
    async with shop_of_two(make_desk) as (desk, invoice, paid):
        gone = desk.record("Invoice", f"{invoice}:invoice")["CustomerRef"]["value"]
        into = desk.record("Invoice", f"{paid}:invoice")["CustomerRef"]["value"]
        merge_customers(desk.qbo.company, gone, into)
        told = QboHint(entity="Customer", qbo_id=into, operation="merged", event_id="m", other_id=gone)
        async with transaction(desk.runtime.engine) as connection:
            await record(connection, desk.runtime.store.realm_id, [told])
        _, (item,) = await verified(desk, VerifyMode.HINTED)
        assert (item.kind, item.qbo_id) == (DriftKind.MERGED, gone)


async def test_it_goes_on_where_it_was_cut_off(make_desk: OpenDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    async with shop_of_two(make_desk) as (desk, invoice, paid):
        human(desk, "Invoice", "update", await qbo_id(desk, f"{invoice}:invoice"), TxnDate="2026-11-01")
        human(desk, "Payment", "update", desk.records("Payment")[0]["Id"], TxnDate="2026-11-02")
        query, asked = desk.runtime.client.query, []

        async def counted(statement: str) -> Any:
            asked.append(statement.split("FROM ")[1].split(" ", 1)[0])
            if asked.count("Payment") == 1 and asked[-1] == "Payment":
                raise RuntimeError("the power goes out")
            return await query(statement)

        monkeypatch.setattr(desk.runtime.client, "query", counted)
        run = await desk.runtime.drift.start(VerifyMode.FULL)
        await desk.runtime.runs.execute(run.id)
        assert (await desk.runtime.runs.find(run.id)).checkpoint["entity"] == ENTITIES.index("Payment")
        await desk.runtime.runs.resume(run.id)
        await desk.runtime.runs.execute(run.id)
        items = await desk.runtime.drift.items(DriftFilter())
        assert {item.kind for item in items} == {DriftKind.MOVED}
        assert len(items) == 2
        assert asked.count("Customer") == 1
        assert paid


async def test_somebody_puts_it_right_again(make_desk: OpenDesk) -> None:
    async with shop_of_two(make_desk) as (desk, invoice, _):
        number = await qbo_id(desk, f"{invoice}:invoice")
        human(desk, "Invoice", "update", number, TxnDate="2026-11-01")
        assert len((await verified(desk))[1]) == 1
        human(desk, "Invoice", "update", number, TxnDate="2026-11-19")
        assert (await verified(desk))[1] == ()
        (gone,) = await desk.runtime.drift.items(DriftFilter(states=(DriftState.GONE.value,)))
        assert gone.resolved_at is not None


async def test_texts_are_not_kept_so_that_a_repair_of_them_stays(make_desk: OpenDesk) -> None:
    async with shop_of_two(make_desk) as (desk, invoice, _):
        human(desk, "Invoice", "update", await qbo_id(desk, f"{invoice}:invoice"), PrivateNote="Ask Ada")
        _, (item,) = await verified(desk)
        assert not item.revertible
        await repaired(desk, DriftFilter())
        (after,) = await desk.runtime.drift.revert([item.id], actor="cli")
        assert after.state == DriftState.REPAIRED


async def test_no_text_of_a_person_is_kept(make_desk: OpenDesk) -> None:
    canary = "Zanzibar Quux"
    async with shop_of_two(make_desk) as (desk, invoice, _):
        record_of = desk.record("Invoice", f"{invoice}:invoice")
        line = next(one for one in record_of["Line"] if one["DetailType"] == "SalesItemLineDetail")
        human(
            desk,
            "Invoice",
            "update",
            record_of["Id"],
            PrivateNote=f"{canary}\n{record_of['PrivateNote']}",
            DocNumber=canary,
            Line=[{**line, "Description": canary}],
        )
        human(desk, "Payment", "update", desk.records("Payment")[0]["Id"], PaymentRefNum=canary)
        human(desk, "Customer", "update", record_of["CustomerRef"]["value"], DisplayName=canary, Notes=canary)
        _, items = await verified(desk)
        assert {item.kind for item in items} == {DriftKind.EDITED, DriftKind.UNMARKED}
        await repaired(desk, DriftFilter())
        async with transaction(desk.runtime.engine) as connection:
            for table in (drift, accepted_edits, audit, links):
                rows = [dict(row) for row in (await connection.execute(sa.select(table))).mappings()]
                assert "Zanzibar" not in json.dumps(rows, default=str)


async def test_wrong_words_are_told(make_desk: OpenDesk) -> None:
    async with shop_of_two(make_desk) as (desk, _, _paid):
        desk_of = desk.runtime.drift
        with pytest.raises(WrongUse):
            await desk_of.items(DriftFilter(kinds=("odd",)))
        with pytest.raises(WrongUse):
            await desk_of.accept([], actor="cli")
        with pytest.raises(DriftNotFound):
            await desk_of.accept([99], actor="cli")
        assert await desk_of.start_repair(DriftFilter(), actor="cli") is None


async def test_a_dry_run_repairs_nothing(make_desk: OpenDesk) -> None:
    async with shop_of_two(make_desk) as (desk, invoice, _):
        record_of = desk.record("Invoice", f"{invoice}:invoice")
        human(desk, "Customer", "update", record_of["CustomerRef"]["value"], Notes="a nice one")
        (item,) = (await verified(desk))[1]
        async with desk.another(dry_run=True) as dry:
            with pytest.raises(WrongUse):
                await dry.drift.start_repair(DriftFilter(), actor="cli")
            with pytest.raises(WrongUse):
                await dry.drift.revert([item.id], actor="cli")
        customer = desk.qbo.company.object("Customer", record_of["CustomerRef"]["value"])
        assert customer is not None
        assert customer["Notes"] == "a nice one"
