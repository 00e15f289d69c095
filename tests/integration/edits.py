"""What people do to our documents in QBO: each edit with the document it meets, and what `verify` must call it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from tests.integration.desk import Desk
from wescope.engine.drift_kinds import DriftKind
from wescope.sandbox.qbo.by_hand import enter
from wescope.sandbox.qbo.company import Company, Outcome
from wescope.sandbox.qbo.merge import merge_customers

AS_OF = date(2026, 11, 2)


@dataclass(slots=True)
class Books:
    """The merchant whose books are edited; `take` gives the next QBO object of a kind that nobody has edited yet."""

    desk: Desk
    pools: dict[str, list[str]] = field(default_factory=dict)
    invoices: dict[str, str] = field(default_factory=dict)

    @property
    def company(self) -> Company:
        """QBO's."""
        return self.desk.qbo.company

    def take(self, pool: str) -> dict[str, Any]:
        """An object of its own for one edit."""
        entity = pool.partition(" ")[0]
        return self.read(entity, self.pools[pool].pop(0))

    def read(self, entity: str, qbo_id: str) -> dict[str, Any]:
        """An object as QBO has it."""
        found = self.company.object(entity, qbo_id)
        assert found is not None
        return found

    def human(self, entity: str, action: str, **body: Any) -> Outcome:
        """What a person does in the browser."""
        outcome = self.company.human(entity, action, body)
        assert outcome.status == 200, outcome.body
        return outcome

    def account(self, name: str) -> str:
        """The id of an account."""
        return next(str(one["Id"]) for one in self.company.objects("Account") if one["Name"] == name)

    def item(self, name: str) -> str:
        """The id of an item."""
        return next(str(one["Id"]) for one in self.company.objects("Item") if one["Name"] == name)

    def sales_line(self, amount: int, item: str = "Stripe Sales") -> dict[str, Any]:
        """A line as a person types it, in whole units."""
        detail = {"ItemRef": {"value": self.item(item)}}
        return {"Amount": amount, "DetailType": "SalesItemLineDetail", "SalesItemLineDetail": detail}


Touched = tuple[str, str]
"""Entity and id of the record that a finding names."""

Do = Callable[[Books], Touched]


@dataclass(frozen=True, slots=True)
class Edit:
    """One kind of edit: what is done, what it is called, and fields that must be named."""

    name: str
    do: Do
    kind: DriftKind
    fields: tuple[str, ...] = ()


def _change(pool: str, **fields: Any) -> Do:
    def do(books: Books) -> Touched:
        entity, record = pool.partition(" ")[0], books.take(pool)
        values = {name: value(books, record) if callable(value) else value for name, value in fields.items()}
        books.human(entity, "update", Id=record["Id"], **values)
        return entity, record["Id"]

    return do


def _remove(pool: str, action: str) -> Do:
    def do(books: Books) -> Touched:
        entity, record = pool.partition(" ")[0], books.take(pool)
        books.human(entity, action, Id=record["Id"])
        return entity, record["Id"]

    return do


def _lines(change: Callable[[Books, list[dict[str, Any]]], list[dict[str, Any]]]) -> Callable[[Books, Any], Any]:
    def changed(books: Books, record: dict[str, Any]) -> list[dict[str, Any]]:
        kept = [dict(line) for line in record["Line"] if line.get("DetailType") != "SubTotalLineDetail"]
        return change(books, kept)

    return changed


