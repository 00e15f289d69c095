"""The refresh token between runs: Intuit rotates it, so the newest is on disk before it is used, for its owner only."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from wescope.qbo.tokens import Loss, TokenPair

_OWNER_ONLY = 0o600
_FOLDER_OWNER_ONLY = 0o700


@dataclass(slots=True)
class _Row:
    """The stored pair while nobody else may change it (`wescope.qbo.tokens.TokenRow`)."""

    store: "FileTokenStore"
    pair: TokenPair | None
    loss: Loss | None = None

    async def save(self, pair: TokenPair) -> None:
        self.store.write(pair)

    async def lose(self, code: str) -> None:
        """Nothing is remembered of a refused token: the next run tries what it is given."""


class FileTokenStore:
    """Keeps the pair of one company in a file (`wescope.qbo.tokens.TokenStore`).

    Args:
        folder: made if it is not there, for its owner only.
        realm_id: of the company; each has a file of its own.
    """

    def __init__(self, folder: Path, realm_id: str) -> None:
        self.path = folder / f"qbo-tokens-{realm_id}.json"
        self._lock = asyncio.Lock()

    async def load(self, realm_id: str) -> TokenPair | None:
        """The stored pair, or null."""
        return self.read()

    @asynccontextmanager
    async def refreshing(self, realm_id: str) -> AsyncIterator[_Row]:
        """Hold the file; one run at a time works with a folder (`tests.live.__main__`)."""
        async with self._lock:
            yield _Row(self, self.read())

    def read(self) -> TokenPair | None:
        """The pair in the file, or null if there is none that can be read."""
        try:
            stored = json.loads(self.path.read_text(encoding="utf-8"))
            ends = stored["refresh_expires_at"]
            return TokenPair(
                access_token=stored["access_token"],
                refresh_token=stored["refresh_token"],
                access_expires_at=datetime.fromisoformat(stored["access_expires_at"]),
                refresh_expires_at=datetime.fromisoformat(ends) if ends else None,
                generation=stored["generation"],
            )
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def write(self, pair: TokenPair) -> None:
        """Store a pair durably, readable by its owner only from the first byte on."""
        self.path.parent.mkdir(mode=_FOLDER_OWNER_ONLY, parents=True, exist_ok=True)
        content = {
            "refresh_token": pair.refresh_token,
            "refresh_expires_at": pair.refresh_expires_at.isoformat() if pair.refresh_expires_at else None,
            "access_token": pair.access_token,
            "access_expires_at": pair.access_expires_at.isoformat(),
            "generation": pair.generation,
        }
        fresh = self.path.with_suffix(".new")
        fresh.unlink(missing_ok=True)
        with os.fdopen(
            os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY), "w", encoding="utf-8"
        ) as file:
            json.dump(content, file)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self.path)
