"""What a sweep looks at: how far back, and what has changed since an earlier one."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from wescope.books.policy import Policy
from wescope.books.subjects import Subject, SubjectKind
from wescope.engine.sweep import SweepChoice, _scope_from, _scope_to
from wescope.engine.sweep_lists import Chooser, Part, Scope, scope_of
from wescope.links.sweeps import Look
from wescope.stripe.open_objects import OpenKind, OpenObject
from wescope.stripe.windows import ListedObject

NOW = datetime(2026, 11, 23, 5, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
POLICY = Policy()


def scope(last: dict[str, Any] | None = None, policy: Policy = POLICY, **options: Any) -> Scope:
    return scope_of(NOW, last, options, policy)


def read(ago: timedelta, newest: timedelta | None = None) -> dict[str, Any]:
    return {"read_at": (NOW - ago).isoformat(), "created": (NOW - newest).isoformat() if newest else None}


def test_events_are_read_from_before_the_newest_that_was_seen() -> None:
    found = scope(read(2 * HOUR, newest=5 * HOUR))
    assert found.events_since == NOW - 6 * HOUR
    assert found.undelivered_since == NOW - 30 * DAY
    assert (found.gap, found.is_full) == (None, True)
    assert scope(read(2 * HOUR)).events_since == NOW - 3 * HOUR
    assert scope(read(HOUR, newest=90 * DAY)).events_since == NOW - 30 * DAY


def test_a_quiet_time_is_no_gap_and_an_unwatched_one_is() -> None:
    assert scope(read(DAY, newest=90 * DAY)).gap is None
    assert scope(read(27 * DAY)).gap is None
    found = scope(read(29 * DAY), parts="events")
    assert found.gap_begins == NOW - 29 * DAY - HOUR
    assert found.is_full, "events alone would leave a hole"
    assert found.gap is not None
    assert (found.gap.period.since, found.gap.period.until) == (date(2026, 10, 24), date(2026, 11, 22))


def test_the_first_sweep_begins_with_the_books() -> None:
    assert scope().gap_begins == NOW - 45 * DAY - HOUR
    begun = scope(policy=Policy(start_date=date(2026, 1, 1)))
    assert begun.gap is not None
    assert begun.gap.period.since <= date(2026, 1, 1)
    assert scope(policy=Policy(start_date=date(2026, 11, 20))).gap is None


def test_somebody_may_want_to_look_further_back_and_never_less_far() -> None:
    assert scope(since=(NOW - 60 * DAY).isoformat()).gap_begins == NOW - 60 * DAY - HOUR
    assert scope(read(HOUR), since=(NOW - 60 * DAY).isoformat()).gap_begins == NOW - 60 * DAY - HOUR
    assert scope(read(3 * DAY), since=(NOW - DAY).isoformat()).events_since == NOW - 3 * DAY - HOUR
    assert scope(since=(NOW - DAY).isoformat()).gap is None


def test_who_was_never_swept_watches_from_a_moment_on() -> None:
    began = read(HOUR) | {"began": (NOW - 2 * DAY).isoformat()}
    assert scope(began).undelivered_since == NOW - 2 * DAY
    assert scope(began, since=(NOW - 9 * DAY).isoformat()).undelivered_since == NOW - 9 * DAY


def test_the_steps_of_a_sweep() -> None:
    light, full, wide = scope(read(HOUR), parts="events"), scope(read(HOUR)), scope()
    assert [light.part(index) for index in range(light.steps)] == [Part.EVENTS] * 2
    assert full.steps == 2 + len(OpenKind) + 1
    assert wide.gap is not None
    assert wide.first_open == 2 + wide.gap.steps
    assert {wide.part(index) for index in range(2, wide.first_open)} == {Part.GAP}


@pytest.mark.parametrize("last", [None, read(HOUR)])
def test_whoever_goes_on_does_the_same(last: dict[str, Any] | None) -> None:
    begun = scope(last, known_only=True)
    assert _scope_from(_scope_to(begun), POLICY) == begun


def test_a_choice_is_kept_as_options() -> None:
    assert SweepChoice().options == {"parts": "all"}
    assert SweepChoice(since=NOW, events_only=True).options == {"parts": "events", "since": NOW.isoformat()}


# --- open objects -----------------------------------------------------------------------------------------------------

SEEN = Look(at=NOW - HOUR, dirty=False)


def opened(mark: str | None = "m", *, changed_at: datetime | None = None, settled: bool = False) -> OpenObject:
    subject = Subject(kind=SubjectKind.INVOICE, id="in_1")
    listed = ListedObject(subject=subject, stripe_id="in_1", customer_id=None, changed_at=changed_at)
    return OpenObject(listed=listed, mark=mark, settled=settled)


def chooser(before: dict[str, str] | None, found: Scope | None = None) -> Chooser:
    return Chooser(realm_id="1", run_id=None, scope=found or scope(read(HOUR)), before=before)


@pytest.mark.parametrize(
    ("before", "one", "look", "wanted"),
    [
        ({"invoice/in_1": "m"}, opened(), None, False),
        ({"invoice/in_1": ".m"}, opened(settled=True), None, False),
        ({"invoice/in_1": "other"}, opened(), SEEN, True),
        ({}, opened(), SEEN, True),
        ({}, opened(changed_at=NOW - 2 * HOUR), SEEN, False),
        (None, opened(changed_at=NOW - 2 * HOUR), SEEN, False),
        (None, opened(changed_at=NOW - 2 * HOUR), Look(at=NOW - HOUR, dirty=True), True),
        (None, opened(changed_at=NOW - 2 * HOUR), Look(at=None, dirty=False), True),
        (None, opened(changed_at=NOW - HOUR), SEEN, True),  # clocks differ
        (None, opened(changed_at=NOW), SEEN, True),
        ({}, opened(None, changed_at=NOW - 2 * HOUR), SEEN, False),
        ({}, opened(None, changed_at=NOW - 2 * HOUR), None, True),
    ],
)
def test_what_has_changed_is_looked_at(
    before: dict[str, str] | None, one: OpenObject, look: Look | None, wanted: bool
) -> None:
    assert chooser(before)._is_wanted(one, look) is wanted


def test_all_that_is_open_is_looked_at_after_a_gap() -> None:
    after_gap = chooser({"invoice/in_1": "m"}, scope())
    assert after_gap._is_wanted(opened(), SEEN)
    assert not after_gap._is_wanted(opened(None, changed_at=NOW - 2 * HOUR), SEEN)


def test_what_was_open_and_is_listed_no_more_is_looked_at() -> None:
    before = {"invoice/in_1": "m", "invoice/in_2": "m", "payout/po_1": ".m", "customer/cus_1": "b"}
    choosing = chooser(before)
    choosing.marks["invoice/in_2"] = "n"
    assert [str(find.subject) for find in choosing.vanished()] == ["invoice/in_1", "customer/cus_1"]
    assert chooser(None).vanished() == []
