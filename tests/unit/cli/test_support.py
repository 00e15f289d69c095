"""`wescope explain`, `parked` and `export`: what they print, what they refuse, and exit codes."""

import csv
import io
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import typer.main
from typer.testing import CliRunner

from tests.unit.cli.conftest import FakeWiring, Run
from tests.unit.web.fakes import AT, PARKED, PAYOUT, SYNCED
from tests.unit.web.support_fakes import explanation
from wescope.cli.ages import age_text, parse_age, relative
from wescope.cli.main import ExportWhat, app
from wescope.engine.explain import NothingKnown
from wescope.engine.export_sheets import What
from wescope.errors import WrongUse

MINE = replace(PARKED, owner="operator", age_s=100_000)


def test_explain(run: Run, wiring: FakeWiring) -> None:
    result = run("explain", "in_1", "--no-plan")
    assert result.exit_code == 0
    assert wiring.runtime.services.asked == [("in_1", False)]
    for shown in (
        "in_1 is an object of Stripe: a note",
        "https://dashboard.stripe.com/test/invoices/in_1",
        "Invoice/145",
        "What waits for it",
        "What would be done now",
        "Nothing here needs you.",
    ):
        assert shown in result.stdout
    told = json.loads(run("explain", "in_1", "--json").stdout)
    assert (told["links"][0]["amount"], told["timeline"][0]["at"]) == ("100.00", "2026-11-22T12:30:00+00:00")
    assert told["plan"][0]["actions"][0]["action"] == "create"


def test_explain_needs_you_and_knows_its_limits(run: Run, wiring: FakeWiring) -> None:
    wiring.runtime.services.explained = explanation(PARKED, PAYOUT, SYNCED, needs_somebody=True)
    assert run("explain", "in_1").exit_code == 1
    wiring.runtime.services.explained = NothingKnown("Looked everywhere.")
    result = run("explain", "in_9", "--json")
    assert (result.exit_code, json.loads(result.stdout)["error"]["code"]) == (1, "nothing_known")
    wiring.runtime.services.explained = WrongUse()
    assert run("explain", " ").exit_code == 2
    assert run("explain").exit_code == 2


def test_parked_needs_you_only_if_you_own_it_and_do_not_ignore_it(run: Run, wiring: FakeWiring) -> None:
    result = run("parked", "--json")
    assert result.exit_code == 0
    document = json.loads(result.stdout)
    assert document["parked"][0]["amount"] == "1234.56"
    assert document["sums"] == [
        {"code": "total_mismatch", "owner": "us", "count": 1, "amount": "1234.56", "currency": "usd"}
    ]
    wiring.runtime.services.rows = (MINE,)
    assert run("parked", "--json").exit_code == 1
    result = run("parked", "list")
    assert result.exit_code == 1
    for shown in ("1d 3h", "1234.56 USD", "total_mismatch"):
        assert shown in result.stdout
    wiring.runtime.services.rows = (replace(MINE, ignored_at=AT, ignored_reason="known"),)
    result = run("parked")
    assert (result.exit_code, "known" in result.stdout) == (0, True)
    wiring.runtime.services.rows = ()
    assert "Nothing is parked." in run("parked").stdout


@pytest.mark.parametrize(
    ("filters", "count"),
    [
        (("--code", "total_mismatch"), 1),
        (("--code", "looks_like"), 0),
        (("--older-than", "2d"), 0),
        (("--older-than", "24h", "--min-amount", "1234.56"), 1),
        (("--min-amount", "1234.57"), 0),
        (("--subject", "in_1"), 1),
        (("--subject", "invoice/in_2"), 0),
    ],
)
def test_parked_is_filtered(run: Run, wiring: FakeWiring, filters: tuple[str, ...], count: int) -> None:
    wiring.runtime.services.rows = (MINE,)
    for command in (("parked",), ("parked", "list")):
        assert len(json.loads(run(*command, *filters, "--json").stdout)["parked"]) == count


@pytest.mark.parametrize(
    "arguments",
    [
        ("parked", "--code", "jenny"),
        ("parked", "--older-than", "soon"),
        ("parked", "--min-amount", "much"),
        ("parked", "--min-amount", "NaN"),
        ("parked", "--code", "total_mismatch", "retry", "--all", "--yes"),
        ("parked", "retry"),
        ("parked", "retry", "--all", "--json"),
        ("parked", "ignore", "in_1:invoice"),
        ("parked", "ignore", "--reason", "x"),
        ("parked", "unignore"),
        ("export", "--what", "secrets"),
        ("export", "--json"),
        ("export", "--out", "/nowhere/at/all.csv"),
        ("export", "--since", "soon"),
    ],
)
def test_wrong_use_is_2_and_does_nothing(run: Run, wiring: FakeWiring, arguments: tuple[str, ...]) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert "jenny" not in result.output
    assert not wiring.runtime.services.asked


