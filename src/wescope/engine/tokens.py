"""The table of stored tokens as the OAuth side wants it."""

import contextlib
from collections.abc import AsyncIterator, Callable

from wescope.engine.token_backup import Backup, NoBackup
from wescope.links.connections import StoredLoss
from wescope.links.tokens import LockedTokens, StoredTokens, TokenTable
from wescope.qbo.tokens import Loss, TokenPair

NOT_CONNECTED = "not_connected"
"""The code of a connection that never was (as `TokenSource` tells it)."""


class StoredTokenRow:
    """One realm's row, while only this process may refresh it."""

    def __init__(self, locked: LockedTokens, saved: Callable[[], None]) -> None:
        """Take the locked row, and whom to tell of a new pair."""
        self._locked, self._saved = locked, saved

    @property
    def pair(self) -> TokenPair | None:
        """The pair as stored now."""
        return _pair(self._locked.stored)

    @property
    def loss(self) -> Loss | None:
        """What is known to be wrong with the connection."""
        return loss_of(self._locked.loss)

    async def lose(self, code: str) -> None:
        """Store that Intuit gives no tokens; it is durable when this returns."""
        await self._locked.lose(code)

    async def save(self, pair: TokenPair, *, connected_anew: bool = False) -> None:
        """Store a new pair; it is durable when this returns.

        With `connected_anew` whatever was wrong with the connection counts as mended, not only its tokens.
        """
        await self._locked.save(
            all_causes=connected_anew,
            access_token=pair.access_token,
            refresh_token=pair.refresh_token,
            access_expires_at=pair.access_expires_at,
            refresh_expires_at=pair.refresh_expires_at,
        )
        self._saved()


class StoredTokenStore:
    """A `wescope.qbo.tokens.TokenStore` on PostgreSQL."""

    def __init__(self, table: TokenTable, *, backup: Backup | None = None) -> None:
        """Take the table, and what is told when a new pair is stored durably."""
        self._table, self._backup = table, backup or NoBackup()

    async def load(self, realm_id: str) -> TokenPair | None:
        """The stored pair, or null if the realm was never connected."""
        return _pair(await self._table.load(realm_id))

    @contextlib.asynccontextmanager
    async def refreshing(self, realm_id: str) -> AsyncIterator[StoredTokenRow]:
        """Hold the realm's row."""
        async with self._table.refreshing(realm_id) as locked:
            yield StoredTokenRow(locked, lambda: self._backup.keep(realm_id))


async def note_unconnected(table: TokenTable, realm_id: str) -> None:
    """Tell all processes that the realm has no tokens yet, if it has none: work waits as after a connection was lost.

    Raises:
        DatabaseUnavailable: it could not be written.
    """
    if await table.load(realm_id) is not None:
        return
    # Under the lock, and looked at again: somebody may be connecting the company just now.
    async with table.refreshing(realm_id) as locked:
        if locked.stored is None and locked.loss is None:
            await locked.lose(NOT_CONNECTED)


def loss_of(stored: StoredLoss | None) -> Loss | None:
    """A loss as the OAuth side wants it."""
    return Loss(code=stored.code, since=stored.since, tried_at=stored.tried_at) if stored else None


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
