"""The pages of tie-outs: the kept one, its rows, the documents of a row, and a new one as a run."""

import re
from datetime import date

import httpx2

from tests.unit.web.conftest import Connect
from tests.unit.web.fakes import FakeServices
from wescope.engine.examples_home import KEPT_ROW, KEPT_TIEOUT, TIEOUT_RUN

ROW = f"/tieout/rows/{KEPT_ROW.id}"
OCTOBER = date(2026, 10, 31)


async def token(client: httpx2.AsyncClient) -> str:
    found = re.search('name="csrf_token" value="([^"]+)"', (await client.get("/tieout")).text)
    assert found
    return found[1]


async def test_the_kept_tie_out_with_its_rows_and_filters(client: httpx2.AsyncClient, services: FakeServices) -> None:
    services.tieout_desk.tieout, services.tieout_desk.next = KEPT_TIEOUT, "100"
    html = (await client.get("/tieout?as_of=2026-10-31&kind=receivable&after=5")).text
    assert services.tieout_desk.asked == [(OCTOBER, "receivable", "5")]
    assert f'href="{ROW.replace(":", "%3A")}?as_of=2026-10-31"' in html
    assert 'href="/tieout?as_of=2026-10-31&amp;kind=receivable&amp;after=100" rel="next"' in html
    assert 'href="/api/v1/tieout/kept?as_of=2026-10-31&amp;kind=receivable&amp;after=5"' in html
    assert '<option value="receivable" selected>' in html
    assert "differs" in html


async def test_empty_fields_of_its_form_ask_nothing_and_wrong_ones_are_refused(
    client: httpx2.AsyncClient, services: FakeServices
) -> None:
    assert (await client.get("/tieout?as_of=&kind=")).status_code == 200
    assert services.tieout_desk.asked == [(None, None, None)]
    for query in ("as_of=yesterday", "kind=A%20B", "after=x"):
        answer = await client.get(f"/tieout?{query}")
        assert (answer.status_code, "request_invalid" in answer.text) == (422, True)


async def test_a_day_that_was_not_compared_says_so(client: httpx2.AsyncClient, services: FakeServices) -> None:
    services.tieout_desk.tieout = None
    html = (await client.get("/tieout?as_of=2026-10-31")).text
    assert "Nothing was compared as of" in html
    assert '<input type="hidden" name="as_of" value="2026-10-31">' in html


async def test_a_row_shows_what_differs_and_lists_all_only_when_asked(
    client: httpx2.AsyncClient, services: FakeServices
) -> None:
    html = (await client.get(ROW)).text
    assert "Documents that differ" in html
    assert "parked <small>(looks_like)</small>" in html
    assert "every=true" in html
    assert services.asked == []
    html = (await client.get("/tieout/rows/clearing:usd?every=true&as_of=2026-10-31")).text
    assert services.asked == [(("clearing:usd",), OCTOBER)]
    assert '<a class="id" href="/story/Payment/146">Payment/146</a>' in html
    assert "edited_in_qbo" in html
    assert 'href="/api/v1/tieout/rows/clearing:usd?as_of=2026-10-31"' in html
    answer = await client.get("/tieout/rows/clearing:eur")
    assert (answer.status_code, "row_not_found" in answer.text) == (404, True)


async def test_compare_now_starts_a_run_and_shows_it(client: httpx2.AsyncClient, services: FakeServices) -> None:
    csrf = await token(client)
    answer = await client.post("/tieout", data={"csrf_token": csrf, "as_of": "2026-10-31"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/tieout?as_of=2026-10-31")
    await client.post("/tieout", data={"csrf_token": csrf, "as_of": ""})
    assert services.tieout_desk.asked[1:] == [("compare", OCTOBER, "local"), ("compare", None, "local")]
    services.tieout_desk.run = TIEOUT_RUN
    html = (await client.get("/tieout?as_of=2026-10-31")).text
    assert 'hx-get="/tieout?as_of=2026-10-31" hx-trigger="every 2s"' in html
    assert "Compare now" not in html
    services.tieout_desk.busy = True
    answer = await client.post("/tieout", data={"csrf_token": csrf})
    assert (answer.status_code, "run_unfinished" in answer.text) == (409, True)


async def test_a_form_without_its_token_starts_nothing(client: httpx2.AsyncClient, services: FakeServices) -> None:
    assert (await client.post("/tieout", data={"as_of": ""})).status_code == 403
    assert services.tieout_desk.asked == []


async def test_only_this_machine_sees_it(connect: Connect) -> None:
    assert (await connect("10.0.0.9").get("/tieout")).status_code == 403


async def test_the_api_says_and_does_the_same(client: httpx2.AsyncClient, services: FakeServices) -> None:
    services.tieout_desk.tieout = KEPT_TIEOUT
    told = (await client.get("/api/v1/tieout/kept?as_of=2026-10-31")).json()
    assert told["tieout"]["parts"][0]["difference"] == "120.00"
    assert told["rows"][0]["id"] == KEPT_ROW.id
    told = (await client.get(f"/api/v1/tieout/kept/rows/{KEPT_ROW.id}")).json()
    assert told["lines"][0]["reason"] == "parked"
    assert (await client.get("/api/v1/tieout/kept/rows/clearing:eur")).status_code == 404
    told = (await client.post("/api/v1/tieout/runs", json={"as_of": "2026-10-31"})).json()
    assert (told["state"], told["as_of"]) == ("running", "2026-10-31")
    assert services.tieout_desk.asked[-1] == ("compare", OCTOBER, "local")


async def test_what_is_wrong_is_said_by_a_page(client: httpx2.AsyncClient) -> None:
    for path in ("/tieout?as_of=x", "/tieout/rows/clearing:eur", "/search", "/audit?after=x"):
        assert (await client.get(path)).headers["content-type"] == "text/html; charset=utf-8", path