def _first_amount(_: Books, lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    lines[0]["Amount"] += 5
    return lines


def _first_item(books: Books, lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    detail = lines[0]["SalesItemLineDetail"]
    lines[0]["SalesItemLineDetail"] = {**detail, "ItemRef": {"value": books.item("Stripe Shipping")}}
    return lines


def _first_text(_: Books, lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    lines[0]["Description"] = "As agreed on the phone"
    return lines


def _one_more(books: Books, lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [*lines, books.sales_line(7)]


def _other_account(books: Books, lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    for line in lines:
        detail = line["JournalEntryLineDetail"]
        if detail["AccountRef"]["value"] == books.account("Stripe Disputes"):
            line["JournalEntryLineDetail"] = {**detail, "AccountRef": {"value": books.account("Stripe Fees")}}
    return lines


def _deposit_fee(_: Books, lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    lines[0]["Amount"] -= 1
    return lines


def _note_with_more(_: Books, record: dict[str, Any]) -> str:
    return f"Paid on the phone\n{record['PrivateNote']}"


def _copy(books: Books) -> Touched:
    record = books.take("Invoice open")
    lines = [line for line in record["Line"] if line.get("DetailType") != "SubTotalLineDetail"]
    body = {name: record[name] for name in ("CustomerRef", "TxnDate", "PrivateNote")}
    made = books.human("Invoice", "create", **body, DocNumber="COPY-1", Line=lines)
    return "Invoice", str(made.body["Invoice"]["Id"])


def _orphan(books: Books) -> Touched:
    made = enter(
        books.company,
        "journal_entry",
        {
            "date": "2026-11-02",
            "memo": "wescope:txn_gone:journal_entry",
            "lines": [{"account": "Stripe Fees", "debit": 3}, {"account": "Checking", "credit": 3}],
        },
    )
    return "JournalEntry", str(made.body["JournalEntry"]["Id"])


def _paid_by_hand(books: Books) -> Touched:
    record = books.take("Invoice open")
    line = {"Amount": 4, "LinkedTxn": [{"TxnId": record["Id"], "TxnType": "Invoice"}]}
    made = books.human(
        "Payment", "create", CustomerRef=record["CustomerRef"], TotalAmt=4, TxnDate="2026-11-03", Line=[line]
    )
    return "Payment", str(made.body["Payment"]["Id"])


def _journal_in_clearing(books: Books) -> Touched:
    lines = [{"account": "Stripe Clearing", "debit": 9}, {"account": "Stripe Fees", "credit": 9}]
    made = enter(books.company, "journal_entry", {"date": "2026-11-02", "lines": lines})
    return "JournalEntry", str(made.body["JournalEntry"]["Id"])


def _transfer_from_clearing(books: Books) -> Touched:
    given = {"date": "2026-11-02", "from": "Stripe Clearing", "to": "Checking", "amount": 11}
    made = enter(books.company, "transfer", given)
    return "Transfer", str(made.body["Transfer"]["Id"])


def _looks_alike(books: Books) -> Touched:
    record = books.take("Invoice open")
    body = {name: record[name] for name in ("CustomerRef", "TxnDate")}
    made = books.human("Invoice", "create", **body, DocNumber="H-17", Line=[books.sales_line(record["TotalAmt"])])
    return "Invoice", str(made.body["Invoice"]["Id"])


def _deposited(books: Books) -> Touched:
    """A payment that was moved to Undeposited Funds, as the bank feed asks for, and deposited from there."""
    record = books.take("Payment")
    books.human("Payment", "update", Id=record["Id"], DepositToAccountRef={"value": books.account("Undeposited Funds")})
    line = {
        "Amount": record["TotalAmt"],
        "LinkedTxn": [{"TxnId": record["Id"], "TxnType": "Payment", "TxnLineId": "0"}],
    }
    bank = {"value": books.account("Checking")}
    made = books.human("Deposit", "create", DepositToAccountRef=bank, TxnDate="2026-11-05", Line=[line])
    return "Deposit", str(made.body["Deposit"]["Id"])


def _merge(books: Books) -> Touched:
    loser, survivor = books.take("Customer with documents"), books.take("Customer idle")
    merge_customers(books.company, loser["Id"], survivor["Id"])
    return "Customer", loser["Id"]


def _other_customer(books: Books, _: dict[str, Any]) -> dict[str, str]:
    return {"value": books.pools["Customer idle"][-1]}


EDITS = [
    Edit(
        "an invoice's line has another amount",
        _change("Invoice open", Line=_lines(_first_amount)),
        DriftKind.EDITED,
        ("TotalAmt:", "Line1.Amount:"),
    ),
    Edit(
        "an invoice's line has another item",
        _change("Invoice open", Line=_lines(_first_item)),
        DriftKind.EDITED,
        ("Line1.ItemRef:",),
    ),
    Edit(
        "an invoice's line has another text",
        _change("Invoice open", Line=_lines(_first_text)),
        DriftKind.EDITED,
        ("Line.Description",),
    ),
    Edit(
        "an invoice has one more line",
        _change("Invoice open", Line=_lines(_one_more)),
        DriftKind.EDITED,
        ("TotalAmt:", "Line:"),
    ),
    Edit(
        "an invoice is due on another day",
        _change("Invoice open", DueDate="2027-01-31"),
        DriftKind.EDITED,
        ("DueDate:",),
    ),
    Edit("an invoice has another number", _change("Invoice open", DocNumber="X-99"), DriftKind.EDITED, ("DocNumber:",)),
    Edit("an invoice has another day", _change("Invoice open", TxnDate="2026-11-25"), DriftKind.MOVED, ("TxnDate:",)),
    Edit(
        "an invoice's memo has one more line",
        _change("Invoice open", PrivateNote=_note_with_more),
        DriftKind.EDITED,
        ("PrivateNote",),
    ),
    Edit("an invoice's memo is gone", _change("Invoice open", PrivateNote="Ask Ada"), DriftKind.UNMARKED, ("marker",)),
    Edit(
        "an invoice is another customer's",
        _change("Invoice open", CustomerRef=_other_customer),
        DriftKind.EDITED,
        ("CustomerRef:",),
    ),
    Edit(
        "a paid invoice's line has another item",
        _change("Invoice paid", Line=_lines(_first_item)),
        DriftKind.EDITED,
        ("Line1.ItemRef:",),
    ),
    Edit("an invoice is voided", _remove("Invoice open", "void"), DriftKind.VOIDED),
    Edit("an invoice is deleted", _remove("Invoice open", "delete"), DriftKind.DELETED),
    Edit("a paid invoice is voided", _remove("Invoice paid", "void"), DriftKind.VOIDED),
    Edit("a paid invoice is deleted", _remove("Invoice paid", "delete"), DriftKind.DELETED),
    Edit("a payment has another day", _change("Payment", TxnDate="2026-11-26"), DriftKind.MOVED, ("TxnDate:",)),
    Edit(
        "a payment is in another account",
        _change("Payment", DepositToAccountRef=lambda books, _: {"value": books.account("Checking")}),
        DriftKind.EDITED,
        ("DepositToAccountRef:",),
    ),
    Edit("a payment is not applied any more", _change("Payment", Line=[]), DriftKind.UNAPPLIED, ("LinkedTxn.Invoice",)),
    Edit(
        "a payment has another amount",
        _change("Payment", TotalAmt=lambda _, record: record["TotalAmt"] + 3),
        DriftKind.EDITED,
        ("TotalAmt:",),
    ),
    Edit(
        "a payment has another reference",
        _change("Payment", PaymentRefNum="check 7"),
        DriftKind.EDITED,
        ("PaymentRefNum:",),
    ),
    Edit("a payment is voided", _remove("Payment", "void"), DriftKind.VOIDED),
    Edit("a payment is deleted", _remove("Payment", "delete"), DriftKind.DELETED),
    Edit("a credit memo is deleted", _remove("CreditMemo", "delete"), DriftKind.DELETED),
    Edit(
        "a credit memo has another item",
        _change("CreditMemo", Line=_lines(_first_item)),
        DriftKind.EDITED,
        ("Line1.ItemRef:",),
    ),
    Edit(
        "a sales receipt has another amount",
        _change("SalesReceipt", Line=_lines(_first_amount)),
        DriftKind.EDITED,
        ("TotalAmt:",),
    ),
    Edit("a sales receipt is voided", _remove("SalesReceipt", "void"), DriftKind.VOIDED),
    Edit("a sales receipt is deleted", _remove("SalesReceipt", "delete"), DriftKind.DELETED),
    Edit("a refund receipt is deleted", _remove("RefundReceipt", "delete"), DriftKind.DELETED),
    Edit(
        "a refund receipt has another day",
        _change("RefundReceipt", TxnDate="2026-11-27"),
        DriftKind.MOVED,
        ("TxnDate:",),
    ),
    Edit(
        "a journal entry has another account",
        _change("JournalEntry", Line=_lines(_other_account)),
        DriftKind.EDITED,
        ("Line",),
    ),
    Edit("a journal entry is deleted", _remove("JournalEntry", "delete"), DriftKind.DELETED),
    Edit("a deposit has another day", _change("Deposit", TxnDate="2026-11-28"), DriftKind.MOVED, ("TxnDate:",)),
    Edit(
        "a deposit has another amount", _change("Deposit", Line=_lines(_deposit_fee)), DriftKind.EDITED, ("TotalAmt:",)
    ),
    Edit("a deposit is deleted", _remove("Deposit", "delete"), DriftKind.DELETED),
    Edit("an invoice is copied with its memo", _copy, DriftKind.DOUBLED),
    Edit("a record has a reference that nobody knows", _orphan, DriftKind.ORPHANED),
    Edit("an invoice is paid by hand", _paid_by_hand, DriftKind.APPLIED),
    Edit("a payment is deposited by hand", _deposited, DriftKind.DEPOSITED),
    Edit("a journal entry in clearing", _journal_in_clearing, DriftKind.IN_CLEARING),
    Edit("a transfer out of clearing", _transfer_from_clearing, DriftKind.IN_CLEARING),
    Edit("an invoice of the same customer, amount and day", _looks_alike, DriftKind.LOOKS_LIKE),
    Edit("a customer is merged into another", _merge, DriftKind.MERGED),
    Edit("a customer is made inactive", _change("Customer idle", Active=False), DriftKind.INACTIVE, ("Active",)),
    Edit("a customer's notes are gone", _change("Customer idle", Notes="a nice one"), DriftKind.UNMARKED, ("marker",)),
]
