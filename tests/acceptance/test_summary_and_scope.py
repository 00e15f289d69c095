"""Executive summary, key principles, and what is in scope and out of it."""

import json
import re
from collections import Counter

from tests.acceptance.books_side import TRANSACTIONS, cents, is_void, stripe_id
from tests.acceptance.conftest import Measured
from tests.acceptance.findings import (
    check_invoice,
    check_payment,
    check_service_periods,
    deposit_of,
    exported_links,
    into_bank,
    payout_dates,
    rows_by_mark,
    share,
)
from tests.acceptance.secrets import found_in, outputs, personal, secrets_of
from tests.acceptance.source import criterion
from tests.acceptance.stripe_side import day
from tests.acceptance.world import Managed, World

SUMMARY, IN_SCOPE, OUT_OF_SCOPE = "Executive Summary", "In Scope", "Out of Scope"


@criterion(
    SUMMARY,
    "**System Purpose**: Unidirectional synchronization of Stripe financial data (invoices, payments, refunds, "
    "credits, payouts) into QuickBooks Online (QBO) for accurate Accounts Receivable (AR) reporting.",
)
def test_receivables_in_qbo_equal_what_customers_owe_in_stripe(world: World, measured: Measured) -> None:
    """Accounts receivable are right, customer by customer.

    Given two months of business in Stripe,
    when all of it has been synchronized,
    then each customer owes in QBO exactly what Stripe says: open invoices less credit kept for the customer.
    """
    owed = world.stripe.owed()
    assert world.books.receivable() == owed
    assert len(owed) >= 3
    customers = len({one["customer"] for one in world.stripe.objects["invoices"]})
    measured(f"{customers} of {customers} customers owe the same in both")
    measured(f"receivable {sum(owed.values()) / 100:.2f} in Stripe, {sum(owed.values()) / 100:.2f} in QBO")


@criterion(SUMMARY, "- **Idempotency**: Prevent duplicates through robust linking mechanisms")
def test_no_document_is_there_twice(world: World, measured: Measured) -> None:
    """Nothing is doubled.

    Given a backfill that was killed in its middle and webhooks that came in crowds,
    when the books are read,
    then every Stripe object has each of its documents once, and every document has exactly one row in the link table.
    """
    wanted = Counter(world.stripe.documents())
    assert [(one, len(world.books.of(*one))) for one in wanted if len(world.books.of(*one)) != 1] == []
    assert world.books.doubled() == []
    linked = Counter(row["qbo_id"] for row in exported_links(world) if row["entity"] == "Invoice")
    assert set(linked.values()) == {1}
    measured(f"0 of {world.books.count()} documents doubled")


@criterion(SUMMARY, "- **Lean Customer Records**: Maintain minimal QBO customer data")
def test_a_customer_in_qbo_is_a_name_and_nothing_else(world: World, measured: Measured) -> None:
    """Customer records are lean.

    Given customers that have a name and an e-mail address in Stripe,
    when QBO needs a customer for the first time,
    then the record holds a name and Stripe's id: no e-mail, telephone or address.
    """
    ours = [one for one in world.books.objects["Customer"] if stripe_id(one)]
    personal_fields = ("PrimaryEmailAddr", "PrimaryPhone", "Mobile", "BillAddr", "ShipAddr", "CompanyName", "GivenName")
    assert [(one["Id"], name) for one in ours for name in personal_fields if one.get(name)] == []
    assert not any("@" in json.dumps(one) for one in ours)
    assert len(ours) == len({stripe_id(one) for one in ours})
    measured(f"{len(ours)} customers made, 0 with e-mail, telephone or address")


