"""The data flow and its components, seen from outside."""

import json
from collections import Counter

from tests.acceptance.books_side import TRANSACTIONS, mark, stripe_id
from tests.acceptance.conftest import Measured
from tests.acceptance.findings import check_invoice, check_payment, exported_links, share
from tests.acceptance.logs import log_lines, traces
from tests.acceptance.source import criterion
from tests.acceptance.trouble import Redelivery, event_of
from tests.acceptance.world import World
from tests.integration.processes import sign

FLOW, COMPONENTS = "Data Flow", "Components"


@criterion(FLOW, "Stripe Webhooks → [Processing Layer] → QBO API")
def test_what_a_webhook_says_stands_in_qbo(world: World, measured: Measured) -> None:
    """Data flows from webhooks to QBO.

    Given the webhooks of September, each answered with 200,
    when the service has processed them,
    then every finalized invoice and every paid one that they named stands in QBO, written by the service.
    """
    named = {thing for _, kind, thing in map(event_of, world.sent.bodies) if kind == "invoice.finalized"}
    standing = {one["id"] for one in world.stripe.finalized} & named
    for invoice in standing:
        check_invoice(world, world.stripe.one(invoice))
    assert set(world.sent.statuses) == {200}
    measured(f"{len(world.sent.bodies)} webhooks in, {share(len(standing), len(standing), 'named invoices in QBO')}")


@criterion(FLOW, "Link Tables (Idempotency)")
def test_the_link_is_written_with_the_document(world: World, measured: Measured) -> None:
    """Given documents in QBO, when the link tables are read, then each row names Stripe's ids, QBO's id, request id."""
    rows = [row for row in exported_links(world) if row["state"] == "posted"]
    by_id = {(entity, one["Id"]): one for entity in (*TRANSACTIONS, "Customer") for one in world.books.objects[entity]}
    for row in rows:
        assert mark(by_id[row["entity"], row["qbo_id"]]) == row["document_key"]
        assert row["document_key"].partition(":")[0] in row["stripe_ids"].split() or row["stripe_ids"]
        assert row["request_id"]
    measured("every link names the document that carries its key, with Stripe's ids and a request id")


@criterion(FLOW, "Observability Logs")
def test_every_step_is_in_the_log(world: World, measured: Measured) -> None:
    """Given all webhooks of September, when the log is read, then each has a line, and so has each document."""
    lines = log_lines(world)
    received = {line["event_id"] for line in lines if line["message"] == "webhook"}
    sent = {event_of(body)[0] for body in world.sent.bodies}
    assert sent <= received
    applied = {line["document_key"] for line in lines if line["message"] == "document applied"}
    documents = {mark(one) for entity in TRANSACTIONS for one in world.books.objects[entity] if mark(one)}
    assert documents <= applied
    measured(
        f"{share(len(sent), len(sent), 'webhooks')} and {share(len(documents), len(documents), 'documents')} logged"
    )


@criterion(COMPONENTS, "- **Webhook Receiver**: Handle Stripe events")
def test_the_receiver_takes_what_is_signed_and_nothing_else(world: World, measured: Measured) -> None:
    """Only Stripe is believed.

    Given an event, when it comes with Stripe's signature, then it is taken (and known to be a duplicate here);
    when the signature is missing, wrong, old, or the body was changed, then it is refused.
    """
    body, url = world.sent.bodies[0], f"{world.service.url}/webhooks/stripe"
    secret = str(world.bench.stripe.announced["webhook_secret"])
    long_ago = 1_700_000_000
    attempts = {
        "signed": (body, sign(body, secret)),
        "not signed": (body, ""),
        "signed by somebody else": (body, sign(body, "whsec_somebody_else")),
        "changed after it was signed": (body + b" ", sign(body, secret)),
        "signed long ago": (body, sign(body, secret, timestamp=long_ago)),
    }
    answers = {
        name: world.bench.client.post(url, content=sent, headers={"Stripe-Signature": signature}).status_code
        for name, (sent, signature) in attempts.items()
    }
    assert answers.pop("signed") == 200
    assert set(answers.values()) == {400}
    measured(f"signed: 200; {', '.join(answers)}: 400")


@criterion(COMPONENTS, "- **Processing Engine**: Transform and validate data")
def test_the_engine_validates_before_and_after_it_writes(world: World, measured: Measured) -> None:
    """Nothing wrong is posted.

    Given an invoice whose lines do not add up to its total, as no correct Stripe invoice does,
    when its webhook comes,
    then nothing is posted: it is parked and named; when Stripe is right, it is posted.
    """
    shop = world.shop
    invoice = shop.invoice("of a wrong total", shop.customer("Erroneous Customer"), 10_000)
    right = world.stripe_object(f"invoices/{invoice}")
    wrong = {name: right[name] + 100 for name in ("total", "amount_due", "amount_remaining")}
    shop.act("objects", object={**right, **wrong})
    world.send(world.news())
    world.idle()
    posted_wrong = world.read_books().of("Invoice", invoice)
    (item,) = world.api("parked", subject=invoice)
    shop.act("objects", object=right, events=["invoice.updated"])
    world.tell()
    assert posted_wrong == []
    assert (item["code"], item["amount"]) == ("total_mismatch", "101.00")
    assert len(world.read_books().of("Invoice", invoice)) == 1
    measured("total_mismatch: 0 documents while it is wrong, 1 invoice when it is right")


