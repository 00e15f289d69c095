"""Closing: what happens in Stripe on days whose books are closed in QBO by the time it is posted."""

from datetime import UTC, datetime
from typing import Any

from tests.situations.case import Case
from tests.situations.scene import Scene
from wescope.books.policy import ClosedPeriod, Policy

AR, CLEARING, SALES = "Accounts Receivable (A/R)", "Stripe Clearing", "Sales of Product Income"
BANK, FEES = "Checking", "Stripe Fees"

SEPTEMBER_CLOSED = {"book_close_date": "2026-09-30"}
NEXT_OPEN_DAY = Policy(closed_period=ClosedPeriod.NEXT_OPEN_DAY)


def _close(desk: Any, until: str) -> None:
    desk.qbo.company.turn(book_close_date=until)


def _invoiced(scene: Scene) -> None:
    scene.at("2026-09-10T18:00:00Z")
    scene.invoice(scene.customer(), 10_000)


def _paid(scene: Scene) -> None:
    _invoiced(scene)
    scene.at("2026-09-15T18:00:00Z").pay(_newest(scene, "invoice"))


def _refunded(scene: Scene) -> None:
    _paid(scene)
    scene.at("2026-09-20T18:00:00Z").do("create_refund", charge=_newest(scene, "charge"), amount=4000)


def _newest(scene: Scene, kind: str) -> str:
    return str(scene.business.account.store.all(kind)[-1]["id"])


def _reopen(desk: Any, _scene: Scene) -> None:
    assert (desk.records("Invoice"), desk.records("Payment")) == ([], [])
    _close(desk, "")


def _moved_with_its_date(desk: Any, scene: Scene) -> None:
    """What was moved says so; then its due date changes in Stripe."""
    (invoice,), (payment,) = desk.records("Invoice"), desk.records("Payment")
    assert (invoice["TxnDate"], payment["TxnDate"]) == ("2026-10-01", "2026-10-01")
    assert "original date 2026-09-10" in invoice["PrivateNote"].splitlines()
    assert "original date 2026-09-15" in payment["PrivateNote"].splitlines()
    due = datetime(2026, 11, 2, 18, tzinfo=UTC)
    scene.business.invoices.find(_newest(scene, "invoice"))["due_date"] = int(due.timestamp())


def _still_moved(desk: Any, _scene: Scene) -> None:
    (invoice,) = desk.records("Invoice")
    assert (invoice["TxnDate"], invoice["DueDate"]) == ("2026-10-01", "2026-11-02")
    assert "original date 2026-09-10" in invoice["PrivateNote"].splitlines()


def _void_after_a_close_in_mid_month(desk: Any, scene: Scene) -> None:
    scene.at("2026-09-25T18:00:00Z").do("void_invoice", id=_newest(scene, "invoice"))
    _close(desk, "2026-09-15")


def _void_after_the_close(desk: Any, scene: Scene) -> None:
    scene.at("2026-09-25T18:00:00Z").do("void_invoice", id=_newest(scene, "invoice"))
    _close(desk, "2026-09-30")


def _reopen_for_the_void(desk: Any, _scene: Scene) -> None:
    assert desk.balance(AR) == 100
    _close(desk, "")


def _refund_fails_after_a_close(desk: Any, scene: Scene) -> None:
    scene.at("2026-09-25T18:00:00Z").do("fail_refund", id=_newest(scene, "refund"))
    _close(desk, "2026-09-22")


def _refund_fails_in_october(desk: Any, scene: Scene) -> None:
    _close(desk, "2026-09-30")
    scene.at("2026-10-05T18:00:00Z").do("fail_refund", id=_newest(scene, "refund"))


def _payout_arrives_in_the_closed_month(desk: Any, scene: Scene) -> None:
    scene.at("2026-09-28T18:00:00Z")
    _close(desk, "2026-09-30")


def _paid_in_october(desk: Any, scene: Scene) -> None:
    _close(desk, "2026-09-30")
    scene.at("2026-10-05T18:00:00Z").pay(_newest(scene, "invoice"))


def _debited(scene: Scene) -> None:
    _invoiced(scene)
    scene.at("2026-09-11T18:00:00Z").pay(_newest(scene, "invoice"), method="debit")
    scene.at("2026-09-16T18:00:00Z")


def _debit_fails_after_a_close(desk: Any, scene: Scene) -> None:
    scene.at("2026-09-25T18:00:00Z").do("fail_charge_later", id=_newest(scene, "charge"))
    _close(desk, "2026-09-20")


def _due_date_changes_after_the_close(desk: Any, scene: Scene) -> None:
    _close(desk, "2026-09-30")
    due = datetime(2026, 11, 2, 18, tzinfo=UTC)
    scene.business.invoices.find(_newest(scene, "invoice"))["due_date"] = int(due.timestamp())


def _reopen_for_the_change(desk: Any, _scene: Scene) -> None:
    assert desk.records("Invoice")[0]["DueDate"] < "2026-11-02"
    _close(desk, "")


def _changed(desk: Any, _scene: Scene) -> None:
    (invoice,) = desk.records("Invoice")
    assert (invoice["TxnDate"], invoice["DueDate"]) == ("2026-09-10", "2026-11-02")


