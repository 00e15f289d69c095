"""Bearer: programs from elsewhere, each with a token of its own; for the API and nothing else."""

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field

from fastapi import Request
from pydantic import SecretStr

from wescope.web.access.actor import Actor, Role
from wescope.web.access.attempts import Attempts, address_of
from wescope.web.access.refusals import NotSignedIn, TooManyAttempts

API = "/api/v1/"
_ROLES = {"viewer": Role.VIEWER, "operator": Role.OPERATOR}


@dataclass(frozen=True, slots=True)
class _Program:
    actor: Actor
    digest: bytes = field(repr=False)


class ApiTokens:
    """The programs that may ask the API from elsewhere."""

    def __init__(self, configured: Sequence[SecretStr] = ()) -> None:
        """Take `name:role:token` of each."""
        self._programs = tuple(_program(one.get_secret_value()) for one in configured)
        self._failed = Attempts()

    def actor(self, request: Request) -> Actor | None:
        """The program that asks; null if the request is not for the API, or names no token.

        Raises:
            NotSignedIn: it names a token that is none of ours.
            TooManyAttempts: so many wrong tokens came from its address that it must wait.
        """
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if not request.url.path.startswith(API) or scheme.lower() != "bearer":
            return None
        address = address_of(request)
        if wait_s := self._failed.wait_s(address):
            raise TooManyAttempts(wait_s)
        digest = hashlib.sha256(token.strip().encode()).digest()
        # All of them are compared: how long it takes says nothing of which one it was near.
        found = [one.actor for one in self._programs if hmac.compare_digest(one.digest, digest)]
        if not found:
            self._failed.count(address)
            raise NotSignedIn("The token is none of WESCOPE_API_TOKENS.", bearer=True)
        return found[0]


def _program(configured: str) -> _Program:
    name, role, token = configured.split(":", 2)
    return _Program(Actor(name=f"api:{name}", role=_ROLES[role]), hashlib.sha256(token.encode()).digest())
