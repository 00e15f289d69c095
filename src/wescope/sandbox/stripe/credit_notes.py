"""Credit notes: before payment they lower what remains, after it they give money or balance back (facts 2.5)."""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from wescope.sandbox.stripe.account import Account
from wescope.sandbox.stripe.balances import Balances
from wescope.sandbox.stripe.catalogue import Catalogue
from wescope.sandbox.stripe.credit_lines import CreditLine, CreditLineMaker, CreditTotals
from wescope.sandbox.stripe.errors import StripeError, no_such
from wescope.sandbox.stripe.invoices import Invoices
from wescope.sandbox.stripe.parameters import choice
from wescope.sandbox.stripe.payments import Payments
from wescope.sandbox.stripe.store import Resource

# (charge, minor units, at, reason) -> refund
MakeRefund: TypeAlias = Callable[[Resource, int, int, str], Resource]

REASONS = ("duplicate", "fraudulent", "order_change", "product_unsatisfactory")
CREDITABLE = ("open", "paid")
LOST = ("failed", "canceled")


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditNoteDraft:
    """A credit note to issue; exactly one of ``lines`` (with or without ``shipping``) and ``amount``.

    Attributes:
        invoice: Id.
        lines: What is credited.
        amount: Minor units, tax included, as one custom line.
        shipping: Credit the invoice's shipping, too.
        refund_amount: To refund to the charge that paid the invoice.
        refunds: Existing refunds as (id, minor units of it).
        credit_amount: To credit to the customer's balance.
        out_of_band_amount: Given back outside of Stripe; None if nothing is.
        reason: One of ``REASONS``.
        memo: What the customer reads.
        effective_at: Unix seconds of the date of issue, when it is not now.
    """

    invoice: str
    lines: tuple[CreditLine, ...] = ()
    amount: int | None = None
    shipping: bool = False
    refund_amount: int = 0
    refunds: tuple[tuple[str, int], ...] = ()
    credit_amount: int = 0
    out_of_band_amount: int | None = None
    reason: str | None = None
    memo: str | None = None
    effective_at: int | None = None

    @property
    def given_back(self) -> int:
        """What the parts after payment come to."""
        linked = sum(amount for _, amount in self.refunds)
        return self.refund_amount + linked + self.credit_amount + (self.out_of_band_amount or 0)


