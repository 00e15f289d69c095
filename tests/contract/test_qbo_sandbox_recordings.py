"""The sandbox answers recorded requests in the recorded shapes (shared/data/qbo/recordings)."""

import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from wescope.sandbox.qbo import QboSandbox, faults, tables
from wescope.sandbox.qbo.faults import QboFault
from wescope.sandbox.qbo.registry import RULES
from wescope.sandbox.qbo.shapes import Shape
from wescope.sandbox.qbo.tester import SandboxClient

SHARED = Path(os.environ.get("WESCOPE_SHARED") or Path(__file__).parents[3] / "shared")
DATA = SHARED / "data" / "qbo"
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="the shared recordings are not here")

# Geocoding was dropped in October 2025 on company addresses and depends on Intuit's map service everywhere.
NOT_SERVED = {"Lat", "Long"}


@pytest.fixture
async def tester() -> AsyncIterator[SandboxClient]:
    async with QboSandbox(knobs={"custom_txn_numbers": False}).serve() as running, SandboxClient(running) as one:
        yield one


def recording(name: str) -> list[dict[str, Any]]:
    exchanges: list[dict[str, Any]] = json.loads((DATA / "recordings" / f"{name}.json").read_text())
    return exchanges


def shape(value: Any) -> Any:
    """What is left of a value when ids, texts, numbers and the length of lists do not count."""
    if isinstance(value, dict):
        return {key: shape(one) for key, one in sorted(value.items()) if key not in NOT_SERVED}
    if isinstance(value, list):
        return [shape(one) for one in value]
    if isinstance(value, bool) or value is None:
        return type(value).__name__
    return "text" if isinstance(value, str) else "number"


async def test_invoice_create_read_and_void(tester: SandboxClient) -> None:
    created = recording("create__invoice")[0]
    status, answer = await tester.post("invoice", created["request_body"])
    assert (status, shape(answer)) == (200, shape(created["body"]))
    read, voided = recording("void__invoice")
    invoice = answer["Invoice"]
    status, answer = await tester.get(f"invoice/{invoice['Id']}")
    assert (status, shape(answer)) == (200, shape(read["body"]))
    body = {"Id": invoice["Id"], "SyncToken": invoice["SyncToken"]}
    status, answer = await tester.post("invoice", body, operation="void")
    assert (status, shape(answer)) == (200, shape(voided["body"]))
    assert answer["Invoice"]["PrivateNote"] == "Voided"
    assert answer["Invoice"]["SyncToken"] == "1"
    assert (answer["Invoice"]["TotalAmt"], answer["Invoice"]["Balance"]) == (0, 0)


async def test_invoice_delete(tester: SandboxClient) -> None:
    read, removed = recording("delete__invoice")
    invoice = await tester.make("Invoice", recording("create__invoice")[0]["request_body"])
    status, answer = await tester.get(f"invoice/{invoice['Id']}")
    assert shape(answer) == shape(read["body"])
    status, answer = await tester.post("invoice", {"Id": invoice["Id"], "SyncToken": "0"}, operation="delete")
    assert (status, shape(answer)) == (200, shape(removed["body"]))
    status, answer = await tester.get(f"invoice/{invoice['Id']}")
    assert (status, answer["Fault"]["Error"][0]["code"]) == (400, "610")


async def test_customer_create_and_full_update(tester: SandboxClient) -> None:
    created = recording("create__customer")[0]
    status, answer = await tester.post("customer", created["request_body"])
    assert (status, shape(answer)) == (200, shape(created["body"]))
    read, updated = recording("update__customer")
    customer = answer["Customer"]
    assert shape(answer) == shape(read["body"])
    body = {**updated["request_body"], "Id": customer["Id"], "SyncToken": customer["SyncToken"]}
    status, answer = await tester.post("customer", body)
    assert (status, shape(answer)) == (200, shape(updated["body"]))
    ours, theirs = answer["Customer"], updated["body"]["Customer"]
    for name in ("SyncToken", "DisplayName", "PrintOnCheckName", "FullyQualifiedName"):
        assert ours[name] == theirs[name]


async def test_sales_receipt_full_update_gives_new_line_ids(tester: SandboxClient) -> None:
    read, updated = recording("update__sales_receipt")
    line = {**updated["request_body"]["Line"][0]}
    line["SalesItemLineDetail"] = {**line["SalesItemLineDetail"], "ItemRef": {"value": "1"}}
    receipt = await tester.make("SalesReceipt", {"Line": [line]})
    assert shape({"SalesReceipt": receipt, "time": ""}) == shape(read["body"])
    body = {"Id": receipt["Id"], "SyncToken": "0", "Line": [line]}
    status, answer = await tester.post("salesreceipt", body, minorversion="4", requestid="a90bfae9")
    assert (status, shape(answer)) == (200, shape(updated["body"]))
    assert (answer["SalesReceipt"]["Line"][0]["Id"], answer["SalesReceipt"]["SyncToken"]) == ("2", "1")
    assert answer["SalesReceipt"]["DocNumber"] == receipt["DocNumber"]


