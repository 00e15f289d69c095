"""Disputes: inquiries, withdrawals, won and lost (facts/stripe.md 2.7)."""

from wescope.sandbox.stripe.account import Account
from wescope.sandbox.stripe.clock import day_of, next_midnight
from wescope.sandbox.stripe.currency import check_amount
from wescope.sandbox.stripe.errors import StripeError, invalid_parameter, no_such
from wescope.sandbox.stripe.intents import AVAILABLE_AFTER_DAYS, CARD
from wescope.sandbox.stripe.ledger import DISPUTE, DISPUTE_REVERSAL, Fee, Kind, Ledger
from wescope.sandbox.stripe.store import Resource

DISPUTE_FEE = 1_500  # of the settlement currency
ANSWER_WITHIN_DAYS = 9
REASONS = (
    "bank_cannot_process", "check_returned", "credit_not_processed", "customer_initiated", "debit_not_authorized",
    "duplicate", "fraudulent", "general", "incorrect_account_details", "insufficient_funds", "noncompliant",
    "product_not_received", "product_unacceptable", "subscription_canceled", "unrecognized",
)  # fmt: skip
_INQUIRIES = ("warning_needs_response", "warning_under_review")
_CHARGEBACKS = ("needs_response", "under_review")
_EVIDENCE = (
    "access_activity_log", "billing_address", "cancellation_policy", "cancellation_policy_disclosure",
    "cancellation_rebuttal", "customer_communication", "customer_email_address", "customer_name",
    "customer_purchase_ip", "customer_signature", "duplicate_charge_documentation", "duplicate_charge_explanation",
    "duplicate_charge_id", "product_description", "receipt", "refund_policy", "refund_policy_disclosure",
    "refund_refusal_explanation", "service_date", "service_documentation", "shipping_address", "shipping_carrier",
    "shipping_date", "shipping_documentation", "shipping_tracking_number", "uncategorized_file", "uncategorized_text",
)  # fmt: skip


