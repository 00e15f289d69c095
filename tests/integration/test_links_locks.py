"""Locks over processes: they exclude, they end with their connection, and whoever lost one is told before it writes."""

import asyncio
from collections.abc import AsyncIterator

import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.integration.conftest import OpenDesk
from tests.integration.desk import Desk, Shop
from wescope.engine import locks as locks_module
from wescope.engine.locks import ClusterLocks
from wescope.errors import DatabaseUnavailable, LocksLost
from wescope.links.database import conninfo, open_engine, transaction
from wescope.links.sessions import end_silent


@pytest.fixture
async def two(database: str) -> AsyncIterator[tuple[ClusterLocks, ClusterLocks]]:
    one, other = ClusterLocks(conninfo(database)), ClusterLocks(conninfo(database))
    yield one, other
    await one.aclose()
    await other.aclose()


Two = tuple[ClusterLocks, ClusterLocks]


async def _is_free(locks: ClusterLocks, name: str) -> bool:
    try:
        async with locks.hold(name, timeout_s=0.2):
            return True
    except LocksLost:
        return False


async def _cut(database: str) -> None:
    """Ends the connections that hold locks, as a restart of the server does."""
    async with await psycopg.AsyncConnection.connect(conninfo(database), autocommit=True) as connection:
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE application_name = 'wescope locks' AND datname = current_database()"
        )


async def test_a_lock_excludes_other_processes_and_other_tasks(two: Two) -> None:
    one, other = two
    async with one.hold("customer:cus_1") as lease:
        await lease.check()
        assert not await _is_free(other, "customer:cus_1")
        assert not await _is_free(one, "customer:cus_1")
        assert await _is_free(other, "customer:cus_2")
    assert await _is_free(other, "customer:cus_1")


async def test_one_after_another(two: Two) -> None:
    inside = most = 0

    async def visit(locks: ClusterLocks) -> None:
        nonlocal inside, most
        async with locks.hold("x"):
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0)
            inside -= 1

    await asyncio.gather(*(visit(locks) for locks in two * 4))
    assert most == 1


async def test_a_cut_connection_is_noticed_before_the_next_write(two: Two, database: str) -> None:
    one, other = two
    async with one.hold("x") as lease:
        await _cut(database)
        with pytest.raises(LocksLost):
            await lease.check()
        assert await _is_free(other, "x")
    assert await _is_free(one, "x"), "it connects again"


async def test_giving_up_while_the_lock_is_being_granted_leaves_it_free(two: Two) -> None:
    one, other = two
    for delay in range(12):
        task = asyncio.create_task(_is_free(one, "x"))
        for _ in range(delay):
            await asyncio.sleep(0.0005)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        async with other.hold("x", timeout_s=5):
            pass


async def test_a_process_that_gives_no_sign_loses_its_locks_and_one_that_does_keeps_them(
    two: Two, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks_module, "BEAT_EVERY_S", 0.05)
    one, other = two
    engine = open_engine(database)
    silent = await psycopg.AsyncConnection.connect(
        conninfo(database), autocommit=True, application_name="wescope locks"
    )
    idle = await psycopg.AsyncConnection.connect(conninfo(database), autocommit=True, application_name="wescope locks")
    async with one.hold("x") as lease, silent, idle:
        await silent.execute("SELECT pg_advisory_lock(%s)", (locks_module._number("y"),))
        assert not await _is_free(other, "y")
        ended = 0
        async with asyncio.timeout(10):
            while not ended:
                async with transaction(engine) as connection:
                    ended += await end_silent(connection, silent_s=0.5)
                await asyncio.sleep(0.05)
        assert ended == 1
        await lease.check()
        assert await _is_free(other, "y")
        await idle.execute("SELECT 1")
        with pytest.raises(psycopg.OperationalError):
            await silent.execute("SELECT 1")
    await engine.dispose()


async def _hold_table_until_other_has_it(engine: AsyncEngine, other: AsyncEngine) -> None:
    async with transaction(engine) as connection:
        await connection.execute(sa.text("LOCK TABLE subjects"))
        async with transaction(other) as waiting:
            await waiting.execute(sa.text("LOCK TABLE subjects"))
        await connection.execute(sa.text("SELECT 1"))


async def test_a_transaction_that_is_left_open_frees_its_rows(database: str) -> None:
    spoilt = make_url(database).update_query_dict({"options": "-c idle_in_transaction_session_timeout=300ms"})
    engine, other = open_engine(spoilt.render_as_string(hide_password=False)), open_engine(database)
    async with asyncio.timeout(15):
        with pytest.raises(DatabaseUnavailable):
            await _hold_table_until_other_has_it(engine, other)
    await engine.dispose()
    await other.dispose()


async def test_a_run_whose_lock_is_gone_writes_nothing_more(
    desk: Desk, shop: Shop, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    invoice = shop.paid_invoice(shop.customer())
    read = desk.runtime.reconciler.reader.read

    async def cut_after_reading(*arguments: object) -> object:
        found = await read(*arguments)  # type: ignore[arg-type]  # passed on as they are
        await _cut(database)
        return found

    monkeypatch.setattr(type(desk.runtime.reconciler.reader), "read", lambda _self, subject: cut_after_reading(subject))
    await desk.once(invoice)
    assert desk.qbo.requests.writes == 0
    assert await desk.last_code(invoice) == "locks_lost"
    monkeypatch.undo()
    await desk.work()
    desk.check_invoice(invoice, balance="0")
    await desk.check_settled()


async def test_without_any_lock_the_links_alone_keep_documents_single(
    make_desk: OpenDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two runs that both believe to hold the lock: what the second decided from is gone, so it may not send."""
    async with make_desk(knobs={"requestid": "absent", "latency_ms": 30}) as desk, desk.another() as other:
        monkeypatch.setattr("wescope.engine.locks._number", lambda _name: id(asyncio.current_task()) % 2**31)
        invoice = desk.shop.paid_invoice(desk.shop.customer())
        await desk.runtime.company.refresh()
        await other.company.refresh()
        for _ in range(6):
            await desk.hint(invoice)
            subjects = await desk.dirty()
            await asyncio.gather(*(one.reconciler.run(each) for one in (desk.runtime, other) for each in subjects))
        await desk.work()
        desk.check_invoice(invoice, balance="0")
        desk.check_books()