async def test_account_deactivated_twice_keeps_its_sync_token(tester: SandboxClient) -> None:
    read, again = recording("deactivate__account")
    account = await tester.make("Account", {"Name": "Fees Billed", "AccountType": "Income"})
    body = {"Id": account["Id"], "SyncToken": "0", "sparse": True, "Active": False}
    inactive = await tester.make("Account", body)
    assert inactive["Name"] == read["body"]["Account"]["Name"]
    status, answer = await tester.post("account", {**body, "SyncToken": "1", "Name": "Fees Billed (deleted)"})
    assert (status, shape(answer)) == (200, shape(again["body"]))
    assert answer["Account"]["SyncToken"] == "1"
    assert answer["Account"]["MetaData"] == inactive["MetaData"]


async def test_queries(tester: SandboxClient) -> None:
    found = recording("get__display_name")[0]["body"]
    status, answer = await tester.query(r"SELECT * FROM Customer WHERE DisplayName = 'Amy\'s Bird Sanctuary'")
    del answer["QueryResponse"]["Customer"][0]["DefaultTaxCodeRef"]  # newer customers have one
    assert (status, shape(answer)) == (200, shape(found))
    status, answer = await tester.query("SELECT * FROM Vendor WHERE DisplayName = 'Robertson & Associates'")
    assert answer["QueryResponse"]["maxResults"] == 1
    status, answer = await tester.query("SELECT COUNT(*) FROM Customer")
    assert shape(answer) == shape(recording("all__customers")[0]["body"])


async def test_refusals(tester: SandboxClient) -> None:
    for name, position, sent in (
        ("error__400_json", 0, tester.post("invoice", {"BadJson": True})),
        ("error__400", 1, tester.query("SELECT * FROM Custmoer")),
        ("error__500", 0, tester.get("customer/1/5")),
        ("error__500", 1, tester.get("customer/1.5")),
    ):
        recorded = recording(name)[position]
        status, answer = await sent
        assert status == recorded["status"]["code"]
        theirs = recorded["body"]["Fault"]
        assert shape(answer["Fault"]) == shape({**theirs, "Error": [{**theirs["Error"][0]}]})
        assert answer["Fault"]["Error"][0]["Message"] == theirs["Error"][0]["Message"]
    status, answer = await tester.query("SELECT * FROM Custmoer")
    assert answer["Fault"] == recording("error__400")[1]["body"]["Fault"]
    await tester.control("knobs", {"duplicate_name_detail": "null"})
    recorded = recording("error__validation")[0]
    status, answer = await tester.post("customer", recorded["request_body"])
    assert answer["Fault"] == recorded["body"]["Fault"]


async def test_expired_token(tester: SandboxClient) -> None:
    recorded = recording("error__401")[0]
    await tester.control("tokens/expire", {})
    status, answer = await tester.get("customer/1")
    assert (status, shape(answer)) == (401, shape(recorded["body"]))
    response = await tester.http.get(f"{tester.running.base}/customer/1", headers=tester.headers)
    assert response.headers["www-authenticate"] == recorded["headers"]["Www-Authenticate"][0]


async def test_batch(tester: SandboxClient) -> None:
    recorded = recording("batch__basic")[0]
    receipt = await tester.make("SalesReceipt", {"Line": [line_of("337.50")], "PrivateNote": "one"})
    body = {"Id": receipt["Id"], "SyncToken": "0", "sparse": True, "PrivateNote": "two"}
    await tester.make("SalesReceipt", body)
    request = json.loads(json.dumps(recorded["request_body"]))
    request["BatchItemRequest"][2]["SalesReceipt"]["Id"] = receipt["Id"]
    status, answer = await tester.post("batch", request)
    assert status == 200
    theirs = recorded["body"]["BatchItemResponse"]
    ours = answer["BatchItemResponse"]
    assert [item["bId"] for item in ours] == [item["bId"] for item in theirs]
    assert [shape(item) for item in ours[:3]] == [shape(item) for item in theirs[:3]]
    assert ours[1]["Fault"] == theirs[1]["Fault"]
    assert ours[2]["Fault"] == theirs[2]["Fault"]
    assert ours[3]["QueryResponse"]["maxResults"] == 1


