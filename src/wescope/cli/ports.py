"""Ports: what the commands ask of `wescope.wiring`, which is imported only when one runs (so `--help` is fast)."""

import importlib
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import date
from typing import TYPE_CHECKING, Protocol, cast

if TYPE_CHECKING:
    from wescope.config import PolicyFile, Settings
    from wescope.engine.results import Check, ParkedRow, PayoutDetail, PayoutResult, Status, SyncResult, TieOut

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how much of it is done, and how much there is (0: unknown)."""


class Runtime(Protocol):
    """The parts, put together and open."""

    async def status(self) -> "Status":
        """What the service is doing."""
        ...

    async def sync(
        self, ids: Sequence[str], *, dry_run: bool, progress: Progress | None = None
    ) -> Sequence["SyncResult"]:
        """Reconcile these Stripe objects now, or say what would be done."""
        ...

    async def tieout(self, as_of: date | None, progress: Progress | None = None) -> "TieOut":
        """Compare Stripe and QBO."""
        ...

    async def parked(self) -> Sequence["ParkedRow"]:
        """The parked documents."""
        ...

    async def payouts(self) -> Sequence["PayoutResult"]:
        """The payouts that were looked at."""
        ...

    async def payout(self, payout_id: str) -> "PayoutDetail":
        """One payout with its rows."""
        ...

    async def doctor(self) -> Sequence["Check"]:
        """What is wrong with the surroundings."""
        ...


class Wiring(Protocol):
    """The one place where parts are put together."""

    def open_runtime(self, settings: "Settings", policy_file: "PolicyFile") -> AbstractAsyncContextManager[Runtime]:
        """The parts, open for the length of a `with`."""
        ...

    def serve(
        self,
        settings: "Settings",
        policy_file: "PolicyFile",
        role: str,
        *,
        ready: Callable[[str], None] | None = None,
    ) -> Awaitable[None]:
        """Run the service until SIGTERM or SIGINT; `ready` is told its address once it can work."""
        ...


def wiring() -> Wiring:
    """The real wiring, imported now."""
    return cast("Wiring", importlib.import_module("wescope.wiring"))
