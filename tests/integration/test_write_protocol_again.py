"""What was given up and lands after all, who wakes up too late, and what QBO stores otherwise again and again."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from tests.integration.conftest import OpenDesk
from tests.integration.desk import SETTLE_S, Desk, Shop
from tests.integration.papers import CUSTOMER, SUBJECT, Hand, applied_to, document, void, writer_on
from wescope.books.documents import CustomerBody, Document, Entity
from wescope.books.parking import ParkCode
from wescope.books.subjects import customer_key
from wescope.engine.plan import Action, plan_step
from wescope.engine.sending import NotSettled
from wescope.errors import LocksLost, QboNotSent, TransientRefusal
from wescope.links.database import transaction
from wescope.links.schema import links, subjects
from wescope.links.store import Link, LinkState

ALL = [Entity.INVOICE, Entity.PAYMENT, Entity.SALES_RECEIPT, Entity.CREDIT_MEMO, Entity.REFUND_RECEIPT]
ALL += [Entity.JOURNAL_ENTRY, Entity.DEPOSIT]
_LONG = timedelta(hours=1)
_LAG_MS = 600_000


@pytest.fixture
async def hand(make_desk: OpenDesk) -> AsyncIterator[Hand]:
    """In a company that remembers no request id; a write that is given up may land for a long while."""
    async with make_desk(knobs={"requestid": "absent", "batch_requestid": "absent"}) as desk:
        hand = Hand(desk, writer_on(desk.runtime))
        await hand.done(CUSTOMER)
        hand.writer._lands_within = _LONG
        yield hand
        desk.check_books()


async def _link(desk: Desk, stated: Document) -> Link:
    link = await desk.link(stated.key)
    assert link is not None
    return link


async def _let_recheck_come(desk: Desk) -> None:
    async with transaction(desk.runtime.engine) as connection:
        pending = sa.update(links).where(links.c.recheck_at.is_not(None))
        await connection.execute(pending.values(recheck_at=datetime.now(UTC)))


async def _silent(hand: Hand, stated: Document, action: Action = Action.NOTHING) -> None:
    before = hand.desk.qbo.requests.total
    assert await hand.done(stated) == [action]
    assert hand.desk.qbo.requests.total == before


async def _lose(hand: Hand, stated: Document) -> None:
    """It landed, and QBO's search does not show it when its absence is believed."""
    desk = hand.desk
    desk.qbo.company.turn(query_lag_ms=_LAG_MS)
    desk.qbo.faults.arm("drop_after", method="POST", entity=stated.entity.value, operation="create")


# --- the second look ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("entity", ALL)
async def test_what_lands_beside_its_repetition_is_removed_when_it_can_land_no_more(hand: Hand, entity: Entity) -> None:
    desk, stated = hand.desk, document(entity)
    await _lose(hand, stated)
    assert await hand.done(stated) == [Action.CREATE]
    assert len(desk.records(entity.value, stated.key)) == 2
    posted = await _link(desk, stated)
    assert posted.recheck_at is not None
    assert timedelta(0) < posted.recheck_at - datetime.now(UTC) <= _LONG
    await _silent(hand, stated)
    desk.qbo.company.turn(query_lag_ms=0)
    await _let_recheck_come(desk)
    assert await hand.done(stated) == [Action.NOTHING]
    (standing,) = desk.records(entity.value, stated.key)
    looked = await _link(desk, stated)
    assert (standing["Id"], looked.recheck_at) == (posted.qbo_id, None)
    await _silent(hand, stated)


@pytest.mark.parametrize("entity", ALL)
async def test_an_ordinary_write_is_never_looked_at_again(hand: Hand, entity: Entity) -> None:
    stated = document(entity)
    for wanted in (stated, document(entity, 2_000), void(document(entity, 2_000))):
        await hand.done(wanted)
        assert (await _link(hand.desk, stated)).recheck_at is None


@pytest.mark.parametrize("entity", ALL)
async def test_a_refused_repetition_waits_until_the_first_attempt_can_land_no_more(hand: Hand, entity: Entity) -> None:
    """With a new request id it would be made beside the one that has landed unseen."""
    desk, stated = hand.desk, document(entity)
    await _lose(hand, stated)
    desk.qbo.faults.arm("transient", method="POST", entity=entity.value, operation="create", skip=1)
    with pytest.raises(TransientRefusal):
        await hand.done(stated)
    asked = desk.asked("create", entity.value)
    with pytest.raises(NotSettled):
        await _once(hand, stated)
    assert desk.asked("create", entity.value) == asked
    desk.qbo.company.turn(query_lag_ms=0)
    await _let_recheck_come(desk)
    await hand.done(stated)
    assert len(desk.records(entity.value, stated.key)) == 1
    assert desk.asked("create", entity.value) == asked
    await _silent(hand, stated)


