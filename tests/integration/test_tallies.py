"""Tallies: what triggers keep is what a full count finds, whoever writes, rolls back, deletes, empties or folds."""

import asyncio
import importlib
import random
from collections.abc import AsyncIterator
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from tests.integration.conftest import MakeDatabase, upgrade_to
from wescope.links import console_tables, tallies
from wescope.links.database import migrate, open_engine, transaction
from wescope.links.reports import prune
from wescope.links.schema import attempts, links, parked
from wescope.links.tallies import ParkedTally, fold, read_tallies, recount

REALMS = ("1", "2")
OPERATIONS = ("create", "update", "void", "delete", "query", "read")


@pytest.fixture
async def engine(database: str) -> AsyncIterator[AsyncEngine]:
    opened = open_engine(database)
    yield opened
    await opened.dispose()


async def told(connection: AsyncConnection) -> tuple[Any, ...]:
    kept = [await read_tallies(connection, realm) for realm in REALMS]
    assert (kept[0].parked, kept[0].writes) == (kept[1].parked, kept[1].writes)
    return *(dict(one.posted_by_entity) for one in kept), kept[0].parked, kept[0].writes


async def counted(connection: AsyncConnection) -> tuple[Any, ...]:
    """The same from the tables themselves."""
    posted = []
    for realm in REALMS:
        query = sa.select(links.c.entity, sa.func.count()).where(links.c.realm_id == realm, links.c.state == "posted")
        posted.append({row[0]: row[1] for row in await connection.execute(query.group_by(links.c.entity))})
    ignored = parked.c.ignored_at.is_not(None).label("ignored")
    unposted = sa.func.sum(sa.case((parked.c.advisory, 0), else_=sa.func.abs(parked.c.amount)))
    amount = sa.cast(unposted, sa.BigInteger).label("amount")
    key = (parked.c.code, parked.c.currency, ignored)
    query = sa.select(*key, sa.func.count().label("count"), amount).group_by(*key).order_by(*key)
    sums = tuple(ParkedTally(**row) for row in (await connection.execute(query)).mappings())
    writes = sa.select(sa.func.count()).where(attempts.c.operation.in_(OPERATIONS[:4]))
    return *posted, sums, (await connection.execute(writes)).scalar_one()


