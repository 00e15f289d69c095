"""Dates: every kind of document, by the moment that dates it, where calendars differ: month ends and clock changes.

Los Angeles is at UTC-8 in winter and UTC-7 from 8 March 10:00 to 1 November 09:00 UTC of 2026; Tonga always at UTC+13.
All dates are reckoned by hand.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.unit.books import builders
from tests.unit.books.builders import ACME, a_charge, a_move, a_payment, an_invoice, day, document, moment
from tests.unit.books.money_builders import a_dispute, a_payout, a_refund, a_row, a_sale, a_transaction
from wescope.books.desired import desired_books
from wescope.books.documents import Document, Entity
from wescope.books.policy import PayoutMode, Policy, Reversals
from wescope.books.values import (
    BalanceRow,
    BalanceTransaction,
    Charge,
    ChargeStatus,
    CustomerBalance,
    Invoice,
    InvoiceStatus,
    PaymentSource,
    Payout,
    PayoutStatus,
    RefundStatus,
    StripeObject,
)

LOS_ANGELES, TONGA = ZoneInfo("America/Los_Angeles"), ZoneInfo("Pacific/Tongatapu")
LONG_AGO = datetime(2026, 1, 15, 20, 0, tzinfo=UTC)

MOMENTS = (
    # The month ends in Tonga, in UTC, in Los Angeles.
    ("2026-09-30T10:59:59+00:00", "2026-09-30", "2026-09-30"),
    ("2026-09-30T11:00:00+00:00", "2026-09-30", "2026-10-01"),
    ("2026-09-30T23:59:59+00:00", "2026-09-30", "2026-10-01"),
    ("2026-10-01T00:00:00+00:00", "2026-09-30", "2026-10-01"),
    ("2026-10-01T06:59:59+00:00", "2026-09-30", "2026-10-01"),
    ("2026-10-01T07:00:00+00:00", "2026-10-01", "2026-10-01"),
    # 8 March has 23 hours in Los Angeles: from 8:00 UTC to 7:00 UTC; at 10:00 UTC the clock goes from 2:00 to 3:00.
    ("2026-03-08T07:59:59+00:00", "2026-03-07", "2026-03-08"),
    ("2026-03-08T08:00:00+00:00", "2026-03-08", "2026-03-08"),
    ("2026-03-08T09:59:59+00:00", "2026-03-08", "2026-03-08"),
    ("2026-03-08T10:00:00+00:00", "2026-03-08", "2026-03-08"),
    ("2026-03-08T11:00:00+00:00", "2026-03-08", "2026-03-09"),
    ("2026-03-09T06:59:59+00:00", "2026-03-08", "2026-03-09"),
    ("2026-03-09T07:00:00+00:00", "2026-03-09", "2026-03-09"),
    # 1 November has 25 hours: from 7:00 UTC to 8:00 UTC; at 9:00 UTC the clock goes from 2:00 back to 1:00.
    ("2026-11-01T06:59:59+00:00", "2026-10-31", "2026-11-01"),
    ("2026-11-01T07:00:00+00:00", "2026-11-01", "2026-11-01"),
    ("2026-11-01T08:59:59+00:00", "2026-11-01", "2026-11-01"),
    ("2026-11-01T09:00:00+00:00", "2026-11-01", "2026-11-01"),
    ("2026-11-02T07:59:59+00:00", "2026-11-01", "2026-11-02"),
    ("2026-11-02T08:00:00+00:00", "2026-11-02", "2026-11-02"),
)
"""A moment, and its date in Los Angeles and in Tonga."""


def _issued(**changes: Any) -> Invoice:
    return an_invoice(**{"created": LONG_AGO, "effective_at": LONG_AGO, "finalized_at": LONG_AGO, **changes})


def _effective(at: datetime) -> Invoice:
    return _issued(effective_at=at)


def _finalized(at: datetime) -> Invoice:
    return _issued(effective_at=None, finalized_at=at)


def _negative(at: datetime) -> Invoice:
    return _issued(total=-3000, amount_due=0, amount_remaining=0, ending_balance=-3000, effective_at=at)


def _booked_charge(at: datetime, **changes: Any) -> Charge:
    """A charge made long ago that Stripe booked at a moment."""
    return a_charge(created=LONG_AGO, balance_transaction=a_transaction(3000, created=at), **changes)


def _paid(*, charge: Charge | None = None, **changes: Any) -> Invoice:
    payment = a_payment(charge=charge, **changes)
    return _issued(
        status=InvoiceStatus.PAID, amount_paid=3000, amount_remaining=0, paid_at=payment.paid_at, payments=(payment,)
    )


def _paid_by_charge(at: datetime) -> Invoice:
    return _paid(charge=_booked_charge(at), paid_at=LONG_AGO)


def _paid_by_record(at: datetime) -> Invoice:
    return replace(
        _paid(source=PaymentSource.PAYMENT_RECORD, source_id="inpay_1", paid_at=at),
        payments=(replace(a_payment(paid_at=at), source=PaymentSource.PAYMENT_RECORD, source_id="pr_1", charge=None),),
    )


def _paid_out_of_band(at: datetime) -> Invoice:
    outside = replace(a_payment(paid_at=at), source=PaymentSource.OUT_OF_BAND, source_id="in_1", charge=None)
    return replace(_paid(paid_at=at), payments=(outside,))


def _failure_row(at: datetime) -> BalanceTransaction:
    return a_transaction(-3000, "charge_failure", id="txn_9", created=at)


def _payment_failed(at: datetime) -> Invoice:
    charge = _booked_charge(LONG_AGO, status=ChargeStatus.FAILED, failure_balance_transaction=_failure_row(at))
    return _issued(payments=(a_payment(charge=charge, paid_at=LONG_AGO),))


def _voided(at: datetime) -> Invoice:
    return _issued(status=InvoiceStatus.VOID, voided_at=at)


def _written_off(at: datetime) -> Invoice:
    return _issued(status=InvoiceStatus.UNCOLLECTIBLE, marked_uncollectible_at=at)


def _credited(at: datetime, **changes: Any) -> Invoice:
    note = builders.a_credit_note(created=LONG_AGO, effective_at=at)
    return _issued(
        amount_remaining=2000, pre_payment_credit_notes_amount=1000, credit_notes=(replace(note, **changes),)
    )


def _credited_on_creation(at: datetime) -> Invoice:
    return _credited(at, created=at, effective_at=None)


def _given_back(at: datetime, **parts: Any) -> Invoice:
    """A credit note of 10.00 after payment, made at a moment and effective long ago."""
    note = builders.a_credit_note(
        created=at, effective_at=LONG_AGO, pre_payment_amount=0, post_payment_amount=1000, **parts
    )
    paid = _paid_by_charge(LONG_AGO)
    return replace(paid, post_payment_credit_notes_amount=1000, credit_notes=(note,))


def _credited_to_balance(at: datetime) -> Invoice:
    return _given_back(at, balance_amount=1000, customer_balance_transaction="cbtxn_1")


def _given_back_outside(at: datetime) -> Invoice:
    return _given_back(at, out_of_band_amount=1000)


def _moves(*moves: tuple[int, int, dict[str, Any]]) -> CustomerBalance:
    made = (a_move(amount, ending, id=f"cbtxn_{n}", **rest) for n, (amount, ending, rest) in enumerate(moves, start=1))
    return CustomerBalance(customer=ACME, transactions=tuple(made))


def _manual_credit(at: datetime) -> CustomerBalance:
    return _moves((-3000, -3000, {"created": at}))


def _manual_debit(at: datetime) -> CustomerBalance:
    return _moves((3000, 3000, {"created": at}))


def _credit_used(at: datetime) -> CustomerBalance:
    return _moves(
        (-3000, -3000, {"created": LONG_AGO}),
        (3000, 0, {"created": at, "type": "applied_to_invoice", "invoice": "in_1"}),
    )


def _refunded(at: datetime) -> StripeObject:
    return a_refund(created=LONG_AGO, balance_transaction=a_transaction(-1000, "refund", id="txn_2", created=at))


def _refund_failed(at: datetime) -> StripeObject:
    return a_refund(
        status=RefundStatus.FAILED,
        balance_transaction=a_transaction(-1000, "refund", id="txn_2", created=LONG_AGO),
        failure_balance_transaction=a_transaction(1000, "refund_failure", id="txn_9", created=at),
    )


def _sold(at: datetime) -> StripeObject:
    return a_sale(created=LONG_AGO, balance_transaction=a_transaction(3000, created=at))


def _sale_failed(at: datetime) -> StripeObject:
    booked = a_transaction(3000, created=LONG_AGO)
    return a_sale(status=ChargeStatus.FAILED, balance_transaction=booked, failure_balance_transaction=_failure_row(at))


def _disputed(at: datetime) -> StripeObject:
    return a_dispute(a_transaction(-3000, "dispute", fee=1500, id="txn_3", created=at), created=LONG_AGO)


def _topped_up(at: datetime) -> BalanceRow:
    return a_row(5000, "topup", row_id="txn_4", source="tu_1", kind="topup", created=at)


def _payout_came_back(at: datetime) -> Payout:
    """It had arrived long before."""
    returned = a_transaction(2000, "payout_reversal", id="txn_back", created=at)
    return _arrived(LONG_AGO.date(), status=PayoutStatus.FAILED, failure_balance_transaction=returned)


def _payout_never_arrived(at: datetime) -> Payout:
    returned = a_transaction(2000, "payout_reversal", id="txn_back", created=at)
    arrival = at.date() + timedelta(days=2)
    return _arrived(arrival, status=PayoutStatus.FAILED, failure_balance_transaction=returned)


def _arrived(arrival: date, amount: int = 2000, **changes: Any) -> Payout:
    row = a_row(amount + 100, fee=100, created=LONG_AGO)
    return a_payout(amount, row, **{"arrival_date": arrival, "created": LONG_AGO, **changes})


KINDS: tuple[tuple[str, Callable[[datetime], StripeObject], str, Entity], ...] = (
    ("invoice_effective", _effective, "in_1:invoice", Entity.INVOICE),
    ("invoice_finalized", _finalized, "in_1:invoice", Entity.INVOICE),
    ("negative_invoice", _negative, "in_1:credit_memo", Entity.CREDIT_MEMO),
    ("voided_later", _voided, "in_1:reversal", Entity.CREDIT_MEMO),
    ("void_applied", _voided, "in_1:reversal_application", Entity.PAYMENT),
    ("payment_by_charge", _paid_by_charge, "ch_1:payment", Entity.PAYMENT),
    ("payment_by_record", _paid_by_record, "pr_1:payment", Entity.PAYMENT),
    ("payment_out_of_band", _paid_out_of_band, "in_1:payment", Entity.PAYMENT),
    ("payment_failed_later", _payment_failed, "ch_1:reversal", Entity.JOURNAL_ENTRY),
    ("write_off", _written_off, "in_1:write_off", Entity.CREDIT_MEMO),
    ("write_off_applied", _written_off, "in_1:write_off_application", Entity.PAYMENT),
    ("credit_note_effective", _credited, "cn_1:credit_memo", Entity.CREDIT_MEMO),
    ("credit_note_created", _credited_on_creation, "cn_1:credit_memo", Entity.CREDIT_MEMO),
    ("credit_note_applied", _credited, "cn_1:application", Entity.PAYMENT),
    ("credit_note_to_balance", _credited_to_balance, "cn_1:balance_credit_memo", Entity.CREDIT_MEMO),
    ("credit_note_out_of_band", _given_back_outside, "cn_1:out_of_band_refund", Entity.REFUND_RECEIPT),
    ("balance_credit", _manual_credit, "cbtxn_1:credit_memo", Entity.CREDIT_MEMO),
    ("balance_debit", _manual_debit, "cbtxn_1:invoice", Entity.INVOICE),
    ("balance_used", _credit_used, "cbtxn_2:application", Entity.PAYMENT),
    ("refund", _refunded, "re_1:refund_receipt", Entity.REFUND_RECEIPT),
    ("refund_failed_later", _refund_failed, "re_1:reversal", Entity.SALES_RECEIPT),
    ("sale", _sold, "ch_1:sales_receipt", Entity.SALES_RECEIPT),
    ("sale_failed_later", _sale_failed, "ch_1:reversal", Entity.REFUND_RECEIPT),
    ("dispute", _disputed, "txn_3:journal_entry", Entity.JOURNAL_ENTRY),
    ("topup", _topped_up, "txn_4:journal_entry", Entity.JOURNAL_ENTRY),
    ("payout_came_back", _payout_came_back, "txn_back:journal_entry", Entity.JOURNAL_ENTRY),
    ("payout_never_arrived", _payout_never_arrived, "po_1:fees", Entity.JOURNAL_ENTRY),
)


def _dated(found: StripeObject, key: str, timezone: ZoneInfo, **policy: Any) -> Document:
    """The document; what was undone is always countered, so that it is dated whatever month it falls in."""
    return document(desired_books(found, Policy(timezone=timezone, reversals=Reversals.DATED, **policy)), key)


@pytest.mark.parametrize("told", MOMENTS, ids=[at for at, *_ in MOMENTS])
@pytest.mark.parametrize(("make", "key", "entity"), [one[1:] for one in KINDS], ids=[name for name, *_ in KINDS])
def test_a_document_has_the_date_of_its_moment_in_the_books_calendar(
    make: Callable[[datetime], StripeObject], key: str, entity: Entity, told: tuple[str, str, str]
) -> None:
    at, *expected = told
    made = [_dated(make(moment(at)), key, timezone) for timezone in (LOS_ANGELES, TONGA)]
    assert [one.dates.txn for one in made] == [day(one) for one in expected]
    assert {one.entity for one in made} == {entity}


@pytest.mark.parametrize(("at", "in_los_angeles", "in_tonga"), MOMENTS, ids=[at for at, *_ in MOMENTS])
def test_due_dates_and_payout_dates_are_in_the_books_calendar(at: str, in_los_angeles: str, in_tonga: str) -> None:
    for timezone, expected in ((LOS_ANGELES, in_los_angeles), (TONGA, in_tonga)):
        assert _dated(_issued(due_date=moment(at)), "in_1:invoice", timezone).dates.due == day(expected)
        paid_out = _dated(_arrived(date(2026, 12, 24), created=moment(at)), "po_1:deposit", timezone)
        assert paid_out.dates.payout == day(expected)


@pytest.mark.parametrize("timezone", [LOS_ANGELES, TONGA], ids=["los_angeles", "tonga"])
@pytest.mark.parametrize(
    "arrival", ["2026-09-30", "2026-10-01", "2026-03-08", "2026-03-09", "2026-11-01", "2026-11-02", "2026-12-31"]
)
def test_an_arrival_date_is_never_shifted(arrival: str, timezone: ZoneInfo) -> None:
    on = day(arrival)
    deposit = _dated(_arrived(on), "po_1:deposit", timezone)
    negative = _dated(a_payout(-2000, a_row(-2000, "refund"), arrival_date=on), "po_1:deposit", timezone)
    by_hand = _dated(_arrived(on, automatic=False, rows=()), "po_1:deposit", timezone)
    fees = _dated(_arrived(on), "po_1:fees", timezone, payouts=PayoutMode.MATCH)
    assert [one.entity for one in (deposit, negative, by_hand, fees)] == [
        Entity.DEPOSIT,
        Entity.JOURNAL_ENTRY,
        Entity.DEPOSIT,
        Entity.JOURNAL_ENTRY,
    ]
    assert {one.dates.txn for one in (deposit, negative, by_hand, fees)} == {on}
    assert {one.dates.arrival for one in (deposit, negative, by_hand, fees)} == {on}


def test_whether_what_was_undone_is_taken_back_is_told_by_the_books_calendar() -> None:
    sold_at, failed_at = moment("2026-09-30T18:00:00+00:00"), moment("2026-10-01T06:59:59+00:00")
    sale = a_sale(
        status=ChargeStatus.FAILED,
        balance_transaction=a_transaction(3000, created=sold_at),
        failure_balance_transaction=_failure_row(failed_at),
    )
    # Still September in Los Angeles; in Tonga both are on 1 October; in UTC September and October.
    made = {
        zone: builders.existing(desired_books(sale, Policy(timezone=ZoneInfo(zone))))
        for zone in ("America/Los_Angeles", "Pacific/Tongatapu", "UTC")
    }
    assert made == {
        "America/Los_Angeles": {"ch_1:sales_receipt": "void"},
        "Pacific/Tongatapu": {"ch_1:sales_receipt": "void"},
        "UTC": {"ch_1:sales_receipt": "present", "ch_1:reversal": "present"},
    }
