"""Tokens are refreshed by one at a time, stored before they are used, and shown nowhere."""

import asyncio
from datetime import timedelta

import httpx2
import pytest

from tests.unit.qbo.doubles import Intuit, MemoryTokenStore, pair, source
from wescope.errors import QboDisconnected, QboNotSent, QboThrottled
from wescope.qbo.attempts import Attempt


async def test_a_good_token_is_used_without_asking_anybody() -> None:
    store, intuit = MemoryTokenStore(stored=pair()), Intuit()
    tokens = source(store, intuit)
    assert [await tokens.access_token() for _ in range(3)] == ["access-1"] * 3
    assert intuit.calls == 0


async def test_a_token_near_its_end_is_refreshed_before_it_is_used() -> None:
    store, intuit = MemoryTokenStore(stored=pair(lives=timedelta(minutes=4))), Intuit()
    assert await source(store, intuit).access_token() == "access-2"
    assert store.stored == pair("access-2", "refresh-2", generation=2)


async def test_many_tasks_refresh_once() -> None:
    store, intuit = MemoryTokenStore(stored=pair()), Intuit()
    intuit.gate = asyncio.Event()
    tokens = source(store, intuit)
    tasks = [asyncio.create_task(tokens.refresh("access-1")) for _ in range(50)]
    await asyncio.sleep(0)
    intuit.gate.set()
    assert set(await asyncio.gather(*tasks)) == {"access-2"}
    assert intuit.calls == 1


async def test_two_processes_refresh_once() -> None:
    store, intuit = MemoryTokenStore(stored=pair()), Intuit()
    sources = [source(store, intuit) for _ in range(2)]
    assert set(await asyncio.gather(*(one.refresh("access-1") for one in sources))) == {"access-2"}
    assert (intuit.calls, store.holders) == (1, 2)


async def test_a_late_complaint_about_an_old_token_refreshes_nothing() -> None:
    store, intuit = MemoryTokenStore(stored=pair()), Intuit()
    tokens = source(store, intuit)
    await tokens.refresh("access-1")
    assert await tokens.refresh("access-1") == "access-2"
    assert intuit.calls == 1


async def test_the_pair_is_stored_before_anybody_gets_it() -> None:
    store, intuit = MemoryTokenStore(stored=pair(), fail_saves=True), Intuit()
    tokens = source(store, intuit)
    with pytest.raises(ConnectionError):
        await tokens.refresh("access-1")
    assert store.stored == pair()
    assert await tokens.access_token() == "access-1"


async def test_after_a_crash_between_receiving_and_storing_the_configured_token_is_tried() -> None:
    store, intuit = MemoryTokenStore(stored=pair(lives=timedelta(0)), fail_saves=True), Intuit()
    with pytest.raises(ConnectionError):
        await source(store, intuit).access_token()
    store.fail_saves = False
    # Intuit has rotated: the stored refresh token is dead.
    with pytest.raises(QboDisconnected):
        await source(store, intuit).access_token()
    intuit.valid = "reconnected-6"
    assert await source(store, intuit, seed_refresh_token="reconnected-6").access_token() == "access-7"


async def test_cancelled_tasks_do_not_cancel_the_refresh() -> None:
    store, intuit = MemoryTokenStore(stored=pair()), Intuit()
    intuit.gate = asyncio.Event()
    tokens = source(store, intuit)
    task = asyncio.create_task(tokens.refresh("access-1"))
    await intuit.called.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    intuit.gate.set()
    await tokens.aclose()
    assert store.stored == pair("access-2", "refresh-2", generation=2)


async def test_a_configured_token_seeds_an_empty_store() -> None:
    store, intuit = MemoryTokenStore(), Intuit()
    tokens = source(store, intuit, seed_refresh_token="refresh-1")
    assert await tokens.access_token() == "access-2"
    assert store.stored is not None
    assert store.stored.generation == 1
    assert await tokens.days_left() == 100


async def test_the_stored_token_goes_before_the_configured_one() -> None:
    store, intuit = MemoryTokenStore(stored=pair(refresh="refresh-5", lives=timedelta(0))), Intuit("refresh-5")
    assert await source(store, intuit, seed_refresh_token="refresh-1").access_token() == "access-6"
    assert intuit.calls == 1


async def test_without_any_token_the_realm_is_disconnected() -> None:
    with pytest.raises(QboDisconnected):
        await source(MemoryTokenStore(), Intuit()).access_token()


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (httpx2.Response(400, json={"error": "invalid_grant"}), QboDisconnected),
        (httpx2.Response(401, json={"error": "invalid_client"}), QboDisconnected),
        (httpx2.Response(429), QboThrottled),
        (httpx2.Response(503, text="<html>"), QboNotSent),
        (httpx2.Response(503, json={"error": "invalid_client"}), QboNotSent),
        (httpx2.Response(200, text='{"access_tok'), QboNotSent),
        (httpx2.Response(200, json={"token_type": "bearer"}), QboNotSent),
        (httpx2.ConnectError("x"), QboNotSent),
        (httpx2.ReadTimeout("x"), QboNotSent),
    ],
)
async def test_failures_of_the_token_end_point(reply: httpx2.Response | Exception, kind: type[Exception]) -> None:
    store, intuit = MemoryTokenStore(stored=pair()), Intuit()
    intuit.replies = [reply]
    with pytest.raises(kind) as caught:
        await source(store, intuit).refresh("access-1")
    assert type(caught.value) is kind
    assert "refresh-1" not in str(caught.value)
    assert store.stored == pair()


async def test_an_early_refresh_that_fails_leaves_the_old_token_in_use() -> None:
    store, intuit = MemoryTokenStore(stored=pair(lives=timedelta(minutes=2))), Intuit()
    intuit.replies = [httpx2.ConnectError("x")]
    assert await source(store, intuit).access_token() == "access-1"


async def test_a_failed_refresh_can_be_tried_again() -> None:
    store, intuit = MemoryTokenStore(stored=pair()), Intuit()
    intuit.replies = [httpx2.ConnectError("x")]
    tokens = source(store, intuit)
    with pytest.raises(QboNotSent):
        await tokens.refresh("access-1")
    assert await tokens.refresh("access-1") == "access-2"


async def test_an_answer_without_a_refresh_token_keeps_the_old_one() -> None:
    store, intuit = MemoryTokenStore(stored=pair()), Intuit()
    intuit.replies = [httpx2.Response(200, json={"access_token": "access-9", "expires_in": 3600})]
    await source(store, intuit).refresh("access-1")
    assert store.stored is not None
    assert (store.stored.refresh_token, store.stored.refresh_expires_at) == ("refresh-1", None)


async def test_tokens_are_shown_nowhere() -> None:
    attempts: list[Attempt] = []
    store, intuit = MemoryTokenStore(stored=pair()), Intuit()
    await source(store, intuit, hooks=(attempts.append,)).refresh("access-1")
    shown = repr(store.stored) + str(store.stored) + repr(attempts)
    assert not [secret for secret in ("access-", "refresh-1", "refresh-2", "client-secret") if secret in shown]
    assert [(attempt.operation, attempt.outcome) for attempt in attempts] == [("token", "ok")]