def line_of(amount: str) -> dict[str, Any]:
    detail = {"ItemRef": {"value": "1"}, "TaxCodeRef": {"value": "NON"}}
    return {"Amount": json.loads(amount), "DetailType": "SalesItemLineDetail", "SalesItemLineDetail": detail}


async def test_changes(tester: SandboxClient) -> None:
    await tester.make("Invoice", recording("create__invoice")[0]["request_body"])
    status, answer = await tester.get("cdc", entities="invoice", changedSince="2011-10-10T09:00:00-07:00")
    assert status == 200
    theirs = recording("cdc__basic")[0]["body"]
    assert set(answer) == set(theirs)
    ours = answer["CDCResponse"][0]["QueryResponse"][0]
    assert (set(ours), ours["maxResults"]) == ({"Invoice", "startPosition", "maxResults"}, 1)


def test_accepted_names_are_intuits() -> None:
    """A property that the sandbox takes exists in Intuit's schema or entity reference."""
    flat = json.loads((DATA / "xsd_flat_properties.json").read_text())
    model = json.loads((DATA / "xsd_model.json").read_text())["types"]
    reference = json.loads((DATA / "entity_fields.json").read_text())
    only_json = {"ReferenceType": {"value"}, "MemoRef": {"value"}}

    def known(type_name: str) -> set[str]:
        names = {one[0] for one in flat.get(type_name, ())}
        names |= {one["name"] for one in model.get(type_name, {}).get("fields", ())}
        names |= {one["name"] for one in reference.get(type_name, ())}
        return names | only_json.get(type_name, set())

    def check(one: Shape) -> None:
        unknown = (
            set(one.properties) - known(one.type_name) - {"Id", "SyncToken", "MetaData", "domain", "sparse", "status"}
        )
        assert not unknown, (one.type_name, unknown)
        for inner in one.properties.values():
            if inner.shape is not None:
                check(inner.shape)

    for rules in RULES.values():
        check(rules.shape)


def test_recorded_known_names_are_accepted_where_the_product_needs_them() -> None:
    for name in (
        "DocNumber",
        "TxnDate",
        "CustomerRef",
        "PrivateNote",
        "Line",
        "CurrencyRef",
        "ExchangeRate",
        "DueDate",
    ):
        assert name in tables.INVOICE.properties


CONSTRUCTORS: dict[str, QboFault] = {
    "throttle_429": faults.throttled(),
    "authorization_3100": faults.forbidden(),
    "duplicate_request_id": faults.duplicate_request_id(),
    "object_not_found_inactive": faults.not_found(),
    "object_not_found_deleted": faults.deleted(),
    "required_param_2020": faults.required("AccountRef"),
    "required_line_2020": faults.required("Line"),
    "invalid_id_2030": faults.invalid_id("1.5"),
    "string_length_2050": faults.string_length("DocNumber", 21, 45),
    "customer_memo_length_2050": faults.string_length("Customer Memo", 1000, 1016),
    "invalid_reference_2500": faults.invalid_reference("Accounts", "7"),
    "invalid_reference_inactive_2500": faults.inactive_reference(),
    "query_bad_entity_4001": faults.query_invalid("invalid context declaration: Custmoer"),
    "query_not_queryable_4001": faults.query_invalid("property 'TotalAmt' is not queryable"),
    "query_unknown_property_4001": faults.query_invalid("Property BillAddr not found for Entity Customer"),
    "query_value_too_small_4001": faults.query_invalid("value 0 is too small. Min allowed value is 1"),
    "stale_object_5010": faults.stale(),
    "business_validation_6000_generic": faults.business("You must set a transaction amount."),
    "amount_calc_6070": faults.wrong_product("<v>"),  # type: ignore[arg-type] # the collected text has a placeholder
    "duplicate_docnumber_6140": faults.duplicate_doc_number("INV-0002", "Invoice", "17984"),
    "account_period_closed_6210": faults.closed_period(),
    "duplicate_name_6240": faults.duplicate_name(),
    "deposited_txn_6540": faults.deposited(),
    "system_failure_10000": faults.system_failure("<detail>"),
}


@pytest.mark.parametrize("name", sorted(CONSTRUCTORS))
def test_fault_equals_the_collected_body(name: str) -> None:
    collected = {one["name"]: one for one in json.loads((DATA / "faults.json").read_text())}[name]
    ours = CONSTRUCTORS[name]
    assert ours.as_json() == collected["body"]["Fault"]
    assert ours.status == collected["status"]
