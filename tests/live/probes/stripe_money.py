"""Probes of Stripe's money: rows of the balance, payouts, credit notes, balances, statuses (facts/stripe.md 2)."""

import contextlib
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import httpx2

from tests.live import stripe_story as amounts
from tests.live.bench import Bench
from tests.live.model import Details, NotTried, Seen
from tests.live.probes.shelf import ON_STRIPE, Shelf
from wescope.errors import StripeError
from wescope.stripe.webhooks import verify

SHELF = Shelf(ON_STRIPE)

_PAYOUTS_LOOKED_AT = 100
_SECRET = "whsec_wescope_live"


@SHELF.probe(
    "stripe.balance_row",
    asks="A charge's row: net = amount - fee, category charge, its source the charge?",
    expected="as documented",
)
async def balance_row(bench: Bench) -> Seen:
    """Read the row of the story's charge."""
    story = await bench.teller.story()
    charge = await bench.stripe.api.get(f"/v1/charges/{story.charge}", expand=["balance_transaction"])
    row = charge.get("balance_transaction")
    if not isinstance(row, dict):
        raise NotTried("the charge has no row of the balance yet")
    good = row["net"] == row["amount"] - row["fee"] and row["source"] == story.charge
    fees = sum(part["amount"] for part in row["fee_details"])
    details: Details = {"category": row["reporting_category"], "type": row["type"], "fee_details": fees == row["fee"]}
    return Seen(outcome="as documented" if good and details["category"] == "charge" else "else", details=details)


@SHELF.probe(
    "stripe.refund_row",
    asks="A refund's row: category refund, below zero, without a fee?",
    expected="as documented",
    others={"with a fee": True},
)
async def refund_row(bench: Bench) -> Seen:
    """Read the row of the story's refund."""
    story = await bench.teller.story()
    refund = await bench.stripe.api.get(f"/v1/refunds/{story.refund}", expand=["balance_transaction"])
    row = refund.get("balance_transaction")
    if not isinstance(row, dict):
        raise NotTried(f"the refund has no row yet: {refund.get('status')}")
    details: Details = {"category": row["reporting_category"], "type": row["type"], "fee": row["fee"]}
    if row["reporting_category"] != "refund" or row["amount"] >= 0:
        return Seen(outcome="else", details=details)
    return Seen(outcome="with a fee" if row["fee"] else "as documented", details=details)


@SHELF.probe(
    "stripe.refunded_invoice",
    asks="A refund of an invoice's payment: does the invoice stay paid?",
    expected="paid",
    others={"open": True},
)
async def refunded_invoice(bench: Bench) -> Seen:
    """Read the story's refunded invoice."""
    story = await bench.teller.story()
    return Seen(outcome=str((await bench.stripe.api.get(f"/v1/invoices/{story.paid}"))["status"]))


@SHELF.probe(
    "stripe.credit_note_before_payment",
    asks="A credit note on an open invoice: does it lower amount_remaining alone, or amount_due, too?",
    expected="remaining only",
    others={"both": True},
)
async def credit_note_before_payment(bench: Bench) -> Seen:
    """Read the story's credited open invoice."""
    story = await bench.teller.story()
    invoice = await bench.stripe.api.get(f"/v1/invoices/{story.credited_open}")
    left = amounts.OPEN - amounts.CREDITED_BEFORE
    details: Details = {"amount_due": invoice["amount_due"], "amount_remaining": invoice["amount_remaining"]}
    if invoice["amount_remaining"] != left:
        return Seen(outcome="else", details=details)
    return Seen(outcome="both" if invoice["amount_due"] == left else "remaining only", details=details)


@SHELF.probe(
    "stripe.credit_note_refund",
    asks="A credit note that refunds: does it name its refund, in refunds[]?",
    expected="names it",
    others={"does not": False},
)
async def credit_note_refund(bench: Bench) -> Seen:
    """Read the story's credit note of a paid invoice."""
    story = await bench.teller.story()
    note = await bench.stripe.api.get(f"/v1/credit_notes/{story.note_after}")
    refunds = [str(part.get("refund")) for part in note.get("refunds") or []]
    details: Details = {"type": str(note.get("type")), "post_payment_amount": int(note.get("post_payment_amount") or 0)}
    named = len(refunds) == 1 and refunds[0].startswith(("re_", "pyr_"))
    return Seen(outcome="names it" if named else "does not", details=details)


