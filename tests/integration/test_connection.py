"""A connection that is lost: work is kept, nobody hammers, all is told, and it goes on by itself when it is back."""

import asyncio
from datetime import datetime
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
import sqlalchemy as sa

from tests.integration.conftest import OpenDesk
from tests.integration.desk import Desk, Shop
from wescope.config import token_keys
from wescope.engine import connection as connection_module
from wescope.engine.connecting import Connected, Connector
from wescope.engine.results import ConnectionWord
from wescope.engine.runtime import Runtime
from wescope.errors import QboDisconnected
from wescope.links.connections import wake_waiting
from wescope.links.database import transaction
from wescope.links.schema import qbo_connections, subjects
from wescope.links.tokens import TokenTable
from wescope.qbo.connect import NotConnected
from wescope.qbo.token_endpoint import TokenEndpoint, TokenPair

REDIRECT = "http://localhost:1/callback"


async def reconnect(desk: Desk, *, realm_id: str | None = None, deny: bool = False) -> Connected:
    """As `wescope connect` does it, with a person who says yes."""
    runtime = desk.runtime
    settings = runtime.patient.settings.model_copy(update={"qbo_authorize_url": f"{desk.qbo.url}/connect/oauth2"})
    table = TokenTable(runtime.engine, token_keys(settings))
    connector = Connector(engine=runtime.engine, table=table, app=settings.require_qbo_app())
    try:
        address = connector.authorize_url(REDIRECT)
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        async with httpx2.AsyncClient(trust_env=False) as http:
            assert "Connect" in (await http.get(address)).text
            form = {**asked, "realm_id": realm_id or desk.qbo.realm_id, "decision": "no" if deny else "connect"}
            answer = await http.post(f"{desk.qbo.url}/connect/oauth2", data=form)
        return await connector.connect(answer.headers["location"], REDIRECT)
    finally:
        await connector.aclose()


async def minute_later(runtime: Runtime) -> None:
    """Lets the time pass until a lost connection may be tried again."""
    async with transaction(runtime.engine) as connection:
        past = sa.func.now() - sa.text("interval '10 minutes'")
        await connection.execute(sa.update(qbo_connections).values(updated_at=past))
    runtime.connection._looked_at_s = float("-inf")


async def take_up(desk: Desk) -> None:
    """As a worker that watches the connection: what waits is taken up, if it is back."""
    desk.runtime.connection._looked_at_s = float("-inf")
    await desk.runtime.connection._watch_once()
    await desk.wake()


async def test_work_is_kept_nobody_hammers_and_it_goes_on_after_connecting(desk: Desk, shop: Shop) -> None:
    await desk.sync(shop.paid_invoice(shop.customer("First")))
    assert (await desk.runtime.status()).qbo_connection is ConnectionWord.CONNECTED
    desk.qbo.tokens.revoke_all()
    invoices = [shop.paid_invoice(shop.customer(f"Customer {number}")) for number in range(8)]
    await desk.once(*invoices)
    asked, refreshed = desk.qbo.requests.total, desk.qbo.tokens.refreshes
    async with desk.another() as second:
        second.tokens._tried_seed = second.tokens._seed.value
        for _ in range(3):
            await desk.once(*invoices)
            await desk.once(*invoices, runtime=second)
    assert len(await desk.dirty()) == 8
    assert {await desk.last_code(one) for one in invoices} == {"qbo_disconnected"}
    assert (desk.qbo.requests.total, desk.qbo.tokens.refreshes) == (asked, refreshed)

    status = await desk.runtime.status()
    assert (status.qbo_connection, status.qbo_connection_code) == (ConnectionWord.RECONNECT, "invalid_grant")
    assert isinstance(status.qbo_connection_since, datetime)
    assert [(alert.code, "wescope connect" in alert.remedy) for alert in status.alerts] == [("qbo_reconnect", True)]
    (check,) = [check for check in await desk.runtime.doctor() if check.name == "QBO connection"]
    assert not check.ok
    assert "wescope connect" in check.remedy

    connected = await reconnect(desk)
    assert connected == Connected(realm_id=desk.qbo.realm_id, refresh_token_days_left=100, woken=8)
    await take_up(desk)
    for one in invoices:
        desk.check_invoice(one, balance="0")
    status = await desk.runtime.status()
    assert (status.qbo_connection, status.alerts) == (ConnectionWord.CONNECTED, ())
    await desk.check_settled()


async def test_a_worker_takes_the_backlog_up_within_seconds(desk: Desk, shop: Shop) -> None:
    await desk.sync(shop.paid_invoice(shop.customer("First")))
    desk.qbo.tokens.revoke_all()
    invoice = shop.paid_invoice(shop.customer("Second"))
    stop = asyncio.Event()
    working = asyncio.create_task(desk.runtime.work(stop))
    try:
        await desk.hint(invoice)
        async with asyncio.timeout(10):
            while await desk.last_code(invoice) != "qbo_disconnected":  # noqa: ASYNC110 - another task's tables
                await asyncio.sleep(0.05)
        await reconnect(desk)
        async with asyncio.timeout(10):
            while await desk.dirty():  # noqa: ASYNC110 - another task's tables
                await asyncio.sleep(0.05)
    finally:
        stop.set()
        await working
    desk.check_invoice(invoice, balance="0")


