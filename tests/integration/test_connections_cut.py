"""Connections of the pool that the server has cut: one that has rested is replaced unseen, a busy one is told once."""

import asyncio

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from wescope.errors import DatabaseUnavailable
from wescope.links import database as database_module
from wescope.links.database import open_engine, transaction


async def _backend(engine: AsyncEngine) -> int:
    async with transaction(engine) as connection:
        return int((await connection.execute(sa.text("SELECT pg_backend_pid()"))).scalar_one())


async def _cut(engine: AsyncEngine, backend: int) -> None:
    async with transaction(engine) as connection:
        await connection.execute(sa.text("SELECT pg_terminate_backend(:backend, 5000)"), {"backend": backend})


async def test_a_connection_that_was_cut_while_it_rested_is_replaced_unseen(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "_RESTED_S", 0.1)
    engine, other = open_engine(database, most=1), open_engine(database, most=1)
    before = await _backend(engine)
    await _cut(other, before)
    await asyncio.sleep(0.2)
    assert await _backend(engine) != before
    for one in (engine, other):
        await one.dispose()


async def test_a_connection_that_was_cut_in_use_is_told_once_and_then_replaced(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "_RESTED_S", 3600)
    engine, other = open_engine(database, most=1), open_engine(database, most=1)
    before = await _backend(engine)
    await _cut(other, before)
    with pytest.raises(DatabaseUnavailable):
        await _backend(engine)
    assert await _backend(engine) != before
    for one in (engine, other):
        await one.dispose()
