"""Every route, also those that somebody adds later: nobody gets what is not his."""

import itertools
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import httpx2
import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from tests.unit.web.access.conftest import (
    BOSS,
    CLERK,
    OPERATOR_TOKEN,
    TOKENS,
    VIEWER_TOKEN,
    app_of,
    browser_of,
    oidc_of,
    sign_in,
)
from tests.unit.web.access.provider import FakeProvider
from tests.unit.web.access.proxy import assertion, form_token, proxy_access
from wescope.web.access.bearer import ApiTokens
from wescope.web.access.guard import LocalAccess
from wescope.web.services import WebServices

OPEN = re.compile(
    r"GET (/static/[\w.]+|/healthz?|/readyz?|/metrics|/openapi\.json|/sign-in(/start|/callback)?"
    r"|/setup/connect/callback)"
    r"|POST /webhooks/(stripe|qbo)"
)
"""What anybody may ask for. `/metrics` has counts and codes only; in the cloud it is for the machine itself. Whoever
comes back from Intuit is only sent on to the guarded page that takes the answer."""

FOR_OPERATORS = frozenset({"GET /setup/connect/finish"})
"""Where an outside service sends the browser back to end what an operator began."""

FOR_ALL_WHO_ARE_SIGNED_IN = frozenset({"POST /sign-out"})
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
REFUSED = frozenset({401, 403})
_HOSTS = itertools.cycle(range(1, 255))  # who guesses tokens too often must wait


class Reached(Exception):
    """A request has come through to the services."""


class Tripwire:
    """Services of which nothing may be asked: whatever is, tells."""

    def __init__(self) -> None:
        self.touched: list[str] = []

    def __getattr__(self, name: str) -> Any:
        self.touched.append(name)
        raise Reached(name)


@dataclass
class Asked:
    """One way to come."""

    browser: httpx2.AsyncClient
    services: Tripwire
    headers: Mapping[str, str] = field(default_factory=dict)

    async def ask(self, method: str, path: str, **changed: Any) -> tuple[int, bool]:
        """The status, and whether the request came as far as the services."""
        self.services.touched.clear()
        answer = await self.browser.request(
            method, path, headers=dict(self.headers) | changed.pop("headers", {}), **changed
        )
        return answer.status_code, bool(self.services.touched)


def routes_of(app: FastAPI) -> Iterator[tuple[str, str]]:
    for route in iter_route_contexts(app.routes):
        for method in sorted(route.methods or ()):
            yield method, str(route.path)


def all_routes() -> list[tuple[str, str]]:
    return sorted(set(routes_of(app_of(None, cast("WebServices", Tripwire())))))


GUARDED = [(method, path) for method, path in all_routes() if not OPEN.fullmatch(f"{method} {path}")]
UNSAFE = [(method, path) for method, path in GUARDED if method not in SAFE]
each = pytest.mark.parametrize(("method", "path"), GUARDED, ids=lambda one: one)


def example(path: str) -> str:
    """A path with something in place of each parameter."""
    return re.sub(r"\{[^}]*\}", "12", path)


def test_the_list_of_open_routes_is_small_and_all_of_it_is_there() -> None:
    opened = {f"{method} {path}" for method, path in all_routes() if OPEN.fullmatch(f"{method} {path}")}
    assert {"POST /webhooks/stripe", "POST /webhooks/qbo", "GET /sign-in", "GET /healthz", "GET /ready"} <= opened
    assert len(opened) <= 16
    assert len(GUARDED) >= 25
    assert {f"{method} {path}" for method, path in GUARDED} >= FOR_ALL_WHO_ARE_SIGNED_IN


async def test_the_metrics_are_for_the_machine_itself_where_others_are_let_in() -> None:
    app = app_of(proxy_access())
    assert (await browser_of(app).get("/metrics")).status_code == 403
    assert (await browser_of(app, address="127.0.0.1").get("/metrics")).status_code == 200


@pytest.fixture(scope="module")
def apps() -> dict[str, tuple[FastAPI, Tripwire]]:
    """One application for each way of access; building one takes longer than a request."""
    made = {}
    for name, access in (("iap", proxy_access()), ("local", LocalAccess(ApiTokens(TOKENS)))):
        wire = Tripwire()
        made[name] = (app_of(access, wire), wire)
    return made


@each
async def test_a_stranger_gets_nothing(apps: dict[str, tuple[FastAPI, Tripwire]], method: str, path: str) -> None:
    no_role = assertion({"email": "x@other.example"})
    for name, headers in (
        ("iap", {}),
        ("iap", no_role),
        ("iap", {"authorization": f"Bearer {'x' * 40}"}),
        ("iap", {"cookie": "__Host-wescope=gAAAA"}),
        ("local", {}),
        ("local", {"host": "localhost"}),
        ("local", {"x-forwarded-for": "127.0.0.1"}),
    ):
        app, wire = apps[name]
        fresh = Asked(browser_of(app, address=f"198.51.100.{next(_HOSTS)}"), wire, headers)
        status, touched = await fresh.ask(method, example(path))
        assert (status in REFUSED, touched) == (True, False), (name, headers, status)


