"""While a new version is rolled out, and after it was taken back, the version before it works on the new schema."""

import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from tests.integration.processes import bench, free_port
from wescope.links.schema import REVISION

pytestmark = [pytest.mark.timeout(600), pytest.mark.slow]

REPOSITORY = Path(__file__).parents[2]
GIT = shutil.which("git") or "git"
MIGRATIONS = "src/wescope/links/migrations/versions"


def _git(*arguments: str) -> str:
    done = subprocess.run(
        (GIT, "-C", str(REPOSITORY), *arguments), capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout.strip()


def _version_before(folder: Path) -> Path:
    """The sources of the last commit that did not have the newest migration yet."""
    (migration,) = (REPOSITORY / MIGRATIONS).glob(f"{REVISION}_*.py")
    path = str(migration.relative_to(REPOSITORY))
    added = _git("log", "--first-parent", "-m", "--diff-filter=A", "-1", "--format=%H", "--", path)
    assert added, f"{path} is not committed yet, or the history of this clone is cut off (git fetch --unshallow)"
    archive = folder / "before.tar"
    _git("archive", f"--output={archive}", f"{added}^1", "src")
    with tarfile.open(archive) as opened:
        opened.extractall(folder / "before", filter="data")
    return folder / "before" / "src"


def test_the_version_before_works_on_the_new_schema_beside_the_new_one_and_alone(tmp_path: Path) -> None:
    before = _version_before(tmp_path)
    with bench(tmp_path, customers=3, months=1) as made:
        made.port = free_port()
        old = made.serve(PYTHONPATH=str(before))
        made.deliver(old, limit=40)
        made.until_idle(old)
        # The new one migrates under the old one, which receives and posts beside it.
        new = made.serve(WESCOPE_PORT="0")
        made.deliver(old, limit=80)
        made.deliver(new, limit=40)
        made.until_idle(new)
        assert made.status(old)["posted"] == made.status(new)["posted"]
        assert made.rows("SELECT version_num FROM alembic_version") == [(REVISION,)]
        for process in (old, new):
            process.kill()
        # The new one was taken back: the old one starts on the newer schema, and does the rest.
        alone = made.serve(PYTHONPATH=str(before))
        assert made.get(alone, "/readyz")["checks"]["database"] == "ok"
        made.deliver(alone)
        made.until_idle(alone)
        made.check_books(alone)
        made.check_nothing_is_lost()
