"""Income and fees by month, and which document books them: numbers by hand, March and April 2026 in Los Angeles."""

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

from tests.unit.books.builders import POLICY, a_credit_note, a_move, an_invoice, an_invoice_line, moment
from tests.unit.books.money_builders import a_fee, a_payout, a_row, a_sale, a_transaction
from wescope.books.policy import PayoutMode, Policy
from wescope.books.values import (
    BalanceTransaction,
    ChargeStatus,
    CreditedRefund,
    CreditNoteStatus,
    InvoiceStatus,
    Payout,
    PayoutStatus,
    TaxAmount,
)
from wescope.engine.tieout_fees import fee_entries
from wescope.engine.tieout_income import income_entries
from wescope.engine.tieout_results import Kind
from wescope.engine.tieout_stripe import StripeSide, receivable_movements
from wescope.links.payouts import DepositDay
from wescope.stripe.listing import ListedRefund
from wescope.stripe.parsing import PaymentPart
from wescope.stripe.parsing.invoice_payments import PartSource, PartStatus

TAX = TaxAmount(amount=250, inclusive=False, tax_rate="txr_1")
Found = dict[str, list[tuple[str, int]]]


def on(month: int, day: int) -> datetime:
    return datetime(2026, month, day, 20, tzinfo=UTC)


def a_refund(amount: int, on: datetime, back: BalanceTransaction | None = None) -> ListedRefund:
    return ListedRefund(
        id="re_1",
        amount=amount,
        currency="usd",
        charge="ch_1",
        balance_transaction=a_transaction(-amount, "refund", created=on),
        failure_balance_transaction=back,
    )


def income(side: StripeSide, policy: Policy = POLICY) -> Found:
    """By row, the documents and what they post."""
    found: Found = {}
    for one in income_entries(side, [*receivable_movements(side, policy)], policy, {}):
        if one.amount:
            found.setdefault(one.row, []).append((one.key, one.amount))
    return found


def fees(side: StripeSide, policy: Policy = POLICY, **deposited: DepositDay) -> Found:
    found: Found = {}
    for one in fee_entries(side, policy, deposited, {}):
        found.setdefault(one.row, []).append((one.key, one.amount))
    return found


def taxed() -> Any:
    return replace(an_invoice(total=2_750), lines=(an_invoice_line(2_500, taxes=(TAX,)),))


def test_an_invoice_its_write_off_and_its_void_in_a_later_month() -> None:
    void = replace(taxed(), status=InvoiceStatus.VOID, voided_at=on(4, 3), marked_uncollectible_at=on(3, 20))
    assert income(StripeSide(invoices=[void])) == {
        "revenue:2026-03:usd": [("in_1:invoice", 2_500)],
        "tax:2026-03:usd": [("in_1:invoice", 250)],
        "bad_debt:2026-03:usd": [("in_1:write_off", 2_750)],
        "bad_debt:2026-04:usd": [("in_1:write_off_reversal", -2_750)],
        "revenue:2026-04:usd": [("in_1:reversal", -2_500)],
        "tax:2026-04:usd": [("in_1:reversal", -250)],
    }
    soon = replace(void, voided_at=on(3, 30))
    assert income(StripeSide(invoices=[soon])) == {}


def test_what_is_paid_of_a_written_off_invoice_comes_back_in_the_month_of_the_payment() -> None:
    given_up = replace(an_invoice(), status=InvoiceStatus.PAID, amount_paid=3_000, marked_uncollectible_at=on(3, 20))
    part = PaymentPart(
        id="inpay_1",
        invoice="in_1",
        source=PartSource.PAYMENT_INTENT,
        source_id="pi_1",
        status=PartStatus.PAID,
        amount=3_000,
        currency="usd",
        paid_at=on(4, 2),
    )
    charge = a_sale(3_000, payment_intent="pi_1", balance_transaction=a_transaction(3_000, created=on(4, 2)))
    found = income(StripeSide(invoices=[given_up], parts=[part], charges=[charge]))
    assert found["bad_debt:2026-03:usd"] == [("in_1:write_off", 3_000)]
    assert found["bad_debt:2026-04:usd"] == [("ch_1:recovery", -3_000)]
    assert "revenue:2026-04:usd" not in found, "a charge that pays an invoice is no sale"


