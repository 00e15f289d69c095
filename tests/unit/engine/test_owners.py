"""Owners: whose lock an object is worked on under, and which invoices a parked document waits for."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from wescope.books.parking import ParkCode, Parked
from wescope.books.subjects import DocumentKey, Subject, SubjectKind
from wescope.books.values import (
    Allocation,
    BalanceDay,
    BalanceRow,
    BalanceTransaction,
    Charge,
    ChargeStatus,
    Customer,
    CustomerBalance,
    Dispute,
    Invoice,
    InvoicePayment,
    InvoiceStatus,
    PaymentSource,
    Payout,
    PayoutStatus,
    Refund,
    RefundStatus,
    StripeObject,
)
from wescope.engine.owners import ACCOUNT, covered_by, invoices_waited_for, owner_of

AT = datetime(2026, 11, 20, tzinfo=UTC)
ADA = Customer(id="cus_1", name=None, email=None)
ROW = BalanceTransaction(
    id="txn_1",
    amount=1,
    fee=0,
    net=1,
    currency="usd",
    created=AT,
    available_on=AT,
    exchange_rate=None,
    type="topup",
    reporting_category="topup",
)


def _charge(customer: str | None) -> Charge:
    return Charge(
        id="ch_1",
        amount=1,
        amount_captured=1,
        amount_refunded=0,
        currency="usd",
        status=ChargeStatus.SUCCEEDED,
        captured=True,
        created=AT,
        customer=customer,
        payment_intent=None,
        balance_transaction=None,
    )


def _refund(**fields: Any) -> Refund:
    values: dict[str, Any] = {"charge": "ch_1", "customer": None, **fields}
    return Refund(
        id="re_1",
        amount=1,
        currency="usd",
        status=RefundStatus.SUCCEEDED,
        created=AT,
        payment_intent=None,
        balance_transaction=None,
        **values,
    )


def _dispute(customer: str | None) -> Dispute:
    return Dispute(
        id="dp_1",
        amount=1,
        currency="usd",
        status="lost",
        reason="fraudulent",
        created=AT,
        charge="ch_1",
        customer=customer,
        balance_transactions=(),
    )


PAYOUT = Payout(
    id="po_1",
    amount=1,
    currency="usd",
    status=PayoutStatus.PAID,
    created=AT,
    arrival_date=date(2026, 11, 20),
    automatic=True,
    method="standard",
    reconciled=True,
    balance_transaction=None,
)


@pytest.mark.parametrize(
    ("found", "owner"),
    [
        (_charge("cus_1"), "cus_1"),
        (_charge(None), "ch_1"),
        (_refund(customer=ADA), "cus_1"),
        (_refund(), "ch_1"),
        (_refund(charge=None), "re_1"),
        (_dispute("cus_1"), "cus_1"),
        (_dispute(None), "ch_1"),
        (CustomerBalance(customer=ADA, transactions=()), "cus_1"),
        (PAYOUT, ACCOUNT),
        (BalanceRow(transaction=ROW), ACCOUNT),
        (BalanceDay(day=date(2026, 11, 20), currency="usd", rows=()), ACCOUNT),
    ],
)
def test_a_guests_objects_belong_to_their_charge_and_the_balance_to_the_account(
    found: StripeObject, owner: str
) -> None:
    assert owner_of(found) == owner


def _item(**details: str) -> Parked:
    return Parked(
        key=DocumentKey("ch_1:payment"), code=ParkCode.WAITING, amount=1, currency="usd", details=dict(details)
    )


def test_invoices_that_must_be_posted_first_are_looked_at() -> None:
    mine, other = (Subject(kind=SubjectKind.INVOICE, id=one) for one in ("in_1", "in_2"))
    items = [
        _item(waiting_on="in_1:invoice"),
        _item(waiting_on="in_2:invoice"),
        _item(waiting_on="in_3:invoice", until="taken_back"),
        _item(waiting_on="cus_1:customer:usd"),
        _item(),
    ]
    assert invoices_waited_for(items, mine) == (other,)


def _paid_by(*allocations: tuple[str, int], **charge: Any) -> Invoice:
    fields: dict[str, Any] = {
        "id": "ch_1",
        "amount": 1000,
        "amount_captured": 1000,
        "amount_refunded": 0,
        "currency": "usd",
        "status": ChargeStatus.SUCCEEDED,
        "captured": True,
        "created": AT,
        "customer": "cus_1",
        "payment_intent": "pi_1",
        "balance_transaction": ROW,
    }
    paid = Charge(**(fields | charge))
    payment = InvoicePayment(
        source=PaymentSource.CHARGE,
        source_id="ch_1",
        currency="usd",
        paid_at=AT,
        allocations=tuple(Allocation(invoice=invoice, amount=amount) for invoice, amount in allocations),
        charge=paid,
    )
    return Invoice(
        id="in_1",
        status=InvoiceStatus.PAID,
        number="A-1",
        currency="usd",
        customer=ADA,
        created=AT,
        effective_at=AT,
        finalized_at=AT,
        due_date=None,
        paid_at=AT,
        voided_at=None,
        marked_uncollectible_at=None,
        lines=(),
        shipping=None,
        total=1000,
        amount_due=1000,
        amount_paid=1000,
        amount_remaining=0,
        payments=(payment,),
    )


def test_an_invoice_covers_what_paid_it_alone() -> None:
    charge, intent = Subject(kind=SubjectKind.CHARGE, id="ch_1"), Subject(kind=SubjectKind.PAYMENT_INTENT, id="pi_1")
    assert covered_by(_paid_by(("in_1", 1000))) == (charge, intent)
    assert covered_by(_paid_by(("in_1", 1000), payment_intent=None)) == (charge,)


@pytest.mark.parametrize(
    "invoice",
    [
        _paid_by(("in_1", 400), ("in_2", 600)),
        _paid_by(("in_1", 400)),
        _paid_by(("in_1", 1000), failure_balance_transaction=ROW),
    ],
)
def test_what_may_concern_other_invoices_is_looked_at_for_itself(invoice: Invoice) -> None:
    assert covered_by(invoice) == ()
