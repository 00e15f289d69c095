"""What a process imports and does at its start, so that a command or a worker does not pay for what it never uses."""

import gc
import subprocess
import sys

import pytest

from wescope import collector

PAGES = frozenset({"fastapi", "starlette", "uvicorn", "jinja2", "joserfc"})


@pytest.mark.parametrize(
    ("imported", "unwanted"),
    [
        ("wescope.cli.main", {"wescope.wiring", "sqlalchemy", "stripe", *PAGES}),
        ("wescope.wiring", PAGES),
        ("wescope.web.worker_app", {"wescope.web.api", "wescope.web.console.routes", "joserfc"}),
    ],
)
def test_nobody_imports_what_only_others_need(imported: str, unwanted: frozenset[str]) -> None:
    program = f"import sys, {imported}; print(*sys.modules)"
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert not set(answer.stdout.split()) & unwanted


def test_the_collector_rests_only_in_the_block() -> None:
    with collector.resting():
        assert not gc.isenabled()
    assert gc.isenabled()


def test_the_collector_works_again_after_an_error() -> None:
    with pytest.raises(ImportError), collector.resting():
        raise ImportError
    assert gc.isenabled()


def test_a_collector_that_has_not_rested_forgets_nothing() -> None:
    before = gc.get_freeze_count()
    collector.work()
    assert (gc.isenabled(), gc.get_freeze_count()) == (True, before)
