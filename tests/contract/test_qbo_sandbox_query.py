"""The sandbox's query language takes and refuses what facts/qbo.md 5.1 says."""

from collections.abc import AsyncIterator

import pytest

from wescope.sandbox.qbo import QboSandbox
from wescope.sandbox.qbo.tester import SandboxClient, invoice


@pytest.fixture
async def qbo() -> AsyncIterator[SandboxClient]:
    async with QboSandbox(knobs={"enforce_limits": False}).serve() as running, SandboxClient(running) as one:
        for number in range(1, 6):
            fields = {"DocNumber": f"D{number}", "TxnDate": f"2026-0{number}-15"}
            await one.make("Invoice", invoice("1" if number < 4 else "2", f"{number}0.00", **fields))
        yield one


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("SELECT * FROM Invoice", "5 4 3 2 1"),
        ("select * from Invoice orderby Id", "1 2 3 4 5"),
        ("SELECT * FROM Invoice WHERE DocNumber = 'D2'", "2"),
        ("SELECT * FROM Invoice WHERE DocNumber IN ('D2', 'D4') ORDERBY DocNumber DESC", "4 2"),
        ("SELECT * FROM Invoice WHERE DocNumber LIKE '%4'", "4"),
        ("SELECT * FROM Invoice WHERE CustomerRef = '2' AND TotalAmt > '40.00'", "5"),
        ("SELECT * FROM Invoice WHERE TxnDate >= '2026-02-01' AND TxnDate < '2026-04-01' ORDERBY TxnDate", "2 3"),
        ("SELECT * FROM Invoice WHERE Id IN ('1', '3') ORDERBY Id", "1 3"),
        ("SELECT * FROM Invoice WHERE MetaData.CreateTime > '2026-01-01T00:00:00-08:00' ORDERBY Id", "1 2 3 4 5"),
        ("SELECT * FROM Invoice WHERE MetaData.CreateTime < '2020-01-01'", ""),
        ("SELECT * FROM Invoice ORDERBY Id STARTPOSITION 2 MAXRESULTS 2", "2 3"),
        ("SELECT * FROM Invoice ORDERBY Id MAXRESULTS 2 STARTPOSITION 5", "5"),
    ],
)
async def test_answers(qbo: SandboxClient, text: str, numbers: str) -> None:
    status, answer = await qbo.query(text)
    assert status == 200, answer
    found = answer["QueryResponse"].get("Invoice", [])
    assert [one["DocNumber"] for one in found] == [f"D{number}" for number in numbers.split()]
    if found:
        assert answer["QueryResponse"]["maxResults"] == len(found)
    else:
        assert answer["QueryResponse"] == {}


@pytest.mark.parametrize(
    ("text", "code", "detail"),
    [
        ("SELECT * FROM Custmoer", "4001", "QueryValidationError: invalid context declaration: Custmoer"),
        (
            "SELECT * FROM Invoice STARTPOSITION 0",
            "4001",
            "QueryValidationError: value 0 is too small. Min allowed value is 1",
        ),
        ("SELECT * FROM Invoice MAXRESULTS 1001", "4001", "too large"),
        (
            "SELECT * FROM Invoice WHERE PrivateNote = 'x'",
            "4001",
            "QueryValidationError: property 'PrivateNote' is not queryable",
        ),
        ("SELECT * FROM Customer WHERE Taxable = true", "4001", "property 'Taxable' is not queryable"),
        (
            "SELECT BillAddr FROM Customer",
            "4001",
            "QueryValidationError: Property BillAddr not found for Entity Customer",
        ),
        ("SELECT * FROM Invoice WHERE Nonsense = 'x'", "4001", "Property Nonsense not found for Entity Invoice"),
        ("SELECT * FROM Invoice WHERE Id > '3'", "4001", "Id"),
        ("SELECT * FROM Invoice WHERE TotalAmt > 'x'", "4001", "TotalAmt"),
        ("SELECT * FROM Invoice WHERE DocNumber = D1", "4000", "QueryParserError"),
        ('SELECT * FROM Invoice WHERE DocNumber = "D1"', "4000", "QueryParserError"),
        ("SELECT * FROM Invoice WHERE DocNumber = 'D1' OR DocNumber = 'D2'", "4000", "QueryParserError"),
        ("SELECT * FROM Invoice WHERE NOT DocNumber = 'D1'", "4000", "QueryParserError"),
        ("SELECT * FROM Invoice ORDER BY Id", "4000", "QueryParserError"),
        ("SELECT * FROM Invoice WHERE DocNumber = 'it's'", "4000", "QueryParserError"),
        ("SELECT FROM Invoice", "4000", "QueryParserError"),
        ("DELETE Invoice", "4000", "QueryParserError"),
        ("SELECT * FROM Payment WHERE DocNumber = 'x'", "4001", "DocNumber"),
    ],
)
async def test_refusals(qbo: SandboxClient, text: str, code: str, detail: str) -> None:
    status, answer = await qbo.query(text)
    assert (status, answer["Fault"]["Error"][0]["code"]) == (400, code)
    assert detail in answer["Fault"]["Error"][0]["Detail"]


