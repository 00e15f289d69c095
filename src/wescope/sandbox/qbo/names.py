"""Customers, vendors and employees: one name space, no deletion, balances from the ledger (facts/qbo.md 4.7)."""

import re
from typing import Any, ClassVar

from wescope.sandbox.qbo import faults, tables
from wescope.sandbox.qbo.books import NAME_ENTITIES, Unit, name_key
from wescope.sandbox.qbo.currencies import currency_reference, require_currency
from wescope.sandbox.qbo.entity import SERVER_KEPT, EntityRules, Request, customer, reference, referred, require
from wescope.sandbox.qbo.shapes import Shape
from wescope.sandbox.qbo.storage import Record
from wescope.sandbox.qbo.wire import Json, amount

NAME_PARTS = ("Title", "GivenName", "MiddleName", "FamilyName", "Suffix")
DELETED_SUFFIX = " (deleted)"
ILLEGAL_IN_NAMES = re.compile(r"[:\t\n\r]")
EMAIL = re.compile(r"[^@\s,]+@[^@\s,]+\.[^@\s,]+")
MOST_LEVELS = 5


class NameRules(EntityRules):
    """What the three kinds of names share; the class attributes say where they differ."""

    is_list = True
    can_delete = False
    read_only = frozenset({"Balance", "BalanceWithJobs", "FullyQualifiedName", "Level", "Job"})
    derived = frozenset({"Balance"})
    defaults: ClassVar[Json] = {}
    has_currency: ClassVar[bool] = True

    def write(self, unit: Unit, body: Json, before: Record | None, request: Request) -> Record:
        """Checks and completes a name; see `EntityRules.write`."""
        _ = request
        is_active = body.get("Active", True)
        display_name = _display_name(body)
        if not is_active:
            _check_can_rest(unit, before)
        doc: Json = {**self.defaults}
        doc.update({name: value for name, value in body.items() if name not in self.read_only | SERVER_KEPT})
        if self.has_currency:
            doc["CurrencyRef"] = _currency(unit, body, before)
        doc["DisplayName"] = _legal(unit, display_name, is_active=is_active)
        doc["PrintOnCheckName"] = _print_name(body, before, doc["DisplayName"], display_name)
        doc["Active"] = is_active
        _check_email(doc)
        self.complete(unit, doc)
        record_id = before.id if before else unit.next_id(self.name)
        if is_active:
            _check_unique(unit, doc["DisplayName"], record_id)
        return Record(entity=self.name, id=record_id, doc=doc)

    def complete(self, unit: Unit, doc: Json) -> None:
        """Adds what only one kind of name has."""


class CustomerRules(NameRules):
    """Customers: the names that owe."""

    name = "Customer"
    shape = tables.CUSTOMER
    defaults: ClassVar[Json] = {
        "Taxable": True,
        "Job": False,
        "BillWithParent": False,
        "PreferredDeliveryMethod": "Print",
        "DefaultTaxCodeRef": {"value": "2"},
    }
    filterable = frozenset(
        {"Id", "DisplayName", "GivenName", "MiddleName", "FamilyName", "CompanyName", "PrintOnCheckName"}
        | {"FullyQualifiedName", "Active", "Balance", "MetaData.CreateTime", "MetaData.LastUpdatedTime"}
    )

    def complete(self, unit: Unit, doc: Json) -> None:
        """Adds the qualified name and what hangs on the parent."""
        parent_id = referred(doc, "ParentRef")
        doc["FullyQualifiedName"] = doc["DisplayName"]
        doc["Job"] = bool(parent_id)
        if parent_id:
            parent = customer(unit, parent_id)
            doc["ParentRef"] = reference(parent.id, parent.doc["FullyQualifiedName"])
            doc["Level"] = parent.doc.get("Level", 0) + 1
            if doc["Level"] >= MOST_LEVELS:
                raise faults.conflicting("A customer may be at most five levels deep")
            doc["FullyQualifiedName"] = f"{parent.doc['FullyQualifiedName']}:{doc['DisplayName']}"

    def shown(self, unit: Unit, record: Record) -> Json:
        """Adds the balance that the ledger has on the receivable accounts, in the customer's currency."""
        receivable = [one.id for one in unit.all("Account") if one.doc["AccountType"] == "Accounts Receivable"]
        ledger = unit.books.ledger
        is_home = record.doc["CurrencyRef"]["value"] == unit.knobs.home_currency
        balance = amount((ledger.name if is_home else ledger.foreign_name)(receivable, record.id))
        return {**record.doc, "Balance": balance, "BalanceWithJobs": balance}


