"""Keys: the public keys of who signs tokens, fetched over HTTP, kept, and fetched again when they roll."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import httpx2
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from wescope.observe.logs import get_logger
from wescope.web.access.refusals import ProviderUnavailable

_log = get_logger(__name__)

TIMEOUT_S = 10.0
KEPT_S = 3600.0
"""Keys that were taken back are believed for so long at most."""
SOONEST_AGAIN_S = 30.0
"""Tokens that name keys which nobody has cause no storm of requests."""
MAX_BYTES = 512 * 1024
_ASYMMETRIC = frozenset({"RSA", "EC", "OKP"})

Fetch = Callable[[str], Awaitable[Mapping[str, Any]]]
"""Reads a JSON object at an address."""


async def fetch_json(url: str) -> Mapping[str, Any]:
    """The JSON object at an address.

    Raises:
        ProviderUnavailable: there is none, or not now.
    """
    try:
        async with asyncio.timeout(TIMEOUT_S), httpx2.AsyncClient(timeout=TIMEOUT_S) as client:
            answer = await client.get(url, headers={"Accept": "application/json"})
        content = answer.json() if answer.status_code == httpx2.codes.OK and len(answer.content) < MAX_BYTES else None
    except (httpx2.HTTPError, httpx2.InvalidURL, TimeoutError, OSError, ValueError) as error:
        raise ProviderUnavailable(reason=type(error).__name__) from None
    if not isinstance(content, dict):
        raise ProviderUnavailable(reason=f"http_{answer.status_code}")
    return content


class Keys:
    """The keys at one address."""

    def __init__(
        self,
        url: Callable[[], Awaitable[str]],
        *,
        fetch: Fetch = fetch_json,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take who knows the address; nothing is fetched yet."""
        self._url, self._fetch, self._clock = url, fetch, clock
        self._keys: KeySet | None = None
        self._read_at_s = 0.0
        self._tried_at_s: float | None = None
        self._lock = asyncio.Lock()

    async def holding(self, key_id: str | None) -> KeySet:
        """The keys, which are fetched again if they are old, or lack the one that is asked for.

        Raises:
            ProviderUnavailable: they were never read, and cannot be now.
        """
        async with self._lock:
            if not self._is_fresh(key_id) and self._may_try():
                await self._read()
            if self._keys is None:
                raise ProviderUnavailable(reason="no_keys")
            return self._keys

    def _is_fresh(self, key_id: str | None) -> bool:
        if self._keys is None or self._clock() - self._read_at_s > KEPT_S:
            return False
        return key_id is None or any(key.kid == key_id for key in self._keys)

    def _may_try(self) -> bool:
        return self._keys is None or self._tried_at_s is None or self._clock() - self._tried_at_s >= SOONEST_AGAIN_S

    async def _read(self) -> None:
        """Take over what is there now; what cannot be read stays as it was."""
        self._tried_at_s = self._clock()
        try:
            self._keys = _public_keys(await self._fetch(await self._url()))
            self._read_at_s = self._clock()
        except ProviderUnavailable as error:
            _log.warning("keys not read", code=error.code)
            if self._keys is None:
                raise


def _public_keys(content: Mapping[str, Any]) -> KeySet:
    """The keys that check signatures: no symmetric ones, whoever publishes them."""
    listed = content.get("keys")
    usable = [one for one in listed if _checks_signatures(one)] if isinstance(listed, list) else []
    try:
        return KeySet.import_key_set({"keys": usable})
    except (JoseError, ValueError, KeyError, TypeError) as error:
        raise ProviderUnavailable(reason=type(error).__name__) from None


def _checks_signatures(one: Any) -> bool:
    return isinstance(one, dict) and one.get("kty") in _ASYMMETRIC and one.get("use", "sig") == "sig"
