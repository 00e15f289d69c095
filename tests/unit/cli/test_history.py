"""The commands backfill, replay and runs over a fake: what is asked, shown, and which exit code says what."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tests.unit.cli.conftest import FakeWiring, Run
from tests.unit.web.history_fakes import FAULT, FORECAST, PARKED, REPORT, WARNING, FakeHistory
from wescope.cli.replay import parse_moment
from wescope.engine.history import RunReport
from wescope.errors import WrongUse

PERIOD = ("--since", "2026-01-01", "--until", "2026-11-22")


@pytest.fixture
def history(wiring: FakeWiring) -> FakeHistory:
    return wiring.runtime.history


def test_a_backfill_asks_and_tells_what_it_posted(run: Run, history: FakeHistory) -> None:
    result = run("backfill", *PERIOD, "--yes")
    assert result.exit_code == 0, result.output
    assert "38" in result.stdout
    assert run("backfill", *PERIOD, "--yes", "--json").exit_code == 0
    assert [one for one in history.asked if one[0] == "backfill"]  # type: ignore[index]  # all are tuples


def test_what_is_parked_needs_somebody(run: Run, history: FakeHistory) -> None:
    history.report = replace(REPORT, parked=(PARKED,))
    result = run("backfill", *PERIOD, "--yes", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["run"]["parked"][0]["amount"] == "1234.56"


def test_a_backfill_is_refused_with_a_list_of_what_to_mend(run: Run, history: FakeHistory) -> None:
    history.checks = (WARNING, FAULT)
    result = run("backfill", *PERIOD, "--yes")
    assert result.exit_code == 1
    assert "Create it." in result.stdout
    refused = json.loads(run("backfill", *PERIOD, "--yes", "--json").stdout)
    assert (refused["refused"], len(refused["checks"])) == (True, 2)
    assert not any(one[0] == "backfill" for one in history.asked)  # type: ignore[index]


def test_a_dry_run_shows_the_forecast_and_the_opening_balance(run: Run, history: FakeHistory) -> None:
    result = run("backfill", *PERIOD, "--dry-run")
    assert result.exit_code == 0, result.output
    assert "Nothing was written" in result.stdout
    assert "987.65" in result.stdout
    told = json.loads(run("backfill", *PERIOD, "--dry-run", "--json").stdout)
    assert told["forecast"]["rows"][0]["amount"] == "5000.00"
    parked = replace(FORECAST.rows[0], action="park", code="looks_like")
    history.foreseen = replace(FORECAST, rows=(parked,))
    assert run("backfill", *PERIOD, "--dry-run").exit_code == 1


def test_the_opening_balance_alone(run: Run, history: FakeHistory) -> None:
    told = json.loads(run("backfill", "--opening-balance", "--json").stdout)
    assert told["opening"] == [
        {"day": "2025-12-31", "account": "Stripe Clearing", "amount": "987.65", "currency": "usd"}
    ]


@pytest.mark.parametrize(
    "words",
    [
        ("backfill", "--json", *PERIOD),
        ("backfill", "--resume", "--dry-run"),
        ("backfill", "--yes"),
        ("replay", "--failed", "--json"),
        ("runs", "pause"),
        ("runs", "12", "13"),
        ("runs", "stop", "12"),
    ],
)
def test_wrong_use(run: Run, history: FakeHistory, words: tuple[str, ...]) -> None:
    assert run(*words).exit_code == 2


def test_nobody_who_could_be_asked_is_wrong_use(run: Run, history: FakeHistory) -> None:
    result = run("backfill", *PERIOD)
    assert result.exit_code == 2
    assert "--yes" in result.output
    assert not any(one[0] == "backfill" for one in history.asked)  # type: ignore[index]


def test_a_backfill_goes_on(run: Run, history: FakeHistory) -> None:
    assert run("backfill", "--resume").exit_code == 0
    assert history.asked == ["resume_backfill"]


def test_who_interrupts_a_backfill_pauses_it_and_a_replay_cancels_it(
    run: Run, history: FakeHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def interrupted(_run_id: int, _told: Callable[[RunReport], None]) -> RunReport:
        raise asyncio.CancelledError

    monkeypatch.setattr(history, "follow", interrupted)
    assert run("backfill", *PERIOD, "--yes").exit_code == 1
    run("replay", "--failed", "--yes")
    assert ("pause", 12) in history.asked
    assert ("cancel", 12) in history.asked


def test_a_replay_shows_its_plan(run: Run, history: FakeHistory) -> None:
    result = run("replay", "evt_1", "--since", "2026-11-20", "--yes")
    assert result.exit_code == 0, result.output
    assert "invoice" in result.stdout
    history.found = 0
    assert "Nothing fits" in run("replay", "--failed").stdout


def test_runs(run: Run, history: FakeHistory) -> None:
    assert "backfill" in run("runs").stdout
    assert json.loads(run("runs", "12", "--json").stdout)["run"]["posted"] == {"Invoice": 20, "Payment": 18}
    assert run("runs", "cancel", "12").exit_code == 0
    assert run("runs", "13").exit_code == 1


def test_moments() -> None:
    assert parse_moment("2026-11-20") == datetime(2026, 11, 20, tzinfo=UTC)
    assert parse_moment("2026-11-20T10:00:00+02:00") == datetime(2026, 11, 20, 8, tzinfo=UTC)
    assert abs(datetime.now(UTC) - timedelta(hours=36) - parse_moment("36h")) < timedelta(minutes=1)
    with pytest.raises(WrongUse):
        parse_moment("yesterday")
