"""Policy references: everything of QBO's that the policy names, and whether the company has it as it must be. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from wescope.books.policy import Account, AccountRole, ItemRole, NamedAccount, PayoutMode, Policy, RoleAccount
from wescope.config import PolicyFile
from wescope.engine.doctor_checks import Reason
from wescope.engine.results import Severity
from wescope.errors import AccountMissing
from wescope.qbo.accounts import Chart
from wescope.qbo.directory import Directory, full_name, is_active
from wescope.qbo.preferences import Preferences
from wescope.qbo.records import reference
from wescope.qbo.taxes import UNTAXED

USED_ACCOUNTS: Final[Mapping[AccountRole, str]] = MappingProxyType(
    {
        AccountRole.CLEARING: "an account of type Other Current Asset",
        AccountRole.BANK: "an account of type Bank",
        AccountRole.FEES: "an account of type Expense",
        AccountRole.FEE_TAX: "an account of type Expense",
        AccountRole.DISPUTES: "an account of type Expense",
        AccountRole.OUT_OF_BAND: "an account of type Other Current Asset or Bank",
        AccountRole.REVIEW: "an account of type Other Current Asset",
        AccountRole.RECEIVABLE: "an account of type Accounts Receivable",
    }
)
"""The roles that something is posted to, and what kind of account does; other roles' accounts are their items' own."""

_COSTS = frozenset({"Expense", "Other Expense", "Cost of Goods Sold"})
_INCOME = frozenset({"Income", "Other Income"})
_USUAL_ACCOUNTS: Final[Mapping[AccountRole, frozenset[str]]] = MappingProxyType(
    {
        AccountRole.BANK: frozenset({"Bank"}),
        AccountRole.FEES: _COSTS,
        AccountRole.FEE_TAX: _COSTS | {"Other Current Asset", "Other Current Liability"},  # tax that comes back
        AccountRole.DISPUTES: _COSTS | _INCOME,
        AccountRole.REVIEW: frozenset({"Other Current Asset", "Other Current Liability"}),
    }
)
_USUAL_ITEMS: Final[Mapping[ItemRole, frozenset[str]]] = MappingProxyType(
    {
        ItemRole.SALES: _INCOME,
        ItemRole.SHIPPING: _INCOME,
        ItemRole.REFUNDS: _INCOME | _COSTS,
        ItemRole.DISCOUNT: _INCOME | _COSTS,
        ItemRole.BAD_DEBT: _COSTS,
        ItemRole.TAX: frozenset({"Other Current Liability"}),
    }
)
"""Types of the accounts that an item's amounts belong in; a customer's balance may be moved for any reason."""

_OTHER_PURPOSES = frozenset({"UndepositedFunds", "Inventory", "AllowanceForBadDebts"})
"""Subtypes of Other Current Asset that QBO uses by itself: other money passes through them."""

_SOLD = frozenset({"Service", "NonInventory"})
_IN_EVERY_CURRENCY = frozenset({AccountRole.CLEARING, AccountRole.BANK})
_HELD_APART = frozenset({AccountRole.CLEARING, AccountRole.OUT_OF_BAND, AccountRole.REVIEW})
_ON_DEPOSIT_LINES = frozenset({AccountRole.CLEARING, AccountRole.FEES, AccountRole.FEE_TAX})


@dataclass(frozen=True, slots=True, kw_only=True)
class Lists:
    """What the company has, read now; `classes` and `tax_codes` only if the policy names any."""

    accounts: Directory
    items: Directory
    preferences: Preferences
    classes: Directory = field(default_factory=Directory)
    tax_codes: Directory = field(default_factory=Directory)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """Something of QBO's that the policy means.

    `name` is how people call it, `entity` QBO's word, `kind` what would do, in words. `keys` are the policy's: the one
    to set, then those that hold where it is not set; none if it is found without a name. `reason` says why it will not
    do, null if it will; `seen` what QBO has of it, or instead; `record` is what the name means, if it means one.
    """

    name: str
    entity: str
    kind: str
    keys: tuple[str, ...]
    configured: str
    reason: Reason | None = None
    seen: str = ""
    severity: Severity = Severity.ERROR
    role: AccountRole | ItemRole | None = None
    currency: str = ""
    record: Mapping[str, Any] | None = None

    @property
    def setting(self) -> str:
        """The key to set, as it stands in the file: `[accounts] bank.EUR`; empty if there is none."""
        if not self.keys:
            return ""
        table, _, key = self.keys[0].partition(".")
        return f"[{table}] {key}" if not key.startswith("rules") else "[[items.rules]]"


def references(lists: Lists, policy_file: PolicyFile, settled: frozenset[str] = frozenset()) -> tuple[Reference, ...]:
    """All of them: accounts of roles and categories, items, classes, tax codes.

    Args:
        lists: of the company.
        policy_file: what names them.
        settled: the currencies of Stripe's balance (lower-case codes), as far as known.
    """
    return (
        *_accounts(lists, policy_file, settled),
        *_categories(lists, policy_file),
        *_items(lists, policy_file),
        *_classes(lists, policy_file.policy),
        *_tax_codes(lists, policy_file),
    )


def classes_of(policy: Policy) -> list[str]:
    """The classes that rules name."""
    return sorted({rule.class_name for rule in policy.item_rules if rule.class_name})


# --- accounts -------------------------------------------------------------------------------------------------------


def _accounts(lists: Lists, policy_file: PolicyFile, settled: frozenset[str]) -> Iterator[Reference]:
    home = lists.preferences.home_currency
    for role in USED_ACCOUNTS:
        if role is AccountRole.REVIEW and not policy_file.policy.review:
            continue
        named = {currency for of_role, currency in policy_file.accounts_by_currency if of_role is role}
        everywhere = settled if role in _IN_EVERY_CURRENCY else frozenset()
        for currency in (home, *sorted((named | everywhere) - {home})):
            yield _role_account(lists, policy_file, role, currency)


def _role_account(lists: Lists, policy_file: PolicyFile, role: AccountRole, currency: str) -> Reference:
    abroad = currency != lists.preferences.home_currency
    configured = policy_file.account(role, currency) or ""
    on_deposits = policy_file.policy.payouts is PayoutMode.CREATE and role in _ON_DEPOSIT_LINES
    account = RoleAccount(role=role, currency=currency)
    reason = _account_reason(lists, policy_file, account, on_deposits=on_deposits)
    record, _ = lists.accounts.search(configured)
    if reason is None and _is_unusual(role, record or {}):
        reason = Reason.UNUSUAL
    # QBO makes receivables by itself with the first invoice, and what cannot stand on deposits serves payments.
    partly = (role is AccountRole.RECEIVABLE and not configured) or reason in {
        Reason.NOT_ON_DEPOSITS,
        Reason.UNUSUAL,
    }
    unnamed = role is AccountRole.RECEIVABLE and not configured
    kind = USED_ACCOUNTS[role]
    return Reference(
        name=f"account {role}{f' {currency.upper()}' if abroad else ''}",
        entity="Account",
        kind=f"{kind} in {currency.upper()}" if abroad else kind,
        keys=() if unnamed else _account_keys(policy_file, role, currency, abroad=abroad),
        configured=configured or ("Accounts Receivable" if unnamed else ""),
        reason=reason,
        seen=_seen(lists.accounts, configured, reason, record, role=role),
        severity=Severity.WARNING if partly else Severity.ERROR,
        role=role,
        currency=currency,
        record=record,
    )


def _account_keys(policy_file: PolicyFile, role: AccountRole, currency: str, *, abroad: bool) -> tuple[str, ...]:
    own, general = f"accounts.{role}.{currency.upper()}", f"accounts.{role}"
    is_own = (role, currency) in policy_file.accounts_by_currency
    return (own, general) if abroad or is_own else (general,)


def _account_reason(
    lists: Lists, policy_file: PolicyFile, account: Account, *, on_deposits: bool = False
) -> Reason | None:
    chart = Chart(lists.accounts, policy_file.account, lists.preferences.home_currency)
    try:
        chart.find(account)
    except AccountMissing as fault:
        return Reason(str(fault.details["reason"]))
    try:
        chart.find(account, on_deposit_line=on_deposits)
    except AccountMissing:
        return Reason.NOT_ON_DEPOSITS
    return None


def _is_unusual(role: AccountRole, record: Mapping[str, Any]) -> bool:
    usual = _USUAL_ACCOUNTS.get(role)
    elsewhere = role in _HELD_APART and record.get("AccountSubType") in _OTHER_PURPOSES
    return elsewhere or (usual is not None and record.get("AccountType") not in usual)


def _categories(lists: Lists, policy_file: PolicyFile) -> Iterator[Reference]:
    for category, name in sorted(policy_file.policy.categories.items()):
        reason = _account_reason(lists, policy_file, NamedAccount(name=name))
        record, _ = lists.accounts.search(name)
        yield Reference(
            name=f"account of category {category}",
            entity="Account",
            kind="an account that is neither receivable nor payable",
            keys=(f"categories.{category}",),
            configured=name,
            reason=reason,
            seen=_seen(lists.accounts, name, reason, record),
            record=record,
        )


def _seen(
    directory: Directory,
    configured: str,
    reason: Reason | None,
    record: Mapping[str, Any] | None,
    role: AccountRole | None = None,
) -> str:
    """What QBO has of a name that will not do, or instead."""
    match reason:
        case Reason.NOT_FOUND | Reason.AMBIGUOUS:
            names = directory.like(configured)
            if not names and role is AccountRole.BANK:
                names = tuple(
                    full_name(one) for one in directory if one.get("AccountType") == "Bank" and is_active(one)
                )
            return ", ".join(f'"{name}"' for name in names[:3])
        case Reason.WRONG_TYPE | Reason.NOT_ON_DEPOSITS | Reason.UNUSUAL:
            given = record or {}
            subtype = given.get("AccountSubType")
            kind = str(given.get("AccountType") or given.get("Type") or "")
            return f"{kind}, {subtype}" if subtype in _OTHER_PURPOSES else kind
        case Reason.WRONG_CURRENCY:
            return reference(record or {}, "CurrencyRef") or "home currency"
        case _:
            return ""


# --- items, classes, tax codes --------------------------------------------------------------------------------------


def _items(lists: Lists, policy_file: PolicyFile) -> Iterator[Reference]:
    for role in ItemRole:
        yield _item(lists, f"item {role}", (f"items.{role}",), policy_file.items.get(role, ""), role)
    by_rule: dict[str, str] = {}
    for number, rule in enumerate(policy_file.policy.item_rules):
        if rule.item:
            by_rule.setdefault(rule.item, f"items.rules[{number}].item")
    for name, key in sorted(by_rule.items()):
        yield _item(lists, f"item of a rule, {name}", (key,), name, ItemRole.SALES)


def _item(lists: Lists, name: str, keys: tuple[str, ...], configured: str, role: ItemRole) -> Reference:
    record, missing = lists.items.search(configured)
    reason = Reason(missing) if missing else None
    income = lists.accounts.by_id(reference(record or {}, "IncomeAccountRef"))
    if record is not None:
        reason = _item_reason(record, income, role)
    seen = _seen(lists.items, configured, reason, record)
    if reason is Reason.UNUSUAL and income is not None:
        seen = f'"{full_name(income)}", {income.get("AccountType")}'
    return Reference(
        name=name,
        entity="Item",
        kind="an item of type Service",
        keys=keys,
        configured=configured,
        reason=reason,
        seen=seen,
        severity=Severity.WARNING if reason is Reason.UNUSUAL else Severity.ERROR,
        role=role,
        record=record,
    )


def _item_reason(record: Mapping[str, Any], income: Mapping[str, Any] | None, role: ItemRole) -> Reason | None:
    if record.get("Type", "Service") not in _SOLD:
        return Reason.WRONG_TYPE
    if income is None or not is_active(income):
        return Reason.NO_INCOME_ACCOUNT
    usual = _USUAL_ITEMS.get(role)
    return Reason.UNUSUAL if usual is not None and income.get("AccountType") not in usual else None


def _classes(lists: Lists, policy: Policy) -> Iterator[Reference]:
    numbers = {rule.class_name: number for number, rule in reversed(list(enumerate(policy.item_rules)))}
    for name in classes_of(policy):
        key = f"items.rules[{numbers[name]}].class"
        yield _listed(lists.classes, "Class", f"class of a rule, {name}", kind="a class", key=key, configured=name)


def _tax_codes(lists: Lists, policy_file: PolicyFile) -> Iterator[Reference]:
    """The codes of native tax: those that are named, one at least, and abroad that of lines without tax."""
    tax, abroad = policy_file.tax, not lists.preferences.in_united_states
    if not tax.native or not lists.preferences.using_sales_tax:
        return
    by_rate = {rate: code for rate, code in sorted(tax.codes.items()) if rate != UNTAXED}
    named = {f"codes.{rate}": code for rate, code in by_rate.items()}
    if tax.code or not by_rate:
        named["code"] = tax.code or ""
    if abroad:
        named[f"codes.{UNTAXED}"] = tax.codes.get(UNTAXED, "")
    for key, code in named.items():
        yield _listed(lists.tax_codes, "TaxCode", f"tax {key}", kind="a tax code", key=f"tax.{key}", configured=code)


def _listed(directory: Directory, entity: str, name: str, *, kind: str, key: str, configured: str) -> Reference:
    record, missing = directory.search(configured)
    reason = Reason(missing) if missing else None
    return Reference(
        name=name,
        entity=entity,
        kind=kind,
        keys=(key,),
        configured=configured,
        reason=reason,
        seen=_seen(directory, configured, reason, record),
        record=record,
    )


def shared_accounts(found: Iterable[Reference]) -> list[tuple[Reference, Reference]]:
    """Clearing accounts that serve another role, too, each with that one."""
    accounts = [one for one in found if one.entity == "Account" and one.role is not None and one.record is not None]
    return [
        (one, other)
        for one in accounts
        for other in accounts
        if one.role is AccountRole.CLEARING and other.role is not AccountRole.CLEARING and _id(one) == _id(other)
    ]


def _id(one: Reference) -> str:
    return str((one.record or {}).get("Id"))
