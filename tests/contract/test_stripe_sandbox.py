"""Everything the Stripe sandbox serves is valid by Stripe's own specification (2026-08-26.dahlia)."""

import functools
import gzip
import json
import os
from collections.abc import AsyncIterator, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import httpx2
import pytest
import pytest_asyncio
from jsonschema import Draft202012Validator

from wescope.sandbox.stripe import Knobs, Running, StripeSandbox
from wescope.sandbox.stripe.api import COLLECTIONS
from wescope.sandbox.stripe.expansion import REFERENCES
from wescope.sandbox.stripe.filters import FILTERS

SHARED = Path(os.environ.get("WESCOPE_SHARED", Path(__file__).parents[2].parent / "shared"))
SPEC = SHARED / "data/stripe/spec3.2026-08-26.dahlia.json.gz"
pytestmark = pytest.mark.skipif(not SPEC.exists(), reason="needs Stripe's specification in the shared folder")

UNLIMITED = Knobs(requests_per_second=0)

# In real answers or in endive, but not in the specification of dahlia.
BEYOND_THE_SPEC = {
    "charge": {"destination", "dispute", "order", "source"},  # recorded 2025-10-29.clover
    "invoice": {"status_details"},  # 2026-09-30.endive
    "list": {"total_count"},  # recorded in `lines`
    "payment_intent": {"source"},  # recorded
    "product": {"type"},  # fixtures3
}
EXPANSIONS = {
    "balance_transaction": ["data.source", "data.source.payment_intent", "data.source.customer"],
    "charge": ["data.balance_transaction", "data.customer", "data.payment_intent.latest_charge", "data.refunds"],
    "credit_note": [
        "data.refunds.refund.charge", "data.customer_balance_transaction", "data.invoice.customer", "data.lines",
    ],
    "customer": ["data.tax_ids"],
    "dispute": ["data.charge.customer", "data.payment_intent"],
    "invoice": [
        "data.customer", "data.payments", "data.discounts", "data.total_discount_amounts.discount",
        "data.lines.data.discounts", "data.shipping_cost.taxes",
    ],
    "invoice_payment": ["data.invoice.customer", "data.payment.payment_intent", "data.payment.payment_record"],
    "payment_intent": ["data.latest_charge.balance_transaction", "data.customer"],
    "payout": ["data.balance_transaction", "data.failure_balance_transaction", "data.destination"],
    "price": ["data.product"],
    "refund": [
        "data.charge.customer", "data.balance_transaction", "data.failure_balance_transaction", "data.payment_intent",
        "data.charge.balance_transaction",
    ],
    "topup": ["data.balance_transaction"],
}  # fmt: skip


@functools.cache
def spec() -> dict[str, Any]:
    with gzip.open(SPEC) as file:
        return dict(json.load(file))


