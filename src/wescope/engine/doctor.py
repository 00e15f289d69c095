"""Doctor: looks at everything that the work needs, and names for each fault the one action that mends it.

It changes nothing, and asks each service once. Whom it asks is handed in, so that tests hand in fakes.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import httpx2

from wescope.config import PolicyFile, Settings
from wescope.config.setting_types import PREFIX
from wescope.config.settings import KNOWN_VARIABLES, QBO_SETTINGS, STRIPE_SETTINGS, WEBHOOK_SETTINGS
from wescope.engine.connection import ConnectionState
from wescope.engine.doctor_access import AskSignIn, examine_access
from wescope.engine.doctor_checks import checked, failed
from wescope.engine.doctor_company import QboProbe, examine_company
from wescope.engine.doctor_stripe import StripeAnswers, StripeProbe, examine_stripe
from wescope.engine.notice_targets import missing_mail_settings, targets_of
from wescope.engine.results import Check, Severity
from wescope.errors import QboDisconnected, WescopeError

CLOCK_TOLERANCE_S = 60
CLOCK_TIMEOUT_S = 10
PRODUCTION_QBO_HOST = "quickbooks.api.intuit.com"
_RENEW_DAYS = 14


@dataclass(frozen=True, slots=True, kw_only=True)
class Patient:
    """Everything that is looked at.

    `database_ready` says whether the schema is this version's; `token_days_left` how long QBO's refresh token lasts;
    `connection` whether the service has found QBO's connection lost; `stripe_time` what time it is at Stripe, or None
    if its answer does not say; `ask_sign_in` asks whom people sign in with.
    """

    settings: Settings
    policy_file: PolicyFile
    database_ready: Callable[[], Awaitable[bool]]
    stripe: StripeProbe
    stripe_api: StripeAnswers
    qbo: QboProbe
    token_days_left: Callable[[], Awaitable[int | None]]
    stripe_time: Callable[[], Awaitable[datetime | None]]
    connection: Callable[[], Awaitable[ConnectionState]]
    ask_sign_in: AskSignIn


async def examine(patient: Patient) -> tuple[Check, ...]:
    """All checks, in the order in which they are best mended. Errors of the services become failing checks."""
    real_books = urlsplit(patient.settings.qbo_api_base).hostname == PRODUCTION_QBO_HOST
    stripe, access, database, clock = await asyncio.gather(
        examine_stripe(patient.stripe, patient.stripe_api, patient.policy_file, real_books=real_books),
        examine_access(patient.settings, patient.policy_file, patient.ask_sign_in),
        _attempt("database", "database", lambda: _database(patient)),
        _attempt("clock", "clock", lambda: _clock(patient)),
    )
    # QBO comes last: its accounts are checked for the currencies that Stripe's balance holds.
    qbo = await _attempt("QBO connection", "qbo_connection", lambda: _qbo(patient, stripe.currencies))
    return (
        *settings_checks(patient.settings),
        *access,
        *database,
        *stripe.checks,
        *clock,
        *qbo,
        alerting_check(patient.settings),
    )


async def _attempt(name: str, code: str, look: Callable[[], Awaitable[tuple[Check, ...]]]) -> tuple[Check, ...]:
    try:
        return await look()
    except WescopeError as error:
        return (failed(name, error, code=code),)


def settings_checks(settings: Settings, environment: Iterable[str] | None = None) -> tuple[Check, ...]:
    """Whether the variables of each service are set, and whether any WESCOPE_ variable is misspelled.

    Args:
        settings: as loaded.
        environment: names of the variables that are set; the process's unless given.
    """
    names = os.environ.keys() if environment is None else environment
    unknown = sorted(name for name in names if name.startswith(PREFIX) and name not in KNOWN_VARIABLES)
    return (
        _variables("settings for Stripe", "settings_stripe", settings, STRIPE_SETTINGS),
        _variables("settings for QBO", "settings_qbo", settings, QBO_SETTINGS),
        _variables("settings for webhooks", "settings_webhooks", settings, WEBHOOK_SETTINGS),
        checked(
            "unknown settings",
            code="settings_unknown",
            seen="none",
            fault=", ".join(unknown),
            remedy="Correct the spelling, or remove them; they have no effect.",
            severity=Severity.WARNING,
        ),
    )


def alerting_check(settings: Settings) -> Check:
    """Whether anybody is told of alerts; somebody may watch the metrics instead, so it stops nothing."""
    missing, targets = missing_mail_settings(settings), targets_of(settings)
    fault = f"no mail is sent, missing: {', '.join(missing)}" if missing else ""
    if not targets and not missing:
        fault = "nobody is told of alerts"
    remedy = f"Set {', '.join(missing)}." if missing else "Set WESCOPE_ALERT_WEBHOOK_URL, or the variables for e-mail."
    return checked(
        "alerts",
        code="alerts",
        seen=f"sent to: {', '.join(target.name for target in targets)}",
        fault=fault,
        remedy=remedy,
        severity=Severity.WARNING,
    )


def _variables(name: str, code: str, settings: Settings, needed: tuple[str, ...]) -> Check:
    missing = ", ".join(settings.missing(*needed))
    return checked(
        name, code=code, seen="present", fault=f"missing: {missing}" if missing else "", remedy=f"Set {missing}."
    )


async def _database(patient: Patient) -> tuple[Check, ...]:
    current = await patient.database_ready()
    kind = "embedded" if patient.settings.embedded else "WESCOPE_DATABASE_URL"
    return (
        checked(
            "database",
            code="database",
            seen=f"{kind}, schema current",
            fault="" if current else f"{kind}, schema of another version",
            remedy="Start `wescope serve` of this version once: it brings the schema up to date.",
        ),
    )


async def _clock(patient: Patient) -> tuple[Check, ...]:
    there = await patient.stripe_time()
    if there is None:
        return (checked("clock", code="clock", seen="could not be compared", severity=Severity.WARNING),)
    apart_s = abs(int((datetime.now(UTC) - there).total_seconds()))
    seen = f"{apart_s} s apart from Stripe's"
    return (
        checked(
            "clock",
            code="clock",
            seen=seen,
            fault=seen if apart_s > CLOCK_TOLERANCE_S else "",
            remedy="Set this machine's clock (NTP): webhooks over 300 s old are refused.",
        ),
    )


async def _qbo(patient: Patient, settled: frozenset[str]) -> tuple[Check, ...]:
    state = await patient.connection()
    try:
        company_info = await patient.qbo.company_info()
    except QboDisconnected as error:
        since = f" (since {state.since:%Y-%m-%d %H:%M %Z})" if state.since else ""
        return (
            checked(
                "QBO connection",
                code="qbo_connection",
                seen="",
                fault=f"{error}{since}",
                remedy=state.remedy or error.remedy,
            ),
        )
    days = await patient.token_days_left()
    seen = "expiry unknown" if days is None else f"{days} days left"
    connection = (
        checked("QBO connection", code="qbo_connection", seen=f"realm {patient.settings.qbo_realm_id}"),
        checked(
            "QBO refresh token",
            code="qbo_token",
            seen=seen,
            fault=seen if days is not None and days <= _RENEW_DAYS else "",
            remedy="Connect again: run `wescope connect`.",
            severity=Severity.WARNING,
        ),
    )
    company = await _attempt(
        "QBO company data",
        "qbo_company",
        lambda: examine_company(patient.qbo, company_info, patient.policy_file, settled),
    )
    return (*connection, *company)


async def time_at(address: str) -> datetime | None:
    """What time it is where `address` answers (its Date header, UTC), or None if it does not say. No key is sent."""
    try:
        async with httpx2.AsyncClient(timeout=CLOCK_TIMEOUT_S) as client:
            answer = await client.head(address)
        return parsedate_to_datetime(answer.headers["date"]).astimezone(UTC)
    except (httpx2.HTTPError, KeyError, ValueError):
        return None
