"""Alerts: what a person must know of now, computed from the state of the service; nothing is stored. Pure."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from wescope.engine.connection import ConnectionState, remedy_of
from wescope.engine.read_budget import HIGH_SHARE
from wescope.engine.results import Alert, ConnectionWord
from wescope.errors import QboReadsBlocked
from wescope.links.reads import StoredReads

FEW_DAYS = 10
"""A refresh token that ends sooner is an alert: in use it is renewed each day, and has 100 days."""

LONG_WAIT = timedelta(hours=1)


def alerts_of(
    *,
    connection: ConnectionState,
    reads: StoredReads,
    monthly_reads: int,
    oldest_hint_at: datetime | None,
    now: datetime,
) -> tuple[Alert, ...]:
    """What somebody must act on or should know, the most urgent first.

    Args:
        connection: of the company.
        reads: of this month.
        monthly_reads: how many it has; 0 if that is not known.
        oldest_hint_at: since when the oldest unfinished work waits; null if none does.
        now: with a zone.
    """
    return (*_connection(connection, now), *_reads(reads, monthly_reads), *_waiting(oldest_hint_at, now))


def _connection(connection: ConnectionState, now: datetime) -> Iterator[Alert]:
    if connection.word is ConnectionWord.RECONNECT and connection.code:
        yield Alert(
            code="qbo_reconnect",
            text=f"QuickBooks Online is not connected ({connection.code}). Nothing is posted; all work is kept.",
            remedy=remedy_of(connection.code),
            since=connection.since,
        )
        return
    ends = connection.refresh_expires_at
    if ends is not None and ends - now < timedelta(days=FEW_DAYS):
        yield Alert(
            code="refresh_token_ends",
            text=f"The connection to QuickBooks Online ends in {max(0, (ends - now).days)} days.",
            remedy="Run `wescope connect`.",
            since=None,
        )


def _reads(reads: StoredReads, monthly_reads: int) -> Iterator[Alert]:
    if reads.blocked_at is not None or 0 < monthly_reads <= reads.reads:
        yield Alert(
            code=QboReadsBlocked.code,
            text=f"This month's metered reads of QuickBooks Online are used up ({reads.reads}). Writes go on.",
            remedy=QboReadsBlocked.remedy,
            since=reads.blocked_at,
        )
    elif monthly_reads and reads.reads >= HIGH_SHARE * monthly_reads:
        yield Alert(
            code="qbo_reads_high",
            text=f"{reads.reads} of this month's {monthly_reads} metered reads of QuickBooks Online are used.",
            remedy="See which commands read much (tie-outs, repeated syncs), or have Intuit raise the app's tier.",
            since=None,
        )


def _waiting(oldest_hint_at: datetime | None, now: datetime) -> Iterator[Alert]:
    if oldest_hint_at is not None and now - oldest_hint_at > LONG_WAIT:
        yield Alert(
            code="oldest_hint",
            text="Work has been waiting for over an hour.",
            remedy="See the other alerts and `wescope parked`; check that a worker runs (`wescope serve`).",
            since=oldest_hint_at,
        )
