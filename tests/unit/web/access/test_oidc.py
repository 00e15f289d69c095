"""Signing in with a provider: what is believed, what is not, and what the browser keeps."""

import io
import time
from typing import Any

import httpx2
import pytest
from cryptography.fernet import Fernet
from joserfc.jwk import ECKey, OctKey

from tests.unit.web.access.conftest import (
    BOSS,
    CLERK,
    KEY,
    PUBLIC_URL,
    ROLES,
    app_of,
    browser_of,
    come_back,
    oidc_of,
    sign_in,
)
from tests.unit.web.access.provider import CLIENT_ID, FakeProvider
from wescope.config.access_roles import AccessRoles

NOW = int(time.time())


async def test_who_is_not_signed_in_is_sent_to_sign_in_and_comes_to_the_page_that_was_wanted(
    browser: httpx2.AsyncClient, provider: FakeProvider
) -> None:
    refused = await browser.get("/?as_of=2026-11-22")
    assert (refused.status_code, refused.headers["location"]) == (303, "/sign-in?next=/%3Fas_of%3D2026-11-22")
    page = await browser.get(refused.headers["location"])
    assert 'href="/sign-in/start?next=%2F%3Fas_of%3D2026-11-22"' in page.text
    provider.claims = dict(BOSS)
    back = await come_back(browser, provider, "/?as_of=2026-11-22")
    assert (back.status_code, back.headers["location"]) == (303, "/?as_of=2026-11-22")
    assert (await browser.get("/")).status_code == 200


async def test_the_cookie_is_of_this_host_alone_and_no_script_reads_it(
    browser: httpx2.AsyncClient, provider: FakeProvider
) -> None:
    provider.claims = dict(BOSS)
    back = await come_back(browser, provider)
    session, gone = back.headers.get_list("set-cookie")
    assert session.startswith("__Host-wescope=gAAAA")
    assert {part.strip().lower() for part in session.split(";")[1:]} == {
        "httponly", "secure", "samesite=lax", "path=/", "max-age=28800",
    }  # fmt: skip
    assert gone.startswith('__Host-wescope-sign-in="";')
    assert "boss" not in session.lower()


async def test_the_log_tells_a_digest_and_no_name(
    browser: httpx2.AsyncClient, provider: FakeProvider, logs: io.StringIO
) -> None:
    await sign_in(browser, provider, BOSS)
    told = logs.getvalue()
    assert '"signed in"' in told
    assert '"actor": "user:' in told
    assert "boss" not in told.lower()
    assert "u-1" not in told


@pytest.mark.parametrize(
    ("claims", "status", "operator"),
    [
        (BOSS, 303, True),
        (CLERK, 303, False),
        ({"sub": "subject-viewer"}, 303, False),
        ({"groups": ["finance", "other"]}, 303, False),
        ({"groups": "platform"}, 303, True),
        ({"groups": ["Finance"]}, 403, False),
        ({**BOSS, "email_verified": False}, 403, False),
        ({**BOSS, "email_verified": "true"}, 403, False),
        ({"email": BOSS["email"]}, 403, False),
        ({"email": "eve@example.com.evil.org", "email_verified": True}, 403, False),
        ({"email": "eve@evilexample.com", "email_verified": True}, 403, False),
        ({"sub": "boss@example.com"}, 403, False),
        ({}, 403, False),
    ],
)
async def test_lists_say_who_may_what(
    browser: httpx2.AsyncClient, provider: FakeProvider, claims: dict[str, Any], status: int, *, operator: bool
) -> None:
    provider.claims = dict(claims)
    back = await come_back(browser, provider)
    assert back.status_code == status
    assert ("__Host-wescope=g" in str(back.headers)) == (status == 303)
    if status == 403:
        assert "no_role" in back.text
        assert (await browser.get("/api/v1/status")).status_code == 401
        return
    asked = await browser.post("/api/v1/sync", json={"ids": ["in_1"]})
    assert asked.status_code == (200 if operator else 403)
    assert operator or asked.json()["error"]["code"] == "not_allowed"


