"""The folder WESCOPE_HOME/postgres: what lies where, whose it is, and who may read it.

postgres/            0700; 0711 if the server runs as another account than the folder's owner
postgres/data/       0700, PostgreSQL's data directory, owned by the server's account
postgres/socket/     0700, owned by the server's account
postgres/password    0600, of the role `wescope`
postgres/log         0600
postgres/*.lock      0600, see locks.py
"""

import contextlib
import hashlib
import os
import re
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from wescope.links.embedded.errors import HomeRefused

PORT: Final = 5432
"""Only part of the socket's name: nothing listens on the network."""

_LONGEST_SOCKET_PATH_BYTES: Final = 100
"""The system's limit is 107 on Linux and 103 on macOS."""

_PLAIN_PATH: Final = re.compile(r"[A-Za-z0-9_./+~-]+")
"""PostgreSQL reads both lists of socket folders and of hosts at commas, with quoting of their own."""

_KEPT_LOG_BYTES: Final = 64 * 1024
_LONGEST_LOG_BYTES: Final = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Folders:
    """Where things are; all derived from the real path of the home."""

    base: Path

    @property
    def data(self) -> Path:
        """PostgreSQL's data directory."""
        return self.base / "data"

    @property
    def password(self) -> Path:
        """The file with the password of the role."""
        return self.base / "password"

    @property
    def log(self) -> Path:
        """What the server says."""
        return self.base / "log"

    @property
    def start_lock(self) -> Path:
        """Held while starting and stopping."""
        return self.base / "start.lock"

    @property
    def users_lock(self) -> Path:
        """Shared by all who use the server."""
        return self.base / "users.lock"

    @property
    def server_lock(self) -> Path:
        """Held by the server's processes."""
        return self.base / "server.lock"

    def socket_folder(self) -> Path:
        """Say where a new server's socket is to be.

        Returns:
            A folder inside the home; if the socket's path would be too long there or has characters with a meaning
            to PostgreSQL, one with a short name in the system's folder for temporary files.
        """
        inside = self.base / "socket"
        path = str(inside / f".s.PGSQL.{PORT}")
        if len(os.fsencode(path)) <= _LONGEST_SOCKET_PATH_BYTES and _PLAIN_PATH.fullmatch(path):
            return inside
        name = hashlib.sha256(os.fsencode(self.base)).hexdigest()[:16]
        return Path(tempfile.gettempdir()).resolve() / f"wescope-{name}"


def prepare_base(home: Path) -> Folders:
    """Make WESCOPE_HOME and its folder `postgres`, if they are not there.

    Args:
        home: WESCOPE_HOME; symbolic links are followed, so that two ways to one folder mean one server.

    Returns:
        The folders. A folder `postgres` that root makes belongs to the owner of the home, who can go on without root.

    Raises:
        HomeRefused: the system does not let this user.
    """
    try:
        home.mkdir(parents=True, exist_ok=True)
        folders = Folders(base=home.resolve() / "postgres")
        try:
            folders.base.mkdir(mode=0o700)
        except FileExistsError:
            pass
        else:
            _give(folders.base, folders.base.parent)
        next(folders.base.iterdir(), None)
    except OSError as error:
        raise HomeRefused(error.strerror or "", path=str(home)) from error
    return folders


def private_folder(path: Path, *, user_id: int, group_id: int) -> None:
    """Make a folder that only one account can enter, or check that an existing one is that.

    Args:
        path: the folder; its parent exists.
        user_id: the account's.
        group_id: the account's.

    Raises:
        HomeRefused: the path is taken by somebody else's folder, or by something else.
    """
    with contextlib.suppress(FileExistsError):
        path.mkdir(mode=0o700)
    info = path.lstat()
    if not stat.S_ISDIR(info.st_mode) or info.st_uid not in {user_id, os.geteuid()}:
        raise HomeRefused("It is not a folder of the server's account; remove it.", path=str(path), owner=info.st_uid)
    if info.st_uid != user_id:
        os.chown(path, user_id, group_id, follow_symlinks=False)
    path.chmod(0o700)


def open_private(path: Path, *, flags: int = os.O_RDWR) -> int:
    """Open a file of ours, made with 0600 if it is not there, never through a symbolic link.

    Args:
        path: a file in the folder `postgres`.
        flags: for os.open, besides the ones that follow from the above.

    Returns:
        A descriptor that child processes do not inherit.

    Raises:
        HomeRefused: the system does not let this user.
    """
    try:
        descriptor = os.open(path, flags | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise HomeRefused(error.strerror or "", path=str(path)) from error
    _give(path, path.parent)
    return descriptor


def open_log(path: Path) -> int:
    """Open the log for appending, cut to its end if it has grown long; a server that writes to it is not disturbed.

    Args:
        path: the log.

    Returns:
        A descriptor.
    """
    descriptor = open_private(path, flags=os.O_RDWR | os.O_APPEND)
    size = os.fstat(descriptor).st_size
    if size > _LONGEST_LOG_BYTES:
        tail = os.pread(descriptor, _KEPT_LOG_BYTES, size - _KEPT_LOG_BYTES)
        os.ftruncate(descriptor, 0)
        os.write(descriptor, tail[tail.find(b"\n") + 1 :])
    return descriptor


def end_of_log(path: Path, *, lines: int = 5) -> str:
    """Read what the server said last.

    Args:
        path: the log.
        lines: how many.

    Returns:
        Them, separated by " | "; empty if there are none. The server's settings keep data out of its log.
    """
    try:
        text = path.read_bytes()[-4096:].decode(errors="replace")
    except FileNotFoundError:
        return ""
    return " | ".join(text.splitlines()[-lines:])


def _give(path: Path, like: Path) -> None:
    """As root, give a new file of ours to whom its folder belongs."""
    owner = like.stat()
    if os.geteuid() == 0 and path.lstat().st_uid != owner.st_uid:
        os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)
