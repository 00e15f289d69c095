"""The connection to Stripe: the official asynchronous SDK with time-outs, request limits, and our errors."""

import importlib.util
import json
import logging
import re
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from decimal import Decimal
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urlsplit

import httpx
import stripe
import structlog

from wescope.config import LiveSecret
from wescope.config.secret_source import live
from wescope.errors import ObjectNotFound, StripeError, StripeRefused, StripeUnavailable
from wescope.stripe import limits
from wescope.stripe.limits import Rates, RequestLimits, endpoint_of

_log = structlog.get_logger(__name__)

CONNECT_TIMEOUT_S: Final = 5.0
READ_TIMEOUT_S: Final = 30.0
MAXIMUM_NETWORK_RETRIES: Final = 2
PAGE_SIZE: Final = 100
_LIVE_KEY = re.compile(r"(sk|rk)_live_")
_PERMISSION = re.compile(r"rak_[a-z_]{1,80}")
_CODE = re.compile(r"[a-z_]{1,80}")

# The SDK's HTTP library looks for this package several times per request, and every time that it is not there the whole
# path is searched: a third of what a request costs. So it is said once that there is none.
if "sniffio" not in sys.modules and importlib.util.find_spec("sniffio") is None:
    sys.modules["sniffio"] = None  # type: ignore[assignment]  # the documented way (importlib, "sys.modules")

# The SDK logs error messages at level info and bodies at level debug: both may hold personal data.
logging.getLogger("stripe").setLevel(logging.WARNING)


class _PacedHttpClient(stripe.HTTPXClient):
    """The SDK's HTTP client behind the request limits, which therefore count the SDK's own retries too."""

    def __init__(self, request_limits: RequestLimits) -> None:
        super().__init__(timeout=httpx.Timeout(READ_TIMEOUT_S, connect=CONNECT_TIMEOUT_S))
        self._limits = request_limits

    async def request_async(
        self, method: str, url: str, headers: Mapping[str, str], post_data: Any = None
    ) -> tuple[bytes, int, Mapping[str, str]]:
        """Send one request when the limits allow it, and again while Stripe says that there are too many."""
        endpoint = endpoint_of(urlsplit(url).path)
        for attempt in range(limits.PAUSES):
            await self._limits.acquire(endpoint)
            content, status, answer = await super().request_async(method, url, headers, post_data)
            if not _is_limited(status, answer):
                break
            reason = answer.get("stripe-rate-limited-reason", "")
            self._limits.pause(endpoint, attempt, everywhere=reason.startswith("global"))
            _log.info("too many requests to Stripe", operation=endpoint, attempt=attempt + 1)
        return content, status, answer


class StripeApi:
    """Reads Stripe's API as plain JSON, decimals exact. Close it, or use it as an asynchronous context.

    Args:
        api_key: Secret or restricted key; its prefix says whether it is of the live mode. One that may change is asked
            for with every request, and again when Stripe refuses it.
        base_url: Where the API answers.
        requests_per_second: Request limit to each end point and in all; by default what suits the key's mode.
        urgent: Whether the current task works on what has just happened; its requests go first.
        told: Called with the outcome of every call: ok, or the code of the error.
    """

    def __init__(
        self,
        *,
        api_key: str | LiveSecret,
        base_url: str = "https://api.stripe.com",
        requests_per_second: int | None = None,
        urgent: Callable[[], bool] = lambda: True,
        told: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._told = told
        self._key = live(api_key)
        self.livemode = is_live_key(self._key.value)
        self.calls_made = 0
        rates = limits.LIVE if self.livemode else limits.TEST
        if requests_per_second is not None:
            rates = Rates(endpoint=requests_per_second, total=requests_per_second)
        self.requests_per_second = rates.total
        self._limits = RequestLimits(rates, urgent=urgent)
        self._http = _PacedHttpClient(self._limits)
        self._client = stripe.StripeClient(
            self._key.value,
            base_addresses={"api": base_url.rstrip("/")},
            http_client=self._http,
            max_network_retries=MAXIMUM_NETWORK_RETRIES,
        )

    @property
    def times_limited(self) -> Mapping[str, int]:
        """How often Stripe has said that there were too many requests, by end point."""
        return dict(self._limits.limited)

    def share(self, processes: int) -> None:
        """Use one part of the request limits only: so many processes ask Stripe now."""
        self._limits.share(processes)

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
        self.calls_made += 1
        try:
            body = await self._get(path, parameters)
        except StripeError as error:
            self._told(error.code)
            raise
        self._told("ok")
        return body

    async def _get(self, path: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        try:
            response = await self._ask(path, parameters)
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

    async def _ask(self, path: str, parameters: Mapping[str, Any]) -> stripe.StripeResponse:
        key = self._key.value
        try:
            return await self._ask_with(key, path, parameters)
        except stripe.AuthenticationError:
            # It may have been rolled, or have expired, while this process has run.
            if not await self._key.newer_than(key):
                raise
        return await self._ask_with(self._key.value, path, parameters)

    async def _ask_with(self, key: str, path: str, parameters: Mapping[str, Any]) -> stripe.StripeResponse:
        if is_live_key(key) != self.livemode:
            raise StripeRefused("The new key is of the other mode: another account's books. Restart to change over.")
        answer: stripe.StripeResponse = await self._client.raw_request_async("get", path, **parameters, api_key=key)
        return answer

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


def _is_limited(status: int, headers: Mapping[str, str]) -> bool:
    """Whether there were too many requests. A locked object is answered 429 too: the SDK asks again at once."""
    return status == httpx.codes.TOO_MANY_REQUESTS and headers.get("stripe-should-retry") != "true"


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
