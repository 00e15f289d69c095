"""Alerts: what somebody must act on, with its remedy, and nothing when all is well."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from wescope.engine.alerts import alerts_of
from wescope.engine.connection import ConnectionState
from wescope.engine.results import Alert, ConnectionWord
from wescope.links.reads import StoredReads

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
WELL = ConnectionState(word=ConnectionWord.CONNECTED, refresh_expires_at=NOW + timedelta(days=90))
NO_READS = StoredReads()
LOST = ConnectionState(word=ConnectionWord.RECONNECT, code="invalid_grant", since=NOW - timedelta(hours=3))


def alerts(
    connection: ConnectionState = WELL, reads: StoredReads = NO_READS, waits: timedelta | None = None
) -> tuple[Alert, ...]:
    return alerts_of(
        connection=connection,
        reads=reads,
        monthly_reads=1000,
        oldest_hint_at=NOW - waits if waits else None,
        now=NOW,
    )


def test_all_is_well() -> None:
    assert alerts(reads=StoredReads(reads=799), waits=timedelta(minutes=59)) == ()
    assert alerts(ConnectionState(word=ConnectionWord.UNKNOWN)) == ()


def test_a_lost_connection_and_what_it_keeps_waiting() -> None:
    lost, waiting = alerts(LOST, waits=timedelta(hours=2))
    assert (lost.code, lost.since) == ("qbo_reconnect", LOST.since)
    assert "wescope connect" in lost.remedy
    assert (waiting.code, waiting.since) == ("oldest_hint", NOW - timedelta(hours=2))


@pytest.mark.parametrize(
    ("code", "remedy"),
    [("invalid_client", "WESCOPE_QBO_CLIENT_SECRET"), ("6190", "subscription"), ("120", "administrator")],
)
def test_each_cause_has_its_own_remedy(code: str, remedy: str) -> None:
    assert remedy in alerts(replace(LOST, code=code))[0].remedy


def test_a_token_that_ends_soon() -> None:
    (soon,) = alerts(replace(WELL, refresh_expires_at=NOW + timedelta(days=9, hours=23)))
    assert soon.code == "refresh_token_ends"
    assert "9 days" in soon.text


@pytest.mark.parametrize(
    ("reads", "code"),
    [
        (StoredReads(reads=800), "qbo_reads_high"),
        (StoredReads(reads=1000), "qbo_reads_blocked"),
        (StoredReads(reads=3, blocked_at=NOW), "qbo_reads_blocked"),
    ],
)
def test_reads(reads: StoredReads, code: str) -> None:
    (found,) = alerts(reads=reads)
    assert (found.code, found.since) == (code, reads.blocked_at)
