"""One situation: what Stripe answers, what an accountant expects of the books, and what the product makes of it."""

from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from tests.unit.snapshots.stripe_json import Json
from wescope.books.desired import desired_books
from wescope.books.documents import Document, Entity, Existence
from wescope.books.parking import Parked
from wescope.books.policy import Account, AccountRole, Item, ItemRole, Policy, RoleAccount
from wescope.books.subjects import DocumentKey, Subject, SubjectKind
from wescope.errors import ObjectNotFound
from wescope.qbo.payloads import References, to_payload
from wescope.stripe.client import StripeApi
from wescope.stripe.reader import StripeReader

ROLE_OF_ITEM = {"11": ItemRole.SALES, "12": ItemRole.DISCOUNT, "13": ItemRole.SHIPPING, "14": ItemRole.TAX}
ROLE_OF_ACCOUNT = {"81": AccountRole.CLEARING, "82": AccountRole.OUT_OF_BAND}
ITEMS: Mapping[Item, str] = {role: number for number, role in ROLE_OF_ITEM.items()}
ACCOUNTS: Mapping[Account, str] = {
    RoleAccount(role=role, currency="usd"): number for number, role in ROLE_OF_ACCOUNT.items()
}
FIRST_ID = {Entity.CUSTOMER: 201, Entity.INVOICE: 301, Entity.PAYMENT: 401, Entity.CREDIT_MEMO: 501}

RECEIVABLE = "receivable"
FIRST_PAGE = 10

Entry = tuple[str, str, Decimal]
"""Month, account and the change of it in dollars, debits positive."""


@dataclass(frozen=True, kw_only=True)
class Situation:
    """What Stripe has, and, written by hand, what the books must say of it.

    `effect` is the change of each account in dollars, debits positive: they add up to zero. `months` says the same by
    month, where the documents are of several. `dates` are the posting dates by document, `parked` the codes and
    `skipped` the reasons by key.
    """

    name: str
    story: str
    invoices: tuple[Json, ...]
    payments: tuple[Json, ...] = ()
    charges: tuple[Json, ...] = ()
    balance: tuple[Json, ...] = ()
    policy: Policy = field(default_factory=Policy)
    effect: Mapping[str, str] = field(default_factory=dict)
    months: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    dates: Mapping[str, str] = field(default_factory=dict)
    parked: Mapping[str, str] = field(default_factory=dict)
    skipped: Mapping[str, str] = field(default_factory=dict)

    @property
    def title(self) -> str:
        return self.name.replace("_", " ").capitalize()

    @property
    def objects(self) -> tuple[Json, ...]:
        """All that Stripe has."""
        return (*self.invoices, *self.payments, *self.charges, *self.balance)


@dataclass(kw_only=True)
class Outcome:
    """What the product makes of a situation: documents in posting order with their payloads, and the rest."""

    documents: dict[str, Document] = field(default_factory=dict)
    payloads: dict[str, Json] = field(default_factory=dict)
    parked: dict[str, Parked] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)

    @property
    def dates(self) -> dict[str, str]:
        return {key: payload["TxnDate"] for key, payload in self.payloads.items() if "TxnDate" in payload}

    @property
    def effect(self) -> dict[str, Decimal]:
        """The change of each account by what is sent, debits positive, as QBO would post it."""
        return _added_up(self._entries())

    @property
    def months(self) -> dict[str, dict[str, Decimal]]:
        """The change of each account by month of posting."""
        months: dict[str, list[Entry]] = defaultdict(list)
        for month, account, amount in self._entries():
            months[month].append((month, account, amount))
        return {month: _added_up(entries) for month, entries in sorted(months.items())}

    def _entries(self) -> Iterator[Entry]:
        """What stands in the books: a void document moves no account."""
        for key, payload in self.payloads.items():
            if self.documents[key].existence is Existence.PRESENT:
                for account, amount in _entries(self.documents[key].entity, payload):
                    yield payload["TxnDate"][:7], account, amount


def _added_up(entries: Iterable[Entry]) -> dict[str, Decimal]:
    accounts: dict[str, Decimal] = defaultdict(Decimal)
    for _, account, amount in entries:
        accounts[account] += amount
    return {account: amount for account, amount in accounts.items() if amount}


