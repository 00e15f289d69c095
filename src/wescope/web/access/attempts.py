"""Attempts: how often an address has tried to get in lately. Addresses are in memory only, and forgotten soon."""

import ipaddress
import math
import time
from collections import OrderedDict
from collections.abc import Callable

from fastapi import Request
from pyrate_limiter import Duration, InMemoryBucket, Rate, RateItem

RATES = (Rate(10, Duration.MINUTE), Rate(60, Duration.HOUR))
"""Nobody who signs in needs as many; who guesses gets nowhere with them."""
_MAX_ADDRESSES = 10_000


class Attempts:
    """Attempts of the last hour by address, in this process."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._buckets: OrderedDict[str, InMemoryBucket] = OrderedDict()

    def count(self, address: str) -> int:
        """Count one attempt; 0 if it may be made, else how many seconds to wait."""
        bucket = self._buckets.pop(address, None) or InMemoryBucket(list(RATES))
        self._buckets[address] = bucket
        while len(self._buckets) > _MAX_ADDRESSES:
            self._buckets.popitem(last=False)
        bucket.leak(self._now_ms())
        return 0 if bucket.put(RateItem(address, self._now_ms())) else self.wait_s(address)

    def wait_s(self, address: str) -> int:
        """How many seconds the address must wait before its next attempt; counts nothing."""
        bucket = self._buckets.get(address)
        if bucket is None:
            return 0
        wait_ms = max((_wait_ms(bucket, rate, self._now_ms()) for rate in bucket.rates), default=0)
        return math.ceil(wait_ms / 1000)

    def _now_ms(self) -> int:
        return int(self._clock() * 1000)


def _wait_ms(bucket: InMemoryBucket, rate: Rate, now_ms: int) -> int:
    """Until fewer attempts than the rate allows are within its time."""
    moments = [item.timestamp for item in bucket.items if item.timestamp > now_ms - rate.interval]
    return 0 if len(moments) < rate.limit else max(1, moments[-rate.limit] + rate.interval - now_ms)


def address_of(request: Request) -> str:
    """The address of who asks, for counting only: behind a proxy of a private address, the one that it has added last.

    Whoever connects from a public address is believed to be there, whatever his headers say.
    """
    host = request.client.host if request.client else ""
    try:
        is_public = ipaddress.ip_address(host).is_global
    except ValueError:
        is_public = False
    told = request.headers.get("x-forwarded-for", "").rpartition(",")[2].strip()
    return host if is_public or not told else told[:64]
