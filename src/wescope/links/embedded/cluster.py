"""PostgreSQL's data directory: made whole or not at all, and checked before use."""

import os
import secrets
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from wescope.links.embedded.binaries import MAJOR_VERSION, Binaries
from wescope.links.embedded.errors import DataDirectoryUnusable, HomeRefused, InitialisationFailed, PasswordRefused
from wescope.links.embedded.folders import Folders, open_private, private_folder
from wescope.links.embedded.patience import Patience
from wescope.links.embedded.privileges import Account, Runner, clean_environment

ROLE: Final = "wescope"
"""Owner of the database of the same name; not a superuser, so that SQL can never reach files or programs."""

_HALF_MADE: Final = "data.new-"
_PASSWORD_BYTES: Final = 24

_INITDB_ARGUMENTS: Final = (
    "--username=postgres",
    "--auth=reject",
    "--encoding=UTF8",
    "--locale=C",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--data-checksums",
    "--no-instructions",
    "--set=timezone=UTC",
    "--set=log_timezone=UTC",
)

_CLIENT_AUTHENTICATION: Final = f"""\
# Only this role, only through the socket, only with its password. The superuser has no password and cannot log in.
local all {ROLE} scram-sha-256
"""

_CREATE: Final = """\
CREATE ROLE {role} LOGIN CREATEDB PASSWORD '{password}'
CREATE DATABASE {role} OWNER {role}
"""


def prepare_data(folders: Folders, runner: Runner, binaries: Binaries, patience: Patience) -> None:
    """Make the data directory if there is none, and check it if there is.

    Args:
        folders: the caller holds start.lock and server.lock.
        runner: how to run the programs.
        binaries: the programs.
        patience: how long it may take.

    Raises:
        DataDirectoryUnusable: there is something else, or another version.
        InitialisationFailed: initdb failed.
        PasswordRefused: there is a data directory and no password for it.
        HomeRefused: the system does not let us.
    """
    _remove_half_made(folders.base)
    if not folders.data.exists():
        _create(folders, runner, binaries, patience)
    _check_version(folders.data)
    if os.geteuid() == 0 and folders.data.stat().st_uid == 0:
        # Restored from a backup by root, for instance.
        _give_tree(folders.data, runner.account)


def read_password(path: Path) -> str:
    """Read the role's password.

    Args:
        path: the file.

    Returns:
        It.

    Raises:
        PasswordRefused: there is none.
        HomeRefused: the system does not let this user.
    """
    try:
        password = path.read_text().strip()
    except FileNotFoundError:
        password = ""
    except OSError as error:
        raise HomeRefused(error.strerror or "", path=str(path)) from error
    if not password:
        raise PasswordRefused("There is no password.", path=str(path))
    return password


def _create(folders: Folders, runner: Runner, binaries: Binaries, patience: Patience) -> None:
    """Make everything under another name and rename it at the end: a crash in between leaves nothing half made."""
    password = secrets.token_urlsafe(_PASSWORD_BYTES)
    new = folders.base / f"{_HALF_MADE}{secrets.token_hex(8)}"
    private_folder(new, user_id=runner.account.user_id, group_id=runner.account.group_id)
    _run(runner, binaries.initdb, ["-D", str(new), *_INITDB_ARGUMENTS], patience)
    (new / "pg_hba.conf").write_text(_CLIENT_AUTHENTICATION)
    single_user = ["--single", "-D", str(new), "-c", "log_min_error_statement=panic", "postgres"]
    said = _run(runner, binaries.postgres, single_user, patience, _CREATE.format(role=ROLE, password=password))
    if "ERROR:" in said:
        raise InitialisationFailed("The role or the database could not be made.")
    _write_durably(folders.password, password)
    new.rename(folders.data)
    _sync(folders.base)


def _run(runner: Runner, program: Path, arguments: Sequence[str], patience: Patience, text: str = "") -> str:
    """Run a program to its end; returns what it printed on stderr, which is also the reason if it fails."""
    try:
        result = subprocess.run(  # noqa: S603 - the programs of the wheel, found by us
            runner.command(program, *arguments),
            check=False,
            capture_output=True,
            cwd="/",
            encoding="utf-8",
            env=clean_environment(),
            errors="replace",
            extra_groups=runner.extra_groups,
            group=runner.group,
            input=text,
            timeout=patience.remaining_s,
            user=runner.user,
        )
    except subprocess.TimeoutExpired as error:
        raise InitialisationFailed("It takes too long.", program=program.name) from error
    if result.returncode != 0:
        reason = " | ".join(result.stderr.strip().splitlines()[-5:])
        raise InitialisationFailed(reason, program=program.name, exit_status=result.returncode)
    return result.stderr


def _check_version(data: Path) -> None:
    try:
        version = (data / "PG_VERSION").read_text().strip()
    except FileNotFoundError as error:
        raise DataDirectoryUnusable("It has no file PG_VERSION.", path=str(data)) from error
    except OSError as error:
        raise HomeRefused(error.strerror or "", path=str(data)) from error
    if version != MAJOR_VERSION:
        raise DataDirectoryUnusable(path=str(data), found=version, expected=MAJOR_VERSION)


def _write_durably(path: Path, text: str) -> None:
    descriptor = open_private(path, flags=os.O_WRONLY | os.O_TRUNC)
    with os.fdopen(descriptor, "w") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove_half_made(base: Path) -> None:
    for path in base.glob(f"{_HALF_MADE}*"):
        shutil.rmtree(path, ignore_errors=True)


def _give_tree(top: Path, account: Account) -> None:
    os.chown(top, account.user_id, account.group_id, follow_symlinks=False)
    for folder, folder_names, file_names in os.walk(top):
        for name in (*folder_names, *file_names):
            os.chown(Path(folder, name), account.user_id, account.group_id, follow_symlinks=False)
