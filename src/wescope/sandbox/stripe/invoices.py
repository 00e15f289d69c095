"""The life of an invoice: draft, finalized, voided, uncollectible (facts/stripe.md 2.1).

Payments are in ``payments.py``.
"""

from typing import Any

from wescope.sandbox.stripe.account import Account
from wescope.sandbox.stripe.arithmetic import Shipping, Totals, price_invoice
from wescope.sandbox.stripe.balances import Balances
from wescope.sandbox.stripe.catalogue import Catalogue
from wescope.sandbox.stripe.customers import Customers
from wescope.sandbox.stripe.drafts import InvoiceDraft
from wescope.sandbox.stripe.errors import StripeError, no_such
from wescope.sandbox.stripe.lines import LineMaker, discount_amounts, pretax_credits, tax_body
from wescope.sandbox.stripe.store import Resource

DAY_S = 86_400
NO_AUTOMATIC_TAX = {"disabled_reason": None, "enabled": False, "liability": None, "provider": None, "status": None}
NO_PAYMENT_SETTINGS = {"default_mandate": None, "payment_method_options": None, "payment_method_types": None}


class Invoices:
    """Makes and moves invoices."""

    def __init__(self, account: Account, catalogue: Catalogue, customers: Customers, balances: Balances) -> None:
        self._account = account
        self._store = account.store
        self._catalogue = catalogue
        self._customers = customers
        self._balances = balances
        self._lines = LineMaker(account, catalogue)
        self._effective_at: dict[str, int] = {}

    def find(self, invoice_id: str) -> Resource:
        """Return an invoice.

        Raises:
            StripeError: 404 when there is none.
        """
        invoice = self._store.get("invoice", invoice_id)
        if invoice is None:
            raise no_such("invoice", invoice_id, param="invoice")
        return invoice

    def customer(self, invoice: Resource) -> Resource:
        """Return the customer of an invoice."""
        return self._customers.find(invoice["customer"])

    def create(self, draft: InvoiceDraft, at: int, *, revises: str | None = None) -> Resource:
        """Make a draft invoice; emits ``invoice.created``. ``revises`` is the id of the invoice it is to replace.

        Raises:
            StripeError: 400 when the draft names something that does not exist.
        """
        customer = self._customers.find(draft.customer)
        lines = [self._lines.prepare(line, draft, at) for line in draft.lines]
        discounts = tuple(
            self._catalogue.redeem(coupon, draft.customer, at, currency=draft.currency) for coupon in draft.coupons
        )
        rates = tuple(self._catalogue.rate(rate) for rate in draft.shipping_tax_rates)
        shipping = None if draft.shipping is None else Shipping(amount=draft.shipping, rates=rates)
        totals = price_invoice([line.priced for line in lines], discounts=discounts, shipping=shipping)
        invoice_id = self._account.ids.dated("in_1", at)
        invoice = _invoice(invoice_id, draft, customer, totals, at)
        invoice["discounts"] = [discount.discount_id for discount in discounts]
        starting = self._balances.standing(customer, invoice["currency"])
        due = max(invoice["total"] + starting, 0)
        invoice.update(starting_balance=starting, amount_due=due, amount_remaining=due)
        self._store.lines[invoice_id] = [
            self._lines.body(line, priced, invoice_id, draft, at)
            for line, priced in zip(lines, totals.lines, strict=True)
        ]
        self._store.shipping_taxes[invoice_id] = [_shipping_tax(tax, self._store) for tax in totals.shipping_taxes]
        if revises is not None:
            invoice["from_invoice"] = {"action": "revision", "invoice": revises}
        if draft.effective_at is not None:
            self._effective_at[invoice_id] = draft.effective_at
        self._store.add(invoice)
        self._account.log.emit("invoice.created", invoice, at)
        return invoice

    def finalize(self, invoice: Resource, at: int) -> Resource:
        """Finalize a draft: it gets its number, date and due date; nothing to pay makes it paid at once.

        The customer's balance is used. Emits ``invoice.finalized``, and ``invoice.paid`` when nothing is due. Opening
        the payment is the caller's.

        Raises:
            StripeError: 400 when it is not a draft, or needs a balance in a currency that is not the customer's.
        """
        self.expect_draft(invoice)
        self._balances.apply(invoice, at)
        customer = self._customers.find(invoice["customer"])
        due = invoice["due_date"]
        invoice.update(
            status="open",
            number=self._customers.next_number(customer, invoice["currency"]),
            effective_at=self._effective_at.pop(invoice["id"], at),
            due_date=None if due is None else due + at - invoice["created"],
            customer_name=customer["name"],
            customer_email=customer["email"],
            auto_advance=invoice["collection_method"] == "charge_automatically",
            automatically_finalizes_at=None,
            hosted_invoice_url=f"https://invoice.stripe.com/i/{self._account.ids.account}/test_{invoice['id']}?s=ap",
            invoice_pdf=f"https://pay.stripe.com/invoice/{self._account.ids.account}/test_{invoice['id']}/pdf?s=ap",
            webhooks_delivered_at=at,
        )
        invoice["status_transitions"]["finalized_at"] = at
        self._account.log.emit("invoice.finalized", invoice, at)
        if invoice["amount_due"] == 0:
            self.mark_paid(invoice, at, attempted=True)
        elif invoice["collection_method"] == "send_invoice":
            self._account.log.emit("invoice.sent", invoice, at)
        return invoice

    def mark_paid(self, invoice: Resource, at: int, *, attempted: bool) -> None:
        """Make an invoice paid whose remaining amount is zero; emits ``invoice.paid``."""
        invoice.update(status="paid", auto_advance=False, next_payment_attempt=None)
        invoice["attempted"] = invoice["attempted"] or attempted
        invoice["status_transitions"]["paid_at"] = at
        self._account.log.emit("invoice.paid", invoice, at)

    def void(self, invoice: Resource, at: int) -> Resource:
        """Void an open or uncollectible invoice: its amounts stay (facts 2.1), the customer's balance is given back.

        Emits ``invoice.voided``.

        Raises:
            StripeError: 400 when it is neither, or something was paid on it or is on its way.
        """
        self._expect(invoice, "open", "uncollectible", action="void")
        self.expect_unpaid(invoice, "voided")
        invoice.update(status="void", auto_advance=False, next_payment_attempt=None)
        invoice["status_transitions"]["voided_at"] = at
        self._balances.give_back(invoice, at)
        self._account.log.emit("invoice.voided", invoice, at)
        return invoice

    def mark_uncollectible(self, invoice: Resource, at: int) -> Resource:
        """Write an open invoice off; emits ``invoice.marked_uncollectible``.

        Raises:
            StripeError: 400 when it is not open, or a payment is on its way.
        """
        self._expect(invoice, "open", action="mark as uncollectible")
        if self._is_processing(invoice):
            raise StripeError("Invoices with a payment that is processing cannot be marked as uncollectible.")
        if invoice["status_transitions"]["marked_uncollectible_at"] is not None:
            raise StripeError("This sandbox does not mark an invoice as uncollectible twice.")
        invoice.update(status="uncollectible", auto_advance=False, next_payment_attempt=None)
        invoice["status_details"] = {"uncollectible": {"reason": "user_forgiven"}}
        invoice["status_transitions"]["marked_uncollectible_at"] = at
        self._account.log.emit("invoice.marked_uncollectible", invoice, at)
        return invoice

    def expect_draft(self, invoice: Resource) -> None:
        """Refuse to finalize an invoice that is not a draft.

        Raises:
            StripeError: 400.
        """
        self._expect(invoice, "draft", action="finalize")

    def expect_unpaid(self, invoice: Resource, action: str) -> None:
        """Refuse an ``action`` (``voided``) on an invoice on which something was paid or is on its way.

        Raises:
            StripeError: 400.
        """
        if any(payment["status"] == "paid" for payment in self._store.payments_of(invoice["id"])):
            raise StripeError(f"Invoices with `paid` payments cannot be {action}.")
        if self._is_processing(invoice):
            raise StripeError(f"Invoices with a payment that is processing cannot be {action}.")

    def _is_processing(self, invoice: Resource) -> bool:
        open_intents = (
            self._store.get("payment_intent", str(payment["payment"].get("payment_intent")))
            for payment in self._store.payments_of(invoice["id"])
            if payment["status"] == "open"
        )
        return any(intent is not None and intent["status"] == "processing" for intent in open_intents)

    def _expect(self, invoice: Resource, *states: str, action: str) -> None:
        if invoice["status"] not in states:
            raise StripeError(
                f"You can only {action} an invoice that is {' or '.join(states)}; this one is {invoice['status']}.",
                code="invoice_not_editable",
            )


