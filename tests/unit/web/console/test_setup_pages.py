"""The setup pages: the steps, the doctor, the mapping, the connection, and dry run with its orders."""

import re
from dataclasses import replace

import httpx2
import pytest

from tests.unit.web.fakes import FakeServices
from tests.unit.web.history_fakes import FAULT
from tests.unit.web.setting_up_fakes import AUTHORIZE
from wescope.engine.results import ConnectionWord
from wescope.engine.setup_guide import SetupState
from wescope.engine.write_gate import Holding
from wescope.errors import QboDisconnected
from wescope.qbo.connect import ConnectAnswerForeign, ConnectDenied, WrongCompany
from wescope.web.access.actor import Actor, Role
from wescope.web.access.guard import LocalAccess

BROWSER = {"accept": "text/html,*/*"}
PAGES = ("/setup", "/setup/connect", "/setup/doctor?run=true", "/setup/mapping", "/setup/dry-run?sample=5")


def token_of(html: str) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', html)
    assert found
    return found.group(1)


async def send(client: httpx2.AsyncClient, page: str, action: str, **fields: str) -> httpx2.Response:
    """Sends a form of a page, as a browser does."""
    token = token_of((await client.get(page)).text)
    return await client.post(action, data={"csrf_token": token, **fields})


@pytest.fixture
def as_viewer(monkeypatch: pytest.MonkeyPatch) -> None:
    async def viewer(_access: LocalAccess, _request: object) -> Actor:
        return Actor(name="user:1", role=Role.VIEWER)

    monkeypatch.setattr(LocalAccess, "actor", viewer)


@pytest.mark.parametrize("path", PAGES)
async def test_a_page_says_itself_once_and_has_a_twin(client: httpx2.AsyncClient, path: str) -> None:
    page = await client.get(path)
    assert page.status_code == 200
    assert page.text.count("<h1>") == 1
    twin = re.search(r'<a href="(/api/v1/[^"]+)">this page as JSON', page.text)
    assert twin
    assert (await client.get(twin.group(1).replace("&amp;", "&"))).status_code == 200
    assert not re.search(r" (style|on[a-z]+)=", page.text)
    assert page.text.count("<table>") == page.text.count("<caption>")


@pytest.mark.usefixtures("as_viewer")
@pytest.mark.parametrize("path", PAGES)
async def test_a_viewer_sees_no_order(client: httpx2.AsyncClient, path: str) -> None:
    page = await client.get(path)
    assert page.status_code == 200
    assert 'method="post"' not in page.text


@pytest.mark.usefixtures("as_viewer")
async def test_a_viewer_gives_no_order(client: httpx2.AsyncClient, services: FakeServices) -> None:
    for path in ("/setup/connect", "/setup/mapping", "/setup/dry-run/hold", "/setup/dry-run/release"):
        assert (await client.post(path)).status_code == 403
    assert (await client.get("/setup/connect/finish?code=1&state=2")).status_code == 403
    assert services.setting_up.asked == services.setting_up.dry_run.asked == services.setup.asked == []


async def test_the_first_open_step_is_the_next(client: httpx2.AsyncClient, services: FakeServices) -> None:
    html = (await client.get("/setup")).text
    assert "Next: QuickBooks Online." in html
    assert 'href="/setup/connect"' in html
    assert (await client.get("/api/v1/setup")).json()["next"] == "qbo"
    services.setting_up.steps = SetupState.of(services.setting_up.steps.steps[:1])
    assert "Everything is set up." in (await client.get("/setup")).text


async def test_the_doctor_runs_only_if_asked(client: httpx2.AsyncClient, services: FakeServices) -> None:
    assert "<table>" not in (await client.get("/setup/doctor")).text
    services.checks = (*services.checks, replace(FAULT, place="wescope.toml, line 2"))
    html = (await client.get("/setup/doctor?run=true")).text
    assert "Something must be mended first." in html
    assert "wescope.toml, line 2" in html
    assert FAULT.remedy in html


async def test_the_mapping_names_what_will_not_do_and_makes_it(
    client: httpx2.AsyncClient, services: FakeServices
) -> None:
    html = (await client.get("/setup/mapping")).text
    assert "1 will not do" in html
    assert "wescope.toml, line 12, accounts.clearing" in html
    assert "prod_TCxq2uM1Jc8bYl" in html
    assert "Make 1 in QuickBooks Online" in html
    answer = await send(client, "/setup/mapping", "/setup/mapping")
    assert (answer.status_code, answer.headers["location"]) == (303, "/setup/mapping")
    assert services.setup.asked == [("apply", {}, "local")]


async def test_the_mapping_without_a_connection_says_what_to_do(
    client: httpx2.AsyncClient, services: FakeServices
) -> None:
    services.setting_up.found = QboDisconnected(reason="not_connected")
    page = await client.get("/setup/mapping", headers=BROWSER)
    assert page.status_code == 502
    assert "This did not work" in page.text
    assert "/setup/connect" in page.text


