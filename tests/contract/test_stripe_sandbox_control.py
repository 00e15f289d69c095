"""Acting as the merchant through the control API: what happens, and that it survives a restart."""

import contextlib
import json
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path
from typing import Any

import httpx2
import pytest

from wescope.sandbox.stripe import Knobs, Running, StripeSandbox
from wescope.sandbox.stripe.__main__ import main
from wescope.sandbox.stripe.knobs import parse_knobs

SHARED = Path(os.environ.get("WESCOPE_SHARED", Path(__file__).parents[2].parent / "shared"))
RECORDED = SHARED / "data/stripe/events/pay-rails-recorded"

UNLIMITED = Knobs(requests_per_second=0)


class Merchant:
    """Calls of one sandbox."""

    def __init__(self, running: Running, client: httpx2.AsyncClient) -> None:
        self.running = running
        self.client = client

    async def do(self, path: str, *, status: int = 200, **values: Any) -> dict[str, Any]:
        response = await self.client.post(f"/_sandbox/{path}", json=values)
        assert response.status_code == status, response.text
        return dict(response.json())

    async def get(self, path: str, **params: Any) -> dict[str, Any]:
        response = await self.client.get(path, params=params)
        assert response.status_code == 200, response.text
        return dict(response.json())

    async def invoice(self, amount: int, *, customer: str | None = None, **values: Any) -> dict[str, Any]:
        owner = customer or (await self.do("customers", name="Walk-in", email="walk@example.com"))["id"]
        return await self.do("invoices", customer=owner, lines=[{"amount": amount, "description": "Work"}], **values)

    def kinds(self, since: int) -> list[str]:
        return [one.kind for one in self.running.business.account.log.all()[since:]]

    @property
    def events(self) -> int:
        return len(self.running.business.account.log.all())


@contextlib.asynccontextmanager
async def merchant(
    state: Path | None = None, *, customers: int = 2, knobs: Knobs | None = None
) -> AsyncIterator[Merchant]:
    sandbox = StripeSandbox(
        as_of=date(2026, 11, 22), customers=customers, months=1, state=state, knobs=knobs or UNLIMITED
    )
    async with sandbox.serve() as running:
        headers = {"Authorization": f"Bearer {running.api_key}"}
        async with httpx2.AsyncClient(base_url=running.url, headers=headers) as client:
            yield Merchant(running, client)


async def test_paying_in_full_emits_what_stripe_emits() -> None:
    async with merchant() as shop:
        invoice = await shop.invoice(5000)
        before = shop.events
        paid = await shop.do(f"invoices/{invoice['id']}/pay")
        assert (paid["status"], paid["amount_paid"], paid["amount_remaining"]) == ("paid", 5000, 0)
        assert shop.kinds(before) == [
            "charge.succeeded", "payment_intent.succeeded", "invoice_payment.paid", "invoice.updated", "invoice.paid",
            "invoice.payment_succeeded",
        ]  # fmt: skip
        again = await shop.do(f"invoices/{invoice['id']}/pay", status=400)
        assert again["error"]["code"] == "invoice_already_paid"


async def test_a_part_leaves_the_invoice_open() -> None:
    async with merchant() as shop:
        invoice = await shop.invoice(5000, days_until_due=30)
        before = shop.events
        part = await shop.do(f"invoices/{invoice['id']}/pay", amount=1200)
        assert (part["status"], part["amount_paid"], part["amount_remaining"]) == ("open", 1200, 3800)
        assert "invoice.paid" not in shop.kinds(before)
        assert "invoice_payment.paid" in shop.kinds(before)
        too_much = await shop.do(f"invoices/{invoice['id']}/pay", amount=3801, status=400)
        assert too_much["error"]["param"] == "amount"
        rest = await shop.do(f"invoices/{invoice['id']}/pay")
        assert rest["status"] == "paid"
        payments = await shop.get("/v1/invoice_payments", invoice=invoice["id"])
        assert sorted(one["amount_paid"] for one in payments["data"]) == [1200, 3800]


async def test_voiding_needs_no_payment() -> None:
    async with merchant() as shop:
        invoice = await shop.invoice(5000)
        await shop.do(f"invoices/{invoice['id']}/pay", amount=100)
        refused = await shop.do(f"invoices/{invoice['id']}/void", status=400)
        assert refused["error"]["message"] == "Invoices with `paid` payments cannot be voided."
        other = await shop.invoice(5000)
        voided = await shop.do(f"invoices/{other['id']}/void")
        assert (voided["status"], voided["amount_due"], voided["amount_remaining"]) == ("void", 5000, 5000)


