"""Charges without an invoice: of a customer or a guest, captured at once, later or in part."""

from dataclasses import dataclass

from wescope.sandbox.stripe.account import Account
from wescope.sandbox.stripe.balances import MAXIMUM_CHARGE, MINIMUM_CHARGES
from wescope.sandbox.stripe.currency import USD, check_amount
from wescope.sandbox.stripe.errors import StripeError, no_such
from wescope.sandbox.stripe.intents import Intents, Purchase
from wescope.sandbox.stripe.refunds import Refunds, Schedule
from wescope.sandbox.stripe.store import Resource

CAPTURE_METHODS = ("automatic", "automatic_async", "manual")
DEBIT_S = 4 * 86_400
SETTLES_AFTER_S = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeDraft:
    """A charge to make.

    Attributes:
        amount: Minor units.
        customer: Id, or None for a guest.
        currency: Of the amount.
        method: ``card`` or ``debit``, which succeeds four days later.
        capture_method: As in ``Intents.create``.
        capture_amount: With ``manual``: how much is captured a minute later; None leaves it authorized.
        purchase: What the payment intent and the charge say.
    """

    amount: int
    customer: str | None = None
    currency: str = USD
    method: str = "card"
    capture_method: str = "automatic"
    capture_amount: int | None = None
    purchase: Purchase | None = None


class Charges:
    """Makes and captures charges that no invoice asked for.

    Args:
        account: Where they live.
        intents: What moves the money.
        refunds: What gives back the uncaptured rest.
        schedule: Has something done at a later moment.
    """

    def __init__(self, account: Account, intents: Intents, refunds: Refunds, schedule: Schedule) -> None:
        self._account = account
        self._store = account.store
        self._intents = intents
        self._refunds = refunds
        self._schedule = schedule

    def find(self, charge_id: str, *, status: int = 400) -> Resource:
        """Return a charge.

        Raises:
            StripeError: 400, or ``status``, when there is none.
        """
        charge = self._store.get("charge", charge_id)
        if charge is None:
            raise no_such("charge", charge_id, param="charge", status=status)
        return charge

    def create(self, draft: ChargeDraft, at: int) -> Resource:
        """Charge; emits what a payment intent and its charge emit. Returns the charge.

        Raises:
            StripeError: 400 when the draft is wrong.
        """
        self._check(draft)
        intent = self._intents.create(
            draft.customer,
            draft.amount,
            at,
            capture_method=draft.capture_method,
            currency=draft.currency,
            purchase=draft.purchase,
        )
        if draft.method == "debit":
            charge = self._intents.start_debit(intent, at)
            self._schedule(at + DEBIT_S, lambda then: self._finish(intent, then))
            return charge
        if draft.capture_method == "manual":
            charge = self._intents.authorize(intent, at)
            if draft.capture_amount is not None:
                self.capture(charge, at + 60, amount=draft.capture_amount)
            return charge
        charge = self._intents.collect(intent, at)
        if charge["balance_transaction"] is None:
            self._schedule(at + SETTLES_AFTER_S, lambda then: self._intents.settle_later(charge, then))
        return charge

    def capture(self, charge: Resource, at: int, *, amount: int | None = None) -> Resource:
        """Capture an authorized charge, all of it if ``amount`` is None; the rest is given back.

        Emits ``charge.captured`` and ``payment_intent.succeeded``, for a part also ``refund.created``.

        Raises:
            StripeError: 400 when it is not authorized, or for less.
        """
        intent = self._store.get("payment_intent", charge["payment_intent"])
        if intent is None or intent["status"] != "requires_capture":
            raise StripeError(
                f"Charge {charge['id']} has already been captured or cannot be.", code="charge_already_captured"
            )
        if amount is not None and check_amount(amount, charge["currency"], param="capture_amount") > charge["amount"]:
            raise StripeError(
                f"Amount {amount} is more than the {charge['amount']} that was authorized.",
                code="amount_too_large",
                param="capture_amount",
            )
        return self._intents.capture(intent, at, amount=amount, release=self._refunds.release)

    def _finish(self, intent: Resource, at: int) -> None:
        if intent["status"] == "processing":
            self._intents.finish_debit(intent, at)

    def _check(self, draft: ChargeDraft) -> None:
        if draft.customer is not None and self._store.get("customer", draft.customer) is None:
            raise no_such("customer", draft.customer, param="customer", status=400)
        if draft.method not in {"card", "debit"}:
            raise StripeError(f"Unknown method: {draft.method}; there are card, debit.", param="method")
        if draft.capture_method not in CAPTURE_METHODS:
            raise StripeError(f"Invalid capture_method: must be one of {', '.join(CAPTURE_METHODS)}.",
                              param="capture_method")  # fmt: skip
        if draft.capture_amount is not None and draft.capture_method != "manual":
            raise StripeError("Only a manual capture can have an amount.", param="capture_amount")
        if draft.method == "debit" and draft.capture_method != "automatic":
            raise StripeError("A debit cannot be captured separately.", param="capture_method")
        check_amount(draft.amount, draft.currency)
        if draft.amount < MINIMUM_CHARGES.get(draft.currency, MINIMUM_CHARGES[USD]):
            raise StripeError("Amount must convert to at least 50 cents.", code="amount_too_small", param="amount")
        if draft.amount > MAXIMUM_CHARGE:
            raise StripeError("Amount must be no more than 99999999.", code="amount_too_large", param="amount")
