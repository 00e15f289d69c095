"""The façade over one account's business: what a merchant and its customers can do."""

import heapq
from collections.abc import Callable

from wescope.sandbox.stripe.account import Account
from wescope.sandbox.stripe.catalogue import Catalogue
from wescope.sandbox.stripe.customers import Customers
from wescope.sandbox.stripe.drafts import InvoiceDraft
from wescope.sandbox.stripe.intents import Intents
from wescope.sandbox.stripe.invoices import Invoices
from wescope.sandbox.stripe.money import Fees
from wescope.sandbox.stripe.payments import Payments
from wescope.sandbox.stripe.store import Resource


class Business:
    """One account with everything that can happen on it, and a timetable of what will.

    Args:
        account: Where the objects live.
    """

    def __init__(self, account: Account) -> None:
        self.account = account
        self.catalogue = Catalogue(account)
        self.customers = Customers(account)
        self.invoices = Invoices(account, self.catalogue, self.customers)
        self.intents = Intents(account, Fees())
        self.payments = Payments(account, self.invoices, self.intents)
        self._timetable: list[tuple[int, int, Callable[[int], object]]] = []
        self._entries = 0

    def schedule(self, at: int, action: Callable[[int], object]) -> None:
        """Have ``action`` called with ``at`` (Unix seconds) when time gets there; first come, first served."""
        self._entries += 1
        heapq.heappush(self._timetable, (at, self._entries, action))

    def run_until(self, end: int) -> None:
        """Let time pass: perform everything that is scheduled before ``end``, also what that schedules."""
        while self._timetable and self._timetable[0][0] < end:
            at, _, action = heapq.heappop(self._timetable)
            self.account.clock.set(at)
            action(at)
        self.account.clock.set(end)

    def void(self, invoice: Resource, at: int) -> Resource:
        """Void an invoice and cancel its open payment.

        Raises:
            StripeError: 400 when it cannot be voided.
        """
        self.invoices.void(invoice, at)
        self.payments.cancel_default(invoice, at)
        return invoice

    def issue(self, draft: InvoiceDraft, at: int, *, capture_method: str = "automatic") -> Resource:
        """Make and finalize an invoice and open its default payment; returns the invoice.

        Raises:
            StripeError: 400 when the draft is wrong.
        """
        invoice = self.invoices.create(draft, at)
        self.invoices.finalize(invoice, at)
        self.payments.open_default(invoice, at, capture_method=capture_method)
        return invoice

    def pay(self, invoice: Resource, at: int, *, settle_after_s: int = 120) -> Resource:
        """Pay what remains by card; with asynchronous capture the balance transaction comes ``settle_after_s`` later.

        Raises:
            StripeError: 400 when the invoice cannot be paid.
        """
        charge = self.payments.pay(invoice, at)
        self.settle_later(charge, at + settle_after_s)
        return charge

    def settle_later(self, charge: Resource, at: int) -> None:
        """Schedule the balance transaction of a charge that has none yet."""
        if charge["balance_transaction"] is None:
            self.schedule(at, lambda then: self.intents.settle_later(charge, then))

    def debit(self, invoice: Resource, at: int, *, days: int = 4) -> Resource:
        """Pay what remains by bank debit, which succeeds ``days`` later; returns the payment intent.

        Raises:
            StripeError: 400 when the invoice cannot be paid.
        """
        intent = self.payments.start_debit(invoice, at)
        self.schedule(at + days * 86_400, lambda then: self.payments.finish_debit(intent, then))
        return intent
