"""A payment is one movement of money, gross, applied to all that it pays."""

from dataclasses import replace
from typing import Any

import pytest

from tests.unit.books.builders import (
    ACME,
    POLICY,
    a_balance_transaction,
    a_charge,
    a_paid_invoice,
    a_payment,
    an_invoice,
    day,
    keys,
    moment,
    parked,
    skipped,
)
from wescope.books.desired import desired_books
from wescope.books.documents import Application, Document, Entity, KeyDates, PaymentBody, Settled, Skipped
from wescope.books.parking import ParkCode, Parked
from wescope.books.payment import payment_document
from wescope.books.policy import AccountRole, RoleAccount
from wescope.books.subjects import DocumentKey, invoice_key
from wescope.books.values import Allocation, ChargeStatus, InvoicePayment, PaymentSource


def posted(payment: InvoicePayment) -> tuple[Document, PaymentBody]:
    document = payment_document(payment, ACME, POLICY)
    assert isinstance(document, Document)
    assert isinstance(document.body, PaymentBody)
    return document, document.body


def held(payment: InvoicePayment) -> Parked:
    outcome = payment_document(payment, ACME, POLICY)
    assert isinstance(outcome, Parked)
    return outcome


def test_a_charge_is_a_payment_into_clearing() -> None:
    assert payment_document(a_payment(), ACME, POLICY) == Document(
        key=DocumentKey("ch_1:payment"),
        entity=Entity.PAYMENT,
        currency="usd",
        amount=3000,
        body=PaymentBody(
            customer=DocumentKey("cus_1:customer:usd"),
            deposit_to=RoleAccount(role=AccountRole.CLEARING, currency="usd"),
            reference="1",
            applications=(Application(document=invoice_key("in_1"), amount=3000),),
        ),
        dates=KeyDates(txn=day("2026-03-20"), payment_received=day("2026-03-20"), available=day("2026-03-20")),
        stripe_ids=("ch_1", "pi_1", "txn_1"),
        note="Stripe charge ch_1 of payment intent pi_1",
        settled=Settled(amount=3000, currency="usd"),
    )


def test_a_charge_without_payment_intent() -> None:
    document, _ = posted(a_payment(charge=a_charge(payment_intent=None)))
    assert document.stripe_ids == ("ch_1", "txn_1")
    assert document.note == "Stripe charge ch_1"


def test_the_date_is_that_of_the_balance_transaction_in_the_books() -> None:
    # 1 April in UTC, 31 March in Los Angeles; the invoice's own `paid_at` does not count.
    booked = a_balance_transaction(created=moment("2026-04-01T06:59:00+00:00"))
    document, _ = posted(a_payment(charge=a_charge(balance_transaction=booked)))
    assert document.dates.txn == day("2026-03-31")


def test_one_payment_over_several_invoices_is_applied_to_each() -> None:
    allocations = (Allocation(invoice="in_2", amount=1800), Allocation(invoice="in_1", amount=1200))
    document, payment = posted(a_payment(allocations=allocations))
    assert document.amount == 3000
    assert [(part.document, part.amount) for part in payment.applications] == [
        ("in_1:invoice", 1200),
        ("in_2:invoice", 1800),
    ]
    assert document.references == ("cus_1:customer:usd", "in_1:invoice", "in_2:invoice")


def test_applications_are_in_the_order_of_the_invoice_ids() -> None:
    ids = ["in_7", "in_3", "in_5", "in_1", "in_6", "in_2", "in_4"]
    _, payment = posted(a_payment(allocations=tuple(Allocation(invoice=one, amount=100) for one in ids)))
    assert [part.document for part in payment.applications] == [f"{one}:invoice" for one in sorted(ids)]


def test_it_is_the_same_document_from_whichever_invoice() -> None:
    allocations = (Allocation(invoice="in_1", amount=1200), Allocation(invoice="in_2", amount=1800))
    shared = a_payment(allocations=allocations)
    first = desired_books(a_paid_invoice(shared, total=1200), POLICY)
    second = desired_books(a_paid_invoice(shared, total=1800, id="in_2", number="E2L97VN8-0002"), POLICY)
    assert first.documents[-1] == second.documents[-1]
    assert first.parked == second.parked == ()