class CreditNotes:
    """Issues and voids credit notes.

    Args:
        account: Where they live.
        catalogue: For tax rates.
        invoices: What they credit.
        payments: Whose default payment follows what remains.
        balances: Of the customers.
        refund: Makes a refund.
    """

    def __init__(
        self,
        account: Account,
        catalogue: Catalogue,
        invoices: Invoices,
        payments: Payments,
        balances: Balances,
        *,
        refund: MakeRefund,
    ) -> None:
        self._account = account
        self._store = account.store
        self._lines = CreditLineMaker(account, catalogue)
        self._invoices = invoices
        self._payments = payments
        self._balances = balances
        self._refund = refund

    def find(self, note_id: str) -> Resource:
        """Return a credit note.

        Raises:
            StripeError: 404 when there is none.
        """
        note = self._store.get("credit_note", note_id)
        if note is None:
            raise no_such("credit_note", note_id)
        return note

    def preview(self, invoice: Resource, lines: tuple[CreditLine, ...], at: int) -> int:
        """Return what crediting ``lines`` comes to, tax included, in minor units.

        Raises:
            StripeError: 400 when a line does not exist or has less left to credit.
        """
        return self._lines.price(invoice, lines, at, shipping=False).total

    def charges(self, invoice: Resource) -> list[Resource]:
        """Return the charges that paid an invoice, newest first."""
        intents = [
            self._store.get("payment_intent", str(payment["payment"].get("payment_intent")))
            for payment in self._store.payments_of(invoice["id"])
            if payment["status"] == "paid"
        ]
        charges = [self._store.get("charge", str(intent["latest_charge"])) for intent in intents if intent]
        return [charge for charge in charges if charge is not None and charge["status"] == "succeeded"]

    def create(self, draft: CreditNoteDraft, at: int) -> Resource:
        """Issue a credit note; emits ``credit_note.created`` and ``invoice.updated``, and what its parts emit.

        Raises:
            StripeError: 400 as Stripe does when the amounts do not fit the invoice or each other.
        """
        invoice = self._invoices.find(draft.invoice)
        totals = self._priced(invoice, draft, at)
        before = min(totals.total, invoice["amount_remaining"])
        self._check(invoice, draft, totals.total, after=totals.total - before)
        note = _credit_note(self._account, invoice, draft, totals, before=before, at=at)
        note["number"] = self._number(invoice)
        note["refunds"] = [_linked(refund_id, amount) for refund_id, amount in draft.refunds]
        if draft.refund_amount:
            reason = draft.reason if draft.reason in {"duplicate", "fraudulent"} else "requested_by_customer"
            charge = self._refundable(invoice, draft.refund_amount)
            made = self._refund(charge, draft.refund_amount, at, str(reason))
            note["refunds"].append(_linked(made["id"], draft.refund_amount))
        if draft.credit_amount:
            made = self._balances.credit(invoice, note["id"], draft.credit_amount, at)
            note["customer_balance_transaction"] = made["id"]
        self._store.lines[note["id"]] = totals.lines
        if draft.shipping:
            self._store.shipping_taxes[note["id"]] = copy.deepcopy(self._store.shipping_taxes[invoice["id"]])
        self._store.add(note)
        self._account.log.emit("credit_note.created", note, at)
        self._count(invoice, note, at, sign=1)
        return note

    def update(self, note: Resource, changes: dict[str, Any], at: int) -> Resource:
        """Change ``memo`` or ``metadata``; emits ``credit_note.updated``."""
        previous = {name: note[name] for name, value in changes.items() if note[name] != value}
        note.update(changes)
        self._account.log.emit("credit_note.updated", note, at, previous=previous)
        return note

    def void(self, note: Resource, at: int) -> Resource:
        """Void a credit note of an open invoice; emits ``credit_note.voided`` and ``invoice.updated``.

        Raises:
            StripeError: 400 when it is void, its invoice is not open, or it gave anything back.
        """
        invoice = self._invoices.find(note["invoice"])
        if note["status"] == "void":
            raise StripeError("This credit note is already void.", code="resource_already_exists")
        if invoice["status"] != "open":
            raise StripeError(f"You can only void credit notes of open invoices; this one is {invoice['status']}.")
        if note["post_payment_amount"]:
            raise StripeError("You can only void credit notes of type `pre_payment`.")
        note.update(status="void", voided_at=at)
        self._account.log.emit("credit_note.voided", note, at)
        self._count(invoice, note, at, sign=-1)
        return note

    def _priced(self, invoice: Resource, draft: CreditNoteDraft, at: int) -> CreditTotals:
        listed = bool(draft.lines) or draft.shipping
        if listed == (draft.amount is not None):
            raise StripeError("You must pass one of `amount`, `lines`, or `shipping_cost`.", param="amount")
        if draft.amount is not None:
            return self._lines.lump(draft.amount, at)
        return self._lines.price(invoice, draft.lines, at, shipping=draft.shipping)

    def _check(self, invoice: Resource, draft: CreditNoteDraft, total: int, *, after: int) -> None:
        if invoice["status"] not in CREDITABLE:
            raise StripeError(
                f"You can only create credit notes for invoices that are open or paid; this one is {invoice['status']}."
            )
        if draft.reason is not None:
            choice("reason", draft.reason, REASONS)
        if min(draft.refund_amount, draft.credit_amount, draft.out_of_band_amount or 0) < 0:
            raise StripeError("Amounts of a credit note must not be negative.", code="parameter_invalid_integer")
        most = self._creditable(invoice, draft)
        if not 0 < total <= most:
            raise StripeError(
                f"The credit note amount {total} must be greater than zero and at most {most}, which is what can still "
                f"be credited on invoice {invoice['id']}.",
                param="amount",
            )
        if draft.given_back != after:
            raise StripeError(
                f"The sum of refunds, credit amount and out of band amount ({draft.given_back}) must equal the "
                f"post payment amount ({after}).",
                param="amount",
            )
        for refund_id, amount in draft.refunds:
            self._check_refund(invoice, refund_id, amount)
        if draft.credit_amount:
            self._balances.check_currency(self._invoices.customer(invoice), invoice["currency"])
        if draft.refund_amount:
            self._refundable(invoice, draft.refund_amount)

    def _creditable(self, invoice: Resource, draft: CreditNoteDraft) -> int:
        """Return what can still be credited: the total less other notes and refunds that no note stands for."""
        notes = [one for one in self._store.credit_notes_of(invoice["id"]) if one["status"] == "issued"]
        linked = dict(draft.refunds)
        charges = {charge["id"] for charge in self.charges(invoice)}
        unlinked = sum(
            int(refund["amount"]) - self._claimed(refund["id"]) - linked.get(refund["id"], 0)
            for refund in self._store.all("refund")
            if refund["charge"] in charges and refund["status"] not in LOST
        )
        credited = sum(int(note["total"]) for note in notes)
        return int(invoice["total"]) - credited - unlinked

    def _check_refund(self, invoice: Resource, refund_id: str, amount: int) -> None:
        refund = self._store.get("refund", refund_id)
        if refund is None:
            raise no_such("refund", refund_id, param="refunds", status=400)
        if refund["charge"] not in {charge["id"] for charge in self.charges(invoice)}:
            raise StripeError(f"The refund {refund_id} is not of a payment of this invoice.", param="refunds")
        if not 0 < amount <= refund["amount"] - self._claimed(refund_id):
            raise StripeError(f"Less than {amount} of the refund {refund_id} is left to link.", param="refunds")

    def _claimed(self, refund_id: str) -> int:
        """Return how much of a refund credit notes stand for."""
        return sum(
            int(part["amount_refunded"])
            for note in self._store.all("credit_note")
            for part in note["refunds"]
            if part["refund"] == refund_id
        )

    def _refundable(self, invoice: Resource, amount: int) -> Resource:
        for charge in self.charges(invoice):
            if charge["amount"] - charge["amount_refunded"] >= amount:
                return charge
        raise StripeError(
            f"No charge of invoice {invoice['id']} has {amount} left to refund.", code="charge_already_refunded"
        )

    def _number(self, invoice: Resource) -> str:
        return f"{invoice['number']}-CN-{len(self._store.credit_notes_of(invoice['id'])) + 1:02d}"

    def _count(self, invoice: Resource, note: Resource, at: int, *, sign: int) -> None:
        """Add an issued note to its invoice's amounts, or take a voided one from them."""
        moves = {
            "amount_remaining": -sign * note["pre_payment_amount"],
            "pre_payment_credit_notes_amount": sign * note["pre_payment_amount"],
            "post_payment_credit_notes_amount": sign * note["post_payment_amount"],
        }
        previous = {name: invoice[name] for name, move in moves.items() if move}
        for name, move in moves.items():
            invoice[name] += move
        self._account.log.emit("invoice.updated", invoice, at, previous=previous)
        if note["pre_payment_amount"]:
            self._payments.follow_remaining(invoice, at)


