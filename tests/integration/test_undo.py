"""`undo` gives the ledger back as it was before the run, exactly once, and leaves alone what is not the run's alone."""

import asyncio
from datetime import date
from typing import Any

import pytest
import sqlalchemy as sa

from tests.integration.conftest import OpenDesk
from tests.integration.desk import Desk
from tests.integration.test_backfill import (
    SINCE,
    UNTIL,
    backfilled,
    documents,
    ended,
    mixed,
    until,
    working,
)
from tests.integration.test_write_protocol_death import Reaper, _doomed, watched
from wescope.books.parking import ParkCode
from wescope.engine import runs, undo
from wescope.engine.history import RunReport
from wescope.engine.replay import ReplayChoice
from wescope.engine.runs import RunDesk, RunNotFound
from wescope.engine.undo import UndoOutcome
from wescope.engine.undo_plan import KeptReason, UndoPlan
from wescope.errors import WrongUse
from wescope.links.database import transaction
from wescope.links.runs import Run, RunState
from wescope.links.schema import audit, links
from wescope.links.store import LinkState
from wescope.qbo import batching
from wescope.qbo.existing import ExistingDocuments

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(autouse=True)
def no_waiting_for_full_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batching, "FILL_S", 0.03)


async def undone(desk: Desk, run_id: int) -> Run:
    run = await desk.runtime.history.start_undo(run_id, actor="test")
    async with working(desk.runtime):
        return await ended(desk.runtime, run)


async def outcome(desk: Desk, run: Run) -> UndoOutcome:
    return await desk.runtime.history.undone(run.id)


def reasons(plan: UndoPlan) -> dict[str, str]:
    return {one.document_key: one.reason for one in plan.documents if one.reason != KeptReason.CUSTOMER}


def ledger(desk: Desk) -> dict[str, Any]:
    """Every account with its balance, at home and of its own, and what each customer owes; without what is zero."""
    found = desk.ledger()
    owed = {row["name"]: row for row in found["receivable"] if float(row["balance"])}
    balances = {
        part: {name: value for name, value in found[part].items() if float(value)}
        for part in ("balances", "own_balances", "profit_and_loss")
    }
    return {**balances, "owed": owed, "total": found["receivable_total"], "trial": found["trial_balance"]}


async def test_undo_of_a_backfill_gives_the_ledger_back_and_a_backfill_makes_the_same_books_again(
    make_desk: OpenDesk,
) -> None:
    async with mixed(make_desk) as desk:
        before = ledger(desk)
        run = await backfilled(desk.runtime)
        made, filled = await documents(desk), ledger(desk)
        assert filled != before
        reads = desk.qbo.requests.total
        plan = await desk.runtime.history.plan_undo(run.id)
        assert desk.qbo.requests.total - reads == plan.reads
        transactions = [one for one in made.values() if one[0] != "Customer"]
        assert reasons(plan) == {}
        assert plan.count == len(transactions)
        assert not plan.needs_somebody
        assert {row.reason for row in plan.kept} == {"customer"}
        over = await undone(desk, run.id)
        assert over.state == RunState.DONE, over
        assert reasons((await outcome(desk, over)).left) == {}
        assert over.counts["undone"] == len(transactions), over
        assert over.counts["kept"] == 0
        assert ledger(desk) == before
        assert {one[0] for one in (await documents(desk)).values()} == {"Customer"}
        # A look at everything writes nothing again.
        codes = await desk.codes()
        assert set(codes.values()) == {ParkCode.UNDONE}
        writes = desk.asked("batch") + desk.asked("create")
        await desk.hint(*[one for one in await desk.all_subjects() if not one.startswith("cus")])
        await work_off(desk)
        assert ledger(desk) == before
        assert desk.asked("batch") + desk.asked("create") == writes
        again = await backfilled(desk.runtime)
        assert again.state == RunState.DONE
        assert (await desk.runtime.tieout(UNTIL)).difference == "0.00"
        assert await documents(desk) == made
        assert ledger(desk) == filled
        desk.check_books()


