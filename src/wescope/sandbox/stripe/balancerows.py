"""What else moves the balance: top-ups, and rows that no object of ours causes (fees, taxes, reserves, adjustments)."""

from typing import Any

from wescope.sandbox.stripe.account import Account
from wescope.sandbox.stripe.clock import next_midnight
from wescope.sandbox.stripe.currency import Settled, check_amount
from wescope.sandbox.stripe.errors import StripeError, no_such
from wescope.sandbox.stripe.ledger import PAYMENTS, TOPUP, TOPUP_REVERSAL, Fee, Kind, Ledger
from wescope.sandbox.stripe.refunds import Schedule
from wescope.sandbox.stripe.store import Resource

DAY_S = 86_400
ARRIVES_AFTER_DAYS = 5
REVERSED_AFTER_S = 3 * DAY_S
OUTCOMES = ("succeeded", "pending", "failed", "canceled", "reversed")
# What Stripe reports a type as; for other types the caller says it, or it is the type's own name.
CATEGORIES = {
    "adjustment": "other_adjustment",
    "application_fee": "platform_earning",
    "application_fee_refund": "platform_earning_refund",
    "obligation_outbound": "other_adjustment",
    "payment_failure_refund": "charge_failure",
    "reserve_transaction": "connect_reserved_funds",
    "reserved_funds": "risk_reserved_funds",
    "stripe_fee": "fee",
    "stripe_fx_fee": "fee",
    "tax_fee": "tax",
}


class BalanceRows:
    """Makes top-ups and rows without an object.

    Args:
        account: Where they live.
        ledger: Where the rows go.
        schedule: Has something done at a later moment.
    """

    def __init__(self, account: Account, ledger: Ledger, schedule: Schedule) -> None:
        self._account = account
        self._store = account.store
        self._ledger = ledger
        self._schedule = schedule

    def add(
        self,
        row_type: str,
        amount: int,
        at: int,
        *,
        category: str | None = None,
        fee: int = 0,
        currency: str | None = None,
        description: str | None = None,
        balance_type: str = PAYMENTS,
    ) -> Resource:
        """Make a balance transaction as said; returns it.

        Args:
            row_type: Stripe's ``type``, also one that it does not have yet.
            amount: Gross minor units, of any sign: what Stripe takes is below zero.
            at: Unix seconds.
            category: ``reporting_category``; that of the type if None.
            fee: Minor units that Stripe keeps besides.
            currency: One that is settled; the default one if None.
            description: What the row says.
            balance_type: Which of the account's balances it moves.

        Raises:
            StripeError: 400 when the currency is not settled or an amount is no integer.
        """
        for name, value in (("amount", amount), ("fee", fee)):
            if isinstance(value, bool) or not isinstance(value, int):
                raise StripeError(f"Invalid integer: {value}", code="parameter_invalid_integer", param=name)
        return self._ledger.add(
            Kind(type=row_type, category=category or CATEGORIES.get(row_type, row_type)),
            Settled(amount=amount, currency=self._settled(currency)),
            at,
            description=description,
            fees=[Fee(amount=fee, description="Stripe processing fees")] if fee else [],
            balance_type=balance_type,
        )

    def topup(
        self,
        amount: int,
        at: int,
        *,
        outcome: str = "succeeded",
        currency: str | None = None,
        description: str | None = None,
    ) -> Resource:
        """Top the balance up from the bank; emits ``topup.created`` and what follows. Returns the top-up.

        Args:
            amount: Minor units.
            at: Unix seconds.
            outcome: ``succeeded`` at once; ``pending`` for five days; ``reversed`` three days after it succeeded;
                ``failed`` or ``canceled``.
            currency: One that is settled; the default one if None.
            description: What it says.

        Raises:
            StripeError: 400 for a wrong amount, currency or outcome.
        """
        if outcome not in OUTCOMES:
            raise StripeError(f"Unknown outcome: {outcome}; there are {', '.join(OUTCOMES)}.", param="outcome")
        code = self._settled(currency)
        check_amount(amount, code)
        topup = self._store.add(_topup(self._account.ids.dated("tu_1", at), amount, code, description, at))
        self._account.log.emit("topup.created", topup, at)
        if outcome == "pending":
            self._schedule(topup["expected_availability_date"], lambda then: self._succeed(topup, then))
        elif outcome in {"failed", "canceled"}:
            topup["status"] = outcome
            if outcome == "failed":
                topup.update(failure_code="insufficient_funds", failure_message="The bank account has too little.")
            self._account.log.emit(f"topup.{outcome}", topup, at)
        else:
            self._succeed(topup, at)
        if outcome == "reversed":
            self._schedule(at + REVERSED_AFTER_S, lambda then: self._reverse(topup, then))
        return topup

    def _succeed(self, topup: Resource, at: int) -> None:
        settled = Settled(amount=topup["amount"], currency=topup["currency"])
        row = self._ledger.add(TOPUP, settled, at, source=topup["id"], description=topup["description"])
        topup.update(status="succeeded", balance_transaction=row["id"])
        self._account.log.emit("topup.succeeded", topup, at)

    def _reverse(self, topup: Resource, at: int) -> None:
        original = self._ledger.find(topup["balance_transaction"])
        if original is None:
            raise no_such("balance_transaction", str(topup["balance_transaction"]))
        self._ledger.reverse(original, TOPUP_REVERSAL, at, source=topup["id"], description="Top-up reversal")
        topup["status"] = "reversed"
        self._account.log.emit("topup.reversed", topup, at)

    def _settled(self, currency: str | None) -> str:
        code = currency or self._account.settlement.default
        if code not in self._account.settlement.currencies:
            raise StripeError(f"This account has no balance in {code}.", param="currency")
        return code


def _topup(topup_id: str, amount: int, currency: str, description: str | None, at: int) -> dict[str, Any]:
    return {
        "id": topup_id,
        "object": "topup",
        "amount": amount,
        "balance_transaction": None,
        "created": at,
        "currency": currency,
        "description": description,
        "expected_availability_date": next_midnight(at, days=ARRIVES_AFTER_DAYS),
        "failure_code": None,
        "failure_message": None,
        "initiated_by": "user",
        "livemode": False,
        "metadata": {},
        "source": None,
        "statement_descriptor": None,
        "status": "pending",
        "transfer_group": None,
    }
