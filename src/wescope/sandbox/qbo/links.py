"""What payments apply to: allocations, balances on both sides, and taking them back (facts/qbo.md 4.2)."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from decimal import Decimal

from wescope.sandbox.qbo import faults
from wescope.sandbox.qbo.books import Unit
from wescope.sandbox.qbo.clock import to_the_second
from wescope.sandbox.qbo.currencies import currency_reference
from wescope.sandbox.qbo.entity import account_of_subtype, stamped
from wescope.sandbox.qbo.ledger import Posting, merged
from wescope.sandbox.qbo.storage import Record
from wescope.sandbox.qbo.transactions import linked
from wescope.sandbox.qbo.wire import Json, amount, at_rate, minor

Target = tuple[str, str]

# Sign of what a payment line does to the payment's own total.
SIGNS = {"Invoice": 1, "CreditMemo": -1}


def allocations(doc: Json) -> dict[Target, int]:
    """Reads what a payment applies.

    Args:
        doc: a payment, as stored or as intended.

    Returns:
        (TxnType, TxnId) to hundredths, always positive.
    """
    sums: defaultdict[Target, int] = defaultdict(int)
    for line in doc.get("Line", []):
        link = line["LinkedTxn"][0]
        sums[link["TxnType"], link["TxnId"]] += minor(line["Amount"], "Line.Amount")
    return dict(sums)


def applied_total(parts: Mapping[Target, int]) -> int:
    """Returns invoices less credits in hundredths: what the allocations take of the payment's total."""
    return sum(SIGNS[target[0]] * hundredths for target, hundredths in parts.items())


def reallocate(unit: Unit, payment_id: str, old: Mapping[Target, int], new: Mapping[Target, int]) -> None:
    """Moves the targets' balances and links from one set of allocations to another.

    Args:
        unit: the unit of work; the targets are written through it.
        payment_id: whose allocations they are.
        old: what was applied until now.
        new: what is applied from now on; checked by the caller.
    """
    for target in sorted({*old, *new}):
        before, after = old.get(target, 0), new.get(target, 0)
        record = unit.get(*target)
        if record is None or (before == after and (target in old) == (target in new)):
            continue
        doc = {**record.doc, "LinkedTxn": linked(record, payment_id, "Payment", add=target in new)}
        balance = amount(minor(doc["Balance"]) + before - after)
        doc["Balance"] = balance
        if "RemainingCredit" in doc:
            doc["RemainingCredit"] = balance
        if "HomeBalance" in doc:
            doc["HomeBalance"] = amount(at_rate(minor(balance), rate_of(doc)))
        unit.put(_touched(unit, replace(record, doc=doc), record))


def unlink_everything(unit: Unit, record: Record) -> Record:
    """Takes a transaction out of every payment that applies it, as the browser does.

    Args:
        unit: the unit of work.
        record: an invoice or credit memo.

    Returns:
        The transaction's state after that.
    """
    for link in list(record.doc.get("LinkedTxn", [])):
        payment = unit.get("Payment", link["TxnId"]) if link["TxnType"] == "Payment" else None
        if payment is None:
            continue
        old = allocations(payment.doc)
        lines = [line for line in payment.doc["Line"] if line["LinkedTxn"][0]["TxnId"] != record.id]
        doc = {**payment.doc, "Line": lines}
        if applied_total(allocations(doc)) > minor(doc["TotalAmt"]) or applied_total(allocations(doc)) < 0:
            doc["Line"] = []
        doc["UnappliedAmt"] = amount(minor(doc["TotalAmt"]) - applied_total(allocations(doc)))
        reallocate(unit, payment.id, old, allocations(doc))
        changed = replace(payment, doc=doc, postings=payment_postings(unit, doc))
        unit.put(stamped(unit, changed, payment))
    return unit.get(*record.key) or record


def rate_of(doc: Json) -> Decimal:
    """Returns the exchange rate of a document, 1 at home."""
    return Decimal(doc.get("ExchangeRate", 1))


def payment_postings(unit: Unit, doc: Json) -> tuple[Posting, ...]:
    """Works out what a payment posts.

    Args:
        unit: the unit of work.
        doc: the payment with `ARAccountRef`, `DepositToAccountRef`, TotalAmt and Line.

    Returns:
        Deposit account debit, A/R credit at the rates of what is applied, the rest to exchange gain or loss.
    """
    rate = rate_of(doc)
    parts = allocations(doc)
    money = at_rate(minor(doc["TotalAmt"]), rate)
    settled = at_rate(minor(doc["TotalAmt"]) - applied_total(parts), rate) + _settled_home(unit, parts, rate)
    postings = [
        Posting(account_id=doc["DepositToAccountRef"]["value"], debit=money),
        Posting(account_id=doc["ARAccountRef"]["value"], name_id=doc["CustomerRef"]["value"], debit=-settled),
    ]
    if money != settled:
        postings.append(Posting(account_id=_gain_or_loss(unit), debit=settled - money))
    return merged(postings)


def _settled_home(unit: Unit, parts: Mapping[Target, int], rate: Decimal) -> int:
    home = 0
    for target, hundredths in parts.items():
        record = unit.get(*target)
        home += SIGNS[target[0]] * at_rate(hundredths, rate_of(record.doc) if record else rate)
    return home


def _gain_or_loss(unit: Unit) -> str:
    try:
        return account_of_subtype(unit, "ExchangeGainOrLoss").id
    except faults.QboFault:
        name = "Exchange Gain or Loss"
        doc: Json = {"Name": name, "SubAccount": False, "FullyQualifiedName": name, "Active": True}
        doc.update(
            {"Classification": "Expense", "AccountType": "Other Expense", "AccountSubType": "ExchangeGainOrLoss"}
        )
        doc["CurrencyRef"] = currency_reference(unit.knobs.home_currency)
        record = Record(entity="Account", id=unit.next_id("Account"), doc=doc)
        unit.put(stamped(unit, record, None))
        return record.id


def _touched(unit: Unit, record: Record, before: Record) -> Record:
    """Gives a linked transaction its new time and SyncToken; a new token is a knob (facts/qbo.md 11.9)."""
    committed = unit.books.get(*before.key) or before
    changed = stamped(unit, record, committed)
    if not unit.knobs.payment_bumps_invoice:
        doc = {**changed.doc, "SyncToken": committed.doc["SyncToken"]}
        doc["MetaData"] = {**doc["MetaData"], "LastUpdatedTime": to_the_second(unit.now)}
        return replace(changed, doc=doc)
    return changed


def open_targets(unit: Unit, entity: str, customer_id: str, currency: str) -> Iterable[Record]:
    """Returns a customer's open invoices or credit memos in a currency, oldest first."""
    found = [
        one
        for one in unit.all(entity)
        if one.doc["CustomerRef"]["value"] == customer_id
        and one.doc["CurrencyRef"]["value"] == currency
        and minor(one.doc["Balance"]) > 0
    ]
    return sorted(found, key=lambda one: (one.doc["TxnDate"], int(one.id)))
