"""Settings: defaults, every refusal by the name of its variable, and never a secret in an error."""

import pytest
from cryptography.fernet import Fernet

from wescope.config import load_settings
from wescope.errors import ConfigurationError

COMPLETE = {
    "WESCOPE_STRIPE_API_KEY": "rk_test_1",
    "WESCOPE_STRIPE_WEBHOOK_SECRETS": "whsec_1",
    "WESCOPE_QBO_CLIENT_ID": "client",
    "WESCOPE_QBO_CLIENT_SECRET": "secret",
    "WESCOPE_QBO_REALM_ID": "9130347",
    "WESCOPE_QBO_REFRESH_TOKEN": "RT1-token",
}


def set_all(monkeypatch: pytest.MonkeyPatch, **values: str) -> None:
    for name, value in values.items():
        monkeypatch.setenv(name, value)


def test_defaults_are_those_of_the_design() -> None:
    settings = load_settings()
    assert str(settings.home) == ".wescope"
    assert (settings.host, settings.port) == ("127.0.0.1", 8080)
    assert settings.stripe_api_base == "https://api.stripe.com"
    assert settings.qbo_api_base == "https://quickbooks.api.intuit.com"
    assert settings.qbo_token_url == "https://oauth.platform.intuit.com/oauth2/v1/tokens/bearer"
    assert settings.qbo_authorize_url == "https://appcenter.intuit.com/connect/oauth2"
    assert settings.embedded


def test_an_empty_variable_is_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    set_all(monkeypatch, WESCOPE_DATABASE_URL="", WESCOPE_PORT="", WESCOPE_STRIPE_API_KEY="")
    settings = load_settings()
    assert settings.embedded
    assert settings.stripe_api_key is None


def test_webhook_secrets_are_comma_separated(monkeypatch: pytest.MonkeyPatch) -> None:
    set_all(monkeypatch, WESCOPE_STRIPE_WEBHOOK_SECRETS=" whsec_new, whsec_old ,,")
    assert [secret.get_secret_value() for secret in load_settings().require_webhooks()] == ["whsec_new", "whsec_old"]


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("WESCOPE_PORT", "eighty-hunter2", "whole number"),
        ("WESCOPE_PORT", "70000", "from 0 to 65535"),
        ("WESCOPE_STRIPE_API_BASE", "ftp://hunter2", "must be an address"),
        ("WESCOPE_STRIPE_API_BASE", "https://user:hunter2@host", "must be an address"),
        ("WESCOPE_QBO_API_BASE", "https://host:hunter2", "must be an address"),
        ("WESCOPE_QBO_TOKEN_URL", "https://host?hunter2=1", "must be an address"),
        ("WESCOPE_DATABASE_URL", "mysql://hunter2", "PostgreSQL"),
        ("WESCOPE_TOKEN_KEY", "hunter2", "Fernet"),
        ("WESCOPE_ALERT_WEBHOOK_URL", "hooks.slack.com/hunter2", "must be an address"),
        ("WESCOPE_ALERT_WEBHOOK_URL", "https://hunter2\u2100.example.com/", "must be an address"),
        ("WESCOPE_ALERT_EMAIL_TO", "ops@example.com, hunter2", "must be an e-mail address"),
        ("WESCOPE_ALERT_EMAIL_FROM", "WeScope <hunter2@example.com>", "must be an e-mail address"),
        ("WESCOPE_SMTP_URL", "https://user:hunter2@host", "must be the address of a mail server"),
        ("WESCOPE_SMTP_URL", "smtp://user:hunter2@host:0", "must be the address of a mail server"),
        ("WESCOPE_SMTP_URL", "smtp://host/hunter2", "must be the address of a mail server"),
        ("WESCOPE_SECRETS", "hunter2", "'env' or 'gcp'"),
        ("WESCOPE_BIGQUERY_DATASET", "hunter2.books", "name of a dataset"),
        ("WESCOPE_BIGQUERY_ENDPOINT", "hunter2", "must be an address"),
        ("WESCOPE_LOG_LEVEL", "hunter2", "debug"),
        ("WESCOPE_QBO_REALM_ID", "../hunter2", "realm id"),
        ("WESCOPE_STRIPE_API_KEY", "sk_hunter2 with spaces", "spaces"),
        ("WESCOPE_STRIPE_WEBHOOK_SECRETS", "whsec_1,hunter2 with spaces", "spaces"),
        ("WESCOPE_HOST", "http://hunter2", "pattern"),
    ],
)
def test_a_wrong_value_is_refused_by_name_and_not_shown(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, expected: str
) -> None:
    set_all(monkeypatch, **{name: value})
    with pytest.raises(ConfigurationError) as raised:
        load_settings()
    message = str(raised.value)
    assert name in message
    assert expected in message
    assert "hunter2" not in message
    assert raised.value.__cause__ is None


