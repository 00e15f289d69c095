"""The write protocol for every entity, with documents made by hand: created, changed, taken back, whatever is lost."""

import contextlib
import itertools
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.integration.conftest import OpenDesk
from tests.integration.desk import Desk
from tests.integration.papers import CLEARING, CUSTOMER, DAY, SUBJECT, Hand, applied_to, document, void, writer_on
from wescope.books.documents import DepositBody, DepositLine, Document, Entity, KeyDates
from wescope.books.parking import ParkCode
from wescope.books.policy import ClosedPeriod
from wescope.books.subjects import DocumentKey
from wescope.engine.plan import Action, plan_step
from wescope.engine.sending import NotSettled
from wescope.engine.writer import Writer
from wescope.errors import TransientRefusal
from wescope.links.database import transaction
from wescope.links.store import LinkState
from wescope.qbo.existing import ExistingDocuments

ALL = [Entity.INVOICE, Entity.PAYMENT, Entity.SALES_RECEIPT, Entity.CREDIT_MEMO, Entity.REFUND_RECEIPT]
ALL += [Entity.JOURNAL_ENTRY, Entity.DEPOSIT]
VOIDED = frozenset({Entity.INVOICE, Entity.PAYMENT, Entity.SALES_RECEIPT})
CLOSED = "2026-11-15"
OPEN_DAY = date(2026, 11, 16)


def _writer(desk: Desk, **options: Any) -> Writer:
    return writer_on(desk.runtime, **options)


def _existing(desk: Desk) -> ExistingDocuments:
    """As after a long while each time: nothing that was read before is believed."""
    clock = itertools.count(step=100_000)
    return ExistingDocuments(desk.runtime.client, desk.runtime.company, clock_s=lambda: next(clock))


@pytest.fixture
async def hand(desk: Desk) -> AsyncIterator[Hand]:
    found = Hand(desk, _writer(desk))
    await found.done(CUSTOMER)
    yield found
    desk.check_books()


def _standing(desk: Desk, stated: Document) -> list[dict[str, Any]]:
    found = desk.records(stated.entity.value, stated.key)
    return [one for one in found if any(Decimal(line.get("Amount") or 0) for line in one["Line"]) or _total(one)]


def _total(record: dict[str, Any]) -> Decimal:
    return Decimal(record["TotalAmt"])


async def _silent(desk: Desk, hand: Hand, *documents: Document) -> None:
    before = desk.qbo.requests.total
    assert set(await hand.done(*documents)) == {Action.NOTHING}
    assert desk.qbo.requests.total == before


# --- create, update, take back --------------------------------------------------------------------------------------


@pytest.mark.parametrize("entity", ALL)
async def test_created_changed_and_taken_back(desk: Desk, hand: Hand, entity: Entity) -> None:
    clearing = desk.balance("Stripe Clearing")
    stated = document(entity)
    assert await hand.done(stated) == [Action.CREATE]
    await _silent(desk, hand, stated)
    changed = document(entity, 2_000)
    assert await hand.done(changed) == [Action.UPDATE]
    assert len(_standing(desk, stated)) == 1
    await _silent(desk, hand, changed)
    assert await hand.done(void(changed)) == [Action.VOID]
    assert _standing(desk, stated) == []
    assert len(desk.records(entity.value, stated.key)) == (entity in VOIDED)
    assert desk.balance("Stripe Clearing") == clearing
    link = await desk.link(stated.key)
    assert link is not None
    assert link.state is LinkState.VOIDED
    await _silent(desk, hand, void(changed))


@pytest.mark.parametrize("entity", ALL)
async def test_what_was_taken_back_can_be_posted_anew_and_taken_back_again(desk: Desk, entity: Entity) -> None:
    hand, stated = Hand(desk, _writer(desk)), document(entity)
    await hand.done(CUSTOMER)
    for _ in range(3):
        assert await hand.done(stated, void(stated)) == [Action.CREATE, Action.VOID]
    await hand.done(stated)
    assert len(_standing(desk, stated)) == 1


