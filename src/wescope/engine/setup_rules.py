"""Setup rules: what kind of account and item each role of the policy gets in QBO, and what is never made. Pure.

Only what works without knowing the company is made. Where a person must choose (which bank account, which type of
account a category belongs to) nothing is guessed.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from wescope.books.policy import AccountRole, ItemRole
from wescope.config import PolicyFile
from wescope.engine.policy_references import Reference


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountKind:
    """QBO's AccountType and AccountSubType (data/qbo/xsd_model.json), and what else serves as an item's account."""

    type: str
    subtype: str
    also: frozenset[str] = frozenset()

    def serves(self, account_type: str) -> bool:
        """Whether an existing account of a type may be used."""
        return account_type == self.type or account_type in self.also


_EXPENSE = frozenset({"Other Expense", "Cost of Goods Sold"})
_INCOME = frozenset({"Other Income"})
_FEE = AccountKind(type="Expense", subtype="BankCharges")

ACCOUNT_KINDS: Final[Mapping[AccountRole, AccountKind]] = MappingProxyType(
    {
        AccountRole.CLEARING: AccountKind(type="Other Current Asset", subtype="OtherCurrentAssets"),
        AccountRole.BANK: AccountKind(type="Bank", subtype="Checking"),
        AccountRole.FEES: _FEE,
        AccountRole.FEE_TAX: _FEE,
        AccountRole.DISPUTES: _FEE,
        AccountRole.OUT_OF_BAND: AccountKind(type="Other Current Asset", subtype="OtherCurrentAssets"),
        AccountRole.REVIEW: AccountKind(type="Other Current Asset", subtype="OtherCurrentAssets"),
    }
)
"""What is made for each role. Accounts receivable are QBO's own: it makes them with the first invoice."""

_SALES = AccountKind(type="Income", subtype="ServiceFeeIncome", also=_INCOME)
_REDUCTION = AccountKind(type="Income", subtype="DiscountsRefundsGiven", also=_INCOME | _EXPENSE | {"Expense"})
_LIABILITY = AccountKind(
    type="Other Current Liability", subtype="OtherCurrentLiabilities", also=frozenset({"Long Term Liability"})
)
INCOME_KINDS: Final[Mapping[ItemRole, AccountKind]] = MappingProxyType(
    {
        ItemRole.SALES: _SALES,
        ItemRole.REFUNDS: _REDUCTION,
        ItemRole.BAD_DEBT: AccountKind(type="Expense", subtype="BadDebts", also=_EXPENSE),
        ItemRole.DISCOUNT: _REDUCTION,
        ItemRole.SHIPPING: AccountKind(type="Income", subtype="OtherPrimaryIncome", also=_INCOME),
        # Not SalesTaxPayable: accounts of that subtype belong to QBO's own sales tax, which may keep others out.
        ItemRole.TAX: _LIABILITY,
        ItemRole.CUSTOMER_BALANCE: _LIABILITY,
    }
)
"""What the income account of an item is, if it is made with the item."""

INCOME_ROLES: Final[Mapping[ItemRole, AccountRole]] = MappingProxyType(
    {ItemRole.BAD_DEBT: AccountRole.BAD_DEBT, ItemRole.TAX: AccountRole.SALES_TAX}
)
"""Items whose income account the policy names; those of the others bear the item's name."""

_ID = re.compile(r"\d+")
_ILLEGAL: Final[Mapping[str, re.Pattern[str]]] = MappingProxyType(
    {"Account": re.compile(r'["\x00-\x1f]'), "Item": re.compile(r"[\x00-\x1f]")}
)


def can_be_made(one: Reference, policy_file: PolicyFile) -> bool:
    """Whether setup may make what a reference means, if QBO has nothing of that name."""
    return not why_not(one, policy_file)


def why_not(one: Reference, policy_file: PolicyFile) -> str:
    """Why setup must not make it, as the action that a person takes instead; empty if it may."""
    if one.entity == "Item" and one.keys:
        return unfit_name("Item", one.configured)
    if one.entity != "Account" or not isinstance(one.role, AccountRole) or one.role not in ACCOUNT_KINDS:
        return f"Create {one.kind} in QBO, or name another one under {one.setting} in wescope.toml."
    if one.role is AccountRole.BANK and not any(key.lower() in policy_file.lines for key in one.keys):
        has = f" (QBO has {one.seen})" if one.seen else ""
        return (
            f"Name the account that Stripe pays out to under {one.setting} in wescope.toml{has}; what is named there"
            " is made if QBO does not have it."
        )
    return unfit_name("Account", one.configured)


def unfit_name(entity: str, name: str) -> str:
    """Why nothing can be made of a name, as the action that mends it; empty if it can."""
    if _ID.fullmatch(name.strip()):
        return "Name it in wescope.toml, or correct the id: QBO has no such id, and gives ids itself."
    parts = name.split(":")
    if any(not part.strip() for part in parts) or len(parts) > _MOST_LEVELS:
        return "Name it as Name or Parent:Child, at most five levels deep, in wescope.toml."
    return "Leave quotation marks and control characters out of its name." if _ILLEGAL[entity].search(name) else ""


_MOST_LEVELS = 5
