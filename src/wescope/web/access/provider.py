"""Provider: OpenID Connect by discovery - where to send a browser, and what the code that it comes back with proves."""

import asyncio
import base64
import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import httpx2

from wescope.config.settings import OidcClient
from wescope.web.access.keys import MAX_BYTES, TIMEOUT_S, Fetch, Keys, fetch_json
from wescope.web.access.refusals import ProviderUnavailable, SignInFailed
from wescope.web.access.tokens import TokenRefused, Verifier

CALLBACK = "/sign-in/callback"
KEPT_S = 3600.0
_LOCAL = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Discovered:
    """What the provider says of itself."""

    issuer: str
    authorize_url: str
    token_url: str
    keys_url: str
    secret_in_body: bool
    names_itself: bool
    """Whether it says in its answers who it is (RFC 9207)."""


class Provider:
    """The provider that people sign in with."""

    def __init__(
        self,
        client: OidcClient,
        *,
        fetch: Fetch = fetch_json,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        """Take what we are at the provider; nothing is fetched yet."""
        self._client, self._fetch, self._clock, self._now = client, fetch, clock, now
        self._found: Discovered | None = None
        self._found_at_s = 0.0
        self._lock = asyncio.Lock()
        self._keys = Keys(self._keys_url, fetch=fetch, clock=clock)

    @property
    def redirect_uri(self) -> str:
        """Where the provider sends browsers back to."""
        return f"{self._client.public_url}{CALLBACK}"

    async def ask(self) -> None:
        """Read what every sign-in needs: what the provider says of itself, and its keys.

        Raises:
            ProviderUnavailable: it does not answer, or says what cannot be.
        """
        await self._keys.holding(None)

    async def authorize_url(self, *, state: str, nonce: str, verifier: str) -> str:
        """Where a browser is sent to sign in.

        Raises:
            ProviderUnavailable: the provider does not say where.
        """
        found = await self._discovered()
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        query = urlencode(
            {
                "response_type": "code",
                "client_id": self._client.client_id,
                "redirect_uri": self.redirect_uri,
                "scope": "openid email",
                "state": state,
                "nonce": nonce,
                "code_challenge": challenge,
                "code_challenge_method": "S256",
            }
        )
        return f"{found.authorize_url}{'&' if urlsplit(found.authorize_url).query else '?'}{query}"

    async def claims(self, *, code: str, verifier: str, nonce: str, issuer: str | None) -> Mapping[str, Any]:
        """What the provider says of who has signed in, with a code that its answer carried.

        Args:
            code: from the redirect.
            verifier: of this sign-in, whose digest the provider was given.
            nonce: of this sign-in, which the token must repeat.
            issuer: who has answered, as the redirect says it; null if it does not.

        Raises:
            SignInFailed: the code or the token is not believed.
            ProviderUnavailable: the provider does not answer.
        """
        found = await self._discovered()
        if issuer != found.issuer and (issuer is not None or found.names_itself):
            raise SignInFailed("issuer")
        token = await self._exchanged(found, code, verifier)
        checker = Verifier(keys=self._keys, issuer=found.issuer, audience=self._client.client_id, now=self._now)
        try:
            claims = await checker.claims(token)
        except TokenRefused as refused:
            raise SignInFailed(refused.code) from None
        if claims.get("nonce") != nonce:
            raise SignInFailed("nonce")
        return claims

    async def _exchanged(self, found: Discovered, code: str, verifier: str) -> str:
        """The ID token for a code.

        Raises:
            SignInFailed: the provider does not take the code.
            ProviderUnavailable: it does not answer.
        """
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.redirect_uri,
            "code_verifier": verifier,
        }
        secret, auth = self._client.client_secret.get_secret_value(), None
        if found.secret_in_body:
            form |= {"client_id": self._client.client_id, "client_secret": secret}
        else:
            auth = httpx2.BasicAuth(quote(self._client.client_id, safe=""), quote(secret, safe=""))
        try:
            async with asyncio.timeout(TIMEOUT_S), httpx2.AsyncClient(timeout=TIMEOUT_S, auth=auth) as http:
                answer = await http.post(found.token_url, data=form, headers={"Accept": "application/json"})
            content = answer.json() if len(answer.content) < MAX_BYTES else None
        except (httpx2.HTTPError, TimeoutError, OSError, ValueError) as error:
            raise ProviderUnavailable(reason=type(error).__name__) from None
        if answer.status_code >= httpx2.codes.INTERNAL_SERVER_ERROR:
            raise ProviderUnavailable(reason=f"http_{answer.status_code}")
        token = content.get("id_token") if isinstance(content, dict) else None
        if answer.status_code != httpx2.codes.OK or not isinstance(token, str):
            raise SignInFailed("code_refused")
        return token

    async def _keys_url(self) -> str:
        return (await self._discovered()).keys_url

    async def _discovered(self) -> Discovered:
        """What the provider says of itself, at most an hour old.

        Raises:
            ProviderUnavailable: it says nothing, or something that cannot be.
        """
        async with self._lock:
            if self._found is None or self._clock() - self._found_at_s > KEPT_S:
                content = await self._fetch(f"{self._client.issuer}/.well-known/openid-configuration")
                self._found, self._found_at_s = _discovered(content, self._client.issuer), self._clock()
            return self._found


def _discovered(content: Mapping[str, Any], issuer: str) -> Discovered:
    told = content.get("issuer")
    if not isinstance(told, str) or told.rstrip("/") != issuer:
        raise ProviderUnavailable("It names another issuer than WESCOPE_OIDC_ISSUER.", reason="issuer")
    methods = content.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
    return Discovered(
        issuer=told,
        authorize_url=_address(content, "authorization_endpoint"),
        token_url=_address(content, "token_endpoint"),
        keys_url=_address(content, "jwks_uri"),
        secret_in_body="client_secret_basic" not in methods,
        names_itself=content.get("authorization_response_iss_parameter_supported") is True,
    )


def _address(content: Mapping[str, Any], name: str) -> str:
    """An address that the provider names: https, or on this machine.

    Raises:
        ProviderUnavailable: it is none.
    """
    value = content.get(name)
    if isinstance(value, str):
        parts = urlsplit(value)
        if parts.hostname and (parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOCAL)):
            return value
    raise ProviderUnavailable("It names no https address for a sign-in.", reason=name)
