"""Faults to order: latency, 429, 500, cut connections, by path."""

import asyncio
import random
from dataclasses import asdict, dataclass
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from wescope.sandbox.stripe import errors
from wescope.sandbox.stripe.errors import StripeError
from wescope.sandbox.stripe.limits import Limits

KINDS = ("latency", "rate_limit", "lock_timeout", "server_error", "cut")


@dataclass(slots=True, kw_only=True)
class Fault:
    """One kind of fault.

    Attributes:
        kind: One of ``KINDS``.
        path: Prefix of the paths it hits.
        rate: Share of requests, 0 to 1.
        times: How often it still happens; None for ever.
        latency_ms: For ``latency``.
    """

    kind: str
    path: str = "/v"
    rate: float = 1.0
    times: int | None = None
    latency_ms: int = 0


class Faults:
    """The faults in force and what they decide for a request.

    Args:
        seed: Of the chance with which rates are decided.
    """

    def __init__(self, *, seed: int) -> None:
        self._chance = random.Random(seed)
        self._faults: list[Fault] = []

    def add(self, **values: Any) -> Fault:
        """Put a fault into force; the values are those of ``Fault``.

        Raises:
            StripeError: 400 when the kind or a name is unknown.
        """
        if values.get("kind") not in KINDS:
            raise StripeError(f"Unknown fault: {values.get('kind')}; there are {', '.join(KINDS)}.", param="kind")
        try:
            fault = Fault(**values)
        except TypeError as error:
            raise StripeError(f"Unknown parameter of a fault: {error}", param="kind") from error
        self._faults.append(fault)
        return fault

    def clear(self) -> None:
        """Take every fault out of force."""
        self._faults.clear()

    def listing(self) -> list[dict[str, Any]]:
        """Return the faults in force."""
        return [asdict(fault) for fault in self._faults]

    def due(self, path: str) -> list[Fault]:
        """Return the faults that hit this request, and count them."""
        hit = []
        for fault in self._faults:
            if not path.startswith(fault.path) or fault.times == 0 or self._chance.random() >= fault.rate:
                continue
            if fault.times is not None:
                fault.times -= 1
            hit.append(fault)
        return hit


class FaultMiddleware:
    """Keeps the limits and performs the faults in front of an ASGI application; the control API is never hit."""

    def __init__(self, app: ASGIApp, faults: Faults, limits: Limits) -> None:
        self._app = app
        self._faults = faults
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection, with the faults that are due."""
        if scope["type"] != "http" or scope["path"].startswith("/_sandbox"):
            await self._app(scope, receive, send)
            return
        if reason := self._limits.refuse(scope["path"], method=scope["method"]):
            scope["stripe_fault"] = errors.rate_limited(reason)
        for fault in self._faults.due(scope["path"]):
            if fault.kind == "latency":
                await asyncio.sleep(fault.latency_ms / 1000)
            elif fault.kind == "cut":
                await _cut(send)
                return
            else:
                scope["stripe_fault"] = _ERRORS[fault.kind]()
        await self._app(scope, receive, send)


_ERRORS = {
    "rate_limit": errors.rate_limited,
    "lock_timeout": errors.lock_timeout,
    "server_error": errors.server_error,
}


async def _cut(send: Send) -> None:
    """Begin an answer and stop: the server then closes the connection in the middle of it."""
    headers = [(b"content-type", b"application/json"), (b"content-length", b"4096")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b'{"object": "li', "more_body": True})
