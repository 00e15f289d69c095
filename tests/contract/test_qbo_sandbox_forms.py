"""The sandbox's forms: links of every kind, what cannot be taken back, guests, classes, and documents by hand."""

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest

from wescope.config.policy_file import DEFAULT_ACCOUNTS, DEFAULT_ITEMS
from wescope.sandbox.qbo import QboSandbox
from wescope.sandbox.qbo.tester import SandboxClient, invoice, item_line, payment


@pytest.fixture
async def qbo() -> AsyncIterator[SandboxClient]:
    sandbox = QboSandbox(knobs={"enforce_limits": False})
    async with sandbox.serve() as running, SandboxClient(running) as one:
        yield one
        assert running.company.books.ledger.trial_balance() == 0


async def refused(qbo: SandboxClient, path: str, body: Any, code: str, **query: str) -> None:
    _, answer = await qbo.post(path, body, **query)
    assert answer.get("Fault", {}).get("Error", [{}])[0].get("code") == code, answer


async def read(qbo: SandboxClient, entity: str, txn_id: str) -> dict[str, Any]:
    _, answer = await qbo.get(f"{entity.lower()}/{txn_id}")
    found: dict[str, Any] = answer[entity]
    return found


async def key(qbo: SandboxClient, entity: str, txn_id: str) -> dict[str, str]:
    return {"Id": txn_id, "SyncToken": (await read(qbo, entity, txn_id))["SyncToken"]}


def link(kind: str, txn_id: str, size: str) -> dict[str, Any]:
    return {"Amount": Decimal(size), "LinkedTxn": [{"TxnId": txn_id, "TxnType": kind}]}


def zero(*lines: dict[str, Any], owner: str = "1") -> dict[str, Any]:
    return {"TotalAmt": 0, "CustomerRef": {"value": owner}, "Line": list(lines)}


def entry(side: str, size: str = "100.00", owner: str = "1", **fields: Any) -> dict[str, Any]:
    """A/R on the given side, Checking on the other."""
    other = "Credit" if side == "Debit" else "Debit"
    named = {"Entity": {"Type": "Customer", "EntityRef": {"value": owner}}}
    details = (
        {"PostingType": side, "AccountRef": {"value": "1"}, **named},
        {"PostingType": other, "AccountRef": {"value": "3"}},
    )
    lines = [
        {"Amount": Decimal(size), "DetailType": "JournalEntryLineDetail", "JournalEntryLineDetail": one}
        for one in details
    ]
    return {"Line": lines, **fields}


# --- links


async def test_payment_applied_to_a_journal_entry(qbo: SandboxClient) -> None:
    made = await qbo.make("JournalEntry", entry("Debit", DocNumber="J1"))
    pay = {"TotalAmt": 60, "CustomerRef": {"value": "1"}, "Line": [link("JournalEntry", made["Id"], "60")]}
    paid = await qbo.make("Payment", pay)
    extras = {one["value"]["Name"]: one["value"]["Value"] for one in paid["Line"][0]["LineEx"]["any"]}
    assert extras["txnOpenBalance"] == "100.00"
    shown = await read(qbo, "JournalEntry", made["Id"])
    assert shown["LinkedTxn"] == [{"TxnId": paid["Id"], "TxnType": "Payment"}]
    assert (await qbo.control("ledger"))["receivable_total"] == 40
    await refused(qbo, "payment", {**pay, "Line": [link("JournalEntry", made["Id"], "40.01")]}, "6000")
    await refused(qbo, "payment", {**pay, "CustomerRef": {"value": "2"}}, "6000")
    await refused(qbo, "journalentry", await key(qbo, "JournalEntry", made["Id"]), "6000", operation="delete")
    smaller = {**await key(qbo, "JournalEntry", made["Id"]), "sparse": True, **entry("Debit", "59.99")}
    await refused(qbo, "journalentry", smaller, "6000")
    larger = {**await key(qbo, "JournalEntry", made["Id"]), "sparse": True, **entry("Debit", "70.00")}
    assert (await qbo.make("JournalEntry", larger))["LinkedTxn"] == shown["LinkedTxn"]
    void = {**await key(qbo, "Payment", paid["Id"]), "sparse": True}
    await qbo.post("payment", void, operation="update", include="void")
    await qbo.post("journalentry", await key(qbo, "JournalEntry", made["Id"]), operation="delete")
    assert (await qbo.control("ledger"))["receivable_total"] == 0


