"""Opening balance: what the clearing accounts must hold at the start date, and the entry that a person posts for it.

It is Stripe's balance of that moment, gross, as far as it was not paid out before (DESIGN.md section 3, cut-over).
Rows and payouts are read one after another; what is kept is exceptions only.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta

from wescope.books.calendar import local_date
from wescope.books.policy import AccountRole, Policy
from wescope.books.reversal import is_taken_back
from wescope.books.values import BalanceRow, Payout
from wescope.config import PolicyFile
from wescope.engine.results import MONEY
from wescope.engine.tieout_clearing import fee_of, movements_of_payout, stands, through_clearing
from wescope.stripe.listing import StripeListing

_REACH = timedelta(days=62)
"""What undoes a row without a trace, or belongs to its day, comes no later: in its month, or with its capture."""

_UNDOES: Mapping[str, str] = {
    "charge_failure": "charge",
    "partial_capture_reversal": "charge",
    "refund_failure": "refund",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class OpeningLine:
    """What the clearing account of one currency must hold at the end of `day`, the last one before the start date.

    The entry is: debit `account`, credit the account in which this money stands in the books so far.
    """

    day: date
    account: str
    amount: int = field(metadata=MONEY)
    currency: str


async def opening_balance(listing: StripeListing, policy_file: PolicyFile, start: date) -> tuple[OpeningLine, ...]:
    """The opening balance of each clearing account; currencies without one are left out.

    Calls: one per 100 rows and per 100 payouts of before `start`, and one per 100 rows of each automatic payout.

    Args:
        listing: Stripe's lists.
        policy_file: the company's choices.
        start: the first day of the books, in their calendar.

    Raises:
        StripeError: Stripe cannot be read.
    """
    held = await _Opening(listing, policy_file.policy, start).held()
    day = start - timedelta(days=1)
    return tuple(
        OpeningLine(
            day=day,
            account=policy_file.account(AccountRole.CLEARING, currency) or "",
            amount=amount,
            currency=currency,
        )
        for currency, amount in sorted(held.items())
        if amount
    )


class _Opening:
    def __init__(self, listing: StripeListing, policy: Policy, start: date) -> None:
        self._listing, self._policy, self._start = listing, policy, start
        self._held: Counter[str] = Counter()
        self._never_paid: set[str] = set()
        self._undone: defaultdict[tuple[str, str | None], list[tuple[date, int, bool]]] = defaultdict(list)

    async def held(self) -> Counter[str]:
        by_day = await self._listing.has_manual_payouts()
        async for payout in self._listing.payouts(created_until=self._midnight(self._start)):
            await self._payout(replace(payout, fees_by_day=by_day))
        async for row in self._listing.balance_transactions(created_until=self._midnight(self._start) + _REACH):
            self._row(row, by_day=by_day)
        return self._held

    def _midnight(self, day: date) -> datetime:
        return datetime.combine(day, time.min, self._policy.timezone).astimezone(UTC)

    async def _payout(self, payout: Payout) -> None:
        failure = payout.failure_balance_transaction
        if not stands(payout) and failure is not None:
            self._never_paid.add(failure.id)
        if payout.automatic:
            rows = [row async for row in self._listing.payout_rows(payout.id)]
            payout = replace(payout, rows=tuple(rows))
        for moved in movements_of_payout(payout, self._policy):
            if moved.day < self._start:
                self._held[moved.currency] += moved.amount

    def _row(self, row: BalanceRow, *, by_day: bool) -> None:
        """Count a row if it is from before the start; rows come newest first, what undoes one before it."""
        transaction = row.transaction
        if transaction.id in self._never_paid:
            return
        day, category = local_date(transaction.created, self._policy.timezone), transaction.reporting_category
        amount, currency = through_clearing(transaction, self._policy), transaction.currency
        of_charge = category in {"charge", "charge_failure", "partial_capture_reversal"}
        source = row.charge if of_charge else row.source
        if day >= self._start:
            if undone := _UNDOES.get(category):
                always = category == "partial_capture_reversal"
                self._undone[undone, source].append((day, amount, always))
            return
        self._held[currency] += amount - (fee_of(transaction) if by_day else 0)
        for later, back, always in self._undone.pop((category, source), ()):
            if always or is_taken_back(day, later, self._policy):
                self._held[currency] += back
