"""Doctor for Stripe: the key, what it may read, how payouts are made, and the currencies that the balance holds."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Protocol
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from wescope.config import PolicyFile
from wescope.engine.doctor_checks import checked, failed
from wescope.engine.results import Check, Severity
from wescope.errors import WescopeError
from wescope.stripe.events import handled_types

RESOURCES: Final = (
    "invoices",
    "invoice_payments",
    "charges",
    "customers",
    "credit_notes",
    "refunds",
    "disputes",
    "payouts",
    "balance_transactions",
    "topups",
    "events",
)
"""Every list that the reader and the tie-out ask for; each is asked for one object.

Transfers and application fees are left out: only accounts that use Connect may list them.
"""

BALANCE: Final = "balance"
WEBHOOK_PATH: Final = "/webhooks/stripe"
NEEDED_EVENTS: Final = frozenset(handled_types()) - {"invoice.created"}
"""Every type of event that is looked at (docs/events.md), but the one whose slow answer holds Stripe's invoices up."""

_MOST_END_POINTS = 100
_SHOWN = 3


class StripeProbe(Protocol):
    """What is asked of Stripe's reader (`wescope.stripe.reader.StripeReader`)."""

    async def account(self) -> Mapping[str, str | bool | None]:
        """The account of the key: `id`, `country`, `default_currency`, `timezone`, `livemode`."""
        ...

    async def manual_payouts(self) -> bool:
        """Whether the account's payouts are made by hand."""
        ...


class StripeAnswers(Protocol):
    """The bare API (`wescope.stripe.client.StripeApi`)."""

    async def get(self, path: str, **parameters: Any) -> dict[str, Any]:
        """The answer to one GET request."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class StripeSeen:
    """What was found at Stripe; `currencies` are those of the account's balance, in lower case."""

    checks: tuple[Check, ...]
    currencies: frozenset[str] = frozenset()


async def examine_stripe(
    probe: StripeProbe, api: StripeAnswers, policy_file: PolicyFile, *, real_books: bool
) -> StripeSeen:
    """Look at Stripe; where the key itself is refused, nothing else is asked.

    Args:
        probe: the reader.
        api: the bare API.
        policy_file: says the books' time zone.
        real_books: whether QBO is the production service, to which no test data may go.
    """
    try:
        account = await probe.account()
    except WescopeError as error:
        return StripeSeen(checks=(failed("Stripe key", error, code="stripe_key"),))
    live = bool(account.get("livemode"))
    schedule, webhook, balance, lists = await asyncio.gather(
        _schedule(probe),
        _webhook(api),
        _permission(api, BALANCE),
        asyncio.gather(*(_permission(api, resource, limit=1) for resource in RESOURCES)),
    )
    currencies = _currencies(balance.answer)
    checks = (
        checked(
            "Stripe key", code="stripe_key", seen=f"account {account.get('id')}, {'live' if live else 'test'} mode"
        ),
        checked(
            "Stripe mode and QBO company",
            code="stripe_mode",
            seen="they fit",
            fault="test data would be posted to real books" if real_books and not live else "",
            remedy="Set the live key in WESCOPE_STRIPE_API_KEY, or a sandbox in WESCOPE_QBO_API_BASE.",
        ),
        *(one.check for one in (*lists, balance)),
        schedule,
        checked(
            "Stripe balance",
            code="stripe_balance",
            seen=", ".join(sorted(currencies)).upper() or "currencies unknown",
        ),
        webhook,
        _time_zone(account.get("timezone"), policy_file),
    )
    return StripeSeen(checks=checks, currencies=currencies)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    """A check with what Stripe answered; empty if it refused."""

    check: Check
    answer: Mapping[str, Any]


async def _permission(api: StripeAnswers, resource: str, **parameters: int) -> _Answer:
    name = f"Stripe permission {resource.replace('_', ' ')}"
    try:
        answer = await api.get(f"/v1/{resource}", **parameters)
    except WescopeError as error:
        return _Answer(check=failed(name, error, code="stripe_permission"), answer={})
    return _Answer(check=checked(name, code="stripe_permission", seen="may be read"), answer=answer)


async def _schedule(probe: StripeProbe) -> Check:
    name = "Stripe payouts"
    try:
        manual = await probe.manual_payouts()
    except WescopeError as error:
        return failed(name, error, code="stripe_payouts")
    seen = "manual: fees are booked by day" if manual else "automatic: fees are booked by payout"
    return checked(name, code="stripe_payouts", seen=seen)


async def _webhook(api: StripeAnswers) -> Check:
    """Whether an end point of this service gets every type that is looked at; sweeps find what it does not."""
    name, code = "Stripe webhook end point", "stripe_webhook"
    try:
        answer = await api.get("/v1/webhook_endpoints", limit=_MOST_END_POINTS)
    except WescopeError as error:
        return failed(name, error, code=code, severity=Severity.WARNING)
    ours = [one for one in answer.get("data") or () if urlsplit(str(one.get("url"))).path.endswith(WEBHOOK_PATH)]
    enabled = [one for one in ours if one.get("status") == "enabled"]
    missing = [] if not enabled else min((_missing(one) for one in enabled), key=len)
    if not ours:
        fault, remedy = f"none ends with {WEBHOOK_PATH}", f"Add https://<your host>{WEBHOOK_PATH} in Stripe (Webhooks)."
    elif not enabled:
        fault, remedy = "it is disabled", "Enable it in Stripe (Webhooks), and see there why deliveries failed."
    else:
        shown = ", ".join(missing[:_SHOWN]) + (f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else "")
        fault, remedy = (f"it does not send {shown}" if missing else ""), "Add these types to it in Stripe (Webhooks)."
    return checked(
        name, code=code, seen="enabled, with every type", fault=fault, remedy=remedy, severity=Severity.WARNING
    )


def _missing(end_point: Mapping[str, Any]) -> list[str]:
    sent = set(end_point.get("enabled_events") or ())
    return [] if "*" in sent else sorted(NEEDED_EVENTS - sent)


def _time_zone(there: object, policy_file: PolicyFile) -> Check:
    """Whether Stripe's reports and the books cut days and months at the same moment."""
    here = policy_file.policy.timezone
    return checked(
        "time zone",
        code="time_zone",
        seen=str(here),
        fault="" if _same_days(str(there or here), here) else f"the books are in {here}, Stripe's dashboard in {there}",
        remedy="Set timezone under [books] in wescope.toml to the company's; or change Stripe's (Settings, Account).",
        severity=Severity.WARNING,
        place=policy_file.place("books.timezone"),
    )


def _same_days(name: str, zone: ZoneInfo) -> bool:
    try:
        other = ZoneInfo(name)
    except (LookupError, ValueError, OSError):
        return True  # Stripe has names of its own for some; then nothing can be said
    moments = (datetime(2026, month, 1, tzinfo=UTC) for month in range(1, 13))
    return all(moment.astimezone(other).utcoffset() == moment.astimezone(zone).utcoffset() for moment in moments)


def _currencies(balance: Mapping[str, Any]) -> frozenset[str]:
    """Currencies of Stripe's `balance`; those that were never used are in it too, with zero."""
    rows = (row for part in ("available", "pending") for row in balance.get(part) or ())
    return frozenset(str(row["currency"]).lower() for row in rows if isinstance(row, Mapping) and row.get("currency"))
