"""A short piece of `make chaos`: a worker is killed, and all connections are ended, under load."""

from pathlib import Path

import pytest

from tests.chaos.faults import ROLLING, SHORT
from tests.chaos.run import make_load, play
from tests.chaos.site import open_site


@pytest.mark.slow
@pytest.mark.timeout(240)
async def test_nothing_is_lost_or_doubled_when_a_worker_and_all_connections_die(tmp_path: Path) -> None:
    async with open_site(tmp_path) as site:
        outcome = await play(site, make_load(site, rate=20, seed=1), SHORT, load_s=10)
    assert outcome.holds, outcome
    assert outcome.events >= 100


@pytest.mark.slow
@pytest.mark.timeout(240)
async def test_every_webhook_is_answered_at_once_while_all_processes_are_replaced(tmp_path: Path) -> None:
    async with open_site(tmp_path, stopped_within_s=60) as site:  # beside other tests
        outcome = await play(site, make_load(site, rate=20, seed=2), ROLLING, load_s=10)
    assert outcome.holds, outcome
    assert outcome.events >= 100
    assert outcome.availability == 1, outcome
