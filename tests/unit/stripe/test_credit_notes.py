"""Credit notes of all API versions, and the invoices and refunds that they belong to."""

from decimal import Decimal
from typing import Any

import pytest

from tests.unit.stripe.fake_api import FakeApi
from tests.unit.stripe.payloads import (
    balance_move,
    charge,
    credit_note,
    credit_note_line,
    customer,
    invoice,
    invoice_payment,
    line,
    old_credit_note,
    refund,
)
from wescope.books.subjects import Subject, SubjectKind
from wescope.books.values import (
    CreditedRefund,
    CreditNote,
    CreditNoteStatus,
    Customer,
    Invoice,
    Reading,
    Reduction,
    Refund,
    TaxAmount,
)
from wescope.errors import ObjectNotFound, ObjectUnreadable
from wescope.stripe.parsing import parse_credit_note
from wescope.stripe.reader import StripeReader

INVOICE = Subject(kind=SubjectKind.INVOICE, id="in_1")
NOTE = Subject(kind=SubjectKind.CREDIT_NOTE, id="cn_1")
REFUND = Subject(kind=SubjectKind.REFUND, id="re_1")
NOTES = "/v1/credit_notes?invoice=in_1"
BY_INTENT = "/v1/invoice_payments?payment_intent=pi_1&type=payment_intent"
REFUNDED: dict[str, Any] = {"amount_refunded": 400, "refund": "re_1", "type": "refund"}
AFTER: dict[str, Any] = {"pre_payment_amount": 0, "post_payment_amount": 400, "type": "post_payment"}


def parts(note: CreditNote) -> tuple[int, int, int, int, int]:
    refunded = sum(refund.amount for refund in note.refunds)
    return note.pre_payment_amount, note.post_payment_amount, refunded, note.balance_amount, note.out_of_band_amount


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (credit_note(), (400, 0, 0, 0, 0)),
        (credit_note(pre_payment_amount=150, post_payment_amount=250, type="mixed"), (150, 250, 0, 250, 0)),
        (credit_note(**AFTER, refunds=[REFUNDED]), (0, 400, 400, 0, 0)),
        (credit_note(**AFTER, refunds=[REFUNDED | {"type": None, "amount_refunded": 100}]), (0, 400, 100, 300, 0)),
        (credit_note(**AFTER, out_of_band_amount=400), (0, 400, 0, 0, 400)),
        (credit_note(**AFTER, customer_balance_transaction="cbtxn_1"), (0, 400, 0, 400, 0)),
        (
            credit_note(
                **AFTER,
                out_of_band_amount=50,
                refunds=[
                    REFUNDED | {"amount_refunded": 100},
                    {"amount_refunded": 150, "type": "payment_record_refund"},
                ],
            ),
            (0, 400, 100, 100, 200),
        ),
        (old_credit_note(type="pre_payment"), (400, 0, 0, 0, 0)),
        (old_credit_note(refund="re_1"), (0, 400, 400, 0, 0)),
        (old_credit_note(refund="re_1", out_of_band_amount=150), (0, 400, 250, 0, 150)),
        (old_credit_note(customer_balance_transaction="cbtxn_1"), (0, 400, 0, 400, 0)),
        (
            old_credit_note(refund="re_1", customer_balance_transaction=balance_move(amount=-100)),
            (0, 400, 300, 100, 0),
        ),
        (
            old_credit_note(refund=refund(amount=300), customer_balance_transaction="cbtxn_1"),
            (0, 400, 300, 100, 0),
        ),
        (old_credit_note(type=None), (400, 0, 0, 0, 0)),
        (old_credit_note(type=None, refund="re_1"), (0, 400, 400, 0, 0)),
    ],
)
def test_how_a_credit_note_is_settled(payload: dict[str, Any], expected: tuple[int, ...]) -> None:
    note = parse_credit_note(payload)
    assert parts(note) == expected
    assert note.total == note.pre_payment_amount + note.post_payment_amount


@pytest.mark.parametrize(
    ("payload", "field"),
    [
        (credit_note(post_payment_amount=1), "post_payment_amount"),
        (credit_note(**AFTER, refunds=[REFUNDED | {"amount_refunded": 500}]), "post_payment_amount"),
        (credit_note(**AFTER, refunds=[REFUNDED | {"type": "barter"}]), "refunds[0].type"),
        (old_credit_note(type="mixed"), "type"),
        (old_credit_note(refund="re_1", customer_balance_transaction="cbtxn_1"), "refund"),
        (credit_note(status="draft"), "status"),
        (credit_note(lines=None), "lines.data"),
        (credit_note(invoice=None), "invoice"),
    ],
)
def test_what_cannot_be_read_is_named(payload: dict[str, Any], field: str) -> None:
    with pytest.raises(ObjectUnreadable) as raised:
        parse_credit_note(payload)
    assert (raised.value.detail, raised.value.details) == (field, {"object_id": "cn_1"})


def test_lines_with_discounts_credits_and_taxes_of_both_shapes() -> None:
    rates = [{"id": "txr_1", "object": "tax_rate", "percentage": 20}]
    taxes = [{"amount": 70, "tax_behavior": "exclusive", "tax_rate_details": {"tax_rate": "txr_1"}}]
    old_taxes = [{"amount": 70, "inclusive": False, "tax_rate": "txr_1"}]
    billing_credits = [{"amount": 20, "type": "credit_balance_transaction", "credit_balance_transaction": "cb_1"}]
    new = credit_note_line(tax_rates=rates, taxes=taxes, pretax_credit_amounts=billing_credits)
    old = credit_note_line(tax_rates=rates, tax_amounts=old_taxes, discount_amount=30, invoice_line_item=None)
    del old["taxes"]
    one, two = parse_credit_note(credit_note(lines={"data": [new, old]})).lines
    assert one.taxes == two.taxes
    (tax,) = one.taxes
    assert tax == TaxAmount(amount=70, inclusive=False, tax_rate="txr_1", percentage=tax.percentage)
    assert tax.percentage == 20
    assert one.credits == (Reduction(amount=20, source="cb_1"),)
    assert two.discounts == (Reduction(amount=30, source=None),)
    assert (one.invoice_line, two.invoice_line) == ("il_1", None)
    assert (one.quantity, one.unit_amount) == (Decimal(1), Decimal(400))