def test_all_faults_are_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    set_all(monkeypatch, WESCOPE_PORT="x", WESCOPE_LOG_LEVEL="y")
    with pytest.raises(ConfigurationError, match=r"WESCOPE_PORT.*WESCOPE_LOG_LEVEL"):
        load_settings()


def test_addresses_lose_their_last_slash(monkeypatch: pytest.MonkeyPatch) -> None:
    set_all(monkeypatch, WESCOPE_STRIPE_API_BASE="http://127.0.0.1:12111/")
    assert load_settings().stripe_api_base == "http://127.0.0.1:12111"


def test_requirements_name_all_that_is_missing() -> None:
    settings = load_settings()
    with pytest.raises(ConfigurationError, match="WESCOPE_STRIPE_API_KEY"):
        settings.require_stripe()
    with pytest.raises(ConfigurationError, match="WESCOPE_STRIPE_WEBHOOK_SECRETS"):
        settings.require_webhooks()
    with pytest.raises(ConfigurationError) as raised:
        settings.require_qbo()
    for name in COMPLETE:
        assert (name in str(raised.value)) == name.startswith("WESCOPE_QBO_")


def test_complete_settings_give_access(monkeypatch: pytest.MonkeyPatch) -> None:
    set_all(monkeypatch, **COMPLETE)
    settings = load_settings()
    assert settings.require_stripe().api_key.get_secret_value() == "rk_test_1"
    access = settings.require_qbo()
    assert access.realm_id == "9130347"
    assert access.refresh_token is not None
    assert access.refresh_token.get_secret_value() == "RT1-token"


def test_a_stored_token_makes_the_variable_optional(monkeypatch: pytest.MonkeyPatch) -> None:
    set_all(monkeypatch, **COMPLETE)
    monkeypatch.delenv("WESCOPE_QBO_REFRESH_TOKEN")
    assert load_settings().require_qbo(token_stored=True).refresh_token is None


def test_secrets_are_in_no_representation(monkeypatch: pytest.MonkeyPatch) -> None:
    key = Fernet.generate_key().decode()
    set_all(
        monkeypatch,
        **COMPLETE,
        WESCOPE_DATABASE_URL="postgresql://user:hunter2@db/wescope",
        WESCOPE_TOKEN_KEY=key,
        WESCOPE_QBO_WEBHOOK_VERIFIER="verifier-1",
    )
    settings = load_settings()
    shown = f"{settings!r} {settings.require_qbo()!r} {settings.require_stripe()!r} {settings.model_dump_json()}"
    for secret in ("rk_test_1", "whsec_1", "RT1-token", "hunter2", key, "verifier-1", "'secret'"):
        assert secret not in shown


def test_bigquery_needs_a_dataset(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigurationError, match="WESCOPE_BIGQUERY_DATASET"):
        load_settings().require_bigquery()
    set_all(monkeypatch, WESCOPE_BIGQUERY_DATASET="books", WESCOPE_GCP_PROJECT="acme")
    access = load_settings().require_bigquery()
    assert (access.project, access.dataset, access.endpoint) == ("acme", "books", None)
