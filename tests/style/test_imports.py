"""The import contract of pyproject.toml holds: `books` is free of I/O, and imports point inward."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
CONTRACTS = 4


def lint(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Runs the linter in a process of its own: it keeps the module graph and the path in globals."""
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()", "--no-cache"]
    environment = os.environ | {"PYTHONPATH": str(folder / "src"), "NO_COLOR": "1"}
    return subprocess.run(
        [*command, *options], cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False
    )


def test_the_import_contract_holds() -> None:
    result = lint(ROOT)
    assert result.returncode == 0, result.stdout
    assert f"Contracts: {CONTRACTS} kept, 0 broken." in result.stdout


def test_a_broken_contract_is_found(tmp_path: Path) -> None:
    for name, text in {"books": "import socket\n", "__init__": ""}.items():
        module = tmp_path / "src" / "house" / f"{name}.py"
        module.parent.mkdir(parents=True, exist_ok=True)
        module.write_text(text)
    (tmp_path / ".importlinter").write_text(
        "[importlinter]\nroot_package = house\ninclude_external_packages = True\n"
        "[importlinter:contract:1]\nname = pure\ntype = forbidden\n"
        "source_modules = house.books\nforbidden_modules = socket\n"
    )
    result = lint(tmp_path)
    assert result.returncode == 1, result.stdout
    assert "0 kept, 1 broken" in result.stdout
