"""The main scenarios over both services: invoice, payment, refund, credit note, payout as the product posts them."""

from tests.live import stripe_story as amounts
from tests.live.bench import Bench
from tests.live.mirror import Mirror
from tests.live.model import NotTried, Seen
from tests.live.probes.shelf import ON_BOTH, Shelf
from wescope.books.documents import Entity
from wescope.books.money import to_decimal
from wescope.books.subjects import Subject, SubjectKind, invoice_key

SHELF = Shelf(ON_BOTH)


def _seen(mirror: Mirror, *problems: str) -> Seen:
    """`equal` if nothing differs and nothing is parked."""
    found = [*mirror.wrong, *mirror.parked, *(one for one in problems if one)]
    details = {"documents": " ".join(mirror.entities), "differences": "; ".join(found)}
    return Seen(outcome="differs" if found else "equal", details=details)


async def _open(mirror: Mirror, invoice: str, expected: int) -> str:
    """What is wrong about the open amount of an invoice; empty if it is as expected (minor units)."""
    balance = await mirror.balance(Entity.INVOICE, invoice_key(invoice))
    return "" if balance == to_decimal(expected, mirror.bench.stripe.currency) else f"open {balance}"


def _invoice(identifier: str) -> Subject:
    return Subject(kind=SubjectKind.INVOICE, id=identifier)


@SHELF.probe(
    "scenario.invoice_and_payment",
    asks="An invoice of two lines, paid by card: invoice and payment in QBO, nothing open?",
    expected="equal",
    others={"differs": False},
)
async def invoice_and_payment(bench: Bench) -> Seen:
    """Post the story's paid invoice."""
    story, mirror = await bench.teller.story(), Mirror(bench)
    await mirror.post(_invoice(story.paid))
    return _seen(mirror, await _open(mirror, story.paid, 0))


@SHELF.probe(
    "scenario.refund",
    asks="A refund of a part: a refund receipt out of clearing?",
    expected="equal",
    others={"differs": False},
)
async def refund(bench: Bench) -> Seen:
    """Post the story's refund."""
    story, mirror = await bench.teller.story(), Mirror(bench)
    await mirror.post(Subject(kind=SubjectKind.REFUND, id=story.refund))
    return _seen(mirror, "" if Entity.REFUND_RECEIPT.value in mirror.entities else "no refund receipt")


@SHELF.probe(
    "scenario.credit_note",
    asks="A credit note on an open invoice: a credit memo applied to it, the rest open?",
    expected="equal",
    others={"differs": False},
)
async def credit_note(bench: Bench) -> Seen:
    """Post the story's credited open invoice."""
    story, mirror = await bench.teller.story(), Mirror(bench)
    await mirror.post(_invoice(story.credited_open))
    return _seen(mirror, await _open(mirror, story.credited_open, amounts.OPEN - amounts.CREDITED_BEFORE))


@SHELF.probe(
    "scenario.write_off",
    asks="An invoice that was written off: a credit memo on the bad-debt item, nothing open?",
    expected="equal",
    others={"differs": False},
)
async def write_off(bench: Bench) -> Seen:
    """Post the story's uncollectible invoice."""
    story, mirror = await bench.teller.story(), Mirror(bench)
    await mirror.post(_invoice(story.uncollectible))
    return _seen(mirror, await _open(mirror, story.uncollectible, 0))


@SHELF.probe(
    "scenario.out_of_band",
    asks="An invoice paid out of band: a payment into the out-of-band account, nothing open?",
    expected="equal",
    others={"differs": False},
)
async def out_of_band(bench: Bench) -> Seen:
    """Post the story's invoice that was paid elsewhere."""
    story, mirror = await bench.teller.story(), Mirror(bench)
    await mirror.post(_invoice(story.out_of_band))
    return _seen(mirror, await _open(mirror, story.out_of_band, 0))


@SHELF.probe(
    "scenario.sale_without_invoice",
    asks="A charge without an invoice: a sales receipt into clearing?",
    expected="equal",
    others={"differs": False},
)
async def sale_without_invoice(bench: Bench) -> Seen:
    """Sell something without an invoice, and post it."""
    story, mirror = await bench.teller.story(), Mirror(bench)
    charge = await bench.stripe.sell(story.customer, amounts.OPEN)
    await mirror.post(Subject(kind=SubjectKind.CHARGE, id=charge))
    return _seen(mirror, "" if Entity.SALES_RECEIPT.value in mirror.entities else "no sales receipt")


@SHELF.probe(
    "scenario.payout",
    asks="A reconciled payout: a deposit of the net with clearing lines and negative fee lines?",
    expected="equal",
    others={"differs": False},
)
async def payout(bench: Bench) -> Seen:
    """Post the deposit of the account's newest reconciled payout, whatever its rows are; it is removed again."""
    page = await bench.stripe.api.get("/v1/payouts", limit=100, status="paid")
    done = [row for row in page["data"] if row["automatic"] and row["reconciliation_status"] == "completed"]
    if not done:
        raise NotTried("the account has no automatic payout that is reconciled (daily payouts bring one the next day)")
    mirror = Mirror(bench)
    await mirror.post(Subject(kind=SubjectKind.PAYOUT, id=str(done[0]["id"])))
    wanted = Entity.DEPOSIT if done[0]["amount"] >= 0 else Entity.JOURNAL_ENTRY
    return _seen(mirror, "" if wanted.value in mirror.entities else f"no {wanted.value}")
