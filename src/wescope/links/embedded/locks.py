"""Advisory file locks (flock): one belongs to an open file and goes with the last process that has that file open.

Three files are locked in WESCOPE_HOME/postgres:

- `start.lock`, exclusive: held while a server is looked for, started or stopped. One process at a time.
- `users.lock`, shared: held by every process while it uses the server. Whoever can have it exclusively is the last.
- `server.lock`, exclusive: the server inherits the open file, and so do all its processes. It is free exactly when no
  process of the server is left: no pid that was given to somebody else and no zombie can pretend otherwise.
"""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from wescope.links.embedded.folders import open_private
from wescope.links.embedded.patience import Patience


def try_lock(descriptor: int, *, exclusive: bool = True) -> bool:
    """Take a lock if it is free now.

    Args:
        descriptor: of an open file; a lock that it already has is converted.
        exclusive: alone, or together with others who do not want it alone.

    Returns:
        Whether it was taken.
    """
    kind = fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_free(path: Path) -> bool:
    """Tell whether nobody has the lock.

    Args:
        path: the lock file.

    Returns:
        True if it could have been taken exclusively.
    """
    with opened(path) as descriptor:
        return try_lock(descriptor)


@contextlib.contextmanager
def opened(path: Path) -> Iterator[int]:
    """Open a lock file; leaving closes it, which frees its lock unless another process inherited the open file.

    Args:
        path: the lock file, made if it is not there.

    Yields:
        The descriptor.
    """
    descriptor = open_private(path)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def locked(path: Path, patience: Patience) -> Iterator[None]:
    """Hold a lock exclusively.

    Args:
        path: the lock file, made if it is not there.
        patience: how long to wait for it.

    Raises:
        StartTimeout: another process held it for too long.
    """
    with opened(path) as descriptor:
        while not try_lock(descriptor):
            patience.pause("Another command is starting or stopping the embedded PostgreSQL.")
        yield
