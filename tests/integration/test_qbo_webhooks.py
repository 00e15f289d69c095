"""What a person changes in QBO arrives as a durable hint, by the real web application, in both of Intuit's shapes."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
import sqlalchemy as sa
import uvicorn
from pydantic import SecretStr

from tests.integration.conftest import OpenDesk
from tests.integration.desk import Desk
from tests.integration.test_backfill import until
from wescope.engine.runtime import Runtime
from wescope.links.database import transaction
from wescope.links.qbo_hints import looked, unlooked
from wescope.links.schema import qbo_hints
from wescope.observe.metrics import Metrics
from wescope.sandbox.qbo.merge import merge_customers
from wescope.sandbox.qbo.webhooks import Change, body_of, sign
from wescope.web.app import create_app
from wescope.web.runtime_services import RuntimeServices

VERIFIER = "a-verifier"
PATIENCE_S = 20

pytestmark = pytest.mark.timeout(240)


@contextlib.asynccontextmanager
async def served(runtime: Runtime) -> AsyncIterator[str]:
    """The web application on a port of its own; its address of QBO's webhooks."""
    app = create_app(RuntimeServices(opened=runtime), metrics=Metrics())
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, lifespan="off", timeout_keep_alive=1)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
                await asyncio.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}/webhooks/qbo"
    finally:
        server.should_exit = True
        await serving


def trust(runtime: Runtime, verifier: str | None = VERIFIER) -> None:
    secret = SecretStr(verifier) if verifier else None
    object.__setattr__(runtime.patient.settings, "qbo_webhook_verifier", secret)


async def hints(desk: Desk) -> list[dict[str, Any]]:
    async with transaction(desk.runtime.engine) as connection:
        rows = await connection.execute(sa.select(qbo_hints).order_by(qbo_hints.c.id))
        return [dict(row) for row in rows.mappings()]


async def arrived(desk: Desk, count: int) -> list[tuple[str, str, str]]:
    async def are_stored() -> bool:
        return len(await hints(desk)) >= count

    await until(are_stored)
    return [(one["entity"], one["qbo_id"], one["operation"]) for one in await hints(desk)]


async def answered(desk: Desk, status: int) -> None:
    async def is_last() -> bool:
        return desk.qbo.company.notifier.statuses[-1:] == [status]

    await until(is_last)


@pytest.mark.parametrize("shape", ["legacy", "cloudevents"])
async def test_an_edit_by_a_person_is_stored_as_a_hint(make_desk: OpenDesk, shape: str) -> None:
    async with make_desk() as desk:
        trust(desk.runtime)
        invoice = desk.shop.paid_invoice(desk.shop.customer())
        await desk.sync(invoice)
        record = desk.record("Invoice", f"{invoice}:invoice")
        async with served(desk.runtime) as url:
            desk.qbo.company.turn(webhooks=shape, webhook_url=url, webhook_verifier=VERIFIER)
            desk.qbo.company.human("Invoice", "update", {"Id": record["Id"], "PrivateNote": "paid by cheque"})
            made = desk.qbo.company.human("Customer", "create", {"DisplayName": "Bea"}).body["Customer"]["Id"]
            assert await arrived(desk, 2) == [("Invoice", record["Id"], "update"), ("Customer", made, "create")]
            merge_customers(desk.qbo.company, record["CustomerRef"]["value"], made)
            assert (await arrived(desk, 3))[2] == ("Customer", made, "merge")
            payment = desk.records("Payment")[0]
            desk.qbo.company.human("Payment", "void", {"Id": payment["Id"]})
            assert (await arrived(desk, 4))[3] == ("Payment", payment["Id"], "void")
        stored = await hints(desk)
        assert stored[2]["other_id"] == record["CustomerRef"]["value"]
        assert all(one["changed_at"] is not None and one["looked_at"] is None for one in stored)
        assert "cheque" not in str(stored)
        async with transaction(desk.runtime.engine) as connection:
            waiting = await unlooked(connection, desk.qbo.realm_id, 100)
            assert [one.qbo_id for one in waiting] == [one["qbo_id"] for one in stored]
            await looked(connection, [one.id for one in waiting])
            assert await unlooked(connection, desk.qbo.realm_id, 100) == []
        # Hints of QBO's are no hints of Stripe's: nothing of the loop is woken by them.
        assert await desk.dirty() == []
        assert (await desk.runtime.status()).backlog == 0


async def test_what_is_not_answered_is_sent_again_and_stored_once(make_desk: OpenDesk) -> None:
    async with make_desk() as desk:
        trust(desk.runtime, None)
        async with served(desk.runtime) as url:
            desk.qbo.company.turn(
                webhooks="cloudevents", webhook_url=url, webhook_verifier=VERIFIER, webhook_hour_ms=20_000
            )
            desk.qbo.company.human("Customer", "create", {"DisplayName": "Bea"})
            await answered(desk, 503)
            assert await hints(desk) == [], "without a verifier nothing is stored"
            trust(desk.runtime)
            assert len(await arrived(desk, 1)) == 1
            await answered(desk, 200)


async def test_duplicates_other_companies_and_forgeries(make_desk: OpenDesk) -> None:
    async with make_desk() as desk, httpx2.AsyncClient() as client:
        trust(desk.runtime)
        ours = [Change(operation="updated", entity="Invoice", id="145")]
        body = body_of(ours, desk.qbo.realm_id, legacy=False, number=1).encode()
        theirs = body_of(ours, "77", legacy=True, number=2).encode()
        async with served(desk.runtime) as url:

            async def post(content: bytes, signature: str) -> httpx2.Response:
                return await client.post(url, content=content, headers={"intuit-signature": signature})

            first = await post(body, sign(body, VERIFIER))
            assert (first.status_code, first.json()) == (200, {"stored": 1, "duplicate": 0, "ignored": 0})
            again = await post(body, sign(body, VERIFIER))
            assert again.json() == {"stored": 0, "duplicate": 1, "ignored": 0}
            assert (await post(theirs, sign(theirs, VERIFIER))).json() == {"stored": 0, "duplicate": 0, "ignored": 1}
            forged = await post(body, sign(body, "another"))
            assert (forged.status_code, forged.json()["error"]["code"]) == (400, "qbo_signature_invalid")
            trust(desk.runtime, None)
            off = await post(body, sign(body, VERIFIER))
            assert (off.status_code, off.json()["error"]["code"]) == (503, "qbo_webhooks_off")
        assert len(await hints(desk)) == 1
