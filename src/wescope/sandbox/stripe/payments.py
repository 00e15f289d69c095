"""Payments of invoices: in full, in parts, shared over invoices, outside of Stripe (facts/stripe.md 2.3)."""

from typing import Any

from wescope.sandbox.stripe.account import Account
from wescope.sandbox.stripe.balances import Balances
from wescope.sandbox.stripe.errors import StripeError
from wescope.sandbox.stripe.intents import Intents
from wescope.sandbox.stripe.invoices import Invoices
from wescope.sandbox.stripe.records import payment_record
from wescope.sandbox.stripe.store import Resource

PAYABLE = ("open", "uncollectible")


class Payments:
    """Pays invoices."""

    def __init__(self, account: Account, invoices: Invoices, intents: Intents, balances: Balances) -> None:
        self._account = account
        self._store = account.store
        self._invoices = invoices
        self._intents = intents
        self._balances = balances

    def open_default(self, invoice: Resource, at: int, *, capture_method: str = "automatic") -> None:
        """Make the default payment intent and invoice payment that finalizing an invoice creates."""
        if invoice["status"] != "open":
            return
        intent = self._intents.create(
            invoice["customer"],
            invoice["amount_due"],
            at,
            capture_method=capture_method,
            invoice=invoice["id"],
            currency=invoice["currency"],
        )
        self._link(invoice, intent, invoice["amount_due"], at, is_default=True)

    def default_intent(self, invoice: Resource) -> Resource:
        """Return the open default payment intent of an invoice.

        Raises:
            StripeError: 400 when it has none.
        """
        payment = self._default(invoice)
        intent = self._store.get("payment_intent", payment["payment"]["payment_intent"]) if payment else None
        if intent is None:
            raise StripeError("This invoice has no open payment.", code="invoice_not_editable")
        return intent

    def _idle_intent(self, invoice: Resource) -> Resource:
        """The default intent to try a payment on: while a debit is on its way there is no other try."""
        self._expect_payable(invoice)
        intent = self.default_intent(invoice)
        if intent["status"] == "processing":
            raise StripeError(
                "This PaymentIntent is processing: it cannot be confirmed again.",
                code="payment_intent_unexpected_state",
            )
        return intent

    def pay(self, invoice: Resource, at: int) -> Resource:
        """Pay all that remains through the default payment intent; returns the charge.

        Raises:
            StripeError: 400 when the invoice cannot be paid.
        """
        intent = self._idle_intent(invoice)
        self._attempted(invoice)
        charge = self._intents.collect(intent, at)
        self.credit(intent, at)
        return charge

    def fail(self, invoice: Resource, at: int) -> Resource:
        """Try to pay and be declined; emits ``invoice.payment_failed`` and ``invoice.updated``.

        Raises:
            StripeError: 400 when the invoice cannot be paid.
        """
        intent = self._idle_intent(invoice)
        before = {"attempt_count": invoice["attempt_count"], "attempted": invoice["attempted"]}
        charge = self._intents.fail(intent, at)
        self._attempted(invoice)
        self._account.log.emit("invoice.updated", invoice, at, previous=before)
        self._account.log.emit("invoice.payment_failed", invoice, at)
        return charge

    def start_debit(self, invoice: Resource, at: int) -> Resource:
        """Start to pay what remains by bank debit; finish it with ``finish_debit``. Returns the payment intent.

        Raises:
            StripeError: 400 when the invoice cannot be paid.
        """
        intent = self._idle_intent(invoice)
        self._attempted(invoice)
        self._intents.start_debit(intent, at)
        return intent

    def finish_debit(self, intent: Resource, at: int) -> Resource:
        """Let a bank debit succeed and credit its invoice; returns the charge."""
        charge = self._intents.finish_debit(intent, at)
        self.credit(intent, at)
        return charge

    def pay_part(self, invoice: Resource, amount: int, at: int, *, overpay: bool = False) -> Resource:
        """Pay ``amount`` minor units through a payment intent of its own; returns the charge.

        Raises:
            StripeError: 400 when the invoice cannot be paid, or less remains and ``overpay`` is not said.
        """
        return self.pay_shared({invoice["id"]: amount}, amount, at, overpay=overpay)

    def pay_shared(
        self,
        shares: dict[str, int],
        amount: int,
        at: int,
        *,
        capture_method: str = "automatic",
        overpay: bool = False,
    ) -> Resource:
        """Pay several invoices of a customer with one payment intent; returns the charge.

        Args:
            shares: Minor units by invoice id.
            amount: Of the payment intent; what exceeds the shares stays unapplied on it.
            at: Unix seconds.
            capture_method: As in ``Intents.create``; with ``manual`` the money is authorized a minute before.
            overpay: A share may exceed what remains: the rest is credited to the customer's balance.

        Raises:
            StripeError: 400 when a share is too large, an invoice cannot be paid, or the customers differ.
        """
        invoices = [self._invoices.find(invoice_id) for invoice_id in shares]
        self._check_shares(invoices, shares, amount, overpay=overpay)
        intent = self._intents.create(
            invoices[0]["customer"], amount, at, capture_method=capture_method, currency=invoices[0]["currency"]
        )
        if capture_method == "manual":
            self._intents.authorize(intent, at)
        for invoice in invoices:
            self._link(invoice, intent, shares[invoice["id"]], at, is_default=False)
        charge = (
            self._intents.capture(intent, at + 60) if capture_method == "manual" else self._intents.collect(intent, at)
        )
        self.credit(intent, at + 60 if capture_method == "manual" else at)
        return charge

    def pay_out_of_band(self, invoice: Resource, at: int) -> Resource:
        """Mark an invoice as paid outside of Stripe: no charge, no balance transaction (facts 2.1). Returns it.

        Raises:
            StripeError: 400 when the invoice cannot be paid.
        """
        self._expect_payable(invoice)
        invoice["amount_paid_off_stripe"] += invoice["amount_remaining"]
        invoice["amount_paid"] += invoice["amount_remaining"]
        invoice["amount_remaining"] = 0
        self._close_default(invoice, at)
        self._invoices.mark_paid(invoice, at, attempted=False)
        return invoice

    def pay_by_record(self, invoice: Resource, amount: int, at: int, *, overpay: bool = False) -> Resource:
        """Report a payment of another processor: an invoice payment of type ``payment_record``; returns the record.

        Raises:
            StripeError: 400 when the invoice cannot be paid, or less remains and ``overpay`` is not said.
        """
        self._expect_payable(invoice)
        self._check_amount(invoice, amount, overpay=overpay)
        record = self._store.add(
            payment_record(self._account, invoice["customer"], amount, at, currency=invoice["currency"])
        )
        payment = self._invoice_payment(invoice, amount, at, payment={"payment_record": record["id"]}, is_default=False)
        invoice["amount_paid_off_stripe"] += amount
        self._credit_one(payment, at)
        return record

    def credit(self, intent: Resource, at: int) -> None:
        """Apply a payment intent that succeeded to its invoices; emits what Stripe emits for each."""
        for payment in self._store.payments_by("payment_intent", intent["id"])[::-1]:
            if payment["status"] == "open":
                self._credit_one(payment, at)

    def cancel_default(self, invoice: Resource, at: int) -> None:
        """Cancel the open default payment of an invoice that was voided or written off."""
        self._close_default(invoice, at)

    def _credit_one(self, payment: Resource, at: int) -> None:
        invoice = self._invoices.find(payment["invoice"])
        amount = payment["amount_requested"]
        excess = max(amount - invoice["amount_remaining"], 0)
        before = {name: invoice[name] for name in ("amount_paid", "amount_remaining")}
        payment.update(status="paid", amount_paid=amount)
        payment["status_transitions"]["paid_at"] = at
        invoice["amount_paid"] += amount
        invoice["amount_remaining"] -= amount - excess
        if excess:
            before["amount_overpaid"] = invoice["amount_overpaid"]
            invoice["amount_overpaid"] += excess
            self._balances.overpaid(invoice, excess, at)
        self._account.log.emit("invoice_payment.paid", payment, at)
        self._account.log.emit("invoice.updated", invoice, at, previous=before)
        in_stripe = payment["payment"]["type"] == "payment_intent"
        self.follow_remaining(invoice, at, attempted=in_stripe)
        if in_stripe and not invoice["amount_remaining"]:
            self._account.log.emit("invoice.payment_succeeded", invoice, at)
        if excess:
            self._account.log.emit("invoice.overpaid", invoice, at)

    def follow_remaining(self, invoice: Resource, at: int, *, attempted: bool = False) -> None:
        """Keep the default payment equal to what remains; nothing remaining makes the invoice paid."""
        if invoice["amount_remaining"]:
            self._resize_default(invoice)
            return
        self._close_default(invoice, at)
        if invoice["status"] != "paid":
            self._invoices.mark_paid(invoice, at, attempted=attempted)

    def _link(self, invoice: Resource, intent: Resource, amount: int, at: int, *, is_default: bool) -> Resource:
        return self._invoice_payment(
            invoice, amount, at, payment={"payment_intent": intent["id"]}, is_default=is_default
        )

    def _invoice_payment(
        self, invoice: Resource, amount: int, at: int, *, payment: dict[str, Any], is_default: bool
    ) -> Resource:
        return self._store.add(
            {
                "id": self._account.ids.dated("inpay_1", at),
                "object": "invoice_payment",
                "amount_paid": None,
                "amount_requested": amount,
                "created": at,
                "currency": invoice["currency"],
                "invoice": invoice["id"],
                "is_default": is_default,
                "livemode": False,
                "payment": {"type": next(iter(payment)), **payment},
                "status": "open",
                "status_transitions": {"canceled_at": None, "paid_at": None},
            }
        )

    def _default(self, invoice: Resource) -> Resource | None:
        open_defaults = [
            payment
            for payment in self._store.payments_of(invoice["id"])
            if payment["is_default"] and payment["status"] == "open"
        ]
        return open_defaults[0] if open_defaults else None

    def _resize_default(self, invoice: Resource) -> None:
        payment = self._default(invoice)
        if payment is not None and not self._on_its_way(invoice):
            payment["amount_requested"] = invoice["amount_remaining"]
            self._intents.resize(self.default_intent(invoice), invoice["amount_remaining"])

    def _close_default(self, invoice: Resource, at: int) -> None:
        payment = self._default(invoice)
        if payment is not None and not self._on_its_way(invoice):
            intent = self.default_intent(invoice)
            payment["status"] = "canceled"
            payment["status_transitions"]["canceled_at"] = at
            self._intents.cancel(intent, at)

    def _on_its_way(self, invoice: Resource) -> bool:
        """Say whether the default payment is a debit that can be neither changed nor canceled any more."""
        return bool(self.default_intent(invoice)["status"] == "processing")

    def _attempted(self, invoice: Resource) -> None:
        invoice["attempted"] = True
        invoice["attempt_count"] += 1

    def _expect_payable(self, invoice: Resource) -> None:
        if invoice["status"] == "paid":
            raise StripeError("Invoice is already paid", code="invoice_already_paid")
        if invoice["status"] not in PAYABLE:
            raise StripeError(f"You cannot pay an invoice that is {invoice['status']}.", code="invoice_not_editable")

    def _check_amount(self, invoice: Resource, amount: int, *, overpay: bool) -> None:
        if overpay and amount > invoice["amount_remaining"]:
            self._balances.check_currency(self._invoices.customer(invoice), invoice["currency"])
        elif not 0 < amount <= invoice["amount_remaining"]:
            raise StripeError(
                f"Amount {amount} is not within the {invoice['amount_remaining']} that invoice {invoice['id']} needs.",
                param="amount",
            )

    def _check_shares(self, invoices: list[Resource], shares: dict[str, int], amount: int, *, overpay: bool) -> None:
        if not invoices or len({(invoice["customer"], invoice["currency"]) for invoice in invoices}) > 1:
            raise StripeError("A payment intent pays invoices of one customer and currency.", param="shares")
        if sum(shares.values()) > amount:
            raise StripeError("The shares exceed the amount.", param="amount")
        for invoice in invoices:
            self._expect_payable(invoice)
            self._check_amount(invoice, shares[invoice["id"]], overpay=overpay)
