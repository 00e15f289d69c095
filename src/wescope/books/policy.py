"""Policy: the choices of the company whose books these are, as the mapping needs them (DESIGN.md section 6)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from zoneinfo import ZoneInfo


class AccountRole(StrEnum):
    """What an account is for; the policy file names the QBO account of each role.

    `RECEIVABLE` needs no setting: it is the company's accounts receivable of the currency.
    """

    CLEARING = "clearing"
    BANK = "bank"
    FEES = "fees"
    FEE_TAX = "fee_tax"
    DISPUTES = "disputes"
    BAD_DEBT = "bad_debt"
    SALES_TAX = "sales_tax"
    OUT_OF_BAND = "out_of_band"
    REVIEW = "review"
    RECEIVABLE = "receivable"


class ItemRole(StrEnum):
    """What an item is for; the policy file names the QBO item of each role."""

    SALES = "sales"
    REFUNDS = "refunds"
    BAD_DEBT = "bad_debt"
    DISCOUNT = "discount"
    SHIPPING = "shipping"
    TAX = "tax"
    CUSTOMER_BALANCE = "customer_balance"


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleAccount:
    """The account of a role; `currency` chooses among the role's accounts where the policy has one per currency."""

    role: AccountRole
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedAccount:
    """An account that the policy names for one reporting category: a QBO name, full name or id."""

    name: str


Account = RoleAccount | NamedAccount


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedItem:
    """An item that a rule of the policy names: a QBO name, full name or id."""

    name: str


Item = ItemRole | NamedItem


class CustomerField(StrEnum):
    """What a QBO customer may carry beyond its name and currency."""

    EMAIL = "email"


class Reversals(StrEnum):
    """How what was undone in Stripe is undone in the books.

    `MONTH`: taken back in the calendar month of its document, later by a dated counter-document. `DATED`: always by a
    counter-document. `VOID`: always taken back.
    """

    MONTH = "month"
    DATED = "dated"
    VOID = "void"


class ClosedPeriod(StrEnum):
    """What becomes of a new document whose date lies in a closed period."""

    PARK = "park"
    NEXT_OPEN_DAY = "next_open_day"


class PayoutMode(StrEnum):
    """Whether payouts become deposits, or deposits that the bank feed makes are only matched."""

    CREATE = "create"
    MATCH = "match"


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemRule:
    """Chooses item and class of a sales line; all conditions that are given must hold; the first rule wins.

    `product` and `price` are Stripe ids; `metadata` holds keys and values that the line (or charge) must have.
    """

    product: str | None = None
    price: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    item: str | None = None
    class_name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The choices that decide what is posted. Time zone and home currency are the company's, never the machine's.

    `categories` maps Stripe's reporting categories to QBO accounts by name or id; `review` says whether an account
    for unknown categories is set.
    """

    timezone: ZoneInfo = field(default_factory=lambda: ZoneInfo("America/Los_Angeles"))
    home_currency: str = "usd"
    start_date: date | None = None
    customer_fields: frozenset[CustomerField] = frozenset()
    doc_number_prefix: str = ""
    reversals: Reversals = Reversals.MONTH
    closed_period: ClosedPeriod = ClosedPeriod.PARK
    payouts: PayoutMode = PayoutMode.CREATE
    item_rules: tuple[ItemRule, ...] = ()
    categories: Mapping[str, str] = field(default_factory=dict)
    review: bool = False
