"""Pages written by hand name what they must; `test_reference` looks at those that are generated."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import typer.main

from wescope.cli.main import app
from wescope.engine.doctor_checks import CHECKS
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


def test_every_alert_is_in_the_page_of_alerts() -> None:
    page = (DOCS / "alerts.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| \[(\w+)\]\(runbooks/\1\.md\)", page, re.MULTILINE)) == set(RULES)


def test_every_check_that_doctor_tells_of_is_made_somewhere() -> None:
    sources = [*(ROOT / "src" / "wescope" / "engine").glob("*.py"), ROOT / "src" / "wescope" / "cli" / "commands.py"]
    text = "".join(path.read_text(encoding="utf-8") for path in sources if path.name != "doctor_checks.py")
    assert [code for code in CHECKS if f'"{code}"' not in text] == []


def test_every_command_is_in_the_readme() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]  # a group, since there are several
    assert [name for name in commands if f"wescope {name}" not in readme] == []


def test_the_architecture_page_is_short_and_names_every_package() -> None:
    page = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    assert len(page.splitlines()) < 300
    packages = [path.name for path in (ROOT / "src" / "wescope").iterdir() if (path / "__init__.py").is_file()]
    assert [name for name in packages if name not in page] == []