@criterion(
    SUMMARY,
    "- **Date Accuracy**: Capture critical financial dates "
    "(invoice, usage period, payment received, cash/payout dates)",
)
def test_every_critical_date_is_captured(world: World, measured: Measured) -> None:
    """The dates that reporting needs are there, and right to the day.

    Given invoices, payments and payouts, some of them minutes before midnight in the company's time zone,
    when they are in QBO,
    then the invoice's date, its usage period, the day the money came and the day the cash arrived equal Stripe's.
    """
    invoices, paying, arrived = world.stripe.finalized, world.stripe.paying(), world.stripe.arrived
    for invoice in invoices:
        assert world.books.one("Invoice", invoice["id"])["TxnDate"] == str(world.stripe.invoice_date(invoice))
    lines = sum(check_service_periods(world, one) for one in invoices)
    for charge in paying:
        assert world.books.one("Payment", charge)["TxnDate"] == str(world.stripe.received_on(charge))
    for payout in arrived:
        assert deposit_of(world, payout)["TxnDate"] == str(payout_dates(payout)[1])
    measured(
        f"{len(invoices)} invoice dates, {lines} usage periods, {len(paying)} payment dates, "
        f"{len(arrived)} cash dates: all equal"
    )


@criterion(SUMMARY, "- **Observability**: Strong logging and monitoring without exposing PII/keys")
def test_logs_and_metrics_tell_everything_but_no_person_and_no_key(world: World, measured: Measured) -> None:
    """What is logged and measured names documents, never people or keys.

    Given customers with names and e-mail addresses, and the keys of both services,
    when everything has been synchronized,
    then logs and metrics name every document that was posted, and no name, address or key is in any of it.
    """
    told = outputs(world)
    invoices = [one["id"] for one in world.stripe.finalized]
    assert [one for one in invoices if one not in told["logs"]] == []
    assert found_in(told, [*personal(world), *secrets_of(world)]) == []
    measured(
        f"{len(invoices)} of {len(invoices)} invoices told in the log, 0 names, addresses or keys in log or metrics"
    )


@criterion(IN_SCOPE, "- Mirror Stripe invoices/payments/refunds/credits/payouts into QBO")
def test_every_object_of_stripe_has_its_document(world: World, measured: Measured) -> None:
    """Everything is mirrored.

    Given every invoice, payment, refund, credit note, dispute and payout of two months,
    when the books are read,
    then each has its document, and nothing is in the books that has no Stripe object.
    """
    wanted = Counter(entity for entity, _ in world.stripe.documents())
    for entity, identifier in world.stripe.documents():
        assert len(world.books.of(entity, identifier)) == 1, (entity, identifier)
    known = world.bench.events()
    ids = {str(one["object"]) for one in known} | {
        one["id"] for found in world.stripe.objects.values() for one in found
    }
    strangers = [
        stripe_id(one)
        for entity in TRANSACTIONS
        for one in world.books.objects[entity]
        if stripe_id(one) not in ids and not stripe_id(one).startswith("cbtxn_")
    ]
    assert strangers == []
    counts = ", ".join(f"{count} {entity}" for entity, count in sorted(wanted.items()))
    measured(f"{wanted.total()} of {wanted.total()} documents: {counts}")


@criterion(IN_SCOPE, "- Maintain idempotency via link tables")
def test_the_link_table_ties_every_document_to_its_stripe_object(world: World, measured: Measured) -> None:
    """The link table is complete and right.

    Given the link table as `wescope export --what links` writes it,
    when it is compared with QBO's own documents,
    then each document has one row with QBO's id and the Stripe ids, and each row has its document.
    """
    rows = exported_links(world)
    linked = {(row["entity"], row["qbo_id"]) for row in rows if row["state"] == "posted"}
    there = {
        (entity, one["Id"])
        for entity in (*TRANSACTIONS, "Customer")
        for one in world.books.objects[entity]
        if stripe_id(one) and not is_void(one)
    }
    assert linked == there
    keys = Counter(row["document_key"] for row in rows)
    assert set(keys.values()) == {1}
    measured(f"{len(rows)} links, {len(there)} documents and customers in QBO, each with exactly one link")


