"""The link tables on a real database: migrations, coalescing hints, parked items, the store's guard."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from tests.integration.conftest import MakeDatabase
from tests.unit.engine.test_plan import INVOICE, SUBJECT
from wescope.books.documents import Document
from wescope.books.parking import ParkCode, Parked
from wescope.books.subjects import DocumentKey, Subject, SubjectKind
from wescope.errors import LocksLost
from wescope.links.database import migrate, open_engine, schema_is_current, transaction
from wescope.links.reports import counts
from wescope.links.schema import metadata, parked, subjects
from wescope.links.selection import Selection, page_of_selected
from wescope.links.store import Intent, Link, LinkState, LinkStore, Operation
from wescope.links.subjects import (
    Begun,
    Hint,
    Waiting,
    begin,
    cover,
    fail,
    finish,
    not_run_since,
    record_all,
    wake_due,
    wake_orphans,
)
from wescope.links.waiting import waiting_for

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
OTHER = Subject(kind=SubjectKind.INVOICE, id="in_2")


@pytest.fixture
async def engine(database: str) -> AsyncIterator[AsyncEngine]:
    opened = open_engine(database)
    yield opened
    await opened.dispose()


class Queue:
    """Stands for the queue: remembers what was put into it, with its lock."""

    def __init__(self) -> None:
        self.jobs: list[tuple[str, str]] = []
        self.lanes: list[str] = []

    async def defer(self, connection: AsyncConnection, jobs: Sequence[Waiting]) -> None:
        self.jobs += [(one.subject.id, one.lock) for one in jobs]
        self.lanes += [one.lane for one in jobs]


@pytest.fixture
def queue() -> Queue:
    return Queue()


# --- migrations -----------------------------------------------------------------------------------------------------


def _ours(_object: Any, name: str | None, kind: str, _reflected: bool, _compare_to: Any) -> bool:
    return kind != "table" or not str(name).startswith(("procrastinate_", "qbo_"))


async def test_the_schema_is_what_the_migrations_make(engine: AsyncEngine) -> None:
    def differences(connection: sa.Connection) -> list[Any]:
        options = {"compare_type": True, "compare_server_default": True, "include_object": _ours}
        context = MigrationContext.configure(connection, opts=options)
        return [one for one in compare_metadata(context, metadata) if "procrastinate" not in repr(one)]

    async with engine.connect() as connection:
        assert await connection.run_sync(differences) == []
        names = await connection.run_sync(lambda sync: sa.inspect(sync).get_table_names())
    assert set(metadata.tables) <= set(names)


async def test_processes_that_start_together_migrate_once(make_database: MakeDatabase) -> None:
    engines = [open_engine(url) for url in [make_database(False)] * 4]
    assert not await schema_is_current(engines[0])
    await asyncio.gather(*(migrate(engine) for engine in engines))
    assert await schema_is_current(engines[0])
    await asyncio.gather(*(engine.dispose() for engine in engines))


# --- hints ----------------------------------------------------------------------------------------------------------


async def _hint(engine: AsyncEngine, queue: Queue, subject: Subject = SUBJECT, **fields: Any) -> bool:
    async with transaction(engine) as connection:
        hint = Hint(subject=subject, source="test", **fields)
        return (await record_all(connection, [hint], queue.defer))[0]


async def _begin(engine: AsyncEngine) -> Begun:
    async with transaction(engine) as connection:
        begun = await begin(connection, SUBJECT)
    assert begun is not None
    return begun


async def _row(engine: AsyncEngine) -> dict[str, Any]:
    async with transaction(engine) as connection:
        return dict((await connection.execute(sa.select(subjects).where(subjects.c.id == SUBJECT.id))).mappings().one())


async def test_hints_of_one_subject_make_one_job(engine: AsyncEngine, queue: Queue) -> None:
    await asyncio.gather(*(_hint(engine, queue, customer_id="cus_1", event_id=f"evt_{n}") for n in range(8)))
    assert queue.jobs == [("in_1", "cus_1")]
    assert (await _row(engine))["dirty"] == 8


async def test_an_event_counts_once_however_often_it_is_delivered(engine: AsyncEngine, queue: Queue) -> None:
    stored = await asyncio.gather(*(_hint(engine, queue, event_id="evt_1") for _ in range(8)))
    assert sorted(stored) == [False] * 7 + [True]
    assert (await _row(engine))["dirty"] == 1


async def test_a_hint_during_a_run_gets_its_own_job_and_is_not_cleaned_away(engine: AsyncEngine, queue: Queue) -> None:
    await _hint(engine, queue)
    begun = await _begin(engine)
    await _hint(engine, queue)
    assert len(queue.jobs) == 2
    async with transaction(engine) as connection:
        await finish(connection, SUBJECT, begun, replan_at=NOW, code="waiting")
    row = await _row(engine)
    assert row["dirty"] > row["clean"]
    assert row["retry_at"] is None, "its own job comes sooner"
    again = await _begin(engine)
    assert again.has_work
    async with transaction(engine) as connection:
        await finish(connection, SUBJECT, again, replan_at=None, code=None)
    assert not (await _begin(engine)).has_work


async def test_a_late_finish_takes_nothing_back(engine: AsyncEngine, queue: Queue) -> None:
    await _hint(engine, queue)
    slow = await _begin(engine)
    await _hint(engine, queue)
    quick = await _begin(engine)
    async with transaction(engine) as connection:
        await finish(connection, SUBJECT, quick, replan_at=None, code=None)
        await finish(connection, SUBJECT, slow, replan_at=None, code=None)
    row = await _row(engine)
    assert row["clean"] == row["dirty"]


async def test_a_failed_run_stays_dirty_and_is_woken(engine: AsyncEngine, queue: Queue) -> None:
    await _hint(engine, queue, customer_id="cus_1")
    begun = await _begin(engine)
    async with transaction(engine) as connection:
        await fail(connection, SUBJECT, begun, retry_at=datetime.now(UTC) + timedelta(hours=1), code="x")
        assert await wake_due(connection, queue.defer) == 0
        await fail(connection, SUBJECT, begun, retry_at=datetime.now(UTC) - timedelta(seconds=5), code="x")
    async with transaction(engine) as connection:
        assert await wake_due(connection, queue.defer) == 1
        assert await wake_due(connection, queue.defer) == 0
    assert queue.jobs == [("in_1", "cus_1")] * 2
    assert (await _begin(engine)).failures == 1
    async with transaction(engine) as connection:
        assert (await counts(connection, "realm")).backlog == 1


async def test_a_subject_whose_job_was_lost_is_queued_again(engine: AsyncEngine, queue: Queue) -> None:
    await _hint(engine, queue)
    async with transaction(engine) as connection:
        assert await wake_orphans(connection, queue.defer, older_than_s=60) == 0
        await connection.execute(sa.update(subjects).values(dirty_since=sa.func.now() - timedelta(minutes=5)))
        assert await wake_orphans(connection, queue.defer, older_than_s=60) == 1
    assert len(queue.jobs) == 2


async def _lanes(engine: AsyncEngine, queue: Queue) -> tuple[str, list[str]]:
    lanes, queue.lanes = queue.lanes, []
    return (await _row(engine))["lane"], lanes


async def test_a_live_hint_overtakes_a_job_that_waits_in_the_backlog(engine: AsyncEngine, queue: Queue) -> None:
    await _hint(engine, queue, lane="backlog")
    await _hint(engine, queue, lane="backlog")
    assert await _lanes(engine, queue) == ("backlog", ["backlog"])
    await _hint(engine, queue)
    await _hint(engine, queue)
    await _hint(engine, queue, lane="backlog")
    assert await _lanes(engine, queue) == ("live", ["live"])
    begun = await _begin(engine)
    assert (begun.lane, begun.has_work) == ("live", True)
    async with transaction(engine) as connection:
        await finish(connection, SUBJECT, begun, replan_at=None, code=None)
    assert not (await _begin(engine)).has_work, "the job that was overtaken"
    await _hint(engine, queue, lane="backlog")
    assert await _lanes(engine, queue) == ("backlog", ["backlog"])


async def test_what_is_tried_again_keeps_its_lane(engine: AsyncEngine, queue: Queue) -> None:
    past = datetime.now(UTC) - timedelta(seconds=5)
    for lane in ("backlog", "live"):
        await _hint(engine, queue, lane=lane)
        begun = await _begin(engine)
        async with transaction(engine) as connection:
            await fail(connection, SUBJECT, begun, retry_at=past, code="x")
            assert await wake_due(connection, queue.defer) == 1
        assert await _lanes(engine, queue) == (lane, [lane] * 2)
        await _begin(engine)
    await _hint(engine, queue, lane="backlog")
    assert (await _row(engine))["lane"] == "live", "it still waits for what was live"
    queue.lanes = []
    async with transaction(engine) as connection:
        await connection.execute(sa.update(subjects).values(dirty_since=sa.func.now() - timedelta(minutes=5)))
        assert await wake_orphans(connection, queue.defer, older_than_s=60) == 1
    assert queue.lanes == ["live"]


async def _cover(engine: AsyncEngine, *, before: datetime) -> dict[str, Any]:
    async with engine.begin() as connection:
        await cover(connection, [SUBJECT], before=before)
    return await _row(engine)


async def test_what_another_run_has_read_has_no_work_left(engine: AsyncEngine, queue: Queue) -> None:
    await _hint(engine, queue)
    row = await _cover(engine, before=datetime.now(UTC))
    assert (row["dirty"], row["clean"], row["dirty_since"]) == (1, 1, None)
    assert not (await _begin(engine)).has_work
    await _hint(engine, queue)
    assert (await _begin(engine)).has_work


async def test_a_hint_that_came_after_that_reading_has(engine: AsyncEngine, queue: Queue) -> None:
    before = datetime.now(UTC)
    await _hint(engine, queue)
    row = await _cover(engine, before=before)
    assert (row["dirty"], row["clean"]) == (1, 0)


async def test_many_hints_in_opposite_orders_do_not_block_each_other(engine: AsyncEngine, queue: Queue) -> None:
    several = [Subject(kind=SubjectKind.INVOICE, id=f"in_{number}") for number in range(10)]

    async def hint_all(order: list[Subject]) -> None:
        async with transaction(engine) as connection:
            await record_all(connection, [Hint(subject=one, source="test") for one in order], queue.defer)

    await asyncio.gather(*(hint_all(several if number % 2 else several[::-1]) for number in range(10)))
    assert len(queue.jobs) == 10


async def test_what_a_run_has_had_looked_at_is_told_to_it_alone(engine: AsyncEngine, queue: Queue) -> None:
    chosen = Selection(named=(SUBJECT, OTHER))
    async with transaction(engine) as connection:
        await record_all(connection, [Hint(subject=OTHER, source="owner", run_id=7)], queue.defer)
        for run_id, expected in ((7, {SUBJECT: False, OTHER: True}), (8, {SUBJECT: False, OTHER: False})):
            page = await page_of_selected(connection, chosen, run_id=run_id, after=None, limit=10)
            assert {one.subject: one.hinted for one in page} == expected


# --- parked ---------------------------------------------------------------------------------------------------------

STORE = LinkStore("realm")


def _item(code: ParkCode, key: str = "in_1:invoice", **details: str | int) -> Parked:
    return Parked(key=DocumentKey(key), code=code, amount=100, currency="usd", details=details)


async def _park(engine: AsyncEngine, *items: Parked, subject: Subject = SUBJECT) -> dict[str, Any]:
    async with transaction(engine) as connection:
        await STORE.park(connection, subject, items)
    async with transaction(engine) as connection:
        rows = (await connection.execute(sa.select(parked))).mappings().all()
    return {row["document_key"]: row for row in rows}


async def test_what_is_parked_keeps_its_age_while_the_code_stays(engine: AsyncEngine) -> None:
    first = (await _park(engine, _item(ParkCode.WAITING, waiting_on="x")))["in_1:invoice"]
    second = (await _park(engine, _item(ParkCode.WAITING, waiting_on="y")))["in_1:invoice"]
    assert second["since"] == first["since"]
    assert (second["waiting_on"], second["updated_at"] > first["updated_at"]) == ("y", True)
    third = (await _park(engine, _item(ParkCode.NAME_TAKEN)))["in_1:invoice"]
    assert third["since"] > first["since"]
    assert third["waiting_on"] is None


async def test_a_subject_parks_what_it_says_last_and_leaves_others_alone(engine: AsyncEngine) -> None:
    await _park(engine, _item(ParkCode.WAITING, "ch_1:payment"), subject=OTHER)
    await _park(engine, _item(ParkCode.WAITING), _item(ParkCode.OPEN_MISMATCH, "in_1:open"))
    assert (await _park(engine, _item(ParkCode.WAITING))).keys() == {"ch_1:payment", "in_1:invoice"}
    taken = await _park(engine, _item(ParkCode.DRY_RUN, "ch_1:payment"))
    assert taken.keys() == {"ch_1:payment"}
    assert taken["ch_1:payment"]["subject"] == str(SUBJECT)
    assert (await _park(engine, subject=OTHER)).keys() == {"ch_1:payment"}
    assert await _park(engine) == {}


async def test_who_waits_for_a_document_is_found(engine: AsyncEngine) -> None:
    await _park(engine, _item(ParkCode.WAITING, "ch_1:payment", waiting_on="in_9:invoice"))
    async with transaction(engine) as connection:
        assert await waiting_for(connection, [DocumentKey("in_9:invoice")]) == (str(SUBJECT),)
        assert await waiting_for(connection, [DocumentKey("in_8:invoice")]) == ()
        assert await waiting_for(connection, []) == ()


async def test_who_waits_until_a_document_is_gone_is_not_woken_while_it_stands(engine: AsyncEngine) -> None:
    key = DocumentKey("ch_9:payment")
    await _park(engine, _item(ParkCode.WAITING, waiting_on=key, until="taken_back"))
    await _park(engine, _item(ParkCode.WAITING, "ch_9:application", waiting_on=f"{key} x:y"), subject=OTHER)
    async with transaction(engine) as connection:
        assert await waiting_for(connection, [key]) == (str(OTHER),)
        assert await waiting_for(connection, [], [key]) == (str(SUBJECT),)
        assert set(await waiting_for(connection, [key], [key])) == {str(SUBJECT), str(OTHER)}


async def test_a_payout_is_woken_when_what_it_waits_for_is_posted_or_gone(engine: AsyncEngine) -> None:
    key = DocumentKey("ch_9:payment")
    await _park(engine, _item(ParkCode.PAYOUT_WAITING, "po_1:deposit", waiting_on=f"{key} x:y"))
    async with transaction(engine) as connection:
        assert await waiting_for(connection, [key]) == (str(SUBJECT),)
        assert await waiting_for(connection, [], [key]) == (str(SUBJECT),)
        # Whether a charge becomes a payment or a sales receipt is not known to who waits for it.
        assert await waiting_for(connection, [DocumentKey("ch_9:sales_receipt")]) == (str(SUBJECT),)
        assert await waiting_for(connection, [DocumentKey("x:y")], [DocumentKey("x:y")]) == ()


async def test_advice_about_a_posted_document_stays_until_its_subject_says_otherwise(engine: AsyncEngine) -> None:
    item = _item(ParkCode.ON_REVIEW_ACCOUNT)
    async with transaction(engine) as connection:
        await STORE.park(connection, SUBJECT, [_item(ParkCode.WAITING, "x:y")], [item])
        await STORE.unpark(connection, [item.key, DocumentKey("x:y")])
    async with transaction(engine) as connection:
        assert (await connection.execute(sa.select(parked.c.document_key, parked.c.advisory))).all() == [
            (item.key, True)
        ]
        assert (await counts(connection, "realm")).parked == 1
    blocked = (await _park(engine, _item(ParkCode.WAITING)))[item.key]
    assert not blocked["advisory"]
    assert await _park(engine) == {}


async def test_followers_are_those_that_were_not_run_since(engine: AsyncEngine, queue: Queue) -> None:
    await _hint(engine, queue)
    await _begin(engine)
    ago, ahead = (datetime.now(UTC) + timedelta(minutes=minutes) for minutes in (-5, 5))
    async with transaction(engine) as connection:
        assert await not_run_since(connection, {SUBJECT: ago}) == ()
        assert await not_run_since(connection, {SUBJECT: ahead, OTHER: ago}) == (SUBJECT, OTHER)
        assert await not_run_since(connection, {}) == ()


# --- links ----------------------------------------------------------------------------------------------------------


def _intent(
    seen: Link | None, operation: Operation = Operation.CREATE, request: str = "r1", document: Document = INVOICE
) -> Intent:
    return Intent(
        document=document,
        subject=SUBJECT,
        operation=operation,
        fingerprint="f",
        request_id=request,
        generation=seen.generation if seen else 0,
        variant=0,
        seen=seen,
    )


async def _link(engine: AsyncEngine) -> Link:
    async with transaction(engine) as connection:
        return (await STORE.load(connection, [INVOICE.key]))[INVOICE.key]


async def test_of_two_runs_that_intend_the_same_one_may_send(engine: AsyncEngine) -> None:
    async def intend(intent: Intent) -> bool:
        async with transaction(engine) as connection:
            try:
                await STORE.intend(connection, intent, at=NOW)
            except LocksLost:
                return False
            return True

    assert sorted(await asyncio.gather(*(intend(_intent(None)) for _ in range(4)))) == [False, False, False, True]
    seen = await _link(engine)
    assert seen.state is LinkState.INTENDED
    async with transaction(engine) as connection:
        await STORE.settle(connection, seen, LinkState.ABSENT)
    assert not await intend(_intent(seen)), "it is no longer as it was seen"
    seen = await _link(engine)
    assert sorted(await asyncio.gather(*(intend(_intent(seen)) for _ in range(4)))) == [False, False, False, True]
    assert (await _link(engine)).sends == 2


async def test_a_posted_link_never_uses_its_request_id_again(engine: AsyncEngine) -> None:
    async with transaction(engine) as connection:
        held = await STORE.intend(connection, _intent(None), at=NOW)
        await STORE.post(connection, held, qbo_id="7", sync_token="0", fingerprint="f", at=NOW, document=INVOICE)
    posted = await _link(engine)
    assert (posted.state, posted.qbo_id, posted.generation, posted.amount) == (LinkState.POSTED, "7", 1, INVOICE.amount)
    async with transaction(engine) as connection:
        held = await STORE.intend(connection, _intent(posted, Operation.VOID, "r2"), at=NOW)
        await STORE.settle(connection, held, LinkState.VOIDED, sync_token="1", spent=True)
    assert (await _link(engine)).generation == 2


async def test_only_who_holds_an_intent_tells_what_became_of_it(engine: AsyncEngine) -> None:
    """A process that wakes up late must not overwrite what another one, which took over, has found out."""
    async with transaction(engine) as connection:
        late = await STORE.intend(connection, _intent(None), at=NOW)
        absent = await STORE.settle(connection, late, LinkState.ABSENT)
        again = await STORE.intend(connection, _intent(absent), at=NOW)
    ends: list[Callable[[AsyncConnection], Awaitable[object]]] = [
        lambda connection: STORE.settle(connection, late, LinkState.ABSENT),
        lambda connection: STORE.lose_sight(connection, late, at=NOW),
        lambda connection: STORE.post(connection, late, qbo_id="7", sync_token="0", fingerprint="f", at=NOW),
        lambda connection: STORE.rechecked(connection, late),
    ]
    for end in ends:
        with pytest.raises(LocksLost):
            async with transaction(engine) as connection:
                await end(connection)
    assert await _link(engine) == again


async def test_a_batch_is_noted_for_open_intents_and_kept_while_the_same_request_is_sent(engine: AsyncEngine) -> None:
    async with transaction(engine) as connection:
        await STORE.intend(connection, _intent(None), at=NOW)
        await STORE.note_batch(connection, "b1", {"r1": "1", "wx": "2"})
    noted = await _link(engine)
    assert (noted.batch_id, noted.batch_item) == ("b1", "1")
    async with transaction(engine) as connection:
        lost = await STORE.lose_sight(connection, noted, at=NOW)
        absent = await STORE.settle(connection, lost, LinkState.ABSENT)
        same = await STORE.intend(connection, _intent(absent), at=NOW)
        assert (same.batch_id, same.batch_item, same.sends) == ("b1", "1", 2)
        absent = await STORE.settle(connection, same, LinkState.ABSENT)
        other = await STORE.intend(connection, _intent(absent, request="r2"), at=NOW)
    assert (other.batch_id, other.batch_item, other.sends) == (None, None, 1)


async def test_what_surely_never_left_leaves_no_identity(engine: AsyncEngine) -> None:
    async with transaction(engine) as connection:
        held = await STORE.intend(connection, _intent(None), at=NOW)
        await STORE.note_batch(connection, "b1", {"r1": "1"})
        unsent = await STORE.settle(connection, held, LinkState.ABSENT, unsent=True)
        again = await STORE.intend(connection, _intent(unsent), at=NOW)
    assert (again.batch_id, again.sends) == (None, 1)


async def test_a_batch_with_what_another_run_has_taken_over_is_not_sent(engine: AsyncEngine) -> None:
    async with transaction(engine) as connection:
        held = await STORE.intend(connection, _intent(None), at=NOW)
        await STORE.lose_sight(connection, held, at=NOW)
    with pytest.raises(LocksLost):
        async with transaction(engine) as connection:
            await STORE.note_batch(connection, "b1", {"r1": "1"})
    assert (await _link(engine)).batch_id is None
