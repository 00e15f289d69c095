"""The setup pages on real parts: not connected, connected by the page, dry run, review, release, hold."""

import contextlib
import re
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
import sqlalchemy as sa

from tests.integration.conftest import OpenDesk
from tests.integration.desk import Desk, Shop
from tests.unit.qbo.doubles import UnlimitedLimits
from wescope.books.policy import Policy
from wescope.config import PolicyFile
from wescope.engine.dry_run import ReviewOutdated
from wescope.engine.results import ConnectionWord
from wescope.engine.runtime import Runtime
from wescope.engine.write_gate import Holding
from wescope.errors import WrongUse
from wescope.links.console_tables import connect_attempts, dry_run_releases
from wescope.links.database import transaction
from wescope.links.schema import audit
from wescope.qbo.connect import ConnectAnswerForeign
from wescope.web.app import create_app
from wescope.web.runtime_services import RuntimeServices
from wescope.wiring import assemble

REVIEW_FIRST = PolicyFile(dry_run=True)


@dataclass
class Browser:
    """A person's browser on the console of one process."""

    http: httpx2.AsyncClient
    desk: Desk

    async def send(self, page: str, action: str, **fields: str) -> httpx2.Response:
        """Sends a form of a page."""
        html = (await self.http.get(page)).text
        token = re.search(r'name="csrf_token" value="([^"]+)"', html)
        assert token, html
        return await self.http.post(action, data={"csrf_token": token.group(1), **fields})

    async def say_yes(self, *, realm_id: str = "", deny: bool = False) -> str:
        """From the button to Intuit and back: the address that the callback goes on to."""
        there = (await self.send("/setup/connect", "/setup/connect")).headers["refresh"].removeprefix("0; url=")
        asked = {name: values[0] for name, values in parse_qs(urlsplit(there).query).items()}
        async with httpx2.AsyncClient(trust_env=False) as intuit:
            assert "Connect" in (await intuit.get(there)).text
            decision = {"realm_id": realm_id or self.desk.qbo.realm_id, "decision": "no" if deny else "connect"}
            answer = await intuit.post(f"{self.desk.qbo.url}/connect/oauth2", data={**asked, **decision})
        back = await self.http.get(answer.headers["location"], headers={"sec-fetch-site": "cross-site"})
        return back.headers["refresh"].removeprefix("0; url=")


@contextlib.asynccontextmanager
async def unconnected(desk: Desk, database: str, file: PolicyFile = REVIEW_FIRST) -> AsyncIterator[Runtime]:
    """A process with a realm and an app, and no token anywhere."""
    given = {"qbo_refresh_token": None, "qbo_authorize_url": f"{desk.qbo.url}/connect/oauth2"}
    settings = desk.runtime.patient.settings.model_copy(update=given)
    async with assemble(settings, file, database, limits=UnlimitedLimits(), unconnected=True) as runtime:
        for name in ("_settle", "_lands_within"):
            setattr(runtime.reconciler.writer, name, timedelta(seconds=0.05))
        yield runtime


@contextlib.asynccontextmanager
async def browser(desk: Desk, runtime: Runtime) -> AsyncIterator[Browser]:
    app = create_app(RuntimeServices(runtime))
    transport = httpx2.ASGITransport(app=app, client=("127.0.0.1", 5000))
    address = "http://localhost:8080"
    async with httpx2.AsyncClient(transport=transport, base_url=address, headers={"accept": "text/html"}) as http:
        yield Browser(http, desk)


async def steps(http: httpx2.AsyncClient) -> dict[str, str]:
    told: dict[str, Any] = (await http.get("/api/v1/setup")).json()
    return {step["key"]: step["state"] for step in told["steps"]}


async def actions(runtime: Runtime) -> list[tuple[str, str]]:
    async with transaction(runtime.engine) as connection:
        rows = (await connection.execute(sa.select(audit.c.action, audit.c.actor).order_by(audit.c.id))).all()
    return [(row.action, row.actor) for row in rows]