async def test_of_two_runs_the_later_one_is_undone_first(make_desk: OpenDesk) -> None:
    async with mixed(make_desk) as desk:
        before = ledger(desk)
        first = await backfilled(desk.runtime, until=date(2026, 11, 10))
        middle = ledger(desk)
        second = await backfilled(desk.runtime)
        plan = await desk.runtime.history.plan_undo(first.id)
        kept = [one for one in plan.documents if one.reason != KeptReason.CUSTOMER]
        assert {one.reason for one in kept} == {KeptReason.DEPENDED_ON, KeptReason.UPDATED} or {
            one.reason for one in kept
        } == {KeptReason.DEPENDED_ON}
        assert any("Deposit/" in one.details.get("by", "") for one in kept), "payments that a later deposit pays out"
        await undone(desk, second.id)
        assert ledger(desk) == middle
        over = await undone(desk, first.id)
        assert (over.counts["kept"], ledger(desk)) == (0, before)


async def work_off(desk: Desk) -> None:
    async def clean() -> bool:
        return not await desk.dirty()

    async with working(desk.runtime):
        await until(clean)


# --- small histories ------------------------------------------------------------------------------------------------


def sales(desk: Desk, count: int = 2) -> list[str]:
    """Paid invoices of one customer each; the first one has a second invoice that is open."""
    return [desk.shop.paid_invoice(desk.shop.customer(f"Customer {number}"), 1_000 + number) for number in range(count)]


def edit(desk: Desk, entity: str, key: str, **fields: Any) -> None:
    record = desk.record(entity, key)
    body = {"Id": record["Id"], "SyncToken": record["SyncToken"], "sparse": True, **fields}
    assert desk.qbo.company.human(entity, "update", body).status == 200


def line(record: dict[str, Any], **changes: Any) -> list[dict[str, Any]]:
    """The record's first line, changed by somebody."""
    (first, *rest) = [one for one in record["Line"] if one["DetailType"] != "SubTotalLineDetail"]
    return [{**first, **changes}, *rest]


async def states(desk: Desk) -> dict[str, str]:
    async with transaction(desk.runtime.engine) as connection:
        query = sa.select(links.c.document_key, links.c.state).where(links.c.entity != "Customer")
        return {row[0]: row[1] for row in await connection.execute(query)}


async def test_what_people_and_closed_books_own_is_left_and_named(desk: Desk) -> None:
    edited, relined, dated = sales(desk, 3)
    run = await backfilled(desk.runtime)
    edit(desk, "Invoice", f"{edited}:invoice", TxnDate="2026-11-01")
    record = desk.record("Invoice", f"{relined}:invoice")
    edit(desk, "Invoice", f"{relined}:invoice", Line=line(record, Description="Something else"))
    plan = await desk.runtime.history.plan_undo(run.id)
    assert reasons(plan) == {f"{edited}:invoice": KeptReason.EDITED, f"{relined}:invoice": KeptReason.EDITED}
    over = await undone(desk, run.id)
    left = (await outcome(desk, over)).left
    assert reasons(left) == reasons(plan)
    assert over.counts["kept"] == 2
    assert (await desk.runtime.history.run(over.id)).needs_somebody
    assert left.needs_somebody
    assert all(row.remedy for row in left.kept)
    assert (await states(desk))[f"{dated}:invoice"] == LinkState.VOIDED
    assert (await states(desk))[f"{edited}:invoice"] == LinkState.POSTED
    assert set(await desk.codes()) == {one for one, state in (await states(desk)).items() if state == "voided"}

    # The edits are undone by the person: then the rest can be, too, but not in a closed period.
    day = desk.record("Invoice", f"{relined}:invoice")["TxnDate"]
    edit(desk, "Invoice", f"{edited}:invoice", TxnDate=day)
    edit(desk, "Invoice", f"{relined}:invoice", Line=line(record))
    desk.qbo.company.turn(book_close_date=UNTIL.isoformat())
    closed = await outcome(desk, await undone(desk, run.id))
    assert set(reasons(closed.left).values()) == {KeptReason.PERIOD_CLOSED}
    assert {one.details["closed_until"] for one in closed.left.documents if one.date} == {UNTIL.isoformat()}
    desk.qbo.company.turn(book_close_date="")
    for cached in (desk.runtime.company._basics,):
        cached.forget()
    rest = await undone(desk, run.id)
    assert reasons((await outcome(desk, rest)).left) == {}
    assert rest.counts["undone"] == 2
    assert desk.receivable() == 0
    assert set((await states(desk)).values()) == {LinkState.VOIDED}


