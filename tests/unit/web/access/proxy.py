"""Google's identity-aware proxy in this process: assertions signed with its key."""

import time
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, cast

from fastapi import Request
from joserfc import jwt
from joserfc.jwk import ECKey
from pydantic import SecretStr

from tests.unit.web.access.conftest import KEY, PUBLIC_URL, ROLES, TOKENS
from wescope.config.settings import IapAccess
from wescope.web.access.actor import Actor, Role
from wescope.web.access.bearer import ApiTokens
from wescope.web.access.iap import HEADER, ISSUER, ProxyAccess
from wescope.web.access.identity import Identity

AUDIENCE = "/projects/1/locations/europe-west1/services/wescope-console"
SIGNING = ECKey.generate_key("P-256", {"kid": "proxy"})
KEYS_URL = "https://keys.example/jwk"


def assertion(claims: Mapping[str, Any], *, signing: ECKey = SIGNING) -> dict[str, str]:
    """The header that the proxy adds."""
    now = int(time.time())
    said = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "azp": AUDIENCE,
        "sub": "accounts.google.com:1",
        "iat": now,
        "exp": now + 600,
    }
    return {
        HEADER: jwt.encode(
            {"alg": "ES256", "kid": "proxy"}, said | {"iat": now, "exp": now + 600} | dict(claims), signing
        )
    }


async def fetch(url: str) -> Mapping[str, Any]:
    """The proxy's public keys."""
    assert url == KEYS_URL
    return {"keys": [dict(SIGNING.as_dict(private=False))]}


def form_token(access: ProxyAccess, claims: Mapping[str, Any]) -> str:
    """What the forms of somebody's pages carry."""
    identity = Identity.of({"iss": ISSUER, "sub": "accounts.google.com:1"} | dict(claims), "groups")
    request = SimpleNamespace(state=SimpleNamespace(actor=Actor(name=identity.name, role=Role.VIEWER)))
    return access.form_token(cast("Request", request))


def proxy_access(public_url: str | None = PUBLIC_URL) -> ProxyAccess:
    """The access that believes it."""
    return ProxyAccess(
        IapAccess(audience=AUDIENCE, keys_url=KEYS_URL),
        ROLES,
        keys=(KEY,),
        tokens=ApiTokens(tuple(SecretStr(one.get_secret_value()) for one in TOKENS)),
        public_url=public_url,
        fetch=fetch,
    )
