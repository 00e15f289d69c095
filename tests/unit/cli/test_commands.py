"""Commands: exit codes, one JSON document on stdout, errors without tracebacks, help with examples."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from datetime import date

import pytest

from tests.unit.cli.conftest import FakeWiring, Run
from tests.unit.web.fakes import SYNCED, TIEOUT
from wescope.cli.main import app
from wescope.config.policy_reference import example_toml
from wescope.engine.results import ActionRow, Check, Severity, SyncResult
from wescope.engine.tieout_results import TieOut
from wescope.errors import AccountMissing, ConfigurationError, DatabaseUnavailable, QboDisconnected

COMMANDS = (
    *("demo", "serve", "sandbox", "connect", "doctor", "setup", "status"),
    *(
        "sync",
        "backfill",
        "replay",
        "sweep",
        "verify",
        "undo",
        "runs",
        "payouts",
        "explain",
        "export",
        "schema",
        "tieout",
        "close",
    ),
)
GROUPS = ("alerts", "parked", "drift")
ONE_SHOT = (("status",), ("alerts",), ("parked",), ("tieout",), ("sync", "in_1"))


def test_there_are_exactly_these_commands() -> None:
    assert {
        command.name or command.callback.__name__ for command in app.registered_commands if command.callback
    } == set(COMMANDS)
    assert {group.name for group in app.registered_groups} == set(GROUPS)


@pytest.mark.parametrize("command", [*COMMANDS, *GROUPS])
def test_every_command_has_help_with_examples(run: Run, command: str) -> None:
    result = run(command, "--help")
    assert result.exit_code == 0
    assert f"\n    wescope {command}" in result.stdout
    assert "Exit codes: 0 good" in result.stdout


@pytest.mark.parametrize("command", [name for name in (*COMMANDS, *GROUPS) if name != "sandbox"])
def test_every_command_has_json(run: Run, command: str) -> None:
    assert "--json" in run(command, "--help").stdout


def test_help_is_fast_because_nothing_heavy_is_imported() -> None:
    code = "import sys; from wescope.cli import main; print([m for m in sys.argv[1:] if m in sys.modules])"
    heavy = ("pydantic", "rich", "fastapi", "sqlalchemy", "stripe", "httpx2", "structlog", "wescope.wiring")
    done = subprocess.run([sys.executable, "-c", code, *heavy], capture_output=True, text=True, check=True, timeout=30)
    assert done.stdout.strip() == "[]"


def test_status(run: Run) -> None:
    result = run("status", "--json")
    assert result.exit_code == 0
    status = json.loads(result.stdout)
    assert (status["backlog"], status["oldest_hint_age_s"], status["in_flight"]) == (3, 7, 1)
    assert status["last_tieout"]["difference"] == "0.00"
    assert "Waiting" in run("status").stdout


def test_tieout(run: Run, wiring: FakeWiring) -> None:
    result = run("tieout", "--as-of", "2026-10-31", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["difference"] == "0.10"
    assert [str(asked) for asked in wiring.runtime.services.asked] == ["2026-10-31"]
    wiring.runtime.services.compared = TieOut.of(as_of=TIEOUT.as_of, at=TIEOUT.at, receivable=(), clearing=())
    result = run("tieout")
    assert result.exit_code == 0
    assert "difference 0.00" in result.stdout


def test_tieout_tells_what_makes_up_the_difference(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    shown = run("tieout").stdout
    for told in ("clearing:usd", "revenue:2026-11:usd", "fees:2026-11:usd", "ch_1:payment", "edited_in_qbo"):
        assert told in shown
    assert "1 payouts agree, 0 differ" in shown
    assert "Without known reason: 0.00" in shown


def test_tieout_opens_rows(run: Run, wiring: FakeWiring, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    result = run("tieout", "--as-of", "2026-10-31", "--open", "clearing:usd", "--json")
    assert result.exit_code == 1
    (row,) = json.loads(result.stdout)["rows"]
    assert (row["id"], row["difference"], row["lines"][0]["reason"]) == ("clearing:usd", "0.10", "edited_in_qbo")
    assert wiring.runtime.services.asked == [(("clearing:usd",), date(2026, 10, 31))]
    assert "Payment/146" in run("tieout", "--open", "clearing:usd").stdout
    assert run("tieout", "--open", "clearing:eur", "--json").exit_code == 1


def test_sync(run: Run, wiring: FakeWiring) -> None:
    result = run("sync", "in_1", "cus_2", "--dry-run", "--json")
    assert result.exit_code == 0
    assert wiring.runtime.services.asked == [(("in_1", "cus_2"), True)]
    document = json.loads(result.stdout)
    assert (document["dry_run"], document["subjects"][0]["actions"][0]["amount"]) == (True, "10.99")


def test_sync_needs_you_if_something_is_parked(run: Run, wiring: FakeWiring) -> None:
    row: ActionRow = replace(SYNCED.actions[0], action="park", reason="total_mismatch")
    nothing = SyncResult(subject="invoice/in_2", actions=())
    wiring.runtime.services.synced = (replace(SYNCED, actions=(row,)), nothing)
    result = run("sync", "in_1")
    assert result.exit_code == 1
    assert "invoice/in_2: nothing to do" in result.stdout


def test_the_example_of_the_policy_file(run: Run) -> None:
    result = run("schema", "policy-example")
    assert (result.exit_code, result.stdout) == (0, example_toml())
    assert json.loads(run("schema", "policy-example", "--json").stdout)["schema"] == example_toml()


@pytest.mark.parametrize(
    "arguments", [("sync",), ("tieout", "--as-of", "soon"), ("serve", "--role", "x"), ("nothing",)]
)
def test_wrong_use_is_2(run: Run, arguments: tuple[str, ...]) -> None:
    assert run(*arguments).exit_code == 2


@pytest.mark.parametrize("arguments", ONE_SHOT)
@pytest.mark.parametrize(
    ("error", "code", "exit_code"),
    [
        (DatabaseUnavailable(), "database_unavailable", 1),
        (QboDisconnected(), "qbo_disconnected", 1),
        (ConfigurationError("WESCOPE_PORT"), "settings_invalid", 2),
        (AccountMissing(), "account_missing", 2),
        (RuntimeError("jenny@example.com"), "internal_error", 1),
    ],
)
def test_an_error_is_code_message_and_remedy(  # noqa: PLR0917 - pytest hands them over by name
    run: Run, wiring: FakeWiring, arguments: tuple[str, ...], error: Exception, code: str, exit_code: int
) -> None:
    wiring.failure = error
    result = run(*arguments, "--json")
    assert result.exit_code == exit_code
    document = json.loads(result.stdout)
    assert document["error"]["code"] == code
    assert set(document["error"]) == {"code", "message", "remedy"}
    assert code in result.stderr
    assert "Traceback" not in result.stderr
    assert "jenny" not in result.output
    assert not run(*arguments).stdout


def test_doctor(run: Run, wiring: FakeWiring) -> None:
    assert run("doctor").exit_code == 0
    warning = Check(name="clock", ok=False, detail="", remedy="Set it.", severity=Severity.WARNING)
    wiring.runtime.checks = (warning,)
    assert json.loads(run("doctor", "--json").stdout)["ok"]
    wiring.runtime.checks = (warning, replace(warning, severity=Severity.ERROR))
    result = run("doctor", "--json")
    assert (result.exit_code, json.loads(result.stdout)["ok"]) == (1, False)


def test_doctor_works_where_nothing_else_does(run: Run, wiring: FakeWiring, monkeypatch: pytest.MonkeyPatch) -> None:
    wiring.failure = DatabaseUnavailable()
    result = run("doctor", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["checks"][-1]["remedy"] == DatabaseUnavailable.remedy
    monkeypatch.delenv("WESCOPE_STRIPE_API_KEY")
    result = run("doctor", "--json")
    assert result.exit_code == 1
    assert "WESCOPE_STRIPE_API_KEY" in result.stdout


@pytest.mark.parametrize("role", ["all", "web", "worker"])
def test_serve(run: Run, wiring: FakeWiring, role: str) -> None:
    result = run("serve", "--role", role, "--json")
    assert result.exit_code == 0
    assert wiring.served == [role]
    assert json.loads(result.stdout) == {"service": "wescope", "role": role, "url": "http://127.0.0.1:8080"}


def test_serve_names_what_is_missing_before_it_starts(
    run: Run, wiring: FakeWiring, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("WESCOPE_STRIPE_WEBHOOK_SECRETS")
    result = run("serve")
    assert result.exit_code == 2
    assert "WESCOPE_STRIPE_WEBHOOK_SECRETS" in result.stderr
    assert run("serve", "--role", "worker").exit_code == 0
    assert wiring.served == ["worker"]


def test_sandbox_becomes_the_stand_in(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    became: list[list[str]] = []
    monkeypatch.setattr(os, "execv", lambda _path, arguments: became.append(arguments))
    run("sandbox", "stripe", "--port", "0", "--situations", "all", "--payouts", "daily", "--json")
    run("sandbox", "qbo", "--knob", "multicurrency=true")
    run("sandbox", "qbo", "--", "--help")
    assert [arguments[1:] for arguments in became] == [
        ["-m", "wescope.sandbox.stripe", "--port", "0", "--situations", "all", "--payouts", "daily"],
        ["-m", "wescope.sandbox.qbo", "--knob", "multicurrency=true"],
        ["-m", "wescope.sandbox.qbo", "--help"],
    ]