async def test_of_googles_own_people_the_organisation_counts_and_not_the_spelling_of_the_e_mail(
    provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wescope.web.access.identity._GOOGLE", {provider.issuer})
    for claims, status in (({**CLERK, "hd": "example.com"}, 303), (CLERK, 403), ({**CLERK, "hd": "evil.org"}, 403)):
        provider.claims = dict(claims)
        assert (await come_back(browser_of(app_of(oidc_of(provider))), provider)).status_code == status


@pytest.mark.parametrize(
    ("lie", "reason"),
    [
        ({"nonce": "another"}, "nonce"),
        ({"nonce": None}, "nonce"),
        ({"aud": "another"}, "audience"),
        ({"aud": [CLIENT_ID, "another"]}, "authorized_party"),
        ({"azp": "another"}, "authorized_party"),
        ({"iss": "https://evil.example"}, "issuer"),
        ({"exp": NOW - 3600}, "expired"),
        ({"exp": None}, "times"),
        ({"iat": None}, "times"),
        ({"iat": NOW + 3600}, "times"),
        ({"nbf": NOW + 3600}, "times"),
        ({"sub": ""}, "subject"),
        ({"sub": None}, "subject"),
    ],
)
async def test_a_token_that_says_something_else_is_not_believed(
    browser: httpx2.AsyncClient, provider: FakeProvider, logs: io.StringIO, lie: dict[str, Any], reason: str
) -> None:
    provider.claims = BOSS | lie
    back = await come_back(browser, provider)
    assert (back.status_code, "sign_in_failed" in back.text) == (400, True)
    assert f"reason={reason}" in back.text
    assert f'"reason_code": "{reason}"' in logs.getvalue()
    assert (await browser.get("/api/v1/status")).status_code == 401


@pytest.mark.parametrize("forge", ["none", "symmetric"])
async def test_a_token_that_anybody_could_have_made_is_not_believed(
    browser: httpx2.AsyncClient, provider: FakeProvider, forge: str
) -> None:
    provider.claims, provider.forge = dict(BOSS), forge
    back = await come_back(browser, provider)
    assert (back.status_code, "reason=algorithm" in back.text) == (400, True)


async def test_a_symmetric_key_is_none_even_if_the_provider_publishes_it(
    browser: httpx2.AsyncClient, provider: FakeProvider
) -> None:
    provider.claims = dict(BOSS)
    shared = dict(OctKey.generate_key(256, {"kid": "first"}).as_dict(private=True))
    provider.published = [shared, dict(provider.signing.as_dict(private=False))]
    assert (await come_back(browser, provider)).status_code == 303
    provider.published = [shared]
    assert (await come_back(browser_of(app_of(oidc_of(provider))), provider)).status_code == 503


async def test_a_token_signed_with_another_key_of_the_same_name_is_not_believed(
    browser: httpx2.AsyncClient, provider: FakeProvider
) -> None:
    provider.claims, provider.published = dict(BOSS), [dict(provider.signing.as_dict(private=False))]
    provider.roll("first")
    back = await come_back(browser, provider)
    assert (back.status_code, "reason=signature" in back.text) == (400, True)


async def test_keys_that_roll_are_fetched_again_but_not_for_every_token(provider: FakeProvider) -> None:
    moment = [0.0]
    from wescope.web.access.provider import Provider  # noqa: PLC0415

    access = oidc_of(provider)
    access._provider = Provider(_client(access), clock=lambda: moment[0])
    browser = browser_of(app_of(access))
    await sign_in(browser, provider, BOSS)
    assert provider.asked.count("/keys") == 1
    provider.roll("second")
    moment[0] = 31
    await sign_in(browser, provider, BOSS)
    assert provider.asked.count("/keys") == 2
    provider.signing.as_dict()
    provider.header = {"kid": "unheard-of"}
    for _ in range(3):
        assert (await come_back(browser, provider)).status_code == 400
    assert provider.asked.count("/keys") == 2


def _client(access: Any) -> Any:
    return access._provider._client


async def test_elliptic_keys_are_believed_too(browser: httpx2.AsyncClient, provider: FakeProvider) -> None:
    provider.signing = ECKey.generate_key("P-256", {"kid": "curve"})
    await sign_in(browser, provider, BOSS)


async def test_the_secret_goes_in_the_body_if_the_provider_wants_it_there(
    browser: httpx2.AsyncClient, provider: FakeProvider
) -> None:
    provider.methods = ("client_secret_post",)
    await sign_in(browser, provider, BOSS)


async def test_an_answer_that_this_browser_did_not_ask_for_is_not_taken(
    browser: httpx2.AsyncClient, provider: FakeProvider
) -> None:
    provider.claims = dict(BOSS)
    back = await come_back(browser, provider, state="another")
    assert (back.status_code, "reason=state" in back.text) == (400, True)
    alone = await browser_of(app_of(oidc_of(provider))).get("/sign-in/callback", params={"code": "c", "state": "s"})
    assert (alone.status_code, "reason=not_begun" in alone.text) == (400, True)


async def test_a_code_counts_once(browser: httpx2.AsyncClient, provider: FakeProvider) -> None:
    provider.claims = dict(BOSS)
    begun = await browser.get("/sign-in/start")
    cookie = begun.headers["set-cookie"].partition(";")[0]
    told = provider.authorize(begun.headers["location"])
    assert (await browser.get("/sign-in/callback", params=told)).status_code == 303
    again = await browser.get("/sign-in/callback", params=told, headers={"cookie": cookie})
    assert (again.status_code, "reason=code_refused" in again.text) == (400, True)


async def test_another_issuer_in_the_answer_is_refused(browser: httpx2.AsyncClient, provider: FakeProvider) -> None:
    provider.claims = dict(BOSS)
    back = await come_back(browser, provider, iss="https://evil.example")
    assert (back.status_code, "reason=issuer" in back.text) == (400, True)


async def test_a_provider_that_refuses_is_told_without_what_it_said(
    browser: httpx2.AsyncClient, provider: FakeProvider
) -> None:
    back = await come_back(browser, provider, error="<script>", error_description="secret")
    assert (back.status_code, "reason=refused_by_provider" in back.text) == (400, True)
    assert "script>" not in back.text.replace("defer></script>", "")
    assert "secret" not in back.text


async def test_a_provider_that_is_away_is_503_and_one_of_another_name_too(
    browser: httpx2.AsyncClient, provider: FakeProvider
) -> None:
    provider.broken = True
    away = await browser.get("/sign-in/start")
    assert (away.status_code, "identity_provider_unavailable" in away.text) == (503, True)
    provider.broken = False
    name, provider.issuer = provider.issuer, "https://another.example"
    assert (await browser.get("/sign-in/start")).status_code == 503
    provider.issuer = name
    assert (await browser.get("/sign-in/start")).status_code == 303


@pytest.mark.parametrize(
    "wanted",
    [
        "https://evil.example/", "//evil.example", "/\\evil.example", "\\\\evil.example", "evil.example",
        "javascript:1", "/\tevil", "///evil.example", "/sign-in/start", "", "/a\r\nSet-Cookie: a=b", "/ü",
        "/" + "a" * 3000,
    ],
)  # fmt: skip
async def test_a_browser_is_sent_back_to_paths_of_ours_only(
    browser: httpx2.AsyncClient, provider: FakeProvider, wanted: str
) -> None:
    provider.claims = dict(BOSS)
    back = await come_back(browser, provider, wanted)
    assert (back.status_code, back.headers["location"]) == (303, "/")
    assert "evil" not in (await browser.get("/sign-in", params={"next": wanted})).text


async def test_a_session_ends_after_eight_hours(provider: FakeProvider) -> None:
    moment = [time.time()]
    access = oidc_of(provider, now=lambda: moment[0])
    browser = browser_of(app_of(access))
    await sign_in(browser, provider, BOSS)
    moment[0] += 8 * 3600 - 60
    assert (await browser.get("/api/v1/status")).status_code == 200
    moment[0] += 120
    assert (await browser.get("/api/v1/status")).status_code == 401


async def test_every_process_knows_the_session_also_while_keys_roll_and_none_with_other_rules(
    provider: FakeProvider,
) -> None:
    browser = browser_of(app_of(oidc_of(provider)))
    await sign_in(browser, provider, BOSS)
    cookie = {"cookie": f"__Host-wescope={browser.cookies['__Host-wescope']}"}
    newer = Fernet.generate_key().decode()
    fewer = AccessRoles(viewers=ROLES.viewers)
    for access, status in (
        (oidc_of(provider), 200),
        (oidc_of(provider, keys=(newer, KEY)), 200),
        (oidc_of(provider, keys=(newer,)), 401),
        (oidc_of(provider, roles=fewer), 401),
    ):
        answer = await browser_of(app_of(access)).get("/api/v1/status", headers=cookie)
        assert answer.status_code == status


async def test_a_changed_cookie_is_none(browser: httpx2.AsyncClient, provider: FakeProvider) -> None:
    await sign_in(browser, provider, CLERK)
    value = browser.cookies["__Host-wescope"]
    for other in (value[:-8] + "AAAAAAAA", "x", "gAAAA=;", value + value):
        answer = await browser_of(app_of(oidc_of(provider))).get(
            "/api/v1/status", headers={"cookie": f"__Host-wescope={other}"}
        )
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "not_signed_in")


