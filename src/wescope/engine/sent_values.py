"""Sent values: what QBO would be sent for documents as Stripe asks for them now, without any text of people.

Of texts (descriptions, memos, names) it is only told that they are sent.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wescope.books.subjects import Subject
from wescope.engine.examine import Examiner
from wescope.links.drift import DriftRow
from wescope.links.store import Link
from wescope.qbo.records import parts

_VALUES = ("TxnDate", "DueDate", "DocNumber", "PaymentRefNum", "TotalAmt", "ExchangeRate")
_REFERENCES = ("CustomerRef", "DepositToAccountRef", "CurrencyRef")
_LINE_REFERENCES = ("ItemRef", "AccountRef", "ClassRef", "TaxCodeRef")
_LINE_VALUES = ("PostingType",)


@dataclass(frozen=True, slots=True, kw_only=True)
class SentValue:
    """One value that is sent: QBO's name of the field, with the number of its line, and the value as it is sent."""

    name: str
    value: str


async def sent_for(
    examiner: Examiner, rows: Sequence[DriftRow], links: Mapping[str, Link]
) -> dict[int, tuple[SentValue, ...] | None]:
    """What would be sent for the documents of these findings, by the id of each.

    Null: Stripe asks for no such document now, or it cannot be told before what it refers to stands in QBO again.

    Raises:
        StripeError: Stripe does not answer.
        QboError: QBO does not answer.
    """
    found: dict[int, tuple[SentValue, ...] | None] = {}
    asked = {}
    for row in rows:
        link = links.get(row.document_key or "")
        if link is None:
            continue
        if link.subject not in asked:
            asked[link.subject] = await examiner.steps(Subject.parse(link.subject))
        step = asked[link.subject].get(link.document_key)
        payload = await examiner.payload(link, step.document) if step else None
        found[row.id] = None if payload is None else tuple(values_of(payload))
    return found


def values_of(payload: Mapping[str, Any]) -> Iterator[SentValue]:
    """The values of a payload that may be shown: amounts, dates, ids, numbers of documents."""
    for name in _VALUES:
        if payload.get(name) is not None:
            yield SentValue(name=name, value=str(payload[name]))
    for name in _REFERENCES:
        if payload.get(name):
            yield SentValue(name=name, value=str(payload[name]["value"]))
    for number, line in enumerate(parts(payload, "Line"), start=1):
        yield from _line(f"Line{number}", line)
    if "PrivateNote" in payload:
        yield SentValue(name="PrivateNote", value="our reference")


def _line(name: str, line: Mapping[str, Any]) -> Iterator[SentValue]:
    yield SentValue(name=f"{name}.Amount", value=str(line.get("Amount", 0)))
    detail = line.get(str(line.get("DetailType")), {})
    for field in _LINE_REFERENCES:
        if detail.get(field):
            yield SentValue(name=f"{name}.{field}", value=str(detail[field]["value"]))
    for field in _LINE_VALUES:
        if detail.get(field):
            yield SentValue(name=f"{name}.{field}", value=str(detail[field]))
    for linked in parts(line, "LinkedTxn"):
        yield SentValue(name=f"{name}.LinkedTxn", value=f"{linked.get('TxnType')}/{linked.get('TxnId')}")