def test_retry_shows_asks_and_tells(run: Run, wiring: FakeWiring) -> None:
    wiring.runtime.services.rows = (MINE, replace(MINE, key="in_2:invoice"))
    wiring.runtime.services.gone = frozenset({"in_1:invoice"})
    asked = CliRunner().invoke(app, ["parked", "retry", "--all"], input="n\n")
    assert (asked.exit_code, wiring.runtime.services.asked) == (1, [])
    assert "Look at 2 documents of 1 object again now?" in asked.stdout
    agreed = CliRunner().invoke(app, ["parked", "retry", "--all"], input="y\n")
    assert (agreed.exit_code, "1 of 2 documents no longer parked." in agreed.stdout) == (1, True)
    done = run("parked", "retry", "in_1:invoice", "--yes", "--json")
    assert done.exit_code == 0
    assert json.loads(done.stdout)["retried"][0]["code"] is None
    assert wiring.runtime.services.asked[-1] == ("retry", ("in_1:invoice",), "cli")


def test_retry_of_all_leaves_out_what_is_ignored(run: Run, wiring: FakeWiring) -> None:
    wiring.runtime.services.rows = (replace(MINE, ignored_at=AT),)
    result = run("parked", "retry", "--all", "--yes")
    assert (result.exit_code, wiring.runtime.services.asked) == (0, [])
    assert "Nothing is parked that fits." in result.stdout


def test_ignore_and_unignore(run: Run, wiring: FakeWiring) -> None:
    result = run("parked", "ignore", "in_1:invoice", "--reason", "paid twice")
    assert (result.exit_code, "in_1:invoice" in result.stdout) == (0, True)
    assert wiring.runtime.services.asked[-1] == ("ignore", ("in_1:invoice",), "paid twice", "cli")
    wiring.runtime.services.rows = (MINE,)
    result = run("parked", "unignore", "in_1:invoice", "--json")
    assert (result.exit_code, json.loads(result.stdout)["parked"][0]["key"]) == (1, "in_1:invoice")
    result = run("parked", "ignore", "in_9:invoice", "--reason", "x", "--json")
    assert (result.exit_code, json.loads(result.stdout)["error"]["code"]) == (1, "not_parked")


def test_export_to_a_file_and_to_stdout(run: Run, wiring: FakeWiring, tmp_path: Path) -> None:
    target = tmp_path / "links.csv"
    result = run("export", "--out", str(target), "--since", "2026-10-01", "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout) == {"what": "links", "rows": 2, "out": str(target), "since": "2026-10-01"}
    written = target.read_bytes().decode()
    assert [row["amount"] for row in csv.DictReader(io.StringIO(written, newline=""))] == ["100.00", "5.00"]
    assert [path.name for path in tmp_path.iterdir()] == ["links.csv"]
    result = run("export", "--what", "payout-rows")
    assert (result.exit_code, result.stdout.replace("\r\n", "\n")) == (0, written.replace("\r\n", "\n"))
    assert str(wiring.runtime.services.asked[-1]) == "('payout-rows', None)"


@pytest.mark.parametrize("command", ["list", "retry", "ignore", "unignore"])
def test_every_parked_command_has_help_with_examples(run: Run, command: str) -> None:
    result = run("parked", command, "--help")
    assert result.exit_code == 0
    assert f"\n    wescope parked {command}" in result.stdout
    assert "--json" in result.stdout
    assert "Exit codes: 0 good" in result.stdout


def test_the_examples_of_help_are_accepted() -> None:
    """Each is parsed by the real command, and every option in it exists."""
    group = typer.main.get_command(app)
    parked = group.commands["parked"]  # type: ignore[attr-defined]  # a group, since there are several
    commands = [group.commands[name] for name in ("explain", "export")]  # type: ignore[attr-defined]  # as above
    commands += [parked, *parked.commands.values()]
    for command in commands:
        for line in (command.epilog or "").splitlines():
            words = line.split()
            if words[:1] == ["wescope"]:
                known = {name for one in (command, *commands) for option in one.params for name in option.opts}
                assert {word for word in words if word.startswith("--")} <= known, line


def test_the_command_offers_what_the_engine_can_export() -> None:
    assert [one.value for one in ExportWhat] == [one.value for one in What]


def test_ages() -> None:
    assert [parse_age(text) for text in ("90m", "36H", " 7d ", "2w")] == [
        timedelta(minutes=90),
        timedelta(hours=36),
        timedelta(days=7),
        timedelta(weeks=2),
    ]
    for unfit in ("", "7", "d", "-1d", "1y", "1.5h"):
        with pytest.raises(WrongUse):
            parse_age(unfit)
    assert [age_text(seconds) for seconds in (0, 59, 60, 3_661, 90_000, 864_000)] == [
        "0s",
        "59s",
        "1m",
        "1h 1m",
        "1d 1h",
        "10d",
    ]
    now = datetime(2026, 11, 22, tzinfo=UTC)
    assert (relative(now - timedelta(hours=2), now), relative(now + timedelta(seconds=90), now)) == (
        "2h ago",
        "in 1m 30s",
    )
