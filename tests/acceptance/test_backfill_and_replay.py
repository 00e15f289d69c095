"""The backfill, replays, and whether both sides are consistent."""

from collections import Counter

from tests.acceptance.books_side import cents, stripe_id
from tests.acceptance.conftest import Measured
from tests.acceptance.findings import share
from tests.acceptance.source import criterion
from tests.acceptance.world import World

INITIAL, ONGOING = "Initial Backfill", "Ongoing Replay"


@criterion(INITIAL, "- Historical Stripe data ingestion")
def test_history_is_ingested(world: World, measured: Measured) -> None:
    """History comes without webhooks.

    Given August, of which no webhook was ever sent to the service,
    when `wescope backfill` has run,
    then all documents of August were in QBO before the first webhook, as many as its dry run had announced.
    """
    books, end = world.backfill["books"], world.backfill["end"]
    announced: Counter[str] = Counter()
    for row in world.backfill["dry run"][1]["forecast"]["rows"]:
        announced[row["entity"]] += row["count"]
    assert Counter(end["posted"]) == announced
    invoices = [one for one in world.stripe.finalized if world.stripe.invoice_date(one).month == 8]
    for invoice in invoices:
        assert cents(books.one("Invoice", invoice["id"])["TotalAmt"]) == invoice["total"]
    assert world.backfill["writes of the dry run"] == 0
    measured(f"{announced.total()} announced by the dry run (0 writes), {announced.total()} posted")


@criterion(INITIAL, "- QBO state validation")
def test_qbo_is_checked_first(world: World, measured: Measured) -> None:
    """The state of QBO is looked at before anything is written.

    Given a QBO company that lacks an account that the postings need,
    when the checks of `wescope doctor` run,
    then the missing account is named with what mends it; and the backfill's own checks had run before it began.
    """
    clearing = next(one for one in world.books.objects["Account"] if one["Name"] == "Stripe Fees")
    world.qbo("human", entity="Account", operation="update", body={"Id": clearing["Id"], "Name": "Renamed Fees"})
    code, said = world.wescope("doctor")
    world.qbo("human", entity="Account", operation="update", body={"Id": clearing["Id"], "Name": "Stripe Fees"})
    wrong = [one for one in said["checks"] if not one["ok"] and one["severity"] == "error"]
    assert code == 1
    assert any("Stripe Fees" in one["detail"] and one["remedy"] for one in wrong)
    checks = world.backfill["dry run"][1]["checks"]
    assert all(one["severity"] == "warning" for one in checks if not one["ok"])
    measured("a missing account is named with its remedy; the backfill began after checks without an error")


@criterion(INITIAL, "- Incremental processing with checkpoints")
def test_a_killed_backfill_goes_on_where_it_was(world: World, measured: Measured) -> None:
    """Nothing is begun from the beginning.

    Given a backfill whose process is killed in its middle,
    when the service starts again,
    then the same run goes on from its checkpoint: each object was listed once, and nothing is there twice.
    """
    killed, end = world.backfill["killed at"], world.backfill["end"]
    listed = world.backfill["dry run"][1]["forecast"]["listed"]
    assert 0 < killed["counts"]["step"] < killed["counts"]["steps"]
    assert end["run_id"] == killed["run_id"]
    assert end["counts"]["listed"] == listed
    assert world.backfill["books"].doubled() == []
    measured(f"{listed} objects listed in all, each once; 0 doubled")
    measured.speed(f"killed at step {killed['counts']['step']} of {killed['counts']['steps']}")


@criterion(ONGOING, "- Failed event reprocessing")
def test_what_had_failed_is_processed_again(world: World, measured: Measured) -> None:
    """What failed comes when its cause is gone.

    Given a person who has made the item of the sales inactive in QBO,
    when an invoice's webhook comes, then it is parked and named; when the item is active again and somebody orders
    `wescope replay --failed`, then it is posted.
    """
    shop = world.shop
    item = next(one["Id"] for one in world.books.objects["Item"] if one["Name"] == "Stripe Sales")
    world.qbo("human", entity="Item", operation="update", body={"Id": item, "Active": False})
    invoice = shop.invoice("of an inactive item", shop.customer("Customer of the Inactive Item"), 6_160)
    world.send(world.news())
    world.idle()
    code, said = world.wescope("parked", "--subject", invoice)
    assert (code, len(said["parked"])) == (1, 1)
    assert said["parked"][0]["remedy"]
    assert world.read_books().of("Invoice", invoice) == []
    world.qbo("human", entity="Item", operation="update", body={"Id": item, "Active": True})
    code, _ = world.wescope("replay", "--failed", "--yes")
    world.settle()
    assert cents(world.read_books().one("Invoice", invoice)["TotalAmt"]) == 6_160
    measured("1 parked and named, 1 posted by the replay")


@criterion(ONGOING, "- Manual trigger capability")
def test_one_object_can_be_synchronized_by_hand(world: World, measured: Measured) -> None:
    """Somebody can order it.

    Given a new invoice of which no webhook came,
    when a dry run is ordered, then it says what it would do and writes nothing;
    when `wescope sync ID` is called, then the invoice is in QBO.
    """
    shop = world.shop
    invoice = shop.invoice("by hand", shop.customer("Customer of the Operator"), 5_005)
    world.news()  # and thrown away
    before = world.writes()
    planned = world.order("sync", ids=[invoice], dry_run=True)
    assert world.writes() == before
    code, _ = world.wescope("sync", invoice)
    assert code == 0
    assert cents(world.read_books().one("Invoice", invoice)["TotalAmt"]) == 5_005
    assert invoice in str(planned)
    measured("dry run: 0 writes; by hand: 1 invoice")


@criterion(ONGOING, "- State consistency verification")
def test_both_sides_are_compared(world: World, measured: Measured) -> None:
    """Consistency can be asked for at any time.

    Given all that has happened,
    when `wescope tieout` compares Stripe with QBO and `wescope verify` QBO with the links,
    then the difference is 0.00, no change is found, and the comparison's receivables are those of this test.
    """
    world.settle()
    stripe, books = world.read_stripe(), world.read_books()
    code, tieout = world.wescope("tieout")
    assert (code, tieout["difference"], tieout["unexplained"]) == (0, "0.00", "0.00")
    owed = stripe.owed()
    assert books.receivable() == owed
    told = {row["customer_id"]: round(float(row["stripe"]) * 100) for row in tieout["receivable"]}
    assert told == owed
    _, verified = world.wescope("verify", "--full")
    ours = {one["Id"] for found in books.objects.values() for one in found if stripe_id(one)}
    assert [one for one in verified["drift"] if one["state"] == "open" and one["qbo_id"] in ours] == []
    measured("difference 0.00, receivables equal customer by customer, 0 open changes")
    measured.speed(f"{share(len(owed), len(owed), 'debtors')}, {books.count()} documents")
