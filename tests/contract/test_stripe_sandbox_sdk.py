"""Stripe's official SDK works against the sandbox as against Stripe."""

import json
from collections.abc import AsyncIterator
from datetime import date

import httpx2
import pytest
import pytest_asyncio
import stripe

from wescope.sandbox.stripe import Knobs, Running, StripeSandbox


@pytest_asyncio.fixture
async def sandbox() -> AsyncIterator[Running]:
    async with StripeSandbox(as_of=date(2026, 11, 22), knobs=Knobs(requests_per_second=0)).serve() as running:
        yield running


@pytest_asyncio.fixture
async def client(sandbox: Running) -> AsyncIterator[stripe.StripeClient]:
    http = stripe.HTTPXClient()
    yield stripe.StripeClient(
        sandbox.api_key, base_addresses={"api": sandbox.url}, http_client=http, max_network_retries=0
    )
    await http.close_async()  # type: ignore[no-untyped-call] # the SDK's


async def test_version_is_the_sdks(client: stripe.StripeClient, sandbox: Running) -> None:
    account = await client.v1.accounts.retrieve_current_async()
    assert account.last_response is not None
    assert account.last_response.headers["stripe-version"] == "2026-10-28.endive"
    assert str(account.last_response.request_id).startswith("req_")
    events = await client.v1.events.list_async({"limit": 1})
    assert events.data[0].api_version == "2026-10-28.endive"


async def test_pages_turn_by_themselves(client: stripe.StripeClient, sandbox: Running) -> None:
    invoices = await client.v1.invoices.list_async({"limit": 17})
    ids = [one.id async for one in invoices.auto_paging_iter()]
    assert ids == [one["id"] for one in sandbox.business.account.store.newest_first("invoice")]
    oldest_first = await client.v1.invoices.list_async({"limit": 17, "ending_before": ids[-1]})
    assert [one.id async for one in oldest_first.auto_paging_iter()] == ids[-2::-1]


async def test_lines_turn_beyond_the_first_ten(client: stripe.StripeClient, sandbox: Running) -> None:
    lines = sandbox.business.account.store.lines
    longest = max(lines, key=lambda invoice: len(lines[invoice]))
    invoice = await client.v1.invoices.retrieve_async(longest)
    assert len([line async for line in invoice.lines.auto_paging_iter()]) == 35


async def test_payments_are_found_by_invoice_and_by_intent(client: stripe.StripeClient, sandbox: Running) -> None:
    store = sandbox.business.account.store
    intent = next(
        one for one in store.all("payment_intent") if len(store.payments_by("payment_intent", one["id"])) == 3
    )
    payments = await client.v1.invoice_payments.list_async(
        {
            "payment": {"type": "payment_intent", "payment_intent": intent["id"]},
            "expand": ["data.payment.payment_intent"],
        }
    )
    assert len(payments.data) == 3
    assert sum(one.amount_paid or 0 for one in payments.data) == intent["amount"] - 5_000
    shown = payments.data[0].payment.payment_intent
    assert isinstance(shown, stripe.PaymentIntent)
    by_invoice = await client.v1.invoice_payments.list_async({"invoice": str(payments.data[0].invoice)})
    assert {one.status for one in by_invoice.data} == {"paid", "canceled"}


async def test_expansion_reaches_the_balance_transaction(client: stripe.StripeClient, sandbox: Running) -> None:
    invoice = next(one for one in sandbox.business.account.store.all("invoice") if one["amount_paid"])
    shown = await client.v1.invoices.retrieve_async(
        invoice["id"], {"expand": ["payments.data.payment.payment_intent", "customer"]}
    )
    assert shown.payments is not None
    intent = shown.payments.data[0].payment.payment_intent
    assert isinstance(intent, stripe.PaymentIntent)
    charge = await client.v1.charges.retrieve_async(str(intent.latest_charge), {"expand": ["balance_transaction"]})
    assert isinstance(charge.balance_transaction, stripe.BalanceTransaction)
    assert charge.balance_transaction.net == charge.amount - charge.balance_transaction.fee
    assert isinstance(shown.customer, stripe.Customer)


