"""Revisions: an open invoice is replaced by a new one (facts/stripe.md 2.1)."""

from collections.abc import Callable

from wescope.sandbox.stripe.account import Account
from wescope.sandbox.stripe.drafts import InvoiceDraft
from wescope.sandbox.stripe.errors import StripeError
from wescope.sandbox.stripe.invoices import Invoices
from wescope.sandbox.stripe.store import Resource

REVISABLE = ("open", "uncollectible")


class Revisions:
    """Makes drafts that replace invoices, and replaces them.

    Args:
        account: Where the invoices live.
        invoices: To make and find them.
        void: Voids an invoice together with its open payment.
    """

    def __init__(self, account: Account, invoices: Invoices, void: Callable[[Resource, int], object]) -> None:
        self._account = account
        self._invoices = invoices
        self._void = void

    def create(self, original: Resource, draft: InvoiceDraft, at: int) -> Resource:
        """Make the draft that will replace ``original`` when it is finalized; emits ``invoice.created``.

        Raises:
            StripeError: 400 when the original is neither open nor uncollectible, was paid in part, or has been
                replaced, or when the draft is wrong.
        """
        self._expect_revisable(original)
        return self._invoices.create(draft, at, revises=original["id"])

    def replace(self, revision: Resource, at: int) -> None:
        """Void what a draft replaces and name the revision on it and on what it replaced; for other drafts do nothing.

        Emits ``invoice.voided`` and ``invoice.updated`` of the original.

        Raises:
            StripeError: 400 when the original cannot be replaced any more.
        """
        source = revision["from_invoice"]
        if source is None or source["action"] != "revision":
            return
        original = self._invoices.find(source["invoice"])
        self._expect_revisable(original)
        self._void(original, at)
        while True:
            previous = {"latest_revision": original["latest_revision"]}
            original["latest_revision"] = revision["id"]
            self._account.log.emit("invoice.updated", original, at, previous=previous)
            if original["from_invoice"] is None:
                return
            original = self._invoices.find(original["from_invoice"]["invoice"])

    def _expect_revisable(self, original: Resource) -> None:
        if original["status"] not in REVISABLE:
            raise StripeError(
                f"You can only revise an invoice that is {' or '.join(REVISABLE)}; this one is {original['status']}.",
                code="invoice_not_editable",
            )
        self._invoices.expect_unpaid(original, "revised")
