from datetime import UTC, datetime
from typing import Any

import pytest

from tests.unit.stripe.fake_api import FakeApi
from tests.unit.stripe.payloads import (
    CREATED,
    balance_transaction,
    charge,
    event,
    invoice,
    invoice_payment,
    line,
    paid_invoice,
    recorded,
)
from wescope.books.subjects import Subject, SubjectKind
from wescope.books.values import Allocation, Charge, Invoice, PaymentSource, Reading
from wescope.errors import MalformedId, ObjectNotFound, ObjectUnreadable
from wescope.stripe.listing import StripeListing
from wescope.stripe.reader import StripeReader

INVOICE = Subject(kind=SubjectKind.INVOICE, id="in_1")
CHARGE = Subject(kind=SubjectKind.CHARGE, id="ch_1")
INTENT = Subject(kind=SubjectKind.PAYMENT_INTENT, id="pi_1")
PARTS = "/v1/invoice_payments?invoice=in_1"
BY_INTENT = "/v1/invoice_payments?payment_intent=pi_1&type=payment_intent"
BY_RECORD = "/v1/invoice_payments?payment_record=pr_1&type=payment_record"
CHARGES = "/v1/charges?payment_intent=pi_1"
NOTES = "/v1/credit_notes?invoice=in_1"


def api(payload: dict[str, Any], **lists: list[dict[str, Any]]) -> FakeApi:
    objects = {
        "/v1/invoices/in_1": payload,
        "/v1/charges/ch_1": charge(),
        "/v1/invoice_payments/inpay_1": invoice_payment(),
    }
    return FakeApi(objects, {CHARGES: [charge()], **lists})


async def read_invoice(fake: FakeApi) -> Invoice:
    found = (await StripeReader(fake).read(INVOICE)).found
    assert isinstance(found, Invoice)
    return found


async def test_an_open_invoice_is_two_calls() -> None:
    fake = api(invoice())
    assert (await read_invoice(fake)).payments == ()
    assert fake.calls == ["/v1/invoices/in_1", NOTES]


async def test_a_draft_is_one_call() -> None:
    fake = api(invoice(status="draft"))
    assert (await read_invoice(fake)).payments == ()
    assert fake.calls == ["/v1/invoices/in_1"]


async def test_a_paid_invoice_is_three_calls() -> None:
    fake = api(paid_invoice(), **{PARTS: [invoice_payment()]})
    (payment,) = (await read_invoice(fake)).payments
    assert (payment.source, payment.source_id) == (PaymentSource.CHARGE, "ch_1")
    assert payment.allocations == (Allocation(invoice="in_1", amount=1000),)
    assert payment.paid_at == datetime.fromtimestamp(CREATED + 60, UTC)
    assert payment.charge is not None
    assert payment.charge.balance_transaction is not None
    assert fake.calls == ["/v1/invoices/in_1", CHARGES, NOTES]


async def test_more_payments_than_ten_are_listed() -> None:
    parts = [invoice_payment(id=f"inpay_{number}", amount_paid=100) for number in range(11)]
    fake = api(paid_invoice(amount_paid=1100, total=1100), **{PARTS: parts, BY_INTENT: parts})
    (payment,) = (await read_invoice(fake)).payments
    assert payment.allocations == (Allocation(invoice="in_1", amount=1100),)
    assert fake.calls == ["/v1/invoices/in_1", PARTS, CHARGES, NOTES]


async def test_a_charge_that_collected_more_names_all_that_it_pays() -> None:
    mine = invoice_payment(amount_paid=300)
    other = invoice_payment(
        id="inpay_0", invoice="in_0", amount_paid=700, status_transitions={"paid_at": CREATED + 10, "canceled_at": None}
    )
    fake = api(paid_invoice(amount_paid=300), **{PARTS: [mine], BY_INTENT: [mine, other]})
    (payment,) = (await read_invoice(fake)).payments
    assert payment.allocations == (Allocation(invoice="in_0", amount=700), Allocation(invoice="in_1", amount=300))
    assert payment.paid_at == datetime.fromtimestamp(CREATED + 10, UTC), "the same from every invoice"


async def test_a_charge_without_payment_intent() -> None:
    part = invoice_payment(payment={"type": "charge", "charge": "ch_1"})
    fake = api(paid_invoice(), **{PARTS: [part]})
    (payment,) = (await read_invoice(fake)).payments
    assert payment.source_id == "ch_1"
    assert fake.calls == ["/v1/invoices/in_1", "/v1/charges/ch_1", NOTES]


async def test_a_payment_intent_without_charge_is_unreadable() -> None:
    fake = FakeApi({"/v1/invoices/in_1": paid_invoice()}, {PARTS: [invoice_payment()]})
    with pytest.raises(ObjectUnreadable, match="latest_charge object_id=pi_1"):
        await read_invoice(fake)


