"""The pages of payouts: the list with its filters, one that foots or does not, and their twins as JSON."""

import re
from dataclasses import replace
from datetime import date

import httpx2
import jsonschema
import pytest

from tests.unit.web.fakes import PARKED, FakeServices
from tests.unit.web.payout_fakes import a_page, a_payout, a_row, a_sum, a_summary, awaited
from wescope.books.payout_check import RowState
from wescope.engine.dashboards import Dashboards
from wescope.engine.json_schemas import schema_of
from wescope.engine.payout_statements import PayoutPage, PayoutSummary, PayoutWord, RowCount
from wescope.errors import ObjectNotFound, WrongUse
from wescope.links.payout_statements import PayoutFilter, RowFilter
from wescope.web.app import create_app
from wescope.web.console.payouts import PAYOUT_STATES, ROW_STATES


def text_of(html: str) -> str:
    """What a reader sees, in one line."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


async def test_the_list_tells_state_difference_dates_and_deposit(
    client: httpx2.AsyncClient, services: FakeServices
) -> None:
    off = a_payout("po_2", state="differs", foots=False, net=9_721, gross=10_100, differs_by=100, deposits=())
    services.statements.found = a_page(a_payout(), off, matched=1, differs=1)
    html = (await client.get("/payouts")).text
    assert 'href="/payouts/po_1"' in html
    assert 'href="/story/Deposit/145"' in html
    told = text_of(html)
    assert "matched 96.21 USD 0.00 USD 2026-11-20 2026-11-18 2026-11-20 2026-11-19" in told
    assert "differs 96.21 USD 1.00 USD" in told
    assert "all 2" in told
    assert html.count("<h1") == 1


async def test_it_says_what_a_payout_waits_for(client: httpx2.AsyncClient, services: FakeServices) -> None:
    waiting = a_payout(state="waiting", waiting_on=("ch_9:payment", "ch_8:payment"), deposits=(), deposit_date=None)
    services.statements.found = a_page(waiting, waiting=1)
    html = (await client.get("/payouts?state=waiting")).text
    assert 'href="/story/ch_9%3Apayment"' in html
    assert 'href="/payouts/po_1#waits-for"' in html
    assert '<option value="waiting" selected>' in html


async def test_filters_stay_in_the_links_and_in_the_twin(client: httpx2.AsyncClient, services: FakeServices) -> None:
    services.statements.found = a_page(a_payout(), following="2026-11-20~po_1", matched=7, waiting=2)
    query = "state=matched&currency=USD&since=2026-11-01&until=2026-11-30"
    html = (await client.get(f"/payouts?{query}")).text
    chosen = PayoutFilter(state="matched", currency="usd", since=date(2026, 11, 1), until=date(2026, 11, 30))
    assert services.statements.asked == [(chosen, None)]
    kept = "currency=usd&amp;since=2026-11-01&amp;until=2026-11-30"
    assert f'href="/payouts?state=waiting&amp;{kept}"' in html
    assert f'href="/payouts?after=2026-11-20~po_1&amp;state=matched&amp;{kept}" rel="next"' in html
    assert f'href="/api/v1/payouts/page?state=matched&amp;{kept}"' in html
    again = (await client.get("/payouts?after=2026-11-20~po_1")).text
    assert services.statements.asked[-1] == (PayoutFilter(), "2026-11-20~po_1")
    assert '<a href="/payouts">First page</a>' in again


async def test_empty_fields_of_the_form_choose_nothing(client: httpx2.AsyncClient, services: FakeServices) -> None:
    answer = await client.get("/payouts?state=&currency=&since=&until=")
    assert (answer.status_code, services.statements.asked) == (200, [(PayoutFilter(), None)])


@pytest.mark.parametrize("query", ["state=<b>", "currency=dollars", "since=yesterday", "after=nowhere"])
async def test_what_cannot_be_a_filter_is_refused_by_a_page(client: httpx2.AsyncClient, query: str) -> None:
    answer = await client.get(f"/payouts?{query}")
    assert (answer.status_code, answer.headers["content-type"]) == (422, "text/html; charset=utf-8")
    assert (await client.get(f"/api/v1/payouts/page?{query}")).status_code == 422


async def test_a_place_that_is_none_is_refused(client: httpx2.AsyncClient, services: FakeServices) -> None:
    services.statements.found = WrongUse("This is no place in the list of payouts.")
    assert (await client.get("/payouts?after=2026-02-31~po_1")).status_code == 422


async def test_it_says_when_there_is_none(client: httpx2.AsyncClient, services: FakeServices) -> None:
    services.statements.found = a_page()
    assert "No payout was looked at yet." in (await client.get("/payouts")).text
    assert "No payout fits." in (await client.get("/payouts?state=failed")).text


async def test_the_twins_are_what_the_pages_show(client: httpx2.AsyncClient) -> None:
    page = (await client.get("/api/v1/payouts/page?state=matched")).json()
    jsonschema.validate(page, schema_of(PayoutPage))
    assert page["items"][0]["amount"] == "96.21"
    assert {one["state"]: one["count"] for one in page["counts"]}["matched"] == 1
    summary = (await client.get("/api/v1/payouts/po_1/summary")).json()
    jsonschema.validate(summary, schema_of(PayoutSummary))
    assert summary["total"]["net"] == summary["payout"]["amount"] == "96.21"
    assert (summary["rows"][0]["entity"], summary["rows"][0]["qbo_id"]) == ("Payment", "146")


async def test_one_payout_foots_on_its_page(client: httpx2.AsyncClient, services: FakeServices) -> None:
    payout = a_payout(gross=9_000, fee=400, net=8_600, amount=8_600)
    services.statements.told = a_summary(
        payout,
        categories=(a_sum(), a_sum("refund", 2, -1_000, 0), a_sum("payout_fee", 0, 0, 21)),
        total=a_sum("total", 3, 9_000, 400),
    )
    html = (await client.get("/payouts/po_1")).text
    told = text_of(html)
    assert "It foots: its rows (3) come to 86.00 USD, exactly what Stripe paid out." in told
    assert "charge 1 rows of charge 100.00 USD 3.79 USD 96.21 USD" in told
    assert "refund 2 rows of refund -10.00 USD 0.00 USD -10.00 USD" in told
    assert "fee of the payout itself 0 0.00 USD 0.21 USD -0.21 USD" in told
    assert "Sum 3 90.00 USD 4.00 USD 86.00 USD Paid out by Stripe 86.00 USD Difference 0.00 USD" in told
    assert 'href="/payouts/po_1?category=refund#rows"' in html
    assert 'href="/payouts/po_1.csv"' in html
    for link in ("/story/txn_0", "/story/ch_1", "/story/ch_1%3Apayment"):
        assert f'href="{link}"' in html
    assert "Payment 146" in told
    assert "2026-11-17 2026-11-16 none 2026-11-19" in told
    assert html.count("<h1") == 1


async def test_one_that_does_not_foot_says_by_how_much(client: httpx2.AsyncClient, services: FakeServices) -> None:
    payout = a_payout(state="differs", foots=False, gross=9_900, net=9_521, differs_by=-100, deposits=())
    services.statements.told = a_summary(payout, total=a_sum("total", 1, 9_900))
    told = text_of((await client.get("/payouts/po_1")).text)
    assert "It does not foot: its rows (1) come to 95.21 USD, and Stripe paid out 96.21 USD." in told
    assert "Its rows are 1.00 USD too low." in told
    assert "Difference -1.00 USD" in told


async def test_a_manual_payout_has_nothing_to_add_up(client: httpx2.AsyncClient, services: FakeServices) -> None:
    rest = a_sum("not_itemized", 0, 9_621, 0)
    services.statements.told = a_summary(
        a_payout(gross=9_621, fee=0), categories=(rest,), total=replace(rest, category="total"), rows=(), states=()
    )
    told = text_of((await client.get("/payouts/po_1")).text)
    assert "Paid out by hand: 96.21 USD." in told
    assert "Stripe names no rows for it." in told
    assert "It foots" not in told


async def test_it_names_each_document_that_it_waits_for_and_why(
    client: httpx2.AsyncClient, services: FakeServices
) -> None:
    keys = ("in_1:invoice", "ch_2:payment")
    services.statements.told = a_summary(
        a_payout(state="waiting", waiting_on=keys, deposits=(), deposit_date=None),
        waits_for=(awaited(keys[0], PARKED), awaited(keys[1])),
        awaited=31,
        parked=(replace(PARKED, key="po_1:deposit", code="payout_waiting"),),
        states=(RowCount(state="missing", count=31), RowCount(state="matched", count=2)),
        rows=(a_row(state="missing", entity=None, qbo_id=None, txn_date=None),),
    )
    html = (await client.get("/payouts/po_1?state=missing")).text
    assert services.statements.asked == [("po_1", RowFilter(state="missing"), None)]
    assert 'href="/story/po_1%3Adeposit"' in html
    assert "Compare &lt;b&gt;both&lt;/b&gt; numbers." in html
    told = text_of(html)
    assert "in QBO first : those of 31 missing rows, of which the first 2 are named here." in told.replace(
        "first:", "first :"
    )
    assert "ch_2:payment not tried yet" in told
    assert "1 of 31 rows, in Stripe's order" in told.replace("&#39;", "'")


async def test_many_rows_are_paged(client: httpx2.AsyncClient, services: FakeServices) -> None:
    services.statements.told = a_summary(next="199", total=a_sum("total", 50_000))
    html = (await client.get("/payouts/po_1?category=charge")).text
    assert 'href="/payouts/po_1?after=199&amp;category=charge#rows" rel="next"' in html
    assert 'href="/api/v1/payouts/po_1/summary?category=charge"' in html
    html = (await client.get("/payouts/po_1?after=199")).text
    assert services.statements.asked[-1] == ("po_1", RowFilter(), 199)
    assert '<a href="/payouts/po_1#rows">First page</a>' in html
    assert "/api/v1/payouts/po_1/summary?after=199" in html


async def test_both_systems_are_linked(services: FakeServices) -> None:
    dashboards = Dashboards(stripe_base="https://dashboard.stripe.com", qbo_base="https://app.qbo.intuit.com/app")
    app = create_app(services, version="0.1.0", dashboards=dashboards)
    transport = httpx2.ASGITransport(app=app, client=("127.0.0.1", 50000))
    async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080") as client:
        html = (await client.get("/payouts/po_1")).text
        listed = (await client.get("/payouts")).text
    for address in (
        "https://dashboard.stripe.com/payouts/po_1",
        "https://app.qbo.intuit.com/app/deposit?txnId=145",
    ):
        assert f'href="{address}"' in html
        assert f'href="{address}"' in listed
    assert 'href="https://dashboard.stripe.com/payments/ch_1"' in html
    assert 'href="https://app.qbo.intuit.com/app/recvpayment?txnId=146"' in html


@pytest.mark.parametrize("path", ["/payouts/po_1.csv", "/api/v1/payouts/po_1/rows.csv"])
async def test_the_file_has_all_rows(client: httpx2.AsyncClient, services: FakeServices, path: str) -> None:
    answer = await client.get(path)
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="wescope-po_1.csv"'
    assert answer.text == "position,net\r\n0,96.21\r\n1,1.00\r\n"
    assert services.statements.asked == [("po_1",)]


async def test_an_unknown_payout_is_a_page_that_says_so(client: httpx2.AsyncClient, services: FakeServices) -> None:
    services.statements.told = ObjectNotFound(payout="po_2")
    for path, kind in (
        ("/payouts/po_2", "text/html; charset=utf-8"),
        ("/payouts/po_2.csv", "text/html; charset=utf-8"),
        ("/api/v1/payouts/po_2/summary", "application/json"),
        ("/api/v1/payouts/po_2/rows.csv", "application/json"),
    ):
        answer = await client.get(path)
        assert (answer.status_code, answer.headers["content-type"]) == (404, kind)
        assert "object_not_found" in answer.text


@pytest.mark.parametrize("path", ["/payouts", "/payouts/po_1"])
async def test_nothing_on_them_can_run_and_tables_and_inputs_are_named(client: httpx2.AsyncClient, path: str) -> None:
    html = (await client.get(path)).text
    assert not re.search(r" (style|on[a-z]+)=", html)
    assert html.count("<table>") == html.count("<caption>") == html.count('class="scroll" tabindex="0" role="region"')
    main = html[html.index("<main") :]
    assert len(re.findall(r"<(?:input|select)", main)) == len(re.findall(r"<label><span>", main))
    assert not re.search(r"<th(?! scope=)[ >]", main)


def test_every_state_has_words() -> None:
    assert set(PAYOUT_STATES) == {word.value for word in PayoutWord}
    assert set(ROW_STATES) == set(RowState)
