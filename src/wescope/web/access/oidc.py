"""Access by OpenID Connect: people sign in with a provider and have a session; programs have tokens."""

import hmac
import secrets
import time
from collections.abc import Callable, Sequence

from fastapi import Request, Response

from wescope.config.access_roles import AccessRoles
from wescope.config.settings import OidcClient
from wescope.observe.logs import get_logger
from wescope.web.access.actor import Actor
from wescope.web.access.addresses import local_path, sign_in_address
from wescope.web.access.attempts import Attempts, address_of
from wescope.web.access.bearer import ApiTokens
from wescope.web.access.identity import Identity
from wescope.web.access.provider import Provider
from wescope.web.access.refusals import NoRole, NotSignedIn, Refusal, SignInFailed, TooManyAttempts
from wescope.web.access.sealing import Seal
from wescope.web.access.sessions import Sessions

_log = get_logger(__name__)

SIGN_IN_S = 600
"""How long somebody may take at the provider."""
_SECRET_BYTES = 32


class OidcAccess:
    """People who sign in with one provider."""

    def __init__(
        self,
        client: OidcClient,
        roles: AccessRoles,
        *,
        keys: Sequence[str],
        tokens: ApiTokens,
        provider: Provider | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        """Take what we are at the provider, who may what, and the keys that seal cookies (the newest first)."""
        self.public_url = client.public_url
        self._provider = provider or Provider(client, now=now)
        self._roles, self._tokens = roles, tokens
        self._secure = client.public_url.startswith("https:")
        rules = f"{client.issuer} {client.client_id} {roles!r}"
        self.sessions = Sessions(keys, secure=self._secure, rules=rules, now=now)
        self._beginning = Seal(keys, "console sign-in", lives_s=SIGN_IN_S, now=now)
        self._attempts = Attempts()

    @property
    def signs_in(self) -> bool:
        """There is a page on which people sign in."""
        return True

    async def actor(self, request: Request) -> Actor:
        """Who has the session, or the program whose token it is.

        Raises:
            NotSignedIn: there is no session that holds, or the token is none of ours.
            TooManyAttempts: too many wrong tokens.
        """
        program = self._tokens.actor(request)
        if program is not None:
            return program
        session = self.sessions.of(request)
        if session is None:
            wanted = f"{request.url.path}?{request.url.query}" if request.url.query else request.url.path
            raise NotSignedIn(at=sign_in_address(wanted))
        return session.actor

    def form_token(self, request: Request) -> str:
        """The token of the session's forms; empty without one, which no form may have."""
        session = self.sessions.of(request)
        return session.token if session else ""

    # --- signing in -------------------------------------------------------------------------------------------------

    async def begin(self, request: Request, wanted: str | None, response: Response) -> str:
        """Begin a sign-in in this browser; the provider's address to send it to.

        Raises:
            TooManyAttempts: too many sign-ins from this address.
            ProviderUnavailable: the provider does not answer.
        """
        self._count(request)
        state, nonce, verifier = (secrets.token_urlsafe(_SECRET_BYTES) for _ in range(3))
        address = await self._provider.authorize_url(state=state, nonce=nonce, verifier=verifier)
        sealed = self._beginning.close(
            {"state": state, "nonce": nonce, "verifier": verifier, "next": local_path(wanted)}
        )
        self._set(response, sealed, SIGN_IN_S)
        return address

    async def finish(self, request: Request, response: Response) -> str:
        """End a sign-in with what the provider has sent back: the browser has a session; the path that it wanted.

        Raises:
            SignInFailed: this browser began none, the provider refuses, or its token is not believed.
            NoRole: who it is may not look.
            TooManyAttempts: too many sign-ins from this address.
            ProviderUnavailable: the provider does not answer.
        """
        self._count(request)
        try:
            return await self._finish(request, response)
        except Refusal as refused:
            reason = refused.reason_code if isinstance(refused, SignInFailed) else refused.code
            _log.warning("sign-in refused", code=refused.code, reason_code=reason)
            raise

    async def _finish(self, request: Request, response: Response) -> str:
        began, told = self._beginning.open(request.cookies.get(self._cookie)), request.query_params
        if began is None:
            raise SignInFailed("not_begun")
        if not hmac.compare_digest(str(began["state"]).encode(), told.get("state", "").encode()):
            raise SignInFailed("state")
        code = told.get("code")
        if told.get("error") or not code:
            raise SignInFailed("refused_by_provider")
        claims = await self._provider.claims(
            code=code, verifier=began["verifier"], nonce=began["nonce"], issuer=told.get("iss")
        )
        identity = Identity.of(claims, self._roles.groups_claim)
        role = identity.role(self._roles)
        if role is None:
            raise NoRole
        self.sessions.begin(response, identity.name, role)
        self._set(response, "", 0)
        _log.info("signed in", actor=identity.name, state=role.name.lower())
        return local_path(began["next"])

    def sign_out(self, request: Request, response: Response) -> None:
        """Have the browser forget its session."""
        session = self.sessions.of(request)
        self.sessions.end(response)
        if session:
            _log.info("signed out", actor=session.name)

    def _count(self, request: Request) -> None:
        if wait_s := self._attempts.count(address_of(request)):
            raise TooManyAttempts(wait_s)

    @property
    def _cookie(self) -> str:
        return f"{self.sessions.cookie}-sign-in"

    def _set(self, response: Response, value: str, max_age_s: int) -> None:
        # Lax, not strict: the provider's page leads back here, and the cookie must come along.
        response.set_cookie(
            self._cookie, value, max_age=max_age_s, path="/", secure=self._secure, httponly=True, samesite="lax"
        )
