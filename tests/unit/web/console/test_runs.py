"""The pages of runs: the list, one run with its progress, and what steers and undoes it."""

import re
from dataclasses import replace

import httpx2
import pytest

from tests.unit.web.fakes import STATUS, FakeServices
from tests.unit.web.history_fakes import AT, PARKED, REPORT
from wescope.engine.run_book import DocumentFilter

WORKING = replace(
    REPORT,
    state="running",
    finished_at=None,
    place="Listing invoices of 2026-10-05 to 2026-10-11: step 5 of 31.",
    counts={"listed": 40, "hinted": 30, "step": 4, "steps": 31},
    left=12,
    failed=3,
    rate=900,
    seconds_left=75,
    heartbeat_at=AT,
    parked=(PARKED,),
)

BROWSER = {"accept": "text/html,*/*"}


async def token(client: httpx2.AsyncClient) -> str:
    """What the forms of this session carry; a page with a form that posts shows it."""
    found = re.search(r'name="csrf_token" value="([^"]+)"', (await client.get("/runs/sweep")).text)
    assert found is not None
    return found[1]


async def send(client: httpx2.AsyncClient, path: str, **fields: str) -> httpx2.Response:
    return await client.post(path, data={"csrf_token": await token(client), **fields}, headers=BROWSER)


async def test_runs_are_listed_with_what_leads_to_each(client: httpx2.AsyncClient) -> None:
    page = await client.get("/runs")
    assert page.status_code == 200
    assert '<a href="/runs/12">12</a>' in page.text
    assert '<span class="badge good">done</span>' in page.text
    assert '<a href="/runs/12#documents">38</a>' in page.text
    assert 'href="/api/v1/runs/page"' in page.text


async def test_filters_are_kept_in_every_link(client: httpx2.AsyncClient, services: FakeServices) -> None:
    page = (await client.get("/runs?kind=backfill&state=done")).text
    assert ("page", "backfill", "done", None) in services.history.asked
    assert '<option value="backfill" selected>' in page
    assert 'href="/runs?kind=backfill&amp;state=done&amp;after=12" rel="next"' in page
    assert 'href="/api/v1/runs/page?kind=backfill&amp;state=done"' in page
    older = (await client.get("/runs?kind=backfill&after=12")).text
    assert 'href="/runs?kind=backfill" rel="prev"' in older


async def test_a_filter_that_is_none_filters_nothing_and_an_empty_list_says_so(
    client: httpx2.AsyncClient, services: FakeServices
) -> None:
    assert "There is no such run." in (await client.get("/runs?kind=verify")).text
    await client.get("/runs?kind=nonsense&state=")
    assert services.history.asked[-1] == ("page", None, None, None)


async def test_the_list_has_its_twin(client: httpx2.AsyncClient) -> None:
    told = (await client.get("/api/v1/runs/page?kind=backfill")).json()
    assert (told["items"][0]["run_id"], told["next"]) == (12, "12")
    assert (await client.get("/api/v1/runs/page?kind=nonsense")).status_code == 422


async def test_a_run_that_goes_on_shows_its_progress_and_asks_for_more(
    client: httpx2.AsyncClient, services: FakeServices
) -> None:
    services.history.report = WORKING
    page = (await client.get("/runs/12")).text
    assert WORKING.place is not None
    assert WORKING.place in page
    assert '<progress max="31" value="4" aria-label="Progress of run 12">' in page
    assert 'hx-get="/runs/12" hx-trigger="every 2s" hx-select="#progress" hx-swap="morph:outerHTML"' in page
    assert "about 75 s" in page
    assert "<dt>Waiting</dt><dd>12</dd>" in page
    assert "<dt>Failed, tried again</dt><dd>3</dd>" in page
    assert '<a href="/parked?code=looks_like">looks_like</a>' in page
    assert "1,234.56 USD" in page
    assert 'action="/runs/12/pause"' in page
    assert 'action="/runs/12/resume"' not in page
    assert "Undo" not in page


async def test_a_run_that_is_over_asks_no_more_and_what_still_looked_on_loads_the_page_anew(
    client: httpx2.AsyncClient,
) -> None:
    page = await client.get("/runs/12")
    assert "hx-get" not in page.text
    assert "hx-refresh" not in page.headers
    assert 'action="/runs/12/cancel"' not in page.text
    assert '<a class="button" href="/runs/12/undo">' in page.text
    polled = await client.get("/runs/12", headers={"HX-Request": "true"})
    assert polled.headers["hx-refresh"] == "true"


async def test_its_documents_are_paged_and_lead_to_their_stories(
    client: httpx2.AsyncClient, services: FakeServices
) -> None:
    page = (await client.get("/runs/12?entity=Invoice&state=posted")).text
    assert '<a class="id" href="/story/in_1%3Ainvoice">in_1:invoice</a>' in page
    assert 'href="/runs/12?entity=Invoice&amp;state=posted&amp;after=in_1%3Ainvoice#documents" rel="next"' in page
    assert 'href="/api/v1/runs/12/documents?entity=Invoice&amp;state=posted"' in page
    assert DocumentFilter(entity="Invoice", state="posted") in services.history.asked
    told = (await client.get("/api/v1/runs/12/documents?entity=Invoice&limit=2")).json()
    assert (told["items"][0]["amount"], told["next"]) == ("1234.56", "in_1:invoice")
    assert (await client.get("/api/v1/runs/13/documents")).status_code == 404


