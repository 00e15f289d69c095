"""Commands about credit: customer balances, credit notes, revisions, debits that fail late."""

from wescope.sandbox.stripe.business import Business
from wescope.sandbox.stripe.command_values import DRAFT_NAMES, Command, Values, invoice_draft, needed, only
from wescope.sandbox.stripe.credit_lines import CreditLine
from wescope.sandbox.stripe.credit_notes import CreditNoteDraft
from wescope.sandbox.stripe.invoices import DAY_S
from wescope.sandbox.stripe.store import Resource

_NOTE_NAMES = (
    "invoice", "lines", "amount", "shipping", "refund_amount", "refunds", "credit_amount", "out_of_band_amount",
    "reason", "memo", "effective_at",
)  # fmt: skip
_INHERITED = ("billing_reason", "currency", "customer", "description", "metadata")


def adjust_balance(business: Business, values: Values, at: int) -> Resource:
    """Adjust the balance of the customer ``id`` by ``amount``; below zero is credit."""
    only(values, "id", "amount", "currency", "description")
    return business.balances.adjust(
        needed(values, "id"),
        needed(values, "amount"),
        at,
        currency=values.get("currency"),
        description=values.get("description"),
    )


def create_credit_note(business: Business, values: Values, at: int) -> Resource:
    """Issue a credit note on ``invoice``; the names are those of ``CreditNoteDraft``."""
    options = dict(only(values, *_NOTE_NAMES))
    options["lines"] = tuple(_credit_line(line) for line in values.get("lines", ()))
    options["refunds"] = tuple(
        (needed(one, "refund"), needed(only(one, "refund", "amount_refunded"), "amount_refunded"))
        for one in values.get("refunds", ())
    )
    needed(values, "invoice")
    return business.credit_notes.create(CreditNoteDraft(**options), at)


def _credit_line(values: Values) -> CreditLine:
    only(values, "invoice_line", "quantity", "amount", "description", "tax_rates")
    return CreditLine(
        invoice_line_item=values.get("invoice_line"),
        quantity=values.get("quantity"),
        amount=values.get("amount"),
        description=values.get("description"),
        tax_rates=tuple(values.get("tax_rates", ())),
    )


def update_credit_note(business: Business, values: Values, at: int) -> Resource:
    """Change ``memo`` or ``metadata`` of the credit note ``id``."""
    changes = {name: value for name, value in only(values, "id", "memo", "metadata").items() if name != "id"}
    return business.credit_notes.update(business.credit_notes.find(needed(values, "id")), changes, at)


def void_credit_note(business: Business, values: Values, at: int) -> Resource:
    """Void the credit note ``id``."""
    return business.credit_notes.void(business.credit_notes.find(needed(only(values, "id"), "id")), at)


def revise_invoice(business: Business, values: Values, at: int) -> Resource:
    """Make a draft that replaces the invoice ``id``, and finalize it if ``finalize`` is true.

    What is not said besides ``lines`` is as on the original where an invoice can be made with it.
    """
    only(values, "id", "finalize", *(name for name in DRAFT_NAMES if name != "customer"))
    original = business.invoices.find(needed(values, "id"))
    inherited = {name: original[name] for name in _INHERITED}
    if original["due_date"] is not None:
        term_s = original["due_date"] - (original["status_transitions"]["finalized_at"] or original["created"])
        inherited["days_until_due"] = term_s // DAY_S
    draft = business.revisions.create(original, invoice_draft(business, inherited | values, at), at)
    return business.finalize(draft, at) if values.get("finalize", False) else draft


def fail_charge_later(business: Business, values: Values, at: int) -> Resource:
    """Let the bank debit ``id``, which had succeeded, fail."""
    return business.late_failures.fail(needed(only(values, "id"), "id"), at)


CREDIT_COMMANDS: dict[str, Command] = {
    "adjust_balance": adjust_balance,
    "create_credit_note": create_credit_note,
    "fail_charge_later": fail_charge_later,
    "revise_invoice": revise_invoice,
    "update_credit_note": update_credit_note,
    "void_credit_note": void_credit_note,
}
