"""Which entities the sandbox has: one rules object for each, found by Intuit's name or by the path segment."""

from wescope.sandbox.qbo import faults
from wescope.sandbox.qbo.accounts import AccountRules, ItemRules
from wescope.sandbox.qbo.classes import ClassRules, DepartmentRules
from wescope.sandbox.qbo.deposits import DepositRules
from wescope.sandbox.qbo.entity import EntityRules
from wescope.sandbox.qbo.journal_entries import JournalEntryRules
from wescope.sandbox.qbo.names import CustomerRules, EmployeeRules, VendorRules
from wescope.sandbox.qbo.payments import PaymentRules
from wescope.sandbox.qbo.sales_forms import CreditMemoRules, InvoiceRules, RefundReceiptRules, SalesReceiptRules
from wescope.sandbox.qbo.tax_lists import TaxCodeRules, TaxRateRules
from wescope.sandbox.qbo.transfers import TransferRules

_ALL: tuple[EntityRules, ...] = (
    CustomerRules(),
    VendorRules(),
    EmployeeRules(),
    AccountRules(),
    ItemRules(),
    ClassRules(),
    DepartmentRules(),
    TaxCodeRules(),
    TaxRateRules(),
    InvoiceRules(),
    PaymentRules(),
    CreditMemoRules(),
    SalesReceiptRules(),
    RefundReceiptRules(),
    DepositRules(),
    JournalEntryRules(),
    TransferRules(),
)
RULES = {rules.name: rules for rules in _ALL}
BY_PATH = {rules.name.lower(): rules for rules in _ALL}


def rules_of(entity: str) -> EntityRules:
    """Finds an entity's rules.

    Args:
        entity: Intuit's name, for instance Invoice.

    Returns:
        The rules.

    Raises:
        QboFault: 2000 for an unknown name.
    """
    if entity not in RULES:
        raise faults.unknown_entity(entity)
    return RULES[entity]


def entity_of_path(segment: str) -> str | None:
    """Returns the entity of a path segment ("salesreceipt"), None if there is none."""
    rules = BY_PATH.get(segment.lower())
    return rules.name if rules else None
