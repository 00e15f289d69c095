"""What somebody else has entered is found by month, and told apart: the same document, or one that looks like it."""

from datetime import date
from typing import Any

import pytest

from tests.unit.qbo.doubles import Reply, Rig, answer, found, rig
from tests.unit.qbo.papers import CREDIT_MEMO, DAY, DEPOSIT, JOURNAL_ENTRY, REFUND_RECEIPT, SALES_RECEIPT
from tests.unit.qbo.test_company import Clock, company, replies
from tests.unit.qbo.test_payloads import CUSTOMER, INVOICE, PAYMENT
from tests.unit.qbo.test_payloads_of_papers import PAPERS
from wescope.books.documents import Document
from wescope.qbo.existing import ExistingDocuments, ForeignDeposit, Match

OWN_NAME = answer("Customer", Id="58", DisplayName="Acme (cus_4)")
INVOICE_RECORD: dict[str, Any] = {
    "Id": "900",
    "DocNumber": "ACME-0001",
    "CustomerRef": {"value": "58", "name": "Acme (cus_4)"},
    "CurrencyRef": {"value": "USD"},
    "TotalAmt": 30,
    "TxnDate": "2026-03-17",
    "Line": [{"Amount": 30}],
}


def existing(*given: Reply, clock: Clock | None = None) -> tuple[ExistingDocuments, Rig]:
    made = rig(*given)
    return ExistingDocuments(made.client, company(made), clock_s=clock or Clock()), made


async def match(document: Document, *given: Reply) -> Match | None:
    return await existing(*given)[0].match(document, PAPERS)


async def test_the_same_invoice() -> None:
    assert await match(INVOICE, found("Invoice", INVOICE_RECORD)) == Match(
        kind="same",
        entity="Invoice",
        qbo_id="900",
        agrees=("TotalAmt", "TxnDate", "CurrencyRef", "DocNumber", "CustomerRef"),
        differs=(),
    )


@pytest.mark.parametrize(
    ("change", "differs"),
    [
        ({"TotalAmt": 31}, ("TotalAmt",)),
        ({"DocNumber": "7"}, ("DocNumber",)),
        ({"CurrencyRef": {"value": "CAD"}}, ("CurrencyRef",)),
        ({"CustomerRef": {"value": "9", "name": "Jane"}}, ("CustomerRef",)),
    ],
)
async def test_an_invoice_that_looks_like_it(change: dict[str, Any], differs: tuple[str, ...]) -> None:
    one = await match(INVOICE, found("Invoice", {**INVOICE_RECORD, **change}), OWN_NAME)
    assert one is not None
    assert (one.kind, one.differs) == ("looks_like", differs)


@pytest.mark.parametrize("number", ["7", INVOICE_RECORD["DocNumber"]])
async def test_a_customer_of_the_same_name_is_worth_a_look_and_no_proof(number: str) -> None:
    """Were it adopted, no payment of ours could be applied to it: QBO refuses those of another customer."""
    record = {**INVOICE_RECORD, "DocNumber": number, "CustomerRef": {"value": "9", "name": "ACME"}}
    one = await match(INVOICE, found("Invoice", record), OWN_NAME)
    assert one is not None
    assert (one.kind, "CustomerRef" in one.differs) == ("looks_like", True)


@pytest.mark.parametrize(
    "change",
    [
        {"PrivateNote": "x\nwescope:in_1:invoice"},
        {"TxnDate": "2026-03-19"},
        {"DocNumber": "7", "TotalAmt": 31},
        {"TotalAmt": 0, "Line": []},
        {"TxnDate": "later"},
    ],
)
async def test_what_is_ours_far_off_other_or_void_is_no_match(change: dict[str, Any]) -> None:
    assert await match(INVOICE, found("Invoice", {**INVOICE_RECORD, **change})) is None


