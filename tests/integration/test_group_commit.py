"""Group commit on a real database: many deliveries at once are each durable, and none pays for another."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from wescope.books.subjects import Subject, SubjectKind
from wescope.engine import group_commit
from wescope.engine.group_commit import GroupCommit
from wescope.engine.queue import HintQueue
from wescope.errors import DatabaseUnavailable
from wescope.links.database import conninfo, open_engine, transaction
from wescope.links.subjects import Hint, lock_rows, record_all

PATIENCE_S = 60
_END_THOSE_OF_GROUPS = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE application_name = 'wescope hints' AND datname = current_database()
"""


@pytest.fixture
async def engine(database: str) -> AsyncIterator[AsyncEngine]:
    opened = open_engine(database)
    yield opened
    await opened.dispose()


@pytest.fixture
async def queue(engine: AsyncEngine, database: str) -> AsyncIterator[HintQueue]:
    opened = HintQueue(engine, conninfo(database))
    await opened.open()
    async with asyncio.timeout(PATIENCE_S):
        yield opened
    await opened.aclose()


def _hint(number: int, *, event: str | None = None, kind: str = "invoice.paid") -> Hint:
    subject = Subject(kind=SubjectKind.INVOICE, id=f"in_{number}")
    return Hint(subject=subject, source="webhook", event_id=event or f"evt_{number}", event_type=kind)


async def _values(engine: AsyncEngine, query: str) -> Sequence[Any]:
    async with transaction(engine) as connection:
        return (await connection.execute(sa.text(query))).scalars().all()


async def _jobs(engine: AsyncEngine) -> list[str]:
    return sorted(await _values(engine, "SELECT args->>'subject_id' FROM procrastinate_jobs"))


async def test_many_at_once_are_each_stored_with_their_job(queue: HintQueue, engine: AsyncEngine) -> None:
    numbers = range(250)
    assert all(await asyncio.gather(*(queue.accept(_hint(number)) for number in numbers)))
    assert len(await _values(engine, "SELECT id FROM hints")) == 250
    assert await _jobs(engine) == sorted(f"in_{number}" for number in numbers)


async def test_an_answer_comes_only_after_the_commit(queue: HintQueue, engine: AsyncEngine) -> None:
    async def accepted(number: int) -> bool:
        await queue.accept(_hint(number))
        return bool(await _values(engine, f"SELECT id FROM hints WHERE event_id = 'evt_{number}'"))  # noqa: S608

    assert all(await asyncio.gather(*(accepted(number) for number in range(30))))


async def test_the_same_event_twice_at_once_counts_once(queue: HintQueue, engine: AsyncEngine) -> None:
    stored = await asyncio.gather(*(queue.accept(_hint(1, event="evt_1")) for _ in range(20)))
    assert sorted(stored) == [False] * 19 + [True]
    assert await _values(engine, "SELECT dirty FROM subjects") == [1]
    assert await _jobs(engine) == ["in_1"]


async def test_events_of_one_subject_at_once_make_one_job(queue: HintQueue, engine: AsyncEngine) -> None:
    assert all(await asyncio.gather(*(queue.accept(_hint(1, event=f"evt_{number}")) for number in range(20))))
    assert await _values(engine, "SELECT dirty FROM subjects") == [20]
    assert await _jobs(engine) == ["in_1"]


async def test_one_that_cannot_be_stored_fails_alone(queue: HintQueue, engine: AsyncEngine) -> None:
    hints = [_hint(number, kind="\0" if number == 7 else "invoice.paid") for number in range(20)]
    told = await asyncio.gather(*(queue.accept(hint) for hint in hints), return_exceptions=True)
    assert [number for number, one in enumerate(told) if one is not True] == [7]
    assert isinstance(told[7], sa.exc.DBAPIError)
    assert len(await _jobs(engine)) == 19


async def test_who_shares_a_group_with_a_locked_subject_does_not_wait_for_it(
    queue: HintQueue, engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_commit, "SOON_S", 0.2)
    groups: list[list[str]] = []
    together = queue._store_group

    async def noted(hints: Sequence[Hint]) -> Sequence[bool]:
        groups.append([hint.subject.id for hint in hints])
        return await together(hints)

    monkeypatch.setattr(queue._groups, "_store_group", noted)
    await queue.accept(_hint(3, event="evt_before"))
    async with transaction(engine) as connection:
        await lock_rows(connection, [_hint(3).subject])
        accepting = {number: asyncio.create_task(queue.accept(_hint(number))) for number in range(5)}
        assert all(await asyncio.gather(*(task for number, task in accepting.items() if number != 3)))
        assert not accepting[3].done()
        assert groups[1:] == [["in_0"], ["in_1", "in_2", "in_3", "in_4"]], "the first one waits for nobody"
    assert await accepting[3]


