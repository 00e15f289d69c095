"""Google's proxy: its signed word is believed, and nothing that comes around it."""

import time
from typing import Any

import httpx2
import pytest
from joserfc.jwk import ECKey

from tests.unit.web.access.conftest import app_of, browser_of
from tests.unit.web.access.proxy import assertion, form_token, proxy_access
from wescope.web.access.iap import HEADER

VIEWER = {"email": "clerk@example.com", "hd": "example.com"}
OPERATOR = {"email": "boss@example.com"}


@pytest.fixture
def browser() -> httpx2.AsyncClient:
    return browser_of(app_of(proxy_access()))


async def test_whom_it_lets_pass_has_the_role_of_the_lists(browser: httpx2.AsyncClient) -> None:
    for claims, post in ((VIEWER, 403), (OPERATOR, 200)):
        headers = assertion(claims)
        assert (await browser.get("/", headers=headers)).status_code == 200
        assert (await browser.post("/api/v1/sync", json={"ids": ["in_1"]}, headers=headers)).status_code == post


async def test_who_is_in_no_list_is_refused_and_who_comes_around_it_too(browser: httpx2.AsyncClient) -> None:
    stranger = await browser.get("/", headers=assertion({"email": "x@other.example"}))
    assert (stranger.status_code, "no_role" in stranger.text) == (403, True)
    around = await browser.get("/")
    assert (around.status_code, "not_signed_in" in around.text) == (401, True)
    named = {"x-goog-authenticated-user-email": "accounts.google.com:boss@example.com"}
    assert (await browser.get("/api/v1/status", headers=named)).status_code == 401
    assert (await browser.get("/sign-in")).headers["location"] == "/"
    assert (await browser.get("/sign-in/start")).status_code == 404


@pytest.mark.parametrize(
    ("lie", "reason"),
    [
        ({"aud": "/projects/1/global/backendServices/2"}, "audience"),
        ({"iss": "https://accounts.google.com"}, "issuer"),
        ({"exp": int(time.time()) - 3600}, "expired"),
        ({"iat": int(time.time()) + 3600}, "times"),
    ],
)
async def test_an_assertion_for_somebody_else_is_not_believed(
    browser: httpx2.AsyncClient, lie: dict[str, Any], reason: str
) -> None:
    answer = await browser.get("/api/v1/status", headers=assertion(OPERATOR | lie))
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "assertion_refused")
    assert f"reason={reason}" in answer.json()["error"]["message"]


@pytest.mark.parametrize("text", ["", "x", "a.b.c", "eyJhbGciOiJub25lIn0.e30.", "." * 20_000])
async def test_what_is_no_assertion_is_none(browser: httpx2.AsyncClient, text: str) -> None:
    assert (await browser.get("/api/v1/status", headers={HEADER: text})).status_code == 401


async def test_a_key_of_the_same_name_is_not_the_proxys(browser: httpx2.AsyncClient) -> None:
    headers = assertion(OPERATOR, signing=ECKey.generate_key("P-256", {"kid": "proxy"}))
    assert (await browser.get("/api/v1/status", headers=headers)).status_code == 401


async def test_the_token_of_forms_is_somebodys_own() -> None:
    access = proxy_access()
    own, others = form_token(access, OPERATOR), form_token(access, {"sub": "accounts.google.com:2"})
    assert own != others
    browser = browser_of(app_of(access))
    # Where there is nothing to sign out of, a form that was taken finds nothing.
    for token, status in ((own, 404), (others, 403)):
        answer = await browser.post("/sign-out", data={"csrf_token": token}, headers=assertion(OPERATOR))
        assert answer.status_code == status
