"""The commands verify and drift over a fake: what is asked, shown, and which exit code says what."""

import json

import pytest

from tests.unit.cli.conftest import FakeWiring, Run
from tests.unit.web.drift_fakes import FakeDrift
from wescope.engine.drift_desk import DriftFilter
from wescope.engine.verify import VerifyMode


@pytest.fixture
def drift(wiring: FakeWiring) -> FakeDrift:
    return wiring.runtime.drift


def test_a_verification_shows_what_it_finds(run: Run, drift: FakeDrift) -> None:
    result = run("verify")
    assert result.exit_code == 1, result.output
    assert "in_1:invoice" in result.stdout
    assert drift.asked == [VerifyMode.AUTO, DriftFilter()]
    drift.found = ()
    clean = run("verify", "--full")
    assert (clean.exit_code, drift.asked[2]) == (0, VerifyMode.FULL)
    assert "No drift" in clean.stdout


def test_a_verification_as_json(run: Run, drift: FakeDrift) -> None:
    told = json.loads(run("verify", "--json").stdout)
    assert [one["kind"] for one in told["drift"]] == ["edited", "in_clearing"]
    assert (told["run"]["run_id"], told["repair"], told["open"]) == (12, None, 2)


def test_a_repair_is_asked_for(run: Run, drift: FakeDrift) -> None:
    assert run("verify", "--repair").exit_code == 2  # nobody answers
    assert "cli" not in drift.asked
    assert run("verify", "--repair", "--json").exit_code == 2
    told = json.loads(run("verify", "--repair", "--kind", "edited", "--yes", "--json").stdout)
    assert told["repair"]["run_id"] == 12
    assert "cli" in drift.asked


def test_findings_are_listed_repaired_accepted_and_reverted(run: Run, drift: FakeDrift) -> None:
    assert run("drift").exit_code == 1
    assert json.loads(run("drift", "--kind", "edited", "--json").stdout)["drift"][0]["id"] == 7
    assert run("drift", "accept", "7").exit_code == 0
    assert json.loads(run("drift", "revert", "7", "--json").stdout)["drift"][0]["state"] == "accepted"
    assert run("drift", "accept", "9").exit_code == 1
    assert run("drift", "repair", "7", "--json").exit_code == 2
    assert run("drift", "repair", "8", "--yes").exit_code == 1
    assert run("drift", "--json", "accept", "7").exit_code == 2
