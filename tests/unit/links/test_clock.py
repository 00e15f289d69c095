"""The clock of all processes."""

import time
from datetime import UTC, datetime, timedelta, timezone

import pytest

from wescope.links.clock import DatabaseClock


def test_it_tells_the_databases_time_and_goes_on_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = iter([100.0, 107.5])
    monkeypatch.setattr(time, "monotonic", lambda: next(ticks))
    clock, at = DatabaseClock(), datetime(2026, 11, 23, 12, 0, tzinfo=timezone(timedelta(hours=1)))
    clock.learn(at)
    assert clock() == at + timedelta(seconds=7.5)


def test_it_follows_the_last_look() -> None:
    clock = DatabaseClock()
    clock.learn(datetime(2030, 1, 1, tzinfo=UTC))
    clock.learn(datetime(2020, 1, 1, tzinfo=UTC))
    assert clock().year == 2020
    assert clock().tzinfo == UTC


def test_before_it_has_learned_it_is_this_machines() -> None:
    assert abs(DatabaseClock()().timestamp() - time.time()) < 60
