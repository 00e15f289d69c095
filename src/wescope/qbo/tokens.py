"""OAuth tokens: refreshed by one task of one process at a time, stored before use (facts/qbo.md 3.1).

Intuit rotates the refresh token: two refreshes at once, or one whose answer is lost, can cost the connection. So a
refresh holds the realm's row over all processes, first looks whether another process has already done it, and the
new pair is committed before anybody sees it.
"""

import asyncio
import contextlib
import re
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol, TypeGuard

import httpx2

from wescope.errors import QboDisconnected, QboNotSent, QboThrottled
from wescope.qbo import wire
from wescope.qbo.answers import SERVER_ERROR, TOO_MANY_REQUESTS
from wescope.qbo.attempts import Attempt, AttemptHook, Outcome, tell

REFRESH_AHEAD = timedelta(minutes=5)
"""An access token this close to its end is replaced before it is used."""

_LONG_AGO = datetime.fromtimestamp(0, UTC)
_OAUTH_ERROR = re.compile(r"[a-z_]{1,40}")


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenPair:
    """The tokens of a realm; the secrets stay out of every representation. Times are in UTC.

    `refresh_expires_at` is null while it is unknown (a configured token that was never used). `generation` counts
    the pairs of this realm.
    """

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    access_expires_at: datetime
    refresh_expires_at: datetime | None
    generation: int

    def days_left(self, now: datetime) -> int | None:
        """Whole days until the connection ends if it is not used, or null if unknown."""
        return (self.refresh_expires_at - now).days if self.refresh_expires_at else None


class TokenRow(Protocol):
    """The stored pair of a realm, while nobody else may change it."""

    @property
    def pair(self) -> TokenPair | None:
        """The pair as read under the lock, or null if the realm was never connected."""

    async def save(self, pair: TokenPair) -> None:
        """Store `pair` durably: when this returns, a crash no longer loses it."""


class TokenStore(Protocol):
    """Where the pairs are kept, for all processes."""

    async def load(self, realm_id: str) -> TokenPair | None:
        """The stored pair, or null if the realm was never connected."""

    def refreshing(self, realm_id: str) -> AbstractAsyncContextManager[TokenRow]:
        """Hold the realm's row: one task of all processes at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reply:
    """The token end point's answer, without its body unless it is a new pair."""

    status: int
    content: Mapping[str, Any] = field(repr=False)
    intuit_tid: str | None

    @property
    def error(self) -> str:
        """OAuth's error code, or nothing."""
        found = self.content.get("error")
        return found if isinstance(found, str) and _OAUTH_ERROR.fullmatch(found) else ""


def _utc_now() -> datetime:
    return datetime.now(UTC)


