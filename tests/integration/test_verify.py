"""What people do to our documents in QBO is found, called by its name, and put right, or stays because they say so."""

import contextlib
from collections.abc import AsyncIterator, Collection
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa

from tests.integration.conftest import OpenDesk
from tests.integration.desk import Desk, Shop
from tests.integration.edits import AS_OF, EDITS, Books, Edit
from tests.integration.test_backfill import ended, working
from wescope.engine.drift_desk import DriftFilter, DriftItem
from wescope.engine.drift_kinds import DriftKind, DriftState
from wescope.engine.verify import VerifyMode
from wescope.links.database import transaction
from wescope.links.runs import Run, RunState
from wescope.links.schema import audit, links
from wescope.links.subjects import Hint
from wescope.qbo import batching
from wescope.sandbox.stripe.versions import LATEST
from wescope.stripe.hints import hint_of

pytestmark = pytest.mark.timeout(480)
KNOBS = {"void_paid_invoice": "unlink", "delete_paid_invoice": "unlink"}


@pytest.fixture(autouse=True)
def no_waiting_for_full_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batching, "FILL_S", 0.03)


async def post_all(desk: Desk) -> None:
    """Everything that ever happened, and all that follows from it."""
    log = desk.shop.business.account.log
    events = [hint_of(log.snapshot_body(event, pending_webhooks=0, version=LATEST)) for event in log.all()]
    for event in events:
        if event.subject is not None:
            hint = Hint(subject=event.subject, source="webhook", customer_id=event.customer_id)
            await desk.runtime.queue.accept(hint)
    await desk.work()


def trade(shop: Shop, *, scale: int = 1) -> None:
    """Some of everything: open and paid invoices, credit notes, sales, refunds, disputes, and their payouts."""
    for index in range(15 * scale):
        shop.invoice(shop.customer(f"Open {index}"), 10_000 + 100 * index, days_until_due=20)
    for index in range(17 * scale):
        shop.paid_invoice(shop.customer(f"Paid {index}"), 20_000 + 100 * index)
    for index in range(2 * scale):
        credited = shop.invoice(shop.customer(f"Credited {index}"), 30_000 + index * 100, 5_000)
        shop.do("create_credit_note", invoice=credited, amount=4_000)
    charges = [shop.do("create_charge", amount=7_000 + index)["id"] for index in range(7 * scale)]
    for index in range(2 * scale):
        shop.do("create_refund", charge=charges[index], amount=1_000 + index)
    for index in range(2, 2 + 2 * scale):
        shop.do("create_dispute", charge=charges[index])
    for _ in range(5):
        shop.advance(days=1)
        shop.do("create_charge", amount=2_000)
    shop.advance(days=7)


@contextlib.asynccontextmanager
async def posted(make_desk: OpenDesk, **options: Any) -> AsyncIterator[Books]:
    """Books in which all is posted, and the objects that edits may take."""
    knobs = {**KNOBS, **options.pop("knobs", {})}
    async with make_desk(payouts="daily", as_of=AS_OF, knobs=knobs, **options) as desk:
        trade(desk.shop)
        await post_all(desk)
        assert await desk.codes() == {}
        yield Books(desk, await pools(desk))


async def pools(desk: Desk) -> dict[str, list[str]]:
    """Ids of QBO's objects by what an edit needs; no object is in two pools, nor one that belongs to it."""
    async with transaction(desk.runtime.engine) as connection:
        rows = list(await connection.execute(sa.select(links.c.entity, links.c.qbo_id, links.c.subject)))
    subject = {(row[0], row[1]): row[2] for row in rows}
    found: dict[str, list[str]] = {}
    for entity in ("CreditMemo", "SalesReceipt", "RefundReceipt", "JournalEntry", "Deposit"):
        found[entity] = [one["Id"] for one in desk.records(entity)]
    refunded = {one["Id"] for one in desk.records("SalesReceipt")[:4]}
    found["SalesReceipt"] = [one for one in found["SalesReceipt"] if one not in refunded]
    invoices = desk.records("Invoice")
    found["Invoice open"] = [one["Id"] for one in invoices if one["Balance"] == one["TotalAmt"]]
    payments = {subject["Payment", one["Id"]]: one for one in desk.records("Payment") if one["TotalAmt"]}
    paid = [(one, payments[subject["Invoice", one["Id"]]]) for one in invoices if one["Balance"] == 0]
    found["Invoice paid"] = [one["Id"] for one, _ in paid[:3]]
    found["Payment"] = [payment["Id"] for _, payment in paid[3:-5]]
    found["Customer with documents"] = [paid[-5][0]["CustomerRef"]["value"]]
    found["Customer idle"] = [one["CustomerRef"]["value"] for one, _ in paid[-4:]]
    return found