@criterion(COMPONENTS, "- **QBO Client**: API integration with rate limiting")
def test_the_client_keeps_qbos_limits(world: World, measured: Measured) -> None:
    """QBO is never asked more than it allows.

    Given QBO's limits (10 requests a second, 500 a minute, 40 batches a minute, 10 at once),
    when two months of business are written,
    then QBO counts not one violation, and documents that are ready together travel in one batch.
    """
    requests = world.books.requests["requests"]
    starts = sorted(one["started_at"] for one in requests)
    most = max(sum(start <= other < start + 1000 for other in starts) for start in starts)
    assert world.books.requests["violations"] == 0
    assert most <= 10
    assert world.books.requests["max_in_flight"] <= 10
    assert "429" not in world.books.requests["statuses"]
    batches = [one for one in requests if one["operation"] == "batch"]
    assert any(len(one["effects"]) > 1 for one in batches)
    measured("0 violations of QBO's limits")
    measured.speed(f"at most {most} requests in one second; {world.books.count()} documents in {len(batches)} batches")


@criterion(COMPONENTS, "- **Link Tables**: Stripe↔QBO ID mappings")
def test_every_id_leads_to_the_other_side(world: World, measured: Measured) -> None:
    """Given an invoice, when `wescope explain` is asked for Stripe's id, then it names QBO's, and the other way."""
    invoice = world.stripe.one(world.shop.ids["in three parts"])
    record = world.books.one("Invoice", invoice["id"])
    code, from_stripe = world.wescope("explain", invoice["id"], "--no-plan")
    assert code == 0
    assert record["Id"] in {one["qbo_id"] for one in from_stripe["links"] if one["entity"] == "Invoice"}
    from_number = world.api(f"explain/{invoice['number']}")
    from_qbo = world.api(f"explain/{record['Id']}")
    for told in (from_number, from_qbo):
        assert invoice["id"] in json.dumps(told)
    payments = [one for one in from_stripe["links"] if one["entity"] == "Payment"]
    assert len(payments) == 3
    measured("Stripe's id, QBO's id and the number each lead to the invoice and its 3 payments")


@criterion(COMPONENTS, "- **Replay System**: Backfill historical data")
def test_the_backfill_brings_august(world: World, measured: Measured) -> None:
    """Given a month before the service was there, when `backfill` ran, then all of that month was in QBO."""
    books, ids = world.backfill["books"], world.stripe
    invoices = [one for one in ids.finalized if ids.invoice_date(one).month == 8]
    charges = [one for one in ids.paying() if ids.received_on(one).month == 8]
    assert all(len(books.of("Invoice", one["id"])) == 1 for one in invoices)
    assert all(len(books.of("Payment", one)) == 1 for one in charges)
    for charge in charges:
        check_payment(world, charge, ids.paying()[charge])
    measured(
        f"{share(len(invoices), len(invoices), 'invoices')} and "
        f"{share(len(charges), len(charges), 'payments')} of August"
    )


@criterion(COMPONENTS, "- **Observability**: Structured logging and metrics")
def test_logs_are_structured_and_metrics_count_what_happened(world: World, measured: Measured) -> None:
    """Given September, when log and metrics are read, then every line is JSON, and counts equal the webhooks sent."""
    lines = log_lines(world)
    assert all({"severity", "time", "message"} <= set(line) for line in lines)
    counted: Counter[str] = Counter()
    for name, value in world.metrics.items():
        if name.startswith("wescope_webhooks_total{"):
            counted[name.partition('type="')[2].partition('"')[0]] += int(value)
    sent = Counter(kind for _, kind, _ in map(event_of, world.sent.bodies))
    assert counted == sent
    assert world.metrics["wescope_posted"] == world.status["posted"]
    assert traces(lines)
    measured(f"{sent.total()} of {sent.total()} webhooks of {len(sent)} types counted; every log line is JSON")


def test_every_document_of_a_redelivery_is_ours(redelivery: Redelivery) -> None:
    """Helpers of other tests rely on it: each of our documents names its Stripe object."""
    ours = [one for entity in TRANSACTIONS for one in redelivery.books.objects[entity]]
    assert all(stripe_id(one) for one in ours)
