"""The embedded PostgreSQL from the outside: use it, share it between processes, stop it when the last one leaves.

A start is one loop: connect; if that fails and no process of a server is alive, start one; wait a little; again. So
starting, adopting the server of a killed command, waiting for a recovery and waiting for a stop are the same thing.
"""

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import quote

import psycopg
from psycopg import pq
from psycopg.conninfo import make_conninfo

from wescope.links.embedded.binaries import find_binaries
from wescope.links.embedded.cluster import ROLE, prepare_data, read_password
from wescope.links.embedded.errors import PasswordRefused, StartFailed, StartTimeout
from wescope.links.embedded.folders import (
    PORT,
    Folders,
    end_of_log,
    open_log,
    open_private,
    prepare_base,
    private_folder,
)
from wescope.links.embedded.locks import is_free, locked, opened, try_lock
from wescope.links.embedded.patience import Patience
from wescope.links.embedded.privileges import choose_account, choose_runner, clean_environment
from wescope.links.embedded.processes import (
    READY,
    STOPPING,
    clear_stale,
    find_postmaster,
    launch,
    read_note,
    stop_server,
)

_CONNECT_TIMEOUT_S: Final = 5
_RELEASE_TIMEOUT_S: Final = 90.0

_SETTINGS: Final = {
    "listen_addresses": "",
    "port": str(PORT),
    "unix_socket_permissions": "0700",
    # Durable: an acknowledged commit survives a crash of the machine.
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    # Small: few processes, little memory, little disk.
    "max_connections": "100",
    # A process that is stopped within a transaction (SIGSTOP, a suspended machine) frees its rows.
    "idle_in_transaction_session_timeout": "20s",
    "shared_buffers": "16MB",
    "maintenance_work_mem": "32MB",
    "wal_buffers": "1MB",
    "min_wal_size": "32MB",
    "max_wal_size": "256MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_logical_replication_workers": "0",
    "io_method": "sync",
    "jit": "off",
    "huge_pages": "off",
    # The log tells of the server and never of the data: errors go to the client, with their details.
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_checkpoints": "off",
    "log_autovacuum_min_duration": "-1",
    "logging_collector": "off",
    "lc_messages": "C",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
"""Given at each start, so that an older data directory gets what this version wants."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedServer:
    """A running server that this process uses. Both texts contain the password; the representation does not.

    Attributes:
        url: for SQLAlchemy with psycopg, sync or async.
        conninfo: for psycopg and libpq.
    """

    url: str = field(repr=False)
    conninfo: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """One use of the server, to be given back with `release`."""

    server: EmbeddedServer
    folders: Folders
    users_lock: int


@contextlib.contextmanager
def embedded_postgres(
    home: Path, *, start_timeout_s: float = 60.0, on_progress: Callable[[str], None] | None = None
) -> Iterator[EmbeddedServer]:
    """Use the PostgreSQL of a state folder; blocking, so call it in a thread from asynchronous code.

    Args:
        home: WESCOPE_HOME; everything is kept in its folder `postgres`. All processes at one home share one server.
        start_timeout_s: how long to wait at most, in seconds; a recovery after a crash may take long.
        on_progress: is told in a sentence what is waited for when it takes more than 2 s.

    Yields:
        The running server. It is stopped at the end if nobody else uses it.

    Raises:
        EmbeddedPostgresError: one of its kinds, see errors.py.
    """
    use = acquire(home, start_timeout_s=start_timeout_s, on_progress=on_progress)
    try:
        yield use.server
    finally:
        release(use)


def acquire(home: Path, *, start_timeout_s: float = 60.0, on_progress: Callable[[str], None] | None = None) -> Use:
    """Begin to use the server: start it, or join those who use it, or adopt one that a killed process left.

    Args:
        home: as for `embedded_postgres`.
        start_timeout_s: as for `embedded_postgres`.
        on_progress: as for `embedded_postgres`.

    Returns:
        What `release` wants.

    Raises:
        EmbeddedPostgresError: one of its kinds; then nothing is held.
    """
    patience = Patience(start_timeout_s, on_progress)
    folders = prepare_base(home)
    with locked(folders.start_lock, patience):
        users_lock = open_private(folders.users_lock)
        try:
            # Only who has start.lock takes it exclusively, and that is us.
            try_lock(users_lock, exclusive=False)
            server = _ensure_running(folders, patience)
        except BaseException as error:
            _leave(folders, users_lock, may_stop=not isinstance(error, StartTimeout))
            raise
    return Use(server=server, folders=folders, users_lock=users_lock)


def release(use: Use) -> None:
    """End one use; the last one stops the server and waits until it is gone.

    Args:
        use: from `acquire`; not to be used again.

    Raises:
        StopTimeout: the server does not end.
        StartTimeout: another process is starting or stopping it for too long; it is left running.
    """
    try:
        with locked(use.folders.start_lock, Patience(_RELEASE_TIMEOUT_S)):
            _leave(use.folders, use.users_lock, may_stop=True)
    except StartTimeout:
        os.close(use.users_lock)
        raise


def revive(use: Use, *, start_timeout_s: float = 60.0) -> bool:
    """Start the server again if it was killed; the addresses of `use` stay as they are. Costs little if it runs.

    Args:
        use: from `acquire`.
        start_timeout_s: as for `embedded_postgres`.

    Returns:
        Whether it was gone.

    Raises:
        EmbeddedPostgresError: one of its kinds; it may be asked again.
    """
    if not is_free(use.folders.server_lock):
        return False
    patience = Patience(start_timeout_s)
    with locked(use.folders.start_lock, patience):
        _ensure_running(use.folders, patience)
    return True


def _leave(folders: Folders, users_lock: int, *, may_stop: bool) -> None:
    """Give up the shared lock; nobody can come in meanwhile, because that takes start.lock, which the caller holds."""
    try:
        if may_stop and try_lock(users_lock):
            stop_server(folders)
    finally:
        os.close(users_lock)


def _ensure_running(folders: Folders, patience: Patience) -> EmbeddedServer:
    has_started = False
    while True:
        socket_folder = _ready_socket(folders)
        if socket_folder is not None:
            return _describe(folders, socket_folder)
        with opened(folders.server_lock) as server_lock:
            if try_lock(server_lock) and find_postmaster(folders.data) is None:
                if has_started:
                    raise StartFailed(end_of_log(folders.log))
                _start(folders, server_lock, patience)
                has_started = True
        patience.pause(_reason_to_wait(folders))


def running(home: Path) -> EmbeddedServer | None:
    """The server of a home, if it answers; nothing is started for it.

    Raises:
        PasswordRefused: it does not take the password that is stored beside it.
    """
    folders = Folders(base=home.resolve() / "postgres")
    socket_folder = _ready_socket(folders)
    return None if socket_folder is None else _describe(folders, socket_folder)


def _ready_socket(folders: Folders) -> Path | None:
    """Say where a server answers that takes connections."""
    note = read_note(folders.data)
    if note is None or note.status != READY or note.socket_folder is None:
        return None
    conninfo = make_conninfo(
        host=str(note.socket_folder), port=PORT, dbname=ROLE, user=ROLE, connect_timeout=_CONNECT_TIMEOUT_S
    )
    return note.socket_folder if pq.PGconn.ping(conninfo.encode()) == pq.Ping.OK else None


def _start(folders: Folders, server_lock: int, patience: Patience) -> None:
    """Start a server; the caller holds server.lock, so there is none."""
    binaries = find_binaries()
    account = choose_account(folders.data, folders.base.parent)
    if os.geteuid() in {0, folders.base.stat().st_uid}:
        folders.base.chmod(0o700 if folders.base.stat().st_uid == account.user_id else 0o711)
    runner, binaries = choose_runner(account, binaries, folders.base)
    prepare_data(folders, runner, binaries, patience)
    socket_folder = folders.socket_folder()
    private_folder(socket_folder, user_id=account.user_id, group_id=account.group_id)
    clear_stale(folders, socket_folder)
    settings = {**_SETTINGS, "unix_socket_directories": str(socket_folder)}
    arguments = [text for name, value in settings.items() for text in ("-c", f"{name}={value}")]
    log = open_log(folders.log)
    try:
        launch(
            runner.command(binaries.postgres, "-D", str(folders.data), *arguments),
            log=log,
            lock=server_lock,
            env=clean_environment(),
            user=runner.user,
            group=runner.group,
            extra_groups=runner.extra_groups,
        )
    finally:
        os.close(log)


def _reason_to_wait(folders: Folders) -> str:
    note = read_note(folders.data)
    if note is not None and note.status == STOPPING:
        return "The embedded PostgreSQL is stopping and will be started again."
    if note is not None and find_postmaster(folders.data) is None:
        return "The embedded PostgreSQL was killed; its last processes are ending."
    return "The embedded PostgreSQL is starting; after a crash it first recovers."


def _describe(folders: Folders, socket_folder: Path) -> EmbeddedServer:
    """Build the addresses, and see that the password is right."""
    password = read_password(folders.password)
    conninfo = make_conninfo(host=str(socket_folder), port=PORT, dbname=ROLE, user=ROLE, password=password)
    try:
        psycopg.connect(conninfo, connect_timeout=_CONNECT_TIMEOUT_S).close()
    except psycopg.OperationalError as error:
        # Anything else, such as too many connections, is for the caller to meet: the server is there.
        if "password authentication failed" in str(error):
            raise PasswordRefused(path=str(folders.password)) from None
    host = quote(str(socket_folder), safe="")
    url = f"postgresql+psycopg://{ROLE}:{quote(password, safe='')}@/{ROLE}?host={host}&port={PORT}"
    return EmbeddedServer(url=url, conninfo=conninfo)
