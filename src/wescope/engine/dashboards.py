"""Dashboards: where a person sees an object in Stripe and in QuickBooks Online. Pure.

Only for the services themselves: a stand-in has no dashboard.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self
from urllib.parse import quote

from wescope.config import Settings

_STRIPE_API = "https://api.stripe.com"
_STRIPE = "https://dashboard.stripe.com"
_QBO_BY_API: Mapping[str, str] = {
    "https://quickbooks.api.intuit.com": "https://app.qbo.intuit.com/app",
    "https://sandbox-quickbooks.api.intuit.com": "https://app.sandbox.qbo.intuit.com/app",
}
_STRIPE_PAGES: Mapping[str, str] = {
    "in": "invoices",
    "ch": "payments",
    "py": "payments",
    "pi": "payments",
    "cus": "customers",
    "po": "payouts",
    "evt": "events",
    "dp": "disputes",
    "du": "disputes",
    "tu": "topups",
    "tr": "connect/transfers",
}
"""Pages by the prefix of the id; what has none is found by the dashboard's search."""

_QBO_PAGES: Mapping[str, str] = {
    "Customer": "customerdetail?nameId=",
    "Invoice": "invoice?txnId=",
    "Payment": "recvpayment?txnId=",
    "CreditMemo": "creditmemo?txnId=",
    "RefundReceipt": "refundreceipt?txnId=",
    "SalesReceipt": "salesreceipt?txnId=",
    "JournalEntry": "journal?txnId=",
    "Deposit": "deposit?txnId=",
    "Transfer": "transfer?txnId=",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Dashboards:
    """Addresses of both dashboards; null where a service is not the real one, or its mode is not known."""

    stripe_base: str | None = None
    qbo_base: str | None = None

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The dashboards of the accounts that the environment names; of the API key only its mode is looked at."""
        key = settings.stripe_api_key.get_secret_value() if settings.stripe_api_key else ""
        mode = {"live": _STRIPE, "test": f"{_STRIPE}/test"}.get(key.split("_")[1] if key.count("_") > 1 else "")
        return cls(
            stripe_base=mode if settings.stripe_api_base == _STRIPE_API else None,
            qbo_base=_QBO_BY_API.get(settings.qbo_api_base),
        )

    def stripe(self, stripe_id: str) -> str | None:
        """Where an object or event is shown, by its id."""
        prefix, separator, _ = stripe_id.partition("_")
        if self.stripe_base is None or not separator:
            return None
        page = _STRIPE_PAGES.get(prefix)
        return (
            f"{self.stripe_base}/{page}/{stripe_id}" if page else f"{self.stripe_base}/search?query={quote(stripe_id)}"
        )

    def qbo(self, entity: str, qbo_id: str | None) -> str | None:
        """Where a document or customer is shown, by its QBO entity and id."""
        page = _QBO_PAGES.get(entity)
        return f"{self.qbo_base}/{page}{quote(qbo_id)}" if self.qbo_base and page and qbo_id else None
