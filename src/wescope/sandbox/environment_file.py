"""The environment file of a stand-in: what the service needs to reach it, to be sourced by a shell."""

import os
import shlex
from collections.abc import Mapping
from pathlib import Path


def write_environment_file(path: Path, values: Mapping[str, str]) -> None:
    """Write `export NAME=value` lines, quoted for a shell; the file appears when it is complete.

    Only its owner may read it, as with every file that holds keys.

    Args:
        path: Of the file; its folder is made if it is missing, and a file that is there is replaced.
        values: By the name of the variable.

    Raises:
        OSError: It cannot be written there.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.{os.getpid()}.new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w", encoding="utf-8") as file:
        file.writelines(f"export {name}={shlex.quote(value)}\n" for name, value in values.items())
    fresh.replace(path)