def test_parts_for_one_invoice_are_one_application() -> None:
    allocations = (
        Allocation(invoice="in_1", amount=1000),
        Allocation(invoice="in_1", amount=2000),
        Allocation(invoice="in_2", amount=0),
    )
    _, payment = posted(a_payment(allocations=allocations))
    assert payment.applications == (Application(document=invoice_key("in_1"), amount=3000),)


def test_what_is_overpaid_stays_unapplied() -> None:
    document, payment = posted(a_payment(charge=a_charge(3500)))
    assert document.amount == 3500
    assert sum(part.amount for part in payment.applications) == 3000


def test_a_partial_capture_is_posted_at_what_was_captured() -> None:
    document, _ = posted(a_payment(2500, charge=a_charge(3000, amount_captured=2500)))
    assert document.amount == 2500


def test_out_of_band_never_touches_clearing() -> None:
    payment = a_payment(
        source=PaymentSource.OUT_OF_BAND,
        source_id="in_1",
        charge=None,
        paid_at=moment("2026-03-25T03:00:00+00:00"),
    )
    document, paid = posted(replace(payment, charge=None))
    assert document.key == "in_1:payment"
    assert document.amount == 3000
    assert document.dates == KeyDates(txn=day("2026-03-24"), payment_received=day("2026-03-24"))
    assert paid.deposit_to == RoleAccount(role=AccountRole.OUT_OF_BAND, currency="usd")
    assert document.note == "Stripe invoice in_1 paid out of band"


def test_a_payment_record_is_the_sum_of_what_it_pays() -> None:
    allocations = (Allocation(invoice="in_1", amount=1000), Allocation(invoice="in_2", amount=500))
    payment = a_payment(source=PaymentSource.PAYMENT_RECORD, source_id="pyr_1", allocations=allocations)
    document, paid = posted(replace(payment, charge=None))
    assert document.amount == 1500
    assert paid.deposit_to == RoleAccount(role=AccountRole.OUT_OF_BAND, currency="usd")
    assert document.stripe_ids == ("pyr_1",)
    assert document.note == "Stripe payment record pyr_1"


@pytest.mark.parametrize(
    ("changes", "code", "amount"),
    [
        ({"balance_transaction": None}, ParkCode.BALANCE_TRANSACTION_MISSING, 3000),
        ({"status": ChargeStatus.PENDING, "balance_transaction": None}, ParkCode.CHARGE_PENDING, 3000),
        ({"amount_captured": 2999}, ParkCode.PAYMENT_EXCEEDS_CHARGE, 2999),
        ({"currency": "eur"}, ParkCode.LINE_CURRENCY_MISMATCH, 3000),
    ],
)
def test_a_charge_that_cannot_be_posted_is_parked(changes: dict[str, Any], code: ParkCode, amount: int) -> None:
    parked_item = held(a_payment(charge=a_charge(**changes)))
    assert (parked_item.key, parked_item.code, parked_item.amount) == ("ch_1:payment", code, amount)


def test_an_overdrawn_charge_is_parked_with_both_numbers() -> None:
    assert held(a_payment(charge=a_charge(amount_captured=2999))).details == {"allocated": 3000, "captured": 2999}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"status": ChargeStatus.FAILED}, "charge_failed"),
        ({"captured": False, "amount_captured": 0}, "charge_uncaptured"),
        ({"amount_captured": 0}, "charge_uncaptured"),
    ],
)
def test_a_charge_that_collected_nothing_is_skipped(changes: dict[str, Any], reason: str) -> None:
    assert payment_document(a_payment(charge=a_charge(**changes)), ACME, POLICY) == Skipped(
        key=DocumentKey("ch_1:payment"), reason=reason
    )


def test_a_charge_that_was_not_read_is_parked() -> None:
    unread = replace(a_payment(), charge=None)
    assert held(unread).code is ParkCode.OBJECT_UNREADABLE
    assert held(unread).details == {"field": "charge"}


