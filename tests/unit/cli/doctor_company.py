"""A QBO company for doctor's tests: the default policy's accounts and items, as QBO's own JSON."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from wescope.books.policy import ItemRole
from wescope.config.policy_file import DEFAULT_ITEMS

Record = Mapping[str, Any]


def account(name: str, kind: str, currency: str | None = None) -> Record:
    """An account of a type; without currency it has the company's own."""
    reference = {} if currency is None else {"CurrencyRef": {"value": currency}}
    return {"Id": f"id of {name}", "Name": name, "FullyQualifiedName": name, "AccountType": kind, **reference}


def listed(name: str) -> Record:
    """A tax code of that name."""
    return {"Id": f"id of {name}", "Name": name, "FullyQualifiedName": name}


def item(name: str, income: str = "Sales", kind: str = "Service") -> Record:
    """An item of that name that posts to the account `income`."""
    return {**listed(name), "Type": kind, "IncomeAccountRef": {"value": f"id of {income}"}}


ACCOUNTS = (
    account("Stripe Clearing", "Other Current Asset"),
    account("Checking", "Bank"),
    account("Stripe Fees", "Expense"),
    account("Stripe Fee Tax", "Expense"),
    account("Stripe Disputes", "Expense"),
    account("Stripe Out of Band", "Other Current Asset"),
    account("Receivable", "Accounts Receivable"),
    account("Sales", "Income"),
    account("Bad Debts", "Expense"),
    account("Tax Payable", "Other Current Liability"),
)
INCOME = {ItemRole.BAD_DEBT: "Bad Debts", ItemRole.TAX: "Tax Payable", ItemRole.CUSTOMER_BALANCE: "Tax Payable"}
ITEMS = tuple(item(name, INCOME.get(role, "Sales")) for role, name in DEFAULT_ITEMS.items())


@dataclass(kw_only=True)
class Company:
    """What QBO answers about the company; `sales` and `tax` are parts of its preferences."""

    home: str = "USD"
    country: str = "US"
    multicurrency: bool = False
    closed: str | None = None
    sales: Record = field(default_factory=lambda: {"CustomTxnNumbers": True})
    tax: Record = field(default_factory=dict)
    accounts: list[Record] = field(default_factory=lambda: list(ACCOUNTS))
    items: list[Record] = field(default_factory=lambda: list(ITEMS))
    classes: list[Record] = field(default_factory=list)

    @property
    def info(self) -> Record:
        """QBO's CompanyInfo."""
        return {"Country": self.country}

    @property
    def preferences(self) -> Record:
        """QBO's Preferences."""
        return {
            "AccountingInfoPrefs": {"BookCloseDate": self.closed},
            "CurrencyPrefs": {"HomeCurrency": {"value": self.home}, "MultiCurrencyEnabled": self.multicurrency},
            "SalesFormsPrefs": self.sales,
            "TaxPrefs": self.tax,
        }

    @property
    def lists(self) -> Mapping[str, list[Record]]:
        """The records of each entity that is read whole."""
        return {
            "Account": self.accounts,
            "Item": self.items,
            "Class": self.classes,
        }

    @property
    def tax_codes(self) -> list[Record]:
        """QBO's tax codes."""
        return [listed("California"), listed("Out of State")]