CLOSING = (
    Case(
        name="closed_books_park",
        story="September was closed in QBO before its invoice and payment were posted: both are parked with their "
        "amounts, and nothing is written.",
        play=_paid,
        balances={},
        parked={"in_1:invoice": "period_closed", "ch_1:payment": "waiting"},
        at_stake={"in_1:invoice": "100.00 usd"},
        difference="100.00",
        knobs=SEPTEMBER_CLOSED,
    ),
    Case(
        name="closed_books_are_opened_again",
        story="What was parked because of the closed September is posted by itself, on its own dates, as soon as the "
        "books are open.",
        play=_paid,
        balances={CLEARING: "100.00", SALES: "-100.00"},
        dates={"in_1:invoice": "2026-09-10", "ch_1:payment": "2026-09-15"},
        then=(_reopen,),
        knobs=SEPTEMBER_CLOSED,
    ),
    Case(
        name="closed_books_next_open_day",
        story="The policy moves what belongs to the closed September to 1 October, with its own date in the memo; a "
        "later change of the invoice leaves it there.",
        play=_paid,
        balances={CLEARING: "100.00", SALES: "-100.00"},
        dates={"in_1:invoice": "2026-10-01", "ch_1:payment": "2026-10-01"},
        then=(_moved_with_its_date, _still_moved),
        knobs=SEPTEMBER_CLOSED,
        policy=NEXT_OPEN_DAY,
    ),
    Case(
        name="void_after_a_close_in_mid_month",
        story="An invoice of 10 September is voided on the 25th, but the books are closed until the 15th by then: it "
        "stands, and a credit memo of the 25th takes it back.",
        play=_invoiced,
        balances={},
        dates={"in_1:invoice": "2026-09-10", "in_1:reversal": "2026-09-25", "in_1:reversal_application": "2026-09-25"},
        then=(_void_after_a_close_in_mid_month,),
    ),
    Case(
        name="void_after_the_month_was_closed",
        story="An invoice of 10 September is voided on the 25th, and September is closed before that is posted: the "
        "credit memo is moved to 1 October.",
        play=_invoiced,
        balances={},
        dates={"in_1:invoice": "2026-09-10", "in_1:reversal": "2026-10-01", "in_1:reversal_application": "2026-10-01"},
        then=(_void_after_the_close,),
        policy=NEXT_OPEN_DAY,
    ),
    Case(
        name="void_waits_for_a_closed_month",
        story="The same where the policy parks: the credit memo waits with its amount, and when September is opened "
        "again, the invoice is simply voided.",
        play=_invoiced,
        balances={},
        void=("in_1:invoice",),
        then=(_void_after_the_close, _reopen_for_the_void),
    ),
    Case(
        name="refund_fails_after_a_close",
        story="A refund of 20 September fails on the 25th, but the books are closed until the 22nd by then: its refund "
        "receipt stands, and a sales receipt of the 25th brings the 40.00 back.",
        play=_refunded,
        balances={CLEARING: "100.00", SALES: "-100.00"},
        dates={"re_1:refund_receipt": "2026-09-20", "re_1:reversal": "2026-09-25"},
        then=(_refund_fails_after_a_close,),
    ),
    Case(
        name="refund_of_a_closed_month_fails",
        story="A refund of September fails in October, when September is closed: a sales receipt of 5 October.",
        play=_refunded,
        balances={CLEARING: "100.00", SALES: "-100.00"},
        dates={"re_1:refund_receipt": "2026-09-20", "re_1:reversal": "2026-10-05"},
        then=(_refund_fails_in_october,),
    ),
    Case(
        name="payout_arrives_in_a_closed_month",
        story="A payout arrives in September, which is closed before its deposit is posted: the deposit is parked, and "
        "the money is still in clearing.",
        play=_paid,
        balances={CLEARING: "100.00", SALES: "-100.00"},
        parked={"po_1:deposit": "period_closed"},
        at_stake={"po_1:deposit": "96.80 usd"},
        difference="100.00",
        then=(_payout_arrives_in_the_closed_month,),
        payouts="daily",
    ),
    Case(
        name="payout_arrives_in_a_closed_month_and_moves",
        story="The same where the policy moves it: the deposit of 96.80 (100.00 less 3.20) is dated 1 October.",
        play=_paid,
        balances={BANK: "96.80", FEES: "3.20", SALES: "-100.00"},
        dates={"po_1:deposit": "2026-10-01"},
        then=(_payout_arrives_in_the_closed_month,),
        payouts="daily",
        policy=NEXT_OPEN_DAY,
    ),
    Case(
        name="payment_of_an_invoice_in_a_closed_month",
        story="An invoice of the closed September is paid in October: the payment has its own date and is applied.",
        play=_invoiced,
        balances={CLEARING: "100.00", SALES: "-100.00"},
        dates={"in_1:invoice": "2026-09-10", "ch_1:payment": "2026-10-05"},
        then=(_paid_in_october,),
    ),
    Case(
        name="debit_fails_after_a_close",
        story="A debit of 15 September fails on the 25th, but the books are closed until the 20th by then: the payment "
        "stands, and a journal entry of the 25th lets the customer owe it again.",
        play=_debited,
        balances={AR: "100.00", SALES: "-100.00"},
        open={"Ada Lovelace": "100.00"},
        dates={"py_1:payment": "2026-09-15", "py_1:reversal": "2026-09-25"},
        then=(_debit_fails_after_a_close,),
    ),
    Case(
        name="invoice_of_a_closed_month_changes",
        story="An invoice gets another due date after its month was closed: what is posted stays, and the change waits "
        "until the month is opened again.",
        play=_invoiced,
        balances={AR: "100.00", SALES: "-100.00"},
        open={"Ada Lovelace": "100.00"},
        then=(_due_date_changes_after_the_close, _reopen_for_the_change, _changed),
    ),
)