def test_a_sale_and_a_refund_that_came_back_in_the_next_month() -> None:
    sale = a_sale(5_000, balance_transaction=a_transaction(5_000, created=on(3, 10)))
    back = a_transaction(2_000, "refund_failure", id="txn_9", created=on(4, 1))
    refund = a_refund(2_000, on(3, 31), back)
    assert income(StripeSide(charges=[sale], refunds=[refund])) == {
        "revenue:2026-03:usd": [("ch_1:sales_receipt", 5_000)],
        "refunds:2026-03:usd": [("re_1:refund_receipt", -2_000)],
        "refunds:2026-04:usd": [("re_1:reversal", 2_000)],
    }
    soon = replace(refund, failure_balance_transaction=replace(back, created=on(3, 31)))
    assert "refunds:2026-03:usd" not in income(StripeSide(refunds=[soon]))
    april = replace(POLICY, start_date=date(2026, 4, 1))
    assert income(StripeSide(charges=[sale], refunds=[refund]), april) == {
        "refunds:2026-04:usd": [("re_1:reversal", 2_000)]
    }


def test_a_charge_that_never_was_money_is_nothing() -> None:
    failed = a_sale(5_000, status=ChargeStatus.FAILED, balance_transaction=None)
    uncaptured = a_sale(5_000, captured=False, amount_captured=0)
    assert income(StripeSide(charges=[failed, uncaptured])) == {}


def test_a_credit_note_in_four_parts_each_on_its_day() -> None:
    """5.00 before payment, 3.00 refunded, 2.00 to the balance, 1.00 outside, of 11.00 with 1.00 of tax."""
    note = a_credit_note(
        1_100,
        effective_at=on(3, 31),
        created=on(4, 1),
        pre_payment_amount=500,
        post_payment_amount=600,
        refunds=(CreditedRefund(refund="re_1", amount=300),),
        balance_amount=200,
        out_of_band_amount=100,
    )
    line = replace(note.lines[0], amount=1_000, taxes=(replace(TAX, amount=100),))
    note = replace(note, lines=(line,))
    refund = a_refund(400, on(4, 2))
    side = StripeSide(invoices=[an_invoice()], credit_notes=[note], refunds=[refund])
    found = income(side)
    assert found["revenue:2026-03:usd"] == [("in_1:invoice", 3_000), ("cn_1:credit_memo", -455)]
    april = dict(found["revenue:2026-04:usd"])
    assert april == {"cn_1:balance_credit_memo": -182, "re_1:refund_receipt": -272, "cn_1:out_of_band_refund": -91}
    taxes = [amount for row, posted in found.items() if row.startswith("tax") for _, amount in posted]
    assert sum(taxes) == -100
    assert found["refunds:2026-04:usd"] == [("re_1:refund_receipt", -100)]
    void = replace(note, status=CreditNoteStatus.VOID, voided_at=on(5, 1))
    undone = income(replace(side, credit_notes=[void]))
    assert dict(undone["revenue:2026-05:usd"]) == {
        "cn_1:reversal": 455,
        "cn_1:balance_reversal": 182,
        "cn_1:out_of_band_reversal": 91,
    }
    assert undone["refunds:2026-04:usd"] == [("re_1:refund_receipt", -400)], "a void note explains no refund"


def test_of_a_credit_note_older_than_the_books_only_the_void_of_what_it_lowered_is_booked() -> None:
    note = a_credit_note(500, pre_payment_amount=300, post_payment_amount=200, balance_amount=200)
    void = replace(note, status=CreditNoteStatus.VOID, voided_at=on(4, 5))
    policy = replace(POLICY, start_date=date(2026, 4, 1))
    assert income(StripeSide(invoices=[an_invoice()], credit_notes=[void]), policy) == {
        "revenue:2026-04:usd": [("cn_1:reversal", 300)]
    }