async def test_only_receivable_lines_can_be_paid(qbo: SandboxClient) -> None:
    body = entry("Debit")
    body["Line"][0]["JournalEntryLineDetail"] = {"PostingType": "Debit", "AccountRef": {"value": "11"}}
    made = await qbo.make("JournalEntry", body)
    await refused(qbo, "payment", zero(link("JournalEntry", made["Id"], "1")), "620")
    both = entry("Debit")
    both["Line"][1]["JournalEntryLineDetail"] = {
        **both["Line"][0]["JournalEntryLineDetail"],
        "PostingType": "Credit",
    }
    await refused(qbo, "journalentry", both, "6000")
    await qbo.control("knobs", {"journal_receivable_lines": "many"})
    await qbo.make("JournalEntry", both)


async def test_a_journal_credit_is_used_up_like_a_credit_memo(qbo: SandboxClient) -> None:
    made = await qbo.make("Invoice", invoice())
    credit = await qbo.make("JournalEntry", entry("Credit", "30.00"))
    await qbo.make("Payment", zero(link("Invoice", made["Id"], "30"), link("JournalEntry", credit["Id"], "30")))
    assert (await read(qbo, "Invoice", made["Id"]))["Balance"] == 70
    assert (await qbo.control("ledger"))["receivable_total"] == 70


async def test_several_credits_and_invoices_at_once(qbo: SandboxClient) -> None:
    sold = [await qbo.make("Invoice", invoice(amount=size)) for size in ("100.00", "50.00")]
    memos = [await qbo.make("CreditMemo", invoice(amount=size)) for size in ("80.00", "40.00")]
    lines = [
        link("Invoice", sold[0]["Id"], "100"),
        link("Invoice", sold[1]["Id"], "20"),
        link("CreditMemo", memos[0]["Id"], "80"),
        link("CreditMemo", memos[1]["Id"], "40"),
    ]
    await refused(qbo, "payment", zero(*lines[:3]), "6000")
    await refused(qbo, "payment", zero(*lines[1:]), "6000")
    paid = await qbo.make("Payment", zero(*lines))
    assert (paid["TotalAmt"], paid["UnappliedAmt"], len(paid["Line"])) == (0, 0, 4)
    balances = [(await read(qbo, "Invoice", one["Id"]))["Balance"] for one in sold]
    assert balances == [0, 30]
    await refused(
        qbo, "payment", zero(link("Invoice", sold[1]["Id"], "1"), link("CreditMemo", memos[0]["Id"], "1")), "6000"
    )


@pytest.mark.parametrize("entity", ["Invoice", "CreditMemo"])
async def test_a_zero_payment_holds_both_sides_until_it_is_voided(qbo: SandboxClient, entity: str) -> None:
    made = {"Invoice": await qbo.make("Invoice", invoice()), "CreditMemo": await qbo.make("CreditMemo", invoice())}
    paid = await qbo.make("Payment", zero(*(link(kind, one["Id"], "100") for kind, one in made.items())))
    txn_id, act = made[entity]["Id"], "void" if entity == "Invoice" else "delete"
    await refused(qbo, entity.lower(), await key(qbo, entity, txn_id), "6000", operation=act)
    void = {**await key(qbo, "Payment", paid["Id"]), "sparse": True}
    await qbo.post("payment", void, operation="update", include="void")
    _, answer = await qbo.post(entity.lower(), await key(qbo, entity, txn_id), operation=act)
    assert "Fault" not in answer


# --- deletions and closed books


def bodies() -> dict[str, dict[str, Any]]:
    deposit_line = {
        "Amount": 10,
        "DetailType": "DepositLineDetail",
        "DepositLineDetail": {"AccountRef": {"value": "7"}},
    }
    return {
        "Invoice": invoice(),
        "CreditMemo": invoice(),
        "SalesReceipt": {"Line": [item_line("5.00")]},
        "RefundReceipt": {"Line": [item_line("5.00")], "DepositToAccountRef": {"value": "3"}},
        "Payment": {"TotalAmt": 5, "CustomerRef": {"value": "1"}},
        "JournalEntry": entry("Debit"),
        "Deposit": {"DepositToAccountRef": {"value": "3"}, "Line": [deposit_line]},
        "Transfer": {"FromAccountRef": {"value": "5"}, "ToAccountRef": {"value": "3"}, "Amount": 5},
    }