@pytest.mark.parametrize("entity", ALL)
async def test_what_lands_although_it_is_not_wanted_any_more_is_taken_back(hand: Hand, entity: Entity) -> None:
    desk, stated = hand.desk, document(entity)
    await _lose(hand, stated)
    desk.qbo.faults.arm("transient", method="POST", entity=entity.value, operation="create", skip=1)
    with pytest.raises(TransientRefusal):
        await hand.done(stated)
    await _silent(hand, void(stated))
    desk.qbo.company.turn(query_lag_ms=0)
    await _let_recheck_come(desk)
    assert await hand.done(void(stated)) == [Action.VOID]
    assert all(one.get("TotalAmt") == 0 for one in desk.records(entity.value, stated.key))
    await _silent(hand, void(stated))


async def test_a_duplicate_that_somebody_has_used_is_named(hand: Hand) -> None:
    desk, stated = hand.desk, document(Entity.INVOICE)
    await _lose(hand, stated)
    await hand.done(stated)
    posted = await _link(desk, stated)
    (other,) = [one for one in desk.records("Invoice", stated.key) if one["Id"] != posted.qbo_id]
    desk.qbo.company.human("Invoice", "update", {"Id": other["Id"], "CustomerMemo": {"value": "hello"}})
    desk.qbo.company.turn(query_lag_ms=0)
    await _let_recheck_come(desk)
    for _ in range(2):  # as long as it stands
        item = await hand.parked(stated)
        assert (item.code, item.details) == (ParkCode.ANSWER_DIFFERS, {"duplicates": other["Id"]})
    desk.qbo.company.human("Invoice", "delete", {"Id": other["Id"]})
    assert await hand.done(stated) == [Action.NOTHING]
    assert (await _link(desk, stated)).recheck_at is None


async def test_the_copy_that_is_left_takes_the_place_of_the_one_that_somebody_deleted(hand: Hand) -> None:
    desk, stated = hand.desk, document(Entity.INVOICE)
    await _lose(hand, stated)
    await hand.done(stated)
    posted = await _link(desk, stated)
    desk.qbo.company.human("Invoice", "delete", {"Id": posted.qbo_id})
    desk.qbo.company.turn(query_lag_ms=0)
    await _let_recheck_come(desk)
    await hand.done(stated)
    (standing,) = desk.records("Invoice", stated.key)
    assert (await _link(desk, stated)).qbo_id == standing["Id"] != posted.qbo_id
    await _silent(hand, stated)


@pytest.mark.parametrize("another", [False, True], ids=["same process", "another process"])
async def test_the_second_look_comes_by_itself(make_desk: OpenDesk, another: bool) -> None:
    async with make_desk(knobs={"requestid": "absent"}) as desk, desk.another() as other:
        desk.runtime.reconciler.writer._lands_within = other.reconciler.writer._lands_within = _LONG
        customer = desk.shop.customer()
        await desk.sync(desk.shop.invoice(customer))
        invoice = desk.shop.invoice(customer, 4_200)
        desk.qbo.company.turn(query_lag_ms=_LAG_MS)
        desk.qbo.faults.arm("drop_after", method="POST", entity="Invoice", operation="create")
        await desk.sync(invoice)
        assert len(desk.records("Invoice", f"{invoice}:invoice")) == 2
        await desk.sync(invoice)  # a hint in between must not forget it
        async with transaction(desk.runtime.engine) as connection:
            woken_at = await connection.scalar(sa.select(subjects.c.retry_at).where(subjects.c.id == invoice))
        link = await desk.link(f"{invoice}:invoice")
        assert link is not None
        assert woken_at == link.recheck_at
        desk.qbo.company.turn(query_lag_ms=0)
        await desk.wake(other if another else None)
        desk.check_invoice(invoice, balance="42")
        await desk.check_settled()
        async with transaction(desk.runtime.engine) as connection:
            assert await connection.scalar(sa.select(subjects.c.retry_at).where(subjects.c.id == invoice)) is None


