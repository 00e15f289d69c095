"""PostgreSQL in virtual time: sessions whose statements run at once, one after another, with the world's clock.

A statement that waits for a lock which another simulated session holds is set aside; after every other statement it is
looked at again. So the order of everything that the server does is decided by the simulator alone.
"""

import asyncio
import contextlib
import select
from collections.abc import Awaitable, Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import psycopg.waiting
from sqlalchemy.engine import make_url

from tests.simulation.engine.clocks import REAL
from tests.simulation.engine.loop import PROCESS, Process
from wescope.links.database import conninfo, migrate, open_engine
from wescope.links.embedded import embedded_postgres
from wescope.links.embedded.server import _SETTINGS

TEMPLATE = "sim_template"
_QUIET_MS = 5
_PATIENCE_S = 10.0
_SERVER = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "autovacuum": "off",
    "deadlock_timeout": "2ms",
    "idle_in_transaction_session_timeout": "0",
    "jit": "off",
    "log_min_messages": "panic",
    "max_connections": "200",
}
_CLOCK = """
CREATE SCHEMA sim;
CREATE UNLOGGED SEQUENCE sim.clock AS bigint MINVALUE 0;
CREATE FUNCTION sim.now() RETURNS timestamptz LANGUAGE sql STABLE PARALLEL UNSAFE AS
  $$SELECT pg_catalog.to_timestamp(last_value / 1e6) FROM sim.clock$$;
CREATE FUNCTION sim.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE AS $$SELECT sim.now()$$;
CREATE FUNCTION sim.statement_timestamp() RETURNS timestamptz LANGUAGE sql STABLE AS $$SELECT sim.now()$$;
CREATE FUNCTION sim.transaction_timestamp() RETURNS timestamptz LANGUAGE sql STABLE AS $$SELECT sim.now()$$;
"""
_PATH = "ALTER ROLE CURRENT_USER SET search_path = sim, pg_catalog, public"
"""Of the role and not in the address: what a connection asks for itself would replace that."""


@contextlib.contextmanager
def server(home: Path) -> Iterator[str]:
    """A server for worlds, with the template of their databases; yields its address."""
    before = dict(_SETTINGS)
    _SETTINGS.update(_SERVER)
    try:
        with embedded_postgres(home) as running:
            _SETTINGS.clear()
            _SETTINGS.update(before)
            _make_template(running.url)
            yield running.url
    finally:
        _SETTINGS.clear()
        _SETTINGS.update(before)


def url_of(server_url: str, name: str) -> str:
    """The address of a world's database; sessions there see the world's clock."""
    return make_url(server_url).set(database=name).render_as_string(hide_password=False)