async def test_created_filter_has_bounds(client: stripe.StripeClient, sandbox: Running) -> None:
    every = sorted(one["created"] for one in sandbox.business.account.store.all("charge"))
    middle = every[len(every) // 2]
    found = await client.v1.charges.list_async({"created": {"gte": middle, "lt": every[-1]}, "limit": 100})
    assert len(found.data) == len([one for one in every if middle <= one < every[-1]])


async def test_refusals_are_the_sdks_errors(client: stripe.StripeClient, sandbox: Running) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="No such invoice: 'in_x'") as missing:
        await client.v1.invoices.retrieve_async("in_x")
    assert (missing.value.http_status, missing.value.code) == (404, "resource_missing")
    with pytest.raises(stripe.InvalidRequestError) as unknown:
        await client.v1.invoices.list_async({"color": "red"})  # type: ignore[arg-type] # on purpose
    assert (unknown.value.http_status, unknown.value.code) == (400, "parameter_unknown")
    with pytest.raises(stripe.InvalidRequestError, match="less than or equal to 100"):
        await client.v1.invoices.list_async({"limit": 101})
    for paths in (["data.payment"], ["customer"], ["data.a.b.c.d"]):
        with pytest.raises(stripe.InvalidRequestError, match="expand"):
            await client.v1.invoices.list_async({"expand": paths})
    with pytest.raises(stripe.InvalidRequestError) as filtered:
        await client.v1.invoice_payments.list_async({"invoice": "in_x"})
    assert (filtered.value.http_status, filtered.value.code) == (400, "resource_missing")


async def test_keys_are_checked(client: stripe.StripeClient, sandbox: Running) -> None:
    http = stripe.HTTPXClient()
    wrong = stripe.StripeClient("sk_test_wrong", base_addresses={"api": sandbox.url}, http_client=http)
    with pytest.raises(stripe.AuthenticationError):
        await wrong.v1.customers.list_async()
    async with httpx2.AsyncClient(base_url=sandbox.url) as control:
        created = await control.post("/_sandbox/keys", json={"permissions": ["rak_customer_read"]})
    restricted = stripe.StripeClient(created.json()["api_key"], base_addresses={"api": sandbox.url}, http_client=http)
    assert (await restricted.v1.customers.list_async()).data
    with pytest.raises(stripe.PermissionError, match="rak_invoice_read"):
        await restricted.v1.invoices.list_async()
    await http.close_async()  # type: ignore[no-untyped-call] # the SDK's


async def test_faults_are_seen_and_retried(client: stripe.StripeClient, sandbox: Running) -> None:
    sandbox.faults.add(kind="rate_limit", times=1, path="/v1/customers")
    with pytest.raises(stripe.RateLimitError):
        await client.v1.customers.list_async()
    sandbox.faults.add(kind="server_error", times=1)
    with pytest.raises(stripe.APIError):
        await client.v1.customers.list_async()
    sandbox.faults.add(kind="cut", times=1)
    with pytest.raises(stripe.APIConnectionError):
        await client.v1.customers.list_async()
    http = stripe.HTTPXClient()
    patient = stripe.StripeClient(
        sandbox.api_key, base_addresses={"api": sandbox.url}, http_client=http, max_network_retries=2
    )
    sandbox.faults.add(kind="lock_timeout", times=1)
    sandbox.faults.add(kind="latency", times=1, latency_ms=10)
    assert (await patient.v1.customers.list_async()).data
    assert all(fault["times"] == 0 for fault in sandbox.faults.listing())
    await http.close_async()  # type: ignore[no-untyped-call] # the SDK's


async def test_a_thin_notification_leads_to_its_objects(client: stripe.StripeClient, sandbox: Running) -> None:
    log = sandbox.business.account.log
    event = next(one for one in log.all() if one.kind == "invoice.paid")
    notification = client.parse_event_notification_without_verification(json.dumps(log.thin_body(event)))
    assert isinstance(notification, stripe.events.V1InvoicePaidEventNotification)
    # stripe-python 16.1.0's fetch_related_object_async sends its own `usage` option to the API, which refuses it.
    with pytest.raises(stripe.InvalidRequestError, match="Received unknown parameter: usage"):
        await notification.fetch_related_object_async()
    response = await client.raw_request_async("get", notification.related_object.url)
    assert response.data["id"] == event.snapshot["id"]
    full = await client.v2.core.events.retrieve_async(notification.id)
    assert full.snapshot_event == event.event_id
