"""Refusals: why somebody is not let in, each with the status and the one thing to do."""

from typing import ClassVar

from wescope.books.parking import Owner
from wescope.errors import Retry, WescopeError


class Refusal(WescopeError):
    """Who asks is not let in."""

    code = "refused"
    owner = Owner.OPERATOR
    retry = Retry.NEVER
    http_status: ClassVar[int] = 403


class NotSignedIn(Refusal):
    """Nobody is signed in, or the session has ended."""

    code = "not_signed_in"
    http_status: ClassVar[int] = 401
    remedy = (
        "Sign in at /sign-in; a program sends the header `Authorization: Bearer` with a token of WESCOPE_API_TOKENS."
    )

    def __init__(self, detail: str = "", *, at: str = "", bearer: bool = False, **details: str | int) -> None:
        """Take where to sign in (a path; empty: nowhere here), and whether a token was refused."""
        super().__init__(detail, **details)
        self.at = at
        self.bearer = bearer


class NoRole(Refusal):
    """Who is signed in is in no list of those who may look."""

    code = "no_role"
    remedy = "Have the administrator add you under [access] in wescope.toml, then sign in again."


class SignInFailed(Refusal):
    """The provider did not sign anybody in, or what it said cannot be believed."""

    code = "sign_in_failed"
    http_status: ClassVar[int] = 400
    remedy = "Begin again at /sign-in. If it fails again, the log line of this moment says why (reason_code)."

    def __init__(self, reason_code: str) -> None:
        """Take why, as a word for the log and the page: never what was sent."""
        super().__init__(reason=reason_code)
        self.reason_code = reason_code


class AssertionRefused(Refusal):
    """What the identity-aware proxy says of who asks cannot be believed."""

    code = "assertion_refused"
    http_status: ClassVar[int] = 401
    remedy = "Ask through the proxy; check WESCOPE_IAP_AUDIENCE if you do."

    def __init__(self, reason_code: str) -> None:
        """Take why, as a word."""
        super().__init__(reason=reason_code)
        self.reason_code = reason_code


class TooManyAttempts(Refusal):
    """There were too many attempts to sign in from this address."""

    code = "too_many_attempts"
    retry = Retry.LATER
    http_status: ClassVar[int] = 429
    remedy = "Wait as long as the header Retry-After says, then try again."

    def __init__(self, wait_s: int) -> None:
        """Take how long to wait, in seconds."""
        super().__init__(wait_s=wait_s)
        self.wait_s = wait_s


class ProviderUnavailable(Refusal):
    """The provider that people sign in with, or the keys of the proxy, cannot be reached."""

    code = "identity_provider_unavailable"
    retry = Retry.LATER
    http_status: ClassVar[int] = 503
    remedy = "Try again soon; if it stays, check WESCOPE_OIDC_ISSUER (or WESCOPE_IAP_KEYS_URL) and the network."