def _shipping_tax(tax: Any, store: Any) -> Resource:
    return {
        "amount": tax.amount,
        "rate": store.get("tax_rate", tax.rate.rate_id),
        "taxability_reason": "standard_rated",
        "taxable_amount": tax.taxable_amount,
    }


def _shipping(totals: Totals, draft: InvoiceDraft) -> Resource | None:
    if draft.shipping is None:
        return None
    tax = sum(tax.amount for tax in totals.shipping_taxes)
    return {
        "amount_subtotal": totals.shipping,
        "amount_tax": tax,
        "amount_total": totals.shipping + tax,
        "shipping_rate": None,
    }


def _parent(draft: InvoiceDraft) -> Resource | None:
    if draft.subscription is None:
        return None
    details = {"metadata": {}, "subscription": draft.subscription}
    return {"quote_details": None, "subscription_details": details, "type": "subscription_details"}


def _due(draft: InvoiceDraft, at: int) -> int | None:
    return None if draft.days_until_due is None else at + draft.days_until_due * DAY_S


def _invoice(invoice_id: str, draft: InvoiceDraft, customer: Resource, totals: Totals, at: int) -> Resource:
    manual = draft.subscription is None
    return {
        "id": invoice_id,
        "object": "invoice",
        **_amounts(draft, totals),
        **_customer_snapshot(customer),
        **_unused(),
        "attempt_count": 0,
        "attempted": False,
        "auto_advance": not manual,
        "billing_reason": draft.billing_reason,
        "collection_method": "charge_automatically" if draft.days_until_due is None else "send_invoice",
        "created": at,
        "currency": draft.currency,
        "description": draft.description,
        "discounts": [],
        "due_date": _due(draft, at),
        "effective_at": None,
        "ending_balance": None,
        "hosted_invoice_url": None,
        "invoice_pdf": None,
        "livemode": False,
        "metadata": dict(draft.metadata),
        "next_payment_attempt": None,
        "number": None,
        "parent": _parent(draft),
        "period_end": at,
        "period_start": at,
        "starting_balance": 0,
        "status": "draft",
        "status_transitions": dict.fromkeys(("finalized_at", "marked_uncollectible_at", "paid_at", "voided_at")),
        "webhooks_delivered_at": None,
    }


