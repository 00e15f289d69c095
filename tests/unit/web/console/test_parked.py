"""The pages about parked items: filters in addresses, one item with its forms, and bulk actions with their plan."""

import re
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import httpx2
import pytest

from tests.unit.web.fakes import FakeServices
from tests.unit.web.parked_fakes import AT, DETAIL, DIGEST, MINE, OUTCOME, ROW
from wescope.books.parking import REASONS, ParkCode
from wescope.engine.bulk import BulkAction, BulkChoice
from wescope.engine.parked_desk import ParkedQuery
from wescope.web.access.actor import Actor, Role
from wescope.web.access.guard import LocalAccess
from wescope.web.console.remedies import here
from wescope.web.console.rendering import prose


async def token(client: httpx2.AsyncClient) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', (await client.get("/parked/ch_1:payment")).text)
    assert found
    return found[1]


async def sent(client: httpx2.AsyncClient, address: str, **fields: str) -> httpx2.Response:
    return await client.post(address, data={"csrf_token": await token(client), **fields})


@pytest.fixture
def only_viewers(monkeypatch: pytest.MonkeyPatch) -> None:
    async def viewer(*_: object) -> Actor:
        return Actor(name="user:0", role=Role.VIEWER)

    monkeypatch.setattr(LocalAccess, "actor", viewer)


async def test_the_list_tells_sums_items_and_what_they_wait_for(client: httpx2.AsyncClient) -> None:
    html = (await client.get("/parked")).text
    assert "1,234.56 USD" in html
    assert "5.00 USD" in html
    assert 'href="/parked/in_1%3Ainvoice"' in html
    assert 'href="/story/in_2%3Ainvoice"' in html
    assert 'href="/story/in_3%3Ainvoice"' in html
    assert 'href="/parked?code=waiting"' in html
    assert "<b>the document</b>" not in html
    assert html.count("<h1>") == 1
    assert not re.search(r" (style|on[a-z]+)=", html)


async def test_every_filter_stands_in_all_addresses_of_the_page(
    client: httpx2.AsyncClient, services: FakeServices
) -> None:
    query = {
        "code": "waiting",
        "owner": "us",
        "currency": "usd",
        "min_amount": "12.50",
        "older_than_s": "7200",
        "ignored": "any",
        "contains": "in_",
        "after": "YWJj",
    }
    html = (await client.get("/parked", params=query)).text
    asked, after = services.parked_desk.pages[-1]
    assert after == "YWJj"
    assert (asked.codes, asked.owners, asked.currency, asked.contains) == (("waiting",), ("us",), "usd", "in_")
    assert (asked.min_amount, asked.ignored) == (Decimal("12.50"), None)
    assert asked.older_than == timedelta(hours=2)
    kept = "code=waiting&amp;owner=us&amp;currency=usd&amp;min_amount=12.50&amp;older_than_s=7200&amp;ignored=any"
    assert f'href="/parked?{kept}&amp;contains=in_&amp;after=bmV4dA" rel="next"' in html
    assert f'href="/parked?{kept}&amp;contains=in_">First page' in html
    assert f"/api/v1/parked/page?{kept}&amp;contains=in_&amp;after=YWJj" in html
    assert f'href="/parked/bulk?{kept}&amp;contains=in_&amp;action=retry"' in html
    assert '<option value="7200" selected>7200 s</option>' in html


async def test_empty_fields_of_the_form_ask_nothing(client: httpx2.AsyncClient, services: FakeServices) -> None:
    empty = dict.fromkeys(("code", "owner", "currency", "min_amount", "older_than_s", "contains", "after"), "")
    assert (await client.get("/parked", params=empty)).status_code == 200
    assert services.parked_desk.pages == [(ParkedQuery(), None)]


@pytest.mark.parametrize("query", [{"code": "nothing"}, {"min_amount": "x"}, {"currency": "USD "}, {"after": "a b"}])
async def test_what_does_not_fit_is_a_page_that_says_so(client: httpx2.AsyncClient, query: dict[str, str]) -> None:
    answer = await client.get("/parked", params=query, headers={"accept": "text/html"})
    assert (answer.status_code, answer.headers["content-type"]) == (422, "text/html; charset=utf-8")
    assert "request_invalid" in answer.text


async def test_nothing_is_parked(client: httpx2.AsyncClient, services: FakeServices) -> None:
    services.parked_desk.rows = ()
    assert "Nothing is parked." in (await client.get("/parked")).text
    assert "fits this filter" in (await client.get("/parked?code=waiting")).text