def _linked(refund_id: str, amount: int) -> Resource:
    return {"amount_refunded": amount, "payment_record_refund": None, "refund": refund_id, "type": "refund"}


def _type(before: int, total: int) -> str:
    if before == total:
        return "pre_payment"
    return "mixed" if before else "post_payment"


def _credit_note(
    account: Account, invoice: Resource, draft: CreditNoteDraft, totals: CreditTotals, *, before: int, at: int
) -> Resource:
    note_id = account.ids.dated("cn_1", at)
    return {
        "id": note_id,
        "object": "credit_note",
        **totals.amounts,
        "created": at,
        "currency": invoice["currency"],
        "customer": invoice["customer"],
        "customer_account": None,
        "customer_balance_transaction": None,
        "effective_at": at if draft.effective_at is None else draft.effective_at,
        "invoice": invoice["id"],
        "livemode": False,
        "memo": draft.memo,
        "metadata": {},
        "number": None,
        "out_of_band_amount": draft.out_of_band_amount,
        "pdf": f"https://pay.stripe.com/credit_notes/{account.ids.account}/test_{note_id}/pdf?s=ap",
        "post_payment_amount": totals.total - before,
        "pre_payment_amount": before,
        "reason": draft.reason,
        "refunds": [],
        "status": "issued",
        "type": _type(before, totals.total),
        "voided_at": None,
    }
