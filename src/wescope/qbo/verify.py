"""Verify: QBO's answer against what was meant. Pure; differences are named in codes and numbers only.

HTTP 200 does not mean that QBO stored what it was sent: links are dropped, tax is computed, dates default
(facts/qbo.md 2.2, 4.8). The answer is compared, not the status.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from wescope.books.documents import CustomerBody, Document, Entity, Existence, PaymentBody
from wescope.books.money import to_decimal
from wescope.qbo import wire
from wescope.qbo.lines import line_differences, sum_of_debits
from wescope.qbo.payloads import has_marker
from wescope.qbo.records import Record, parts, reference

_RATE_TOLERANCE = Decimal("0.000001")
"""QBO may keep fewer digits of a rate; what counts is that the home total is exact."""

_CENT = Decimal("0.01")


def differences(document: Document, payload: Mapping[str, Any], record: Record) -> tuple[str, ...]:
    """Where QBO's record is not what the document means.

    Args:
        document: what should be in the books.
        payload: what QBO was sent for it (ids of customer, accounts, items and linked documents).
        record: what QBO answered or holds.

    Returns:
        One code per difference with both values, such as `TotalAmt:10.00/12.00` (meant/found); empty if it is right.
    """
    if document.existence is Existence.VOID:
        return () if is_void(record) else tuple(_void_rest(document, record))
    if isinstance(document.body, CustomerBody):
        return tuple(_customer(document, document.body.display_names, payload, record))
    return tuple(_transaction(document, payload, record))


def leftovers(document: Document, record: Record) -> tuple[str, ...]:
    """What was applied to a document without being asked, as QBO answered its creation (facts/qbo.md 4.2).

    The preferences AutoApplyCredit and AutoApplyPayments do that. What a payment applies beyond its lines is among its
    `differences`.

    Args:
        document: just created; nothing of ours can be applied to it yet.
        record: QBO's answer to the creation.

    Returns:
        `Balance:10.00/4.00` (meant/found), or nothing.
    """
    if document.entity not in {Entity.INVOICE, Entity.CREDIT_MEMO} or "Balance" not in record:
        return ()
    return tuple(_differing_amount("Balance", document.amount, document, record))


def edits(document: Document, record: Record, *, amount: int | None, txn_date: date | None) -> tuple[str, ...]:
    """What somebody changed since it was posted: names of fields.

    Args:
        document: whose record it is.
        record: what QBO holds now.
        amount: what was posted, in minor units of the document's currency; null is not compared.
        txn_date: the date that was posted, in the books' calendar; null is not compared.
    """
    changed = []
    if amount is not None and "TotalAmt" in record and wire.minor(_total(record), document.currency) != amount:
        changed.append("TotalAmt")
    if txn_date is not None and record.get("TxnDate") != txn_date.isoformat():
        changed.append("TxnDate")
    if not has_marker(record, document.key):
        changed.append("marker")
    return tuple(changed)


def is_void(record: Record) -> bool:
    """Whether a transaction is void: every amount of it is zero. QBO's word for it in the note is translated.

    Neither a journal entry, whose TotalAmt is always 0, nor a payment of zero is void while its lines have amounts.
    """
    totals = [record[name] for name in ("TotalAmt", "Balance", "UnappliedAmt") if name in record]
    lines = [line.get("Amount", 0) for line in parts(record, "Line")]
    return "TotalAmt" in record and all(wire.decimal(amount) == 0 for amount in [*totals, *lines])


def _customer(document: Document, names: tuple[str, ...], payload: Mapping[str, Any], record: Record) -> Iterator[str]:
    # An earlier attempt may have used another candidate.
    if record.get("DisplayName") not in {payload["DisplayName"], *names}:
        yield "DisplayName"
    if not record.get("Active", True):
        yield "Active"
    yield from _common(document, payload, record)


def _transaction(document: Document, payload: Mapping[str, Any], record: Record) -> Iterator[str]:
    if wire.minor(_total(record), document.currency) != document.amount:
        yield f"TotalAmt:{to_decimal(document.amount, document.currency)}/{wire.decimal(_total(record))}"
    for name in ("CustomerRef", "DepositToAccountRef"):
        # QBO has an account of its own for a payment of zero.
        if name in payload or (name == "CustomerRef" and name in record):
            yield from _differing_reference(name, payload, record)
    for name in ("TxnDate", "DueDate", "DocNumber", "PaymentRefNum"):
        if name in payload and record.get(name) != payload[name]:
            yield name
    yield from _common(document, payload, record)
    yield from _home(document, payload, record)
    if isinstance(document.body, PaymentBody):
        yield from _applications(document, document.body, payload, record)
        return
    yield from _tax(payload, record)
    yield from line_differences(payload, record)


def _total(record: Record) -> Any:
    """A transaction's total. A journal entry's own total is always 0: there it is the sum of the debits."""
    debits = sum_of_debits(record)
    return record.get("TotalAmt") if debits is None else debits


def _common(document: Document, payload: Mapping[str, Any], record: Record) -> Iterator[str]:
    currency = reference(record, "CurrencyRef")
    meant = document.currency.upper()
    if (currency or "CurrencyRef" in payload) and currency != meant:
        yield f"CurrencyRef:{meant}/{currency}"
    if not has_marker(record, document.key):
        yield "marker"


def _home(document: Document, payload: Mapping[str, Any], record: Record) -> Iterator[str]:
    """The rate, and what the document is worth at home if Stripe says it; QBO's answer may leave out a rate of 1."""
    if "ExchangeRate" not in payload:
        return
    meant, found = Decimal(payload["ExchangeRate"]), wire.decimal(record.get("ExchangeRate", 1))
    if found is None or abs(meant - found) > meant * _RATE_TOLERANCE:
        yield f"ExchangeRate:{meant}/{found}"
        return
    if document.exchange_rate is None or document.settled is None or document.entity is Entity.JOURNAL_ENTRY:
        return
    at_home = wire.decimal(record.get("HomeTotalAmt"))
    if at_home is None:
        # Payments do not show it (facts/qbo.md 4.2).
        at_home = ((wire.decimal(_total(record)) or Decimal(0)) * found).quantize(_CENT, rounding=ROUND_HALF_UP)
    worth = to_decimal(abs(document.settled.amount), document.settled.currency)
    if at_home != worth:
        yield f"HomeTotalAmt:{worth}/{at_home}"