async def test_count_projection_and_post(qbo: SandboxClient) -> None:
    assert (await qbo.query("SELECT COUNT(*) FROM Invoice"))[1]["QueryResponse"] == {"totalCount": 5}
    _, answer = await qbo.query("SELECT Id, SyncToken FROM Invoice WHERE DocNumber = 'D1'")
    assert answer["QueryResponse"]["Invoice"] == [{"Id": "1", "SyncToken": "0", "domain": "QBO", "sparse": True}]
    text = b"SELECT * FROM Invoice WHERE DocNumber = 'D1'"
    response = await qbo.raw_post("query", text, content_type="application/text")
    assert response.json()["QueryResponse"]["maxResults"] == 1
    response = await qbo.raw_post("query", text, content_type="application/json")
    assert response.json()["Fault"]["Error"][0]["code"] == "1050"


async def test_a_page_has_a_hundred_unless_asked(qbo: SandboxClient) -> None:
    for number in range(101):
        qbo.running.company.human("Customer", "create", {"DisplayName": f"Many {number:03d}"})
    _, answer = await qbo.query("SELECT * FROM Customer")
    assert answer["QueryResponse"]["maxResults"] == 100
    _, answer = await qbo.query("SELECT * FROM Customer MAXRESULTS 1000")
    assert answer["QueryResponse"]["maxResults"] == 106


async def test_names_are_found_as_written_and_inactive_ones_when_asked_for(qbo: SandboxClient) -> None:
    assert (await qbo.query("SELECT * FROM Customer WHERE DisplayName = 'cool cars'"))[1]["QueryResponse"] == {}
    await qbo.make("Customer", {"Id": "4", "SyncToken": "0", "sparse": True, "Active": False})
    text = "SELECT COUNT(*) FROM Customer"
    assert (await qbo.query(text))[1]["QueryResponse"] == {"totalCount": 4}
    assert (await qbo.query(f"{text} WHERE Active IN (true, false)"))[1]["QueryResponse"] == {"totalCount": 5}
    assert (await qbo.query(f"{text} WHERE Active = false"))[1]["QueryResponse"] == {"totalCount": 1}


async def test_queries_may_lag_while_reads_do_not(qbo: SandboxClient) -> None:
    await qbo.control("knobs", {"query_lag_ms": 60_000})
    made = await qbo.make("Invoice", invoice(DocNumber="NEW"))
    assert (await qbo.query("SELECT * FROM Invoice WHERE DocNumber = 'NEW'"))[1]["QueryResponse"] == {}
    assert (await qbo.get(f"invoice/{made['Id']}"))[0] == 200


async def test_company_and_preferences_can_be_queried(qbo: SandboxClient) -> None:
    _, answer = await qbo.query("SELECT * FROM CompanyInfo")
    assert answer["QueryResponse"]["CompanyInfo"][0]["Country"] == "US"
    _, answer = await qbo.get("preferences")
    assert answer["Preferences"]["CurrencyPrefs"] == {"MultiCurrencyEnabled": False, "HomeCurrency": {"value": "USD"}}


async def test_codes_that_are_their_own_ids_come_after_the_numbers(qbo: SandboxClient) -> None:
    status, answer = await qbo.query("SELECT * FROM TaxCode ORDERBY Id")
    assert status == 200, answer
    ids = [one["Id"] for one in answer["QueryResponse"]["TaxCode"]]
    assert ids[-2:] == ["NON", "TAX"]
    assert ids[:-2] == sorted(ids[:-2], key=int)
