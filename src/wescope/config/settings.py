"""Settings: the environment variables of DESIGN.md section 6, checked once, with every secret wrapped.

An error names the variable and what to do, never the value: a value may be a secret.
"""

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from wescope.errors import ConfigurationError

PREFIX = "WESCOPE_"
DATABASE_SCHEMES = ("postgresql", "postgres", "postgresql+psycopg")
FERNET_KEY_BYTES = 32

_TEXTS = {
    "int_parsing": "must be a whole number",
    "greater_than_equal": "must be a number from 0 to 65535",
    "less_than_equal": "must be a number from 0 to 65535",
}


def _service_url(value: str) -> str:
    """`value` without its last slash, if it is the address of an HTTP service."""
    try:
        parts = urlsplit(value)
        complete = parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:  # an impossible port or host, as urllib says it
        complete = False
    if not complete or parts.query or parts.fragment or parts.username or re.search(r"\s", value):
        raise ValueError("must be an address such as https://host or http://host:port, without user, query or fragment")
    return value.rstrip("/")


def _database_url(value: SecretStr) -> SecretStr:
    scheme, separator, _rest = value.get_secret_value().partition("://")
    if scheme not in DATABASE_SCHEMES or not separator:
        raise ValueError("must be the address of a PostgreSQL database: postgresql://user:password@host:port/name")
    return value


def _fernet_key(value: SecretStr) -> SecretStr:
    if not is_fernet_key(value.get_secret_value()):
        raise ValueError(f"must be a Fernet key: {FERNET_KEY_BYTES} bytes in URL-safe base64; {HOW_TO_MAKE_A_KEY}")
    return value


HOW_TO_MAKE_A_KEY = (
    "make one with: python -c 'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())'"
)


def is_fernet_key(value: str) -> bool:
    """True if `value` is a key as `cryptography.fernet.Fernet` takes it."""
    try:
        return len(base64.b64decode(value, altchars=b"-_", validate=True)) == FERNET_KEY_BYTES
    except (binascii.Error, ValueError):
        return False


def _comma_separated(value: object) -> object:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def _one_word(value: SecretStr) -> SecretStr:
    if re.search(r"\s", value.get_secret_value().strip()):
        raise ValueError("must not contain spaces or line breaks")
    return SecretStr(value.get_secret_value().strip())


def _realm(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_-]+", value):
        raise ValueError("must be the company's realm id (digits), as QBO shows it under Account and settings")
    return value


def _secrets_source(value: str) -> str:
    if value == "gcp":
        raise ValueError(
            "gcp (Secret Manager) comes with a later version: leave it unset and give the secrets as variables"
        )
    if value != "env":
        raise ValueError("must be env, or unset")
    return value


Secret = Annotated[SecretStr, AfterValidator(_one_word)]
ServiceUrl = Annotated[str, AfterValidator(_service_url)]


@dataclass(frozen=True, slots=True, kw_only=True)
class StripeAccess:
    """What is needed to read Stripe."""

    api_key: SecretStr
    api_base: str


@dataclass(frozen=True, slots=True, kw_only=True)
class QboAccess:
    """What is needed to talk to one QBO company. `refresh_token` may be None once a newer one is stored."""

    client_id: str
    client_secret: SecretStr
    realm_id: str
    refresh_token: SecretStr | None
    api_base: str
    token_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class QboApp:
    """What is needed to connect a company: the app's keys at Intuit. `realm_id` is None before any is chosen."""

    client_id: str
    client_secret: SecretStr
    realm_id: str | None
    authorize_url: str
    token_url: str