class VendorRules(NameRules):
    """Vendors: here to take names and to be paid by later issues."""

    name = "Vendor"
    shape = tables.VENDOR
    defaults: ClassVar[Json] = {"Vendor1099": False}
    filterable = frozenset(
        {"Id", "DisplayName", "GivenName", "FamilyName", "CompanyName", "PrintOnCheckName", "Active"}
        | {"Balance", "MetaData.CreateTime", "MetaData.LastUpdatedTime"}
    )

    def shown(self, unit: Unit, record: Record) -> Json:
        """Adds the balance that the ledger has on the payable accounts."""
        payable = [one.id for one in unit.all("Account") if one.doc["AccountType"] == "Accounts Payable"]
        return {**record.doc, "Balance": amount(-unit.books.ledger.name(payable, record.id))}


class EmployeeRules(NameRules):
    """Employees: here to take names."""

    name = "Employee"
    shape: ClassVar[Shape] = tables.EMPLOYEE
    defaults: ClassVar[Json] = {"BillableTime": False}
    has_currency = False
    filterable = frozenset(
        {"Id", "DisplayName", "GivenName", "FamilyName", "PrintOnCheckName", "Active"}
        | {"MetaData.CreateTime", "MetaData.LastUpdatedTime"}
    )


def _display_name(body: Json) -> str:
    given = body.get("DisplayName", "").strip()
    if given:
        return str(given)
    parts = " ".join(body[part].strip() for part in NAME_PARTS if body.get(part, "").strip())
    if not parts:
        raise faults.no_name()
    return parts


def _legal(unit: Unit, display_name: str, *, is_active: bool) -> str:
    if ILLEGAL_IN_NAMES.search(display_name):
        if unit.knobs.illegal_name_fault == "6000":
            raise faults.business("The name cannot have a colon, a tab or a new line in it.")
        raise faults.invalid_string("DisplayName", display_name)
    return display_name if is_active else with_suffix(display_name)


def with_suffix(name: str) -> str:
    """Returns an inactive object's name: with " (deleted)" once."""
    return name if name.endswith(DELETED_SUFFIX) else name + DELETED_SUFFIX


def without_suffix(name: str) -> str:
    """Returns a name without the " (deleted)" of inactive objects."""
    return name.removesuffix(DELETED_SUFFIX)


def _print_name(body: Json, before: Record | None, display_name: str, wanted: str) -> Any:
    """A print name that was never chosen follows the display name, but not the suffix of inactive names."""
    given = body.get("PrintOnCheckName")
    followed = before is not None and before.doc.get("PrintOnCheckName") == without_suffix(before.doc["DisplayName"])
    if given is None or (followed and before is not None and given == before.doc.get("PrintOnCheckName")):
        return without_suffix(display_name) if without_suffix(display_name) == wanted else wanted
    return given


def _currency(unit: Unit, body: Json, before: Record | None) -> Json:
    wanted = referred(body, "CurrencyRef")
    had = before.doc["CurrencyRef"]["value"] if before else ""
    if had and wanted and wanted != had:
        raise faults.business(faults.WRONG_CURRENCY)
    return currency_reference(require_currency(unit, wanted or had or unit.knobs.home_currency))


def _check_email(doc: Json) -> None:
    if "PrimaryEmailAddr" in doc:
        require(doc["PrimaryEmailAddr"], "Address")
        if not EMAIL.fullmatch(doc["PrimaryEmailAddr"]["Address"]):
            raise faults.invalid_email("PrimaryEmailAddr.Address")


def _check_unique(unit: Unit, display_name: str, record_id: str) -> None:
    holder = unit.books.holder_of(display_name)
    mine = name_key(display_name)
    if holder is not None and holder[1] != record_id:
        raise faults.duplicate_name(detail=unit.knobs.duplicate_name_detail)
    for record in unit.written().values():
        if record.entity in NAME_ENTITIES and record.id != record_id and name_key(record.doc["DisplayName"]) == mine:
            raise faults.duplicate_name(detail=unit.knobs.duplicate_name_detail)


def _check_can_rest(unit: Unit, before: Record | None) -> None:
    if before is None:
        return
    receivable = [one.id for one in unit.all("Account") if one.doc["AccountType"] == "Accounts Receivable"]
    if unit.books.ledger.name(receivable, before.id):
        raise faults.has_balance()
