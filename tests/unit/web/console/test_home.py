"""Home: the headline, its parts, what is parked, health, and thirty days as charts with a table."""

import re
from dataclasses import replace

import httpx2

from tests.unit.web.fakes import STATUS, FakeServices
from tests.unit.web.home_fakes import BALANCED
from wescope.engine.examples_home import KEPT_TIEOUT, OVERVIEW, TIEOUT_RUN
from wescope.links.day_figures import DayFigures
from wescope.web.console.charts import Point, chart
from wescope.web.console.home import seconds


async def test_it_says_that_the_books_equal_stripe(client: httpx2.AsyncClient) -> None:
    html = (await client.get("/")).text
    assert "<strong>Books equal Stripe</strong> as of" in html
    assert '2026-11-22</time>: difference <a href="/tieout?as_of=2026-11-22">0.00</a>' in html
    assert html.count("<h1") == 1


async def test_it_says_by_how_much_they_differ_and_in_which_parts(
    client: httpx2.AsyncClient, services: FakeServices
) -> None:
    services.tieout_desk.tieout = KEPT_TIEOUT
    services.state = replace(STATUS, dry_run=True)
    html = (await client.get("/")).text
    assert "<strong>Books differ from Stripe</strong>" in html
    assert '<a href="/tieout?as_of=2026-10-31&amp;kind=receivable">Receivables</a>' in html
    assert "120.00 USD" in html
    assert "Dry run" in html


async def test_it_says_when_nothing_was_compared_and_nothing_waits(
    client: httpx2.AsyncClient, services: FakeServices
) -> None:
    services.tieout_desk.tieout = None
    services.state = replace(STATUS, oldest_hint_age_s=None, refresh_token_days_left=None)
    services.home = replace(OVERVIEW, parked=(), parked_ignored=0, days=(DayFigures(day=BALANCED.as_of),))
    html = (await client.get("/")).text
    assert "have not been compared" in html
    assert "Nothing is parked." in html
    assert "nothing waits" in html
    assert "Nothing in these days." in html
    assert "not measured" in html


async def test_parked_reasons_lead_to_their_documents(client: httpx2.AsyncClient) -> None:
    html = (await client.get("/")).text
    assert '<a href="/parked?code=looks_like&amp;currency=usd">looks_like</a>' in html
    assert "499.00 USD" in html
    assert "Ignored ones are left out: 2." in html


async def test_what_is_ignored_leads_to_its_list(client: httpx2.AsyncClient, services: FakeServices) -> None:
    services.home = replace(OVERVIEW, parked=(), parked_ignored=2)
    assert 'Ignored: <a href="/parked?ignored=yes">2</a>' in (await client.get("/")).text
    assert (await client.get("/parked?ignored=yes")).status_code == 200


async def test_charts_are_drawn_here_and_told_in_a_table(client: httpx2.AsyncClient) -> None:
    html = (await client.get("/")).text
    assert html.count("<svg") == 3
    assert len(re.findall('<rect class="bar"', html)) == 90
    assert len(re.findall('<rect class="bar-2"', html)) == 30
    assert "America/New_York" in html
    assert "2.4 s" in html
    assert not re.search(r" (style|on[a-z]+)=", html)


async def test_limits_in_use_and_the_last_event(client: httpx2.AsyncClient) -> None:
    html = (await client.get("/")).text
    assert "12 <small>of 500</small>" in html
    assert "1 <small>of 40</small>" in html
    assert "2026-11-18 15:04 UTC" in html


async def test_a_comparison_under_way_is_polled_and_none_can_be_started(
    client: httpx2.AsyncClient, services: FakeServices
) -> None:
    assert "hx-trigger" not in (await client.get("/")).text
    services.tieout_desk.run = TIEOUT_RUN
    html = (await client.get("/")).text
    assert 'hx-get="/" hx-trigger="every 2s" hx-select="#progress" hx-swap="morph:outerHTML"' in html
    assert "Compare now" not in html
    services.tieout_desk.run = replace(TIEOUT_RUN, state="failed", code="stripe_unavailable", remedy="Wait.")
    html = (await client.get("/")).text
    assert "did not come to its end: failed (stripe_unavailable)" in html
    assert "Compare now" in html


async def test_its_twin_says_the_same(client: httpx2.AsyncClient) -> None:
    told = (await client.get("/api/v1/overview")).json()
    assert told["tieout"]["difference"] == "0.00"
    assert told["status"]["backlog"] == STATUS.backlog
    assert told["parked"][0] == {
        "code": "looks_like",
        "reason": OVERVIEW.parked[0].reason,
        "owner": "operator",
        "count": 1,
        "amount": "499.00",
        "currency": "usd",
    }
    assert len(told["days"]) == 30


def test_a_chart_scales_to_its_highest_value_of_both_series() -> None:
    points = [Point(label="a", value=5, text="5"), Point(label="b", value=None, text="none")]
    drawn = chart("t", points, behind=[Point(label="a", value=10, text="10"), Point(label="b", value=0, text="0")])
    assert (drawn.highest, drawn.first, drawn.last) == ("10", "a", "b")
    assert [bar.height for bar in drawn.behind] == [66, 0]
    assert [bar.height for bar in drawn.bars] == [33, 0]
    assert drawn.bars[0].x + drawn.bars[0].width < drawn.bars[1].x
    assert chart("t", []).is_empty


def test_delays_are_told_in_seconds_and_long_ones_in_minutes() -> None:
    assert [seconds(one) for one in (None, 40, 2_449, 119_999, 180_000)] == [
        "not measured",
        "0.0 s",
        "2.4 s",
        "120.0 s",
        "3 min",
    ]
