"""`wescope payouts`: the list, one with its rows, and exit codes."""

import json
from dataclasses import replace

from tests.unit.cli.conftest import FakeWiring, Run
from tests.unit.web.fakes import PAYOUT


def test_the_list(run: Run) -> None:
    result = run("payouts", "--json")
    assert result.exit_code == 0
    assert [one["payout_id"] for one in json.loads(result.stdout)["payouts"]] == ["po_1"]
    assert "Deposit/145" in run("payouts").stdout


def test_a_payout_that_waits_needs_somebody(run: Run, wiring: FakeWiring) -> None:
    waiting = replace(PAYOUT, state="waiting", waiting_on=("ch_2:payment",), deposits=())
    wiring.runtime.services.paid_out = (waiting,)
    result = run("payouts")
    assert (result.exit_code, "ch_2:payment" in result.stdout) == (1, True)


def test_one_payout_foots_with_every_row(run: Run) -> None:
    result = run("payouts", "po_1")
    assert result.exit_code == 0
    for shown in ("Deposit/145", "2026-11-18", "add up to the payout: 96.21 USD"):
        assert shown in result.stdout
    (row,) = json.loads(run("payouts", "po_1", "--json").stdout)["rows"]
    assert (row["gross"], row["fee"], row["net"]) == ("100.00", "3.79", "96.21")


def test_no_payout_yet(run: Run, wiring: FakeWiring) -> None:
    wiring.runtime.services.paid_out = ()
    result = run("payouts")
    assert (result.exit_code, result.stdout) == (0, "No payout was looked at yet.\n")
