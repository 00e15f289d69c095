"""Tokens are refreshed by one at a time, stored before they are used, and shown nowhere."""

import asyncio
from datetime import timedelta

import httpx2
import pytest

from tests.unit.qbo.doubles import NOW, Intuit, MemoryTokenStore, pair, source
from wescope.errors import DatabaseUnavailable, QboAppRefused, QboDisconnected, QboNotSent, QboThrottled
from wescope.qbo import tokens as tokens_module
from wescope.qbo.attempts import Attempt
from wescope.qbo.tokens import Loss


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
        (httpx2.Response(401, json={"error": "invalid_client"}), QboAppRefused),
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


# --- a pair that cannot be stored -----------------------------------------------------------------------------------


async def test_a_pair_that_cannot_be_stored_is_kept_until_it_can(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens_module, "_KEEP_EVERY_S", 0.001)
    store, intuit = MemoryTokenStore(stored=pair(lives=timedelta(0)), away=True), Intuit()
    tokens = source(store, intuit)
    with pytest.raises(DatabaseUnavailable):
        await tokens.access_token()
    store.away = False
    await tokens.aclose()  # waits for it
    assert store.stored == pair("access-2", "refresh-2", generation=2)
    assert intuit.calls == 1


async def test_the_next_caller_stores_what_could_not_be_stored() -> None:
    store, intuit = MemoryTokenStore(stored=pair(lives=timedelta(0)), away=True), Intuit()
    tokens = source(store, intuit)
    with pytest.raises(DatabaseUnavailable):
        await tokens.access_token()
    store.away = False
    assert await tokens.access_token() == "access-2"
    assert (intuit.calls, store.stored) == (1, pair("access-2", "refresh-2", generation=2))
    await tokens.aclose()


async def test_what_could_not_be_stored_gives_way_to_a_newer_connection() -> None:
    store, intuit = MemoryTokenStore(stored=pair(lives=timedelta(0)), away=True), Intuit()
    tokens = source(store, intuit)
    with pytest.raises(DatabaseUnavailable):
        await tokens.access_token()
    store.away, store.stored = False, pair("access-8", "refresh-8", generation=8)
    assert await tokens.access_token() == "access-8"
    await tokens.aclose()
    assert store.stored == pair("access-8", "refresh-8", generation=8)


# --- a grant that is gone -------------------------------------------------------------------------------------------


async def test_a_refused_grant_is_written_down_and_asked_for_once_a_minute() -> None:
    store, intuit = MemoryTokenStore(stored=pair(lives=timedelta(0))), Intuit("another-7")
    sources = [source(store, intuit) for _ in range(3)]
    for tokens in (*sources, *sources):
        with pytest.raises(QboDisconnected) as caught:
            await tokens.access_token()
        assert caught.value.details["reason"] == "invalid_grant"
    assert intuit.calls == 1
    assert store.loss == Loss(code="invalid_grant", since=NOW, tried_at=NOW)
    store.loss = Loss(code="invalid_grant", since=NOW, tried_at=NOW - timedelta(seconds=61))
    with pytest.raises(QboDisconnected):
        await sources[0].access_token()
    assert intuit.calls == 2


async def test_a_refused_grant_that_is_good_again_ends_the_loss() -> None:
    long_ago = NOW - timedelta(minutes=2)
    loss = Loss(code="invalid_grant", since=long_ago, tried_at=long_ago)
    store, intuit = MemoryTokenStore(stored=pair(lives=timedelta(0)), loss=loss), Intuit()
    assert await source(store, intuit).access_token() == "access-2"
    assert store.loss is None


async def test_each_process_shows_its_configured_token_once() -> None:
    store, intuit = MemoryTokenStore(stored=pair(lives=timedelta(0))), Intuit("another-7")
    tokens = source(store, intuit, seed_refresh_token="old-seed-1")
    for _ in range(3):
        with pytest.raises(QboDisconnected):
            await tokens.access_token()
    assert intuit.calls == 2  # the stored one and the configured one
    mended = source(store, intuit, seed_refresh_token="another-7")
    assert mended.has_untried_seed
    assert await mended.access_token() == "access-8"
    assert (intuit.calls, store.loss) == (3, None)


async def test_the_stored_pair_is_read_again_before_giving_up() -> None:
    store, intuit = MemoryTokenStore(stored=pair(lives=timedelta(0))), Intuit("refresh-4")
    intuit.gate = asyncio.Event()
    waiting = asyncio.create_task(source(store, intuit).access_token())
    await intuit.called.wait()
    # The lock on the row broke, and another process was faster.
    store.stored = pair("access-4", "refresh-4", generation=2)
    intuit.gate.set()
    assert await waiting == "access-4"
    assert store.loss is None


async def test_a_wrong_secret_is_no_dead_grant() -> None:
    store, intuit = MemoryTokenStore(stored=pair(lives=timedelta(0))), Intuit()
    intuit.replies = [httpx2.Response(401, json={"error": "invalid_client"})]
    with pytest.raises(QboAppRefused) as caught:
        await source(store, intuit).access_token()
    assert "WESCOPE_QBO_CLIENT_SECRET" in caught.value.remedy
    assert store.loss is not None
    assert store.loss.code == "invalid_client"


async def test_failures_that_pass_are_not_repeated_at_once() -> None:
    store, intuit = MemoryTokenStore(stored=pair(lives=timedelta(0))), Intuit()
    intuit.replies = [httpx2.Response(503, text="<html>")] * 10
    tokens = source(store, intuit)
    for _ in range(10):
        with pytest.raises(QboNotSent):
            await tokens.access_token()
    assert intuit.calls == 2  # one at once, and one again
    assert store.loss is None


async def test_a_slow_end_point_holds_nobody_up_whose_token_is_good(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens_module, "_PATIENCE_S", 0.01)
    store, intuit = MemoryTokenStore(stored=pair(lives=timedelta(minutes=4))), Intuit()
    intuit.gate = asyncio.Event()
    tokens = source(store, intuit)
    assert await tokens.access_token() == "access-1"
    intuit.gate.set()
    await tokens.aclose()
    assert store.stored == pair("access-2", "refresh-2", generation=2)
    assert intuit.calls == 1


async def test_the_earlier_of_both_ends_counts() -> None:
    store, intuit = MemoryTokenStore(stored=pair()), Intuit()
    ends = {"x_refresh_token_expires_in": 8_640_000, "x_refresh_token_hard_expires_in": 86_400 * 12}
    intuit.replies = [httpx2.Response(200, json={"access_token": "a", "refresh_token": "r", "expires_in": 3600} | ends)]
    tokens = source(store, intuit)
    await tokens.refresh("access-1")
    assert await tokens.days_left() == 12


async def test_an_idle_connection_is_kept_alive() -> None:
    store, intuit = MemoryTokenStore(stored=pair(lives=-timedelta(days=2))), Intuit()
    tokens = source(store, intuit)
    await tokens.keep_alive(timedelta(days=3))
    assert intuit.calls == 0
    await tokens.keep_alive(timedelta(days=1))
    assert intuit.calls == 1