async def test_a_month_is_read_once_for_a_backlog() -> None:
    clock = Clock()
    books, made = existing(found("Invoice"), found("Invoice", INVOICE_RECORD), clock=clock)
    assert await books.match(INVOICE, PAPERS) is None
    assert await books.match(INVOICE, PAPERS) is None
    assert await books.match(CUSTOMER, PAPERS) is None
    statement = made.server.requests[0].content.decode()
    assert "FROM Invoice WHERE TxnDate >= '2026-03-01' AND TxnDate <= '2026-03-31'" in statement
    clock.now_s = 901
    assert await books.match(INVOICE, PAPERS) is not None
    assert len(made.server.requests) == 2


async def test_what_was_forgotten_is_read_again() -> None:
    clock = Clock()
    books, made = existing(found("Invoice"), found("Invoice", INVOICE_RECORD), clock=clock)
    await books.match(INVOICE, PAPERS)
    clock.now_s = 11
    books.forget()
    assert await books.match(INVOICE, PAPERS) is not None
    assert len(made.server.requests) == 2


PAYMENT_RECORD: dict[str, Any] = {
    "Id": "901",
    "PaymentRefNum": "9",
    "CustomerRef": {"value": "58"},
    "TotalAmt": 30.05,
    "TxnDate": "2026-03-20",
    "DepositToAccountRef": {"value": "91"},
    "Line": [{"Amount": 30, "LinkedTxn": [{"TxnId": "130", "TxnType": "Invoice"}]}],
}


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({}, "same"),
        ({"PaymentRefNum": ""}, "looks_like"),
        ({"DepositToAccountRef": {"value": "35"}}, "looks_like"),
        ({"Line": []}, "looks_like"),
        ({"PaymentRefNum": "", "Line": []}, None),
    ],
)
async def test_payments(change: dict[str, Any], kind: str | None) -> None:
    one = await match(PAYMENT, found("Payment", {**PAYMENT_RECORD, **change}))
    assert (one.kind if one else None) == kind


async def test_credit_memos_and_receipts() -> None:
    memo = {**INVOICE_RECORD, "DocNumber": "ACME-0001-CN-01", "TotalAmt": 10, "TxnDate": "2026-03-22"}
    one = await match(CREDIT_MEMO, found("CreditMemo", memo))
    assert (one and one.kind) == "same"
    guest = {"Id": "5", "TotalAmt": 25, "TxnDate": "2026-03-20", "DepositToAccountRef": {"value": "91"}}
    one = await match(SALES_RECEIPT, found("SalesReceipt", {**guest, "PaymentRefNum": "5"}))
    assert (one and one.kind) == "same"
    one = await match(SALES_RECEIPT, found("SalesReceipt", guest))
    assert (one and one.differs) == ("PaymentRefNum",)
    other = {**guest, "TotalAmt": 10, "CustomerRef": {"value": "59"}}
    assert await match(REFUND_RECEIPT, found("RefundReceipt", other), OWN_NAME) is None


def posting(kind: str, account: str, amount: float) -> dict[str, Any]:
    detail = {"AccountRef": {"value": account}, "PostingType": kind}
    return {"Amount": amount, "DetailType": "JournalEntryLineDetail", "JournalEntryLineDetail": detail}


async def test_journal_entries_are_the_same_if_number_and_postings_agree() -> None:
    lines = [posting("Debit", "61", 12), posting("Debit", "34", 3), posting("Credit", "91", 15)]
    record = {"Id": "7", "DocNumber": "txn-7", "TotalAmt": 0, "TxnDate": "2026-03-21", "Line": lines}
    one = await match(JOURNAL_ENTRY, found("JournalEntry", record))
    assert (one and one.kind) == "same"
    elsewhere = {**record, "Line": [posting("Debit", "61", 15), posting("Credit", "35", 15)]}
    one = await match(JOURNAL_ENTRY, found("JournalEntry", elsewhere))
    assert (one and one.differs) == ("Line:35,61",)


