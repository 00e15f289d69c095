"""Doctor for the QBO company: whether it has what the policy names, of the right kind, and behaves as it must."""

from collections.abc import Iterable, Mapping
from typing import Any, Final, Protocol

from wescope.books.categories import CATEGORIES, TYPES, Treatment
from wescope.books.policy import ClosedPeriod, Policy
from wescope.config import PolicyFile
from wescope.engine.doctor_checks import Reason, checked
from wescope.engine.policy_references import Lists, Reference, classes_of, references, shared_accounts
from wescope.engine.results import Check, Severity
from wescope.engine.setup_rules import can_be_made
from wescope.qbo import queries
from wescope.qbo.directory import Directory
from wescope.qbo.preferences import Preferences, read_preferences

_MAPPABLE = frozenset({Treatment.DISPUTE, Treatment.ENTRY, Treatment.STAYS, Treatment.UNMAPPED})

_FAULTS: Final[Mapping[Reason, str]] = {
    Reason.NOT_CONFIGURED: "none is named",
    Reason.NOT_FOUND: "QBO has none",
    Reason.INACTIVE: "it is inactive in QBO",
    Reason.AMBIGUOUS: "QBO has several of this name",
    Reason.WRONG_TYPE: "it has the wrong type",
    Reason.WRONG_CURRENCY: "it has another currency",
    Reason.NOT_ON_DEPOSITS: "no line of a deposit can name an account of its type",
    Reason.NO_INCOME_ACCOUNT: "it has no active income account",
    Reason.UNUSUAL: "its amounts would show where nobody looks for them",
}
_REMEDIES: Final[Mapping[Reason, str]] = {
    Reason.NOT_FOUND: "Create {kind} in QBO{or_name_another}.",
    Reason.INACTIVE: "Make it active again in QBO{or_name_another}.",
    Reason.AMBIGUOUS: "Name it by its full name (Parent:Child) or its id under {setting} in wescope.toml.",
    Reason.NO_INCOME_ACCOUNT: "Give it an active income account in QBO{or_name_another}.",
}
_NAME = "Name {kind} under {setting} in wescope.toml{then_setup}."
_MADE_BY_SETUP = "Run `wescope setup`, which makes it{or_name_another}."
_ITEM_ACCOUNT = "Give it another income account in QBO{or_name_another}."


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


async def read_lists(qbo: QboProbe, company_info: Mapping[str, Any], policy_file: PolicyFile) -> Lists:
    """The company's lists and preferences, read now.

    Args:
        qbo: asked for accounts, items and preferences, and for classes and tax codes if the policy names any.
        company_info: the company, as read just before.
        policy_file: what names them.

    Raises:
        QboError: QBO does not answer.
    """
    classed, native = bool(classes_of(policy_file.policy)), policy_file.tax.native
    return Lists(
        accounts=Directory(await qbo.query_all("Account", queries.including_inactive())),
        items=Directory(await qbo.query_all("Item", queries.including_inactive())),
        preferences=read_preferences(await qbo.preferences(), company_info),
        classes=Directory(await qbo.query_all("Class", queries.including_inactive()) if classed else ()),
        tax_codes=Directory(await qbo.query(queries.select("TaxCode")) if native else ()),
    )


async def examine_company(
    qbo: QboProbe, company_info: Mapping[str, Any], policy_file: PolicyFile, settled: frozenset[str]
) -> tuple[Check, ...]:
    """All checks of the company, read now.

    Args:
        qbo: as for `read_lists`.
        company_info: the company, as read just before.
        policy_file: what it must have.
        settled: the currencies of Stripe's balance (lower-case codes), as far as known.

    Raises:
        QboError: QBO does not answer.
    """
    return company_checks(await read_lists(qbo, company_info, policy_file), policy_file, settled)


def company_checks(lists: Lists, policy_file: PolicyFile, settled: frozenset[str]) -> tuple[Check, ...]:
    """The checks of what was read. Pure; `settled` as in `examine_company`."""
    currencies = settled | {currency for _, currency in policy_file.accounts_by_currency}
    found = references(lists, policy_file, settled)
    return (
        *(_reference_check(one, policy_file) for one in found),
        _shared(found, policy_file),
        _category_names(policy_file.policy),
        *_preferences(lists.preferences, policy_file, currencies - {lists.preferences.home_currency}),
    )


_CODES: Final = {"Account": "account", "Item": "item", "Class": "class", "TaxCode": "tax_code"}


def _reference_check(one: Reference, policy_file: PolicyFile) -> Check:
    code, named = _CODES[one.entity], f'"{one.configured}": ' if one.configured else ""
    return checked(
        one.name,
        code=f"{code}_{one.reason}" if one.reason else code,
        seen=one.configured if one.keys else "found by its type",
        fault=f"{named}{_fault(one)}" if one.reason else "",
        remedy=_remedy(one, policy_file),
        severity=one.severity,
        place=policy_file.place(*one.keys) if one.keys else "",
    )


def _fault(one: Reference) -> str:
    if one.reason is None:
        return ""
    text = _FAULTS[one.reason]
    match one.reason:
        case Reason.NOT_FOUND if one.seen:
            return f"{text}; did you mean {one.seen}?"
        case Reason.AMBIGUOUS if one.seen:
            return f"{text}: {one.seen}"
        case Reason.WRONG_TYPE | Reason.WRONG_CURRENCY | Reason.NOT_ON_DEPOSITS | Reason.UNUSUAL if one.seen:
            return f"{text} ({one.seen})"
        case _:
            return text


