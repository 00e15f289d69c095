"""Payments: money received, applied to what a customer owes or left unapplied (facts/qbo.md 4.2)."""

from collections.abc import Mapping
from dataclasses import replace

from wescope.sandbox.qbo import faults, tables
from wescope.sandbox.qbo.books import Unit
from wescope.sandbox.qbo.claims import Target, allocations, applied_total, claim_of, open_balance
from wescope.sandbox.qbo.currencies import DocumentCurrency, check_account, currency_of, document_currency
from wescope.sandbox.qbo.entity import (
    SERVER_KEPT,
    EntityRules,
    Request,
    account,
    account_of_subtype,
    customer,
    reference,
    referred,
    require,
)
from wescope.sandbox.qbo.links import PAID_BY, payment_postings, reallocate
from wescope.sandbox.qbo.sales_forms import DEPOSIT_ACCOUNT_TYPES
from wescope.sandbox.qbo.storage import Record
from wescope.sandbox.qbo.transactions import check_not_deposited, check_period_open, receivable, txn_date, voided_note
from wescope.sandbox.qbo.wire import Json, amount, minor

COPIED = frozenset({"PrivateNote", "PaymentMethodRef", "PaymentRefNum", "DepartmentRef", "TxnSource", "ClassRef"})
JAXB = "{http://schema.intuit.com/finance/v3}NameValue"


class PaymentRules(EntityRules):
    """Payments."""

    name = "Payment"
    shape = tables.PAYMENT
    void_by = frozenset({"include"})
    read_only = frozenset({"UnappliedAmt", "LinkedTxn"})
    filterable = frozenset(
        {"Id", "CustomerRef", "TxnDate", "PaymentRefNum", "TotalAmt", "ProjectRef"}
        | {"MetaData.CreateTime", "MetaData.LastUpdatedTime"}
    )

    def write(self, unit: Unit, body: Json, before: Record | None, request: Request) -> Record:
        """Checks and completes a payment and moves the balances of what it applies to; see `EntityRules.write`."""
        require(body, "TotalAmt", "CustomerRef")
        if before is not None:
            check_not_deposited(before)
        on = txn_date(unit, body)
        check_period_open(unit, request, on, *((before.doc["TxnDate"],) if before else ()))
        owner = customer(unit, referred(body, "CustomerRef"))
        currency = document_currency(unit, body, owner)
        doc = self._document(unit, body, before, owner, currency)
        doc["TxnDate"] = on
        doc["Line"] = [] if request.drop_links else _lines(body.get("Line", []))
        old = allocations(before.doc) if before else {}
        _check_allocations(unit, doc, old, currency)
        doc["UnappliedAmt"] = amount(minor(doc["TotalAmt"]) - applied_total(unit, doc))
        record_id = before.id if before else unit.next_id(self.name)
        reallocate(unit, record_id, old, allocations(doc))
        return Record(entity=self.name, id=record_id, doc=doc, postings=payment_postings(unit, record_id, doc))

    def _document(
        self, unit: Unit, body: Json, before: Record | None, owner: Record, currency: DocumentCurrency
    ) -> Json:
        _check_reference_number(unit, body)
        doc: Json = {name: value for name, value in body.items() if name in COPIED}
        doc.update(currency.fields(multicurrency=unit.knobs.multicurrency))
        doc["CustomerRef"] = reference(owner.id, owner.doc["FullyQualifiedName"])
        doc["DepositToAccountRef"] = _money_account(unit, body, currency)
        doc["ARAccountRef"] = _receivable_account(unit, body, currency)
        doc["TotalAmt"] = amount(_total(body))
        doc["ProcessPayment"] = body.get("ProcessPayment", False)
        doc["LinkedTxn"] = before.doc["LinkedTxn"] if before else []
        return doc

    def void(self, unit: Unit, before: Record, request: Request) -> Record:
        """Sets the payment to zero and opens what it paid (samples/payment_void.json)."""
        check_period_open(unit, request, before.doc["TxnDate"])
        check_not_deposited(before)
        reallocate(unit, before.id, allocations(before.doc), {})
        doc = {name: value for name, value in before.doc.items() if name not in SERVER_KEPT}
        doc.update({"TotalAmt": 0, "UnappliedAmt": 0, "Line": [], "PrivateNote": voided_note(doc)})
        return replace(before, doc=doc, postings=(), voided=True)

    def delete(self, unit: Unit, before: Record, request: Request) -> None:
        """Opens what the payment paid."""
        check_period_open(unit, request, before.doc["TxnDate"])
        check_not_deposited(before)
        reallocate(unit, before.id, allocations(before.doc), {})

    def shown(self, unit: Unit, record: Record) -> Json:
        """Adds to each line what it is linked to, as LineEx; the receivable account is not shown."""
        doc = {name: value for name, value in record.doc.items() if name != "ARAccountRef"}
        return {**doc, "Line": [_shown_line(unit, line) for line in record.doc["Line"]]}


