"""`setup --release` and `--hold` over a fake: what is shown, asked and ordered, and which exit code says what."""

import json
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from tests.unit.cli.conftest import FakeWiring, Run
from tests.unit.web.setting_up_fakes import FakeDryRun
from wescope.cli.main import app
from wescope.engine.dry_run import ReviewOutdated
from wescope.engine.examples_setting_up import DRY_RUN_REVIEW
from wescope.engine.write_gate import Holding

HELD = replace(DRY_RUN_REVIEW, state=Holding.HELD, writing=False, sample=())
WRITING = replace(HELD, state=Holding.WRITING, writing=True, waiting=())


@pytest.fixture
def desk(wiring: FakeWiring, monkeypatch: pytest.MonkeyPatch) -> FakeDryRun:
    monkeypatch.setenv("COLUMNS", "160")
    found = wiring.runtime.dry_runs
    found.told = HELD
    return found


def orders(desk: FakeDryRun) -> list[object]:
    return [asked for asked in desk.asked if asked != ("review", 0)]


def test_a_dry_run_shows_what_waits_and_orders_nothing(run: Run, desk: FakeDryRun) -> None:
    result = run("setup", "--release", "--dry-run")
    assert result.exit_code == 1, "it is still to be released"
    assert "an operator has stopped it" in result.stdout
    assert HELD.waiting[0].entity in result.stdout
    told = json.loads(run("setup", "--release", "--dry-run", "--json").stdout)
    assert (told["dry_run"], told["order"], told["review"]["state"]) == (True, "release", "held")
    assert run("setup", "--hold", "--dry-run").exit_code == 0
    assert orders(desk) == []


def test_what_was_shown_is_released(run: Run, desk: FakeDryRun) -> None:
    result = run("setup", "--release", "--yes")
    assert result.exit_code == 0, result.output
    assert result.stdout.rstrip().endswith("Documents are written to QBO.")
    assert orders(desk) == [("release", "cli")]


def test_a_hold_is_told_as_json(run: Run, desk: FakeDryRun) -> None:
    desk.told = WRITING
    result = run("setup", "--hold", "--yes", "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["review"]["writing"] is False
    assert orders(desk) == [("hold", "cli")]


@pytest.mark.parametrize(("option", "told"), [("--release", WRITING), ("--hold", HELD)])
def test_what_is_so_already_is_not_asked_for(run: Run, desk: FakeDryRun, option: str, told: object) -> None:
    desk.told = told  # type: ignore[assignment]  # a review
    assert run("setup", option).exit_code == 0
    assert orders(desk) == []


@pytest.mark.parametrize(
    ("option", "question"), [("--release", "Have all of it written to QBO now"), ("--hold", "Stop every process")]
)
@pytest.mark.parametrize(("answer", "exit_code"), [("y", 0), ("n", 1)])
def test_it_asks(desk: FakeDryRun, option: str, question: str, answer: str, exit_code: int) -> None:
    desk.told = HELD if option == "--release" else WRITING
    result = CliRunner().invoke(app, ["setup", option], input=f"{answer}\n")
    assert question in result.output
    assert result.exit_code == exit_code
    assert len(orders(desk)) == (answer == "y")


def test_an_order_that_came_between_is_told(run: Run, desk: FakeDryRun, monkeypatch: pytest.MonkeyPatch) -> None:
    async def outdated(review: str, *, actor: str) -> None:
        raise ReviewOutdated

    monkeypatch.setattr(desk, "release", outdated)
    result = run("setup", "--release", "--yes")
    assert result.exit_code == 1
    assert "[review_outdated]" in result.stderr


@pytest.mark.parametrize(
    "words",
    [("--release", "--hold"), ("--release", "--income", "sales=x"), ("--hold", "--json"), ("--release", "--json")],
)
def test_wrong_use(run: Run, desk: FakeDryRun, words: tuple[str, ...]) -> None:
    assert run("setup", *words).exit_code == 2
    assert desk.asked == []
