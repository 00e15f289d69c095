"""OAuth at Intuit: authorise, trade codes and refresh tokens, rotate, expire (facts/qbo.md 3.1)."""

import secrets
from dataclasses import dataclass
from urllib.parse import urlencode

from wescope.sandbox.qbo.books import Books
from wescope.sandbox.qbo.wire import Json

DAY_S = 86_400
CODE_TTL_S = 600
SCOPE = "com.intuit.quickbooks.accounting"


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuthError(Exception):
    """A refusal of the token endpoint: HTTP status and `error`."""

    status: int
    error: str


class Tokens:
    """The company's tokens, kept in its settings so that a restart changes nothing."""

    def __init__(self, books: Books, number: int) -> None:
        self._books = books
        self.refreshes = 0
        self.client_id = f"ABsandbox{number:031d}"
        self.client_secret = f"sandboxsecret{number:027d}"
        if "oauth" not in books.settings:
            self._store({"refresh": {}, "access": {}, "codes": {}})
            self._new_refresh_token()

    @property
    def refresh_token(self) -> str:
        """The newest refresh token."""
        live: dict[str, Json] = self._state()["refresh"]
        return max(live, key=lambda token: int(live[token]["number"]))

    def access_token(self) -> str:
        """Issues an access token without ceremony, for tests."""
        return self._new_access_token(self._state(), self._now_s())

    def authorise(self, *, redirect_uri: str, state: str, realm_id: str) -> str:
        """Says yes at once to a request for access.

        Args:
            redirect_uri: where the product waits.
            state: the product's own.
            realm_id: the company that was chosen.

        Returns:
            The address to go back to, with code, state and realmId.
        """
        code = f"XAB{secrets.token_hex(20)}"
        known = self._state()
        known["codes"][code] = {"issued_s": self._now_s(), "redirect_uri": redirect_uri}
        self._store(known)
        return _back_to(redirect_uri, {"code": code, "state": state, "realmId": realm_id})

    def deny(self, *, redirect_uri: str, state: str) -> str:
        """Says no.

        Args:
            redirect_uri: where the product waits.
            state: the product's own.

        Returns:
            The address to go back to, with error and state.
        """
        return _back_to(redirect_uri, {"error": "access_denied", "state": state})

    def trade_code(self, code: str, redirect_uri: str) -> Json:
        """Trades an authorisation code for tokens; each code works once.

        Args:
            code: from the redirect.
            redirect_uri: the same as when authorising.

        Returns:
            The token answer.

        Raises:
            OAuthError: 400 invalid_grant.
        """
        known = self._state()
        found = known["codes"].pop(code, None)
        self._store(known)
        late = found is not None and self._now_s() - found["issued_s"] > CODE_TTL_S
        if found is None or late or found["redirect_uri"] != redirect_uri:
            raise OAuthError(status=400, error="invalid_grant")
        return self._answer(self._new_refresh_token())

    def refresh(self, token: str) -> Json:
        """Trades a refresh token for an access token and, by the rotation knob, a new refresh token.

        Args:
            token: the refresh token at hand.

        Returns:
            The token answer.

        Raises:
            OAuthError: 400 invalid_grant for an unknown, expired or rotated-out token.
        """
        self.refreshes += 1
        known = self._state()
        found = known["refresh"].get(token)
        now_s = self._now_s()
        if found is None or min(self._left_s(found), self._hard_left_s(found)) < 0:
            raise OAuthError(status=400, error="invalid_grant")
        if found.get("rotated") and self._books.knobs.old_refresh_token != "valid":
            if self._books.knobs.old_refresh_token == "revokes":
                self.revoke_all()
            raise OAuthError(status=400, error="invalid_grant")
        rotation = self._books.knobs.refresh_rotation
        if rotation == "always" or (rotation == "daily" and now_s - found["issued_s"] >= DAY_S):
            found["rotated"] = True
            self._store(known)
            token = self._new_refresh_token(found.get("granted_s"))
        return self._answer(token)

    def check(self, token: str) -> bool:
        """Tells whether an access token is good now."""
        found = self._state()["access"].get(token)
        return found is not None and self._now_s() < found["until_s"]

    def revoke_all(self) -> None:
        """Forgets every token: the connection is gone until someone connects again."""
        self._store({"refresh": {}, "access": {}, "codes": {}})
        self._new_refresh_token()

    def expire_access_tokens(self) -> None:
        """Lets every access token expire now, as after an hour."""
        known = self._state()
        known["access"] = {}
        self._store(known)

    def _answer(self, refresh_token: str) -> Json:
        known = self._state()
        found = known["refresh"][refresh_token]
        return {
            "access_token": self._new_access_token(known, self._now_s()),
            "token_type": "bearer",
            "expires_in": self._books.knobs.access_token_ttl_s,
            "refresh_token": refresh_token,
            "x_refresh_token_expires_in": self._left_s(found),
            "x_refresh_token_hard_expires_in": self._hard_left_s(found),
        }

    def _left_s(self, found: Json) -> int:
        """Until a refresh token that is not used ends."""
        return int(self._books.knobs.refresh_token_ttl_s - (self._now_s() - found["issued_s"]))

    def _hard_left_s(self, found: Json) -> int:
        """Until the grant ends, however often it is used."""
        granted_s: int = found.get("granted_s") or found["issued_s"]
        return int(self._books.knobs.refresh_token_hard_ttl_s - (self._now_s() - granted_s))

    def _new_access_token(self, known: Json, now_s: int) -> str:
        token = f"eyJsandbox..{secrets.token_urlsafe(48)}"
        known["access"] = {one: kept for one, kept in known["access"].items() if kept["until_s"] > now_s}
        known["access"][token] = {"until_s": now_s + self._books.knobs.access_token_ttl_s}
        self._store(known)
        return token

    def _new_refresh_token(self, granted_s: int | None = None) -> str:
        known = self._state()
        token = f"RT1-{secrets.token_hex(20)}"
        number = known.get("issued", 0) + 1
        known["issued"] = number
        now_s = self._now_s()
        granted_s = now_s if granted_s is None else granted_s
        known["refresh"][token] = {"issued_s": now_s, "granted_s": granted_s, "number": number}
        self._store(known)
        return token

    def _now_s(self) -> int:
        return int(self._books.clock().timestamp())

    def _state(self) -> Json:
        known: Json = self._books.settings["oauth"]
        return known

    def _store(self, known: Json) -> None:
        unit = self._books.begin()
        unit.setting("oauth", known)
        unit.commit()


def _back_to(redirect_uri: str, answer: dict[str, str]) -> str:
    separator = "&" if "?" in redirect_uri else "?"
    return redirect_uri + separator + urlencode(answer)
