"""Refusals in Stripe's own shape and words.

StripeError      any refusal: HTTP status, body ``{"error": {...}}``, extra headers
"""

from typing import Any

DOCUMENTATION = "https://stripe.com/docs/error-codes/"


class StripeError(Exception):
    """A refusal that the HTTP layer answers as Stripe would.

    Args:
        message: Stripe's sentence.
        status: HTTP status.
        code: Stripe's error code, if it has one.
        param: The parameter that is wrong, if one is.
        kind: ``invalid_request_error`` or ``api_error``.
        headers: Headers only this refusal has.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        code: str | None = None,
        param: str | None = None,
        kind: str = "invalid_request_error",
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.code = code
        self.param = param
        self.kind = kind
        self.headers = headers or {}

    def body(self) -> dict[str, Any]:
        """Return the JSON body, with the keys that Stripe would send and no others."""
        error: dict[str, Any] = {"message": self.message, "type": self.kind}
        if self.code is not None:
            error |= {"code": self.code, "doc_url": DOCUMENTATION + self.code.replace("_", "-")}
        if self.param is not None:
            error["param"] = self.param
        return {"error": error}


def no_such(kind: str, identifier: str, *, param: str = "id", status: int = 404) -> StripeError:
    """Return ``resource_missing``: 404 for the object asked for, 400 for one that a parameter names."""
    text = f"No such {kind}: '{identifier}'"
    return StripeError(text, status=status, code="resource_missing", param=param)


def unknown_parameter(name: str) -> StripeError:
    """Return the refusal of a parameter that the endpoint does not know."""
    return StripeError(f"Received unknown parameter: {name}", code="parameter_unknown", param=name)


def invalid_parameter(name: str, message: str, code: str | None = None) -> StripeError:
    """Return the refusal of a value."""
    return StripeError(message, code=code, param=name)


def no_key() -> StripeError:
    """Return the refusal of a request without a key."""
    return StripeError(
        "You did not provide an API key. You need to provide your API key in the Authorization header, using Bearer "
        "auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY').",
        status=401,
        headers={"WWW-Authenticate": 'Basic realm="Stripe"'},
    )


def invalid_key(key: str) -> StripeError:
    """Return the refusal of an unknown key, of which only the ends are repeated."""
    return StripeError(f"Invalid API Key provided: {key[:8]}{'*' * 12}{key[-4:]}", status=401)


def missing_permission(key: str, permission: str, account: str) -> StripeError:
    """Return the refusal of a restricted key, which names the permission it lacks."""
    return StripeError(
        f"The provided key '{key[:8]}{'*' * 12}{key[-4:]}' does not have the required permissions for this endpoint on "
        f"account '{account}'. Having the '{permission}' permission would allow this request to continue.",
        status=403,
    )


def rate_limited(reason: str = "global-rate") -> StripeError:
    """Return 429 with the limiter that spoke (facts/stripe.md 3)."""
    return StripeError(
        "Request rate limit exceeded. Learn more about rate limits here https://stripe.com/docs/rate-limits.",
        status=429,
        code="rate_limit",
        headers={"Stripe-Rate-Limited-Reason": reason},
    )


def lock_timeout() -> StripeError:
    """Return 429 ``lock_timeout``: another request holds the object; Stripe asks to try again."""
    return StripeError(
        "This object cannot be accessed right now because another API request or Stripe process is currently "
        "accessing it.",
        status=429,
        code="lock_timeout",
        headers={"Stripe-Should-Retry": "true"},
    )


def server_error() -> StripeError:
    """Return Stripe's 500."""
    return StripeError(
        "Sorry! There was an error while talking to Stripe. Please try again.",
        status=500,
        kind="api_error",
    )
