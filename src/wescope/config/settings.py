"""Settings: the environment variables of DESIGN.md section 6, checked once, with every secret wrapped.

An error names the variable and what to do, never the value: a value may be a secret.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PrivateAttr, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from wescope.config.setting_types import (
    PREFIX,
    AccessWay,
    ApiTokens,
    DatabaseUrl,
    Dataset,
    Expose,
    FernetKeys,
    Mailbox,
    Mailboxes,
    PublicUrl,
    Realm,
    Secret,
    Secrets,
    SecretsUrl,
    SecretUrl,
    ServiceUrl,
    SmtpUrl,
    TrustedUrl,
    Words,
)
from wescope.errors import ConfigurationError

_TEXTS = {
    "int_parsing": "must be a whole number",
    "greater_than_equal": "must be a number from 0 to 65535",
    "less_than_equal": "must be a number from 0 to 65535",
}


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


@dataclass(frozen=True, slots=True, kw_only=True)
class BigQueryAccess:
    """Where the mirror is. `project` None: that of the credentials. `endpoint` None: Google's; else nobody signs in."""

    project: str | None
    dataset: str
    endpoint: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OidcClient:
    """The console at a provider of OpenID Connect. `public_url` is where people reach it."""

    issuer: str
    client_id: str
    client_secret: SecretStr
    public_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IapAccess:
    """What Google's proxy says for us: the audience of its assertions, and where its public keys are."""

    audience: str
    keys_url: str


