"""An invoice in each situation of its life: what is posted, what is parked with which amount, what is skipped."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from tests.unit.books.builders import (
    MARCH_15,
    MARCH_PERIOD,
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
    the_parked,
)
from wescope.books.desired import desired_books
from wescope.books.documents import Document, Entity, Existence, InvoiceBody, KeyDates, SalesLine, Settled
from wescope.books.policy import ItemRole
from wescope.books.subjects import DocumentKey
from wescope.books.values import ChargeStatus, Customer, InvoiceStatus, Reduction, Shipping, TaxAmount


def test_an_open_invoice() -> None:
    invoice = an_invoice(an_invoice_line(period=MARCH_PERIOD), due_date=moment("2026-04-15T05:00:00+00:00"))
    desired = desired_books(invoice, POLICY)
    assert keys(desired) == ["cus_1:customer:usd", "in_1:invoice"]
    assert desired.parked == ()
    assert desired.skipped == ()
    assert desired.documents[1] == Document(
        key=DocumentKey("in_1:invoice"),
        entity=Entity.INVOICE,
        currency="usd",
        amount=3000,
        body=InvoiceBody(
            customer=DocumentKey("cus_1:customer:usd"),
            lines=(
                SalesLine(
                    item=ItemRole.SALES,
                    amount=3000,
                    description="Pro plan; Service 2026-03-01 to 2026-04-01",
                    service_date=day("2026-03-01"),
                ),
            ),
            doc_number="E2L97VN8-0001",
        ),
        dates=KeyDates(
            txn=day("2026-03-15"), due=day("2026-04-14"), usage_start=day("2026-03-01"), usage_end=day("2026-04-01")
        ),
        stripe_ids=("in_1",),
        note="Stripe invoice in_1 E2L97VN8-0001",
    )


def test_a_paid_invoice_comes_before_its_payment() -> None:
    desired = desired_books(a_paid_invoice(), POLICY)
    assert keys(desired) == ["cus_1:customer:usd", "in_1:invoice", "ch_1:payment"]
    assert desired.parked == ()


def test_all_kinds_of_lines_add_up_to_the_total() -> None:
    # 2 x 15.00, 10 % off, 8.25 % tax on 27.00 (2.23 as Stripe has it), a credit of 1.00, shipping 5.00 = 33.23
    line = an_invoice_line(
        3000,
        discounts=(Reduction(amount=300, source="di_1"),),
        credits=(Reduction(amount=100, source="cbtxn_1"),),
        taxes=(TaxAmount(amount=223, inclusive=False, tax_rate="txr_1"),),
    )
    desired = desired_books(an_invoice(line, shipping=Shipping(amount=500), total=3323), POLICY)
    assert [line.amount for line in body(desired, "in_1:invoice", InvoiceBody).lines] == [3000, -300, -100, 500, 223]
    assert document(desired, "in_1:invoice").amount == 3323


def test_the_posting_date_is_the_effective_date() -> None:
    invoice = an_invoice(effective_at=moment("2026-03-01T07:30:00+00:00"))
    assert document(desired_books(invoice, POLICY), "in_1:invoice").dates.txn == day("2026-02-28")


def test_without_effective_date_it_is_the_finalization() -> None:
    invoice = an_invoice(effective_at=None, finalized_at=moment("2026-11-01T06:30:00+00:00"))
    assert document(desired_books(invoice, POLICY), "in_1:invoice").dates.txn == day("2026-10-31")


def test_without_any_date_it_is_parked_and_its_payment_waits() -> None:
    desired = desired_books(a_paid_invoice(effective_at=None, finalized_at=None), POLICY)
    assert desired.documents == ()
    assert parked(desired) == {"in_1:invoice": ("missing_date", 3000), "ch_1:payment": ("waiting", 3000)}
    assert the_parked(desired, "ch_1:payment").details == {"waiting_on": "in_1:invoice"}


def test_a_draft_is_skipped() -> None:
    desired = desired_books(an_invoice(status=InvoiceStatus.DRAFT, number=None), POLICY)
    assert skipped(desired) == {"in_1:invoice": "draft"}
    assert desired.documents == ()
    assert desired.parked == ()


def test_an_invoice_and_its_payment_before_the_start_date_are_skipped() -> None:
    desired = desired_books(a_paid_invoice(), replace(POLICY, start_date=day("2026-03-21")))
    assert skipped(desired) == {"in_1:invoice": "before_start_date", "ch_1:payment": "before_start_date"}
    assert desired.documents == ()


def test_a_payment_since_the_start_date_of_an_older_invoice_stays_unapplied() -> None:
    desired = desired_books(a_paid_invoice(), replace(POLICY, start_date=day("2026-03-16")))
    assert skipped(desired) == {"in_1:invoice": "before_start_date"}
    assert keys(desired) == ["cus_1:customer:usd", "ch_1:payment"]
    assert applied(desired, "ch_1:payment") == {}


def test_on_the_start_date_it_is_posted() -> None:
    desired = desired_books(a_paid_invoice(), replace(POLICY, start_date=day("2026-03-15")))
    assert "in_1:invoice" in keys(desired)


def test_an_invoice_of_nothing_is_skipped() -> None:
    invoice = an_invoice(an_invoice_line(0), total=0, status=InvoiceStatus.PAID)
    desired = desired_books(invoice, POLICY)
    assert skipped(desired) == {"in_1:invoice": "zero_invoice"}
    assert desired.documents == ()


def test_an_invoice_without_lines_is_skipped_if_its_total_is_zero() -> None:
    assert skipped(desired_books(an_invoice(total=0, lines=()), POLICY)) == {"in_1:invoice": "zero_invoice"}


def test_a_zero_total_of_lines_that_cancel_out_is_posted() -> None:
    line = an_invoice_line(3000, discounts=(Reduction(amount=3000, source="di_1"),))
    invoice = an_invoice(line, total=0, status=InvoiceStatus.PAID)
    desired = desired_books(invoice, POLICY)
    assert keys(desired) == ["cus_1:customer:usd", "in_1:invoice"]
    assert document(desired, "in_1:invoice").amount == 0


def test_lines_that_do_not_add_up_park_the_invoice_with_both_numbers() -> None:
    desired = desired_books(a_paid_invoice(lines=(an_invoice_line(2999),)), POLICY)
    assert desired.documents == ()
    assert parked(desired) == {"in_1:invoice": ("total_mismatch", 3000), "ch_1:payment": ("waiting", 3000)}
    assert the_parked(desired, "in_1:invoice").details == {"lines_total": 2999, "stripe_total": 3000}


def test_a_waiting_payment_keeps_its_own_reason() -> None:
    unread = a_payment(charge=a_charge(status=ChargeStatus.PENDING))
    failed = a_payment(charge=a_charge(id="ch_2", status=ChargeStatus.FAILED))
    desired = desired_books(a_paid_invoice(unread, failed, lines=(an_invoice_line(1),)), POLICY)
    assert parked(desired)["ch_1:payment"] == ("charge_pending", 3000)
    assert skipped(desired) == {"ch_2:payment": "charge_failed"}


def test_a_line_in_another_currency_is_named() -> None:
    desired = desired_books(an_invoice(an_invoice_line(currency="eur")), POLICY)
    assert parked(desired) == {"in_1:invoice": ("line_currency_mismatch", 3000)}
    assert the_parked(desired, "in_1:invoice").details == {"line": "il_1", "line_currency": "eur"}


def test_a_negative_total_is_a_credit_memo_that_stays_open() -> None:
    move = a_move(-2500, -2500, type="applied_to_invoice", invoice="in_1", created=MARCH_15)
    lines = (an_invoice_line(-3000), an_invoice_line(500, id="il_2"))
    invoice = an_invoice(*lines, total=-2500, amount_due=0, amount_remaining=0, ending_balance=-2500, balance=(move,))
    desired = desired_books(invoice, POLICY)
    assert keys(desired) == ["cus_1:customer:usd", "in_1:credit_memo"]
    memo = document(desired, "in_1:credit_memo")
    assert (memo.entity, memo.amount, memo.dates.txn) == (Entity.CREDIT_MEMO, 2500, day("2026-03-15"))
    assert [line.amount for line in memo.lines] == [3000, -500]
    assert [str(follow.subject) for follow in desired.follows] == ["customer/cus_1"]


def test_a_foreign_invoice_and_its_payment_are_in_its_currency() -> None:
    # 30.00 EUR became 32.49 USD in Stripe.
    booked = a_balance_transaction(3249, exchange_rate=Decimal("1.083"))
    charge = a_charge(currency="eur", balance_transaction=booked)
    invoice = a_paid_invoice(
        a_payment(charge=charge, currency="eur"), currency="eur", lines=(an_invoice_line(currency="eur"),)
    )
    desired = desired_books(invoice, POLICY)
    assert keys(desired) == ["cus_1:customer:eur", "in_1:invoice", "ch_1:payment"]
    payment = document(desired, "ch_1:payment")
    assert (payment.amount, payment.currency, payment.exchange_rate) == (3000, "eur", Decimal("1.083"))
    assert payment.settled == Settled(amount=3249, currency="usd")
    assert document(desired, "in_1:invoice").exchange_rate is None


def test_books_may_be_kept_in_another_currency() -> None:
    invoice = an_invoice(currency="jpy", lines=(an_invoice_line(currency="jpy"),))
    desired = desired_books(invoice, replace(POLICY, home_currency="jpy"))
    assert keys(desired) == ["cus_1:customer:jpy", "in_1:invoice"]


def test_an_invoice_without_customer_is_parked() -> None:
    desired = desired_books(an_invoice(customer=Customer(id="", name=None, email=None)), POLICY)
    assert parked(desired) == {"in_1:invoice": ("missing_customer", 3000)}


def test_an_older_invoice_without_a_customer_is_parked_when_something_is_to_be_posted() -> None:
    nobody = replace(a_paid_invoice(), customer=Customer(id="", name=None, email=None))
    desired = desired_books(nobody, replace(POLICY, start_date=day("2026-03-16")))
    assert keys(desired) == []
    assert parked(desired) == {"in_1:invoice": ("missing_customer", 3000), "ch_1:payment": ("waiting", 3000)}
    desired = desired_books(nobody, replace(POLICY, start_date=day("2026-03-21")))
    assert skipped(desired) == {"in_1:invoice": "before_start_date", "ch_1:payment": "before_start_date"}


def test_voided_in_the_month_of_its_document() -> None:
    # 1 April in UTC is 31 March in the books.
    invoice = an_invoice(status=InvoiceStatus.VOID, voided_at=moment("2026-04-01T06:59:59+00:00"))
    desired = desired_books(invoice, POLICY)
    assert keys(desired) == ["in_1:invoice"]
    assert desired.documents[0].existence is Existence.VOID
    assert desired.parked == ()


def test_voided_in_a_later_month_is_credited_on_that_date() -> None:
    invoice = an_invoice(status=InvoiceStatus.VOID, voided_at=moment("2026-04-01T07:00:00+00:00"))
    desired = desired_books(invoice, POLICY)
    assert existing(desired) == {
        "in_1:invoice": "present",
        "in_1:reversal": "present",
        "in_1:reversal_application": "present",
    }
    assert document(desired, "in_1:reversal").dates.txn == day("2026-04-01")
    assert applied(desired, "in_1:reversal_application") == {"in_1:invoice": 3000, "in_1:reversal": 3000}


def test_voided_before_its_own_effective_date_is_void() -> None:
    invoice = an_invoice(
        status=InvoiceStatus.VOID,
        effective_at=moment("2026-05-01T20:00:00+00:00"),
        voided_at=moment("2026-04-20T20:00:00+00:00"),
    )
    assert desired_books(invoice, POLICY).documents[0].existence is Existence.VOID


def test_voided_later_after_balance_and_credit_note() -> None:
    # 30.00: 5.00 of balance were used and go back at the void, 4.00 were credited; 26.00 are reversed, 21.00 were open.
    invoice = an_invoice(
        status=InvoiceStatus.VOID,
        voided_at=moment("2026-04-10T20:00:00+00:00"),
        starting_balance=-500,
        ending_balance=0,
        amount_due=2500,
        amount_remaining=2100,
        pre_payment_credit_notes_amount=400,
        credit_notes=(a_credit_note(400),),
        balance=(
            a_move(-500, -500),
            a_move(500, 0, id="cbtxn_2", type="applied_to_invoice", invoice="in_1", created=MARCH_15),
            a_move(
                -500,
                -500,
                id="cbtxn_3",
                type="unapplied_from_invoice",
                invoice="in_1",
                created=moment("2026-04-10T20:00:00+00:00"),
            ),
        ),
    )
    desired = desired_books(invoice, POLICY)
    assert document(desired, "in_1:reversal").amount == 2600
    assert applied(desired, "in_1:reversal_application") == {"in_1:invoice": 2100, "in_1:reversal": 2100}
    assert applied(desired, "cn_1:application") == {"in_1:invoice": 400, "cn_1:credit_memo": 400}
    assert desired.parked == ()


def test_void_without_a_date_is_parked() -> None:
    desired = desired_books(an_invoice(status=InvoiceStatus.VOID), POLICY)
    assert desired.documents == ()
    assert parked(desired) == {"in_1:invoice": ("missing_date", 3000)}
    assert the_parked(desired, "in_1:invoice").details == {"field": "voided_at"}


def test_what_could_never_be_posted_and_is_void_at_once_is_nothing() -> None:
    invoice = an_invoice(
        an_invoice_line(2999), status=InvoiceStatus.VOID, voided_at=moment("2026-03-16T20:00:00+00:00")
    )
    desired = desired_books(invoice, POLICY)
    assert skipped(desired) == {"in_1:invoice": "voided"}
    assert desired.parked == ()


def test_a_void_invoice_holds_no_payment() -> None:
    invoice = a_paid_invoice(status=InvoiceStatus.VOID, voided_at=moment("2026-03-16T20:00:00+00:00"))
    assert parked(desired_books(invoice, POLICY)) == {"ch_1:payment": ("waiting", 3000)}


@pytest.mark.parametrize("amount_due", [3000, 2600])
def test_a_credit_note_before_payment_explains_the_gap(amount_due: int) -> None:
    # By the specification a credit note of 4.00 lowers amount_due, by a recording it does not.
    note = a_credit_note(400)
    invoice = an_invoice(
        amount_due=amount_due, amount_remaining=2600, pre_payment_credit_notes_amount=400, credit_notes=(note,)
    )
    assert desired_books(invoice, POLICY).parked == ()


@pytest.mark.parametrize(
    ("changes", "open_amount"),
    [
        ({"amount_remaining": 2600, "pre_payment_credit_notes_amount": 400}, 2600),  # a credit note that is not listed
        ({"ending_balance": 0, "amount_due": 2900, "amount_remaining": 2900}, 2900),  # nothing explains it
    ],
)
def test_an_open_amount_that_nothing_explains_is_named(changes: dict[str, Any], open_amount: int) -> None:
    desired = desired_books(an_invoice(**changes), POLICY)
    assert parked(desired) == {"in_1:open": ("open_mismatch", 3000 - open_amount)}
    assert the_parked(desired, "in_1:open").details == {
        "open_by_documents": 3000,
        "stripe_amount_remaining": open_amount,
    }


def test_an_invoice_without_number_is_numbered_by_its_id() -> None:
    invoice = an_invoice(number=None, id="in_1MtHbELkdIwHu7")
    desired = desired_books(invoice, replace(POLICY, doc_number_prefix="S-"))
    assert body(desired, "in_1MtHbELkdIwHu7:invoice", InvoiceBody).doc_number == "S-1MtHbELkdIwHu7"
    assert document(desired, "in_1MtHbELkdIwHu7:invoice").note == "Stripe invoice in_1MtHbELkdIwHu7"


def test_no_name_of_a_person_is_anywhere_but_in_the_customer() -> None:
    desired = desired_books(a_paid_invoice(lines=(an_invoice_line(2999),)), POLICY)
    assert "Acme" not in repr(desired)
    assert "Acme" not in repr(desired_books(a_paid_invoice(), POLICY).documents[1:])
