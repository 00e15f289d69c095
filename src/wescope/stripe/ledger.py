"""Stripe's own ledger: payouts with their rows, single rows, and all rows of a day."""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from datetime import time as time_of_day
from typing import Any, Final
from zoneinfo import ZoneInfo

from wescope.books.subjects import Subject, SubjectKind
from wescope.books.values import BalanceDay, BalanceRow, Payout
from wescope.errors import ObjectNotFound
from wescope.stripe.client import StripeApi
from wescope.stripe.parsing import Fields, parse_balance_row, parse_payout

SCHEDULE_KEPT_S: Final = 3600.0
"""How long the account's payout schedule is believed."""

ROWS: Final = "/v1/balance_transactions"

_OWNING_SOURCES = {
    "charge": SubjectKind.CHARGE,
    "refund": SubjectKind.REFUND,
    "dispute": SubjectKind.DISPUTE,
    "payout": SubjectKind.PAYOUT,
}
_MAKERS = {
    SubjectKind.TOPUP: "/v1/topups",
    SubjectKind.TRANSFER: "/v1/transfers",
    SubjectKind.APPLICATION_FEE: "/v1/application_fees",
}


class LedgerReader:
    """Reads payouts and rows of the balance (facts/stripe.md 2.8 and 2.9).

    Args:
        api: Stripe.
        timezone: The books' time zone: days are days of its calendar.
        monotonic: A clock that only goes forward, in seconds.
    """

    def __init__(self, api: StripeApi, *, timezone: ZoneInfo, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._api = api
        self._timezone = timezone
        self._monotonic = monotonic
        self._schedule: tuple[float, bool] | None = None

    async def payout(self, identifier: str) -> Payout | None:
        """A payout with the rows that it pays out; null if Stripe has no such payout.

        Calls: one; for automatic ones one per 100 rows; one an hour for the account's payout schedule.

        Raises:
            StripeError: Stripe can't be read, or one of the objects can't.
        """
        expand = ["balance_transaction", "failure_balance_transaction"]
        try:
            payout = parse_payout(await self._api.get(f"/v1/payouts/{identifier}", expand=expand))
        except ObjectNotFound:
            return None
        # Stripe can't say what a manual payout pays out (facts/stripe.md 2.8).
        rows = await self.rows_of_payout(identifier) if payout.automatic else ()
        return replace(payout, rows=rows, fees_by_day=await self.manual_payouts())

    async def rows_of_payout(self, identifier: str) -> tuple[BalanceRow, ...]:
        """The rows that an automatic payout pays out, without its own, newest first. One call per 100.

        Raises:
            StripeError: Stripe can't be read, or a row can't.
        """
        rows = await self._rows(payout=identifier)
        # Its failure may stand in a later payout's list, never in its own.
        return tuple(row for row in rows if row.source != identifier)

    async def row(self, identifier: str) -> BalanceRow | None:
        """One row and what made it; null if Stripe has no such row. One call.

        Raises:
            StripeError: Stripe can't be read, or the row can't.
        """
        try:
            return parse_balance_row(await self._api.get(f"{ROWS}/{identifier}", expand=["source"]))
        except ObjectNotFound:
            return None

    async def day(self, currency: str, day: date) -> BalanceDay:
        """All rows of one currency of one day of the books' calendar. One call per 100.

        Args:
            currency: Settlement currency, in lower case.
            day: The day, which may have 23 or 25 hours.

        Raises:
            StripeError: Stripe can't be read, or a row can't.
        """
        first, after = (self._begin_of(day), self._begin_of(day + timedelta(days=1)))
        rows = await self._rows(currency=currency, created={"gte": first, "lt": after})
        return BalanceDay(day=day, currency=currency, rows=rows)

    async def rows_made_by(self, maker: Subject) -> tuple[Subject, ...]:
        """The rows that a topup, a transfer or an application fee made, its reversals' too. One call, at most two.

        Raises:
            StripeError: Stripe can't be read, or the object can't.
            ObjectNotFound: there is no such object.
        """
        payload = await self._api.get(f"{_MAKERS[maker.kind]}/{maker.id}")
        fields = Fields.of(payload, maker.kind.value)
        holders = [fields, *(one for name in ("reversals", "refunds") for one in fields.child(name).children("data"))]
        found = {holder.optional_reference("balance_transaction") for holder in holders}
        if fields.optional_text("status") == "reversed":
            # A topup does not name the row of its reversal.
            found |= {row.transaction.id for row in await self._rows(source=maker.id)}
        rows = sorted(identifier for identifier in found if identifier is not None)
        return tuple(Subject(kind=SubjectKind.BALANCE_TRANSACTION, id=identifier) for identifier in rows)

    async def _rows(self, **filters: Any) -> tuple[BalanceRow, ...]:
        rows = self._api.pages(ROWS, expand=["data.source"], **filters)
        return tuple([parse_balance_row(payload) async for payload in rows])

    def _begin_of(self, day: date) -> int:
        # Where clocks are put forward at midnight this is the first second after the gap.
        return int(datetime.combine(day, time_of_day.min, self._timezone).timestamp())

    async def manual_payouts(self) -> bool:
        """Whether the account's payouts are made by hand, so that Stripe names no rows of them. One call an hour.

        Raises:
            StripeError: Stripe can't be read.
        """
        now = self._monotonic()
        if self._schedule is None or now - self._schedule[0] >= SCHEDULE_KEPT_S:
            account = Fields.of(await self._api.get("/v1/account"), "account")
            schedule = account.child("settings").child("payouts").child("schedule")
            self._schedule = (now, schedule.optional_text("interval") == "manual")
        return self._schedule[1]


def owner_of_row(row: BalanceRow) -> Subject | None:
    """The subject whose documents cover a row: its charge, refund, dispute or payout; null if the row stands alone."""
    kind = _OWNING_SOURCES.get(row.source_kind)
    return None if kind is None or row.source is None else Subject(kind=kind, id=row.source)
