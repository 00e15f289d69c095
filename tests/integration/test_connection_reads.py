"""The month's reads: counted once over all processes, warned of, and when they are used up only reads stop."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.integration.conftest import OpenDesk
from tests.integration.desk import Desk
from wescope.engine.attempts import AttemptLog
from wescope.engine.read_budget import ReadBudget, is_metered
from wescope.errors import QboReadsBlocked
from wescope.links.connections import wake_waiting
from wescope.links.database import open_engine, transaction
from wescope.qbo.attempts import Attempt, Operation, Outcome

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture
async def engine(database: str) -> AsyncIterator[AsyncEngine]:
    opened = open_engine(database)
    yield opened
    await opened.dispose()


def attempt(
    operation: Operation = "query", *, status: int | None = 200, outcome: Outcome = "ok", at: datetime = NOW
) -> Attempt:
    return Attempt(
        realm_id="realm",
        operation=operation,
        entity="Invoice",
        document_key=None,
        request_id=None,
        intuit_tid=None,
        status=status,
        fault_code=None,
        outcome=outcome,
        started_at=at,
        milliseconds=1,
    )


class Rig:
    """A budget with the log that stores its count, at a moment that can be moved."""

    def __init__(self, engine: AsyncEngine, *, monthly_reads: int = 0, round_s: float = 0.0) -> None:
        self.now, self.log = NOW, AttemptLog(engine)
        self.budget = ReadBudget(
            engine=engine,
            realm_id="realm",
            monthly_reads=monthly_reads,
            round_s=round_s,
            look_every_s=0,
            now=lambda: self.now,
        )

    async def tell(self, *attempts: Attempt) -> None:
        for one in attempts:
            self.budget(one)
            self.log(one)
        await self.log.flush()

    async def blocked(self) -> bool:
        try:
            await self.budget.check()
        except QboReadsBlocked:
            return True
        return False


@pytest.mark.parametrize(
    ("one", "counts"),
    [
        (attempt("query"), True),
        (attempt("read"), True),
        (attempt("read", status=400, outcome="refused"), True),
        (attempt("query", status=503, outcome="not_sent"), True),
        (attempt("query", status=429, outcome="not_sent"), False),
        (attempt("query", status=401, outcome="not_sent"), False),
        (attempt("query", status=None, outcome="not_sent"), False),
        (attempt("create"), False),
        (attempt("token"), False),
    ],
)
def test_what_is_metered(one: Attempt, counts: bool) -> None:
    assert is_metered(one) is counts


async def test_each_read_is_counted_once_in_its_month(engine: AsyncEngine) -> None:
    one, other = Rig(engine), Rig(engine)
    await one.tell(attempt(), attempt("create"), attempt(at=datetime(2026, 10, 31, 23, tzinfo=UTC)))
    await other.tell(attempt(), attempt("read"))
    await one.log.flush()
    assert (await one.budget.state()).reads == 3
    one.now = datetime(2026, 10, 31, 23, 59, tzinfo=UTC)
    assert (await one.budget.state()).reads == 1


async def test_at_the_cap_reads_stop_until_the_next_month(engine: AsyncEngine) -> None:
    rig, other = Rig(engine, monthly_reads=3), Rig(engine, monthly_reads=3)
    await rig.tell(attempt(), attempt())
    assert not await rig.blocked()
    await rig.tell(attempt())
    assert await rig.blocked()
    assert await other.blocked()
    assert (await rig.budget.state()).blocked_at is not None
    rig.now = datetime(2026, 12, 1, 0, 0, tzinfo=UTC)
    assert not await rig.blocked()


async def test_a_429_near_the_cap_is_the_cap(engine: AsyncEngine) -> None:
    rig = Rig(engine, monthly_reads=100)
    await rig.tell(*[attempt() for _ in range(94)])
    assert not await rig.budget.refused()
    await rig.tell(attempt())
    assert await rig.budget.refused()
    assert await rig.blocked()


async def test_refused_reads_between_which_writes_pass_are_the_cap(engine: AsyncEngine) -> None:
    rig = Rig(engine)
    for last in (False, False, True):
        assert await rig.budget.refused() is last
        await rig.tell(attempt("create"))
    assert await rig.blocked()


async def test_a_rate_limit_is_not_the_cap(engine: AsyncEngine) -> None:
    rig = Rig(engine)
    for _ in range(10):
        assert not await rig.budget.refused()
        await rig.tell(attempt("create"), attempt())  # after the pause reads pass, too
    slow = Rig(engine, round_s=30)
    for _ in range(10):  # ten in flight are refused at once
        assert not await slow.budget.refused()
        await slow.tell(attempt("create"))
    assert not await rig.blocked()


async def test_refusals_that_no_pause_ends_are_the_cap(engine: AsyncEngine) -> None:
    rig = Rig(engine)
    assert [await rig.budget.refused() for _ in range(5)] == [False, False, False, False, True]


async def test_one_read_is_tried_each_hour_and_opens_the_rest(engine: AsyncEngine) -> None:
    rig = Rig(engine)
    for _ in range(5):
        await rig.budget.refused()
    assert await rig.blocked()
    rig.budget._next_try_s = 0
    assert not await rig.blocked()
    assert await rig.blocked()  # one only, until it is known
    assert await rig.budget.refused()  # still the cap, without any further proof
    rig.budget._next_try_s = 0
    assert not await rig.blocked()
    await rig.tell(attempt())
    assert not await rig.blocked()
    assert (await rig.budget.state()).blocked_at is None
    assert date(2026, 11, 1) == rig.budget._seen_month


# --- through the sandbox --------------------------------------------------------------------------------------------

WIDE = {
    "enforce_limits": True,
    "requests_per_second": 10_000,
    "requests_per_minute": 100_000,
    "requests_in_flight": 100,
    "batches_per_minute": 10_000,
}


def spend(desk: Desk) -> None:
    """Lets QBO refuse every further read of this month."""
    desk.qbo.company.turn(monthly_reads=max(1, desk.qbo.limits.reads))
    desk.runtime.reads._round_s = 0.0


async def test_what_is_counted_is_what_qbo_counts(make_desk: OpenDesk) -> None:
    async with make_desk(knobs=WIDE) as desk:
        await desk.sync(*[desk.shop.paid_invoice(desk.shop.customer(f"Customer {number}")) for number in range(3)])
        await desk.runtime.client.company_info()
        await desk.runtime.attempts.flush()
        status = await desk.runtime.status()
        assert status.qbo_reads_this_month == desk.qbo.limits.reads > 0
        assert status.qbo_monthly_reads == 500_000


async def test_without_reads_what_needs_none_is_written_and_the_rest_waits(make_desk: OpenDesk) -> None:
    async with make_desk(knobs=WIDE) as desk:
        shop = desk.shop
        await desk.sync(shop.paid_invoice(shop.customer("First")))
        spend(desk)
        lost = shop.invoice(shop.customer("Lost"))
        desk.qbo.faults.arm("drop_after", entity="Invoice", operation="create")
        # The writes pass while the look-ups are refused: after some rounds that is known to be the cap.
        others = []
        for number in range(6):
            others.append(shop.paid_invoice(shop.customer(f"Customer {number}")))
            await desk.hint(lost, others[-1])
            for one in (lost, others[-1]):
                await desk.once(one)
        desk.runtime.reads._seen_at_s = float("-inf")
        status = await desk.runtime.status()
        assert [alert.code for alert in status.alerts] == ["qbo_reads_blocked"]
        assert await desk.last_code(lost) == "qbo_reads_blocked"
        refused = desk.qbo.limits.violations["monthly_reads"]
        await desk.once(lost)
        last = shop.paid_invoice(shop.customer("Last"))
        await desk.once(last)
        assert desk.qbo.limits.violations["monthly_reads"] == refused, "nobody asks in vain"
        for one in (*others, last):
            desk.check_invoice(one, balance="0")
        assert await desk.codes() == {}, "nothing is parked for it"

        desk.qbo.company.turn(monthly_reads=0)
        desk.runtime.reads._next_try_s = 0.0
        async with transaction(desk.runtime.engine) as connection:
            assert await wake_waiting(connection, [QboReadsBlocked.code])
        await desk.wake()
        desk.check_invoice(lost, balance="100.00")
        await desk.runtime.reads._settle()  # as the worker does it every few seconds
        assert (await desk.runtime.status()).alerts == ()
        await desk.check_settled()


async def test_a_429_that_limits_the_rate_still_pauses_the_realm(make_desk: OpenDesk) -> None:
    async with make_desk(knobs=WIDE) as desk:
        desk.qbo.faults.arm("throttle", operation="query")
        await desk.sync(desk.shop.invoice(desk.shop.customer()))
        await desk.runtime.attempts.flush()
        assert desk.runtime.client._limits.pauses == [60]  # type: ignore[attr-defined]  # the desk's own
        assert (await desk.runtime.status()).alerts == ()
