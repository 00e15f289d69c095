"""Probes of reading Stripe: version, lists, filters, expansions, pages, fields, events (facts/stripe.md 1, 3)."""

import asyncio
import time
from collections.abc import Mapping
from typing import Any

import stripe

from tests.live.bench import Bench
from tests.live.model import Details, NotTried, Seen
from tests.live.probes.shelf import ON_STRIPE, Shelf
from tests.live.reliances.stripe_behaviours import STORY_EVENTS
from tests.live.reliances.stripe_fields import FIELDS
from tests.live.run_marker import is_marked_in_stripe
from tests.live.stripe_story import Story
from wescope.errors import ObjectNotFound, StripeError
from wescope.stripe.client import StripeApi

SHELF = Shelf(ON_STRIPE)

_DAY_S = 86_400
_KEPT_S = 32 * _DAY_S
"""Above the 30 days documented, and above a calendar month: what is a month old at any hour proves nothing yet."""
_MARGIN_S = 60
_FAR_S = 4_000_000_000
_ROWS = ["data.balance_transaction", "data.failure_balance_transaction"]

_RATES = ["data.total_taxes.tax_rate_details.tax_rate", "data.shipping_cost.taxes"]

LISTS = (
    "/v1/balance_transactions", "/v1/charges", "/v1/credit_notes", "/v1/customers", "/v1/disputes", "/v1/events",
    "/v1/invoice_payments", "/v1/invoices", "/v1/payouts", "/v1/refunds", "/v1/topups",
)  # fmt: skip
"""Every list that the product reads."""


def asked_of_lists(story: Story, intent: str) -> Mapping[str, tuple[Mapping[str, Any], ...]]:
    """What the product asks of each list, with ids of the story; `intent` is the payment intent of its charge."""
    by_intent = {"payment": {"type": "payment_intent", "payment_intent": intent}}
    created = {"created": {"gte": 1, "lt": _FAR_S}}
    until = {"created": {"lte": _FAR_S}}
    return {
        "/v1/balance_transactions": (
            {**created, "currency": "usd", "expand": ["data.source"]}, until, {"source": story.charge},
        ),
        "/v1/charges": (created, {**until, "expand": _ROWS}, {"payment_intent": intent, "expand": ["data.customer"]}),
        "/v1/credit_notes": (created, until, {"invoice": story.credited_paid, "expand": _RATES}),
        "/v1/customers": (created,),
        "/v1/disputes": (created,),
        "/v1/events": (created, {"delivery_success": False}),
        "/v1/invoice_payments": ({"status": "paid"}, {"invoice": story.paid}, by_intent),
        "/v1/invoices": (
            created, until, {"status": "open"}, {"status": "uncollectible"},
            {"customer": story.customer, "expand": ["data.payments"]},
        ),
        "/v1/payouts": (created, {**until, "expand": _ROWS}, {"arrival_date": {"gte": 1}}),
        "/v1/refunds": (created, {**until, "expand": _ROWS}, {"charge": story.charge}),
        "/v1/topups": ({},),
    }  # fmt: skip


_EVENT_FIELDS = ("id", "object", "type", "created", "data", "api_version", "livemode", "pending_webhooks", "request")
_PATIENCE_S = 20


@SHELF.probe(
    "stripe.version",
    asks="Does Stripe answer in the version that the SDK pins?",
    expected="the SDK's",
    others={"another": False},
)
async def version(bench: Bench) -> Seen:
    """Read the account by the SDK, and its header."""
    answer: stripe.StripeResponse = await bench.stripe.desk.raw_request_async("get", "/v1/account")
    said = str(answer.headers.get("stripe-version", ""))
    return Seen(outcome="the SDK's" if said == stripe.api_version else "another", details={"version": said})


@SHELF.probe(
    "stripe.lists",
    asks="Does Stripe take every filter and expansion that the product's lists ask for?",
    expected="all accepted",
    others={"some refused": False},
)
async def lists(bench: Bench) -> Seen:
    """Ask each list for one object, once per set of parameters."""
    story = await bench.teller.story()
    intent = str((await bench.stripe.payments_of(story.paid))[0]["payment"]["payment_intent"])
    refused: dict[str, str | int | bool] = {}
    for path, sets in asked_of_lists(story, intent).items():
        for number, parameters in enumerate(sets):
            try:
                await bench.stripe.api.get(path, limit=1, **parameters)
            except StripeError as error:
                refused[f"{path} {number}"] = str(error.details.get("stripe_code", error.code))
    return Seen(outcome="some refused" if refused else "all accepted", details=refused)


