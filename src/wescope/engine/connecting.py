"""Connecting: a company's new tokens, stored before anything else, and the work that waited for them."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from wescope.config import QboApp
from wescope.engine.connection import WAITING_CODES
from wescope.engine.token_backup import Backup
from wescope.engine.tokens import StoredTokenStore
from wescope.errors import DatabaseUnavailable
from wescope.links.audit import AuditEntry, record_audit
from wescope.links.connections import wake_waiting
from wescope.links.database import transaction
from wescope.links.tokens import TokenTable
from wescope.qbo.attempts import AttemptHook
from wescope.qbo.connect import ConnectCodeRefused, authorize_url, new_state, read_answer
from wescope.qbo.token_endpoint import TokenEndpoint, TokenPair

_log = structlog.get_logger(__name__)

_SAVES, _SAVE_AGAIN_S = 60, 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Connected:
    """A company that is connected: how long if it is not used, and how many subjects of work waited for it."""

    realm_id: str
    refresh_token_days_left: int | None
    woken: int


class Connector:
    """One attempt to connect a company; its address and its answer belong together."""

    def __init__(
        self,
        *,
        engine: AsyncEngine,
        table: TokenTable,
        app: QboApp,
        hooks: tuple[AttemptHook, ...] = (),
        backup: Backup | None = None,
        state: str = "",
    ) -> None:
        """Take where tokens are stored, the app's keys at Intuit, and what is told of new tokens.

        `state` is the word of an attempt that was begun elsewhere; empty: this is a new one.
        """
        self._engine, self._app, self._hooks = engine, app, hooks
        self._store, self._state = StoredTokenStore(table, backup=backup), state or new_state()
        self._endpoint: TokenEndpoint | None = None

    def authorize_url(self, redirect_uri: str) -> str:
        """Where a person says yes; the answer goes to `redirect_uri`."""
        return authorize_url(
            self._app.authorize_url, client_id=self._app.client_id, redirect_uri=redirect_uri, state=self._state
        )

    async def connect(self, answer: str, redirect_uri: str, *, actor: str = "cli") -> Connected:
        """Take the answer: trade its code, store the tokens, end what was wrong with the connection, wake the work.

        Raises:
            NotConnected: there is nothing in it to connect with; nothing has changed.
            QboError: Intuit does not give tokens now.
            DatabaseUnavailable: they could not be stored.
        """
        grant = read_answer(answer, state=self._state, realm_id=self._app.realm_id)
        asked_at = datetime.now(UTC)
        pair = await self._traded(grant.code, grant.realm_id, redirect_uri)
        async with transaction(self._engine) as connection:
            woken = await wake_waiting(connection, WAITING_CODES)
            entry = AuditEntry(action="connect", actor=actor, target=f"qbo/{grant.realm_id}", details={"woken": woken})
            await record_audit(connection, [entry])
        days = pair.days_left(asked_at)
        _log.warning("QBO connected", realm_id=grant.realm_id, days_left=days, count=woken, state="connected")
        return Connected(realm_id=grant.realm_id, refresh_token_days_left=days, woken=woken)

    async def aclose(self) -> None:
        """Close the connections."""
        if self._endpoint:
            await self._endpoint.aclose()

    async def _traded(self, code: str, realm_id: str, redirect_uri: str) -> TokenPair:
        """The new pair, stored. No process shows an old token to Intuit meanwhile: it could end the new connection."""
        endpoint = self._endpoint = self._endpoint or TokenEndpoint(
            realm_id=realm_id,
            url=self._app.token_url,
            client_id=self._app.client_id,
            client_secret=self._app.client_secret.get_secret_value(),
            hooks=self._hooks,
        )
        pair: TokenPair | None = None
        for left in reversed(range(_SAVES)):
            try:
                async with self._store.refreshing(realm_id) as row:
                    generation = row.pair.generation + 1 if row.pair else 1
                    # The code works once: when the tokens cannot be stored, they are kept until they can.
                    pair = pair or await endpoint.exchanged(code, redirect_uri, generation=generation)
                    if pair is None:
                        raise ConnectCodeRefused
                    await row.save(pair, connected_anew=True)
                break
            except DatabaseUnavailable:
                if pair is None or not left:
                    raise
            await asyncio.sleep(_SAVE_AGAIN_S)
        if pair is None:
            raise ConnectCodeRefused
        return pair
