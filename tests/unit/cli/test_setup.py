"""The command `setup` over a fake: what is shown and asked, and which exit code says what."""

import json

import pytest
from typer.testing import CliRunner

from tests.unit.cli.conftest import FakeWiring, Run
from tests.unit.web.setup_fakes import BANK, CLEARING, ITEM, FakeSetup
from wescope.cli.main import app


@pytest.fixture
def setup(wiring: FakeWiring, monkeypatch: pytest.MonkeyPatch) -> FakeSetup:
    monkeypatch.setenv("COLUMNS", "160")
    return wiring.runtime.setup


def test_a_dry_run_shows_what_would_be_made_and_makes_nothing(run: Run, setup: FakeSetup) -> None:
    result = run("setup", "--dry-run")
    assert result.exit_code == 1, "something is missing"
    for told in (
        "Stripe Clearing",
        "Other Current Asset, USD",
        "accounts.clearing",
        "Service, posts to Services",
        "Misspelled?",
    ):
        assert told in result.stdout
    told = json.loads(run("setup", "--dry-run", "--json").stdout)
    assert (told["dry_run"], [row["action"] for row in told["rows"]]) == (True, ["create", "nothing"])
    assert {asked[0] for asked in setup.asked} == {"plan"}  # type: ignore[index]  # all are tuples


def test_it_is_made_and_told(run: Run, setup: FakeSetup) -> None:
    result = run("setup", "--yes")
    assert result.exit_code == 0, result.output
    assert "made" in result.stdout
    assert "wescope doctor" in result.stdout
    assert setup.asked[-1] == ("apply", {}, "cli")
    told = json.loads(run("setup", "--yes", "--json", "--income", "sales=A=B", "--income", "tax=91").stdout)
    assert told["rows"][0]["qbo_id"] == "91"
    assert setup.asked[-1] == ("apply", {"sales": "A=B", "tax": "91"}, "cli")


@pytest.mark.parametrize(("answer", "exit_code", "asked"), [("y", 0, "apply"), ("n", 1, "plan")])
def test_it_asks(setup: FakeSetup, run: Run, answer: str, exit_code: int, asked: str) -> None:
    result = CliRunner().invoke(app, ["setup"], input=f"{answer}\n")
    assert "Make these 1 in QBO now?" in result.output
    assert result.exit_code == exit_code
    assert setup.asked[-1][0] == asked  # type: ignore[index]  # all are tuples


def test_nothing_is_missing(run: Run, setup: FakeSetup) -> None:
    setup.rows = (ITEM,)
    assert run("setup").exit_code == 0
    assert setup.asked == [("plan", {})]


def test_what_is_refused_is_told_with_its_place_and_remedy(run: Run, setup: FakeSetup) -> None:
    setup.rows = (CLEARING, BANK)
    result = run("setup", "--yes")
    assert result.exit_code == 1
    assert "wescope.toml, line 3, accounts.bank: Account 'Checking': QBO has none of this name or id." in result.stdout
    assert BANK.remedy in result.stdout


@pytest.mark.parametrize(
    "words", [("--json",), (), ("--income", "sales"), ("--income", "=x"), ("--income", "socks=x", "--dry-run")]
)
def test_wrong_use(run: Run, setup: FakeSetup, words: tuple[str, ...]) -> None:
    assert run("setup", *words).exit_code == 2