@SHELF.probe(
    "stripe.void_invoice",
    asks="A void invoice: do its amounts stay, so that its status alone says that it is void?",
    expected="kept",
    others={"zeroed": True},
)
async def void_invoice(bench: Bench) -> Seen:
    """Read the story's void invoice."""
    story = await bench.teller.story()
    invoice = await bench.stripe.api.get(f"/v1/invoices/{story.void}")
    if invoice["status"] != "void" or not invoice["status_transitions"]["voided_at"]:
        return Seen(outcome=str(invoice["status"]))
    return Seen(outcome="kept" if invoice["amount_remaining"] == amounts.OPEN else "zeroed")


@SHELF.probe(
    "stripe.uncollectible_invoice",
    asks="An invoice that was written off: does it say when?",
    expected="says when",
)
async def uncollectible_invoice(bench: Bench) -> Seen:
    """Read the story's uncollectible invoice."""
    story = await bench.teller.story()
    invoice = await bench.stripe.api.get(f"/v1/invoices/{story.uncollectible}")
    says = invoice["status"] == "uncollectible" and invoice["status_transitions"]["marked_uncollectible_at"]
    return Seen(outcome="says when" if says else str(invoice["status"]))


@SHELF.probe(
    "stripe.out_of_band",
    asks="An invoice paid out of band: paid, told by amount_paid_off_stripe, and without a charge?",
    expected="told, no charge",
    others={"not told, no charge": True},
)
async def out_of_band(bench: Bench) -> Seen:
    """Read the story's invoice that was paid elsewhere, and its invoice payments."""
    story = await bench.teller.story()
    invoice = await bench.stripe.api.get(f"/v1/invoices/{story.out_of_band}")
    paid = [row for row in await bench.stripe.payments_of(story.out_of_band) if row["status"] == "paid"]
    charged = [row for row in paid if row["payment"]["type"] != "payment_record"]
    details: Details = {
        "status": str(invoice["status"]), "amount_paid_off_stripe": int(invoice.get("amount_paid_off_stripe") or 0),
        "payments": len(paid),
    }  # fmt: skip
    if invoice["status"] != "paid" or charged:
        return Seen(outcome="else", details=details)
    return Seen(
        outcome="told, no charge" if details["amount_paid_off_stripe"] else "not told, no charge", details=details
    )


@SHELF.probe(
    "stripe.customer_balance",
    asks="A credit of the customer used by an invoice: total less amount_due, with a move applied_to_invoice?",
    expected="as documented",
)
async def customer_balance(bench: Bench) -> Seen:
    """Read the story's invoice that used a balance, and the moves."""
    story = await bench.teller.story()
    invoice = await bench.stripe.api.get(f"/v1/invoices/{story.balance_used}")
    moves = [
        row async for row in bench.stripe.api.pages(f"/v1/customers/{story.balance_customer}/balance_transactions")
    ]
    used = [row for row in moves if row["type"] == "applied_to_invoice" and row["invoice"] == story.balance_used]
    details: Details = {
        "amount_due": invoice["amount_due"], "starting_balance": invoice["starting_balance"], "moves": len(moves),
    }  # fmt: skip
    good = invoice["total"] - invoice["amount_due"] == -amounts.BALANCE and len(used) == 1
    return Seen(outcome="as documented" if good else "else", details=details)


@SHELF.probe(
    "stripe.small_invoice",
    asks="An invoice too small to charge: paid at once, its amount a debt on the customer's balance?",
    expected="on the balance",
    others={"open": True},
)
async def small_invoice(bench: Bench) -> Seen:
    """Finalize an invoice of 20 minor units."""
    customer = await bench.stripe.customer()
    identifier = await bench.stripe.open_invoice(customer, amounts.TOO_SMALL)
    invoice = await bench.stripe.api.get(f"/v1/invoices/{identifier}")
    moves = [row["type"] async for row in bench.stripe.api.pages(f"/v1/customers/{customer}/balance_transactions")]
    details: Details = {"status": str(invoice["status"]), "moves": " ".join(moves)}
    moved = "invoice_too_small" in moves and invoice["status"] == "paid"
    return Seen(outcome="on the balance" if moved else str(invoice["status"]), details=details)