class Settings(BaseSettings):
    """The environment. Nothing here has an effect until it is asked for; `require_*` say what a command needs."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_ignore_empty=True, frozen=True, extra="ignore", hide_input_in_errors=True
    )

    home: Path = Path(".wescope")
    config: Path | None = None
    database_url: Annotated[SecretStr, AfterValidator(_database_url)] | None = None
    host: Annotated[str, Field(pattern=r"^[^\s/]+$")] = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8080
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"],
        BeforeValidator(lambda value: value.lower() if isinstance(value, str) else value),
    ] = "info"
    secrets: Annotated[str, AfterValidator(_secrets_source)] = "env"
    gcp_project: str | None = None
    traces: Literal["off", "otlp", "gcp"] = "off"

    stripe_api_key: Secret | None = None
    stripe_api_base: ServiceUrl = "https://api.stripe.com"
    stripe_webhook_secrets: Annotated[tuple[Secret, ...], NoDecode, BeforeValidator(_comma_separated)] = ()

    qbo_client_id: str | None = None
    qbo_client_secret: Secret | None = None
    qbo_realm_id: Annotated[str, AfterValidator(_realm)] | None = None
    qbo_refresh_token: Secret | None = None
    qbo_api_base: ServiceUrl = "https://quickbooks.api.intuit.com"
    qbo_token_url: ServiceUrl = "https://oauth.platform.intuit.com/oauth2/v1/tokens/bearer"  # noqa: S105 - an address
    qbo_authorize_url: ServiceUrl = "https://appcenter.intuit.com/connect/oauth2"
    qbo_webhook_verifier: Secret | None = None

    token_key: Annotated[Secret, AfterValidator(_fernet_key)] | None = None

    @property
    def embedded(self) -> bool:
        """True if the PostgreSQL in `home` is used."""
        return self.database_url is None

    def missing(self, *names: str) -> tuple[str, ...]:
        """The variables among these settings (`stripe_api_key`) that have no value, as `WESCOPE_STRIPE_API_KEY`."""
        return tuple(variable(name) for name in names if not getattr(self, name))

    def require_stripe(self) -> StripeAccess:
        """What is needed to read Stripe.

        Raises:
            ConfigurationError: names every variable that is missing.
        """
        self._require("to read Stripe", STRIPE_SETTINGS)
        assert self.stripe_api_key is not None  # noqa: S101 - _require has just looked
        return StripeAccess(api_key=self.stripe_api_key, api_base=self.stripe_api_base)

    def require_qbo(self, *, token_stored: bool = False) -> QboAccess:
        """What is needed to talk to QBO.

        Args:
            token_stored: a refresh token is in the database already, so that the environment need not have one.

        Raises:
            ConfigurationError: names every variable that is missing.
        """
        token = () if token_stored else ("qbo_refresh_token",)
        if self.missing(*QBO_SETTINGS, *token) == self.missing(*token) != ():
            raise ConfigurationError(
                f"The company is not connected: run `wescope connect`, or set {variable('qbo_refresh_token')}."
            )
        self._require("to talk to QBO", (*QBO_SETTINGS, *token))
        assert self.qbo_client_id is not None  # noqa: S101 - _require has just looked
        assert self.qbo_client_secret is not None  # noqa: S101
        assert self.qbo_realm_id is not None  # noqa: S101
        return QboAccess(
            client_id=self.qbo_client_id,
            client_secret=self.qbo_client_secret,
            realm_id=self.qbo_realm_id,
            refresh_token=self.qbo_refresh_token,
            api_base=self.qbo_api_base,
            token_url=self.qbo_token_url,
        )

    def require_qbo_app(self) -> QboApp:
        """What is needed to connect a company to QBO.

        Raises:
            ConfigurationError: names every variable that is missing.
        """
        self._require("to connect to QBO", QBO_APP_SETTINGS)
        assert self.qbo_client_id is not None  # noqa: S101 - _require has just looked
        assert self.qbo_client_secret is not None  # noqa: S101
        return QboApp(
            client_id=self.qbo_client_id,
            client_secret=self.qbo_client_secret,
            realm_id=self.qbo_realm_id,
            authorize_url=self.qbo_authorize_url,
            token_url=self.qbo_token_url,
        )

    def require_webhooks(self) -> tuple[SecretStr, ...]:
        """The signing secrets of Stripe's webhooks, all of which are accepted.

        Raises:
            ConfigurationError: there is none.
        """
        self._require("to receive webhooks", WEBHOOK_SETTINGS)
        return self.stripe_webhook_secrets

    def _require(self, purpose: str, names: Sequence[str]) -> None:
        missing = self.missing(*names)
        if missing:
            needed = "This variable is" if len(missing) == 1 else "These variables are"
            raise ConfigurationError(f"{needed} needed {purpose}: {', '.join(missing)}.")


STRIPE_SETTINGS = ("stripe_api_key",)
QBO_APP_SETTINGS = ("qbo_client_id", "qbo_client_secret")
QBO_SETTINGS = (*QBO_APP_SETTINGS, "qbo_realm_id")
WEBHOOK_SETTINGS = ("stripe_webhook_secrets",)
KNOWN_VARIABLES = frozenset(f"{PREFIX}{name.upper()}" for name in Settings.model_fields)


def variable(name: str) -> str:
    """The environment variable of a setting: `WESCOPE_PORT` of `port`."""
    return f"{PREFIX}{name.upper()}"


def load_settings() -> Settings:
    """The settings from the process's environment.

    Raises:
        ConfigurationError: names every variable that is wrong and what it must be, never its value.
    """
    try:
        return Settings()
    except ValidationError as error:
        faults = [_fault_text(fault) for fault in error.errors(include_input=False, include_url=False)]
        raise ConfigurationError("; ".join(faults) + ".") from None


def _fault_text(fault: Any) -> str:
    message = _TEXTS.get(fault["type"]) or str(fault["msg"]).removeprefix("Value error, ")
    return f"{variable(str(fault['loc'][0]))} {message}"
