"""Doctor for the QBO company: whether it has what the policy names, of the right kind, and behaves as it must."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from wescope.books.categories import CATEGORIES, TYPES, Treatment
from wescope.books.policy import (
    Account,
    AccountRole,
    ClosedPeriod,
    ItemRole,
    NamedAccount,
    PayoutMode,
    Policy,
    RoleAccount,
)
from wescope.config import PolicyFile
from wescope.engine.doctor_checks import checked
from wescope.engine.results import Check, Severity
from wescope.errors import AccountMissing
from wescope.qbo import queries
from wescope.qbo.accounts import Chart
from wescope.qbo.directory import Directory
from wescope.qbo.preferences import Preferences, read_preferences
from wescope.qbo.taxes import UNTAXED

USED_ACCOUNTS: Final[Mapping[AccountRole, str]] = {
    AccountRole.CLEARING: "an account of type Other Current Asset",
    AccountRole.BANK: "an account of type Bank",
    AccountRole.FEES: "an account of type Expense",
    AccountRole.FEE_TAX: "an account of type Expense",
    AccountRole.DISPUTES: "an account of type Expense",
    AccountRole.OUT_OF_BAND: "an account of type Other Current Asset or Bank",
    AccountRole.REVIEW: "an account of type Other Current Asset",
    AccountRole.RECEIVABLE: "an account of type Accounts Receivable",
}
"""The roles that something is posted to, and what kind of account does; other roles' accounts are their items' own."""

_IN_EVERY_CURRENCY = frozenset({AccountRole.CLEARING, AccountRole.BANK})
_ON_DEPOSIT_LINES = frozenset({AccountRole.CLEARING, AccountRole.FEES, AccountRole.FEE_TAX})
_MAPPABLE = frozenset({Treatment.DISPUTE, Treatment.ENTRY, Treatment.STAYS, Treatment.UNMAPPED})
_NOT_ON_DEPOSITS = "not_on_deposits"

_FAULTS: Mapping[str, str] = {
    "not_found": "QBO has none",
    "inactive": "it is inactive in QBO",
    "ambiguous": "QBO has several of this name",
    "wrong_type": "it has the wrong type",
    "wrong_currency": "it has another currency",
    "not_configured": "none is named",
    _NOT_ON_DEPOSITS: "no line of a deposit can name an account of its type",
}
_REMEDIES: Mapping[str, str] = {
    "not_found": "Create {kind} in QBO{or_name_another}.",
    "inactive": "Make it active again in QBO{or_name_another}.",
    "ambiguous": "Name it by its full name (Parent:Child) or its id under {setting} in wescope.toml.",
    "not_configured": "Name {kind} under {setting} in wescope.toml.",
}
_NAME_ANOTHER = "Name {kind} under {setting} in wescope.toml."


class QboProbe(Protocol):
    """What is asked of QBO (`wescope.qbo.client.QboClient`)."""

    async def company_info(self) -> Mapping[str, Any]:
        """The company; refreshes the token if that is due."""
        ...

    async def preferences(self) -> Mapping[str, Any]:
        """The company's preferences."""
        ...

    async def query_all(self, entity: str, where: str = "") -> list[Mapping[str, Any]]:
        """All objects of an entity."""
        ...

    async def query(self, statement: str) -> list[Mapping[str, Any]]:
        """The objects that a statement finds."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Lists:
    """What the company has, read now; `classes` and `tax_codes` only if the policy names any."""

    accounts: Directory
    items: Directory
    preferences: Preferences
    classes: Directory = field(default_factory=Directory)
    tax_codes: Directory = field(default_factory=Directory)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reference:
    """Something of QBO's that the policy means: `reason` says why it will not do, and is empty if it will.

    `kind` is what would do, in words; `setting` is where the policy names it, empty if it is found without a name.
    """

    name: str
    kind: str
    setting: str
    configured: str
    reason: str
    severity: Severity = Severity.ERROR

    @property
    def check(self) -> Check:
        """The check of it."""
        remedy = _REMEDIES.get(self.reason, _NAME_ANOTHER)
        another = f", or name another one under {self.setting} in wescope.toml" if self.setting else ""
        named = f'"{self.configured}": ' if self.configured else ""
        return checked(
            self.name,
            seen=self.configured,
            fault=f"{named}{_FAULTS.get(self.reason, self.reason)}" if self.reason else "",
            remedy=remedy.format(kind=self.kind, setting=self.setting, or_name_another=another),
            severity=self.severity,
        )


async def examine_company(
    qbo: QboProbe, company_info: Mapping[str, Any], policy_file: PolicyFile, settled: frozenset[str]
) -> tuple[Check, ...]:
    """All checks of the company, read now.

    Args:
        qbo: asked for accounts, items and preferences, and for classes and tax codes if the policy names any.
        company_info: the company, as read just before.
        policy_file: what it must have.
        settled: the currencies of Stripe's balance (lower-case codes), as far as known.

    Raises:
        QboError: QBO does not answer.
    """
    classed, native = bool(_classes(policy_file.policy)), policy_file.tax.native
    lists = Lists(
        accounts=Directory(await qbo.query_all("Account", queries.including_inactive())),
        items=Directory(await qbo.query_all("Item", queries.including_inactive())),
        preferences=read_preferences(await qbo.preferences(), company_info),
        classes=Directory(await qbo.query_all("Class", queries.including_inactive()) if classed else ()),
        tax_codes=Directory(await qbo.query(queries.select("TaxCode")) if native else ()),
    )
    return company_checks(lists, policy_file, settled)


def company_checks(lists: Lists, policy_file: PolicyFile, settled: frozenset[str]) -> tuple[Check, ...]:
    """The checks of what was read. Pure; `settled` as in `examine_company`."""
    currencies = settled | {currency for _, currency in policy_file.accounts_by_currency}
    references = (
        *_accounts(lists, policy_file, settled),
        *_categories(lists, policy_file),
        *_items(lists, policy_file),
        *_tax_codes(lists, policy_file),
    )
    return (
        *(reference.check for reference in references),
        _category_names(policy_file.policy),
        *_preferences(lists.preferences, policy_file, currencies - {lists.preferences.home_currency}),
    )


def _accounts(lists: Lists, policy_file: PolicyFile, settled: frozenset[str]) -> Iterable[_Reference]:
    home = lists.preferences.home_currency
    chart = Chart(lists.accounts, policy_file.account, home)
    tables = policy_file.accounts_by_currency
    deposits = policy_file.policy.payouts is PayoutMode.CREATE
    for role, kind in USED_ACCOUNTS.items():
        if role is AccountRole.REVIEW and not policy_file.policy.review:
            continue
        named = {currency for of_role, currency in tables if of_role is role}
        everywhere = settled if role in _IN_EVERY_CURRENCY else frozenset()
        for currency in (home, *sorted((named | everywhere) - {home})):
            suffix, table = ("", "") if currency == home else (f" {currency.upper()}", f".{currency.upper()}")
            configured, reason = _account(
                chart,
                RoleAccount(role=role, currency=currency),
                policy_file.account(role, currency) or "",
                on_deposits=deposits and role in _ON_DEPOSIT_LINES,
            )
            # QBO makes receivables by itself with the first invoice, and what cannot stand on deposits serves payments.
            partly = role is AccountRole.RECEIVABLE or reason == _NOT_ON_DEPOSITS
            yield _Reference(
                name=f"account {role}{suffix}",
                kind=f"{kind} in {currency.upper()}" if suffix else kind,
                setting="" if role is AccountRole.RECEIVABLE else f"[accounts] {role}{table}",
                configured=configured,
                reason=reason,
                severity=Severity.WARNING if partly else Severity.ERROR,
            )


def _account(chart: Chart, account: Account, configured: str, *, on_deposits: bool) -> tuple[str, str]:
    """The policy's name of an account, and why it will not do."""
    try:
        chart.find(account)
    except AccountMissing as fault:
        return str(fault.details["configured"]), str(fault.details["reason"])
    try:
        chart.find(account, on_deposit_line=on_deposits)
    except AccountMissing as fault:
        return str(fault.details["configured"]), _NOT_ON_DEPOSITS
    return configured or "found by its type", ""