async def test_connecting_goes_to_intuit_and_back(client: httpx2.AsyncClient, services: FakeServices) -> None:
    there = await send(client, "/setup/connect", "/setup/connect")
    assert there.status_code == 200
    assert there.headers["refresh"] == f"0; url={AUTHORIZE}"
    cookie = there.headers["set-cookie"]
    assert cookie.startswith("wescope_connect=bound; HttpOnly; Max-Age=600; Path=/setup/connect; SameSite=lax")
    assert "Secure" not in cookie
    # Intuit's answer is another site's navigation: the page is open, asks nothing, and goes on.
    back = "/setup/connect/callback?code=c1&state=word&realmId=1"
    page = await client.get(back, headers={"sec-fetch-site": "cross-site"})
    assert page.headers["refresh"] == "0; url=/setup/connect/finish?code=c1&state=word&realmId=1"
    assert services.setting_up.asked == [("begin", "http://127.0.0.1:8080/", "local")]
    finish = page.headers["refresh"].removeprefix("0; url=")
    assert (await client.get(finish, headers={"sec-fetch-site": "cross-site"})).status_code == 403
    done = await client.get(finish, headers={"sec-fetch-site": "same-origin"})
    assert (done.status_code, done.headers["location"]) == (303, "/setup/connect?connected=true")
    assert 'wescope_connect=""' in done.headers["set-cookie"]
    assert services.setting_up.asked[1:] == [("finish", "code=c1&state=word&realmId=1", "bound", "local")]
    assert "Connected." in (await client.get(done.headers["location"])).text


async def test_a_callback_repeats_nothing_that_is_no_answer(client: httpx2.AsyncClient) -> None:
    page = await client.get("/setup/connect/callback?state=%22%3E%3Cscript%3E&evil=1%0d%0aX:1")
    assert page.headers["refresh"] == "0; url=/setup/connect/finish?state=%22%3E%3Cscript%3E"
    assert '"><script>' not in page.text
    assert (await client.get(f"/setup/connect/callback?code={'x' * 2001}")).status_code == 422


@pytest.mark.parametrize("error", [ConnectAnswerForeign(), ConnectDenied(reason="access_denied"), WrongCompany()])
async def test_what_went_wrong_is_a_page(
    client: httpx2.AsyncClient, services: FakeServices, error: ConnectAnswerForeign | ConnectDenied | WrongCompany
) -> None:
    services.setting_up.refuses = error
    page = await client.get("/setup/connect/finish?error=access_denied&state=word", headers=BROWSER)
    assert (page.status_code, page.headers["content-type"]) == (409, "text/html; charset=utf-8")
    assert error.code in page.text
    assert "/setup/connect" in page.text


@pytest.mark.parametrize(
    ("word", "code", "said"),
    [
        (ConnectionWord.CONNECTED, None, "The company is connected."),
        (ConnectionWord.UNKNOWN, None, "was not used yet"),
        (ConnectionWord.RECONNECT, "not_connected", "The company is not connected."),
        (ConnectionWord.RECONNECT, "invalid_grant", "The connection is lost (<code>invalid_grant</code>)"),
    ],
)
async def test_the_connection_is_told(
    client: httpx2.AsyncClient, services: FakeServices, word: ConnectionWord, code: str | None, said: str
) -> None:
    services.setting_up.view = replace(services.setting_up.view, state=word, code=code)
    html = (await client.get("/setup/connect")).text
    assert said in html
    assert "http://127.0.0.1:8080/setup/connect/callback" in html


async def test_dry_run_is_reviewed_released_and_held(client: httpx2.AsyncClient, services: FakeServices) -> None:
    html = (await client.get("/setup/dry-run?sample=5")).text
    assert "12,500.00 USD" in html
    assert '<a class="id" href="/story/in_1SGf1ULkdIwHu7ixbWq9Jd2M%3Ainvoice">' in html
    page, dry_run = "/setup/dry-run", services.setting_up.dry_run
    assert (await send(client, page, f"{page}/release", review="7.0000000000000000")).status_code == 409
    assert (await send(client, page, f"{page}/release", review="x")).status_code == 422
    answer = await send(client, page, f"{page}/release", review=dry_run.told.review)
    assert (answer.status_code, answer.headers["location"]) == (303, page)
    assert "Documents are written" in (await client.get(page)).text
    assert (await send(client, page, f"{page}/hold")).status_code == 303
    assert "an operator has stopped it" in (await client.get(page)).text
    assert [one for one in dry_run.asked if one[0] != "review"] == [("release", "local"), ("hold", "local")]  # type: ignore[index]  # pairs


async def test_a_form_without_its_token_is_refused(client: httpx2.AsyncClient, services: FakeServices) -> None:
    for path in ("/setup/connect", "/setup/mapping", "/setup/dry-run/hold"):
        assert (await client.post(path, data={"x": "y"})).status_code == 403
    assert services.setting_up.asked == services.setup.asked == []


async def test_the_orders_of_programs(client: httpx2.AsyncClient, services: FakeServices) -> None:
    review = (await client.get("/api/v1/dry-run")).json()
    assert (review["writing"], review["waiting"][0]["amount"], review["sample"]) == (False, "12500.00", [])
    answer = await client.post("/api/v1/dry-run/release", json={"review": "1.0000000000000000"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "review_outdated")
    answer = await client.post("/api/v1/dry-run/release", json={"review": review["review"]})
    assert answer.json()["state"] == Holding.WRITING
    assert (await client.post("/api/v1/dry-run/hold")).json()["state"] == Holding.HELD
    assert (await client.get("/api/v1/dry-run?sample=21")).status_code == 422
    assert services.setting_up.dry_run.asked[0] == ("review", 0)
