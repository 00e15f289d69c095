"""The command `schema`: what it prints, and a folder that it keeps; every command has a schema."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import typer.main

from tests.unit.cli.conftest import Run
from wescope.cli.artifacts import MARK, artifacts
from wescope.cli.main import app
from wescope.cli.outputs import OUTPUTS

ROOT = Path(__file__).parents[3]


def test_the_artifacts_of_the_repository_are_current(run: Run) -> None:
    result = run("schema", "all", "--out", str(ROOT / "artifacts"), "--check")
    assert result.exit_code == 0, result.stderr


def commands(group: Any, *words: str) -> Iterator[str]:
    for name, command in group.commands.items():
        yield " ".join((*words, name))
        if isinstance(command, click.Group) or hasattr(command, "commands"):
            yield from commands(command, *words, name)


def test_every_command_has_a_schema() -> None:
    assert set(commands(typer.main.get_command(app))) == set(OUTPUTS)


def test_openapi_is_printed(run: Run) -> None:
    printed = json.loads(run("schema", "openapi").stdout)
    assert printed["openapi"].startswith("3.1")
    assert json.loads(run("schema", "openapi", "--json").stdout)["schema"] == printed


def test_schemas_are_listed_and_printed_one_by_one(run: Run) -> None:
    listed = [line.split()[0] for line in run("schema", "json").stdout.splitlines()]
    assert {"cli/status", "values/invoice", "documents", "plan", "policy", "links/links"} <= set(listed)
    assert json.loads(run("schema", "json", "cli/status").stdout)["$id"] == "urn:wescope:schema:cli/status"
    assert set(json.loads(run("schema", "json", "--json").stdout)["schema"]) == set(listed)


@pytest.mark.parametrize(
    "words",
    [
        ["all"],
        ["openapi", "--out", "x"],
        ["openapi", "--check"],
        ["json", "cli/nothing"],
        ["openapi", "cli/status"],
        ["nothing"],
    ],
)
def test_what_does_not_fit_together_is_refused(run: Run, words: list[str]) -> None:
    assert run("schema", *words).exit_code == 2


def test_a_folder_is_written_and_kept(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "artifacts"
    told = json.loads(run("schema", "all", "--out", str(out), "--json").stdout)
    assert set(told["written"]) == set(artifacts())
    assert run("schema", "all", "--out", str(out), "--check").exit_code == 0
    (out / "openapi.json").write_text("{}", encoding="utf-8")
    (out / "json" / "policy.json").unlink()
    (out / "old").mkdir()
    (out / "old" / "gone.json").write_text("{}", encoding="utf-8")
    stale = ["json/policy.json", "openapi.json", "old/gone.json"]
    checked = run("schema", "all", "--out", str(out), "--check", "--json")
    assert (checked.exit_code, json.loads(checked.stdout)["stale"]) == (1, stale)
    assert "old/gone.json" in run("schema", "all", "--out", str(out), "--check").stderr
    told = json.loads(run("schema", "all", "--out", str(out), "--json").stdout)
    assert (told["written"], told["removed"]) == (stale[:2], stale[2:])
    assert not (out / "old").exists()
    assert run("schema", "all", "--out", str(out), "--check").exit_code == 0


def test_a_folder_of_others_is_left_alone(run: Run, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work", encoding="utf-8")
    result = run("schema", "all", "--out", str(tmp_path))
    assert result.exit_code == 2
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]
    (tmp_path / MARK).write_text("somebody else's", encoding="utf-8")
    assert run("schema", "all", "--out", str(tmp_path)).exit_code == 2
    assert (tmp_path / "thesis.txt").exists()
