"""Existing documents: what somebody else has entered that is, or looks like, a document about to be created.

What carries a marker of ours is left to the look-up; here are the records of people and of other programs.
"""

import re
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Literal

from wescope.books.documents import (
    CreditMemoBody,
    CustomerBody,
    DepositBody,
    Document,
    Entity,
    InvoiceBody,
    JournalEntryBody,
    PaymentBody,
    ReceiptBody,
)
from wescope.books.money import to_decimal
from wescope.books.policy import AccountRole, RoleAccount
from wescope.books.subjects import DocumentKey
from wescope.qbo import wire
from wescope.qbo.cache import Cached
from wescope.qbo.client import QboClient
from wescope.qbo.company import Company
from wescope.qbo.foreign import LINKED, Foreign, ForeignRecords
from wescope.qbo.references import References

EXISTING_TTL_S = 900.0
_NEAR = timedelta(days=3)
# Banks show a payout some days after the date that Stripe names.
_BEFORE_ARRIVAL, _AFTER_ARRIVAL = timedelta(days=3), timedelta(days=5)
# What tells our customers apart from others of the same name (`wescope.books.names.display_names`).
_OUR_SUFFIX = re.compile(r" \([a-z]+_\w+\)$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """A record of somebody else beside a document: the same one, or one that only looks like it.

    `agrees` and `differs` name QBO's fields; a difference may say which account ids stand in it, `Line:35,60`.
    """

    kind: Literal["same", "looks_like"]
    entity: str
    qbo_id: str
    agrees: tuple[str, ...]
    differs: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignDeposit:
    """Money that somebody else's deposit or transfer brought to a bank account.

    `amount` is in minor units of `currency` (lower-case code); `date` is in the company's calendar;
    `posts_to_clearing` says whether all of it came out of the clearing account.
    """

    id: str
    entity: Literal["Deposit", "Transfer"]
    date: date
    amount: int
    currency: str
    posts_to_clearing: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Verdict:
    """How the fields of a foreign record compare: `fields` all, `is_candidate` whether enough of them agree."""

    record: Foreign
    fields: Mapping[str, bool]
    is_candidate: bool

    def match(self) -> Match:
        differs = tuple(_shown(name, self.record) for name, agrees in self.fields.items() if not agrees)
        return Match(
            kind="looks_like" if differs else "same",
            entity=self.record.entity,
            qbo_id=self.record.id,
            agrees=tuple(name for name, agrees in self.fields.items() if agrees),
            differs=differs,
        )


class ExistingDocuments:
    """Looks for what somebody else has entered already. Safe to use from many tasks."""

    def __init__(
        self,
        client: QboClient,
        company: Company,
        *,
        ttl_s: float = EXISTING_TTL_S,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take the company's client and reference data; nothing is read yet.

        Args:
            client: the company's.
            company: its reference data.
            ttl_s: how long what was read is believed, in seconds.
            clock_s: a monotonic clock, in seconds.
        """
        self._client, self._company = client, company
        self._records = ForeignRecords(client, ttl_s=ttl_s, clock_s=clock_s)
        self._ttl_s, self._clock_s = ttl_s, clock_s
        self._names: dict[str, Cached[str]] = {}

    def forget(self) -> None:
        """Something proved that what was read may be out of date."""
        self._records.forget()
        for name in self._names.values():
            name.forget()

    async def match(
        self,
        document: Document,
        references: References,
        *,
        taken: Collection[tuple[str, str]] = (),
        names: Mapping[str, str] | None = None,
    ) -> Match | None:
        """What somebody else has entered for a document that is about to be created.

        Args:
            document: not posted yet; a customer never matches.
            references: as it will be written with.
            taken: entity and id of records that other documents are linked to already: one record is one document.
            names: of customers that QBO does not have yet, by the ids that `references` has for them.

        Returns:
            The same one if there is one (number or reference, customer, amount, date and accounts agree), else the
            one that agrees most, or null if none does enough to be worth a look.

        Raises:
            QboError: QBO does not answer.
        """
        day = document.dates.txn
        if day is None or isinstance(document.body, CustomerBody):
            return None
        near = [record for record in await self._near(document, day) if (record.entity, record.id) not in taken]
        verdicts = [await self._judge(document, references, record, names or {}) for record in near]
        matches = [verdict.match() for verdict in verdicts if verdict.is_candidate]
        return min(matches, key=_rank, default=None)

    async def deposits_like(
        self, bank_account_id: str, clearing_account_id: str, first: date, last: date
    ) -> list[ForeignDeposit]:
        """All that others have deposited in, or transferred to, a bank account in a window of dates, oldest first.

        Args:
            bank_account_id: QBO's id of the account that the money came to.
            clearing_account_id: QBO's id of the clearing account of its currency.
            first: the first day, in the company's calendar.
            last: the last day, included.

        Raises:
            QboError: QBO does not answer.
        """
        home = (await self._company.preferences()).home_currency
        kinds: tuple[Literal["Deposit", "Transfer"], ...] = ("Deposit", "Transfer")
        found = []
        for entity in kinds:
            for record in await self._records.between(entity, first, last):
                currency = record.currency or home
                amount = wire.minor(record.total, currency)
                if record.account != bank_account_id or amount is None:
                    continue
                found.append(
                    ForeignDeposit(
                        id=record.id,
                        entity=entity,
                        date=record.day,
                        amount=amount,
                        currency=currency,
                        posts_to_clearing=_comes_from({clearing_account_id}, record),
                    )
                )
        return sorted(found, key=lambda one: (one.date, one.entity, one.id))

    async def _near(self, document: Document, day: date) -> list[Foreign]:
        if document.entity is not Entity.DEPOSIT:
            return await self._records.between(document.entity.value, day - _NEAR, day + _NEAR)
        first, last = day - _BEFORE_ARRIVAL, day + _AFTER_ARRIVAL
        deposits = await self._records.between("Deposit", first, last)
        return [*deposits, *await self._records.between("Transfer", first, last)]

    async def _judge(
        self, document: Document, references: References, record: Foreign, names: Mapping[str, str]
    ) -> _Verdict:
        fields = {
            "TotalAmt": record.total == to_decimal(document.amount, document.currency),
            "TxnDate": True,  # all that are judged are near
            "CurrencyRef": record.currency in {None, document.currency},
        }
        match document.body:
            case InvoiceBody(customer=key, doc_number=number) | CreditMemoBody(customer=key, doc_number=number):
                fields["DocNumber"] = record.number == number
                fields["CustomerRef"] = _is_customer(key, references, record)
                enough = fields["DocNumber"] or await self._may_be_sold_to(key, references, record, fields, names)
            case ReceiptBody(customer=payer, account=account, doc_number=number, reference=word):
                fields["PaymentRefNum"] = record.reference == word or record.number == number
                fields["CustomerRef"] = _is_customer(payer, references, record)
                fields["DepositToAccountRef"] = record.account == references.account(account)
                enough = fields["PaymentRefNum"] or await self._may_be_sold_to(payer, references, record, fields, names)
            case PaymentBody() as body:
                fields |= _payment_fields(body, references, record)
                enough = fields["PaymentRefNum"] or _agree(fields, "CustomerRef", "TotalAmt", "LinkedTxn")
            case JournalEntryBody() as body:
                fields |= {
                    "DocNumber": record.number == body.doc_number,
                    "Line": _same_posted(document, body, references, record),
                }
                enough = fields["DocNumber"]
            case DepositBody(bank=bank, lines=lines):
                clearing = {references.account(line.account) for line in lines if _is_clearing(line.account)}
                fields["DepositToAccountRef"] = record.account == references.account(bank)
                fields["Line"] = _comes_from(clearing, record)
                is_transfer = record.entity == "Transfer"
                enough = _agree(fields, "DepositToAccountRef", "TotalAmt") and (fields["Line"] or not is_transfer)
            case CustomerBody():
                enough = False
        return _Verdict(record=record, fields=fields, is_candidate=enough)

    async def _may_be_sold_to(
        self,
        key: DocumentKey | None,
        references: References,
        record: Foreign,
        fields: Mapping[str, bool],
        names: Mapping[str, str],
    ) -> bool:
        """Whether a record of the same amount is of our customer, or of one of the same name.

        A name is worth a look and no proof: only what is of our customer can be paid by it later.
        """
        if not fields["TotalAmt"] or fields["CustomerRef"]:
            return fields["TotalAmt"]
        theirs = _folded(record.customer_name)
        if key is None or not theirs:
            return False
        customer_id = references.qbo_ids[key]
        name = names[customer_id] if customer_id in names else await self._name(customer_id)
        return theirs in {_folded(name), _folded(_OUR_SUFFIX.sub("", name))}

    async def _name(self, customer_id: str) -> str:
        cached = self._names.get(customer_id)
        if cached is None:
            cached = Cached(lambda: self._read_name(customer_id), ttl_s=self._ttl_s, clock_s=self._clock_s)
            self._names[customer_id] = cached
        return await cached.get()

    async def _read_name(self, customer_id: str) -> str:
        record = await self._client.read("Customer", customer_id)
        return str((record or {}).get("DisplayName") or "")


def _is_customer(key: DocumentKey | None, references: References, record: Foreign) -> bool:
    return record.customer_id == (references.qbo_ids[key] if key else None)


def _payment_fields(body: PaymentBody, references: References, record: Foreign) -> dict[str, bool]:
    ours = {(one.entity.value, references.qbo_ids[one.document]) for one in body.applications}
    found = {
        "PaymentRefNum": record.reference == body.reference,
        "LinkedTxn": ours == record.links,
        "CustomerRef": _is_customer(body.customer, references, record),
    }
    if body.deposit_to:
        found["DepositToAccountRef"] = record.account == references.account(body.deposit_to)
    return found


def _agree(fields: Mapping[str, bool], *names: str) -> bool:
    return all(fields[name] for name in names)


def _rank(match: Match) -> tuple[bool, int, int, str]:
    """The same one first, then what agrees most, then the oldest."""
    return (match.kind != "same", -len(match.agrees), len(match.qbo_id), match.qbo_id)


def _shown(name: str, record: Foreign) -> str:
    return f"{name}:{','.join(sorted(record.posted))}" if name == "Line" else name


def _is_clearing(account: object) -> bool:
    return isinstance(account, RoleAccount) and account.role is AccountRole.CLEARING


def _comes_from(clearing: Iterable[str], record: Foreign) -> bool:
    """Whether all money of a deposit or transfer comes out of the clearing account, or adds up as if it did."""
    from_clearing = sum((record.posted.get(account, Decimal(0)) for account in clearing), Decimal(0))
    return LINKED not in record.posted and record.total is not None and from_clearing == record.total


def _same_posted(document: Document, body: JournalEntryBody, references: References, record: Foreign) -> bool:
    ours: dict[str, Decimal] = {}
    for line in body.lines:
        account = references.account(line.account)
        ours[account] = ours.get(account, Decimal(0)) + to_decimal(line.amount, document.currency)
    return _moved(ours) == _moved(record.posted)


def _moved(posted: Mapping[str, Decimal]) -> dict[str, Decimal]:
    return {account: amount for account, amount in posted.items() if amount}


def _folded(name: str) -> str:
    return " ".join(name.split()).casefold()
