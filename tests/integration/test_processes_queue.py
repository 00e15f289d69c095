"""The worker's loop on a real database: what goes wrong with one subject stays with it, and nothing is forgotten."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from procrastinate.exceptions import ConnectorException
from procrastinate.manager import JobManager
from sqlalchemy.ext.asyncio import AsyncEngine

from wescope.books.subjects import Subject, SubjectKind
from wescope.engine import queue as queue_module
from wescope.engine.queue import HintQueue, WorkerSettings
from wescope.errors import DatabaseUnavailable
from wescope.links.database import conninfo, open_engine, transaction
from wescope.links.schema import subjects
from wescope.links.subjects import Hint, begin, fail, finish

pytestmark = pytest.mark.timeout(240)

PATIENCE_S = 20
Run = Callable[[Subject], Awaitable[object]]


@contextlib.asynccontextmanager
async def _queue(database: str) -> AsyncIterator[tuple[HintQueue, AsyncEngine]]:
    engine = open_engine(database)
    queue = HintQueue(engine, conninfo(database))
    await queue.open()
    try:
        yield queue, engine
    finally:
        await queue.aclose()
        await engine.dispose()


@contextlib.asynccontextmanager
async def _working(queue: HintQueue, run: Run, *, graceful_s: float = 1, concurrency: int = 4) -> AsyncIterator[None]:
    stop = asyncio.Event()
    work = asyncio.create_task(queue.work(run, stop, WorkerSettings(concurrency=concurrency, graceful_s=graceful_s)))
    try:
        async with asyncio.timeout(PATIENCE_S):
            yield
    finally:
        stop.set()
        await work


def _invoice(number: int) -> Subject:
    return Subject(kind=SubjectKind.INVOICE, id=f"in_{number}")


async def _hint(queue: HintQueue, subject: Subject, number: int = 0) -> None:
    hint = Hint(subject=subject, source="test", customer_id="cus_1", event_id=f"evt_{subject.id}_{number}")
    assert await queue.accept(hint)


async def _listening(engine: AsyncEngine) -> None:
    """Return when a worker is told of new jobs: what came before that is found by its next poll only."""
    told = sa.text(
        "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%' AND state = 'idle'"
    )
    async with asyncio.timeout(PATIENCE_S), engine.connect() as connection:
        while (await connection.execute(told)).first() is None:
            await connection.rollback()  # each transaction sees one and the same picture of the sessions
            await asyncio.sleep(0.05)


async def test_a_run_that_raises_is_tried_again_and_does_not_stop_the_worker(database: str) -> None:
    seen: list[str] = []
    done = asyncio.Event()

    async def run(subject: Subject) -> None:
        seen.append(subject.id)
        await asyncio.sleep(0)
        if seen.count("in_1") < 3:
            raise RuntimeError("unforeseen")
        if "in_2" in seen:
            done.set()

    async with _queue(database) as (queue, _engine):
        await _hint(queue, _invoice(1))
        await _hint(queue, _invoice(2))
        async with _working(queue, run):
            await done.wait()
    assert seen.count("in_1") >= 3


async def test_jobs_of_one_customer_run_one_after_another_and_of_others_meanwhile(database: str) -> None:
    running: set[str] = set()
    together: set[frozenset[str]] = set()
    finished = asyncio.Semaphore(0)

    async def run(subject: Subject) -> None:
        running.add(subject.id)
        together.add(frozenset(running))
        await asyncio.sleep(0.05)
        running.discard(subject.id)
        finished.release()

    async with _queue(database) as (queue, _engine):
        for number in range(6):
            hint = Hint(subject=_invoice(number), source="test", customer_id=f"cus_{number % 2}")
            await queue.accept(hint)
        async with _working(queue, run):
            for _ in range(6):
                await finished.acquire()
    numbers = [{int(name.removeprefix("in_")) % 2 for name in names} for names in together]
    assert all(len(names) == len(owners) for names, owners in zip(together, numbers, strict=True))
    assert any(len(names) == 2 for names in together)


async def test_a_time_to_try_again_is_kept_over_a_restart(database: str) -> None:
    ran = asyncio.Event()

    async def run(subject: Subject) -> None:
        async with transaction(engine) as connection:
            begun = await begin(connection, subject)
            assert begun is not None
            await finish(connection, subject, begun, replan_at=None, code=None)
        ran.set()

    async with _queue(database) as (queue, engine):
        await _hint(queue, _invoice(1))
        due_at = datetime.now(UTC) + timedelta(seconds=2)
        async with transaction(engine) as connection:
            begun = await begin(connection, _invoice(1))
            assert begun is not None
            await fail(connection, _invoice(1), begun, retry_at=due_at, code="qbo_not_sent")
            await connection.execute(sa.text("DELETE FROM procrastinate_jobs"))
        async with _working(queue, run):
            await ran.wait()
        assert datetime.now(UTC) >= due_at


async def test_a_subject_whose_job_was_lost_is_woken(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue_module, "_ORPHAN_AFTER_S", 0)
    ran = asyncio.Event()

    async def run(_subject: Subject) -> None:
        await asyncio.sleep(0)
        ran.set()

    async with _queue(database) as (queue, engine):
        await _hint(queue, _invoice(1))
        async with transaction(engine) as connection:
            await connection.execute(sa.text("DELETE FROM procrastinate_jobs"))
        async with _working(queue, run):
            await ran.wait()


async def test_a_chore_that_fails_for_any_reason_is_done_again(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    woken = asyncio.Event()
    calls: list[int] = []

    async def wake_due(*_: object, **__: object) -> int:
        calls.append(1)
        await asyncio.sleep(0)
        if len(calls) == 1:
            raise ValueError("unforeseen")
        woken.set()
        return 0

    async def run(_subject: Subject) -> None:
        """Never called."""

    monkeypatch.setattr(queue_module, "wake_due", wake_due)
    async with _queue(database) as (queue, _engine), _working(queue, run):
        await woken.wait()


async def test_a_stop_and_a_hurry_put_running_jobs_back(database: str) -> None:
    for graceful_s, hurry in ((0.1, False), (30, True)):
        started = asyncio.Event()

        async def run(_subject: Subject, started: asyncio.Event = started) -> None:
            started.set()
            await asyncio.Event().wait()

        async with _queue(database) as (queue, engine):
            if not hurry:
                await _hint(queue, _invoice(1))
            async with asyncio.timeout(PATIENCE_S):
                stop = asyncio.Event()
                settings = WorkerSettings(concurrency=1, graceful_s=graceful_s)
                work = asyncio.create_task(queue.work(run, stop, settings))
                await started.wait()
                stop.set()
                while hurry and not work.done():
                    queue.hurry()
                    await asyncio.sleep(0.05)
                await work
            async with transaction(engine) as connection:
                states = (await connection.execute(sa.text("SELECT status::text FROM procrastinate_jobs"))).scalars()
                assert list(states) == ["todo"]
                queued = await connection.execute(sa.select(subjects.c.queued))
                assert queued.scalars().all() == [True]


async def test_a_job_whose_end_could_not_be_stored_blocks_nobody(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection breaks just as a job ends: under a worker that lives, no reaper takes it for stalled."""
    monkeypatch.setattr(queue_module, "_STRAYED_AFTER_S", 0.5)
    monkeypatch.setattr(queue_module, "_REAP_EVERY_S", 0.2)
    finish_job, cut = JobManager.finish_job, asyncio.Event()
    ran: list[str] = []
    second = asyncio.Event()

    async def cut_once(self: JobManager, *arguments: Any, **options: Any) -> None:
        if not cut.is_set():
            cut.set()
            raise ConnectorException
        await finish_job(self, *arguments, **options)

    async def run(subject: Subject) -> None:
        await asyncio.sleep(0)
        ran.append(subject.id)
        if subject.id == "in_2":
            second.set()

    monkeypatch.setattr(JobManager, "finish_job", cut_once)
    async with _queue(database) as (queue, _engine):
        await _hint(queue, _invoice(1))
        async with _working(queue, run):
            await cut.wait()
            await _hint(queue, _invoice(2))  # of the same customer, whose lock the first job still has
            await second.wait()
    assert ran[0] == "in_1"