async def test_out_of_band() -> None:
    (payment,) = (await read_invoice(api(paid_invoice(amount_paid_off_stripe=1000)))).payments
    assert (payment.source, payment.source_id) == (PaymentSource.OUT_OF_BAND, "in_1")
    assert payment.allocations == (Allocation(invoice="in_1", amount=1000),)


async def test_out_of_band_beside_a_charge_before_dahlia() -> None:
    payload = paid_invoice(amount_paid=1500, amount_paid_off_stripe=None)
    payments = (await read_invoice(api(payload, **{PARTS: [invoice_payment()]}))).payments
    assert [(payment.source, payment.allocations[0].amount) for payment in payments] == [
        (PaymentSource.CHARGE, 1000),
        (PaymentSource.OUT_OF_BAND, 500),
    ]


async def test_what_was_overpaid_is_not_out_of_band() -> None:
    payload = paid_invoice(amount_paid=1500, amount_overpaid=500, amount_paid_off_stripe=None)
    payments = (await read_invoice(api(payload, **{PARTS: [invoice_payment()]}))).payments
    assert [payment.source for payment in payments] == [PaymentSource.CHARGE]


async def test_a_payment_record_beside_out_of_band() -> None:
    part = recorded(amount_paid=400)
    other = recorded(id="inpay_2", invoice="in_2", amount_paid=100)
    payload = paid_invoice(amount_paid_off_stripe=1000)
    fake = api(payload, **{PARTS: [part], BY_RECORD: [part, other]})
    in_band, out_of_band = (await read_invoice(fake)).payments
    assert {in_band.source, out_of_band.source} == {PaymentSource.PAYMENT_RECORD, PaymentSource.OUT_OF_BAND}
    record = in_band if in_band.source is PaymentSource.PAYMENT_RECORD else out_of_band
    rest = out_of_band if record is in_band else in_band
    assert record.source_id == "pr_1"
    assert record.allocations == (Allocation(invoice="in_1", amount=400), Allocation(invoice="in_2", amount=100))
    assert rest.allocations == (Allocation(invoice="in_1", amount=600),)


async def test_a_partly_paid_open_invoice_has_no_out_of_band_payment() -> None:
    payload = invoice(amount_paid=1000, amount_remaining=500, amount_due=1500)
    payments = (await read_invoice(api(payload, **{PARTS: [invoice_payment(amount_paid=400)]}))).payments
    assert [payment.source for payment in payments] == [PaymentSource.CHARGE]


async def test_more_lines_than_ten_are_listed() -> None:
    lines = {"object": "list", "data": [line()], "has_more": True, "url": "/v1/invoices/in_1/lines"}
    fake = api(invoice(lines=lines), **{"/v1/invoices/in_1/lines": [line(id=f"il_{n}") for n in range(11)]})
    assert len((await read_invoice(fake)).lines) == 11


@pytest.mark.parametrize(
    ("kind", "identifier"),
    [
        (SubjectKind.INVOICE, "in_9"),
        (SubjectKind.CHARGE, "ch_9"),
        (SubjectKind.PAYMENT_INTENT, "pi_9"),
        (SubjectKind.INVOICE_PAYMENT, "inpay_9"),
        (SubjectKind.REFUND, "re_9"),
        (SubjectKind.CREDIT_NOTE, "cn_9"),
        (SubjectKind.DISPUTE, "dp_9"),
        (SubjectKind.PAYOUT, "po_9"),
        (SubjectKind.CUSTOMER, "cus_9"),
        (SubjectKind.BALANCE_TRANSACTION, "txn_9"),
        (SubjectKind.TOPUP, "tu_9"),
    ],
)
async def test_what_stripe_no_longer_has(kind: SubjectKind, identifier: str) -> None:
    assert await StripeReader(FakeApi()).read(Subject(kind=kind, id=identifier)) == Reading(found=None)


async def test_a_deleted_invoice() -> None:
    assert await StripeReader(api({"id": "in_1", "object": "invoice", "deleted": True})).read(INVOICE) == Reading(
        found=None
    )


async def test_what_an_invoice_refers_to_must_be_there() -> None:
    part = invoice_payment(payment={"type": "charge", "charge": "ch_1"})
    fake = FakeApi({"/v1/invoices/in_1": paid_invoice()}, {PARTS: [part]})
    with pytest.raises(ObjectNotFound):
        await read_invoice(fake)


async def test_a_charge_belongs_to_its_invoices() -> None:
    parts = [
        invoice_payment(invoice="in_2"),
        invoice_payment(invoice="in_1", status="open", amount_paid=None),
        invoice_payment(invoice="in_3", status="canceled", amount_paid=None),
    ]
    owners = (INVOICE, Subject(kind=SubjectKind.INVOICE, id="in_2"))
    fake = api(invoice(), **{BY_INTENT: parts})
    assert await StripeReader(fake).read(CHARGE) == Reading(found=None, owners=owners)
    assert len(fake.calls) == 2
    fake.calls.clear()
    assert await StripeReader(fake).read(INTENT) == Reading(found=None, owners=owners)
    assert fake.calls == [BY_INTENT]


