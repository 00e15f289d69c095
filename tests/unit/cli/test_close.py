"""`wescope close`: what it lists, shows, signs and writes, what it refuses, and exit codes."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.cli.conftest import FakeWiring, Run
from tests.unit.web.month_fakes import FakeMonths
from wescope.engine.month_examples import MONTH_LIST, MONTH_VIEW
from wescope.engine.month_results import MonthState, ReasonMissing


@pytest.fixture
def months(wiring: FakeWiring) -> FakeMonths:
    return wiring.runtime.services.months


def test_months_are_listed_and_a_changed_one_needs_you(run: Run, months: FakeMonths) -> None:
    result = run("close")
    assert result.exit_code == 1
    assert "signed off, changed since" in result.stdout
    assert json.loads(run("close", "--json").stdout)["items"][0]["month"] == "2026-10"
    months.listed = replace(MONTH_LIST, items=tuple(replace(one, state=MonthState.SIGNED) for one in MONTH_LIST.items))
    assert run("close").exit_code == 0


def test_a_month_is_shown_with_what_is_open(run: Run, months: FakeMonths) -> None:
    result = run("close", "2026-10")
    assert result.exit_code == 1
    for told in ("21600.00", "parked: 1 open", "looks_like", "Changed since it was signed off"):
        assert told in result.stdout.replace(",", "")
    assert json.loads(run("close", "2026-10", "--json").stdout)["state"] == "signed_changed"
    months.shown = replace(MONTH_VIEW, state=MonthState.NOT_COMPARED, comparison=None, changes=())
    assert "wescope tieout --as-of 2026-10-31" in run("close", "2026-10").stdout
    months.shown = replace(MONTH_VIEW, state=MonthState.SIGNED, changes=())
    assert run("close", "2026-10").exit_code == 0


def test_it_is_signed_off_withdrawn_and_refused(run: Run, months: FakeMonths) -> None:
    assert "signed off, difference 0.00" in run("close", "2026-10", "--sign-off", "--reason", "known").stdout
    assert json.loads(run("close", "2026-10", "--withdraw", "--json").stdout)["id"] == 3
    assert months.asked == [("sign", "2026-10", "known", "cli"), ("withdraw", "2026-10", "cli")]
    months.signed = ReasonMissing(month="2026-10")
    result = run("close", "2026-10", "--sign-off", "--json")
    assert (result.exit_code, json.loads(result.stdout)["error"]["code"]) == (1, "signoff_reason_missing")


def test_the_evidence_is_a_file(run: Run, tmp_path: Path) -> None:
    target = tmp_path / "october.zip"
    run("close", "2026-10", "--evidence", str(target))
    assert target.read_bytes() == b"PKrest"
    assert list(tmp_path.iterdir()) == [target]
    assert run("close", "2026-10", "--evidence", str(tmp_path / "no" / "where.zip")).exit_code == 2


@pytest.mark.parametrize(
    "arguments",
    [("--sign-off",), ("--withdraw",), ("2026-10", "--sign-off", "--withdraw"), ("2026-10", "--reason", "x")],
)
def test_what_does_not_fit_together_is_refused(run: Run, months: FakeMonths, arguments: tuple[str, ...]) -> None:
    assert run("close", *arguments).exit_code == 2
    assert months.asked == []
