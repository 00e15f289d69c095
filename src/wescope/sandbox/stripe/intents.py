"""Payment intents, charges and balance transactions: how money comes in."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from wescope.sandbox.stripe.account import Account
from wescope.sandbox.stripe.clock import day_of, next_midnight
from wescope.sandbox.stripe.currency import USD
from wescope.sandbox.stripe.errors import StripeError
from wescope.sandbox.stripe.ledger import CHARGE, PAYMENT, Fee, Ledger
from wescope.sandbox.stripe.money import Fees
from wescope.sandbox.stripe.store import Resource

AVAILABLE_AFTER_DAYS = 7
ORDER_REFERENCE_LENGTH = 25  # recorded: the invoice id, cut (facts/stripe.md 1)
CARD, BANK = "card", "us_bank_account"


@dataclass(frozen=True, slots=True, kw_only=True)
class Purchase:
    """What a payment without an invoice says: what it is for, and the payer's name and address."""

    description: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    name: str | None = None
    email: str | None = None


class Intents:
    """Makes payment intents and moves them.

    Args:
        account: Where they live.
        ledger: Where their rows go.
    """

    def __init__(self, account: Account, ledger: Ledger) -> None:
        self._account = account
        self._store = account.store
        self._ledger = ledger
        self._purchases: dict[str, Purchase] = {}

    def create(
        self,
        customer: str | None,
        amount: int,
        at: int,
        *,
        capture_method: str = "automatic",
        invoice: str | None = None,
        currency: str = USD,
        purchase: Purchase | None = None,
    ) -> Resource:
        """Make a payment intent; emits ``payment_intent.created``.

        Args:
            customer: Id, or None for a guest.
            amount: Minor units.
            at: Unix seconds.
            capture_method: ``automatic``, ``automatic_async`` (the balance transaction comes later) or ``manual``.
            invoice: Id of the invoice it was made for, if for one.
            currency: Of the amount.
            purchase: What it says about a payment without an invoice.
        """
        intent_id = self._account.ids.dated("pi_3", at)
        reference = {"customer_reference": None, "order_reference": (invoice or "")[:ORDER_REFERENCE_LENGTH]}
        intent: Resource = {
            "id": intent_id,
            "object": "payment_intent",
            "amount": amount,
            "amount_capturable": 0,
            "amount_details": {"tip": {}},
            "amount_received": 0,
            "capture_method": capture_method,
            "client_secret": f"{intent_id}_secret_{self._account.ids.text('secret', length=25)}",
            "confirmation_method": "automatic",
            "created": at,
            "currency": currency,
            "customer": customer,
            "customer_account": None,
            "description": purchase.description if purchase else "Payment for Invoice" if invoice else None,
            "last_payment_error": None,
            "latest_charge": None,
            "livemode": False,
            "metadata": dict(purchase.metadata) if purchase else {},
            "payment_method": None,
            "payment_method_options": {},
            "payment_method_types": [CARD, "link", BANK],
            "status": "requires_payment_method",
            **dict.fromkeys(_UNUSED_BY_INTENT),
        }
        if invoice:
            intent["payment_details"] = reference
        if purchase:
            self._purchases[intent_id] = purchase
        self._store.add(intent)
        self._account.log.emit("payment_intent.created", intent, at)
        return intent

    def resize(self, intent: Resource, amount: int) -> None:
        """Keep the open default payment intent of an invoice equal to what remains."""
        intent["amount"] = amount

    def fail(self, intent: Resource, at: int) -> Resource:
        """Decline a card: a failed charge; emits ``charge.failed`` and ``payment_intent.payment_failed``."""
        charge = self._charge(intent, at, method=CARD, status="failed")
        charge.update(
            paid=False,
            captured=False,
            amount_captured=0,
            failure_code="card_declined",
            failure_message="Your card has insufficient funds.",
            outcome=_outcome(failed=True),
        )
        intent.update(latest_charge=charge["id"], status="requires_payment_method")
        intent["last_payment_error"] = {
            "charge": charge["id"],
            "code": "card_declined",
            "decline_code": "insufficient_funds",
            "message": charge["failure_message"],
            "type": "card_error",
        }
        self._account.log.emit("charge.failed", charge, at)
        self._account.log.emit("payment_intent.payment_failed", intent, at)
        return charge

    def authorize(self, intent: Resource, at: int) -> Resource:
        """Hold the money on a card without taking it: a charge that is not captured; emits ``charge.succeeded``."""
        charge = self._charge(intent, at, method=CARD, status="succeeded")
        charge.update(captured=False, amount_captured=0)
        intent.update(status="requires_capture", amount_capturable=intent["amount"], latest_charge=charge["id"])
        self._account.log.emit("charge.succeeded", charge, at)
        self._account.log.emit("payment_intent.amount_capturable_updated", intent, at)
        return charge

    def capture(
        self,
        intent: Resource,
        at: int,
        *,
        amount: int | None = None,
        release: Callable[[Resource, int, int], object] | None = None,
    ) -> Resource:
        """Take an authorized amount; emits ``charge.captured`` and ``payment_intent.succeeded``.

        Args:
            intent: With an authorized charge.
            at: Unix seconds.
            amount: Minor units to take; all if None.
            release: Called with charge, rest and moment to give back what is not taken.

        Raises:
            StripeError: 400 when nothing is authorized.
        """
        if intent["status"] != "requires_capture":
            raise StripeError("This PaymentIntent could not be captured.", code="payment_intent_unexpected_state")
        charge = self.latest_charge(intent)
        charge.update(captured=True, amount_captured=charge["amount"] if amount is None else amount)
        self.settle_amount(charge, charge["amount"], at)
        rest = charge["amount"] - charge["amount_captured"]
        if rest and release is not None:
            release(charge, rest, at)
        self._succeeded(intent, charge)
        self._account.log.emit("charge.captured", charge, at)
        self._account.log.emit("payment_intent.succeeded", intent, at)
        return charge

    def collect(self, intent: Resource, at: int) -> Resource:
        """Take the money from a card at once; emits ``charge.succeeded`` and ``payment_intent.succeeded``.

        With ``automatic_async`` capture the balance transaction is still missing: call ``settle_later``.
        """
        charge = self._charge(intent, at, method=CARD, status="succeeded")
        if intent["capture_method"] != "automatic_async":
            self.settle(charge, at)
        self._succeeded(intent, charge)
        self._account.log.emit("charge.succeeded", charge, at)
        self._account.log.emit("payment_intent.succeeded", intent, at)
        return charge

    def settle_later(self, charge: Resource, at: int) -> None:
        """Bring the balance transaction of an asynchronous capture; emits ``charge.updated``."""
        self.settle(charge, at)
        self._account.log.emit("charge.updated", charge, at, previous={"balance_transaction": None})

    def start_debit(self, intent: Resource, at: int) -> Resource:
        """Start a bank debit that takes days; emits ``charge.pending`` and ``payment_intent.processing``."""
        charge = self._charge(intent, at, method=BANK, status="pending")
        charge.update(paid=False)
        intent.update(status="processing", latest_charge=charge["id"], payment_method=charge["payment_method"])
        self._account.log.emit("charge.pending", charge, at)
        self._account.log.emit("payment_intent.processing", intent, at)
        return charge

    def finish_debit(self, intent: Resource, at: int) -> Resource:
        """Let a bank debit succeed; emits ``charge.succeeded`` and ``payment_intent.succeeded``."""
        charge = self.latest_charge(intent)
        charge.update(status="succeeded", paid=True)
        self.settle(charge, at)
        self._succeeded(intent, charge)
        self._account.log.emit("charge.succeeded", charge, at)
        self._account.log.emit("payment_intent.succeeded", intent, at)
        return charge

    def cancel(self, intent: Resource, at: int) -> None:
        """Cancel an intent that is no longer needed; emits ``payment_intent.canceled``."""
        intent.update(status="canceled", canceled_at=at, cancellation_reason="void_invoice")
        self._account.log.emit("payment_intent.canceled", intent, at)

    def settle(self, charge: Resource, at: int) -> Resource:
        """Make the balance transaction of a charge: gross, fee and net, available at midnight UTC a week later."""
        return self.settle_amount(charge, charge["amount_captured"], at)

    def settle_amount(self, charge: Resource, gross: int, at: int) -> Resource:
        """Make the balance transaction of a charge for ``gross`` minor units of it, the fee being on what is captured.

        What was authorized and not captured goes back by a row of its own (facts/stripe.md 2.9).

        Raises:
            StripeError: 400 when there is no exchange rate.
        """
        bank = charge["payment_method_details"]["type"] == BANK
        settlement, day = self._account.settlement, day_of(at)
        captured = settlement.settle(charge["amount_captured"], charge["currency"], day)
        transaction = self._ledger.add(
            PAYMENT if bank else CHARGE,
            settlement.settle(gross, charge["currency"], day),
            at,
            source=charge["id"],
            description=charge["description"],
            fees=_fees(self._account.fees, captured.amount, captured.currency, bank=bank),
            available_on=next_midnight(at, days=AVAILABLE_AFTER_DAYS),
        )
        charge["balance_transaction"] = transaction["id"]
        return transaction

    def latest_charge(self, intent: Resource) -> Resource:
        """Return the last charge of an intent.

        Raises:
            StripeError: 400 when there was no attempt.
        """
        charge = self._store.get("charge", str(intent["latest_charge"]))
        if charge is None:
            raise StripeError("This PaymentIntent has no charge.", code="payment_intent_unexpected_state")
        return charge

    def _succeeded(self, intent: Resource, charge: Resource) -> None:
        intent.update(
            amount_capturable=0,
            amount_received=charge["amount_captured"],
            last_payment_error=None,
            latest_charge=charge["id"],
            payment_method=charge["payment_method"],
            status="succeeded",
        )

    def _charge(self, intent: Resource, at: int, *, method: str, status: str) -> Resource:
        ids = self._account.ids
        amount = intent["amount"]
        charge = {
            "id": ids.dated("py_3" if method == BANK else "ch_3", at),
            "object": "charge",
            "amount": amount,
            "amount_captured": amount,
            "amount_refunded": 0,
            "balance_transaction": None,
            "billing_details": {"address": None, "email": None, "name": None, "phone": None, "tax_id": None},
            "calculated_statement_descriptor": "CARTOGRAPHIC SUPPLY",
            "captured": True,
            "created": at,
            "currency": intent["currency"],
            "customer": intent["customer"],
            "description": intent["description"],
            "disputed": False,
            "fraud_details": {},
            "livemode": False,
            "metadata": dict(intent["metadata"]),
            "outcome": _outcome(failed=False),
            "paid": True,
            "payment_intent": intent["id"],
            "payment_method": ids.dated("pm_1", at),
            "payment_method_details": _method_details(method, amount, ids.text("fingerprint", length=16)),
            "radar_options": {},
            "receipt_url": f"https://pay.stripe.com/receipts/payment/{ids.text('receipt', length=40)}",
            "refunded": False,
            "status": status,
            **dict.fromkeys(_UNUSED_BY_CHARGE),
        }
        charge["billing_details"]["address"] = dict.fromkeys(_ADDRESS)
        purchase = self._purchases.get(intent["id"])
        if purchase:
            charge["billing_details"].update(name=purchase.name, email=purchase.email)
        return self._store.add(charge)


