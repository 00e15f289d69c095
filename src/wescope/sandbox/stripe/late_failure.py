"""A bank debit that fails after it had succeeded: the money goes back and the invoice is open again (facts 2.9).

What becomes of an invoice that had been marked uncollectible before it was paid is not documented: the account's
``late_failure_of_uncollectible`` says it.
"""

from wescope.sandbox.stripe.account import Account
from wescope.sandbox.stripe.errors import StripeError, no_such
from wescope.sandbox.stripe.invoices import Invoices
from wescope.sandbox.stripe.ledger import Kind, Ledger
from wescope.sandbox.stripe.payments import Payments
from wescope.sandbox.stripe.store import Resource

CHARGE_FAILURE = Kind(type="payment_failure_refund", category="charge_failure")
MESSAGE = "The customer has notified their bank that this payment was unauthorized."


class LateFailures:
    """Lets debits fail after the fact.

    Args:
        account: Where the objects live.
        ledger: Where the money goes back.
        invoices: What the debits paid.
        payments: Whose default payment follows what remains.
    """

    def __init__(self, account: Account, ledger: Ledger, invoices: Invoices, payments: Payments) -> None:
        self._account = account
        self._store = account.store
        self._ledger = ledger
        self._invoices = invoices
        self._payments = payments

    def fail(self, charge_id: str, at: int) -> Resource:
        """Let a succeeded debit fail; returns the charge.

        Emits ``charge.failed``, ``payment_intent.payment_failed`` and for each invoice ``invoice.updated`` and
        ``invoice.payment_failed``.

        Raises:
            StripeError: 404 when there is no such charge, 400 when it is no bank debit that succeeded, something of
                it was refunded, or its invoice was overpaid.
        """
        charge = self._charge(charge_id)
        paid = [
            one
            for one in self._store.payments_by("payment_intent", str(charge["payment_intent"]))
            if one["status"] == "paid"
        ]
        if any(self._invoices.find(one["invoice"])["amount_overpaid"] for one in paid):
            raise StripeError("This sandbox does not let the debit of an overpaid invoice fail.")
        charge.update(
            status="failed",
            paid=False,
            failure_balance_transaction=self._reversal(charge, at)["id"],
            failure_code="debit_not_authorized",
            failure_message=MESSAGE,
        )
        self._account.log.emit("charge.failed", charge, at)
        self._reopen_intent(charge, at)
        for payment in paid:
            self._reopen(payment, at)
        return charge

    def _charge(self, charge_id: str) -> Resource:
        charge = self._store.get("charge", charge_id)
        if charge is None:
            raise no_such("charge", charge_id)
        debit = "debit" in charge["payment_method_details"]["type"] or charge["id"].startswith("py_")
        if not debit or charge["status"] != "succeeded" or charge["balance_transaction"] is None:
            raise StripeError("Only a bank debit that succeeded can fail later.", param="id")
        if charge["amount_refunded"]:
            raise StripeError("A charge that was refunded cannot fail any more.", param="id")
        return charge

    def _reversal(self, charge: Resource, at: int) -> Resource:
        """Take the gross amount back at the rate at which it came; the fee stays with Stripe."""
        booked = self._ledger.find(charge["balance_transaction"])
        if booked is None:
            raise no_such("balance_transaction", charge["balance_transaction"])
        description = f"REFUND FOR FAILED PAYMENT ({charge['description'] or charge['id']})"
        return self._ledger.reverse(booked, CHARGE_FAILURE, at, source=charge["id"], description=description)

    def _reopen_intent(self, charge: Resource, at: int) -> None:
        intent = self._store.get("payment_intent", str(charge["payment_intent"]))
        if intent is None:
            return
        intent.update(amount_received=0, payment_method=None, status="requires_payment_method")
        intent["last_payment_error"] = {
            "charge": charge["id"],
            "code": charge["failure_code"],
            "message": charge["failure_message"],
            "type": "invalid_request_error",
        }
        self._account.log.emit("payment_intent.payment_failed", intent, at)

    def _reopen(self, payment: Resource, at: int) -> None:
        invoice = self._invoices.find(payment["invoice"])
        transitions = invoice["status_transitions"]
        previous = {name: invoice[name] for name in ("amount_paid", "amount_remaining", "status")}
        previous["status_transitions"] = {"paid_at": transitions["paid_at"]}
        back = payment["amount_paid"]
        payment.update(status="open", amount_paid=None)
        payment["status_transitions"]["paid_at"] = None
        invoice["amount_paid"] -= back
        invoice["amount_remaining"] += back
        if invoice["status"] == "paid":
            given_up = transitions["marked_uncollectible_at"] is not None
            invoice["status"] = self._account.late_failure_of_uncollectible if given_up else "open"
            if given_up and invoice["status"] == "open":
                invoice["status_details"] = None
        transitions["paid_at"] = None
        self._payments.follow_remaining(invoice, at)
        self._account.log.emit("invoice.updated", invoice, at, previous=previous)
        self._account.log.emit("invoice.payment_failed", invoice, at)