async def test_from_no_connection_to_posted_documents(desk: Desk, shop: Shop, database: str) -> None:
    async with unconnected(desk, database) as runtime, browser(desk, runtime) as person:
        http = person.http
        status = await runtime.status()
        assert (status.qbo_connection, status.qbo_connection_code) == (ConnectionWord.RECONNECT, "not_connected")
        told = await steps(http)
        assert (told["qbo"], told["mapping"], told["doctor"], told["dry_run"]) == ("todo", "todo", "todo", "todo")
        assert "The company is not connected." in (await http.get("/setup/connect")).text
        page = await http.get("/setup/mapping")
        assert (page.status_code, "/setup/connect" in page.text) == (502, True)
        assert desk.qbo.requests.total == 0

        done = await http.get(await person.say_yes())
        assert (done.status_code, done.headers["location"]) == (303, "/setup/connect?connected=true")
        assert "Nothing stands in the way." in (await http.get("/setup/doctor?run=true")).text
        assert "QuickBooks Online has everything that the policy names." in (await http.get("/setup/mapping")).text
        told = await steps(http)
        assert (told["qbo"], told["mapping"], told["doctor"], told["dry_run"]) == ("done", "done", "done", "todo")

        invoice = shop.paid_invoice(shop.customer())
        await desk.sync(invoice, runtime=runtime)
        assert set((await desk.codes()).values()) == {"dry_run"}
        html = (await http.get("/setup/dry-run?sample=5")).text
        assert all(word in html for word in ("Customer", "Invoice", "Payment", f"/story/{invoice}%3Ainvoice"))
        writes = desk.asked("create")
        review = (await http.get("/api/v1/dry-run")).json()
        assert {row["entity"]: row["count"] for row in review["waiting"]} == {"Customer": 1, "Invoice": 1, "Payment": 1}
        answer = await person.send("/setup/dry-run", "/setup/dry-run/release", review=review["review"])
        assert (answer.status_code, desk.asked("create")) == (303, writes)
        await desk.work(runtime)
        desk.check_invoice(invoice, balance="0")
        assert (await desk.codes(), (await steps(http))["dry_run"]) == ({}, "done")
        assert await actions(runtime) == [("connect", "local"), ("release", "local")]


async def test_without_a_connection_webhooks_are_kept_and_work_goes_on_by_itself(
    desk: Desk, shop: Shop, database: str
) -> None:
    async with unconnected(desk, database, PolicyFile()) as runtime, browser(desk, runtime) as person:
        invoice = shop.paid_invoice(shop.customer())
        await desk.once(invoice, runtime=runtime)
        assert await desk.last_code(invoice) == "qbo_disconnected"
        assert desk.qbo.requests.total == 0
        assert (await person.http.get(await person.say_yes())).status_code == 303
        runtime.connection._looked_at_s = float("-inf")
        await desk.wake(runtime)
        desk.check_invoice(invoice, balance="0")
        # Revoked at Intuit: the same page mends it.
        desk.qbo.tokens.revoke_all()
        another = shop.paid_invoice(shop.customer("Second"))
        await desk.once(another, runtime=runtime)
        assert "The connection is lost (<code>invalid_grant</code>)" in (await person.http.get("/setup/connect")).text
        assert (await person.http.get(await person.say_yes())).status_code == 303
        runtime.connection._looked_at_s = float("-inf")
        await desk.wake(runtime)
        desk.check_invoice(another, balance="0")


async def test_an_answer_counts_once_in_time_and_from_its_browser(desk: Desk, database: str) -> None:
    async with unconnected(desk, database) as runtime, browser(desk, runtime) as person:
        finish = await person.say_yes()
        async with browser(desk, runtime) as stranger:
            page = await stranger.http.get(finish)
            assert (page.status_code, "connect_answer_foreign" in page.text) == (409, True)
        # Over another process, which has not begun it.
        async with unconnected(desk, database) as second, browser(desk, second) as elsewhere:
            elsewhere.http.cookies = person.http.cookies
            assert (await elsewhere.http.get(finish)).status_code == 303
        page = await person.http.get(finish)
        assert (page.status_code, "connect_answer_foreign" in page.text) == (409, True)

        late = await person.say_yes()
        async with transaction(runtime.engine) as connection:
            await connection.execute(sa.update(connect_attempts).values(at=sa.func.now() - timedelta(minutes=11)))
        assert "connect_answer_foreign" in (await person.http.get(late)).text
        for wrong, code in (({"deny": True}, "connect_denied"), ({"realm_id": "91303"}, "connect_wrong_company")):
            page = await person.http.get(await person.say_yes(**wrong))
            assert (page.status_code, code in page.text, "/setup/connect" in page.text) == (409, True, True)


