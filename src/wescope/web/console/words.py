"""Words: what codes of the engine are called on pages."""

from collections.abc import Mapping
from types import MappingProxyType

PARTS: Mapping[str, str] = MappingProxyType(
    {
        "receivable": "Receivables",
        "clearing": "Stripe clearing",
        "bank": "Bank",
        "revenue": "Revenue",
        "refunds": "Refunds",
        "bad_debt": "Bad debt",
        "customer_balance": "Customer balances",
        "tax": "Sales tax",
        "fees": "Fees",
        "fee_tax": "Tax on fees",
        "disputes": "Disputes",
        "payout": "Payouts",
    }
)
"""What a tie-out compares, by the kind of its rows."""
