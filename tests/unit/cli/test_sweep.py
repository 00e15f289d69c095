"""The command sweep over a fake: what is asked, shown, and which exit code says what."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from tests.unit.cli.conftest import FakeWiring, Run
from tests.unit.web.history_fakes import PARKED, REPORT, SWEEP_PLAN, FakeHistory
from wescope.engine.history import RunReport
from wescope.engine.sweep import SweepChoice


@pytest.fixture
def history(wiring: FakeWiring) -> FakeHistory:
    return wiring.runtime.history


def test_a_sweep_is_begun_and_tells_what_it_posted(run: Run, history: FakeHistory) -> None:
    result = run("sweep")
    assert result.exit_code == 0, result.output
    assert "38" in result.stdout
    told = json.loads(run("sweep", "--events", "--since", "2026-10-01", "--json").stdout)
    assert told["run"]["posted"] == {"Invoice": 20, "Payment": 18}
    assert history.asked == [
        SweepChoice(), SweepChoice(events_only=True, since=datetime(2026, 10, 1, tzinfo=UTC)),
    ]  # fmt: skip
    history.report = replace(REPORT, parked=(PARKED,))
    assert run("sweep").exit_code == 1


def test_a_dry_run_shows_what_would_be_looked_at(run: Run, history: FakeHistory) -> None:
    result = run("sweep", "--dry-run")
    assert result.exit_code == 0, result.output
    assert "Nothing was written" in result.stdout
    assert "may have forgotten" in result.stdout
    told = json.loads(run("sweep", "--dry-run", "--json").stdout)
    assert told["plan"]["rows"] == [{"part": "events", "kind": "invoice", "count": 2}]
    history.sweep_plan = replace(SWEEP_PLAN, rows=(), gap_since=None)
    assert "Nothing was missed" in run("sweep", "--dry-run").stdout


def test_a_sweep_goes_on(run: Run, history: FakeHistory) -> None:
    assert run("sweep", "--resume").exit_code == 0
    assert history.asked == ["resume_sweep"]
    assert run("sweep", "--resume", "--dry-run").exit_code == 2
    assert run("sweep", "--since", "yesterday").exit_code == 2


def test_who_interrupts_a_sweep_cancels_it(run: Run, history: FakeHistory, monkeypatch: pytest.MonkeyPatch) -> None:
    async def interrupted(_run_id: int, _told: Callable[[RunReport], None]) -> RunReport:
        raise asyncio.CancelledError

    monkeypatch.setattr(history, "follow", interrupted)
    run("sweep")
    assert ("cancel", 12) in history.asked
