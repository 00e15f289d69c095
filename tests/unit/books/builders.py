"""Stripe objects for tests of the books: one invoice of 30.00 USD of 15 March 2026, to be varied by keyword."""

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from wescope.books.documents import (
    CreditMemoBody,
    CustomerBody,
    Desired,
    Document,
    InvoiceBody,
    JournalEntryBody,
    PaymentBody,
    ReceiptBody,
)
from wescope.books.parking import Parked
from wescope.books.policy import Policy
from wescope.books.values import (
    Allocation,
    BalanceTransaction,
    Charge,
    ChargeStatus,
    CreditNote,
    CreditNoteLine,
    CreditNoteStatus,
    Customer,
    CustomerBalanceTransaction,
    Invoice,
    InvoiceLine,
    InvoicePayment,
    InvoiceStatus,
    PaymentSource,
    Period,
)

Body = TypeVar("Body", CustomerBody, InvoiceBody, PaymentBody, CreditMemoBody, JournalEntryBody, ReceiptBody)

POLICY = Policy(timezone=ZoneInfo("America/Los_Angeles"))
ACME = Customer(id="cus_1", name="Acme", email="books@acme.example")
MARCH_10 = datetime(2026, 3, 10, 20, 0, tzinfo=UTC)
MARCH_15 = datetime(2026, 3, 15, 20, 0, tzinfo=UTC)
MARCH_20 = datetime(2026, 3, 20, 20, 0, tzinfo=UTC)
MARCH_25 = datetime(2026, 3, 25, 20, 0, tzinfo=UTC)
MARCH_PERIOD = Period(
    start=datetime(2026, 3, 1, 12, 0, tzinfo=UTC),
    end=datetime(2026, 4, 1, 12, 0, tzinfo=UTC),
)


def an_invoice_line(amount: int = 3000, **changes: Any) -> InvoiceLine:
    line = InvoiceLine(
        id="il_1",
        amount=amount,
        currency="usd",
        description="Pro plan",
        quantity=None,
        unit_amount=None,
        period=None,
    )
    return replace(line, **changes)


def an_invoice(*lines: InvoiceLine, total: int = 3000, **changes: Any) -> Invoice:
    """An open invoice; `lines` default to one line of `total`, and nothing of it is paid."""
    invoice = Invoice(
        id="in_1",
        status=InvoiceStatus.OPEN,
        number="E2L97VN8-0001",
        currency="usd",
        customer=ACME,
        created=MARCH_15,
        effective_at=MARCH_15,
        finalized_at=MARCH_15,
        due_date=None,
        paid_at=None,
        voided_at=None,
        marked_uncollectible_at=None,
        lines=lines or (an_invoice_line(total),),
        shipping=None,
        total=total,
        amount_due=total,
        amount_paid=0,
        amount_remaining=total,
    )
    return replace(invoice, **changes)


def a_paid_invoice(*payments: InvoicePayment, total: int = 3000, **changes: Any) -> Invoice:
    paid = {"status": InvoiceStatus.PAID, "amount_paid": total, "amount_remaining": 0, "paid_at": MARCH_20}
    return an_invoice(total=total, **{**paid, "payments": payments or (a_payment(total),), **changes})


def a_balance_transaction(amount: int = 3000, **changes: Any) -> BalanceTransaction:
    row = BalanceTransaction(
        id="txn_1",
        amount=amount,
        fee=117,
        net=amount - 117,
        currency="usd",
        created=MARCH_20,
        available_on=MARCH_20,
        exchange_rate=None,
        type="charge",
        reporting_category="charge",
    )
    return replace(row, **changes)


def a_charge(amount: int = 3000, **changes: Any) -> Charge:
    charge = Charge(
        id="ch_1",
        amount=amount,
        amount_captured=amount,
        amount_refunded=0,
        currency="usd",
        status=ChargeStatus.SUCCEEDED,
        captured=True,
        created=MARCH_20,
        customer="cus_1",
        payment_intent="pi_1",
        balance_transaction=a_balance_transaction(amount),
    )
    return replace(charge, **changes)


def a_payment(amount: int = 3000, *, charge: Charge | None = None, **changes: Any) -> InvoicePayment:
    """A charge of `amount` that pays `in_1`; its id is the charge's."""
    charge = charge or a_charge(amount)
    payment = InvoicePayment(
        source=PaymentSource.CHARGE,
        source_id=charge.id,
        currency="usd",
        paid_at=MARCH_20,
        allocations=(Allocation(invoice="in_1", amount=amount),),
        charge=charge,
    )
    return replace(payment, **changes)


def a_credit_note(total: int = 1000, **changes: Any) -> CreditNote:
    """Issued on 25 March on `in_1`, all of it before payment, with one line."""
    note = CreditNote(
        id="cn_1",
        number="E2L97VN8-0001-CN-01",
        status=CreditNoteStatus.ISSUED,
        currency="usd",
        invoice="in_1",
        created=MARCH_25,
        effective_at=None,
        voided_at=None,
        total=total,
        pre_payment_amount=total,
        post_payment_amount=0,
        balance_amount=0,
        out_of_band_amount=0,
        refunds=(),
        lines=(CreditNoteLine(id="cnli_1", amount=total, description=None, invoice_line="il_1"),),
    )
    return replace(note, **changes)


def a_move(amount: int, ending: int, **changes: Any) -> CustomerBalanceTransaction:
    """A move of the balance of `cus_1` on 10 March, by hand."""
    move = CustomerBalanceTransaction(
        id="cbtxn_1",
        type="adjustment",
        amount=amount,
        currency="usd",
        created=MARCH_10,
        ending_balance=ending,
    )
    return replace(move, **changes)


def document(desired: Desired, key: str) -> Document:
    """The document with this key; fails if there is none or more than one."""
    (found,) = [document for document in desired.documents if document.key == key]
    return found


def body(desired: Desired, key: str, kind: type[Body]) -> Body:
    found = document(desired, key).body
    assert isinstance(found, kind)
    return found


def keys(desired: Desired) -> list[str]:
    return [document.key for document in desired.documents]


def existing(desired: Desired) -> dict[str, str]:
    """Whether each document stands or is taken back, by key; the customer left out."""
    return {one.key: one.existence.value for one in desired.documents if not one.key.startswith("cus_1:customer")}


def applied(desired: Desired, key: str) -> dict[str, int]:
    """What a payment applies to, by key of the document."""
    return {one.document: one.amount for one in body(desired, key, PaymentBody).applications}


def parked(desired: Desired) -> dict[str, tuple[str, int]]:
    """Code and amount of all that is parked, by key."""
    return {item.key: (item.code.value, item.amount) for item in desired.parked}


def the_parked(desired: Desired, key: str) -> Parked:
    (found,) = [item for item in desired.parked if item.key == key]
    return found


def skipped(desired: Desired) -> dict[str, str]:
    return {item.key: item.reason for item in desired.skipped}


def day(text: str) -> date:
    return date.fromisoformat(text)


def moment(text: str) -> datetime:
    """An ISO moment with its zone."""
    return datetime.fromisoformat(text)