@criterion(IN_SCOPE, "- Capture key dates for financial reporting")
def test_the_link_table_keeps_every_key_date(world: World, measured: Measured) -> None:
    """Reports find all dates in one table.

    Given the exported link table,
    when its dates are compared with Stripe,
    then invoice, due, usage, payment, refund, payout and arrival dates are all there and equal.
    """
    invoices, payments = rows_by_mark(world, "Invoice"), rows_by_mark(world, "Payment")
    refunds, deposits = rows_by_mark(world, "RefundReceipt"), rows_by_mark(world, "Deposit")
    for invoice in world.stripe.finalized:
        row, lines = invoices[invoice["id"]], world.stripe.lines[invoice["id"]]
        assert row["txn_date"] == str(world.stripe.invoice_date(invoice))
        assert row["usage_start_date"] == str(min(day(line["period"]["start"]) for line in lines))
        assert row["usage_end_date"] == str(max(day(line["period"]["end"]) for line in lines))
        assert row["due_date"] == (str(day(invoice["due_date"])) if invoice["due_date"] else row["due_date"])
    for charge in world.stripe.paying():
        assert payments[charge]["payment_received_date"] == str(world.stripe.received_on(charge))
    given_back = [one for one in world.stripe.objects["refunds"] if one["status"] == "succeeded"]
    for refund in given_back:
        row = world.stripe.row(refund["balance_transaction"])
        assert refunds[refund["id"]]["credit_date"] == str(day(row["created"]))
    arrived = [one for one in world.stripe.arrived if one["amount"] > 0]
    for payout in arrived:
        row, dates = deposits[payout["id"]], payout_dates(payout)
        assert (row["payout_date"], row["arrival_date"]) == (str(dates[0]), str(dates[1]))
    count = len(world.stripe.finalized) * 3 + len(world.stripe.paying()) + len(given_back) + 2 * len(arrived)
    measured(share(count, count, "dates equal"))


@criterion(IN_SCOPE, "- Unidirectional flow: Stripe → QBO only")
def test_nothing_is_ever_written_to_stripe(world: World, measured: Measured) -> None:
    """Stripe is only read.

    Given all that the service has done so far,
    when Stripe's own count of requests is read,
    then there are only requests that read: GET, and HEAD for the clock.
    """
    methods = world.bench.get(world.bench.stripe, "/_sandbox/requests")["by_method"]
    assert set(methods) <= {"GET", "HEAD"}
    measured("0 requests that write: only GET and HEAD reached Stripe")
    measured.speed(f"{methods['GET']} GET requests so far")


@criterion(IN_SCOPE, "- Webhook-triggered updates + replay capability")
def test_a_webhook_is_enough_and_a_replay_adds_nothing(world: World, measured: Measured) -> None:
    """Webhooks alone bring September into the books, and a replay of an invoice is possible at any time.

    Given the webhooks of September and nothing else,
    when they have been worked off, and one invoice is replayed,
    then every document of September is there, and the replay writes nothing.
    """
    live = [one for one in world.stripe.finalized if day(one["created"]).month == 9]
    for invoice in live:
        check_invoice(world, invoice)
    before = world.writes()
    said = world.order("replay", subjects=[world.shop.ids["in three parts"]])
    assert sum(said["subjects"].values()) == 1
    assert world.writes() == before
    measured(f"{len(live)} invoices by webhook; 1 replay, 0 writes")


@criterion(IN_SCOPE, "- GCP-based secrets management")
def test_a_command_works_with_secrets_that_only_secret_manager_has(managed: Managed, measured: Measured) -> None:
    """Secrets may come from Google's Secret Manager alone.

    Given an environment without a single secret, and a Secret Manager that has them,
    when `wescope sync --dry-run` looks at an invoice in Stripe and QBO,
    then it works, with what Secret Manager told it.
    """
    assert managed.code == 0, managed.said
    assert {"wescope-stripe-api-key", "wescope-token-key", "wescope-qbo-client-secret"} <= managed.read
    measured("0 secrets in the environment; the command ended well")


