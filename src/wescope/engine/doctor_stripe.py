"""Doctor for Stripe: the key, what it may read, how payouts are made, and the currencies that the balance holds."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from wescope.engine.doctor_checks import checked, failed
from wescope.engine.results import Check
from wescope.errors import WescopeError

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


class StripeProbe(Protocol):
    """What is asked of Stripe's reader (`wescope.stripe.reader.StripeReader`)."""

    async def account(self) -> Mapping[str, str | bool | None]:
        """The account of the key: `id`, `country`, `default_currency`, `livemode`."""
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


async def examine_stripe(probe: StripeProbe, api: StripeAnswers, *, real_books: bool) -> StripeSeen:
    """Look at Stripe; where the key itself is refused, nothing else is asked.

    Args:
        probe: the reader.
        api: the bare API.
        real_books: whether QBO is the production service, to which no test data may go.
    """
    try:
        account = await probe.account()
    except WescopeError as error:
        return StripeSeen(checks=(failed("Stripe key", error),))
    live = bool(account.get("livemode"))
    schedule, balance, lists = await asyncio.gather(
        _schedule(probe),
        _permission(api, BALANCE),
        asyncio.gather(*(_permission(api, resource, limit=1) for resource in RESOURCES)),
    )
    currencies = _currencies(balance.answer)
    checks = (
        checked("Stripe key", seen=f"account {account.get('id')}, {'live' if live else 'test'} mode"),
        checked(
            "Stripe mode and QBO company",
            seen="they fit",
            fault="test data would be posted to real books" if real_books and not live else "",
            remedy="Set the live key in WESCOPE_STRIPE_API_KEY, or a sandbox in WESCOPE_QBO_API_BASE.",
        ),
        *(one.check for one in (*lists, balance)),
        schedule,
        checked("Stripe balance", seen=", ".join(sorted(currencies)).upper() or "currencies unknown"),
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
        return _Answer(check=failed(name, error), answer={})
    return _Answer(check=checked(name, seen="may be read"), answer=answer)


async def _schedule(probe: StripeProbe) -> Check:
    name = "Stripe payouts"
    try:
        manual = await probe.manual_payouts()
    except WescopeError as error:
        return failed(name, error)
    return checked(name, seen="manual: fees are booked by day" if manual else "automatic: fees are booked by payout")


def _currencies(balance: Mapping[str, Any]) -> frozenset[str]:
    """Currencies of Stripe's `balance`; those that were never used are in it too, with zero."""
    rows = (row for part in ("available", "pending") for row in balance.get(part) or ())
    return frozenset(str(row["currency"]).lower() for row in rows if isinstance(row, Mapping) and row.get("currency"))
