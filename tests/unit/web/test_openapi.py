"""The description of the routes: all of them, with examples that fit, and errors in one place."""

import json
import re
from collections.abc import Iterator
from typing import Any, cast

import httpx2
import jsonschema
import pytest
from fastapi.routing import iter_route_contexts

from tests.validation import answers, strict
from wescope.observe.metrics import Metrics
from wescope.web.app import create_app, published_openapi
from wescope.web.error_codes import error_codes
from wescope.web.openapi import described
from wescope.web.schemas import ERROR_NAMES
from wescope.web.services import WebServices
from wescope.web.worker_app import create_worker_app

DESCRIPTION = published_openapi()
METHODS = {"get", "post", "put", "patch", "delete"}
NOBODY = cast("WebServices", None)
OPEN = re.compile(r"/static/|/sign-in(/|$)|/setup/connect/callback$")


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in DESCRIPTION["paths"].items():
        for method, operation in item.items():
            yield path, method, operation


OPERATIONS = [pytest.param(*one, id=one[2]["operationId"]) for one in operations()]


def validator(schema: Any) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(
        {**strict(schema), "components": strict(DESCRIPTION["components"])},
        format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER,
    )


def test_every_route_is_described() -> None:
    routes = list(iter_route_contexts(create_app(NOBODY).routes))
    served = {
        (str(route.path).replace(":path}", "}"), method.lower()) for route in routes for method in route.methods or ()
    }
    assert served == {(path, method) for path, method, _ in operations()}
    assert len(served) > 30


def test_operations_have_stable_readable_names_of_their_own() -> None:
    names = [operation["operationId"] for *_, operation in operations()]
    assert len(set(names)) == len(names)
    told = "get|list|sync|explain|retry|ignore|unignore|export"
    done = "start|repair|accept|revert|pause|resume|cancel|receive|make|post|release|hold"
    assert [name for name in names if not re.fullmatch(rf"({told}|{done})_[a-z_]+", name)] == []


@pytest.mark.parametrize(("path", "method", "operation"), OPERATIONS)
def test_an_operation_is_described(path: str, method: str, operation: dict[str, Any]) -> None:
    assert operation["summary"]
    assert operation["description"]
    assert {tag["name"] for tag in DESCRIPTION["tags"]} >= set(operation["tags"])
    for parameter in operation.get("parameters", ()):
        assert parameter.get("description") or parameter["schema"].get("description") or parameter["in"] == "path"
    for status, answer in operation["responses"].items():
        told = int(status) >= 400 and "content" not in answer
        assert not told or answer["$ref"] == f"#/components/responses/{ERROR_NAMES[int(status)]}"
        if path.startswith("/api/v1"):
            assert "500" in operation["responses"]


@pytest.mark.parametrize(("path", "method", "operation"), OPERATIONS)
def test_examples_fit_their_schemas(path: str, method: str, operation: dict[str, Any]) -> None:
    for answer in operation["responses"].values():
        media = answer.get("content", {}).get("application/json")
        if media and path != "/openapi.json":
            validator(media["schema"]).validate(media["example"])
    for parameter in operation.get("parameters", ()):
        for example in parameter.get("examples", parameter["schema"].get("examples", ())):
            validator(parameter["schema"]).validate(example)
    body = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if body:
        schema = body["schema"]
        named = DESCRIPTION["components"]["schemas"].get(schema.get("$ref", "").rpartition("/")[2], schema)
        assert named["examples"]
        for example in named["examples"]:
            jsonschema.validate(example, {**schema, "components": DESCRIPTION["components"]})


@pytest.mark.parametrize("name", ERROR_NAMES.values())
def test_every_status_of_errors_has_its_codes(name: str) -> None:
    media = DESCRIPTION["components"]["responses"][name]["content"]["application/json"]
    assert media["schema"] == {"$ref": "#/components/schemas/Error"}
    assert media["examples"]
    for example in media["examples"].values():
        validator(media["schema"]).validate(example["value"])


def test_every_code_is_listed_once() -> None:
    code = DESCRIPTION["components"]["schemas"]["ErrorBody"]["properties"]["code"]
    assert code["enum"] == sorted({one.code for one in error_codes()})
    assert {"internal_error", "request_invalid", "not_local", "database_unavailable", "qbo_6240"} <= set(code["enum"])
    assert "connect_timed_out" not in code["enum"]  # of the command line alone


def test_there_is_nothing_but_components() -> None:
    text = json.dumps(DESCRIPTION)
    assert "$defs" not in text
    assert '"x-' not in text
    names = set(re.findall(r'"#/components/schemas/(\w+)"', text))
    assert names <= set(DESCRIPTION["components"]["schemas"])
    assert set(DESCRIPTION["components"]["schemas"]) <= names


async def test_the_running_service_tells_the_same_but_for_its_address(client: httpx2.AsyncClient) -> None:
    told = (await client.get("/openapi.json")).json()
    assert told["servers"] == [{"url": "/"}]
    assert told["info"].pop("version") == "0.1.0"
    expected = published_openapi()
    expected["info"].pop("version")
    assert told | {"servers": None} == expected | {"servers": None}


def test_every_operation_says_how_to_show_who_asks_unless_it_is_for_anybody() -> None:
    schemes = DESCRIPTION["components"]["securitySchemes"]
    assert set(schemes) == {"token", "session", "identity_aware_proxy"}
    assert DESCRIPTION["security"] == []
    for path, method, operation in operations():
        guarded = path.startswith("/api/v1/") or ("page" in operation["tags"] and not OPEN.match(path))
        assert ("security" in operation) == guarded, (method, path)
        assert {"401", "403"} <= set(operation["responses"]) or not guarded, (method, path)
        assert "429" in operation["responses"] or not path.startswith("/api/v1/"), (method, path)
        for name in (name for one in operation.get("security", ()) for name in one):
            assert name in schemes