@criterion(OUT_OF_SCOPE, "- Pricing and subscription management (handled in Xano/Stripe)")
def test_no_price_product_or_subscription_is_ever_asked_to_change(world: World, measured: Measured) -> None:
    """Prices and subscriptions stay where they are.

    Given all requests that reached Stripe,
    when they are listed by address,
    then none goes to subscriptions or plans, and none writes a price or product.
    """
    counts = world.bench.get(world.bench.stripe, "/_sandbox/requests")
    managed = [path for path in counts["by_endpoint"] if re.search(r"subscription|/plans|/quotes|checkout", path)]
    assert managed == []
    assert set(counts["by_method"]) <= {"GET", "HEAD"}
    measured("0 requests to subscriptions, plans, quotes or checkout; 0 writes to prices and products")


@criterion(OUT_OF_SCOPE, "- Customer UI development")
def test_there_is_no_page_for_customers(world: World, measured: Measured) -> None:
    """The service has no page that a customer could use.

    Given the list of all addresses that the service answers,
    when it is read,
    then there are webhooks, health, metrics and the operators' interface, and the latter answers this machine only.
    """
    paths = world.bench.client.get(f"{world.service.url}/openapi.json").raise_for_status().json()["paths"]
    console = {path for path, item in paths.items() if any("page" in one["tags"] for one in item.values())}
    kinds = {path for path in paths if not path.startswith(("/api/v1/", "/webhooks/"))} - console
    assert kinds <= {"/healthz", "/health", "/readyz", "/ready", "/metrics", "/openapi.json"}
    outside = {"X-Forwarded-For": "203.0.113.9", "Host": "books.example.com"}
    for path in ("/api/v1/status", "/", "/payouts", "/parked", "/close", "/runs", "/setup"):
        assert world.bench.client.get(world.service.url + path, headers=outside).status_code == 403
    measured("0 pages for customers; the operators' interface answers 403 to others")


@criterion(OUT_OF_SCOPE, "- Bidirectional sync")
def test_a_change_in_qbo_changes_nothing_in_stripe(world: World, measured: Measured) -> None:
    """Nothing flows back.

    Given an invoice that a person changes in QBO,
    when the service verifies the books,
    then Stripe has the same objects as before.
    """
    record = world.books.one("Invoice", world.shop.ids["regular 1"])
    before = world.read_stripe().objects
    world.qbo("human", entity="Invoice", operation="update", body={"Id": record["Id"], "DueDate": "2026-12-31"})
    world.order("verify")
    assert world.read_stripe().objects == before
    world.qbo("human", entity="Invoice", operation="update", body={"Id": record["Id"], "DueDate": record["DueDate"]})
    world.order("verify")
    measured("1 invoice changed in QBO and changed back, 0 of Stripe's objects changed")


@criterion(OUT_OF_SCOPE, "- QBO pricing/product management")
def test_no_item_or_account_of_qbo_is_made_or_changed(world: World, measured: Measured) -> None:
    """QBO's products and accounts belong to the company.

    Given every request that reached QBO,
    when its effects are listed,
    then no item, account, vendor or tax code was made, changed or removed.
    """
    effects = world.books.requests["effects"]
    assert [name for name in effects if re.search(r"(Item|Account|Vendor|TaxCode|Class)$", name)] == []
    used = {
        line["SalesItemLineDetail"]["ItemRef"]["value"]
        for one in world.books.objects["Invoice"]
        for line in one["Line"]
        if line["DetailType"] == "SalesItemLineDetail"
    }
    assert used <= {one["Id"] for one in world.books.objects["Item"]}
    measured("0 items and 0 accounts made or changed")


def test_the_tests_own_arithmetic_knows_a_wrong_cent(world: World) -> None:
    """The comparison itself can fail: a total that is one cent off is not equal."""
    invoice = world.stripe.finalized[0]
    record = world.books.one("Invoice", invoice["id"])
    assert cents(record["TotalAmt"]) != invoice["total"] + 1
    for charge, parts in list(world.stripe.paying().items())[:1]:
        check_payment(world, charge, parts)
    payout = world.stripe.arrived[0]
    assert into_bank(world, deposit_of(world, payout)) == payout["amount"]