async def test_who_had_what_done_is_told(client: httpx2.AsyncClient) -> None:
    page = (await client.get("/runs/12")).text
    assert "<td>pause</td><td>local</td>" in page
    assert 'href="/audit?target=run%2F12"' in page
    assert (await client.get("/api/v1/runs/12/audit")).json()[0]["action"] == "pause"


async def test_a_run_that_is_not_there_is_a_page(client: httpx2.AsyncClient) -> None:
    page = await client.get("/runs/13", headers=BROWSER)
    assert (page.status_code, page.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert "run_not_found" in page.text


@pytest.mark.parametrize("order", ["pause", "cancel"])
async def test_a_run_is_steered(client: httpx2.AsyncClient, services: FakeServices, order: str) -> None:
    taken = await send(client, f"/runs/12/{order}")
    assert (taken.status_code, taken.headers["location"]) == (303, "/runs/12")
    assert (order, 12) in services.history.asked


async def test_what_cannot_be_steered_any_more_says_so(client: httpx2.AsyncClient) -> None:
    page = await send(client, "/runs/12/resume")
    assert page.status_code == 409
    assert "run_is_over" in page.text


async def test_a_form_without_its_token_does_nothing(client: httpx2.AsyncClient, services: FakeServices) -> None:
    refused = await client.post("/runs/12/cancel", data={"csrf_token": "made up"})
    assert refused.status_code == 403
    assert ("cancel", 12) not in services.history.asked


async def test_an_undo_is_looked_at_before_it_begins(client: httpx2.AsyncClient, services: FakeServices) -> None:
    page = (await client.get("/runs/12/undo")).text
    assert "38" not in page or "20 Invoice" in page
    assert not any(isinstance(one, tuple) and one[0] == "look" for one in services.history.asked)
    plan = await send(client, "/runs/12/undo", action="preview")
    assert plan.status_code == 200
    assert "1,034 more were not looked at" in plan.text
    assert "Somebody has edited it in QBO since." in plan.text
    assert '<a class="id" href="/story/in_1%3Ainvoice">' in plan.text
    assert not any(isinstance(one, tuple) and one[0] == "undo" for one in services.history.asked)
    begun = await send(client, "/runs/12/undo", action="start")
    assert (begun.status_code, begun.headers["location"]) == (303, "/runs/12")
    assert ("undo", 12, "local") in services.history.asked


async def test_an_undo_page_of_a_run_that_goes_on_offers_nothing(
    client: httpx2.AsyncClient, services: FakeServices
) -> None:
    services.history.report = WORKING
    page = (await client.get("/runs/12/undo")).text
    assert "pause or cancel it" in page
    assert 'value="start"' not in page


async def test_an_undo_that_is_over_says_what_stays_and_why(client: httpx2.AsyncClient, services: FakeServices) -> None:
    services.history.report = replace(
        REPORT,
        kind="undo",
        options={"undone_run": "7", "actor": "local"},
        counts={"undone": 20, "kept": 1, "step": 21, "steps": 21},
        result={"undone": "20", "kept.edited": "1"},
        posted={},
    )
    page = (await client.get("/runs/12")).text
    assert '<a href="/runs/7">run 7</a>' in page
    assert "Somebody has edited it in QBO since. <small>(edited)</small>" in page
    assert "Documents that it posted" not in page


async def test_a_forecast_shows_what_a_backfill_would_do(client: httpx2.AsyncClient, services: FakeServices) -> None:
    services.history.report = replace(REPORT, kind="forecast", posted={})
    page = (await client.get("/runs/12")).text
    assert "20 writes" in page
    assert "<td>2026-10</td><td>Invoice</td><td>create</td>" in page
    assert (await client.get("/api/v1/runs/12/forecast")).json()["forecast"]["writes"] == 20
    services.history.report = replace(WORKING, kind="forecast", posted={})
    assert "It is not made yet." in (await client.get("/runs/12")).text
    assert (await client.get("/api/v1/runs/12/forecast")).json() == {"forecast": None}


@pytest.mark.parametrize("path", ["/runs", "/runs/12", "/runs/12/undo", "/runs/backfill", "/runs/sweep"])
async def test_a_dry_run_of_the_whole_is_told_on_every_page(
    client: httpx2.AsyncClient, services: FakeServices, path: str
) -> None:
    assert "Dry run" not in (await client.get(path)).text
    services.state = replace(STATUS, dry_run=True)
    page = (await client.get(path)).text
    assert "nothing is written to QuickBooks Online" in page
    assert 'value="start" class="danger"' not in page


@pytest.mark.parametrize(
    "path",
    ["/runs", "/runs/12", "/runs/12/undo", "/runs/backfill", "/runs/replay", "/runs/sweep", "/runs/verify"],
)
async def test_nothing_on_a_page_can_run_and_every_field_has_a_label(client: httpx2.AsyncClient, path: str) -> None:
    page = (await client.get(path)).text
    assert not re.search(r" (style|on[a-z]+)=", page)
    assert len(re.findall("<h1", page)) == 1
    named = set(re.findall(r'<label[^>]* for="([^"]+)"', page))
    fields = re.findall(r"<(?:input|select|textarea)(?![^>]*type=\"(?:hidden|search)\")[^>]*>", page)
    assert all(re.search(r'id="([^"]+)"', field)[1] in named for field in fields)  # type: ignore[index]
    assert all("<caption>" in table for table in re.findall(r"<table>.*?</table>", page, re.DOTALL))