def _tax(payload: Mapping[str, Any], record: Record) -> Iterator[str]:
    meant, found = _total_tax(payload), _total_tax(record)
    if meant != found:
        yield f"TotalTax:{meant}/{found}"


def _total_tax(record: Mapping[str, Any]) -> Decimal:
    """The tax beside the lines: the total, or the overrides that it is the sum of."""
    detail = record.get("TxnTaxDetail")
    if not isinstance(detail, Mapping):
        return Decimal(0)
    total = wire.decimal(detail.get("TotalTax"))
    if total is not None:
        return total
    return sum((wire.decimal(line.get("Amount")) or Decimal(0) for line in parts(detail, "TaxLine")), Decimal(0))


def _applications(document: Document, body: PaymentBody, payload: Mapping[str, Any], record: Record) -> Iterator[str]:
    meant, found = _links(payload), _links(record)
    for (kind, txn_id), amount in sorted(meant.items()):
        if found.get((kind, txn_id)) != amount:
            yield f"LinkedTxn.{kind}.{txn_id}:{amount}/{found.get((kind, txn_id), 0)}"
    for kind, txn_id in sorted(found.keys() - meant.keys()):
        yield f"LinkedTxn.{kind}.{txn_id}:0/{found[kind, txn_id]}"
    applied = sum(-one.amount if one.entity is Entity.CREDIT_MEMO else one.amount for one in body.applications)
    yield from _differing_amount("UnappliedAmt", document.amount - applied, document, record)


def _void_rest(document: Document, record: Record) -> Iterator[str]:
    yield from _differing_amount("TotalAmt", 0, document, record)
    rest = "UnappliedAmt" if document.entity is Entity.PAYMENT else "Balance"
    if rest in record:
        yield from _differing_amount(rest, 0, document, record)
    if any(wire.decimal(line.get("Amount", 0)) != 0 for line in parts(record, "Line")):
        yield "Line"


def _differing_amount(name: str, meant: int, document: Document, record: Record) -> Iterator[str]:
    if wire.minor(record.get(name), document.currency) != meant:
        yield f"{name}:{to_decimal(meant, document.currency)}/{wire.decimal(record.get(name))}"


def _differing_reference(name: str, payload: Mapping[str, Any], record: Record) -> Iterator[str]:
    meant, found = reference(payload, name), reference(record, name)
    if meant != found:
        yield f"{name}:{meant}/{found}"


def _links(record: Record) -> Counter[tuple[str, str]]:
    """What is applied to each linked transaction, in major units. QBO writes it line by line."""
    found: Counter[tuple[str, str]] = Counter()
    for line in parts(record, "Line"):
        amount: Any = wire.decimal(line.get("Amount")) or 0
        for linked in parts(line, "LinkedTxn"):
            found[str(linked.get("TxnType")), str(linked.get("TxnId"))] += amount
    return found