async def test_what_later_documents_hang_on_is_left_and_named(desk: Desk) -> None:
    customer = desk.shop.customer()
    invoice = desk.shop.invoice(customer, 5_000)
    run = await backfilled(desk.runtime)
    desk.shop.pay(invoice)
    await desk.sync(invoice)
    payment = desk.record("Payment", f"{desk.shop.charges()[-1]}:payment")
    plan = await desk.runtime.history.plan_undo(run.id)
    assert plan.count == 0
    (kept,) = [one for one in plan.documents if one.reason != KeptReason.CUSTOMER]
    assert (kept.reason, kept.details) == (KeptReason.DEPENDED_ON, {"by": f"Payment/{payment['Id']}"})
    over = await undone(desk, run.id)
    assert (over.state, over.counts["undone"], over.counts["kept"]) == (RunState.DONE, 0, 1)
    desk.check_invoice(invoice, balance="0")


async def test_what_the_run_only_changed_is_told(desk: Desk) -> None:
    invoice = desk.shop.invoice(desk.shop.customer(), 5_000)
    await desk.sync(invoice)
    desk.shop.edit(invoice, number="OTHER-1")
    run = await desk.runtime.history.start_replay(
        await desk.runtime.history.plan_replay(ReplayChoice(subjects=(invoice,)))
    )
    async with working(desk.runtime):
        await ended(desk.runtime, run)
    await desk.runtime.attempts.flush()
    assert desk.record("Invoice", f"{invoice}:invoice")["DocNumber"] == "OTHER-1"
    plan = await desk.runtime.history.plan_undo(run.id)
    assert (plan.count, reasons(plan)) == (0, {f"{invoice}:invoice": KeptReason.UPDATED})


async def test_what_somebody_else_made_stays_and_is_let_go(desk: Desk) -> None:
    customer = desk.shop.customer()
    await desk.sync(desk.shop.invoice(customer, 700))
    invoice = desk.shop.invoice(customer, 5_000)
    stripe = desk.shop.business.invoices.find(invoice)
    (ours,) = desk.records("Customer", f"{customer}:customer:usd")
    body = {
        "CustomerRef": {"value": ours["Id"]},
        "DocNumber": stripe["number"],
        "TxnDate": desk.records("Invoice")[0]["TxnDate"],
        "Line": [
            {
                "Amount": 50,
                "DetailType": "SalesItemLineDetail",
                "SalesItemLineDetail": {"ItemRef": {"value": "1"}},
            }
        ],
    }
    assert desk.qbo.company.human("Invoice", "create", body).status == 200
    existing = desk.runtime.reconciler.writer._existing
    assert isinstance(existing, ExistingDocuments)
    for cached in existing._records._months.values():
        cached._read_at_s -= 3600
    before = ledger(desk)
    run = await backfilled(desk.runtime)
    assert (await desk.codes()) == {}
    plan = await desk.runtime.history.plan_undo(run.id)
    assert [(row.action, row.count) for row in plan.rows] == [("release", 1)]
    assert not plan.needs_somebody
    assert (await undone(desk, run.id)).counts["undone"] == 1
    assert ledger(desk) == before
    assert (await desk.codes()) == {f"{invoice}:invoice": ParkCode.UNDONE}
    await backfilled(desk.runtime)
    assert ledger(desk) == before
    assert await desk.codes() == {}


async def test_only_who_asks_for_it_has_it_written_again(desk: Desk) -> None:
    first, second, third = sales(desk, 3)
    run = await backfilled(desk.runtime)
    await undone(desk, run.id)
    desk.check_books()
    assert desk.receivable() == 0
    keys = set(await desk.codes())
    await desk.sync(first, second, third)  # as a webhook or a sweep would
    assert set(await desk.codes()) == keys
    history = desk.runtime.history
    assert (await history.plan_replay(ReplayChoice(failed=True))).count == 0
    item = await desk.parked(f"{first}:invoice")
    assert (item.code, item.owner, item.amount) == ("undone", "operator", 1_000)
    assert int(item.details["undo"]) > int(item.details["run"]) == run.id
    (result,) = await desk.runtime.sync([first], dry_run=False)
    assert [row.action for row in result.actions if row.entity in {"Invoice", "Payment"}] == ["create", "create"]
    replay = await history.start_replay(await history.plan_replay(ReplayChoice(subjects=(desk.shop.charges()[1],))))
    async with working(desk.runtime):
        await ended(desk.runtime, replay)
    assert {one for one in await desk.codes() if one.startswith((first, second))} == set()
    desk.check_invoice(first, balance="0")
    desk.check_invoice(second, balance="0")
    assert f"{third}:invoice" in await desk.codes()
    await backfilled(desk.runtime)
    desk.check_invoice(third, balance="0")
    await desk.check_settled()


