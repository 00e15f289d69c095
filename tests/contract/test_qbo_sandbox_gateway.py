"""The sandbox's door: tokens, limits, request ids, injected faults, batches (facts/qbo.md 1, 2.1, 3.1, 5.2)."""

import asyncio
import base64
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from wescope.sandbox.qbo import QboSandbox
from wescope.sandbox.qbo.server import Running
from wescope.sandbox.qbo.tester import SandboxClient, invoice


@pytest.fixture
async def qbo() -> AsyncIterator[SandboxClient]:
    async with QboSandbox(knobs={"enforce_limits": False}).serve() as running, SandboxClient(running) as one:
        yield one


def basic(running: Running) -> dict[str, str]:
    pair = f"{running.tokens.client_id}:{running.tokens.client_secret}"
    return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}


async def refresh(qbo: SandboxClient, token: str) -> httpx2.Response:
    form = {"grant_type": "refresh_token", "refresh_token": token}
    return await qbo.http.post("/oauth2/v1/tokens/bearer", data=form, headers=basic(qbo.running))


def codes(answer: dict[str, Any]) -> list[str]:
    return [one["code"] for one in answer["Fault"]["Error"]]


# --- OAuth


async def test_refresh_tokens_rotate(qbo: SandboxClient) -> None:
    first = qbo.running.tokens.refresh_token
    granted = (await refresh(qbo, first)).json()
    assert granted["expires_in"] == 3600
    assert granted["x_refresh_token_expires_in"] == 8_640_000
    assert granted["refresh_token"] != first
    again = await refresh(qbo, first)
    assert (again.status_code, again.json()) == (400, {"error": "invalid_grant"})
    assert (await refresh(qbo, granted["refresh_token"])).status_code == 200


async def test_using_an_old_refresh_token_may_revoke_the_new_one(qbo: SandboxClient) -> None:
    await qbo.control("knobs", {"old_refresh_token": "revokes"})
    first = qbo.running.tokens.refresh_token
    second = (await refresh(qbo, first)).json()["refresh_token"]
    assert (await refresh(qbo, first)).status_code == 400
    assert (await refresh(qbo, second)).status_code == 400


async def test_an_old_refresh_token_may_stay_good(qbo: SandboxClient) -> None:
    await qbo.control("knobs", {"old_refresh_token": "valid", "refresh_rotation": "daily"})
    first = qbo.running.tokens.refresh_token
    assert (await refresh(qbo, first)).json()["refresh_token"] == first


async def test_authorisation_code(qbo: SandboxClient) -> None:
    running = qbo.running
    await qbo.control("knobs", {"auto_approve": True})
    query = {
        "client_id": running.tokens.client_id,
        "response_type": "code",
        "scope": "com.intuit.quickbooks.accounting",
    }
    query.update({"redirect_uri": "http://localhost/callback", "state": "s1"})
    response = await qbo.http.get("/connect/oauth2", params=query)
    back = parse_qs(urlsplit(response.headers["location"]).query)
    assert (response.status_code, back["state"], back["realmId"]) == (302, ["s1"], [running.realm_id])
    form = {"grant_type": "authorization_code", "code": back["code"][0], "redirect_uri": query["redirect_uri"]}
    granted = await qbo.http.post("/oauth2/v1/tokens/bearer", data=form, headers=basic(running))
    assert granted.status_code == 200
    qbo.headers["Authorization"] = f"Bearer {granted.json()['access_token']}"
    assert (await qbo.get("customer/1"))[0] == 200
    again = await qbo.http.post("/oauth2/v1/tokens/bearer", data=form, headers=basic(running))
    assert again.json() == {"error": "invalid_grant"}
    wrong = await qbo.http.post("/oauth2/v1/tokens/bearer", data=form, headers={"Authorization": "Basic eDp5"})
    assert (wrong.status_code, wrong.json()) == (401, {"error": "invalid_client"})


