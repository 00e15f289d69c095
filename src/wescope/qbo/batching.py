"""Batching: calls that are ready at about the same time share one `/batch`, and a lone live one goes at once.

Calls wait in two lanes. Carriers ask the limits for permits, and only who has got one decides what it carries: the live
lane first, as it is by then. A single request carries one live call. A batch carries up to 30 calls of both lanes; one
without live calls waits until it is full, for a while. Calls of the backlog never go as single requests, so that other
apps of the company keep their share of its requests, unless that is allowed.

Of requests that write names only one is under way over all processes (facts/qbo.md 2.4, 6000).
Everything happens in one event loop and by its clock.
"""

import asyncio
import contextlib
import math
from collections.abc import Callable

from wescope.errors import QboNotSent
from wescope.qbo.answers import Answer
from wescope.qbo.calls import Call, Item
from wescope.qbo.courier import Courier
from wescope.qbo.lanes import Lane
from wescope.qbo.limits import Limits
from wescope.qbo.parcels import Parcel

BATCH_ITEMS = 30
"""Items of a batch (facts/qbo.md 1)."""

WINDOW_S = 0.005
"""How long a live call waits for others."""

FILL_S = 1.0
"""How long the oldest call of the backlog waits for a full batch."""

SINGLES_AFTER_S = 0.05
"""If a batch has waited for its permit for so long, the batches of this minute are used up: live calls go singly."""

_ASKING = 3
"""How many carriers at most wait for the permit of a single request: they queue there anyway."""

_NAMES_PATIENCE_S = 0.1
"""How long a batch waits for its turn to write names, if it has other calls to carry."""

_EARLY_S = 0.001
"""A timer may fire that much before its time."""


class _Carrier:
    """A task that asks for a permit (`since` when, by the loop's clock), then carries a parcel."""

    def __init__(self, *, batch: bool) -> None:
        self.batch, self.since = batch, math.inf
        self.parcel: Parcel | None = None
        self.task: asyncio.Task[None] | None = None
        self.names = contextlib.AsyncExitStack()


