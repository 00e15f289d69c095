"""Running the server's programs as somebody who is not root, as PostgreSQL demands, also where only root can enter."""

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from wescope.links.embedded.binaries import Binaries, copied_binaries
from wescope.links.embedded.errors import EmbeddedPostgresError, NoUsableAccount

_ACCOUNTS: Final = ("postgres", "nobody")
_CAPABILITIES: Final = ("dac_read_search", "dac_override")
"""What helps into folders of root, the smaller one first; containers often have only the second one to give."""

# `initdb --show` looks for its companions as a real run does, and then only prints.
_PROBE: Final = 'cd "$1" && "$2" --version && "$3" --show --pgdata "$1/none" 2>&1 && read -r line < "$4"'
_PROBE_TIMEOUT_S: Final = 20.0
_PASSED_ON: Final = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TMPDIR")


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Whose rights the server has."""

    user_id: int
    group_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Runner:
    """One way to run a program as an account."""

    account: Account
    prefix: tuple[str, ...] = ()
    switches_user: bool = False

    def command(self, program: Path, *arguments: str) -> list[str]:
        """Build a command line.

        Args:
            program: an absolute path.
            arguments: of the program.

        Returns:
            The program with what has to stand before it.
        """
        return [*self.prefix, str(program), *arguments]

    @property
    def user(self) -> int | None:
        """For subprocess: the user id to change to, None for no change."""
        return self.account.user_id if self.switches_user else None

    @property
    def group(self) -> int | None:
        """For subprocess: the group id to change to, None for no change."""
        return self.account.group_id if self.switches_user else None

    @property
    def extra_groups(self) -> list[int] | None:
        """For subprocess: no other groups of root are kept, None for no change."""
        return [] if self.switches_user else None


def clean_environment() -> dict[str, str]:
    """Build the environment of the server's programs.

    Returns:
        Only what they need: none of our secrets, and no PG* variable that would change what they do.
    """
    kept = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    return {**kept, "LC_ALL": "C", "TZ": "UTC"}


def choose_account(data: Path, home: Path) -> Account:
    """Decide who runs the server.

    Args:
        data: PostgreSQL's data directory, which may not exist yet.
        home: WESCOPE_HOME.

    Returns:
        Ourselves; if we are root the owner of the data, else of the home, else `postgres`, else `nobody`: the first one
        that is not root and that the system knows by name (initdb insists).

    Raises:
        NoUsableAccount: we are root and there is none.
    """
    if os.geteuid() != 0:
        return Account(user_id=os.geteuid(), group_id=os.getegid())
    for entry in _candidates(data, home):
        if entry.pw_uid != 0:
            return Account(user_id=entry.pw_uid, group_id=entry.pw_gid)
    raise NoUsableAccount("There is neither an account 'postgres' nor 'nobody'.")


def _candidates(data: Path, home: Path) -> Iterator[pwd.struct_passwd]:
    for path in (data, home):
        try:
            yield pwd.getpwuid(path.stat().st_uid)
        except (FileNotFoundError, KeyError):
            continue
    for name in _ACCOUNTS:
        try:
            yield pwd.getpwnam(name)
        except KeyError:
            continue


def choose_runner(account: Account, binaries: Binaries, base: Path) -> tuple[Runner, Binaries]:
    """Find a way to run programs as the account that really works here; each is tried.

    Args:
        account: who shall run the server.
        binaries: what has to be reachable.
        base: the folder that has to be reachable.

    Returns:
        Plainly if the account can enter by itself, otherwise with the one capability that lets it; and the programs,
        which are copies if the account cannot run the ones given.

    Raises:
        NoUsableAccount: no way works.
    """
    if account.user_id == os.geteuid():
        return Runner(account=account), binaries
    refusals: list[str] = []
    for programs in _programs(binaries, refusals):
        for runner in _runners(account):
            refusal = _probe(runner, programs, base)
            if refusal is None:
                return runner, programs
            refusals.append(refusal)
    raise NoUsableAccount("; ".join(dict.fromkeys(refusals)), user_id=account.user_id)


def _programs(binaries: Binaries, refusals: list[str]) -> Iterator[Binaries]:
    yield binaries
    try:
        yield copied_binaries(binaries)
    except (OSError, EmbeddedPostgresError) as error:
        refusals.append(str(error))


def _runners(account: Account) -> Iterator[Runner]:
    yield Runner(account=account, switches_user=True)
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        return
    for capability in _CAPABILITIES:
        prefix = (
            setpriv,
            f"--reuid={account.user_id}",
            f"--regid={account.group_id}",
            "--clear-groups",
            f"--inh-caps=+{capability}",
            f"--ambient-caps=+{capability}",
            "--",
        )
        yield Runner(account=account, prefix=prefix)


def _probe(runner: Runner, binaries: Binaries, base: Path) -> str | None:
    """Try to enter the folder, run the programs and read their files; say what stood in the way."""
    places = (base, binaries.postgres, binaries.initdb, binaries.shared_file)
    try:
        result = subprocess.run(  # noqa: S603 - a constant script, and paths found by us
            runner.command(Path("/bin/sh"), "-c", _PROBE, "sh", *map(str, places)),
            check=False,
            capture_output=True,
            cwd="/",
            env=clean_environment(),
            timeout=_PROBE_TIMEOUT_S,
            user=runner.user,
            group=runner.group,
            extra_groups=runner.extra_groups,
        )
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        return str(error)
    said = result.stderr or result.stdout
    return None if result.returncode == 0 else said.decode(errors="replace").strip().rpartition("\n")[2]