async def verified(desk: Desk, mode: VerifyMode = VerifyMode.AUTO) -> tuple[Run, tuple[DriftItem, ...]]:
    """What a verification finds."""
    run = await desk.runtime.drift.start(mode)
    async with working(desk.runtime):
        run = await ended(desk.runtime, run)
    assert run.state == RunState.DONE, run
    return run, await desk.runtime.drift.items(DriftFilter())


async def repaired(desk: Desk, chosen: DriftFilter) -> Run:
    """After a repair of all that can be repaired."""
    run = await desk.runtime.drift.start_repair(chosen, actor="cli")
    assert run is not None
    async with working(desk.runtime):
        return await ended(desk.runtime, run)


def check_found(items: Collection[DriftItem], edits: dict[str, tuple[Edit, tuple[str, str]]]) -> None:
    """Each edit is found under its name with its fields, and nothing else is."""
    by_record = {(item.entity, item.qbo_id, item.kind): item for item in items}
    for name, (edit, touched) in edits.items():
        item = by_record.get((*touched, edit.kind.value))
        assert item is not None, (name, touched, [one for one in items if (one.entity, one.qbo_id) == touched])
        for field in edit.fields:
            assert field in item.fields, (name, item.fields)
    expected = {(*touched, edit.kind.value) for edit, touched in edits.values()}
    left = [one for one in items if (one.entity, one.qbo_id, one.kind) not in expected]
    assert [one for one in left if not _follows(one)] == []


def _follows(item: DriftItem) -> bool:
    """What is found since another edit was made: payments of what was removed, and the one deposited by hand."""
    return item.entity == "Payment" and item.kind in {DriftKind.UNAPPLIED, DriftKind.EDITED, DriftKind.VOIDED}


def edit_all(books: Books) -> dict[str, tuple[Edit, tuple[str, str]]]:
    return {edit.name: (edit, edit.do(books)) for edit in EDITS}


async def check_untouched(desk: Desk) -> None:
    """Nothing is found in what nobody has touched, and it costs next to nothing to know it."""
    before = desk.qbo.requests.total
    run, items = await verified(desk)
    assert (items, run.result["mode"]) == ((), VerifyMode.FULL)
    assert desk.qbo.requests.total - before <= 12
    before = desk.qbo.requests.total
    run, items = await verified(desk)
    assert (items, run.result["mode"]) == ((), VerifyMode.CHANGES)
    assert desk.qbo.requests.total - before <= 2


@pytest.mark.parametrize("mode", [VerifyMode.FULL, VerifyMode.CHANGES])
async def test_all_kinds_of_edits_are_found_and_repaired(make_desk: OpenDesk, mode: VerifyMode) -> None:
    async with posted(make_desk) as books:
        desk = books.desk
        await check_untouched(desk)
        edits = edit_all(books)
        _, items = await verified(desk, mode)
        check_found(items, edits)
        # QBO lets nobody change a payment in a deposit: that needs a person first, as the remedy says.
        for item in items:
            if item.kind == DriftKind.DEPOSITED:
                books.human("Deposit", "delete", Id=item.qbo_id)
        for _ in range(3):
            possible = [item for item in items if item.repair]
            if not possible:
                break
            await repaired(desk, DriftFilter(ids=tuple(item.id for item in possible)))
            _, items = await verified(desk, VerifyMode.FULL)
        assert [item for item in items if item.repair] == [], await desk.codes()
        assert await desk.codes() == {}
        await desk.runtime.drift.accept([item.id for item in items], actor="cli")
        _, items = await verified(desk, VerifyMode.FULL)
        assert items == ()
        assert Decimal(desk.ledger()["trial_balance"]) == 0
        async with transaction(desk.runtime.engine) as connection:
            told = [row[0] for row in await connection.execute(sa.select(audit.c.action))]
        assert {"repair", "accept", "start"} == set(told) - {"sync"}


