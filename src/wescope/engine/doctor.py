"""Doctor: looks at everything that the work needs, and names for each fault the one action that mends it.

It changes nothing, and asks each service once. Whom it asks is handed in, so that tests hand in fakes.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Protocol, TypeVar
from urllib.parse import urlsplit

import httpx2

from wescope.books.policy import AccountRole, ItemRole
from wescope.config import PolicyFile, Settings
from wescope.config.settings import KNOWN_VARIABLES, PREFIX, QBO_SETTINGS, STRIPE_SETTINGS, WEBHOOK_SETTINGS
from wescope.engine.results import Check, Severity
from wescope.errors import ConfigurationError, WescopeError
from wescope.qbo.company import CompanyData, Preferences

R = TypeVar("R", AccountRole, ItemRole)

NEEDED_ACCOUNTS = frozenset({AccountRole.CLEARING, AccountRole.OUT_OF_BAND})
NEEDED_ITEMS = frozenset({ItemRole.SALES, ItemRole.DISCOUNT, ItemRole.SHIPPING, ItemRole.TAX})
"""What this version posts to; the other roles only earn a warning."""

CLOCK_TOLERANCE_S = 60
_RENEW_DAYS = 14
CLOCK_TIMEOUT_S = 10
PRODUCTION_QBO_HOST = "quickbooks.api.intuit.com"
_MISSING_TEXTS: Mapping[str, str] = {
    "not_found": "QBO has none of this name or id",
    "inactive": "it is inactive in QBO",
    "ambiguous": "QBO has several of this name",
    "wrong_type": "it has the wrong type",
    "not_configured": "none is named",
}


class StripeProbe(Protocol):
    """What is asked of Stripe (`wescope.stripe.reader.StripeReader`)."""

    async def account(self) -> Mapping[str, str | bool | None]:
        """The account of the key: `id`, `country`, `default_currency`, `livemode`."""
        ...


class QboProbe(Protocol):
    """What is asked of QBO (`wescope.qbo.client.QboClient`)."""

    async def company_info(self) -> Mapping[str, Any]:
        """The company; refreshes the token if that is due."""
        ...


class CompanyProbe(Protocol):
    """What is asked of the company's reference data (`wescope.qbo.company.Company`)."""

    async def refresh(self) -> CompanyData:
        """Accounts, items and preferences, read now."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Patient:
    """Everything that is looked at.

    `database_ready` says whether the schema is this version's; `token_days_left` how long QBO's refresh token lasts;
    `stripe_time` what time it is at Stripe, or None if its answer does not say.
    """

    settings: Settings
    policy_file: PolicyFile
    database_ready: Callable[[], Awaitable[bool]]
    stripe: StripeProbe
    qbo: QboProbe
    company: CompanyProbe
    token_days_left: Callable[[], Awaitable[int | None]]
    stripe_time: Callable[[], Awaitable[datetime | None]]


async def examine(patient: Patient) -> tuple[Check, ...]:
    """All checks, in the order in which they are best mended. Errors of the services become failing checks."""
    found = await asyncio.gather(
        _attempt("database", lambda: _database(patient)),
        _attempt("Stripe key", lambda: _stripe(patient)),
        _attempt("clock", lambda: _clock(patient)),
        _attempt("QBO connection", lambda: _qbo(patient)),
    )
    connected = all(check.ok for check in found[-1])
    company = await _attempt("QBO company data", lambda: _company(patient)) if connected else ()
    return (*settings_checks(patient.settings), *(check for checks in found for check in checks), *company)


async def _attempt(name: str, look: Callable[[], Awaitable[tuple[Check, ...]]]) -> tuple[Check, ...]:
    try:
        return await look()
    except WescopeError as error:
        return (Check(name=name, ok=False, detail=str(error), remedy=error.remedy),)


def settings_checks(settings: Settings, environment: Iterable[str] | None = None) -> tuple[Check, ...]:
    """Whether the variables of each service are set, and whether any WESCOPE_ variable is misspelled.

    Args:
        settings: as loaded.
        environment: names of the variables that are set; the process's unless given.
    """
    names = os.environ.keys() if environment is None else environment
    unknown = sorted(name for name in names if name.startswith(PREFIX) and name not in KNOWN_VARIABLES)
    return (
        _variables("settings for Stripe", settings, STRIPE_SETTINGS),
        _variables("settings for QBO", settings, QBO_SETTINGS),
        _variables("settings for webhooks", settings, WEBHOOK_SETTINGS),
        Check(
            name="unknown settings",
            ok=not unknown,
            detail=", ".join(unknown) or "none",
            remedy="Correct the spelling, or remove them; they have no effect." if unknown else "",
            severity=Severity.WARNING,
        ),
    )


def _variables(name: str, settings: Settings, needed: tuple[str, ...]) -> Check:
    missing = settings.missing(*needed)
    return Check(
        name=name,
        ok=not missing,
        detail=f"missing: {', '.join(missing)}" if missing else "present",
        remedy=f"Set {', '.join(missing)}." if missing else "",
    )


async def _database(patient: Patient) -> tuple[Check, ...]:
    current = await patient.database_ready()
    kind = "embedded" if patient.settings.embedded else "WESCOPE_DATABASE_URL"
    return (
        Check(
            name="database",
            ok=current,
            detail=f"{kind}, schema {'current' if current else 'of another version'}",
            remedy="" if current else "Start `wescope serve` of this version once: it brings the schema up to date.",
        ),
    )


async def _stripe(patient: Patient) -> tuple[Check, ...]:
    account = await patient.stripe.account()
    live = bool(account.get("livemode"))
    real_books = urlsplit(patient.settings.qbo_api_base).hostname == PRODUCTION_QBO_HOST
    mixed = real_books and not live
    return (
        Check(name="Stripe key", ok=True, detail=f"account {account.get('id')}, {'live' if live else 'test'} mode"),
        Check(
            name="Stripe mode and QBO company",
            ok=not mixed,
            detail="test data would be posted to real books" if mixed else "they fit",
            remedy="Set the live key in WESCOPE_STRIPE_API_KEY, or a sandbox in WESCOPE_QBO_API_BASE." if mixed else "",
        ),
    )


async def _clock(patient: Patient) -> tuple[Check, ...]:
    there = await patient.stripe_time()
    if there is None:
        return (Check(name="clock", ok=True, detail="could not be compared", severity=Severity.WARNING),)
    apart_s = abs(int((datetime.now(UTC) - there).total_seconds()))
    good = apart_s <= CLOCK_TOLERANCE_S
    return (
        Check(
            name="clock",
            ok=good,
            detail=f"{apart_s} s apart from Stripe's",
            remedy="" if good else "Set this machine's clock (NTP): webhooks over 300 s old are refused.",
        ),
    )


async def _qbo(patient: Patient) -> tuple[Check, ...]:
    await patient.qbo.company_info()
    days = await patient.token_days_left()
    lasting = days is None or days > _RENEW_DAYS
    return (
        Check(name="QBO connection", ok=True, detail=f"realm {patient.settings.qbo_realm_id}"),
        Check(
            name="QBO refresh token",
            ok=lasting,
            detail="expiry unknown" if days is None else f"{days} days left",
            remedy="" if lasting else "Connect again: put a new token into WESCOPE_QBO_REFRESH_TOKEN.",
            severity=Severity.WARNING,
        ),
    )


async def _company(patient: Patient) -> tuple[Check, ...]:
    data = await patient.company.refresh()
    return (
        *_roles("account", AccountRole, NEEDED_ACCOUNTS, data.accounts, data.missing_accounts),
        *_roles("item", ItemRole, NEEDED_ITEMS, data.items, data.missing_items),
        *_preferences(data.preferences, patient.policy_file),
    )


def _roles(
    kind: str,
    roles: Iterable[R],
    needed: frozenset[R],
    found: Mapping[R, str],
    missing: Mapping[R, ConfigurationError],
) -> Iterable[Check]:
    for role in roles:
        fault = missing.get(role)
        if role in found or fault is None:
            yield Check(name=f"{kind} {role}", ok=True, detail=f"id {found.get(role, 'unknown')}")
        elif role in needed or fault.details.get("reason") != "not_configured":
            severity = Severity.ERROR if role in needed else Severity.WARNING
            yield Check(
                name=f"{kind} {role}", ok=False, detail=_missing_text(fault), remedy=fault.remedy, severity=severity
            )


def _missing_text(fault: ConfigurationError) -> str:
    reason = str(fault.details.get("reason", ""))
    return f'"{fault.details.get("configured", "")}": {_MISSING_TEXTS.get(reason, reason)}'


def _preferences(preferences: Preferences, policy_file: PolicyFile) -> tuple[Check, ...]:
    wanted = policy_file.policy.home_currency
    same_currency = preferences.home_currency == wanted
    closed = preferences.book_close_date
    return (
        Check(
            name="home currency",
            ok=same_currency,
            detail=f"QBO has {preferences.home_currency.upper()}, the policy {wanted.upper()}",
            remedy="" if same_currency else "Set home_currency under [books] in wescope.toml to the company's.",
        ),
        Check(name="multicurrency", ok=True, detail="on" if preferences.multicurrency else "off"),
        Check(name="closed books", ok=True, detail=f"closed up to {closed}" if closed else "no closing date"),
        _preference(
            "custom transaction numbers",
            good=preferences.custom_txn_numbers,
            bad_detail="off: QBO numbers invoices by itself, Stripe's number is not their number",
            remedy="Turn on Custom transaction numbers in QBO (Account and settings, Sales).",
        ),
        _preference(
            "automatic credits",
            good=not preferences.auto_apply_credit,
            bad_detail="on: QBO links credits to invoices without being asked",
            remedy="Turn off Automatically apply credits in QBO (Account and settings, Advanced, Automation).",
        ),
        _preference(
            "automatic payments",
            good=not preferences.auto_apply_payments,
            bad_detail="on: QBO links payments to invoices without being asked",
            remedy="Turn off Automatically apply bill payments and payments in QBO (Account and settings, Advanced).",
        ),
    )


def _preference(name: str, *, good: bool, bad_detail: str, remedy: str) -> Check:
    detail, needed = ("as it should be", "") if good else (bad_detail, remedy)
    return Check(name=name, ok=good, detail=detail, remedy=needed, severity=Severity.WARNING)


async def time_at(address: str) -> datetime | None:
    """What time it is where `address` answers (its Date header, UTC), or None if it does not say. No key is sent."""
    try:
        async with httpx2.AsyncClient(timeout=CLOCK_TIMEOUT_S) as client:
            answer = await client.head(address)
        return parsedate_to_datetime(answer.headers["date"]).astimezone(UTC)
    except (httpx2.HTTPError, KeyError, ValueError):
        return None
