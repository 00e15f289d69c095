"""What happens to an invoice after it was issued: credit notes, write-offs, late voids, money that is taken back."""

from dataclasses import replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from tests.unit.books.builders import (
    MARCH_15,
    MARCH_20,
    MARCH_25,
    POLICY,
    a_balance_transaction,
    a_charge,
    a_credit_note,
    a_move,
    a_paid_invoice,
    a_payment,
    an_invoice,
    an_invoice_line,
    applied,
    body,
    day,
    document,
    existing,
    keys,
    moment,
    parked,
    skipped,
)
from wescope.books.desired import desired_books
from wescope.books.documents import Entity, InvoiceBody, JournalEntryBody, ReceiptBody, Settled
from wescope.books.parking import ParkCode
from wescope.books.policy import AccountRole, ItemRole, Policy, Reversals, RoleAccount
from wescope.books.values import (
    Charge,
    ChargeStatus,
    CreditedRefund,
    CreditNoteLine,
    CreditNoteStatus,
    Invoice,
    InvoicePayment,
    InvoiceStatus,
    PaymentSource,
    TaxAmount,
)

MARCH_28 = moment("2026-03-28T20:00:00+00:00")
APRIL_5 = moment("2026-04-05T20:00:00+00:00")
APRIL_9 = moment("2026-04-09T20:00:00+00:00")
DATED = replace(POLICY, reversals=Reversals.DATED)
VOID = replace(POLICY, reversals=Reversals.VOID)


def paid_at(at: datetime, amount: int = 3000, number: int = 1, **changes: Any) -> InvoicePayment:
    row = a_balance_transaction(amount, id=f"txn_{number}", created=at)
    return a_payment(amount, charge=a_charge(amount, id=f"ch_{number}", balance_transaction=row, **changes))


# --- credit notes ---


def credited(*notes: Any, remaining: int, **changes: Any) -> Invoice:
    return an_invoice(credit_notes=notes, amount_remaining=remaining, **changes)


def test_before_payment_it_is_a_credit_memo_applied_to_the_invoice() -> None:
    desired = desired_books(credited(a_credit_note(1000), remaining=2000), POLICY)
    memo = document(desired, "cn_1:credit_memo")
    assert (memo.entity, memo.amount, memo.dates.credit) == (Entity.CREDIT_MEMO, 1000, day("2026-03-25"))
    application = document(desired, "cn_1:application")
    assert (application.amount, application.dates.txn) == (0, day("2026-03-25"))
    assert applied(desired, "cn_1:application") == {"in_1:invoice": 1000, "cn_1:credit_memo": 1000}
    assert desired.parked == ()


def test_what_is_paid_afterwards_settles_the_rest() -> None:
    invoice = credited(a_credit_note(1000), remaining=0, payments=(paid_at(MARCH_28, 2000),), amount_paid=2000)
    assert applied(desired_books(invoice, POLICY), "ch_1:payment") == {"in_1:invoice": 2000}


def test_a_mixed_one_is_split_by_stripes_amounts_with_its_tax() -> None:
    # 33.00 with 3.00 tax: 11.00 before payment, 5.50 refunded, 11.00 to the balance, 5.50 outside of Stripe.
    note = a_credit_note(
        3300,
        pre_payment_amount=1100,
        post_payment_amount=2200,
        refunds=(CreditedRefund(refund="re_1", amount=550),),
        balance_amount=1100,
        out_of_band_amount=550,
        lines=(
            CreditNoteLine(
                id="cnli_1",
                amount=3000,
                description=None,
                invoice_line="il_1",
                taxes=(TaxAmount(amount=300, inclusive=False, tax_rate="txr_1"),),
            ),
        ),
    )
    line = an_invoice_line(3000, taxes=(TaxAmount(amount=300, inclusive=False, tax_rate="txr_1"),))
    invoice = credited(
        note, remaining=0, total=3300, lines=(line,), payments=(paid_at(MARCH_20, 2200),), amount_paid=2200
    )
    desired = desired_books(invoice, POLICY)
    assert existing(desired) == dict.fromkeys(
        (
            "in_1:invoice",
            "ch_1:payment",
            "cn_1:balance_credit_memo",
            "cn_1:out_of_band_refund",
            "cn_1:credit_memo",
            "cn_1:application",
        ),
        "present",
    )
    assert [(line.item, line.amount) for line in document(desired, "cn_1:credit_memo").lines] == [
        (ItemRole.SALES, 1000),
        (ItemRole.TAX, 100),
    ]
    assert [line.amount for line in document(desired, "cn_1:out_of_band_refund").lines] == [500, 50]
    receipt = body(desired, "cn_1:out_of_band_refund", ReceiptBody)
    assert receipt.account == RoleAccount(role=AccountRole.OUT_OF_BAND, currency="usd")
    assert document(desired, "cn_1:balance_credit_memo").amount == 1100
    assert desired.parked == ()


