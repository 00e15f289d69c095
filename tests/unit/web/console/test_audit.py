"""The page of the audit log: filters in the address, links to targets and runs, pages."""

from dataclasses import replace

import httpx2

from tests.unit.web.fakes import FakeServices
from wescope.engine.audit_log import AuditPage
from wescope.engine.examples_home import AUDIT_PAGE
from wescope.links.audit import AuditFilter


async def test_who_did_what_to_what_and_when(client: httpx2.AsyncClient, services: FakeServices) -> None:
    (entry,) = AUDIT_PAGE.items
    services.audit_log.told = AuditPage(items=(entry, replace(entry, action="undo", target="run/7", run_id=8)))
    html = (await client.get("/audit")).text
    assert f'href="/story/{entry.target}"' in html
    assert 'href="/runs/7">run/7</a>' in html
    assert 'href="/runs/8">run 8</a>' in html
    assert "2026-11-23 09:30 UTC" in html
    assert "code looks_like, amount 49900, currency usd" in html


async def test_filters_stay_in_links(client: httpx2.AsyncClient, services: FakeServices) -> None:
    html = (await client.get("/audit?action=repair&actor=cli&target=&after=500")).text
    assert services.audit_log.asked == [(AuditFilter(action="repair", actor="cli"), "500")]
    assert 'href="/audit?action=repair&amp;actor=cli&amp;after=431" rel="next"' in html
    assert 'href="/audit?action=repair&amp;actor=cli" rel="prev"' in html
    assert 'href="/api/v1/audit?action=repair&amp;actor=cli&amp;after=500"' in html
    assert 'value="repair"' in html
    services.audit_log.told = AuditPage(items=())
    assert "There are no such entries." in (await client.get("/audit")).text
    assert (await client.get("/audit?after=x")).status_code == 422


async def test_blanks_around_what_was_pasted_are_nothing(client: httpx2.AsyncClient, services: FakeServices) -> None:
    page = await client.get("/audit?action=repair%20&actor=%20&target=%09in_1%0A&after=%20")
    assert services.audit_log.asked == [(AuditFilter(action="repair", target="in_1"), None)]
    assert 'href="/api/v1/audit?action=repair&amp;target=in_1"' in page.text
    assert (await client.get("/audit?target=in_1%20in_2")).status_code == 422
    assert (await client.get("/tieout?as_of=%20&kind=%20&after=%20")).status_code == 200


async def test_its_twin(client: httpx2.AsyncClient, services: FakeServices) -> None:
    told = (await client.get("/api/v1/audit?target=run/7")).json()
    assert services.audit_log.asked == [(AuditFilter(target="run/7"), None)]
    assert (told["next"], told["items"][0]["actor"]) == ("431", "cli")
    assert (await client.get("/api/v1/audit?action=A!")).status_code == 422