def _categories(lists: Lists, policy_file: PolicyFile) -> Iterable[_Reference]:
    chart = Chart(lists.accounts, policy_file.account, lists.preferences.home_currency)
    for category, name in sorted(policy_file.policy.categories.items()):
        configured, reason = _account(chart, NamedAccount(name=name), name, on_deposits=False)
        yield _Reference(
            name=f"account of category {category}",
            kind="an account that is neither receivable nor payable",
            setting=f"[categories] {category}",
            configured=configured,
            reason=reason,
        )


def _category_names(policy: Policy) -> Check:
    """Whether every category that the policy maps is one, and is booked by its account at all."""
    known = {**TYPES, **CATEGORIES}
    useless = sorted(name for name in policy.categories if name not in known or known[name].treatment not in _MAPPABLE)
    return checked(
        "categories",
        seen=f"{len(policy.categories)} mapped",
        fault=f"without effect: {', '.join(useless)}" if useless else "",
        remedy="Correct or remove them under [categories] in wescope.toml: Stripe has no such category, or it is booked"
        " with its charge, refund or payout.",
        severity=Severity.WARNING,
    )


def _items(lists: Lists, policy_file: PolicyFile) -> Iterable[_Reference]:
    for role in ItemRole:
        yield _listed(lists.items, f"item {role}", "an item", f"[items] {role}", policy_file.items.get(role, ""))
    rules = "[[items.rules]]"
    for item in sorted({rule.item for rule in policy_file.policy.item_rules if rule.item}):
        yield _listed(lists.items, f"item of a rule, {item}", "an item", rules, item)
    for name in _classes(policy_file.policy):
        yield _listed(lists.classes, f"class of a rule, {name}", "a class", rules, name)