async def _payouts(bench: Bench, *, automatic: bool) -> list[dict[str, Any]]:
    page = await bench.stripe.api.get("/v1/payouts", limit=_PAYOUTS_LOOKED_AT)
    return [row for row in page["data"] if bool(row["automatic"]) is automatic]


@SHELF.probe(
    "stripe.payout_rows",
    asks="The rows of an automatic payout (payout=): do they add up to it, with its own row among them?",
    expected="add up, own row among them",
    others={"add up, without its own row": True},
)
async def payout_rows(bench: Bench) -> Seen:
    """Add up the rows of the account's newest reconciled payout."""
    done = [row for row in await _payouts(bench, automatic=True) if row["reconciliation_status"] == "completed"]
    if not done:
        raise NotTried("the account has no automatic payout that is reconciled (daily payouts bring one the next day)")
    payout = done[0]
    rows = [row async for row in bench.stripe.api.pages("/v1/balance_transactions", payout=payout["id"])]
    own = [row for row in rows if row["source"] == payout["id"]]
    net = sum(row["net"] for row in rows if row not in own)
    if net != payout["amount"]:
        return Seen(outcome="do not add up", details={"rows": len(rows), "difference": net - payout["amount"]})
    outcome = "add up, own row among them" if own else "add up, without its own row"
    return Seen(outcome=outcome, details={"rows": len(rows)})


@SHELF.probe(
    "stripe.manual_payout_rows",
    asks="The rows of a payout that was made by hand: refused?",
    expected="refused",
    others={"none": True},
)
async def manual_payout_rows(bench: Bench) -> Seen:
    """Ask for the rows of a manual payout."""
    manual = await _payouts(bench, automatic=False)
    if not manual:
        raise NotTried("the account has no payout that was made by hand")
    try:
        page = await bench.stripe.api.get("/v1/balance_transactions", payout=manual[0]["id"], limit=1)
    except StripeError as error:
        return Seen(outcome="refused", details={"answer": str(error.details.get("stripe_code", error.code))})
    return Seen(outcome="some" if page["data"] else "none")


@SHELF.probe(
    "stripe.payout_schedule",
    asks="Does the account say how its payouts are made, in settings.payouts.schedule.interval?",
    expected="says it",
    others={"absent": False},
)
async def payout_schedule(bench: Bench) -> Seen:
    """Read the account."""
    account = await bench.stripe.api.get("/v1/account")
    interval = (((account.get("settings") or {}).get("payouts") or {}).get("schedule") or {}).get("interval")
    return Seen(outcome="says it" if interval else "absent", details={"interval": str(interval)})


@SHELF.probe(
    "stripe.signature",
    asks="A webhook's signature: HMAC-SHA256 over timestamp and raw body, as v1 in Stripe-Signature?",
    expected="as documented",
)
async def signature(bench: Bench) -> Seen:
    """Have a webhook delivered to this machine. Stripe itself cannot reach it."""
    if not bench.stripe.is_local:
        raise NotTried("Stripe delivers to public addresses only; `stripe listen` or the deployed service shows it")
    await bench.teller.story()
    with _receiver() as (url, received):
        wanted = {"url": url, "secrets": [_SECRET], "limit": 1, "only_undelivered": False}
        async with httpx2.AsyncClient(base_url=bench.stripe.api_base, timeout=30) as control:
            answer = await control.post("/_sandbox/deliver", json=wanted)
    if not received:
        return Seen(outcome="not delivered", details={"status": answer.status_code})
    header, body = received[0]
    hint = verify(body, header, [_SECRET], datetime.now(UTC))
    return Seen(outcome="as documented" if hint.event_id else "else")


@contextlib.contextmanager
def _receiver() -> Iterator[tuple[str, list[tuple[str, bytes]]]]:
    """A receiver of webhooks on this machine: its address, and signature and body of what has come."""
    received: list[tuple[str, bytes]] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.append((self.headers.get("Stripe-Signature", ""), body))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing is logged."""

    with HTTPServer(("127.0.0.1", 0), Receiver) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/", received
        finally:
            server.shutdown()
            thread.join()
