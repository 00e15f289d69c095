"""Tokens: signed JSON web tokens of a provider, believed only with every check of OpenID Connect Core 3.1.3.7."""

import base64
import binascii
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from joserfc import jwt
from joserfc.errors import ExpiredTokenError, JoseError

from wescope.web.access.keys import Keys

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519")
"""Asymmetric ones only: with `none` or a shared secret anybody could have made the token."""
LEEWAY_S = 60
MAX_CHARACTERS = 16_384


class TokenRefused(Exception):
    """A token that is not believed; `code` says why in a word."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class Verifier:
    """What checks the tokens of one issuer for one audience."""

    keys: Keys
    issuer: str
    audience: str
    algorithms: tuple[str, ...] = ALGORITHMS
    now: Callable[[], float] = time.time

    async def claims(self, token: str) -> Mapping[str, Any]:
        """What a token says.

        Raises:
            TokenRefused: it is not believed.
            ProviderUnavailable: its keys cannot be read.
        """
        header = _header(token)
        if header.get("alg") not in self.algorithms:
            raise TokenRefused("algorithm")
        key_id = header.get("kid")
        keys = await self.keys.holding(key_id if isinstance(key_id, str) else None)
        try:
            claims: Mapping[str, Any] = jwt.decode(token, keys, algorithms=list(self.algorithms)).claims
        except (JoseError, ValueError, TypeError, KeyError):
            raise TokenRefused("signature") from None
        self._check(claims)
        return claims

    def _check(self, claims: Mapping[str, Any]) -> None:
        """Issuer, audience, times, subject.

        Raises:
            TokenRefused: one of them is not as it must be.
        """
        if claims.get("iss") != self.issuer:
            raise TokenRefused("issuer")
        audience = claims.get("aud")
        audiences = audience if isinstance(audience, list) else [audience]
        if self.audience not in audiences:
            raise TokenRefused("audience")
        party = claims.get("azp", self.audience if len(audiences) == 1 else None)
        if party != self.audience:
            raise TokenRefused("authorized_party")
        if not isinstance(claims.get("sub"), str) or not claims["sub"]:
            raise TokenRefused("subject")
        registry = jwt.JWTClaimsRegistry(
            now=int(self.now()), leeway=LEEWAY_S, exp={"essential": True}, iat={"essential": True}
        )
        try:
            registry.validate(dict(claims))
        except ExpiredTokenError:
            raise TokenRefused("expired") from None
        except JoseError:
            raise TokenRefused("times") from None


def _header(token: str) -> Mapping[str, Any]:
    """The header of a token, not yet believed: it only says which key to look for.

    Raises:
        TokenRefused: it is no token.
    """
    first = token.partition(".")[0]
    try:
        header = json.loads(base64.urlsafe_b64decode(first + "=" * (-len(first) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        header = None
    if len(token) > MAX_CHARACTERS or not isinstance(header, dict):
        raise TokenRefused("no_token")
    return header
