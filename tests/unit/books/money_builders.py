"""Stripe objects of the money side, to be varied by keyword; amounts in cents, moments of March 2026 in UTC."""

from dataclasses import replace
from datetime import date
from typing import Any, TypeVar

from tests.unit.books.builders import ACME, MARCH_20, a_balance_transaction, a_charge, moment
from wescope.books.documents import (
    CreditMemoBody,
    DepositBody,
    Document,
    JournalEntryBody,
    ReceiptBody,
)
from wescope.books.policy import Account, Item, NamedAccount, NamedItem
from wescope.books.values import (
    BalanceRow,
    BalanceTransaction,
    Charge,
    CreditedRefund,
    CreditNote,
    CreditNoteLine,
    CreditNoteStatus,
    Dispute,
    Fee,
    Payout,
    PayoutStatus,
    Refund,
    RefundStatus,
)

MoneyBody = TypeVar("MoneyBody", ReceiptBody, JournalEntryBody, DepositBody, CreditMemoBody)


def a_transaction(amount: int, category: str = "charge", *, fee: int = 0, **changes: Any) -> BalanceTransaction:
    """A row of `category` (its type, too) whose net follows from amount and fee."""
    row = a_balance_transaction(amount, fee=fee, net=amount - fee, type=category, reporting_category=category)
    return replace(row, **changes)


def a_row(
    amount: int,
    category: str = "charge",
    *,
    fee: int = 0,
    row_id: str = "txn_1",
    source: str | None = "ch_1",
    **rest: Any,
) -> BalanceRow:
    """A row with its source; `kind` and `charge` name the source's kind and charge, the rest goes to the row."""
    kind, charge = rest.pop("kind", ""), rest.pop("charge", None)
    transaction = a_transaction(amount, category, fee=fee, id=row_id, **rest)
    return BalanceRow(transaction=transaction, source=source, source_kind=kind, charge=charge)


def a_fee(amount: int, kind: str = "stripe_fee", **changes: Any) -> Fee:
    return replace(Fee(type=kind, amount=amount, currency="usd"), **changes)


def a_sale(amount: int = 3000, **changes: Any) -> Charge:
    """A charge of Acme that pays no invoice."""
    return a_charge(amount, **{"buyer": ACME, **changes})


def a_failed_sale(failed_at: str, amount: int = 3000, **changes: Any) -> Charge:
    row = a_transaction(-amount, "charge_failure", id="txn_9", created=moment(failed_at))
    return a_sale(amount, **{"failure_balance_transaction": row, **changes})


def a_refund(amount: int = 1000, **changes: Any) -> Refund:
    refund = Refund(
        id="re_1",
        amount=amount,
        currency="usd",
        status=RefundStatus.SUCCEEDED,
        created=MARCH_20,
        charge="ch_1",
        payment_intent="pi_1",
        customer=ACME,
        balance_transaction=a_transaction(-amount, "refund", id="txn_2"),
    )
    return replace(refund, **changes)


def a_note_line(amount: int, **changes: Any) -> CreditNoteLine:
    return replace(CreditNoteLine(id="cnli_1", amount=amount, description="Pro plan", invoice_line="il_1"), **changes)


def a_credit_note(*lines: CreditNoteLine, total: int = 1000, **changes: Any) -> CreditNote:
    """An issued credit note of `total` whose money all goes back by refund `re_1`."""
    note = CreditNote(
        id="cn_1",
        number="E2L97VN8-0001-CN-01",
        status=CreditNoteStatus.ISSUED,
        currency="usd",
        invoice="in_1",
        created=MARCH_20,
        effective_at=None,
        voided_at=None,
        total=total,
        pre_payment_amount=0,
        post_payment_amount=total,
        balance_amount=0,
        out_of_band_amount=0,
        refunds=(CreditedRefund(refund="re_1", amount=total),),
        lines=lines or (a_note_line(total),),
    )
    return replace(note, **changes)


def a_dispute(*rows: BalanceTransaction, **changes: Any) -> Dispute:
    dispute = Dispute(
        id="dp_1",
        amount=3000,
        currency="usd",
        status="needs_response",
        reason="general",
        created=MARCH_20,
        charge="ch_1",
        customer="cus_1",
        balance_transactions=rows,
    )
    return replace(dispute, **changes)


def a_payout(amount: int, *rows: BalanceRow, fee: int = 0, **changes: Any) -> Payout:
    """A reconciled automatic payout of 24 March, paid; `fee` is that of its own row."""
    own = a_transaction(-amount, "payout", fee=fee, id="txn_po")
    payout = Payout(
        id="po_1",
        amount=amount,
        currency="usd",
        status=PayoutStatus.PAID,
        created=moment("2026-03-23T02:00:00+00:00"),
        arrival_date=date(2026, 3, 24),
        automatic=True,
        method="standard",
        reconciled=True,
        balance_transaction=own,
        rows=rows,
    )
    return replace(payout, **changes)


def a_returned_payout(returned_at: str, amount: int, *rows: BalanceRow, **changes: Any) -> Payout:
    row = a_transaction(amount, "payout_reversal", id="txn_back", created=moment(returned_at))
    failed = {"status": PayoutStatus.FAILED, "failure_balance_transaction": row}
    return a_payout(amount, *rows, **{**failed, **changes})


def money(document: Document, kind: type[MoneyBody]) -> MoneyBody:
    assert isinstance(document.body, kind)
    return document.body


def entry(document: Document) -> list[tuple[str, int]]:
    """Account and amount of all lines of a journal entry: debits positive."""
    return [(account_name(line.account), line.amount) for line in money(document, JournalEntryBody).lines]


def deposit(document: Document) -> list[tuple[str, int]]:
    return [(account_name(line.account), line.amount) for line in money(document, DepositBody).lines]


def items(document: Document) -> list[tuple[str, int]]:
    return [(item_name(line.item), line.amount) for line in document.lines]


def settled(document: Document) -> tuple[int, str]:
    assert document.settled is not None
    return document.settled.amount, document.settled.currency


def account_name(account: Account) -> str:
    return account.name if isinstance(account, NamedAccount) else f"{account.role}.{account.currency}"


def item_name(item: Item) -> str:
    return item.name if isinstance(item, NamedItem) else item.value
