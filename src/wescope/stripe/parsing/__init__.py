"""Stripe's JSON of any API version (2017 to 2026-10-28.endive) to the values of the books, one module per object."""

from wescope.stripe.parsing.balance import expanded_row, parse_balance_row, parse_balance_transaction
from wescope.stripe.parsing.charges import parse_charge
from wescope.stripe.parsing.credit_notes import parse_credit_note
from wescope.stripe.parsing.customers import parse_balance_move, parse_customer
from wescope.stripe.parsing.disputes import parse_dispute
from wescope.stripe.parsing.fields import Fields
from wescope.stripe.parsing.invoice_payments import PaymentPart, parse_payment_part
from wescope.stripe.parsing.invoices import parse_invoice
from wescope.stripe.parsing.lines import parse_line
from wescope.stripe.parsing.payouts import parse_payout
from wescope.stripe.parsing.refunds import parse_refund

__all__ = [
    "Fields",
    "PaymentPart",
    "expanded_row",
    "parse_balance_move",
    "parse_balance_row",
    "parse_balance_transaction",
    "parse_charge",
    "parse_credit_note",
    "parse_customer",
    "parse_dispute",
    "parse_invoice",
    "parse_line",
    "parse_payment_part",
    "parse_payout",
    "parse_refund",
]