async def test_signing_out_needs_the_forms_token_and_ends_the_session(
    browser: httpx2.AsyncClient, provider: FakeProvider
) -> None:
    await sign_in(browser, provider, CLERK)
    page = (await browser.get("/")).text
    assert 'action="/sign-out"' in page
    assert (await browser.post("/sign-out", data={"csrf_token": "x"})).status_code == 403
    token = page.split('name="csrf_token" value="')[1].partition('"')[0]
    out = await browser.post("/sign-out", data={"csrf_token": token})
    assert (out.status_code, out.headers["location"]) == (303, "/sign-in?signed_out=true")
    assert "You are signed out" in (await browser.get(out.headers["location"])).text
    assert (await browser.get("/api/v1/status")).status_code == 401


async def test_who_tries_too_often_must_wait_and_others_need_not(provider: FakeProvider) -> None:
    app = app_of(oidc_of(provider))
    impatient = browser_of(app)
    answers = [await impatient.get("/sign-in/start") for _ in range(11)]
    assert [answer.status_code for answer in answers] == [303] * 10 + [429]
    assert "too_many_attempts" in answers[-1].text
    assert 0 < int(answers[-1].headers["retry-after"]) <= 60
    assert (await browser_of(app, address="203.0.113.10").get("/sign-in/start")).status_code == 303
    # Behind a proxy of a private address the one counts that it has seen.
    proxied = browser_of(app, address="169.254.169.126")
    for index in range(11):
        told = {"x-forwarded-for": f"203.0.113.{index}, 198.51.100.7"}
        last = await proxied.get("/sign-in/start", headers=told)
    assert last.status_code == 429
    assert (await proxied.get("/sign-in/start", headers={"x-forwarded-for": "198.51.100.8"})).status_code == 303


async def test_a_part_of_a_page_that_is_asked_for_after_the_end_leads_the_whole_page_to_sign_in(
    browser: httpx2.AsyncClient,
) -> None:
    asked = {"hx-request": "true", "hx-current-url": f"{PUBLIC_URL}/runs/12?a=b"}
    answer = await browser.get("/", headers=asked)
    assert (answer.status_code, answer.headers["hx-redirect"]) == (401, "/sign-in?next=/runs/12%3Fa%3Db")