async def test_one_item_tells_all_and_has_its_forms(client: httpx2.AsyncClient) -> None:
    html = (await client.get("/parked/ch_1:payment")).text
    assert "The button Retry here looks again" in html
    for action in ("retry", "ignore"):
        assert f'action="/parked/ch_1%3Apayment/{action}"' in html
    assert 'action="/drift/accept"' in html
    assert 'href="/drift/repair?ids=7"' in html
    assert 'href="/parked/po_1%3Adeposit"' in html
    assert 'href="/runs/9"' in html
    assert "it is still parked" in html
    assert "hx-get" not in html
    assert (await client.get("/parked/in_9:invoice")).status_code == 404


async def test_what_is_looked_at_just_now_is_followed(client: httpx2.AsyncClient, services: FakeServices) -> None:
    services.parked_desk.detail = replace(DETAIL, waits=True)
    html = (await client.get("/parked/ch_1:payment")).text
    assert 'hx-get="/parked/ch_1:payment" hx-trigger="every 2s" hx-select="#progress"' in html
    services.parked_desk.detail = replace(DETAIL, waits=True, retry_at=AT, failures=2)
    assert "did not succeed" in (await client.get("/parked/ch_1:payment")).text


async def test_what_is_parked_no_longer_says_where_it_stands(
    client: httpx2.AsyncClient, services: FakeServices
) -> None:
    services.parked_desk.detail = replace(DETAIL, item=None, drift=())
    html = (await client.get("/parked/ch_1:payment")).text
    assert "It is parked no longer" in html
    assert 'href="/story/Payment/146"' in html
    assert "What you can do" not in html


async def test_ignored_and_undone_items_have_their_own_buttons(
    client: httpx2.AsyncClient, services: FakeServices
) -> None:
    undone = replace(MINE, code="undone", ignored_at=AT, ignored_reason="not wanted")
    services.parked_desk.detail = replace(DETAIL, item=undone)
    html = (await client.get("/parked/ch_1:payment")).text
    assert "not wanted" in html
    assert 'action="/parked/ch_1%3Apayment/unignore"' in html
    assert 'action="/parked/ch_1%3Apayment/replay"' in html
    assert 'action="/parked/ch_1%3Apayment/ignore"' not in html


async def test_forms_do_what_they_say_as_who_asks(client: httpx2.AsyncClient, services: FakeServices) -> None:
    services.rows = (ROW,)
    for action, asked in (
        ("retry", ("hint", ("in_1:invoice",), "local")),
        ("ignore", ("ignore", ("in_1:invoice",), "known", "local")),
        ("unignore", ("unignore", ("in_1:invoice",), "local")),
    ):
        answer = await sent(client, f"/parked/in_1:invoice/{action}", reason="known")
        assert (answer.status_code, answer.headers["location"]) == (303, "/parked/in_1%3Ainvoice")
        assert services.asked[-1] == asked
    answer = await sent(client, "/parked/in_1:invoice/replay")
    assert (answer.status_code, answer.headers["location"]) == (303, "/runs/12")
    services.rows = ()
    for action in ("ignore", "replay"):
        assert (await sent(client, f"/parked/in_9:invoice/{action}", reason="known")).status_code == 404