class Settings(BaseSettings):
    """The environment. Nothing here has an effect until it is asked for; `require_*` say what a command needs."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,
        frozen=True,
        extra="ignore",
        hide_input_in_errors=True,
        use_attribute_docstrings=True,
    )

    home: Path = Path(".wescope")
    """State folder: the embedded PostgreSQL, its token key, what the demo keeps."""
    config: Path | None = None
    """The policy file; unset: `./wescope.toml` if it is there, else the defaults."""
    database_url: DatabaseUrl | None = None
    """PostgreSQL to use; a direct connection, no transaction pooling. Unset: the embedded one in WESCOPE_HOME."""
    host: Annotated[str, Field(pattern=r"^[^\s/]+$")] = "127.0.0.1"
    """Where the service listens; a worker shows health and metrics there."""
    port: Annotated[int, Field(ge=0, le=65535)] = 8080
    """The port of it, 0 for any free one; a worker takes any free one if it is taken."""
    expose: Expose = "all"
    """What a process answers over HTTP: `all`; `webhooks` (beside them only its health; a web process then needs no key
    of Stripe or QBO); `health` (also a worker listens then). In both, `/metrics` answers this machine only."""
    access: AccessWay = "local"
    """Who may see the console and ask the API: `local` (this machine), `oidc` (people who sign in), `iap` (Google's
    identity-aware proxy). See [access.md](access.md)."""
    public_url: PublicUrl | None = None
    """The address under which people reach the console, such as `https://books.example.com`; https, but on this
    machine. After signing in a browser comes back to `/sign-in/callback` there, from Intuit to
    `/setup/connect/callback`. Unset: Intuit is told the address that the browser asked."""
    oidc_issuer: TrustedUrl | None = None
    """The provider of OpenID Connect, such as `https://accounts.google.com`."""
    oidc_client_id: str | None = None
    """Client id of the console at the provider."""
    oidc_client_secret: Secret | None = None
    """Client secret of the console at the provider."""
    iap_audience: Annotated[str, Field(pattern=r"^/projects/\S+$")] | None = None
    """The audience of the proxy's assertions: `/projects/NUMBER/locations/REGION/services/NAME` (Cloud Run), or
    `/projects/NUMBER/global/backendServices/ID` (load balancer)."""
    iap_keys_url: TrustedUrl = "https://www.gstatic.com/iap/verify/public_key-jwk"
    """Where the proxy's public keys are."""
    api_tokens: ApiTokens = ()
    """Programs that may ask the API from elsewhere: `name:role:token`, comma-separated; the role is `viewer` or
    `operator`."""
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"],
        BeforeValidator(lambda value: value.lower() if isinstance(value, str) else value),
    ] = "info"
    """How much is logged: `debug`, `info`, `warning`, `error` (see [logs.md](logs.md))."""
    secrets: Literal["env", "gcp"] = "env"
    """`gcp`: secrets that are unset come from Google Secret Manager ([secrets.md](secrets.md)); `env`: none does."""
    gcp_project: Annotated[str, Field(pattern=r"^[a-z0-9:.-]{1,64}$")] | None = None
    """The project of Secret Manager and of BigQuery; log lines name their trace in it."""
    gcp_secret_prefix: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{0,100}$")] = "wescope-"  # noqa: S105 - a name
    """What the names of the secrets begin with."""
    gcp_secrets: Words = ()
    """Which secrets are read, as names or `name:version`, comma-separated; unset: all, the latest versions."""
    gcp_secrets_endpoint: SecretsUrl | None = None
    """Another address of Secret Manager; http only on this machine. Unset: Google's."""
    gcp_refresh_token_backup: bool = True
    """Whether the newest refresh token is kept in Secret Manager, too."""
    bigquery_dataset: Dataset | None = None
    """Dataset in WESCOPE_GCP_PROJECT that mirrors the tables (see [bigquery.md](bigquery.md)); unset: none."""
    bigquery_endpoint: ServiceUrl | None = None
    """Where BigQuery's API is, for an emulator; nobody signs in there. Unset: Google's."""
    traces: Literal["off", "otlp", "gcp"] = "off"
    """Where traces go: `off`, `otlp`, `gcp` (see [logs.md](logs.md))."""

    stripe_api_key: Secret | None = None
    """Restricted key of the Stripe account, read-only."""
    stripe_api_base: ServiceUrl = "https://api.stripe.com"
    """Where Stripe's API is."""
    stripe_webhook_secrets: Secrets = ()
    """Signing secrets of Stripe's end point, comma-separated; all are accepted while one is rolled."""

    qbo_client_id: str | None = None
    """Client id of the app at Intuit."""
    qbo_client_secret: Secret | None = None
    """Client secret of the app at Intuit."""
    qbo_realm_id: Realm | None = None
    """The company in QBO."""
    qbo_refresh_token: Secret | None = None
    """The first refresh token, in place of `wescope connect`; later ones are kept encrypted in the database."""
    qbo_api_base: ServiceUrl = "https://quickbooks.api.intuit.com"
    """Where QBO's API is."""
    qbo_token_url: ServiceUrl = "https://oauth.platform.intuit.com/oauth2/v1/tokens/bearer"  # noqa: S105 - an address
    """Where Intuit gives tokens."""
    qbo_authorize_url: ServiceUrl = "https://appcenter.intuit.com/connect/oauth2"
    """Intuit's page on which a person connects the company."""
    qbo_webhook_verifier: Secret | None = None
    """The verifier token of QBO's webhooks, which then go to `/webhooks/qbo`; unset: none are taken."""

    token_key: FernetKeys | None = None
    """Fernet key that encrypts stored tokens; several, the newest first, while one is rolled. Needed with
    WESCOPE_DATABASE_URL; unset: made once in WESCOPE_HOME."""

    _managed: frozenset[str] = PrivateAttr(default=frozenset())

    @property
    def managed(self) -> frozenset[str]:
        """The settings whose values come from Secret Manager and not from the environment."""
        return self._managed

    @property
    def webhook_secrets(self) -> tuple[str, ...]:
        """The signing secrets of Stripe's webhooks as texts, for the check of a signature."""
        return tuple(secret.get_secret_value() for secret in self.stripe_webhook_secrets)

    @property
    def webhook_verifier(self) -> str | None:
        """The verifier token of QBO's webhooks as a text, for the check of a signature; null if there is none."""
        return self.qbo_webhook_verifier.get_secret_value() if self.qbo_webhook_verifier else None

    alert_webhook_url: SecretUrl | None = None
    """Where alerts are posted, in Slack's shape (`{"text": ...}`; see [alerts.md](alerts.md))."""
    alert_email_to: Mailboxes = ()
    """Whom alerts are mailed to, comma-separated."""
    alert_email_from: Mailbox | None = None
    """Whom they are from."""
    smtp_url: SmtpUrl | None = None
    """The mail server: `smtps://user:password@host:465`, or `smtp://` with STARTTLS; special characters are
    %-encoded."""

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

    def require_bigquery(self) -> BigQueryAccess:
        """What is needed to keep a mirror in BigQuery.

        Raises:
            ConfigurationError: no dataset is named.
        """
        self._require("to export to BigQuery", BIGQUERY_SETTINGS)
        assert self.bigquery_dataset is not None  # noqa: S101 - _require has just looked
        return BigQueryAccess(project=self.gcp_project, dataset=self.bigquery_dataset, endpoint=self.bigquery_endpoint)

    def require_oidc(self) -> OidcClient:
        """What is needed to have people sign in.

        Raises:
            ConfigurationError: names every variable that is missing.
        """
        self._require("to have people sign in (WESCOPE_ACCESS=oidc)", OIDC_SETTINGS)
        assert self.public_url is not None  # noqa: S101 - _require has just looked
        assert self.oidc_issuer is not None  # noqa: S101
        assert self.oidc_client_id is not None  # noqa: S101
        assert self.oidc_client_secret is not None  # noqa: S101
        return OidcClient(
            issuer=self.oidc_issuer,
            client_id=self.oidc_client_id,
            client_secret=self.oidc_client_secret,
            public_url=self.public_url,
        )

    def require_iap(self) -> IapAccess:
        """What is needed to believe Google's proxy.

        Raises:
            ConfigurationError: the audience is not named.
        """
        self._require("to believe Google's proxy (WESCOPE_ACCESS=iap)", IAP_SETTINGS)
        assert self.iap_audience is not None  # noqa: S101 - _require has just looked
        return IapAccess(audience=self.iap_audience, keys_url=self.iap_keys_url)

    def require_webhooks(self) -> tuple[SecretStr, ...]:
        """The signing secrets of Stripe's webhooks, all of which are accepted.

        Raises:
            ConfigurationError: there is none.
        """
        self._require("to receive webhooks", WEBHOOK_SETTINGS)
        return self.stripe_webhook_secrets

    def require_realm(self) -> str:
        """The company, for a process that only receives webhooks.

        Raises:
            ConfigurationError: it is not named.
        """
        self._require("to tell the company's webhooks from others'", ("qbo_realm_id",))
        assert self.qbo_realm_id is not None  # noqa: S101 - _require has just looked
        return self.qbo_realm_id

    def receives_only(self, role: str) -> bool:
        """Whether a process of this role does nothing but receive webhooks, and so needs no key of Stripe or QBO."""
        return role == "web" and self.expose == "webhooks"

    def _require(self, purpose: str, names: Sequence[str]) -> None:
        missing = self.missing(*names)
        if missing:
            needed = "This variable is" if len(missing) == 1 else "These variables are"
            raise ConfigurationError(f"{needed} needed {purpose}: {', '.join(missing)}.")