@pytest.mark.parametrize("subject", [CHARGE, INTENT])
async def test_a_charge_without_invoice(subject: Subject) -> None:
    reading = await StripeReader(api(invoice())).read(subject)
    assert isinstance(reading.found, Charge)
    assert (reading.found.id, reading.owners) == ("ch_1", ())


async def test_a_payment_intent_that_was_never_charged() -> None:
    assert await StripeReader(FakeApi()).read(INTENT) == Reading(found=None)


async def test_an_old_charge_names_its_invoice() -> None:
    fake = FakeApi({"/v1/charges/ch_1": charge(payment_intent=None, invoice="in_1")})
    assert (await StripeReader(fake).read(CHARGE)).owners == (INVOICE,)


async def test_a_charge_without_payment_intent_is_looked_up_among_the_customers_invoices() -> None:
    parts = [invoice_payment(payment={"type": "charge", "charge": "ch_1"}), invoice_payment()]
    fake = FakeApi(
        {"/v1/charges/ch_1": charge(payment_intent=None)},
        {"/v1/invoices?customer=cus_1": [paid_invoice(payments={"data": parts}), paid_invoice(id="in_2")]},
    )
    assert (await StripeReader(fake).read(CHARGE)).owners == (INVOICE,)


async def test_a_charge_without_payment_intent_and_customer_is_a_sale() -> None:
    fake = FakeApi({"/v1/charges/ch_1": charge(payment_intent=None, customer=None)})
    assert (await StripeReader(fake).read(CHARGE)).owners == ()
    assert fake.calls == ["/v1/charges/ch_1"]


async def test_an_invoice_payment_belongs_to_its_invoice() -> None:
    subject = Subject(kind=SubjectKind.INVOICE_PAYMENT, id="inpay_1")
    assert await StripeReader(api(invoice())).read(subject) == Reading(found=None, owners=(INVOICE,))


async def test_an_id_cannot_leave_its_path() -> None:
    fake = FakeApi()
    with pytest.raises(MalformedId):
        await StripeReader(fake).read(Subject(kind=SubjectKind.INVOICE, id="in_1/../../accounts"))
    with pytest.raises(MalformedId):
        await StripeReader(fake).event("../charges")
    assert fake.calls == []


async def test_account_without_personal_data() -> None:
    account = {"id": "acct_1", "object": "account", "country": "US", "default_currency": "usd", "email": "a@b.c"}
    seen = {"id": "acct_1", "country": "US", "default_currency": "usd", "timezone": None, "livemode": False}
    assert await StripeReader(FakeApi({"/v1/account": account})).account() == seen
    account["settings"] = {"dashboard": {"display_name": "Ada", "timezone": "Europe/Vienna"}}  # type: ignore[assignment]
    assert await StripeReader(FakeApi({"/v1/account": account})).account() == seen | {"timezone": "Europe/Vienna"}


async def test_event() -> None:
    reader = StripeReader(FakeApi({"/v1/events/evt_1": event(), "/v1/events/evt_2": event(created=None)}))
    assert (await reader.event("evt_1")).subject == INVOICE
    with pytest.raises(ObjectUnreadable, match="created object_id=evt_2"):
        await reader.event("evt_2")


async def test_lists() -> None:
    until = datetime.fromtimestamp(CREATED, UTC)
    rows = [
        balance_transaction(source=charge(balance_transaction="txn_1")),
        balance_transaction(source="po_1"),
        balance_transaction(source={"id": "re_1", "object": "refund", "payment_intent": "pi_1"}),
        balance_transaction(source=None),
    ]
    lists = {
        f"/v1/invoices?lte={CREATED}&status=open": [invoice()],
        "/v1/invoice_payments?status=paid": [invoice_payment()],
        f"/v1/balance_transactions?lte={CREATED}": rows,
    }
    listing = StripeListing(FakeApi(lists=lists))
    status = (await read_invoice(api(invoice()))).status
    assert [one.id async for one in listing.invoices(status=status, created_until=until)] == ["in_1"]
    assert [part.source_id async for part in listing.paid_invoice_payments()] == ["pi_1"]
    found = [(row.source, row.payment_intent) async for row in listing.balance_transactions(created_until=until)]
    assert found == [("ch_1", "pi_1"), ("po_1", None), ("re_1", "pi_1"), (None, None)]


async def test_an_old_invoice_that_names_its_charge_is_believed_and_not_taken_for_out_of_band() -> None:
    old = paid_invoice(charge="ch_1")
    old.pop("amount_paid_off_stripe", None)
    (payment,) = (await read_invoice(api(old, **{PARTS: []}))).payments
    assert (payment.source, payment.source_id) == (PaymentSource.CHARGE, "ch_1")
    assert payment.charge is not None
    assert payment.charge.balance_transaction is not None
