"""The façade over one account's business: what a merchant and its customers can do."""

import heapq
from collections.abc import Callable

from wescope.sandbox.stripe.account import Account
from wescope.sandbox.stripe.balancerows import BalanceRows
from wescope.sandbox.stripe.balances import Balances
from wescope.sandbox.stripe.catalogue import Catalogue
from wescope.sandbox.stripe.charges import Charges
from wescope.sandbox.stripe.credit_notes import CreditNotes
from wescope.sandbox.stripe.customers import Customers
from wescope.sandbox.stripe.disputes import Disputes
from wescope.sandbox.stripe.drafts import InvoiceDraft
from wescope.sandbox.stripe.intents import Intents
from wescope.sandbox.stripe.invoices import Invoices
from wescope.sandbox.stripe.late_failure import LateFailures
from wescope.sandbox.stripe.ledger import Ledger
from wescope.sandbox.stripe.payments import Payments
from wescope.sandbox.stripe.payouts import Payouts
from wescope.sandbox.stripe.refunds import Refunds
from wescope.sandbox.stripe.revisions import Revisions
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
        self.balances = Balances(account, self.customers)
        self.invoices = Invoices(account, self.catalogue, self.customers, self.balances)
        self.ledger = Ledger(account)
        self.intents = Intents(account, self.ledger)
        self.refunds = Refunds(account, self.ledger, self.schedule)
        self.charges = Charges(account, self.intents, self.refunds, self.schedule)
        self.disputes = Disputes(account, self.ledger)
        self.rows = BalanceRows(account, self.ledger, self.schedule)
        self.payouts = Payouts(account, self.ledger, self.schedule)
        self.payments = Payments(account, self.invoices, self.intents, self.balances)
        self.late_failures = LateFailures(account, self.ledger, self.invoices, self.payments)
        self.revisions = Revisions(account, self.invoices, self.void)
        self.credit_notes = CreditNotes(
            account, self.catalogue, self.invoices, self.payments, self.balances, refund=self._refund
        )
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
        return self.finalize(self.invoices.create(draft, at), at, capture_method=capture_method)

    def finalize(self, invoice: Resource, at: int, *, capture_method: str = "automatic") -> Resource:
        """Finalize a draft and open its default payment; a revision first voids what it replaces. Returns the invoice.

        Raises:
            StripeError: 400 when it is no draft, or replaces what cannot be replaced any more.
        """
        self.invoices.expect_draft(invoice)
        self.revisions.replace(invoice, at)
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

    def _refund(self, charge: Resource, amount: int, at: int, reason: str) -> Resource:
        return self.refunds.create(charge, amount, at, reason=reason)
