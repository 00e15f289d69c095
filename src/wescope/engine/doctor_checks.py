"""Doctor's checks: the one form in which everything that is looked at is told, and the table of all of them. Pure."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from wescope.engine.results import Check, Severity
from wescope.errors import StripeRefused, WescopeError


class Reason(StrEnum):
    """Why something of QBO's that the policy names will not do."""

    NOT_CONFIGURED = "not_configured"
    NOT_FOUND = "not_found"
    INACTIVE = "inactive"
    AMBIGUOUS = "ambiguous"
    WRONG_TYPE = "wrong_type"
    WRONG_CURRENCY = "wrong_currency"
    NOT_ON_DEPOSITS = "not_on_deposits"
    NO_INCOME_ACCOUNT = "no_income_account"
    UNUSUAL = "unusual"


REASONS: Final[Mapping[Reason, str]] = MappingProxyType(
    {
        Reason.NOT_CONFIGURED: "The policy names none.",
        Reason.NOT_FOUND: "QBO has none of this name or id.",
        Reason.INACTIVE: "It is inactive in QBO.",
        Reason.AMBIGUOUS: "QBO has several of this name.",
        Reason.WRONG_TYPE: "It is of a type that cannot do what the policy has it do.",
        Reason.WRONG_CURRENCY: "It is in another currency than the key.",
        Reason.NOT_ON_DEPOSITS: "No line of a deposit can name an account of its type: payouts would be parked.",
        Reason.NO_INCOME_ACCOUNT: "The item has no active income account.",
        Reason.UNUSUAL: "It works, but reports would show its amounts where nobody looks for them.",
    }
)
"""What each reason means; the code of a finding is what was looked at and the reason (`account_not_found`)."""

_REAL_BOOKS = "Whether test data would go to the production QBO."
CHECKS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "start": "Whether the parts can be opened at all.",
        "settings_stripe": "The environment variables for Stripe are set.",
        "settings_qbo": "The environment variables for QBO are set.",
        "settings_webhooks": "The signing secret of webhooks is set.",
        "settings_unknown": "No variable beginning with WESCOPE_ is misspelled.",
        "access": "Who may see the console: its settings are set, and fit where the process listens.",
        "access_roles": "If people sign in: somebody may, and somebody may decide and start work.",
        "access_sign_in": "If people sign in: the provider, or the proxy's list of keys, answers and can be believed.",
        "access_tokens": "The tokens of programs are not easily guessed.",
        "database": "PostgreSQL answers and has this version's schema.",
        "stripe_key": "Stripe accepts the key; whose and which mode it is.",
        "stripe_mode": _REAL_BOOKS,
        "stripe_permission": "The key may read each list that the work needs; one check for each.",
        "stripe_payouts": "Whether payouts are automatic or manual, which decides how fees are booked.",
        "stripe_balance": "The currencies that the balance holds; each needs its clearing and bank account.",
        "stripe_webhook": "An end point at /webhooks/stripe is enabled and sends every type that is looked at.",
        "time_zone": "The books' time zone is the one that Stripe's dashboard reports in.",
        "clock": "This machine's clock agrees with Stripe's within 60 s.",
        "qbo_connection": "QBO accepts the connection.",
        "qbo_token": "The refresh token lasts longer than 14 days.",
        "qbo_company": "The company's accounts, items and preferences can be read.",
        "account": "Each account of `[accounts]` and `[categories]`, by currency: it exists once, is active, and has"
        " the right type and currency.",
        "accounts_shared": "The clearing account serves nothing else: its balance must be Stripe's.",
        "item": "Each item of `[items]` and its rules: it exists once, is active, is a service or non-inventory item,"
        " and posts to a fitting account.",
        "class": "Each class of the rules exists once and is active.",
        "tax_code": "Native tax: each tax code exists once and is active.",
        "categories": "Each category of `[categories]` is one of Stripe's that an account can be named for.",
        "home_currency": "`home_currency` is the company's.",
        "multicurrency": "Multicurrency is on if Stripe's balance or the policy has other currencies.",
        "closed_books": "The closing date of the books, what happens to documents before it, and that `start_date` lies"
        " after it.",
        "sales_tax": "Sales tax is on in QBO if `[tax] mode` is native.",
        "transaction_numbers": "Custom transaction numbers are on, so that invoices keep Stripe's numbers.",
        "automatic_credits": "QBO does not apply credits by itself.",
        "automatic_payments": "QBO does not apply payments by itself.",
        "class_tracking": "Classes are tracked by line if rules name any.",
        "alerts": "Somebody is told of alerts.",
        "bigquery": "The dataset can be reached, if one is named.",
        "start_date": "Backfill: where the books begin.",
        "others": "Backfill: what other programs have entered about Stripe.",
    }
)
"""What each check looks at, by its code, in the order in which they are told."""


def checked(
    name: str,
    *,
    code: str,
    seen: str,
    fault: str = "",
    remedy: str = "",
    severity: Severity = Severity.ERROR,
    place: str = "",
) -> Check:
    """A check that is good unless there is a fault.

    Args:
        name: what was looked at.
        code: of `CHECKS`; for something that the policy names followed by the reason, if it is not good.
        seen: what is there, shown if it is good.
        fault: what is wrong with it; empty if nothing is.
        remedy: the one action that mends the fault, in one sentence.
        severity: how bad the fault is.
        place: where in the policy file it is named; empty if it is not.
    """
    return Check(
        name=name,
        ok=not fault,
        detail=fault or seen,
        remedy=remedy if fault else "",
        severity=severity,
        code=code,
        place=place,
    )


def failed(name: str, error: WescopeError, *, code: str, severity: Severity = Severity.ERROR) -> Check:
    """The check that an error ended; a permission that Stripe names becomes the remedy."""
    permission = error.detail if isinstance(error, StripeRefused) else ""
    remedy = f"Give the restricted key the permission {permission}." if permission else error.remedy
    return checked(name, code=code, seen="", fault=str(error), remedy=remedy, severity=severity)
