"""Foreign records: what others than this product have entered, by month, in the few fields that are compared.

A calendar month of an entity is read once and believed for a while, so that a backlog costs one read per month
(facts/qbo.md 1). Deposits and transfers are believed for half a minute only: people take them over from the bank feed
at the very time at which payouts arrive. Names are kept in memory for comparing only.
"""

import calendar
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

from wescope.qbo import queries, wire
from wescope.qbo.cache import Cached
from wescope.qbo.client import QboClient
from wescope.qbo.lines import sum_of_debits
from wescope.qbo.payloads import has_any_marker
from wescope.qbo.records import Record, parts, reference
from wescope.qbo.verify import is_void

OF_THE_BANK_FEED = frozenset({"Deposit", "Transfer"})
BANK_FEED_TTL_S = 30.0

LINKED = "linked"
"""Stands for the account of a deposit's line that takes another transaction out of Undeposited Funds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreign:
    """One transaction without a marker of ours.

    `total` is in major units of `currency` (lower-case code; null if QBO names none); `day` is in the company's
    calendar. `account` is the id of the account that its money goes to (a refund's: comes from). `posted` says how
    much its lines post to each account, by id: of deposits and transfers what they take from it, of journal entries
    debits less credits. `links` are the ids of what a payment is applied to, with their entities.
    """

    id: str
    entity: str
    total: Decimal | None
    currency: str | None
    day: date
    number: str = ""
    reference: str = ""
    customer_id: str | None = None
    customer_name: str = field(default="", repr=False)
    account: str | None = None
    posted: Mapping[str, Decimal] = field(default_factory=dict)
    links: frozenset[tuple[str, str]] = frozenset()


class ForeignRecords:
    """The foreign records of each entity, read by calendar month."""

    def __init__(self, client: QboClient, *, ttl_s: float, clock_s: Callable[[], float]) -> None:
        """Take the company's client, and how long what was read is believed, in seconds of a monotonic clock.

        What may come from the bank feed is believed for `BANK_FEED_TTL_S` at most.
        """
        self._client, self._ttl_s, self._clock_s = client, ttl_s, clock_s
        self._months: dict[tuple[str, date], Cached[tuple[Foreign, ...]]] = {}

    async def between(self, entity: str, first: date, last: date) -> list[Foreign]:
        """The foreign records of `entity` dated from `first` to `last`, both included, in the company's calendar.

        Raises:
            QboError: QBO does not answer.
        """
        found = [record for month in _months(first, last) for record in await self._month(entity, month)]
        return [record for record in found if first <= record.day <= last]

    def forget(self) -> None:
        """Something proved that what was read may be out of date: it is read again before its next use."""
        for month in self._months.values():
            month.forget()

    async def _month(self, entity: str, first: date) -> tuple[Foreign, ...]:
        key = (entity, first)
        if key not in self._months:
            ttl_s = min(self._ttl_s, BANK_FEED_TTL_S) if entity in OF_THE_BANK_FEED else self._ttl_s
            self._months[key] = Cached(lambda: self._read(entity, first), ttl_s=ttl_s, clock_s=self._clock_s)
        return await self._months[key].get()

    async def _read(self, entity: str, first: date) -> tuple[Foreign, ...]:
        last = first.replace(day=calendar.monthrange(first.year, first.month)[1])
        records = await self._client.query_all(entity, queries.where_between("TxnDate", first, last))
        reduced = [foreign_of(entity, record) for record in records]
        return tuple(record for record in reduced if record)


def foreign_of(entity: str, record: Record) -> Foreign | None:
    """The fields that are compared of a record; null if it is ours, void, or has no date."""
    return None if has_any_marker(record) else _reduced(entity, record)


def _months(first: date, last: date) -> Iterator[date]:
    month = first.replace(day=1)
    while month <= last:
        yield month
        month = (month + timedelta(days=31)).replace(day=1)


def _reduced(entity: str, record: Record) -> Foreign | None:
    """The fields that are compared; null for what is void or has no date."""
    try:
        day = date.fromisoformat(str(record.get("TxnDate"))[:10])
    except ValueError:
        return None
    if is_void(record):
        return None
    customer, currency = record.get("CustomerRef"), reference(record, "CurrencyRef")
    name = customer.get("name") if isinstance(customer, Mapping) else None
    return Foreign(
        id=str(record.get("Id")),
        entity=entity,
        total=_total(entity, record),
        currency=currency.lower() if currency else None,
        day=day,
        number=str(record.get("DocNumber") or ""),
        reference=str(record.get("PaymentRefNum") or ""),
        customer_id=reference(record, "CustomerRef"),
        customer_name=str(name or ""),
        account=reference(record, "ToAccountRef" if entity == "Transfer" else "DepositToAccountRef"),
        posted=_posted(entity, record),
        links=_links(record),
    )


def _total(entity: str, record: Record) -> Decimal | None:
    if entity == "JournalEntry":
        return sum_of_debits(record)
    return wire.decimal(record.get("Amount" if entity == "Transfer" else "TotalAmt"))


def _posted(entity: str, record: Record) -> Mapping[str, Decimal]:
    posted: defaultdict[str, Decimal] = defaultdict(Decimal)
    if entity == "Transfer":
        posted[reference(record, "FromAccountRef") or ""] += wire.decimal(record.get("Amount")) or Decimal(0)
    for line in parts(record, "Line") if entity in {"Deposit", "JournalEntry"} else ():
        kind = str(line.get("DetailType") or "")
        detail = line.get(kind)
        amount = wire.decimal(line.get("Amount")) or Decimal(0)
        if not isinstance(detail, Mapping):
            posted[LINKED] += amount
        elif kind in {"DepositLineDetail", "JournalEntryLineDetail"}:
            sign = -1 if detail.get("PostingType") == "Credit" else 1
            posted[reference(detail, "AccountRef") or ""] += sign * amount
    return posted


def _links(record: Record) -> frozenset[tuple[str, str]]:
    linked = (one for line in parts(record, "Line") for one in parts(line, "LinkedTxn"))
    return frozenset((str(one.get("TxnType")), str(one.get("TxnId"))) for one in linked)
