"""When something is due that a worker begins by itself."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from wescope.config import PolicyFile
from wescope.config.policy_file import Schedules
from wescope.engine.schedule import Every, Nightly, schedules_of
from wescope.links.runs import RunKind

NEW_YORK = ZoneInfo("America/New_York")
NIGHTLY = Nightly(at=time(2, 30), timezone=NEW_YORK)


def test_every_hour() -> None:
    now = datetime(2026, 11, 23, 5, tzinfo=UTC)
    hourly = Every(interval=timedelta(hours=1))
    assert not hourly.is_due(now - timedelta(minutes=59), now)
    assert hourly.is_due(now - timedelta(hours=1), now)
    assert hourly.is_due(now - timedelta(days=40), now)


@pytest.mark.parametrize(
    ("last", "now", "due"),
    [
        ("2026-11-22T12:00Z", "2026-11-23T07:29Z", False),  # 02:29 in New York
        ("2026-11-22T12:00Z", "2026-11-23T07:30Z", True),
        ("2026-11-23T07:30Z", "2026-11-23T20:00Z", False),
        ("2026-11-23T07:30Z", "2026-11-24T07:29Z", False),
        ("2026-11-23T07:30Z", "2026-11-24T07:30Z", True),
        ("2026-11-22T07:29Z", "2026-11-23T05:00Z", True),  # the night before was missed
        ("2026-10-01T00:00Z", "2026-11-23T05:00Z", True),
        ("2026-03-07T12:00Z", "2026-03-08T07:29Z", False),  # there is no 02:30 on this day
        ("2026-03-07T12:00Z", "2026-03-08T07:30Z", True),
        ("2026-11-01T06:30Z", "2026-11-01T07:30Z", True),  # clocks went back at 06:00 UTC
    ],
)
def test_every_night_in_the_calendar_of_the_books(last: str, now: str, due: bool) -> None:
    assert NIGHTLY.is_due(datetime.fromisoformat(last), datetime.fromisoformat(now)) is due


def test_a_night_is_begun_once() -> None:
    now = datetime(2026, 10, 30, tzinfo=UTC)
    last, begun = now, 0
    for _ in range(4 * 24 * 4):
        now += timedelta(minutes=15)
        if NIGHTLY.is_due(last, now):
            last, begun = now, begun + 1
    assert begun == 4


def test_the_table_is_the_policys() -> None:
    table = {one.name: one for one in schedules_of(PolicyFile())}
    assert list(table)[:2] == ["nightly", "sweep"], "the thorough one covers the other"
    off = replace(PolicyFile(), schedules=Schedules(enabled=False))
    assert schedules_of(off) == ()
    moved = replace(PolicyFile(), schedules=Schedules(sweep_every=timedelta(minutes=15), verify_at=time(4)))
    table = {one.name: one for one in schedules_of(moved)}
    assert table["sweep"].when == Every(interval=timedelta(minutes=15))
    assert (table["verify"].kind, table["verify"].when) == (
        RunKind.VERIFY, Nightly(at=time(4), timezone=moved.policy.timezone),
    )  # fmt: skip


def test_a_tie_out_is_made_every_night_unless_it_is_off() -> None:
    (daily,) = [one for one in schedules_of(PolicyFile()) if one.name == "tieout"]
    assert (daily.kind, daily.when) == (RunKind.TIEOUT, Nightly(at=time(4, 30), timezone=PolicyFile().policy.timezone))
    off = replace(PolicyFile(), schedules=Schedules(tieout_at=None))
    assert "tieout" not in {one.name for one in schedules_of(off)}


def test_the_mirror_is_scheduled_only_where_there_is_one() -> None:
    assert "bigquery" not in {one.name for one in schedules_of(PolicyFile())}
    often = replace(PolicyFile(), schedules=Schedules(bigquery_every=timedelta(minutes=10)))
    (mirror,) = [one for one in schedules_of(often, mirrors=True) if one.name == "bigquery"]
    assert (mirror.kind, mirror.when) == (RunKind.EXPORT, Every(interval=timedelta(minutes=10)))