def _classes(policy: Policy) -> list[str]:
    return sorted({rule.class_name for rule in policy.item_rules if rule.class_name})


def _tax_codes(lists: Lists, policy_file: PolicyFile) -> Iterable[_Reference]:
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
        yield _listed(lists.tax_codes, f"tax {key}", "a tax code", f"[tax] {key}", code)


def _listed(directory: Directory, name: str, kind: str, setting: str, configured: str) -> _Reference:
    _, reason = directory.search(configured)
    return _Reference(name=name, kind=kind, setting=setting, configured=configured, reason=reason)


def _preferences(preferences: Preferences, policy_file: PolicyFile, foreign: frozenset[str]) -> Iterable[Check]:
    wanted, home = policy_file.policy.home_currency, preferences.home_currency
    yield checked(
        "home currency",
        seen=home.upper(),
        fault="" if home == wanted else f"QBO has {home.upper()}, the policy {wanted.upper()}",
        remedy="Set home_currency under [books] in wescope.toml to the company's.",
    )
    needed = f"off, but {', '.join(sorted(foreign)).upper()} is needed"
    yield checked(
        "multicurrency",
        seen="on" if preferences.multicurrency else "off",
        fault=needed if foreign and not preferences.multicurrency else "",
        remedy="Turn on Multicurrency in QBO (Account and settings, Advanced, Currency); it stays on for ever.",
    )
    yield checked("closed books", seen=_closed(preferences, policy_file.policy))
    yield _sales_tax(preferences, policy_file)
    yield from _switches(preferences, policy_file.policy)


def _closed(preferences: Preferences, policy: Policy) -> str:
    if preferences.book_close_date is None:
        return "no closing date"
    moved = policy.closed_period is ClosedPeriod.NEXT_OPEN_DAY
    then = "are dated the first open day" if moved else "are parked"
    return f"closed up to {preferences.book_close_date}: new documents of these days {then}"


def _sales_tax(preferences: Preferences, policy_file: PolicyFile) -> Check:
    tax, used = policy_file.tax, preferences.using_sales_tax
    state = ("automated" if preferences.partner_tax_enabled else "on") if used else "off"
    return checked(
        "sales tax",
        seen=f"{state} in QBO, posted {'with its tax codes' if tax.native else 'on lines of its own'}",
        fault="off in QBO: tax is posted on lines of its own" if tax.native and not used else "",
        remedy='Turn on sales tax in QBO (Taxes), or set mode = "line" under [tax] in wescope.toml.',
        severity=Severity.WARNING,
    )


def _switches(preferences: Preferences, policy: Policy) -> Iterable[Check]:
    unclassed = bool(_classes(policy)) and not preferences.class_per_line
    switches = (
        (
            "custom transaction numbers",
            not preferences.custom_txn_numbers,
            "off: QBO numbers invoices by itself, Stripe's number is not their number",
            "Turn on Custom transaction numbers in QBO (Account and settings, Sales).",
        ),
        (
            "automatic credits",
            preferences.auto_apply_credit,
            "on: QBO links credits to invoices without being asked",
            "Turn off Automatically apply credits in QBO (Account and settings, Advanced, Automation).",
        ),
        (
            "automatic payments",
            preferences.auto_apply_payments,
            "on: QBO links payments to invoices without being asked",
            "Turn off Automatically apply bill payments and payments in QBO (Account and settings, Advanced).",
        ),
        (
            "class tracking",
            unclassed,
            "off for lines: the classes of the rules may be left out",
            "Turn on Track classes, one to each row, in QBO (Account and settings, Advanced, Categories).",
        ),
    )
    for name, wrong, fault, remedy in switches:
        yield checked(
            name, seen="as it should be", fault=fault if wrong else "", remedy=remedy, severity=Severity.WARNING
        )
