"""The pages of the month's end, and the same as JSON: what they say in each state, and what their forms do."""

import re
from dataclasses import replace
from datetime import UTC, datetime

import httpx2
import pytest

from tests.unit.web.conftest import Connect
from tests.unit.web.fakes import FakeServices
from wescope.engine.month_examples import MONTH_LIST, MONTH_VIEW, SIGNOFF
from wescope.engine.month_results import (
    ComparisonRun,
    MonthNotBegun,
    MonthNotOver,
    MonthSigned,
    MonthState,
    MonthView,
    ReasonMissing,
)
from wescope.errors import DatabaseUnavailable

BROWSER = {"accept": "text/html,*/*"}
AT = datetime(2026, 11, 22, 12, 30, tzinfo=UTC)
UNSIGNED = replace(MONTH_VIEW, state=MonthState.EQUAL, signoff=None, changes=(), written=(), signoffs=())


def working(state: str = "running", code: str | None = None) -> ComparisonRun:
    return ComparisonRun(run_id=55, state=state, started_at=AT, code=code, remedy="Wait." if code else None)


async def page(client: httpx2.AsyncClient, services: FakeServices, view: MonthView) -> str:
    services.months.shown = view
    answer = await client.get("/close/2026-10")
    assert answer.status_code == 200
    return answer.text


async def send(client: httpx2.AsyncClient, what: str, **fields: str) -> httpx2.Response:
    html = (await client.get("/close/2026-10")).text
    (token,) = set(re.findall(r'name="csrf_token" value="([^"]+)"', html))
    return await client.post(f"/close/2026-10/{what}", data={"csrf_token": token, **fields}, headers=BROWSER)


async def test_months_are_listed_with_words_for_their_state_and_their_open_things(
    client: httpx2.AsyncClient, services: FakeServices
) -> None:
    html = (await client.get("/close?before=2026-11")).text
    assert services.months.asked == [("page", "2026-11")]
    assert '<a href="/close/2026-10">2026-10</a>' in html
    assert "signed off, changed since" in html
    assert '<a href="/close/2026-10#parked">1</a>' in html
    assert '<a href="/close?before=2026-10" rel="next">' in html
    assert 'href="/api/v1/months?before=2026-11"' in html
    assert (await client.get("/api/v1/months")).json()["items"][0]["month"] == "2026-10"
    services.months.listed = replace(MONTH_LIST, items=(), next=None)
    assert "There is no month before this one." in (await client.get("/close")).text


async def test_a_month_says_what_it_is_made_of(client: httpx2.AsyncClient, services: FakeServices) -> None:
    html = await page(client, services, MONTH_VIEW)
    assert "Signed off, changed since." in html
    assert "21,600.00 USD" in html
    assert 'href="/story/in_1SGg7RLkdIwHu7ixT0bZs4Ve%3Ainvoice"' in html
    assert "looks_like" in html
    assert "the month is open in QBO" in html
    assert SIGNOFF.evidence_sha256 in html
    assert "Withdraw the sign-off" in html
    assert 'href="/close/2026-10/evidence.zip"' in html
    assert 'href="/runs/41"' in html
    assert not re.search(r" (style|on[a-z]+)=", html)
    told = (await client.get("/api/v1/months/2026-10")).json()
    assert told["comparison"]["sums"][2]["stripe"] == "21600.00"
    assert told["changes"][0]["code"] == "documents_written"


async def test_it_can_be_signed_off_without_a_reason_only_if_it_is_equal(
    client: httpx2.AsyncClient, services: FakeServices
) -> None:
    assert UNSIGNED.comparison is not None
    equal = replace(UNSIGNED, comparison=replace(UNSIGNED.comparison, written_since=0))
    html = await page(client, services, equal)
    assert "Sign 2026-10 off" in html
    assert " required>" not in html.split('name="reason"')[1].split("</label>")[0]
    differs = replace(UNSIGNED, state=MonthState.DIFFERS, comparison=replace(UNSIGNED.comparison, difference="0.10"))
    html = await page(client, services, differs)
    assert "differ from Stripe by 0.10" in html
    assert " required>" in html.split('name="reason"')[1]
    html = await page(client, services, replace(UNSIGNED, state=MonthState.NOT_COMPARED, comparison=None))
    assert "Compare now" in html
    assert 'name="reason"' not in html
    html = await page(client, services, replace(UNSIGNED, state=MonthState.RUNNING, is_over=False, comparison=None))
    assert "is not over" in html
    assert "Compare now" not in html