def create(server_url: str, name: str, *, template: str = TEMPLATE) -> str:
    with psycopg.connect(conninfo(server_url), autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'.encode())
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY wal_log'.encode())
    return url_of(server_url, name)


def drop(server_url: str, name: str) -> None:
    with psycopg.connect(conninfo(server_url), autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'.encode())


def _make_template(server_url: str) -> None:
    url = create(server_url, TEMPLATE, template="template0")
    with psycopg.connect(conninfo(url), autocommit=True) as connection:
        connection.execute(_CLOCK)
        connection.execute(_PATH)

    async def upgrade() -> None:
        engine = open_engine(url)
        await migrate(engine)
        await engine.dispose()

    asyncio.run(upgrade())


@dataclass(eq=False, slots=True)
class _Waiting:
    """A statement that waits for a lock."""

    generator: Generator[int, int, Any]
    connection: Any
    wants: int
    future: asyncio.Future[None]
    result: Any = None
    error: BaseException | None = None


Boundary = Callable[[str], Awaitable[None]]


class Sessions:
    """All sessions of a world, and the world's own, by which it looks at the others."""

    def __init__(self, url: str, now_us: Callable[[], int], boundary: Boundary) -> None:
        self._own = psycopg.connect(conninfo(url), autocommit=True, prepare_threshold=1)
        self._now_us, self._boundary = now_us, boundary
        self._told_us = 0
        self._waiting: list[_Waiting] = []
        self.used_at_us: dict[int, int] = {}
        self.statements = 0

    # --- the world's own --------------------------------------------------------------------------------------------

    def ask(self, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Runs a statement of the world itself."""
        self._tell_time()
        cursor = self._own.execute(statement.encode(), parameters or None)
        return cursor.fetchall() if cursor.description else []

    def _tell_time(self) -> None:
        now_us = self._now_us()
        if now_us != self._told_us:
            self._told_us = now_us
            self._own.execute("SELECT setval('sim.clock', %s)", (now_us,))

    def end(self, pids: list[int]) -> None:
        """Ends sessions and waits until the server has freed all that they held."""
        if not pids:
            return
        self._own.execute("SELECT count(pg_terminate_backend(pid)) FROM unnest(%s::int[]) AS pid", (pids,))
        until = REAL["monotonic"]() + _PATIENCE_S
        while self._own.execute("SELECT 1 FROM pg_stat_activity WHERE pid = ANY(%s)", (pids,)).fetchone():
            if REAL["monotonic"]() > until:
                found = self._own.execute("SELECT * FROM pg_stat_activity WHERE pid = ANY(%s)", (pids,)).fetchall()
                raise AssertionError(f"sessions do not end: {found}")
        self._look_again()

    def kill(self, process: Process) -> None:
        """The connections of a process that died break."""
        process.is_dead = True
        dead = [one for one in self._waiting if one.connection in process.connections]
        process.grave.extend(dead)
        self._waiting = [one for one in self._waiting if one not in dead]
        self.end([one.pgconn.backend_pid for one in process.connections if not one.closed])
        for connection in process.connections:
            connection.pgconn.finish()

    def pids(self, process: Process, state: str) -> list[int]:
        """The sessions of a process that are in a state: `idle` or `idle in transaction`."""
        mine = [one.pgconn.backend_pid for one in process.connections if not one.closed]
        query = "SELECT pid FROM pg_stat_activity WHERE pid = ANY(%s) AND state = %s ORDER BY backend_start, pid"
        found = {pid for (pid,) in self.ask(query, mine, state)}
        return [pid for pid in mine if pid in found]

    # --- the sessions of processes ----------------------------------------------------------------------------------

    def install(self) -> None:
        """Makes psycopg run everything at once, in this (forked) process."""
        sessions, own = self, self._own.pgconn.socket

        async def wait(connection: Any, generator: Any, **_: Any) -> Any:
            return await sessions.run(connection, generator)

        async def wait_connected(generator: Any, **_: Any) -> Any:
            connection = blocking_connect(generator, interval=0.1)
            sessions.note(connection)
            return connection

        blocking_connect, blocking_wait = psycopg.waiting.wait_conn, psycopg.waiting.wait

        def wait_connected_now(generator: Any, **_: Any) -> Any:
            connection = blocking_connect(generator, interval=0.1)
            sessions.note(connection)
            return connection

        def wait_now(generator: Any, fileno: int, **_: Any) -> Any:
            if PROCESS.get() is not None and fileno != own:
                sessions._tell_time()
                sessions.statements += 1
            return blocking_wait(generator, fileno, interval=0.1)

        psycopg.AsyncConnection.wait = wait  # type: ignore[method-assign, assignment]
        for name, new in (("wait_conn_async", wait_connected), ("wait_conn", wait_connected_now), ("wait", wait_now)):
            setattr(psycopg.waiting, name, new)

    def note(self, connection: Any) -> None:
        process = PROCESS.get()
        if process is not None:
            process.connections[:] = [one for one in process.connections if not one.closed]
            process.connections.append(connection)
            self._used(connection)

    def _used(self, connection: Any) -> None:
        self.used_at_us[connection.pgconn.backend_pid] = self._now_us()

    async def run(self, connection: Any, generator: Any) -> Any:
        """Runs one exchange with the server: a statement, a commit."""
        if PROCESS.get() is None:
            return psycopg.waiting.wait(generator, connection.pgconn.socket)
        what = _told(generator)
        self._tell_time()
        self.statements += 1
        self._used(connection)
        waiting = _Waiting(generator, connection, 0, asyncio.get_running_loop().create_future())
        if not self._drive(waiting, first=True):
            self._waiting.append(waiting)
            try:
                await waiting.future
            except asyncio.CancelledError:
                self._cancel(waiting)
                raise
        elif self._waiting:
            self._look_again()
        if what:
            await self._boundary(what)
        if waiting.error is not None:
            raise waiting.error
        return waiting.result

    def _drive(self, waiting: _Waiting, *, first: bool = False) -> bool:
        """Goes on with a statement. False: it waits for a lock."""
        try:
            descriptor = waiting.connection.pgconn.socket
            wants = next(waiting.generator) if first else waiting.wants
            while True:
                ready = _poll(descriptor, wants, _QUIET_MS)
                if ready:
                    wants = waiting.generator.send(ready)
                elif self._is_blocked(waiting.connection):
                    waiting.wants = wants
                    return False
        except StopIteration as end:
            waiting.result = end.value
        except OSError as error:
            waiting.error = psycopg.OperationalError(f"connection socket closed: {error}")
        except Exception as error:  # noqa: BLE001 - it belongs to whoever waits
            waiting.error = error
        return True

    def _is_blocked(self, connection: Any) -> bool:
        pid = connection.pgconn.backend_pid
        found = self._own.execute("SELECT 1 FROM pg_locks WHERE pid = %s AND NOT granted", (pid,))
        return found.fetchone() is not None

    def _look_again(self) -> None:
        """Goes on with every statement whose lock is free now."""
        progress = True
        while progress:
            progress = False
            for waiting in list(self._waiting):
                if self._is_blocked(waiting.connection) or not self._drive(waiting):
                    continue
                self._waiting.remove(waiting)
                if not waiting.future.done():
                    waiting.future.set_result(None)
                progress = True

    def _cancel(self, waiting: _Waiting) -> None:
        if waiting in self._waiting:
            self._waiting.remove(waiting)
            self._own.execute("SELECT pg_cancel_backend(%s)", (waiting.connection.pgconn.backend_pid,))
            while not self._drive(waiting):
                pass


def _poll(descriptor: int, wants: int, timeout_ms: int) -> int:
    reading, writing = bool(wants & 1), bool(wants & 2)
    found = select.select([descriptor] if reading else [], [descriptor] if writing else [], [], timeout_ms / 1000)
    return (1 if found[0] else 0) | (2 if found[1] else 0)


def _told(generator: Any) -> str:
    """What is asked of the server, in a few words; nothing if it is only a look whether the connection lives."""
    name = str(getattr(generator, "__name__", "?"))
    frame = getattr(generator, "gi_frame", None)
    if name == "_commit_gen":
        return "db commit"
    if name != "_execute_gen" or frame is None:
        return ""
    query = frame.f_locals.get("query")
    text = " ".join((query.decode() if isinstance(query, bytes) else str(query)).split())[:72]
    return f"db {text}" if text.strip(";") else ""