def test_moves_of_a_balance_by_hand() -> None:
    moves = {"cus_1": [a_move(-500, -500), a_move(200, -300, id="cbtxn_2")]}
    assert income(StripeSide(balances=moves)) == {
        "customer_balance:2026-03:usd": [("cbtxn_1:credit_memo", -500), ("cbtxn_2:invoice", 200)]
    }


# --- fees -------------------------------------------------------------------------------------------------------------


def paid(arrival: str = "2026-04-01", **changes: Any) -> Payout:
    rows = (
        a_row(10_000, fee=350, fees=(a_fee(300), a_fee(50, "tax")), created=on(3, 30)),
        a_row(-200, "fee", row_id="txn_2", source=None, created=on(3, 30)),
        a_row(-20, "tax", row_id="txn_3", source=None, created=on(3, 30)),
        a_row(-5_000, "payout", row_id="txn_4", fee=7, source="po_9"),
    )
    payout = a_payout(4_430, *rows)
    return replace(payout, arrival_date=date.fromisoformat(arrival), status=PayoutStatus.PAID, **changes)


def summed(found: Found) -> dict[str, int]:
    return {row: sum(amount for _, amount in posted) for row, posted in found.items()}


def test_fees_count_when_the_payout_arrives_and_without_those_of_another_payout() -> None:
    found = fees(StripeSide(payouts=[paid()]))
    assert summed(found) == {"fees:2026-04:usd": 500, "fee_tax:2026-04:usd": 70}
    assert {key for posted in found.values() for key, _ in posted} == {"po_1:deposit"}
    late = DepositDay(day=date(2026, 5, 4), is_foreign=False)
    assert summed(fees(StripeSide(payouts=[paid()]), po_1=late)) == {"fees:2026-05:usd": 500, "fee_tax:2026-05:usd": 70}
    others = DepositDay(day=date(2026, 5, 4), is_foreign=True)
    assert set(summed(fees(StripeSide(payouts=[paid()]), po_1=others))) == {"fees:2026-04:usd", "fee_tax:2026-04:usd"}


def test_fees_of_a_payout_that_never_arrived_count_when_it_failed_and_of_one_on_its_way_not_yet() -> None:
    failure = a_transaction(9_430, "payout_reversal", id="txn_9", created=moment("2026-03-31T20:00:00+00:00"))
    failed = replace(paid(), status=PayoutStatus.FAILED, failure_balance_transaction=failure)
    found = fees(StripeSide(payouts=[failed]))
    assert summed(found) == {"fees:2026-03:usd": 500, "fee_tax:2026-03:usd": 70}
    assert {key for posted in found.values() for key, _ in posted} == {"po_1:fees"}
    assert fees(StripeSide(payouts=[replace(paid(), status=PayoutStatus.IN_TRANSIT)])) == {}
    match = replace(POLICY, payouts=PayoutMode.MATCH)
    assert fees(StripeSide(payouts=[paid()]), match)["fee_tax:2026-04:usd"][0][0] == "po_1:fees"


def test_where_payouts_are_manual_fees_count_on_their_day() -> None:
    side = StripeSide(rows=list(paid().rows), payouts=[paid()], fees_by_day=True)
    found = fees(side)
    assert summed(found)["fee_tax:2026-03:usd"] == 70
    assert ("usd.2026-03-30:journal_entry", 300) in found["fees:2026-03:usd"]
    assert fees(side, replace(POLICY, start_date=date(2026, 4, 1))) == {}


def test_disputed_amounts_unless_the_policy_names_another_account() -> None:
    rows = [
        a_row(-3_000, "dispute", row_id="txn_1", source="dp_1", kind="dispute", created=on(3, 5)),
        a_row(3_000, "dispute_reversal", row_id="txn_2", source="dp_1", kind="dispute", created=on(4, 5)),
    ]
    found = fees(StripeSide(rows=rows))
    assert found == {
        f"{Kind.DISPUTES}:2026-03:usd": [("txn_1:journal_entry", 3_000)],
        f"{Kind.DISPUTES}:2026-04:usd": [("txn_2:journal_entry", -3_000)],
    }
    named = replace(POLICY, categories={"dispute": "Lost", "dispute_reversal": "Lost"})
    assert fees(StripeSide(rows=rows), named) == {}
