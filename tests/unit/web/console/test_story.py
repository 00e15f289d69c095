"""Search and story: where any id leads, what is linked, and that nobody is asked unless somebody wants it."""

from dataclasses import replace

import httpx2
import pytest

from tests.unit.web.fakes import FakeServices
from tests.unit.web.support_fakes import AT
from wescope.engine.explain import NothingKnown
from wescope.engine.explanation import DriftResult, Explanation
from wescope.errors import WrongUse
from wescope.web.console.linking import linked, story_path, target_path


@pytest.mark.parametrize(
    ("asked", "path"),
    [
        ("in_1", "/story/in_1"),
        ("  Invoice/145 ", "/story/Invoice/145"),
        ("in_1:invoice", "/story/in_1:invoice"),
        ("INV 7#2", "/story/INV%207%232"),
        ("//evil.example", "/story///evil.example"),
    ],
)
async def test_a_search_leads_to_the_story(client: httpx2.AsyncClient, asked: str, path: str) -> None:
    answer = await client.get("/search", params={"id": asked})
    assert (answer.status_code, answer.headers["location"]) == (303, path)


@pytest.mark.parametrize("asked", ["", "   ", "a\nb", "x" * 256])
async def test_what_cannot_be_an_id_is_refused(client: httpx2.AsyncClient, asked: str) -> None:
    assert (await client.get("/search", params={"id": asked})).status_code == 422


async def test_a_story_asks_nobody_unless_told_to(client: httpx2.AsyncClient, services: FakeServices) -> None:
    await client.get("/story/in_1")
    await client.get("/story/Invoice/145?plan=true")
    await client.get("/story/INV-7?elsewhere=true")
    assert services.asked == [("in_1", False, False), ("Invoice/145", True, False), ("INV-7", False)]


async def test_everything_is_told_and_every_id_is_a_link(client: httpx2.AsyncClient) -> None:
    html = (await client.get("/story/in_1")).text
    for link in (
        'href="/story/in_1:invoice"',
        'href="/story/invoice/in_1"',
        'href="/story/Invoice/145"',
        'href="https://app.qbo.intuit.com/app/invoice?txnId=145"',
        'href="https://dashboard.stripe.com/test/invoices/in_1"',
        'href="/payouts/po_1"',
        'href="/story/wsabc"',
        'href="/story/1-abc"',
        'href="/runs/7"',
        'href="/parked/in_1%3Ainvoice"',
        'href="/api/v1/explain/in_1?plan=false&amp;elsewhere=false"',
    ):
        assert link in html, link
    assert "Compare &lt;b&gt;both&lt;/b&gt; numbers." in html
    assert "<b>both</b>" not in html
    assert html.count("<h1") == 1
    assert "stripe_unavailable" in html


async def test_nothing_known_says_what_was_searched_and_what_may_be(
    client: httpx2.AsyncClient, services: FakeServices
) -> None:
    services.explained = NothingKnown("Looked for among events.")
    answer = await client.get("/story/INV-<7>")
    assert answer.status_code == 404
    assert "Looked for among events." in answer.text
    assert "INV-&lt;7&gt;" in answer.text
    assert 'href="/story/INV-%3C7%3E?elsewhere=true"' in answer.text
    assert "document number" in answer.text
    assert "Look in QBO" not in (await client.get("/story/x_7?elsewhere=true")).text
    services.explained = WrongUse("An id has 1 to 255 printable characters.")
    assert (await client.get("/story/x")).status_code == 422


def test_ids_in_texts_become_links_and_the_rest_is_escaped() -> None:
    told = str(linked("from webhook evt_1 (invoice.paid) <b> in run 7"))
    assert told == (
        'from webhook <a class="id" href="/story/evt_1">evt_1</a> (invoice.paid) &lt;b&gt; in run '
        '<a class="id" href="/runs/7">7</a>'
    )
    assert '<a class="id" href="/story/Invoice/145">Invoice/145</a>' in linked("is Invoice/145 in QBO")
    assert 'href="/story/in_1:credit_note:x"' in linked("in_1:credit_note:x")
    assert 'href="/story/9f8e7d"' in linked("ok, batch 9f8e7d, intuit_tid 1-67ab")
    assert 'href="/story/1-67ab"' in linked("ok, batch 9f8e7d, intuit_tid 1-67ab")
    assert '<a class="id" href="/story/ws0123456789abcdef">ws012345…</a>' in linked("ok, request ws0123456789abcdef")
    assert "<a" not in linked("looks_like: no_longer_desired, HTTP 200, 40 ms")


DRIFT = DriftResult(
    document_key="in_1:invoice",
    entity="Invoice",
    qbo_id="145",
    kind="edited",
    state="open",
    amount="100.00",
    currency="usd",
    found_at=AT,
    resolved_at=None,
    accepted_at=None,
    details={},
    run_id=None,
)


async def test_fingerprints_are_behind_what_they_are_of(client: httpx2.AsyncClient, services: FakeServices) -> None:
    digest = f"{'0123456789ab' * 2}.{'ba9876543210' * 2}"
    found = replace(DRIFT, details={"content": digest, "fields": "TxnDate", "subject": "invoice/in_1"})
    assert isinstance(services.explained, Explanation)
    services.explained = replace(services.explained, drift=(found, replace(found, details={"content": "deleted"})))
    html = (await client.get("/story/in_1")).text
    assert "<td>fields TxnDate, subject invoice/in_1<details><summary>record in QBO: fingerprint</summary>" in html
    assert html.count(digest) == html.count(f'<span class="id">{digest}</span></details>') == 1
    assert "<td>record in QBO deleted</td>" in html


def test_paths() -> None:
    assert target_path("run/7") == "/runs/7"
    assert target_path("in_1:invoice") == story_path("in_1:invoice") == "/story/in_1:invoice"