def _fees(fees: Fees, amount: int, currency: str, *, bank: bool) -> list[Fee]:
    own = fees.debit(amount) if bank else fees.card(amount, currency)
    parts = [Fee(amount=own, description="Stripe processing fees")]
    tax = fees.tax(own)
    return [*parts, Fee(amount=tax, description="VAT", kind="tax")] if tax else parts


_ADDRESS = ("city", "country", "line1", "line2", "postal_code", "state")
_UNUSED_BY_INTENT = (
    "application", "application_fee_amount", "automatic_payment_methods", "canceled_at", "cancellation_reason",
    "excluded_payment_method_types", "next_action", "on_behalf_of", "payment_method_configuration_details",
    "processing", "receipt_email", "review", "setup_future_usage", "shipping", "source", "statement_descriptor",
    "statement_descriptor_suffix", "transfer_data", "transfer_group",
)  # fmt: skip
_UNUSED_BY_CHARGE = (
    "application", "application_fee", "application_fee_amount", "destination", "dispute",
    "failure_balance_transaction", "failure_code", "failure_message", "on_behalf_of", "order", "receipt_email",
    "receipt_number", "review", "shipping", "source", "source_transfer", "statement_descriptor",
    "statement_descriptor_suffix", "transfer_data", "transfer_group",
)  # fmt: skip