def test_parts_that_do_not_add_up_are_parked_with_their_sum() -> None:
    note = a_credit_note(1000, pre_payment_amount=900)
    desired = desired_books(credited(note, remaining=2000, pre_payment_credit_notes_amount=900), POLICY)
    assert parked(desired)["cn_1:credit_memo"] == ("split_mismatch", 1000)


def test_voided_in_its_month_it_leaves_no_trace() -> None:
    note = a_credit_note(1000, status=CreditNoteStatus.VOID, voided_at=MARCH_28)
    desired = desired_books(credited(note, remaining=3000), POLICY)
    assert existing(desired) == {"cn_1:application": "void", "cn_1:credit_memo": "void", "in_1:invoice": "present"}
    memo = document(desired, "cn_1:credit_memo")
    assert memo.blockers == ("cn_1:application",)
    assert [counter.key for counter in memo.counters] == ["cn_1:reversal"]
    assert desired.parked == ()


def test_voided_later_the_customer_owes_it_again() -> None:
    note = a_credit_note(1000, status=CreditNoteStatus.VOID, voided_at=APRIL_5)
    invoice = credited(note, remaining=0, payments=(paid_at(APRIL_9),), amount_paid=3000)
    desired = desired_books(invoice, POLICY)
    again = document(desired, "cn_1:reversal")
    assert (again.entity, again.amount, again.dates.txn) == (Entity.INVOICE, 1000, day("2026-04-05"))
    assert applied(desired, "ch_1:payment") == {"in_1:invoice": 2000, "cn_1:reversal": 1000}


# --- write-offs ---


def uncollectible(**changes: Any) -> Invoice:
    base = {"status": InvoiceStatus.UNCOLLECTIBLE, "marked_uncollectible_at": MARCH_25}
    return an_invoice(**{**base, **changes})


def test_what_is_still_open_becomes_bad_debt() -> None:
    invoice = uncollectible(payments=(paid_at(MARCH_20, 1000),), amount_paid=1000, amount_remaining=2000)
    desired = desired_books(invoice, POLICY)
    memo = document(desired, "in_1:write_off")
    assert (memo.amount, memo.dates.txn, [line.item for line in memo.lines]) == (
        2000,
        day("2026-03-25"),
        [ItemRole.BAD_DEBT],
    )
    assert applied(desired, "in_1:write_off_application") == {"in_1:invoice": 2000, "in_1:write_off": 2000}
    assert desired.parked == ()


def test_paid_in_the_same_month_the_write_off_is_taken_back() -> None:
    invoice = uncollectible(
        status=InvoiceStatus.PAID, payments=(paid_at(MARCH_28),), amount_paid=3000, amount_remaining=0
    )
    desired = desired_books(invoice, POLICY)
    assert existing(desired) == {
        "in_1:write_off_application": "void",
        "in_1:write_off": "void",
        "in_1:invoice": "present",
        "ch_1:payment": "present",
    }
    assert applied(desired, "ch_1:payment") == {"in_1:invoice": 3000}


def test_paid_in_a_later_month_the_bad_debt_is_recovered() -> None:
    invoice = uncollectible(
        status=InvoiceStatus.PAID, payments=(paid_at(APRIL_5),), amount_paid=3000, amount_remaining=0
    )
    desired = desired_books(invoice, POLICY)
    assert existing(desired) == dict.fromkeys(
        ["in_1:invoice", "in_1:write_off", "in_1:write_off_application", "ch_1:recovery", "ch_1:payment"], "present"
    )
    recovery = document(desired, "ch_1:recovery")
    assert (recovery.entity, recovery.amount, recovery.dates.txn) == (Entity.INVOICE, 3000, day("2026-04-05"))
    assert [line.item for line in recovery.lines] == [ItemRole.BAD_DEBT]
    assert applied(desired, "ch_1:payment") == {"ch_1:recovery": 3000}
    assert desired.parked == ()


def test_paid_in_parts_each_part_is_recovered() -> None:
    invoice = uncollectible(payments=(paid_at(MARCH_28, 1000),), amount_paid=1000, amount_remaining=2000)
    desired = desired_books(invoice, POLICY)
    assert document(desired, "in_1:write_off").amount == 3000
    assert applied(desired, "ch_1:payment") == {"ch_1:recovery": 1000}
    assert desired.parked == ()


