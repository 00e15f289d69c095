"""The command `alerts`: what is on, whom it is sent to, and a test message."""

import json
from datetime import UTC, datetime

import pytest

from tests.unit.cli.conftest import FakeWiring, Run
from wescope.engine.notifier import TargetReport
from wescope.engine.results import Alert

AT = datetime(2026, 11, 22, 12, 30, tzinfo=UTC)
ALERT = Alert(code="tieout_differs", text="The last tie-out differs by 1.50.", remedy="Run `wescope tieout`.", since=AT)
GOOD = TargetReport(target="webhook", ok=True, sent_at=AT)
NEW = TargetReport(target="webhook", ok=None)
BAD = TargetReport(target="email", ok=False, code="smtp_550", remedy="Check WESCOPE_SMTP_URL.")


def test_all_is_well(run: Run, wiring: FakeWiring) -> None:
    wiring.runtime.watching.notifier.targets = (GOOD, NEW)
    result = run("alerts")
    assert result.exit_code == 0
    assert "No alert is on." in result.stdout
    assert "webhook: reached, last at 2026-11-22 12:30 UTC" in result.stdout
    assert "webhook: nothing was sent yet" in result.stdout


def test_an_alert_needs_somebody(run: Run, wiring: FakeWiring) -> None:
    wiring.runtime.watching.notifier.alerts = (ALERT,)
    result = run("alerts")
    assert result.exit_code == 1
    assert "[tieout_differs] The last tie-out differs by 1.50." in result.stdout
    assert "Nobody is told" in result.stdout
    told = json.loads(run("alerts", "--json").stdout)
    assert (told["alerts"][0]["code"], told["targets"]) == ("tieout_differs", [])


def test_a_target_that_is_not_reached_needs_somebody(run: Run, wiring: FakeWiring) -> None:
    wiring.runtime.watching.notifier.targets = (GOOD, BAD)
    assert run("alerts").exit_code == 1


@pytest.mark.parametrize(("targets", "exit_code"), [((GOOD,), 0), ((GOOD, BAD), 1), ((), 2)])
def test_a_test_message(run: Run, wiring: FakeWiring, targets: tuple[TargetReport, ...], exit_code: int) -> None:
    wiring.runtime.watching.notifier.targets = targets
    result = run("alerts", "test", "--json")
    assert result.exit_code == exit_code
    told = json.loads(result.stdout)
    if targets:
        assert [one["target"] for one in told["targets"]] == [one.target for one in targets]
    else:
        assert "WESCOPE_ALERT_WEBHOOK_URL" in told["error"]["message"]


def test_a_test_says_what_failed(run: Run, wiring: FakeWiring) -> None:
    wiring.runtime.watching.notifier.targets = (BAD,)
    assert "email: not reached (smtp_550)\n  Check WESCOPE_SMTP_URL." in run("alerts", "test").stdout


def test_an_option_before_the_subcommand_is_not_dropped(run: Run) -> None:
    assert run("alerts", "--json", "test").exit_code == 2