class Disputes:
    """Makes disputes and moves them.

    Args:
        account: Where they live.
        ledger: Where their rows go.
    """

    def __init__(self, account: Account, ledger: Ledger) -> None:
        self._account = account
        self._store = account.store
        self._ledger = ledger

    def create(
        self,
        charge: Resource,
        at: int,
        *,
        amount: int | None = None,
        reason: str = "fraudulent",
        inquiry: bool = False,
    ) -> Resource:
        """Dispute a charge; emits ``charge.dispute.created``, and ``.funds_withdrawn`` unless it is an inquiry.

        Args:
            charge: The stored charge.
            at: Unix seconds.
            amount: Minor units of the charge's currency, may differ from the charge; what was not refunded if None.
            reason: One of ``REASONS``.
            inquiry: The bank only asks: no money moves.

        Returns:
            The dispute.

        Raises:
            StripeError: 400 when the charge cannot be disputed.
        """
        if reason not in REASONS:
            raise invalid_parameter("reason", f"Invalid reason: must be one of {', '.join(REASONS)}")
        if charge["status"] != "succeeded" or not charge["captured"]:
            raise StripeError(f"Charge {charge['id']} has not been captured, so nobody can dispute it.", param="charge")
        if self._store.get("dispute", str(charge.get("dispute"))) is not None:
            raise StripeError(f"Charge {charge['id']} is disputed already.", code="charge_disputed", param="charge")
        left = charge["amount"] - charge["amount_refunded"]
        size = check_amount(left if amount is None else amount, charge["currency"])
        dispute = self._store.add(self._body(charge, size, reason, at, inquiry=inquiry))
        charge.update(disputed=True, dispute=dispute["id"])
        self._account.log.emit("charge.dispute.created", dispute, at)
        if not inquiry:
            self._withdraw(dispute, at)
        return dispute

    def find(self, dispute_id: str) -> Resource:
        """Return a dispute.

        Raises:
            StripeError: 404 when there is none.
        """
        dispute = self._store.get("dispute", dispute_id)
        if dispute is None:
            raise no_such("dispute", dispute_id)
        return dispute

    def escalate(self, dispute: Resource, at: int) -> Resource:
        """Turn an inquiry into a chargeback; emits ``charge.dispute.updated`` and ``.funds_withdrawn``.

        Raises:
            StripeError: 400 when it is no open inquiry.
        """
        self._expect(dispute, *_INQUIRIES, action="escalate")
        self._change(dispute, at, status="needs_response", is_charge_refundable=False)
        if "payment_method_details" in dispute:
            dispute["payment_method_details"][CARD]["case_type"] = "chargeback"
        self._withdraw(dispute, at)
        return dispute

    def respond(self, dispute: Resource, at: int) -> Resource:
        """Hand evidence in: the dispute is under review; emits ``charge.dispute.updated``.

        Raises:
            StripeError: 400 when no answer is asked for.
        """
        self._expect(dispute, "needs_response", "warning_needs_response", action="respond to")
        dispute["evidence_details"].update(has_evidence=True, submission_count=1)
        prefix = "warning_" if dispute["status"] in _INQUIRIES else ""
        return self._change(dispute, at, status=f"{prefix}under_review")

    def win(self, dispute: Resource, at: int, *, fee_returned: bool = False) -> Resource:
        """Win: the money comes back, with the fee if ``fee_returned``.

        Emits ``charge.dispute.funds_reinstated`` and ``charge.dispute.closed``.

        Raises:
            StripeError: 400 when it is no open chargeback.
        """
        self._expect(dispute, *_CHARGEBACKS, action="win")
        fees = [Fee(amount=-DISPUTE_FEE, description="Dispute fee refund")] if fee_returned else []
        dispute["status"] = "won"
        self._move(dispute, at, DISPUTE_REVERSAL, fees)
        self._account.log.emit("charge.dispute.funds_reinstated", dispute, at)
        self._account.log.emit("charge.dispute.closed", dispute, at)
        return dispute

    def lose(self, dispute: Resource, at: int) -> Resource:
        """Lose: what was withdrawn stays gone; emits ``charge.dispute.closed``.

        Raises:
            StripeError: 400 when it is no open chargeback.
        """
        self._expect(dispute, *_CHARGEBACKS, action="lose")
        dispute["status"] = "lost"
        self._account.log.emit("charge.dispute.closed", dispute, at)
        return dispute

    def close(self, dispute: Resource, at: int) -> Resource:
        """Close an inquiry that came to nothing; emits ``charge.dispute.closed``.

        Raises:
            StripeError: 400 when it is no open inquiry.
        """
        self._expect(dispute, *_INQUIRIES, action="close")
        dispute["status"] = "warning_closed"
        self._account.log.emit("charge.dispute.closed", dispute, at)
        return dispute

    def _withdraw(self, dispute: Resource, at: int) -> None:
        fees = [Fee(amount=DISPUTE_FEE, description="Dispute fee")]
        self._move(dispute, at, DISPUTE, fees)
        self._account.log.emit("charge.dispute.funds_withdrawn", dispute, at)

    def _move(self, dispute: Resource, at: int, kind: Kind, fees: list[Fee]) -> None:
        """Move money of a dispute on the balance the charge went to, at the rate of the day."""
        charge = self._charge(dispute)
        amount = -dispute["amount"] if kind is DISPUTE else dispute["amount"]
        paid = self._ledger.find(charge["balance_transaction"])
        settled = self._account.settlement.settle(
            amount, dispute["currency"], day_of(at), into=paid["currency"] if paid else None
        )
        what = "withdrawal" if kind is DISPUTE else "reversal"
        row = self._ledger.add(
            kind,
            settled,
            at,
            source=dispute["id"],
            description=f"Chargeback {what} for {charge['id']}",
            fees=fees,
            available_on=next_midnight(at, days=AVAILABLE_AFTER_DAYS),
        )
        dispute["balance_transactions"].append(row["id"])

    def _change(self, dispute: Resource, at: int, **changes: object) -> Resource:
        previous = {name: dispute[name] for name in changes}
        dispute.update(changes)
        self._account.log.emit("charge.dispute.updated", dispute, at, previous=previous)
        return dispute

    def _charge(self, dispute: Resource) -> Resource:
        charge = self._store.get("charge", dispute["charge"])
        if charge is None:
            raise no_such("charge", dispute["charge"], param="charge", status=400)
        return charge

    def _expect(self, dispute: Resource, *states: str, action: str) -> None:
        if dispute["status"] not in states:
            raise StripeError(f"You cannot {action} a dispute that is {dispute['status']}.", param="id")

    def _body(self, charge: Resource, amount: int, reason: str, at: int, *, inquiry: bool) -> Resource:
        body: Resource = {
            "id": self._account.ids.dated("du_1", at),
            "object": "dispute",
            "amount": amount,
            "balance_transactions": [],
            "charge": charge["id"],
            "created": at,
            "currency": charge["currency"],
            "enhanced_eligibility_types": [],
            "evidence": dict.fromkeys(_EVIDENCE) | {"enhanced_evidence": {}},
            "evidence_details": {
                "due_by": next_midnight(at, days=ANSWER_WITHIN_DAYS) - 1,
                "enhanced_eligibility": {},
                "has_evidence": False,
                "past_due": False,
                "submission_count": 0,
            },
            "is_charge_refundable": inquiry,
            "livemode": False,
            "metadata": {},
            "payment_intent": charge["payment_intent"],
            "reason": reason,
            "status": "warning_needs_response" if inquiry else "needs_response",
        }
        if charge["payment_method_details"]["type"] == CARD:
            case = "inquiry" if inquiry else "chargeback"
            card = {"brand": "visa", "case_type": case, "network": "visa", "network_reason_code": "10.4"}
            body["payment_method_details"] = {CARD: card, "type": CARD}
        return body