def _entries(entity: Entity, payload: Json) -> list[tuple[str, Decimal]]:
    match entity:
        case Entity.CUSTOMER:
            return []
        case Entity.PAYMENT if payload["TotalAmt"] == 0:
            assert "DepositToAccountRef" not in payload
            return []
        case Entity.PAYMENT:
            account = ROLE_OF_ACCOUNT[payload["DepositToAccountRef"]["value"]]
            return [(account, payload["TotalAmt"]), (RECEIVABLE, -payload["TotalAmt"])]
        case Entity.INVOICE | Entity.CREDIT_MEMO:
            sign = 1 if entity is Entity.INVOICE else -1
            entries = []
            for line in payload["Line"]:
                item = ROLE_OF_ITEM[line["SalesItemLineDetail"]["ItemRef"]["value"]]
                entries += [(item, -sign * line["Amount"]), (RECEIVABLE, sign * line["Amount"])]
            return entries
        case _:
            raise NotImplementedError(entity)


async def outcome_of(situation: Situation) -> Outcome:
    """Read every invoice as the product does, and make documents and payloads of it."""
    reader, outcome = StripeReader(Answers(situation)), Outcome()
    ids: dict[DocumentKey, str] = {}
    for invoice in situation.invoices:
        found = (await reader.read(Subject(kind=SubjectKind.INVOICE, id=invoice["id"]))).found
        assert found is not None
        desired = desired_books(found, situation.policy)
        for document in desired.documents:
            # A payment over several invoices is computed from each of them, and is the same every time.
            assert outcome.documents.setdefault(document.key, document) == document
            taken = [one for one in outcome.documents.values() if one.entity is document.entity]
            ids.setdefault(document.key, str(FIRST_ID[document.entity] + len(taken) - 1))
        outcome.parked |= {item.key: item for item in desired.parked}
        outcome.skipped |= {item.key: item.reason for item in desired.skipped}
    # The payment of several invoices is posted after the last of them.
    for key, document in sorted(outcome.documents.items(), key=lambda item: item[1].entity is Entity.PAYMENT):
        references = References(qbo_ids=_with_voided(document, ids), accounts=ACCOUNTS, items=ITEMS)
        outcome.payloads[key] = to_payload(document, references)
    return outcome


def _with_voided(document: Document, ids: dict[DocumentKey, str]) -> dict[DocumentKey, str]:
    """A void invoice needs no customer of its own any more; in the books it has the one with which it was posted."""
    missing = document.references if document.existence is Existence.VOID else ()
    return {**dict.fromkeys(missing, str(FIRST_ID[Entity.CUSTOMER])), **ids}


class Answers(StripeApi):
    """Stripe's answers to what the reader asks: the objects of one situation."""

    def __init__(self, situation: Situation) -> None:
        self.livemode = False
        self._invoices = {one["id"]: one for one in situation.invoices}
        self._parts = situation.payments
        self._charges = situation.charges
        self._balance = situation.balance

    async def get(self, path: str, **_: Any) -> Json:
        found = self._invoices.get(path.removeprefix("/v1/invoices/"))
        if found is None:
            raise ObjectNotFound(path=path)
        lines = found["lines"]["data"]
        page = {"object": "list", "data": lines[:FIRST_PAGE], "has_more": len(lines) > FIRST_PAGE}
        return {**found, "lines": page}

    async def pages(self, path: str, **parameters: Any) -> AsyncIterator[Json]:
        for one in self._listed(path, parameters):
            yield one

    def _listed(self, path: str, parameters: Mapping[str, Any]) -> Iterable[Json]:
        match path.split("/")[2:], parameters:
            case ["invoices", invoice, "lines"], _:
                return list(self._invoices[invoice]["lines"]["data"])
            case ["invoice_payments"], {"invoice": invoice}:
                return [one for one in self._parts if one["invoice"] == invoice]
            case ["invoice_payments"], {"payment": source}:
                return [one for one in self._parts if source.items() <= one["payment"].items()]
            case ["charges"], {"payment_intent": intent}:
                return [one for one in self._charges if one["payment_intent"] == intent]
            case ["customers", customer, "balance_transactions"], _:
                return [one for one in reversed(self._balance) if one["customer"] == customer]
            case ["credit_notes"], {"invoice": _}:
                return []
            case _:
                raise AssertionError(path, parameters)
