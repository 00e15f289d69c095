"""Applications with each way of access, and browsers and programs that ask them."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest
from cryptography.fernet import Fernet
from fastapi import FastAPI
from pydantic import SecretStr

from tests.unit.web.access.provider import CLIENT_ID, CLIENT_SECRET, FakeProvider, running_provider
from tests.unit.web.fakes import FakeServices
from wescope.config.access_roles import AccessRoles
from wescope.config.settings import OidcClient
from wescope.observe import Metrics
from wescope.web.access.bearer import ApiTokens
from wescope.web.access.guard import Access
from wescope.web.access.oidc import OidcAccess
from wescope.web.app import create_app

PUBLIC_URL = "https://books.example.com"
KEY = Fernet.generate_key().decode()
VIEWER_TOKEN, OPERATOR_TOKEN = "v" * 40, "o" * 40
TOKENS = (SecretStr(f"report:viewer:{VIEWER_TOKEN}"), SecretStr(f"ops:operator:{OPERATOR_TOKEN}"))
ROLES = AccessRoles(
    viewers=("@example.com", "subject-viewer"),
    operators=("boss@example.com",),
    viewer_groups=("finance",),
    operator_groups=("platform",),
)
BOSS = {"email": "Boss@Example.com", "email_verified": True}
CLERK = {"email": "clerk@example.com", "email_verified": True}

Browser = Callable[..., httpx2.AsyncClient]


@pytest.fixture
def provider() -> Iterator[FakeProvider]:
    with running_provider() as running:
        yield running


def app_of(access: Access | None, services: Any = None) -> FastAPI:
    return create_app(services or FakeServices(), metrics=Metrics({"invoice.paid"}), access=access)


def browser_of(app: FastAPI, *, address: str = "203.0.113.9", url: str = PUBLIC_URL) -> httpx2.AsyncClient:
    transport = httpx2.ASGITransport(app=app, client=(address, 50000), raise_app_exceptions=False)
    return httpx2.AsyncClient(transport=transport, base_url=url, headers={"accept": "text/html,*/*;q=0.8"})


@pytest.fixture
def access(provider: FakeProvider) -> OidcAccess:
    return oidc_of(provider)


def oidc_of(
    provider: FakeProvider, *, keys: tuple[str, ...] = (KEY,), roles: AccessRoles = ROLES, **more: Any
) -> OidcAccess:
    client = OidcClient(
        issuer=provider.issuer,
        client_id=CLIENT_ID,
        client_secret=SecretStr(CLIENT_SECRET),
        public_url=PUBLIC_URL,
    )
    return OidcAccess(client, roles, keys=keys, tokens=ApiTokens(TOKENS), **more)


@pytest.fixture
def browser(access: OidcAccess) -> httpx2.AsyncClient:
    return browser_of(app_of(access))


async def come_back(
    browser: httpx2.AsyncClient, provider: FakeProvider, wanted: str = "/", **changed: str
) -> httpx2.Response:
    """Go to the provider, sign in there, and come back."""
    begun = await browser.get("/sign-in/start", params={"next": wanted})
    assert begun.status_code == 303, begun.text
    return await browser.get("/sign-in/callback", params={**provider.authorize(begun.headers["location"]), **changed})


async def sign_in(browser: httpx2.AsyncClient, provider: FakeProvider, claims: dict[str, Any]) -> None:
    provider.claims = dict(claims)
    answer = await come_back(browser, provider)
    assert answer.status_code == 303, answer.text
