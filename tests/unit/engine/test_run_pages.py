"""What a process remembers of runs, and where a run stands in words."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from tests.unit.web.history_fakes import REPORT
from wescope.books.policy import Policy
from wescope.engine.run_memory import RunMemory
from wescope.engine.run_place import place_of
from wescope.errors import DatabaseUnavailable
from wescope.links.runs import Run

AT = datetime(2026, 11, 22, 12, 30, tzinfo=UTC)
RUN = Run(id=12, kind="backfill", state="running", started_at=AT)


class Counter:
    """Counts, and takes its time for it by the clock that it is."""

    def __init__(self, takes_s: float) -> None:
        self.takes_s, self.now, self.asked, self.failure = takes_s, 0.0, 0, False

    def clock(self) -> float:
        return self.now

    async def count(self) -> Mapping[str, int]:
        self.asked += 1
        self.now += self.takes_s
        if self.failure:
            raise DatabaseUnavailable
        return {"Invoice": self.asked}


async def looks(memory: RunMemory, counter: Counter, *, known: Mapping[str, int] | None = None) -> int:
    found = (await memory.posted(12, counter.count, known=known))["Invoice"]
    await asyncio.sleep(0)  # what is counted behind it goes on
    await asyncio.sleep(0)
    return found


async def test_what_is_quickly_counted_is_always_new() -> None:
    counter = Counter(0.001)
    memory = RunMemory(clock=counter.clock)
    assert [await looks(memory, counter) for _ in range(3)] == [1, 2, 3]


async def test_what_takes_long_is_counted_behind_pages_and_not_too_often() -> None:
    counter = Counter(0.5)
    memory = RunMemory(clock=counter.clock)
    assert [await looks(memory, counter) for _ in range(3)] == [1, 1, 1]
    assert counter.asked == 1
    counter.now += 10
    assert [await looks(memory, counter) for _ in range(2)] == [1, 2]
    assert counter.asked == 2


async def test_a_large_run_that_is_over_is_told_by_its_result_until_it_is_counted() -> None:
    counter = Counter(0.5)
    counter.now = 1000.0
    memory = RunMemory(clock=counter.clock)
    assert await looks(memory, counter, known={"Invoice": 800_000}) == 800_000
    assert await looks(memory, counter, known={"Invoice": 800_000}) == 1
    small = RunMemory(clock=counter.clock)
    assert await looks(small, counter, known={"Invoice": 5}) == 2


async def test_a_count_that_failed_behind_a_page_is_made_by_the_next_look() -> None:
    counter = Counter(0.5)
    memory = RunMemory(clock=counter.clock)
    await looks(memory, counter)
    counter.now, counter.failure = 100.0, True
    assert await looks(memory, counter) == 1
    with pytest.raises(DatabaseUnavailable):
        await looks(memory, counter)
    counter.failure = False
    assert await looks(memory, counter) == 4


def test_a_pace_is_known_from_the_second_look_on() -> None:
    memory = RunMemory()
    working = replace(REPORT, state="running", finished_at=None, left=0, counts={"step": 2, "steps": 10})
    assert memory.paced(working).rate is None
    held = memory._paces[12]
    assert held._first is not None
    began, documents, share = held._first
    held._first = (began.replace(year=began.year - 1), documents, share)
    later = memory.paced(replace(working, counts={"step": 6, "steps": 10}))
    assert (later.rate, later.seconds_left is not None) == (0, True)
    memory.paced(REPORT)
    assert memory._paces == {}


@pytest.mark.parametrize(
    ("run", "place"),
    [
        (replace(RUN, state="done"), None),
        (replace(RUN, kind="repair", counts={"step": 3, "steps": 9}), "3 of 9 steps are done."),
        (replace(RUN, kind="repair"), None),
        (replace(RUN, options={"since": "nonsense", "until": "2026-10-31"}), None),
        (
            replace(RUN, options={"since": "2026-10-01", "until": "2026-10-31"}, checkpoint={"step": 1}),
            "Listing invoices of 2026-10-01 to 2026-10-07: step 2 of 38.",
        ),
        (
            replace(RUN, options={"since": "2026-10-01", "until": "2026-10-31"}, checkpoint={"step": 37}),
            "Listing customers up to 2026-10-31: step 38 of 38.",
        ),
        (
            replace(RUN, options={"since": "2026-10-01", "until": "2026-10-31"}, checkpoint={"step": 38}),
            "All is listed; what is queued is worked off.",
        ),
        (replace(RUN, kind="replay"), None),
        (replace(RUN, kind="replay", checkpoint={"after": "invoice/in_1"}), "Listed up to invoice/in_1."),
        (replace(RUN, kind="replay", checkpoint={"listed": True}), "All is listed; what is queued is worked off."),
        (replace(RUN, kind="sweep"), None),
        (
            replace(RUN, kind="sweep", checkpoint={"step": 2}, counts={"steps": 9, "events_listed": 4}),
            "Listing Stripe's events: step 3 of 9.",
        ),
        (
            replace(RUN, kind="sweep", checkpoint={"step": 9}, counts={"steps": 9}),
            "All is listed; what is queued is worked off.",
        ),
        (
            replace(RUN, kind="undo", counts={"undone": 5, "steps": 9, "passes": 1}),
            "5 of 9 documents are taken back, in pass 2.",
        ),
        (replace(RUN, kind="undo"), None),
    ],
)
def test_a_run_says_where_it_stands(run: Run, place: str | None) -> None:
    assert place_of(run, Policy()) == place