async def test_a_person_decides_on_the_authorise_page(qbo: SandboxClient) -> None:
    asked = {
        "client_id": qbo.running.tokens.client_id,
        "response_type": "code",
        "scope": "openid com.intuit.quickbooks.accounting",
        "redirect_uri": "http://localhost:1/callback?from=intuit",
        "state": '"><script>',
    }
    page = await qbo.http.get("/connect/oauth2", params=asked)
    assert page.status_code == 200
    assert "<script>" not in page.text
    assert 'value="connect"' in page.text

    async def decide(**pressed: str) -> dict[str, list[str]]:
        back = await qbo.http.post("/connect/oauth2", data={**asked, **pressed})
        assert (back.status_code, back.headers["location"].partition("?")[0]) == (302, "http://localhost:1/callback")
        return parse_qs(urlsplit(back.headers["location"]).query)

    denied = await decide(decision="cancel")
    assert denied == {"from": ["intuit"], "error": ["access_denied"], "state": [asked["state"]]}
    assert (await decide(decision="connect"))["realmId"] == [qbo.running.realm_id]
    assert (await decide(decision="connect", realm_id="9130350000000000999"))["realmId"] == ["9130350000000000999"]
    for name, value, error in (
        ("client_id", "other", "invalid_request"),
        ("redirect_uri", "localhost", "invalid_request"),
        ("state", "", "invalid_request"),
        ("response_type", "token", "unsupported_response_type"),
        ("scope", "openid", "invalid_scope"),
    ):
        refused = await qbo.http.get("/connect/oauth2", params={**asked, name: value})
        assert (refused.status_code, refused.json()) == (400, {"error": error})


async def test_a_grant_has_two_ends_and_the_hard_one_is_told_if_asked_for(qbo: SandboxClient) -> None:
    await qbo.control("knobs", {"refresh_token_hard_ttl_s": 1000})
    first = qbo.running.tokens.refresh_token
    told = (await refresh(qbo, first)).json()
    assert "x_refresh_token_hard_expires_in" not in told
    form = {"grant_type": "refresh_token", "refresh_token": told["refresh_token"]}
    headers = {**basic(qbo.running), "x-include-refresh-token-hard-expires-in": "true"}
    told = (await qbo.http.post("/oauth2/v1/tokens/bearer", data=form, headers=headers)).json()
    assert 0 < told["x_refresh_token_hard_expires_in"] <= 1000
    await qbo.control("knobs", {"refresh_token_hard_ttl_s": -1})
    assert (await refresh(qbo, told["refresh_token"])).status_code == 400


async def test_wrong_token_and_wrong_company(qbo: SandboxClient) -> None:
    status, answer = await qbo.get("../123/customer/1")
    assert (status, codes(answer)) == (403, ["3100"])
    qbo.headers["Authorization"] = "Bearer nonsense"
    status, answer = await qbo.get("customer/1")
    assert (status, answer["fault"]["error"][0]["code"]) == (401, "3200")


# --- limits


async def test_eleventh_request_of_a_second_is_throttled() -> None:
    async with QboSandbox().serve() as running, SandboxClient(running) as qbo:
        for _ in range(10):
            assert (await qbo.get("customer/1"))[0] == 200
        response = await qbo.http.get(f"{running.base}/customer/1", headers=qbo.headers)
        assert response.status_code == 429
        assert response.headers["content-type"].startswith("application/xml")
        assert b"The request limit was reached.  Try again later" in response.content
        counts = await qbo.control("requests")
        assert (counts["violations"], counts["violations_by_limit"]) == (1, {"per_second": 1})


async def test_eleven_in_flight_are_too_many() -> None:
    knobs = {"latency_ms": 200, "requests_per_second": 1000, "throttle_format": "json"}
    async with QboSandbox(knobs=knobs).serve() as running, SandboxClient(running) as qbo:
        answers = await asyncio.gather(*(qbo.get("customer/1") for _ in range(11)))
        assert sorted(status for status, _ in answers) == [200] * 10 + [429]
        counts = await qbo.control("requests")
        assert (counts["max_in_flight"], counts["violations_by_limit"]) == (11, {"in_flight": 1})


async def test_batches_and_minutes_have_limits_too() -> None:
    knobs = {"requests_per_second": 1000, "batches_per_minute": 2, "requests_per_minute": 5, "throttle_format": "json"}
    async with QboSandbox(knobs=knobs).serve() as running, SandboxClient(running) as qbo:
        body = {"BatchItemRequest": [{"bId": "1", "Query": "select * from Item"}]}
        statuses = [(await qbo.post("batch", body))[0] for _ in range(3)]
        statuses += [(await qbo.get("customer/1"))[0] for _ in range(4)]
        assert statuses == [200, 200, 429, 200, 200, 200, 429]


# --- request ids


async def test_same_request_id_gives_the_same_answer(qbo: SandboxClient) -> None:
    first = await qbo.post("invoice", invoice(), requestid="r1")
    again = await qbo.post("invoice", invoice(), requestid="r1")
    assert first == again
    assert len(qbo.running.company.objects("Invoice")) == 1
    other = await qbo.post("invoice", invoice(amount="7.00"), requestid="r1")
    assert other == first
    await qbo.control("knobs", {"requestid_other_payload": "600"})
    status, answer = await qbo.post("invoice", invoice(amount="7.00"), requestid="r1")
    assert (status, codes(answer)) == (400, ["600"])
    await qbo.control("knobs", {"requestid": "absent"})
    await qbo.post("invoice", invoice(), requestid="r1")
    assert len(qbo.running.company.objects("Invoice")) == 2


