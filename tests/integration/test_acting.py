"""Who had something done: every start, pause, resume, end and sync is in the audit log with the actor, or not done."""

import httpx2
import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from tests.integration.desk import Desk
from wescope.engine.runs import RunIsOver, RunNotFound, RunUnfinished
from wescope.engine.sweep import SweepChoice
from wescope.links.database import transaction
from wescope.links.runs import RunKind
from wescope.links.schema import audit
from wescope.web.access.bearer import ApiTokens
from wescope.web.access.guard import LocalAccess
from wescope.web.app import create_app
from wescope.web.runtime_services import RuntimeServices

TOKEN = "t" * 40


async def written(desk: Desk) -> list[tuple[str, str, str]]:
    async with transaction(desk.runtime.engine) as connection:
        rows = await connection.execute(sa.select(audit.c.action, audit.c.actor, audit.c.target).order_by(audit.c.id))
        return [(row[0], row[1], row[2]) for row in rows]


def asking(desk: Desk) -> httpx2.AsyncClient:
    access = LocalAccess(ApiTokens([SecretStr(f"ops:operator:{TOKEN}")]))
    transport = httpx2.ASGITransport(app=create_app(RuntimeServices(desk.runtime), access=access))
    return httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1")


async def test_what_is_asked_for_over_http_is_written_with_who_asked(desk: Desk) -> None:
    invoice = desk.shop.paid_invoice(desk.shop.customer())
    async with asking(desk) as client:
        started = (await client.post("/api/v1/sweep", json={})).raise_for_status().json()
        run = started["run"]["run_id"]
        client.headers["authorization"] = f"Bearer {TOKEN}"
        for order in ("pause", "resume", "cancel"):
            (await client.post(f"/api/v1/runs/{run}/{order}")).raise_for_status()
        del client.headers["authorization"]
        (await client.post("/api/v1/sync", json={"ids": [invoice]})).raise_for_status()
        (await client.post("/api/v1/sync", json={"ids": [invoice], "dry_run": True})).raise_for_status()
    assert await written(desk) == [
        ("start", "local", f"run/{run}"),
        ("pause", "api:ops", f"run/{run}"),
        ("resume", "api:ops", f"run/{run}"),
        ("cancel", "api:ops", f"run/{run}"),
        ("sync", "local", f"invoice/{invoice}"),
    ]


async def test_the_command_line_is_named_and_what_is_refused_is_not_written(desk: Desk) -> None:
    run = await desk.runtime.history.start_sweep(SweepChoice())
    with pytest.raises(RunUnfinished):
        await desk.runtime.history.start_sweep(SweepChoice())
    await desk.runtime.runs.cancel(run.id)
    for order in (desk.runtime.runs.pause, desk.runtime.runs.resume, desk.runtime.runs.cancel):
        with pytest.raises((RunIsOver, RunNotFound)):
            await order(run.id + 1_000)
    other = await desk.runtime.runs.start(RunKind.TIEOUT, {}, actor="user:0123456789abcdef")
    assert await written(desk) == [
        ("start", "cli", f"run/{run.id}"),
        ("cancel", "cli", f"run/{run.id}"),
        ("start", "user:0123456789abcdef", f"run/{other.id}"),
    ]