async def test_all_kinds_of_edits_may_stay(make_desk: OpenDesk) -> None:
    async with posted(make_desk) as books:
        desk = books.desk
        await verified(desk)
        edit_all(books)
        _, items = await verified(desk)
        before = desk.ledger()
        await desk.runtime.drift.accept([item.id for item in items], actor="cli")
        for mode in (VerifyMode.CHANGES, VerifyMode.FULL):
            _, items = await verified(desk, mode)
            assert items == ()
        await desk.sync(*await desk.all_subjects())
        assert desk.ledger() == before
        accepted = await desk.runtime.drift.items(DriftFilter(states=(DriftState.ACCEPTED.value,)))
        assert len(accepted) >= len(EDITS)


REVERTED = (
    "an invoice's line has another amount",
    "an invoice's line has another item",
    "an invoice is due on another day",
    "an invoice has another number",
    "an invoice has another day",
    "an invoice is another customer's",
    "an invoice is voided",
    "an invoice is deleted",
    "a payment has another day",
    "a payment is in another account",
    "a payment is not applied any more",
    "a payment has another amount",
    "a sales receipt is voided",
    "a sales receipt is deleted",
    "a journal entry has another account",
    "a deposit has another day",
    "a customer is made inactive",
)


def money(desk: Desk) -> dict[str, Any]:
    """What the books say in money, however many records it took."""
    ledger = desk.ledger()
    return {name: ledger[name] for name in ("accounts", "receivable", "receivable_total", "trial_balance")}


async def test_a_repair_can_be_taken_back(make_desk: OpenDesk) -> None:
    async with posted(make_desk) as books:
        desk = books.desk
        await verified(desk)
        before = money(desk)
        for edit in EDITS:
            if edit.name in REVERTED:
                edit.do(books)
        edited = money(desk)
        _, items = await verified(desk)
        assert len(items) == len(REVERTED)
        assert [item for item in items if not item.revertible] == []
        ids = tuple(item.id for item in items)
        await repaired(desk, DriftFilter(ids=ids))
        assert await verified(desk)
        assert money(desk) == before
        after = await desk.runtime.drift.revert(ids, actor="cli")
        assert {item.state for item in after} == {DriftState.ACCEPTED.value}, [
            one for one in after if one.state != "accepted"
        ]
        assert money(desk) == edited
        for mode in (VerifyMode.CHANGES, VerifyMode.FULL):
            assert (await verified(desk, mode))[1] == ()


async def test_a_deleted_deposit_of_ours_is_made_again_and_not_taken_for_the_banks(make_desk: OpenDesk) -> None:
    async with make_desk(payouts="daily", as_of=AS_OF) as desk:
        desk.shop.paid_invoice(desk.shop.customer(), 10_000)
        for _ in range(12):
            desk.shop.advance(days=1)
        await post_all(desk)
        before = desk.ledger()["balances"]
        (deposit,) = desk.records("Deposit")
        desk.qbo.company.human("Deposit", "delete", {"Id": deposit["Id"], "SyncToken": deposit["SyncToken"]})
        _, items = await verified(desk, VerifyMode.FULL)
        assert [item.kind for item in items] == [DriftKind.DELETED]
        await repaired(desk, DriftFilter())
        assert (await verified(desk, VerifyMode.FULL))[1] == ()
        assert desk.ledger()["balances"] == before
        (again,) = desk.records("Deposit")
        assert again["TotalAmt"] == deposit["TotalAmt"]
        assert desk.records("JournalEntry") == []
        assert [one.state for one in await desk.runtime.payouts()] == ["matched"]
