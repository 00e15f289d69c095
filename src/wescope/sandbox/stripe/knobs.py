"""Settings of the stand-in that a test or a command line can turn."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

from wescope.sandbox.stripe.versions import LATEST


@dataclass(frozen=True, slots=True, kw_only=True)
class Knobs:
    """How the stand-in behaves, beside its business.

    Attributes:
        api_version: Of the account: events are served and delivered in it.
        retry_hour_s: How many seconds an hour of Stripe's retry schedule takes.
        max_attempts: After how many attempts a webhook is given up.
        timeout_s: How long an endpoint may take to answer.
        requests_per_second: More reads are answered 429, with a test key in all, with a live key to one endpoint; 0 for
            no limit.
        requests_per_second_in_all: With a live key, to all endpoints together; 0 for no limit.
        live_key: Whether the account's key is of the live mode, and everything it serves.
        latency_ms: Added to every read.
        rate_limit: Share of reads that are answered 429.
        lock_timeout: Share of reads that are answered 429 ``lock_timeout``.
        server_error: Share of reads that are answered 500.
        cut: Share of reads whose answer breaks off.
    """

    api_version: str = LATEST
    retry_hour_s: float = 0.2
    max_attempts: int = 16
    timeout_s: float = 10.0
    requests_per_second: int = 25
    requests_per_second_in_all: int = 100
    live_key: bool = False
    latency_ms: int = 0
    rate_limit: float = 0.0
    lock_timeout: float = 0.0
    server_error: float = 0.0
    cut: float = 0.0


_TRUTH = {"true": True, "1": True, "false": False, "0": False}


def _truth(text: str) -> bool:
    if text.lower() not in _TRUTH:
        raise ValueError(f"neither true nor false: {text}")
    return _TRUTH[text.lower()]


_TYPES: dict[str, Callable[[str], object]] = {
    str(kind): read for kind, read in ((str, str), (int, int), (float, float), (bool, _truth))
}


def parse_knobs(texts: list[str]) -> Knobs:
    """Return the knobs that ``name=value`` texts set; the others keep their defaults.

    Raises:
        ValueError: A text is not ``name=value``, the name is unknown, or the value has the wrong type.
    """
    kinds: dict[str, Callable[[str], object]] = {field.name: _TYPES[str(field.type)] for field in fields(Knobs)}
    values: dict[str, Any] = {}
    for text in texts:
        name, separator, value = text.partition("=")
        if not separator or name not in kinds:
            raise ValueError(f"no such knob: {text}; there are {', '.join(kinds)}")
        values[name] = kinds[name](value)
    return Knobs(**values)