async def test_a_live_hint_goes_before_200_of_the_backlog(database: str) -> None:
    ran: list[str] = []
    busy, live = asyncio.Event(), asyncio.Event()

    async def run(subject: Subject) -> None:
        await asyncio.sleep(0.1)
        ran.append(subject.id)
        busy.set()
        if subject.id == "in_live":
            live.set()

    async with _queue(database) as (queue, _engine):
        await queue.hint([_invoice(number) for number in range(200)], source="backfill")
        async with _working(queue, run):
            await busy.wait()
            before = len(ran)
            await queue.accept(Hint(subject=Subject(kind=SubjectKind.INVOICE, id="in_live"), source="webhook"))
            await live.wait()
    assert len(ran) - before <= 3 * 4, "those that ran already, and what was taken at the same moment"


async def test_a_live_hint_of_a_queued_subject_overtakes_its_own_job(database: str) -> None:
    ran: list[str] = []
    twice = asyncio.Event()

    async def run(subject: Subject) -> None:
        await asyncio.sleep(0.1)
        ran.append(subject.id)
        if ran.count("in_99") == 2:
            twice.set()

    async with _queue(database) as (queue, _engine):
        await queue.hint([_invoice(number) for number in range(200)], source="replay")
        await queue.hint([_invoice(99)], source="sync")
        await queue.hint([_invoice(99)], source="sync")
        async with _working(queue, run):
            await twice.wait()
    assert ran.index("in_99") < 4
    assert len(ran) >= 200, "its own job was the last one"


async def test_the_next_of_a_customer_is_taken_when_the_one_before_ends(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue_module, "_POLL_S", 3600)
    ran: list[str] = []
    began, may_end, both = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def run(subject: Subject) -> None:
        ran.append(subject.id)
        began.set()
        await may_end.wait()
        if len(ran) > 1:
            both.set()

    # So many places that none need be waited for: who waits for a place looks again when he gets one.
    async with _queue(database) as (queue, engine), _working(queue, run, concurrency=32):
        await _listening(engine)
        await _hint(queue, _invoice(1))
        await began.wait()
        await _hint(queue, _invoice(2))
        await asyncio.sleep(1)  # it is heard of, and must wait
        assert ran == ["in_1"]
        may_end.set()
        await both.wait()
    assert ran == ["in_1", "in_2"]


async def test_hints_are_refused_while_the_database_is_away(database: str) -> None:
    engine = open_engine("postgresql://nobody@/nowhere?host=/nonexistent")
    queue = HintQueue(engine, conninfo(database))
    with pytest.raises(DatabaseUnavailable):
        await _hint(queue, _invoice(1))
    await engine.dispose()
