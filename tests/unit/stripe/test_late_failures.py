"""Charges that failed after they had succeeded, and what else an attempted invoice costs and gives."""

from typing import Any

from tests.unit.stripe.fake_api import FakeApi
from tests.unit.stripe.payloads import CREATED, charge, failed_later, invoice, invoice_payment, paid_invoice
from wescope.books.subjects import Subject, SubjectKind
from wescope.books.values import Allocation, Charge, ChargeStatus, Invoice, PaymentSource
from wescope.stripe.reader import StripeReader

PARTS = "/v1/invoice_payments?invoice=in_1"
BY_INTENT = "/v1/invoice_payments?payment_intent=pi_1&type=payment_intent"
CHARGES = "/v1/charges?payment_intent=pi_1"
NOTES = "/v1/credit_notes?invoice=in_1"
OPEN = {"status": "open", "amount_paid": None, "status_transitions": {"paid_at": None}}


async def read(payload: dict[str, Any], **lists: list[dict[str, Any]]) -> tuple[Invoice, list[str]]:
    fake = FakeApi({"/v1/invoices/in_1": payload}, lists)
    found = (await StripeReader(fake).read(Subject(kind=SubjectKind.INVOICE, id="in_1"))).found
    assert isinstance(found, Invoice)
    return found, fake.calls


async def test_a_late_failure_is_among_the_payments_of_an_open_invoice() -> None:
    parts = [invoice_payment(**OPEN)]
    lists = {PARTS: parts, CHARGES: [failed_later()], BY_INTENT: parts}
    found, calls = await read(invoice(attempted=True), **lists)
    (payment,) = found.payments
    assert (payment.source, payment.source_id) == (PaymentSource.CHARGE, "ch_1")
    assert payment.allocations == (Allocation(invoice="in_1", amount=1000),)
    assert payment.charge is not None
    assert payment.charge.status is ChargeStatus.FAILED
    assert payment.charge.failure_balance_transaction is not None
    assert payment.charge.failure_balance_transaction.amount == -1000
    assert calls == ["/v1/invoices/in_1", CHARGES, BY_INTENT, NOTES]


async def test_a_late_failure_beside_the_second_try() -> None:
    second = charge(id="ch_2", created=CREATED + 900_000)
    lists = {PARTS: [invoice_payment()], CHARGES: [second, failed_later()], BY_INTENT: [invoice_payment()]}
    found, _ = await read(paid_invoice(attempted=True), **lists)
    assert {payment.source_id for payment in found.payments} == {"ch_1", "ch_2"}
    assert all(payment.allocations == (Allocation(invoice="in_1", amount=1000),) for payment in found.payments)


async def test_a_late_failure_of_what_stripe_still_calls_paid_is_no_out_of_band_payment() -> None:
    lists = {PARTS: [invoice_payment(**OPEN)], CHARGES: [failed_later()], BY_INTENT: [invoice_payment(**OPEN)]}
    found, _ = await read(paid_invoice(amount_paid_off_stripe=None), **lists)
    assert [payment.source for payment in found.payments] == [PaymentSource.CHARGE]


async def test_a_late_failure_is_shared_out_the_same_from_every_invoice() -> None:
    own = invoice_payment(**OPEN, amount_requested=700)
    other = invoice_payment(**OPEN, id="inpay_2", invoice="in_2", amount_requested=700)
    gone = invoice_payment(id="inpay_3", invoice="in_0", status="canceled", amount_paid=None, amount_requested=700)
    lists = {PARTS: [own], CHARGES: [failed_later(amount_captured=0)], BY_INTENT: [gone, other, own]}
    found, _ = await read(invoice(attempted=True), **lists)
    (payment,) = found.payments
    assert payment.allocations == (Allocation(invoice="in_1", amount=700), Allocation(invoice="in_2", amount=300))


async def test_declined_and_pending_charges_pay_nothing() -> None:
    declined = [charge(id="ch_3", status="pending"), charge(id="ch_2", status="failed", amount_captured=0)]
    lists = {PARTS: [invoice_payment(**OPEN)], CHARGES: declined}
    found, calls = await read(invoice(attempted=True), **lists)
    assert found.payments == ()
    assert calls == ["/v1/invoices/in_1", CHARGES, NOTES]


async def test_the_charge_that_succeeded_is_taken_and_not_the_latest() -> None:
    charges = [charge(id="ch_2", status="failed", amount_captured=0), charge()]
    found, _ = await read(paid_invoice(), **{PARTS: [invoice_payment()], CHARGES: charges})
    assert [payment.source_id for payment in found.payments] == ["ch_1"]


async def test_nothing_was_charged_for_an_attempted_invoice_over_nothing() -> None:
    _, calls = await read(paid_invoice(attempted=True, total=0, amount_due=0, amount_paid=0))
    assert calls == ["/v1/invoices/in_1", NOTES]


async def test_a_sale_that_failed_later_and_was_paid_again_is_two_charges() -> None:
    fake = FakeApi(lists={CHARGES: [charge(id="ch_2"), failed_later()]})
    reading = await StripeReader(fake).read(Subject(kind=SubjectKind.PAYMENT_INTENT, id="pi_1"))
    assert reading.found is None
    assert [owner.id for owner in reading.owners] == ["ch_1", "ch_2"]


async def test_a_sale_that_failed_later() -> None:
    fake = FakeApi(lists={CHARGES: [charge(id="ch_2", status="failed", amount_captured=0), failed_later()]})
    reading = await StripeReader(fake).read(Subject(kind=SubjectKind.PAYMENT_INTENT, id="pi_1"))
    assert isinstance(reading.found, Charge)
    assert reading.found.id == "ch_1"
