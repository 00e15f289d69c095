"""Refunds of charges: in full, in part, several; at once, later, failed and canceled (facts/stripe.md 2.6)."""

from collections.abc import Callable
from typing import TypeAlias

from wescope.sandbox.stripe.account import Account
from wescope.sandbox.stripe.clock import day_of
from wescope.sandbox.stripe.currency import check_amount
from wescope.sandbox.stripe.errors import StripeError, invalid_parameter, no_such
from wescope.sandbox.stripe.intents import BANK, CARD
from wescope.sandbox.stripe.ledger import PARTIAL_CAPTURE, PAYMENT_REFUND, REFUND, REFUND_FAILURE, Ledger
from wescope.sandbox.stripe.store import Resource

Schedule: TypeAlias = Callable[[int, Callable[[int], object]], None]

DAY_S = 86_400
OUTCOMES = ("succeeded", "pending", "failed_later", "canceled", "requires_action")
REASONS = ("duplicate", "fraudulent", "requested_by_customer")
FAILURE_REASONS = (
    "charge_for_pending_refund_disputed", "declined", "expired_or_canceled_card", "insufficient_funds",
    "lost_or_stolen_card", "merchant_request", "unknown",
)  # fmt: skip
SUCCEEDS_AFTER_S = 2 * DAY_S  # of a pending one
FAILS_AFTER_S = 7 * DAY_S
CANCELED_AFTER_S = 2 * DAY_S
EXPIRES_AFTER_S = 45 * DAY_S  # of one that needs the customer to act
REVERSAL_WITHIN_S = 2 * 3_600  # a card payment that young is reversed rather than refunded
_UNFINISHED = ("pending", "requires_action")


