"""The table of stored tokens as the OAuth side wants it."""

import contextlib
from collections.abc import AsyncIterator

from wescope.links.tokens import LockedTokens, StoredTokens, TokenTable
from wescope.qbo.tokens import TokenPair


class StoredTokenRow:
    """One realm's row, while only this process may refresh it."""

    def __init__(self, locked: LockedTokens) -> None:
        """Take the locked row."""
        self._locked = locked

    @property
    def pair(self) -> TokenPair | None:
        """The pair as stored now."""
        return _pair(self._locked.stored)

    async def save(self, pair: TokenPair) -> None:
        """Store a new pair; it is durable when this returns."""
        await self._locked.save(
            access_token=pair.access_token,
            refresh_token=pair.refresh_token,
            access_expires_at=pair.access_expires_at,
            refresh_expires_at=pair.refresh_expires_at,
        )


class StoredTokenStore:
    """A `wescope.qbo.tokens.TokenStore` on PostgreSQL."""

    def __init__(self, table: TokenTable) -> None:
        """Take the table."""
        self._table = table

    async def load(self, realm_id: str) -> TokenPair | None:
        """The stored pair, or null if the realm was never connected."""
        return _pair(await self._table.load(realm_id))

    @contextlib.asynccontextmanager
    async def refreshing(self, realm_id: str) -> AsyncIterator[StoredTokenRow]:
        """Hold the realm's row."""
        async with self._table.refreshing(realm_id) as locked:
            yield StoredTokenRow(locked)


def _pair(stored: StoredTokens | None) -> TokenPair | None:
    if stored is None:
        return None
    return TokenPair(
        access_token=stored.access_token,
        refresh_token=stored.refresh_token,
        access_expires_at=stored.access_expires_at,
        refresh_expires_at=stored.refresh_expires_at,
        generation=stored.generation,
    )
