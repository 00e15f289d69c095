"""Known edge cases, and what is hard for idempotency."""

from collections import Counter

from tests.acceptance.books_side import cents, linked, mark
from tests.acceptance.conftest import Measured
from tests.acceptance.findings import account_ids, deposit_of, into_bank, share
from tests.acceptance.history import TWIN_NAME, UNWRITABLE_NAME, VENDOR_NAME
from tests.acceptance.source import criterion
from tests.acceptance.stripe_side import utc_day
from tests.acceptance.trouble import Redelivery, Restart
from tests.acceptance.world import World

EDGE, IDEMPOTENCY = "Known Edge Cases", "Idempotency Challenges"


@criterion(EDGE, "- Partial payments and refunds")
def test_partial_payments_and_refunds(world: World, measured: Measured) -> None:
    """Parts stay parts.

    Given an invoice paid in three parts and one that is refunded in two,
    when the books are read,
    then there are three payments that add up to it, and two refund receipts that add up to what was given back.
    """
    ids, books = world.shop.ids, world.books
    record = books.one("Invoice", ids["in three parts"])
    parts = [linked(one, "Invoice").get(record["Id"], 0) for one in books.objects["Payment"]]
    assert sorted(part for part in parts if part) == [7_778, 11_111, 11_111]
    assert cents(record["Balance"]) == 0
    given_back = [cents(books.one("RefundReceipt", ids[name])["TotalAmt"]) for name in ("first part", "second part")]
    charge = next(one for one in world.stripe.objects["charges"] if one["amount_refunded"] == sum(given_back))
    assert charge["amount"] == 20_000
    measured("3 payments of 111.11, 111.11 and 77.78 settle 300.00; 2 refunds of 50.00 and 23.45 of 200.00")


@criterion(EDGE, "- Split deposits and payouts")
def test_split_deposits_and_payouts(world: World, measured: Measured) -> None:
    """A payout of many rows is one deposit; what the bank feed has already is not entered again.

    Given payouts of several charges, refunds and disputes at once, one of them below zero,
    when they arrive, then each is one document of exactly its amount.
    Given a payout that a person has accepted from the bank feed (longer ago than the half minute for which the service
    believes what it has read), when it arrives, then that deposit is taken for it.
    """
    many = [one for one in world.stripe.arrived if len(world.stripe.rows_of_payouts[one["id"]]) > 1]
    below = [one for one in world.stripe.arrived if one["amount"] < 0]
    for payout in [*many, *below]:
        assert into_bank(world, deposit_of(world, payout)) == payout["amount"]
    shop = world.shop
    shop.act("charges", amount=5_000, customer=shop.customer("Customer of the Bank Feed"), description="Sale")
    world.tell()
    payout = world.next_payout()
    entered = {"amount": payout["amount"] / 100, "date": str(utc_day(payout["arrival_date"]))}
    made = world.qbo("human/bank_feed", **entered, category=account_ids(world)["Stripe Clearing"])
    shop.act("advance", days=5)
    world.look_anew()
    world.tell()
    check = world.api(f"payouts/{payout['id']}")["payout"]
    assert (check["state"], check["deposits"]) == ("adopted", [f"Deposit/{made['Deposit']['Id']}"])
    assert world.read_books().of("Deposit", payout["id"]) == []
    measured(
        f"{share(len(many), len(many), 'payouts of several rows')} and {len(below)} below zero: one document each; "
        "1 deposit of the bank feed adopted, 0 doubled"
    )


@criterion(EDGE, "- Failed webhook deliveries")
def test_a_webhook_that_is_never_delivered_is_found(world: World, measured: Measured) -> None:
    """A lost webhook loses nothing.

    Given a paid invoice of which no webhook ever arrives,
    when the sweep runs (as it does by itself every hour; here by `wescope sweep`),
    then the invoice and its payment are in QBO.
    """
    shop = world.shop
    lost = shop.paid("never told", shop.customer("Customer of Silence"), 4_321)
    world.news()  # and thrown away
    assert world.read_books().of("Invoice", lost) == []
    code, said = world.wescope("sweep", "--since", "2026-09-20")
    assert code == 0, said
    world.settle()
    books = world.read_books()
    assert cents(books.one("Invoice", lost)["TotalAmt"]) == 4_321
    assert cents(books.one("Invoice", lost)["Balance"]) == 0
    measured("1 paid invoice without any webhook: found by the sweep, 1 invoice and 1 payment")


