"""Payouts, rows and days of Stripe's ledger, disputes, and balances of customers."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.unit.stripe.fake_api import FakeApi
from tests.unit.stripe.payloads import (
    CREATED,
    account,
    balance_move,
    balance_transaction,
    charge,
    credit_note,
    customer,
    dispute,
    invoice,
    paid_invoice,
    payout,
    refund,
    row,
)
from wescope.books.subjects import Subject, SubjectKind
from wescope.books.values import BalanceDay, BalanceRow, CustomerBalance, Dispute, Fee, Invoice, Payout, Reading
from wescope.errors import MalformedId, ObjectNotFound, ObjectUnreadable
from wescope.stripe.ledger import SCHEDULE_KEPT_S
from wescope.stripe.listing import StripeListing
from wescope.stripe.parsing import parse_balance_row, parse_balance_transaction, parse_payout
from wescope.stripe.reader import StripeReader

PAYOUT = Subject(kind=SubjectKind.PAYOUT, id="po_1")
CUSTOMER = Subject(kind=SubjectKind.CUSTOMER, id="cus_1")
ROW = Subject(kind=SubjectKind.BALANCE_TRANSACTION, id="txn_1")
DISPUTE = Subject(kind=SubjectKind.DISPUTE, id="dp_1")
ROWS = "/v1/balance_transactions?payout=po_1"
MOVES = "/v1/customers/cus_1/balance_transactions"
TOPUP = {"id": "tu_1", "object": "topup", "amount": 900, "status": "succeeded", "balance_transaction": "txn_t"}


def test_the_parts_of_a_fee() -> None:
    details = [
        {"amount": 725, "currency": "eur", "description": "Stripe processing fees", "type": "stripe_fee"},
        {"amount": 167, "currency": "eur", "description": "VAT", "type": "tax"},
        {"amount": 1500, "currency": "eur", "description": "Dispute fee", "type": "stripe_fee"},
    ]
    payload = balance_transaction(amount=50000, fee=2392, net=47608, currency="eur", fee_details=details)
    parsed = parse_balance_transaction(payload)
    assert parsed.fees == (
        Fee(type="stripe_fee", amount=725, currency="eur"),
        Fee(type="tax", amount=167, currency="eur"),
        Fee(type="stripe_fee", amount=1500, currency="eur", dispute=True),
    )
    assert "VAT" not in repr(parsed)


def test_parts_of_a_fee_that_do_not_add_up() -> None:
    details = [{"amount": 58, "currency": "usd", "description": None, "type": "stripe_fee"}]
    with pytest.raises(ObjectUnreadable, match="fee_details"):
        parse_balance_transaction(balance_transaction(fee_details=details))
    assert parse_balance_transaction(balance_transaction(fee_details=None)).fees == ()


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (charge(balance_transaction="txn_1"), ("ch_1", "charge", "ch_1", "pi_1")),
        (refund(charge="ch_1"), ("re_1", "refund", "ch_1", "pi_1")),
        (dispute(charge="ch_1"), ("dp_1", "dispute", "ch_1", "pi_1")),
        (payout(), ("po_1", "payout", None, None)),
        (TOPUP, ("tu_1", "topup", None, None)),
        ("py_1", ("py_1", "charge", "py_1", None)),
        ("re_1", ("re_1", "refund", None, None)),
        ("unknown_1", ("unknown_1", "", None, None)),
        (None, (None, "", None, None)),
    ],
)
def test_what_made_a_row(source: Any, expected: tuple[str | None, ...]) -> None:
    parsed = parse_balance_row(balance_transaction(source=source))
    assert (parsed.source, parsed.source_kind, parsed.charge, parsed.payment_intent) == expected


@pytest.mark.parametrize(
    ("status", "fields", "reconciled"),
    [
        ("paid", {}, True),
        ("paid", {"reconciliation_status": "in_progress"}, False),
        ("paid", {"reconciliation_status": "not_applicable", "automatic": False}, False),
        ("paid", {"reconciliation_status": None}, True),
        ("pending", {"reconciliation_status": None}, False),
    ],
)
def test_whether_a_payout_is_reconciled(status: str, fields: dict[str, Any], reconciled: bool) -> None:
    assert parse_payout(payout(status=status, **fields)).reconciled is reconciled


async def read_payout(fake: FakeApi) -> Payout:
    found = (await StripeReader(fake).read(PAYOUT)).found
    assert isinstance(found, Payout)
    return found


async def test_an_automatic_payout_has_its_rows_without_its_own() -> None:
    returned = row("txn_old", 500, "payout_reversal", source=payout(id="po_0"))
    own = row("txn_po", -941, "payout", source=payout())
    fake = FakeApi(
        {"/v1/payouts/po_1": payout(), "/v1/account": account()},
        {ROWS: [own, returned, balance_transaction(source=charge(balance_transaction="txn_1"))]},
    )
    found = await read_payout(fake)
    assert [one.transaction.id for one in found.rows] == ["txn_old", "txn_1"]
    assert found.balance_transaction is not None
    assert found.balance_transaction.id == "txn_po"
    assert (found.arrival_date, found.reconciled, found.fees_by_day) == (date(2025, 11, 14), True, False)
    assert fake.calls == ["/v1/payouts/po_1", ROWS, "/v1/account"]


async def test_a_manual_payout_names_no_rows_and_its_fees_are_booked_by_day() -> None:
    now = [0.0]
    fake = FakeApi({"/v1/payouts/po_1": payout(automatic=False, method="instant"), "/v1/account": account("manual")})
    reader = StripeReader(fake, monotonic=lambda: now[0])
    for _ in range(2):
        found = (await reader.read(PAYOUT)).found
        assert isinstance(found, Payout)
        assert (found.rows, found.fees_by_day, found.method) == ((), True, "instant")
    assert fake.calls == ["/v1/payouts/po_1", "/v1/account", "/v1/payouts/po_1"]
    now[0] = SCHEDULE_KEPT_S
    await reader.read(PAYOUT)
    assert fake.calls.count("/v1/account") == 2


async def test_a_failed_payout_has_the_row_of_its_failure() -> None:
    failure = row("txn_f", 941, "payout_reversal", source="po_1")
    payload = payout(status="failed", failure_balance_transaction=failure, reversed_by="po_2")
    found = await read_payout(FakeApi({"/v1/payouts/po_1": payload, "/v1/account": account()}))
    assert found.failure_balance_transaction is not None
    assert (found.failure_balance_transaction.amount, found.reversed_by) == (941, "po_2")


async def test_a_row_that_stands_alone() -> None:
    payload = row("txn_1", 900, "topup", source=TOPUP)
    found = (await StripeReader(FakeApi({"/v1/balance_transactions/txn_1": payload})).read(ROW)).found
    assert isinstance(found, BalanceRow)
    assert (found.source_kind, found.transaction.reporting_category) == ("topup", "topup")


@pytest.mark.parametrize(
    ("source", "kind", "identifier"),
    [
        (charge(balance_transaction="txn_1"), SubjectKind.CHARGE, "ch_1"),
        (refund(), SubjectKind.REFUND, "re_1"),
        (dispute(), SubjectKind.DISPUTE, "dp_1"),
        (payout(), SubjectKind.PAYOUT, "po_1"),
        ("py_1", SubjectKind.CHARGE, "py_1"),
    ],
)
async def test_a_row_that_another_subject_covers(source: Any, kind: SubjectKind, identifier: str) -> None:
    fake = FakeApi({"/v1/balance_transactions/txn_1": balance_transaction(source=source)})
    owner = Subject(kind=kind, id=identifier)
    assert await StripeReader(fake).read(ROW) == Reading(found=None, owners=(owner,))


@pytest.mark.parametrize(
    ("day", "zone", "first_second", "hours"),
    [
        ("2025-11-20", "America/Los_Angeles", "2025-11-20T08:00Z", 24),
        ("2025-11-02", "America/Los_Angeles", "2025-11-02T07:00Z", 25),
        ("2025-03-09", "America/Los_Angeles", "2025-03-09T08:00Z", 23),
        ("2025-11-20", "Pacific/Tongatapu", "2025-11-19T11:00Z", 24),
        ("2025-04-25", "Africa/Cairo", "2025-04-24T22:00Z", 23),  # midnight does not exist
    ],
)
async def test_a_day_is_a_day_of_the_books_calendar(day: str, zone: str, first_second: str, hours: int) -> None:
    timezone, start = ZoneInfo(zone), int(datetime.fromisoformat(first_second).timestamp())
    query = f"/v1/balance_transactions?currency=usd&gte={start}&lt={start + hours * 3600}"
    fake = FakeApi(lists={query: [row("txn_1", -59, "fee", source=None)]})
    reading = await StripeReader(fake, timezone).read(Subject(kind=SubjectKind.BALANCE_DAY, id=f"usd.{day}"))
    assert isinstance(reading.found, BalanceDay)
    assert (reading.found.currency, reading.found.day.isoformat()) == ("usd", day)
    assert [one.transaction.id for one in reading.found.rows] == ["txn_1"]


@pytest.mark.parametrize("identifier", ["usd", "usd.2025-02-30", "in_1", "usd.2025-11-20/x"])
async def test_no_day(identifier: str) -> None:
    with pytest.raises(MalformedId):
        await StripeReader(FakeApi()).read(Subject(kind=SubjectKind.BALANCE_DAY, id=identifier))


@pytest.mark.parametrize(
    ("kind", "path", "payload", "rows"),
    [
        (SubjectKind.TOPUP, "/v1/topups/tu_1", TOPUP, ["txn_t"]),
        (SubjectKind.TOPUP, "/v1/topups/tu_1", TOPUP | {"balance_transaction": None, "status": "pending"}, []),
        (SubjectKind.TOPUP, "/v1/topups/tu_1", TOPUP | {"status": "reversed"}, ["txn_t", "txn_u"]),
        (
            SubjectKind.TRANSFER,
            "/v1/transfers/tr_1",
            {
                "id": "tr_1",
                "object": "transfer",
                "balance_transaction": "txn_2",
                "reversals": {"data": [{"balance_transaction": "txn_3"}]},
            },
            ["txn_2", "txn_3"],
        ),
        (
            SubjectKind.APPLICATION_FEE,
            "/v1/application_fees/fee_1",
            {
                "id": "fee_1",
                "object": "application_fee",
                "balance_transaction": "txn_4",
                "refunds": {"data": [{"balance_transaction": None}]},
            },
            ["txn_4"],
        ),
    ],
)
async def test_what_made_rows_belongs_to_them(
    kind: SubjectKind, path: str, payload: dict[str, Any], rows: list[str]
) -> None:
    reversal = {
        "/v1/balance_transactions?source=tu_1": [
            row("txn_u", -900, "topup_reversal", source="tu_1"),
            row("txn_t", 900, "topup", source="tu_1"),
        ]
    }
    fake = FakeApi({path: payload}, reversal)
    reading = await StripeReader(fake).read(Subject(kind=kind, id=path.rpartition("/")[2]))
    assert reading.found is None
    assert [(owner.kind, owner.id) for owner in reading.owners] == [
        (SubjectKind.BALANCE_TRANSACTION, one) for one in rows
    ]


async def test_a_dispute_has_its_customer_and_rows() -> None:
    fake = FakeApi({"/v1/disputes/dp_1": dispute()})
    found = (await StripeReader(fake).read(DISPUTE)).found
    assert isinstance(found, Dispute)
    assert (found.customer, found.charge, found.status) == ("cus_1", "ch_1", "needs_response")
    (withdrawal,) = found.balance_transactions
    assert (withdrawal.amount, withdrawal.fees[0].dispute) == (-1000, True)
    assert fake.calls == ["/v1/disputes/dp_1"]


async def test_an_inquiry_moves_no_money() -> None:
    fake = FakeApi({"/v1/disputes/dp_1": dispute(balance_transactions=[], charge="ch_1", status="warning_closed")})
    found = (await StripeReader(fake).read(DISPUTE)).found
    assert isinstance(found, Dispute)
    assert (found.balance_transactions, found.customer) == ((), None)


async def test_a_customer_has_all_moves_of_its_balance_oldest_first() -> None:
    moves = [balance_move(id="cbtxn_2", currency="eur", invoice="in_1", credit_note="cn_1"), balance_move()]
    found = (await StripeReader(FakeApi({"/v1/customers/cus_1": customer()}, {MOVES: moves})).read(CUSTOMER)).found
    assert isinstance(found, CustomerBalance)
    assert [move.id for move in found.transactions] == ["cbtxn_1", "cbtxn_2"]
    assert (found.transactions[1].invoice, found.transactions[1].credit_note) == ("in_1", "cn_1")


class Refusing(FakeApi):
    """Stripe that has no moves of any customer."""

    async def pages(self, path: str, **parameters: Any) -> Any:
        if path == MOVES:
            raise ObjectNotFound(path=path)
        async for one in super().pages(path, **parameters):
            yield one


async def test_a_deleted_customer() -> None:
    gone = {"id": "cus_1", "object": "customer", "deleted": True}
    found = (await StripeReader(Refusing({"/v1/customers/cus_1": gone})).read(CUSTOMER)).found
    assert isinstance(found, CustomerBalance)
    assert (found.customer.deleted, found.transactions) == (True, ())
    with pytest.raises(ObjectNotFound):
        await StripeReader(Refusing({"/v1/customers/cus_1": customer()})).read(CUSTOMER)


@pytest.mark.parametrize(
    ("payload", "listed"),
    [
        (invoice(ending_balance=0), False),
        (invoice(starting_balance=-500, ending_balance=0, amount_due=500), True),
        (invoice(starting_balance=-500, ending_balance=-500), True),
        (invoice(ending_balance=-2500, total=-2500, amount_due=0), True),
        (paid_invoice(amount_overpaid=100), True),
        (paid_invoice(total=40, amount_due=0, amount_paid=0), True),
        (paid_invoice(total=0, amount_due=0, amount_paid=0), False),
        (invoice(status="void", total=40, amount_due=0), True),
        (invoice(status="void"), False),
        (invoice(status="draft", starting_balance=-500), False),
    ],
)
async def test_an_invoice_that_has_to_do_with_the_balance_has_its_moves(payload: dict[str, Any], listed: bool) -> None:
    moves = [balance_move(id="cbtxn_2"), balance_move(id="cbtxn_3", currency="eur"), balance_move()]
    fake = FakeApi({"/v1/invoices/in_1": payload}, {MOVES: moves})
    found = (await StripeReader(fake).read(Subject(kind=SubjectKind.INVOICE, id="in_1"))).found
    assert isinstance(found, Invoice)
    assert [move.id for move in found.balance] == (["cbtxn_1", "cbtxn_2"] if listed else [])
    assert (MOVES in fake.calls) is listed


async def test_a_revision_names_what_it_replaces_and_rates_bring_their_percentage() -> None:
    rate = {"id": "txr_1", "object": "tax_rate", "percentage": 8.25, "effective_percentage": None}
    tax = {"amount": 80, "tax_behavior": "exclusive", "tax_rate_details": {"tax_rate": "txr_1"}}
    payload = invoice(
        from_invoice={"action": "revision", "invoice": "in_0"},
        total_taxes=[{**tax, "tax_rate_details": {"tax_rate": rate}}],
    )
    payload["lines"]["data"][0]["taxes"] = [tax]
    found = (
        await StripeReader(FakeApi({"/v1/invoices/in_1": payload})).read(Subject(kind=SubjectKind.INVOICE, id="in_1"))
    ).found
    assert isinstance(found, Invoice)
    assert found.revision_of == "in_0"
    assert found.lines[0].taxes[0].percentage == Decimal("8.25")


async def test_a_sale_has_its_buyer() -> None:
    fake = FakeApi({"/v1/charges/ch_1": charge(customer=customer(), metadata={"shop": "2"})})
    found = (await StripeReader(fake).read(Subject(kind=SubjectKind.CHARGE, id="ch_1"))).found
    assert not isinstance(found, Invoice)
    assert getattr(found, "metadata", None) == {"shop": "2"}
    assert getattr(found, "buyer", None) is not None


async def test_lists_for_the_tie_out() -> None:
    until = datetime.fromtimestamp(CREATED, UTC)
    listed = {
        "/v1/payouts": [payout()],
        ROWS: [row("txn_po", -941, "payout", source="po_1"), balance_transaction()],
        f"/v1/credit_notes?lte={CREATED}": [credit_note()],
        "/v1/refunds": [refund()],
        "/v1/customers": [customer(balance=-500, currency="usd"), customer(id="cus_2", account_balance=3)],
        MOVES: [balance_move()],
    }
    listing = StripeListing(FakeApi(lists=listed))
    assert [one.id async for one in listing.payouts()] == ["po_1"]
    assert [one.transaction.id async for one in listing.payout_rows("po_1")] == ["txn_1"]
    assert [one.id async for one in listing.credit_notes(created_until=until)] == ["cn_1"]
    assert [one.id async for one in listing.refunds()] == ["re_1"]
    customers = [(one.id, one.balance, one.currency) async for one in listing.customers()]
    assert customers == [("cus_1", -500, "usd"), ("cus_2", 3, None)]
    assert [one.id async for one in listing.customer_balance("cus_1")] == ["cbtxn_1"]
