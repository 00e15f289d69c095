"""Stored tokens: encrypted, refreshed by one at a time, unreadable with another key."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from cryptography.fernet import Fernet
from sqlalchemy.ext.asyncio import AsyncEngine

from wescope.errors import ConfigurationError, DatabaseUnavailable
from wescope.links.database import conninfo, open_engine
from wescope.links.tokens import TokenTable

KEY, OTHER_KEY = Fernet.generate_key().decode(), Fernet.generate_key().decode()
LATER = datetime.now(UTC) + timedelta(hours=1)


@pytest.fixture
async def engine(database: str) -> AsyncIterator[AsyncEngine]:
    opened = open_engine(database)
    yield opened
    await opened.dispose()


async def _save(table: TokenTable, access: str, refresh: str) -> int:
    async with table.refreshing("realm") as row:
        stored = await row.save(
            access_token=access, refresh_token=refresh, access_expires_at=LATER, refresh_expires_at=None
        )
    return stored.generation


async def test_what_is_stored_is_encrypted_and_comes_back(engine: AsyncEngine, database: str) -> None:
    table = TokenTable(engine, [KEY])
    assert await table.load("realm") is None
    await _save(table, "plain-access", "plain-refresh")
    stored = await table.load("realm")
    assert stored is not None
    assert (stored.access_token, stored.refresh_token, stored.generation) == ("plain-access", "plain-refresh", 1)
    assert "plain" not in repr(stored)
    with psycopg.connect(conninfo(database)) as connection:
        rows = connection.execute("SELECT tokens::text, access_token, refresh_token FROM tokens").fetchall()
    assert b"plain" not in repr(rows).encode()
    assert b"plain" not in bytes(rows[0][1]) + bytes(rows[0][2])


async def test_an_older_key_still_reads_and_another_one_says_so(engine: AsyncEngine) -> None:
    await _save(TokenTable(engine, [KEY]), "a", "r")
    rolled = TokenTable(engine, [OTHER_KEY, KEY])
    stored = await rolled.load("realm")
    assert stored is not None
    assert stored.refresh_token == "r"
    wrong = TokenTable(engine, [OTHER_KEY])
    with pytest.raises(ConfigurationError, match="another key"):
        await wrong.load("realm")
    with pytest.raises(ConfigurationError, match="another key"):
        async with wrong.refreshing("realm"):
            raise AssertionError
    with pytest.raises(ConfigurationError, match="Fernet"):
        TokenTable(engine, ["short"])


async def test_an_old_key_can_go_when_the_rows_are_encrypted_anew(engine: AsyncEngine) -> None:
    await _save(TokenTable(engine, [KEY]), "a", "r")
    rolled = TokenTable(engine, [OTHER_KEY, KEY])
    assert await rolled.reencrypt() == 1
    assert await rolled.reencrypt() == 0, "done is done"
    stored = await TokenTable(engine, [OTHER_KEY]).load("realm")
    assert stored is not None
    assert (stored.access_token, stored.refresh_token, stored.generation) == ("a", "r", 1)


async def test_encrypting_anew_without_the_right_key_changes_nothing(engine: AsyncEngine) -> None:
    await _save(TokenTable(engine, [KEY]), "a", "r")
    with pytest.raises(ConfigurationError, match="another key"):
        await TokenTable(engine, [OTHER_KEY, Fernet.generate_key().decode()]).reencrypt()
    assert await TokenTable(engine, [OTHER_KEY, KEY]).load("realm") is not None


async def test_two_processes_encrypt_anew_while_a_third_refreshes(engine: AsyncEngine) -> None:
    await _save(TokenTable(engine, [KEY]), "a", "r")
    rolled = [TokenTable(engine, [OTHER_KEY, KEY]) for _ in range(2)]
    await asyncio.gather(*(one.reencrypt() for one in rolled), _save(TokenTable(engine, [KEY, OTHER_KEY]), "b", "s"))
    assert await rolled[0].reencrypt() <= 1
    stored = await TokenTable(engine, [OTHER_KEY]).load("realm")
    assert stored is not None
    assert (stored.refresh_token, stored.generation) == ("s", 2)


async def test_two_refreshers_see_each_others_pair(engine: AsyncEngine) -> None:
    tables = [TokenTable(engine, [KEY]) for _ in range(2)]
    inside = 0

    async def refresh(table: TokenTable, number: int) -> None:
        nonlocal inside
        async with table.refreshing("realm") as row:
            inside += 1
            assert inside == 1
            await asyncio.sleep(0)
            before = row.stored.generation if row.stored else 0
            inside -= 1
            stored = await row.save(
                access_token=f"a{number}",
                refresh_token=f"r{before + 1}",
                access_expires_at=LATER,
                refresh_expires_at=LATER,
            )
            assert stored.generation == before + 1

    await asyncio.gather(*(refresh(tables[number % 2], number) for number in range(8)))
    stored = await tables[0].load("realm")
    assert stored is not None
    assert (stored.generation, stored.refresh_token) == (8, "r8")


async def test_a_refresh_that_fails_frees_the_row(engine: AsyncEngine) -> None:
    table = TokenTable(engine, [KEY])
    with pytest.raises(KeyError):
        async with table.refreshing("realm"):
            raise KeyError
    async with asyncio.timeout(5):
        assert await _save(table, "a", "r") == 1


async def test_a_database_that_is_away_is_named() -> None:
    engine = open_engine("postgresql://nobody:x@127.0.0.1:1/none")
    with pytest.raises(DatabaseUnavailable):
        await TokenTable(engine, [KEY]).load("realm")
    with pytest.raises(DatabaseUnavailable):
        async with TokenTable(engine, [KEY]).refreshing("realm"):
            raise AssertionError
    await engine.dispose()
