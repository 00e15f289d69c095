"""Stored OAuth tokens: encrypted, refreshed by one process at a time, saved durably before they are used."""

import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import sqlalchemy as sa
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from wescope.errors import ConfigurationError
from wescope.links.connections import StoredLoss, end_loss, load_loss, mark_lost
from wescope.links.database import database_errors, transaction
from wescope.links.schema import tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredTokens:
    """A pair of tokens as stored. The secrets stay out of every representation."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    access_expires_at: datetime
    refresh_expires_at: datetime | None
    generation: int


@dataclass(slots=True)
class LockedTokens:
    """The row of one realm while this process alone may refresh it."""

    stored: StoredTokens | None
    loss: StoredLoss | None
    _cipher: MultiFernet
    _connection: AsyncConnection
    _realm_id: str

    async def save(
        self,
        *,
        access_token: str,
        refresh_token: str,
        access_expires_at: datetime,
        refresh_expires_at: datetime | None,
        all_causes: bool = False,
    ) -> StoredTokens:
        """Store a new pair and commit; only after this may it be used.

        Args:
            access_token: is encrypted.
            refresh_token: is encrypted.
            access_expires_at: with a zone.
            refresh_expires_at: with a zone, or null if unknown.
            all_causes: whether also what QBO itself refused counts as mended: a person has connected anew.

        Raises:
            DatabaseUnavailable: it is not known to be stored.
        """
        generation = self.stored.generation + 1 if self.stored else 1
        with database_errors():
            await self._connection.execute(
                sa.update(tokens)
                .where(tokens.c.realm_id == self._realm_id)
                .values(
                    access_token=self._cipher.encrypt(access_token.encode()),
                    refresh_token=self._cipher.encrypt(refresh_token.encode()),
                    access_expires_at=access_expires_at,
                    refresh_expires_at=refresh_expires_at,
                    generation=generation,
                    updated_at=datetime.now(UTC),
                )
            )
            await end_loss(self._connection, self._realm_id, all_causes=all_causes)
            await self._connection.commit()
        self.stored = StoredTokens(
            access_token=access_token,
            refresh_token=refresh_token,
            access_expires_at=access_expires_at,
            refresh_expires_at=refresh_expires_at,
            generation=generation,
        )
        return self.stored

    async def lose(self, code: str) -> None:
        """Store and commit that Intuit gives no tokens for this realm, and that this was tried now.

        Raises:
            DatabaseUnavailable: it is not known to be stored.
        """
        with database_errors():
            await mark_lost(self._connection, self._realm_id, code, tried=True)
            await self._connection.commit()


class TokenTable:
    """Tokens of the connected realms in PostgreSQL, encrypted with the first key, readable with all of them."""

    def __init__(self, engine: AsyncEngine, keys: Sequence[str]) -> None:
        """Take the database and the encryption keys (Fernet keys, the newest first).

        Raises:
            ConfigurationError: a key is not a Fernet key.
        """
        self._engine = engine
        try:
            ciphers = [Fernet(key) for key in keys]
        except ValueError as error:
            raise ConfigurationError("It must be a Fernet key.", variable="WESCOPE_TOKEN_KEY") from error
        self._newest, self._cipher = ciphers[0], MultiFernet(ciphers)

    async def load(self, realm_id: str) -> StoredTokens | None:
        """The stored pair, or null if this realm was never connected."""
        async with transaction(self._engine) as connection:
            result = await connection.execute(sa.select(tokens).where(tokens.c.realm_id == realm_id))
            return self._decrypt(result.mappings().one_or_none())

    @contextlib.asynccontextmanager
    async def refreshing(self, realm_id: str) -> AsyncIterator[LockedTokens]:
        """Hold the realm's row: of all processes one refreshes at a time, and sees what the one before it stored.

        Raises:
            DatabaseUnavailable: the database does not answer.
            ConfigurationError: the tokens were encrypted with another key.
        """
        async with transaction(self._engine) as connection:
            await connection.execute(insert(tokens).values(realm_id=realm_id).on_conflict_do_nothing())
        with database_errors():
            async with self._engine.connect() as connection:
                # It waits for Intuit meanwhile, for longer than a transaction may otherwise be idle.
                await connection.execute(sa.text("SET LOCAL idle_in_transaction_session_timeout = '180s'"))
                row = sa.select(tokens).where(tokens.c.realm_id == realm_id).with_for_update()
                found = (await connection.execute(row)).mappings().one_or_none()
                loss = await load_loss(connection, realm_id)
                yield LockedTokens(self._decrypt(found), loss, self._cipher, connection, realm_id)
                await connection.rollback()

    async def reencrypt(self) -> int:
        """Encrypt with the newest key what an older one has encrypted; how many rows those were.

        The other keys may be taken away when this has run under all processes' keys. A row that is being refreshed is
        waited for. Nothing is changed if any row cannot be read.

        Raises:
            ConfigurationError: a row was encrypted with a key that is not among ours.
            DatabaseUnavailable: the database does not answer; nothing was changed.
        """
        rows = sa.select(tokens).where(tokens.c.refresh_token.is_not(None)).order_by(tokens.c.realm_id)
        async with transaction(self._engine) as connection:
            found = (await connection.execute(rows.with_for_update())).mappings().all()
            stale = [row for row in found if not self._is_newest(row)]
            for row in stale:
                self._decrypt(row)
            for row in stale:
                names = ("access_token", "refresh_token")
                values = {name: self._cipher.rotate(row[name]) for name in names}
                await connection.execute(sa.update(tokens).where(tokens.c.realm_id == row["realm_id"]).values(**values))
        return len(stale)

    def _is_newest(self, row: sa.RowMapping) -> bool:
        try:
            self._newest.decrypt(row["access_token"])
            self._newest.decrypt(row["refresh_token"])
        except InvalidToken:
            return False
        return True

    def _decrypt(self, row: sa.RowMapping | None) -> StoredTokens | None:
        if row is None or row["refresh_token"] is None:
            return None
        try:
            return StoredTokens(
                access_token=self._cipher.decrypt(row["access_token"]).decode(),
                refresh_token=self._cipher.decrypt(row["refresh_token"]).decode(),
                access_expires_at=row["access_expires_at"],
                refresh_expires_at=row["refresh_expires_at"],
                generation=row["generation"],
            )
        except InvalidToken as error:
            raise ConfigurationError(
                "The stored tokens were encrypted with another key.", variable="WESCOPE_TOKEN_KEY"
            ) from error