async def test_forms_need_their_token_and_an_operator(
    client: httpx2.AsyncClient, services: FakeServices, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    assert (await client.post("/parked/in_1:invoice/retry", data={"csrf_token": "x"})).status_code == 403
    given = await token(client)
    request.getfixturevalue("only_viewers")
    for address in ("/parked/in_1:invoice/retry", "/parked/bulk", "/parked/bulk/14/cancel"):
        assert (await client.post(address, data={"csrf_token": given})).status_code == 403
    assert services.asked == []


@pytest.mark.usefixtures("only_viewers")
@pytest.mark.parametrize(
    "address", ["/parked", "/parked/ch_1:payment", "/parked/bulk?action=ignore", "/parked/bulk/14"]
)
async def test_viewers_read_and_see_no_button(client: httpx2.AsyncClient, address: str) -> None:
    answer = await client.get(address)
    assert answer.status_code == 200
    assert 'method="post"' not in answer.text


# --- many at once -------------------------------------------------------------------------------------------------


async def test_the_plan_says_what_would_be_done(client: httpx2.AsyncClient, services: FakeServices) -> None:
    html = (await client.get("/parked/bulk?action=retry&code=waiting&min_amount=5")).text
    assert "Retry: 2" in html
    assert "<h1>Retry: the plan</h1>" in html
    assert f'value="{DIGEST}"' in html
    assert 'action="/parked/bulk?action=retry&amp;code=waiting&amp;min_amount=5"' in html
    assert "reason" not in re.findall(r'name="(\w+)"', html)
    html = (await client.get("/parked/bulk?action=ignore")).text
    assert "reason" in re.findall(r'name="(\w+)"', html)
    services.parked_desk.rows = ()
    assert "The filter takes nothing." in (await client.get("/parked/bulk?action=retry")).text


@pytest.mark.parametrize(
    ("action", "ignored"), [(BulkAction.RETRY, None), (BulkAction.IGNORE, False), (BulkAction.UNIGNORE, True)]
)
async def test_what_is_ignored_is_not_ignored_again(
    client: httpx2.AsyncClient, services: FakeServices, action: BulkAction, ignored: bool | None
) -> None:
    await client.get(f"/parked/bulk?action={action.value}&ignored=any")
    assert services.parked_desk.asked == [(BulkChoice(action=action), ParkedQuery(ignored=ignored))]


async def test_a_bulk_action_is_started_as_planned(client: httpx2.AsyncClient, services: FakeServices) -> None:
    plan: dict[str, Any] = {"at": AT.isoformat(), "digest": DIGEST, "reason": "known"}
    answer = await sent(client, "/parked/bulk?action=ignore&code=waiting", **plan)
    assert (answer.status_code, answer.headers["location"]) == (303, "/parked/bulk/12")
    query = ParkedQuery(codes=("waiting",), ignored=False)
    started = (BulkChoice(action=BulkAction.IGNORE, reason="known"), query, AT, "local")
    assert services.parked_desk.asked[-1] == started
    changed = await sent(client, "/parked/bulk?action=ignore", **{**plan, "digest": "0" * 16})
    assert (changed.status_code, "plan_changed" in changed.text) == (409, True)
    without = await sent(client, "/parked/bulk?action=ignore", **{**plan, "reason": ""})
    assert (without.status_code, "wrong_use" in without.text) == (422, True)


async def test_the_progress_follows_and_steers(client: httpx2.AsyncClient, services: FakeServices) -> None:
    html = (await client.get("/parked/bulk/14?after=YWJj")).text
    assert '<progress max="40" value="20">20 of 40</progress>' in html
    assert 'hx-get="/parked/bulk/14?after=YWJj" hx-trigger="every 2s"' in html
    assert 'href="/parked/bulk/14?after=WzUwXQ" rel="next"' in html
    for word in ("looked at", "changed, left alone", "gone, left alone", "look asked for"):
        assert word in html
    for action in ("pause", "cancel"):
        answer = await sent(client, f"/parked/bulk/12/{action}")
        assert (answer.status_code, answer.headers["location"]) == (303, "/parked/bulk/12")
    services.parked_desk.result = replace(OUTCOME, state="paused")
    assert 'action="/parked/bulk/14/resume"' in (await client.get("/parked/bulk/14")).text
    assert (await sent(client, "/parked/bulk/12/resume")).status_code == 409  # of this fake: it is over
    services.parked_desk.result = replace(OUTCOME, state="canceled", finished_at=AT, left=20)
    over = (await client.get("/parked/bulk/14")).text
    assert "hx-get" not in over
    assert "/cancel" not in over


async def test_the_api_plans_and_starts(client: httpx2.AsyncClient, services: FakeServices) -> None:
    planned = (await client.post("/api/v1/parked/bulk", json={"action": "retry", "dry_run": True})).json()
    assert (planned["run"], planned["plan"]["count"], planned["plan"]["digest"]) == (None, 2, DIGEST)
    body = {"action": "unignore", "at": planned["plan"]["at"], "digest": DIGEST, "codes": ["waiting"]}
    started = (await client.post("/api/v1/parked/bulk", json=body)).json()
    assert started["run"]["run_id"] == 12
    query = ParkedQuery(codes=("waiting",), ignored=True)
    assert services.parked_desk.asked[-1] == (BulkChoice(action=BulkAction.UNIGNORE), query, AT, "local")
    refused = await client.post("/api/v1/parked/bulk", json={"action": "retry", "digest": "f" * 16})
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "plan_changed")
    services.parked_desk.rows = ()
    assert (await client.post("/api/v1/parked/bulk", json={"action": "retry"})).json()["run"] is None


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Run `wescope <x>`.", "Run <code>wescope &lt;x&gt;</code>."),
        ("<b> and ` alone", "&lt;b&gt; and  alone"),
        ("plain", "plain"),
    ],
)
def test_commands_in_texts_are_shown_as_code(text: str, shown: str) -> None:
    assert prose(text) == shown


def test_every_remedy_names_a_button() -> None:
    for code in ParkCode:
        assert "button" in here(code.value, REASONS[code].remedy)
    assert "Ignore" in here("two_foreign_currencies", REASONS[ParkCode.TWO_FOREIGN_CURRENCIES].remedy)
