"""The token end point: asks Intuit for a pair of tokens, and says what its answer proves (facts/qbo.md 3.1)."""

import asyncio
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2

from wescope.config import LiveSecret
from wescope.config.secret_source import live
from wescope.errors import QboAppRefused, QboDisconnected, QboNotSent, QboThrottled
from wescope.qbo import wire
from wescope.qbo.answers import SERVER_ERROR, TOO_MANY_REQUESTS
from wescope.qbo.attempts import Attempt, AttemptHook, Outcome, tell

HARD_EXPIRY_HEADER = "x-include-refresh-token-hard-expires-in"
"""With it Intuit also says when the connection ends however often it is used: five years after it was made."""

_LONGEST_S = 120.0
"""Intuit ends its own work on a request after this long (facts/qbo.md 1); a row of the database is held meanwhile."""

_ACCESS_LIVES_S = 3600
_OAUTH_ERROR = re.compile(r"[a-z_]{1,40}")
_APP_ERRORS = frozenset({"invalid_client", "unauthorized_client"})
_PASSING_ERRORS = frozenset({"server_error", "temporarily_unavailable"})
_REFUSED_GRANT = "invalid_grant"


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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reply:
    """The end point's answer, without its body unless it is a new pair."""

    status: int
    content: Mapping[str, Any] = field(repr=False)
    intuit_tid: str | None

    @property
    def error(self) -> str:
        """OAuth's error code, or nothing."""
        found = self.content.get("error")
        return found if isinstance(found, str) and _OAUTH_ERROR.fullmatch(found) else ""


def utc_now() -> datetime:
    """The moment, in UTC."""
    return datetime.now(UTC)


class TokenEndpoint:
    """Intuit's token end point as one app sees it. Close it with `aclose`."""

    def __init__(
        self,
        *,
        realm_id: str,
        url: str,
        client_id: str,
        client_secret: str | LiveSecret,
        hooks: tuple[AttemptHook, ...] = (),
        transport: httpx2.AsyncBaseTransport | None = None,
        now: Callable[[], datetime] = utc_now,
        timeout_s: float = 60,
    ) -> None:
        """Take what a request needs; nothing is sent yet.

        Args:
            realm_id: Intuit's id of the company, for the log of attempts.
            url: the end point's address.
            client_id: of the app at Intuit.
            client_secret: of the app at Intuit; one that may change is asked for again when Intuit refuses it.
            hooks: told about each request.
            transport: replaces the network in tests.
            now: the clock, in UTC.
            timeout_s: for connecting and for each read, in seconds. It is long: an answer that is not waited for may
                be the only copy of a new refresh token.
        """
        self._realm_id, self._url, self._hooks, self._now = realm_id, url, hooks, now
        self._client_id, self._secret = client_id, live(client_secret)
        self._http = httpx2.AsyncClient(
            timeout=timeout_s,
            transport=transport,
            headers={"Accept": "application/json", HARD_EXPIRY_HEADER: "true"},
        )

    async def refreshed(self, refresh_token: str, *, generation: int) -> TokenPair | None:
        """The pair that follows a refresh token, or null if Intuit refuses this token (`invalid_grant`).

        Args:
            refresh_token: the newest one.
            generation: of the new pair.

        Raises:
            QboAppRefused: Intuit does not know the app.
            QboDisconnected: Intuit refuses for another reason, which is named.
            QboNotSent: neither a pair nor a refusal came. QboThrottled: there were too many requests.
        """
        form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
        return self._pair_of(await self._ask(form), refresh_token, generation)

    async def exchanged(self, code: str, redirect_uri: str, *, generation: int) -> TokenPair | None:
        """The pair for an authorisation code, or null if Intuit refuses the code. Raises as `refreshed`.

        Args:
            code: from the redirect; it works once, for some minutes.
            redirect_uri: the same as in the authorise address.
            generation: of the new pair.
        """
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
        return self._pair_of(await self._ask(form), "", generation)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def _ask(self, form: Mapping[str, str]) -> _Reply:
        """Ask, and once more if the app's secret was changed. As `_ask_with`."""
        secret = self._secret.value
        try:
            return await self._ask_with(secret, form)
        except QboAppRefused:
            # Nothing was used up: Intuit looks at the app before it looks at what is shown.
            if not await self._secret.newer_than(secret):
                raise
        return await self._ask_with(self._secret.value, form)

    async def _ask_with(self, secret: str, form: Mapping[str, str]) -> _Reply:
        """Ask once. Returns a pair or a refusal of what was shown; everything else is raised."""
        started_at, started = self._now(), time.perf_counter()
        reply: _Reply | None = None
        try:
            async with asyncio.timeout(_LONGEST_S):
                auth = httpx2.BasicAuth(self._client_id, secret)
                response = await self._http.post(self._url, data=dict(form), auth=auth)
            reply = _Reply(
                status=response.status_code,
                content=_content(response),
                intuit_tid=response.headers.get("intuit_tid") or response.headers.get("Intuit-Tid"),
            )
        except (httpx2.RequestError, httpx2.InvalidURL, TimeoutError) as failure:
            reason = type(failure).__name__
        finally:
            self._tell(reply, started_at, time.perf_counter() - started)
        if reply is None:
            raise QboNotSent("Intuit's token end point cannot be reached.", reason=reason)
        return _judged(reply)

    def _pair_of(self, reply: _Reply, used: str, generation: int) -> TokenPair | None:
        if reply.status != httpx2.codes.OK:
            return None
        now, content = self._now(), reply.content
        ends_s = [
            seconds
            for name in ("x_refresh_token_expires_in", "x_refresh_token_hard_expires_in")
            if (seconds := _seconds(content.get(name), 0)) > 0
        ]
        return TokenPair(
            access_token=content["access_token"],
            refresh_token=content.get("refresh_token") or used,
            access_expires_at=now + timedelta(seconds=_seconds(content.get("expires_in"), _ACCESS_LIVES_S)),
            refresh_expires_at=now + timedelta(seconds=min(ends_s)) if ends_s else None,
            generation=generation,
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
    """The reply if it is a pair or refuses what was shown for good."""
    if reply.status == httpx2.codes.OK and isinstance(reply.content.get("access_token"), str):
        return reply
    if reply.status == TOO_MANY_REQUESTS:
        raise QboThrottled("Intuit's token end point limits requests.", status=reply.status)
    if not reply.error or reply.error in _PASSING_ERRORS or reply.status >= SERVER_ERROR:
        raise QboNotSent("Intuit's token end point gives no tokens.", status=reply.status)
    if reply.error == _REFUSED_GRANT:
        return reply
    kind = QboAppRefused if reply.error in _APP_ERRORS else QboDisconnected
    raise kind("Intuit gives no tokens.", reason=reply.error, status=reply.status)


def _content(response: httpx2.Response) -> Mapping[str, Any]:
    try:
        content = wire.loads(response.content)
    except ValueError:
        return {}
    return content if isinstance(content, Mapping) else {}


def _seconds(value: Any, default: int) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else default