async def test_uncollectible_can_still_be_paid() -> None:
    async with merchant() as shop:
        invoice = await shop.invoice(5000)
        written_off = await shop.do(f"invoices/{invoice['id']}/mark_uncollectible")
        assert written_off["status_details"] == {"uncollectible": {"reason": "user_forgiven"}}
        assert (await shop.do(f"invoices/{invoice['id']}/pay"))["status"] == "paid"


async def test_out_of_band_has_no_charge() -> None:
    async with merchant() as shop:
        before = (await shop.get("/_sandbox/summary"))["clearing"]
        for method in ("out_of_band", "record"):
            invoice = await shop.invoice(7000)
            paid = await shop.do(f"invoices/{invoice['id']}/pay", method=method)
            assert (paid["status"], paid["amount_paid_off_stripe"], paid["attempted"]) == ("paid", 7000, False)
        assert (await shop.get("/_sandbox/summary"))["clearing"] == before


async def test_one_intent_over_two_invoices() -> None:
    async with merchant() as shop:
        first = await shop.invoice(5000)
        second = await shop.invoice(700, customer=first["customer"])
        charge = await shop.do("payments", shares={first["id"]: 5000, second["id"]: 700}, amount=6000)
        assert charge["amount"] == 6000
        for one in (first, second):
            assert (await shop.get(f"/v1/invoices/{one['id']}"))["status"] == "paid"
        unapplied = (await shop.get("/_sandbox/summary"))["unapplied"]
        assert unapplied == {first["customer"]: {"usd": 300}}
        stranger = await shop.invoice(900)
        await shop.do("payments", shares={stranger["id"]: 901}, status=400)


async def test_time_completes_debits_and_captures() -> None:
    async with merchant() as shop:
        invoice = await shop.invoice(5000)
        pending = await shop.do(f"invoices/{invoice['id']}/pay", method="debit")
        assert pending["status"] == "open"
        await shop.do("advance", days=5)
        assert (await shop.get(f"/v1/invoices/{invoice['id']}"))["status"] == "paid"
        other = await shop.invoice(5000, capture_method="automatic_async")
        await shop.do(f"invoices/{other['id']}/pay")
        charge = (await shop.get("/v1/charges", limit=1))["data"][0]
        assert charge["balance_transaction"] is None
        await shop.do("advance", seconds=300)
        assert (await shop.get(f"/v1/charges/{charge['id']}"))["balance_transaction"]


async def test_money_becomes_available_after_a_week() -> None:
    async with merchant() as shop:
        invoice = await shop.invoice(5000)
        await shop.do(f"invoices/{invoice['id']}/pay")
        transaction = (await shop.get("/v1/balance_transactions", limit=1))["data"][0]
        assert transaction["status"] == "pending"
        await shop.do("advance", days=8)
        assert (await shop.get(f"/v1/balance_transactions/{transaction['id']}"))["status"] == "available"
        balance = await shop.get("/v1/balance")
        assert (
            balance["available"][0]["amount"] + balance["pending"][0]["amount"]
            == (await shop.get("/_sandbox/summary"))["clearing"]["usd"]["net"]
        )


async def test_declined_then_paid() -> None:
    async with merchant() as shop:
        invoice = await shop.invoice(5000)
        failed = await shop.do(f"invoices/{invoice['id']}/pay", method="declined")
        assert (failed["status"], failed["attempted"], failed["attempt_count"]) == ("open", True, 1)
        await shop.do(f"invoices/{invoice['id']}/pay")
        charges = (await shop.get("/v1/charges", customer=invoice["customer"]))["data"]
        assert [one["status"] for one in charges] == ["succeeded", "failed"]
        assert len({one["payment_intent"] for one in charges}) == 1


async def test_drafts_are_finalized_when_asked() -> None:
    async with merchant() as shop:
        draft = await shop.invoice(5000, finalize=False, days_until_due=10)
        assert (draft["status"], draft["number"], draft["ending_balance"]) == ("draft", None, None)
        final = await shop.do(f"invoices/{draft['id']}/finalize")
        assert (final["status"], final["ending_balance"]) == ("open", 0)
        assert final["number"].endswith("-0001")
        assert final["due_date"] - final["effective_at"] == 10 * 86_400