class Batcher:
    """Where calls of one realm wait until they are carried."""

    def __init__(
        self, *, courier: Courier, limits: Limits, new_batch_id: Callable[[], str], backlog_singles: bool
    ) -> None:
        """Take what sends.

        Args:
            courier: delivers the parcels.
            limits: gives the turn to write names.
            new_batch_id: an id that was never given before, of 32 to 36 characters.
            backlog_singles: whether calls of the backlog may go as single requests beside full batches.
        """
        self._courier, self._limits, self._new_batch_id = courier, limits, new_batch_id
        self._backlog_singles = backlog_singles
        self._live: list[Item] = []
        self._backlog: list[Item] = []
        self._carriers: set[_Carrier] = set()
        self._names_busy = False
        self._alarms: set[asyncio.Task[None]] = set()
        self._alarm_at = math.inf
        self._closed = False

    async def call(self, call: Call) -> Answer:
        """Have a call carried; its answer, good or not.

        A caller that is cancelled takes its call out again; if it is under way, its outcome is unknown.

        Raises:
            WescopeError: nothing can be sent now.
        """
        if self._closed:
            raise QboNotSent(reason="closed")
        item = Item.of(call)
        (self._live if item.lane is Lane.LIVE else self._backlog).append(item)
        self._plan()
        try:
            return await item.answer
        except asyncio.CancelledError:
            self._forget(item)
            raise

    async def aclose(self) -> None:
        """Cut off what is under way, and turn away what waits."""
        self._closed = True
        self._fail_waiting(QboNotSent(reason="closed"))
        tasks = [*self._alarms, *(carrier.task for carrier in self._carriers if carrier.task)]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # --- deciding -----------------------------------------------------------------------------------------------------

    def _plan(self) -> None:
        """Start the carriers that are wanted now, and look again when more may be."""
        if self._closed:
            return
        now = asyncio.get_running_loop().time() + _EARLY_S
        if self._batch_is_due(now):
            self._start(batch=True)
        for _ in range(self._singles_due(now)):
            self._start(batch=False)
        self._set_alarm(now)

    def _batch_is_due(self, now: float) -> bool:
        if self._asking(batch=True):
            return False
        live, backlog = self._unserved(), self._ready(self._backlog)
        full = len(live) + len(backlog) >= BATCH_ITEMS
        aged = bool(backlog) and backlog[0].since + FILL_S <= now
        together = len(live) > 1 and live[0].since + WINDOW_S <= now
        return full or aged or together

    def _singles_due(self, now: float) -> int:
        asking = len(self._asking(batch=False))
        live = [item for item in self._unserved() if item.since + WINDOW_S <= now]
        batches = self._asking(batch=True)
        wanted = 0
        if any(carrier.since + SINGLES_AFTER_S <= now for carrier in batches):
            wanted = len(live)
        elif not batches and len(live) == 1:
            wanted = 1
        if self._backlog_singles and not asking and len(self._ready(self._backlog)) > BATCH_ITEMS:
            wanted = max(wanted, 1)
        return max(0, min(wanted, _ASKING - asking))

    def _set_alarm(self, now: float) -> None:
        batches = self._asking(batch=True)
        moments = [item.since + WINDOW_S for item in self._unserved()]
        moments += [item.since + FILL_S for item in self._ready(self._backlog)[:1] if not batches]
        moments += [carrier.since + SINGLES_AFTER_S for carrier in batches if self._live]
        next_at = min((moment for moment in moments if moment > now), default=math.inf)
        if next_at < self._alarm_at:
            self._alarm_at = next_at
            alarm = asyncio.create_task(self._ring(next_at))
            self._alarms.add(alarm)
            alarm.add_done_callback(self._alarms.discard)

    async def _ring(self, at: float) -> None:
        await asyncio.sleep(at - asyncio.get_running_loop().time())
        if self._alarm_at >= at:
            self._alarm_at = math.inf
        self._plan()

    def _ready(self, lane: list[Item]) -> list[Item]:
        """What of a lane may go: no names while a request with names is under way."""
        return [item for item in lane if not (self._names_busy and item.call.writes_name)]

    def _unserved(self) -> list[Item]:
        """The live calls for which nobody asks for the permit of a single request."""
        return self._ready(self._live)[len(self._asking(batch=False)) :]

    def _asking(self, *, batch: bool) -> list[_Carrier]:
        """The carriers that wait for a permit."""
        return [carrier for carrier in self._carriers if carrier.batch == batch and carrier.parcel is None]

    # --- carrying -----------------------------------------------------------------------------------------------------

    def _start(self, *, batch: bool) -> None:
        carrier = _Carrier(batch=batch)
        self._carriers.add(carrier)
        carrier.task = asyncio.create_task(self._carry(carrier), name="qbo batch" if batch else "qbo request")

    async def _carry(self, carrier: _Carrier) -> None:
        async def load(parcel: Parcel) -> None:
            await self._load(carrier, parcel)

        try:
            await self._courier.prepare()
            carrier.since = asyncio.get_running_loop().time()
            self._plan()
            async with carrier.names:
                await self._courier.deliver(Parcel(load=load), batch=carrier.batch)
        except Exception as error:  # noqa: BLE001 - it belongs to those who wait, whatever it is
            # Nobody else would be let through.
            self._fail_waiting(error)
        finally:
            self._carriers.discard(carrier)
            self._plan()

    async def _load(self, carrier: _Carrier, parcel: Parcel) -> None:
        """Put into the parcel what waits now that it may go."""
        with_names = await self._take_names(carrier)
        carrier.parcel = parcel
        now = asyncio.get_running_loop().time()
        parcel.items = self._candidates(carrier, with_names=with_names)
        for lane in (self._live, self._backlog):
            lane[:] = [item for item in lane if item not in set(parcel.items)]
        parcel.items = parcel.drop_late(now)
        lone = len(parcel.items) == 1 and parcel.items[0].lane is Lane.LIVE
        if carrier.batch and parcel.items and not lone:
            parcel.become_batch(self._new_batch_id())
        self._plan()

    def _candidates(self, carrier: _Carrier, *, with_names: bool) -> list[Item]:
        live = [item for item in self._live if with_names or not item.call.writes_name]
        backlog = [item for item in self._backlog if with_names or not item.call.writes_name]
        if carrier.batch:
            return [*live, *backlog][:BATCH_ITEMS]
        # A single request of the backlog leaves a full batch behind.
        spare = backlog if self._backlog_singles and len(backlog) > BATCH_ITEMS else []
        return [*live, *spare][:1]

    async def _take_names(self, carrier: _Carrier) -> bool:
        """Get the turn to write names, if the carrier is to carry any; without others to carry it waits for it."""
        wanted = self._candidates(carrier, with_names=True)
        if self._names_busy or not any(item.call.writes_name for item in wanted):
            return False
        others = self._candidates(carrier, with_names=False)
        self._names_busy = True
        async with contextlib.AsyncExitStack() as turn:
            turn.callback(self._free_names)
            try:
                async with asyncio.timeout(_NAMES_PATIENCE_S if others else None):
                    await turn.enter_async_context(self._limits.names())
            except TimeoutError:
                return False
            await carrier.names.enter_async_context(turn.pop_all())
        return True

    def _free_names(self) -> None:
        self._names_busy = False

    # --- ending -------------------------------------------------------------------------------------------------------

    def _fail_waiting(self, error: Exception) -> None:
        for lane in (self._live, self._backlog):
            for item in lane:
                item.fail(error)
            lane.clear()

    def _forget(self, item: Item) -> None:
        """Nobody waits for a call any more. A request that carries nothing else is cut off."""
        for lane in (self._live, self._backlog):
            if item in lane:
                lane.remove(item)
        for carrier in self._carriers:
            parcel = carrier.parcel
            if parcel and carrier.task and item in parcel.items and all(one.answer.done() for one in parcel.items):
                carrier.task.cancel()