STRIPE_SETTINGS = ("stripe_api_key",)
QBO_APP_SETTINGS = ("qbo_client_id", "qbo_client_secret")
QBO_SETTINGS = (*QBO_APP_SETTINGS, "qbo_realm_id")
MAIL_SETTINGS = ("alert_email_to", "alert_email_from", "smtp_url")
"""Alerts go by e-mail only if all of them are set."""
BIGQUERY_SETTINGS = ("bigquery_dataset",)
WEBHOOK_SETTINGS = ("stripe_webhook_secrets",)
OIDC_SETTINGS = ("public_url", "oidc_issuer", "oidc_client_id", "oidc_client_secret")
IAP_SETTINGS = ("iap_audience",)
KNOWN_VARIABLES = frozenset(f"{PREFIX}{name.upper()}" for name in Settings.model_fields)


def variable(name: str) -> str:
    """The environment variable of a setting: `WESCOPE_PORT` of `port`."""
    return f"{PREFIX}{name.upper()}"


def read_settings(managed: Mapping[str, str] | None = None) -> Settings:
    """The settings from the process's environment, and from Secret Manager what it has given (`managed`).

    Args:
        managed: values by setting (`stripe_api_key`), as texts.

    Raises:
        ConfigurationError: names every variable that is wrong and what it must be, never its value.
    """
    given = managed or {}
    try:
        settings = Settings(**given)  # type: ignore[arg-type]  # texts, as from the environment
    except ValidationError as error:
        faults = [_fault_text(fault, given) for fault in error.errors(include_input=False, include_url=False)]
        raise ConfigurationError("; ".join(faults) + ".") from None
    settings._managed = frozenset(given)  # noqa: SLF001 - the one place that knows
    return settings


def _fault_text(fault: Any, managed: Collection[str]) -> str:
    message = _TEXTS.get(fault["type"]) or str(fault["msg"]).removeprefix("Value error, ")
    name = str(fault["loc"][0])
    return f"{variable(name)}{' (from Secret Manager)' if name in managed else ''} {message}"