async def test_an_answer_is_of_the_operator_who_began(desk: Desk, database: str) -> None:
    async with unconnected(desk, database) as runtime:
        begun = await runtime.connecting.begin("http://localhost:1/back", actor="user:1")
        state = parse_qs(urlsplit(begun.authorize_url).query)["state"][0]
        answer = f"code=1&state={state}&realmId={desk.qbo.realm_id}"
        with pytest.raises(ConnectAnswerForeign):
            await runtime.connecting.finish(answer, begun.binding, actor="user:2")


async def test_a_code_that_intuit_refuses_is_told(desk: Desk, database: str) -> None:
    async with unconnected(desk, database) as runtime, browser(desk, runtime) as person:
        finish = re.sub(r"code=[^&]+", "code=expired", await person.say_yes())
        page = await person.http.get(finish)
        assert (page.status_code, "connect_code_refused" in page.text) == (409, True)
        assert (await runtime.status()).qbo_connection is ConnectionWord.RECONNECT


async def test_a_hold_stops_every_process_before_its_next_write(desk: Desk, shop: Shop) -> None:
    first = shop.paid_invoice(shop.customer("First"))
    await desk.sync(first)
    async with desk.another() as second:
        assert not await second.gate.is_held()
        await desk.runtime.dry_runs.hold(actor="cli")
        # The other process planned to write, and does not know yet: what it sends is stopped on its way out.
        second.gate._looked_at_s = time.monotonic() + 60
        writes = desk.asked("create")
        invoice = shop.paid_invoice(shop.customer("Second"))
        await desk.sync(invoice, runtime=second)
        assert desk.asked("create") == writes
        assert set((await desk.codes()).values()) == {"dry_run"}
        assert (await desk.runtime.status()).dry_run
        with pytest.raises(WrongUse, match="Writing is held"):
            await second.setup.apply(actor="cli")

        review = await second.dry_runs.review()
        assert review.state is Holding.HELD
        await second.dry_runs.release(review.review, actor="api")
        second.gate.forget()
        desk.runtime.gate.forget()
        await desk.work(second)
        desk.check_invoice(invoice, balance="0")
    await desk.check_settled()
    assert await actions(desk.runtime) == [("hold", "cli"), ("release", "api")]


async def test_a_run_that_began_before_the_release_writes_nothing(make_desk: OpenDesk, monkeypatch: Any) -> None:
    async with make_desk(dry_run=True) as desk:
        desks = desk.runtime.dry_runs
        read = desk.runtime.reader.read

        async def released_meanwhile(subject: Any) -> Any:
            found = await read(subject)
            await desks.release((await desks.review()).review, actor="cli")
            return found

        invoice = desk.shop.paid_invoice(desk.shop.customer())
        await desk.hint(invoice)
        monkeypatch.setattr(desk.runtime.reader, "read", released_meanwhile)
        (subject,) = await desk.dirty()
        await desk.runtime.reconciler.run(subject)
        monkeypatch.undo()
        assert set((await desk.codes()).values()) == {"dry_run"}
        assert desk.asked("create") == 0
        # What was left is taken up by whoever watches.
        assert await desk.dirty() == []
        await desks.wake()
        assert await desk.dirty() == [subject]
        await desk.work()
        desk.check_invoice(invoice, balance="0")
        await desk.check_settled()


async def test_a_release_is_of_the_newest_review_and_of_one_policy(make_desk: OpenDesk) -> None:
    async with make_desk(dry_run=True) as desk:
        desks = desk.runtime.dry_runs
        old = (await desks.review()).review
        await desks.hold(actor="cli")
        await desks.hold(actor="cli")
        with pytest.raises(ReviewOutdated):
            await desks.release(old, actor="cli")
        review = await desks.review()
        assert (review.state, [order.action for order in review.orders]) == (Holding.HELD, ["hold"])
        for _ in range(2):
            released = await desks.release(review.review, actor="cli")
            assert released.writing
            review = released
        async with desk.another(policy=replace(Policy(), doc_number_prefix="S-")) as changed:
            assert (await changed.gate.state()).word is Holding.POLICY_CHANGED
            with pytest.raises(ReviewOutdated):
                await changed.dry_runs.release(review.review, actor="cli")
        async with desk.another(dry_run=False) as free:
            assert (await free.gate.state()).word is Holding.WRITING
        async with transaction(desk.runtime.engine) as connection:
            kept = (await connection.execute(sa.select(dry_run_releases.c.action))).scalars().all()
        assert kept == ["hold", "release"]
