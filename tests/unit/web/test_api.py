"""Health, metrics and the JSON API: shapes, errors, and who may ask."""

import asyncio
from datetime import date

import httpx2
import jsonschema
import pytest

from tests.unit.web.conftest import Connect
from tests.unit.web.fakes import FakeServices
from wescope.config.setting_types import Expose
from wescope.engine.json_schemas import schema_of
from wescope.engine.results import ParkedRow, Status, SyncResult
from wescope.engine.tieout_results import OpenedRow, TieOut
from wescope.errors import (
    AccountMissing,
    DatabaseUnavailable,
    MalformedId,
    ObjectNotFound,
    QboDisconnected,
    StripeUnavailable,
    WescopeError,
)
from wescope.observe.metrics import Metrics, Sample
from wescope.web.app import create_app
from wescope.web.services import Readiness

LOCAL_PATHS = ["/", "/api/v1/status", "/api/v1/parked", "/api/v1/payouts", "/api/v1/payouts/po_1", "/api/v1/tieout"]
LOCAL_PATHS += ["/api/v1/explain/in_1", "/api/v1/export/links.csv"]


async def test_alive_asks_nobody(client: httpx2.AsyncClient, services: FakeServices) -> None:
    services.state = DatabaseUnavailable()
    assert (await client.get("/healthz")).json() == {"status": "ok"}


async def test_ready(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/readyz")
    assert (answer.status_code, answer.json()) == (200, {"ok": True, "checks": {"database": "ok"}})


async def test_not_ready_says_why(client: httpx2.AsyncClient, services: FakeServices) -> None:
    services.readiness = Readiness(ok=False, checks={"database": "schema_outdated"})
    answer = await client.get("/readyz")
    assert (answer.status_code, answer.json()["checks"]) == (503, {"database": "schema_outdated"})
    services.readiness = DatabaseUnavailable()
    assert (await client.get("/readyz")).json()["checks"] == {"service": "database_unavailable"}


async def test_metrics_show_the_state_and_survive_without_it(
    client: httpx2.AsyncClient, services: FakeServices
) -> None:
    assert "wescope_backlog 3.0" in (await client.get("/metrics")).text
    services.state = DatabaseUnavailable()
    answer = await client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")


async def test_status_has_the_fields_of_the_contract(client: httpx2.AsyncClient) -> None:
    status = (await client.get("/api/v1/status")).json()
    jsonschema.validate(status, schema_of(Status))
    assert status["last_tieout"] == {
        "as_of": "2026-11-22",
        "difference": "0.00",
        "at": "2026-11-22T12:30:00+00:00",
    }
    assert status["posted_by_entity"] == {"Invoice": 25, "Payment": 15}


async def test_parked(client: httpx2.AsyncClient) -> None:
    rows = (await client.get("/api/v1/parked")).json()
    jsonschema.validate(rows, schema_of(tuple[ParkedRow, ...]))
    assert (rows[0]["amount"], rows[0]["currency"], rows[0]["details"]) == ("1234.56", "usd", {"lines": 123455})


async def test_tieout(client: httpx2.AsyncClient, services: FakeServices) -> None:
    answer = await client.get("/api/v1/tieout", params={"as_of": "2026-10-31"})
    jsonschema.validate(answer.json(), schema_of(TieOut))
    assert str(services.asked[0]) == "2026-10-31"
    assert (answer.json()["difference"], answer.json()["balanced"]) == ("0.10", False)
    await client.get("/api/v1/tieout")
    assert services.asked[1] is None


async def test_a_row_of_a_tieout(client: httpx2.AsyncClient, services: FakeServices) -> None:
    answer = await client.get("/api/v1/tieout/rows/clearing:usd", params={"as_of": "2026-10-31"})
    jsonschema.validate(answer.json(), schema_of(OpenedRow))
    assert services.asked == [(("clearing:usd",), date(2026, 10, 31))]
    assert answer.json()["lines"][0]["document_key"] == "ch_1:payment"
    missing = await client.get("/api/v1/tieout/rows/clearing:eur")
    assert (missing.status_code, missing.json()["error"]["code"]) == (404, "row_not_found")


async def test_sync(client: httpx2.AsyncClient, services: FakeServices) -> None:
    answer = await client.post("/api/v1/sync", json={"ids": ["in_1"], "dry_run": True})
    jsonschema.validate(answer.json(), schema_of(tuple[SyncResult, ...]))
    assert services.asked == [(("in_1",), True)]
    assert answer.json()[0]["actions"][0]["amount"] == "10.99"


@pytest.mark.parametrize(
    "body", [{}, {"ids": []}, {"ids": [""]}, {"ids": ["in_1"] * 101}, {"ids": ["in_1"], "force": True}, ["in_1"]]
)
async def test_a_wrong_request_is_422_and_not_repeated(
    client: httpx2.AsyncClient, services: FakeServices, body: object
) -> None:
    answer = await client.post("/api/v1/sync", json=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "request_invalid")
    assert not services.asked


async def test_a_wrong_date_is_422_without_the_value(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/api/v1/tieout", params={"as_of": "jenny@example.com"})
    assert answer.status_code == 422
    assert "jenny" not in answer.text


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (MalformedId(), 422),
        (ObjectNotFound(), 404),
        (StripeUnavailable(), 502),
        (QboDisconnected(), 502),
        (DatabaseUnavailable(), 503),
        (AccountMissing(), 503),
        (RuntimeError("jenny@example.com"), 500),
    ],
)
async def test_errors_have_one_shape(
    client: httpx2.AsyncClient, services: FakeServices, error: Exception, status: int
) -> None:
    services.synced = error
    answer = await client.post("/api/v1/sync", json={"ids": ["in_1"]})
    assert answer.status_code == status
    expected = error.code if isinstance(error, WescopeError) else "internal_error"
    assert answer.json()["error"]["code"] == expected
    assert set(answer.json()["error"]) == {"code", "message", "remedy"}
    assert "jenny" not in answer.text


