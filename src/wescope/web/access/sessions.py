"""Sessions: who is signed in, as a cookie that holds a digest, a role and the token of its forms, and nothing else."""

import hashlib
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from fastapi import Request, Response

from wescope.web.access.actor import Actor, Role
from wescope.web.access.sealing import Seal

LIVES_S = 8 * 3600
"""From the sign-in on, however much it is used: after a working day somebody signs in again."""
_TOKEN_BYTES = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One sign-in. `token` is what its forms carry; `rules` are those by which the role was given."""

    name: str
    role: Role
    token: str = field(repr=False)
    rules: str

    @property
    def actor(self) -> Actor:
        """Who it is."""
        return Actor(name=self.name, role=self.role)


class Sessions:
    """Sessions as cookies; nothing is kept here, so that every web process knows all of them."""

    def __init__(self, keys: Sequence[str], *, secure: bool, rules: str, now: Callable[[], float] = time.time) -> None:
        """Take the token keys, whether people come by https, and the rules by which roles are given.

        A session ends when the rules change: who was taken from a list must not stay in until the evening.
        """
        self._seal = Seal(keys, "console session", lives_s=LIVES_S, now=now)
        self._secure = secure
        self._rules = hashlib.sha256(rules.encode()).hexdigest()[:16]

    @property
    def cookie(self) -> str:
        """The cookie's name. With `__Host-` no other host of the domain can set it."""
        return "__Host-wescope" if self._secure else "wescope"

    def begin(self, response: Response, name: str, role: Role) -> Session:
        """Give the browser a new session."""
        session = Session(name=name, role=role, token=secrets.token_urlsafe(_TOKEN_BYTES), rules=self._rules)
        sealed = self._seal.close({"name": name, "role": int(role), "token": session.token, "rules": session.rules})
        self._set(response, sealed, LIVES_S)
        return session

    def end(self, response: Response) -> None:
        """Have the browser forget its session."""
        self._set(response, "", 0)

    def of(self, request: Request) -> Session | None:
        """The session of a request; null if there is none that holds."""
        found = self._seal.open(request.cookies.get(self.cookie))
        if found is None or found.get("rules") != self._rules:
            return None
        return Session(name=found["name"], role=Role(found["role"]), token=found["token"], rules=found["rules"])

    def _set(self, response: Response, value: str, max_age_s: int) -> None:
        response.set_cookie(
            self.cookie, value, max_age=max_age_s, path="/", secure=self._secure, httponly=True, samesite="lax"
        )
