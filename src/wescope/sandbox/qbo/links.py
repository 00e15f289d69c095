"""Applies payments and takes them back: balances and links on both sides, exchange gain or loss (facts/qbo.md 4.2)."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from wescope.sandbox.qbo import faults
from wescope.sandbox.qbo.books import Unit
from wescope.sandbox.qbo.claims import (
    Target,
    allocations,
    applied_total,
    claim_of,
    home_share,
    rate_of,
    sign_of,
)
from wescope.sandbox.qbo.clock import to_the_second
from wescope.sandbox.qbo.currencies import currency_reference
from wescope.sandbox.qbo.entity import account_of_subtype, stamped
from wescope.sandbox.qbo.ledger import Posting, merged
from wescope.sandbox.qbo.storage import Record
from wescope.sandbox.qbo.transactions import linked
from wescope.sandbox.qbo.wire import Json, amount, at_rate, minor

PAID_BY = frozenset({"Invoice", "CreditMemo", "JournalEntry"})


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
        if "Balance" in doc:
            doc.update(_balances(record, minor(doc["Balance"]) + before - after))
        unit.put(_touched(unit, replace(record, doc=doc), record))


def _balances(record: Record, opened: int) -> Json:
    shown: Json = {"Balance": amount(opened)}
    if "RemainingCredit" in record.doc:
        shown["RemainingCredit"] = amount(opened)
    claim = claim_of(record)
    if "HomeBalance" in record.doc and claim is not None:
        shown["HomeBalance"] = amount(claim.home_total - claim.settled(claim.total - opened))
    return shown


def resettle(unit: Unit, record: Record, before: Record | None) -> None:
    """Posts the payments anew whose home amounts hang on what was just written (only foreign ones do).

    Args:
        unit: the unit of work; holds the written state.
        record: a payment or what payments apply to, as written; anything else is left alone.
        before: its former state, None for a new one.
    """
    targets = {record.key} if record.entity in PAID_BY else set()
    if record.entity == "Payment":
        targets = {*allocations(record.doc), *(allocations(before.doc) if before else ())}
    for target in targets:
        _settle(unit, target)


def _settle(unit: Unit, target: Target) -> None:
    record = unit.get(*target)
    if record is None or rate_of(record.doc) == 1:
        return
    for link in record.doc.get("LinkedTxn", []):
        payment = unit.get("Payment", link["TxnId"]) if link["TxnType"] == "Payment" else None
        if payment is None or payment.deleted or payment.voided:
            continue
        postings = payment_postings(unit, payment.id, payment.doc)
        if postings != payment.postings:
            unit.put(replace(payment, postings=postings))


def unlink_everything(unit: Unit, record: Record) -> Record:
    """Takes a transaction out of every payment that applies it, as the browser does.

    Args:
        unit: the unit of work.
        record: an invoice, credit memo or journal entry.

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
        if not 0 <= applied_total(unit, doc) <= minor(doc["TotalAmt"]):
            doc["Line"] = []
        doc["UnappliedAmt"] = amount(minor(doc["TotalAmt"]) - applied_total(unit, doc))
        reallocate(unit, payment.id, old, allocations(doc))
        changed = replace(payment, doc=doc, postings=payment_postings(unit, payment.id, doc))
        unit.put(stamped(unit, changed, payment))
        resettle(unit, changed, payment)
    return unit.get(*record.key) or record


def payment_postings(unit: Unit, payment_id: str, doc: Json) -> tuple[Posting, ...]:
    """Works out what a payment posts.

    Args:
        unit: the unit of work.
        payment_id: the payment's id, its turn among the payments of the same target.
        doc: the payment with `ARAccountRef`, `DepositToAccountRef`, TotalAmt and Line.

    Returns:
        Deposit account debit, A/R credit at the rates of what is applied, the rest to exchange gain or loss.
    """
    rate, owner = rate_of(doc), doc["CustomerRef"]["value"]
    total = minor(doc["TotalAmt"])
    foreign = total if doc["CurrencyRef"]["value"] != unit.knobs.home_currency else 0
    money = at_rate(total, rate)
    settled = at_rate(total - applied_total(unit, doc), rate)
    for target, hundredths in allocations(doc).items():
        record = unit.get(*target)
        if record is not None:
            settled += sign_of(unit, target, owner) * home_share(unit, record, (payment_id, owner), hundredths)
    postings = [
        Posting(account_id=doc["DepositToAccountRef"]["value"], debit=money, foreign=foreign),
        Posting(account_id=doc["ARAccountRef"]["value"], name_id=owner, debit=-settled, foreign=-foreign),
    ]
    if money != settled:
        postings.append(Posting(account_id=_gain_or_loss(unit), debit=settled - money))
    return merged(postings)


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
