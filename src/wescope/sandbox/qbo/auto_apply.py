"""The company's habit of applying credits and payments to new invoices unasked (AutoApplyCredit, AutoApplyPayments)."""

from dataclasses import replace

from wescope.sandbox.qbo.books import Unit
from wescope.sandbox.qbo.claims import allocations, applied_total
from wescope.sandbox.qbo.entity import account_of_subtype, reference, stamped
from wescope.sandbox.qbo.links import open_targets, payment_postings, reallocate, resettle
from wescope.sandbox.qbo.storage import Record
from wescope.sandbox.qbo.wire import Json, amount, minor


def apply_credits(unit: Unit, invoice: Record) -> None:
    """Applies what the customer has open to a new invoice, if the preferences say so.

    Args:
        unit: the unit of work that created the invoice.
        invoice: its first state.
    """
    if unit.knobs.auto_apply_payments:
        _apply_payments(unit, invoice)
    if unit.knobs.auto_apply_credit:
        _apply_memos(unit, unit.get(*invoice.key) or invoice)


def _apply_payments(unit: Unit, invoice: Record) -> None:
    owner, currency = invoice.doc["CustomerRef"]["value"], invoice.doc["CurrencyRef"]["value"]
    for payment in list(unit.all("Payment")):
        unapplied = minor(payment.doc["UnappliedAmt"])
        same = payment.doc["CustomerRef"]["value"] == owner and payment.doc["CurrencyRef"]["value"] == currency
        balance = minor((unit.get(*invoice.key) or invoice).doc["Balance"])
        if same and unapplied > 0 and balance > 0:
            _add_line(unit, payment, invoice, min(unapplied, balance))


def _add_line(unit: Unit, payment: Record, target: Record, hundredths: int) -> None:
    doc = {**payment.doc, "Line": [*payment.doc["Line"], _line(target, hundredths)]}
    doc["UnappliedAmt"] = amount(minor(doc["TotalAmt"]) - applied_total(unit, doc))
    reallocate(unit, payment.id, allocations(payment.doc), allocations(doc))
    changed = replace(payment, doc=doc, postings=payment_postings(unit, payment.id, doc))
    unit.put(stamped(unit, changed, payment))
    resettle(unit, changed, payment)


def _apply_memos(unit: Unit, invoice: Record) -> None:
    owner, currency = invoice.doc["CustomerRef"]["value"], invoice.doc["CurrencyRef"]["value"]
    for memo in open_targets(unit, "CreditMemo", owner, currency):
        balance = minor((unit.get(*invoice.key) or invoice).doc["Balance"])
        hundredths = min(balance, minor(memo.doc["Balance"]))
        if hundredths > 0:
            _zero_payment(unit, invoice, memo, hundredths)


def _zero_payment(unit: Unit, invoice: Record, memo: Record, hundredths: int) -> None:
    """Applies a credit memo the way the service does: by a payment of nothing that links both."""
    doc: Json = {
        name: invoice.doc[name] for name in ("CurrencyRef", "ExchangeRate", "CustomerRef") if name in invoice.doc
    }
    receivables = [one.account_id for one in invoice.postings if one.name_id]
    doc["DepositToAccountRef"] = reference(account_of_subtype(unit, "UndepositedFunds").id)
    doc["ARAccountRef"] = reference(receivables[0])
    doc.update({"TotalAmt": 0, "UnappliedAmt": 0, "ProcessPayment": False, "LinkedTxn": []})
    doc.update({"TxnDate": invoice.doc["TxnDate"], "PrivateNote": "Created by QB Online to link credits to charges."})
    doc["Line"] = [_line(invoice, hundredths), _line(memo, hundredths)]
    payment_id = unit.next_id("Payment")
    reallocate(unit, payment_id, {}, allocations(doc))
    record = Record(entity="Payment", id=payment_id, doc=doc, postings=payment_postings(unit, payment_id, doc))
    unit.put(stamped(unit, record, None))


def _line(target: Record, hundredths: int) -> Json:
    return {"Amount": amount(hundredths), "LinkedTxn": [{"TxnId": target.id, "TxnType": target.entity}]}
