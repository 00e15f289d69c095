"""Balance transactions: every row of the account's balance is made here."""

from collections.abc import Sequence
from dataclasses import dataclass

from wescope.sandbox.stripe.account import Account
from wescope.sandbox.stripe.currency import Settled
from wescope.sandbox.stripe.store import Resource

PAYMENTS = "payments"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fee:
    """A part of what Stripe keeps: minor units of the row's currency, below zero when it is given back."""

    amount: int
    description: str
    kind: str = "stripe_fee"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What a row is: Stripe's ``type`` and ``reporting_category`` (facts/stripe.md 2.9)."""

    type: str
    category: str


CHARGE = Kind(type="charge", category="charge")
PAYMENT = Kind(type="payment", category="charge")
REFUND = Kind(type="refund", category="refund")
PAYMENT_REFUND = Kind(type="payment_refund", category="refund")
REFUND_FAILURE = Kind(type="refund_failure", category="refund_failure")
PARTIAL_CAPTURE = Kind(type="refund", category="partial_capture_reversal")
DISPUTE = Kind(type="adjustment", category="dispute")
DISPUTE_REVERSAL = Kind(type="adjustment", category="dispute_reversal")
TOPUP = Kind(type="topup", category="topup")
TOPUP_REVERSAL = Kind(type="topup_reversal", category="topup_reversal")
PAYOUT = Kind(type="payout", category="payout")
PAYOUT_FAILURE = Kind(type="payout_failure", category="payout_reversal")
PAYOUT_CANCEL = Kind(type="payout_cancel", category="payout_reversal")


class Ledger:
    """The balance of one account.

    Args:
        account: Where the rows live.
    """

    def __init__(self, account: Account) -> None:
        self._account = account

    def add(
        self,
        kind: Kind,
        settled: Settled,
        at: int,
        *,
        source: str | None = None,
        description: str | None = None,
        fees: Sequence[Fee] = (),
        available_on: int | None = None,
        balance_type: str = PAYMENTS,
    ) -> Resource:
        """Make a balance transaction.

        Args:
            kind: What it is.
            settled: Gross amount, its currency and how it was converted.
            at: Unix seconds.
            source: Id of what caused it, if there is such an object.
            description: What the row says.
            fees: Taken from the gross amount.
            available_on: Unix seconds; ``at`` if None.
            balance_type: Which of the account's balances it moves.
        """
        details = [
            {
                "amount": fee.amount,
                "application": None,
                "currency": settled.currency,
                "description": fee.description,
                "type": fee.kind,
            }
            for fee in fees
        ]
        fee = sum(one.amount for one in fees)
        rate = settled.exchange_rate
        transaction: Resource = {
            "id": self._account.ids.dated("txn_3" if kind in {CHARGE, PAYMENT} else "txn_1", at),
            "object": "balance_transaction",
            "amount": settled.amount,
            "available_on": at if available_on is None else available_on,
            "balance_type": balance_type,
            "created": at,
            "currency": settled.currency,
            "description": description,
            "exchange_rate": None if rate is None else float(rate),
            "fee": fee,
            "fee_details": details,
            "net": settled.amount - fee,
            "reporting_category": kind.category,
            "source": source,
            "status": "pending",
            "type": kind.type,
        }
        return self._account.store.add(transaction)

    def find(self, identifier: str | None) -> Resource | None:
        """Return the balance transaction with this id, or None."""
        return None if identifier is None else self._account.store.get("balance_transaction", identifier)

    def reverse(
        self, original: Resource, kind: Kind, at: int, *, source: str, description: str | None = None
    ) -> Resource:
        """Bring back what a row moved, gross and at the same rate, available at once."""
        settled = Settled(amount=-original["amount"], currency=original["currency"])
        return self.add(kind, settled, at, source=source, description=description)