class Refunds:
    """Makes refunds and moves them.

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

    def create(
        self,
        charge: Resource,
        amount: int | None,
        at: int,
        *,
        reason: str | None = None,
        outcome: str = "succeeded",
    ) -> Resource:
        """Refund a charge; emits ``refund.created`` and ``charge.refunded``.

        Args:
            charge: The stored charge.
            amount: Minor units of the charge's currency; all that is left if None.
            at: Unix seconds.
            reason: One of ``REASONS``, or None.
            outcome: One of ``OUTCOMES``: ``pending`` succeeds two days later, ``failed_later`` succeeds and fails after
                a week, ``canceled`` needs action and is canceled two days later, ``requires_action`` after 45 days.

        Returns:
            The refund; its balance transaction is missing while it is pending.

        Raises:
            StripeError: 400 when the charge cannot be refunded, or less of it is left.
        """
        if outcome not in OUTCOMES:
            raise StripeError(f"Unknown outcome: {outcome}; there are {', '.join(OUTCOMES)}.", param="outcome")
        if reason is not None and reason not in REASONS:
            raise invalid_parameter("reason", f"Invalid reason: must be one of {', '.join(REASONS)}")
        size = self._refundable(charge, amount)
        refund = self._make(charge, size, at, reason=reason)
        if outcome == "pending":
            refund.update(status="pending", pending_reason="processing")
        else:
            self._withdraw(refund, charge, at)
            refund["status"] = "requires_action" if outcome in {"canceled", "requires_action"} else "succeeded"
        _count(charge, size)
        self._account.log.emit("refund.created", refund, at)
        self._account.log.emit("charge.refunded", charge, at)
        self._plan(refund, outcome, at)
        return refund

    def release(self, charge: Resource, amount: int, at: int) -> Resource:
        """Give back what was authorized and not captured: nothing that a customer was refunded (facts 2.9).

        Emits ``refund.created``; returns the refund.
        """
        refund = self._make(charge, amount, at, reason=None)
        settled = self._account.settlement.settle(-amount, charge["currency"], day_of(at))
        row = self._ledger.add(
            PARTIAL_CAPTURE,
            settled,
            at,
            source=refund["id"],
            description=f"PARTIAL CAPTURE REVERSAL FOR CHARGE ({charge['description'] or charge['id']})",
            available_on=self._available_on(charge, at),
        )
        refund["balance_transaction"] = row["id"]
        _count(charge, amount)
        self._account.log.emit("refund.created", refund, at)
        return refund

    def find(self, refund_id: str) -> Resource:
        """Return a refund.

        Raises:
            StripeError: 404 when there is none.
        """
        refund = self._store.get("refund", refund_id)
        if refund is None:
            raise no_such("refund", refund_id)
        return refund

    def succeed(self, refund: Resource, at: int) -> Resource:
        """Let an unfinished refund succeed; emits ``refund.updated`` and ``charge.refund.updated``.

        Raises:
            StripeError: 400 when it is finished.
        """
        self._expect(refund, *_UNFINISHED, action="succeed")
        before = {name: refund.get(name) for name in ("balance_transaction", "pending_reason", "status")}
        if refund["balance_transaction"] is None:
            self._withdraw(refund, self._charge(refund), at)
        refund.pop("pending_reason", None)
        refund["status"] = "succeeded"
        self._updated(refund, at, before)
        return refund

    def fail(self, refund: Resource, at: int, *, reason: str = "unknown") -> Resource:
        """Let a refund fail, also after it succeeded: the money comes back as ``refund_failure``.

        Emits ``refund.updated``, ``charge.refund.updated`` and ``refund.failed``.

        Raises:
            StripeError: 400 when it has failed or was canceled, gave back what was never captured, or for another
                reason than Stripe's.
        """
        if reason not in FAILURE_REASONS:
            raise invalid_parameter("reason", f"Invalid reason: must be one of {', '.join(FAILURE_REASONS)}")
        self._expect(refund, "succeeded", *_UNFINISHED, action="fail")
        row = self._ledger.find(refund["balance_transaction"])
        if row is not None and row["reporting_category"] == PARTIAL_CAPTURE.category:
            raise StripeError("What was authorized and never captured went back to nobody; it cannot fail.", param="id")
        self._undo(refund, at, {"status": "failed", "failure_reason": reason})
        self._account.log.emit("refund.failed", refund, at)
        return refund

    def cancel(self, refund: Resource, at: int) -> Resource:
        """Cancel an unfinished refund; emits ``refund.updated`` and ``charge.refund.updated``.

        Raises:
            StripeError: 400 when it is finished.
        """
        self._expect(refund, *_UNFINISHED, action="cancel")
        self._undo(refund, at, {"status": "canceled", "failure_reason": "merchant_request"})
        return refund

    def _plan(self, refund: Resource, outcome: str, at: int) -> None:
        if outcome == "pending":
            self._once(refund, at + SUCCEEDS_AFTER_S, "pending", self.succeed)
        elif outcome == "failed_later":
            self._once(refund, at + FAILS_AFTER_S, "succeeded", self.fail)
        elif outcome != "succeeded":
            after = CANCELED_AFTER_S if outcome == "canceled" else EXPIRES_AFTER_S
            self._once(refund, at + after, "requires_action", self.cancel)

    def _once(self, refund: Resource, at: int, status: str, action: Callable[[Resource, int], object]) -> None:
        """Schedule ``action`` for a refund that still has ``status`` then."""
        self._schedule(at, lambda then: action(refund, then) if refund["status"] == status else None)

    def _refundable(self, charge: Resource, amount: int | None) -> int:
        """Return how much is refunded.

        Raises:
            StripeError: 400 as Stripe refuses.
        """
        name = charge["id"]
        if charge["status"] != "succeeded" or not charge["captured"]:
            raise StripeError(f"Charge {name} has not been captured, so it cannot be refunded.", param="charge")
        if self._charged_back(charge):
            raise StripeError(f"Charge {name} has been charged back; cannot issue a refund.", code="charge_disputed")
        left = charge["amount"] - charge["amount_refunded"]
        if left <= 0:
            raise StripeError(f"Charge {name} has already been refunded.", code="charge_already_refunded")
        if amount is None:
            return int(left)
        size = check_amount(amount, charge["currency"])
        if size > left:
            raise StripeError(
                f"Refund amount ({size}) is greater than unrefunded amount on charge ({left}).", param="amount"
            )
        return size

    def _charged_back(self, charge: Resource) -> bool:
        dispute = self._store.get("dispute", str(charge.get("dispute")))
        return bool(charge["disputed"] and dispute is not None and not dispute["is_charge_refundable"])

    def _make(self, charge: Resource, amount: int, at: int, *, reason: str | None) -> Resource:
        method = charge["payment_method_details"]["type"]
        refund: Resource = {
            "id": self._account.ids.dated("pyr_1" if method == BANK else "re_3", at),
            "object": "refund",
            "amount": amount,
            "balance_transaction": None,
            "charge": charge["id"],
            "created": at,
            "currency": charge["currency"],
            "customer": charge["customer"],
            "customer_account": None,
            "destination_details": _destination(method, young=at - charge["created"] < REVERSAL_WITHIN_S),
            "metadata": {},
            "payment_intent": charge["payment_intent"],
            "payment_method": charge["payment_method"],
            "reason": reason,
            "receipt_number": None,
            "source_transfer_reversal": None,
            "status": "succeeded",
            "transfer_reversal": None,
        }
        return self._store.add(refund)

    def _withdraw(self, refund: Resource, charge: Resource, at: int) -> None:
        """Take the money of a refund from the balance the charge went to, at the rate of the day, without a fee."""
        bank = charge["payment_method_details"]["type"] == BANK
        paid = self._ledger.find(charge["balance_transaction"])
        settled = self._account.settlement.settle(
            -refund["amount"], charge["currency"], day_of(at), into=paid["currency"] if paid else None
        )
        row = self._ledger.add(
            PAYMENT_REFUND if bank else REFUND,
            settled,
            at,
            source=refund["id"],
            description=f"REFUND FOR {'PAYMENT' if bank else 'CHARGE'} ({charge['description'] or charge['id']})",
            available_on=self._available_on(charge, at),
        )
        refund["balance_transaction"] = row["id"]

    def _available_on(self, charge: Resource, at: int) -> int:
        """Return when a refund counts: not before the money it gives back is there."""
        paid = self._ledger.find(charge["balance_transaction"])
        return max(at, paid["available_on"] if paid else at)

    def _undo(self, refund: Resource, at: int, changes: Resource) -> None:
        before = {name: refund.get(name) for name in ("failure_balance_transaction", "pending_reason", *changes)}
        charge = self._charge(refund)
        taken = self._ledger.find(refund["balance_transaction"])
        if taken is not None:
            row = self._ledger.reverse(
                taken,
                REFUND_FAILURE,
                at,
                source=refund["id"],
                description=f"REFUND FAILURE ({charge['description'] or charge['id']})",
            )
            refund["failure_balance_transaction"] = row["id"]
        refund.pop("pending_reason", None)
        refund.pop("next_action", None)
        refund.update(changes)
        _count(charge, -refund["amount"])
        self._updated(refund, at, before)

    def _updated(self, refund: Resource, at: int, before: Resource) -> None:
        previous = {name: value for name, value in before.items() if refund.get(name) != value}
        self._account.log.emit("refund.updated", refund, at, previous=previous)
        self._account.log.emit("charge.refund.updated", refund, at, previous=previous)

    def _charge(self, refund: Resource) -> Resource:
        charge = self._store.get("charge", str(refund["charge"]))
        if charge is None:
            raise no_such("charge", str(refund["charge"]), param="charge", status=400)
        return charge

    def _expect(self, refund: Resource, *states: str, action: str) -> None:
        if refund["status"] not in states:
            raise StripeError(f"You cannot {action} a refund that is {refund['status']}.", param="id")


def _count(charge: Resource, amount: int) -> None:
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] == charge["amount"]


def _destination(method: str, *, young: bool) -> Resource:
    if method != CARD:
        kind = "us_bank_transfer"
        return {kind: {"reference": None, "reference_status": "pending"}, "type": kind}
    if young:
        return {CARD: {"type": "reversal"}, "type": CARD}
    return {CARD: {"reference_status": "pending", "reference_type": "acquirer_reference_number", "type": "refund"},
            "type": CARD}  # fmt: skip