@each
async def test_a_viewer_looks_and_does_nothing(
    apps: dict[str, tuple[FastAPI, Tripwire]], method: str, path: str
) -> None:
    app, wire = apps["iap"]
    viewer = Asked(browser_of(app), wire, assertion({"email": "clerk@example.com", "hd": "example.com"}))
    status, touched = await viewer.ask(method, example(path))
    if f"{method} {path}" in FOR_OPERATORS:
        assert (status, touched) == (403, False)
    elif method in SAFE:
        assert status not in REFUSED
    elif f"{method} {path}" not in FOR_ALL_WHO_ARE_SIGNED_IN:
        assert (status, touched) == (403, False)
    program = Asked(browser_of(app), wire, {"authorization": f"Bearer {VIEWER_TOKEN}"})
    status, touched = await program.ask(method, example(path))
    if not path.startswith("/api/v1/") or method not in SAFE:
        assert (status in REFUSED, touched) == (True, False)
    else:
        assert status not in REFUSED


FORGED: Mapping[str, dict[str, str]] = {
    "cross-site": {"sec-fetch-site": "cross-site"},
    "same-site": {"sec-fetch-site": "same-site"},
    "origin": {"origin": "https://evil.example"},
    "null": {"origin": "null"},
    "scheme": {"origin": "chrome-extension://abc"},
    "port": {"origin": "https://books.example.com:8443"},
    "prefix": {"origin": "https://books.example.com.evil.example"},
}


@pytest.mark.parametrize(("method", "path"), UNSAFE, ids=lambda one: one)
@pytest.mark.parametrize("way", ["iap", "local"])
async def test_a_page_of_another_site_does_nothing(
    apps: dict[str, tuple[FastAPI, Tripwire]], way: str, method: str, path: str
) -> None:
    app, wire = apps[way]
    operator = Asked(browser_of(app), wire, assertion({"email": "boss@example.com"}))
    if way == "local":
        operator = Asked(browser_of(app, address="127.0.0.1", url="http://127.0.0.1:8080"), wire)
    for name, headers in FORGED.items():
        kinds: tuple[dict[str, Any], ...] = ({"json": {}}, {"data": {"csrf_token": "x"}}, {})
        for sent in kinds:
            assert await operator.ask(method, example(path), headers=headers, **sent) == (403, False), (name, sent)


@pytest.mark.parametrize(("method", "path"), UNSAFE, ids=lambda one: one)
async def test_a_form_needs_the_token_of_its_session(
    apps: dict[str, tuple[FastAPI, Tripwire]], method: str, path: str
) -> None:
    app, wire = apps["iap"]
    operator = Asked(browser_of(app), wire, assertion({"email": "boss@example.com"}))
    attempts: tuple[dict[str, Any], ...] = (
        {"data": {"other": "x"}},
        {"data": {"csrf_token": ""}},
        {"data": {"csrf_token": "x" * 64}},
        {"files": {"csrf_token": ("a", b"x")}},
        {"content": b"{}", "headers": {"content-type": "text/plain"}},
    )
    for sent in attempts if path.startswith("/api/") else (*attempts, {}, {"json": {"csrf_token": "x"}}):
        assert await operator.ask(method, example(path), **sent) == (403, False), sent


@pytest.mark.parametrize(("method", "path"), GUARDED, ids=lambda one: one)
async def test_an_operator_may(apps: dict[str, tuple[FastAPI, Tripwire]], method: str, path: str) -> None:
    app, wire = apps["iap"]
    for headers in (assertion({"email": "boss@example.com"}), {"authorization": f"Bearer {OPERATOR_TOKEN}"}):
        if "authorization" in headers and not path.startswith("/api/v1/"):
            continue
        asked = Asked(browser_of(app), wire, headers)
        form = {"data": {"csrf_token": form_token(app.state.access, {"email": "boss@example.com"})}}
        sent: dict[str, Any] = {"json": {}} if path.startswith("/api/") else form
        status, _ = await asked.ask(method, example(path), headers={"sec-fetch-site": "same-origin"}, **sent)
        assert status not in REFUSED


@asynccontextmanager
async def signed_in(provider: FakeProvider, claims: dict[str, Any]) -> AsyncIterator[Asked]:
    wire = Tripwire()
    browser = browser_of(app_of(oidc_of(provider), wire))
    await sign_in(browser, provider, claims)
    yield Asked(browser, wire)


async def test_a_session_is_no_more_than_its_role(provider: FakeProvider) -> None:
    async with signed_in(provider, CLERK) as viewer, signed_in(provider, BOSS) as operator:
        stranger = Asked(browser_of(app_of(oidc_of(provider), viewer.services)), viewer.services)
        for method, path in GUARDED:
            status, touched = await stranger.ask(method, example(path))
            expected = 303 if method == "GET" and not path.startswith("/api/") else 401
            assert (status, touched) == (expected, False), path
            for headers in FORGED.values():
                if method not in SAFE:
                    assert await operator.ask(method, example(path), headers=headers, json={}) == (403, False)
            if f"{method} {path}" in FOR_OPERATORS:
                assert await viewer.ask(method, example(path)) == (403, False)
            elif method not in SAFE and f"{method} {path}" not in FOR_ALL_WHO_ARE_SIGNED_IN:
                assert await viewer.ask(method, example(path), json={}) == (403, False)
                assert await operator.ask(method, example(path), data={"csrf_token": "x"}) == (403, False)
            else:
                assert (await viewer.ask(method, example(path), json={}))[0] not in REFUSED | {303} or method != "GET"


async def test_the_token_of_one_session_is_worth_nothing_in_another(provider: FakeProvider) -> None:
    app = app_of(oidc_of(provider))
    tokens = []
    for _ in range(2):
        browser = browser_of(app)
        await sign_in(browser, provider, BOSS)
        tokens.append((await browser.get("/")).text.split('name="csrf_token" value="')[1].partition('"')[0])
    assert tokens[0] != tokens[1]
    answers = [(await browser.post("/sign-out", data={"csrf_token": token})).status_code for token in tokens]
    assert answers == [403, 303]
