"""One situation: what Stripe answers, what an accountant expects of the books, and what the product makes of it."""

from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from tests.unit.snapshots.stripe_json import Json
from wescope.books.desired import desired_books
from wescope.books.documents import CustomerBody, Document, Entity, Existence
from wescope.books.parking import Parked
from wescope.books.policy import AccountRole, ItemRole, Policy
from wescope.books.subjects import DocumentKey, Subject, SubjectKind
from wescope.errors import ObjectNotFound
from wescope.qbo.payloads import References, to_payload
from wescope.stripe.client import StripeApi
from wescope.stripe.reader import StripeReader

ITEMS = {ItemRole.SALES: "11", ItemRole.DISCOUNT: "12", ItemRole.SHIPPING: "13", ItemRole.TAX: "14"}
ACCOUNTS = {AccountRole.CLEARING: "81", AccountRole.OUT_OF_BAND: "82"}
FIRST_ID = {Entity.CUSTOMER: 201, Entity.INVOICE: 301, Entity.PAYMENT: 401}

ROLE_OF_ITEM = {number: role.value for role, number in ITEMS.items()}
ROLE_OF_ACCOUNT = {number: role.value for role, number in ACCOUNTS.items()}
RECEIVABLE = "receivable"
FIRST_PAGE = 10


@dataclass(frozen=True, kw_only=True)
class Situation:
    """What Stripe has, and, written by hand, what the books must say of it.

    `effect` is the change of each account in dollars, debits positive: they add up to zero. `dates` are the posting
    dates by document, `parked` the codes and `skipped` the reasons by key.
    """

    name: str
    story: str
    invoices: tuple[Json, ...]
    payments: tuple[Json, ...] = ()
    intents: tuple[Json, ...] = ()
    policy: Policy = field(default_factory=Policy)
    effect: Mapping[str, str] = field(default_factory=dict)
    dates: Mapping[str, str] = field(default_factory=dict)
    parked: Mapping[str, str] = field(default_factory=dict)
    skipped: Mapping[str, str] = field(default_factory=dict)

    @property
    def title(self) -> str:
        return self.name.replace("_", " ").capitalize()


@dataclass(kw_only=True)
class Outcome:
    """What the product makes of a situation: documents in posting order with their payloads, and the rest."""

    documents: dict[str, Document] = field(default_factory=dict)
    payloads: dict[str, Json] = field(default_factory=dict)
    parked: dict[str, Parked] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)

    @property
    def standing(self) -> dict[str, Json]:
        """The payloads of what stands in the books: a void document moves no account."""
        present = {key for key, one in self.documents.items() if one.existence is Existence.PRESENT}
        return {key: payload for key, payload in self.payloads.items() if key in present}

    @property
    def dates(self) -> dict[str, str]:
        return {key: payload["TxnDate"] for key, payload in self.payloads.items() if "TxnDate" in payload}

    @property
    def effect(self) -> dict[str, Decimal]:
        """The change of each account by what is sent, debits positive, as QBO would post it."""
        accounts: dict[str, Decimal] = defaultdict(Decimal)
        for payload in self.standing.values():
            for account, amount in _entries(payload):
                accounts[account] += amount
        return {account: amount for account, amount in accounts.items() if amount}


def _entries(payload: Json) -> list[tuple[str, Decimal]]:
    if "DepositToAccountRef" in payload:
        account = ROLE_OF_ACCOUNT[payload["DepositToAccountRef"]["value"]]
        return [(account, payload["TotalAmt"]), (RECEIVABLE, -payload["TotalAmt"])]
    entries = []
    for line in payload.get("Line", []):
        item = ROLE_OF_ITEM[line["SalesItemLineDetail"]["ItemRef"]["value"]]
        entries += [(item, -line["Amount"]), (RECEIVABLE, line["Amount"])]
    return entries


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
    missing = () if isinstance(document.body, CustomerBody) else document.references
    return {**dict.fromkeys(missing, str(FIRST_ID[Entity.CUSTOMER])), **ids}


class Answers(StripeApi):
    """Stripe's answers to what the reader asks: the objects of one situation."""

    def __init__(self, situation: Situation) -> None:
        self.livemode = False
        self._objects = {one["id"]: one for one in (*situation.invoices, *situation.intents)}
        self._parts = situation.payments

    async def get(self, path: str, **_: Any) -> Json:
        found = self._objects.get(path.rpartition("/")[2])
        if found is None:
            raise ObjectNotFound(path=path)
        if found["object"] != "invoice":
            return found
        lines = found["lines"]["data"]
        page = {"object": "list", "data": lines[:FIRST_PAGE], "has_more": len(lines) > FIRST_PAGE}
        return {**found, "lines": page}

    async def pages(self, path: str, **parameters: Any) -> AsyncIterator[Json]:
        if path.endswith("/lines"):
            for line in self._objects[path.split("/")[3]]["lines"]["data"]:
                yield line
            return
        assert path == "/v1/invoice_payments"
        payment = parameters.get("payment", {})
        for one in self._parts:
            if (
                parameters.get("invoice", one["invoice"]) == one["invoice"]
                and payment.items() <= one["payment"].items()
            ):
                yield one
