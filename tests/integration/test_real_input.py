"""Real input through the whole chain: recorded objects from the local Stripe, signed webhooks, documents in QBO."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import httpx2
import pytest
import uvicorn

from tests.integration.desk import Desk
from tests.integration.recordings import EVENTS, Account, Json, event_files, load_account, load_events, thin
from tests.unit.stripe.shared_data import needs_shared
from wescope.sandbox.stripe.delivery import sign
from wescope.sandbox.stripe.server import Server, listen
from wescope.stripe.events import handled_types
from wescope.web.app import create_app
from wescope.web.runtime_services import RuntimeServices

pytestmark = needs_shared


@dataclass(frozen=True)
class Chain:
    """The desk with its receiver on HTTP, and the local Stripe's control address."""

    desk: Desk
    webhooks: str
    client: httpx2.AsyncClient

    async def serve(self, body: Json, **options: Any) -> None:
        """Let the local Stripe answer with this object from now on."""
        answer = await self.client.post(f"{self.desk.stripe.url}/_sandbox/objects", json={"object": body, **options})
        assert answer.status_code == 200, answer.text

    async def deliver(self, **options: Any) -> Json:
        """Let the local Stripe deliver its events; none may be refused."""
        request = {"url": self.webhooks, **options}
        answer = await self.client.post(f"{self.desk.stripe.url}/_sandbox/deliver", json=request)
        run: Json = answer.json()
        assert set(run["statuses"]) <= {"200"}, run
        return run

    async def send(self, body: bytes) -> tuple[int, str]:
        """Sign a body and send it; the status, and the outcome or code."""
        signature = sign(body.decode(), (self.desk.stripe.webhook_secret,), timestamp=int(time.time()))
        answer = await self.client.post(self.webhooks, content=body, headers={"Stripe-Signature": signature})
        found = answer.json()
        return answer.status_code, str(found.get("outcome") or found["error"]["code"])


@pytest.fixture
async def chain(desk: Desk) -> AsyncIterator[Chain]:
    app = create_app(RuntimeServices(desk.runtime))
    config = uvicorn.Config(app, log_config=None, log_level="critical", access_log=False, lifespan="off")
    server, listener = Server(config), listen("127.0.0.1", 0)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    await server.listening(task)
    async with httpx2.AsyncClient(timeout=60, trust_env=False) as client:
        yield Chain(desk, f"http://127.0.0.1:{listener.getsockname()[1]}/webhooks/stripe", client)
    server.should_exit = True
    await task


def events_of(body: Json) -> list[str]:
    """What Stripe told when the object came to be as it was recorded."""
    told = {
        ("invoice", "draft"): ["invoice.updated"],
        ("invoice", "paid"): ["invoice.finalized", "invoice.paid"],
        ("invoice_payment", "paid"): ["invoice_payment.paid"],
        ("charge", "succeeded"): ["charge.succeeded"],
        ("payment_intent", "succeeded"): ["payment_intent.succeeded"],
        ("payment_intent", "requires_action"): ["payment_intent.requires_action"],
        ("refund", "succeeded"): ["refund.created"],
    }
    return told.get((body["object"], body.get("status") or ""), [])


async def serve_account(chain: Chain, account: Account) -> None:
    """All recorded and derived objects; an invoice whose payment is not recorded says that it was paid in Stripe.

    `amount_paid_off_stripe` came with 2026-05-27.dahlia, and the product asks in a later version: without the field
    what no invoice payment explains would be taken for paid out of band.
    """
    for one in account.recorded.values():
        body = one.body
        if body["object"] == "invoice" and body["id"] not in account.payments:
            body = {**body, "amount_paid_off_stripe": 0}
        await chain.serve(body, events=events_of(body), api_version=one.version)
    for body in account.derived.values():
        await chain.serve(body, events=events_of(body))


async def test_recorded_answers_become_equal_documents(chain: Chain) -> None:
    desk, account = chain.desk, load_account()
    await serve_account(chain, account)
    run = await chain.deliver(order="shuffled", duplicates=0.3, thin=0.3, seed=7)
    assert run["duplicates"] > 10
    assert run["thin"] > 10
    await desk.work()
    for invoice in account.of_kind("invoice"):
        check_invoice(desk, account, invoice.body)
    for charge in account.sales:
        receipt = desk.record("SalesReceipt", f"{charge['id']}:sales_receipt")
        check_receipt(receipt, charge["amount_captured"], account.row_of(charge))
    for refund in account.of_kind("refund"):
        receipt = desk.record("RefundReceipt", f"{refund.body['id']}:refund_receipt")
        check_receipt(receipt, refund.body["amount"], account.row_of(refund.body))
    assert await desk.codes() == reasons(account)
    status = await desk.runtime.status()
    assert status.backlog == 0
    # 19 invoices of 5 API versions: a draft and a trial of zero have no document; of 12 the payment is known. 14 sales
    # without invoice have 11 customers more. The refund is of a charge that is not recorded, so of nobody.
    assert status.posted_by_entity == {
        "Customer": 28,
        "Invoice": 17,
        "Payment": 12,
        "RefundReceipt": 1,
        "SalesReceipt": 14,
    }
    assert Counter((await desk.codes()).values()) == {"payments_mismatch": 5}
    paid = sum(account.recorded[invoice].body["amount_paid"] for invoice in account.payments)
    sold = sum(charge["amount_captured"] for charge in account.sales)
    refunded = sum(refund.body["amount"] for refund in account.of_kind("refund"))
    assert desk.balance("Stripe Clearing") * 100 == paid + sold - refunded
    desk.check_books()
    await check_second_delivery(chain)


