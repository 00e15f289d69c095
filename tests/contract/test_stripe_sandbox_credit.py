"""Credit notes, customer balances and revisions over HTTP: shapes as in Stripe's specification, paging, replay."""

import functools
import gzip
import json
import os
import re
from collections.abc import AsyncIterator, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import httpx2
import pytest
import pytest_asyncio
import stripe
from jsonschema import Draft202012Validator

from wescope.sandbox.stripe import Knobs, Running, StripeSandbox
from wescope.sandbox.stripe.profiles_credit import CREDIT_PROFILES

SHARED = Path(os.environ.get("WESCOPE_SHARED", Path(__file__).parents[2].parent / "shared"))
SPEC = SHARED / "data/stripe/spec3.2026-08-26.dahlia.json.gz"
FIELDS = SHARED / "data/stripe/schema_fields.md"
EVENT_TYPES = SHARED / "data/stripe/event_types_2026-10-28.endive.json"
needs_shared = pytest.mark.skipif(not SPEC.exists(), reason="needs Stripe's specification in the shared folder")
AS_OF = date(2026, 11, 22)
UNLIMITED = Knobs(requests_per_second=0)
BALANCE_MOVE = "customer_balance_transaction"


def make(state: Path | None = None) -> StripeSandbox:
    return StripeSandbox(as_of=AS_OF, customers=len(CREDIT_PROFILES), situations="credit", state=state, knobs=UNLIMITED)


@pytest_asyncio.fixture
async def sandbox() -> AsyncIterator[Running]:
    async with make().serve() as running:
        yield running


@pytest_asyncio.fixture
async def client(sandbox: Running) -> AsyncIterator[httpx2.AsyncClient]:
    headers = {"Authorization": f"Bearer {sandbox.api_key}"}
    async with httpx2.AsyncClient(base_url=sandbox.url, headers=headers) as http:
        yield http


async def get(client: httpx2.AsyncClient, path: str, **params: Any) -> dict[str, Any]:
    response = await client.get(path, params=params)
    assert response.status_code == httpx2.codes.OK, response.text
    return dict(response.json())


async def refused(client: httpx2.AsyncClient, path: str, status: int, **params: Any) -> dict[str, Any]:
    response = await client.get(path, params=params)
    assert response.status_code == status, response.text
    return dict(response.json())


async def post(client: httpx2.AsyncClient, path: str, *, status: int = 200, **values: Any) -> dict[str, Any]:
    response = await client.post(f"/_sandbox/{path}", json=values)
    assert response.status_code == status, response.text
    return dict(response.json())


# --- shapes


@functools.cache
def components() -> Any:
    return with_nulls(json.loads(gzip.decompress(SPEC.read_bytes()))["components"])


