"""Every page: alerts, that nothing on it can run, its files, and errors; what home says is in `console/test_home`."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import cast

import httpx2
import pytest

from tests.unit.web.fakes import STATUS, FakeServices
from wescope.engine.alerts import CODES
from wescope.engine.results import Alert, ConnectionWord
from wescope.errors import DatabaseUnavailable
from wescope.observe.alert_rules import RULES
from wescope.observe.metrics import Metrics
from wescope.web.app import create_app
from wescope.web.console.nav import SECTIONS
from wescope.web.console.remedies import places_of
from wescope.web.services import WebServices
from wescope.web.worker_app import create_worker_app


async def test_alerts_come_first_with_their_remedy_and_are_told_to_all(
    client: httpx2.AsyncClient, services: FakeServices
) -> None:
    since = datetime(2026, 11, 22, 8, tzinfo=UTC)
    alert = Alert(code="qbo_reconnect", text="Not <connected>.", remedy="Run `wescope connect`.", since=since)
    services.state = replace(
        STATUS,
        qbo_connection=ConnectionWord.RECONNECT,
        qbo_connection_code="invalid_grant",
        qbo_connection_since=since,
        alerts=(alert,),
    )
    html = (await client.get("/")).text
    assert "Not &lt;connected&gt;. Since 2026-11-22 08:00 UTC." in html
    assert html.index("wescope connect") < html.index("Books equal Stripe")
    assert "reconnect <small>(invalid_grant)</small>" in html
    told = (await client.get("/api/v1/status")).json()
    assert (told["qbo_connection"], told["qbo_connection_since"]) == ("reconnect", "2026-11-22T08:00:00+00:00")
    assert told["alerts"] == [
        {"code": alert.code, "text": alert.text, "remedy": alert.remedy, "since": "2026-11-22T08:00:00+00:00"}
    ]
    assert "wescope_qbo_connected 0.0" in (await client.get("/metrics")).text


async def test_an_alert_leads_to_the_pages_that_mend_it_beside_its_command(
    client: httpx2.AsyncClient, services: FakeServices
) -> None:
    alert = Alert(code="parked_high", text="Much is parked.", remedy=RULES["parked_high"].remedy, since=None)
    unknown = Alert(code="of_a_newer_version", text="It is new.", remedy="Read `wescope alerts`.", since=None)
    services.state = replace(STATUS, alerts=(alert, unknown))
    html = (await client.get("/")).text
    assert "Run <code>wescope parked</code>" in html
    assert 'In the console: <a href="/parked?owner=operator">Parked, for you to act on</a>.' in html
    assert html.count("In the console:") == 1


@pytest.mark.parametrize("code", CODES)
async def test_every_alert_has_pages_that_are_there(client: httpx2.AsyncClient, code: str) -> None:
    assert places_of(code)
    for place in places_of(code):
        assert (await client.get(place.path)).status_code == 200, place.path


async def test_nothing_can_run_and_nothing_comes_from_elsewhere(client: httpx2.AsyncClient) -> None:
    page = await client.get("/")
    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'self'; script-src 'self';")
    assert "unsafe" not in policy
    scripts = [f'<script src="/static/{name}" defer>' for name in ("htmx.min.js", "idiomorph.htmx.min.js")]
    assert re.findall(r"<script[^>]*>", page.text) == scripts
    assert not re.search(r" (style|on[a-z]+)=", page.text)
    assert "http://" not in page.text
    assert "https://" not in page.text


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("console.css", "text/css"),
        ("htmx.min.js", "text/javascript"),
        ("idiomorph.htmx.min.js", "text/javascript"),
        ("icon.svg", "image/svg+xml"),
    ],
)
async def test_its_files_are_served_and_asked_for_again_only_if_they_change(
    client: httpx2.AsyncClient, name: str, kind: str
) -> None:
    first = await client.get(f"/static/{name}")
    assert first.headers["content-type"].startswith(kind)
    again = await client.get(f"/static/{name}", headers={"if-none-match": first.headers["etag"]})
    assert (first.status_code, again.status_code, again.content) == (200, 304, b"")


async def test_every_section_is_there_and_says_that_it_is_shown(client: httpx2.AsyncClient) -> None:
    assert "/tieout" in {section.path for section in SECTIONS}
    for section in SECTIONS:
        page = await client.get(section.path)
        assert page.status_code == 200, section.path
        assert re.findall(r'<a href="([^"]+)" aria-current="page">', page.text)[0] == section.path


async def test_what_is_nowhere_is_a_page_for_a_browser_and_json_for_a_program(client: httpx2.AsyncClient) -> None:
    page = await client.get("/nowhere", headers={"accept": "text/html,*/*"})
    assert (page.status_code, page.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert "not_found" in page.text
    assert (await client.get("/nowhere")).json()["error"]["code"] == "not_found"
    assert (await client.get("/api/v1/nowhere", headers={"accept": "text/html"})).json()["error"]["code"] == "not_found"


BROWSER = {"accept": "text/html,*/*", "hx-request": "true"}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/readyz", 500),
        ("GET", "/metrics", 500),
        ("GET", "/webhooks/stripe", 405),
        ("DELETE", "/openapi.json", 405),
        ("GET", "/api/v1/status", 500),
        ("DELETE", "/api/v1/status", 405),
    ],
)
async def test_an_error_of_what_is_no_page_is_json_whoever_asks(method: str, path: str, status: int) -> None:
    app = create_app(cast("WebServices", None))
    transport = httpx2.ASGITransport(app=app, client=("127.0.0.1", 50000), raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080", headers=BROWSER) as client:
        answer = await client.request(method, path)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/json")
    assert set(answer.json()["error"]) == {"code", "message", "remedy"}


@pytest.mark.parametrize(("path", "status"), [("/readyz", 500), ("/nowhere", 404)])
async def test_a_worker_has_no_pages_also_for_errors(path: str, status: int) -> None:
    app = create_worker_app(cast("WebServices", None), metrics=Metrics())
    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080", headers=BROWSER) as client:
        answer = await client.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/json")


async def test_an_error_of_a_page_is_a_page_also_before_anything_is_asked(client: httpx2.AsyncClient) -> None:
    # A body that cannot be read is refused before any dependency of its route is asked.
    unread = {"content-type": "multipart/form-data"}
    answers = [
        await client.post("/parked/bulk", content=b"x", headers=unread),
        await client.get("/runs/x"),
        await client.post("/sign-out"),
        await client.delete("/parked", headers=BROWSER),
    ]
    assert [(one.status_code, one.headers["content-type"]) for one in answers] == [
        (status, "text/html; charset=utf-8") for status in (422, 422, 403, 405)
    ]
    assert (await client.delete("/parked")).json()["error"]["code"] == "method_not_allowed"


async def test_without_a_database_it_says_so(client: httpx2.AsyncClient, services: FakeServices) -> None:
    services.state = DatabaseUnavailable()
    answer = await client.get("/")
    assert answer.status_code == 503
    assert "database_unavailable" in answer.text
