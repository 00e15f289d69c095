"""The routes about single documents: explain, parked items, export."""

import csv
import io
from dataclasses import replace

import httpx2
import jsonschema
import pytest

from tests.unit.web.conftest import Connect
from tests.unit.web.fakes import AT, PARKED, FakeServices
from wescope.engine.explain import NothingKnown
from wescope.engine.explanation import Explanation
from wescope.engine.json_schemas import schema_of
from wescope.engine.results import ParkedRow
from wescope.errors import WrongUse

POSTS = [
    ("retry", {"all": True}),
    ("ignore", {"keys": ["in_1:invoice"], "reason": "known"}),
    ("unignore", {"keys": ["in_1:invoice"]}),
]


@pytest.mark.parametrize("identifier", ["in_1", "Invoice/145", "in_1:invoice", "AB12-0003"])
async def test_explain(client: httpx2.AsyncClient, services: FakeServices, identifier: str) -> None:
    answer = await client.get(f"/api/v1/explain/{identifier}", params={"plan": False})
    assert answer.status_code == 200
    jsonschema.validate(answer.json(), schema_of(Explanation))
    assert services.asked == [(identifier, False)]
    assert answer.json()["links"][0]["amount"] == "100.00"


@pytest.mark.parametrize(("error", "status"), [(NothingKnown(), 404), (WrongUse(), 422)])
async def test_explain_of_nothing(
    client: httpx2.AsyncClient, services: FakeServices, error: Exception, status: int
) -> None:
    services.explained = error
    assert (await client.get("/api/v1/explain/in_9")).status_code == status


async def test_parked_is_filtered(client: httpx2.AsyncClient, services: FakeServices) -> None:
    other = replace(PARKED, key="in_2:invoice", code="looks_like", amount=100, ignored_at=AT, ignored_reason="known")
    services.rows = (PARKED, other)
    rows = (await client.get("/api/v1/parked")).json()
    jsonschema.validate(rows, schema_of(tuple[ParkedRow, ...]))
    assert len(rows) == 2
    for query, expected in (
        ({"code": "looks_like"}, ["in_2:invoice"]),
        ({"min_amount": "1000"}, ["in_1:invoice"]),
        ({"ignored": "false"}, ["in_1:invoice"]),
        ({"older_than_s": "1"}, []),
        ({"subject": "in_1"}, ["in_1:invoice", "in_2:invoice"]),
    ):
        found = (await client.get("/api/v1/parked", params=query)).json()
        assert [row["key"] for row in found] == expected, query
    assert (await client.get("/api/v1/parked", params={"code": "nothing"})).status_code == 422


async def test_retry_hints_what_was_chosen(client: httpx2.AsyncClient, services: FakeServices) -> None:
    ignored = replace(PARKED, key="in_2:invoice", ignored_at=AT)
    services.rows = (PARKED, ignored)
    planned = await client.post("/api/v1/parked/retry", json={"all": True, "dry_run": True})
    assert ([row["key"] for row in planned.json()], services.asked) == (["in_1:invoice"], [])
    await client.post("/api/v1/parked/retry", json={"codes": ["total_mismatch"]})
    await client.post("/api/v1/parked/retry", json={"keys": ["in_2:invoice"]})
    assert services.asked == [("hint", ("in_1:invoice",), "local"), ("hint", ("in_2:invoice",), "local")]


async def test_retry_of_nothing_in_particular_does_nothing(client: httpx2.AsyncClient, services: FakeServices) -> None:
    answer = await client.post("/api/v1/parked/retry", json={})
    assert (answer.status_code, answer.json()) == (200, [])
    assert services.asked == [("hint", (), "local")]


async def test_ignore_and_unignore(client: httpx2.AsyncClient, services: FakeServices) -> None:
    keys = {"keys": ["in_1:invoice"]}
    answer = await client.post("/api/v1/parked/ignore", json=keys | {"reason": "known"})
    jsonschema.validate(answer.json(), schema_of(tuple[ParkedRow, ...]))
    await client.post("/api/v1/parked/unignore", json=keys)
    assert services.asked == [("ignore", ("in_1:invoice",), "known", "local"), ("unignore", ("in_1:invoice",), "local")]
    answer = await client.post("/api/v1/parked/ignore", json={"keys": ["in_9:invoice"], "reason": "known"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_parked")
    assert (await client.post("/api/v1/parked/ignore", json=keys)).status_code == 422


@pytest.mark.parametrize(("verb", "body"), POSTS)
async def test_other_machines_decide_nothing(
    connect: Connect, services: FakeServices, verb: str, body: dict[str, object]
) -> None:
    answer = await connect("203.0.113.9").post(f"/api/v1/parked/{verb}", json=body)
    assert answer.status_code == 403
    assert not services.asked


async def test_export(client: httpx2.AsyncClient, services: FakeServices) -> None:
    answer = await client.get("/api/v1/export/payout-rows.csv", params={"since": "2026-10-01"})
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="wescope-payout-rows.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.text, newline="")))
    assert [row["amount"] for row in rows] == ["100.00", "5.00"]
    assert [str(part) for part in services.asked[0]] == ["payout-rows", "2026-10-01"]  # type: ignore[attr-defined]
    assert (await client.get("/api/v1/export/secrets.csv")).status_code == 422
