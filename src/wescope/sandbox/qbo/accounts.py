"""Accounts and items: what documents post to and what they sell (facts/qbo.md 4.7)."""

import re
from typing import ClassVar

from wescope.sandbox.qbo import faults, tables
from wescope.sandbox.qbo.books import Unit, name_key
from wescope.sandbox.qbo.currencies import currency_reference, require_currency
from wescope.sandbox.qbo.entity import SERVER_KEPT, EntityRules, Request, account, active, reference, referred, require
from wescope.sandbox.qbo.names import with_suffix
from wescope.sandbox.qbo.storage import Record
from wescope.sandbox.qbo.wire import Json, amount, plain

CLASSIFICATIONS = {
    "Bank": "Asset",
    "Accounts Receivable": "Asset",
    "Other Current Asset": "Asset",
    "Fixed Asset": "Asset",
    "Other Asset": "Asset",
    "Accounts Payable": "Liability",
    "Credit Card": "Liability",
    "Other Current Liability": "Liability",
    "Long Term Liability": "Liability",
    "Equity": "Equity",
    "Income": "Revenue",
    "Other Income": "Revenue",
    "Cost of Goods Sold": "Expense",
    "Expense": "Expense",
    "Other Expense": "Expense",
}
DEBIT_CLASSES = frozenset({"Asset", "Expense"})
NO_BALANCE_SHOWN = frozenset({"Revenue", "Expense"})
DEFAULT_SUBTYPES = {
    "Bank": "Checking",
    "Accounts Receivable": "AccountsReceivable",
    "Other Current Asset": "OtherCurrentAssets",
    "Fixed Asset": "OtherFixedAssets",
    "Other Asset": "OtherLongTermAssets",
    "Accounts Payable": "AccountsPayable",
    "Credit Card": "CreditCard",
    "Other Current Liability": "OtherCurrentLiabilities",
    "Long Term Liability": "OtherLongTermLiabilities",
    "Equity": "OpeningBalanceEquity",
    "Income": "ServiceFeeIncome",
    "Other Income": "OtherMiscellaneousIncome",
    "Cost of Goods Sold": "OtherCostsOfServiceCos",
    "Expense": "OtherMiscellaneousServiceCost",
    "Other Expense": "OtherMiscellaneousExpense",
}
TYPES_OF_SUBTYPES = {
    **{subtype: account_type for account_type, subtype in DEFAULT_SUBTYPES.items()},
    "UndepositedFunds": "Other Current Asset",
    "Savings": "Bank",
    "SalesOfProductIncome": "Income",
    "DiscountsRefundsGiven": "Income",
    "SalesTaxPayable": "Other Current Liability",
    "BadDebts": "Expense",
    "BankCharges": "Expense",
    "ExchangeGainOrLoss": "Other Expense",
    "OtherBusinessExpenses": "Expense",
    "RetainedEarnings": "Equity",
}
ILLEGAL_IN_ACCOUNTS = re.compile(r'[":]')
ONE_OF_A_KIND = frozenset({"UndepositedFunds", "RetainedEarnings"})

# The service refuses bank and control accounts here; liabilities are accepted because practitioners book tax so.
INCOME_TYPES = frozenset(tables.ACCOUNT_TYPES) - {"Bank", "Accounts Receivable", "Accounts Payable", "Credit Card"}


class AccountRules(EntityRules):
    """The chart of accounts."""

    name = "Account"
    shape = tables.ACCOUNT
    derived = frozenset({"CurrentBalance"})
    is_list = True
    can_delete = False
    read_only = frozenset(
        {"Classification", "FullyQualifiedName", "CurrentBalance", "CurrentBalanceWithSubAccounts", "SubAccount"}
    )
    filterable = frozenset(
        {"Id", "Name", "FullyQualifiedName", "AccountType", "AccountSubType", "Classification", "Active", "SubAccount"}
        | {"CurrentBalance", "AcctNum", "MetaData.CreateTime", "MetaData.LastUpdatedTime"}
    )

    def write(self, unit: Unit, body: Json, before: Record | None, request: Request) -> Record:
        """Checks and completes an account; see `EntityRules.write`."""
        _ = request
        require(body, "Name")
        account_type, subtype = _kind(body)
        _check_kind_kept(before, account_type)
        is_active = body.get("Active", True)
        name = body["Name"].strip()
        if ILLEGAL_IN_ACCOUNTS.search(name):
            raise faults.invalid_string("Name", name)
        doc = {key: value for key, value in body.items() if key not in self.read_only | SERVER_KEPT}
        doc["Name"] = name if is_active else with_suffix(name)
        doc["Active"] = is_active
        doc["AccountType"] = account_type
        doc["AccountSubType"] = subtype
        doc["Classification"] = CLASSIFICATIONS[account_type]
        doc["CurrencyRef"] = _account_currency(unit, body, before, account_type)
        self._place(unit, doc)
        record_id = before.id if before else unit.next_id(self.name)
        _check_unique(unit, self.name, doc["FullyQualifiedName"], record_id)
        return Record(entity=self.name, id=record_id, doc=doc)

    def _place(self, unit: Unit, doc: Json) -> None:
        parent_id = referred(doc, "ParentRef")
        doc["SubAccount"] = bool(parent_id)
        doc["FullyQualifiedName"] = doc["Name"]
        if parent_id:
            parent = account(unit, parent_id, frozenset({doc["AccountType"]}), "ParentRef")
            doc["FullyQualifiedName"] = f"{parent.doc['FullyQualifiedName']}:{doc['Name']}"

    def shown(self, unit: Unit, record: Record) -> Json:
        """Adds the ledger's balance in the account's currency; income and expense accounts show 0 as recorded."""
        balance = amount(own_balance(unit, record))
        if record.doc["Classification"] in NO_BALANCE_SHOWN:
            balance = 0
        return {**record.doc, "CurrentBalance": balance, "CurrentBalanceWithSubAccounts": balance}