async def test_a_comparison_is_waited_for_and_a_failed_one_says_why(
    client: httpx2.AsyncClient, services: FakeServices
) -> None:
    html = await page(client, services, replace(UNSIGNED, comparison=None, comparing=working()))
    assert 'hx-trigger="every 2s"' in html
    assert "Compare now" not in html
    html = await page(client, services, replace(UNSIGNED, comparison=None, comparing=working("failed", "qbo_down")))
    assert "<strong>qbo_down</strong>. Wait." in html
    assert "Compare again" in html
    assert "hx-trigger" not in html
    polled = await client.get("/close/2026-10", headers={"hx-request": "true"})
    assert polled.headers["hx-refresh"] == "true"


async def test_forms_do_what_they_say_and_lead_back(client: httpx2.AsyncClient, services: FakeServices) -> None:
    services.months.shown = UNSIGNED
    compared = await send(client, "comparison")
    assert (compared.status_code, compared.headers["location"]) == (303, "/close/2026-10#comparison")
    assert (await send(client, "signoff", reason="known")).headers["location"] == "/close/2026-10#signoff"
    assert (await send(client, "signoff")).status_code == 303
    assert (await send(client, "withdraw")).status_code == 303
    assert [one for one in services.months.asked if one[0] != "view"] == [  # type: ignore[index]
        ("compare", "2026-10", "local"),
        ("sign", "2026-10", "known", "local"),
        ("sign", "2026-10", None, "local"),
        ("withdraw", "2026-10", "local"),
    ]
    assert (await client.post("/close/2026-10/signoff", data={"reason": "x"})).status_code == 403
    services.months.signed = ReasonMissing(month="2026-10")
    refused = await send(client, "signoff")
    assert (refused.status_code, refused.headers["content-type"]) == (422, "text/html; charset=utf-8")
    assert "signoff_reason_missing" in refused.text


async def test_the_api_decides_likewise(client: httpx2.AsyncClient, services: FakeServices) -> None:
    base = "/api/v1/months/2026-10"
    assert (await client.post(f"{base}/comparison")).json()["run_id"] == 12
    assert (await client.post(f"{base}/signoff", json={"reason": "known"})).json()["difference"] == "0.00"
    assert (await client.post(f"{base}/signoff/withdraw")).json()["id"] == 3
    assert services.months.asked == [
        ("compare", "2026-10", "local"),
        ("sign", "2026-10", "known", "local"),
        ("withdraw", "2026-10", "local"),
    ]
    services.months.signed = MonthSigned(month="2026-10")
    assert (await client.post(f"{base}/signoff", json={})).status_code == 409


@pytest.mark.parametrize("path", ["/close/2026-10/evidence.zip", "/api/v1/months/2026-10/evidence"])
async def test_the_evidence_is_a_download(client: httpx2.AsyncClient, services: FakeServices, path: str) -> None:
    found = await client.get(path)
    assert (found.content, found.headers["content-type"]) == (b"PKrest", "application/zip")
    assert found.headers["content-disposition"] == 'attachment; filename="wescope-2026-10.zip"'
    services.months.shown = DatabaseUnavailable()
    assert (await client.get(path)).status_code == 503


@pytest.mark.parametrize(
    ("error", "status"), [(MonthNotBegun(month="2027-01"), 404), (MonthNotOver(), 409), (DatabaseUnavailable(), 503)]
)
async def test_errors_are_pages_and_answers(
    client: httpx2.AsyncClient, services: FakeServices, error: Exception, status: int
) -> None:
    services.months.shown = error
    html = await client.get("/close/2026-10", headers=BROWSER)
    assert (html.status_code, html.headers["content-type"]) == (status, "text/html; charset=utf-8")
    assert (await client.get("/api/v1/months/2026-10")).status_code == status


@pytest.mark.parametrize("path", ["/close/2026-13", "/close/october", "/close?before=1"])
async def test_what_is_no_month_is_refused(client: httpx2.AsyncClient, path: str) -> None:
    answer = await client.get(path, headers=BROWSER)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "text/html; charset=utf-8")


async def test_only_this_machine_may_ask(connect: Connect) -> None:
    client = connect(address="203.0.113.7")
    for path in ("/close", "/close/2026-10", "/close/2026-10/evidence.zip", "/api/v1/months"):
        assert (await client.get(path)).status_code == 403