async def test_request_ids_are_forgotten(qbo: SandboxClient) -> None:
    await qbo.control("knobs", {"requestid_ttl_s": -1})
    await qbo.post("invoice", invoice(), requestid="r1")
    await qbo.post("invoice", invoice(), requestid="r1")
    assert len(qbo.running.company.objects("Invoice")) == 2


@pytest.mark.parametrize(("knob", "wanted"), [("execute", 200), ("replay", 400)])
async def test_failed_original(qbo: SandboxClient, knob: str, wanted: int) -> None:
    await qbo.control("knobs", {"requestid_failed_original": knob})
    account = {"Name": "Later", "AccountType": "Bank"}
    body = {"TotalAmt": 5, "CustomerRef": {"value": "1"}, "DepositToAccountRef": {"value": "24"}}
    assert (await qbo.post("payment", body, requestid="r1"))[0] == 400
    assert (await qbo.make("Account", account))["Id"] == "24"
    assert (await qbo.post("payment", body, requestid="r1"))[0] == wanted


@pytest.mark.parametrize(("knob", "wanted"), [("600", [200, 400]), ("wait", [200, 200])])
async def test_original_in_flight(qbo: SandboxClient, knob: str, wanted: list[int]) -> None:
    await qbo.control("knobs", {"requestid_in_flight": knob, "latency_ms": 50})
    answers = await asyncio.gather(*(qbo.post("invoice", invoice(), requestid="r1") for _ in range(2)))
    assert sorted(status for status, _ in answers) == wanted
    assert len(qbo.running.company.objects("Invoice")) == 1


async def test_one_name_at_a_time(qbo: SandboxClient) -> None:
    await qbo.control("knobs", {"latency_ms": 50})
    names = ({"DisplayName": f"Name {number}"} for number in range(2))
    answers = await asyncio.gather(*(qbo.post("customer", body) for body in names))
    assert sorted(status for status, _ in answers) == [200, 400]


# --- injected faults


@pytest.mark.parametrize(("kind", "landed"), [("drop_before", 0), ("drop_after", 1)])
async def test_dropped_connections(qbo: SandboxClient, kind: str, landed: int) -> None:
    await qbo.control("faults", {"kind": kind, "entity": "Invoice", "operation": "create"})
    with pytest.raises(httpx2.TransportError):
        await qbo.post("invoice", invoice(), requestid="r1")
    assert len(qbo.running.company.objects("Invoice")) == landed
    assert (await qbo.post("invoice", invoice(), requestid="r1"))[0] == 200
    assert len(qbo.running.company.objects("Invoice")) == 1


@pytest.mark.parametrize(
    ("rule", "status", "landed"),
    [
        ({"kind": "error_before", "status": 503, "format": "html"}, 503, 0),
        ({"kind": "error_after", "status": 500}, 500, 1),
        ({"kind": "throttle"}, 429, 0),
        ({"kind": "unauthorized"}, 401, 0),
        ({"kind": "transient", "text": "save"}, 400, 0),
        ({"kind": "fault", "code": "6190", "status": 400}, 400, 0),
        ({"kind": "wrong_format", "format": "xml"}, 200, 1),
        ({"kind": "delay_after", "ms": 1}, 200, 1),
    ],
)
async def test_injected_answers(qbo: SandboxClient, rule: dict[str, Any], status: int, landed: int) -> None:
    await qbo.control("faults", rule)
    response = await qbo.raw_post(
        "invoice", b'{"CustomerRef":{"value":"1"},"Line":[]}', content_type="application/json"
    )
    assert response.status_code in {status, 400}
    await qbo.control("faults", {**rule, "skip": 1})
    assert (await qbo.get("customer/1"))[0] == 200
    made = await qbo.http.post(f"{qbo.running.base}/invoice", json=invoice_json(), headers=qbo.headers)
    assert made.status_code == status
    assert len(qbo.running.company.objects("Invoice")) == landed


def invoice_json() -> dict[str, Any]:
    line = {"Amount": 100, "DetailType": "SalesItemLineDetail", "SalesItemLineDetail": {"ItemRef": {"value": "1"}}}
    return {"CustomerRef": {"value": "1"}, "Line": [line]}


async def test_cut_body(qbo: SandboxClient) -> None:
    qbo.running.faults.arm("cut_body")
    with pytest.raises(httpx2.TransportError):
        await qbo.get("customer/1")


