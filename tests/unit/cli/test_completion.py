"""Completion: what a shell is told when Tab is pressed, in the form of each shell; and that it never fails."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from wescope.cli import completion

NEWEST = [(12, "backfill, running"), (11, "sweep, done"), (2, "undo, done")]


def asked(shell: str, line: str) -> str:
    """What `wescope` tells a shell of this kind about the last word of a line."""
    words = line.split(" ")
    told = {
        "bash": {"COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)},
        "zsh": {"_TYPER_COMPLETE_ARGS": line},
        "fish": {"_TYPER_COMPLETE_ARGS": line, "_TYPER_COMPLETE_FISH_ACTION": "get-args"},
    }[shell]
    environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "_WESCOPE_COMPLETE": f"complete_{shell}", **told}
    done = subprocess.run(
        [str(Path(sys.executable).with_name("wescope"))],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.stderr == ""
    return done.stdout


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_is_told_commands_options_and_codes(shell: str) -> None:
    assert "parked" in asked(shell, "wescope par")
    assert "retry" in asked(shell, "wescope parked re")
    assert "looks_like" in asked(shell, "wescope parked --code looks_l")
    assert "account_missing" not in asked(shell, "wescope parked --code looks_l")
    assert "payout-rows" in asked(shell, "wescope export --what payout-r")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_has_a_script(shell: str) -> None:
    environment = {**os.environ, "_WESCOPE_COMPLETE": f"source_{shell}"}
    done = subprocess.run(
        [str(Path(sys.executable).with_name("wescope"))],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert "_WESCOPE_COMPLETE" in done.stdout
    if (program := shutil.which(shell)) is not None:
        subprocess.run([program, "-n"], input=done.stdout, text=True, check=True, timeout=60)


def test_bash_completes_with_the_script() -> None:
    """The script in a real bash: what Tab would offer."""
    command = str(Path(sys.executable).with_name("wescope"))
    script = f"""
eval "$(_WESCOPE_COMPLETE=source_bash {command})"
COMP_WORDS=({command} parked --code looks_l); COMP_CWORD=3
_wescope_completion {command}
echo "${{COMPREPLY[@]}}"
"""
    done = subprocess.run(["/bin/bash", "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == ["looks_like"]


def test_runs_are_offered_with_what_can_be_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wescope.links.run_names.newest_runs", lambda *_, **__: NEWEST)
    assert completion.run_ids("1") == [("12", "backfill, running"), ("11", "sweep, done")]
    assert [one for one, _ in completion.run_words("")] == ["pause", "resume", "cancel", "12", "11", "2"]
    assert completion.run_words("pa") == [("pause", "after its current step")]


def test_without_a_database_nothing_is_offered_and_nothing_is_started(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("WESCOPE_HOME", str(tmp_path / "home"))
    assert completion.run_ids("") == []
    assert not (tmp_path / "home").exists()
    monkeypatch.setenv("WESCOPE_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    assert completion.run_ids("") == []


def test_kinds_states_and_schemas_are_offered() -> None:
    assert "edited" in completion.drift_kinds("ed")
    assert completion.drift_states("acc") == ["accepted"]
    assert "cli/status" in completion.schema_names("cli/st")