def with_nulls(schema: Any) -> Any:
    """OpenAPI 3.0's `nullable` in the words of JSON Schema."""
    if isinstance(schema, list):
        return [with_nulls(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    plain = {name: with_nulls(value) for name, value in schema.items() if name != "nullable"}
    return {"anyOf": [plain, {"type": "null"}]} if schema.get("nullable") is True else plain


@functools.cache
def components() -> Any:
    return with_nulls(spec()["components"])


@functools.cache
def validator(kind: str) -> Draft202012Validator:
    return Draft202012Validator({"$ref": f"#/components/schemas/{kind}", "components": components()})


def assert_valid(body: dict[str, Any]) -> None:
    kind = body["object"]
    errors = [f"{error.json_path}: {error.message[:200]}" for error in validator(kind).iter_errors(body)]
    assert not errors, errors[:5]
    for one in nested(body):
        known = set(spec()["components"]["schemas"].get(one["object"], {"properties": one})["properties"])
        unknown = set(one) - known - BEYOND_THE_SPEC.get(one["object"], set())
        assert not unknown or one["object"] == "list", (one["object"], unknown)


def nested(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        if "object" in value and isinstance(value["object"], str):
            yield value
        for one in value.values():
            yield from nested(one)
    elif isinstance(value, list):
        for one in value:
            yield from nested(one)


@pytest_asyncio.fixture
async def sandbox() -> AsyncIterator[Running]:
    async with StripeSandbox(
        as_of=date(2026, 11, 22), situations="all", payouts="daily", knobs=UNLIMITED
    ).serve() as running:
        yield running


@pytest_asyncio.fixture
async def client(sandbox: Running) -> AsyncIterator[httpx2.AsyncClient]:
    headers = {"Authorization": f"Bearer {sandbox.api_key}"}
    async with httpx2.AsyncClient(base_url=sandbox.url, headers=headers) as client:
        yield client


async def everything(client: httpx2.AsyncClient, path: str, **params: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while True:
        response = await client.get(f"/v1/{path}", params={"limit": "100", **params})
        assert response.status_code == 200, response.text
        body = response.json()
        assert {name: body[name] for name in ("object", "url")} == {"object": "list", "url": f"/v1/{path}"}
        found += body["data"]
        if not body["has_more"]:
            return found
        params["starting_after"] = found[-1]["id"]


@pytest.mark.parametrize(("path", "kind"), [(path, kind) for path, kind, _ in COLLECTIONS])
async def test_every_object_listed_is_valid(client: httpx2.AsyncClient, path: str, kind: str) -> None:
    await client.post("/_sandbox/webhook_endpoints", json={"url": "https://example.com/hook"})
    found = await everything(client, path)
    assert found
    assert len({one["id"] for one in found}) == len(found)
    assert [one["created"] for one in found] == sorted((one["created"] for one in found), reverse=True)
    for one in found:
        assert_valid(one)
        if kind == "event":
            assert_valid(one["data"]["object"])
    one = (await client.get(f"/v1/{path}/{found[0]['id']}")).json()
    assert one == found[0]


@pytest.mark.parametrize("kind", EXPANSIONS)
async def test_every_object_expanded_is_valid(client: httpx2.AsyncClient, kind: str) -> None:
    path = next(path for path, one, _ in COLLECTIONS if one == kind)
    for one in await everything(client, path, **{"expand[]": EXPANSIONS[kind]}):
        assert_valid(one)


async def test_singletons_and_records_are_valid(client: httpx2.AsyncClient, sandbox: Running) -> None:
    for path in ("account", "balance"):
        assert_valid((await client.get(f"/v1/{path}")).json())
    for record in sandbox.business.account.store.all("payment_record"):
        assert_valid((await client.get(f"/v1/payment_records/{record['id']}")).json())


async def test_every_line_is_served_by_page(client: httpx2.AsyncClient, sandbox: Running) -> None:
    lines = sandbox.business.account.store.lines
    longest = max(lines, key=lambda invoice: len(lines[invoice]))
    body = (await client.get(f"/v1/invoices/{longest}")).json()
    assert (len(body["lines"]["data"]), body["lines"]["has_more"]) == (10, True)
    assert "payments" not in body
    found = await everything(client, f"invoices/{longest}/lines")
    assert [one["id"] for one in found] == [one["id"] for one in lines[longest]]
    assert found[:10] == body["lines"]["data"]


def expandable(schema: Any, path: tuple[str, ...] = ()) -> Iterator[str]:
    """Paths at which the specification expands, without those of payment methods."""
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[-1]
        schema = spec()["components"]["schemas"][name]
        if path and "x-resourceId" in schema:
            return
    if "x-expansionResources" in schema:
        yield ".".join(path)
        return
    for option in schema.get("anyOf", []):
        yield from expandable(option, path)
    if schema.get("type") == "array":
        yield from expandable(schema["items"], path)
    for name, value in schema.get("properties", {}).items():
        if name not in {
            "payment_method_details",
            "payment_method_options",
            "company",
            "individual",
            "last_payment_error",
        }:
            yield from expandable(value, (*path, name))


@pytest.mark.parametrize("kind", [kind for kind in REFERENCES if kind != "account"])
def test_what_can_be_expanded_is_what_the_specification_says(kind: str) -> None:
    found = {
        path for path in expandable({"$ref": f"#/components/schemas/{kind}"}) if "last_finalization_error" not in path
    }
    lists = {"refunds", "lines", "payments", "sources", "subscriptions", "tax_ids", "amount_details.line_items"}
    if kind == "credit_note":
        lists = {"lines"}  # its refunds are no list of Stripe's
    inner = {path for path in found if any(path == one or path.startswith(f"{one}.") for one in lists)}
    assert found - inner == set(REFERENCES[kind])


@pytest.mark.parametrize(("path", "kind"), [(path, kind) for path, kind, _ in COLLECTIONS])
def test_filters_are_those_of_the_specification(path: str, kind: str) -> None:
    parameters = {one["name"] for one in spec()["paths"][f"/v1/{path}"]["get"]["parameters"]}
    assert set(FILTERS[kind]) | {"limit", "starting_after", "ending_before", "expand"} == parameters


def test_the_served_events_exist() -> None:
    known = json.loads((SHARED / "data/stripe/event_types_2026-10-28.endive.json").read_text())
    sandbox = StripeSandbox(as_of=date(2026, 11, 22), situations="all", payouts="daily", knobs=UNLIMITED)
    kinds = {event.kind for event in sandbox.business.account.log.all()}
    assert kinds <= set(known)
