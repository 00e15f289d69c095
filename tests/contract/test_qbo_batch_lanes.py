"""Live calls before the backlog, the backlog in batches only, one request with names at a time over all clients."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable
from typing import Any

import pytest

from tests.contract.test_qbo_batch import Rig, backlog, open_client, open_rig, outcomes
from tests.unit.qbo.doubles import MemoryTokenStore, UnlimitedLimits
from wescope.errors import TransientRefusal
from wescope.qbo.records import Written
from wescope.sandbox.qbo import QboSandbox


class Doors(UnlimitedLimits):
    """Limits whose permits are given by the test: one door for batches, one for single requests."""

    def __init__(self) -> None:
        super().__init__()
        self.batches, self.singles = asyncio.Semaphore(0), asyncio.Semaphore(0)
        self.waiting: list[bool] = []

    @contextlib.asynccontextmanager
    async def request(self, *, batch: bool = False) -> AsyncIterator[None]:
        self.waiting.append(batch)
        await (self.batches if batch else self.singles).acquire()
        self.waiting.remove(batch)
        async with super().request(batch=batch):
            yield


@pytest.fixture
async def doors() -> Doors:
    return Doors()


@pytest.fixture
async def rig(doors: Doors) -> AsyncIterator[Rig]:
    async with open_rig(limits=doors) as made:
        yield made


def put(*calls: Any) -> list["asyncio.Task[Any]"]:
    return [asyncio.create_task(call) for call in calls]


async def soon(condition: Any) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - the client makes it so
            await asyncio.sleep(0.005)


async def all_of(tasks: list["asyncio.Task[Any]"]) -> list[Any]:
    async def one(task: Awaitable[Any]) -> Any:
        return await task

    return await outcomes(*map(one, tasks))


async def test_live_items_are_put_in_front_of_the_next_batch(rig: Rig, doors: Doors) -> None:
    with backlog():
        old = put(*(rig.entry(number) for number in range(40)))
    await soon(lambda: doors.waiting == [True])
    new = put(rig.entry(100), rig.entry(101))
    await asyncio.sleep(0.02)
    doors.batches.release()
    await all_of(new)
    assert rig.sent == [("batch", 30)]
    assert {"je100", "je101"} < set(rig.recorded[0][1])
    doors.batches.release()
    await all_of(old)
    assert rig.sent == [("batch", 30), ("batch", 12)]


async def test_if_the_batches_are_used_up_live_calls_go_singly_and_the_backlog_waits(rig: Rig, doors: Doors) -> None:
    with backlog():
        old = put(*(rig.entry(number) for number in range(30)))
    await soon(lambda: doors.waiting == [True])
    new = put(*(rig.entry(number) for number in range(100, 105)))
    for _ in new:
        doors.singles.release()
    await all_of(new)
    assert rig.sent == [("create", 0)] * 5
    doors.singles.release()
    await asyncio.sleep(0.1)
    assert not any(task.done() for task in old)
    assert doors.waiting == [True]
    doors.batches.release()
    await all_of(old)
    assert rig.sent[-1] == ("batch", 30)


async def test_the_backlog_waits_for_a_full_batch_but_not_for_ever(rig: Rig, doors: Doors) -> None:
    doors.batches.release()
    with backlog():
        few = put(*(rig.entry(number) for number in range(3)))
    await asyncio.sleep(0.5)
    assert (rig.sent, doors.waiting) == ([], [])
    await all_of(few)
    assert rig.sent == [("batch", 3)]


async def test_a_lone_call_of_the_backlog_goes_in_a_batch_of_one(rig: Rig, doors: Doors) -> None:
    doors.batches.release()
    with backlog():
        await rig.entry(1)
    assert (rig.sent, len(rig.recorded)) == ([("batch", 1)], 1)


async def test_a_full_batch_of_the_backlog_does_not_wait(rig: Rig, doors: Doors) -> None:
    with backlog():
        tasks = put(*(rig.entry(number) for number in range(30)))
    await soon(lambda: doors.waiting == [True])
    doors.batches.release()
    await asyncio.wait_for(all_of(tasks), timeout=0.9)


async def test_a_lone_live_call_does_not_wait_behind_the_backlog(rig: Rig, doors: Doors) -> None:
    with backlog():
        tasks = put(*(rig.entry(number) for number in range(60)))
    await soon(lambda: doors.waiting == [True])
    doors.singles.release()
    await asyncio.wait_for(rig.entry(100), timeout=2)
    assert rig.sent == [("create", 0)]
    for task in tasks:
        task.cancel()


async def test_a_lone_live_call_that_gets_a_batchs_permit_still_goes_as_itself(rig: Rig, doors: Doors) -> None:
    both = put(rig.entry(1), rig.entry(2))
    await soon(lambda: doors.waiting == [True])
    both[0].cancel()
    doors.batches.release()
    await asyncio.wait_for(both[1], timeout=2)
    assert (rig.sent, rig.recorded) == ([("create", 0)], [])


async def test_a_setting_lets_the_backlog_use_single_requests_beside_full_batches() -> None:
    doors = Doors()
    async with open_rig(limits=doors, backlog_singles=True) as rig:
        with backlog():
            tasks = put(*(rig.entry(number) for number in range(33)))
        for _ in range(10):
            doors.singles.release()
        await soon(lambda: len(rig.sent) == 3)
        await asyncio.sleep(0.05)
        assert rig.sent == [("create", 0)] * 3
        doors.batches.release()
        await all_of(tasks)
        assert rig.sent[-1] == ("batch", 30)


# --- names ---------------------------------------------------------------------------------------------------------


async def test_customers_share_one_batch_and_two_clients_never_write_names_at_once() -> None:
    sandbox = QboSandbox(knobs={"enforce_limits": False, "latency_ms": 30})
    async with sandbox.serve() as running:
        limits, store = UnlimitedLimits(), MemoryTokenStore()
        (one, close_one), (two, close_two) = (open_client(running, limits, store=store) for _ in range(2))
        calls = [rig.name(number) for rig, first in ((one, 0), (two, 100)) for number in range(first, first + 40)]
        calls += [rig.entry(number) for rig, first in ((one, 0), (two, 100)) for number in range(first, first + 3)]
        found = await outcomes(*calls)
        assert {type(each) for each in found} == {Written}
        assert len(one.customers) == 80
        assert max(entry.items for entry in running.requests.entries) == 30
        assert len(running.requests.entries) <= 8
        await close_one()
        await close_two()
    sandbox.close()


async def test_without_the_turn_the_sandbox_would_refuse() -> None:
    store = MemoryTokenStore()
    async with open_rig(latency_ms=50, store=store) as rig:
        other, close = open_client(rig.running, UnlimitedLimits(), store=store)
        found = await outcomes(rig.name(1), rig.name(2), other.name(3), other.name(4))
        assert {type(one) for one in found} == {Written, TransientRefusal}
        await close()


async def test_while_another_process_writes_names_the_rest_goes_on(rig: Rig, doors: Doors) -> None:
    async with doors.names():
        for _ in range(3):
            doors.batches.release()
        mixed = put(rig.name(1), rig.name(2), rig.entry(1), rig.entry(2))
        await all_of(mixed[2:])
        assert rig.sent == [("batch", 2)]
        assert not mixed[0].done()
    for _ in range(5):
        doors.singles.release()
    await all_of(mixed)
    assert sorted(rig.customers) == ["N1", "N2"]


async def test_a_repeated_name_waits_for_its_turn_too(rig: Rig, doors: Doors) -> None:
    doors.singles.release()
    async with doors.names():
        alone = asyncio.create_task(rig.name(1, alone=True))
        await asyncio.sleep(0.05)
        assert doors.waiting == []
    await asyncio.wait_for(alone, timeout=5)