@pytest.mark.parametrize("entity", sorted(bodies()))
async def test_delete_and_closed_books(qbo: SandboxClient, entity: str) -> None:
    path, body = entity.lower(), bodies()[entity]
    gone = await qbo.make(entity, {**body, "TxnDate": "2026-10-31"})
    _, answer = await qbo.post(path, {"Id": gone["Id"], "SyncToken": "0"}, operation="delete")
    assert answer[entity] == {"domain": "QBO", "status": "Deleted", "Id": gone["Id"]}
    _, answer = await qbo.get(f"{path}/{gone['Id']}")
    assert answer["Fault"]["Error"][0]["code"] == "610"
    assert (await qbo.control("ledger"))["balances"]["Checking"] == 0
    old = await qbo.make(entity, {**body, "TxnDate": "2026-10-31"})
    new = await qbo.make(entity, {**body, "TxnDate": "2026-11-01"})
    await qbo.control("close_books", {"date": "2026-10-31"})
    await refused(qbo, path, {**body, "TxnDate": "2026-10-31"}, "6210")
    update = {"SyncToken": "0", "sparse": True}
    if entity == "Payment":
        update.update({"TotalAmt": 5, "CustomerRef": {"value": "1"}})
    await refused(qbo, path, {**update, "Id": old["Id"], "TxnDate": "2026-11-01"}, "6210")
    await refused(qbo, path, {**update, "Id": new["Id"], "TxnDate": "2026-10-31"}, "6210")
    await refused(qbo, path, {"Id": old["Id"], "SyncToken": "0"}, "6210", operation="delete")
    edited = await qbo.control(f"human/{entity}/update/{old['Id']}", {"PrivateNote": "by hand"})
    assert edited[entity]["PrivateNote"] == "by hand"
    voided = await qbo.control(f"human/{entity}/void/{old['Id']}", {})
    assert voided[entity]["PrivateNote"] == "Voided - by hand"
    deleted = await qbo.control(f"human/{entity}/delete/{new['Id']}", {})
    assert deleted[entity]["status"] == "Deleted"
    ledger = await qbo.control("ledger")
    assert (ledger["balances"]["Checking"], ledger["receivable_total"]) == (0, 0)


# --- guests and references


async def test_guests_and_reference_lengths(qbo: SandboxClient) -> None:
    sold = await qbo.make("SalesReceipt", {"Line": [item_line("5.00")], "PaymentRefNum": "x" * 21})
    assert ("CustomerRef" in sold, sold["DepositToAccountRef"]["name"]) == (False, "Undeposited Funds")
    await refused(qbo, "salesreceipt", {"Line": [item_line("5.00")], "PaymentRefNum": "x" * 22}, "2050")
    refund: dict[str, Any] = {"Line": [item_line("5.00")], "PaymentRefNum": "x" * 100}
    await refused(qbo, "refundreceipt", refund, "2020")
    money = {"DepositToAccountRef": {"value": "3"}}
    assert "CustomerRef" not in await qbo.make("RefundReceipt", {**refund, **money})
    await refused(qbo, "refundreceipt", {**refund, **money, "PaymentRefNum": "x" * 101}, "2050")
    printed = {"Line": [item_line("5.00")], **money, "PrintStatus": "PrintComplete"}
    await refused(qbo, "refundreceipt", printed, "2020")
    await qbo.control("knobs", {"sales_receipt_needs_customer": True})
    await refused(qbo, "salesreceipt", {"Line": [item_line("5.00")]}, "2020")


# --- classes


async def test_classes(qbo: SandboxClient) -> None:
    parent = await qbo.make("Class", {"Name": "Europe"})
    made = await qbo.make("Class", {"Name": "France", "ParentRef": {"value": parent["Id"]}})
    assert (made["FullyQualifiedName"], made["SubClass"]) == ("Europe:France", True)
    await refused(qbo, "class", {"Name": "europe"}, "6240")
    body = invoice(Line=[item_line("5.00", ClassRef={"value": made["Id"]})])
    assert "ClassRef" not in (await qbo.make("Invoice", body))["Line"][0]["SalesItemLineDetail"]
    await qbo.control("knobs", {"class_when_off": "refuse"})
    await refused(qbo, "invoice", body, "5030")
    await qbo.control("knobs", {"class_tracking": "line"})
    _, answer = await qbo.get("preferences")
    assert answer["Preferences"]["AccountingInfoPrefs"]["ClassTrackingPerTxnLine"] is True
    shown = (await qbo.make("Invoice", body))["Line"][0]["SalesItemLineDetail"]
    assert shown["ClassRef"] == {"value": made["Id"], "name": "Europe:France"}
    await refused(qbo, "invoice", invoice(Line=[item_line("5.00", ClassRef={"value": "99"})]), "2500")
    await qbo.make("Class", {"Id": made["Id"], "SyncToken": "0", "sparse": True, "Active": False})
    await refused(qbo, "invoice", body, "2500")
    _, answer = await qbo.query("SELECT * FROM Class")
    assert [one["Name"] for one in answer["QueryResponse"]["Class"]] == ["Europe"]


async def test_departments(qbo: SandboxClient) -> None:
    made = await qbo.make("Department", {"Name": "Paris"})
    body = invoice(DepartmentRef={"value": made["Id"]})
    assert "DepartmentRef" not in await qbo.make("Invoice", body)
    await qbo.control("knobs", {"department_tracking": True})
    assert (await qbo.make("Invoice", body))["DepartmentRef"]["name"] == "Paris"
    await refused(qbo, "journalentry", entry("Debit", DepartmentRef={"value": "99"}), "2500")


