"""Token backup: the newest refresh token also as a version of its secret, so that a lost database costs no connection.

It comes after the database and in nobody's way: what fails is logged, and done with the next pair (once an hour).
"""

import asyncio
from typing import Final, Protocol

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from wescope.config.secret_manager import SecretManager
from wescope.errors import WescopeError
from wescope.links.database import transaction
from wescope.links.reports import swap_checkpoint
from wescope.links.tokens import TokenTable

_log = structlog.get_logger(__name__)

SETTING: Final = "qbo_refresh_token"
PATIENCE_S: Final = 3.0
"""How long each call of Secret Manager may take: a stop waits for the one that is under way."""


class Backup(Protocol):
    """Told that there may be a newer refresh token in the database."""

    def keep(self, realm_id: str) -> None:
        """See to it that the newest one of a realm is kept, in the background."""

    async def aclose(self) -> None:
        """Let what is under way end, within some seconds."""


class NoBackup:
    """The database alone keeps the tokens."""

    def keep(self, realm_id: str) -> None:
        """Nothing."""

    async def aclose(self) -> None:
        """Nothing."""


class SecretBackup:
    """Keeps the newest refresh token in Secret Manager, and one version of ours at a time."""

    def __init__(
        self, *, engine: AsyncEngine, table: TokenTable, manager: SecretManager, close_s: float = PATIENCE_S
    ) -> None:
        """Take where the tokens are, where they go, and how long a close waits for what is under way."""
        self._engine, self._table, self._manager, self._close_s = engine, table, manager, close_s
        self._task: asyncio.Task[None] | None = None
        self._again = False

    def keep(self, realm_id: str) -> None:
        """See to it in the background; while that is under way, once more after it."""
        if self._task is not None and not self._task.done():
            self._again = True
            return
        self._task = asyncio.create_task(self._keep(realm_id), name="refresh token to Secret Manager")

    async def aclose(self) -> None:
        """Wait for what is under way."""
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=self._close_s)
            self._task.cancel()

    async def _keep(self, realm_id: str) -> None:
        while True:
            self._again = False
            try:
                await self._keep_newest(realm_id)
            except WescopeError as error:
                _log.warning("refresh token not backed up", code=error.code, realm_id=realm_id)
            except Exception:  # noqa: BLE001 - whatever it is: it must not cost more than this copy
                _log.exception("refresh token not backed up", code="internal", realm_id=realm_id)
            if not self._again:
                return

    async def _keep_newest(self, realm_id: str) -> None:
        # Of the database, not of who asked: another process may have stored a newer one meanwhile.
        stored = await self._table.load(realm_id)
        kept = await asyncio.to_thread(self._manager.read, SETTING, patience_s=PATIENCE_S)
        if stored is None or (kept is not None and kept.value == stored.refresh_token):
            return
        added = await asyncio.to_thread(self._manager.add, SETTING, stored.refresh_token, patience_s=PATIENCE_S)
        _log.info("refresh token backed up", realm_id=realm_id)
        async with transaction(self._engine) as connection:
            before = await swap_checkpoint(connection, "refresh token secret", added)
        if isinstance(before, str) and before != added:
            await asyncio.to_thread(self._manager.destroy, SETTING, before, patience_s=PATIENCE_S)