@SHELF.probe(
    "stripe.expansions",
    asks="Does Stripe expand what single objects are asked with: payments, customer, rows, a charge's customer?",
    expected="all expanded",
    others={"some not": False},
)
async def expansions(bench: Bench) -> Seen:
    """Read an invoice, a charge and a refund with what the product expands."""
    story = await bench.teller.story()
    asked: Mapping[str, tuple[str, ...]] = {
        f"/v1/invoices/{story.paid}": ("payments", "customer"),
        f"/v1/charges/{story.charge}": ("balance_transaction", "customer"),
        f"/v1/refunds/{story.refund}": ("balance_transaction", "charge.customer"),
    }
    missing = []
    for path, names in asked.items():
        payload: Any = await bench.stripe.api.get(path, expand=list(names))
        for name in names:
            inner = payload
            for part in name.split("."):
                inner = inner.get(part) if isinstance(inner, Mapping) else None
            if not isinstance(inner, Mapping):
                missing.append(f"{path.split('/')[2]}.{name}")
    return Seen(outcome="some not" if missing else "all expanded", details={"missing": " ".join(missing)})


@SHELF.probe(
    "stripe.pages",
    asks="A list page by page: each object once, none left out?",
    expected="each once",
)
async def pages(bench: Bench) -> Seen:
    """Read the story's invoices two at a time, and all at once."""
    story = await bench.teller.story()
    whole = await bench.stripe.api.get("/v1/invoices", customer=story.customer, limit=100)
    ids: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = await bench.stripe.api.get("/v1/invoices", customer=story.customer, limit=2, **cursor)
        ids += [str(row["id"]) for row in page["data"]]
        if not page["has_more"]:
            break
        cursor = {"starting_after": ids[-1]}
    same = ids == [row["id"] for row in whole["data"]] and len(set(ids)) == len(ids)
    return Seen(outcome="each once" if same else "else", details={"objects": len(ids)})


@SHELF.probe(
    "stripe.missing_object",
    asks="An id that is not there: resource_missing?",
    expected="resource_missing",
)
async def missing_object(bench: Bench) -> Seen:
    """Read an invoice that never was."""
    try:
        await bench.stripe.api.get("/v1/invoices/in_0000wescopelive")
    except ObjectNotFound as error:
        return Seen(outcome=str(error.details.get("stripe_code", "404")))
    return Seen(outcome="found")


@SHELF.probe(
    "stripe.deleted_customer",
    asks="A customer that was deleted: still read, with `deleted` true and without its name?",
    expected="deleted",
    others={"missing": True},
)
async def deleted_customer(bench: Bench) -> Seen:
    """Make a customer, delete it, and read it."""
    if bench.stripe.is_local:
        raise NotTried("the stand-in deletes no customers")
    customer = await bench.stripe.customer()
    await bench.stripe.desk.v1.customers.delete_async(customer)
    try:
        found = await bench.stripe.api.get(f"/v1/customers/{customer}")
    except ObjectNotFound:
        return Seen(outcome="missing")
    return Seen(outcome="deleted" if found.get("deleted") and not found.get("name") else "else")


@SHELF.probe(
    "stripe.fields",
    asks="Do Stripe's objects have the fields that the product reads?",
    expected="all there",
    others={"some absent": False},
)
async def fields(bench: Bench) -> Seen:
    """Read one object of each kind and look for the names."""
    objects = await _objects(bench)
    absent = [
        f"{row.name}.{name}"
        for row in FIELDS
        if row.name in objects
        for name in row.fields
        if name.split(".")[0] not in objects[row.name]
    ]
    details: Details = {"absent": " ".join(absent), "kinds": len(objects)}
    return Seen(outcome="some absent" if absent else "all there", details=details)


async def _objects(bench: Bench) -> Mapping[str, Mapping[str, Any]]:
    story, api = await bench.teller.story(), bench.stripe.api
    charge = await api.get(f"/v1/charges/{story.charge}", expand=["balance_transaction"])
    invoice = await api.get(f"/v1/invoices/{story.paid}", expand=["payments"])
    note = await api.get(f"/v1/credit_notes/{story.note_after}")
    moves = await api.get(f"/v1/customers/{story.balance_customer}/balance_transactions", limit=1)
    found: dict[str, Mapping[str, Any]] = {
        "charge": charge,
        "balance_transaction": charge["balance_transaction"],
        "invoice": invoice,
        "line_item": invoice["lines"]["data"][0],
        "invoice_payment": invoice["payments"]["data"][0],
        "refund": await api.get(f"/v1/refunds/{story.refund}"),
        "credit_note": note,
        "credit_note_line_item": note["lines"]["data"][0],
        "customer": await api.get(f"/v1/customers/{story.balance_customer}"),
        "customer_balance_transaction": moves["data"][0],
        "account": await api.get("/v1/account"),
    }
    for path, kind in (("/v1/payouts", "payout"), ("/v1/disputes", "dispute"), ("/v1/topups", "topup")):
        page = await api.get(path, limit=1)
        found |= {kind: page["data"][0]} if page["data"] else {}
    return found