class TokenSource:
    """Gives the access token of one realm to all tasks of this process, and refreshes it when it must."""

    def __init__(
        self,
        *,
        realm_id: str,
        store: TokenStore,
        client_id: str,
        client_secret: str,
        token_url: str,
        seed_refresh_token: str | None = None,
        hooks: tuple[AttemptHook, ...] = (),
        transport: httpx2.AsyncBaseTransport | None = None,
        now: Callable[[], datetime] = _utc_now,
        timeout_s: float = 30,
    ) -> None:
        """Take what a refresh needs; nothing is read or sent yet.

        Args:
            realm_id: Intuit's id of the company.
            store: keeps the pairs.
            client_id: of the app at Intuit.
            client_secret: of the app at Intuit.
            token_url: the token end point.
            seed_refresh_token: used when the store has no pair, or when QBO no longer accepts the stored one.
            hooks: told about each request.
            transport: replaces the network in tests.
            now: the clock, in UTC.
            timeout_s: for connecting and for each read, in seconds.
        """
        self._realm_id, self._store, self._seed = realm_id, store, seed_refresh_token
        self._token_url, self._hooks, self._now = token_url, hooks, now
        self._http = httpx2.AsyncClient(
            auth=httpx2.BasicAuth(client_id, client_secret),
            timeout=timeout_s,
            transport=transport,
            headers={"Accept": "application/json"},
        )
        self._pair: TokenPair | None = None
        self._refreshing: asyncio.Task[TokenPair] | None = None

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
        try:
            return await self.refresh(pair.access_token if pair else "")
        except QboNotSent:
            # The refresh was early: the old token still works for some minutes.
            if pair and pair.access_expires_at > self._now():
                return pair.access_token
            raise

    async def refresh(self, rejected: str) -> str:
        """Another access token than `rejected`, which QBO refuses or which is about to end.

        All tasks that ask while a refresh is under way get its result. It runs to its end even if they are cancelled,
        so that a pair that Intuit has sent is never lost between the network and the store.

        Raises:
            QboDisconnected: Intuit refuses the refresh token.
            QboNotSent: Intuit's token end point does not answer now.
            DatabaseUnavailable: the store does not answer; nothing was sent.
        """
        if self._refreshing is None:
            if self._pair and self._pair.access_token != rejected and self._usable(self._pair):
                return self._pair.access_token
            self._refreshing = asyncio.create_task(self._refresh(rejected), name="qbo token refresh")
            self._refreshing.add_done_callback(self._refreshed)
        pair = await asyncio.shield(self._refreshing)
        return pair.access_token

    async def days_left(self) -> int | None:
        """Whole days until the stored refresh token ends, or null if unknown."""
        pair = await self._store.load(self._realm_id)
        return pair.days_left(self._now()) if pair else None

    async def aclose(self) -> None:
        """Let a refresh under way finish, then close the connections."""
        if self._refreshing:
            with contextlib.suppress(Exception):
                await asyncio.shield(self._refreshing)
        await self._http.aclose()

    def _usable(self, pair: TokenPair | None) -> TypeGuard[TokenPair]:
        return pair is not None and pair.access_expires_at - REFRESH_AHEAD > self._now()

    def _refreshed(self, task: asyncio.Task[TokenPair]) -> None:
        self._refreshing = None
        if not task.cancelled() and task.exception() is None:
            self._pair = task.result()

    async def _refresh(self, rejected: str) -> TokenPair:
        async with self._store.refreshing(self._realm_id) as row:
            stored = row.pair
            if stored and stored.access_token != rejected and self._usable(stored):
                return stored
            pair = await self._exchange(stored)
            await row.save(pair)
        return pair

    async def _exchange(self, stored: TokenPair | None) -> TokenPair:
        """A new pair from Intuit, by the stored refresh token, else by the configured one."""
        candidates = [stored.refresh_token] if stored else []
        # Another process cannot have stored a newer pair meanwhile, for this one holds the row: what is left to try
        # is a token that the operator configured anew after the connection was lost.
        candidates += [self._seed] if self._seed and self._seed not in candidates else []
        refused = "not connected"
        for candidate in candidates:
            reply = await self._post(candidate)
            if reply.status == httpx2.codes.OK:
                return self._pair_of(reply, candidate, stored.generation if stored else 0)
            refused = reply.error
        raise QboDisconnected("Intuit gives no new access token.", reason=refused)

    async def _post(self, refresh_token: str) -> _Reply:
        """Ask once. Returns a pair or a refusal of this token; everything else is raised."""
        started_at, started = self._now(), time.perf_counter()
        reply: _Reply | None = None
        try:
            response = await self._http.post(
                self._token_url, data={"grant_type": "refresh_token", "refresh_token": refresh_token}
            )
            reply = _Reply(
                status=response.status_code,
                content=_content(response),
                intuit_tid=response.headers.get("intuit_tid") or response.headers.get("Intuit-Tid"),
            )
        except (httpx2.RequestError, httpx2.InvalidURL) as failure:
            reason = type(failure).__name__
        finally:
            self._tell(reply, started_at, time.perf_counter() - started)
        if reply is None:
            raise QboNotSent("Intuit's token end point cannot be reached.", reason=reason)
        return _judged(reply)

    def _pair_of(self, reply: _Reply, used: str, generation: int) -> TokenPair:
        now, content = self._now(), reply.content
        refresh_s = content.get("x_refresh_token_expires_in")
        return TokenPair(
            access_token=content["access_token"],
            refresh_token=content.get("refresh_token") or used,
            access_expires_at=now + timedelta(seconds=_seconds(content.get("expires_in"), 3600)),
            refresh_expires_at=now + timedelta(seconds=_seconds(refresh_s, 0)) if refresh_s else None,
            generation=generation + 1,
        )

    def _tell(self, reply: _Reply | None, started_at: datetime, seconds: float) -> None:
        outcome: Outcome = "unknown"
        if reply:
            outcome = "ok" if reply.status == httpx2.codes.OK else "refused"
        attempt = Attempt(
            realm_id=self._realm_id,
            operation="token",
            entity="",
            document_key=None,
            request_id=None,
            intuit_tid=reply.intuit_tid if reply else None,
            status=reply.status if reply else None,
            fault_code=(reply.error or None) if reply else None,
            outcome=outcome,
            started_at=started_at,
            milliseconds=round(seconds * 1000),
        )
        tell(self._hooks, attempt)


def _judged(reply: _Reply) -> _Reply:
    """The reply if it is a pair or refuses the token for good.

    Raises:
        QboDisconnected: Intuit does not know the app (client id or secret is wrong).
        QboNotSent: neither a pair nor a refusal came.
    """
    if reply.status == httpx2.codes.OK and isinstance(reply.content.get("access_token"), str):
        return reply
    if reply.status == TOO_MANY_REQUESTS:
        raise QboThrottled("Intuit's token end point limits requests.", status=reply.status)
    if reply.error == "invalid_grant":
        return reply
    if reply.error and reply.status < SERVER_ERROR:
        raise QboDisconnected("Intuit refuses the app.", reason=reply.error, status=reply.status)
    raise QboNotSent("Intuit's token end point gives no tokens.", status=reply.status)


def _content(response: httpx2.Response) -> Mapping[str, Any]:
    try:
        content = wire.loads(response.content)
    except ValueError:
        return {}
    return content if isinstance(content, Mapping) else {}


def _seconds(value: Any, default: int) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else default