def _outcome(*, failed: bool) -> Resource:
    return {
        "advice_code": None,
        "network_advice_code": None,
        "network_decline_code": None,
        "network_status": "declined_by_network" if failed else "approved_by_network",
        "reason": "insufficient_funds" if failed else None,
        "risk_level": "normal",
        "risk_score": 12,
        "seller_message": "The card has insufficient funds." if failed else "Payment complete.",
        "type": "issuer_declined" if failed else "authorized",
    }


def _method_details(method: str, amount: int, fingerprint: str) -> Resource:
    if method == BANK:
        bank: dict[str, Any] = {
            "account_holder_type": "company",
            "account_type": "checking",
            "bank_name": "STRIPE TEST BANK",
            "fingerprint": fingerprint,
            "last4": "6789",
            "payment_reference": None,
            "routing_number": "110000000",
        }
        return {"type": BANK, BANK: bank}
    card: dict[str, Any] = {
        "amount_authorized": amount,
        "authorization_code": None,
        "brand": "visa",
        "checks": {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": "pass"},
        "country": "US",
        "exp_month": 11,
        "exp_year": 2031,
        "fingerprint": fingerprint,
        "funding": "credit",
        "installments": None,
        "last4": "4242",
        "mandate": None,
        "network": "visa",
        "network_transaction_id": None,
        "regulated_status": "unregulated",
        "three_d_secure": None,
        "wallet": None,
    }
    return {"type": CARD, CARD: card}
