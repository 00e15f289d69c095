"""Connect desk: connecting a company from the console, over any number of web processes.

An attempt is known by a word in Intuit's answer (`state`) and another that only the browser has which began it (the
binding, a cookie): the table keeps a digest of both, so that an answer is taken once, in time, and from that browser.
"""

import hashlib
import secrets
from dataclasses import dataclass, field

from sqlalchemy.ext.asyncio import AsyncEngine

from wescope.config import SecretSource
from wescope.engine.connecting import Connected, Connector
from wescope.engine.token_backup import Backup
from wescope.links.connect_attempts import ConnectAttempt, keep_attempt, take_attempt
from wescope.links.database import transaction
from wescope.links.tokens import TokenTable
from wescope.qbo.attempts import AttemptHook
from wescope.qbo.connect import ConnectAnswerForeign, new_state, state_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """An attempt: the address at Intuit where a person says yes, and what that person's browser keeps meanwhile."""

    authorize_url: str = field(repr=False)
    binding: str = field(repr=False)
    redirect_uri: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectDesk:
    """Begins attempts and takes their answers."""

    engine: AsyncEngine
    table: TokenTable
    secrets: SecretSource
    hooks: tuple[AttemptHook, ...] = ()
    backup: Backup | None = None

    async def begin(self, redirect_uri: str, *, actor: str) -> Begun:
        """A new attempt, whose answer goes to `redirect_uri`.

        Raises:
            ConfigurationError: the app's keys are missing.
            DatabaseUnavailable: it could not be kept.
        """
        state, binding = new_state(), new_state()
        url = self._connector(state).authorize_url(redirect_uri)
        async with transaction(self.engine) as connection:
            await keep_attempt(
                connection, _digest(state, binding), ConnectAttempt(actor=actor, redirect_uri=redirect_uri)
            )
        return Begun(authorize_url=url, binding=binding, redirect_uri=redirect_uri)

    async def finish(self, answer: str, binding: str, *, actor: str) -> Connected:
        """Take the answer (the address that Intuit sent the browser to, or its query).

        Raises:
            ConnectAnswerForeign: it belongs to no attempt of this browser and actor, was taken before, or is too late.
            NotConnected: there is nothing in it to connect with; nothing has changed.
            QboError: Intuit does not give tokens now.
            DatabaseUnavailable: they could not be stored.
        """
        state = state_of(answer)
        async with transaction(self.engine) as connection:
            attempt = await take_attempt(connection, _digest(state, binding))
        if attempt is None or not secrets.compare_digest(attempt.actor.encode(), actor.encode()):
            raise ConnectAnswerForeign
        connector = self._connector(state)
        try:
            return await connector.connect(answer, attempt.redirect_uri, actor=actor)
        finally:
            await connector.aclose()

    def _connector(self, state: str) -> Connector:
        app = self.secrets.current.require_qbo_app()
        return Connector(
            engine=self.engine, table=self.table, app=app, hooks=self.hooks, backup=self.backup, state=state
        )


def _digest(state: str, binding: str) -> str:
    return hashlib.sha256(f"{state}.{binding}".encode()).hexdigest()
