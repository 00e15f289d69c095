"""The routes of `undo`: what would be done, who does it, and what came of it."""

from dataclasses import replace

import httpx2

from tests.unit.web.fakes import FakeServices
from tests.unit.web.history_fakes import UNDO_PLAN


async def test_a_dry_run_only_tells(client: httpx2.AsyncClient, services: FakeServices) -> None:
    answer = (await client.post("/api/v1/undo", json={"run_id": 7, "dry_run": True})).json()
    assert answer["run"] is None
    assert answer["plan"]["rows"][0]["amount"] == "5000.00"
    assert answer["plan"]["kept"][0]["reason"] == "edited"
    assert answer["plan"]["documents"][0]["details"] == {"fields": "TxnDate"}
    assert services.history.asked == [("plan_undo", 7)]


async def test_it_is_begun(client: httpx2.AsyncClient, services: FakeServices) -> None:
    answer = (await client.post("/api/v1/undo", json={"run_id": 7})).json()
    assert answer["run"]["run_id"] == 12
    assert services.history.asked == [("plan_undo", 7), ("undo", 7, "local")]


async def test_nothing_to_take_back_begins_nothing(client: httpx2.AsyncClient, services: FakeServices) -> None:
    services.history.undo_plan = replace(UNDO_PLAN, rows=())
    assert (await client.post("/api/v1/undo", json={"run_id": 7})).json()["run"] is None
    assert services.history.asked == [("plan_undo", 7)]


async def test_an_unknown_run_is_404_and_a_wrong_one_422(client: httpx2.AsyncClient) -> None:
    answer = await client.post("/api/v1/undo", json={"run_id": 99})
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "run_not_found")
    assert (await client.post("/api/v1/undo", json={"run_id": 0})).status_code == 422
    assert (await client.post("/api/v1/undo", json={"run_id": 7, "dated": True})).status_code == 422


async def test_what_came_of_it(client: httpx2.AsyncClient, services: FakeServices) -> None:
    answer = (await client.get("/api/v1/undo/12")).json()
    assert answer["undone"][0] == {
        "entity": "Invoice",
        "month": "2026-10",
        "currency": "usd",
        "count": 20,
        "amount": "5000.00",
    }
    assert answer["left"]["kept"][0]["remedy"]
    assert services.history.asked == [("undone", 12)]
