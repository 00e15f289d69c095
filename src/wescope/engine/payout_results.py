"""Payout results: the stored checks of payouts as values for people and programs."""

from collections.abc import Collection
from dataclasses import asdict, fields
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from wescope.engine.results import PayoutDetail, PayoutResult, PayoutRowResult
from wescope.errors import ObjectNotFound
from wescope.links.payouts import StoredPayout, stored_checks, stored_rows


async def payout_results(
    connection: AsyncConnection, realm_id: str, *, payout_ids: Collection[str] | None = None
) -> tuple[PayoutResult, ...]:
    """The result of every payout that was looked at, or of those with these ids, the latest arrival first."""
    found = await stored_checks(connection, realm_id, payout_ids=payout_ids)
    return tuple(_result(check, at) for check, at in found)


async def payout_detail(connection: AsyncConnection, realm_id: str, payout_id: str) -> PayoutDetail:
    """One payout with its rows in Stripe's order.

    Raises:
        ObjectNotFound: it was not looked at yet.
    """
    found = await stored_checks(connection, realm_id, payout_ids=[payout_id])
    if not found:
        raise ObjectNotFound("No check of this payout is stored; `wescope sync` looks at it now.", payout=payout_id)
    ((check, at),) = found
    rows = await stored_rows(connection, realm_id, payout_id)
    return PayoutDetail(
        payout=_result(check, at),
        rows=tuple(PayoutRowResult(currency=check.currency, **asdict(row)) for row in rows),
    )


def _result(check: StoredPayout, at: datetime) -> PayoutResult:
    return PayoutResult(**{each.name: getattr(check, each.name) for each in fields(check)}, checked_at=at)