def check_invoice(desk: Desk, account: Account, recorded: Json) -> None:
    """QBO's invoice and payment equal the recorded ones: totals, lines, number, days and what is still open."""
    key = f"{recorded['id']}:invoice"
    if recorded["status"] == "draft" or recorded["total"] == 0:
        assert desk.records("Invoice", key) == []
        return
    invoice = desk.record("Invoice", key)
    assert Decimal(invoice["TotalAmt"]) * 100 == recorded["total"]
    lines = [line for line in invoice["Line"] if line["DetailType"] == "SalesItemLineDetail"]
    assert sum(Decimal(line["Amount"]) for line in lines) * 100 == recorded["total"]
    assert invoice["DocNumber"] == recorded["number"]
    assert invoice["TxnDate"] == day(recorded["status_transitions"]["finalized_at"])
    intent = account.payments.get(recorded["id"])
    if intent is None:
        assert Decimal(invoice["Balance"]) * 100 == recorded["total"]
        return
    assert invoice["Balance"] == 0
    charge = account.charge_of(intent)
    payment = desk.record("Payment", f"{charge['id']}:payment")
    assert Decimal(payment["TotalAmt"]) * 100 == recorded["amount_paid"] == charge["amount_captured"]
    assert payment["UnappliedAmt"] == 0
    assert payment["TxnDate"] == day(account.row_of(charge)["created"])
    assert [link["TxnId"] for line in payment["Line"] for link in line["LinkedTxn"]] == [invoice["Id"]]


def check_receipt(receipt: Json, amount: int, row: Json) -> None:
    """QBO's receipt is of what the charge or refund moved, on the day of its row."""
    assert Decimal(receipt["TotalAmt"]) * 100 == amount == abs(row["amount"])
    assert receipt["TxnDate"] == day(row["created"])


def day(second: int) -> str:
    """The date of a Unix second in the books' time zone."""
    return datetime.fromtimestamp(second, ZoneInfo("America/Los_Angeles")).date().isoformat()


def reasons(account: Account) -> dict[str, str]:
    """What must be parked: a paid invoice whose payment was not recorded does not add up to what was paid."""
    invoices = [one.body for one in account.of_kind("invoice") if one.body["id"] not in account.payments]
    return {f"{one['id']}:payments": "payments_mismatch" for one in invoices if one["amount_paid"]}


async def check_second_delivery(chain: Chain, without: Collection[str] = ()) -> None:
    """Everything once more asks QBO nothing at all: snapshots are known, and thin ones make all run again.

    `without` are types that have no thin form here, since their object has no id.
    """
    before = chain.desk.qbo.requests.total
    await chain.deliver(only_undelivered=False)
    await chain.desk.work()
    await chain.deliver(only_undelivered=False, thin=1.0, types=sorted({*handled_types()} - {*without}))
    assert await chain.desk.dirty()
    await chain.desk.work()
    assert chain.desk.qbo.requests.total == before


NO_EVENT = {
    "dj-stripe/": "an object of the API",
    "pay-rails-fixtures/": "an object, or the data of an event without its envelope",
    "pay-rails-recorded/": "an object of the API",
}
"""Collections of what is truly no event, and what it is."""


async def test_the_receiver_takes_every_recorded_event(chain: Chain) -> None:
    answers: Counter[tuple[int, str]] = Counter()
    for event in load_events().values():
        answers[await chain.send(json.dumps(event).encode())] += 1
    # Ignored are seven of a customer, too, whose balance did not change; every type is known.
    assert answers == {(200, "stored"): 78, (200, "ignored"): 50}
    again = [await chain.send(json.dumps(event).encode()) for event in load_events().values()]
    assert Counter(again) == {(200, "duplicate"): 78, (200, "ignored"): 50}


async def test_the_receiver_takes_every_recorded_event_in_its_thin_form(chain: Chain) -> None:
    events = [event for event in load_events().values() if "id" in event["data"]["object"]]
    answers = Counter([await chain.send(json.dumps(thin(event)).encode()) for event in events])
    # The others name no object to relate to: a balance, an invoice that is only upcoming, and two without their id.
    assert len(load_events()) - len(events) == 4
    # A thin one does not say what changed of a customer: the seven are looked at.
    assert answers == {(200, "stored"): 83, (200, "ignored"): 41}


