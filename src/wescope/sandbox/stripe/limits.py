"""Stripe's rate limits: requests within a second to one endpoint and in all (facts/stripe.md 3)."""

import asyncio
from collections import Counter, deque

from wescope.sandbox.stripe.knobs import Knobs
from wescope.sandbox.stripe.store import Resource

SECOND_S = 1.0


class Limits:
    """Sliding windows over what was let in; every refusal is counted as a violation of its limit.

    A test key has one limit for all its requests, a live key one for each endpoint and one for all together.

    Args:
        knobs: The limits; 0 for none.
    """

    def __init__(self, knobs: Knobs) -> None:
        self._knobs = knobs
        self._recent: dict[str, deque[float]] = {}
        self._requests: Counter[str] = Counter()
        self._methods: Counter[str] = Counter()
        self._violations: Counter[str] = Counter()

    def refuse(self, path: str, *, method: str) -> str:
        """Count a request and return the limiter that refuses it, such as ``endpoint-rate``; empty if none does."""
        endpoint = endpoint_of(path)
        self._requests[endpoint] += 1
        self._methods[method] += 1
        now = asyncio.get_running_loop().time()
        windows = []
        for scope, limit in self._limits(endpoint):
            window = self._window(scope, now)
            if limit and len(window) >= limit:
                reason = "endpoint-rate" if scope else "global-rate"
                self._violations[f"{reason} {scope}".strip()] += 1
                return reason
            windows.append(window)
        for window in windows:  # refused requests do not count
            window.append(now)
        return ""

    def _limits(self, endpoint: str) -> list[tuple[str, int]]:
        """Return what a request counts for, an endpoint or everything (empty), each with its limit."""
        first = self._knobs.requests_per_second
        return (
            [("", self._knobs.requests_per_second_in_all), (endpoint, first)] if self._knobs.live_key else [("", first)]
        )

    def clear(self) -> None:
        """Forget the counts; the windows stay."""
        self._requests.clear()
        self._methods.clear()
        self._violations.clear()

    def as_json(self) -> Resource:
        """Return the counts: requests by endpoint and by HTTP method, and violations by limit."""
        return {
            "total": self._requests.total(),
            "by_endpoint": dict(sorted(self._requests.items())),
            "by_method": dict(sorted(self._methods.items())),
            "violations": self._violations.total(),
            "violations_by_limit": dict(sorted(self._violations.items())),
        }

    def _window(self, scope: str, now: float) -> deque[float]:
        window = self._recent.setdefault(scope, deque())
        while window and window[0] <= now - SECOND_S:
            window.popleft()
        return window


def endpoint_of(path: str) -> str:
    """Return the endpoint of a path: its ids replaced, as in ``/v1/invoices/:id/lines``."""
    version, _, rest = path.strip("/").partition("/")
    names = [":id" if index % 2 else name for index, name in enumerate(rest.split("/"))]
    return "/" + "/".join([version, *names])
