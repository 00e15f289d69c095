"""The database: its address, its pool of connections, and bringing its schema up to date."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import sqlalchemy as sa
from psycopg.conninfo import make_conninfo
from sqlalchemy.engine import URL, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, InvalidatePoolError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

from wescope.errors import DatabaseUnavailable
from wescope.links.schema import REVISION

# Any number that nobody else uses: serialises migrations of processes that start together.
_MIGRATION_LOCK = 7_310_021

_RESTED_S = 1.0


_SESSION = {
    # A process that is paused within a transaction, or gone without a word, frees its rows.
    "idle_in_transaction_session_timeout": "15s",
    "lock_timeout": "20s",
    "statement_timeout": "60s",
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
}
_CLIENT = {
    # A server that is gone without a word is noticed within half a minute.
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "20000",
}


def _address(url: str) -> URL:
    """The database with the time limits of our sessions, except what `url` itself says of them."""
    given = make_url(url.replace("postgres://", "postgresql://", 1))
    said = given.query.get("options", "")
    options = [f"-c {name}={value}" for name, value in _SESSION.items()]
    # The last one counts.
    options += [said] if isinstance(said, str) else said
    return given.set(query={**_CLIENT, **given.query, "options": " ".join(options).rstrip()})


def sqlalchemy_url(url: str) -> str:
    """`url` (postgres://, postgresql://, or already with a driver) in the form that selects psycopg 3."""
    return _address(url).set(drivername="postgresql+psycopg").render_as_string(hide_password=False)


def conninfo(url: str) -> str:
    """`url` in libpq's own form, for connections that are opened without SQLAlchemy."""
    address = _address(url)
    # Not as a URL: SQLAlchemy writes a space as "+", which libpq does not read as one.
    query = {name: value if isinstance(value, str) else ",".join(value) for name, value in address.query.items()}
    return make_conninfo(**{**address.translate_connect_args(username="user", database="dbname"), **query})


def open_engine(url: str, *, most: int = 12) -> AsyncEngine:
    """An engine with a bounded pool of `most` connections; broken ones are noticed and replaced."""
    engine = create_async_engine(
        sqlalchemy_url(url),
        pool_size=most,
        max_overflow=0,
        pool_timeout=10,
        connect_args={"connect_timeout": 5, "application_name": "wescope"},
    )
    _check_rested(engine.sync_engine)
    return engine


def _check_rested(engine: sa.Engine) -> None:
    """Have a connection that has rested checked before it is used.

    SQLAlchemy's `pool_pre_ping` does so each time, which under load is one question more for every four.
    """

    def rests(_: DBAPIConnection, record: ConnectionPoolEntry) -> None:
        record.info["rests_since_s"] = time.monotonic()

    def works(connection: DBAPIConnection, record: ConnectionPoolEntry, _: PoolProxiedConnection) -> None:
        if time.monotonic() - record.info.get("rests_since_s", float("inf")) <= _RESTED_S:
            return
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            raise InvalidatePoolError from error  # it and all older ones are replaced

    sa.event.listen(engine, "checkin", rests)
    sa.event.listen(engine, "checkout", works)


async def shed_idle(engine: AsyncEngine, *, every_s: float = 30) -> None:
    """Close connections that a burst has left behind; for ever, until it is canceled.

    SQLAlchemy's pool never shrinks, and an idle connection costs the server some 20 MB. Opening one costs some 5 ms,
    so they are closed only when the last `every_s` seconds needed far fewer.
    """
    peak = 0

    def in_use(*_: object) -> None:
        nonlocal peak
        peak = max(peak, _pool(engine).checkedout())

    sa.event.listen(_pool(engine), "checkout", in_use)
    while True:
        await asyncio.sleep(every_s)
        pool = _pool(engine)
        if pool.checkedin() + pool.checkedout() > peak + 1:
            await engine.dispose()
        peak = 0


def _pool(engine: AsyncEngine) -> sa.QueuePool:
    pool = engine.sync_engine.pool
    if not isinstance(pool, sa.QueuePool):
        raise TypeError("open_engine makes no other pool")
    return pool


@contextlib.contextmanager
def database_errors() -> Iterator[None]:
    """Turn a lost or unreachable database into `DatabaseUnavailable`; other database errors are bugs and pass.

    Raises:
        DatabaseUnavailable: no connection, the pool is exhausted, or the server is going down.
    """
    try:
        yield
    except (OperationalError, PoolTimeoutError, OSError) as error:
        raise DatabaseUnavailable(reason=type(error).__name__) from error
    except DBAPIError as error:
        if error.connection_invalidated:
            raise DatabaseUnavailable(reason=type(error).__name__) from error
        raise


@contextlib.asynccontextmanager
async def transaction(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """One transaction; a database that does not answer raises `DatabaseUnavailable`."""
    with database_errors():
        async with engine.begin() as connection:
            yield connection


async def migrate(engine: AsyncEngine) -> None:
    """Bring the schema up to date; processes that start together do it one after another, the first one for all.

    Raises:
        DatabaseUnavailable: the database does not answer.
    """
    if await schema_is_current(engine):
        return
    async with transaction(engine) as connection:
        await connection.run_sync(_upgrade)
    async with transaction(engine) as connection:
        await connection.execute(sa.text("ANALYZE procrastinate_jobs"))


def _upgrade(connection: sa.Connection) -> None:
    # Imported here because it takes a third of a second, and most starts find nothing to do.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    for name in ("lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout"):
        connection.execute(sa.text(f"SET LOCAL {name} = 0"))
    connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


async def schema_is_current(engine: AsyncEngine) -> bool:
    """Whether the database has the schema that this version of the code expects, or a newer one.

    Migrations only add (`migrations/`), and their names are numbers that grow: while a newer version is being rolled
    out, or after it was taken back, this one works on the newer schema.
    """
    async with transaction(engine) as connection:
        known = await connection.execute(sa.text("SELECT to_regclass('alembic_version') IS NOT NULL"))
        if not known.scalar_one():
            return False
        current = await connection.execute(sa.text("SELECT version_num FROM alembic_version"))
        return (current.scalar_one_or_none() or "") >= REVISION
