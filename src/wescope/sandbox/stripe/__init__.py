"""A local Stripe: read API, webhooks and a seeded business, faithful enough to test a mirror against.

``python -m wescope.sandbox.stripe --help`` serves it; tests use ``StripeSandbox(...).serve()``. Beside Stripe's own
addresses there is a control API (JSON in and out; every POST but ``deliver`` and ``faults`` is kept in the journal and
takes ``at`` in Unix seconds for something that happened at another time):

    POST   /_sandbox/customers                      name, email, metadata
    POST   /_sandbox/customers/{id}                 changes of these
    POST   /_sandbox/invoices                       customer, lines[{amount | price | unit_amount, ...}], finalize
    POST   /_sandbox/invoices/{id}/finalize         of a draft
    POST   /_sandbox/invoices/{id}/pay              method card | debit | declined | out_of_band | record, amount
    POST   /_sandbox/invoices/{id}/void             and .../mark_uncollectible
    POST   /_sandbox/payments                       shares{invoice: amount}, amount: one intent, many invoices
    POST   /_sandbox/tax_rates, /_sandbox/coupons   to refer to in lines
    POST   /_sandbox/webhook_endpoints              url, enabled_events, api_version: only to be read back
    POST   /_sandbox/advance                        days, seconds: what is scheduled happens
    POST   /_sandbox/objects                        object, related, events, api_version: recorded answers as they are
    POST   /_sandbox/keys                           permissions of a restricted key
    POST   /_sandbox/deliver                        see ``delivery.DeliveryRequest``; GET .../deliveries
    POST   /_sandbox/faults                         see ``faults.Fault``; GET lists, DELETE clears
    GET    /_sandbox/summary                        totals to tie out against
    GET    /_sandbox/events                         every event there is, also those older than 30 days
"""

from wescope.sandbox.stripe.knobs import Knobs
from wescope.sandbox.stripe.server import Running, StripeSandbox

__all__ = ["Knobs", "Running", "StripeSandbox"]
