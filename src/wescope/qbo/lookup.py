"""Look-up: did a write land whose answer was lost? See facts/qbo.md 5.1.

PrivateNote can be read but not searched, so the candidates come by number, reference, name, customer and date, or
time of creation; only a record that carries the document's exact marker is ours.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from wescope.books.documents import (
    CreditMemoBody,
    CustomerBody,
    Document,
    InvoiceBody,
    JournalEntryBody,
    PaymentBody,
    ReceiptBody,
)
from wescope.books.subjects import DocumentKey
from wescope.qbo import queries
from wescope.qbo.client import QboClient
from wescope.qbo.directory import INACTIVE_SUFFIX
from wescope.qbo.payloads import has_marker
from wescope.qbo.records import Record
from wescope.qbo.references import References

# QBO may date a transaction in its own calendar if the company's zone was changed.
_DATE_MARGIN = timedelta(days=1)
# Our clock and QBO's may differ by some minutes.
_CLOCK_MARGIN = timedelta(minutes=15)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The newest record of a document in QBO, and the ids of further ones: more than one is a duplicate to mend."""

    record: Record = field(repr=False)
    others: tuple[str, ...] = ()


async def find(
    client: QboClient, document: Document, references: References, *, since: datetime | None = None
) -> Found | None:
    """Look for a document in QBO, from the most exact search to the widest; the first that finds it ends it.

    Args:
        client: the company's.
        document: what may have been written.
        references: as it was written with; a customer's other candidate names are searched as well.
        since: when the write was tried at first; widens the search to all that was created since.

    Returns:
        The record that carries the document's marker, or null if QBO shows none (yet: its answer may lag).

    Raises:
        QboError: QBO does not answer.
    """
    for condition in _searches(document, references, since):
        records = await client.query_all(document.entity.value, condition)
        ours = sorted((record for record in records if has_marker(record, document.key)), key=_age, reverse=True)
        if ours:
            return Found(record=ours[0], others=tuple(str(record.get("Id")) for record in ours[1:]))
    return None


async def created_since(
    client: QboClient, document: Document, since: datetime, *, customer_id: str | None, day: date | None
) -> list[Record]:
    """All records of a document that were created since a moment, whatever their content, the newest first.

    Args:
        client: the company's.
        document: whose marker they carry.
        since: a moment before the first attempt to create it.
        customer_id: QBO's id of the document's customer, if it has one; it narrows the search.
        day: the date that the document was sent with, in the company's calendar; it narrows the search, too.

    Raises:
        QboError: QBO does not answer.
    """
    if isinstance(document.body, CustomerBody):
        # No two of one name can be there, so whatever a second attempt made has another of its names.
        names = queries.where_in("DisplayName", _with_suffixes(document.body.display_names))
        conditions = [names, queries.including_inactive()]
    else:
        conditions = [_created_since(since)]
        if customer_id and owner_of(document):
            conditions.append(queries.where_equals("CustomerRef", customer_id))
        elif day:
            conditions.append(queries.where_between("TxnDate", day - _DATE_MARGIN, day + _DATE_MARGIN))
    records = await client.query_all(document.entity.value, " AND ".join(conditions))
    return sorted((record for record in records if has_marker(record, document.key)), key=_age, reverse=True)


def owner_of(document: Document) -> DocumentKey | None:
    """The customer of a document whose records QBO finds by their customer."""
    match document.body:
        case InvoiceBody(customer=key) | CreditMemoBody(customer=key) | PaymentBody(customer=key):
            return key
        case ReceiptBody(customer=payer):
            return payer
        case _:
            return None


def _searches(document: Document, references: References, since: datetime | None) -> Iterator[str]:
    active = ""
    if isinstance(document.body, CustomerBody):
        active = queries.including_inactive()
        yield f"{_names(document.body, references)} AND {active}"
    else:
        yield from _by_number(document, references)
        yield from _by_customer_and_date(document, references)
    if since:
        created = _created_since(since)
        yield f"{created} AND {active}" if active else created


def _names(body: CustomerBody, references: References) -> str:
    candidates = dict.fromkeys([*body.display_names, *([references.display_name] if references.display_name else [])])
    return queries.where_in("DisplayName", _with_suffixes(candidates))


def _with_suffixes(names: Iterable[str]) -> list[str]:
    return [name + suffix for name in names for suffix in ("", INACTIVE_SUFFIX)]


def _by_number(document: Document, references: References) -> Iterator[str]:
    """By what QBO can search: the number of sales forms and journal entries, the reference of payments."""
    match document.body:
        case PaymentBody(reference=number):
            yield queries.where_equals("PaymentRefNum", number)
        case JournalEntryBody(doc_number=number):
            yield queries.where_equals("DocNumber", number)
        case InvoiceBody(doc_number=number) | CreditMemoBody(doc_number=number) | ReceiptBody(doc_number=number):
            if references.custom_txn_numbers:
                yield queries.where_equals("DocNumber", number)


def _by_customer_and_date(document: Document, references: References) -> Iterator[str]:
    day = document.dates.txn
    if day is None:
        return
    window = queries.where_between("TxnDate", day - _DATE_MARGIN, day + _DATE_MARGIN)
    owner = owner_of(document)
    if owner is None:
        # Guests, journal entries and deposits have no customer that could be searched.
        yield window
    elif customer := references.qbo_ids.get(owner):
        yield f"{queries.where_equals('CustomerRef', customer)} AND {window}"


def _created_since(since: datetime) -> str:
    start = (since - _CLOCK_MARGIN).astimezone(UTC).replace(microsecond=0)
    return queries.where_from("MetaData.CreateTime", start.isoformat())


def _age(record: Record) -> tuple[int, str]:
    """Ids are numbers that grow."""
    qbo_id = str(record.get("Id") or "")
    return (int(qbo_id) if qbo_id.isdecimal() else 0, qbo_id)
