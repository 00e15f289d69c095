"""Which lane a hint belongs to: what has just happened goes before what is only being caught up with."""

import contextlib
from collections.abc import Iterator
from datetime import datetime, timedelta

from wescope.qbo.lanes import LANE, Lane

LIVE_FOR = timedelta(minutes=10)
"""A webhook whose event is older is part of a backlog: of an outage, or of what Stripe sends once more."""

_BACKLOG_SOURCES = frozenset({"backfill", "replay", "sweep", "rules"})


def lane_of(source: str, *, age: timedelta | None = None) -> Lane:
    """The lane of a hint by its source, and by the age of the event that says so, if there is one."""
    if source in _BACKLOG_SOURCES or (age is not None and age >= LIVE_FOR):
        return Lane.BACKLOG
    return Lane.LIVE


def lane_of_event(created_at: datetime, now: datetime) -> Lane:
    """The lane of a webhook whose event happened at `created_at`."""
    return lane_of("webhook", age=now - created_at)


@contextlib.contextmanager
def in_lane(name: str) -> Iterator[Lane]:
    """Have what is asked of QBO within the block go in this lane."""
    token = LANE.set(Lane(name))
    try:
        yield Lane(name)
    finally:
        LANE.reset(token)
