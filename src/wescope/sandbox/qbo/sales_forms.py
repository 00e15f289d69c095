"""Invoices, credit memos, sales and refund receipts: one kind of form, four ways to post (facts/qbo.md 4.1-4.4)."""

from abc import abstractmethod
from dataclasses import dataclass, replace
from typing import ClassVar

from wescope.sandbox.qbo import faults, tables
from wescope.sandbox.qbo.books import Unit
from wescope.sandbox.qbo.classes import class_of, department_of
from wescope.sandbox.qbo.currencies import DocumentCurrency, check_account, document_currency
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
from wescope.sandbox.qbo.ledger import Posting
from wescope.sandbox.qbo.links import unlink_everything
from wescope.sandbox.qbo.sales_lines import SalesLines, read_lines
from wescope.sandbox.qbo.storage import Record
from wescope.sandbox.qbo.tax import Tax, TaxRegime, tax_of
from wescope.sandbox.qbo.transactions import (
    CUSTOM_FIELDS,
    LINKED,
    applied,
    check_not_deposited,
    check_period_open,
    doc_number,
    due_date,
    home_postings,
    receivable,
    txn_date,
    voided_note,
)
from wescope.sandbox.qbo.wire import Json, amount, at_rate

DEPOSIT_ACCOUNT_TYPES = frozenset({"Bank", "Other Current Asset"})
COPIED = frozenset(
    {"PrivateNote", "CustomerMemo", "BillEmail", "BillEmailCc", "BillEmailBcc", "SalesTermRef", "ShipDate"}
    | {"TrackingNum", "ShipMethodRef", "ShipFromAddr", "FreeFormAddress", "PaymentMethodRef", "PaymentRefNum"}
    | {"TransactionLocationType", "PaymentType", "TxnSource"}
)
AMOUNTS = frozenset({"TotalAmt", "HomeTotalAmt", "Balance", "HomeBalance", "RemainingCredit"})
BILLED_BY = frozenset(
    {"AllowIPNPayment", "AllowOnlinePayment", "AllowOnlineCreditCardPayment", "AllowOnlineACHPayment"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A form on its way: what was asked for and what was worked out of it."""

    body: Json
    before: Record | None
    on: str
    owner: Record | None
    currency: DocumentCurrency
    sales: SalesLines
    tax: Tax

    @property
    def total(self) -> int:
        """Items less discount plus tax, in hundredths of the document's currency."""
        return self.sales.subtotal - self.sales.discount + self.tax.total


class SalesFormRules(EntityRules):
    """What the four forms share. `sign` is 1 for a sale and -1 for its opposite."""

    read_only = AMOUNTS | {"InvoiceLink", "DeliveryInfo", "LinkedTxn"}
    sign: ClassVar[int] = 1
    needs_customer: ClassVar[bool] = True

    def write(self, unit: Unit, body: Json, before: Record | None, request: Request) -> Record:
        """Checks and completes a form; see `EntityRules.write`."""
        require(body, "Line", *(("CustomerRef",) if self.asks_for_customer(unit) else ()))
        if before is not None:
            check_not_deposited(before)
        form = self._read(unit, body, before)
        check_period_open(unit, request, form.on, *((before.doc["TxnDate"],) if before else ()))
        if form.total < 0:
            raise faults.business(faults.NEGATIVE_TOTAL)
        doc = self._document(unit, form, doc_number(unit, self.name, body, before, request))
        counter = self.complete(unit, form, doc)
        parts = [replace(one, debit=self.sign * one.debit) for one in form.sales.postings]
        if form.tax.total:
            tax_account = account_of_subtype(unit, "SalesTaxPayable")
            parts.append(Posting(account_id=tax_account.id, debit=-self.sign * form.tax.total))
        return Record(
            entity=self.name,
            id=before.id if before else unit.next_id(self.name),
            doc=doc,
            postings=home_postings(parts, form.currency, counter),
            last_line_id=form.sales.last_line_id,
        )

    def asks_for_customer(self, unit: Unit) -> bool:
        """Whether the form must name a customer."""
        _ = unit
        return self.needs_customer

    @abstractmethod
    def complete(self, unit: Unit, form: Form, doc: Json) -> Posting:
        """Adds what only this form has to the document; returns account and name that the form's total goes to."""

    def _read(self, unit: Unit, body: Json, before: Record | None) -> Form:
        owner_id = referred(body, "CustomerRef")
        owner = customer(unit, owner_id) if owner_id else None
        if owner is None and not unit.knobs.foreign_guests and referred(body, "CurrencyRef"):
            _check_guest(unit, referred(body, "CurrencyRef"))
        regime = TaxRegime.of(unit, body)
        sales = read_lines(unit, regime, body["Line"], before)
        return Form(
            body=body,
            before=before,
            on=txn_date(unit, body),
            owner=owner,
            currency=document_currency(unit, body, owner),
            sales=sales,
            tax=tax_of(unit, regime, body.get("TxnTaxDetail", {}), sales.taxed),
        )

    def _document(self, unit: Unit, form: Form, number: str | None) -> Json:
        doc: Json = {"CustomField": form.body.get("CustomField") or [dict(one) for one in CUSTOM_FIELDS]}
        if number:
            doc["DocNumber"] = number
        doc["TxnDate"] = form.on
        doc.update(form.currency.fields(multicurrency=unit.knobs.multicurrency))
        doc.update({name: value for name, value in form.body.items() if name in COPIED})
        doc.update(class_of(unit, form.body, on_line=False))
        doc.update(department_of(unit, form.body))
        doc["Line"] = list(form.sales.lines)
        doc.update(form.tax.fields)
        if form.owner is not None:
            doc["CustomerRef"] = reference(form.owner.id, form.owner.doc["FullyQualifiedName"])
        doc.update(_addresses(form))
        doc["TotalAmt"] = amount(form.total)
        if unit.knobs.multicurrency:
            doc["HomeTotalAmt"] = amount(at_rate(form.total, form.currency.rate))
        doc["ApplyTaxAfterDiscount"] = form.body.get("ApplyTaxAfterDiscount", False)
        doc["PrintStatus"] = form.body.get("PrintStatus", "NeedToPrint")
        doc["EmailStatus"] = _email_status(form.body)
        doc["Balance"] = 0
        return doc

    def void(self, unit: Unit, before: Record, request: Request) -> Record:
        """Sets every amount to zero and takes the postings back (recordings/void__invoice.json)."""
        check_period_open(unit, request, before.doc["TxnDate"])
        check_not_deposited(before)
        before = _free(unit, before, unit.knobs.void_paid_invoice, request)
        doc = {name: value for name, value in before.doc.items() if name not in SERVER_KEPT}
        doc["PrivateNote"] = voided_note(doc)
        doc["Line"] = [_emptied(line) for line in doc["Line"]]
        doc["TxnTaxDetail"] = {"TotalTax": 0}
        doc.update({name: 0 for name in AMOUNTS if name in doc})
        return replace(before, doc=doc, postings=(), voided=True)

    def delete(self, unit: Unit, before: Record, request: Request) -> None:
        """Refuses or unlinks what is still linked."""
        check_period_open(unit, request, before.doc["TxnDate"])
        check_not_deposited(before)
        _free(unit, before, unit.knobs.delete_paid_invoice, request)


class _OpenForm(SalesFormRules):
    """The two forms that stand open on the receivable account until something is applied to them."""

    def complete(self, unit: Unit, form: Form, doc: Json) -> Posting:
        """Keeps what is applied, sets the balance; posts to A/R for the customer."""
        taken = applied(form.before.doc) if form.before else 0
        doc["LinkedTxn"] = list(form.before.doc["LinkedTxn"]) if form.before else []
        if taken > form.total:
            raise faults.business("The total is less than what is already applied to this transaction.")
        if taken and form.before and form.before.doc["CustomerRef"]["value"] != doc["CustomerRef"]["value"]:
            raise faults.business(LINKED)
        doc["Balance"] = amount(form.total - taken)
        if unit.knobs.multicurrency:
            home_total = at_rate(form.total, form.currency.rate)
            settled = home_total if taken == form.total else at_rate(taken, form.currency.rate)
            doc["HomeBalance"] = amount(home_total - settled)
        return Posting(
            account_id=receivable(unit, form.currency),
            name_id=doc["CustomerRef"]["value"],
            debit=self.sign * form.total,
        )


class InvoiceRules(_OpenForm):
    """Invoices."""

    name = "Invoice"
    shape = tables.INVOICE
    void_by = frozenset({"operation"})
    filterable = frozenset(
        {"Id", "DocNumber", "CustomerRef", "TxnDate", "DueDate", "Balance", "TotalAmt"}
        | {"MetaData.CreateTime", "MetaData.LastUpdatedTime"}
    )

    def complete(self, unit: Unit, form: Form, doc: Json) -> Posting:
        """Adds due date and the ways to pay online, which stay off."""
        if "Deposit" in form.body or "DepositToAccountRef" in form.body:
            raise faults.unsupported_feature("Deposits on invoices are turned off (AllowDeposit)")
        doc.update({name: form.body.get(name, False) for name in sorted(BILLED_BY)})
        doc["DueDate"] = due_date(form.body, form.on)
        return super().complete(unit, form, doc)


class CreditMemoRules(_OpenForm):
    """Credit memos: the customer owes less; what is left can be applied."""

    name = "CreditMemo"
    shape = tables.CREDIT_MEMO
    sign = -1
    filterable = frozenset(
        {"Id", "DocNumber", "CustomerRef", "TxnDate", "Balance", "TotalAmt"}
        | {"MetaData.CreateTime", "MetaData.LastUpdatedTime"}
    )

    def complete(self, unit: Unit, form: Form, doc: Json) -> Posting:
        """Adds what credit remains."""
        counter = super().complete(unit, form, doc)
        doc["RemainingCredit"] = doc["Balance"]
        return counter


class _Receipt(SalesFormRules):
    """The two forms that move money at once."""

    needs_customer = False
    needs_account: ClassVar[bool] = False
    filterable = frozenset(
        {"Id", "DocNumber", "CustomerRef", "TxnDate", "TotalAmt", "MetaData.CreateTime", "MetaData.LastUpdatedTime"}
    )

    def complete(self, unit: Unit, form: Form, doc: Json) -> Posting:
        """Posts to the money account: the one named, else undeposited funds."""
        if self.needs_account:
            require(form.body, "DepositToAccountRef")
        account_id = referred(form.body, "DepositToAccountRef")
        if account_id:
            money = account(unit, account_id, DEPOSIT_ACCOUNT_TYPES, "DepositToAccountRef")
        else:
            money = account_of_subtype(unit, "UndepositedFunds")
        check_account(unit, money, form.currency)
        doc["DepositToAccountRef"] = reference(money.id, money.doc["FullyQualifiedName"])
        if form.before is not None and "LinkedTxn" in form.before.doc:
            doc["LinkedTxn"] = form.before.doc["LinkedTxn"]
        return Posting(account_id=money.id, debit=self.sign * form.total)


class SalesReceiptRules(_Receipt):
    """Sales paid on the spot."""

    name = "SalesReceipt"
    shape = tables.SALES_RECEIPT
    void_by = frozenset({"include"})

    def asks_for_customer(self, unit: Unit) -> bool:
        """A knob: Intuit's reference and practice differ."""
        return unit.knobs.sales_receipt_needs_customer


class RefundReceiptRules(_Receipt):
    """Money given back."""

    name = "RefundReceipt"
    shape = tables.REFUND_RECEIPT
    sign = -1
    needs_account = True

    def complete(self, unit: Unit, form: Form, doc: Json) -> Posting:
        """Asks for the number of a refund that is printed already."""
        if form.body.get("PrintStatus") == "PrintComplete":
            require(form.body, "PaymentRefNum")
        return super().complete(unit, form, doc)


def _free(unit: Unit, before: Record, way: str, request: Request) -> Record:
    """Makes sure that nothing is applied to a form: refuses, or unlinks as the browser does."""
    if "LinkedTxn" not in before.doc or not before.doc["LinkedTxn"]:
        return before
    if way == "refuse" and not request.human:
        raise faults.business(LINKED)
    return unlink_everything(unit, before)


def _emptied(line: Json) -> Json:
    empty: Json = {**line}
    if "Amount" in line:
        empty["Amount"] = 0
    detail = line.get("SalesItemLineDetail")
    if detail and "Qty" in detail:
        empty["SalesItemLineDetail"] = {**detail, "Qty": 0}
    return empty


def _addresses(form: Form) -> Json:
    found: Json = {}
    for name in ("BillAddr", "ShipAddr"):
        given = form.body.get(name) or (form.owner.doc.get(name) if form.owner else None)
        if given:
            found[name] = given
    return found


def _email_status(body: Json) -> str:
    status = str(body.get("EmailStatus", "NotSet"))
    if status == "NeedToSend" and not body.get("BillEmail"):
        raise faults.required("BillEmail")
    return status


def _check_guest(unit: Unit, code: str) -> None:
    if code != unit.knobs.home_currency:
        raise faults.business(faults.WRONG_CURRENCY)
