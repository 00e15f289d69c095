"""Secret Manager: reads, adds and destroys versions of secrets of Google's, by name; nothing is ever listed.

Google's library is imported when the first secret is asked for: an installation that does not use it does not need it.
Which role each call needs, and why: docs/secrets.md.
"""

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from wescope.books.parking import Owner
from wescope.config.settings import Settings
from wescope.errors import ConfigurationError, Retry

if TYPE_CHECKING:
    from google.api_core.retry import Retry as GoogleRetry
    from google.cloud.secretmanager_v1 import SecretManagerServiceClient

LATEST: Final = "latest"
ACCESSOR, VERSION_MANAGER = "roles/secretmanager.secretAccessor", "roles/secretmanager.secretVersionManager"
START_PATIENCE_S: Final = 15.0
"""How long a process that starts asks for one secret before it gives up."""


class SecretRefused(ConfigurationError):
    """Google refuses this process access to a secret."""

    code = "secret_refused"
    owner = Owner.OPERATOR
    retry = Retry.WHEN_MENDED
    remedy = (
        "Run the command that is named, with the process's service account as the member; or take the secret out of "
        "WESCOPE_GCP_SECRETS if this process does not need it."
    )


class SecretUnreadable(ConfigurationError):
    """A secret cannot be read now."""

    code = "secret_unreadable"
    owner = Owner.OPERATOR
    retry = Retry.LATER
    remedy = (
        "See which reason is named: the network to secretmanager.googleapis.com, the credentials of the process "
        "(GOOGLE_APPLICATION_CREDENTIALS, or its service account), or a version that is disabled or destroyed."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretVersion:
    """One version of a secret: its full name (`projects/.../versions/3`) and its value."""

    name: str
    value: str = field(repr=False)


def secret_id(prefix: str, setting: str) -> str:
    """The name in Secret Manager of a setting: `wescope-stripe-api-key` of `stripe_api_key`."""
    return f"{prefix}{setting.replace('_', '-')}"


class SecretManager:
    """Secrets of one project. Its calls block: from a coroutine they are made in a thread."""

    def __init__(self, *, project: str, prefix: str, endpoint: str | None = None) -> None:
        """Take where the secrets are; nothing is opened yet.

        Args:
            project: id (or number) of the Google Cloud project.
            prefix: what the names of all our secrets begin with.
            endpoint: another address than Google's; one with http is a stand-in on this machine, without credentials.
        """
        self._project, self._prefix, self._endpoint = project, prefix, endpoint

    @classmethod
    def of(cls, settings: Settings) -> "SecretManager":
        """The one that the settings name.

        Raises:
            ConfigurationError: no project is named.
        """
        if settings.gcp_project is None:
            raise ConfigurationError("WESCOPE_GCP_PROJECT is needed with WESCOPE_SECRETS=gcp.")
        return cls(
            project=settings.gcp_project, prefix=settings.gcp_secret_prefix, endpoint=settings.gcp_secrets_endpoint
        )

    def read(
        self, setting: str, version: str = LATEST, *, patience_s: float = START_PATIENCE_S
    ) -> SecretVersion | None:
        """A version of a setting's secret, without white space around it; null if there is none.

        Args:
            setting: such as `stripe_api_key`.
            version: its number, or `latest`.
            patience_s: how long it is tried again while Google does not answer.

        Raises:
            SecretRefused: this process may not; says which role is missing and the command that grants it.
            SecretUnreadable: anything else.
        """
        from google.api_core.exceptions import NotFound  # noqa: PLC0415 - see the module's docstring

        with self._errors(setting, ACCESSOR):
            try:
                answer = self._client.access_secret_version(
                    name=f"{self._path(setting)}/versions/{version}", timeout=patience_s, retry=_retry(patience_s)
                )
            except NotFound:
                return None
            return SecretVersion(name=answer.name, value=answer.payload.data.decode().strip())

    def add(self, setting: str, value: str, *, patience_s: float) -> str:
        """Add a version; its full name. It is the `latest` one from now on. Raises as `read`."""
        from google.cloud.secretmanager_v1 import SecretPayload  # noqa: PLC0415 - see the module's docstring

        with self._errors(setting, VERSION_MANAGER):
            # Without a retry: a version that was added although no answer came would be added twice.
            added = self._client.add_secret_version(
                parent=self._path(setting), payload=SecretPayload(data=value.encode()), timeout=patience_s, retry=None
            )
            return str(added.name)

    def destroy(self, setting: str, name: str, *, patience_s: float) -> None:
        """Destroy a version by its full name, unless it is of another secret than the setting's. Raises as `read`."""
        from google.api_core.exceptions import BadRequest, NotFound  # noqa: PLC0415 - see the docstring

        # Names that Google gives have the project's number where ours may have its id: what follows is compared.
        if name.rpartition("/secrets/")[2].partition("/")[0] != secret_id(self._prefix, setting):
            return
        with self._errors(setting, VERSION_MANAGER):
            try:
                self._client.destroy_secret_version(name=name, timeout=patience_s, retry=_retry(patience_s))
            except (NotFound, BadRequest):
                return  # somebody else has done it

    def _path(self, setting: str) -> str:
        return f"projects/{self._project}/secrets/{secret_id(self._prefix, setting)}"

    @functools.cached_property
    def _client(self) -> "SecretManagerServiceClient":
        try:
            from google.auth.credentials import AnonymousCredentials  # noqa: PLC0415 - see the module's docstring
            from google.cloud.secretmanager_v1 import SecretManagerServiceClient  # noqa: PLC0415
            from google.cloud.secretmanager_v1.services.secret_manager_service import transports  # noqa: PLC0415
        except ImportError:
            raise ConfigurationError(
                "WESCOPE_SECRETS=gcp needs the extra `google`: pip install 'wescope-sync[google]'."
            ) from None
        if self._endpoint is None:
            return SecretManagerServiceClient(transport="rest")
        scheme, _, host = self._endpoint.partition("://")
        credentials = AnonymousCredentials() if scheme == "http" else None  # type: ignore[no-untyped-call]
        return SecretManagerServiceClient(
            transport=transports.SecretManagerServiceRestTransport(
                host=host, url_scheme=scheme, credentials=credentials
            )
        )

    @contextmanager
    def _errors(self, setting: str, role: str) -> Iterator[None]:
        """Google's errors as ours: the secret's name, the reason's kind and the role, nothing of a message or value."""
        from google.api_core.exceptions import Forbidden, GoogleAPIError  # noqa: PLC0415
        from google.auth.exceptions import GoogleAuthError  # noqa: PLC0415
        from requests.exceptions import RequestException  # noqa: PLC0415 - the REST transport's

        secret = secret_id(self._prefix, setting)
        try:
            yield
        except Forbidden:
            raise SecretRefused(
                f"The role {role} is missing on the secret (or the secret is): gcloud secrets add-iam-policy-binding "
                f"{secret} --project={self._project} --role={role} --member=serviceAccount:EMAIL.",
                secret=secret,
            ) from None
        except (GoogleAPIError, GoogleAuthError, RequestException, UnicodeDecodeError) as error:
            raise SecretUnreadable(secret=secret, reason=type(error).__name__) from None


def _retry(patience_s: float) -> "GoogleRetry":
    from google.api_core import exceptions, retry  # noqa: PLC0415 - see the module's docstring

    passing = (exceptions.ServiceUnavailable, exceptions.TooManyRequests, exceptions.InternalServerError)
    return retry.Retry(initial=0.2, maximum=2.0, timeout=patience_s, predicate=retry.if_exception_type(*passing))
