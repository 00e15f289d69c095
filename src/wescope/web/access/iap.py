"""Access by Google's identity-aware proxy: each request carries the proxy's signed word for who asks."""

import hashlib
import hmac
import time
from collections.abc import Callable, Sequence

from fastapi import Request

from wescope.config.access_roles import AccessRoles
from wescope.config.settings import IapAccess
from wescope.web.access.actor import Actor
from wescope.web.access.bearer import ApiTokens
from wescope.web.access.identity import Identity
from wescope.web.access.keys import Fetch, Keys, fetch_json
from wescope.web.access.refusals import AssertionRefused, NoRole, NotSignedIn
from wescope.web.access.sealing import derived
from wescope.web.access.tokens import TokenRefused, Verifier

HEADER = "x-goog-iap-jwt-assertion"
ISSUER = "https://cloud.google.com/iap"


class ProxyAccess:
    """Whom Google's proxy lets pass, and what it says of them; nobody is believed who comes around it."""

    def __init__(
        self,
        proxy: IapAccess,
        roles: AccessRoles,
        *,
        keys: Sequence[str],
        tokens: ApiTokens,
        public_url: str | None = None,
        fetch: Fetch = fetch_json,
        now: Callable[[], float] = time.time,
    ) -> None:
        """Take whose assertions are believed, who may what, and the keys that forms' tokens are made of."""
        self.public_url = public_url
        self._roles, self._tokens = roles, tokens

        async def keys_url() -> str:
            return proxy.keys_url

        self._verifier = Verifier(
            keys=Keys(keys_url, fetch=fetch), issuer=ISSUER, audience=proxy.audience, algorithms=("ES256",), now=now
        )
        self._form_key = derived(keys[0], "console forms")

    @property
    def signs_in(self) -> bool:
        """The proxy does that, before anything comes here."""
        return False

    async def actor(self, request: Request) -> Actor:
        """Whom the proxy has let pass, or the program whose token it is.

        Raises:
            NotSignedIn: there is no assertion, or the token is none of ours.
            AssertionRefused: the assertion is not believed.
            NoRole: who it is may not look.
            ProviderUnavailable: the proxy's keys cannot be read.
        """
        program = self._tokens.actor(request)
        if program is not None:
            return program
        assertion = request.headers.get(HEADER)
        if not assertion:
            raise NotSignedIn("Nothing says that the identity-aware proxy let this request pass.")
        try:
            claims = await self._verifier.claims(assertion)
        except TokenRefused as refused:
            raise AssertionRefused(refused.code) from None
        identity = Identity.of(claims, self._roles.groups_claim, emails_verified=True)
        role = identity.role(self._roles)
        if role is None:
            raise NoRole
        return Actor(name=identity.name, role=role)

    def form_token(self, request: Request) -> str:
        """One for each person, whom the guard has found before: another's is worth nothing."""
        actor: Actor | None = getattr(request.state, "actor", None)
        return hmac.new(self._form_key, actor.name.encode(), hashlib.sha256).hexdigest() if actor else ""
