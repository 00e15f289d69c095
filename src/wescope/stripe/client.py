"""The connection to Stripe: the official asynchronous SDK with time-outs, a request limit, and our errors."""

import json
import logging
import re
from collections.abc import AsyncIterator, Mapping
from decimal import Decimal
from types import TracebackType
from typing import Any, Final, Self

import httpx
import stripe
from pyrate_limiter import Duration, Limiter, Rate, StateBucket

from wescope.errors import ObjectNotFound, StripeError, StripeRefused, StripeUnavailable

CONNECT_TIMEOUT_S: Final = 5.0
READ_TIMEOUT_S: Final = 30.0
MAXIMUM_NETWORK_RETRIES: Final = 2
PAGE_SIZE: Final = 100
LIVE_REQUESTS_PER_SECOND: Final = 20
TEST_REQUESTS_PER_SECOND: Final = 20
"""facts/stripe.md 3: Stripe allows 25 per second and end point live, and 25 in all in a sandbox."""

_LIVE_KEY = re.compile(r"(sk|rk)_live_")
_PERMISSION = re.compile(r"rak_[a-z_]{1,80}")
_CODE = re.compile(r"[a-z_]{1,80}")

# The SDK logs error messages at level info and bodies at level debug: both may hold personal data.
logging.getLogger("stripe").setLevel(logging.WARNING)


class _PacedHttpClient(stripe.HTTPXClient):
    """The SDK's HTTP client behind a request limit, which therefore counts the SDK's own retries too."""

    def __init__(self, *, requests_per_second: int) -> None:
        super().__init__(timeout=httpx.Timeout(READ_TIMEOUT_S, connect=CONNECT_TIMEOUT_S))
        # A small burst: with it and a second's worth of requests the limit of 25 within any second still holds.
        rate = Rate(requests_per_second, Duration.SECOND, burst=max(1, requests_per_second // 4))
        self._limiter = Limiter(StateBucket([rate]), buffer_ms=1)

    async def request_async(
        self, method: str, url: str, headers: Mapping[str, str], post_data: Any = None
    ) -> tuple[bytes, int, Mapping[str, str]]:
        """Send one request when the limit allows it."""
        await self._limiter.try_acquire_async()
        return await super().request_async(method, url, headers, post_data)


class StripeApi:
    """Reads Stripe's API as plain JSON, decimals exact. Close it, or use it as an asynchronous context.

    Args:
        api_key: Secret or restricted key; its prefix says whether it is of the live mode.
        base_url: Where the API answers.
        requests_per_second: Request limit; by default 20.
    """

    def __init__(
        self, *, api_key: str, base_url: str = "https://api.stripe.com", requests_per_second: int | None = None
    ) -> None:
        self.livemode = is_live_key(api_key)
        default = LIVE_REQUESTS_PER_SECOND if self.livemode else TEST_REQUESTS_PER_SECOND
        self._http = _PacedHttpClient(requests_per_second=requests_per_second or default)
        self._client = stripe.StripeClient(
            api_key,
            base_addresses={"api": base_url.rstrip("/")},
            http_client=self._http,
            max_network_retries=MAXIMUM_NETWORK_RETRIES,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close all connections."""
        await self._http.close_async()  # type: ignore[no-untyped-call]  # the SDK has no annotation here

    async def get(self, path: str, **parameters: Any) -> dict[str, Any]:
        """One GET request.

        The SDK's raw request is used and not its typed objects, because the raw body can be parsed without floats.

        Args:
            path: Such as `/v1/invoices/in_1`.
            parameters: The query; mappings and lists are encoded in Stripe's way.

        Returns:
            The JSON object; numbers with a fraction are `Decimal`.

        Raises:
            ObjectNotFound: Stripe has no such object.
            StripeRefused: the key is refused, or lacks a permission, which is named.
            StripeUnavailable: time-out, broken connection, 409, 429, 5xx, or an answer that is no JSON.
            StripeError: Stripe calls the request wrong.
        """
        try:
            response = await self._client.raw_request_async("get", path, **parameters)
        except stripe.StripeError as error:
            # `from None`: the SDK's error carries the body of the answer, which may hold personal data.
            raise translated(error, path) from None
        except UnicodeDecodeError:
            # The SDK decodes the body for its log before it looks at it, and does not expect this.
            raise StripeUnavailable(path=path) from None
        body = json.loads(response.body, parse_float=Decimal)
        if not isinstance(body, dict):
            raise StripeUnavailable(path=path, request_id=response.request_id or "")
        return body

    async def pages(self, path: str, **parameters: Any) -> AsyncIterator[dict[str, Any]]:
        """Every object of a list, in Stripe's order (newest first), page by page.

        Raises:
            StripeError: as `get`.
        """
        cursor: dict[str, str] = {}
        while True:
            page = await self.get(path, limit=PAGE_SIZE, **parameters, **cursor)
            for row in page["data"]:
                yield row
            if not page.get("has_more") or not page["data"]:
                return
            cursor = {"starting_after": page["data"][-1]["id"]}


def is_live_key(api_key: str) -> bool:
    """Whether a key is of the live mode, told by its prefix."""
    return _LIVE_KEY.match(api_key) is not None


def translated(error: stripe.StripeError, path: str) -> StripeError:
    """The SDK's error as ours: path, status, Stripe's own code and request id, and nothing of message or body."""
    details: dict[str, str | int] = {"path": path, "request_id": error.request_id or ""}
    if error.http_status is not None:
        details["status"] = error.http_status
    if error.code is not None and _CODE.fullmatch(error.code):
        details["stripe_code"] = error.code
    if isinstance(error, stripe.AuthenticationError | stripe.PermissionError):
        permission = _PERMISSION.search(error.user_message or "")
        return StripeRefused("" if permission is None else permission.group(), **details)
    if isinstance(error, stripe.InvalidRequestError):
        missing = error.http_status == httpx.codes.NOT_FOUND or error.code == "resource_missing"
        return ObjectNotFound("", **details) if missing else StripeError("", **details)
    return StripeUnavailable("", **details)