def test_a_void_credit_note_with_shipping() -> None:
    shipping = {"amount_subtotal": 100, "amount_tax": 0, "amount_total": 100}
    note = parse_credit_note(credit_note(status="void", voided_at=1762900000, shipping_cost=shipping))
    assert note.status is CreditNoteStatus.VOID
    assert note.voided_at is not None
    assert note.shipping is not None
    assert note.shipping.amount == 100


async def read_invoice(fake: FakeApi) -> Invoice:
    found = (await StripeReader(fake).read(INVOICE)).found
    assert isinstance(found, Invoice)
    return found


async def test_an_invoice_has_its_credit_notes_with_all_lines_oldest_first() -> None:
    many = {"data": [credit_note_line()], "has_more": True}
    fake = FakeApi(
        {"/v1/invoices/in_1": invoice(pre_payment_credit_notes_amount=800)},
        {
            NOTES: [credit_note(id="cn_2", created=1762900000, lines=many), credit_note()],
            "/v1/credit_notes/cn_2/lines": [credit_note_line(id=f"cnli_{n}") for n in range(12)],
        },
    )
    first, second = (await read_invoice(fake)).credit_notes
    assert (first.id, second.id, len(second.lines)) == ("cn_1", "cn_2", 12)
    assert fake.calls == ["/v1/invoices/in_1", NOTES, "/v1/credit_notes/cn_2/lines"]


async def test_credit_notes_that_are_all_void_are_found() -> None:
    void = credit_note(status="void", voided_at=1762900000)
    found = (await StripeReader(FakeApi({"/v1/invoices/in_1": invoice()}, {NOTES: [void]})).read(INVOICE)).found
    assert isinstance(found, Invoice)
    assert [note.status for note in found.credit_notes] == [CreditNoteStatus.VOID]


@pytest.mark.parametrize(
    "payload",
    [
        credit_note(**AFTER, refunds=[REFUNDED, {"amount_refunded": 0, "type": "payment_record_refund"}]),
        old_credit_note(refund="re_1"),
    ],
)
async def test_a_credit_note_belongs_to_its_invoice_and_refunds(payload: dict[str, Any]) -> None:
    fake = FakeApi({"/v1/credit_notes/cn_1": payload})
    assert await StripeReader(fake).read(NOTE) == Reading(found=None, owners=(INVOICE, REFUND))


async def test_a_refund_has_the_credit_notes_that_name_it_and_their_invoices_lines() -> None:
    named = credit_note(**AFTER, refunds=[REFUNDED])
    fake = FakeApi(
        {"/v1/refunds/re_1": refund(), "/v1/invoices/in_1": invoice(lines={"data": [line()], "has_more": False})},
        {NOTES: [named, credit_note(id="cn_2")], BY_INTENT: [invoice_payment()]},
    )
    found = (await StripeReader(fake).read(REFUND)).found
    assert isinstance(found, Refund)
    assert [note.id for note in found.credit_notes] == ["cn_1"]
    assert found.credit_notes[0].refunds == (CreditedRefund(refund="re_1", amount=400),)
    assert [one.id for one in found.invoice_lines] == ["il_1"]
    assert found.customer == Customer(id="cus_1", name="Ada Lovelace", email="ada@example.org")
    assert found.balance_transaction is not None
    assert found.metadata == {"why": "late"}
    assert fake.calls == ["/v1/refunds/re_1", BY_INTENT, NOTES, "/v1/invoices/in_1"]


async def test_a_refund_without_credit_note() -> None:
    fake = FakeApi({"/v1/refunds/re_1": refund()}, {BY_INTENT: [invoice_payment()]})
    found = (await StripeReader(fake).read(REFUND)).found
    assert isinstance(found, Refund)
    assert (found.credit_notes, found.invoice_lines) == ((), ())
    assert fake.calls == ["/v1/refunds/re_1", BY_INTENT, NOTES]


async def test_a_refund_of_an_old_charge_that_names_its_invoice() -> None:
    old = charge(payment_intent=None, invoice="in_1", customer=None)
    fake = FakeApi({"/v1/refunds/re_1": refund(charge=old, payment_intent=None)})
    found = (await StripeReader(fake).read(REFUND)).found
    assert isinstance(found, Refund)
    assert (found.customer, found.charge, found.payment_intent) == (None, "ch_1", None)
    assert fake.calls == ["/v1/refunds/re_1", NOTES]


async def test_a_refund_without_charge_names_its_customer() -> None:
    payload = refund(charge=None, payment_intent=None, customer="cus_1")
    fake = FakeApi({"/v1/refunds/re_1": payload, "/v1/customers/cus_1": customer()})
    found = (await StripeReader(fake).read(REFUND)).found
    assert isinstance(found, Refund)
    assert found.customer is not None
    assert found.customer.name == "Ada Lovelace"


async def test_an_invoice_that_a_refunded_charge_paid_must_be_there() -> None:
    fake = FakeApi(
        {"/v1/refunds/re_1": refund()},
        {NOTES: [credit_note(**AFTER, refunds=[REFUNDED])], BY_INTENT: [invoice_payment()]},
    )
    with pytest.raises(ObjectNotFound):
        await StripeReader(fake).read(REFUND)