async def test_a_payment_of_an_undone_invoice_waits_for_it(desk: Desk) -> None:
    invoice = desk.shop.invoice(desk.shop.customer(), 5_000)
    run = await backfilled(desk.runtime)
    await undone(desk, run.id)
    desk.shop.pay(invoice)
    payment = f"{desk.shop.charges()[-1]}:payment"
    await desk.sync(invoice)
    assert await desk.codes() == {f"{invoice}:invoice": ParkCode.UNDONE, payment: ParkCode.WAITING}
    assert (await desk.parked(payment)).details["waiting_on"] == f"{invoice}:invoice"
    await desk.runtime.sync([invoice], dry_run=False)
    desk.check_invoice(invoice, balance="0")
    assert await desk.codes() == {}


async def test_what_cannot_be_undone_is_refused_in_clear_words(desk: Desk) -> None:
    sales(desk, 1)
    history, work = desk.runtime.history, desk.runtime.runs
    with pytest.raises(RunNotFound):
        await history.plan_undo(99)
    run = await history.start_backfill(SINCE, UNTIL)
    with pytest.raises(WrongUse, match="running"):
        await history.start_undo(run.id, actor="test")
    await work.cancel(run.id)
    posted = await backfilled(desk.runtime)
    over = await undone(desk, posted.id)
    with pytest.raises(WrongUse, match="is an undo"):
        await history.plan_undo(over.id)
    with pytest.raises(WrongUse, match="no undo"):
        await history.undone(posted.id)
    async with desk.another(dry_run=True) as dry:
        with pytest.raises(WrongUse, match="Dry run"):
            await dry.history.start_undo(posted.id, actor="test")