def test_written_off_and_voided_in_a_later_month() -> None:
    invoice = uncollectible(status=InvoiceStatus.VOID, voided_at=APRIL_5)
    desired = desired_books(invoice, POLICY)
    assert applied(desired, "in_1:write_off_application") == {"in_1:invoice": 3000, "in_1:write_off": 3000}
    assert applied(desired, "in_1:reversal_application") == {"in_1:write_off_reversal": 3000, "in_1:reversal": 3000}


def test_written_off_and_voided_in_the_same_later_month() -> None:
    invoice = uncollectible(status=InvoiceStatus.VOID, marked_uncollectible_at=APRIL_5, voided_at=APRIL_9)
    desired = desired_books(invoice, POLICY)
    assert existing(desired)["in_1:write_off"] == "void"
    assert applied(desired, "in_1:reversal_application") == {"in_1:invoice": 3000, "in_1:reversal": 3000}


# --- voids ---


def voided(at: datetime, **changes: Any) -> Invoice:
    return an_invoice(status=InvoiceStatus.VOID, voided_at=at, **changes)


def test_the_policy_may_force_either_way() -> None:
    assert existing(desired_books(voided(MARCH_28), DATED))["in_1:reversal"] == "present"
    assert existing(desired_books(voided(APRIL_5), VOID)) == {"in_1:invoice": "void"}


def test_a_void_in_its_month_knows_how_to_be_dated() -> None:
    (invoice,) = desired_books(voided(MARCH_28), POLICY).documents
    assert [counter.key for counter in invoice.counters] == ["in_1:reversal", "in_1:reversal_application"]


def test_with_it_go_its_credit_notes_and_the_use_of_the_balance() -> None:
    moves = (
        a_move(-500, -500),
        a_move(500, 0, id="cbtxn_2", type="applied_to_invoice", invoice="in_1", created=MARCH_15),
        a_move(-500, -500, id="cbtxn_3", type="unapplied_from_invoice", invoice="in_1", created=MARCH_28),
    )
    desired = desired_books(
        voided(MARCH_28, credit_notes=(a_credit_note(400),), balance=moves, amount_remaining=2100), POLICY
    )
    assert existing(desired) == {"cn_1:application": "void", "cn_1:credit_memo": "void", "in_1:invoice": "void"}
    assert document(desired, "in_1:invoice").blockers == ("cbtxn_2:application", "cn_1:application")


def test_voided_after_the_start_of_the_books_an_older_one_is_credited() -> None:
    desired = desired_books(voided(MARCH_28), replace(POLICY, start_date=day("2026-03-20")))
    assert skipped(desired) == {"in_1:invoice": "before_start_date"}
    assert keys(desired) == ["cus_1:customer:usd", "in_1:reversal"]


def test_one_whose_lines_do_not_add_up_is_named_and_nothing_of_it_is_credited() -> None:
    desired = desired_books(voided(MARCH_28, lines=()), replace(POLICY, start_date=day("2026-03-20")))
    assert skipped(desired) == {"in_1:invoice": "before_start_date"}
    assert keys(desired) == []
    (reversal,) = desired.parked
    assert (reversal.key, reversal.code) == ("in_1:reversal", ParkCode.TOTAL_MISMATCH)
    assert reversal.details == {"lines_total": 0, "stripe_total": 3000}


# --- money that is taken back ---


def failed(at: datetime, failed_at: datetime) -> InvoicePayment:
    row = a_balance_transaction(
        -3000, id="txn_f", fee=0, net=-3000, created=failed_at, reporting_category="charge_failure"
    )
    payment = paid_at(at, status=ChargeStatus.FAILED, failure_balance_transaction=row)
    return replace(payment, source_id="py_1", charge=replace(_charge(payment), id="py_1"))


def _charge(payment: InvoicePayment) -> Charge:
    assert payment.charge
    return payment.charge


def test_a_debit_that_fails_in_its_month_is_void() -> None:
    desired = desired_books(an_invoice(payments=(failed(MARCH_20, MARCH_28),)), POLICY)
    assert existing(desired) == {"py_1:payment": "void", "in_1:invoice": "present"}
    assert [counter.key for counter in document(desired, "py_1:payment").counters] == ["py_1:reversal"]
    assert desired.parked == ()


