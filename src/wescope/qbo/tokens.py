"""OAuth tokens: refreshed by one task of one process at a time, stored before use (facts/qbo.md 3.1).

Intuit rotates the refresh token: two refreshes at once, or one whose answer is lost, can cost the connection. So a
refresh holds the realm's row over all processes, first looks whether another process has already done it, and the
new pair is committed before anybody sees it. A pair that cannot be stored is kept in memory until it can. A grant that
is gone is written into the row, too: from then on all processes together ask Intuit once a minute.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol, TypeGuard

import httpx2
import structlog

from wescope.config import LiveSecret
from wescope.config.secret_source import live
from wescope.errors import DatabaseUnavailable, QboDisconnected, QboNotSent, QboThrottled
from wescope.qbo.attempts import AttemptHook
from wescope.qbo.token_endpoint import TokenEndpoint, TokenPair, utc_now

__all__ = ["PROBE_EVERY", "REFRESH_AHEAD", "Loss", "TokenPair", "TokenRow", "TokenSource", "TokenStore"]

_log = structlog.get_logger(__name__)

REFRESH_AHEAD = timedelta(minutes=5)
"""An access token this close to its end is replaced before it is used."""

PROBE_EVERY = timedelta(seconds=60)
"""How often all processes together ask again for a grant that Intuit has refused."""

_STILL_GOOD = timedelta(minutes=1)
_PATIENCE_S = 2.0
"""How long a caller whose old token is still good waits for the new one."""

_LONGEST_BACKOFF_S = 30.0
_THROTTLE_BACKOFF_S = 60.0
_KEEP_EVERY_S = 0.5
_LAST_TRY_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """That a person must act before the realm can be worked with. Moments with a zone.

    `code` is OAuth's error if Intuit gives no tokens, or the fault code (digits) with which QBO refuses them.
    `tried_at` is when the tokens were last tried.
    """

    code: str
    since: datetime
    tried_at: datetime

    @property
    def of_tokens(self) -> bool:
        """Whether a new pair of tokens ends it."""
        return not self.code.isdigit()


class TokenRow(Protocol):
    """The stored pair of a realm, while nobody else may change it."""

    @property
    def pair(self) -> TokenPair | None:
        """The pair as read under the lock, or null if the realm was never connected."""

    @property
    def loss(self) -> Loss | None:
        """What is known to be wrong with the connection, as read under the lock."""

    async def save(self, pair: TokenPair) -> None:
        """Store `pair` durably: when this returns, a crash no longer loses it. It ends a loss of the tokens."""

    async def lose(self, code: str) -> None:
        """Store durably that Intuit gives no tokens, and that this was tried now; the first moment is kept."""


class TokenStore(Protocol):
    """Where the pairs are kept, for all processes."""

    async def load(self, realm_id: str) -> TokenPair | None:
        """The stored pair, or null if the realm was never connected."""

    def refreshing(self, realm_id: str) -> AbstractAsyncContextManager[TokenRow]:
        """Hold the realm's row: one task of all processes at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Unsaved:
    """A pair that Intuit has given and the store has not yet taken, and the refresh token that it follows."""

    pair: TokenPair = field(repr=False)
    follows: str | None = field(repr=False)


class _Refused(Exception):
    """Intuit has just refused to give tokens, for good."""

    def __init__(self, error: QboDisconnected) -> None:
        self.error = error
        super().__init__()


