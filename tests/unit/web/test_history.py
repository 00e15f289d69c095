"""The routes of backfills, replays and runs."""

from datetime import date

import httpx2
import pytest

from tests.unit.web.fakes import FakeServices
from tests.unit.web.history_fakes import FAULT, PARKED, REPORT, WARNING
from wescope.engine.replay import ReplayChoice


async def test_runs_are_listed_and_shown(client: httpx2.AsyncClient, services: FakeServices) -> None:
    services.history.report = REPORT.__class__(
        **{name: getattr(REPORT, name) for name in REPORT.__dataclass_fields__} | {"parked": (PARKED,)}
    )
    (listed,) = (await client.get("/api/v1/runs")).json()
    assert (listed["run_id"], listed["posted"]) == (12, {"Invoice": 20, "Payment": 18})
    shown = (await client.get("/api/v1/runs/12")).json()
    assert shown["parked"][0]["amount"] == "1234.56"
    missing = await client.get("/api/v1/runs/13")
    assert (missing.status_code, missing.json()["error"]["code"]) == (404, "run_not_found")


async def test_runs_are_steered(client: httpx2.AsyncClient, services: FakeServices) -> None:
    assert (await client.post("/api/v1/runs/12/pause")).json()["state"] == "paused"
    assert (await client.post("/api/v1/runs/12/cancel")).json()["state"] == "canceled"
    over = await client.post("/api/v1/runs/12/resume")
    assert (over.status_code, over.json()["error"]["code"]) == (409, "run_is_over")
    assert services.history.asked == [("pause", 12), ("cancel", 12)]


@pytest.mark.parametrize(
    ("checks", "accept", "begins"),
    [((), False, True), ((WARNING,), False, False), ((WARNING,), True, True), ((WARNING, FAULT), True, False)],
)
async def test_a_backfill_begins_unless_something_is_to_be_mended(
    client: httpx2.AsyncClient, services: FakeServices, checks: tuple[object, ...], accept: bool, begins: bool
) -> None:
    services.history.checks = checks  # type: ignore[assignment]  # they are checks
    body = {"since": "2026-01-01", "until": "2026-02-01", "accept_warnings": accept}
    answer = (await client.post("/api/v1/backfill", json=body)).json()
    assert (answer["run"] is not None) is begins
    assert len(answer["checks"]) == len(checks)
    assert (("backfill", date(2026, 1, 1), date(2026, 2, 1)) in services.history.asked) is begins


async def test_a_backfill_needs_a_beginning(client: httpx2.AsyncClient) -> None:
    answer = await client.post("/api/v1/backfill", json={})
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "wrong_use")


async def test_a_replay_is_counted_or_begun(client: httpx2.AsyncClient, services: FakeServices) -> None:
    body = {"events": ["evt_1"], "failed": True, "dry_run": True}
    assert (await client.post("/api/v1/replay", json=body)).json() == {"subjects": {"invoice": 3}, "run": None}
    assert services.history.asked == [ReplayChoice(events=("evt_1",), failed=True)]
    begun = (await client.post("/api/v1/replay", json=body | {"dry_run": False})).json()
    assert begun["run"]["run_id"] == 12
