"""The routes of `doctor` and `setup`."""

from dataclasses import replace

import httpx2

from tests.unit.web.fakes import FakeServices
from tests.unit.web.history_fakes import FAULT


async def test_doctor(client: httpx2.AsyncClient, services: FakeServices) -> None:
    answer = (await client.get("/api/v1/doctor")).json()
    assert (answer["ok"], answer["checks"][0]["code"]) == (True, "database")
    services.checks = (*services.checks, replace(FAULT, code="account_not_found", place="wescope.toml, line 2"))
    answer = (await client.get("/api/v1/doctor")).json()
    assert (answer["ok"], answer["checks"][1]["place"]) == (False, "wescope.toml, line 2")


async def test_a_preview_makes_nothing(client: httpx2.AsyncClient, services: FakeServices) -> None:
    answer = (await client.post("/api/v1/setup", json={"dry_run": True, "incomes": {"sales": "Services"}})).json()
    assert [row["action"] for row in answer["rows"]] == ["create", "nothing"]
    assert services.setup.asked == [("plan", {"sales": "Services"})]


async def test_it_is_made(client: httpx2.AsyncClient, services: FakeServices) -> None:
    answer = (await client.post("/api/v1/setup", json={})).json()
    assert (answer["rows"][0]["action"], answer["rows"][0]["qbo_id"]) == ("created", "91")
    assert services.setup.asked == [("apply", {}, "local")]


async def test_an_unknown_item_is_refused(client: httpx2.AsyncClient, services: FakeServices) -> None:
    assert (await client.post("/api/v1/setup", json={"incomes": {"socks": "x"}})).status_code == 422
    assert services.setup.asked == []


async def test_others_may_not(connect: object, services: FakeServices) -> None:
    async with connect("203.0.113.9") as client:  # type: ignore[operator]  # the fixture makes clients
        assert (await client.post("/api/v1/setup", json={})).status_code == 403
    assert services.setup.asked == []
