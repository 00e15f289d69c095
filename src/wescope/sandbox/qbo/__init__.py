"""A local QuickBooks Online: Intuit's HTTP interface over a double-entry ledger, strict, with knobs and faults.

Knobs (`knobs.Knobs`, `--knob NAME=VALUE`, POST /_sandbox/knobs) that make the company:
    multicurrency, home_currency: with multicurrency "Stripe Clearing EUR", "Checking EUR" and so on are there
        (EUR, GBP, JPY, USD without the home currency), unless the company is bare;
    exchange_rate_digits: decimals that are kept of an ExchangeRate; missing_exchange_rate: one, company or refuse;
    country: US or GB with its tax codes, anything else without codes; using_sales_tax, automated_sales_tax and
        sales_tax_percent in the US, automated_tax_override (what the engine does with a total that is sent),
        registered_for_vat elsewhere; total_tax_without_taxable_lines;
    class_tracking (off, line, transaction), class_when_off, department_tracking;
    foreign_guests, sales_receipt_needs_customer, journal_receivable_lines.

GET /connect/oauth2 is the page on which a person lets an app into the company; its form is posted there, with
decision=connect or cancel and realm_id. The knob auto_approve says yes at once.

Control interface, for testers only, JSON in and out:
    GET, POST /_sandbox/knobs; GET, POST, DELETE /_sandbox/faults; GET, DELETE /_sandbox/requests;
    GET /_sandbox/ledger: see `statements.ledger`; GET /_sandbox/objects/{Entity};
    POST /_sandbox/human {"entity", "operation", "body"}: any write as a person in the browser does it;
    POST /_sandbox/human/{kind}: a document by names and few fields, see `by_hand.enter`; kinds are invoice,
        credit_memo, sales_receipt, refund_receipt, payment, deposit, transfer, journal_entry and bank_feed;
    POST /_sandbox/human/{entity}/{update, void or delete}/{id}: changes one, the body is what changes;
    POST /_sandbox/merge {"loser", "survivor"}: two customers, by id;
    POST /_sandbox/accounts {"name", "type", "subtype", "currency"}: opens an account unless it is there;
    GET /_sandbox/rates?date=, POST /_sandbox/rates {"EUR": 1.1, "date": "2026-11-01"}: the company's exchange rates;
    POST /_sandbox/close_books {"date"}, /_sandbox/tokens/expire, /_sandbox/tokens/revoke, /_sandbox/reset;
    GET /_sandbox/connection.
"""

from wescope.sandbox.qbo.knobs import Knobs
from wescope.sandbox.qbo.server import QboSandbox, Running

__all__ = ["Knobs", "QboSandbox", "Running"]
