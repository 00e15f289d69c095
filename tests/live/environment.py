"""Where the suite may go: a Stripe test account, an Intuit sandbox company, or this machine; never real books."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

PREFIX = "WESCOPE_LIVE_"
STRIPE_API = "https://api.stripe.com"
QBO_SANDBOX = "https://sandbox-quickbooks.api.intuit.com"
INTUIT_TOKENS = "https://oauth.platform.intuit.com/oauth2/v1/tokens/bearer"
"""Intuit has one address for tokens; whether they are of a sandbox is decided by the app's keys and the company."""

_TEST_KEY = re.compile(r"(sk|rk)_test_\w+")
_REALM = re.compile(r"\d{1,40}")
_QBO_NAMES = ("CLIENT_ID", "CLIENT_SECRET", "REALM_ID", "REFRESH_TOKEN")


class Refused(Exception):
    """The environment would lead to real books, or is incomplete. The text names the variable, never its value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StripeKeys:
    """A key of Stripe's test mode and where the API answers."""

    api_key: str = field(repr=False)
    api_base: str


@dataclass(frozen=True, slots=True, kw_only=True)
class QboKeys:
    """An app's keys, the sandbox company, its refresh token, and where API and tokens are."""

    client_id: str
    client_secret: str = field(repr=False)
    realm_id: str
    refresh_token: str = field(repr=False)
    api_base: str
    token_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """What was given; a side that is null is played by the local sandbox. `folder` is where tokens and reports go."""

    stripe: StripeKeys | None
    qbo: QboKeys | None
    folder: Path


def read_environment(variables: Mapping[str, str] | None = None) -> Environment:
    """The environment, checked.

    Args:
        variables: instead of the process's own.

    Raises:
        Refused: a key is of the live mode, an address is neither a test service nor on this machine, or of QBO's
            variables some are missing.
    """
    given = os.environ if variables is None else variables
    values = {name.removeprefix(PREFIX): text.strip() for name, text in given.items() if name.startswith(PREFIX)}
    return Environment(stripe=_stripe(values), qbo=_qbo(values), folder=Path(values.get("DIR") or ".wescope-live"))


def check_stripe(keys: StripeKeys) -> StripeKeys:
    """The keys, if nothing real can be reached with them.

    Raises:
        Refused: the key is not of the test mode, or the address is not Stripe's or this machine's.
    """
    if not _TEST_KEY.fullmatch(keys.api_key):
        raise Refused(f"{PREFIX}STRIPE_API_KEY must begin with sk_test_ or rk_test_: live keys are refused.")
    _check_address("STRIPE_API_BASE", keys.api_base, STRIPE_API)
    return keys


def check_qbo(keys: QboKeys) -> QboKeys:
    """The keys, if no real company can be reached with them.

    Raises:
        Refused: an address is neither Intuit's sandbox nor this machine, or the realm id is none.
    """
    _check_address("QBO_API_BASE", keys.api_base, QBO_SANDBOX)
    _check_address("QBO_TOKEN_URL", keys.token_url, INTUIT_TOKENS)
    if not _REALM.fullmatch(keys.realm_id):
        raise Refused(f"{PREFIX}QBO_REALM_ID must be the company's id: digits.")
    return keys


def _stripe(values: Mapping[str, str]) -> StripeKeys | None:
    if not values.get("STRIPE_API_KEY"):
        return None
    return check_stripe(
        StripeKeys(api_key=values["STRIPE_API_KEY"], api_base=values.get("STRIPE_API_BASE") or STRIPE_API)
    )


def _qbo(values: Mapping[str, str]) -> QboKeys | None:
    named = {name: values.get(f"QBO_{name}", "") for name in _QBO_NAMES}
    if not any(named.values()):
        return None
    if missing := [f"{PREFIX}QBO_{name}" for name, text in named.items() if not text]:
        raise Refused(f"For QBO these are missing: {', '.join(missing)}.")
    return check_qbo(
        QboKeys(
            client_id=named["CLIENT_ID"],
            client_secret=named["CLIENT_SECRET"],
            realm_id=named["REALM_ID"],
            refresh_token=named["REFRESH_TOKEN"],
            api_base=values.get("QBO_API_BASE") or QBO_SANDBOX,
            token_url=values.get("QBO_TOKEN_URL") or INTUIT_TOKENS,
        )
    )


def _check_address(name: str, address: str, allowed: str) -> None:
    wanted = urlsplit(allowed)
    try:
        parts = urlsplit(address)
        same = (parts.scheme, parts.hostname, parts.port or 443) == (wanted.scheme, wanted.hostname, 443)
        if not parts.username and (same or is_loopback(parts.hostname or "")):
            return
    except ValueError:
        pass
    raise Refused(f"{PREFIX}{name} must be {wanted.scheme}://{wanted.hostname} or an address of this machine.")


def is_loopback(host: str) -> bool:
    """Whether a host is this machine, told by its address; names other than localhost are not looked up."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
