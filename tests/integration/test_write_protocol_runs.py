"""Whole runs over hand-made books: what is hinted, parked, advised and told at their ends, and the port of payouts."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from tests.integration.desk import Desk
from tests.integration.papers import CUSTOMER, SUBJECT, applied_to, document, void
from tests.unit.engine.test_owners import PAYOUT
from wescope.books.documents import Desired, Entity, Follow
from wescope.books.parking import ParkCode, Parked
from wescope.books.subjects import Subject, SubjectKind
from wescope.books.values import Payout, Reading, StripeObject
from wescope.engine.reconcile import Reconciler
from wescope.engine.results import SyncResult
from wescope.engine.writer import Applied
from wescope.errors import DatabaseUnavailable
from wescope.links.database import transaction
from wescope.links.schema import hints, subjects

OTHER = Subject(kind=SubjectKind.PAYOUT, id="po_2")
FOLLOWER = Subject(kind=SubjectKind.REFUND, id="re_1")
RECEIPT = document(Entity.SALES_RECEIPT)
DEPOSIT = document(Entity.DEPOSIT)


class _Reader:
    async def read(self, subject: Subject) -> Reading:
        return Reading(found=replace(PAYOUT, id=subject.id))


@dataclass
class _Payouts:
    """Holds every deposit back while `held` is true; remembers what it was told."""

    held: bool = False
    told: list[tuple[str, list[str], list[str]]] = field(default_factory=list)
    fails: bool = False

    async def gate(self, payout: Payout, desired: Desired, soon: object = ()) -> Desired:
        if not self.held:
            return desired
        item = Parked(key=DEPOSIT.key, code=ParkCode.PAYOUT_WAITING, amount=payout.amount, currency="usd")
        return replace(desired, documents=(), parked=(item,))

    async def days(self, found: StripeObject) -> tuple[Follow, ...]:
        del found  # fees are not booked by day here
        return ()

    async def settle(self, payout: Payout, applied: Sequence[Applied], parked: Sequence[Parked]) -> None:
        if self.fails:
            raise DatabaseUnavailable(reason="test")
        keys = [one.step.document.key for one in applied]
        self.told.append((payout.id, list(keys), [item.code.value for item in parked]))


@dataclass
class Office:
    """A reconciler whose books are what a test puts on its table."""

    desk: Desk
    reconciler: Reconciler
    books: dict[str, Desired]
    payouts: _Payouts

    async def run(self, subject: Subject = SUBJECT, **books: Any) -> SyncResult | None:
        """Hints the subject and runs it once; `books` are fields of what is desired for it."""
        if books:
            self.books[subject.id] = Desired(**books)
        await self.desk.runtime.queue.hint([subject], source="test")
        return await self.reconciler.run(subject)

    async def hinted(self, source: str) -> list[str]:
        """Subjects that were hinted for this reason, and forgets them."""
        async with transaction(self.desk.runtime.engine) as connection:
            gone = sa.delete(hints).where(hints.c.source == source).returning(hints.c.subject_id)
            return sorted((await connection.execute(gone)).scalars())


@pytest.fixture
def office(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Office:
    books: dict[str, Desired] = {}

    def desired(found: Payout, _policy: object) -> Desired:
        return books[found.id]

    monkeypatch.setattr("wescope.engine.reconcile.desired_books", desired)
    payouts = _Payouts()
    reconciler = replace(desk.runtime.reconciler, reader=_Reader(), payouts=payouts)  # type: ignore[arg-type]  # a double
    return Office(desk, reconciler, books, payouts)


# --- the port of payouts --------------------------------------------------------------------------------------------


async def test_a_payout_is_gated_and_its_result_is_told(office: Office, desk: Desk) -> None:
    office.payouts.held = True
    result = await office.run(documents=(DEPOSIT,))
    assert desk.records("Deposit") == []
    assert await desk.codes() == {DEPOSIT.key: "payout_waiting"}
    assert result is not None
    assert result.needs_someone
    office.payouts.held = False
    await office.run()
    assert len(desk.records("Deposit", DEPOSIT.key)) == 1
    assert await desk.codes() == {}
    assert office.payouts.told == [("po_1", [], ["payout_waiting"]), ("po_1", [DEPOSIT.key], [])]


async def test_a_preview_is_gated_and_writes_nothing(office: Office, desk: Desk) -> None:
    office.books["po_1"] = Desired(documents=(DEPOSIT,))
    rows = (await office.reconciler.preview(SUBJECT)).actions
    assert [(row.document_key, row.action) for row in rows] == [(DEPOSIT.key, "create")]
    office.payouts.held = True
    rows = (await office.reconciler.preview(SUBJECT)).actions
    assert [(row.action, row.reason) for row in rows] == [("park", "payout_waiting")]
    assert desk.qbo.requests.writes == 0
    assert office.payouts.told == []


async def test_a_result_that_cannot_be_stored_is_stored_by_the_next_run(office: Office, desk: Desk) -> None:
    office.payouts.fails = True
    assert await office.run(documents=(DEPOSIT,)) is None
    assert await desk.last_code("po_1") == "database_unavailable"
    office.payouts.fails = False
    await office.run()
    assert office.payouts.told == [("po_1", [DEPOSIT.key], [])]
    assert len(desk.records("Deposit")) == 1


async def test_payouts_are_worked_on_one_at_a_time(office: Office, desk: Desk) -> None:
    await office.run(documents=())
    async with transaction(desk.runtime.engine) as connection:
        found = (await connection.execute(sa.select(subjects.c.customer_id))).scalars().all()
    assert found == ["account"]


# --- the end of a run -----------------------------------------------------------------------------------------------


async def test_followers_are_hinted_unless_they_ran_since(office: Office, desk: Desk) -> None:
    before = datetime.now(UTC) - timedelta(minutes=1)
    await office.run(documents=(), follows=(Follow(subject=FOLLOWER, since=before),))
    assert await office.hinted("follow") == ["re_1"]
    office.books["re_1"] = Desired()
    await office.run(FOLLOWER)
    await office.run()
    assert await office.hinted("follow") == []
    later = datetime.now(UTC) + timedelta(minutes=1)
    follows = (Follow(subject=FOLLOWER, since=later), Follow(subject=SUBJECT, since=later))
    await office.run(documents=(), follows=follows)
    assert await office.hinted("follow") == ["re_1"]


async def test_advice_is_listed_although_the_document_is_posted(office: Office, desk: Desk) -> None:
    advice = Parked(key=DEPOSIT.key, code=ParkCode.ON_REVIEW_ACCOUNT, amount=1_000, currency="usd")
    result = await office.run(documents=(DEPOSIT,), advisory=(advice,))
    assert result is not None
    assert result.needs_someone
    assert [(row.action, row.reason) for row in result.actions] == [("create", None), ("advise", "on_review_account")]
    assert await desk.codes() == {DEPOSIT.key: "on_review_account"}
    async with transaction(desk.runtime.engine) as connection:
        retry_at = (await connection.execute(sa.select(subjects.c.retry_at))).scalar_one()
    assert retry_at is None, "nothing waits for it"
    await office.run(documents=(DEPOSIT,))
    assert await desk.codes() == {}


async def test_what_blocks_a_document_gives_way_before_the_rest_advises(office: Office, desk: Desk) -> None:
    advice = Parked(key=RECEIPT.key, code=ParkCode.ON_REVIEW_ACCOUNT, amount=1_000, currency="usd")
    await office.run(documents=(RECEIPT,), advisory=(advice,))
    assert await desk.codes() == {RECEIPT.key: "waiting"}
    await office.run(documents=(CUSTOMER, RECEIPT), advisory=(advice,))
    assert await desk.codes() == {RECEIPT.key: "on_review_account"}


async def test_what_waits_for_a_document_to_go_is_woken_when_it_is_gone(office: Office, desk: Desk) -> None:
    invoice = document(Entity.INVOICE)
    payment = applied_to(invoice.key, 1_000)
    await office.run(OTHER, documents=(CUSTOMER, invoice))
    await office.run(documents=(payment,))
    blocked = replace(void(invoice), blockers=(payment.key,))
    await office.run(OTHER, documents=(CUSTOMER, blocked))
    assert await desk.codes() == {invoice.key: "waiting"}
    await office.hinted("waiting")
    await office.run()
    assert await office.hinted("waiting") == [], "it still stands"
    await office.run(documents=(void(payment),))
    assert await office.hinted("waiting") == ["po_2"]
    await office.run(OTHER)
    assert await desk.codes() == {}
    assert desk.receivable() == 0


async def test_counters_are_of_the_subject_and_outlive_the_open_books(office: Office, desk: Desk) -> None:
    invoice = document(Entity.INVOICE)
    counter = replace(document(Entity.CREDIT_MEMO), dates=replace(invoice.dates, txn=date(2026, 11, 18)))
    undone = replace(void(invoice), counters=(counter,))
    await office.run(documents=(CUSTOMER, invoice))
    desk.qbo.company.turn(book_close_date="2026-11-15")
    await desk.runtime.company.refresh()
    await office.run(documents=(CUSTOMER, undone))
    desk.qbo.company.turn(book_close_date="")
    await desk.runtime.company.refresh()
    await office.run()
    assert await desk.codes() == {}
    assert desk.receivable() == 0
    # Should it stand again after all, the counter is what is left over.
    await office.run(documents=(CUSTOMER, invoice))
    assert await desk.codes() == {counter.key: "no_longer_desired"}
