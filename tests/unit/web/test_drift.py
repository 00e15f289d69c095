"""The routes of verification and drift."""

import httpx2

from tests.unit.web.fakes import FakeServices
from wescope.engine.drift_desk import DriftFilter
from wescope.engine.verify import VerifyMode


async def test_a_verification_is_begun(client: httpx2.AsyncClient, services: FakeServices) -> None:
    answer = await client.post("/api/v1/verify", json={"mode": "full"})
    assert (answer.status_code, answer.json()["run_id"]) == (200, 12)
    assert services.drift.asked == [VerifyMode.FULL]
    refused = await client.post("/api/v1/verify", json={"mode": "everything"})
    assert refused.status_code == 422


async def test_drift_is_listed_by_kind_and_state(client: httpx2.AsyncClient, services: FakeServices) -> None:
    listed = (await client.get("/api/v1/drift")).json()
    assert [(one["kind"], one["amount"], one["repair"] is None) for one in listed] == [
        ("edited", "123.45", False),
        ("in_clearing", "123.45", True),
    ]
    await client.get("/api/v1/drift?kind=moved&kind=edited&state=accepted")
    assert services.drift.asked[-1] == DriftFilter(kinds=("moved", "edited"), states=("accepted",))
    assert (await client.get("/api/v1/drift?kind=odd")).status_code == 422


async def test_what_can_be_repaired_is_shown_with_its_run(client: httpx2.AsyncClient, services: FakeServices) -> None:
    answer = (await client.post("/api/v1/drift/repair", json={})).json()
    assert ([one["id"] for one in answer["drift"]], answer["run"]["run_id"]) == ([7], 12)
    nothing = (await client.post("/api/v1/drift/repair", json={"ids": [8]})).json()
    assert nothing == {"drift": [], "run": None}
    missing = await client.post("/api/v1/drift/repair", json={"ids": [9]})
    assert (missing.status_code, missing.json()["error"]["code"]) == (404, "drift_not_found")


async def test_findings_may_stay(client: httpx2.AsyncClient, services: FakeServices) -> None:
    answer = (await client.post("/api/v1/drift/accept", json={"ids": [7]})).json()
    assert [one["state"] for one in answer] == ["accepted"]
    assert services.drift.asked[-1] == "local"
    assert (await client.post("/api/v1/drift/accept", json={"ids": []})).status_code == 422


async def test_repairs_are_taken_back(client: httpx2.AsyncClient, services: FakeServices) -> None:
    answer = (await client.post("/api/v1/drift/revert", json={"ids": [7]})).json()
    assert [one["state"] for one in answer] == ["accepted"]
    missing = await client.post("/api/v1/drift/revert", json={"ids": [9]})
    assert (missing.status_code, missing.json()["error"]["code"]) == (404, "drift_not_found")
