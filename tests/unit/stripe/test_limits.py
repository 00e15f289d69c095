"""Stripe's request limits in virtual time: what goes when, in which order, and what a 429 stops."""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any

import pytest

from wescope.stripe import limits
from wescope.stripe.limits import LIVE, TEST, Rates, RequestLimits, endpoint_of

INVOICES, CHARGES = "/v1/invoices/:id", "/v1/charges"


class _Jumping(selectors.SelectSelector):
    """Waits for nothing: the time that it was to wait has passed."""

    now_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self.now_s += timeout or 0
        return super().select(0)


class _VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self.jumping = _Jumping()
        super().__init__(self.jumping)

    def time(self) -> float:
        return self.jumping.now_s


def run(main: Coroutine[Any, Any, list[float]]) -> list[float]:
    with asyncio.Runner(loop_factory=_VirtualLoop) as runner:
        return runner.run(main)


async def moments(request_limits: RequestLimits, endpoints: list[str]) -> list[float]:
    """When each of these requests went, all asked for at once."""
    loop = asyncio.get_running_loop()

    async def one(endpoint: str) -> float:
        await request_limits.acquire(endpoint)
        return loop.time()

    return list(await asyncio.gather(*(one(endpoint) for endpoint in endpoints)))


def most_within_a_second(times: list[float]) -> int:
    return max(sum(1 for other in times if time <= other < time + 1 - 1e-6) for time in times)


@pytest.mark.parametrize(
    ("path", "endpoint"),
    [
        ("/v1/account", "/v1/account"),
        ("/v1/invoices/in_1", INVOICES),
        ("/v1/invoices/in_1/lines", "/v1/invoices/:id/lines"),
        ("/v1/customers/cus_1/balance_transactions/cbtxn_1", "/v1/customers/:id/balance_transactions/:id"),
    ],
)
def test_end_points(path: str, endpoint: str) -> None:
    assert endpoint_of(path) == endpoint


def test_one_end_point_of_a_live_key() -> None:
    times = run(moments(RequestLimits(LIVE), [INVOICES] * 100))
    assert most_within_a_second(times) <= 20
    assert times[-1] == pytest.approx(99 / 18, abs=0.1)


def test_all_end_points_of_a_live_key() -> None:
    endpoints = [f"/v1/{number % 5}" for number in range(300)]
    times = run(moments(RequestLimits(LIVE), endpoints))
    assert most_within_a_second(times) <= 62
    assert times[-1] == pytest.approx(299 / 60, abs=0.1)


def test_all_end_points_of_a_test_key() -> None:
    assert most_within_a_second(run(moments(RequestLimits(TEST), [INVOICES, CHARGES] * 40))) <= 20


def test_a_share() -> None:
    request_limits = RequestLimits(LIVE)

    async def main() -> list[float]:
        await request_limits.acquire(INVOICES)
        request_limits.share(4)
        return await moments(request_limits, [INVOICES] * 19)

    assert run(main())[-1] == pytest.approx(18 / 4.5, abs=0.3)


def test_an_end_point_that_is_full_keeps_no_other_waiting() -> None:
    times = run(moments(RequestLimits(LIVE), [*[INVOICES] * 50, CHARGES]))
    assert times[-1] == pytest.approx(0, abs=0.05)


def test_the_urgent_go_first() -> None:
    urgent = False
    request_limits = RequestLimits(LIVE, urgent=lambda: urgent)

    async def main() -> list[float]:
        nonlocal urgent
        backlog = asyncio.create_task(moments(request_limits, [INVOICES] * 40))
        await asyncio.sleep(0.5)
        urgent = True
        live = await moments(request_limits, [INVOICES])
        await backlog
        return live

    assert run(main())[0] < 0.6


def test_a_pause_is_of_one_end_point() -> None:
    request_limits = RequestLimits(LIVE)

    async def main() -> list[float]:
        request_limits.pause(INVOICES, 1)
        return await moments(request_limits, [INVOICES, INVOICES, CHARGES])

    first, second, other = run(main())
    assert 0.75 <= first <= 1.25
    assert second == pytest.approx(first + 1 / 18, abs=0.03)
    assert other == 0
    assert request_limits.limited == {INVOICES: 1}


def test_a_pause_of_the_whole_account() -> None:
    request_limits = RequestLimits(LIVE)

    async def main() -> list[float]:
        request_limits.pause(INVOICES, 0, everywhere=True)
        return await moments(request_limits, [CHARGES])

    assert run(main())[0] >= 0.375


@pytest.mark.parametrize("attempt", [0, 3, 50])
def test_pauses_grow_and_are_bounded(attempt: int) -> None:
    request_limits = RequestLimits(Rates(endpoint=1000, total=1000))

    async def main() -> list[float]:
        request_limits.pause(INVOICES, attempt)
        return await moments(request_limits, [INVOICES])

    (moment,) = run(main())
    assert moment <= limits.LONGEST_PAUSE_S * 1.25
    assert moment >= min(limits.LONGEST_PAUSE_S, limits.FIRST_PAUSE_S * 2**attempt) * 0.75


def test_who_gives_up_waiting_takes_no_turn() -> None:
    request_limits = RequestLimits(Rates(endpoint=1, total=1))

    async def main() -> list[float]:
        await request_limits.acquire(INVOICES)
        given_up = asyncio.create_task(request_limits.acquire(INVOICES))
        waiting = asyncio.create_task(moments(request_limits, [INVOICES]))
        await asyncio.sleep(0.1)
        given_up.cancel()
        return await waiting

    assert run(main())[0] <= 1.0
