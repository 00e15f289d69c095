"""Every outcome of a call is classified by what it proves."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import httpx2
import pytest

from tests.unit.qbo.doubles import REALM, Rig, answer, batch_answer, fault, found, rig, shared_data
from wescope.errors import (
    DuplicateDocNumber,
    DuplicateName,
    DuplicateRequestId,
    InvalidReference,
    ObjectGone,
    PeriodClosed,
    QboDisconnected,
    QboError,
    QboNotSent,
    QboOutcomeUnknown,
    QboRefused,
    QboThrottled,
    StaleObject,
    TransientRefusal,
)
from wescope.qbo.records import Written

KEY = "in_1:invoice"
HTML = httpx2.Response(400, text="<html>Bad gateway</html>")


async def write(made: Rig) -> Written:
    return await made.client.create("Invoice", {"TotalAmt": 1}, request_id="ws1", document_key=KEY)


async def read(made: Rig) -> Any:
    return await made.client.query("SELECT * FROM Invoice")


async def test_a_write_carries_its_request_id_and_gives_the_record_and_intuits_id() -> None:
    made = rig(answer("Invoice", Id="7", SyncToken="0", TotalAmt=1.5))
    written = await write(made)
    (request,) = made.server.requests
    assert (request.method, request.url.path) == ("POST", f"/v3/company/{REALM}/invoice")
    assert dict(request.url.params) == {"requestid": "ws1", "minorversion": "75"}
    assert (request.headers["Accept"], request.headers["Content-Type"]) == ("application/json", "application/json")
    assert request.headers["Authorization"] == "Bearer access-1"
    assert (written.record["Id"], written.intuit_tid) == ("7", "1-abc")
    (attempt,) = made.attempts
    assert (attempt.operation, attempt.entity, attempt.document_key) == ("create", "Invoice", KEY)
    assert (attempt.request_id, attempt.intuit_tid, attempt.status) == ("ws1", "1-abc", 200)
    assert (attempt.outcome, attempt.fault_code, attempt.realm_id) == ("ok", None, REALM)


@pytest.mark.parametrize(
    ("entity", "parameters", "body"),
    [
        ("Invoice", {"operation": "void"}, {"Id": "7", "SyncToken": "2"}),
        ("Payment", {"operation": "update", "include": "void"}, {"Id": "7", "SyncToken": "2", "sparse": True}),
    ],
)
async def test_invoices_and_payments_are_voided_in_their_own_ways(
    entity: str, parameters: dict[str, str], body: dict[str, Any]
) -> None:
    made = rig(answer(entity, Id="7", SyncToken="3"))
    await made.client.void(entity, "7", "2", request_id="ws2", document_key=KEY)
    sent = dict(made.server.requests[0].url.params)
    assert sent == {**parameters, "requestid": "ws2", "minorversion": "75"}
    assert made.server.bodies == [body]


async def test_delete_sends_only_id_and_token() -> None:
    made = rig(answer("Payment", Id="7", status="Deleted"))
    await made.client.delete("Payment", "7", "2", request_id="ws3", document_key=KEY)
    assert made.server.requests[0].url.params["operation"] == "delete"
    assert made.server.bodies == [{"Id": "7", "SyncToken": "2"}]


async def test_update_is_a_post_with_the_payload() -> None:
    made = rig(answer("Invoice", Id="7", SyncToken="3"))
    payload = {"Id": "7", "SyncToken": "2", "sparse": True}
    await made.client.update("Invoice", payload, request_id="ws4", document_key=KEY)
    assert "operation" not in made.server.requests[0].url.params
    assert made.server.bodies == [payload]


@pytest.mark.parametrize("request_id", ["", "x" * 51])
async def test_a_request_id_has_at_most_50_characters(request_id: str) -> None:
    with pytest.raises(ValueError, match="request id"):
        await rig().client.create("Invoice", {}, request_id=request_id)


# --- what a failure proves -------------------------------------------------------------------------------

NEVER_LEFT = [httpx2.ConnectError("x"), httpx2.ConnectTimeout("x"), httpx2.PoolTimeout("x"), httpx2.ProxyError("x")]
CUT_OFF = [
    httpx2.ReadTimeout("x"),
    httpx2.WriteTimeout("x"),
    httpx2.ReadError("x"),
    httpx2.WriteError("x"),
    httpx2.RemoteProtocolError("x"),
    httpx2.LocalProtocolError("x"),
    httpx2.CloseError("x"),
    httpx2.DecodingError("x"),
    httpx2.TooManyRedirects("x"),
]
XML_RECORD = '<IntuitResponse><Invoice domain="QBO"><Id>7</Id></Invoice></IntuitResponse>'
UNREADABLE = [
    httpx2.Response(500),
    httpx2.Response(502, text="<html>Bad gateway</html>"),
    httpx2.Response(503, json={"error": "busy"}),
    httpx2.Response(504),
    httpx2.Response(200, text='{"Invoice": {"Id": "7", "Sync'),
    httpx2.Response(200, text=""),
    httpx2.Response(200, text=XML_RECORD),
    httpx2.Response(200, json={"time": "x"}),
    httpx2.Response(200, json=[]),
    httpx2.Response(200, json={"Invoice": "7"}),
    httpx2.Response(302, headers={"Location": "https://elsewhere.test"}),
    httpx2.Response(400, text="<html>Bad request</html>"),
    httpx2.Response(400, text='<IntuitResponse><Fault type="ValidationFault"><Error code="6240"><Mess'),
    httpx2.Response(404, text=""),
    fault("10000", "System Failure Error", status=500),
    fault("10000", "System Failure Error", status=400),
    fault("6000", "anything", status=500),
]


@pytest.mark.parametrize("failure", NEVER_LEFT, ids=lambda failure: type(failure).__name__)
@pytest.mark.parametrize("call", [write, read])
async def test_what_never_left_is_not_sent(failure: Exception, call: Callable[[Rig], Awaitable[Any]]) -> None:
    made = rig(failure)
    with pytest.raises(QboNotSent):
        await call(made)
    assert [attempt.outcome for attempt in made.attempts] == ["not_sent"]


@pytest.mark.parametrize("reply", [*CUT_OFF, *UNREADABLE], ids=repr)
async def test_a_write_that_proves_nothing_is_of_unknown_outcome(reply: httpx2.Response | Exception) -> None:
    made = rig(reply)
    with pytest.raises(QboOutcomeUnknown) as caught:
        await write(made)
    assert [attempt.outcome for attempt in made.attempts] == ["unknown"]
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("reply", [*CUT_OFF, *UNREADABLE], ids=repr)
async def test_a_read_that_proves_nothing_is_read_again(reply: httpx2.Response | Exception) -> None:
    made = rig(reply, found("Invoice", {"Id": "7"}), tries=2)
    assert await read(made) == [{"Id": "7"}]
    assert [attempt.outcome for attempt in made.attempts] == ["not_sent", "ok"]


async def test_reads_are_tried_a_bounded_number_of_times() -> None:
    made = rig(*[httpx2.ConnectError("x")] * 4, tries=3)
    with pytest.raises(QboNotSent):
        await read(made)
    assert len(made.server.requests) == 3


async def test_a_write_that_never_left_is_tried_again_with_the_same_request_id() -> None:
    made = rig(httpx2.ConnectError("x"), answer("Invoice", Id="7"), tries=2)
    assert (await write(made)).record["Id"] == "7"
    assert {request.url.params["requestid"] for request in made.server.requests} == {"ws1"}


async def test_a_write_of_unknown_outcome_is_never_sent_again_here() -> None:
    made = rig(httpx2.ReadTimeout("x"), tries=3)
    with pytest.raises(QboOutcomeUnknown):
        await write(made)
    assert len(made.server.requests) == 1


async def test_a_write_that_is_cancelled_while_it_waits_is_told_as_unknown() -> None:
    arrived = asyncio.Event()

    async def hang(request: httpx2.Request) -> httpx2.Response:
        arrived.set()
        await asyncio.Event().wait()
        raise AssertionError

    made = rig()
    made.client._courier._http = httpx2.AsyncClient(base_url="https://qbo.test/", transport=httpx2.MockTransport(hang))
    task = asyncio.create_task(write(made))
    await arrived.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [attempt.outcome for attempt in made.attempts] == ["unknown"]


# --- throttled, forbidden, unauthorised ------------------------------------------------------------------

THROTTLED_XML = """<IntuitResponse time="2016-12-07T15:27:09.527-08:00" xmlns="http://schema.intuit.com/finance/v3">
  <Fault type="SERVICE"><Error code="3001"><Message>message=ThrottleExceeded; errorCode=003001; statusCode=%d</Message>
    <Detail>The request limit was reached.  Try again later</Detail></Error></Fault></IntuitResponse>"""


@pytest.mark.parametrize(
    "reply",
    [
        httpx2.Response(429),
        httpx2.Response(429, text="<html>slow down</html>"),
        httpx2.Response(429, text=THROTTLED_XML % 429),
        httpx2.Response(403, text=THROTTLED_XML % 403),
        fault("3001", status=403),
        fault("003001", status=400),
        fault("3001", status=200),
    ],
    ids=str,
)
async def test_a_throttled_write_is_surely_not_done_and_pauses_the_realm(reply: httpx2.Response) -> None:
    made = rig(reply, tries=3)
    with pytest.raises(QboThrottled):
        await write(made)
    assert made.limits.pauses == [60]
    assert [attempt.outcome for attempt in made.attempts] == ["not_sent"]


async def test_retry_after_is_honoured_if_it_is_a_number() -> None:
    for header, pause in [("7", 7), ("0", 60), ("Wed, 21 Oct 2026 07:28:00 GMT", 60)]:
        made = rig(httpx2.Response(429, headers={"Retry-After": header}))
        with pytest.raises(QboThrottled):
            await read(made)
        assert made.limits.pauses == [pause]


async def test_forbidden_without_a_fault_is_not_sent() -> None:
    made = rig(httpx2.Response(403, text="<html>blocked</html>"))
    with pytest.raises(QboNotSent):
        await write(made)


@pytest.mark.parametrize(
    ("code", "status"), [("120", 401), ("3100", 403), ("6190", 400), ("10200", 400), ("003100", 403)]
)
async def test_a_realm_that_needs_somebody_is_disconnected(code: str, status: int) -> None:
    made = rig(fault(code, status=status))
    with pytest.raises(QboDisconnected) as caught:
        await write(made)
    assert caught.value.details["fault_code"] == code.lstrip("0")
    assert made.intuit.calls == 0


EXPIRED = {
    "fault": {
        "error": [
            {
                "message": "message=AuthenticationFailed; errorCode=003200; statusCode=401",
                "detail": "Token expired: access-1",
                "code": "3200",
                "element": None,
            }
        ],
        "type": "AUTHENTICATION",
    },
    "time": 1601391072830,
}


@pytest.mark.parametrize(
    "reply", [httpx2.Response(401, json=EXPIRED), httpx2.Response(401), fault("003200", status=401)]
)
async def test_an_expired_token_is_refreshed_once_and_the_call_repeated(reply: httpx2.Response) -> None:
    made = rig(reply, answer("Invoice", Id="7"))
    assert (await write(made)).record["Id"] == "7"
    assert [request.headers["Authorization"] for request in made.server.requests] == [
        "Bearer access-1",
        "Bearer access-2",
    ]
    assert [attempt.outcome for attempt in made.attempts] == ["not_sent", "ok", "ok"]
    assert [attempt.operation for attempt in made.attempts] == ["create", "token", "create"]
    assert made.limits.entered == 2


async def test_a_new_token_that_is_refused_ends_the_connection() -> None:
    made = rig(httpx2.Response(401, json=EXPIRED), httpx2.Response(401, json=EXPIRED), tries=3)
    with pytest.raises(QboDisconnected) as caught:
        await write(made)
    assert made.intuit.calls == 1
    assert "access-" not in str(caught.value) + repr(caught.value)


async def test_many_calls_with_an_expired_token_refresh_it_once() -> None:
    def server(request: httpx2.Request) -> httpx2.Response:
        fresh = request.headers["Authorization"] == "Bearer access-2"
        return batch_answer(request, Invoice={"Id": "7"}) if fresh else httpx2.Response(401, json=EXPIRED)

    made = rig(*[server] * 40)
    await asyncio.gather(*(write(made) for _ in range(20)))
    assert made.intuit.calls == 1


# --- refusals --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("600", DuplicateRequestId),
        ("610", ObjectGone),
        ("2500", InvalidReference),
        ("5010", StaleObject),
        ("6140", DuplicateDocNumber),
        ("6210", PeriodClosed),
        ("6240", DuplicateName),
        ("006240", DuplicateName),
        ("2050", QboRefused),
        ("6000", QboRefused),
        ("not a number", QboRefused),
    ],
)
@pytest.mark.parametrize("status", [200, 400])
async def test_a_fault_is_a_refusal_of_its_kind(code: str, kind: type[QboRefused], status: int) -> None:
    made = rig(fault(code, status=status))
    with pytest.raises(QboRefused) as caught:
        await write(made)
    assert type(caught.value) is kind
    assert caught.value.intuit_tid == "1-abc"
    assert [attempt.outcome for attempt in made.attempts] == ["refused"]
    assert made.attempts[0].fault_code == caught.value.fault_code


@pytest.mark.parametrize(
    "detail",
    [
        "Business Validation Error: You can only add or edit one name at a time. Please try again.",
        "Business Validation Error: An unexpected error occurred while accessing or saving your data. Please wait.",
    ],
)
async def test_two_texts_of_6000_pass_by_themselves(detail: str) -> None:
    with pytest.raises(TransientRefusal):
        await write(rig(fault("6000", detail)))


async def test_a_taken_number_names_its_owner_in_whatever_language() -> None:
    detail = "DocNumber=INV-0002 is assigned to TxnType=Facture with TxnId=17984"
    with pytest.raises(DuplicateDocNumber) as caught:
        await write(rig(fault("6140", detail)))
    assert (caught.value.details["txn_id"], caught.value.details["txn_type"]) == ("17984", "Facture")


async def test_several_errors_are_all_named_and_a_known_one_decides() -> None:
    entries = [{"code": code, "Message": "m", "Detail": "d"} for code in ("2020", "6210")]
    with pytest.raises(PeriodClosed) as caught:
        await write(rig(httpx2.Response(400, json={"Fault": {"Error": entries}})))
    assert caught.value.details["codes"] == "2020,6210"


async def test_an_xml_fault_is_a_refusal_too() -> None:
    text = (shared_data() / "qbo" / "xml_fixtures" / "customer_duplicate_error.xml").read_text()
    with pytest.raises(DuplicateName):
        await write(rig(httpx2.Response(400, text=text)))


async def test_nothing_of_a_faults_text_gets_into_the_error() -> None:
    detail = "You and Christian Pelczarski were working on this; Token expired: AB01SECRET; element id 7 not found"
    for code in ("5010", "2500", "6000", "9999"):
        with pytest.raises(QboError) as caught:
            await write(rig(fault(code, detail, element="Christian's\nlist")))
        shown = str(caught.value) + repr(caught.value) + repr(caught.value.details)
        assert "Christian" not in shown
        assert "AB01SECRET" not in shown


def recorded_faults() -> list[Any]:
    content: list[Any] = json.loads((shared_data() / "qbo" / "faults.json").read_text())
    return content


async def test_all_recorded_faults_are_classified_without_a_crash() -> None:
    bodies = recorded_faults()
    assert len(bodies) == 43
    kinds: dict[str, list[str]] = {}
    for body in bodies:
        replies = [httpx2.Response(body["status"], json=body["body"], headers=body.get("headers")) for _ in range(2)]
        with pytest.raises(QboError) as caught:
            await write(rig(*replies))
        kinds.setdefault(type(caught.value).__name__, []).append(body["name"])
        for entry in (body["body"].get("Fault") or {}).get("Error", []):
            assert not entry["Detail"] or entry["Detail"] not in str(caught.value)
    assert {name: len(names) for name, names in sorted(kinds.items())} == {
        "DuplicateDocNumber": 1,
        "DuplicateName": 1,
        "DuplicateRequestId": 1,
        "InvalidReference": 2,
        "ObjectGone": 2,
        "PeriodClosed": 1,
        "QboDisconnected": 4,
        "QboOutcomeUnknown": 1,
        "QboRefused": 25,
        "QboThrottled": 2,
        "StaleObject": 1,
        "TransientRefusal": 2,
    }


# --- reading ---------------------------------------------------------------------------------------------


async def test_reading_what_is_gone_is_none() -> None:
    assert await rig(fault("610", "Object Not Found")).client.read("Invoice", "7") is None


async def test_reading_gives_the_record() -> None:
    made = rig(answer("Customer", Id="5", Active=True))
    assert await made.client.read("Customer", "5") == {"Id": "5", "Active": True}
    assert made.server.requests[0].url.path == f"/v3/company/{REALM}/customer/5"


async def test_a_query_is_posted_so_that_no_address_holds_a_name() -> None:
    made = rig(found("Customer", {"Id": "5"}))
    statement = "SELECT * FROM Customer WHERE DisplayName = 'Amy\\'s'"
    assert await made.client.query(statement) == [{"Id": "5"}]
    (request,) = made.server.requests
    assert (request.method, request.content.decode()) == ("POST", statement)
    assert request.headers["Content-Type"] == "application/text"
    assert "Amy" not in str(request.url)


async def test_nothing_found_is_an_empty_list() -> None:
    assert await read(rig(found("Invoice"))) == []


async def test_all_pages_are_read_and_moved_objects_count_once() -> None:
    made = rig(
        found("Invoice", {"Id": "1"}, {"Id": "2"}),
        found("Invoice", {"Id": "2"}, {"Id": "3"}),
        found("Invoice", {"Id": "4"}),
    )
    records = await made.client.query_all("Invoice", page=2)
    assert [record["Id"] for record in records] == ["1", "2", "3", "4"]
    assert [request.content.decode().split("ORDERBY ")[1] for request in made.server.requests] == [
        "Id STARTPOSITION 1 MAXRESULTS 2",
        "Id STARTPOSITION 3 MAXRESULTS 2",
        "Id STARTPOSITION 5 MAXRESULTS 2",
    ]


async def test_preferences_and_company_info_have_their_own_addresses() -> None:
    made = rig(answer("Preferences", Id="1"), answer("CompanyInfo", Id="1"))
    await made.client.preferences()
    await made.client.company_info()
    paths = [request.url.path.removeprefix(f"/v3/company/{REALM}/") for request in made.server.requests]
    assert paths == ["preferences", f"companyinfo/{REALM}"]


async def test_a_hook_that_fails_does_not_lose_the_answer(caplog: pytest.LogCaptureFixture) -> None:
    def broken(attempt: Any) -> None:
        raise RuntimeError("secret")

    made = rig(answer("Invoice", Id="7"))
    made.client._courier._hooks = (broken,)
    assert (await write(made)).record["Id"] == "7"
    assert "secret" not in caplog.text