async def act(shop: Merchant) -> None:
    first = await shop.invoice(5000, days_until_due=30)
    await shop.do(f"invoices/{first['id']}/pay", amount=1000)
    await shop.do("invoices", customer="cus_none", lines=[], status=400)
    second = await shop.invoice(900, customer=first["customer"])
    await shop.do("payments", shares={second["id"]: 900, first["id"]: 4000})
    await shop.do("advance", days=2)
    await shop.do("keys", permissions=["rak_invoice_read"])
    await shop.do("payments", shares=[], status=400)
    await shop.do(
        "objects", object={"id": "cus_recorded", "object": "customer", "created": 1}, events=["customer.updated"]
    )


async def snapshot(shop: Merchant) -> dict[str, Any]:
    found = {}
    for path in ("customers", "invoices", "charges", "invoice_payments", "balance_transactions", "events"):
        found[path] = await shop.get(f"/v1/{path}", limit=100)
    return found


async def test_a_second_start_shows_exactly_the_same(tmp_path: Path) -> None:
    async with merchant(tmp_path) as shop:
        await act(shop)
        before = await snapshot(shop)
        keys = shop.running.api_key, shop.running.webhook_secret
    async with merchant(tmp_path, customers=40) as shop:  # what was kept wins over what is asked
        assert await snapshot(shop) == before
        assert (shop.running.api_key, shop.running.webhook_secret) == keys
        later = await shop.invoice(100)
    with (tmp_path / "journal.jsonl").open("a") as journal:
        journal.write('{"at": 17')  # killed while writing
    async with merchant(tmp_path) as shop:
        assert await shop.get(f"/v1/invoices/{later['id']}") == later


@pytest.mark.skipif(not RECORDED.exists(), reason="needs the recorded answers in the shared folder")
async def test_recorded_objects_are_served_as_they_are() -> None:
    recorded = [json.loads(path.read_text()) for path in sorted(RECORDED.glob("*/*.json"))]
    served = {"customer", "invoice", "charge", "payment_intent"}
    async with merchant() as shop:
        for one in recorded:
            if one["object"] not in served:
                continue
            stored = await shop.do("objects", object=one, events=[f"{one['object']}.updated"], api_version="2024-06-20")
            assert stored["stored"][0] == one["id"]
            found = await shop.get(f"/v1/{one['object']}s/{one['id']}")
            for name, value in found.items():
                expanded = isinstance(one[name], dict) and "id" in one[name]
                assert expanded or name in {"lines", "total_discount_amounts"} or value == one[name], name
            event = await shop.get(f"/v1/events/{stored['events'][0]}")
            assert event["api_version"] == "2024-06-20"
        charge = json.loads((RECORDED / "2025-10-29.clover/charge_020.json").read_text())
        shown = await shop.get(f"/v1/charges/{charge['id']}", **{"expand[]": ["balance_transaction", "payment_intent"]})
        assert shown["payment_intent"] == charge["payment_intent"]
        assert shown["balance_transaction"] | {"status": "pending"} == charge["balance_transaction"]


@pytest.mark.skipif(not RECORDED.exists(), reason="needs the recorded events in the shared folder")
async def test_every_recorded_file_is_served_and_its_events_are_logged() -> None:
    recorded = [json.loads(path.read_text()) for path in sorted(RECORDED.parent.glob("*/**/*.json"))]
    whole = [one for one in recorded if isinstance(one, dict) and isinstance(one.get("object"), str) and "id" in one]
    assert len(whole) > 150
    async with merchant() as shop:
        for one in whole:
            await shop.do("objects", object=one)
        log = shop.running.business.account.log
        for one in {one["id"]: one for one in whole}.values():  # hand-written ones share ids: the last wins
            if one["object"] == "event":
                logged = log.get(one["id"])
                assert logged is not None
                shown = log.snapshot_body(logged, pending_webhooks=0)
                assert shown["data"]["object"]["object"] == one["data"]["object"]["object"]
                assert all(shown[name] == one[name] for name in ("id", "type", "created"))
        for version in ("2026-10-28.endive", "2020-08-27"):
            headers = {"Stripe-Version": version}
            for path in ("charges", "customers", "events", "invoices", "payment_intents"):
                response = await shop.client.get(f"/v1/{path}", params={"limit": 100}, headers=headers)
                assert response.status_code == 200, response.text


async def test_something_can_have_happened_at_another_time() -> None:
    async with merchant() as shop:
        then = 1_795_000_000
        invoice = await shop.invoice(5000, at=then)
        assert (invoice["created"], invoice["effective_at"]) == (then, then)
        await shop.do(f"invoices/{invoice['id']}/void", at=then + 5 * 86_400)
        voided = await shop.get(f"/v1/invoices/{invoice['id']}")
        assert voided["status_transitions"]["voided_at"] == then + 5 * 86_400