@SHELF.probe(
    "stripe.invoice_links",
    asks="Since 2025-03-31.basil neither the invoice nor the charge names the other; do invoice payments?",
    expected="by invoice payments only",
    others={"also by themselves": True},
)
async def invoice_links(bench: Bench) -> Seen:
    """Look for the old fields, and list the invoice payments both ways."""
    story, api = await bench.teller.story(), bench.stripe.api
    invoice = await api.get(f"/v1/invoices/{story.paid}")
    charge = await api.get(f"/v1/charges/{story.charge}")
    by_invoice = await bench.stripe.payments_of(story.paid)
    intent = str(by_invoice[0]["payment"].get("payment_intent"))
    asked = {"type": "payment_intent", "payment_intent": intent}
    by_intent = [row async for row in api.pages("/v1/invoice_payments", payment=asked)]
    if [row["id"] for row in by_intent] != [row["id"] for row in by_invoice]:
        return Seen(outcome="not by invoice payments")
    old = [
        name for one, name in ((invoice, "charge"), (invoice, "payment_intent"), (charge, "invoice")) if one.get(name)
    ]
    return Seen(outcome="also by themselves" if old else "by invoice payments only", details={"fields": " ".join(old)})


@SHELF.probe(
    "stripe.events",
    asks="Does each thing that happens make the event that the product listens to, within 20 s?",
    expected="all there",
    others={"some missing": False},
)
async def events(bench: Bench) -> Seen:
    """List the events of the story, until all are there."""
    await bench.teller.story()
    missing: set[str] = set(STORY_EVENTS)
    end = time.monotonic() + _PATIENCE_S
    while missing and time.monotonic() < end:
        rows = await _own_events(bench)
        missing = set(STORY_EVENTS) - {str(row["type"]) for row in rows}
        if missing:
            await asyncio.sleep(1)
    details: Details = {"missing": " ".join(sorted(missing))}
    return Seen(outcome="some missing" if missing else "all there", details=details)


async def _own_events(bench: Bench) -> list[dict[str, Any]]:
    """The newest events that are about objects of this run, or of its customers."""
    story = await bench.teller.story()
    ours = {story.customer, story.balance_customer}
    found = []
    invoice = await bench.stripe.api.get(f"/v1/invoices/{story.paid}")
    async for row in bench.stripe.api.pages("/v1/events", created={"gte": int(invoice["created"]) - _MARGIN_S}):
        thing = row["data"]["object"]
        is_ours = is_marked_in_stripe(thing) or ours & {str(thing.get("customer")), str(thing.get("id"))}
        about_invoice = thing.get("invoice") in {story.paid, story.credited_paid}
        if is_ours or about_invoice:
            found.append(row)
    return found


@SHELF.probe(
    "stripe.event_fields",
    asks="Has an event what a hint is made of: id, type, created, its object, and the version it was rendered in?",
    expected="all there",
    others={"some absent": False},
)
async def event_fields(bench: Bench) -> Seen:
    """Read an event of the story, in the list and by its id."""
    rows = await _own_events(bench)
    if not rows:
        raise NotTried("no event of this run is there yet")
    one = await bench.stripe.api.get(f"/v1/events/{rows[0]['id']}")
    absent = [name for name in _EVENT_FIELDS if name not in one]
    absent += ["data.object.id"] if "id" not in one["data"]["object"] else []
    details: Details = {"absent": " ".join(absent), "api_version": str(one.get("api_version"))}
    return Seen(outcome="some absent" if absent else "all there", details=details)


@SHELF.probe(
    "stripe.event_retention",
    asks="Are events older than 32 days gone, as documented (30 days)?",
    expected="gone",
    others={"kept": True},
)
async def event_retention(bench: Bench) -> Seen:
    """Ask for the newest of them; an account that is younger proves nothing."""
    before = int(time.time()) - _KEPT_S
    older = await bench.stripe.api.get("/v1/events", limit=1, created={"lt": before})
    if older["data"]:
        return Seen(outcome="kept")
    old = await bench.stripe.api.get("/v1/customers", limit=1, created={"lt": before})
    if not old["data"]:
        raise NotTried("the account has nothing that is older than 32 days")
    return Seen(outcome="gone")


@SHELF.probe(
    "stripe.permissions",
    asks="May the key read all that the product reads?",
    expected="all",
    others={"some refused": False},
)
async def permissions(bench: Bench) -> Seen:
    """Ask each list that doctor asks, and the balance."""
    refused = []
    for path in (*LISTS, "/v1/webhook_endpoints", "/v1/balance"):
        try:
            await bench.stripe.api.get(path, **({} if path == "/v1/balance" else {"limit": 1}))
        except StripeError as error:
            refused.append(f"{path}:{error.code}")
    return Seen(outcome="some refused" if refused else "all", details={"refused": " ".join(refused)})


@SHELF.probe(
    "stripe.test_mode",
    asks="Does what a test key reads say livemode false?",
    expected="false",
)
async def test_mode(bench: Bench) -> Seen:
    """Read an invoice of the story."""
    story = await bench.teller.story()
    invoice = await bench.stripe.api.get(f"/v1/invoices/{story.paid}")
    api: StripeApi = bench.stripe.api
    return Seen(outcome=str(bool(invoice.get("livemode")) or api.livemode).lower())