async def test_links_can_be_dropped_silently(qbo: SandboxClient) -> None:
    made = await qbo.make("Invoice", invoice())
    qbo.running.faults.arm("drop_links", entity="Payment")
    line = {"Amount": 100, "LinkedTxn": [{"TxnId": made["Id"], "TxnType": "Invoice"}]}
    paid = await qbo.make("Payment", {"CustomerRef": {"value": "1"}, "TotalAmt": 100, "Line": [line]})
    assert (paid["Line"], paid["UnappliedAmt"]) == ([], 100)


# --- batches


async def test_batch_rules(qbo: SandboxClient) -> None:
    create = {"operation": "create", "Invoice": invoice_json()}
    for items, code in (
        ([], "2020"),
        ([{"bId": str(number), "Query": "select * from Item"} for number in range(31)], "1040"),
        ([{"Query": "select * from Item"}], "2020"),
        ([{"bId": "1", **create}, {"bId": "1", **create}], "2600"),
        ([{"bId": "12345678901", **create}], "2130"),
    ):
        status, answer = await qbo.post("batch", {"BatchItemRequest": items}, requestid="r1")
        assert (status, codes(answer)) == (400, [code])
    status, answer = await qbo.post("batch", {"BatchItemRequest": [{"bId": "1", **create}]}, requestid="x" * 37)
    assert codes(answer) == ["2130"]
    assert qbo.running.company.objects("Invoice") == []


async def test_batch_items_are_remembered_one_by_one(qbo: SandboxClient) -> None:
    qbo.running.faults.arm("transient", entity="Invoice", skip=1)
    items = [{"bId": f"b{number}", "operation": "create", "Invoice": invoice_json()} for number in range(3)]
    status, answer = await qbo.post("batch", {"BatchItemRequest": items}, requestid="r1")
    assert status == 200
    assert ["Fault" in item for item in answer["BatchItemResponse"]] == [False, True, False]
    status, again = await qbo.post("batch", {"BatchItemRequest": items}, requestid="r1")
    assert ["Fault" in item for item in again["BatchItemResponse"]] == [False, False, False]
    assert again["BatchItemResponse"][0] == answer["BatchItemResponse"][0]
    assert len(qbo.running.company.objects("Invoice")) == 3
    counts = await qbo.control("requests")
    assert (counts["writes"], counts["effects"]["replayed"]) == (3, 2)


async def test_batch_void(qbo: SandboxClient) -> None:
    paid = await qbo.make("Payment", {"CustomerRef": {"value": "1"}, "TotalAmt": 10})
    body = {"Id": paid["Id"], "SyncToken": "0", "sparse": True}
    item = {"bId": "1", "operation": "update", "optionsData": "void", "Payment": body}
    _, answer = await qbo.post("batch", {"BatchItemRequest": [item]})
    assert answer["BatchItemResponse"][0]["Payment"]["TotalAmt"] == 0


async def test_reset_and_control_errors(qbo: SandboxClient) -> None:
    await qbo.make("Invoice", invoice())
    assert "error" in await qbo.control("knobs", {"nothing": 1})
    assert "error" in await qbo.control("faults", {"kind": "nothing"})
    await qbo.control("reset", {})
    ledger = await qbo.control("ledger")
    assert (ledger["counts"].get("Invoice", 0), ledger["receivable_total"]) == (0, 0)
    assert (await qbo.get("customer/1"))[0] == 401


async def test_a_refresh_can_be_lost_after_it_was_given(qbo: SandboxClient) -> None:
    first = qbo.running.tokens.refresh_token
    await qbo.control("faults", {"kind": "drop_after", "entity": "Token"})
    with pytest.raises(httpx2.TransportError):
        await refresh(qbo, first)
    assert qbo.running.tokens.refresh_token != first
    assert (await refresh(qbo, first)).json() == {"error": "invalid_grant"}


async def test_of_two_refreshes_at_once_one_wins(qbo: SandboxClient) -> None:
    await qbo.control("knobs", {"refresh_ms": 20})
    token = qbo.running.tokens.refresh_token
    responses = await asyncio.gather(refresh(qbo, token), refresh(qbo, token))
    assert sorted(response.status_code for response in responses) == [200, 400]


async def test_a_whole_object_is_no_delete(qbo: SandboxClient) -> None:
    made = await qbo.make("Invoice", invoice())
    status, answer = await qbo.post("invoice", made, operation="delete")
    assert (status, codes(answer)) == (400, ["2010"])


async def test_faults_of_other_entities_wait(qbo: SandboxClient) -> None:
    qbo.running.faults.arm("drop_after", entity="Payment")
    await qbo.make("Invoice", invoice())
    assert qbo.running.faults.rules[0].fired == 0
