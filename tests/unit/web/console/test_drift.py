"""The pages about changes by people in QBO: both values of each field, a preview before a repair, and the forms."""

import re

import httpx2
import pytest

from tests.unit.web.fakes import FakeServices
from wescope.engine.drift_pages import FieldDifference, differences_of
from wescope.engine.verify import VerifyMode
from wescope.links.drift_pages import DriftChoice


async def sent(client: httpx2.AsyncClient, address: str, **fields: str) -> httpx2.Response:
    found = re.search(r'name="csrf_token" value="([^"]+)"', (await client.get("/drift")).text)
    assert found
    return await client.post(address, data={"csrf_token": found[1], **fields})


async def test_the_list_has_both_values_side_by_side(client: httpx2.AsyncClient) -> None:
    html = (await client.get("/drift")).text
    assert '<td>TotalAmt</td><td class="value">123.45</td><td class="value">100.00</td>' in html
    assert '<td>PrivateNote</td><td class="value">not kept</td><td class="value">not kept</td>' in html
    assert "<code>wescope drift accept ID</code>" in html
    assert 'href="/runs/12"' in html
    assert 'href="/story/Invoice/145"' in html
    assert 'name="ids" value="7"' in html
    assert "(full), done" in html
    assert html.count("<h1>") == 1
    assert not re.search(r" (style|on[a-z]+)=", html)


async def test_filters_stand_in_all_addresses(client: httpx2.AsyncClient, services: FakeServices) -> None:
    services.drift_pages.following = "bmV4dA"
    html = (await client.get("/drift?kind=edited&state=open&entity=Invoice&after=YWJj")).text
    chosen = DriftChoice(kinds=("edited",), states=("open",), entities=("Invoice",))
    assert services.drift_pages.asked == [(chosen, "YWJj")]
    assert 'href="/drift?kind=edited&amp;state=open&amp;entity=Invoice&amp;after=bmV4dA" rel="next"' in html
    assert "/api/v1/drift/page?kind=edited&amp;state=open&amp;entity=Invoice&amp;after=YWJj" in html
    assert 'href="/drift/repair?kind=edited&amp;entity=Invoice"' in html
    assert (await client.get("/drift?kind=&state=&entity=")).status_code == 200
    assert services.drift_pages.asked[-1] == (DriftChoice(states=("open",)), None)
    assert (await client.get("/drift?kind=nothing")).status_code == 422


async def test_nothing_was_compared_and_nothing_found(client: httpx2.AsyncClient, services: FakeServices) -> None:
    services.drift_pages.found, services.drift_pages.verified = (), None
    html = (await client.get("/drift")).text
    assert "never compared" in html
    assert "Nothing is open." in html
    assert "No finding fits this filter." in html
    assert "Nothing that is open fits" in (await client.get("/drift/repair")).text


async def test_repaired_findings_can_be_taken_back(client: httpx2.AsyncClient, services: FakeServices) -> None:
    assert "/drift/revert" not in (await client.get("/drift")).text
    assert "None of these can be taken back." in (await client.get("/drift?state=repaired")).text
    answer = await sent(client, "/drift/revert", ids="7")
    assert (answer.status_code, services.drift.asked[-1]) == (303, "local")


async def test_the_preview_says_what_would_be_written(client: httpx2.AsyncClient, services: FakeServices) -> None:
    html = (await client.get("/drift/repair?ids=7&ids=8")).text
    assert services.drift_pages.asked == [DriftChoice(ids=(7, 8), states=("open",))]
    assert "TotalAmt: <del>100.00</del> <ins>123.45</ins>" in html
    assert "Only a person in QBO can put this right." in html
    assert 'action="/drift/repair"' in html
    assert re.findall(r'name="ids" value="([^"]*)"', html) == ["7", "7 8"]
    assert "All that is sent" not in html
    assert 'href="/drift/repair?ids=7&amp;ids=8&amp;exact=true"' in html
    assert "<li>Line1.Amount: 123.45</li>" in (await client.get("/drift/repair?ids=7&exact=true")).text
    assert (await client.get("/drift/repair?ids=9")).status_code == 404
    assert (await client.get("/drift/repair?ids=x")).status_code == 422


async def test_forms_do_what_they_say(client: httpx2.AsyncClient, services: FakeServices) -> None:
    answer = await sent(client, "/drift/verify", mode="full", stripe="true")
    assert (answer.headers["location"], services.drift.asked[-1]) == ("/runs/12", VerifyMode.FULL)
    answer = await sent(client, "/drift/repair", ids="7 8")
    assert answer.headers["location"] == "/runs/12"
    assert "local" in services.drift.asked
    assert (await sent(client, "/drift/repair", ids="8")).status_code == 422
    assert (await sent(client, "/drift/accept", ids="7 8")).headers["location"] == "/drift?state=accepted"
    assert (await sent(client, "/drift/accept", ids="9")).status_code == 404
    assert (await sent(client, "/drift/accept", ids="seven")).status_code == 422


@pytest.mark.parametrize(
    ("code", "difference"),
    [
        ("TotalAmt:50.00/40.00", FieldDifference(name="TotalAmt", stripe="50.00", qbo="40.00")),
        ("DocNumber:AB/1/7", FieldDifference(name="DocNumber", stripe="AB/1", qbo="7")),
        ("DocNumber:AB-1/", FieldDifference(name="DocNumber", stripe="AB-1", qbo=None)),
        ("Line", FieldDifference(name="Line", stripe=None, qbo=None)),
    ],
)
def test_fields_are_read_one_by_one(code: str, difference: FieldDifference) -> None:
    assert differences_of(f"{code} content") == (difference, FieldDifference(name="content", stripe=None, qbo=None))
    assert differences_of("") == ()