def _total(body: Json) -> int:
    total = minor(body["TotalAmt"], "TotalAmt")
    if total < 0:
        raise faults.business(faults.NEGATIVE_TOTAL)
    if total == 0 and not body.get("Line"):
        raise faults.business("You must set a transaction amount.")
    return total


def _check_reference_number(unit: Unit, body: Json) -> None:
    limit = unit.knobs.payment_ref_num_length
    supplied = len(body.get("PaymentRefNum", ""))
    if supplied > limit:
        raise faults.string_length("PaymentRefNum", limit, supplied)


def _money_account(unit: Unit, body: Json, currency: DocumentCurrency) -> Json:
    account_id = referred(body, "DepositToAccountRef")
    if account_id:
        money = account(unit, account_id, DEPOSIT_ACCOUNT_TYPES, "DepositToAccountRef")
    else:
        money = account_of_subtype(unit, "UndepositedFunds")
    return reference(check_account(unit, money, currency).id)


def _receivable_account(unit: Unit, body: Json, currency: DocumentCurrency) -> Json:
    given = referred(body, "ARAccountRef")
    if given:
        found = account(unit, given, frozenset({"Accounts Receivable"}), "ARAccountRef")
        if currency_of(found) != currency.code:
            raise faults.business(faults.WRONG_CURRENCY)
        return reference(found.id)
    return reference(receivable(unit, currency))


def _lines(given: list[Json]) -> list[Json]:
    lines: list[Json] = []
    for line in given:
        if line.get("Amount") is None:
            raise faults.required("Line.Amount")
        links = line.get("LinkedTxn", [])
        if len(links) != 1:
            raise faults.required("Line.LinkedTxn") if not links else faults.conflicting("A line has one LinkedTxn")
        require(links[0], "TxnId", "TxnType")
        hundredths = minor(line["Amount"], "Line.Amount")
        if hundredths < 0:
            raise faults.negative_line()
        link = {"TxnId": links[0]["TxnId"], "TxnType": links[0]["TxnType"]}
        lines.append({"Amount": amount(hundredths), "LinkedTxn": [link]})
    return lines


def _check_allocations(unit: Unit, doc: Json, old: Mapping[Target, int], currency: DocumentCurrency) -> None:
    for target, hundredths in allocations_checked(doc).items():
        record = unit.get(*target)
        if record is None:
            raise faults.not_found()
        if record.deleted:
            raise faults.deleted()
        if record.voided:
            raise faults.business(
                "Something this action required is no longer available. Another user may have deleted it."
            )
        _check_claim(doc, record)
        if currency_of(record) != currency.code:
            raise faults.business(faults.WRONG_CURRENCY)
        if hundredths > open_balance(unit, record) + old.get(target, 0):
            raise faults.business("The amount applied is more than the open balance of the linked transaction.")
    taken = applied_total(unit, doc)
    if taken > minor(doc["TotalAmt"]):
        raise faults.business("You can't apply more than the amount received plus credits.")
    if taken < 0:
        raise faults.business("You can't apply more credits than there are charges.")


def _check_claim(doc: Json, record: Record) -> None:
    """Checks that a target is a receivable of the payment's customer on the payment's receivable account."""
    claim = claim_of(record)
    if claim is None:
        raise faults.not_linkable("The journal entry has no line on a receivable account.")
    if claim.name_id != doc["CustomerRef"]["value"]:
        raise faults.business("The linked transaction belongs to another customer.")
    if claim.account_id and claim.account_id != doc["ARAccountRef"]["value"]:
        raise faults.business("The linked transaction is on another Accounts Receivable account.")


def allocations_checked(doc: Json) -> dict[Target, int]:
    """Returns what a payment wants to apply, after the kinds of its targets were checked.

    Args:
        doc: the payment as intended.

    Returns:
        As `links.allocations`.

    Raises:
        QboFault: 620 for a transaction that a payment cannot be linked to.
    """
    for line in doc["Line"]:
        kind = line["LinkedTxn"][0]["TxnType"]
        if kind not in PAID_BY:
            raise faults.not_linkable(f"TxnType {kind}")
    return allocations(doc)


def _shown_line(unit: Unit, line: Json) -> Json:
    link = line["LinkedTxn"][0]
    target = unit.get(link["TxnType"], link["TxnId"])
    extras = [("txnId", link["TxnId"])]
    if target is not None:
        opened = open_balance(unit, target) + minor(line["Amount"])
        extras.append(("txnOpenBalance", f"{opened // 100}.{opened % 100:02d}"))
        if target.doc.get("DocNumber"):
            extras.append(("txnReferenceNumber", target.doc["DocNumber"]))
    return {
        "Amount": line["Amount"],
        "LineEx": {"any": [_name_value(*one) for one in extras]},
        "LinkedTxn": line["LinkedTxn"],
    }


def _name_value(name: str, value: str) -> Json:
    return {
        "name": JAXB,
        "nil": False,
        "value": {"Name": name, "Value": value},
        "declaredType": "com.intuit.schema.finance.v3.NameValue",
        "scope": "javax.xml.bind.JAXBElement$GlobalScope",
        "globalScope": True,
        "typeSubstituted": False,
    }
