"""Death at every point of a write: before each statement, each commit, each request, and after each answer.

`kill` is the process's end: from that point on nothing of it reaches database or QBO. `cancel` is a shutdown: one
await is cancelled, and what cleans up may still run. A second process then takes the work over.
"""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import sqlalchemy as sa

from tests.integration.conftest import OpenDesk
from tests.integration.desk import Desk, subject_of
from wescope.engine.runtime import Runtime


class Killed(BaseException):
    """The process is no more."""


@dataclass
class Reaper:
    """Counts the points of a run and strikes at one of them."""

    mode: str
    at: int = 0
    passed: int = 0
    struck: bool = False
    died: asyncio.Event = field(default_factory=asyncio.Event)

    def point(self) -> None:
        self.passed += 1
        if self.mode == "kill" and self.struck:
            raise Killed
        if self.passed == self.at:
            self.struck = True
            if self.mode == "kill":
                self.died.set()
            raise Killed if self.mode == "kill" else asyncio.CancelledError

    def aim(self, at: int) -> None:
        self.at, self.passed, self.struck = at, 0, False
        self.died.clear()

    async def let_live(self, running: Coroutine[Any, Any, object]) -> None:
        """Runs until it ends, or until the process is killed, in whichever of its tasks."""
        task, dying = asyncio.create_task(running), asyncio.create_task(self.died.wait())
        await asyncio.wait({task, dying}, return_when=asyncio.FIRST_COMPLETED)
        task.cancel()
        dying.cancel()
        (ended,) = await asyncio.gather(task, return_exceptions=True)
        if isinstance(ended, BaseException) and not self.struck:
            raise ended


@contextlib.contextmanager
def watched(runtime: Runtime, reaper: Reaper, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Puts a point before each statement and commit, and around each request to QBO and Stripe."""

    def before(*_: object) -> None:
        reaper.point()

    courier = runtime.client._courier
    send: Callable[..., Awaitable[Any]] = courier._send

    async def sending(*arguments: Any) -> Any:
        reaper.point()
        answer = await send(*arguments)
        reaper.point()
        return answer

    # Jobs have connections of their own.
    engines = (runtime.engine.sync_engine, runtime.reconciler.engine.sync_engine)
    for engine, moment in itertools.product(engines, ("before_cursor_execute", "commit")):
        sa.event.listen(engine, moment, before)
    monkeypatch.setattr(courier, "_send", sending)
    try:
        yield
    finally:
        monkeypatch.setattr(courier, "_send", send)
        for engine, moment in itertools.product(engines, ("before_cursor_execute", "commit")):
            sa.event.remove(engine, moment, before)


@contextlib.asynccontextmanager
async def _doomed(desk: Desk, reaper: Reaper, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Runtime]:
    async with desk.another() as doomed:
        # Its log of attempts writes in the background, at no fixed point.
        monkeypatch.setattr(doomed.attempts, "_waiting", _Nothing())
        yield doomed


class _Nothing(list[Any]):
    def append(self, item: object, /) -> None:
        """Forgets it."""


async def _die_everywhere(
    desk: Desk,
    monkeypatch: pytest.MonkeyPatch,
    mode: str,
    prepare: Callable[[], Awaitable[str]],
    arm: Callable[[], None],
    *,
    every: int = 1,
) -> int:
    """Repeats a scenario, struck at its first point, its second, and so on, until it passes unharmed."""
    reaper = Reaper(mode)
    async with _doomed(desk, reaper, monkeypatch) as doomed:
        for at in range(1, 400, every):
            invoice = await prepare()
            await desk.hint(invoice)
            arm()
            reaper.aim(at)
            with watched(doomed, reaper, monkeypatch):
                await reaper.let_live(doomed.reconciler.run(subject_of(invoice)))
            unharmed = not reaper.struck
            desk.qbo.faults.clear()
            await desk.work()
            if await desk.codes():
                await desk.wake()
            assert await desk.codes() == {}, f"at point {at}"
            desk.check_books()
            if unharmed:
                return at
    raise AssertionError("it never ends")


@pytest.mark.slow
@pytest.mark.parametrize(("mode", "memory"), [("kill", "replay"), ("kill", "absent"), ("cancel", "absent")])
async def test_first_customer_invoice_and_payment(
    make_desk: OpenDesk, monkeypatch: pytest.MonkeyPatch, mode: str, memory: str
) -> None:
    async with make_desk(knobs={"requestid": memory}, settle_s=0.01) as desk:
        await desk.runtime.company.refresh()
        made: list[str] = []

        async def prepare() -> str:
            made.append(desk.shop.paid_invoice(desk.shop.customer(f"Customer {len(made)}"), 1_000))
            return made[-1]

        # Where QBO remembers request ids there is less to go wrong: each third point is enough.
        every = 3 if memory == "replay" else 1
        points = await _die_everywhere(desk, monkeypatch, mode, prepare, lambda: None, every=every)
        assert points > 30
        for invoice in made:
            desk.check_invoice(invoice, balance="0")
        assert desk.balance("Stripe Clearing") == 10 * len(made)
        await desk.check_settled()


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["kill", "cancel"])
async def test_an_update(make_desk: OpenDesk, monkeypatch: pytest.MonkeyPatch, mode: str) -> None:
    async with make_desk(knobs={"requestid": "absent"}, settle_s=0.01) as desk:
        invoice = desk.shop.paid_invoice(desk.shop.customer())
        await desk.sync(invoice)
        numbers: list[str] = []

        async def prepare() -> str:
            numbers.append(f"NUMBER-{len(numbers)}")
            desk.shop.edit(invoice, number=numbers[-1])
            return invoice

        await _die_everywhere(desk, monkeypatch, mode, prepare, lambda: None)
        desk.check_invoice(invoice, balance="0")
        updates = [one for one in desk.qbo.requests.entries if ("updated", "Invoice", "1") in one.effects]
        assert len(updates) == len(numbers)
        await desk.check_settled()


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["kill", "cancel"])
async def test_a_void(make_desk: OpenDesk, monkeypatch: pytest.MonkeyPatch, mode: str) -> None:
    async with make_desk(knobs={"requestid": "absent"}, settle_s=0.01) as desk:
        customer = desk.shop.customer()

        async def prepare() -> str:
            invoice = desk.shop.invoice(customer)
            await desk.sync(invoice)
            desk.shop.void(invoice)
            return invoice

        await _die_everywhere(desk, monkeypatch, mode, prepare, lambda: None)
        assert desk.receivable() == 0
        await desk.check_settled()


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["kill", "cancel"])
async def test_taking_back_what_qbo_stored_otherwise(
    make_desk: OpenDesk, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    async with make_desk(knobs={"requestid": "absent"}, settle_s=0.01) as desk:
        customer = desk.shop.customer()
        made: list[str] = []

        async def prepare() -> str:
            made.append(desk.shop.invoice(customer, 1_000))
            await desk.sync(made[-1])
            desk.shop.pay(made[-1])
            return made[-1]

        def arm() -> None:
            desk.qbo.faults.arm("drop_links", entity="Payment", operation="create")

        await _die_everywhere(desk, monkeypatch, mode, prepare, arm)
        for invoice in made:
            desk.check_invoice(invoice, balance="0")
        assert len(desk.records("Payment")) == len(made)
        await desk.check_settled()