@pytest.mark.parametrize("path", LOCAL_PATHS)
@pytest.mark.parametrize("address", ["203.0.113.9", "192.168.0.2", "::ffff:203.0.113.9", "testclient"])
async def test_other_machines_are_refused(connect: Connect, path: str, address: str) -> None:
    answer = await connect(address).get(path)
    assert (answer.status_code, "not_local" in answer.text) == (403, True)


async def test_other_machines_start_no_work(connect: Connect, services: FakeServices) -> None:
    answer = await connect("203.0.113.9").post("/api/v1/sync", json={"ids": ["in_1"]})
    assert answer.status_code == 403
    assert not services.asked


@pytest.mark.parametrize(
    ("host", "headers"),
    [("evil.example.com", {}), ("127.0.0.1:8080", {"Sec-Fetch-Site": "cross-site"})],
)
async def test_a_browser_cannot_be_used_against_us(
    connect: Connect, services: FakeServices, host: str, headers: dict[str, str]
) -> None:
    answer = await connect(host=host).post("/api/v1/sync", json={"ids": ["in_1"]}, headers=headers)
    assert answer.status_code == 403
    assert not services.asked


@pytest.mark.parametrize(
    ("address", "host"), [("127.0.0.1", "localhost:8080"), ("::1", "[::1]:8080"), ("::ffff:127.0.0.1", "127.0.0.1")]
)
async def test_this_machine_may_ask(connect: Connect, address: str, host: str) -> None:
    assert (await connect(address, host).get("/api/v1/status")).status_code == 200


async def test_unknown_paths_have_the_shape_of_errors(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/api/v2/nothing")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")


async def test_scrapes_at_one_time_look_once(client: httpx2.AsyncClient, services: FakeServices) -> None:
    looks, may_go = 0, asyncio.Event()

    async def samples() -> tuple[Sample, ...]:
        nonlocal looks
        looks += 1
        await may_go.wait()
        return (Sample(name="backlog", value=looks),)

    services.samples = samples  # type: ignore[method-assign]  # counted
    scrapes = [asyncio.create_task(client.get("/metrics")) for _ in range(5)]
    for _ in range(500):  # all of them have come as far as they can
        await asyncio.sleep(0)
    may_go.set()
    texts = [scrape.text for scrape in await asyncio.gather(*scrapes)]
    assert all("wescope_backlog 1.0" in text for text in texts)
    assert "wescope_backlog 2.0" in (await client.get("/metrics")).text


@pytest.mark.parametrize(("address", "metrics"), [("127.0.0.1", 200), ("203.0.113.9", 403)])
@pytest.mark.parametrize(("expose", "hook"), [("webhooks", 200), ("health", 404)])
async def test_a_process_for_the_world_answers_only_what_it_must(
    services: FakeServices, address: str, metrics: int, expose: Expose, hook: int
) -> None:
    app = create_app(services, metrics=Metrics(), expose=expose)
    transport = httpx2.ASGITransport(app=app, client=(address, 50000), raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        paths = ("/", "/api/v1/status", "/api/v1/sync", "/openapi.json")
        assert [(await client.get(path)).status_code for path in paths] == [404] * len(paths)
        alive = ("/healthz", "/readyz", "/health", "/ready")
        assert [(await client.get(path)).status_code for path in alive] == [200] * len(alive)
        assert (await client.post("/webhooks/stripe", content=b"{}")).status_code == hook
        answer = await client.get("/metrics", headers={"Host": "0.0.0.0:8080"})  # as Google's collector asks
        assert answer.status_code == metrics
        assert ("wescope_backlog 3.0" in answer.text) == (expose == "health" and metrics == 200)