# --- by hand


async def test_documents_by_hand(qbo: SandboxClient) -> None:
    typed = await qbo.control(
        "human/invoice", {"customer": "Cool Cars", "amount": 40, "date": "2026-11-02", "number": "H1", "memo": "typed"}
    )
    made = typed["Invoice"]
    assert (made["DocNumber"], made["TotalAmt"], made["PrivateNote"]) == ("H1", 40, "typed")
    paid = {"customer": "Cool Cars", "amount": 40, "invoice": made["Id"], "account": "Stripe Clearing"}
    await qbo.control("human/payment", paid)
    await qbo.control("human/sales_receipt", {"amount": 7, "account": "Stripe Clearing"})
    await qbo.control("human/refund_receipt", {"amount": 2, "account": "Stripe Clearing"})
    await qbo.control("human/credit_memo", {"customer": "Cool Cars", "amount": 3})
    lines = [{"account": "Bad Debts", "debit": 3}, {"account": "Stripe Clearing", "credit": 3}]
    await qbo.control("human/journal_entry", {"lines": lines})
    await qbo.control("human/deposit", {"bank": "Checking", "category": "Stripe Clearing", "amount": 20})
    await qbo.control("human/transfer", {"from": "Stripe Clearing", "to": "Savings", "amount": 1})
    ledger = await qbo.control("ledger")
    assert ledger["balances"]["Stripe Clearing"] == 40 + 7 - 2 - 3 - 20 - 1
    assert (ledger["balances"]["Checking"], ledger["balances"]["Savings"], ledger["receivable_total"]) == (20, 1, -3)
    assert (await qbo.control("human/quote", {}))["error"].startswith("no such kind: quote")
    assert (
        "no Customer named Nobody" in (await qbo.control("human/invoice", {"customer": "Nobody", "amount": 1}))["error"]
    )


@pytest.mark.parametrize(
    ("category", "size", "entity"),
    [
        ("Stripe Clearing", "12.5", "Deposit"),
        ("Services", "12.5", "Deposit"),
        ("Stripe Clearing", "-12.5", "JournalEntry"),
        ("Savings", "12.5", "Transfer"),
        ("Savings", "-12.5", "Transfer"),
    ],
)
async def test_bank_feed(qbo: SandboxClient, category: str, size: str, entity: str) -> None:
    answer = await qbo.control(
        "human/bank_feed", {"category": category, "amount": Decimal(size), "description": "STRIPE"}
    )
    assert entity in answer
    assert (await qbo.control("ledger"))["balances"]["Checking"] == Decimal(size)


async def test_a_human_deletes_what_is_linked(qbo: SandboxClient) -> None:
    made = await qbo.make("JournalEntry", entry("Debit"))
    lines = [link("JournalEntry", made["Id"], "100")]
    paid = await qbo.make("Payment", {"TotalAmt": 100, "CustomerRef": {"value": "1"}, "Line": lines})
    await qbo.control(f"human/journal_entry/delete/{made['Id']}", {})
    shown = await read(qbo, "Payment", paid["Id"])
    assert (shown["UnappliedAmt"], shown["Line"]) == (100, [])
    assert (await qbo.control("ledger"))["receivable_total"] == -100


# --- the seeded company


async def test_the_seeded_company_has_what_the_default_policy_names(qbo: SandboxClient) -> None:
    accounts = {one["name"] for one in (await qbo.control("ledger"))["accounts"]}
    assert set(DEFAULT_ACCOUNTS.values()) <= accounts
    items = {one["Name"] for one in (await qbo.control("objects/Item"))["Item"]}
    assert set(DEFAULT_ITEMS.values()) <= items


async def test_fees_and_disputes_fit_deposit_lines(qbo: SandboxClient) -> None:
    names = ("Stripe Clearing", "Stripe Fees", "Stripe Fee Tax", "Stripe Disputes", "Stripe Out of Band", "Bad Debts")
    lines = [{"account": name, "amount": 100 if name == "Stripe Clearing" else -1} for name in names]
    made = await qbo.control("human/deposit", {"lines": lines})
    assert made["Deposit"]["TotalAmt"] == 95
    entries = [{"account": "Sales Tax Payable", "debit": 5}, {"account": "Checking", "credit": 5}]
    assert "JournalEntry" in await qbo.control("human/journal_entry", {"lines": entries})
    unpaid = await qbo.make("Invoice", invoice())
    body = payment(unpaid["Id"], "100.00", DepositToAccountRef={"value": "3"})
    await qbo.make("Payment", body)
    ledger = await qbo.control("ledger")
    assert (ledger["net_income"], ledger["profit_and_loss"]["Stripe Disputes"]) == (96, 1)
