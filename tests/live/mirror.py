"""The mirror in small: what the product makes of a Stripe object, posted by its own client, marked, and compared."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from tests.live.bench import Bench
from tests.live.model import NotTried
from tests.live.run_marker import WORD
from wescope.books.desired import desired_books
from wescope.books.documents import CustomerBody, Document, Entity, Existence
from wescope.books.policy import AccountRole, ItemRole, Policy, Reversals
from wescope.books.subjects import DocumentKey, Subject
from wescope.engine.intents import display_name
from wescope.errors import DuplicateDocNumber
from wescope.qbo.company import Company
from wescope.qbo.payloads import to_payload
from wescope.qbo.verify import differences
from wescope.stripe.reader import StripeReader

_ACCOUNTS = {
    AccountRole.CLEARING: "clearing",
    AccountRole.BANK: "bank",
    AccountRole.OUT_OF_BAND: "clearing",
    AccountRole.FEES: "fees",
    AccountRole.FEE_TAX: "fees",
    AccountRole.DISPUTES: "fees",
    AccountRole.BAD_DEBT: "fees",
}


@dataclass(slots=True)
class Mirror:
    """Posts what the books want of a subject; `wrong` is what differs. What is posted is known to the whole run."""

    bench: Bench
    wrong: list[str] = field(default_factory=list)
    parked: list[str] = field(default_factory=list)
    entities: list[str] = field(default_factory=list)
    _company: Company | None = None

    @property
    def posted(self) -> dict[DocumentKey, str]:
        """QBO's ids by document key."""
        return self.bench.posted

    @property
    def company(self) -> Company:
        """The company as the product sees it, with the run's accounts and item for every role."""
        qbo = self.bench.qbo
        if self._company is None:
            items = dict.fromkeys(ItemRole, qbo.item)
            self._company = Company(qbo.client, _account_of(qbo.accounts), items)
        return self._company

    async def post(self, subject: Subject, *, but: Callable[[Document], bool] = lambda _: False) -> None:
        """Post the documents of a subject that are not posted yet, in order.

        Args:
            subject: of Stripe.
            but: tells documents that are left out.

        Raises:
            NotTried: the two sides have no currency in common, or there is no such object.
            WescopeError: QBO refuses a document, or Stripe cannot be read.
        """
        bench = self.bench
        if bench.stripe.currency != bench.qbo.preferences.home_currency:
            raise NotTried(f"Stripe counts in {bench.stripe.currency}, QBO in {bench.qbo.preferences.home_currency}")
        policy = Policy(home_currency=bench.qbo.preferences.home_currency, reversals=Reversals.VOID)
        found = (await StripeReader(bench.stripe.api).read(subject)).found
        if found is None:
            raise NotTried(f"Stripe has no such {subject.kind}")
        desired = desired_books(found, policy)
        self.parked += [f"{item.key} {item.code}" for item in desired.parked]
        for document in desired.documents:
            if document.existence is Existence.PRESENT and document.key not in self.posted and not but(document):
                await self._write(document)

    async def _write(self, document: Document) -> None:
        qbo = self.bench.qbo
        references = await self.company.references(document, self.posted, display_name(document, 0))
        payload = to_payload(document, references)
        note = "Notes" if isinstance(document.body, CustomerBody) else "PrivateNote"
        sent: dict[str, Any] = {**payload, note: f"{payload[note]}\n{self.bench.run.note}"}
        request_id = self.bench.run.request_id()
        try:
            written = await qbo.client.create(document.entity.value, sent, request_id=request_id, alone=True)
        except DuplicateDocNumber:
            # Stripe's number may have been used by another run in this company.
            sent["DocNumber"] = self.bench.run.number()
            document = replace(document, body=replace(document.body, doc_number=sent["DocNumber"]))
            written = await qbo.client.create(
                document.entity.value, sent, request_id=self.bench.run.request_id(), alone=True
            )
        self.posted[document.key] = str(written.record["Id"])
        self.entities.append(document.entity.value)
        self.wrong += [f"{document.entity.value} {one}" for one in differences(document, sent, written.record)]

    async def balance(self, entity: Entity, key: DocumentKey) -> Decimal:
        """What is open of a document, in its currency."""
        record = await self.bench.qbo.client.read(entity.value, self.posted[key])
        return Decimal(str((record or {}).get("Balance", "NaN")))


def _account_of(accounts: dict[str, str]) -> Callable[..., str | None]:
    def name(role: AccountRole, currency: str | None = None) -> str | None:
        """The id of the run's account for a role, which has no others per currency."""
        _ = currency
        return accounts.get(_ACCOUNTS.get(role, ""), "") or f"{WORD} {role}"

    return name