def test_a_negative_part_is_parked() -> None:
    payment = a_payment(allocations=(Allocation(invoice="in_1", amount=-1),))
    assert held(payment).code is ParkCode.OBJECT_UNREADABLE


def test_two_foreign_currencies_are_one_too_many_for_qbo() -> None:
    charge = a_charge(currency="jpy", balance_transaction=a_balance_transaction(2700, currency="eur"))
    item = held(a_payment(charge=charge, currency="jpy"))
    assert (item.code, item.amount, item.currency) == (ParkCode.TWO_FOREIGN_CURRENCIES, 3000, "jpy")
    assert item.details == {"settlement_currency": "eur"}


def test_a_foreign_payment_outside_of_stripe_has_the_companys_own_rate() -> None:
    payment = a_payment(source=PaymentSource.PAYMENT_RECORD, source_id="pyr_1", currency="eur")
    document, paid = posted(replace(payment, charge=None))
    assert (document.currency, document.exchange_rate) == ("eur", None)
    assert paid.deposit_to == RoleAccount(role=AccountRole.OUT_OF_BAND, currency="eur")


def test_partial_payments_are_posted_one_by_one() -> None:
    later = a_charge(
        500,
        id="ch_2",
        balance_transaction=a_balance_transaction(500, id="txn_2", created=moment("2026-04-02T20:00:00+00:00")),
    )
    invoice = an_invoice(
        payments=(a_payment(1000), a_payment(500, charge=later)), amount_paid=1500, amount_remaining=1500
    )
    desired = desired_books(invoice, POLICY)
    assert keys(desired) == ["cus_1:customer:usd", "in_1:invoice", "ch_1:payment", "ch_2:payment"]
    assert [document.amount for document in desired.documents] == [0, 3000, 1000, 500]
    assert [document.dates.payment_received for document in desired.documents[2:]] == [
        day("2026-03-20"),
        day("2026-04-02"),
    ]
    assert desired.parked == ()


def test_the_same_movement_twice_is_posted_once() -> None:
    desired = desired_books(a_paid_invoice(a_payment(), a_payment()), POLICY)
    assert keys(desired) == ["cus_1:customer:usd", "in_1:invoice", "ch_1:payment"]
    assert desired.parked == ()


def test_payments_that_do_not_add_up_are_posted_and_named() -> None:
    desired = desired_books(a_paid_invoice(a_payment(2000)), POLICY)
    assert keys(desired) == ["cus_1:customer:usd", "in_1:invoice", "ch_1:payment"]
    assert parked(desired) == {"in_1:payments": ("payments_mismatch", 1000)}
    assert desired.parked[0].details == {"payments_total": 2000, "stripe_amount_paid": 3000}


@pytest.mark.parametrize("amount_paid", [3000, 3500])
def test_stripe_may_count_the_overpaid_part_or_not(amount_paid: int) -> None:
    payment = a_payment(charge=a_charge(3500))
    invoice = a_paid_invoice(payment, amount_paid=amount_paid, amount_overpaid=amount_paid - 3000)
    assert desired_books(invoice, POLICY).parked == ()


def test_a_failed_charge_pays_nothing() -> None:
    failed = a_payment(charge=a_charge(status=ChargeStatus.FAILED))
    unpaid = desired_books(an_invoice(payments=(failed,)), POLICY)
    assert skipped(unpaid) == {"ch_1:payment": "charge_failed"}
    assert unpaid.parked == ()
    assert parked(desired_books(a_paid_invoice(failed), POLICY)) == {"in_1:payments": ("payments_mismatch", 3000)}


def test_money_from_before_the_books_is_skipped_and_missed() -> None:
    early = a_payment(
        charge=a_charge(balance_transaction=a_balance_transaction(created=moment("2026-02-27T20:00:00+00:00")))
    )
    desired = desired_books(a_paid_invoice(early), replace(POLICY, start_date=day("2026-03-01")))
    assert skipped(desired) == {"ch_1:payment": "before_start_date"}
    assert parked(desired) == {"in_1:payments": ("payments_mismatch", 3000)}
