"""Payouts: the daily automatic ones with their rows, manual and instant ones, failed and canceled (facts 2.8)."""

from datetime import date, timedelta
from fractions import Fraction
from functools import partial

from wescope.sandbox.stripe.account import Account
from wescope.sandbox.stripe.arithmetic import half_up
from wescope.sandbox.stripe.clock import day_of, midnight, next_midnight
from wescope.sandbox.stripe.currency import Settled, check_amount
from wescope.sandbox.stripe.errors import StripeError, invalid_parameter, no_such
from wescope.sandbox.stripe.ledger import PAYMENTS, PAYOUT, PAYOUT_CANCEL, PAYOUT_FAILURE, Fee, Kind, Ledger
from wescope.sandbox.stripe.refunds import Schedule
from wescope.sandbox.stripe.store import Resource

HOUR_S = 3_600
MADE_AT_S = 2 * HOUR_S  # of a UTC day
SUBMITTED_AFTER_S = 12 * HOUR_S
RECONCILED_AFTER_S = 300
INSTANT_AFTER_S = 1_800
ARRIVES_AFTER_DAYS = 2
SATURDAY = 5
INSTANT_FEE_PERCENT = 1
METHODS = ("standard", "instant")
FAILURES = {
    "account_closed": "The bank account has been closed.",
    "account_frozen": "The bank account has been frozen.",
    "bank_account_restricted": "The bank account has restrictions on either the type or number of transfers allowed.",
    "could_not_process": "The bank could not process this transfer.",
    "debit_not_authorized": "Debit transactions are not approved on the bank account.",
    "declined": "The bank has declined this transfer.",
    "insufficient_funds": "The Stripe balance or the bank account has insufficient funds.",
    "invalid_account_number": "The routing number seems correct, but the account number is invalid.",
    "no_account": "The bank account could not be found.",
}