@pytest.mark.parametrize(("state", "waits"), [(LinkState.INTENDED, False), (LinkState.UNKNOWN, True)])
async def test_a_request_id_that_died_with_its_process_twice_is_sent_again_and_one_that_failed_is_not(
    hand: Hand, state: LinkState, waits: bool
) -> None:
    desk, stated = hand.desk, document(Entity.DEPOSIT)
    desk.qbo.faults.arm("drop_before", method="POST", entity="Deposit", operation="create")
    with pytest.raises(NotSettled):
        await _once(hand, stated)
    async with transaction(desk.runtime.engine) as connection:
        mine = sa.update(links).where(links.c.document_key == stated.key)
        await connection.execute(mine.values(state=state.value, sends=2))
    await asyncio.sleep(SETTLE_S)
    if waits:
        with pytest.raises(NotSettled):
            await _once(hand, stated)
    else:
        await _once(hand, stated)
    assert len(desk.records("Deposit", stated.key)) == int(not waits)


# --- a change that landed without an answer, and is not wanted any more --------------------------------------------


@pytest.mark.parametrize("then", [1_000, 3_000], ids=["back", "on"])
@pytest.mark.parametrize("entity", ALL)
async def test_a_change_that_landed_unanswered_is_not_taken_for_an_edit(hand: Hand, entity: Entity, then: int) -> None:
    desk, stated = hand.desk, document(entity)
    hand.writer._lands_within = timedelta(seconds=SETTLE_S)
    await hand.done(stated)
    desk.qbo.faults.arm("drop_after", method="POST", entity=entity.value, operation="update")
    with pytest.raises(NotSettled):
        await _once(hand, document(entity, 2_000))
    assert await hand.done(document(entity, then)) == [Action.UPDATE]
    assert (await _link(desk, stated)).amount == then
    await _silent(hand, document(entity, then))


async def test_an_edit_beside_a_lost_change_is_still_named(hand: Hand) -> None:
    desk, stated = hand.desk, document(Entity.DEPOSIT)
    hand.writer._lands_within = timedelta(seconds=SETTLE_S)
    await hand.done(stated)
    posted = await _link(desk, stated)
    desk.qbo.faults.arm("drop_before", method="POST", entity="Deposit", operation="update")
    with pytest.raises(NotSettled):
        await _once(hand, document(Entity.DEPOSIT, 2_000))
    desk.qbo.company.human("Deposit", "update", {"Id": posted.qbo_id, "TxnDate": "2026-11-01"})
    item = await hand.parked(document(Entity.DEPOSIT, 3_000))
    assert (item.code, item.details["fields"]) == (ParkCode.EDITED_IN_QBO, "TxnDate")


# --- names ----------------------------------------------------------------------------------------------------------


async def test_a_name_that_is_taken_meanwhile_is_not_waited_for(hand: Hand) -> None:
    """The lost attempt cannot land any more either: so the next name is taken at once, and looked at a second time."""
    desk = hand.desk
    stated = replace(
        CUSTOMER, key=customer_key("cus_2", "usd"), body=CustomerBody(display_names=("Bea", "Bea (cus_2)"))
    )
    desk.qbo.faults.arm("drop_before", method="POST", entity="Customer", operation="create")
    with pytest.raises(NotSettled):
        await _once(hand, stated)
    desk.qbo.company.human("Customer", "create", {"DisplayName": "Bea"})
    assert await hand.done(stated) == [Action.CREATE]
    (made,) = desk.records("Customer", stated.key)
    assert made["DisplayName"] == "Bea (cus_2)"
    assert (await _link(desk, stated)).recheck_at is not None
    await _let_recheck_come(desk)
    assert await hand.done(stated) == [Action.NOTHING]
    assert (await _link(desk, stated)).recheck_at is None


# --- who wakes up too late ------------------------------------------------------------------------------------------


async def _once(hand: Hand, stated: Document, lock: str = "test") -> None:
    async with hand.desk.runtime.reconciler.locks.hold(lock) as lease:
        await hand.writer.apply(plan_step(stated, await hand.desk.link(stated.key)), SUBJECT, lease)