def with_nulls(schema: Any) -> Any:
    """OpenAPI 3.0's `nullable` in the words of JSON Schema."""
    if isinstance(schema, list):
        return [with_nulls(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    plain = {name: with_nulls(value) for name, value in schema.items() if name != "nullable"}
    return {"anyOf": [plain, {"type": "null"}]} if schema.get("nullable") is True else plain


@functools.cache
def validator(kind: str) -> Draft202012Validator:
    return Draft202012Validator({"$ref": f"#/components/schemas/{kind}", "components": components()})


@functools.cache
def field_names(kind: str) -> frozenset[str]:
    section = FIELDS.read_text().split(f"\n## `{kind}`\n", 1)[1].split("\n## ", 1)[0]
    return frozenset(re.findall(r"^- `([a-z_]+)`", section, flags=re.MULTILINE))


def assert_valid(body: dict[str, Any]) -> None:
    errors = [f"{error.json_path}: {error.message[:200]}" for error in validator(body["object"]).iter_errors(body)]
    assert not errors, errors[:5]
    for one in nested(body):
        assert set(one) == field_names(one["object"]), one["object"]


def nested(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        if value.get("object") in {"credit_note", "credit_note_line_item", BALANCE_MOVE}:
            yield value | ({"invoice_line_item": None} if value["object"] == "credit_note_line_item" else {})
        for one in value.values():
            yield from nested(one)
    elif isinstance(value, list):
        for one in value:
            yield from nested(one)


@needs_shared
@pytest.mark.parametrize("expand", [
    [], ["data.refunds.refund", "data.customer_balance_transaction", "data.invoice", "data.customer", "data.lines"],
])  # fmt: skip
async def test_credit_notes_are_as_specified(client: httpx2.AsyncClient, expand: list[str]) -> None:
    listed = await get(client, "/v1/credit_notes", limit=100, **({"expand[]": expand} if expand else {}))
    assert listed["url"] == "/v1/credit_notes"
    assert len(listed["data"]) == 12
    for note in listed["data"]:
        assert_valid(note)
    if expand:
        assert {note["invoice"]["object"] for note in listed["data"]} == {"invoice"}
        assert any(isinstance(part["refund"], dict) for note in listed["data"] for part in note["refunds"])
        assert any(isinstance(note["customer_balance_transaction"], dict) for note in listed["data"])
    else:
        assert await get(client, f"/v1/credit_notes/{listed['data'][0]['id']}") == listed["data"][0]


@needs_shared
async def test_balance_moves_are_as_specified(client: httpx2.AsyncClient, sandbox: Running) -> None:
    seen = set()
    for customer in sandbox.business.account.store.all("customer"):
        path = f"/v1/customers/{customer['id']}/balance_transactions"
        listed = await get(client, path, limit=100)
        assert listed["url"] == path
        for move in listed["data"]:
            assert_valid(move)
            assert await get(client, f"{path}/{move['id']}") == move
            seen.add(move["type"])
    assert len(seen) == 6


@needs_shared
async def test_every_event_is_one_of_stripes_and_its_object_valid(sandbox: Running) -> None:
    known = json.loads(EVENT_TYPES.read_text())
    events = sandbox.business.account.log.all()
    kinds = {event.kind for event in events}
    assert kinds <= set(known)
    assert {
        "charge.failed", "credit_note.created", "credit_note.voided", "customer.updated", "invoice.overpaid",
        "invoice.payment_failed", "invoice.voided",
    } <= kinds  # fmt: skip
    for event in events:
        if event.snapshot["object"] in {"credit_note", "customer", "balance_transaction", "charge"}:
            errors = list(validator(event.snapshot["object"]).iter_errors(event.snapshot))
            assert not errors, (event.kind, errors[0].message[:200])


# --- lists


async def test_moves_are_paged_newest_first_and_filtered(client: httpx2.AsyncClient, sandbox: Running) -> None:
    customer = (await post(client, "customers", name="Ledger"))["id"]
    start = sandbox.business.account.clock.now()
    made = [
        (await post(client, f"customers/{customer}/balance", amount=amount, at=start + amount))["id"]
        for amount in range(1, 8)
    ]
    path = f"/v1/customers/{customer}/balance_transactions"
    first = await get(client, path, limit=3)
    assert ([one["id"] for one in first["data"]], first["has_more"]) == (made[:3:-1], True)
    second = await get(client, path, limit=10, starting_after=made[4])
    assert ([one["id"] for one in second["data"]], second["has_more"]) == (made[3::-1], False)
    some = await get(client, path, **{"created[gte]": start + 2, "created[lt]": start + 4})
    assert [one["amount"] for one in some["data"]] == [3, 2]
    assert [one["ending_balance"] for one in first["data"]] == [28, 21, 15]
    nobody = await refused(client, "/v1/customers/cus_x/balance_transactions", 404)
    assert nobody["error"]["message"] == "No such customer: 'cus_x'"
    await refused(client, path, 400, color="red")
    other = (await post(client, "customers", name="Other"))["id"]
    await refused(client, f"/v1/customers/{other}/balance_transactions/{made[0]}", 404)
    shown = await get(client, f"/v1/customers/{customer}", **{"expand[]": "invoice_credit_balance"})
    assert (shown["balance"], shown["invoice_credit_balance"]) == (28, {"usd": 28})


async def test_credit_notes_are_filtered_and_their_lines_paged(client: httpx2.AsyncClient) -> None:
    customer = (await post(client, "customers", name="Buyer"))["id"]
    invoice = await post(client, "invoices", customer=customer, lines=[{"amount": 9000}, {"amount": 100}])
    lines = [{"amount": 10 + number, "description": f"Part {number}"} for number in range(12)]
    note = await post(client, "credit_notes", invoice=invoice["id"], lines=lines, memo="Twelve")
    assert (len(note["lines"]["data"]), note["lines"]["has_more"]) == (10, True)
    path = f"/v1/credit_notes/{note['id']}/lines"
    rest = await get(client, path, starting_after=note["lines"]["data"][-1]["id"])
    assert [one["amount"] for one in rest["data"]] == [20, 21]
    changed = await post(client, f"credit_notes/{note['id']}", memo="A dozen")
    assert changed["memo"] == "A dozen"
    for name, value in (("invoice", invoice["id"]), ("customer", customer)):
        found = await get(client, "/v1/credit_notes", **{name: value})
        assert [one["id"] for one in found["data"]] == [note["id"]]
    voided = await post(client, f"credit_notes/{note['id']}/void")
    assert voided["status"] == "void"
    events = await get(client, "/v1/events", **{"types[]": ["credit_note.updated", "credit_note.voided"], "limit": 2})
    assert [one["type"] for one in events["data"]] == ["credit_note.voided", "credit_note.updated"]
    assert events["data"][1]["data"]["previous_attributes"] == {"memo": "Twelve"}
    missing = await refused(client, "/v1/credit_notes", 400, invoice="in_x")
    assert missing["error"]["code"] == "resource_missing"
    await refused(client, "/v1/credit_notes/cn_x/lines", 404)


async def test_a_key_needs_permission(client: httpx2.AsyncClient, sandbox: Running) -> None:
    key = (await post(client, "keys", permissions=["rak_invoice_read"]))["api_key"]
    answer = await client.get("/v1/credit_notes", headers={"Authorization": f"Bearer {key}"})
    assert answer.status_code == 403
    assert "rak_credit_note_read" in answer.json()["error"]["message"]


# --- life over the control API


async def test_the_sdk_reads_it(sandbox: Running) -> None:
    http = stripe.HTTPXClient()
    sdk = stripe.StripeClient(
        sandbox.api_key, base_addresses={"api": sandbox.url}, http_client=http, max_network_retries=0
    )
    notes = await sdk.v1.credit_notes.list_async({"limit": 5, "expand": ["data.refunds.refund"]})
    assert len([one async for one in notes.auto_paging_iter()]) == 12
    refunds = [part.refund for note in notes.data for part in note.refunds]
    assert refunds
    assert all(isinstance(one, stripe.Refund) for one in refunds)
    lines = await sdk.v1.credit_notes.line_items.list_async(notes.data[0].id)
    assert lines.data[0].object == "credit_note_line_item"
    customer = next(one for one in sandbox.business.account.store.all("customer") if one["balance"])
    moves = await sdk.v1.customers.balance_transactions.list_async(customer["id"], {"limit": 1})
    assert moves.data[0].ending_balance == customer["balance"]
    await http.close_async()  # type: ignore[no-untyped-call] # the SDK's


async def test_refusals_are_in_stripes_words(client: httpx2.AsyncClient) -> None:
    customer = (await post(client, "customers", name="Buyer"))["id"]
    invoice = (await post(client, "invoices", customer=customer, lines=[{"amount": 9000}]))["id"]
    await post(client, f"invoices/{invoice}/pay", amount=100)
    for path, values in ((f"invoices/{invoice}/void", {}), (f"invoices/{invoice}/revise", {"lines": [{"amount": 1}]})):
        answer = await post(client, path, status=400, **values)
        assert answer["error"]["message"].startswith("Invoices with `paid` payments cannot be ")
    nothing = await post(client, "credit_notes", status=400)
    assert nothing["error"]["code"] == "parameter_missing"
    zero = await post(client, f"customers/{customer}/balance", status=400, amount=0)
    assert zero["error"]["param"] == "amount"
    await post(client, "charges/ch_x/fail_later", status=404)


async def test_it_survives_a_restart(tmp_path: Path) -> None:
    async with make(tmp_path).serve() as running, httpx2.AsyncClient(base_url=running.url) as client:
        customer = (await post(client, "customers", name="Kept"))["id"]
        await post(client, f"customers/{customer}/balance", amount=-500)
        invoice = await post(client, "invoices", customer=customer, lines=[{"amount": 9000}])
        await post(client, f"invoices/{invoice['id']}/pay", method="debit")
        await post(client, "advance", days=5)
        charge = running.business.account.store.newest_first("charge")[0]
        await post(client, "credit_notes", invoice=invoice["id"], status=400, amount=9001, credit_amount=9001)
        await post(client, f"charges/{charge['id']}/fail_later")
        await post(client, f"invoices/{invoice['id']}/revise", lines=[{"amount": 8000}], finalize=True)
        newest = running.business.account.store.newest_first("invoice")[0]["id"]
        note = await post(client, "credit_notes", invoice=newest, amount=700)
        await post(client, f"credit_notes/{note['id']}/void")
        await post(client, f"invoices/{newest}/pay", amount=8000, overpay=True)
        first = running.business.account
    async with make(tmp_path).serve() as again:
        second = again.business.account
        for kind in ("balance_transaction", "charge", "credit_note", "customer", BALANCE_MOVE, "invoice", "refund"):
            assert second.store.all(kind) == first.store.all(kind)
        assert [one.payload for one in second.log.all()] == [one.payload for one in first.log.all()]


async def test_the_summary_names_the_balances(client: httpx2.AsyncClient, sandbox: Running) -> None:
    summary = await get(client, "/_sandbox/summary")
    customers = sandbox.business.account.store.all("customer")
    assert summary["customer_balance"] == {one["id"]: {"usd": one["balance"]} for one in customers if one["balance"]}
    assert list(summary["receivable_total"]) == ["usd"]


@needs_shared
async def test_recorded_credit_notes_are_served(client: httpx2.AsyncClient) -> None:
    recorded = json.loads((SHARED / "data/stripe/events/generated/credit_note.created_1.json").read_text())
    note = recorded["data"]["object"]
    await post(client, "objects", object=note)
    assert await get(client, f"/v1/credit_notes/{note['id']}") == note