class Payouts:
    """Makes payouts and moves them.

    Args:
        account: Where they live.
        ledger: Where their rows go.
        schedule: Has something done at a later moment.
    """

    def __init__(self, account: Account, ledger: Ledger, schedule: Schedule) -> None:
        self._account = account
        self._store = account.store
        self._ledger = ledger
        self._schedule = schedule
        self._turn = 0

    def follow(self, interval: str, at: int) -> None:
        """Make automatic payouts every day at 02:00 UTC from now on, or none.

        Args:
            interval: ``daily`` or ``manual``.
            at: Unix seconds.

        Raises:
            StripeError: 400 for another interval.
        """
        if interval not in {"daily", "manual"}:
            raise invalid_parameter("payout_schedule", "Invalid payout_schedule: must be one of daily, or manual")
        self._account.payout_interval = interval
        self._turn += 1
        if interval == "daily":
            today = next_midnight(at, days=0) + MADE_AT_S
            first = today if today > at else next_midnight(at, days=1) + MADE_AT_S
            self._schedule(first, partial(self._daily, self._turn))

    def create(self, amount: int, at: int, *, method: str = "standard", currency: str | None = None) -> Resource:
        """Make a manual payout; emits ``payout.created``. An instant one costs a fee and arrives half an hour later.

        Args:
            amount: Minor units.
            at: Unix seconds.
            method: ``standard`` or ``instant``.
            currency: One that is settled; the default one if None.

        Returns:
            The payout.

        Raises:
            StripeError: 400 when the balance is smaller or a value is wrong.
        """
        if method not in METHODS:
            raise invalid_parameter("method", "Invalid method: must be one of standard, or instant")
        code = currency or self._account.settlement.default
        check_amount(amount, code)
        instant = method == "instant"
        fee = half_up(Fraction(amount * INSTANT_FEE_PERCENT, 100)) if instant else 0
        if amount + fee > self._balance(code, at, pending=instant):
            raise StripeError(
                "You have insufficient funds in your Stripe account for this payout.",
                code="balance_insufficient",
                param="amount",
            )
        payout = self._make(amount, code, at, method=method, automatic=False)
        fees = [Fee(amount=fee, description="Instant Payout fee")] if instant else []
        self._announce(payout, at, fees)
        return payout

    def find(self, payout_id: str) -> Resource:
        """Return a payout.

        Raises:
            StripeError: 404 when there is none.
        """
        payout = self._store.get("payout", payout_id)
        if payout is None:
            raise no_such("payout", payout_id)
        return payout

    def fail(self, payout: Resource, at: int, *, code: str = "account_closed") -> Resource:
        """Let the bank return a payout, also after it was paid; emits ``payout.failed``.

        Raises:
            StripeError: 400 when it has failed or was canceled, or for an unknown code.
        """
        if code not in FAILURES:
            raise invalid_parameter("failure_code", f"Unknown failure code; there are {', '.join(FAILURES)}")
        self._expect(payout, "pending", "in_transit", "paid", action="fail")
        payout.update(failure_code=code, failure_message=FAILURES[code])
        return self._undo(payout, at, "failed", PAYOUT_FAILURE)

    def cancel(self, payout: Resource, at: int) -> Resource:
        """Cancel a payout that was not submitted yet; emits ``payout.canceled``.

        Raises:
            StripeError: 400 when it was.
        """
        self._expect(payout, "pending", action="cancel")
        return self._undo(payout, at, "canceled", PAYOUT_CANCEL)

    def _daily(self, turn: int, at: int) -> None:
        if turn != self._turn:
            return  # another schedule was chosen since
        waiting: dict[str, list[Resource]] = {}
        for row in self._store.all("balance_transaction"):
            if row["id"] not in self._store.paid_out and _counts(row) and row["available_on"] <= at:
                waiting.setdefault(row["currency"], []).append(row)
        for currency in sorted(waiting):
            self._sweep(waiting[currency], currency, at)
        self._schedule(next_midnight(at, days=1) + MADE_AT_S, partial(self._daily, turn))

    def _sweep(self, rows: list[Resource], currency: str, at: int) -> None:
        amount = sum(row["net"] for row in rows)
        if not amount:
            return  # the rows wait for the next one
        payout = self._make(amount, currency, at, method="standard", automatic=True)
        self._store.paid_out.update({row["id"]: payout["id"] for row in rows})
        self._announce(payout, at, [])
        self._store.paid_out[payout["balance_transaction"]] = payout["id"]
        self._schedule(at + RECONCILED_AFTER_S, partial(self._reconcile, payout))

    def _announce(self, payout: Resource, at: int, fees: list[Fee]) -> None:
        """Take the money from the balance and let the payout take its way."""
        row = self._ledger.add(
            PAYOUT,
            Settled(amount=-payout["amount"], currency=payout["currency"]),
            at,
            source=payout["id"],
            description=payout["description"],
            fees=fees,
        )
        payout["balance_transaction"] = row["id"]
        self._account.log.emit("payout.created", payout, at)
        if payout["method"] == "standard":
            self._schedule(at + SUBMITTED_AFTER_S, partial(self._submit, payout))
        self._schedule(payout["arrival_date"], partial(self._arrive, payout))

    def _submit(self, payout: Resource, at: int) -> None:
        if payout["status"] == "pending":
            payout["status"] = "in_transit"
            self._account.log.emit("payout.updated", payout, at, previous={"status": "pending"})

    def _arrive(self, payout: Resource, at: int) -> None:
        if payout["status"] in {"pending", "in_transit"}:
            payout.update(status="paid", trace_id={"status": "supported", "value": _trace(payout["id"])})
            self._account.log.emit("payout.paid", payout, at)

    def _reconcile(self, payout: Resource, at: int) -> None:
        payout["reconciliation_status"] = "completed"
        previous = {"reconciliation_status": "in_progress"}
        self._account.log.emit("payout.updated", payout, at, previous=previous)
        self._account.log.emit("payout.reconciliation_completed", payout, at)

    def _undo(self, payout: Resource, at: int, status: str, kind: Kind) -> Resource:
        original = self._ledger.find(payout["balance_transaction"])
        if original is None:
            raise no_such("balance_transaction", str(payout["balance_transaction"]))
        row = self._ledger.reverse(
            original, kind, at, source=payout["id"], description=f"REFUND FOR PAYOUT ({payout['description']})"
        )
        payout.update(status=status, failure_balance_transaction=row["id"])
        self._account.log.emit(f"payout.{status}", payout, at)
        return payout

    def _balance(self, currency: str, at: int, *, pending: bool) -> int:
        """Return what can be paid out: for an instant payout also what is still pending."""
        rows = [row for row in self._store.all("balance_transaction") if row["currency"] == currency and _counts(row)]
        return sum(row["net"] for row in rows if pending or row["available_on"] <= at)

    def _expect(self, payout: Resource, *states: str, action: str) -> None:
        if payout["status"] not in states:
            raise StripeError(f"You cannot {action} a payout that is {payout['status']}.", param="id")

    def _make(self, amount: int, currency: str, at: int, *, method: str, automatic: bool) -> Resource:
        arrival = at + INSTANT_AFTER_S if method == "instant" else midnight(arrival_day(day_of(at)))
        payout: Resource = {
            "id": self._account.ids.dated("po_1", at),
            "object": "payout",
            "amount": amount,
            "application_fee": None,
            "application_fee_amount": None,
            "arrival_date": arrival,
            "automatic": automatic,
            "balance_transaction": None,
            "created": at,
            "currency": currency,
            "description": "STRIPE PAYOUT",
            "destination": self._bank_account(currency, at)["id"],
            "failure_balance_transaction": None,
            "failure_code": None,
            "failure_message": None,
            "livemode": False,
            "metadata": {},
            "method": method,
            "original_payout": None,
            "payout_method": None,
            "reconciliation_status": "in_progress" if automatic else "not_applicable",
            "reversed_by": None,
            "source_type": "card",
            "statement_descriptor": None,
            "status": "pending",
            "trace_id": {"status": "pending", "value": None},
            "type": "bank_account",
        }
        return self._store.add(payout)

    def _bank_account(self, currency: str, at: int) -> Resource:
        """Return the bank account to which a currency is paid out; the first payout opens it."""
        for known in self._store.all("bank_account"):
            if known["currency"] == currency:
                return known
        ids = self._account.ids
        return self._store.add({
            "id": ids.dated("ba_1", at),
            "object": "bank_account",
            "account": ids.account,
            "account_holder_name": None,
            "account_holder_type": "company",
            "account_type": None,
            "available_payout_methods": ["standard", "instant"],
            "bank_name": "STRIPE TEST BANK",
            "country": self._account.country,
            "currency": currency,
            "default_for_currency": True,
            "fingerprint": ids.text("fingerprint", length=16),
            "last4": "6789",
            "metadata": {},
            "routing_number": "110000000",
            "status": "new",
        })  # fmt: skip


def arrival_day(made: date) -> date:
    """Return the UTC date on which a standard payout arrives: two days later, on a weekend the Monday after."""
    day = made + timedelta(days=ARRIVES_AFTER_DAYS)
    while day.weekday() >= SATURDAY:
        day += timedelta(days=1)
    return day


def _counts(row: Resource) -> bool:
    """Say whether a row moves the balance that is paid out."""
    return row.get("balance_type", PAYMENTS) == PAYMENTS and "available_on" in row


def _trace(payout_id: str) -> str:
    """Return the bank's reference of a payout: 15 characters."""
    return payout_id[-15:].upper()