async def test_a_group_that_waits_does_not_keep_the_next_one_waiting(
    queue: HintQueue, engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_commit, "SOON_S", PATIENCE_S)
    await queue.accept(_hint(1, event="evt_before"))
    async with transaction(engine) as connection:
        await lock_rows(connection, [_hint(1).subject])
        held = asyncio.create_task(queue.accept(_hint(1)))
        await asyncio.sleep(0)
        assert all(await asyncio.gather(*(queue.accept(_hint(number)) for number in range(2, 9))))
        assert not held.done()
    assert await held


async def test_what_everybody_has_given_up_is_not_stored_later(
    queue: HintQueue, engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_commit, "SOON_S", PATIENCE_S)
    held, ended = asyncio.Event(), asyncio.Event()

    async def slow(hints: Sequence[Hint]) -> Sequence[bool]:
        try:
            async with transaction(engine) as connection:
                stored = await record_all(connection, hints, queue.defer)
                held.set()
                await asyncio.Event().wait()
                return stored
        finally:
            ended.set()

    groups = GroupCommit(slow, _never)
    waiting = [asyncio.create_task(groups.store(_hint(number))) for number in range(3)]
    await held.wait()
    for one in waiting:
        one.cancel()
    await ended.wait()
    await asyncio.wait(waiting)
    assert not await _values(engine, "SELECT id FROM hints")
    assert not await _jobs(engine)
    assert await queue.accept(_hint(1)), "it is sent again"


async def test_one_who_gives_up_does_not_take_the_others_along(
    queue: HintQueue, engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_commit, "SOON_S", PATIENCE_S)
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow(hints: Sequence[Hint]) -> Sequence[bool]:
        if len(hints) > 1:
            begun.set()
        await go_on.wait()
        async with transaction(engine) as connection:
            return await record_all(connection, hints, queue.defer)

    groups = GroupCommit(slow, _never)
    accepting = [asyncio.create_task(groups.store(_hint(number))) for number in range(10)]
    await begun.wait()
    accepting[4].cancel()
    await asyncio.wait([accepting[4]])
    go_on.set()
    told = await asyncio.gather(*accepting, return_exceptions=True)
    assert [number for number, one in enumerate(told) if one is not True] == [4]
    assert len(await _values(engine, "SELECT id FROM hints WHERE event_id <> 'evt_4'")) == 9


async def test_an_end_while_a_group_waits_tells_everybody_and_stores_nothing(
    queue: HintQueue, engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_commit, "SOON_S", PATIENCE_S)
    held = asyncio.Event()

    async def slow(hints: Sequence[Hint]) -> Sequence[bool]:
        async with transaction(engine) as connection:
            stored = await record_all(connection, hints, queue.defer)
            held.set()
            await asyncio.Event().wait()
            return stored

    groups = GroupCommit(slow, _never)
    waiting = [asyncio.create_task(groups.store(_hint(number))) for number in range(3)]
    await held.wait()
    waiting += [asyncio.create_task(groups.store(_hint(number))) for number in range(3, 500)]
    await asyncio.sleep(0)
    await groups.aclose()
    told = await asyncio.gather(*waiting, return_exceptions=True)
    assert {type(one) for one in told} == {DatabaseUnavailable}
    assert not await _values(engine, "SELECT id FROM hints")


async def test_a_group_whose_connection_breaks_is_stored_one_by_one(queue: HintQueue, engine: AsyncEngine) -> None:
    broken: list[list[str]] = []

    async def store(hints: Sequence[Hint]) -> Sequence[bool]:
        async with transaction(engine) as connection:
            stored = await record_all(connection, hints, queue.defer)
            broken.append([hint.subject.id for hint in hints])
            await _end_session(connection)
            return stored

    groups = GroupCommit(store, queue.accept)
    assert all(await asyncio.gather(*(groups.store(_hint(number)) for number in range(5))))
    assert broken == [["in_0"], ["in_1", "in_2", "in_3", "in_4"]]
    assert len(await _values(engine, "SELECT id FROM hints")) == 5


async def test_a_connection_that_broke_while_nobody_used_it_costs_no_webhook(
    queue: HintQueue, engine: AsyncEngine
) -> None:
    await queue.accept(_hint(1))
    assert await _values(engine, _END_THOSE_OF_GROUPS) == [True]
    assert all(await asyncio.gather(*(queue.accept(_hint(number)) for number in range(2, 22))))
    assert len(await _jobs(engine)) == 21


async def test_a_queue_that_has_grown_is_told_to_the_planner(queue: HintQueue, engine: AsyncEngine) -> None:
    grown = "SELECT reltuples FROM pg_class WHERE oid = 'procrastinate_jobs'::regclass"
    await queue._analyze()
    assert await _values(engine, grown) == [0], "as the migration left it"
    async with transaction(engine) as connection:
        await record_all(connection, [_hint(number) for number in range(2_000)], queue.defer)
        await connection.execute(sa.text("SELECT pg_stat_force_next_flush()"))
    await queue._analyze()
    assert await _values(engine, grown) == [2_000]


async def _never(_: Hint) -> bool:
    raise AssertionError


async def _end_session(connection: AsyncConnection) -> None:
    await connection.execute(sa.text("SELECT pg_terminate_backend(pg_backend_pid())"))
