"""The documentation is true: generated pages are current, and every setting, command and route is in it."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest
import typer.main

from wescope.cli.main import app
from wescope.config.policy_model import AlertsTable
from wescope.config.settings import PREFIX, Settings
from wescope.observe.alert_rules import RULES

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("page", ["drift.md", "errors.md", "events.md", "export.md", "logs.md", "metrics.md"])
def test_generated_pages_are_current(page: str) -> None:
    assert (DOCS / page).read_text(encoding="utf-8") == generator().PAGES[page](), "run `make docs`"


@pytest.mark.parametrize("file", ["deploy/bigquery/schema.sql", "deploy/bigquery/views.sql"])
def test_generated_files_are_current(file: str) -> None:
    assert (ROOT / file).read_text(encoding="utf-8") == generator().FILES[file](), "run `make docs`"


@pytest.mark.parametrize("setting", sorted(Settings.model_fields))
def test_every_setting_is_documented(setting: str) -> None:
    assert f"`{PREFIX}{setting.upper()}`" in (DOCS / "policy.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("key", sorted(AlertsTable.model_fields))
def test_every_threshold_is_documented(key: str) -> None:
    page = (DOCS / "policy.md").read_text(encoding="utf-8")
    assert re.search(rf"^(# )?{key}(\.\w+)? ", page, re.MULTILINE)


def test_every_alert_is_in_the_page_of_alerts() -> None:
    page = (DOCS / "alerts.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| \[(\w+)\]\(runbooks/\1\.md\)", page, re.MULTILINE)) == set(RULES)


def test_every_command_is_in_the_readme() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]  # a group, since there are several
    assert [name for name in commands if f"wescope {name}" not in readme] == []


def test_the_architecture_page_is_short_and_names_every_package() -> None:
    page = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    assert len(page.splitlines()) < 300
    packages = [path.name for path in (ROOT / "src" / "wescope").iterdir() if (path / "__init__.py").is_file()]
    assert [name for name in packages if name not in page] == []
