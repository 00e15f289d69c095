"""Secrets from Secret Manager: which are read, which win, what a refusal says, and that they change while we run."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.secret_manager import FakeSecrets, fake_secret_manager
from wescope.config import SecretSource, Settings, load_settings
from wescope.config.secret_manager import SecretManager, SecretRefused, SecretUnreadable
from wescope.config.secret_source import SECRET_SETTINGS, SOONEST_AGAIN_S, FixedSecret, wanted
from wescope.errors import ConfigurationError

KEY = "wescope-stripe-api-key"
HOOKS = "wescope-stripe-webhook-secrets"


@pytest.fixture(scope="module")
def server() -> Iterator[FakeSecrets]:
    with fake_secret_manager() as running:
        yield running


@pytest.fixture
def gcp(server: FakeSecrets, monkeypatch: pytest.MonkeyPatch) -> FakeSecrets:
    server.values.clear()
    server.denied.clear()
    server.failing.clear()
    server.calls.clear()
    for name, value in server.environment().items():
        monkeypatch.setenv(name, value)
    return server


class Clock:
    now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def test_every_secret_of_the_settings_may_lie_in_secret_manager() -> None:
    assert {
        "database_url",
        "stripe_api_key",
        "stripe_webhook_secrets",
        "qbo_client_secret",
        "qbo_refresh_token",
        "qbo_webhook_verifier",
        "token_key",
    } <= set(SECRET_SETTINGS)


def test_secrets_are_read_by_name_and_never_listed(gcp: FakeSecrets) -> None:
    gcp.put(KEY, "rk_live_1\n")
    gcp.put(HOOKS, "whsec_new, whsec_old")
    settings = load_settings()
    assert settings.require_stripe().api_key.get_secret_value() == "rk_live_1"
    assert settings.webhook_secrets == ("whsec_new", "whsec_old")
    assert settings.qbo_refresh_token is None, "one that is not there is fine"
    assert settings.managed == {"stripe_api_key", "stripe_webhook_secrets"}
    assert sorted(gcp.calls) == sorted(f"access wescope-{name.replace('_', '-')}" for name in SECRET_SETTINGS)
    assert "rk_live_1" not in repr(settings)


def test_the_environment_wins_and_is_not_asked_for(gcp: FakeSecrets, monkeypatch: pytest.MonkeyPatch) -> None:
    gcp.put(KEY, "rk_live_theirs")
    monkeypatch.setenv("WESCOPE_STRIPE_API_KEY", "rk_live_mine")
    assert load_settings().require_stripe().api_key.get_secret_value() == "rk_live_mine"
    assert f"access {KEY}" not in gcp.calls


def test_a_process_may_name_what_it_needs_and_pin_versions(gcp: FakeSecrets, monkeypatch: pytest.MonkeyPatch) -> None:
    gcp.put("books-stripe-api-key", "rk_live_1")
    gcp.put("books-stripe-api-key", "rk_live_2")
    monkeypatch.setenv("WESCOPE_GCP_SECRET_PREFIX", "books-")
    monkeypatch.setenv("WESCOPE_GCP_SECRETS", "stripe-api-key:1,token-key")
    settings = load_settings()
    assert settings.require_stripe().api_key.get_secret_value() == "rk_live_1"
    assert gcp.calls == ["access books-stripe-api-key", "access books-token-key"]
    monkeypatch.setenv("WESCOPE_GCP_SECRETS", "stripe-key")
    with pytest.raises(ConfigurationError, match=r"WESCOPE_GCP_SECRETS takes names.*stripe-api-key"):
        load_settings()


def test_a_refusal_names_the_secret_the_role_and_the_command(gcp: FakeSecrets) -> None:
    gcp.denied.add(KEY)
    with pytest.raises(SecretRefused, match=r"secretmanager\.secretAccessor") as refused:
        load_settings()
    assert f"gcloud secrets add-iam-policy-binding {KEY} --project=books-prod" in str(refused.value)
    assert "s3cr3t" not in str(refused.value)


def test_whatever_else_goes_wrong_is_told_as_its_kind(gcp: FakeSecrets, monkeypatch: pytest.MonkeyPatch) -> None:
    gcp.values[KEY] = [None]
    with pytest.raises(SecretUnreadable, match="reason=BadRequest"):
        load_settings()
    gcp.failing.add(KEY)
    manager = SecretManager.of(load_settings_without(monkeypatch))
    with pytest.raises(SecretUnreadable, match=KEY) as failed:
        manager.read("stripe_api_key", patience_s=0.3)
    assert "s3cr3t" not in str(failed.value)
    monkeypatch.setenv("WESCOPE_GCP_SECRETS_ENDPOINT", "http://127.0.0.1:1")
    with pytest.raises(SecretUnreadable):
        SecretManager.of(load_settings_without(monkeypatch)).read("stripe_api_key", patience_s=0.3)


def load_settings_without(monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The settings as they are with every secret given, so that nothing is asked for."""
    monkeypatch.setenv("WESCOPE_GCP_SECRETS", "qbo-webhook-verifier")
    monkeypatch.setenv("WESCOPE_QBO_WEBHOOK_VERIFIER", "v")
    return load_settings()