def test_a_worker_describes_what_it_has() -> None:
    paths = described(create_worker_app(NOBODY, metrics=Metrics()))["paths"]
    assert set(paths) == {"/openapi.json", "/health", "/healthz", "/ready", "/readyz", "/metrics"}


async def test_a_refused_method_names_the_others(client: httpx2.AsyncClient) -> None:
    answer = await client.delete("/api/v1/status")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET")
    assert answer.json()["error"]["code"] == "method_not_allowed"


async def test_a_body_that_is_no_text_is_a_request_that_does_not_fit(client: httpx2.AsyncClient) -> None:
    deep = b"[" * 100_000
    answer = await client.post("/api/v1/sync", content=deep, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "request_invalid")


GETS = {
    "/api/v1/status": "/api/v1/status",
    "/api/v1/payouts": "/api/v1/payouts",
    "/api/v1/payouts/{payout_id}": "/api/v1/payouts/po_1",
    "/api/v1/tieout": "/api/v1/tieout",
    "/api/v1/tieout/rows/{row_id}": "/api/v1/tieout/rows/clearing:usd",
    "/api/v1/explain/{identifier}": "/api/v1/explain/in_1",
    "/api/v1/parked": "/api/v1/parked",
    "/api/v1/parked/page": "/api/v1/parked/page?code=total_mismatch",
    "/api/v1/parked/items/{key}": "/api/v1/parked/items/in_1:invoice",
    "/api/v1/parked/bulk": "/api/v1/parked/bulk?action=ignore",
    "/api/v1/parked/bulk/{run_id}": "/api/v1/parked/bulk/14",
    "/api/v1/drift/page": "/api/v1/drift/page?kind=edited",
    "/api/v1/drift/repair": "/api/v1/drift/repair?ids=7",
    "/api/v1/drift": "/api/v1/drift",
    "/api/v1/runs": "/api/v1/runs",
    "/api/v1/runs/{run_id}": "/api/v1/runs/12",
    "/api/v1/runs/page": "/api/v1/runs/page?kind=backfill&state=done",
    "/api/v1/runs/{run_id}/documents": "/api/v1/runs/12/documents?entity=Invoice",
    "/api/v1/runs/{run_id}/audit": "/api/v1/runs/12/audit",
    "/api/v1/runs/{run_id}/forecast": "/api/v1/runs/12/forecast",
    "/api/v1/undo/{run_id}": "/api/v1/undo/13",
    "/healthz": "/healthz",
    "/readyz": "/readyz",
}
POSTS = {
    "/api/v1/sync": {"ids": ["in_1"]},
    "/api/v1/parked/retry": {"all": True},
    "/api/v1/parked/bulk": {"action": "retry"},
    "/api/v1/parked/ignore": {"keys": ["in_1:invoice"], "reason": "a test"},
    "/api/v1/parked/unignore": {"keys": ["in_1:invoice"]},
    "/api/v1/verify": {},
    "/api/v1/drift/repair": {"ids": [7]},
    "/api/v1/drift/accept": {"ids": [7]},
    "/api/v1/backfill": {"since": "2026-01-01"},
    "/api/v1/replay": {"failed": True},
    "/api/v1/sweep": {"dry_run": True},
    "/api/v1/undo": {"run_id": 7},
    "/api/v1/runs/{run_id}/undo/look": {},
    "/api/v1/backfill/forecast": {"since": "2026-01-01"},
    "/webhooks/stripe": {},
    "/webhooks/qbo": {},
}


@pytest.mark.parametrize("path", GETS)
async def test_answers_fit_their_schemas(client: httpx2.AsyncClient, path: str) -> None:
    answer = await client.get(GETS[path])
    answers(path, "get", answer.status_code).validate(answer.json())
    assert answer.status_code == 200


@pytest.mark.parametrize("path", POSTS)
async def test_answers_to_posts_fit_their_schemas(client: httpx2.AsyncClient, path: str) -> None:
    answer = await client.post(path.format(run_id=12), json=POSTS[path])
    assert answer.status_code == 200, answer.text
    answers(path, "post", 200).validate(answer.json())


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("backfill", {"since": 0}),
        ("backfill", {"since": "20260101"}),
        ("backfill", {"since": "2026-01-01", "accept_warnings": 1}),
        ("sweep", {"since": 0}),
        ("sweep", {"since": "2026-11-20"}),
        ("sweep", {"since": "2026-11-20T00:00:00"}),
        ("replay", {"failed": 1}),
        ("undo", {"run_id": "7"}),
        ("undo", {"run_id": True}),
        ("undo", {"run_id": 2**53}),
        ("drift/accept", {"ids": [2**53]}),
        ("sync", {"ids": ["in_\x00"]}),
        ("parked/retry", {"older_than_s": 10**11}),
        ("parked/retry", {"min_amount": 99.5}),
        ("parked/retry", {"min_amount": ""}),
        ("parked/retry", {"min_amount": True}),
        ("parked/retry", {"keys": ["in_1:\x00"]}),
    ],
)
async def test_what_only_looks_like_it_is_refused(client: httpx2.AsyncClient, path: str, body: Any) -> None:
    answer = await client.post(f"/api/v1/{path}", json=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "request_invalid")


@pytest.mark.parametrize(
    "path",
    [
        *("tieout?as_of=0", "export/links.csv?since=1", "payouts/po_%00", "tieout/rows/%00aa", "parked?min_amount="),
        *("parked?older_than_s=99999999999999", "runs/9007199254740992"),
    ],
)
async def test_parameters_that_only_look_like_it_are_refused(client: httpx2.AsyncClient, path: str) -> None:
    answer = await client.get(f"/api/v1/{path}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "request_invalid")
