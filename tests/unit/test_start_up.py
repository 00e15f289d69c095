"""What a process imports and does at its start, so that a command or a worker does not pay for what it never uses."""

import gc
import os
import subprocess
import sys
from pathlib import Path

import pytest

from wescope import collector

PAGES = frozenset({"fastapi", "starlette", "uvicorn", "jinja2", "joserfc"})


@pytest.mark.parametrize(
    ("imported", "unwanted"),
    [
        ("wescope.cli.main", {"wescope.wiring", "sqlalchemy", "stripe", *PAGES}),
        ("wescope.wiring", PAGES),
        ("wescope.web.worker_app", {"wescope.web.api", "wescope.web.console", "joserfc", "jinja2"}),
    ],
)
def test_nobody_imports_what_only_others_need(imported: str, unwanted: frozenset[str]) -> None:
    program = f"import sys, {imported}; print(*sys.modules)"
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert not set(answer.stdout.split()) & unwanted


SERVED = """
import asyncio, socket, sys
from wescope import service, wiring
from wescope.config import PolicyFile, load_settings

async def run(opening, settings, metrics, role, *, access, ready):
    with socket.socket() as bound:
        service._Web(bound, metrics, asyncio.Event(), role, settings=settings, access=access)
    print(*sys.modules)

service.run = run
asyncio.run(wiring.serve(load_settings(), PolicyFile(), sys.argv[1]))
"""
"""What `wescope serve` does until it would open the database."""


@pytest.mark.parametrize(("role", "shows"), [("worker", False), ("web", True)])
def test_a_worker_is_served_without_what_shows_the_books(tmp_path: Path, role: str, shows: bool) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("WESCOPE_")}
    answer = subprocess.run(
        [sys.executable, "-c", SERVED, role],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        cwd=tmp_path,
        env={**environment, "WESCOPE_HOME": str(tmp_path)},
    )
    imported = set(answer.stdout.split())
    for name in ("jinja2", "joserfc", "wescope.web.console", "wescope.web.access.choosing"):
        assert (name in imported) == shows, name


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
    assert gc.isenabled()
    # Less is possible at any time: what was left out earlier may be freed by its count of references.
    assert gc.get_freeze_count() <= before