async def test_the_receiver_refuses_what_is_no_event(chain: Chain) -> None:
    others = [name for name in event_files() if name not in load_events()]
    assert len(others) == 100
    for name in others:
        assert name.startswith(tuple(NO_EVENT)), name
        assert await chain.send((EVENTS / name).read_bytes()) == (400, "body_invalid")
    assert await chain.desk.all_subjects() == []


OUTCOMES: Mapping[str, tuple[Mapping[str, int], Mapping[str, str]]] = {
    # A simulator's business: three invoices open or written off, its payments without their invoice payments, and the
    # rows of charges, refunds and payouts by id only. Credit memos are of an invoice below zero, a write-off (applied
    # by a payment of zero), and a credit note's 5.00 to the balance; 7.00 of another were given back outside of Stripe.
    # The dispute names its two rows in full.
    "generated": (
        {"CreditMemo": 3, "Customer": 2, "Invoice": 4, "JournalEntry": 2, "Payment": 1, "RefundReceipt": 1},
        {
            "ch_3xV8L6Cz7hWRKLEpAvxBoTJe:sales_receipt": "balance_transaction_missing",
            "ch_3xV8V2Cz7hWRKLEpG7AJg9R9:sales_receipt": "balance_transaction_missing",
            "ch_3xV8V6Cz7hWRKLEpcAY4xiJE:sales_receipt": "balance_transaction_missing",
            "ch_3xV8VPCz7hWRKLEp5VRQIqNt:sales_receipt": "balance_transaction_missing",
            "in_1xV8L2Cz7hWRKLEp2jcyFT41:payments": "payments_mismatch",
            "in_1xV8LDCz7hWRKLEpwkkhFJsZ:open": "open_mismatch",
            "po_1xV8LJCz7hWRKLEpZysVMwqL:deposit": "balance_transaction_missing",
            "po_1xV8LNCz7hWRKLEpat1aaXyS:deposit": "balance_transaction_missing",
            "re_3xV8LACz7hWRKLEp3dxjkvVq:refund_receipt": "balance_transaction_missing",
            "re_3xV8V3Cz7hWRKLEpRxssYaZ5:refund_receipt": "balance_transaction_missing",
        },
    ),
    # All its objects share a few ids. One charge has the status null, and the rows of a dispute from before 2018 have
    # no category; the invoice is final first and a draft last.
    "stripe-ruby-mock": (
        {"Customer": 1, "Invoice": 1},
        {
            "ch_00000000000000:charge": "object_unreadable",
            "ch_000000000000000000000000:sales_receipt": "balance_transaction_missing",
            "dp_00000000000000:dispute": "object_unreadable",
            "in_000000000000000000000000:invoice": "no_longer_desired",
            "po_000000000000000000000000:deposit": "balance_transaction_missing",
            "re_000000000000000000000000:refund_receipt": "balance_transaction_missing",
        },
    ),
    # Zero totals, a draft, failed charges: rightly nothing; and a charge and two refunds whose rows are not recorded.
    "supabase-stripe-sync-engine": (
        {},
        {
            "ch_3KtQThJDPojXS6LN0YmgbxGj:sales_receipt": "balance_transaction_missing",
            "re_1Nispe2eZvKYlo2Cd31jOCgZ:refund_receipt": "balance_transaction_missing",
            "re_3Kl36gJDPojXS6LN0eP4yPDz:refund_receipt": "balance_transaction_missing",
        },
    ),
}


@pytest.mark.parametrize("collection", OUTCOMES)
async def test_recorded_events_one_after_the_other(chain: Chain, collection: str) -> None:
    desk, (posted, parked) = chain.desk, OUTCOMES[collection]
    events = [event for name, event in load_events().items() if name.startswith(f"{collection}/")]
    for event in sorted(events, key=lambda one: int(one["created"])):
        await chain.serve(complete(event), related=intents(desk, event))
        await chain.deliver()
        await desk.work()
    status = await desk.runtime.status()
    assert (status.posted_by_entity, await desk.codes(), status.backlog) == (posted, parked, 0)
    desk.check_books()
    await check_second_delivery(chain, {event["type"] for event in events if "id" not in event["data"]["object"]})


def complete(event: Json) -> Json:
    """The event with what its invoice would say of money outside of Stripe in the version that the product asks in."""
    changed = event["data"]["object"]
    if changed["object"] != "invoice" or changed.get("paid_out_of_band"):
        return event
    return {**event, "data": {**event["data"], "object": {"amount_paid_off_stripe": 0, **changed}}}


def intents(desk: Desk, event: Json) -> list[Json]:
    """The payment intent that a charge or invoice payment names: made of it where the collection has none."""
    changed = event["data"]["object"]
    named = changed.get("payment_intent") or (changed.get("payment") or {}).get("payment_intent")
    if named is None or desk.shop.business.account.store.get("payment_intent", named):
        return []
    charge = changed if changed["object"] == "charge" else {}
    status = "succeeded" if charge.get("status") == "succeeded" else "requires_payment_method"
    return [{"id": named, "object": "payment_intent", "latest_charge": charge.get("id"), "status": status}]
