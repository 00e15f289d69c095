"""Connection: whether the company is connected, known to all processes; while it is lost, nothing asks in vain.

Who finds that Intuit or QBO refuses the company writes it into one row. From then on runs end before they begin and
keep their hints, all processes together try once a minute, and what waited is taken up within seconds of the mending.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from wescope.engine.results import ConnectionWord
from wescope.engine.tokens import loss_of
from wescope.errors import DatabaseUnavailable, QboAppRefused, QboDisconnected, QboError
from wescope.links.connections import (
    claim_try,
    end_loss,
    load_connection,
    load_loss,
    mark_lost,
    wake_waiting,
)
from wescope.links.database import transaction
from wescope.qbo.tokens import PROBE_EVERY, Loss, TokenSource

_log = structlog.get_logger(__name__)

WAITING_CODES = (QboDisconnected.code, QboAppRefused.code)
"""With these the runs end that wait for a connection."""

_LOOK_EVERY_S = 1.0
_WATCH_EVERY_S = 2.0
_WAKE_EVERY_S, _WAKE_OFTEN_FOR_S = 30.0, 60.0
_PATIENCE_S = 5.0
_KEEP_ALIVE_EVERY_S, _KEEP_ALIVE = 3600.0, timedelta(days=1)

# What QBO itself refuses is found out by a metered read: less often than that Intuit gives tokens.
_READ_EVERY, _READ_SOON = timedelta(minutes=5), timedelta(seconds=15)
_PASSING = frozenset({"401", "3200"})

_REMEDIES: Mapping[str, str] = MappingProxyType(
    {
        "invalid_client": QboAppRefused.remedy,
        "unauthorized_client": QboAppRefused.remedy,
        "120": "Have an administrator of the company run `wescope connect`.",
        "6190": "Renew the company's QuickBooks Online subscription; all work is kept until then.",
        "10200": "The company was reset in QuickBooks Online: connect another company with `wescope connect`.",
        **dict.fromkeys(_PASSING, "Nothing at first: it is tried again by itself. If it lasts, run `wescope connect`."),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionState:
    """The connection as it is told: the cause and its first moment only if somebody must act."""

    word: ConnectionWord
    code: str | None = None
    since: datetime | None = None
    refresh_expires_at: datetime | None = None

    @property
    def remedy(self) -> str:
        """The one action that mends it."""
        return remedy_of(self.code) if self.code else ""


def remedy_of(code: str) -> str:
    """What mends a connection that was lost with this code."""
    return _REMEDIES.get(code, QboDisconnected.remedy)


class Connection:
    """The connection of one realm, as one process sees it."""

    def __init__(
        self, *, engine: AsyncEngine, realm_id: str, tokens: TokenSource, read_company: Callable[[], Awaitable[object]]
    ) -> None:
        """Take the database that all processes share, and two ways to try: new tokens, and one read of QBO."""
        self._engine, self._realm_id, self._tokens, self._read_company = engine, realm_id, tokens, read_company
        self._loss: Loss | None = None
        self._looked_at_s = float("-inf")
        self._mended_at_s = self._woken_at_s = self._kept_alive_at_s = float("-inf")
        self._looking = asyncio.Lock()
        self._trying: asyncio.Task[None] | None = None

    async def check(self) -> None:
        """Let work pass, unless the connection is lost; if it is time, see first whether it is back.

        Raises:
            QboDisconnected: it is lost: what needs QBO must wait.
            DatabaseUnavailable: nobody knows.
        """
        loss = await self._look()
        if loss is None:
            return
        if self._trying is None and self._is_due(loss):
            self._trying = asyncio.create_task(self._try(loss), name="qbo connection tried")
        if self._trying:
            await asyncio.wait({self._trying}, timeout=_PATIENCE_S)
            loss = await self._look()
        if loss is not None:
            kind = QboAppRefused if remedy_of(loss.code) == QboAppRefused.remedy else QboDisconnected
            raise kind("Nothing is sent until it is mended.", reason=loss.code)

    async def note(self, error: QboDisconnected) -> None:
        """Write down that QBO itself refused the company; what Intuit's token end point refuses is known already.

        Raises:
            DatabaseUnavailable: it could not be written.
        """
        self._looked_at_s = float("-inf")  # what is told below, or by whoever holds the tokens, is heeded at once
        code = str(error.details.get("fault_code") or error.details.get("status") or "")
        if "reason" in error.details or not code.isdigit():
            return
        async with transaction(self._engine) as connection:
            await mark_lost(connection, self._realm_id, code, tried=False)
        self._looked_at_s = float("-inf")

    async def state(self) -> ConnectionState:
        """The connection as it is now.

        Raises:
            DatabaseUnavailable: it cannot be read.
        """
        async with transaction(self._engine) as connection:
            stored = await load_connection(connection, self._realm_id)
        word = ConnectionWord.CONNECTED if stored.has_tokens else ConnectionWord.UNKNOWN
        ends = stored.refresh_expires_at
        if stored.loss is None:
            return ConnectionState(word=word, refresh_expires_at=ends)
        loss = stored.loss
        return ConnectionState(word=ConnectionWord.RECONNECT, code=loss.code, since=loss.since, refresh_expires_at=ends)

    async def watch(self) -> None:
        """See to it that a lost connection is tried and what waited is taken up; for ever, until it is cancelled."""
        try:
            while True:
                try:
                    await self._watch_once()
                except QboError as error:
                    _log.debug("QBO connection does not work", code=error.code)
                except DatabaseUnavailable as error:
                    _log.warning("QBO connection not looked at", code=error.code)
                await asyncio.sleep(_WATCH_EVERY_S)
        finally:
            await self.aclose()

    async def aclose(self) -> None:
        """Stop trying."""
        if self._trying:
            self._trying.cancel()
            await asyncio.wait({self._trying}, timeout=_PATIENCE_S)

    async def _watch_once(self) -> None:
        await self.check()
        now_s = time.monotonic()
        # For a while again and again: a run that has just failed may not have been written down yet.
        often = now_s - self._mended_at_s < _WAKE_OFTEN_FOR_S
        if often or now_s - self._woken_at_s >= _WAKE_EVERY_S:
            self._woken_at_s = now_s
            async with transaction(self._engine) as connection:
                await wake_waiting(connection, WAITING_CODES)
        if now_s - self._kept_alive_at_s >= _KEEP_ALIVE_EVERY_S:
            self._kept_alive_at_s = now_s
            await self._tokens.keep_alive(_KEEP_ALIVE)

    async def _look(self) -> Loss | None:
        """What is known, at most a second old; a change is logged."""
        async with self._looking:
            if time.monotonic() - self._looked_at_s >= _LOOK_EVERY_S:
                async with transaction(self._engine) as connection:
                    loss = loss_of(await load_loss(connection, self._realm_id))
                self._tell(loss)
                self._loss, self._looked_at_s = loss, time.monotonic()
            return self._loss

    def _tell(self, loss: Loss | None) -> None:
        before = self._loss
        if loss and (before is None or before.code != loss.code):
            _log.error("QBO connection lost, work is kept", realm_id=self._realm_id, code=loss.code, state="reconnect")
        elif before and loss is None:
            self._mended_at_s = time.monotonic()
            _log.warning("QBO connection is back", realm_id=self._realm_id, state="connected")

    def _is_due(self, loss: Loss) -> bool:
        """Whether this process may look if it is time; the row decides among all processes."""
        if loss.of_tokens and self._tokens.has_untried_seed:
            return True
        return datetime.now(UTC) - loss.tried_at >= _every(loss)

    async def _try(self, loss: Loss) -> None:
        """Ask once whether it is back; whoever was refused waits for the next time."""
        try:
            with contextlib.suppress(QboError, DatabaseUnavailable):
                if loss.of_tokens:
                    await self._tokens.probe()
                else:
                    await self._try_reading(loss)
        finally:
            self._trying, self._looked_at_s = None, float("-inf")

    async def _try_reading(self, loss: Loss) -> None:
        async with transaction(self._engine) as connection:
            if not await claim_try(connection, self._realm_id, every_s=_every(loss).total_seconds()):
                return
        await self._read_company()
        async with transaction(self._engine) as connection:
            await end_loss(connection, self._realm_id)


def _every(loss: Loss) -> timedelta:
    """How often all processes together try."""
    if loss.of_tokens:
        return PROBE_EVERY
    return _READ_SOON if loss.code in _PASSING else _READ_EVERY