class ItemRules(EntityRules):
    """Products and services."""

    name = "Item"
    shape = tables.ITEM
    is_list = True
    can_delete = False
    read_only = frozenset({"FullyQualifiedName", "Level"})
    defaults: ClassVar[Json] = {"Taxable": False, "UnitPrice": 0, "PurchaseCost": 0, "TrackQtyOnHand": False}
    filterable = frozenset(
        {"Id", "Name", "FullyQualifiedName", "Type", "Active", "Sku", "UnitPrice"}
        | {"MetaData.CreateTime", "MetaData.LastUpdatedTime"}
    )

    def write(self, unit: Unit, body: Json, before: Record | None, request: Request) -> Record:
        """Checks and completes an item; see `EntityRules.write`."""
        _ = request
        require(body, "Name")
        kind = body.get("Type", "Service")
        if kind in {"Inventory", "Group"}:
            raise faults.unsupported_feature(f"Items of type {kind}")
        is_active = body.get("Active", True)
        name = body["Name"].strip()
        if ":" in name or "\t" in name or "\n" in name:
            raise faults.invalid_string("Name", name)
        doc: Json = {**self.defaults}
        doc.update({key: value for key, value in body.items() if key not in self.read_only | SERVER_KEPT})
        for price in ("UnitPrice", "PurchaseCost"):
            doc[price] = plain(doc[price])
        doc.update({"Name": name if is_active else with_suffix(name), "Active": is_active, "Type": kind})
        self._place(unit, doc)
        self._check_accounts(unit, doc)
        record_id = before.id if before else unit.next_id(self.name)
        _check_unique(unit, self.name, doc["FullyQualifiedName"], record_id)
        return Record(entity=self.name, id=record_id, doc=doc)

    def _place(self, unit: Unit, doc: Json) -> None:
        parent_id = referred(doc, "ParentRef")
        doc["FullyQualifiedName"] = doc["Name"]
        if parent_id:
            parent = active(unit.get("Item", parent_id), "Items", parent_id, unit)
            doc["FullyQualifiedName"] = f"{parent.doc['FullyQualifiedName']}:{doc['Name']}"

    def _check_accounts(self, unit: Unit, doc: Json) -> None:
        income_id = referred(doc, "IncomeAccountRef")
        if doc["Type"] == "Service" and not income_id:
            raise faults.required("IncomeAccountRef")
        if income_id:
            found = account(unit, income_id, INCOME_TYPES, "IncomeAccountRef")
            doc["IncomeAccountRef"] = reference(found.id, found.doc["FullyQualifiedName"])


def natural_balance(unit: Unit, record: Record) -> int:
    """Returns an account's balance in home hundredths with the sign that its class is shown with."""
    balance = unit.books.ledger.account(record.id)
    return balance if record.doc["Classification"] in DEBIT_CLASSES else -balance


def own_balance(unit: Unit, record: Record) -> int:
    """Returns an account's balance in hundredths of its own currency, with the sign of its class."""
    if record.doc["CurrencyRef"]["value"] == unit.knobs.home_currency:
        return natural_balance(unit, record)
    balance = unit.books.ledger.foreign_account(record.id)
    return balance if record.doc["Classification"] in DEBIT_CLASSES else -balance


def _kind(body: Json) -> tuple[str, str]:
    account_type, subtype = body.get("AccountType"), body.get("AccountSubType")
    if account_type is None and subtype is None:
        raise faults.account_type_missing()
    if account_type is None:
        if subtype not in TYPES_OF_SUBTYPES:
            raise faults.invalid_enumeration("AccountSubType", subtype)
        account_type = TYPES_OF_SUBTYPES[subtype]
    if subtype is None:
        subtype = DEFAULT_SUBTYPES[account_type]
    if TYPES_OF_SUBTYPES.get(subtype, account_type) != account_type:
        raise faults.invalid_enumeration("AccountSubType", subtype)
    return account_type, subtype


def _check_kind_kept(before: Record | None, account_type: str) -> None:
    if before is not None and before.doc["Classification"] != CLASSIFICATIONS[account_type]:
        raise faults.business("You cannot change the type of an account that has transactions.")


def _account_currency(unit: Unit, body: Json, before: Record | None, account_type: str) -> Json:
    wanted = referred(body, "CurrencyRef")
    had = before.doc["CurrencyRef"]["value"] if before else ""
    code = require_currency(unit, wanted or had or unit.knobs.home_currency)
    if had and code != had:
        raise faults.business(faults.WRONG_CURRENCY)
    if code != unit.knobs.home_currency and CLASSIFICATIONS[account_type] in NO_BALANCE_SHOWN:
        raise faults.business(faults.WRONG_CURRENCY)
    return currency_reference(code)


def _check_unique(unit: Unit, entity: str, name: str, record_id: str) -> None:
    if unit.knobs.duplicate_list_names == "accept":
        return
    key = name_key(name)
    taken = unit.find(
        entity, lambda one: one.id != record_id and one.doc["Active"] and name_key(one.doc["FullyQualifiedName"]) == key
    )
    if taken is not None:
        raise faults.duplicate_name(detail=unit.knobs.duplicate_name_detail)