class TokenSource:
    """Gives the access token of one realm to all tasks of this process, and refreshes it when it must."""

    def __init__(
        self,
        *,
        realm_id: str,
        store: TokenStore,
        client_id: str,
        client_secret: str | LiveSecret,
        token_url: str,
        seed_refresh_token: str | LiveSecret = "",
        hooks: tuple[AttemptHook, ...] = (),
        transport: httpx2.AsyncBaseTransport | None = None,
        now: Callable[[], datetime] = utc_now,
        timeout_s: float = 60,
    ) -> None:
        """Take what a refresh needs; nothing is read or sent yet.

        Args:
            realm_id: Intuit's id of the company.
            store: keeps the pairs.
            client_id: of the app at Intuit.
            client_secret: of the app at Intuit; it may change.
            token_url: the token end point.
            seed_refresh_token: used when the store has no pair, or when Intuit no longer accepts the stored one; empty:
                there is none. It may change: somebody has put in a new one.
            hooks: told about each request.
            transport: replaces the network in tests.
            now: the clock, in UTC.
            timeout_s: for connecting and for each read, in seconds.
        """
        self._realm_id, self._store, self._seed, self._now = realm_id, store, live(seed_refresh_token), now
        self._endpoint = TokenEndpoint(
            realm_id=realm_id,
            url=token_url,
            client_id=client_id,
            client_secret=client_secret,
            hooks=hooks,
            transport=transport,
            now=now,
            timeout_s=timeout_s,
        )
        self._pair: TokenPair | None = None
        self._tried_seed = ""
        self._refreshing: asyncio.Task[TokenPair] | None = None
        self._unsaved: _Unsaved | None = None
        self._keeping: asyncio.Task[None] | None = None
        self._failures, self._not_before_s = 0, 0.0

    @property
    def has_untried_seed(self) -> bool:
        """Whether there is a configured token that this process has not shown to Intuit yet."""
        return self._seed.value not in {"", self._tried_seed}

    async def access_token(self) -> str:
        """An access token that is good for some minutes.

        Raises:
            QboDisconnected: there is no connection, or Intuit has ended it.
            QboNotSent: Intuit's token end point does not answer now.
            DatabaseUnavailable: the store does not answer.
        """
        if self._usable(self._pair):
            return self._pair.access_token
        self._pair = await self._store.load(self._realm_id)
        if self._usable(self._pair):
            return self._pair.access_token
        pair = self._pair
        if pair is None or pair.access_expires_at - _STILL_GOOD <= self._now():
            return await self.refresh(pair.access_token if pair else "")
        try:
            async with asyncio.timeout(_PATIENCE_S):
                return await self.refresh(pair.access_token)
        except (QboNotSent, TimeoutError):
            # The refresh is early, and goes on without this caller: the old token still works for some minutes.
            return pair.access_token

    async def refresh(self, rejected: str) -> str:
        """Another access token than `rejected`, which QBO refuses or which is about to end.

        All tasks that ask while a refresh is under way get its result. It runs to its end even if they are cancelled,
        so that a pair that Intuit has sent is never lost between the network and the store.

        Raises:
            QboDisconnected: Intuit refuses the refresh token.
            QboNotSent: Intuit's token end point does not answer now.
            DatabaseUnavailable: the store does not answer.
        """
        if self._refreshing is None:
            if self._pair and self._pair.access_token != rejected and self._usable(self._pair):
                return self._pair.access_token
            if time.monotonic() < self._not_before_s:
                raise QboNotSent("Intuit's token end point gave no tokens a moment ago.")
            self._refreshing = asyncio.create_task(self._refresh(rejected), name="qbo token refresh")
            self._refreshing.add_done_callback(self._refreshed)
        pair = await asyncio.shield(self._refreshing)
        return pair.access_token

    async def probe(self) -> None:
        """Try the refresh token even if the access token looks good, as often as all processes together may.

        Raises:
            QboError: as `refresh`; it did not work.
        """
        pair = await self._store.load(self._realm_id)
        self._pair = None
        await self.refresh(pair.access_token if pair else "")

    async def keep_alive(self, older_than: timedelta) -> None:
        """Use a refresh token that was not used for so long: an idle connection ends after 100 days.

        Raises:
            QboError: as `refresh`; it did not work.
        """
        pair = await self._store.load(self._realm_id)
        if pair and pair.access_expires_at + older_than < self._now():
            await self.refresh(pair.access_token)

    async def days_left(self) -> int | None:
        """Whole days until the stored refresh token ends, or null if unknown."""
        pair = await self._store.load(self._realm_id)
        return pair.days_left(self._now()) if pair else None

    async def aclose(self) -> None:
        """Let a refresh under way finish, and a pair that is not stored be stored; then close the connections."""
        if self._refreshing:
            with contextlib.suppress(Exception):
                await asyncio.shield(self._refreshing)
        if keeping := self._keeping:
            await asyncio.wait({keeping}, timeout=_LAST_TRY_S)
            keeping.cancel()
        await self._endpoint.aclose()

    def _usable(self, pair: TokenPair | None) -> TypeGuard[TokenPair]:
        return pair is not None and pair.access_expires_at - REFRESH_AHEAD > self._now()

    def _refreshed(self, task: asyncio.Task[TokenPair]) -> None:
        self._refreshing = None
        if task.cancelled():
            return
        error = task.exception()
        if error is None:
            self._pair, self._failures = task.result(), 0
        elif isinstance(error, QboNotSent):
            self._back_off(error)

    def _back_off(self, error: QboNotSent) -> None:
        """After a failure that passes: once at once, then ever less often, so that a backlog does not hammer Intuit."""
        self._failures += 1
        wait_s = 0.0 if self._failures == 1 else min(_LONGEST_BACKOFF_S, 2.0 ** (self._failures - 2))
        if isinstance(error, QboThrottled):
            wait_s = _THROTTLE_BACKOFF_S
        self._not_before_s = time.monotonic() + wait_s
        _log.warning("QBO token not refreshed", code=error.code, attempt=self._failures, wait_s=wait_s)

    async def _refresh(self, rejected: str) -> TokenPair:
        async with self._store.refreshing(self._realm_id) as row:
            stored = row.pair
            if stored and stored.access_token != rejected and self._usable(stored):
                return stored
            pair = self._kept(stored)
            if pair is None:
                try:
                    pair = await self._exchange(row)
                except _Refused as refused:
                    # The lock ends with its connection to the database: another process may have been faster.
                    if newer := await self._newer_than(stored):
                        return newer
                    await row.lose(str(refused.error.details.get("reason")))
                    raise refused.error from None
                self._unsaved = _Unsaved(pair=pair, follows=stored.refresh_token if stored else None)
            try:
                await row.save(pair)
            except DatabaseUnavailable:
                self._keeping = self._keeping or asyncio.create_task(self._keep(), name="qbo token to be stored")
                raise
            self._unsaved = None
        return pair

    # --- a pair that could not be stored ----------------------------------------------------------------------------

    def _kept(self, stored: TokenPair | None) -> TokenPair | None:
        """The pair that is not stored yet, unless something newer is."""
        unsaved = self._unsaved
        if unsaved is None or unsaved.follows != (stored.refresh_token if stored else None):
            self._unsaved = None
            return None
        return unsaved.pair

    async def _keep(self) -> None:
        """Store what could not be stored as soon as the store is back: Intuit may accept nothing else."""
        while self._unsaved:
            await asyncio.sleep(_KEEP_EVERY_S)
            with contextlib.suppress(DatabaseUnavailable):
                async with self._store.refreshing(self._realm_id) as row:
                    if pair := self._kept(row.pair):
                        await row.save(pair)
                        self._pair, self._unsaved = pair, None
        self._keeping = None

    # --- asking Intuit ----------------------------------------------------------------------------------------------

    async def _exchange(self, row: TokenRow) -> TokenPair:
        """A new pair from Intuit, by the stored refresh token, else by the configured one."""
        candidates = self._candidates(row)
        if not candidates and row.loss and row.loss.of_tokens:
            raise QboDisconnected("Intuit was asked a moment ago.", reason=row.loss.code)
        generation = row.pair.generation + 1 if row.pair else 1
        try:
            for candidate in candidates:
                if pair := await self._show(candidate, generation):
                    return pair
        except QboDisconnected as error:
            raise _Refused(error) from None
        reason = "invalid_grant" if candidates else "not_connected"
        raise _Refused(QboDisconnected("Intuit gives no new access token.", reason=reason))

    def _candidates(self, row: TokenRow) -> Sequence[str]:
        """What may be shown to Intuit now, in order.

        The configured token follows: the operator may have put in a new one after the connection was lost. It is
        shown once; again only while there is no other, and as rarely as a refused one.
        """
        stored = row.pair.refresh_token if row.pair else None
        recently = row.loss is not None and row.loss.of_tokens and self._now() - row.loss.tried_at < PROBE_EVERY
        candidates = [stored] if stored and not recently else []
        seed = self._seed.value
        if seed and seed != stored and (self.has_untried_seed or not (stored or recently)):
            candidates.append(seed)
        return candidates

    async def _show(self, candidate: str, generation: int) -> TokenPair | None:
        try:
            pair = await self._endpoint.refreshed(candidate, generation=generation)
        except QboDisconnected:
            self._shown(candidate)
            raise
        self._shown(candidate)
        return pair

    def _shown(self, candidate: str) -> None:
        """Remember that Intuit has seen it, whatever it says; without an answer it may not have."""
        if candidate == self._seed.value:
            self._tried_seed = candidate

    async def _newer_than(self, stored: TokenPair | None) -> TokenPair | None:
        newest = await self._store.load(self._realm_id)
        is_newer = newest is not None and newest.generation > (stored.generation if stored else 0)
        return newest if is_newer and self._usable(newest) else None
