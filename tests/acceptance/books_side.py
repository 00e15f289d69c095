"""QuickBooks Online's side, as it is read over HTTP: documents by the Stripe id in their note, amounts, dates."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

Json = Mapping[str, Any]

TRANSACTIONS = (
    "Invoice", "Payment", "CreditMemo", "RefundReceipt", "SalesReceipt", "JournalEntry", "Deposit",
)  # fmt: skip
CREDIT_SIDE = ("Accounts Payable", "Other Current Liability", "Income", "Other Income", "Equity")
MARK = "wescope:"


def cents(amount: Any) -> int:
    """An amount of QBO's JSON in minor units of dollars."""
    exact = Decimal(str(amount)) * 100
    assert exact == int(exact), f"not a whole cent: {amount}"
    return int(exact)


def mark(record: Json) -> str:
    """What a record says in its note that it is of: `in_1:invoice`; empty if it says nothing."""
    words = f"{record.get('PrivateNote') or ''} {record.get('Notes') or ''}".split()
    return next((word.removeprefix(MARK) for word in words if word.startswith(MARK)), "")


def stripe_id(record: Json) -> str:
    """The Stripe object that a record says it is of."""
    return mark(record).partition(":")[0]


def on(record: Json) -> date:
    """The date of a document."""
    return date.fromisoformat(record["TxnDate"])


def is_void(record: Json) -> bool:
    """Whether a document was voided: QBO keeps it with zero amounts and says so in its note."""
    return str(record.get("PrivateNote") or "").startswith("Voided")


def linked(record: Json, entity: str) -> dict[str, int]:
    """The transactions that a payment is applied to, by QBO id, with the amount of each."""
    return {
        link["TxnId"]: cents(line["Amount"])
        for line in record.get("Line", ())
        for link in line.get("LinkedTxn", ())
        if link["TxnType"] == entity
    }


def sales_lines(record: Json) -> list[Json]:
    """The lines of a sales form without QBO's own subtotal."""
    return [line for line in record["Line"] if line["DetailType"] == "SalesItemLineDetail"]


@dataclass
class BooksSide:
    """All of QBO's documents at one moment, and its ledger."""

    objects: dict[str, list[Json]]
    ledger: Json
    requests: Json
    _found: dict[tuple[str, str], list[Json]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for entity, records in self.objects.items():
            for record in records:
                if mark(record):
                    self._found.setdefault((entity, stripe_id(record)), []).append(record)

    def of(self, entity: str, identifier: str) -> list[Json]:
        """The documents of a kind that say they are of a Stripe object."""
        return self._found.get((entity, identifier), [])

    def one(self, entity: str, identifier: str) -> Json:
        """The only one."""
        found = self.of(entity, identifier)
        assert len(found) == 1, f"{len(found)} times {entity} of {identifier}"
        return found[0]

    def marked(self, key: str) -> Json:
        """The only document with a mark."""
        found = [one for records in self.objects.values() for one in records if mark(one) == key]
        assert len(found) == 1, f"{len(found)} times {key}"
        return found[0]

    def count(self, entities: Iterable[str] = TRANSACTIONS) -> int:
        """How many documents are in the books."""
        return sum(len(self.objects[entity]) for entity in entities)

    def doubled(self) -> list[str]:
        """Marks that more than one document has."""
        counts = Counter(
            f"{entity} {mark(one)}" for entity, records in self.objects.items() for one in records if mark(one)
        )
        return [word for word, count in counts.items() if count > 1]

    def balance(self, account: str) -> int:
        """The balance of an account in minor units, debits positive."""
        found = next(one for one in self.ledger["accounts"] if one["name"] == account)
        return cents(found["balance"]) * (-1 if found["type"] in CREDIT_SIDE else 1)

    def receivable(self) -> dict[str, int]:
        """What each of our customers owes, by the Stripe customer that QBO's record names; zeros left out."""
        names = {one["Id"]: stripe_id(one) for one in self.objects["Customer"]}
        found: Counter[str] = Counter()
        for debtor in self.ledger["receivable"]:
            found[names[debtor["customer_id"]]] += cents(debtor["balance"])
        return {customer: amount for customer, amount in found.items() if amount}