def test_a_wrong_value_is_told_without_the_value(gcp: FakeSecrets, monkeypatch: pytest.MonkeyPatch) -> None:
    gcp.put("wescope-token-key", "not a key at all")
    with pytest.raises(ConfigurationError, match=r"WESCOPE_TOKEN_KEY \(from Secret Manager\) must") as wrong:
        load_settings()
    assert "not a key at all" not in str(wrong.value)
    monkeypatch.delenv("WESCOPE_GCP_PROJECT")
    with pytest.raises(ConfigurationError, match="WESCOPE_GCP_PROJECT is needed"):
        load_settings()


@pytest.mark.parametrize("address", ["http://10.0.0.1", "http://secretmanager.googleapis.com", "ftp://x"])
def test_secrets_never_travel_unencrypted(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("WESCOPE_GCP_SECRETS_ENDPOINT", address)
    with pytest.raises(ConfigurationError, match="WESCOPE_GCP_SECRETS_ENDPOINT must be"):
        load_settings()


def test_googles_libraries_are_imported_only_when_they_are_used() -> None:
    program = "import sys, wescope.wiring; print(sys.modules.keys() & {'google.auth', 'google.cloud', 'grpc'})"
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert answer.stdout.strip() == "set()"


# --- while it runs ----------------------------------------------------------------------------------------------------


async def test_a_refused_value_is_read_again_at_once_and_then_not_for_a_while(gcp: FakeSecrets) -> None:
    gcp.put(HOOKS, "whsec_1")
    clock = Clock()
    source = SecretSource(load_settings(), clock=clock)
    used = source.current.stripe_webhook_secrets
    gcp.calls.clear()
    assert not await source.newer("stripe_webhook_secrets", used)
    gcp.put(HOOKS, "whsec_2")
    for _ in range(50):
        assert not await source.newer("stripe_webhook_secrets", used)
    assert gcp.calls == [f"access {HOOKS}"], "a storm of forgeries is one read"
    clock.now_s += SOONEST_AGAIN_S
    assert all(await asyncio.gather(*(source.newer("stripe_webhook_secrets", used) for _ in range(20))))
    assert gcp.calls == [f"access {HOOKS}"] * 2
    assert source.current.webhook_secrets == ("whsec_2",)
    assert await source.newer("stripe_webhook_secrets", used), "who still used the old value need not ask"
    assert len(gcp.calls) == 2


async def test_what_is_wrong_or_cannot_be_read_leaves_the_value_in_use(gcp: FakeSecrets) -> None:
    gcp.put(KEY, "rk_live_1")
    clock = Clock()
    source = SecretSource(load_settings(), clock=clock)
    key = source.live("stripe_api_key")
    for denied, failing, value in (({KEY}, set(), "rk_live_2"), (set(), {KEY}, "rk_live_2"), (set(), set(), "a b")):
        gcp.denied, gcp.failing = denied, failing
        gcp.put(KEY, value)
        clock.now_s += SOONEST_AGAIN_S
        assert not await key.newer_than("rk_live_1")
        assert key.value == "rk_live_1"
    gcp.put(KEY, "rk_live_2")
    clock.now_s += SOONEST_AGAIN_S
    assert await key.newer_than("rk_live_1")
    assert key.value == "rk_live_2"


async def test_all_that_may_change_is_read_again_from_time_to_time(
    gcp: FakeSecrets, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wescope.config.secret_source.READ_EVERY_S", 0.01)
    gcp.put("wescope-qbo-client-secret", "one")
    gcp.put("wescope-database-url", "postgresql://db/one")
    source = SecretSource(load_settings())
    gcp.put("wescope-qbo-client-secret", "two")
    gcp.put("wescope-database-url", "postgresql://db/two")
    gcp.put("wescope-qbo-webhook-verifier", "new")
    watching = asyncio.create_task(source.watch())
    async with asyncio.timeout(10):
        while source.live("qbo_client_secret").value != "two":  # noqa: ASYNC110 - the next round is waited for
            await asyncio.sleep(0.01)
    watching.cancel()
    assert source.current.webhook_verifier == "new", "also what was not there at the start"
    assert str(source.current.database_url.get_secret_value() if source.current.database_url else "").endswith("one")


async def test_the_environment_never_changes_and_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WESCOPE_STRIPE_API_KEY", "rk_test_1")
    source = SecretSource(load_settings())
    assert not await source.live("stripe_api_key").newer_than("rk_test_1")
    await source.watch()
    assert "whsec" not in repr(FixedSecret("whsec_1"))
    assert wanted(load_settings())
