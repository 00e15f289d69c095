"""Migrations beside workers of the version before, as in a rolling deploy."""

import asyncio

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from tests.integration.conftest import MakeDatabase, upgrade_to
from wescope.links.database import migrate, open_engine, transaction

LINK = """
INSERT INTO links (document_key, entity, state, operation, intent_fingerprint, request_id, subject, realm_id, amount,
    currency, run_id)
VALUES ('in_1:invoice', 'Invoice', 'posted', 'create', 'f', 'r', 'invoice/in_1', '1', 1, 'usd', 7)
"""
WAITING = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'links'::regclass"


async def _waits_for_links(engine: AsyncEngine) -> None:
    async with asyncio.timeout(10):
        while True:
            async with transaction(engine) as connection:
                if (await connection.execute(sa.text(WAITING))).scalar_one():
                    return
            await asyncio.sleep(0.02)


async def _indexes(connection: AsyncConnection) -> set[str]:
    names = await connection.execute(sa.text("SELECT indexname FROM pg_indexes WHERE tablename = 'links'"))
    return set(names.scalars())


async def test_a_worker_that_has_read_links_can_still_write_them_while_their_index_is_replaced(
    make_database: MakeDatabase,
) -> None:
    engine = open_engine(make_database(False))
    async with transaction(engine) as connection:
        await connection.run_sync(upgrade_to, "m0012")
    async with asyncio.timeout(30), asyncio.TaskGroup() as both, transaction(engine) as worker:
        await worker.execute(sa.text("SELECT 1 FROM links"))
        both.create_task(migrate(engine))
        await _waits_for_links(engine)
        await worker.execute(sa.text(LINK))
    async with transaction(engine) as connection:
        assert (await connection.execute(sa.text("SELECT count(*) FROM links"))).scalar_one() == 1
        assert {name for name in await _indexes(connection) if "run_id" in name} == {"ix_links_run_id_document_key"}
    await engine.dispose()
