"""A database per test in milliseconds, both services in this process, and the real parts of the product on them."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from cryptography.fernet import Fernet
from psycopg import sql
from sqlalchemy.engine import make_url

from tests.integration.desk import Desk, Shop, open_desk
from tests.integration.mirroring import emulator
from wescope.links.database import conninfo, migrate, open_engine
from wescope.links.embedded import embedded_postgres
from wescope.links.embedded.server import _SETTINGS

_TEMPLATE = "wescope_template"


@pytest.fixture(scope="session")
def postgres_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an embedded PostgreSQL that lives as long as this (xdist) process's tests."""
    with pytest.MonkeyPatch.context() as patch, contextlib.ExitStack() as stack:
        # Nothing here outlives a crash of the machine. To make and drop databases waits for the disk otherwise.
        for name in ("fsync", "full_page_writes", "synchronous_commit"):
            patch.setitem(_SETTINGS, name, "off")
        # To drop a database waits for every session that is beginning; a task that was canceled may have left one.
        patch.setitem(_SETTINGS, "authentication_timeout", "10s")
        server = stack.enter_context(embedded_postgres(tmp_path_factory.mktemp("pg") / "home"))
        patch.undo()
        yield server.url


def database_url(server_url: str, name: str) -> str:
    return make_url(server_url).set(database=name).render_as_string(hide_password=False)


@pytest.fixture(scope="session")
def template_database(postgres_url: str) -> str:
    """The name of a migrated database that nobody is connected to."""
    with _connected(postgres_url) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(_TEMPLATE)))

    async def upgrade() -> None:
        engine = open_engine(database_url(postgres_url, _TEMPLATE))
        await migrate(engine)
        await engine.dispose()

    asyncio.run(upgrade())
    return _TEMPLATE


def upgrade_to(connection: sa.Connection, revision: str) -> None:
    """Bring an empty database to the schema of an older version."""
    config = Config()
    config.set_main_option("script_location", "src/wescope/links/migrations")
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


MakeDatabase = Callable[[bool], str]


@pytest.fixture
def make_database(postgres_url: str, template_database: str) -> Iterator[MakeDatabase]:
    """Makes databases, migrated or empty, that are dropped after the test; returns their addresses."""
    made: list[str] = []

    def make(migrated: bool = True) -> str:
        name = f"test_{next(_numbers)}"
        source = template_database if migrated else "template0"
        with _connected(postgres_url) as connection:
            statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
            connection.execute(statement.format(sql.Identifier(name), sql.Identifier(source)))
        made.append(name)
        return database_url(postgres_url, name)

    yield make
    with _connected(postgres_url) as connection:
        for name in made:
            _drop(connection, name)


def _drop(connection: psycopg.Connection[tuple[object, ...]], name: str) -> None:
    # An autovacuum worker of the superuser may be at it: then it goes with the whole cluster.
    with contextlib.suppress(psycopg.errors.InsufficientPrivilege, psycopg.errors.ObjectInUse):
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def database(make_database: MakeDatabase) -> str:
    """The address of a fresh migrated database of this test alone."""
    return make_database(True)


@contextlib.contextmanager
def _connected(url: str) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    # A new database and a dropped one wait for the disk, which others keep busy: no limit of time here.
    with psycopg.connect(conninfo(url), autocommit=True, options="-c statement_timeout=0") as connection:
        yield connection


_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def bigquery_endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """BigQuery's stand-in for all tests of this (xdist) process; they are in one group."""
    with emulator(tmp_path_factory.mktemp("bigquery")) as address:
        yield address


OpenDesk = Callable[..., contextlib.AbstractAsyncContextManager[Desk]]


@pytest.fixture
def make_desk(database: str, tmp_path: Path) -> OpenDesk:
    """Opens both services and a runtime on this test's database; takes what `desk.open_desk` takes."""
    key = Fernet.generate_key().decode()

    def make(**options: object) -> contextlib.AbstractAsyncContextManager[Desk]:
        return open_desk(database, tmp_path, key, **options)  # type: ignore[arg-type]  # passed on as they are

    return make


@pytest.fixture
async def desk(make_desk: OpenDesk) -> AsyncIterator[Desk]:
    """Both services, and one runtime on them, in a company that has all that the default policy needs."""
    async with make_desk() as opened:
        yield opened


@pytest.fixture
def shop(desk: Desk) -> Shop:
    """The merchant's side of the desk."""
    return desk.shop
