"""The contract of every command: help with examples, exit code 2 for wrong use, errors on stderr, JSON as the API's."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import typer.main
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from tests.unit.cli.conftest import FakeWiring, Run
from tests.unit.web.history_fakes import PARKED, REPORT
from wescope.cli.main import app
from wescope.errors import DatabaseUnavailable
from wescope.web.app import create_app


def leaves(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command that can be run, with the words that lead to it."""
    if path and (not hasattr(command, "commands") or command.invoke_without_command):
        yield path, command
    for name, inner in getattr(command, "commands", {}).items():
        yield from leaves(inner, (*path, name))


LEAVES = dict(leaves(typer.main.get_command(app)))


def test_the_walk_finds_commands_and_those_below_them() -> None:
    assert {("status",), ("parked",), ("parked", "retry"), ("drift", "revert"), ("alerts", "test")} <= set(LEAVES)


@pytest.mark.parametrize("path", LEAVES, ids=" ".join)
def test_its_help_has_an_example_that_begins_with_its_name_and_the_exit_codes(run: Run, path: tuple[str, ...]) -> None:
    result = run(*path, "--help")
    assert result.exit_code == 0
    assert f"\n    wescope {' '.join(path)}" in result.stdout
    assert "Exit codes: 0 good, 1 something needs you, 2 wrong use" in result.stdout


@pytest.mark.parametrize("path", [path for path in LEAVES if path != ("sandbox",)], ids=" ".join)
def test_the_options_of_its_examples_are_its_own(path: tuple[str, ...]) -> None:
    command = LEAVES[path]
    known = {option for one in command.params for option in one.opts} | {"--help"}
    told = [
        line.split() for line in command.epilog.splitlines() if line.strip().startswith(f"wescope {' '.join(path)}")
    ]
    own = [
        words
        for words in told
        if not hasattr(command, "commands") or words[2:3] not in [[one] for one in command.commands]
    ]
    assert own
    assert {word for words in own for word in words if word.startswith("--")} <= known


@pytest.mark.parametrize("path", [path for path in LEAVES if path != ("sandbox",)], ids=" ".join)
def test_an_option_that_it_does_not_have_is_wrong_use(run: Run, path: tuple[str, ...]) -> None:
    result = run(*path, "--no-such-option")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "No such option: --no-such-option" in result.stderr


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("stauts",), "Did you mean 'status'"),
        (("parked", "ignre"), "Did you mean 'ignore'"),
        (("status", "--jsn"), "--json"),
        (("export", "--what", "linkss"), "Did you mean links?"),
        (("serve", "--role", "workr"), "Did you mean worker?"),
        (("schema", "opanapi"), "Did you mean openapi?"),
        (("runs", "pauze", "12"), "Did you mean pause?"),
        (("parked", "--code", "looks_lik"), "Did you mean looks_like?"),
        (("schema", "json", "cli/statu"), "Did you mean cli/status?"),
    ],
)
def test_a_word_that_was_mistyped_is_answered_by_the_one_that_was_meant(
    run: Run, words: tuple[str, ...], told: str
) -> None:
    result = run(*words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert told in re.sub(r"\s+", " ", result.stderr)
    assert "Value error" not in result.stderr


def test_what_is_like_nothing_has_no_suggestion(run: Run) -> None:
    assert "Did you mean" not in run("parked", "--code", "zzzz").stderr
    assert "Did you mean" not in run("export", "--what", "zzzz").stderr


@pytest.mark.parametrize("words", [("status",), ("runs",), ("payouts",), ("parked",), ("drift",), ("tieout",)])
def test_an_error_is_code_text_and_remedy_on_stderr(run: Run, wiring: FakeWiring, words: tuple[str, ...]) -> None:
    wiring.failure = error = DatabaseUnavailable()
    result = run(*words)
    assert (result.exit_code, result.stdout) == (1, "")
    assert (f"[{error.code}]" in result.stderr, error.remedy in result.stderr) == (True, True)
    told = run(*words, "--json")
    assert json.loads(told.stdout)["error"] == {"code": error.code, "message": str(error), "remedy": error.remedy}


@pytest.mark.parametrize(
    ("words", "path", "within"),
    [
        (("status",), "/api/v1/status", ()),
        (("runs",), "/api/v1/runs", ("runs",)),
        (("runs", "12"), "/api/v1/runs/12", ("run",)),
        (("payouts",), "/api/v1/payouts", ("payouts",)),
        (("payouts", "po_1"), "/api/v1/payouts/po_1", ()),
        (("parked",), "/api/v1/parked", ("parked",)),
        (("drift",), "/api/v1/drift", ("drift",)),
        (("tieout",), "/api/v1/tieout", ()),
        (("explain", "in_1"), "/api/v1/explain/in_1", ()),
    ],
)
def test_the_json_of_a_question_is_the_apis(
    run: Run, wiring: FakeWiring, words: tuple[str, ...], path: str, within: tuple[str, ...]
) -> None:
    services = wiring.runtime.services
    services.history.report = replace(REPORT, parked=(PARKED,))
    told = json.loads(run(*words, "--json").stdout)
    for name in within:
        told = told[name]
    with TestClient(create_app(services), client=("127.0.0.1", 50_000), base_url="http://127.0.0.1:8080") as client:
        answer = client.get(path)
    assert answer.status_code == 200
    assert told == answer.json()


@pytest.mark.parametrize("width", [20, 40, 60, 200])
@pytest.mark.parametrize("words", [("parked",), ("runs",), ("runs", "12"), ("payouts",), ("status",), ("doctor",)])
def test_tables_fit_the_terminal_lose_nothing_and_have_no_colour(
    wiring: FakeWiring, words: tuple[str, ...], width: int
) -> None:
    plain = CliRunner().invoke(app, list(words), env={"COLUMNS": "200"}).stdout
    shown = CliRunner().invoke(app, list(words), env={"COLUMNS": str(width), "NO_COLOR": "1"}).stdout
    assert max(len(line.rstrip()) for line in shown.splitlines()) <= width
    assert "\x1b" not in shown
    if words == ("parked",):
        assert "in_1:invoice" in plain
        assert "in_1:invoice" in re.sub(r"\s+", "", shown)


@pytest.mark.parametrize("name", ["parked", "runs", "payouts", "drift"])
def test_what_goes_to_a_pipe_keeps_ids_whole(wiring: FakeWiring, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    shown = CliRunner().invoke(app, [name]).stdout
    assert "\x1b" not in shown
    assert "…" not in shown
