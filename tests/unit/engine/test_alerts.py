"""Alerts: what somebody must act on, with its remedy, and nothing when all is well."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from wescope.books.parking import ParkCode
from wescope.config.alerts import AlertThresholds
from wescope.engine.alerts import CODES, alerts_of, told
from wescope.engine.connection import ConnectionState
from wescope.engine.results import Alert, ConnectionWord
from wescope.engine.samples import samples_of
from wescope.engine.situation import LastTieOut, Situation
from wescope.links.reads import StoredReads
from wescope.links.situation import ParkedSum, RunHealth, Waiting
from wescope.observe.alert_rules import RULES

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
CONNECTED = ConnectionState(word=ConnectionWord.CONNECTED, refresh_expires_at=NOW + 90 * DAY)
LOST = ConnectionState(word=ConnectionWord.RECONNECT, code="invalid_grant", since=NOW - 3 * HOUR)
WELL = Situation(now=NOW, connection=CONNECTED, monthly_reads=1000)
DEFAULTS = AlertThresholds()
OFF = AlertThresholds(
    backlog_age=None,
    failing_for=None,
    webhooks_silent=None,
    sweep_age=None,
    token_days=0,
    reads_percent=0,
    drift_count=0,
    parked_amount=0,
)


def alerts(thresholds: AlertThresholds = DEFAULTS, **changes: Any) -> tuple[Alert, ...]:
    return alerts_of(replace(WELL, **changes), thresholds)


def waits(age: timedelta, failing: dict[str, tuple[int, datetime]] | None = None) -> Waiting:
    return Waiting(by_lane={"live": 2}, oldest_at=NOW - age, failing=failing or {})


def parked(amount: int, currency: str = "usd", code: ParkCode = ParkCode.LOOKS_LIKE) -> tuple[ParkedSum, ...]:
    return (ParkedSum(code=code.value, currency=currency, count=1, amount=amount),)


SWEPT = RunHealth(first_at=NOW - 9 * DAY, success_at=NOW - 6 * HOUR)
BAD: dict[str, dict[str, Any]] = {
    "qbo_reconnect": {"connection": LOST},
    "refresh_token_ends": {"connection": replace(CONNECTED, refresh_expires_at=NOW + 10 * DAY - HOUR)},
    "sync_failing": {"waiting": waits(HOUR, {"stripe_unavailable": (2, NOW - timedelta(minutes=16))})},
    "qbo_reads_blocked": {"reads": StoredReads(reads=1000)},
    "qbo_reads_high": {"reads": StoredReads(reads=800)},
    "oldest_hint": {"waiting": waits(timedelta(minutes=61))},
    "tieout_differs": {"tieout": LastTieOut(difference="0.01", at=NOW - DAY, differences={"usd": "0.01"})},
    "parked_high": {"parked": parked(1_000_001)},
    "sweep_failing": {"runs": {"sweep": replace(SWEPT, success_at=NOW - 7 * HOUR)}},
    "webhooks_silent": {"webhook_at": NOW - DAY - HOUR},
    "drift_found": {"drift": {"edited": 1}, "drift_at": NOW - HOUR},
}
GOOD: dict[str, dict[str, Any]] = {
    "qbo_reconnect": {"connection": ConnectionState(word=ConnectionWord.UNKNOWN)},
    "refresh_token_ends": {"connection": replace(CONNECTED, refresh_expires_at=NOW + 10 * DAY)},
    "sync_failing": {"waiting": waits(HOUR, {"stripe_unavailable": (2, NOW - timedelta(minutes=15))})},
    "qbo_reads_blocked": {"monthly_reads": 0, "reads": StoredReads(reads=1000)},
    "qbo_reads_high": {"reads": StoredReads(reads=799)},
    "oldest_hint": {"waiting": waits(timedelta(minutes=60))},
    "tieout_differs": {"tieout": LastTieOut(difference="0.00", at=NOW - DAY, differences={"usd": "0.00"})},
    "parked_high": {"parked": parked(1_000_000)},
    "sweep_failing": {"runs": {"sweep": SWEPT}},
    "webhooks_silent": {"webhook_at": NOW - DAY},
    "drift_found": {"drift": {}},
}


def test_all_is_well() -> None:
    assert alerts() == ()


def test_every_alert_has_a_rule_and_every_rule_an_alert() -> None:
    assert set(CODES) == {code for code, rule in RULES.items() if rule.built_in} == set(BAD) == set(GOOD)


@pytest.mark.parametrize("code", CODES)
def test_an_alert_begins_right_after_its_threshold(code: str) -> None:
    (found,) = alerts(**BAD[code])
    assert found.code == code
    assert found.remedy
    assert alerts(**GOOD[code]) == ()


@pytest.mark.parametrize("code", sorted(set(CODES) - {"qbo_reconnect", "qbo_reads_blocked", "tieout_differs"}))
def test_an_alert_can_be_switched_off(code: str) -> None:
    assert alerts(OFF, **BAD[code]) == ()


@pytest.mark.parametrize("code", CODES)
def test_metrics_say_the_same_as_the_alerts(code: str) -> None:
    for case, expected in ((BAD, 1), (GOOD, 0)):
        samples = samples_of(replace(WELL, **case[code]), DEFAULTS)
        active = {one.labels["alert"]: one.value for one in samples if one.name == "alert_active"}
        assert active[code] == expected


def test_a_lost_connection_and_what_it_keeps_waiting() -> None:
    failing = {"qbo_disconnected": (2, NOW - 2 * HOUR)}
    lost, waiting = alerts(connection=LOST, waiting=waits(2 * HOUR, failing))
    assert (lost.code, lost.since) == ("qbo_reconnect", LOST.since)
    assert "wescope connect" in lost.remedy
    assert (waiting.code, waiting.since) == ("oldest_hint", NOW - 2 * HOUR)


@pytest.mark.parametrize(
    ("code", "remedy"),
    [("invalid_client", "WESCOPE_QBO_CLIENT_SECRET"), ("6190", "subscription"), ("120", "administrator")],
)
def test_each_cause_has_its_own_remedy(code: str, remedy: str) -> None:
    assert remedy in alerts(connection=replace(LOST, code=code))[0].remedy


def test_a_token_that_ends_soon() -> None:
    (soon,) = alerts(connection=replace(CONNECTED, refresh_expires_at=NOW + timedelta(days=9, hours=23)))
    assert "9 days" in soon.text


def test_reads_that_qbo_refuses_are_told_with_the_moment() -> None:
    (blocked,) = alerts(reads=StoredReads(reads=3, blocked_at=NOW))
    assert (blocked.code, blocked.since) == ("qbo_reads_blocked", NOW)


def test_parked_amounts_have_the_decimals_of_their_currency_and_a_limit_of_their_own() -> None:
    in_yen = AlertThresholds(parked_amounts={"jpy": 1_500_000})
    assert alerts(in_yen, parked=parked(1_500_000, "jpy")) == ()
    (found,) = alerts(in_yen, parked=parked(1_500_001, "jpy"))
    assert "1500001 JPY" in found.text


def test_what_waits_for_others_is_no_amount_that_waits_for_an_operator() -> None:
    assert alerts(parked=parked(9_000_000, code=ParkCode.PAYOUT_NOT_RECONCILED)) == ()


def test_a_failed_sweep_is_told_before_it_is_late() -> None:
    (failed,) = alerts(runs={"sweep": replace(SWEPT, failed_at=NOW - timedelta(minutes=1))})
    assert (failed.code, failed.since) == ("sweep_failing", NOW - timedelta(minutes=1))


def test_a_sweep_that_never_came_to_its_end() -> None:
    (late,) = alerts(runs={"sweep": RunHealth(first_at=NOW - 7 * HOUR)})
    assert late.since == NOW - 7 * HOUR


@pytest.mark.parametrize(
    ("age", "text"),
    [
        (HOUR, "an hour"),
        (timedelta(minutes=15), "15 minutes"),
        (DAY, "24 hours"),
        (3 * DAY, "3 days"),
        (timedelta(minutes=90), "90 minutes"),
    ],
)
def test_ages_are_told_as_people_say_them(age: timedelta, text: str) -> None:
    assert told(age) == text