def deposit(*lines: tuple[str, float], **fields: Any) -> dict[str, Any]:
    details = [
        {
            "Amount": amount,
            "DetailType": "DepositLineDetail",
            "DepositLineDetail": {"AccountRef": {"value": account}},
        }
        for account, amount in lines
    ]
    total = sum(amount for _, amount in lines)
    head = {"Id": "70", "TxnDate": "2026-03-26", "DepositToAccountRef": {"value": "35"}, "TotalAmt": total}
    return {**head, "Line": details, **fields}


TRANSFER = {
    "Id": "71",
    "TxnDate": "2026-03-18",
    "FromAccountRef": {"value": "91"},
    "ToAccountRef": {"value": "35"},
    "Amount": 28.5,
}


@pytest.mark.parametrize(
    ("deposits", "transfers", "expected"),
    [
        ([deposit(("91", 28.5))], [], ("same", "Deposit", ())),
        ([deposit(("91", 30), ("60", -1.5))], [], ("looks_like", "Deposit", ("Line:60,91",))),
        ([deposit(("37", 28.5))], [], ("looks_like", "Deposit", ("Line:37",))),
        ([deposit(("37", 28.5))], [TRANSFER], ("same", "Transfer", ())),
        ([], [{**TRANSFER, "FromAccountRef": {"value": "36"}}], None),
        ([deposit(("91", 28.5), DepositToAccountRef={"value": "36"})], [], None),
        ([deposit(("91", 28.5), TxnDate="2026-03-27")], [{**TRANSFER, "TxnDate": "2026-03-17"}], None),
    ],
)
async def test_deposits(deposits: list[Any], transfers: list[Any], expected: tuple[Any, ...] | None) -> None:
    one = await match(DEPOSIT, found("Deposit", *deposits), found("Transfer", *transfers))
    assert ((one.kind, one.entity, one.differs) if one else None) == expected


async def test_a_deposit_of_linked_payments_does_not_come_from_clearing() -> None:
    linked = deposit(("91", 28.5))
    linked["Line"] = [{"Amount": 28.5, "LinkedTxn": [{"TxnId": "1", "TxnType": "Payment", "TxnLineId": "0"}]}]
    one = await match(DEPOSIT, found("Deposit", linked), found("Transfer"))
    assert (one and one.differs) == ("Line:linked",)


async def test_all_foreign_deposits_of_a_window_are_listed() -> None:
    foreign = [deposit(("91", 28.5)), deposit(("37", 5), Id="72"), deposit(("91", 5), Id="73", PrivateNote="wescope:x")]
    books, _ = existing(*replies(), found("Deposit", *foreign), found("Transfer", TRANSFER))
    day = DAY.txn
    assert day is not None
    listed = await books.deposits_like("35", "91", day.replace(day=1), day.replace(day=31))
    arrived = day.replace(day=26)
    assert listed == [
        ForeignDeposit(
            id="71", entity="Transfer", date=day.replace(day=18), amount=2850, currency="usd", posts_to_clearing=True
        ),
        ForeignDeposit(id="70", entity="Deposit", date=arrived, amount=2850, currency="usd", posts_to_clearing=True),
        ForeignDeposit(id="72", entity="Deposit", date=arrived, amount=500, currency="usd", posts_to_clearing=False),
    ]


async def test_what_the_bank_feed_may_have_brought_meanwhile_is_read_again_soon() -> None:
    clock = Clock()
    answers = (found("Deposit"), found("Transfer"), found("Deposit", deposit(("91", 28.5))), found("Transfer"))
    books, made = existing(*replies(), *answers, clock=clock)
    assert await books.deposits_like("35", "91", date(2026, 3, 20), date(2026, 3, 27)) == []
    asked = len(made.server.requests)
    clock.now_s = 29
    assert await books.deposits_like("35", "91", date(2026, 3, 20), date(2026, 3, 27)) == []
    assert len(made.server.requests) == asked
    clock.now_s = 31
    assert [one.id for one in await books.deposits_like("35", "91", date(2026, 3, 20), date(2026, 3, 27))] == ["70"]