def _amounts(draft: InvoiceDraft, totals: Totals) -> Resource:
    shipping = _shipping(totals, draft)
    return {
        "amount_due": totals.total,
        "amount_overpaid": 0,
        "amount_paid": 0,
        "amount_paid_off_stripe": 0,
        "amount_remaining": totals.total,
        "amount_shipping": totals.shipping,
        "post_payment_credit_notes_amount": 0,
        "pre_payment_credit_notes_amount": 0,
        "shipping_cost": shipping,
        "subtotal": totals.subtotal,
        "subtotal_excluding_tax": totals.subtotal_excluding_tax,
        "total": totals.total,
        "total_discount_amounts": discount_amounts(totals.discounts),
        "total_excluding_tax": totals.total_excluding_tax,
        "total_pretax_credit_amounts": pretax_credits(totals.discounts),
        "total_taxes": [tax_body(tax) for tax in totals.taxes],
    }


def _customer_snapshot(customer: Resource) -> Resource:
    return {
        "customer": customer["id"],
        "customer_account": None,
        "customer_address": customer["address"],
        "customer_email": customer["email"],
        "customer_name": customer["name"],
        "customer_phone": customer["phone"],
        "customer_shipping": None,
        "customer_tax_exempt": customer["tax_exempt"],
        "customer_tax_ids": [],
    }


def _unused() -> Resource:
    return {
        "account_country": "US",
        "account_name": "Cartographic Supply",
        "account_tax_ids": None,
        "application": None,
        "automatic_tax": dict(NO_AUTOMATIC_TAX),
        "automatically_finalizes_at": None,
        "custom_fields": None,
        "default_payment_method": None,
        "default_source": None,
        "default_tax_rates": [],
        "footer": None,
        "from_invoice": None,
        "issuer": {"type": "self"},
        "last_finalization_error": None,
        "latest_revision": None,
        "on_behalf_of": None,
        "payment_settings": dict(NO_PAYMENT_SETTINGS),
        "receipt_number": None,
        "rendering": None,
        "shipping_details": None,
        "statement_descriptor": None,
        "test_clock": None,
    }
