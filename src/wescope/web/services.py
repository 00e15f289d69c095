"""Services: what the web layer needs from the rest, as a protocol; `wiring` gives it the real thing, tests a fake."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Protocol

from wescope.engine.results import ParkedRow, PayoutDetail, PayoutResult, Status, SyncResult, TieOut


class Outcome(StrEnum):
    """What became of a webhook that was not refused. All of them are answered with 200."""

    STORED = "stored"
    DUPLICATE = "duplicate"
    IGNORED = "ignored"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """A webhook that Stripe need not send again: its hint is durable, or there is nothing to do for it."""

    event_id: str
    outcome: Outcome
    event_type: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """Whether the service can work; `checks` says of each part "ok" or a code, never a message with data."""

    ok: bool
    checks: Mapping[str, str] = field(default_factory=dict)


class WebServices(Protocol):
    """Everything that a route may ask for. Errors are of the tree in `wescope.errors`."""

    async def accept(self, body: bytes, signature: str | None) -> Accepted:
        """Verify one webhook (raw body and header Stripe-Signature) and store its hint durably.

        Raises:
            WebhookRejected: it is refused and not stored.
            DatabaseUnavailable: it could not be stored; Stripe must send it again.
        """
        ...

    async def status(self) -> Status:
        """What the service is doing now."""
        ...

    async def ready(self) -> Readiness:
        """Whether it can work now."""
        ...

    async def sync(self, ids: Sequence[str], *, dry_run: bool) -> Sequence[SyncResult]:
        """Reconcile these Stripe objects now, or with `dry_run` only say what would be done."""
        ...

    async def tieout(self, as_of: date | None) -> TieOut:
        """Compare Stripe and QBO at the end of `as_of` (books' calendar; None: today)."""
        ...

    async def parked(self) -> Sequence[ParkedRow]:
        """The parked documents, the oldest first."""
        ...

    async def payouts(self) -> Sequence[PayoutResult]:
        """The payouts that were looked at, the latest arrival first."""
        ...

    async def payout(self, payout_id: str) -> PayoutDetail:
        """One payout with its rows.

        Raises:
            ObjectNotFound: it was not looked at yet.
        """
        ...
