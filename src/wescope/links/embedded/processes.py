"""The server's own note about its process (postmaster.pid), how much of it is true, and stopping that process."""

import contextlib
import signal
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from wescope.links.embedded.errors import StopTimeout
from wescope.links.embedded.folders import PORT, Folders
from wescope.links.embedded.locks import is_free

READY: Final = "ready"
STOPPING: Final = "stopping"

_NOTE: Final = "postmaster.pid"
_SOCKET_LINE: Final = 4
_STATUS_LINE: Final = 7
_PAUSE_S: Final = 0.005
_NO_PROCESS_S: Final = 2.0

_STOPS: Final = ((signal.SIGINT, 30.0), (signal.SIGQUIT, 10.0))
"""Fast: rolls back what runs, writes everything out. Immediate: recovers at the next start. Each with its seconds."""

_reapers: dict[int, threading.Thread] = {}
"""By process id: who collects the exit status of a server that this process started, so that no zombie stays."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What postmaster.pid says; of a server that was killed it says old things."""

    process_id: int
    socket_folder: Path | None
    status: str


def read_note(data: Path) -> Note | None:
    """Read postmaster.pid.

    Args:
        data: PostgreSQL's data directory.

    Returns:
        None if there is none. Its lines are: process id, data directory, start time, port, socket folder, listen
        address, shared memory, status; the later ones are added while the server starts. The status is empty,
        `starting`, `ready`, `stopping` or `standby`.
    """
    try:
        lines = (data / _NOTE).read_text(errors="replace").splitlines()
    except FileNotFoundError:
        return None
    if not lines or not lines[0].isdecimal():
        return None
    return Note(
        process_id=int(lines[0]),
        socket_folder=Path(lines[_SOCKET_LINE]) if len(lines) > _SOCKET_LINE and lines[_SOCKET_LINE] else None,
        status=lines[_STATUS_LINE].strip() if len(lines) > _STATUS_LINE else "",
    )


def find_postmaster(data: Path) -> psutil.Process | None:
    """Find the live server of a data directory.

    Args:
        data: PostgreSQL's data directory, a real path.

    Returns:
        The process that postmaster.pid names, if it is a PostgreSQL at work in that directory; None if there is no
        note, or its process is dead, a zombie, or another program that was given the same number.
    """
    note = read_note(data)
    if note is None:
        return None
    try:
        process = psutil.Process(note.process_id)
        is_postgres = process.status() != psutil.STATUS_ZOMBIE and process.name().startswith("postgres")
        return process if is_postgres and Path(process.cwd()) == data else None
    except psutil.Error:
        # Also AccessDenied: the server of a folder that we can use has our rights, or we are root.
        return None


def launch(command: list[str], *, log: int, lock: int, **popen_options: object) -> None:
    """Start the server as our child in a session of its own: the terminal's Ctrl-C is for us and not for it.

    Args:
        command: the command line.
        log: descriptor for what it prints.
        lock: descriptor of the locked server.lock, which it and all its children inherit.
        popen_options: further options of subprocess.Popen: whose rights, which environment.
    """
    process = subprocess.Popen(  # type: ignore[call-overload]  # noqa: S603 - the wheel's program, found by us
        command,
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        pass_fds=(lock,),
        start_new_session=True,
        **popen_options,
    )
    reaper = threading.Thread(target=process.wait, name=f"embedded-postgres-{process.pid}", daemon=True)
    _reapers[process.pid] = reaper
    reaper.start()


def clear_stale(folders: Folders, socket_folder: Path) -> None:
    """Remove what a killed server left, which a new one would take for a sign of life if the process id was reused.

    Args:
        folders: the caller holds start.lock and server.lock, so that no process of an earlier server is alive.
        socket_folder: where the new server's socket will be.
    """
    for path in (
        folders.data / _NOTE,
        socket_folder / f".s.PGSQL.{PORT}",
        socket_folder / f".s.PGSQL.{PORT}.lock",
    ):
        path.unlink(missing_ok=True)


def stop_server(folders: Folders) -> None:
    """Stop the server, whoever started it, and wait until none of its processes is left.

    Args:
        folders: the caller holds start.lock.

    Raises:
        StopTimeout: it does not end.
    """
    for signal_number, timeout_s in _STOPS:
        if _stop(folders, signal_number, timeout_s):
            with contextlib.suppress(OSError):
                # It is empty now, and may lie in the system's folder for temporary files.
                folders.socket_folder().rmdir()
            return
    raise StopTimeout


def _stop(folders: Folders, signal_number: signal.Signals, timeout_s: float) -> bool:
    began = time.monotonic()
    signalled: psutil.Process | None = None
    while not is_free(folders.server_lock) or (signalled is None and find_postmaster(folders.data)):
        waited_s = time.monotonic() - began
        if signalled is None:
            signalled = find_postmaster(folders.data)
            if signalled is not None:
                with contextlib.suppress(psutil.NoSuchProcess):
                    signalled.send_signal(signal_number)
        if signalled is None and waited_s > _NO_PROCESS_S:
            # Its note is not there, or names a process that we cannot see (another container): not ours to stop.
            return True
        if waited_s > timeout_s:
            return False
        time.sleep(_PAUSE_S)
    _reap(signalled)
    return True


def _reap(process: psutil.Process | None) -> None:
    """Wait until the exit status of a child of ours is collected."""
    reaper = None if process is None else _reapers.pop(process.pid, None)
    if reaper is not None:
        reaper.join(timeout=_NO_PROCESS_S)