async def test_what_is_tried_is_tried_once_a_minute_over_all_processes(desk: Desk, shop: Shop) -> None:
    invoice = shop.paid_invoice(shop.customer())
    await desk.sync(invoice)
    desk.qbo.tokens.revoke_all()
    shop.void(shop.invoice(shop.customer()))
    desk.runtime.tokens._pair = None
    async with desk.another() as second:
        for runtime in (desk.runtime, second):
            runtime.tokens._tried_seed = runtime.tokens._seed.value
        with pytest.raises(QboDisconnected):
            await desk.runtime.tokens.probe()
        refreshed = desk.qbo.tokens.refreshes
        for expected in (1, 2):
            await minute_later(desk.runtime)
            for runtime in (desk.runtime, second, desk.runtime, second):
                runtime.connection._looked_at_s = float("-inf")
                with pytest.raises(QboDisconnected):
                    await runtime.connection.check()
            assert desk.qbo.tokens.refreshes == refreshed + expected


async def test_a_lost_answer_recovers_by_itself_if_intuit_still_takes_the_old_token(make_desk: OpenDesk) -> None:
    async with make_desk(knobs={"old_refresh_token": "valid"}) as desk:
        await _lose_an_answer(desk)
        assert (await desk.runtime.status()).qbo_connection is ConnectionWord.CONNECTED
        await desk.wake()
        await desk.check_settled()


@pytest.mark.parametrize("old", ["invalid", "revokes"])
async def test_a_lost_answer_costs_the_connection_but_no_work(make_desk: OpenDesk, old: str) -> None:
    async with make_desk(knobs={"old_refresh_token": old}) as desk:
        await _lose_an_answer(desk)
        assert (await desk.runtime.status()).qbo_connection is ConnectionWord.RECONNECT
        await reconnect(desk)
        await take_up(desk)
        await desk.check_settled()


async def _lose_an_answer(desk: Desk) -> None:
    """A refresh whose new pair never arrives, and the tries that follow."""
    await desk.sync(desk.shop.paid_invoice(desk.shop.customer("First")))
    desk.qbo.tokens.expire_access_tokens()
    desk.qbo.faults.arm("drop_after", entity="Token")
    invoice = desk.shop.paid_invoice(desk.shop.customer("Second"))
    for _ in range(3):
        await desk.once(invoice)
    assert desk.qbo.tokens.refreshes > 1


async def test_another_company_and_a_denial_change_nothing(desk: Desk, shop: Shop) -> None:
    await desk.sync(shop.invoice(shop.customer()))
    before = await desk.runtime.tokens._store.load(desk.qbo.realm_id)
    for wrong in ({"realm_id": "9130350000000000999"}, {"deny": True}):
        with pytest.raises(NotConnected) as caught:
            await reconnect(desk, **wrong)
        assert caught.value.code in {"connect_wrong_company", "connect_denied"}
    assert await desk.runtime.tokens._store.load(desk.qbo.realm_id) == before


async def test_tokens_that_cannot_be_stored_at_once_are_not_lost(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    real, broken = TokenEndpoint.exchanged, [True]

    async def exchanged(self: TokenEndpoint, code: str, redirect_uri: str, *, generation: int) -> TokenPair | None:
        pair = await real(self, code, redirect_uri, generation=generation)
        if broken.pop():
            async with transaction(desk.runtime.engine) as connection:
                others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE state = 'idle in transaction'"
                await connection.execute(sa.text(others))
        return pair

    monkeypatch.setattr(TokenEndpoint, "exchanged", exchanged)
    monkeypatch.setattr("wescope.engine.connecting._SAVE_AGAIN_S", 0.01)
    connected = await reconnect(desk)
    assert not broken
    stored = await desk.runtime.tokens._store.load(connected.realm_id)
    assert stored is not None
    assert stored.refresh_token == desk.qbo.tokens.refresh_token


async def test_what_qbo_itself_refuses_pauses_and_is_tried_by_one_read(desk: Desk, shop: Shop) -> None:
    await desk.sync(shop.invoice(shop.customer("First")))
    desk.qbo.faults.arm("fault", code="6190", status=403, count=2)
    invoices = [shop.invoice(shop.customer(f"Customer {number}")) for number in range(3)]
    await desk.once(*invoices)
    asked = desk.qbo.requests.total
    await desk.once(*invoices)
    assert desk.qbo.requests.total == asked
    status = await desk.runtime.status()
    assert (status.qbo_connection, status.qbo_connection_code) == (ConnectionWord.RECONNECT, "6190")
    assert "subscription" in status.alerts[0].remedy
    await desk.runtime.tokens.probe()  # new tokens do not mend it
    assert (await desk.runtime.status()).qbo_connection is ConnectionWord.RECONNECT
    await minute_later(desk.runtime)
    with pytest.raises(QboDisconnected):
        await desk.runtime.connection.check()  # the second fault
    await minute_later(desk.runtime)
    await desk.runtime.connection.check()
    await take_up(desk)
    await desk.check_settled()


async def test_only_what_waits_for_it_is_woken(desk: Desk) -> None:
    async with transaction(desk.runtime.engine) as connection:
        soon = sa.func.now() + sa.text("interval '1 hour'")
        rows = [
            {"kind": "invoice", "id": "in_1", "last_code": "qbo_disconnected"},
            {"kind": "invoice", "id": "in_2", "last_code": "waiting"},
        ]
        await connection.execute(sa.insert(subjects).values(retry_at=soon), rows)
        assert await wake_waiting(connection, connection_module.WAITING_CODES) == 1