class Writer:
    """Writes at random; the same seed writes the same."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)  # noqa: S311 - repeatable

    async def write(self, connection: AsyncConnection) -> None:
        steps = (self._link, self._link, self._park, self._park, self._attempts, self._forget, self._unpark, self._many)
        for step in self.random.choices(steps, k=4):
            await step(connection)

    def _key(self) -> str:
        return f"in_{self.random.randrange(30)}:invoice"

    async def _link(self, connection: AsyncConnection) -> None:
        values = {
            "entity": self.random.choice(("Invoice", "Payment", "Customer")),
            "state": self.random.choice(("posted", "posted", "intended", "voided")),
        }
        fixed = {"operation": "create", "intent_fingerprint": "f", "request_id": "r", "subject": "invoice/in_1"}
        row = {"realm_id": self.random.choice(REALMS), "document_key": self._key(), "amount": 1, "currency": "usd"}
        new = insert(links).values(**row, **fixed, **values)
        await connection.execute(new.on_conflict_do_update(constraint=links.primary_key, set_=values))

    async def _park(self, connection: AsyncConnection) -> None:
        values = {
            "code": self.random.choice(("waiting", "looks_like")),
            "amount": self.random.randrange(-500, 500),
            "currency": self.random.choice(("usd", "jpy")),
            "advisory": self.random.random() < 0.3,
            "ignored_at": sa.func.now() if self.random.random() < 0.3 else None,
        }
        new = insert(parked).values(document_key=self._key(), subject="s", **values)
        await connection.execute(new.on_conflict_do_update(constraint=parked.primary_key, set_=values))

    async def _attempts(self, connection: AsyncConnection) -> None:
        row = {"realm_id": "1", "outcome": "ok", "milliseconds": 1}
        started = sa.func.now() - sa.cast(f"{self.random.randrange(200)} days", sa.Interval)
        rows = [{**row, "operation": self.random.choice(OPERATIONS)} for _ in range(self.random.randrange(1, 5))]
        await connection.execute(sa.insert(attempts).values(started_at=started), rows)

    async def _forget(self, connection: AsyncConnection) -> None:
        await connection.execute(sa.delete(links).where(links.c.document_key == self._key()))

    async def _unpark(self, connection: AsyncConnection) -> None:
        await connection.execute(sa.delete(parked).where(parked.c.document_key == self._key()))

    async def _many(self, connection: AsyncConnection) -> None:
        some = links.c.document_key < self._key()
        await connection.execute(sa.update(links).where(some, links.c.realm_id == "1").values(state="posted"))
        # One statement may move many rows from sum to sum.
        await connection.execute(sa.update(parked).where(parked.c.amount < 0).values(currency="usd", ignored_at=None))


@pytest.mark.parametrize("seed", range(3))
async def test_tallies_are_what_a_full_count_finds_after_any_writes(engine: AsyncEngine, seed: int) -> None:
    writer = Writer(seed)
    for turn in range(40):
        async with engine.connect() as connection:
            await writer.write(connection)
            assert await told(connection) == await counted(connection), "also before it is committed"
            await (connection.rollback() if turn % 3 == 2 else connection.commit())
        async with transaction(engine) as connection:
            if turn % 7 == 0:
                await prune(connection, older_than_days=90)
            if turn % 5 == 0:
                await fold(connection, at_least=1)
            assert await told(connection) == await counted(connection)
    async with transaction(engine) as connection:
        assert (await told(connection))[2], "else nothing was proved"
        assert await recount(connection) == 0
        await connection.execute(sa.text("TRUNCATE links, parked, attempts"))
        assert await told(connection) == await counted(connection) == ({}, {}, (), 0)


async def test_writers_and_folders_at_once_lose_nothing(engine: AsyncEngine) -> None:
    async def write(seed: int) -> None:
        writer = random.Random(seed)  # noqa: S311 - repeatable
        for number in range(30):
            async with engine.connect() as connection:
                row = {"realm_id": "1", "operation": "create", "outcome": "ok", "milliseconds": 1}
                await connection.execute(sa.insert(attempts).values(**row, started_at=sa.func.now()))
                key = {"document_key": f"in_{seed}_{number}:invoice", "subject": "s", "code": "waiting"}
                await connection.execute(sa.insert(parked).values(**key, amount=number, currency="usd"))
                await asyncio.sleep(0)
                await (connection.rollback() if writer.random() < 0.3 else connection.commit())

    async def folds() -> int:
        count = 0
        for _ in range(30):
            async with transaction(engine) as connection:
                count += await fold(connection, at_least=2)
            await asyncio.sleep(0.002)
        return count

    folding = [asyncio.create_task(folds()) for _ in range(2)]
    await asyncio.gather(*(write(seed) for seed in range(5)))
    assert sum(await asyncio.gather(*folding)) > 0
    async with transaction(engine) as connection:
        assert await told(connection) == await counted(connection)
        await fold(connection, at_least=1)
        assert await told(connection) == await counted(connection)
        rows = await connection.execute(sa.select(sa.func.count()).select_from(console_tables.tallies))
        assert rows.scalar_one() == 2


async def test_what_was_written_while_triggers_were_off_is_mended(engine: AsyncEngine) -> None:
    async with transaction(engine) as connection:
        await connection.execute(sa.text("ALTER TABLE parked DISABLE TRIGGER USER"))
        await Writer(1)._park(connection)
        await connection.execute(sa.text("ALTER TABLE parked ENABLE TRIGGER USER"))
    async with transaction(engine) as connection:
        assert await told(connection) != await counted(connection)
        assert await recount(connection) == 1
        assert await told(connection) == await counted(connection)


async def test_the_migration_counts_what_is_there_and_keeps_heads_of_tie_outs(make_database: MakeDatabase) -> None:
    engine = open_engine(make_database(False))
    async with transaction(engine) as connection:
        await connection.run_sync(upgrade_to, "m0007")
        await Writer(1)._park(connection)
        kept = '{"as_of": "2026-11-22", "difference": "0.00", "at": "2026-11-22T10:00:00+00:00", "rows": []}'
        insert = "INSERT INTO runs (kind, state, result) VALUES ('tieout', 'done', CAST(:kept AS jsonb))"
        await connection.execute(sa.text(insert), {"kept": kept})
    await migrate(engine)
    async with transaction(engine) as connection:
        assert await told(connection) == await counted(connection)
        assert (await told(connection))[2]
        heads = (await connection.execute(sa.text("SELECT as_of::text, head ? 'rows' FROM tieout_heads"))).all()
        assert [tuple(row) for row in heads] == [("2026-11-22", False)]
    await engine.dispose()


def test_all_take_the_same_lock() -> None:
    migration = importlib.import_module("wescope.links.migrations.versions.m0008_tallies_and_figures")
    assert migration._TALLIES_LOCK == tallies.LOCK
