"""The command `undo` over a fake: what is asked, shown, and which exit code says what."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.unit.cli.conftest import FakeWiring, Run
from tests.unit.web import history_fakes
from tests.unit.web.history_fakes import UNDO_PLAN, UNDONE, FakeHistory
from wescope.engine.history import RunReport


@pytest.fixture
def history(wiring: FakeWiring) -> FakeHistory:
    return wiring.runtime.history


def test_a_dry_run_shows_what_is_taken_back_and_what_stays(run: Run, history: FakeHistory) -> None:
    result = run("undo", "7", "--dry-run")
    assert result.exit_code == 1, "something stays"
    for word in ("5,000.00", "in_1:invoice", "Invoice/145", "fields=TxnDate"):
        assert word in result.stdout.replace("5000.00", "5,000.00")
    told = json.loads(run("undo", "7", "--dry-run", "--json").stdout)
    assert (told["run"], told["plan"]["rows"][0]["count"]) == (None, 20)
    history.undo_plan = replace(UNDO_PLAN, kept=(), documents=())
    assert run("undo", "7", "--dry-run").exit_code == 0
    assert not any(one[0] == "undo" for one in history.asked)  # type: ignore[index]  # all are tuples


def test_it_is_done_and_told(run: Run, history: FakeHistory, monkeypatch: pytest.MonkeyPatch) -> None:
    history.undo_plan = replace(UNDO_PLAN, kept=(), documents=())
    monkeypatch.setattr(history_fakes, "UNDONE", replace(UNDONE, left=replace(UNDO_PLAN, rows=(), kept=())))
    result = run("undo", "7", "--yes")
    assert result.exit_code == 0, result.output
    assert ("undo", 7, "cli") in history.asked
    assert "Taken back" in result.stdout
    told = json.loads(run("undo", "7", "--yes", "--json").stdout)
    assert told["outcome"]["undone"][0]["amount"] == "5000.00"


def test_what_stays_needs_somebody(run: Run, history: FakeHistory) -> None:
    assert run("undo", "7", "--yes").exit_code == 1


def test_nothing_to_take_back_begins_nothing(run: Run, history: FakeHistory) -> None:
    history.undo_plan = replace(UNDO_PLAN, rows=(), kept=(), documents=())
    result = run("undo", "7", "--yes")
    assert result.exit_code == 0
    assert "Nothing of run 7" in result.stdout
    assert history.asked == [("plan_undo", 7)]


@pytest.mark.parametrize("words", [("undo", "7", "--json"), ("undo",), ("undo", "x"), ("undo", "0"), ("undo", "7")])
def test_wrong_use(run: Run, history: FakeHistory, words: tuple[str, ...]) -> None:
    assert run(*words).exit_code == 2


def test_an_unknown_run(run: Run, history: FakeHistory) -> None:
    assert run("undo", "99", "--yes").exit_code == 1


def test_who_interrupts_it_pauses_it(run: Run, history: FakeHistory, monkeypatch: pytest.MonkeyPatch) -> None:
    async def interrupted(_run_id: int, _told: Callable[[RunReport], None]) -> RunReport:
        raise asyncio.CancelledError

    monkeypatch.setattr(history, "follow", interrupted)
    result = run("undo", "7", "--yes")
    assert result.exit_code == 1
    assert ("pause", 12) in history.asked
    assert "wescope undo 7" in result.output
