"""An environment without any setting of the machine that runs the tests."""

import os
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("WESCOPE_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
