"""Policy: the choices of the company whose books these are, as the mapping needs them (DESIGN.md section 6)."""

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from zoneinfo import ZoneInfo


class AccountRole(StrEnum):
    """What an account is for; the policy file names the QBO account of each role."""

    CLEARING = "clearing"
    BANK = "bank"
    FEES = "fees"
    FEE_TAX = "fee_tax"
    DISPUTES = "disputes"
    BAD_DEBT = "bad_debt"
    SALES_TAX = "sales_tax"
    OUT_OF_BAND = "out_of_band"
    REVIEW = "review"


class ItemRole(StrEnum):
    """What an item is for; the policy file names the QBO item of each role."""

    SALES = "sales"
    REFUNDS = "refunds"
    BAD_DEBT = "bad_debt"
    DISCOUNT = "discount"
    SHIPPING = "shipping"
    TAX = "tax"
    CUSTOMER_BALANCE = "customer_balance"


class CustomerField(StrEnum):
    """What a QBO customer may carry beyond its name and currency."""

    EMAIL = "email"


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The choices that decide what is posted. Time zone and home currency are the company's, never the machine's."""

    timezone: ZoneInfo = field(default_factory=lambda: ZoneInfo("America/Los_Angeles"))
    home_currency: str = "usd"
    start_date: date | None = None
    customer_fields: frozenset[CustomerField] = frozenset()
    doc_number_prefix: str = ""