@pytest.mark.parametrize("stage", ["create", "update"])
async def test_a_late_answer_changes_nothing_of_what_another_process_found_out(
    hand: Hand, monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    desk = hand.desk
    hand.writer._lands_within = timedelta(seconds=SETTLE_S)
    stated = document(Entity.DEPOSIT)
    wanted = stated
    if stage == "update":
        await hand.done(stated)
        wanted = document(Entity.DEPOSIT, 2_000)
    write = getattr(desk.runtime.client, stage)
    async with desk.another() as runtime:
        other = Hand(desk, writer_on(runtime))

        async def asleep(*arguments: Any, **options: Any) -> Any:
            answer = await write(*arguments, **options)
            await asyncio.sleep(SETTLE_S * 2)
            await other.done(wanted, void(wanted))
            return answer

        monkeypatch.setattr(desk.runtime.client, stage, asleep)
        with pytest.raises(LocksLost):
            await _once(hand, wanted, lock="an older lease")
    monkeypatch.undo()
    assert desk.records("Deposit") == []
    assert (await _link(desk, stated)).state is LinkState.VOIDED
    assert await hand.done(wanted) == [Action.CREATE]
    assert len(desk.records("Deposit")) == 1


@pytest.mark.parametrize("operation", ["create", "update", "delete"])
async def test_who_slept_between_intent_and_sending_does_not_send(hand: Hand, operation: str) -> None:
    desk = hand.desk
    stated, changed = document(Entity.DEPOSIT), document(Entity.DEPOSIT, 2_000)
    wanted = {"create": stated, "update": changed, "delete": void(stated)}[operation]
    if operation != "create":
        await hand.done(stated)
    writes = desk.qbo.requests.writes
    hand.writer._sending.send_within_s = -1
    with pytest.raises(QboNotSent):
        await _once(hand, wanted)
    assert desk.qbo.requests.writes == writes
    link = await _link(desk, stated)
    assert (link.state, link.sends) == (LinkState.ABSENT if operation == "create" else LinkState.POSTED, 0)
    hand.writer._sending.send_within_s = 10
    await hand.done(wanted)
    assert len(desk.records("Deposit", stated.key)) == (operation != "delete")


# --- what QBO stores otherwise --------------------------------------------------------------------------------------


async def test_what_was_undone_is_not_made_again_by_every_hint(desk: Desk, shop: Shop) -> None:
    invoice = shop.paid_invoice(shop.customer())
    (charge,) = shop.charges()
    desk.qbo.faults.arm("drop_links", entity="Payment", operation="create", count=2)
    await desk.sync(invoice)
    details = (await desk.parked(f"{charge}:payment")).details
    writes = desk.qbo.requests.writes
    for _ in range(3):
        await desk.sync(invoice)
    assert desk.qbo.requests.writes == writes
    row = await desk.parked(f"{charge}:payment")
    assert (row.code, row.details) == ("answer_differs", details)
    waits = []
    for _ in range(2):
        link = await desk.link(f"{charge}:payment")
        assert link is not None
        assert link.recheck_at is not None
        waits.append(round((link.recheck_at - datetime.now(UTC)).total_seconds() / 60))
        await desk.wake()
    assert waits == [5, 10]
    desk.check_invoice(invoice, balance="0")
    await desk.wake()
    await desk.check_settled()


async def test_another_content_is_sent_at_once(desk: Desk) -> None:
    hand, invoice = Hand(desk, writer_on(desk.runtime)), document(Entity.INVOICE)
    await hand.done(CUSTOMER, invoice)
    desk.qbo.faults.arm("drop_links", entity="Payment", operation="create")
    assert (await hand.parked(applied_to(invoice.key, 1_000))).code is ParkCode.ANSWER_DIFFERS
    assert desk.records("Payment") == []
    assert (await hand.parked(applied_to(invoice.key, 1_000))).code is ParkCode.ANSWER_DIFFERS
    assert await hand.done(applied_to(invoice.key, 900)) == [Action.CREATE]


async def test_an_update_that_was_undone_is_not_made_again_by_every_hint(desk: Desk, shop: Shop) -> None:
    customer = shop.customer()
    first, second = shop.invoice(customer, 6_000), shop.invoice(customer, 4_000)
    charge = shop.pay_shared({first: 6_000}, 10_000)
    await desk.sync(first, second)
    shop.apply_more(charge, second, 4_000)
    desk.qbo.faults.arm("drop_links", entity="Payment", operation="update")
    await desk.sync(first)
    writes = desk.qbo.requests.writes
    await desk.sync(first, second)
    assert desk.qbo.requests.writes == writes
    assert (await desk.parked(f"{charge}:payment")).code == "answer_differs"
    await desk.wake()
    desk.check_invoice(second, balance="0")
    await desk.wake()
    await desk.check_settled()
