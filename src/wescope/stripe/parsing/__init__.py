"""Stripe's JSON of any API version (2017 to 2026-10-28.endive) to the values of the books, one module per object."""

from wescope.stripe.parsing.charges import parse_balance_transaction, parse_charge
from wescope.stripe.parsing.customers import parse_customer
from wescope.stripe.parsing.fields import Fields
from wescope.stripe.parsing.invoice_payments import PaymentPart, parse_payment_part
from wescope.stripe.parsing.invoices import parse_invoice
from wescope.stripe.parsing.lines import parse_line

__all__ = [
    "Fields",
    "PaymentPart",
    "parse_balance_transaction",
    "parse_charge",
    "parse_customer",
    "parse_invoice",
    "parse_line",
    "parse_payment_part",
]
