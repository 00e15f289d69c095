"""The reader against the local Stripe over HTTP: every payment shape, paging, errors and retries."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
import stripe

from wescope.books.desired import desired_books
from wescope.books.parking import ParkCode
from wescope.books.policy import Policy
from wescope.books.subjects import Subject, SubjectKind
from wescope.books.values import (
    BalanceDay,
    BalanceRow,
    Charge,
    CreditedRefund,
    CreditNoteStatus,
    CustomerBalance,
    Dispute,
    Invoice,
    InvoiceStatus,
    PaymentSource,
    Payout,
    Refund,
)
from wescope.errors import ObjectNotFound, StripeError, StripeRefused, StripeUnavailable
from wescope.sandbox.stripe import Knobs, Running, StripeSandbox
from wescope.sandbox.stripe.charges import ChargeDraft
from wescope.sandbox.stripe.credit_notes import CreditNoteDraft
from wescope.sandbox.stripe.drafts import InvoiceDraft, LineDraft
from wescope.sandbox.stripe.store import Resource
from wescope.stripe import limits
from wescope.stripe.client import StripeApi, is_live_key
from wescope.stripe.listing import StripeListing
from wescope.stripe.parsing.invoice_payments import PartSource
from wescope.stripe.reader import StripeReader

AS_OF = date(2026, 11, 22)
NOW = int(datetime(2026, 11, 22, tzinfo=UTC).timestamp())
FAST = 10_000
UNLIMITED = Knobs(requests_per_second=0)
DAY_S = 86_400


@pytest.fixture(autouse=True)
def quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stripe.HTTPClient, "INITIAL_DELAY", 0.001)
    monkeypatch.setattr(stripe.HTTPClient, "MAX_DELAY", 0.001)
    monkeypatch.setattr(limits, "LONGEST_PAUSE_S", 0.001)


@pytest.fixture
async def running() -> AsyncIterator[Running]:
    async with StripeSandbox(customers=0, months=1, as_of=AS_OF, knobs=UNLIMITED).serve() as served:
        yield served


@pytest.fixture
async def api(running: Running) -> AsyncIterator[StripeApi]:
    async with StripeApi(api_key=running.api_key, base_url=running.url, requests_per_second=FAST) as one:
        yield one


@pytest.fixture
def reader(api: StripeApi) -> StripeReader:
    return StripeReader(api)


@pytest.fixture
def merchant(running: Running) -> "Merchant":
    return Merchant(running)


class Merchant:
    """Makes what a test needs on the local Stripe."""

    def __init__(self, running: Running) -> None:
        self.business = running.business
        self.payments = running.business.payments
        product = self.business.catalogue.product("Plan", NOW)
        self._price = self.business.catalogue.price(product, "1000", NOW)["id"]
        self.customer = self.business.customers.create(name="Ada Lovelace", email="ada@example.com", at=NOW)["id"]

    def issue(self, *, lines: int = 1) -> Resource:
        """An invoice over 10.00 per line, finalized."""
        drafts = tuple(LineDraft(price=self._price, description=f"Line {n}") for n in range(lines))
        return self.business.issue(InvoiceDraft(customer=self.customer, lines=drafts), NOW)


async def read_invoice(reader: StripeReader, identifier: str) -> Invoice:
    found = (await reader.read(Subject(kind=SubjectKind.INVOICE, id=identifier))).found
    assert isinstance(found, Invoice)
    return found


async def test_a_paid_invoice(merchant: Merchant, reader: StripeReader) -> None:
    invoice = merchant.issue()
    charge = merchant.business.pay(invoice, NOW)
    found = await read_invoice(reader, invoice["id"])
    assert (found.status, found.total, found.customer.name) == (InvoiceStatus.PAID, 1000, "Ada Lovelace")
    (payment,) = found.payments
    assert (payment.source, payment.source_id) == (PaymentSource.CHARGE, charge["id"])
    assert payment.charge is not None
    assert payment.charge.balance_transaction is not None
    assert payment.charge.balance_transaction.id == charge["balance_transaction"]
    assert len(desired_books(found, Policy()).documents) == 3


async def test_lines_beyond_the_first_hundred(merchant: Merchant, reader: StripeReader) -> None:
    invoice = merchant.issue(lines=130)
    lines = (await read_invoice(reader, invoice["id"])).lines
    assert len({line.id for line in lines}) == 130
    assert sum(line.amount for line in lines) == 130_000


async def test_partial_payments(merchant: Merchant, reader: StripeReader) -> None:
    invoice = merchant.issue()
    charges = [merchant.payments.pay_part(invoice, amount, NOW + amount) for amount in (100, 200)]
    found = await read_invoice(reader, invoice["id"])
    assert (found.status, found.amount_remaining) == (InvoiceStatus.OPEN, 700)
    assert [payment.source_id for payment in found.payments] == [charge["id"] for charge in charges]
    assert [payment.allocations[0].amount for payment in found.payments] == [100, 200]


async def test_one_payment_intent_over_several_invoices(merchant: Merchant, reader: StripeReader) -> None:
    invoices = [merchant.issue() for _ in range(3)]
    charge = merchant.payments.pay_shared({invoice["id"]: 1000 for invoice in invoices}, 3500, NOW)
    readings = [await read_invoice(reader, invoice["id"]) for invoice in invoices]
    payments = [payment for reading in readings for payment in reading.payments]
    payment = payments[0]
    assert payments == [payment] * 3, "the same payment from whichever invoice"
    assert [part.invoice for part in payment.allocations] == sorted(invoice["id"] for invoice in invoices)
    for kind, identifier in (
        (SubjectKind.CHARGE, charge["id"]),
        (SubjectKind.PAYMENT_INTENT, charge["payment_intent"]),
    ):
        reading = await reader.read(Subject(kind=kind, id=identifier))
        assert reading.found is None
        assert [owner.id for owner in reading.owners] == [part.invoice for part in payment.allocations]


async def test_out_of_band_and_payment_record(merchant: Merchant, reader: StripeReader) -> None:
    invoice = merchant.issue()
    record = merchant.payments.pay_by_record(invoice, 400, NOW)
    merchant.payments.pay_out_of_band(invoice, NOW + 60)
    recorded, out_of_band = (await read_invoice(reader, invoice["id"])).payments
    assert (recorded.source, recorded.source_id) == (PaymentSource.PAYMENT_RECORD, record["id"])
    assert recorded.allocations[0].amount == 400
    assert (out_of_band.source, out_of_band.source_id) == (PaymentSource.OUT_OF_BAND, invoice["id"])
    assert out_of_band.allocations[0].amount == 600


async def test_a_pending_debit_belongs_to_its_invoice_and_pays_nothing_yet(
    merchant: Merchant, reader: StripeReader
) -> None:
    invoice = merchant.issue()
    intent = merchant.business.debit(invoice, NOW)
    assert (await read_invoice(reader, invoice["id"])).payments == ()
    reading = await reader.read(Subject(kind=SubjectKind.PAYMENT_INTENT, id=intent["id"]))
    assert reading.owners == (Subject(kind=SubjectKind.INVOICE, id=invoice["id"]),)


async def test_a_failed_charge_belongs_to_its_invoice(merchant: Merchant, reader: StripeReader) -> None:
    invoice = merchant.issue()
    charge = merchant.payments.fail(invoice, NOW)
    reading = await reader.read(Subject(kind=SubjectKind.CHARGE, id=charge["id"]))
    assert reading.owners == (Subject(kind=SubjectKind.INVOICE, id=invoice["id"]),)


async def test_an_invoice_payment_belongs_to_its_invoice(
    merchant: Merchant, api: StripeApi, reader: StripeReader
) -> None:
    invoice = merchant.issue()
    merchant.business.pay(invoice, NOW)
    (part,) = [part async for part in StripeListing(api).paid_invoice_payments()]
    assert (part.invoice, part.source) == (invoice["id"], PartSource.PAYMENT_INTENT)
    reading = await reader.read(Subject(kind=SubjectKind.INVOICE_PAYMENT, id=part.id))
    assert reading.owners == (Subject(kind=SubjectKind.INVOICE, id=invoice["id"]),)


async def test_a_debit_that_failed_after_it_had_paid(merchant: Merchant, reader: StripeReader) -> None:
    invoice = merchant.issue()
    merchant.business.debit(invoice, NOW)
    merchant.business.run_until(NOW + 5 * DAY_S)
    (payment,) = (await read_invoice(reader, invoice["id"])).payments
    merchant.business.late_failures.fail(payment.source_id, NOW + 6 * DAY_S)
    (failed,) = (await read_invoice(reader, invoice["id"])).payments
    assert (failed.source_id, failed.allocations) == (payment.source_id, payment.allocations)
    assert failed.charge is not None
    assert failed.charge.failure_balance_transaction is not None
    assert failed.charge.failure_balance_transaction.reporting_category == "charge_failure"
    assert failed.charge.failure_balance_transaction.amount == -1000


async def test_refunds_and_credit_notes_name_each_other(merchant: Merchant, reader: StripeReader) -> None:
    invoice = merchant.issue()
    charge = merchant.business.pay(invoice, NOW)
    plain = merchant.business.refunds.create(charge, 100, NOW + 60)
    draft = CreditNoteDraft(
        invoice=invoice["id"], amount=700, refund_amount=400, credit_amount=200, out_of_band_amount=100
    )
    note = merchant.business.credit_notes.create(draft, NOW + 120)
    invoice_subject = Subject(kind=SubjectKind.INVOICE, id=invoice["id"])

    owners = (await reader.read(Subject(kind=SubjectKind.CREDIT_NOTE, id=note["id"]))).owners
    credited = Subject(kind=SubjectKind.REFUND, id=note["refunds"][0]["refund"])
    assert owners == (invoice_subject, credited)

    found = (await reader.read(credited)).found
    assert isinstance(found, Refund)
    assert [one.id for one in found.credit_notes] == [note["id"]]
    assert found.credit_notes[0].refunds == (CreditedRefund(refund=credited.id, amount=400),)
    assert found.credit_notes[0].balance_amount == 200
    assert found.credit_notes[0].out_of_band_amount == 100
    assert len(found.invoice_lines) == 1
    assert found.customer is not None
    assert found.customer.name == "Ada Lovelace"
    assert found.balance_transaction is not None
    assert found.balance_transaction.amount == -400

    alone = (await reader.read(Subject(kind=SubjectKind.REFUND, id=plain["id"]))).found
    assert isinstance(alone, Refund)
    assert (alone.credit_notes, alone.invoice_lines) == ((), ())

    whole = await read_invoice(reader, invoice["id"])
    assert whole.credit_notes == found.credit_notes
    customer = (await reader.read(Subject(kind=SubjectKind.CUSTOMER, id=whole.customer.id))).found
    assert isinstance(customer, CustomerBalance)
    assert [(move.type, move.amount, move.credit_note) for move in customer.transactions] == [
        ("credit_note", -200, note["id"])
    ]


async def test_a_credit_note_that_was_voided(merchant: Merchant, reader: StripeReader) -> None:
    invoice = merchant.issue()
    note = merchant.business.credit_notes.create(CreditNoteDraft(invoice=invoice["id"], amount=300), NOW)
    assert [one.total for one in (await read_invoice(reader, invoice["id"])).credit_notes] == [300]
    merchant.business.credit_notes.void(note, NOW + 60)
    await reader.read(Subject(kind=SubjectKind.CREDIT_NOTE, id=note["id"]))
    (void,) = (await read_invoice(reader, invoice["id"])).credit_notes
    assert void.status is CreditNoteStatus.VOID


async def test_credit_that_an_invoice_used(merchant: Merchant, reader: StripeReader) -> None:
    customer = merchant.customer
    merchant.business.balances.adjust(customer, -500, NOW, currency="usd")
    found = await read_invoice(reader, merchant.issue()["id"])
    assert (found.total, found.amount_due, found.starting_balance) == (1000, 500, -500)
    assert [(move.type, move.amount) for move in found.balance] == [("adjustment", -500), ("applied_to_invoice", 500)]


async def test_a_dispute_that_was_won(merchant: Merchant, reader: StripeReader) -> None:
    charge = merchant.business.pay(merchant.issue(), NOW)
    dispute = merchant.business.disputes.create(charge, NOW + 60)
    merchant.business.disputes.win(dispute, NOW + 120, fee_returned=True)
    found = (await reader.read(Subject(kind=SubjectKind.DISPUTE, id=dispute["id"]))).found
    assert isinstance(found, Dispute)
    assert (found.status, found.charge, found.customer) == ("won", charge["id"], merchant.customer)
    assert [(row.reporting_category, row.amount) for row in found.balance_transactions] == [
        ("dispute", -1000),
        ("dispute_reversal", 1000),
    ]
    assert all(fee.dispute for row in found.balance_transactions for fee in row.fees)


async def test_sales_without_invoice(merchant: Merchant, reader: StripeReader) -> None:
    for customer, name in ((merchant.customer, "Ada Lovelace"), (None, None)):
        charge = merchant.business.charges.create(ChargeDraft(amount=900, customer=customer), NOW)
        for kind, identifier in (
            (SubjectKind.CHARGE, charge["id"]),
            (SubjectKind.PAYMENT_INTENT, charge["payment_intent"]),
        ):
            found = (await reader.read(Subject(kind=kind, id=identifier))).found
            assert isinstance(found, Charge)
            assert (found.id, found.amount_captured) == (charge["id"], 900)
            assert (found.buyer.name if found.buyer else None) == name


async def test_payouts_their_rows_and_those_that_stand_alone(
    merchant: Merchant, api: StripeApi, reader: StripeReader
) -> None:
    business = merchant.business
    charge = business.pay(merchant.issue(), NOW, settle_after_s=0)
    topup = business.rows.topup(5000, NOW)
    business.payouts.follow("daily", NOW)
    business.run_until(NOW + 14 * DAY_S)
    listing = StripeListing(api)
    payouts = [one async for one in listing.payouts()]
    assert payouts
    seen = set()
    for listed in payouts:
        found = (await reader.read(Subject(kind=SubjectKind.PAYOUT, id=listed.id))).found
        assert isinstance(found, Payout)
        assert found.reconciled
        assert not found.fees_by_day
        assert found.balance_transaction == listed.balance_transaction
        assert sum(row.transaction.net for row in found.rows) == found.amount
        assert [row async for row in listing.payout_rows(listed.id)] == list(found.rows)
        seen |= {row.source for row in found.rows}
    assert seen == {charge["id"], topup["id"]}

    (owner,) = (await reader.read(Subject(kind=SubjectKind.TOPUP, id=topup["id"]))).owners
    row = (await reader.read(owner)).found
    assert isinstance(row, BalanceRow)
    assert (row.source, row.source_kind, row.transaction.amount) == (topup["id"], "topup", 5000)
    charged = Subject(kind=SubjectKind.BALANCE_TRANSACTION, id=charge["balance_transaction"])
    assert (await reader.read(charged)).owners == (Subject(kind=SubjectKind.CHARGE, id=charge["id"]),)


async def test_a_day_of_manual_payouts(merchant: Merchant, api: StripeApi) -> None:
    business = merchant.business
    business.payouts.follow("manual", NOW)
    charge = business.pay(merchant.issue(), NOW, settle_after_s=0)
    business.run_until(NOW + DAY_S)
    reader = StripeReader(api, ZoneInfo("America/Los_Angeles"))
    day = (await reader.read(Subject(kind=SubjectKind.BALANCE_DAY, id="usd.2026-11-21"))).found
    assert isinstance(day, BalanceDay)
    assert [row.charge for row in day.rows] == [charge["id"]]
    empty = (await reader.read(Subject(kind=SubjectKind.BALANCE_DAY, id="usd.2026-11-22"))).found
    assert isinstance(empty, BalanceDay)
    assert empty.rows == ()


async def test_account_and_event(running: Running, merchant: Merchant, api: StripeApi, reader: StripeReader) -> None:
    account = await reader.account()
    assert (account["id"], account["default_currency"]) == (running.business.account.resource()["id"], "usd")
    invoice = merchant.issue()
    events = [event async for event in api.pages("/v1/events", type="invoice.finalized")]
    hint = await reader.event(events[0]["id"])
    assert hint.subject == Subject(kind=SubjectKind.INVOICE, id=invoice["id"])


async def test_a_whole_business_is_accounted_for() -> None:
    sandbox = StripeSandbox(customers=16, months=2, as_of=AS_OF, knobs=UNLIMITED)
    async with (
        sandbox.serve() as running,
        StripeApi(api_key=running.api_key, base_url=running.url, requests_per_second=FAST) as api,
    ):
        listing, reader = StripeListing(api), StripeReader(api)
        until = datetime.fromtimestamp(NOW, UTC)
        invoices = [invoice async for invoice in listing.invoices(created_until=until)]
        assert len(invoices) == len(running.business.account.store.all("invoice"))
        for listed in invoices:
            found = await read_invoice(reader, listed.id)
            assert (found.status, found.total, found.amount_paid) == (listed.status, listed.total, listed.amount_paid)
            parked = {parked.code for parked in desired_books(found, Policy()).parked}
            assert not parked & {ParkCode.TOTAL_MISMATCH, ParkCode.PAYMENTS_MISMATCH, ParkCode.OBJECT_UNREADABLE}
        rows = [row async for row in listing.balance_transactions(created_until=until)]
        charges = {charge["id"]: charge for charge in running.business.account.store.all("charge")}
        assert rows
        assert all(row.payment_intent == charges[row.source]["payment_intent"] for row in rows if row.source in charges)
        open_invoices = [invoice async for invoice in listing.invoices(status=InvoiceStatus.OPEN)]
        assert {invoice.status for invoice in open_invoices} <= {InvoiceStatus.OPEN}


@pytest.mark.parametrize("kind", ["rate_limit", "server_error", "cut"])
async def test_stripe_unavailable(running: Running, reader: StripeReader, kind: str) -> None:
    running.faults.add(kind=kind)
    with pytest.raises(StripeUnavailable):
        await reader.account()


async def test_a_passing_fault_is_retried(running: Running, reader: StripeReader) -> None:
    running.faults.add(kind="server_error", times=2)
    assert (await reader.account())["country"] == "US"


async def test_nobody_listens(unused_tcp_port: int) -> None:
    async with StripeApi(api_key="sk_test_1", base_url=f"http://127.0.0.1:{unused_tcp_port}") as api:
        with pytest.raises(StripeUnavailable, match="path=/v1/account"):
            await api.get("/v1/account")


async def test_a_wrong_key(running: Running) -> None:
    async with StripeApi(api_key="sk_test_wrong", base_url=running.url) as api:
        with pytest.raises(StripeRefused) as raised:
            await api.get("/v1/account")
    assert raised.value.details["status"] == 401
    assert raised.value.details["request_id"]
    assert "wrong" not in str(raised.value)
    assert raised.value.__cause__ is None


async def test_a_key_without_permission(running: Running) -> None:
    running.business.account.restricted_keys["rk_test_narrow"] = frozenset({"rak_charge_read"})
    async with StripeApi(api_key="rk_test_narrow", base_url=running.url) as api:
        with pytest.raises(StripeRefused, match="rak_invoice_read") as raised:
            await api.get("/v1/invoices/in_1")
    assert raised.value.details["status"] == 403


async def test_not_found_and_wrong_requests(api: StripeApi) -> None:
    with pytest.raises(ObjectNotFound) as raised:
        await api.get("/v1/invoices/in_none")
    assert raised.value.details["stripe_code"] == "resource_missing"
    assert raised.value.details["path"] == "/v1/invoices/in_none"
    with pytest.raises(StripeError) as refused:
        await api.get("/v1/invoices", limit=1000)
    assert refused.type is StripeError


async def test_requests_are_paced(running: Running) -> None:
    async with StripeApi(api_key=running.api_key, base_url=running.url, requests_per_second=40) as api:
        started = time.monotonic()
        for _ in range(20):
            await api.get("/v1/account")
        assert time.monotonic() - started >= 18 / 40


@pytest.mark.parametrize("live", [False, True])
async def test_no_limit_of_stripe_is_broken(*, live: bool) -> None:
    sandbox = StripeSandbox(customers=0, months=1, as_of=AS_OF, knobs=Knobs(live_key=live))
    async with (
        sandbox.serve() as running,
        StripeApi(api_key=running.api_key, base_url=running.url) as api,
    ):
        assert api.livemode is live
        asked = [api.get(path, limit=1) for path in ("/v1/invoices", "/v1/charges") for _ in range(35)]
        await asyncio.gather(*asked)
        counts = running.limits.as_json()
        assert (counts["total"], counts["violations"]) == (70, 0)
        assert api.times_limited == {}


async def test_two_processes_that_ask_too_much_are_slowed_down_and_not_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "LONGEST_PAUSE_S", 0.5)
    sandbox = StripeSandbox(customers=0, months=1, as_of=AS_OF, knobs=Knobs(requests_per_second=30))
    async with sandbox.serve() as running, contextlib.AsyncExitStack() as stack:
        pair = [StripeApi(api_key=running.api_key, base_url=running.url, requests_per_second=40) for _ in range(2)]
        for api in pair:
            await stack.enter_async_context(api)
        await asyncio.gather(*(api.get("/v1/account") for api in pair for _ in range(40)))
        refused = running.limits.as_json()["violations"]
        assert refused == sum(sum(api.times_limited.values()) for api in pair) > 0


def test_live_keys() -> None:
    assert is_live_key("sk_live_1")
    assert is_live_key("rk_live_1")
    assert not is_live_key("sk_test_1")
    assert not is_live_key("rk_test_sk_live_1")