async def test_too_many_requests_in_a_second_are_refused() -> None:
    async with merchant(knobs=Knobs(requests_per_second=5)) as shop:
        answers = [await shop.client.get("/v1/account") for _ in range(8)]
    assert [one.status_code for one in answers][:6] == [200, 200, 200, 200, 200, 429]
    assert answers[5].headers["stripe-rate-limited-reason"] == "global-rate"


async def test_a_live_key_has_limits_of_its_endpoints() -> None:
    knobs = Knobs(live_key=True, requests_per_second=3, requests_per_second_in_all=5)
    async with merchant(knobs=knobs) as shop:
        assert shop.running.api_key.startswith("sk_live_")
        paths = ["/v1/account"] * 4 + ["/v1/charges"] * 3
        answers = [await shop.client.get(path) for path in paths]
        assert [one.status_code for one in answers] == [200, 200, 200, 429, 200, 200, 429]
        assert answers[3].headers["stripe-rate-limited-reason"] == "endpoint-rate"
        assert answers[6].headers["stripe-rate-limited-reason"] == "global-rate"
        counts = (await shop.client.get("/_sandbox/requests")).json()
        assert counts["by_endpoint"] == {"/v1/account": 4, "/v1/charges": 3}
        assert counts["by_method"] == {"GET": 7}
        assert counts["violations_by_limit"] == {"endpoint-rate /v1/account": 1, "global-rate": 1}
        await shop.client.delete("/_sandbox/requests")
        assert (await shop.client.get("/_sandbox/requests")).json()["total"] == 0


async def test_what_a_live_account_serves_is_live() -> None:
    async with merchant(customers=1, knobs=Knobs(live_key=True)) as shop:
        listed = await shop.get("/v1/invoices", limit=1)
        assert listed["data"][0]["livemode"] is True


async def test_the_accounts_version_renders_the_events() -> None:
    async with merchant(customers=6, knobs=Knobs(api_version="2020-08-27")) as shop:
        found = (await shop.get("/v1/events", type="invoice.paid"))["data"]
    assert {one["api_version"] for one in found} == {"2020-08-27"}
    assert all(one["data"]["object"]["charge"] for one in found)


def test_knobs_are_parsed() -> None:
    assert parse_knobs(["latency_ms=5", "rate_limit=0.5", "api_version=2020-08-27"]).latency_ms == 5
    with pytest.raises(ValueError, match="no such knob"):
        parse_knobs(["speed=9"])


def test_a_taken_port_is_said_so(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert main(["--customers", "1", "--months", "1", "--port", port]) == 1
    assert f"cannot listen on 127.0.0.1:{port}" in capsys.readouterr().err


def test_an_end_point_without_a_scheme_is_wrong_use(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["--deliver-to", "127.0.0.1:8080"])
    assert "no address of an end point" in capsys.readouterr().err


def start(*arguments: str) -> tuple[subprocess.Popen[str], dict[str, Any]]:
    command = [sys.executable, "-m", "wescope.sandbox.stripe", "--customers", "3", "--months", "1", *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, json.loads(process.stdout.readline())


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_the_command_says_where_and_ends_cleanly(tmp_path: Path, signum: int) -> None:
    keys = tmp_path / "keys" / "stripe.env"
    options = ("--as-of", "2026-11-20", "--knob", "latency_ms=1", "--env-file", str(keys))
    process, first = start("--state", str(tmp_path), *options)
    with process:
        assert first["service"] == "stripe"
        assert stat.S_IMODE(keys.stat().st_mode) == 0o600
        shell = subprocess.run(
            ["/bin/sh", "-c", '. "$1"; env', "sh", str(keys)], capture_output=True, text=True, check=True, timeout=20
        )
        wanted = {
            "API_BASE": first["url"],
            "API_KEY": first["api_key"],
            "WEBHOOK_SECRETS": first["webhook_secret"],
        }
        assert {f"WESCOPE_STRIPE_{name}={value}" for name, value in wanted.items()} <= set(shell.stdout.splitlines())
        assert (first["customers"], first["invoices"] > 0, first["events"] > 0) == (3, True, True)
        with httpx2.Client(base_url=first["url"], auth=(first["api_key"], "")) as client:
            assert client.get("/v1/customers").json()["data"]
        process.send_signal(signum)
        assert process.wait(20) == 0
    process, second = start("--state", str(tmp_path))
    with process:
        process.send_signal(signum)
        assert process.wait(20) == 0
    assert {**second, "url": ""} == {**first, "url": ""}