def _remedy(one: Reference, policy_file: PolicyFile) -> str:
    """The one action that mends it."""
    can = can_be_made(one, policy_file)
    remedy = _REMEDIES.get(one.reason or Reason.NOT_CONFIGURED, _NAME)
    if can and one.reason is Reason.NOT_FOUND:
        remedy = _MADE_BY_SETUP
    elif one.reason is Reason.UNUSUAL and one.entity == "Item":
        remedy = _ITEM_ACCOUNT
    return remedy.format(
        kind=one.kind,
        setting=one.setting,
        or_name_another=f", or name another one under {one.setting} in wescope.toml" if one.setting else "",
        then_setup="; `wescope setup` makes it if QBO has none" if one.reason is Reason.WRONG_CURRENCY else "",
    )


def _shared(found: Iterable[Reference], policy_file: PolicyFile) -> Check:
    pairs = shared_accounts(found)
    clearing = pairs[0][0] if pairs else None
    return checked(
        "clearing account",
        code="accounts_shared",
        seen="of its own",
        fault=f"also the {', '.join(dict.fromkeys(other.name for _, other in pairs))}" if pairs else "",
        remedy="Name another account for it under [accounts] in wescope.toml: clearing holds Stripe's balance only.",
        place=policy_file.place(*clearing.keys) if clearing else "",
    )


def _category_names(policy: Policy) -> Check:
    """Whether every category that the policy maps is one, and is booked by its account at all."""
    known = {**TYPES, **CATEGORIES}
    useless = sorted(name for name in policy.categories if name not in known or known[name].treatment not in _MAPPABLE)
    return checked(
        "categories",
        code="categories",
        seen=f"{len(policy.categories)} mapped",
        fault=f"without effect: {', '.join(useless)}" if useless else "",
        remedy="Correct or remove them under [categories] in wescope.toml: Stripe has no such category, or it is booked"
        " with its charge, refund or payout.",
        severity=Severity.WARNING,
    )


def _preferences(preferences: Preferences, policy_file: PolicyFile, foreign: frozenset[str]) -> Iterable[Check]:
    wanted, home = policy_file.policy.home_currency, preferences.home_currency
    yield checked(
        "home currency",
        code="home_currency",
        place=policy_file.place("books.home_currency"),
        seen=home.upper(),
        fault="" if home == wanted else f"QBO has {home.upper()}, the policy {wanted.upper()}",
        remedy="Set home_currency under [books] in wescope.toml to the company's.",
    )
    needed = f"off, but {', '.join(sorted(foreign)).upper()} is needed"
    yield checked(
        "multicurrency",
        code="multicurrency",
        seen="on" if preferences.multicurrency else "off",
        fault=needed if foreign and not preferences.multicurrency else "",
        remedy="Turn on Multicurrency in QBO (Account and settings, Advanced, Currency); it stays on for ever.",
    )
    yield _closed_books(preferences, policy_file)
    yield _sales_tax(preferences, policy_file)
    yield from _switches(preferences, policy_file.policy)


def _closed_books(preferences: Preferences, policy_file: PolicyFile) -> Check:
    closed, start = preferences.book_close_date, policy_file.policy.start_date
    parks = policy_file.policy.closed_period is ClosedPeriod.PARK
    return checked(
        "closed books",
        code="closed_books",
        seen=_closed(preferences, policy_file.policy),
        fault=f"closed up to {closed}, but the books begin on {start}: documents from then to {closed} are parked"
        if parks and closed and start and start <= closed
        else "",
        remedy="Set start_date under [books] in wescope.toml to a day after the closing date, or move that in QBO.",
        severity=Severity.WARNING,
        place=policy_file.place("books.start_date"),
    )


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
        code="sales_tax",
        place=policy_file.place("tax.mode"),
        seen=f"{state} in QBO, posted {'with its tax codes' if tax.native else 'on lines of its own'}",
        fault="off in QBO: tax is posted on lines of its own" if tax.native and not used else "",
        remedy='Turn on sales tax in QBO (Taxes), or set mode = "line" under [tax] in wescope.toml.',
        severity=Severity.WARNING,
    )


def _switches(preferences: Preferences, policy: Policy) -> Iterable[Check]:
    unclassed = bool(classes_of(policy)) and not preferences.class_per_line
    switches = (
        (
            "custom transaction numbers",
            "transaction_numbers",
            not preferences.custom_txn_numbers,
            "off: QBO numbers invoices by itself, Stripe's number is not their number",
            "Turn on Custom transaction numbers in QBO (Account and settings, Sales).",
        ),
        (
            "automatic credits",
            "automatic_credits",
            preferences.auto_apply_credit,
            "on: QBO links credits to invoices without being asked",
            "Turn off Automatically apply credits in QBO (Account and settings, Advanced, Automation).",
        ),
        (
            "automatic payments",
            "automatic_payments",
            preferences.auto_apply_payments,
            "on: QBO links payments to invoices without being asked",
            "Turn off Automatically apply bill payments and payments in QBO (Account and settings, Advanced).",
        ),
        (
            "class tracking",
            "class_tracking",
            unclassed,
            "off for lines: the classes of the rules may be left out",
            "Turn on Track classes, one to each row, in QBO (Account and settings, Advanced, Categories).",
        ),
    )
    for name, code, wrong, fault, remedy in switches:
        yield checked(
            name,
            code=code,
            seen="as it should be",
            fault=fault if wrong else "",
            remedy=remedy,
            severity=Severity.WARNING,
        )