async def test_it_is_paused_resumed_and_told_in_the_audit_log(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(undo, "CHUNK", 1)
    sales(desk, 3)
    run = await backfilled(desk.runtime)
    history = desk.runtime.history
    started = await history.start_undo(run.id, actor="test")

    async def begun() -> bool:
        return (await desk.runtime.runs.find(started.id)).counts.get("undone", 0) >= 1

    async with working(desk.runtime):
        await until(begun)
        await desk.runtime.runs.pause(started.id)
        paused = await ended(desk.runtime, started)
    assert paused.state == RunState.PAUSED
    left = [key for key, state in (await states(desk)).items() if state == "posted"]
    assert left
    assert (await history.start_undo(run.id, actor="test")).id == started.id, "the same one goes on"
    told: list[RunReport] = []
    report = await history.follow(started.id, told.append)
    assert report.state == RunState.DONE
    assert report.counts["undone"] == report.counts["step"] == 6
    assert desk.receivable() == 0
    async with transaction(desk.runtime.engine) as connection:
        query = sa.select(audit.c.target, audit.c.actor).where(audit.c.run_id == started.id).order_by(audit.c.id)
        rows = [tuple(row) for row in await connection.execute(query)]
    assert [actor for target, actor in rows if target == f"run/{started.id}"] == ["test", "cli", "test"]
    told_of = [(target, actor) for target, actor in rows if target != f"run/{started.id}"]
    assert {actor for _, actor in told_of} == {"test"}
    assert [target for target, _ in told_of].count(f"run/{run.id}") == 2
    assert len({target for target, _ in told_of}) == 7


# --- lost answers, and death ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("memory", ["replay", "absent"])
async def test_lost_answers_take_nothing_back_twice(make_desk: OpenDesk, memory: str) -> None:
    async with make_desk(knobs={"requestid": memory}) as desk:
        sales(desk, 2)
        desk.shop.do("create_refund", charge=desk.shop.charges()[0], amount=300)
        run = await backfilled(desk.runtime)
        made = len(await states(desk))
        desk.qbo.faults.arm("drop_after", operation="batch", count=2)
        desk.qbo.faults.arm("drop_after", method="POST", operation="void")
        desk.qbo.faults.arm("drop_after", method="POST", operation="delete")
        over = await undone(desk, run.id)
        assert (over.state, over.counts["undone"], over.counts["kept"]) == (RunState.DONE, made, 0)
        assert set((await states(desk)).values()) == {LinkState.VOIDED}
        assert desk.receivable() == 0
        assert desk.balance("Stripe Clearing") == 0
        await backfilled(desk.runtime)
        desk.check_books()
        assert desk.balance("Stripe Clearing") > 0


@pytest.mark.slow
async def test_killed_in_the_middle_another_process_goes_on(
    make_desk: OpenDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "SILENT_S", 0.5)
    monkeypatch.setattr(undo, "CHUNK", 2)

    async def dead(*_: object) -> None:
        """The dead release nothing."""

    monkeypatch.setattr(RunDesk, "_release", dead)
    async with make_desk(knobs={"requestid": "absent"}, settle_s=0.01) as desk:
        sales(desk, 2)
        for at in range(3, 400, 17):
            run = await backfilled(desk.runtime)
            assert desk.balance("Stripe Clearing") > 0
            started = await desk.runtime.history.start_undo(run.id, actor="test")
            reaper = Reaper("kill")
            reaper.aim(at)
            async with _doomed(desk, reaper, monkeypatch) as doomed:
                with watched(doomed, reaper, monkeypatch):
                    await reaper.let_live(doomed.runs.execute(started.id))
            async with working(desk.runtime):
                over = await ended(desk.runtime, started)
            assert over.state == RunState.DONE, (at, over)
            assert desk.balance("Stripe Clearing") == 0, at
            assert desk.receivable() == 0, at
            assert reasons((await outcome(desk, over)).left) == {}, at
            if not reaper.struck:
                break
        assert at > 30
        desk.check_books()


async def test_canceled_while_an_answer_is_lost_the_loop_finds_out_and_writes_nothing_again(desk: Desk) -> None:
    (invoice,) = sales(desk, 1)
    run = await backfilled(desk.runtime)
    desk.qbo.faults.arm("drop_after", entity="Payment", operation="void", count=100)
    started = await desk.runtime.history.start_undo(run.id, actor="test")

    async def lost() -> bool:
        return LinkState.UNKNOWN in (await states(desk)).values()

    async with working(desk.runtime):
        await until(lost)
        await desk.runtime.runs.cancel(started.id)
        assert (await ended(desk.runtime, started)).state == RunState.CANCELED
    desk.qbo.faults.clear()
    await desk.wake()
    found = await states(desk)
    payment = f"{desk.shop.charges()[0]}:payment"
    assert found == {f"{invoice}:invoice": LinkState.POSTED, payment: LinkState.VOIDED}
    assert await desk.codes() == {payment: ParkCode.UNDONE}
    desk.check_invoice(invoice, balance="10.00")
    rest = await undone(desk, run.id)
    assert (rest.counts["undone"], rest.counts["kept"]) == (1, 0)
    assert desk.receivable() == 0


async def test_meanwhile_the_loop_goes_on(make_desk: OpenDesk) -> None:
    """Hints for what is being undone, and new sales, all at once: nothing is doubled, nothing undone comes back."""
    async with make_desk() as desk:
        old = sales(desk, 6)
        run = await backfilled(desk.runtime)
        new = sales(desk, 6)
        started = await desk.runtime.history.start_undo(run.id, actor="test")
        async with working(desk.runtime):
            for _ in range(3):
                await desk.hint(*old, *new)
                await asyncio.sleep(0.2)
            over = await ended(desk.runtime, started)
        await work_off(desk)
        assert (over.state, over.counts["undone"], over.counts["kept"]) == (RunState.DONE, 12, 0)
        for invoice in new:
            desk.check_invoice(invoice, balance="0")
        assert len(await desk.codes()) == 12
        desk.check_books()
        assert desk.receivable() == 0
