"""The way of access that the settings name, and what they must have for it."""

from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from tests.unit.web.access.provider import FakeProvider
from wescope.config import load_settings
from wescope.config.access_roles import AccessRoles
from wescope.errors import ConfigurationError
from wescope.web.access.choosing import access_of, ask_sign_in
from wescope.web.access.guard import LocalAccess
from wescope.web.access.iap import ProxyAccess
from wescope.web.access.oidc import OidcAccess
from wescope.web.access.refusals import ProviderUnavailable

ROLES = AccessRoles(operators=("boss@example.com",))
OIDC = {
    "WESCOPE_ACCESS": "oidc",
    "WESCOPE_PUBLIC_URL": "https://books.example.com/",
    "WESCOPE_OIDC_ISSUER": "https://accounts.google.com",
    "WESCOPE_OIDC_CLIENT_ID": "id",
    "WESCOPE_OIDC_CLIENT_SECRET": "secret",
}
IAP = {"WESCOPE_ACCESS": "iap", "WESCOPE_IAP_AUDIENCE": "/projects/1/locations/europe-west1/services/console"}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("WESCOPE_HOME", str(tmp_path))
    monkeypatch.setenv("WESCOPE_TOKEN_KEY", Fernet.generate_key().decode())


def given(monkeypatch: pytest.MonkeyPatch, values: dict[str, str]) -> None:
    for name, value in values.items():
        monkeypatch.setenv(name, value)


def test_this_machine_alone_unless_something_is_said() -> None:
    assert isinstance(access_of(load_settings(), AccessRoles()), LocalAccess)


def test_each_way_is_put_together(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, OIDC)
    made = access_of(load_settings(), ROLES)
    assert isinstance(made, OidcAccess)
    assert (made.public_url, made.signs_in) == ("https://books.example.com", True)
    given(monkeypatch, IAP)
    assert isinstance(access_of(load_settings(), ROLES), ProxyAccess)


@pytest.mark.parametrize("name", [name for name in OIDC if name != "WESCOPE_ACCESS"])
def test_what_is_missing_for_a_sign_in_is_named(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    given(monkeypatch, OIDC)
    monkeypatch.delenv(name)
    with pytest.raises(ConfigurationError, match=name):
        access_of(load_settings(), ROLES)


def test_the_proxy_needs_its_audience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WESCOPE_ACCESS", "iap")
    with pytest.raises(ConfigurationError, match="WESCOPE_IAP_AUDIENCE"):
        access_of(load_settings(), ROLES)


@pytest.mark.parametrize("values", [OIDC, IAP])
def test_somebody_must_be_allowed_in(monkeypatch: pytest.MonkeyPatch, values: dict[str, str]) -> None:
    given(monkeypatch, values)
    with pytest.raises(ConfigurationError, match=r"\[access\] in wescope.toml"):
        access_of(load_settings(), AccessRoles())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("WESCOPE_ACCESS", "everybody"),
        ("WESCOPE_PUBLIC_URL", "http://books.example.com"),
        ("WESCOPE_PUBLIC_URL", "https://example.com/books"),
        ("WESCOPE_OIDC_ISSUER", "http://accounts.example.com"),
        ("WESCOPE_OIDC_ISSUER", "accounts.google.com"),
        ("WESCOPE_IAP_AUDIENCE", "console"),
        ("WESCOPE_IAP_KEYS_URL", "http://keys.example.com"),
        ("WESCOPE_API_TOKENS", "a-secret-without-a-name"),
        ("WESCOPE_API_TOKENS", f"ops:owner:{'x' * 40}"),
        ("WESCOPE_API_TOKENS", "ops:operator:too-short-a-secret"),
        ("WESCOPE_API_TOKENS", f"ops:viewer:{'x' * 40},ops:operator:{'y' * 40}"),
    ],
)
def test_a_wrong_value_is_named_and_not_quoted(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError, match=name) as caught:
        load_settings()
    if "TOKENS" in name:
        assert value.rpartition(":")[2] not in str(caught.value)


async def test_the_doctor_asks_the_provider_for_what_every_sign_in_needs(
    monkeypatch: pytest.MonkeyPatch, provider: FakeProvider
) -> None:
    given(monkeypatch, {**OIDC, "WESCOPE_OIDC_ISSUER": provider.issuer})
    assert "https://books.example.com/sign-in/callback" in await ask_sign_in(load_settings())
    assert provider.asked == ["/.well-known/openid-configuration", "/keys"]
    provider.published = [{"kty": "oct", "k": "c2VjcmV0"}]
    with pytest.raises(ProviderUnavailable, match="MissingKeyError"):
        await ask_sign_in(load_settings())
    given(monkeypatch, {"WESCOPE_OIDC_ISSUER": f"{provider.issuer}/other"})
    with pytest.raises(ProviderUnavailable):
        await ask_sign_in(load_settings())


async def test_the_doctor_asks_for_the_keys_of_the_proxy(
    monkeypatch: pytest.MonkeyPatch, provider: FakeProvider
) -> None:
    given(monkeypatch, {**IAP, "WESCOPE_IAP_KEYS_URL": f"{provider.issuer}/keys"})
    assert IAP["WESCOPE_IAP_AUDIENCE"] in await ask_sign_in(load_settings())
    provider.broken = True
    with pytest.raises(ProviderUnavailable):
        await ask_sign_in(load_settings())
