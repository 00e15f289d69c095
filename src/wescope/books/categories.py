"""Categories: how each kind of row of Stripe's balance reaches the books (facts/stripe.md 2.9).

Stripe says to classify by `reporting_category`. Its `type` decides only where a row names no category. What neither
table knows is never guessed: it goes to the review account or is parked.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from wescope.books.policy import Account, AccountRole, NamedAccount, Policy, RoleAccount
from wescope.books.values import BalanceTransaction


class Treatment(StrEnum):
    """Which document books a row's gross amount."""

    CHARGE = "charge"
    """The payment or sales receipt of its charge."""
    CHARGE_FAILURE = "charge_failure"
    """The reversal of its charge's document."""
    REFUND = "refund"
    """The refund receipt of its refund."""
    REFUND_FAILURE = "refund_failure"
    """The reversal of its refund's receipt."""
    PARTIAL_CAPTURE = "partial_capture"
    """None: its charge's document is of what was captured."""
    DISPUTE = "dispute"
    """A journal entry of its own, computed with its dispute."""
    PAYOUT = "payout"
    """The deposit of its payout."""
    PAYOUT_RETURN = "payout_return"
    """A journal entry of its own, computed with its payout, if that had been paid."""
    FEE = "fee"
    """None: it is a fee all by itself, booked with those of its payout or day."""
    STAYS = "stays"
    """None: the money is still the company's and stays in clearing, unless the policy names an account."""
    ENTRY = "entry"
    """A journal entry of its own between clearing and the account of a role, or that of the policy."""
    UNMAPPED = "unmapped"
    """A journal entry of its own to the account that the policy names, or to the review account; else parked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Category:
    """How rows of a category are treated, and why; `role` is the default account of a journal entry."""

    treatment: Treatment
    reason: str
    role: AccountRole | None = None


_CHARGE = Category(treatment=Treatment.CHARGE, reason="a customer paid: the payment or sales receipt of the charge")
_CHARGE_FAILURE = Category(
    treatment=Treatment.CHARGE_FAILURE, reason="a payment failed after it had succeeded: the charge's document reversed"
)
_REFUND = Category(treatment=Treatment.REFUND, reason="money given back: the refund receipt of the refund")
_REFUND_FAILURE = Category(
    treatment=Treatment.REFUND_FAILURE, reason="a refund came back: the refund's receipt reversed"
)
_PARTIAL_CAPTURE = Category(
    treatment=Treatment.PARTIAL_CAPTURE, reason="the uncaptured rest of a charge: no refund, nets against the charge"
)
_DISPUTE = Category(
    treatment=Treatment.DISPUTE,
    role=AccountRole.DISPUTES,
    reason="a disputed amount withdrawn or given back: a journal entry on the disputes account",
)
_PAYOUT = Category(treatment=Treatment.PAYOUT, reason="the payout itself: its deposit")
_PAYOUT_RETURN = Category(
    treatment=Treatment.PAYOUT_RETURN, reason="a payout came back: a journal entry from the bank, if it had been paid"
)
_FEE = Category(treatment=Treatment.FEE, reason="a fee of Stripe by itself: on the payout's deposit, or by day")
_FEE_TAX = Category(treatment=Treatment.FEE, reason="tax on Stripe's fees: on the payout's deposit, or by day")
_STAYS = Category(treatment=Treatment.STAYS, reason="held back or released by Stripe: still ours, stays in clearing")
_TOPUP = Category(
    treatment=Treatment.ENTRY,
    role=AccountRole.BANK,
    reason="the bank account filled Stripe's balance up, or got it back: a journal entry between both",
)


def _unmapped(what: str) -> Category:
    return Category(treatment=Treatment.UNMAPPED, reason=f"{what}: the company must say what it is to its books")


CATEGORIES: Mapping[str, Category] = {
    "charge": _CHARGE,
    "charge_failure": _CHARGE_FAILURE,
    "refund": _REFUND,
    "refund_failure": _REFUND_FAILURE,
    "partial_capture_reversal": _PARTIAL_CAPTURE,
    "dispute": _DISPUTE,
    "dispute_reversal": _DISPUTE,
    "fee": _FEE,
    "tax": _FEE_TAX,
    "network_cost": _FEE,
    "payout": _PAYOUT,
    "payout_reversal": _PAYOUT_RETURN,
    "payout_minimum_balance_hold": _STAYS,
    "payout_minimum_balance_release": _STAYS,
    "risk_reserved_funds": _STAYS,
    "payment_network_reserve_hold": _STAYS,
    "payment_network_reserve_release": _STAYS,
    "reserve_hold": _STAYS,
    "reserve_release": _STAYS,
    "connect_reserved_funds": _STAYS,
    "topup": _TOPUP,
    "topup_reversal": _TOPUP,
    "other_adjustment": _unmapped("a correction that Stripe explains in its description only"),
    "transfer": _unmapped("money sent to another Stripe account"),
    "transfer_reversal": _unmapped("money back from another Stripe account"),
    "platform_earning": _unmapped("an application fee that a platform earned"),
    "platform_earning_refund": _unmapped("an application fee that a platform gave back"),
    "connect_collection_transfer": _unmapped("a connected account's debt collected"),
    "advance": _unmapped("money that Stripe paid in advance"),
    "advance_funding": _unmapped("an advance that Stripe took back"),
    "anticipation_repayment": _unmapped("an anticipated receivable (Brazil) paid back"),
    "contribution": _unmapped("a contribution to Stripe Climate"),
    "climate_order_purchase": _unmapped("an order of Stripe Climate"),
    "climate_order_refund": _unmapped("an order of Stripe Climate given back"),
    "unreconciled_customer_funds": _unmapped("customers' money that pays nothing yet"),
    "fee_credit_funding": _unmapped("fee credits bought or used"),
    "inbound_transfer": _unmapped("money drawn from an outside account"),
    "inbound_transfer_reversal": _unmapped("money drawn from an outside account that went back"),
    "tax_fund": _unmapped("money set aside for taxes"),
    "issuing_authorization_hold": _unmapped("an authorization on an issued card"),
    "issuing_authorization_release": _unmapped("an authorization on an issued card that ended"),
    "issuing_dispute": _unmapped("a dispute about an issued card"),
    "issuing_dispute_provisional_credit": _unmapped("a provisional credit about an issued card"),
    "issuing_dispute_provisional_credit_reversal": _unmapped("a provisional credit about an issued card taken back"),
    "issuing_transaction": _unmapped("spending on an issued card"),
}
"""Every reporting category that Stripe documents."""

TYPES: Mapping[str, Category] = {
    "adjustment": CATEGORIES["other_adjustment"],
    "advance": CATEGORIES["advance"],
    "advance_funding": CATEGORIES["advance_funding"],
    "anticipation_repayment": CATEGORIES["anticipation_repayment"],
    "application_fee": CATEGORIES["platform_earning"],
    "application_fee_refund": CATEGORIES["platform_earning_refund"],
    "charge": _CHARGE,
    "climate_order_purchase": CATEGORIES["climate_order_purchase"],
    "climate_order_refund": CATEGORIES["climate_order_refund"],
    "connect_collection_transfer": CATEGORIES["connect_collection_transfer"],
    "contribution": CATEGORIES["contribution"],
    "fee_credit_funding": CATEGORIES["fee_credit_funding"],
    "inbound_transfer": CATEGORIES["inbound_transfer"],
    "inbound_transfer_reversal": CATEGORIES["inbound_transfer_reversal"],
    "issuing_authorization_hold": CATEGORIES["issuing_authorization_hold"],
    "issuing_authorization_release": CATEGORIES["issuing_authorization_release"],
    "issuing_dispute": CATEGORIES["issuing_dispute"],
    "issuing_dispute_provisional_credit": CATEGORIES["issuing_dispute_provisional_credit"],
    "issuing_dispute_provisional_credit_reversal": CATEGORIES["issuing_dispute_provisional_credit_reversal"],
    "issuing_transaction": CATEGORIES["issuing_transaction"],
    "obligation_outbound": CATEGORIES["other_adjustment"],
    "obligation_reversal_inbound": CATEGORIES["other_adjustment"],
    "payment": _CHARGE,
    "payment_failure_refund": _CHARGE_FAILURE,
    "payment_network_reserve_hold": _STAYS,
    "payment_network_reserve_release": _STAYS,
    "payment_refund": _REFUND,
    "payment_reversal": _CHARGE_FAILURE,
    "payment_unreconciled": CATEGORIES["unreconciled_customer_funds"],
    "payout": _PAYOUT,
    "payout_cancel": _PAYOUT_RETURN,
    "payout_failure": _PAYOUT_RETURN,
    "payout_minimum_balance_hold": _STAYS,
    "payout_minimum_balance_release": _STAYS,
    "refund": _REFUND,
    "refund_failure": _REFUND_FAILURE,
    "reserve_hold": _STAYS,
    "reserve_release": _STAYS,
    "reserve_transaction": _STAYS,
    "reserved_funds": _STAYS,
    "stripe_balance_payment_debit": _unmapped("something bought from Stripe's balance"),
    "stripe_balance_payment_debit_reversal": _unmapped("something bought from Stripe's balance and given back"),
    "stripe_fee": _FEE,
    "stripe_fx_fee": _FEE,
    "tax_fee": _FEE_TAX,
    "tax_fund": CATEGORIES["tax_fund"],
    "topup": _TOPUP,
    "topup_reversal": _TOPUP,
    "transfer": CATEGORIES["transfer"],
    "transfer_cancel": CATEGORIES["transfer_reversal"],
    "transfer_failure": CATEGORIES["transfer_reversal"],
    "transfer_refund": CATEGORIES["transfer_reversal"],
}
"""Every type of balance transaction of API 2026-10-28.endive, for a row without reporting category."""

_UNKNOWN = _unmapped("a category that Stripe added later")


def category_of(transaction: BalanceTransaction) -> Category:
    """How a row is treated: by its reporting category; by its type only if it names none."""
    if transaction.reporting_category:
        return CATEGORIES.get(transaction.reporting_category, _UNKNOWN)
    return TYPES.get(transaction.type, _UNKNOWN)


def category_name(transaction: BalanceTransaction) -> str:
    """Stripe's word for what a row is: its reporting category, else its type."""
    return transaction.reporting_category or transaction.type


def entry_account(transaction: BalanceTransaction, policy: Policy) -> Account | None:
    """The account that a row's own journal entry books against clearing.

    Returns:
        What the policy names for its category; else the account of its role; else the review account, if there is one.
        Null if the row has no such entry: it is booked otherwise, stays in clearing, or is unmapped.
    """
    category = category_of(transaction)
    if category.treatment not in {Treatment.DISPUTE, Treatment.ENTRY, Treatment.STAYS, Treatment.UNMAPPED}:
        return None
    if named := policy.categories.get(category_name(transaction)):
        return NamedAccount(name=named)
    role = category.role
    if category.treatment is Treatment.UNMAPPED and policy.review:
        role = AccountRole.REVIEW
    return None if role is None else RoleAccount(role=role, currency=transaction.currency)