FAULTS: dict[str, tuple[str, dict[str, Any]]] = {
    "dropped_after": ("drop_after", {}),
    "dropped_before": ("drop_before", {}),
    "dropped_twice": ("drop_after", {"count": 2}),
    "never_there": ("drop_before", {"count": 3}),
    "cut": ("cut_body", {}),
    "html": ("wrong_format", {"format": "html"}),
    "500_after": ("error_after", {}),
    "6000_save": ("transient", {"text": "save"}),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("entity", [one for one in ALL if one not in {Entity.INVOICE, Entity.PAYMENT}])
async def test_each_write_survives_a_lost_answer(make_desk: OpenDesk, entity: Entity, fault: str) -> None:
    kind, settings = FAULTS[fault]
    async with make_desk(knobs={"requestid": "absent"}) as desk:
        hand = Hand(desk, _writer(desk))
        await hand.done(CUSTOMER)
        stated, changed = document(entity), document(entity, 2_000)

        async def with_trouble(operation: str, wanted: Document) -> None:
            desk.qbo.faults.clear()
            desk.qbo.faults.arm(kind, method="POST", entity=entity.value, operation=operation, **settings)
            for _ in range(6):
                with contextlib.suppress(TransientRefusal):  # it ends a run, and passes by itself
                    await hand.done(wanted)
                    break

        await with_trouble("create", stated)
        assert len(desk.records(entity.value, stated.key)) == 1
        await with_trouble("update", changed)
        (record,) = desk.records(entity.value, stated.key)
        assert entity is Entity.JOURNAL_ENTRY or _total(record) == 20
        await with_trouble("void" if entity in VOIDED else "delete", void(changed))
        assert _standing(desk, stated) == []
        desk.check_books()
        await _silent(desk, hand, void(changed))


@pytest.mark.parametrize("entity", ALL)
async def test_an_edit_by_a_person_is_neither_overwritten_nor_taken_back(
    desk: Desk, hand: Hand, entity: Entity
) -> None:
    stated = document(entity)
    await hand.done(stated)
    (record,) = desk.records(entity.value, stated.key)
    desk.qbo.company.human(entity.value, "update", {"Id": record["Id"], "TxnDate": "2026-11-01"})
    for wanted in (document(entity, 2_000), void(stated)):
        item = await hand.parked(wanted)
        assert (item.code, item.details["fields"]) == (ParkCode.EDITED_IN_QBO, "TxnDate")
    assert len(_standing(desk, stated)) == 1


@pytest.mark.parametrize("entity", ALL)
async def test_what_a_person_has_deleted_counts_as_taken_back_and_is_else_named(
    desk: Desk, hand: Hand, entity: Entity
) -> None:
    stated = document(entity)
    await hand.done(stated)
    (record,) = desk.records(entity.value, stated.key)
    desk.qbo.company.human(entity.value, "delete", {"Id": record["Id"]})
    assert (await hand.parked(document(entity, 2_000))).code is ParkCode.MISSING_IN_QBO
    assert await hand.done(void(stated)) == [Action.VOID]


async def test_a_refused_take_back_names_what_it_is_linked_to(desk: Desk, hand: Hand) -> None:
    stated = document(Entity.INVOICE)
    payment = applied_to(stated.key, 1_000)
    await hand.done(stated, payment)
    item = await hand.parked(void(stated))
    (record,) = desk.records("Payment", payment.key)
    assert item.code is ParkCode.REFUSED_BY_QBO
    assert item.details["linked"] == f"Payment.{record['Id']}"


async def test_what_blocks_is_taken_back_first(desk: Desk, hand: Hand) -> None:
    invoice = document(Entity.INVOICE)
    payment = applied_to(invoice.key, 1_000)
    await hand.done(invoice, payment)
    blocked = replace(void(invoice), blockers=(payment.key,))
    item = await hand.parked(blocked)
    details = {"waiting_on": payment.key, "until": "taken_back"}
    assert (item.code, item.details) == (ParkCode.WAITING, details)
    assert await hand.done(void(payment), blocked) == [Action.VOID, Action.VOID]
    assert desk.receivable() == 0


# --- closed books ---------------------------------------------------------------------------------------------------


async def _close(desk: Desk, until: str) -> None:
    desk.qbo.company.turn(book_close_date=until)
    await desk.runtime.company.refresh()


@pytest.mark.parametrize("entity", ALL)
async def test_closed_books_keep_everything_out(desk: Desk, hand: Hand, entity: Entity) -> None:
    posted = document(entity)
    await hand.done(posted)
    await _close(desk, CLOSED)
    new = replace(posted, key=DocumentKey("x_2:new"))
    for wanted in (new, document(entity, 2_000), void(posted)):
        item = await hand.parked(wanted)
        assert (item.code, item.details) == (ParkCode.PERIOD_CLOSED, {"closed_until": CLOSED})


@pytest.mark.parametrize("entity", ALL)
async def test_a_new_document_goes_to_the_first_open_day(desk: Desk, hand: Hand, entity: Entity) -> None:
    hand.writer = _writer(desk, closed_period=ClosedPeriod.NEXT_OPEN_DAY)
    await _close(desk, CLOSED)
    stated = document(entity)
    assert await hand.done(stated) == [Action.CREATE]
    (record,) = desk.records(entity.value, stated.key)
    assert record["TxnDate"] == OPEN_DAY.isoformat()
    assert "original date 2026-11-12" in record["PrivateNote"]
    link = await desk.link(stated.key)
    assert link is not None
    assert (link.txn_date, link.stated_date) == (OPEN_DAY, DAY)
    await _silent(desk, hand, stated)
    # Also when the books are open again: it stays where it is, with its date, until it is taken back.
    await _close(desk, "")
    await _silent(desk, hand, stated)
    changed = document(entity, 2_000)
    assert await hand.done(changed) == [Action.UPDATE]
    (record,) = desk.records(entity.value, stated.key)
    assert (record["TxnDate"], "original date 2026-11-12" in record["PrivateNote"]) == (OPEN_DAY.isoformat(), True)
    await _silent(desk, hand, changed)
    await _close(desk, "2026-11-30")
    assert (await hand.parked(void(changed))).code is ParkCode.PERIOD_CLOSED
    await _close(desk, "")
    assert await hand.done(void(changed)) == [Action.VOID]


@pytest.mark.parametrize(
    ("kind", "meanwhile", "day"),
    [
        *(("drop_after", meanwhile, OPEN_DAY) for meanwhile in (CLOSED, "2026-11-18", "")),
        ("drop_before", CLOSED, OPEN_DAY),
        ("drop_before", "2026-11-18", date(2026, 11, 19)),
        ("drop_before", "", DAY),
    ],
)
async def test_a_moved_document_that_was_lost_stands_once(desk: Desk, kind: str, meanwhile: str, day: date) -> None:
    desk.qbo.company.turn(requestid="absent")
    hand = Hand(desk, _writer(desk, closed_period=ClosedPeriod.NEXT_OPEN_DAY))
    stated = document(Entity.JOURNAL_ENTRY)
    await hand.done(CUSTOMER)
    await _close(desk, CLOSED)
    desk.qbo.faults.arm(kind, method="POST", entity="JournalEntry", operation="create")
    async with desk.runtime.reconciler.locks.hold("test") as lease:
        with pytest.raises(NotSettled):
            await hand.writer.apply(plan_step(stated, None), SUBJECT, lease)
    await _close(desk, meanwhile)
    await hand.done(stated)
    await _silent(desk, hand, stated)
    (record,) = desk.records("JournalEntry", stated.key)
    assert record["TxnDate"] == day.isoformat()
    link = await desk.link(stated.key)
    assert link is not None
    assert (link.txn_date, link.stated_date) == (day, DAY if day != DAY else None)


async def test_a_change_is_never_moved(desk: Desk, hand: Hand) -> None:
    hand.writer = _writer(desk, closed_period=ClosedPeriod.NEXT_OPEN_DAY)
    stated = document(Entity.DEPOSIT)
    await hand.done(stated)
    await _close(desk, CLOSED)
    assert (await hand.parked(document(Entity.DEPOSIT, 2_000))).code is ParkCode.PERIOD_CLOSED
    later = document(Entity.DEPOSIT, day=DAY + timedelta(days=10))
    assert (await hand.parked(later)).code is ParkCode.PERIOD_CLOSED, "its old day is closed, too"


def _with_counters(stated: Document) -> Document:
    counter = replace(
        document(Entity.CREDIT_MEMO),
        key=DocumentKey(f"{stated.key}:reversal"),
        dates=KeyDates(txn=date(2026, 11, 18)),
    )
    return replace(void(stated), counters=(counter,))


async def test_what_is_undone_in_closed_books_is_countered_for_good(desk: Desk, hand: Hand) -> None:
    stated = document(Entity.INVOICE)
    undone = _with_counters(stated)
    await hand.done(stated)
    await _close(desk, CLOSED)
    assert await hand.done(undone) == [Action.NOTHING, Action.CREATE]
    await _silent(desk, hand, undone)
    await _close(desk, "")
    await _silent(desk, hand, undone)
    assert desk.receivable() == 0
    assert _total(desk.record("Invoice", stated.key)) == 10


async def test_counters_obey_closed_books_too(desk: Desk, hand: Hand) -> None:
    stated = document(Entity.INVOICE)
    undone = _with_counters(stated)
    await hand.done(stated)
    await _close(desk, "2026-11-20")
    _, second = await hand.put(undone)
    assert getattr(second, "code", None) is ParkCode.PERIOD_CLOSED
    hand.writer = _writer(desk, closed_period=ClosedPeriod.NEXT_OPEN_DAY)
    assert await hand.done(undone) == [Action.NOTHING, Action.CREATE]
    (memo,) = desk.records("CreditMemo")
    assert memo["TxnDate"] == "2026-11-21"


async def test_what_is_undone_in_open_books_is_never_countered(desk: Desk, hand: Hand) -> None:
    stated = document(Entity.INVOICE)
    undone = _with_counters(stated)
    assert await hand.done(undone) == [Action.NOTHING], "it was never posted"
    await hand.done(stated)
    assert await hand.done(undone) == [Action.VOID]
    await _close(desk, CLOSED)
    await _silent(desk, hand, undone)
    assert desk.records("CreditMemo") == []


# --- what somebody else has entered ---------------------------------------------------------------------------------


def _plain(entity: Entity) -> Document:
    """A document as a person would have entered it: a deposit of nothing but money from clearing."""
    stated = document(entity)
    if isinstance(stated.body, DepositBody):
        line = DepositLine(account=CLEARING, amount=stated.amount, description="Payout")
        return replace(stated, body=replace(stated.body, lines=(line,)))
    return stated


@pytest.mark.parametrize("entity", ALL)
async def test_what_is_there_already_is_linked_and_never_touched(desk: Desk, hand: Hand, entity: Entity) -> None:
    other = replace(_plain(entity), key=DocumentKey("by_hand:x"))
    await hand.done(other)
    (record,) = desk.records(entity.value, other.key)
    assert desk.qbo.company.human(entity.value, "update", {"Id": record["Id"], "PrivateNote": ""}).status == 200
    hand.writer = _writer(desk, existing=_existing(desk))
    stated = _plain(entity)
    assert await hand.put(stated) == [(Action.ADOPT, record["Id"])]
    await _silent(desk, hand, stated)
    link = await desk.link(stated.key)
    assert link is not None
    assert (link.state, link.qbo_id, link.amount) == (LinkState.POSTED, record["Id"], 1_000)
    writes = desk.qbo.requests.writes
    for wanted in (document(entity, 2_000), void(stated)):
        item = await hand.parked(wanted)
        assert (item.code, item.details["qbo_id"]) == (ParkCode.LOOKS_LIKE, record["Id"])
    assert desk.qbo.requests.writes == writes
    desk.qbo.company.human(entity.value, "delete", {"Id": record["Id"]})
    assert await hand.done(void(stated)) == [Action.VOID]


async def test_one_record_stands_for_one_document(desk: Desk, hand: Hand) -> None:
    """Two payouts of one amount in one week: a deposit was entered for one of them."""
    await hand.done(replace(_plain(Entity.DEPOSIT), key=DocumentKey("by_hand:x")))
    (record,) = desk.records("Deposit")
    desk.qbo.company.human("Deposit", "update", {"Id": record["Id"], "PrivateNote": ""})
    hand.writer = _writer(desk, existing=_existing(desk))
    second = replace(_plain(Entity.DEPOSIT), key=DocumentKey("x_2:deposit"))
    assert await hand.done(_plain(Entity.DEPOSIT), second) == [Action.ADOPT, Action.CREATE]
    assert await hand.done(_plain(Entity.DEPOSIT), second) == [Action.NOTHING, Action.NOTHING]
    assert len(desk.records("Deposit")) == 2


async def test_an_adopted_document_that_is_gone_is_made_when_it_changes(desk: Desk, hand: Hand) -> None:
    other = replace(document(Entity.JOURNAL_ENTRY), key=DocumentKey("by_hand:x"))
    await hand.done(other)
    (record,) = desk.records("JournalEntry", other.key)
    desk.qbo.company.human("JournalEntry", "update", {"Id": record["Id"], "PrivateNote": ""})
    hand.writer = _writer(desk, existing=_existing(desk))
    await hand.done(document(Entity.JOURNAL_ENTRY))
    desk.qbo.company.human("JournalEntry", "delete", {"Id": record["Id"]})
    assert await hand.done(document(Entity.JOURNAL_ENTRY, 2_000)) == [Action.CREATE]
    assert len(desk.records("JournalEntry", "x_1:journalentry")) == 1


async def test_what_only_looks_alike_waits_until_it_is_gone(desk: Desk, hand: Hand) -> None:
    other = replace(document(Entity.INVOICE, 1_500), key=DocumentKey("by_hand:x"))
    await hand.done(other)
    (record,) = desk.records("Invoice", other.key)
    desk.qbo.company.human("Invoice", "update", {"Id": record["Id"], "PrivateNote": ""})
    hand.writer = _writer(desk, existing=_existing(desk))
    stated = document(Entity.INVOICE)
    item = await hand.parked(stated)
    assert (item.code, item.details["qbo_id"]) == (ParkCode.LOOKS_LIKE, record["Id"])
    assert "DocNumber" in str(item.details["agreeing"]).split()
    desk.qbo.company.human("Invoice", "delete", {"Id": record["Id"]})
    assert await hand.done(stated) == [Action.CREATE]


async def test_adoption_needs_no_open_books(desk: Desk, hand: Hand) -> None:
    other = replace(_plain(Entity.DEPOSIT), key=DocumentKey("by_hand:x"))
    await hand.done(other)
    (record,) = desk.records("Deposit", other.key)
    desk.qbo.company.human("Deposit", "update", {"Id": record["Id"], "PrivateNote": ""})
    await _close(desk, CLOSED)
    for closed_period in ClosedPeriod:
        existing = _existing(desk)
        hand.writer = _writer(desk, existing=existing, closed_period=closed_period)
        await hand.done(_plain(Entity.DEPOSIT))
    link = await desk.link("x_1:deposit")
    assert link is not None
    assert (link.qbo_id, link.stated_date) == (record["Id"], None)


async def test_a_link_says_what_moves_in_clearing(desk: Desk, hand: Hand) -> None:
    receipt = document(Entity.SALES_RECEIPT, settled=1_000)
    memo = document(Entity.CREDIT_MEMO)
    await hand.done(receipt, memo)
    async with transaction(desk.runtime.engine) as connection:
        keys = [receipt.key, memo.key, CUSTOMER.key, DocumentKey("x")]
        found = await desk.runtime.store.settled(connection, keys)
    assert found.keys() == {receipt.key, memo.key, CUSTOMER.key}
    settled = found[receipt.key]
    assert (settled.settled_amount, settled.settled_currency, settled.txn_date) == (1_000, "usd", DAY)
    assert (settled.state, settled.entity) == (LinkState.POSTED, "SalesReceipt")
    assert (found[memo.key].settled_amount, found[memo.key].settled_currency) == (None, None)
