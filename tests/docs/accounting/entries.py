"""What each write did to the ledger of QBO's stand-in, in the order in which it was written."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from tests.integration.desk import Desk
from wescope.sandbox.qbo.ledger import Posting
from wescope.sandbox.qbo.storage import Changes, Record

NAMES = {
    "CreditMemo": "credit memo",
    "JournalEntry": "journal entry",
    "RefundReceipt": "refund receipt",
    "SalesReceipt": "sales receipt",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One change of the ledger.

    Attributes:
        date: the document's TxnDate.
        what: the document in words: "invoice", "invoice taken back".
        key: its document key, with Stripe's own ids.
        amounts: the change of each account by name in home currency, debits positive; they add up to zero.
    """

    date: str
    what: str
    key: str
    amounts: dict[str, Decimal]


def record_entries(desk: Desk) -> list[Entry]:
    """Returns a list that grows with everything that changes the ledger from now on."""
    books = desk.qbo.company.books
    entries: list[Entry] = []
    apply: Callable[[Changes], None] = books.apply

    def applying(changes: Changes) -> None:
        before = {record.key: books.get(record.entity, record.id) for record in changes.records}
        apply(changes)
        for record in changes.records:
            moved = _moved(desk, before[record.key], record)
            if moved:
                entries.append(_entry(record, before[record.key], moved))

    # A method of one object is replaced for the length of a test.
    books.apply = applying  # type: ignore[method-assign]
    return entries


def _moved(desk: Desk, old: Record | None, new: Record) -> dict[str, Decimal]:
    sums: defaultdict[str, int] = defaultdict(int)
    for sign, postings in ((-1, _postings(old)), (1, new.postings)):
        for posting in postings:
            sums[posting.account_id] += sign * posting.debit
    return {_account(desk, number): Decimal(debit) / 100 for number, debit in sums.items() if debit}


def _postings(record: Record | None) -> tuple[Posting, ...]:
    return record.postings if record else ()


def _account(desk: Desk, number: str) -> str:
    found = desk.qbo.company.books.get("Account", number)
    assert found is not None
    return str(found.doc["FullyQualifiedName"])


def _entry(record: Record, old: Record | None, moved: dict[str, Decimal]) -> Entry:
    doc: dict[str, Any] = record.doc if record.doc.get("PrivateNote") or old is None else old.doc
    words = [word for word in str(doc.get("PrivateNote")).split() if word.startswith("wescope:")]
    name = NAMES.get(record.entity, record.entity.lower())
    what = name if old is None else f"{name} changed" if record.postings else f"{name} taken back"
    return Entry(date=str(doc["TxnDate"]), what=what, key=words[0].removeprefix("wescope:"), amounts=moved)
