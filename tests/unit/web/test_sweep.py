"""The route of sweeps."""

from datetime import UTC, datetime

import httpx2

from tests.unit.web.fakes import FakeServices
from wescope.engine.sweep import SweepChoice


async def test_a_sweep_is_planned_or_begun(client: httpx2.AsyncClient, services: FakeServices) -> None:
    planned = (await client.post("/api/v1/sweep", json={"dry_run": True, "events_only": True})).json()
    assert planned["run"] is None
    assert planned["plan"]["rows"] == [{"part": "events", "kind": "invoice", "count": 2}]
    begun = (await client.post("/api/v1/sweep", json={"since": "2026-10-01T00:00:00Z"})).json()
    assert (begun["plan"], begun["run"]["run_id"]) == (None, 12)
    assert services.history.asked == [
        SweepChoice(events_only=True), SweepChoice(since=datetime(2026, 10, 1, tzinfo=UTC)),
    ]  # fmt: skip
    refused = await client.post("/api/v1/sweep", json={"since": "2026-10-01", "what": 1})
    assert refused.status_code == 422