def test_a_debit_that_fails_later_is_owed_again_and_paid_by_the_next() -> None:
    invoice = a_paid_invoice(failed(MARCH_20, APRIL_5), paid_at(APRIL_9, number=2))
    desired = desired_books(invoice, POLICY)
    entry = document(desired, "py_1:reversal")
    assert (entry.entity, entry.dates.txn) == (Entity.JOURNAL_ENTRY, day("2026-04-05"))
    assert entry.settled == Settled(amount=-3000, currency="usd")
    assert [(line.account, line.amount) for line in body(desired, "py_1:reversal", JournalEntryBody).lines] == [
        (RoleAccount(role=AccountRole.RECEIVABLE, currency="usd"), 3000),
        (RoleAccount(role=AccountRole.CLEARING, currency="usd"), -3000),
    ]
    assert applied(desired, "py_1:payment") == {"in_1:invoice": 3000}
    assert applied(desired, "ch_2:payment") == {"py_1:reversal": 3000}
    assert desired.parked == ()


# --- the customer's balance ---


def test_credit_of_the_customer_leaves_less_to_be_paid() -> None:
    moves = (
        a_move(-500, -500),
        a_move(500, 0, id="cbtxn_2", type="applied_to_invoice", invoice="in_1", created=MARCH_15),
    )
    invoice = a_paid_invoice(
        paid_at(MARCH_20, 2500),
        amount_due=2500,
        amount_paid=2500,
        starting_balance=-500,
        ending_balance=0,
        balance=moves,
    )
    desired = desired_books(invoice, POLICY)
    assert applied(desired, "ch_1:payment") == {"in_1:invoice": 2500}
    assert desired.parked == ()
    assert [(str(follow.subject), follow.since) for follow in desired.follows] == [("customer/cus_1", MARCH_15)]


def test_an_invoice_too_small_stays_open_and_the_next_payment_settles_both() -> None:
    small = a_move(40, 40, type="invoice_too_small", invoice="in_0")
    collected = a_move(-40, 0, id="cbtxn_2", type="applied_to_invoice", invoice="in_1", created=MARCH_15)
    first = an_invoice(
        id="in_0",
        total=40,
        amount_due=0,
        amount_remaining=0,
        status=InvoiceStatus.PAID,
        ending_balance=40,
        balance=(small,),
    )
    assert existing(desired_books(first, POLICY)) == {"in_0:invoice": "present"}
    assert desired_books(first, POLICY).parked == ()
    second = a_paid_invoice(
        paid_at(MARCH_20, 3040),
        amount_due=3040,
        amount_paid=3040,
        starting_balance=40,
        ending_balance=0,
        balance=(small, collected),
    )
    desired = desired_books(second, POLICY)
    assert applied(desired, "ch_1:payment") == {"in_1:invoice": 3000, "in_0:invoice": 40}
    assert desired.parked == ()


def test_what_was_overpaid_settles_where_it_was_used() -> None:
    moves = (
        a_move(-500, -500, type="invoice_overpaid", invoice="in_1", created=MARCH_20),
        a_move(300, -200, id="cbtxn_2", type="applied_to_invoice", invoice="in_2", created=APRIL_5),
    )
    payment = replace(a_payment(charge=a_charge(3500)), source=PaymentSource.CHARGE)
    invoice = a_paid_invoice(payment, amount_overpaid=500, balance=moves)
    desired = desired_books(invoice, POLICY)
    assert applied(desired, "ch_1:payment") == {"in_1:invoice": 3000, "in_2:invoice": 300}


def test_a_revision_names_what_it_replaces() -> None:
    assert document(desired_books(an_invoice(revision_of="in_0"), POLICY), "in_1:invoice").note.endswith("revises in_0")


def test_zone_of_the_books_decides_the_month() -> None:
    # 1 April 06:30 in UTC is 31 March in Los Angeles and 1 April in Tonga.
    late = moment("2026-04-01T06:30:00+00:00")
    assert existing(desired_books(voided(late), POLICY)) == {"in_1:invoice": "void"}
    tonga = Policy(timezone=ZoneInfo("Pacific/Tongatapu"))
    assert existing(desired_books(voided(late), tonga))["in_1:reversal"] == "present"


def test_the_body_of_a_recovery_has_a_number_of_its_own() -> None:
    invoice = uncollectible(
        status=InvoiceStatus.PAID, payments=(paid_at(APRIL_5),), amount_paid=3000, amount_remaining=0
    )
    assert body(desired_books(invoice, POLICY), "ch_1:recovery", InvoiceBody).doc_number == "1-R"