@criterion(EDGE, "- QBO API rate limits")
def test_when_qbo_says_too_many_requests_work_waits_and_goes_on(world: World, measured: Measured) -> None:
    """Limits delay, and lose nothing.

    Given QBO that answers 429 (too many requests, come again in 3 s) to one request and to the next,
    when invoices are paid,
    then they are posted once QBO takes requests again, each once.
    """
    shop = world.shop
    world.qbo("knobs", retry_after_s=3)
    world.qbo_fault(kind="throttle", count=2, method="POST")
    throttled = [shop.paid(f"throttled {n}", shop.customer(f"Throttled Customer {n}"), 2_000 + n) for n in range(3)]
    world.tell()
    fired = sum(one["fired"] for one in world.bench.get(world.bench.qbo, "/_sandbox/faults")["faults"])
    world.bench.client.delete(f"{world.bench.qbo.url}/_sandbox/faults").raise_for_status()
    world.qbo("knobs", retry_after_s=0)
    assert fired == 2
    books = world.read_books()
    assert [cents(books.one("Invoice", one)["Balance"]) for one in throttled] == [0, 0, 0]
    measured(f"3 of 3 paid invoices posted once although {fired} requests were refused with 429")


@criterion(EDGE, "- Customer record conflicts")
def test_customers_with_names_that_qbo_refuses(world: World, measured: Measured) -> None:
    """Names never decide who somebody is.

    Given two Stripe customers of one name, one with the name of a vendor, one with characters that QBO refuses, and
    one without a name,
    when they are invoiced,
    then each is a customer of its own in QBO, with its own invoices.
    """
    ids, books = world.shop.ids, world.books
    names = {
        "two services": TWIN_NAME, "of the twin": TWIN_NAME, "of the vendor's name": VENDOR_NAME,
        "of the unwritable name": UNWRITABLE_NAME, "of nobody": "",
    }  # fmt: skip
    found = {}
    for invoice in names:
        customer = world.stripe.one(ids[invoice])["customer"]
        record = books.one("Customer", customer)
        assert books.one("Invoice", ids[invoice])["CustomerRef"]["value"] == record["Id"]
        found[invoice] = record
    assert len({one["Id"] for one in found.values()}) == len(names)
    assert len({one["DisplayName"] for one in found.values()}) == len(names)
    assert not set("\t:") & set(found["of the unwritable name"]["DisplayName"])
    measured(f"{len(names)} conflicting names, {len(names)} customers of their own in QBO")


# --- idempotency ------------------------------------------------------------------------------------------------------


@criterion(IDEMPOTENCY, "- Duplicate webhook events")
def test_duplicate_webhooks_write_nothing(redelivery: Redelivery, measured: Measured) -> None:
    """Given September's webhooks, when each comes twice more in any order, then all are taken, nothing is written."""
    assert set(redelivery.statuses) == {200}
    assert len(redelivery.statuses) == 2 * redelivery.events
    assert redelivery.writes == 0
    measured(f"{2 * redelivery.events} duplicates answered with 200, 0 writes to QBO")


@criterion(IDEMPOTENCY, "- System restarts during processing")
def test_a_service_that_is_killed_in_its_work_goes_on(restarted: Restart, measured: Measured) -> None:
    """A restart is safe at any moment.

    Given webhooks that are being worked off,
    when the service is killed without warning and started again,
    then every invoice and every payment is in QBO exactly once.
    """
    for invoice in restarted.invoices:
        record = restarted.books.one("Invoice", invoice)
        assert cents(record["Balance"]) == 0
        payments = [one for one in restarted.books.objects["Payment"] if record["Id"] in linked(one, "Invoice")]
        assert len(payments) == 1
    assert restarted.books.doubled() == []
    count = len(restarted.invoices)
    measured(f"{share(count, count, 'paid invoices')} posted once, with one payment each")


@criterion(IDEMPOTENCY, "- Manual QBO modifications")
def test_what_a_person_changed_is_reported_and_kept(world: World, measured: Measured) -> None:
    """People's changes are seen, and nobody writes over them unasked.

    Given an invoice whose due date a person changes in QBO,
    when the books are verified and the invoice is synchronized again,
    then the change is reported and stays; when the repair is ordered, then QBO equals Stripe again.
    """
    shop = world.shop
    invoice = shop.invoice("edited by hand", shop.customer("Customer of the Bookkeeper"), 7_700, days_until_due=30)
    world.tell()
    record = world.read_books().one("Invoice", invoice)
    world.qbo("human", entity="Invoice", operation="update", body={"Id": record["Id"], "DueDate": "2027-06-30"})
    world.order("verify", mode="full")
    (found,) = [one for one in world.api("drift") if one["qbo_id"] == record["Id"]]
    assert found["kind"] == "edited"
    world.order("sync", ids=[invoice])
    assert world.read_books().one("Invoice", invoice)["DueDate"] == "2027-06-30"
    world.order("drift/repair", ids=[found["id"]])
    repaired = world.read_books().one("Invoice", invoice)
    assert repaired["DueDate"] == record["DueDate"]
    assert Counter(mark(one) for one in world.read_books().objects["Invoice"])[mark(record)] == 1
    measured("1 change reported, 0 written over; after the repair 1 invoice, equal to Stripe")
