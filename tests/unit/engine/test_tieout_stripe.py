"""What customers owe, by movements: numbers by hand, in a company in Los Angeles, in March and April 2026."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from tests.unit.books.builders import POLICY, a_balance_transaction, a_charge, a_credit_note, an_invoice
from wescope.books.policy import Policy
from wescope.books.values import (
    Charge,
    ChargeStatus,
    CreditNoteStatus,
    CustomerBalanceTransaction,
    Invoice,
    InvoiceStatus,
)
from wescope.engine.tieout_stripe import StripeSide, receivable_movements
from wescope.stripe.parsing import PaymentPart
from wescope.stripe.parsing.invoice_payments import PartSource, PartStatus

APRIL = date(2026, 4, 30)


def on(month: int, day: int) -> datetime:
    return datetime(2026, month, day, 20, tzinfo=UTC)


def part(amount: int, **changes: Any) -> PaymentPart:
    made = PaymentPart(
        id="inpay_1",
        invoice="in_1",
        source=PartSource.PAYMENT_INTENT,
        source_id="pi_1",
        status=PartStatus.PAID,
        amount=amount,
        currency="usd",
        paid_at=on(3, 20),
    )
    return replace(made, **changes)


def paid(amount: int = 3000, **changes: Any) -> Invoice:
    return an_invoice(status=InvoiceStatus.PAID, amount_paid=amount, paid_at=on(3, 20), **changes)


def charge_on(month: int, day: int, amount: int = 3000, **changes: Any) -> Charge:
    return a_charge(amount, balance_transaction=a_balance_transaction(amount, created=on(month, day)), **changes)


def failed_charge(month: int, day: int) -> Charge:
    row = a_balance_transaction(-3000, id="txn_2", created=on(month, day), reporting_category="charge_failure")
    return charge_on(3, 20, status=ChargeStatus.FAILED, failure_balance_transaction=row)


def owed(side: StripeSide, as_of: date = APRIL, policy: Policy = POLICY) -> int:
    moved = [one for one in receivable_movements(side, policy) if one.day <= as_of]
    moved = [one for one in moved if not (policy.start_date and one.day < policy.start_date)]
    assert {(one.customer, one.currency) for one in moved} <= {("cus_1", "usd")}
    return sum(one.amount for one in moved)


def days(side: StripeSide, *as_of: date, policy: Policy = POLICY) -> list[int]:
    return [owed(side, day, policy) for day in as_of]


def test_an_invoice_is_owed_from_its_day_and_paid_on_the_day_of_the_row() -> None:
    side = StripeSide(invoices=[paid()], parts=[part(3000)], charges=[charge_on(3, 20)])
    assert days(side, date(2026, 3, 14), date(2026, 3, 15), date(2026, 3, 19), date(2026, 3, 20)) == [0, 3000, 3000, 0]


def test_the_day_is_the_companys() -> None:
    late = an_invoice(effective_at=datetime(2026, 4, 1, 6, 59, tzinfo=UTC))
    assert days(StripeSide(invoices=[late]), date(2026, 3, 30), date(2026, 3, 31)) == [0, 3000]


def test_what_was_paid_too_much_is_a_credit() -> None:
    side = StripeSide(invoices=[paid(amount_overpaid=500)], parts=[part(3000)], charges=[charge_on(3, 20, 3500)])
    assert owed(side) == -500


def test_one_charge_for_two_invoices_counts_once() -> None:
    invoices = [paid(), replace(paid(), id="in_2")]
    parts = [part(3000), part(3000, id="inpay_2", invoice="in_2")]
    assert owed(StripeSide(invoices=invoices, parts=parts, charges=[charge_on(3, 20, 6000)])) == 0


def test_a_charge_that_pays_no_invoice_changes_nothing() -> None:
    assert owed(StripeSide(charges=[charge_on(3, 20)])) == 0


def test_a_charge_before_it_is_booked_changes_nothing() -> None:
    side = StripeSide(invoices=[paid()], parts=[part(3000)], charges=[a_charge(balance_transaction=None)])
    assert owed(side) == 3000


@pytest.mark.parametrize(("month", "day", "expected"), [(3, 25, [3000, 3000, 3000]), (4, 2, [0, 0, 3000])])
def test_a_failure_is_without_a_trace_in_its_month_and_dated_later(month: int, day: int, expected: list[int]) -> None:
    side = StripeSide(
        invoices=[an_invoice()], parts=[part(0, status=PartStatus.CANCELED)], charges=[failed_charge(month, day)]
    )
    assert days(side, date(2026, 3, 20), date(2026, 3, 31), date(2026, 4, 2)) == expected


def test_paid_out_of_band() -> None:
    assert days(StripeSide(invoices=[paid()]), date(2026, 3, 19), date(2026, 3, 20)) == [3000, 0]


def test_a_payment_record() -> None:
    record = part(1000, source=PartSource.PAYMENT_RECORD, source_id="pr_1", paid_at=on(3, 18))
    side = StripeSide(invoices=[an_invoice(amount_paid=1000)], parts=[record])
    assert days(side, date(2026, 3, 17), date(2026, 3, 18)) == [3000, 2000]


def test_an_invoice_below_zero_is_a_credit() -> None:
    credit = an_invoice(total=-2500, status=InvoiceStatus.PAID, amount_due=0, ending_balance=-2500)
    assert owed(StripeSide(invoices=[credit])) == -2500


def void(month: int, day: int, **changes: Any) -> Invoice:
    return an_invoice(status=InvoiceStatus.VOID, voided_at=on(month, day), **changes)


@pytest.mark.parametrize(("month", "day", "expected"), [(3, 20, [0, 0, 0]), (4, 3, [3000, 3000, 0])])
def test_a_void_is_without_a_trace_in_its_month_and_dated_later(month: int, day: int, expected: list[int]) -> None:
    side = StripeSide(invoices=[void(month, day)])
    assert days(side, date(2026, 3, 16), date(2026, 4, 2), date(2026, 4, 3)) == expected


def test_a_late_void_after_a_credit_note_reverses_the_rest_only() -> None:
    side = StripeSide(invoices=[void(4, 3)], credit_notes=[a_credit_note(1000)])
    assert days(side, date(2026, 3, 25), date(2026, 4, 3)) == [2000, 0]


def test_the_parts_of_a_credit_note() -> None:
    """600 before payment, 250 to the balance; what was refunded or given back outside changes no debt."""
    note = a_credit_note(1000, pre_payment_amount=600, post_payment_amount=400, balance_amount=250)
    side = StripeSide(invoices=[an_invoice()], credit_notes=[note])
    assert days(side, date(2026, 3, 24), date(2026, 3, 25)) == [3000, 2150]


@pytest.mark.parametrize(("month", "day", "expected"), [(3, 28, [3000, 3000, 3000]), (4, 2, [2000, 2000, 3000])])
def test_a_credit_note_that_was_voided(month: int, day: int, expected: list[int]) -> None:
    note = a_credit_note(1000, status=CreditNoteStatus.VOID, voided_at=on(month, day))
    side = StripeSide(invoices=[an_invoice()], credit_notes=[note])
    assert days(side, date(2026, 3, 25), date(2026, 4, 1), date(2026, 4, 2)) == expected


def given_up(**changes: Any) -> Invoice:
    return an_invoice(status=InvoiceStatus.UNCOLLECTIBLE, marked_uncollectible_at=on(3, 18), **changes)


def test_a_write_off_leaves_nothing() -> None:
    assert days(StripeSide(invoices=[given_up()]), date(2026, 3, 17), date(2026, 3, 18)) == [3000, 0]


def test_a_write_off_of_what_a_credit_note_left() -> None:
    note = replace(a_credit_note(1000), created=on(3, 16))
    side = StripeSide(invoices=[given_up()], credit_notes=[note])
    assert days(side, date(2026, 3, 17), date(2026, 3, 18)) == [2000, 0]


def test_a_write_off_that_is_paid_in_its_month_is_without_a_trace() -> None:
    invoice = paid(marked_uncollectible_at=on(3, 18))
    side = StripeSide(invoices=[invoice], parts=[part(3000)], charges=[charge_on(3, 20)])
    assert days(side, date(2026, 3, 18), date(2026, 3, 20)) == [3000, 0]


def test_a_write_off_that_is_paid_later_in_parts_comes_back_by_them() -> None:
    invoice = given_up(amount_paid=1000)
    side = StripeSide(invoices=[invoice], parts=[part(1000)], charges=[charge_on(4, 5, 1000)])
    assert days(side, date(2026, 4, 4), date(2026, 4, 5)) == [0, 0]


def test_a_write_off_that_is_voided_later() -> None:
    side = StripeSide(invoices=[void(4, 3, marked_uncollectible_at=on(3, 18))])
    assert days(side, date(2026, 3, 17), date(2026, 3, 18), date(2026, 4, 3)) == [3000, 0, 0]


def moves(*ones: tuple[str, int]) -> Iterable[CustomerBalanceTransaction]:
    for index, (kind, amount) in enumerate(ones):
        yield CustomerBalanceTransaction(
            id=f"cbtxn_{index}", type=kind, amount=amount, currency="usd", created=on(3, 10), ending_balance=0
        )


def test_only_what_was_entered_by_hand_changes_the_sum() -> None:
    all_moves = tuple(moves(("adjustment", -700), ("initial", 200), ("migration", -50), ("applied_to_invoice", 500)))
    assert days(StripeSide(balances={"cus_1": all_moves}), date(2026, 3, 9), date(2026, 3, 10)) == [0, -550]


def test_credit_that_pays_an_invoice_leaves_its_rest() -> None:
    invoice = an_invoice(starting_balance=-500, ending_balance=0, amount_due=2500, amount_remaining=2500)
    used = tuple(moves(("adjustment", -500), ("applied_to_invoice", 500)))
    assert owed(StripeSide(invoices=[invoice], balances={"cus_1": used})) == 2500


def test_nothing_before_the_start_date_but_a_payment_after_it() -> None:
    """The old invoice is not in these books; its payment is, unapplied."""
    policy = replace(POLICY, start_date=date(2026, 3, 18))
    side = StripeSide(invoices=[paid()], parts=[part(3000)], charges=[charge_on(3, 20)])
    assert days(side, date(2026, 3, 19), date(2026, 3, 20), policy=policy) == [0, -3000]


def test_drafts_are_no_debt() -> None:
    assert owed(StripeSide(invoices=[an_invoice(status=InvoiceStatus.DRAFT)])) == 0
