"""Setting types: what the value of an environment variable may be. Errors never quote it: it may be a secret."""

import base64
import binascii
import re
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, SecretStr
from pydantic_settings import NoDecode

PREFIX = "WESCOPE_"
DATABASE_SCHEMES = ("postgresql", "postgres", "postgresql+psycopg")
FERNET_KEY_BYTES = 32


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


def _fernet_keys(value: SecretStr) -> SecretStr:
    keys = keys_of(value)
    if not keys or not all(is_fernet_key(key) for key in keys):
        raise ValueError(
            f"must be a Fernet key: {FERNET_KEY_BYTES} bytes in URL-safe base64 (or several, the newest first, "
            f"separated by commas); {HOW_TO_MAKE_A_KEY}"
        )
    return value


def keys_of(value: SecretStr) -> tuple[str, ...]:
    """The keys in a comma-separated list."""
    return tuple(part.strip() for part in value.get_secret_value().split(",") if part.strip())


HOW_TO_MAKE_A_KEY = (
    "make one with: python -c 'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())'"
)


def is_fernet_key(value: str) -> bool:
    """True if `value` is a key as `cryptography.fernet.Fernet` takes it."""
    try:
        return len(base64.b64decode(value, altchars=b"-_", validate=True)) == FERNET_KEY_BYTES
    except (binascii.Error, ValueError):
        return False


def _smtp_url(value: SecretStr) -> SecretStr:
    try:
        parts = urlsplit(value.get_secret_value())
        complete = parts.scheme in {"smtp", "smtps"} and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:  # an impossible port or host, as urllib says it
        complete = False
    if not complete or parts.query or parts.fragment or parts.path.strip("/"):
        raise ValueError("must be the address of a mail server: smtps://user:password@host:465 or smtp://host:587")
    return value


def _secret_url(value: SecretStr) -> SecretStr:
    try:
        parts = urlsplit(value.get_secret_value())
        complete = parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:  # an impossible port or host; what urllib says of it may quote it
        complete = False
    if not complete:
        raise ValueError("must be an address such as https://hooks.slack.com/services/...")
    return value


def _mailbox(value: str) -> str:
    if not re.fullmatch(r"[^@\s,<>]+@[^@\s,<>]+", value):
        raise ValueError("must be an e-mail address, without a name")
    return value


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


def _public_url(value: str) -> str:
    if urlsplit(value).path:
        raise ValueError("must be an address without a path, such as https://books.example.com")
    return _trusted_url(value)


def _trusted_url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme == "http" and parts.hostname not in {"127.0.0.1", "localhost", "::1"}:
        raise ValueError("must be https, or http on this machine: who is let in depends on it")
    return value


def _api_token(value: SecretStr) -> SecretStr:
    if not re.fullmatch(r"[a-z0-9_-]{1,32}:(viewer|operator):[!-+\--~]{32,}", value.get_secret_value()):
        raise ValueError(
            "must be name:role:token, several separated by commas: a name of lower-case letters and digits, viewer or "
            "operator, and at least 32 characters; make a token with: openssl rand -hex 32"
        )
    return value


def _each_named_once(values: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
    names = [value.get_secret_value().partition(":")[0] for value in values]
    if len(set(names)) != len(names):
        raise ValueError("must name each program once")
    return values


def _secrets_endpoint(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme == "http" and parts.hostname not in {"127.0.0.1", "localhost", "::1"}:
        raise ValueError("must be https, or http on this machine (a stand-in): secrets travel over it")
    return value


def _dataset(value: str) -> str:
    if not re.fullmatch(r"\w+", value, re.ASCII):
        raise ValueError(
            f"must be the name of a dataset (letters, digits, underscores); its project is {PREFIX}GCP_PROJECT"
        )
    return value


Secret = Annotated[SecretStr, AfterValidator(_one_word)]
DatabaseUrl = Annotated[SecretStr, AfterValidator(_database_url)]
FernetKeys = Annotated[Secret, AfterValidator(_fernet_keys)]
SmtpUrl = Annotated[Secret, AfterValidator(_smtp_url)]
SecretUrl = Annotated[Secret, AfterValidator(_secret_url)]
Realm = Annotated[str, AfterValidator(_realm)]
Dataset = Annotated[str, AfterValidator(_dataset)]
Mailbox = Annotated[str, AfterValidator(_mailbox)]
ServiceUrl = Annotated[str, AfterValidator(_service_url)]
SecretsUrl = Annotated[ServiceUrl, AfterValidator(_secrets_endpoint)]
PublicUrl = Annotated[ServiceUrl, AfterValidator(_public_url)]
TrustedUrl = Annotated[str, AfterValidator(_service_url), AfterValidator(_trusted_url)]
ApiToken = Annotated[Secret, AfterValidator(_api_token)]
ApiTokens = Annotated[
    tuple[ApiToken, ...], NoDecode, BeforeValidator(_comma_separated), AfterValidator(_each_named_once)
]
Mailboxes = Annotated[tuple[Mailbox, ...], NoDecode, BeforeValidator(_comma_separated)]
Secrets = Annotated[tuple[Secret, ...], NoDecode, BeforeValidator(_comma_separated)]
Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_comma_separated)]
AccessWay = Literal["local", "oidc", "iap"]
"""Who may ask a process: this machine; whom a provider of OpenID Connect signs in; whom Google's proxy lets pass."""
Expose = Literal["all", "webhooks", "health"]
"""What a process answers over HTTP: everything; webhooks, for the world; or, also a worker, only how it is doing."""
