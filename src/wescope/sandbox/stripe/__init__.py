"""A local Stripe: read API, webhooks and a seeded business, faithful enough to test a mirror against.

``python -m wescope.sandbox.stripe --help`` serves it; tests use ``StripeSandbox(...).serve()``. Beside Stripe's own
addresses there is a control API (JSON in and out; every POST but ``deliver`` and ``faults`` is kept in the journal and
takes ``at`` in Unix seconds for something that happened at another time):

    POST   /_sandbox/customers                      name, email, metadata
    POST   /_sandbox/customers/{id}                 changes of these
    POST   /_sandbox/customers/{id}/balance         amount (below zero is credit), currency, description
    POST   /_sandbox/invoices                       customer, lines[{amount | price | unit_amount, ...}], finalize,
                                                    currency
    POST   /_sandbox/invoices/{id}/finalize         of a draft
    POST   /_sandbox/invoices/{id}/pay              method card | debit | declined | out_of_band | record, amount,
                                                    overpay
    POST   /_sandbox/invoices/{id}/void             and .../mark_uncollectible
    POST   /_sandbox/invoices/{id}/revise           lines[...] of a draft that replaces it when finalized; finalize
    POST   /_sandbox/payments                       shares{invoice: amount}, amount, overpay: one intent, many invoices
    POST   /_sandbox/charges/{id}/fail_later        of a bank debit that had succeeded
    POST   /_sandbox/credit_notes                   invoice, lines[{invoice_line, quantity | amount} | {amount,
                                                    description, tax_rates}], shipping or amount; refund_amount,
                                                    refunds[{refund, amount_refunded}], credit_amount,
                                                    out_of_band_amount, reason, memo, effective_at
    POST   /_sandbox/credit_notes/{id}              memo, metadata; and .../void
    POST   /_sandbox/account                        settlement_currencies, default_currency, rates{eur: "1.0825"},
                                                    rate_drift (percent), payout_schedule daily | manual,
                                                    fee_tax_percent, country
    POST   /_sandbox/charges                        amount, currency, customer (or a guest), method card | debit,
                                                    capture_method, capture_amount, description, metadata, name, email
    POST   /_sandbox/charges/{id}/capture           amount; the rest is given back
    POST   /_sandbox/refunds                        charge | payment_intent | invoice, amount, reason, outcome succeeded
                                                    | pending | failed_later | canceled | requires_action
    POST   /_sandbox/refunds/{id}/fail              reason; and .../cancel, .../succeed
    POST   /_sandbox/disputes                       charge, amount, reason, inquiry
    POST   /_sandbox/disputes/{id}/win              fee_returned; and .../lose, .../respond; for an inquiry
                                                    .../escalate, .../close
    POST   /_sandbox/balance_rows                   type, reporting_category, amount, fee, currency, description,
                                                    balance_type
    POST   /_sandbox/topups                         amount, outcome succeeded | pending | failed | canceled | reversed,
                                                    currency, description
    POST   /_sandbox/payouts                        amount, method standard | instant, currency: a manual one
    POST   /_sandbox/payouts/{id}/fail              failure_code, also when it was paid; and .../cancel
    POST   /_sandbox/tax_rates, /_sandbox/coupons   to refer to in lines
    POST   /_sandbox/webhook_endpoints              url, enabled_events, api_version: only to be read back
    POST   /_sandbox/advance                        days, seconds: what is scheduled happens
    POST   /_sandbox/objects                        object, related, events, api_version: recorded answers as they are
    POST   /_sandbox/keys                           permissions of a restricted key
    POST   /_sandbox/deliver                        see ``delivery.DeliveryRequest``; GET .../deliveries
    POST   /_sandbox/faults                         see ``faults.Fault``; GET lists, DELETE clears
    GET    /_sandbox/requests                       counts by endpoint and method, violations of limits;
                                                    DELETE forgets them
    GET    /_sandbox/summary                        totals to tie out against
    GET    /_sandbox/events                         every event there is, also those older than 30 days
"""

from wescope.sandbox.stripe.knobs import Knobs
from wescope.sandbox.stripe.server import Running, StripeSandbox

__all__ = ["Knobs", "Running", "StripeSandbox"]
